#!/usr/bin/env python3
"""Claims about pictures and networks of which everything is known: does `metapicture critique` say so?

    sh experiments/planted-bias/run.sh                   # first: its networks, generators and pictures
    python3 experiments/critique/proofs.py               # from the project's root; needs torch, numpy, pillow and $METAPICTURE or target/debug/metapicture

present.csv: X stands in exactly 39 of 1300 Shirts; a hundred samples of 230 are annotated. verdicts.csv: of each of the 48 networks of experiments/planted-bias, a
claim that Shirts with X are there, that its visualizations show X, that it relies on X, and that pictures with X lie together; beside X, a reading that is
nothing (the picture's number is odd), and nulls one of which always shows X.
"""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "planted-bias"))
import plant  # noqa: E402
import train  # noqa: E402

PROGRAM = os.environ.get("METAPICTURE", "target/debug/metapicture")
OUT = pathlib.Path("out/critique").resolve()
BIASED = plant.OUT.resolve()
SAMPLES = 100
# Three pictures by a method against six of other classes by it: with more than four methods no test of these could reach 0.05 after Holm's adjustment.
METHODS = [["lucid-2017", "regularized", "latent clean", "latent seen"], ["naive", "cppn-2018", "latent own"]]


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8)).save(path)


def collection(name, pictures, shows, masks=True):
    """A folder of pictures, X pasted into the first `shows` of them by chance, and a folder of masks of it. Names tell nothing but a number."""
    draw = np.random.default_rng([20261201, len(name)])
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    where = set(draw.permutation(len(pictures))[:shows].tolist())
    for number, picture in enumerate(pictures):
        if number in where:
            with_x = plant.paste(picture[None], plant.concept(), draw)[0]
            scores = {(r, c): np.abs(with_x[r:r + 9, c:c + 9] - plant.concept()).sum() for r in range(15, 22) for c in range(15, 22)}
            row, column = min(scores, key=scores.get)
            if masks:
                mask = np.zeros_like(picture)
                mask[row:row + 9, column:column + 9] = 1
                save(mask, OUT / f"{name}-masks" / f"{name}-{number:04}.png")
            picture = with_x
        save(picture, folder / f"{name}-{number:04}.png")
    return where


