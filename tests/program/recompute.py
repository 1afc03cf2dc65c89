"""Computes figures of a comparison again from the tables that it left, with nothing but Python's own library.

    python3 recompute.py OUT

It prints one JSON object; tests/program/compare.rs holds it against comparison.json and summary.csv.
"""

import csv
import json
import math
import sys
from pathlib import Path

out = Path(sys.argv[1])
comparison = json.loads((out / "comparison.json").read_text())
pictures = list(csv.DictReader((out / "metrics.csv").open()))


def mean(values):
    return sum(values) / len(values)


def by_unit(method, key):
    units = {}
    for row in pictures:
        if row["method"] == method and row[key]:
            units.setdefault(row["unit"], []).append(float(row[key]))
    return {unit: mean(values) for unit, values in units.items()}


def agreement(method):
    """L1: the mean over units of the means over their pictures."""
    return mean(list(by_unit(method, "agreement").values()))


def ratio(method, baseline):
    """F1 from the activations alone: medians over photographs are in comparison.json, the best is the baseline's."""
    medians = {unit["name"]: unit["median"] for unit in comparison["units"]}
    best = {}
    for row in pictures:
        if row["method"] == baseline:
            best[row["unit"]] = max(best.get(row["unit"], -math.inf), float(row["activation"]))
    units = {}
    for row in pictures:
        if row["method"] == method:
            unit = row["unit"]
            value = (float(row["activation"]) - medians[unit]) / (best[unit] - medians[unit])
            units.setdefault(unit, []).append(value)
    return mean([mean(values) for values in units.values()])


def ranks(values):
    order = sorted(values)
    return [mean([place + 1 for place, other in enumerate(order) if other == value]) for value in values]


def pearson(a, b):
    a, b = [x - mean(a) for x in a], [x - mean(b) for x in b]
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def curves(tradeoff):
    """By unit: legibility and fidelity at every setting, means over those seeds that all settings have."""
    labels = [comparison["methods"][point["method"]]["label"] for point in tradeoff["points"]]
    values, counts = {}, {}
    for row in sorted(pictures, key=lambda row: int(row["seed"])):
        if row["method"] in labels and row["facet"] == "0":
            pair = (float(row[tradeoff["legibility"]]), float(row[tradeoff["fidelity"]]))
            # Seeds are paired in their order.
            number = counts[row["method"], row["unit"]] = counts.get((row["method"], row["unit"]), 0) + 1
            values.setdefault((row["unit"], number), {})[row["method"]] = pair
    units = {}
    for (unit, _), of in values.items():
        if len(of) == len(labels):
            units.setdefault(unit, []).append([of[label] for label in labels])
    return [[tuple(mean([seed[k][side] for seed in seeds]) for side in (0, 1)) for k in range(len(labels))] for seeds in units.values()]


def spearman(tradeoff):
    """Within-unit Spearman correlations, averaged through Fisher's z."""
    z = []
    for curve in curves(tradeoff):
        a, b = [point[0] for point in curve], [point[1] for point in curve]
        if len(set(a)) == 1 or len(set(b)) == 1:
            z.append(0.0)
        else:
            r = pearson(ranks(a), ranks(b))
            z.append(math.atanh(max(-1 + 1e-6, min(1 - 1e-6, r))))
    return math.tanh(mean(z))


def beta(tradeoff):
    """ln F = c_u - beta ln L, least squares within units."""
    above = below = 0.0
    for curve in curves(tradeoff):
        l = [math.log(max(point[0], tradeoff["floors"][0])) for point in curve]
        f = [math.log(max(point[1], tradeoff["floors"][1])) for point in curve]
        above += sum((x - mean(l)) * (y - mean(f)) for x, y in zip(l, f))
        below += sum((x - mean(l)) ** 2 for x in l)
    return -above / below


def holm(p):
    adjusted, largest = [0.0] * len(p), 0.0
    for place, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = largest
    return adjusted


labels = [method["label"] for method in comparison["methods"]]
baseline = labels[comparison["settings"]["baseline"]]
tests = [test for method in comparison["methods"] for test in method["tests"] if test["p"] is not None]
print(
    json.dumps(
        {
            "agreement": {label: agreement(label) for label in labels},
            "ratio": {m["label"]: ratio(m["label"], baseline) for m in comparison["methods"] if m["kind"] == "run"},
            "spearman": [spearman(tradeoff) for tradeoff in comparison["tradeoffs"]],
            "beta": [beta(tradeoff) for tradeoff in comparison["tradeoffs"]],
            "holm": [[test["p_holm"] for test in tests], holm([test["p"] for test in tests])],
        }
    )
)
