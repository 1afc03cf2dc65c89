"""Computes figures of a comparison again from the files that it left, with nothing but Python's own library.

    python3 recompute.py OUT [OBSERVER...]

It prints one JSON object; tests/program/compare.rs holds it against comparison.json and summary.csv. The two-choice task is computed for the
observers that are named, by another way than the program's: covariances are never made, only products of pictures (Woodbury 1950).
"""

import array
import csv
import itertools
import json
import math
import sys
from operator import mul
from pathlib import Path

out = Path(sys.argv[1])
comparison = json.loads((out / "comparison.json").read_text())
pictures = list(csv.DictReader((out / "metrics.csv").open()))
photographs = list(csv.DictReader((out / "photographs.csv").open()))
labels = [method["label"] for method in comparison["methods"]]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def by_unit(method, key):
    units = {}
    for row in pictures:
        if row["method"] == method and row[key]:
            units.setdefault(row["unit"], []).append(float(row[key]))
    return {unit: mean(values) for unit, values in units.items()}


def strength(method, baseline):
    """F1 from the activations alone: medians over photographs, and the mean of the baseline's pictures."""
    medians = {unit["name"]: unit["median"] for unit in comparison["units"]}
    own, theirs = by_unit(method, "activation"), by_unit(baseline, "activation")
    return mean((own[unit] - medians[unit]) / (theirs[unit] - medians[unit]) for unit in own if unit in theirs)


def ranks(values):
    order = sorted(values)
    first = {value: order.index(value) for value in set(values)}
    return [first[value] + (order.count(value) + 1) / 2 for value in values]


def pearson(a, b):
    a, b = [x - mean(a) for x in a], [x - mean(b) for x in b]
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def dot(a, b):
    return sum(map(mul, a, b))


def numbers(path):
    """The rows of an array of f32."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:10], "little")
    _, width = eval(content[10 : 10 + length], {"__builtins__": {}})["shape"]
    flat = array.array("f", content[10 + length :])
    return [list(flat[at : at + width]) for at in range(0, len(flat), width)]


def solved(matrix, columns):
    """Solves a symmetric positive system for many right sides, by Cholesky's root."""
    size = len(matrix)
    root = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            left = matrix[i][j] - dot(root[i][:j], root[j][:j])
            root[i][j] = math.sqrt(left) if i == j else left / root[j][j]
    found = []
    for column in columns:
        z = []
        for i in range(size):
            z.append((column[i] - dot(root[i][:i], z)) / root[i][i])
        found.append(z)
    return found


def alike(train, rows):
    """Cosines of all pairs of rows after whitening by the rows of `train` (covariance after Ledoit & Wolf 2004)."""
    count, width = len(train), len(train[0])
    middle = [mean(column) for column in zip(*train)]
    centred = [[x - m for x, m in zip(row, middle)] for row in train]
    gram = [[dot(a, b) for b in centred] for a in centred]
    scale = sum(gram[i][i] for i in range(count)) / count / width
    squares = sum(x * x for row in gram for x in row) / count**2
    off = squares / width - scale**2
    noise = (sum(gram[i][i] ** 2 for i in range(count)) / count - squares) / (count * width)
    shrinkage = min(max(noise / off, 0.0), 1.0)
    alpha, beta = shrinkage * scale, (1 - shrinkage) / count
    ridge = [[value + (alpha / beta if i == j else 0.0) for j, value in enumerate(row)] for i, row in enumerate(gram)]
    rows = [[x - m for x, m in zip(row, middle)] for row in rows]
    halves = solved(ridge, [[dot(other, row) for other in centred] for row in rows])

    def product(i, j):
        return dot(rows[i], rows[j]) - dot(halves[i], halves[j])

    own = [product(i, i) for i in range(len(rows))]
    return lambda i, j: product(i, j) / math.sqrt(own[i] * own[j])