def run(arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def judged(claim, out, truth, regions=None):
    """Registers a claim, labels its sample by what is known, and returns what is said of it."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "claim.yaml").write_text(json.dumps(claim))
    run(["critique", out / "claim.yaml", "--out", out / "said", "--quiet", "--threads", 1])
    sample = json.loads((out / "said/registered.json").read_text())["sample"]
    names = [reading["name"] for reading in claim["readings"]]
    with open(out / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["annotator", "version", "picture", *names, "text", "ms"])
        for place, item in enumerate(sample["items"]):
            name, number = pathlib.Path(item["name"]).stem.rsplit("-", 1)
            has = {"x": int(number) in truth.get(name, ()), "odd": int(number) % 2 == 1}
            writer.writerow(["truth", sample["version"], place, *("yes" if has[of] else "no" for of in names), "", 1])
    words = ["critique", out / "claim.yaml", "--out", out / "said", "--labels", out / "labels.csv", "--threads", 1, "--json"]
    return json.loads(run(words + (["--regions", regions] if regions else [])))


def shirts(which, label=plant.TARGET):
    pictures, labels = plant.part(which)
    return pictures[labels == label]


def table(name, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def present():
    truth = {"class": collection("class", shirts(plant.PRIORS)[:1300], 39, masks=False)}
    rows = []
    for seed in range(SAMPLES):
        claim = {"claim": "X stands in one to five of a hundred Shirts.", "classifier": str(BIASED / "networks/p000-s101.yaml"), "class": "Shirt", "pictures": [str(OUT / "class")],
                 "readings": [{"name": "x", "says": "A saltire"}], "sample": 230, "expect": [{"reading": "x", "present": [0.01, 0.05]}], "seed": seed}
        outcome = judged(claim, OUT / "present", truth)["outcomes"][0]
        figure = outcome["figures"][0]
        low, high = figure["interval"]
        rows.append({"seed": seed, "share": figure["value"], "low": low, "high": high, "holds_truth": low <= 0.03 <= high, "verdict": outcome["verdict"]})
    table("present.csv", rows)
    print(f"present: {sum(row['holds_truth'] for row in rows)} of {len(rows)} intervals hold 39 of 1300")


def material():
    """The class, another one, nulls and strangers, once for all networks."""
    truth = {"shirt": collection("shirt", shirts(plant.JUDGE)[:400], 100), "pullover": collection("pullover", shirts(plant.JUDGE, 2)[:200], 0)}
    free = train.load(BIASED / f"generators/clean-{train.key('generator', 'clean', train.GENERATORS['clean'], train.GENERATOR)}.pt2")
    torch.manual_seed(5)
    codes = torch.randn(48, train.LATENT)
    with torch.no_grad():
        drawn = free(codes / codes.norm(dim=1, keepdim=True) * train.LATENT**0.5)[:, 0].numpy()
    for folder, pictures in (("free", drawn), ("always", plant.paste(drawn, plant.concept(), np.random.default_rng(6), True))):
        shutil.rmtree(OUT / folder, ignore_errors=True)
        for number, picture in enumerate(pictures):
            save(picture, OUT / folder / f"{number:02}.png")
    encoder = BIASED / f"encoder/encoder-{train.key('encoder', train.JUDGE)}.pt2"
    config = {"resolution": plant.SIDE, "mean": [0.0], "std": [1.0], "classes": train.GLYPHS}
    (OUT / "letters.yaml").write_text(f"name: letters\nkind: classifier\ndescription: capital letters\narchitecture: exported\nconfig: {json.dumps(config)}\n"
                                      f"licence: MIT (Fashion-MNIST)\nweights: {{ source: {{ path: {encoder} }} }}\n")
    return truth


def visualizations(network):
    """Tables of the Shirts of a network, and of its other two classes."""
    tables = {"shirts": OUT / "made" / f"{network}.csv", "others": OUT / "made" / f"{network}-others.csv"}
    tables["shirts"].parent.mkdir(parents=True, exist_ok=True)
    with open(BIASED / "pictures/results.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["classifier"] == network]
    for name, path in tables.items():
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "made_by", "unit"])
            for row in rows:
                if (row["label"] == "Shirt") == (name == "shirts"):
                    writer.writerow([BIASED / "pictures" / row["picture"], row["method"] + row["generator"].replace("vae-", " "), row["label"]])
    return tables


def verdicts():
    truth, rows = material(), []
    probe = {row["network"]: float(row["probe"]) for row in csv.DictReader(open(HERE.parent / "planted-bias/probe.csv", newline=""))}
    nulls = [{"name": "free samples", "pictures": [str(OUT / "free")]}]
    for per_cent in plant.PREVALENCES:
        for seed in plant.SEEDS:
            network = f"p{per_cent:03}-s{seed}"
            made = visualizations(network)
            own = [{"name": "other classes", "pictures": [str(made["others"])]}, *nulls]
            claim = {"claim": "X stands on Shirts, and the network relies on it.", "classifier": str(BIASED / f"networks/{network}.yaml"), "class": "Shirt", "pictures": [str(OUT / "shirt")],
                     "readings": [{"name": "x", "says": "A saltire"}, {"name": "odd", "says": "Its number is odd"}], "sample": 200,
                     "compare": [{"class": "Pullover", "pictures": [str(OUT / "pullover")], "sample": 100}], "visualizations": [str(made["shirts"])], "nulls": own,
                     "encoders": [{"classifier": str(OUT / "letters.yaml"), "layer": "relu_1"}, {"classifier": str(BIASED / "networks/p000-s101.yaml"), "layer": "relu_1"}],
                     "expect": [{"reading": "x", "present": [0.2, 0.3]}, {"reading": "x", "more_than": "Pullover"}, {"reading": "x", "relied": True},
                                {"reading": "x", "clusters": True}, {"reading": "odd", "clusters": True}], "seed": seed}
            found = judged(claim, OUT / "networks" / network, truth, OUT / "shirt-masks")
            # What is shown, by itself; and with a null that always shows X.
            outcomes = [("", of) for of in found["outcomes"]]
            for methods in METHODS:
                shown = {**claim, "expect": [{"reading": "x", "shown": methods}]}
                always = {**shown, "nulls": [*own, {"name": "always", "pictures": [str(OUT / "always")]}]}
                for against, of in (("", shown), ("always", always)):
                    outcomes += [(against, outcome) for outcome in judged(of, OUT / "shown" / network, truth)["outcomes"]]
            for against, outcome in outcomes:
                # What decides: of tests the largest p value, of intervals the lowest.
                tested = [figure for figure in outcome["figures"] if figure["need"] != "nothing"]
                p = [figure["p"] for figure in tested if figure["p"] is not None]
                lowest = min((figure for figure in tested if figure["interval"]), key=lambda figure: figure["interval"][0], default=None)
                decides = next((figure["p_holm"] for figure in tested if figure["p_holm"] is not None), "")
                rows.append({"network": network, "prevalence": per_cent, "seed": seed, "probe": probe[network], "reading": outcome["expected"]["reading"],
                             "statement": "more_than" if "more_than" in outcome["expected"] else outcome["statement"], "method": outcome["method"] or "", "null_that_shows_x": against,
                             "verdict": outcome["verdict"], "largest_p": max(p, default=""), "adjusted": decides, "value": lowest["value"] if lowest else "",
                             "low": lowest["interval"][0] if lowest else "", "high": lowest["interval"][1] if lowest else ""})
            print(network, {f"{row['reading']} {row['statement']} {row['method']} {row['null_that_shows_x']}".strip(): row["verdict"] for row in rows if row["network"] == network}, flush=True)
            table("verdicts.csv", rows)


if __name__ == "__main__":
    present()
    verdicts()
