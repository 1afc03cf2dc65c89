#!/usr/bin/env python3
"""What networks of other families make of pictures, from tables of results alone.

    python3 experiments/natural/legibility.py TABLE... [--against METHOD] [--kin BEGINNING...] [--unless TABLE]

TABLE is a `results.csv`, or the folder of records that has one.

Of each method: the mean logit of the target (measured on the saved picture), and the mean probability that each witness gives to the class, with
95 % intervals by a bootstrap that draws classes anew (10,000 times; the seeds of a class stay together). With `--against`, the ratio of the mean over
witnesses of other families to that method's, over the classes and seeds that both have, by the same bootstrap of classes. With `--unless`, only
classes and seeds of which the pictures in that table are believed by nobody: 0.01 or less. With `--table`, a Markdown table of the same, with the share of
pictures of which each witness ranks the class first.
"""
import argparse
import csv
import random
from collections import defaultdict
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("tables", nargs="+", type=Path)
parser.add_argument("--against")
parser.add_argument("--kin", nargs="+", default=["efficientnet"], help="how the names of networks that do not count as strangers begin")
parser.add_argument("--unless", type=Path, help="results of pictures that must not be believed themselves")
parser.add_argument("--table", action="store_true", help="a Markdown table")
arguments = parser.parse_args()

# method -> class -> seed -> {"activation": ..., witness: ...}
found = defaultdict(lambda: defaultdict(dict))
# method -> witness -> whether it ranks the class first, a picture each
first = defaultdict(lambda: defaultdict(list))
believed = set()
for table in [arguments.unless, *arguments.tables] if arguments.unless else arguments.tables:
    with open(table / "results.csv" if table.is_dir() else table, newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] != "done":
                continue
            end = "_probability"
            names = [name for name in row if name.endswith(end) and name != f"witness{end}" and row[name]]
            witnesses = {name.removesuffix(end): float(row[name]) for name in names}
            strange = [value for name, value in witnesses.items() if not name.startswith(tuple(arguments.kin))]
            if table is arguments.unless:
                if sum(strange) / len(strange) > 0.01:
                    believed.add((row["unit"], row["seed"]))
                continue
            if (row["unit"], row["seed"]) in believed:
                continue
            found[row["method"]][row["unit"]][row["seed"]] = {"activation": float(row["scored"])} | witnesses
            for name in witnesses:
                first[row["method"]][name].append(row.get(f"{name}_rank") == "1")


def of(values):
    values = list(values)
    return sum(values) / len(values)


def strangers(run):
    return of(value for name, value in run.items() if name != "activation" and not name.startswith(tuple(arguments.kin)))


def interval(units, statistic):
    draw = random.Random(0)
    names = sorted(units)
    drawn = sorted(statistic([units[draw.choice(names)] for _ in names]) for _ in range(10_000))
    return drawn[250], drawn[9749]


def mean_of(units, value):
    return of(value(run) for unit in units for run in unit.values())


def table():
    names = list(next(iter(next(iter(next(iter(found.values())).values())).values())))[1:]
    rows = [["method", "logit", *names], ["---"] * (len(names) + 2)]
    for method, units in found.items():
        row = [f"`{method}`", f"{mean_of(units.values(), lambda run: run['activation']):.1f}"]
        for name in names:
            low, high = interval(units, lambda drawn: mean_of(drawn, lambda run: run[name]))
            share = of(first[method][name])
            row.append(f"{mean_of(units.values(), lambda run: run[name]):.3f} [{low:.3f}, {high:.3f}] / {share:.2f}")
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if arguments.table:
    print(table())
    raise SystemExit
for method, units in found.items():
    runs = sum(len(unit) for unit in units.values())
    line = f"{method}: {runs} pictures of {len(units)} classes"
    for name in next(iter(next(iter(units.values())).values())):
        low, high = interval(units, lambda drawn: mean_of(drawn, lambda run: run[name]))
        line += f"; {name} {mean_of(units.values(), lambda run: run[name]):.3f} [{low:.3f}, {high:.3f}]"
    low, high = interval(units, lambda drawn: mean_of(drawn, strangers))
    line += f"; strangers {mean_of(units.values(), strangers):.3f} [{low:.3f}, {high:.3f}]"
    if arguments.against and method != arguments.against:
        other = found[arguments.against]
        both = {}
        for unit in units.keys() & other.keys():
            seeds = units[unit].keys() & other[unit].keys()
            both[unit] = {seed: (strangers(units[unit][seed]), strangers(other[unit][seed])) for seed in seeds}

        def ratio(drawn):
            pairs = [pair for unit in drawn for pair in unit.values()]
            return sum(a for a, _ in pairs) / max(sum(b for _, b in pairs), 1e-12)

        low, high = interval(both, ratio)
        line += f"; times {arguments.against}'s: {ratio(both.values()):.2f} [{low:.2f}, {high:.2f}]"
    print(line)
