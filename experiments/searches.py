#!/usr/bin/env python3
"""Sums up searches for a code: what was reached after so many forward passes and after so many seconds of one core.

    experiments/searches.py searches.csv [OUT… --step-ms 33 --forward-ms 15] [--paired] [--plot searches.svg]

OUT are folders of records (`metapicture sweep experiments/searches-face.yaml`), of one generator at one size; their runs are put
into the table searches.csv, a row each, in the place of what it had of the same generator, search, unit, seed and steps. Then the
whole table is summed up, a Markdown table a generator.

A step (forward and backward pass) and a forward pass take what `metapicture bench --threads 1` and a run of `cma-es` say on an idle
machine, in milliseconds of one core, per picture: searches themselves may then run beside other work. Activations are the highest of a
trace up to there. A cell takes, of each unit and seed, the shortest run that goes as far: searches that plan ahead (a step that falls, an
angle that narrows) do what they do when that is all they are given. Intervals are 95 % percentiles of a bootstrap of units and, within
them, seeds. Needs Python alone.
"""

import argparse
import csv
import json
import math
import random
from pathlib import Path

PASSES = [100, 160, 200, 300, 400]
SECONDS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60]
# Of these, the ones that tables show; the plot shows all.
SHOWN = ["10 s", "30 s", "60 s"]
LIMITS = [(0, limit, f"{limit} passes") for limit in PASSES] + [(1, limit, f"{limit} s") for limit in SECONDS]
KEY = ["generator", "search", "unit", "seed", "steps"]
VALUES = [name for *_, name in LIMITS] + ["scored", "witnesses"]
COLUMNS = KEY + ["step ms", "forward ms", "passes", "seconds"] + VALUES


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


def row_of(folder, record, step_ms, forward_ms):
    points = curve(folder, record, step_ms, forward_ms)
    witness = [verdict["probability"] for verdict in record["witnesses"]]
    row = {
        "generator": record["generator"],
        "search": record["method"],
        "unit": record["unit"]["name"],
        "seed": str(record["seed"]),
        "steps": record["method_settings"]["steps"],
        "step ms": f"{step_ms:g}",
        "forward ms": f"{forward_ms:g}",
        "passes": points[-1][0],
        "seconds": f"{points[-1][1]:.2f}",
        "scored": f"{record['activation']['scored']:.4f}",
        "witnesses": f"{sum(witness) / len(witness):.5f}",
    }
    for place, limit, name in LIMITS:
        value = at(points, place, limit)
        row[name] = "" if value is None else f"{value:.4f}"
    return row


def interval(by_unit, rng, count=2000):
    units = list(by_unit.values())
    means = []
    for _ in range(count):
        chosen = [rng.choice(units) for _ in units]
        means.append(sum(sum(rng.choice(values) for _ in values) / len(values) for values in chosen) / len(chosen))
    means.sort()
    return means[int(0.025 * count)], means[int(0.975 * count) - 1]


def shortest(rows, name):
    """A column by unit and seed; of runs that differ in length alone, the shortest that has it."""
    values = {}
    for row in sorted(rows, key=lambda row: int(row["steps"])):
        if row[name] != "":
            values.setdefault((row["unit"], row["seed"]), float(row[name]))
    return values


def mean_over(values):
    """Mean and interval of values by unit and seed, and how many they are."""
    by_unit = {}
    for (unit, _), value in values.items():
        by_unit.setdefault(unit, []).append(value)
    if not by_unit:
        return None
    mean = sum(sum(values) / len(values) for values in by_unit.values()) / len(by_unit)
    return mean, interval(by_unit, random.Random(0)), len(values)


def mean_of(rows, name):
    return mean_over(shortest(rows, name))


def cell(rows, name, digits):
    found = mean_of(rows, name)
    if found is None:
        return "–", 0
    mean, (low, high), count = found
    return f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})", count


def summary(rows):
    """The lines of one generator's table; runs of each length stand for what is kept and what witnesses say of it."""
    searches = {}
    for row in rows:
        searches.setdefault(row["search"], []).append(row)
    passes = [name for place, _, name in LIMITS if place == 0]
    all_runs = {search: len({(row["unit"], row["seed"]) for row in runs}) for search, runs in searches.items()}
    equal = [name for name in passes if all(cell(runs, name, 1)[1] == all_runs[search] for search, runs in searches.items())]
    # As many passes as every run of all of them went.
    names = equal[-1:] + [name for name in SHOWN if any(row[name] != "" for row in rows)]
    yield "| search | " + " | ".join(names) + " |"
    yield "| --- " * (len(names) + 1) + "|"
    for search, runs in searches.items():
        cells = [cell(runs, name, 1) for name in names]
        yield f"| `{search}` | " + " | ".join(text + (f" n={count}" if count else "") for text, count in cells) + " |"
    yield ""
    yield "| search | steps | passes | seconds | scored | witnesses | runs |"
    yield "| --- " * 7 + "|"
    for search, runs in searches.items():
        for steps in sorted({int(row["steps"]) for row in runs}):
            of_length = [row for row in runs if int(row["steps"]) == steps]
            (scored, count), (witnesses, _) = cell(of_length, "scored", 1), cell(of_length, "witnesses", 3)
            seconds = sum(float(row["seconds"]) for row in of_length) / len(of_length)
            yield f"| `{search}` | {steps} | {of_length[0]['passes']} | {seconds:.1f} | {scored} | {witnesses} | {count} |"


