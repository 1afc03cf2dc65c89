#!/usr/bin/env python3
"""Makes the reference numbers of the decoders: what PyTorch computes with weights from a formula.

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python tests/reference/make_decoders.py --out tests/reference/decoders [--taef2 taef2_decoder.pth]

The networks are written here from their published layer lists. It needs no network and no GPU, and writes a JSON file each:
name and shape of every tensor of the state_dict, and for two codes at once mean, deviation and 16 values of some layers and of
the output, and norm and 16 values of the gradient of a weighted sum of the output with respect to the codes. Everything is
computed in 64-bit floats.

Weights follow formula.py, which also says what h and u are. Of one kind of names it makes another
thing: `style.N.weight` is 100 (2 u - 1), since StyleGAN2 multiplies it by 0.01. The codes' element i (flat) has f = 12345 and is
1.5 (2 u - 1) (absolute values where codes are activations behind a ReLU), the sum's weight of the output's element i has
f = 54321 and is 2 u - 1.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from formula import fnv1a, numbers, tensor, uniform


def weight(name, shape):
    if name.startswith("style.") and len(shape) == 2:
        values = 100 * (2 * uniform(math.prod(shape), fnv1a(name)) - 1)
        return torch.from_numpy(values.astype(np.float32).reshape(shape))
    return tensor(name, shape)


def code(shape, rectified=False):
    values = (1.5 * (2 * uniform(math.prod(shape), 12345) - 1)).astype(np.float32).reshape(shape)
    return torch.from_numpy(np.abs(values) if rectified else values).double()


# --- TAESD


class Clamp(nn.Module):
    def forward(self, x):
        return 3 * torch.tanh(x / 3)


class TaesdBlock(nn.Module):
    def __init__(self, pooled):
        super().__init__()
        three = [nn.Conv2d(64, 64, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(three[0], nn.ReLU(), three[1], nn.ReLU(), three[2])
        self.pool = None
        if pooled:
            narrow, wide = nn.Conv2d(256, 64, 1, bias=False), nn.Conv2d(64, 256, 1, bias=False)
            self.pool = nn.Sequential(wide, nn.GroupNorm(4, 256), nn.ReLU(), narrow)

    def forward(self, x):
        if self.pool is not None:
            x = x + self.pool(x)
        return F.relu(x + self.conv(x))


def taesd(channels, pooled):
    layers = [Clamp(), nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU()]
    for stage in range(3):
        layers += [TaesdBlock(pooled and stage == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(64, 64, 3, padding=1, bias=False)]
    layers += [TaesdBlock(False), nn.Conv2d(64, 3, 3, padding=1)]
    return nn.Sequential(*layers)


TAESD = {name: name for name in ["1", "3.conv.0", "3", "5.conv.4", "7", "10", "12", "17", "18"]}
POOLED = TAESD | {name: name for name in ["3.pool.0", "3.pool.1", "5.pool.3"]}

# name -> (how the model is made, shape of a code, points: name here -> module (or what the model keeps in `points`),
#          whether codes are not negative)
MODELS = {
    "taesd": (lambda: taesd(4, False), [4, 5, 5], TAESD, False),
    "taesd3": (lambda: taesd(16, False), [16, 5, 5], TAESD, False),
    "taef2": (lambda: taesd(32, True), [32, 5, 5], POOLED, False),
}

# name -> model of the published size, of which the names and shapes alone are written
PUBLISHED = {}


def reference(make, shape, points, rectified, weights=None):
    with torch.device("meta"):
        model = make()
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    weights = weights or {name: weight(name, shape) for name, shape in shapes.items()}
    assert {name: list(value.shape) for name, value in weights.items()} == shapes
    model.load_state_dict(weights, assign=True)
    model = model.double().eval()
    modules = dict(model.named_modules())
    found = {}
    for point, module in points.items():
        def keep(_m, _i, output, point=point):
            found[point] = numbers(output)
        if module in modules:
            modules[module].register_forward_hook(keep)
    x = code([2, *shape], rectified).requires_grad_(True)
    output = model(x)
    for name, values in getattr(model, "points", {}).items():
        found[name] = numbers(values)
    assert list(found) and set(found) >= set(points), set(points) - set(found)
    of_output = torch.from_numpy((2 * uniform(output.numel(), 54321) - 1).astype(np.float32)).double()
    (gradient,) = torch.autograd.grad((output.flatten() * of_output).sum(), x)
    assert gradient.isfinite().all() and all(sample.abs().max() > 0 for sample in gradient)
    return {
        "tensors": shapes, "code": shape, "layers": {name: found[name] for name in points}, "shape": list(output.shape),
        "output": numbers(output), "gradient": [float(f"{gradient.norm().item():.9g}"), *numbers(gradient)[2:]],
    }  # fmt: skip


def write(path, fixture):
    """JSON with a line a tensor and a line a layer."""
    line = json.dumps
    parts = [f'"made_with": {line("torch " + torch.__version__)}']
    for key, value in fixture.items():
        if isinstance(value, dict):
            lines = ",\n".join(f"    {line(name)}: {line(of_name)}" for name, of_name in value.items())
            parts.append(f'"{key}": {{\n{lines}\n  }}')
        else:
            parts.append(f'"{key}": {line(value)}')
    path.write_text("{\n  " + ",\n  ".join(parts) + "\n}\n")
    assert json.loads(path.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--taef2", type=Path, help="the published file, for the numbers of its own weights")
    parser.add_argument("names", nargs="*", help="networks; all if none is given")
    arguments = parser.parse_args()
    for name, (make, shape, points, rectified) in MODELS.items():
        if name in (arguments.names or MODELS):
            fixture = reference(make, shape, points, rectified)
            write(arguments.out / f"{name}.json", fixture)
            print(f"{name}: {len(fixture['tensors'])} tensors, output {fixture['output'][:2]}, gradient {fixture['gradient'][0]}", flush=True)
    for name, make in PUBLISHED.items():
        if name in (arguments.names or PUBLISHED):
            with torch.device("meta"):
                tensors = {key: list(value.shape) for key, value in make().state_dict().items()}
            write(arguments.out / f"{name}.json", {"tensors": tensors})
            print(f"{name}: {len(tensors)} tensors", flush=True)
    if arguments.taef2:
        weights = torch.load(arguments.taef2, map_location="cpu", weights_only=True)
        make, shape, points, rectified = MODELS["taef2"]
        fixture = reference(make, [32, 8, 8], points, rectified, {name: value.float() for name, value in weights.items()})
        del fixture["tensors"]
        write(arguments.out / "taef2.published.json", fixture)
        print(f"taef2, published: output {fixture['output'][:2]}, gradient {fixture['gradient'][0]}")
