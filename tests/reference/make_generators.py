#!/usr/bin/env python3
"""Makes the reference numbers of the generators: what their programs compute with weights from a formula.

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pytorch-pretrained-biggan==0.1.1
    venv/bin/python tests/reference/make_generators.py --out tests/reference/generators

It needs no network, no GPU and a minute. BigGAN-deep is the package's own network with its own forward pass; BigGAN, SNGAN
and SAGAN are written down here after the layer lists of BigGAN-PyTorch, PyTorch-StudioGAN and OpenMMLab's mmgeneration, with
PyTorch's modules.

A generator `name` gives `name.tensors`, with a line of name and shape for every tensor of the published size's state_dict,
and `name.json`, with numbers of a narrower one: how many tensors it has (counters aside) and of how many elements, and for
two inputs at once the mean, the deviation and 16 values of some layers and of the picture, and norm and 16 values of the
gradient of a weighted sum of the picture with respect to the code and to what of the class enters. Everything is computed in
64-bit floats.

Weights are those of `formula.py`, except weight_v and weight_u beside a weight_orig, whose matrix is W. They are one step of
the power method from the formula's weight_u, u: v = W'u / |W'u|, u = W v / |W v|, in 64 bits and rounded to 32.

The codes have the f that is noted with them and are 2 u - 1: 12345, or 12346 where with those a sum is so near to zero that
its ReLU opens when the normalized weights are rounded to 32 bits, as they are in Rust. The first sample's class is 207, the second is three tenths class 1 and seven tenths
class 999. The weights of the sum have f = 54321 and are 2 u - 1.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from formula import numbers, tensor, uniform

CLASSES = 1000


def normed(module, eps):
    return nn.utils.spectral_norm(module, eps=eps)


class PowerStep(nn.Module):
    """A layer as BigGAN-PyTorch normalizes it: by a power step from `u0` in every pass. Convolution or fully connected."""

    def __init__(self, *shape, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u0", torch.zeros(1, shape[0]))
        self.register_buffer("sv0", torch.zeros(1))

    def forward(self, x):
        matrix = self.weight.flatten(1)
        v = F.normalize(self.u0 @ matrix, eps=1e-6)
        u = F.normalize(v @ matrix.t(), eps=1e-6)
        weight = self.weight / (v @ matrix.t() @ u.t()).squeeze()
        if weight.dim() == 2:
            return F.linear(x, weight, self.bias)
        return F.conv2d(x, weight, self.bias, padding=weight.shape[2] // 2)


class Studio:
    """How PyTorch-StudioGAN names and makes things."""

    eps, gamma, gamma_shape, attention = 1e-4, "sigma", [1], ["conv1x1_theta", "conv1x1_phi", "conv1x1_g", "conv1x1_attn"]
    linear_name, convolutions, last_norm, last = "linear0", ["conv2d1", "conv2d2", "conv2d0"], "bn4", "conv2d5"
    attention_counts = True

    def __init__(self, spectral):
        self.spectral = spectral

    def wrap(self, module):
        return normed(module, 1e-6) if self.spectral else module

    def linear(self, inputs, out, bias=True):
        return self.wrap(nn.Linear(inputs, out, bias=bias))

    def convolution(self, inputs, out, size, bias=True):
        return self.wrap(nn.Conv2d(inputs, out, size, padding=size // 2, bias=bias))

    def statistics(self, module, channels):
        module.bn = nn.BatchNorm2d(channels, eps=self.eps, affine=False)

    def standardize(self, module, x):
        return module.bn(x)

    def norm(self, channels):
        return nn.BatchNorm2d(channels, eps=self.eps)


class Brock:
    """How BigGAN-PyTorch names and makes things."""

    eps, gamma, gamma_shape, attention = 1e-5, "gamma", [], ["theta", "phi", "g", "o"]
    linear_name, convolutions, last_norm, last = "linear", ["conv1", "conv2", "conv_sc"], None, None
    attention_counts = False

    def linear(self, inputs, out, bias=True):
        return PowerStep(out, inputs, bias=bias)

    def convolution(self, inputs, out, size, bias=True):
        return PowerStep(out, inputs, size, size, bias=bias)

    def statistics(self, module, channels):
        module.register_buffer("stored_mean", torch.zeros(channels))
        module.register_buffer("stored_var", torch.ones(channels))

    def standardize(self, module, x):
        return F.batch_norm(x, module.stored_mean, module.stored_var, eps=self.eps)

    def norm(self, channels):
        return BrockNorm(channels, self)


class BrockNorm(nn.Module):
    def __init__(self, channels, style):
        super().__init__()
        self.style = style
        self.gain, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        style.statistics(self, channels)

    def forward(self, x):
        return self.style.standardize(self, x) * self.gain[:, None, None] + self.bias[:, None, None]


class MmNorm(nn.Module):
    """A conditional norm of mmgeneration, whose scale and offset are entries of tables; a mixture takes a mixture of them."""

    def __init__(self, channels, spectral, eps):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=eps, affine=False)
        wrap = (lambda table: normed(table, 1e-12)) if spectral else lambda table: table
        self.weight_embedding, self.bias_embedding = (wrap(nn.Embedding(CLASSES, channels)) for _ in range(2))

    def forward(self, x, mixture):
        every = torch.arange(CLASSES)
        scale, offset = mixture @ self.weight_embedding(every), mixture @ self.bias_embedding(every)
        return self.norm(x) * (1 + scale)[:, :, None, None] + offset[:, :, None, None]


class MmConvolution(nn.Module):
    """mmcv's ConvModule without norm and activation."""

    def __init__(self, spectral, inputs, out, size, bias=True):
        super().__init__()
        convolution = nn.Conv2d(inputs, out, size, padding=size // 2, bias=bias)
        self.conv = normed(convolution, 1e-12) if spectral else convolution

    def forward(self, x):
        return self.conv(x)


class MmBlock(nn.Module):
    def __init__(self, inputs, out, spectral, of_conditions, eps):
        super().__init__()
        self.conv_1, self.conv_2 = MmConvolution(spectral, inputs, out, 3), MmConvolution(spectral, out, out, 3)
        self.norm_1, self.norm_2 = MmNorm(inputs, of_conditions, eps), MmNorm(out, of_conditions, eps)
        self.shortcut = MmConvolution(spectral, inputs, out, 1)

    def forward(self, x, mixture):
        double = lambda picture: F.interpolate(picture, scale_factor=2, mode="nearest")
        h = self.conv_1(double(F.relu(self.norm_1(x, mixture))))
        return self.conv_2(F.relu(self.norm_2(h, mixture))) + self.shortcut(double(x))


class MmAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        few, half = channels // 8, channels // 2
        self.theta, self.phi, self.g = (MmConvolution(True, channels, out, 1, bias=False) for out in (few, few, half))
        self.o = MmConvolution(True, half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.0))

    def forward(self, x, _mixture):
        keys, values = F.max_pool2d(self.phi(x), 2).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
        shares = torch.softmax(self.theta(x).flatten(2).transpose(1, 2) @ keys, dim=-1)
        return self.gamma * self.o((values @ shares.transpose(1, 2)).unflatten(2, x.shape[2:])) + x