def two_choice(observer):
    """By method and unit: how often photographs that fire the unit most are more alike than ordinary ones."""
    own = observer == comparison["target"]["name"]
    layers = {unit["name"]: unit["below"] for unit in comparison["units"]}
    pools, count = comparison["settings"]["pools"], len(photographs)
    found = {}
    for layer in sorted(set(layers.values())) if own else [None]:
        stem = f"own-{layer}" if own else observer
        natural = numbers(out / "features" / f"{stem}-photographs.npy")
        shown = numbers(out / "features" / f"{stem}-pictures.npy")
        for half in (0, 1):
            of_half = [place for place in range(count) if place % 2 == half]
            asked = [at for at, row in enumerate(pictures) if row["kind"] == "run" and (not own or layers[row["unit"]] == layer)]
            rows = [natural[place] for place in of_half] + [shown[at] for at in asked]
            cosine = alike([natural[place] for place in range(count) if place % 2 != half], rows)
            groups = {}
            for number, at in enumerate(asked):
                key = (pictures[at]["method"], pictures[at]["unit"])
                groups.setdefault(key, []).append(len(of_half) + number)
            for (method, unit), places in groups.items():
                order = sorted(range(count), key=lambda place: (-float(photographs[place][unit]), place))
                first = count * 2 // 5
                score = {place: mean(cosine(i, number) for i in places) for number, place in enumerate(of_half)}
                right = [score[place] for place in order[: pools["top"]] if place in score]
                wrong = [score[place] for place in order[first : first + pools["middle"]] if place in score]
                won = mean((a > b) + (a == b) / 2 for a, b in itertools.product(right, wrong))
                if won is not None:
                    found.setdefault(f"{method} | {unit}", []).append(won)
    return {key: mean(values) for key, values in found.items()}


def correlation(tradeoff):
    """Mean within-unit Spearman correlation, and p of exchanging methods for all units at once."""
    of = [labels[point["method"]] for point in tradeoff["points"]]
    readings = {}
    for row in csv.DictReader((out / "observers.csv").open()):
        if row["hard"]:
            kind = row["family"] if row["kinship"] == "foreign" else row["kinship"]
            readings.setdefault((row["method"], row["unit"]), {}).setdefault(kind, []).append(float(row["hard"]))

    def measure(key, method):
        if key not in ("explains", "own"):
            return by_unit(method, key)
        found = {}
        for (label, unit), kinds in readings.items():
            foreign = [mean(values) for kind, values in kinds.items() if kind not in ("own", "kin", "half kin", "unknown")]
            value = mean(foreign) if key == "explains" else mean(kinds.get("own", []))
            if label == method and value is not None:
                found[unit] = value
        return found

    legible, against = ([measure(tradeoff[key], method) for method in of] for key in ("legibility", "against"))
    units = [unit for unit in legible[0] if all(unit in other for other in legible + against)]
    a = [[figure[unit] for figure in legible] for unit in units]
    b = [[figure[unit] for figure in against] for unit in units]
    constant = [len(set(x)) == 1 or len(set(y)) == 1 for x, y in zip(a, b)]
    a, b = [ranks(x) for x in a], [ranks(y) for y in b]

    def along(order):
        return sum(0 if flat else pearson(x, [y[i] for i in order]) for x, y, flat in zip(a, b, constant)) / len(units)

    own = along(range(len(of)))
    if len(of) > 6:
        return [own, None]
    all_orders = list(itertools.permutations(range(len(of))))
    return [own, sum(abs(along(order)) >= abs(own) - 1e-9 for order in all_orders) / len(all_orders)]


def holm(p):
    adjusted, largest = [0.0] * len(p), 0.0
    for place, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = largest
    return adjusted


baseline = labels[comparison["settings"]["baseline"]]
tests = [test for method in comparison["methods"] for test in method["tests"] if test["p"] is not None]
print(
    json.dumps(
        {
            "kin_agreement": {label: mean(by_unit(label, "kin_agreement").values()) for label in labels},
            "ratio": {m["label"]: strength(m["label"], baseline) for m in comparison["methods"] if m["kind"] == "run"},
            "correlation": [correlation(tradeoff) for tradeoff in comparison["tradeoffs"]],
            "holm": [[test["p_holm"] for test in tests], holm([test["p"] for test in tests])],
            "two_choice": {observer: two_choice(observer) for observer in sys.argv[2:]},
        }
    )
)
