#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/peers.rs compares with: small implementations of their own, in PyTorch and NumPy, of what newer methods optimize.

- cppn: the network of Mordvintsev et al. 2018 as a stack of 1x1 convolutions, its picture, and autograd's gradients
- multires: the sum of pictures at many resolutions of Fort & Whitaker 2025, enlarged by PyTorch's bilinear interpolation
- distribution: sorted activations against those of real pictures (Görgün et al. 2025)
- component: the class-wise principal components of Neuhaus et al. 2023, by NumPy's eigenvectors of the covariance

The committed file was made with Python 3.11 on x86-64 and torch 2.13.0, numpy 2.4.6, safetensors 0.8.0:

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_peers.py --out tests/reference

What it writes into --out, peers.safetensors (f64):

    cppn.weight_<i>, cppn.bias_<i>      of 3 layers of 5 channels and the last one, two samples
    cppn.picture, cppn.towards          [2,3,7,6]; the gradients are those of the sum of their product
    cppn.gradient.weight_<i>, ...
    multires.level_<i>                  finest first, two samples; multires.picture, .towards, .gradient.level_<i>
    distribution.real                   [4,3,4,5]; .picture [3,4,5]; .value, .gradient
    component.features                  [12,6]; .weights [6]; .direction.<k>
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F


def cppn(tensors):
    size, samples, width = (7, 6), 2, 5
    inputs, layers = 2, []
    for out in (width, width, width, 3):
        layers.append((torch.randn(samples, out, inputs) / inputs**0.5, torch.randn(samples, out, 1) * 0.1))
        inputs = 2 * width
    leaves = [[of.clone().requires_grad_() for of in layer] for layer in layers]
    rows, columns = (torch.linspace(-(3**0.5), 3**0.5, side) for side in size)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    pictures = []
    for sample in range(samples):
        net = torch.stack([x, y])[None]
        for number, (weight, bias) in enumerate(leaves):
            net = F.conv2d(net, weight[sample][:, :, None, None], bias[sample][:, 0])
            if number + 1 < len(leaves):
                net = net.atan()
                net = torch.cat([net / 0.67, net**2 / 0.6], 1)
        pictures.append(net.sigmoid()[0])
    picture = torch.stack(pictures)
    towards = torch.randn_like(picture)
    (picture * towards).sum().backward()
    tensors |= {"cppn.picture": picture.detach(), "cppn.towards": towards}
    for number, (layer, leaf) in enumerate(zip(layers, leaves)):
        for name, value, of in zip(("weight", "bias"), layer, leaf):
            tensors |= {f"cppn.{name}_{number}": value, f"cppn.gradient.{name}_{number}": of.grad}


def multires(tensors):
    sides = [(9, 8), (6, 6), (4, 3), (1, 1)]
    levels = [torch.randn(2, 3, *side) * 0.5 for side in sides]
    leaves = [level.clone().requires_grad_() for level in levels]
    enlarged = [F.interpolate(leaf, sides[0], mode="bilinear", align_corners=False) for leaf in leaves]
    picture = sum(enlarged).sigmoid()
    towards = torch.randn_like(picture)
    (picture * towards).sum().backward()
    tensors |= {"multires.picture": picture.detach(), "multires.towards": towards}
    for number, (level, leaf) in enumerate(zip(levels, leaves)):
        tensors |= {f"multires.level_{number}": level, f"multires.gradient.level_{number}": leaf.grad}


def distribution(tensors):
    real, picture = torch.randn(4, 3, 4, 5).relu(), torch.randn(3, 4, 5).requires_grad_()
    profile = torch.stack([of.reshape(3, -1).sort(-1).values for of in real]).mean(0)
    away = picture.reshape(3, -1).sort(-1).values - profile
    value = away.pow(2).sum() / profile.pow(2).sum()
    value.backward()
    tensors |= {"distribution.real": real, "distribution.picture": picture.detach().clone()}
    tensors |= {"distribution.value": value.detach(), "distribution.gradient": picture.grad}


def component(tensors):
    draw = np.random.default_rng(4)
    features = draw.gamma(1.0, size=(12, 6)) @ draw.normal(size=(6, 6)) + 3
    weights = draw.normal(size=6)
    weighted = features * weights
    values, vectors = np.linalg.eigh(np.cov(weighted, rowvar=False))
    for number, place in enumerate(np.argsort(-values)[:3]):
        v = vectors[:, place]
        # alpha = sum(v) * <v, weights * x - mean>: what x is multiplied with
        tensors[f"component.direction.{number}"] = torch.tensor(v.sum() * v * weights)
    tensors |= {"component.features": torch.tensor(features), "component.weights": torch.tensor(weights)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(7)
    tensors = {}
    for make in (cppn, multires, distribution, component):
        make(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "peers.safetensors")


main()