class Mm(nn.Module):
    """SNGAN's and SAGAN's generator as mmgeneration names and makes them, at 128 px."""

    code = 128

    def __init__(self, width, attention=False, of_conditions=False, eps=1e-4):
        super().__init__()
        first = nn.Linear(self.code, 16 * 16 * width)
        self.noise2feat = normed(first, 1e-12) if attention else first
        blocks = []
        for number, (inputs, out) in enumerate(ResNet.BLOCKS[128]):
            blocks.append(MmBlock(width * inputs, width * out, attention, of_conditions, eps))
            if attention and number == 3:
                blocks.append(MmAttention(width * out))
        self.conv_blocks = nn.ModuleList(blocks)
        self.to_rgb = MmConvolution(attention, width, 3, 3)
        self.to_rgb.bn = nn.BatchNorm2d(width, eps=eps)

    def embed(self, mixture):
        return mixture

    def forward(self, entering):
        x = self.noise2feat(entering[:, : self.code]).unflatten(1, (-1, 4, 4))
        for block in self.conv_blocks:
            x = block(x, entering[:, self.code :])
        return torch.tanh(self.to_rgb.conv(F.relu(self.to_rgb.bn(x))))


class ConditionalNorm(nn.Module):
    def __init__(self, style, channels, condition):
        super().__init__()
        self.style = style
        style.statistics(self, channels)
        self.gain = style.linear(condition, channels, bias=False)
        self.bias = style.linear(condition, channels, bias=False)

    def forward(self, x, condition):
        standard = self.style.standardize(self, x)
        return standard * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class Block(nn.Module):
    def __init__(self, style, inputs, out, condition):
        super().__init__()
        self.bn1, self.bn2 = ConditionalNorm(style, inputs, condition), ConditionalNorm(style, out, condition)
        self.names = style.convolutions
        for name, parts in zip(self.names, [(inputs, out, 3), (out, out, 3), (inputs, out, 1)]):
            self.add_module(name, style.convolution(*parts))

    def forward(self, x, condition):
        first, second, beside = (getattr(self, name) for name in self.names)
        double = lambda picture: F.interpolate(picture, scale_factor=2, mode="nearest")
        h = first(double(F.relu(self.bn1(x, condition))))
        h = second(F.relu(self.bn2(h, condition)))
        return h + beside(double(x))


