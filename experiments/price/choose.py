#!/usr/bin/env python3
"""Chooses step sizes: of every arm the one whose activations are highest, each divided by the unit's highest over all step sizes, averaged over
units and, of a dial, over its settings. It looks at activations and at nothing else.

    python3 experiments/price/choose.py lite0 out/price-tune-lite0 >> experiments/price/tuning.csv
"""
import collections
import json
import pathlib
import sys

target, store = sys.argv[1:]
reached = collections.defaultdict(dict)
for path in pathlib.Path(store).glob("runs/*/record.json"):
    record = json.loads(path.read_text())
    settings = record["method_settings"]
    eps = settings["param"].get("blend", {}).get("eps")
    size = settings["optimizer"]["adam"]["lr"]["from"]
    reached[record["method"], record["unit"]["name"], eps][size] = record["activation"]["scored"]
shares = collections.defaultdict(lambda: collections.defaultdict(list))
for (arm, _, _), by_size in reached.items():
    best = max(by_size.values())
    for size, value in by_size.items():
        shares[arm][size].append(value / best if best > 0 else 0.0)
for arm, by_size in sorted(shares.items()):
    means = {size: sum(values) / len(values) for size, values in sorted(by_size.items())}
    # MACO's phases are in radians: its steps are twenty times as large (make.py).
    chosen = max(means, key=means.get) / (20 if arm == "maco" else 1)
    print(f"{target},{arm},{chosen:g}," + " ".join(f"{size:g}:{share:.3f}" for size, share in means.items()))
