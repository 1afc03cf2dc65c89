#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/optimizers.rs compares with: PyTorch's optimizers on a fixed problem.

The committed file was made with Python 3.11 on x86-64 and torch 2.13.0, numpy 2.4.6, safetensors 0.8.0. How to run it:

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_optimizers.py --out tests/reference

The problem, in f64: for each row x of 6 numbers,

    f(x) = sum_i ((i + 1) x_i^2 / 2 + cos(3 x_i)) + sum_i (x_{i+1} - x_i^2)^2

is minimised for 50 steps from two rows. What it writes into --out, optimizers.safetensors (f64): `start` `[2,6]`, and the
rows after the last step under the name of each setting.
"""

import argparse
import importlib.metadata
from pathlib import Path

import torch
from safetensors.torch import save_file

STEPS = 50

# The names that the Rust test uses.
SETTINGS = {
    "sgd": (torch.optim.SGD, {"lr": 0.02}),
    "sgd.momentum": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "sgd.dampening": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.8, "dampening": 0.5}),
    "sgd.nesterov": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "sgd.decay": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.3}),
    "adam": (torch.optim.Adam, {"lr": 0.05}),
    "adam.decay": (torch.optim.Adam, {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.3}),
}


def f(x):
    weights = torch.arange(1, 7, dtype=x.dtype)
    bowl = (weights * x**2 / 2 + torch.cos(3 * x)).sum()
    return bowl + ((x[:, 1:] - x[:, :-1] ** 2) ** 2).sum()


def main():
    parser = argparse.ArgumentParser(description="Make the reference numbers of tests/fast/optimizers.rs.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write into")
    out = parser.parse_args().out
    start = torch.tensor(
        [[0.9, -1.2, 0.4, 1.1, -0.3, 0.7], [-0.5, 0.2, 1.4, -0.8, 0.6, -1.0]], dtype=torch.float64
    )
    made = {"start": start}
    for name, (optimizer, settings) in SETTINGS.items():
        x = start.clone().requires_grad_(True)
        steps = optimizer([x], **settings)
        for _ in range(STEPS):
            steps.zero_grad()
            f(x).backward()
            steps.step()
        made[name] = x.detach().clone()
        print(f"{name}: f {f(start):.4f} -> {f(x):.4f}")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ["torch", "numpy", "safetensors"])
    save_file(made, out / "optimizers.safetensors", {"made_with": versions})


if __name__ == "__main__":
    main()
