#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/towards.rs compares with: what goes towards a photograph's activations, in PyTorch, with the gradients of
its autograd, after the formulas of Mahendran & Vedaldi 2015 (inversion), Gatys et al. 2015 (Gram matrices), lucid's caricatures and the guide of the
DeepDream notebook.

The committed file was made with Python 3.11 on x86-64 and torch 2.13.0, numpy 2.4.6, safetensors 0.8.0:

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_likeness.py --out tests/reference

What it writes into --out, likeness.safetensors (f64):

    spatial.a, spatial.b          [6,5,4], of a picture and of a photograph, none negative, a little alike
    flat.a, flat.b                [9], the same without positions, of both signs and hardly alike
    <of>.<likeness>.value         []
    <of>.<likeness>.gradient      with respect to a
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file


def inversion(a, b):
    return -(a - b).pow(2).sum() / b.pow(2).sum()


def like(a, b):
    return torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)


def caricature(a, b):
    return (a * b).sum() / b.norm() * like(a, b).clamp(min=0.1) ** 2


def guide(a, b):
    a, b = (of.reshape(len(of), -1) for of in (a, b))
    return torch.stack([max((a[:, p] * b[:, q]).sum() for q in range(b.shape[1])) for p in range(a.shape[1])]).mean()


def style(a, b):
    def gram(of):
        of = of.reshape(len(of), -1)
        return torch.einsum("ip,jp->ij", of, of) / of.shape[1]

    return inversion(gram(a), gram(b))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(5)
    draw = {"spatial": (6, 5, 4), "flat": (9,)}
    tensors = {}
    for of, shape in draw.items():
        b = torch.randn(shape, dtype=torch.float64)
        a = torch.randn(shape, dtype=torch.float64) + (0.5 * b if of == "spatial" else -0.2 * b)
        if of == "spatial":
            a, b = a.relu(), b.relu()
        tensors |= {f"{of}.a": a.clone(), f"{of}.b": b}
        for likeness in (inversion, like, caricature, guide, style):
            leaf = a.clone().requires_grad_()
            value = likeness(leaf, b)
            value.backward()
            tensors |= {f"{of}.{likeness.__name__}.value": value.detach(), f"{of}.{likeness.__name__}.gradient": leaf.grad}
    save_file(tensors, out / "likeness.safetensors")


main()