class Attention(nn.Module):
    def __init__(self, style, channels):
        super().__init__()
        self.style = style
        sizes = [(channels, channels // 8), (channels, channels // 8), (channels, channels // 2), (channels // 2, channels)]
        for name, (inputs, out) in zip(style.attention, sizes):
            self.add_module(name, style.convolution(inputs, out, 1, bias=False))
        self.register_parameter(style.gamma, nn.Parameter(torch.zeros(style.gamma_shape)))

    def forward(self, x, _condition):
        theta, phi, g, last = (getattr(self, name) for name in self.style.attention)
        queries, keys, values = theta(x).flatten(2), F.max_pool2d(phi(x), 2).flatten(2), F.max_pool2d(g(x), 2).flatten(2)
        table = torch.softmax(queries.transpose(1, 2) @ keys, dim=2)
        attended = (values @ table.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + getattr(self, self.style.gamma) * last(attended)


class ResNet(nn.Module):
    """SNGAN's, SAGAN's and BigGAN's generator. `shared` is the width of BigGAN's embedding: then the code has parts."""

    BLOCKS = {
        128: [(16, 16), (16, 8), (8, 4), (4, 2), (2, 1)],
        256: [(16, 16), (16, 8), (8, 8), (8, 4), (4, 2), (2, 1)],
    }

    def __init__(self, style, width, code, resolution=128, attention=False, shared=None):
        super().__init__()
        blocks = self.BLOCKS[resolution]
        self.code, self.style = code, style
        self.part = code // (len(blocks) + 1) if shared else None
        condition = shared + self.part if shared else CLASSES
        if shared:
            self.shared = nn.Embedding(CLASSES, shared)
        self.add_module(style.linear_name, style.linear(self.part or code, 16 * 16 * width))
        lists = []
        for number, (inputs, out) in enumerate(blocks):
            lists.append([Block(style, width * inputs, width * out, condition)])
            if attention and 8 << number == 64:
                layer = Attention(style, width * out)
                lists.append([layer]) if style.attention_counts else lists[-1].append(layer)
        self.blocks = nn.ModuleList(nn.ModuleList(parts) for parts in lists)
        norm, last = style.norm(width), style.convolution(width, 3, 3)
        if style.last_norm:
            self.add_module(style.last_norm, norm)
            self.add_module(style.last, last)
        else:
            self.output_layer = nn.Sequential(norm, nn.ReLU(), last)

    def embed(self, mixture):
        return mixture @ self.shared.weight if self.part else mixture

    def forward(self, entering):
        code, entered = entering[:, : self.code], entering[:, self.code :]
        first, conditions = code, [entered] * len(self.blocks)
        if self.part:
            first, *parts = code.split(self.part, dim=1)
            conditions = [torch.cat([entered, part], dim=1) for part in parts]
        x = getattr(self, self.style.linear_name)(first).unflatten(1, (-1, 4, 4))
        count = 0
        for parts in self.blocks:
            for layer in parts:
                x = layer(x, conditions[min(count, len(conditions) - 1)])
                count += isinstance(layer, Block)
        if self.style.last_norm:
            x = getattr(self, self.style.last)(F.relu(getattr(self, self.style.last_norm)(x)))
        else:
            x = self.output_layer(x)
        return torch.tanh(x)


class Deep(nn.Module):
    """The package's BigGAN-deep; its embedding is told apart from the rest."""

    code = 128

    def __init__(self, resolution, width, truncation=0.4):
        super().__init__()
        from pytorch_pretrained_biggan import BigGAN, BigGANConfig

        up = [
            (False, 16, 16), (True, 16, 16), (False, 16, 16), (True, 16, 8), (False, 8, 8), (True, 8, 8), (False, 8, 8),
            (True, 8, 4), (False, 4, 4), (True, 4, 2), (False, 2, 2), (True, 2, 1), (False, 1, 1), (True, 1, 1),
        ]  # fmt: skip
        layers = {128: up[:5] + up[7:12], 256: up[:12], 512: up}[resolution]
        self.network = BigGAN(BigGANConfig(output_dim=resolution, channel_width=width, layers=layers))
        self.truncation = truncation

    def embed(self, mixture):
        return self.network.embeddings(mixture)

    def forward(self, entering):
        return self.network.generator(entering, self.truncation)


def weights_of(shapes):
    """The tensors of a state_dict; see the top."""
    tensors = {name: tensor(name, shape) for name, shape in shapes.items()}
    for name in [name for name in shapes if name.endswith("weight_orig")]:
        root = name.removesuffix("orig")
        matrix = tensors[name].double().flatten(1)
        v = matrix.t() @ tensors[root + "u"].double()
        v /= v.norm()
        u = matrix @ v
        tensors[root + "v"], tensors[root + "u"] = v.float(), (u / u.norm()).float()
    return tensors


def uniform_tensor(shape, start):
    values = (2 * uniform(math.prod(shape), start) - 1).astype(np.float32)
    return torch.from_numpy(values.reshape(shape)).double()


def shapes_of(make):
    with torch.device("meta"):
        model = make()
    return {name.removeprefix("network."): list(value.shape) for name, value in model.state_dict().items()}


def reference(make, points, start):
    model = make()
    shapes = shapes_of(make)
    tensors = weights_of(shapes)
    prefix = "network." if isinstance(model, Deep) else ""
    model.load_state_dict({prefix + name: value for name, value in tensors.items()})
    model = model.double().eval()
    modules = dict(model.named_modules())
    layers = {}
    for point in points:
        keep = lambda _m, _i, output, point=point: layers.__setitem__(point, numbers(output))
        modules[prefix + point].register_forward_hook(keep)
    mixture = torch.zeros(2, CLASSES, dtype=torch.float64)
    mixture[0, 207], mixture[1, 1], mixture[1, 999] = 1, 0.3, 0.7
    codes = uniform_tensor([2, model.code], start)
    entering = torch.cat([codes, model.embed(mixture).detach()], dim=1).requires_grad_(True)
    picture = model(entering)
    (gradient,) = torch.autograd.grad((picture * uniform_tensor(picture.shape, 54321)).sum(), entering)
    assert gradient.isfinite().all()
    parts = {"code": gradient[:, : model.code], "condition": gradient[:, model.code :]}
    needed = [math.prod(shape) for name, shape in shapes.items() if not name.endswith("num_batches_tracked")]
    return {
        "tensors": len(needed),
        "elements": sum(needed),
        "codes": start,
        "layers": layers,
        "picture": numbers(picture),
        "gradient": {part: [float(f"{g.norm().item():.9g}"), *numbers(g)[2:]] for part, g in parts.items()},
    }


def deep_points(last):
    names = ["gen_z", "layers.0.bn_0", "layers.0", "layers.1.conv_1", "layers.1.bn_2", "layers.3", "layers.7.conv_3",
             "layers.8.snconv1x1_theta", "layers.8", f"layers.{last}", "bn"]  # fmt: skip
    return [f"generator.{name}" for name in names]


STUDIO_POINTS = ["linear0", "blocks.0.0.bn1", "blocks.0.0.conv2d1", "blocks.0.0", "blocks.2.0.bn2", "blocks.3.0", "bn4"]
STUDIO_ATTENTION = ["blocks.4.0.conv1x1_phi", "blocks.4.0", "blocks.5.0"]
BROCK_POINTS = ["linear", "blocks.0.0.bn1", "blocks.0.0.conv1", "blocks.0.0", "blocks.2.0.bn2", "blocks.3.0",
                "blocks.3.1.phi", "blocks.3.1", "blocks.4.0", "output_layer.0"]  # fmt: skip

MM_POINTS = ["noise2feat", "conv_blocks.0.norm_1", "conv_blocks.0.conv_1.conv", "conv_blocks.0", "conv_blocks.2.norm_2",
             "conv_blocks.4", "to_rgb.bn"]  # fmt: skip
MM_ATTENTION = ["conv_blocks.4.phi.conv", "conv_blocks.5"]

# name -> (the published network if it is not of another name's, the narrow one, points)
MODELS = {
    "biggan-deep-128": (lambda: Deep(128, 128), lambda: Deep(128, 8), deep_points(10)),
    # Between two rows of the statistics, and at a multiple of 0.02 whose quotient is not whole.
    "biggan-deep-128-truncation-0.433": (None, lambda: Deep(128, 8, 0.433), deep_points(10)[:3]),
    "biggan-deep-128-truncation-0.14": (None, lambda: Deep(128, 8, 0.14), deep_points(10)[:3]),
    "biggan-deep-256": (lambda: Deep(256, 128), lambda: Deep(256, 8), deep_points(12)),
    "biggan-deep-512": (lambda: Deep(512, 128), lambda: Deep(512, 8), deep_points(14)),
    "biggan-128": (
        lambda: ResNet(Brock(), 96, 120, attention=True, shared=128),
        lambda: ResNet(Brock(), 8, 120, attention=True, shared=128), BROCK_POINTS,
    ),
    "biggan-256": (None, lambda: ResNet(Brock(), 8, 140, resolution=256, attention=True, shared=128), BROCK_POINTS[:4]),
    "studiogan-biggan-128": (
        lambda: ResNet(Studio(True), 96, 120, attention=True, shared=128),
        lambda: ResNet(Studio(True), 8, 120, attention=True, shared=128), STUDIO_POINTS + STUDIO_ATTENTION,
    ),
    "sngan-128": (
        lambda: ResNet(Studio(False), 64, 128), lambda: ResNet(Studio(False), 8, 128), STUDIO_POINTS + ["blocks.4.0"],
    ),
    "sagan-128": (
        lambda: ResNet(Studio(True), 64, 128, attention=True), lambda: ResNet(Studio(True), 8, 128, attention=True),
        STUDIO_POINTS + STUDIO_ATTENTION,
    ),
    "openmmlab-sngan-128": (lambda: Mm(64), lambda: Mm(8), MM_POINTS),
    # Its training left the conditions without normalization, and took another epsilon.
    "openmmlab-sagan-128": (
        lambda: Mm(64, attention=True, eps=1e-5), lambda: Mm(8, attention=True, eps=1e-5), MM_POINTS + MM_ATTENTION,
    ),
    "openmmlab-sagan-128-normalized": (
        lambda: Mm(64, attention=True, of_conditions=True), lambda: Mm(8, attention=True, of_conditions=True), MM_POINTS,
    ),
}  # fmt: skip


OTHER_CODES = ["biggan-deep-256", "biggan-deep-512"]


def text(case, versions):
    """JSON with a line a layer."""
    line = json.dumps
    of = lambda values: ",\n".join(f"    {line(name)}: {line(numbers)}" for name, numbers in values.items())
    return (
        f'{{\n  "made_with": {line(versions)},\n  "tensors": {case["tensors"]},\n  "elements": {case["elements"]},\n'
        f'  "codes": {case["codes"]},\n'
        f'  "layers": {{\n{of(case["layers"])}\n  }},\n  "picture": {line(case["picture"])},\n'
        f'  "gradient": {{\n{of(case["gradient"])}\n  }}\n}}\n'
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="*", help="generators; all if none is given")
    arguments = parser.parse_args()
    for name in arguments.names or MODELS:
        published, narrow, points = MODELS[name]
        if published:
            lines = [" ".join([of, *map(str, shape)]) for of, shape in shapes_of(published).items()]
            (arguments.out / f"{name}.tensors").write_text("\n".join(lines) + "\n")
        case = reference(narrow, points, 12346 if name in OTHER_CODES else 12345)
        (arguments.out / f"{name}.json").write_text(text(case, f"torch {torch.__version__}"))
        json.loads((arguments.out / f"{name}.json").read_text())
        print(f"{name}: {case['tensors']} tensors; picture {case['picture'][:2]}, gradients", *(f"{part} {g[0]:.3g}" for part, g in case["gradient"].items()), flush=True)