def paired(rows):
    """The lines of one generator's table of differences between searches, of the same units and seeds, the better one first."""
    searches = {}
    for row in rows:
        searches.setdefault(row["search"], []).append(row)
    yield "| difference | after | mean (95 %) | classes where above 0 | runs |"
    yield "| --- " * 5 + "|"
    for name in SHOWN:
        found = {search: shortest(runs, name) for search, runs in searches.items()}
        found = {search: values for search, values in found.items() if values}
        order = sorted(found, key=lambda search: -mean_over(found[search])[0])
        for place, better in enumerate(order):
            for worse in order[place + 1 :]:
                both = found[better].keys() & found[worse].keys()
                apart = {key: found[better][key] - found[worse][key] for key in sorted(both)}
                if not apart:
                    continue
                mean, (low, high), count = mean_over(apart)
                by_unit = {}
                for (unit, _), value in apart.items():
                    by_unit[unit] = by_unit.get(unit, 0) + value
                above = sum(value > 0 for value in by_unit.values())
                yield f"| `{better}` - `{worse}` | {name} | {mean:.1f} ({low:.1f} to {high:.1f}) | {above} of {len(by_unit)} | {count} |"


# Okabe & Ito's colours, which most people tell apart.
COLOURS = {
    "latent": "#0072b2",
    "dgn-am-gaussian": "#e69f00",
    "cma-es": "#cc79a7",
    "cma-es-cholesky": "#d55e00",
    "cma-es-spherical": "#009e73",
    "ga": "#555555",
}
WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 260, 45, 40, 190


def family(search):
    """What a search is called whatever the space of its codes."""
    return search.removesuffix("-spatial").removesuffix("-spectra")


def panel(generator, rows, left, highest):
    """Mean activation against seconds, a line a search: solid where as many runs are behind it as at its start, else dashed."""
    x = lambda seconds: left + WIDTH * math.log(seconds) / math.log(SECONDS[-1])
    y = lambda activation: TOP + HEIGHT * (1 - activation / highest)
    yield f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{generator}</text>'
    for activation in range(0, int(highest) + 1, 10):
        yield f'<path d="M{left} {y(activation):.1f}h{WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{left - 8}" y="{y(activation) + 4:.1f}" text-anchor="end">{activation}</text>'
    for seconds in [1, 3, 10, 30, 60]:
        yield f'<path d="M{x(seconds):.1f} {TOP + HEIGHT}v5" stroke="#888"/>'
        yield f'<text x="{x(seconds):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{seconds}</text>'
    ends = []
    for search in dict.fromkeys(row["search"] for row in rows):
        runs = [row for row in rows if row["search"] == search]
        points = [(seconds, mean_of(runs, f"{seconds} s")) for seconds in SECONDS]
        points = [(x(seconds), y(found[0]), found[2]) for seconds, found in points if found]
        colour = COLOURS[family(search)]
        for (x0, y0, _), (x1, y1, count) in zip(points, points[1:]):
            dashed = "" if count == points[0][2] else ' stroke-dasharray="4 3"'
            yield f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="{colour}" stroke-width="2" fill="none"{dashed}/>'
        ends.append([points[-1][1], points[-1][0], search, colour])
    # Names beside the ends, none on another.
    ends.sort()
    for before, end in zip([None] + ends, ends):
        end.append(end[0] + 4 if before is None else max(end[0] + 4, before[-1] + 15))
    excess = max(0, ends[-1][-1] - (TOP + HEIGHT + 4)) if ends else 0
    for _, end_x, search, colour, place in ends:
        yield f'<text x="{end_x + 8:.1f}" y="{place - excess:.1f}" fill="{colour}">{search}</text>'


def plot(generators):
    reached = [float(row[name]) for rows in generators.values() for row in rows for name in ["60 s", "10 s"] if row[name]]
    highest = 10 * math.ceil(max(reached) / 10)
    width = LEFT + len(generators) * (WIDTH + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 50}" width="{width}"',
        ' font-family="sans-serif" font-size="12" role="img" aria-label="Activation reached by each search against seconds">',
        f'<rect width="{width}" height="{TOP + HEIGHT + 50}" fill="#fff"/>',
    ]
    for place, (generator, rows) in enumerate(generators.items()):
        lines += panel(generator, rows, LEFT + place * (WIDTH + GAP), highest)
    lines.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 40}">seconds of one core a picture; mean activation of ten classes</text></svg>')
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("out", nargs="*", type=Path)
    parser.add_argument("--step-ms", type=float)
    parser.add_argument("--forward-ms", type=float)
    parser.add_argument("--paired", action="store_true", help="differences between searches, too: of the same units and seeds")
    parser.add_argument("--plot", type=Path, help="an SVG of activation against seconds")
    arguments = parser.parse_args()
    if arguments.out and not (arguments.step_ms and arguments.forward_ms):
        parser.error("records need --step-ms and --forward-ms")
    rows = {}
    if arguments.table.exists():
        with arguments.table.open() as file:
            rows = {tuple(row[name] for name in KEY): row for row in csv.DictReader(file)}
    for out in arguments.out:
        for file in out.glob("runs/*/record.json"):
            record = json.loads(file.read_text())
            if record["status"] == "done":
                row = row_of(file.parent, record, arguments.step_ms, arguments.forward_ms)
                rows[tuple(str(row[name]) for name in KEY)] = row
    in_order = sorted(rows.items(), key=lambda item: (*item[0][:3], int(item[0][3]), int(item[0][4])))
    if arguments.out:
        with arguments.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for _, row in in_order)
    generators = {}
    for _, row in in_order:
        generators.setdefault(row["generator"], []).append(row)
    for generator, of_generator in generators.items():
        print(f"{generator}\n")
        print("\n".join(summary(of_generator)), "\n", sep="")
        if arguments.paired:
            print("\n".join(paired(of_generator)), "\n", sep="")
    if arguments.plot:
        arguments.plot.write_text(plot(generators))


if __name__ == "__main__":
    main()
