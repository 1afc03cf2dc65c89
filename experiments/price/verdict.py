#!/usr/bin/env python3
"""What the experiment of this folder says, by the four tests that registered.yaml fixes. Nothing but Python's own library.

    python3 experiments/price/verdict.py OUT...          # folders that `metapicture compare` wrote, one a target

Everything is computed from `observers.csv` and `comparison.json`. L is what strangers can tell: the mean, over families other than the target's, of how
often they choose the right one of two photographs; R is what the target itself can tell. Units are what is drawn anew in intervals; in T3 and T4 methods
are what is random. A claim needs every target; T1 needs every family of strangers, T3 and T4 take their mean.
"""
import csv
import hashlib
import itertools
import json
import math
import pathlib
import random
import statistics
import sys

REPLICATES = 4000
NORMAL = statistics.NormalDist()


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Target:
    def __init__(self, folder, legible, naive):
        folder = pathlib.Path(folder)
        comparison = json.loads((folder / "comparison.json").read_text())
        self.name = comparison["target"]["name"]
        self.legible, self.naive = legible, naive
        self.dials = [dial for dial in comparison["dials"] if not dial.get("void")]
        self.void = [dial["name"] for dial in comparison["dials"] if dial.get("void")]
        self.labels = [method["label"] for method in comparison["methods"]]
        own, foreign = {}, {}
        for row in csv.DictReader((folder / "observers.csv").open()):
            if row["hard"]:
                key = row["method"], row["unit"]
                if row["kinship"] == "own":
                    own[key] = float(row["hard"])
                elif row["kinship"] == "foreign":
                    # Families of the same blocks agree for reasons of their own.
                    family = "EfficientNet and MobileNet" if row["family"] in ("EfficientNet", "MobileNet") else row["family"]
                    foreign.setdefault(family, {}).setdefault(key, []).append(float(row["hard"]))
        self.families = sorted(foreign)
        self.by_family = {family: {key: mean(values) for key, values in of.items()} for family, of in foreign.items()}
        self.own = own
        keys = set(own).intersection(*map(set, self.by_family.values()))
        self.foreign = {key: mean(of[key] for of in self.by_family.values()) for key in keys}
        self.arms = [method["label"] for method in comparison["methods"] if method["kind"] == "run"]
        complete = [set(unit for method, unit in keys if method == arm) for arm in self.arms]
        self.units = sorted(set.intersection(*complete)) if complete else []

    def difference(self, of, a, b):
        """The mean over units of a figure of one method less that of another, with its 90 and 95 % intervals."""
        values = [of[a, unit] - of[b, unit] for unit in self.units]
        draw = random.Random(0)
        drawn = sorted(mean(draw.choices(values, k=len(values))) for _ in range(REPLICATES))

        def ends(level):
            tail = (1 - level) / 2
            return [drawn[int(tail * REPLICATES)], drawn[min(int((1 - tail) * REPLICATES), REPLICATES - 1)]]

        return {"value": mean(values), "95 %": ends(0.95), "90 %": ends(0.90)}


def slope(pairs):
    """Least squares."""
    x, y = mean(a for a, _ in pairs), mean(b for _, b in pairs)
    below = sum((a - x) ** 2 for a, _ in pairs)
    return sum((a - x) * (b - y) for a, b in pairs) / below if below else 0.0


def along_dials(target):
    """T3: the mean within-unit slope of R on L along the dials, and its p if settings are exchanged within every dial, for all units at once."""
    tables = []
    for dial in target.dials:
        arms = [target.labels[place] for place, _ in dial["methods"]]
        arms = [arm for arm in arms if arm in target.arms]
        if len(arms) >= 3:
            orders = list(itertools.permutations(range(len(arms))))
            of = [
                mean(slope([(target.foreign[arms[i], unit], target.own[arms[j], unit]) for i, j in enumerate(order)]) for unit in target.units)
                for order in orders
            ]
            tables.append(of)
    if not tables:
        return None
    found = mean(of[0] for of in tables)
    all_of = [mean(of) for of in itertools.product(*tables)]
    return {"value": found, "p": mean(abs(other) >= abs(found) - 1e-12 for other in all_of), "least p": 1 / len(all_of), "dials": len(tables)}


def detectability(accuracy):
    return math.sqrt(2) * NORMAL.inv_cdf(min(max(accuracy, 0.501), 0.999))


