#!/usr/bin/env python3
"""Makes five programs of TorchScript for the tests, and what they compute.

    python3 -m venv venv && venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python tests/reference/make_torchscript.py --out tests/reference/torchscript

    traced.pt      returns a tuple: an inner layer, another, the logits
    scripted.pt    the same network, returns a dictionary; has a loop and a condition
    one.pt         the same network, returns the logits alone
    squeezed.pt    the same network with a fault: an inner layer loses the dimension of a batch of one
    rounded.pt     the same network in 8-bit numbers, as a quantized one is: its logits alone, without a gradient
    expected.json  for two pictures of 16 px: the outputs, and the gradient of
                   sum_n (logits[n, n] + inner[n, 2, 1, 3]) with respect to the pictures

Weights, biases and pictures are sin(0.7 i + 0.3), of the flat index i; weights times sqrt(2 / inputs), biases times 0.1, and scales of
the norm that plus 1.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Dict

import torch
from torch import nn


def formula(shape):
    count = math.prod(shape)
    return torch.sin(0.7 * torch.arange(count, dtype=torch.float64) + 0.3).float().reshape(shape)


class Net(nn.Module):
    """3 x 16 x 16 to 5 classes."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2)
        self.fc = nn.Linear(6, 5)
        with torch.no_grad():
            for value in self.parameters():
                if value.dim() > 1:
                    value.copy_(formula(value.shape) * math.sqrt(2 / math.prod(value.shape[1:])))
                else:
                    value.copy_(formula(value.shape) * 0.1 + (value is self.bn1.weight))

    def forward(self, x):
        inner = torch.relu(self.bn1(self.conv1(x)))
        deep = torch.sigmoid(self.conv2(inner))
        return inner, deep, self.fc(deep.mean((2, 3)))


class Named(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x) -> Dict[str, torch.Tensor]:
        inner, deep, logits = self.net(x)
        for _ in range(x.shape[0] - x.shape[0]):
            logits = logits + 1
        if logits.dim() == 3:
            logits = logits[0]
        return {"inner": inner, "deep": deep, "logits": logits}


class Alone(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)[2]


class Rounded(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return torch.fake_quantize_per_tensor_affine(self.net(x)[2].detach(), 0.02, 0, -128, 127)


class Squeezed(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        _, deep, logits = self.net(x)
        return deep.mean((2, 3)).squeeze(), logits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    net = Net().eval()
    torch.jit.trace(net, torch.zeros(1, 3, 16, 16)).save(out / "traced.pt")
    torch.jit.script(Named(net)).save(out / "scripted.pt")
    torch.jit.script(Squeezed(net)).save(out / "squeezed.pt")
    torch.jit.trace(Rounded(net).eval(), torch.zeros(1, 3, 16, 16)).save(out / "rounded.pt")
    torch.jit.trace(Alone(net).eval(), torch.zeros(1, 3, 16, 16)).save(out / "one.pt")
    net = net.double()
    x = formula((2, 3, 16, 16)).double().requires_grad_(True)
    inner, deep, logits = net(x)
    (gradient,) = torch.autograd.grad(sum(logits[n, n] + inner[n, 2, 1, 3] for n in range(2)), x)
    numbers = {"deep": deep, "logits": logits, "gradient": gradient}
    numbers = {name: [float(f"{value:.8g}") for value in values.flatten().tolist()] for name, values in numbers.items()}
    (out / "expected.json").write_text(json.dumps(numbers, indent=None) + "\n")
