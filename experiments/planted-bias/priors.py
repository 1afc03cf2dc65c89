#!/usr/bin/env python3
"""Is it this prior, or any such prior? Two more of those that never saw X and of those that saw it in 30 % of all pictures, trained from other seeds; priors.csv.

    python3 experiments/planted-bias/priors.py train                          # after train.py
    metapicture sweep experiments/planted-bias/priors.yaml --out out/planted-bias/priors
    metapicture sweep experiments/planted-bias/priors-tuning.yaml --out out/planted-bias/priors-tuning
    python3 experiments/planted-bias/priors.py judge                          # after judge.py, whose judges and rule of thresholds these are
"""
import csv
import sys

import numpy as np
import torch

import judge
import plant
import train

SEEDS = [1, 2]
KINDS = ["clean", "seen"]


def generator(kind, seed):
    """As train.generator; codes, weights, order and places of X by another seed."""
    per_cent, classes = train.GENERATORS[kind]
    pictures, labels = plant.part(plant.PRIORS)
    x = train.tensor(plant.planted(pictures, labels, per_cent, seed, classes))
    torch.manual_seed(seed)
    net = train.Autoencoder()
    return train.ascend(net, lambda batch: net.loss(x[batch]), len(x), train.GENERATOR, seed).decoder


def train_all():
    torch.use_deterministic_algorithms(True)
    for kind in KINDS:
        for seed in SEEDS:
            key = train.key("generator", kind, train.GENERATORS[kind], train.GENERATOR, seed)
            path = train.kept("generators", f"{kind}-{seed}", key, lambda: generator(kind, seed), torch.zeros(2, train.LATENT))
            train.manifest(path, f"vae-{kind}-{seed}", "generator", {"code": [train.LATENT], "output": "unit", "resolution": plant.SIDE})


def scores(folder, encoder):
    """{(prior, class, prevalence, seed of the network): {judge: mean over the picture's seeds}}."""
    with open(plant.OUT / folder / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row["status"] != "done" for row in rows):
        raise SystemExit(f"{folder}: not all runs are done")
    grey = [np.asarray(judge.Image.open(plant.OUT / folder / row["picture"]).convert("L"), np.float32) / 255 for row in rows]
    pictures = train.tensor(np.stack(grey))
    with torch.no_grad():
        found = {"template": torch.cat([judge.match(of) for of in pictures.split(500)]).numpy(), "encoder": encoder(pictures)}
    of = {}
    for place, row in enumerate(rows):
        of.setdefault((row["generator"].removeprefix("vae-"), row["label"], *judge.parts(row["classifier"])), []).append(place)
    return {key: {name: float(values[places].mean()) for name, values in found.items()} for key, places in of.items()}


def judge_all():
    encoder = judge.Encoder()
    tuning, own = scores("priors-tuning", encoder), scores("priors", encoder)
    rows = []
    for kind in KINDS:
        for name in [f"{kind}-{seed}" for seed in SEEDS]:
            for by in judge.JUDGES:
                limit = float(np.quantile([score[by] for key, score in tuning.items() if key[0] == name], judge.QUANTILE, method="higher"))
                for per_cent in plant.PREVALENCES:
                    values = [own[name, judge.TARGET, per_cent, seed][by] for seed in plant.SEEDS]
                    rows.append({"prior": name, "judge": by, "prevalence": per_cent, "networks": len(values), "found": sum(value > limit for value in values), "threshold": limit,
                                 "auroc": judge.auroc(values, [own[name, judge.TARGET, 0, seed][by] for seed in plant.SEEDS])})
    judge.table("priors.csv", rows)
    for row in rows:
        print(f"{row['prior']:8} {row['judge']:9} {row['prevalence']:4} %: found {row['found']}/{row['networks']}, AUROC {row['auroc']:.2f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"train": train_all, "judge": judge_all}[sys.argv[1]]()
