#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/regularizers.rs compares with: NumPy's total variation, PyTorch's autograd of
the Gram matrices' cosine similarities, and lucent's objective of the same.

The committed file was made with Python 3.11 on x86-64 and

    torch 2.13.0, torch-lucent 0.1.8, numpy 2.4.6, safetensors 0.8.0

How to run it (lucent's other dependencies are not needed):

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 torchvision torch-lucent==0.1.8 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_regularizers.py --out tests/reference

What it writes into --out, regularizers.safetensors (f64):

    picture                [2,3,9,7] in [0,1], the second one with a flat part
    tv.<beta>              [2]
    activation             [6,4,3,5], normal
    diversity.value        [6], groups of 3: mean cosine similarity to the two mates
    diversity.gradient     of the sum of these
    diversity.lucent       [2], lucent's objective for each group
"""

import argparse
import importlib.metadata
from pathlib import Path

import numpy as np
import torch
from lucent.optvis import objectives
from safetensors.numpy import save_file

PACKAGES = ["torch", "torch-lucent", "numpy", "safetensors"]


def total_variation(picture, beta):
    """Of one picture, pixel by pixel as the paper's formula reads."""
    channels, height, width = picture.shape
    total = 0.0
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                right = picture[c, i, j + 1] - picture[c, i, j] if j + 1 < width else 0.0
                down = picture[c, i + 1, j] - picture[c, i, j] if i + 1 < height else 0.0
                total += (right**2 + down**2) ** (beta / 2)
    return total / (height * width)


def similarities(activation, group):
    values = []
    for i, sample in enumerate(activation):
        mates = [j for j in range(len(activation)) if j // group == i // group and j != i]
        gram = sample.flatten(1) @ sample.flatten(1).T
        grams = [activation[j].flatten(1) @ activation[j].flatten(1).T for j in mates]
        cosines = [torch.nn.functional.cosine_similarity(gram.flatten(), g.flatten(), dim=0) for g in grams]
        values.append(sum(cosines) / len(cosines))
    return torch.stack(values)


def main():
    parser = argparse.ArgumentParser(description="Make the reference numbers of tests/fast/regularizers.rs.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write into")
    out = parser.parse_args().out
    random = np.random.default_rng(0)
    picture = random.random((2, 3, 9, 7))
    picture[1, :, 2:6, 1:5] = 0.5
    made = {"picture": picture}
    for beta in [1.0, 1.5, 2.0, 3.0]:
        made[f"tv.{beta}"] = np.array([total_variation(sample, beta) for sample in picture])

    activation = torch.from_numpy(random.standard_normal((6, 4, 3, 5))).requires_grad_(True)
    values = similarities(activation, 3)
    values.sum().backward()
    lucent = [objectives.diversity("")(lambda _: group) for group in activation.detach().split(3)]
    made["activation"] = activation.detach().numpy()
    made["diversity.value"] = values.detach().numpy()
    made["diversity.gradient"] = activation.grad.numpy()
    made["diversity.lucent"] = np.array([float(value) for value in lucent])
    print({name: value.round(4).tolist() for name, value in made.items() if value.ndim == 1})
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    save_file(made, out / "regularizers.safetensors", {"made_with": versions})


if __name__ == "__main__":
    main()
