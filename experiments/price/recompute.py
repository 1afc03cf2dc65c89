#!/usr/bin/env python3
"""Computes how often every observer chose right again, from what `metapicture compare` left: what observers see (features/), what photographs fire
units (photographs.csv), and which picture is whose (metrics.csv). Needs numpy.

    python3 experiments/price/recompute.py OUT

It shares no code with the program, and goes another way: covariances (shrunk after Ledoit & Wolf 2004) are never made; cosines after whitening come from
products of photographs (Woodbury 1950). It prints the largest difference from observers.csv, and the two figures that the experiment is about.
"""
import csv
import json
import pathlib
import sys

import numpy as np

out = pathlib.Path(sys.argv[1])
comparison = json.loads((out / "comparison.json").read_text())
pictures = list(csv.DictReader((out / "metrics.csv").open()))
photographs = list(csv.DictReader((out / "photographs.csv").open()))
told = {(row["method"], row["unit"], row["observer"]): row for row in csv.DictReader((out / "observers.csv").open())}
pools = comparison["settings"]["pools"]
below = {unit["name"]: unit["below"] for unit in comparison["units"]}
count = len(photographs)
target = comparison["target"]["name"]


class Whitened:
    """Cosines after whitening by the rows of `train`."""

    def __init__(self, train):
        self.middle = train.mean(0)
        self.train = train - self.middle
        gram = self.train @ self.train.T
        rows, width = train.shape
        scale = np.trace(gram) / rows / width
        squares = (gram**2).sum() / rows**2
        off = squares / width - scale**2
        noise = ((np.diag(gram) ** 2).sum() / rows - squares) / (rows * width)
        shrinkage = min(max(noise / off, 0.0), 1.0)
        ridge = gram + np.eye(rows) * (shrinkage * scale * rows / (1 - shrinkage))
        self.root = np.linalg.cholesky(ridge)

    def parts(self, rows):
        rows = rows - self.middle
        half = np.linalg.solve(self.root, self.train @ rows.T).T
        length = np.sqrt((rows**2).sum(1) - (half**2).sum(1))
        return rows, half, length

    @staticmethod
    def cosines(a, b):
        return (a[0] @ b[0].T - a[1] @ b[1].T) / np.outer(a[2], b[2])


def right(observer, layer):
    """By method and unit, how often the photograph that fires the unit more was chosen."""
    plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in layer or "")
    stem = f"own-{plain}" if observer == target else observer
    natural = np.load(out / "features" / f"{stem}-photographs.npy").astype(np.float64)
    shown = np.load(out / "features" / f"{stem}-pictures.npy").astype(np.float64)
    groups = {}
    for at, row in enumerate(pictures):
        if row["kind"] == "run" and (observer != target or below[row["unit"]] == layer):
            groups.setdefault((row["method"], row["unit"]), []).append(at)
    found = {}
    for half in (0, 1):
        asked = np.arange(half, count, 2)
        seen = Whitened(natural[1 - half :: 2])
        of_photographs = seen.parts(natural[asked])
        for key, places in groups.items():
            fires = np.array([float(row[key[1]]) for row in photographs])
            order = np.argsort(-fires, kind="stable")
            score = Whitened.cosines(of_photographs, seen.parts(shown[places])).mean(1)
            of_place = dict(zip(asked.tolist(), score))
            first = count * 2 // 5
            more = np.array([of_place[place] for place in order[: pools["top"]].tolist() if place in of_place])
            less = np.array([of_place[place] for place in order[first : first + pools["middle"]].tolist() if place in of_place])
            if len(more) and len(less):
                apart = more[:, None] - less[None, :]
                found.setdefault(key, []).append(((apart > 0) + (apart == 0) / 2).mean())
    return {key: float(np.mean(values)) for key, values in found.items()}


worst, compared, again = 0.0, 0, {}
for observer in sorted({observer for _, _, observer in told}):
    layers = sorted(set(below.values())) if observer == target else [None]
    for layer in layers:
        for (method, unit), value in right(observer, layer).items():
            row = told[method, unit, observer]
            worst, compared = max(worst, abs(value - float(row["hard"]))), compared + 1
            again.setdefault((row["kinship"], row["family"], method), {}).setdefault(unit, []).append(value)
print(f"{compared} figures of how often an observer chose right, at most {worst:.1e} from observers.csv")
arms = [method["label"] for method in comparison["methods"] if method["kind"] == "run"]
complete = set.intersection(*(set(of) for of in again.values()))
mean = lambda of: float(np.mean([np.mean(of[unit]) for unit in sorted(complete)]))
for kinship, family in sorted({key[:2] for key in again}):
    print(f"{kinship:9} {family:14}", "  ".join(f"{arm} {mean(again[kinship, family, arm]):.3f}" for arm in arms if arm in ("raw", "natural")))
print(f"{len(complete)} units that have every arm")
