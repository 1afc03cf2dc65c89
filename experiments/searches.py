#!/usr/bin/env python3
"""Sums up searches for a code: what was reached after so many forward passes and after so many seconds of one core.

    experiments/searches.py OUT… --step-ms 33 --forward-ms 16 [--seconds 10 30 60] [--passes 600]

OUT are folders of records (`metapicture sweep experiments/searches-face.yaml`). A step (forward and backward pass) and a forward pass take what
`metapicture bench` and a run of `cma-es` say on an idle machine, in milliseconds of one core: searches themselves may then run beside
other work. Activations are the highest of a trace up to there. Intervals are 95 % percentiles of a bootstrap of classes and, within
them, seeds. Needs Python alone.
"""

import argparse
import csv
import json
import random
from pathlib import Path


def curve(folder, record, step_ms, forward_ms):
    """(forward passes, seconds, highest activation) after each row of the trace."""
    method = record["method_settings"]
    optimizer = next(iter(method["optimizer"].values()))
    population = optimizer.get("population")
    latent = method["param"].get("latent", {})
    screen, starts, trial = latent.get("screen", 1), latent.get("starts", 1), latent.get("trial", 0)
    passes = (screen if screen > 1 else 0) + (starts - 1) * trial
    seconds = ((screen if screen > 1 else 0) * forward_ms + (starts - 1) * trial * step_ms) / 1e3
    best, points = float("-inf"), []
    for row in csv.DictReader((folder / "trace.csv").open()):
        passes += population or 1
        seconds += (population * forward_ms if population else step_ms) / 1e3
        best = max(best, float(row["activation"]))
        points.append((passes, seconds, best))
    return points


def at(points, place, limit):
    reached = [best for *where, best in points if where[place] <= limit * 1.01]
    # What ends before is no measurement of what comes later.
    return reached[-1] if reached and points[-1][place] >= 0.9 * limit else None


def interval(by_class, rng, count=2000):
    classes = list(by_class.values())
    means = []
    for _ in range(count):
        chosen = [rng.choice(classes) for _ in classes]
        means.append(sum(sum(rng.choice(values) for _ in values) / len(values) for values in chosen) / len(chosen))
    means.sort()
    return means[int(0.025 * count)], means[int(0.975 * count) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="+", type=Path)
    parser.add_argument("--step-ms", type=float, required=True)
    parser.add_argument("--forward-ms", type=float, required=True)
    parser.add_argument("--seconds", type=float, nargs="*", default=[10, 30, 60])
    parser.add_argument("--passes", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    found = {}
    for out in arguments.out:
        for file in sorted(out.glob("runs/*/record.json")):
            record = json.loads(file.read_text())
            if record["status"] == "done":
                points = curve(file.parent, record, arguments.step_ms, arguments.forward_ms)
                witness = [verdict["probability"] for verdict in record["witnesses"]]
                found.setdefault(record["method"], []).append((record["unit"]["name"], points, record, witness))
    columns = [(0, limit, f"{limit} passes") for limit in arguments.passes]
    columns += [(1, limit, f"{limit:g} s") for limit in arguments.seconds]
    print("| search | runs | " + " | ".join(name for *_, name in columns) + " | scored | witnesses |")
    print("| --- " * (len(columns) + 4) + "|")
    for method, runs in found.items():
        cells = [f"`{method}`", str(len(runs))]
        of_columns = [[at(points, place, limit) for _, points, *_ in runs] for place, limit, _ in columns]
        of_columns.append([record["activation"]["scored"] for _, _, record, _ in runs])
        of_columns.append([sum(witness) / len(witness) if witness else None for *_, witness in runs])
        for number, values in enumerate(of_columns):
            if any(value is None for value in values):
                cells.append("–")
                continue
            by_class = {}
            for (unit, *_), value in zip(runs, values):
                by_class.setdefault(unit, []).append(value)
            mean = sum(sum(values) / len(values) for values in by_class.values()) / len(by_class)
            low, high = interval(by_class, random.Random(0))
            digits = 3 if number == len(of_columns) - 1 else 1
            cells.append(f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