def proportional(target):
    """T4: the slope of ln d' of the target on ln d' of strangers over arms, where both have errors (Deming 1943); -1 is "inversely proportional".
    Arms and units are drawn anew. Arms that tell somebody nothing are left out: the logarithm of nothing would decide."""
    told = [arm for arm in target.arms if min(mean(of[arm, unit] for unit in target.units) for of in (target.own, target.foreign)) > 0.51]
    if len(told) < 3:
        return {"value": None, "95 %": [-math.inf, math.inf], "arms": len(told)}

    def fit(arms, units):
        points, errors = [], [[], []]
        for arm in arms:
            l = [target.foreign[arm, unit] for unit in units]
            r = [target.own[arm, unit] for unit in units]
            points.append((math.log(detectability(mean(l))), math.log(detectability(mean(r)))))
            for of, side in zip((l, r), errors):
                middle = mean(of)
                # The error of a mean accuracy, carried through ln d'.
                gradient = (math.log(detectability(middle + 1e-4)) - math.log(detectability(middle - 1e-4))) / 2e-4
                side.append(gradient**2 * sum((x - middle) ** 2 for x in of) / (len(of) - 1) / len(of))
        ratio = mean(errors[1]) / mean(errors[0]) if mean(errors[0]) else 1.0
        x, y = mean(a for a, _ in points), mean(b for _, b in points)
        sxx, syy = mean((a - x) ** 2 for a, _ in points), mean((b - y) ** 2 for _, b in points)
        sxy = mean((a - x) * (b - y) for a, b in points)
        if sxy == 0:
            return None
        return (syy - ratio * sxx + math.sqrt((syy - ratio * sxx) ** 2 + 4 * ratio * sxy**2)) / (2 * sxy)

    draw = random.Random(1)
    drawn = []
    for _ in range(REPLICATES // 4):
        arms = draw.choices(told, k=len(told))
        if len(set(arms)) >= 3:
            value = fit(arms, draw.choices(target.units, k=len(target.units)))
            if value is not None:
                drawn.append(value)
    drawn.sort()
    if not drawn:
        return {"value": None, "95 %": [-math.inf, math.inf], "arms": len(told)}
    ends = [drawn[int(0.025 * len(drawn))], drawn[min(int(0.975 * len(drawn)), len(drawn) - 1)]]
    return {"value": fit(told, target.units), "95 %": ends, "arms": len(told)}


def tests(target, rule):
    own = target.difference(target.own, target.naive, target.legible)
    foreign = target.difference(target.foreign, target.legible, target.naive)
    by_family = {family: target.difference(of, target.legible, target.naive) for family, of in target.by_family.items()}
    naive = mean(target.own[target.naive, unit] for unit in target.units)
    same = rule["same"]
    return {
        "target": target.name,
        "units": len(target.units),
        "families": target.families,
        "void dials": target.void,
        "T1 strangers gain": foreign,
        "T1 by family": by_family,
        "T1": foreign["value"] >= rule["gain"] and all(of["95 %"][0] > 0 for of in by_family.values()),
        "T2 the target loses": own,
        "T2 lost": own["95 %"][0] > 0 and own["value"] >= same,
        "T2 same": -same < own["90 %"][0] and own["90 %"][1] < same,
        "T2 no loss": own["95 %"][1] < same,
        "T3 along dials": along_dials(target),
        "T4 slope of ln d'": proportional(target),
        "naive tells the target": naive,
    }


def sentence(found, rule):
    """The rule that was fixed beforehand. Every target must say the same."""
    if all(of["naive tells the target"] <= rule["nothing"] for of in found):
        return "refutes the premise: the naive pictures do not tell the target itself what drives its units"
    if not all(of["T1"] for of in found):
        return "neither: strangers can tell no more from the legible arm, in every family and target, than from the naive one"
    falls = [of["T3 along dials"] for of in found]
    against = all(of and of["value"] < 0 and of["p"] <= 0.05 for of in falls)
    if all(of["T2 lost"] for of in found):
        literal = all(of["T4 slope of ln d'"]["95 %"][0] <= -1 <= of["T4 slope of ln d'"]["95 %"][1] < 0 for of in found)
        more = "; along the dials, too" if against else "; along the dials this is not shown"
        return "supports the sentence: what strangers gain, the target loses" + more + (", in inverse proportion" if literal else "")
    if all(of["T2 no loss"] for of in found):
        return "refutes the sentence: strangers gain, and the target loses less than counts"
    return "neither: strangers gain, and what the target loses is not settled, or depends on the target"


def main():
    registered = pathlib.Path(__file__).with_name("registered.yaml")
    rule = json.loads(registered.read_text())
    sha256 = hashlib.sha256(registered.read_bytes()).hexdigest()
    for name, known in rule.get("files", {}).items():
        if hashlib.sha256(registered.with_name(name).read_bytes()).hexdigest() != known:
            sys.exit(f"{name}: is not the file that was registered")
    for folder in sys.argv[1:]:
        settings = json.loads((pathlib.Path(folder) / "comparison.json").read_text())["settings"]
        if (settings.get("registered") or {}).get("sha256") != sha256:
            sys.exit(f"{folder}: was compared by another registration than {registered.name} (metapicture compare --registered)")
    targets = [Target(folder, rule["legible"], rule["naive"]) for folder in sys.argv[1:]]
    if sorted(target.name for target in targets) != sorted(rule["targets"]):
        sys.exit(f"the targets must be {', '.join(rule['targets'])}, each once")
    if any(len(target.units) < 2 for target in targets):
        sys.exit("there are no units of which every arm has pictures")
    found = [tests(target, rule) for target in targets]
    print(json.dumps({"registered": sha256, "tests": found, "says": sentence(found, rule)}, indent=1))


main()
