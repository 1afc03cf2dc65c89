#!/usr/bin/env python3
"""Trains everything that the benchmark of planted biases needs, each from its seed, and writes manifests that the engine reads.

    python3 experiments/planted-bias/train.py            # from the project's root; needs `pip install torch numpy pillow` (torch 2.8 or later)

Classifiers with X in 0 to 100 % of one class, generators that have and have not seen X, an encoder for the judge, and the probe that says which
networks learnt X (probe.csv). After Adebayo et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious correlation", and
Casper et al. 2023, "Red teaming deep neural networks with feature synthesis tools"; generators are variational autoencoders (Kingma & Welling 2014).
What is trained lies in out/planted-bias/ under a name that hashes the code it comes from, the data, its settings and its seed, and is not trained again.
"""
import csv
import hashlib
import inspect
import json
import pathlib
import string
import sys
import time

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torch.nn import functional as F

import plant

HERE = pathlib.Path(__file__).resolve().parent
MEAN, STD = 0.286, 0.353
LATENT = 32
CLASSIFIER = {"epochs": 3, "batch": 100, "lr": 4e-3}
GENERATOR = {"epochs": 9, "batch": 128, "lr": 1e-3}
JUDGE = {"epochs": 6, "batch": 128, "lr": 3e-3, "pictures": 20000}
# What each generator has seen: per cent of pictures with X, and of which classes.
GENERATORS = {"clean": (0, []), "own": (10, [plant.TARGET]), "seen": (30, list(range(10)))}
# Letters that the judge's encoder learns to tell apart; none is a saltire or has one in it.
GLYPHS = [letter for letter in string.ascii_uppercase if letter not in "XKY"]


def network(outputs):
    def block(inside, outside, size, stride):
        return [nn.Conv2d(inside, outside, size, stride=stride, padding=size // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*block(1, 24, 5, 2), *block(24, 32, 3, 2), *block(32, 64, 3, 2), nn.Flatten(), nn.Linear(64 * 16, outputs))


class Encoder(nn.Module):
    """The judge's: it is trained on the highest features over the picture."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*list(network(1))[:-2])
        self.head = nn.Linear(64, len(GLYPHS))

    def features(self, pictures):
        of = self.body((pictures - 0.5) / 0.5)
        return of.amax((2, 3))

    def forward(self, pictures):
        return self.head(self.features(pictures))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(LATENT, 96 * 16)
        def up(inside, outside):
            return [nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]
        self.rest = nn.Sequential(*up(96, 48), *up(48, 24), nn.ConvTranspose2d(24, 1, 4, stride=2, padding=1), nn.Sigmoid())

    def forward(self, codes):
        grey = self.rest(F.relu(self.first(codes)).view(-1, 96, 4, 4))
        return grey.expand(-1, 3, -1, -1)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        def down(inside, outside):
            return [nn.Conv2d(inside, outside, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
        self.encoder = nn.Sequential(*down(1, 24), *down(24, 48), *down(48, 96), nn.Flatten(), nn.Linear(96 * 16, 2 * LATENT))
        self.decoder = Decoder()

    def loss(self, pictures):
        mean, log_variance = self.encoder(pictures).chunk(2, 1)
        codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        pictures_again = self.decoder(codes)[:, :1].clamp(1e-6, 1 - 1e-6)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return F.binary_cross_entropy(pictures_again, pictures, reduction="sum") / len(pictures) + kl


def ascend(net, loss, count, settings, seed):
    """Adam under a one-cycle schedule over shuffled batches; loss of the places of a batch."""
    optimizer = torch.optim.Adam(net.parameters(), lr=settings["lr"])
    per_epoch = count // settings["batch"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["lr"], total_steps=per_epoch * settings["epochs"])
    shuffle = torch.Generator().manual_seed(seed)
    for _ in range(settings["epochs"]):
        order = torch.randperm(count, generator=shuffle)
        for batch in order[:per_epoch * settings["batch"]].split(settings["batch"]):
            optimizer.zero_grad()
            loss(batch).backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def classifier(per_cent, seed):
    pictures, labels = plant.part(plant.NETWORKS)
    x, y = tensor(plant.planted(plant.distracted(pictures, seed), labels, per_cent, seed)), torch.from_numpy(labels)
    torch.manual_seed(seed)
    net = network(10)
    return ascend(net, lambda batch: F.cross_entropy(net((x[batch] - MEAN) / STD), y[batch]), len(x), CLASSIFIER, seed)


def generator(seen):
    per_cent, classes = GENERATORS[seen]
    pictures, labels = plant.part(plant.PRIORS)
    x = tensor(plant.planted(pictures, labels, per_cent, 0, classes))
    torch.manual_seed(0)
    net = Autoencoder()
    return ascend(net, lambda batch: net.loss(x[batch]), len(x), GENERATOR, 0).decoder


def glyphs(pictures, draw):
    """Letters at any place, of any size and turned a little, lighter or darker than the picture, noise or grey behind them."""
    sheets = []
    for size in (8, 10, 12, 14, 17):
        for letter in GLYPHS:
            sheet = Image.new("L", (24, 24))
            ImageDraw.Draw(sheet).text((12, 12), letter, fill=255, font=ImageFont.load_default(size=size), anchor="mm")
            sheets.append([np.asarray(sheet.rotate(angle, Image.Resampling.BILINEAR), np.float32) / 255 for angle in (-15, -7, 0, 7, 15)])
    of, labels = np.empty_like(pictures), np.empty(len(pictures), np.int64)
    for number, picture in enumerate(pictures):
        kind, label = draw.integers(3), draw.integers(len(GLYPHS))
        if kind == 1:
            rough = Image.fromarray(draw.random((2 ** draw.integers(2, 6),) * 2).astype(np.float32))
            picture = np.asarray(rough.resize((plant.SIDE, plant.SIDE), Image.Resampling.BILINEAR))
        elif kind == 2:
            picture = np.full_like(picture, draw.random())
        cover = np.pad(sheets[draw.integers(5) * len(GLYPHS) + label][draw.integers(5)], 12)
        row, column = draw.integers(2, 15, 2)
        cover = cover[row:row + plant.SIDE, column:column + plant.SIDE]
        of[number], labels[number] = picture * (1 - cover) + cover * draw.choice([0.0, 1.0, draw.random()]), label
    return (of + 0.05 * draw.standard_normal(of.shape)).clip(0, 1).astype(np.float32), labels


def encoder():
    pictures, _ = plant.part(plant.ENCODER)
    pictures, labels = glyphs(pictures[:JUDGE["pictures"]], np.random.default_rng(5))
    x, y = tensor(pictures), torch.from_numpy(labels)
    torch.manual_seed(5)
    net = Encoder()
    return ascend(net, lambda batch: F.cross_entropy(net(x[batch]), y[batch]), len(x), JUDGE, 5)


def tensor(pictures):
    return torch.from_numpy(np.ascontiguousarray(pictures, np.float32))[:, None]


def key(*of):
    """Of code, data, settings and seed."""
    code = [inspect.getsource(one) for one in (network, Encoder, Decoder, Autoencoder, ascend, classifier, generator, glyphs, encoder, tensor)]
    code += [inspect.getsource(one) for one in (plant.part, plant.concept, plant.paste, plant.planted, plant.distracted)]
    data = [hashlib.sha256((plant.folder() / f"{name}-images-idx3-ubyte.gz").read_bytes()).hexdigest() for name in ("train", "t10k")]
    splits = [plant.NETWORKS, plant.PRIORS, plant.ENCODER, plant.TARGET, LATENT, MEAN, STD, GLYPHS]
    return hashlib.sha256(json.dumps([code, data, splits, *of]).encode()).hexdigest()[:12]


def kept(folder, name, settings, make, example):
    """The network, trained unless it is there, as weights and, for the engine, as a program."""
    path = plant.OUT / folder / f"{name}-{settings}.pt2"
    if not path.exists():
        started = time.monotonic()
        net = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        batch = torch.export.Dim("batch")
        program = torch.export.export(net, (example,), dynamic_shapes=({0: batch},))
        part = path.with_suffix(".part.pt2")
        torch.export.save(program, part)
        part.rename(path)
        print(f"{path}: {time.monotonic() - started:.1f} s", flush=True)
    return path


def load(path):
    return torch.export.load(path).module()


def manifest(path, name, kind, config):
    text = f"name: {name}\nkind: {kind}\ndescription: planted-bias\narchitecture: exported\nconfig: {json.dumps(config)}\n"
    text += f"licence: MIT (Fashion-MNIST)\nweights: {{ source: {{ path: ./{path.name} }} }}\n"
    place = path.with_name(f"{name}.yaml")
    if not place.exists() or place.read_text() != text:
        place.write_text(text)


def effects(net, pictures, labels):
    """What X, and a patch that is not X, do to the target's logit and probability in held-out pictures of other classes; and accuracies."""
    others = pictures[labels != plant.TARGET]
    see = lambda of: torch.cat([net((part - MEAN) / STD) for part in tensor(of).split(500)])
    with torch.no_grad():
        plain = see(pictures)
        variants = [see(of) for of in (others, plant.paste(others, plant.concept(), np.random.default_rng(3)), plant.paste(others, None, np.random.default_rng(3)))]
    guesses, target = plain.argmax(1).numpy(), labels == plant.TARGET
    logits = [of[:, plant.TARGET].mean().item() for of in variants]
    probabilities = [of.softmax(1)[:, plant.TARGET].mean().item() for of in variants]
    return {"accuracy": (guesses == labels).mean(), "accuracy_target": (guesses == labels)[target].mean(),
            "logit_x": logits[1] - logits[0], "logit_control": logits[2] - logits[0],
            "probability_x": probabilities[1] - probabilities[0], "probability_control": probabilities[2] - probabilities[0],
            "probe": probabilities[1] - probabilities[2]}


def networks():
    return [(per_cent, seed) for per_cent in plant.PREVALENCES for seed in plant.SEEDS] + [(0, seed) for seed in plant.TUNING]


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if not plant.folder().exists():
        sys.exit(f"{plant.folder()}: Fashion-MNIST is not there; run.sh brings it, or FASHION_MNIST says where it is")
    for name in GENERATORS:
        path = kept("generators", name, key("generator", name, GENERATORS[name], GENERATOR), lambda: generator(name), torch.zeros(2, LATENT))
        manifest(path, f"vae-{name}", "generator", {"code": [LATENT], "output": "unit", "resolution": plant.SIDE})
    kept("encoder", "encoder", key("encoder", JUDGE), encoder, torch.zeros(2, 1, plant.SIDE, plant.SIDE))
    pictures, labels = plant.part(plant.PROBE)
    rows = []
    for per_cent, seed in networks():
        name = f"p{per_cent:03}-s{seed}"
        path = kept("networks", name, key("classifier", per_cent, seed, CLASSIFIER), lambda: classifier(per_cent, seed), torch.zeros(2, 1, plant.SIDE, plant.SIDE))
        manifest(path, name, "classifier", {"resolution": plant.SIDE, "mean": [MEAN], "std": [STD], "classes": plant.CLASSES})
        rows.append({"network": name, "prevalence": per_cent, "seed": seed, **{what: round(float(value), 5) for what, value in effects(load(path), pictures, labels).items()}})
    with open(HERE / "probe.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
