#!/usr/bin/env python3
"""Makes the reference numbers of the decoders and of TAESD's encoders: what PyTorch computes with weights from a formula.

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python tests/reference/make_decoders.py --out tests/reference/decoders [--taef2 taef2_decoder.pth]

The networks are written here from their published layer lists. It needs no network and no GPU, and writes a JSON file each:
name and shape of every tensor of the state_dict, and for two codes at once mean, deviation and 16 values of some layers and of
the output, and norm and 16 values of the gradient of a weighted sum of the output with respect to the codes. Everything is
computed in 64-bit floats. It also writes small files as they are published (checkpoints, programs of TorchScript), and into
files.json the numbers of their pictures.

Weights follow formula.py, which also says what h and u are. Of one kind of names it makes another
thing: `style.N.weight` is 100 (2 u - 1), since StyleGAN2 multiplies it by 0.01. The codes' element i (flat) has f = 12345 and is
1.5 (2 u - 1) (absolute values where codes are activations behind a ReLU, 70 times as much for a picture), the sum's weight of the output's element i has
f = 54321 and is 2 u - 1.
"""

import argparse
import json
import math
from collections import OrderedDict
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


def code(shape, scale):
    values = (1.5 * (2 * uniform(math.prod(shape), 12345) - 1)).astype(np.float32).reshape(shape)
    return torch.from_numpy(np.abs(values) if scale == "rectified" else scale * values).double()


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


def taesd_encoder(channels, pooled):
    layers = [nn.Conv2d(3, 64, 3, padding=1), TaesdBlock(False)]
    for stage in range(3):
        layers += [nn.Conv2d(64, 64, 3, padding=1, stride=2, bias=False)]
        layers += [TaesdBlock(pooled and stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(64, channels, 3, padding=1))


ENCODER = {name: name for name in ["0", "1.conv.0", "1", "2", "5", "6", "10", "13"]}
TAESD = {name: name for name in ["1", "3.conv.0", "3", "5.conv.4", "7", "10", "12", "17", "18"]}
POOLED = TAESD | {name: name for name in ["3.pool.0", "3.pool.1", "5.pool.3"]}

# --- DeePSiM


class View(nn.Module):
    def forward(self, x):
        return x.reshape(-1, 256, 4, 4)


def deepsim(code):
    layers = {}

    def add(name, layer):
        layers[name] = layer
        if name != "deconv0":
            layers["relu_" + name if name[0] != "R" else name.replace("conv", "relu")] = nn.LeakyReLU(0.3)

    width = 256
    if code == "pool5":
        width = 512
        for number, of, padding in [(6, 256, 1), (7, 512, 1), (8, 512, 0)]:
            add(f"Rconv{number}", nn.Conv2d(of, 512, 3, padding=padding))
    else:
        add("defc7", nn.Linear(1000 if code == "fc8" else 4096, 4096))
        add("defc6", nn.Linear(4096, 4096))
        add("defc5", nn.Linear(4096, 4096))
        layers["reshape"] = View()
    for name, of, out in [
        ("deconv5", width, 256), ("conv5_1", 256, 512), ("deconv4", 512, 256), ("conv4_1", 256, 256), ("deconv3", 256, 128),
        ("conv3_1", 128, 128), ("deconv2", 128, 64), ("deconv1", 64, 32), ("deconv0", 32, 3),
    ]:  # fmt: skip
        size, stride = (4, 2) if name.startswith("deconv") else (3, 1)
        add(name, nn.ConvTranspose2d(of, out, size, stride, 1))
    return nn.Sequential(OrderedDict(layers))


DEEPSIM = {name: name for name in ["deconv5", "conv5_1", "relu_conv4_1", "deconv3", "conv3_1", "relu_deconv1"]}


# --- CaffeNet, which sees blue, green, red


class Turned(nn.Module):
    def forward(self, x):
        return x.flip(1)


def caffenet():
    layers = OrderedDict(turned=Turned())
    of = 3
    for number, out, size, stride, padding, groups in [
        (1, 96, 11, 4, 0, 1), (2, 256, 5, 1, 2, 2), (3, 384, 3, 1, 1, 1), (4, 384, 3, 1, 1, 2), (5, 256, 3, 1, 1, 2),
    ]:  # fmt: skip
        layers[f"conv{number}"] = nn.Conv2d(of, out, size, stride, padding, groups=groups)
        layers[f"relu{number}"] = nn.ReLU()
        if number in (1, 2, 5):
            layers[f"pool{number}"] = nn.MaxPool2d(3, 2, ceil_mode=True)
        if number in (1, 2):
            layers[f"norm{number}"] = nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)
        of = out
    layers["flatten"] = nn.Flatten()
    for number, of, out in [(6, 9216, 4096), (7, 4096, 4096), (8, 4096, 1000)]:
        layers[f"fc{number}"] = nn.Linear(of, out)
        if number < 8:
            layers[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(layers)


CAFFENET = {name: name for name in ["conv1", "pool1", "norm1", "conv2", "norm2", "relu4", "pool5", "fc6", "relu7"]}


# --- PGAN


class Equalized(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x) * math.sqrt(2 / self.module.weight[0].numel())


def unit(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


class Pgan(nn.Module):
    def __init__(self, latent, depths):
        super().__init__()

        def convolution(of, out, size=3):
            return Equalized(nn.Conv2d(of, out, size, padding=size // 2))

        pairs = list(zip(depths, depths[1:]))
        self.scaleLayers = nn.ModuleList(nn.ModuleList([convolution(a, b), convolution(b, b)]) for a, b in pairs)
        self.toRGBLayers = nn.ModuleList(convolution(depth, 3, 1) for depth in depths)
        self.formatLayer = Equalized(nn.Linear(latent, 16 * depths[0]))
        self.groupScale0 = nn.ModuleList([convolution(depths[0], depths[0])])

    def forward(self, x):
        def activated(layer, x):
            return unit(F.leaky_relu(layer(x), 0.2))

        x = unit(x)
        x = F.leaky_relu(self.formatLayer(x), 0.2)
        x = unit(x.reshape(len(x), -1, 4, 4))
        self.points = {"formatLayer.norm": x}
        x = activated(self.groupScale0[0], x)
        for first, second in self.scaleLayers:
            x = activated(second, activated(first, F.interpolate(x, scale_factor=2, mode="nearest")))
        self.points["scaleLayers.2.1.norm"] = x
        return self.toRGBLayers[-1](x)


PGAN = {name: name for name in [
    "formatLayer", "formatLayer.norm", "groupScale0.0", "scaleLayers.0.0", "scaleLayers.1.1", "scaleLayers.2.0",
    "scaleLayers.2.1.norm",
]}  # fmt: skip


# --- StyleGAN2


def upfirdn(x, kernel, up, before, after):
    """Zeros between and around the pixels, and a true convolution with the kernel."""
    n, c, h, w = x.shape
    spread = x.new_zeros(n, c, h * up, w * up)
    spread[:, :, ::up, ::up] = x
    spread = F.pad(spread, (before, after, before, after))
    return F.conv2d(spread, kernel.flip(0, 1).expand(c, 1, *kernel.shape), groups=c)


class EqualLinear(nn.Module):
    def __init__(self, of, out, rate=1.0, activated=False):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(out, of)), nn.Parameter(torch.empty(out))
        self.rate, self.activated = rate, activated

    def forward(self, x):
        y = F.linear(x, self.weight * (self.rate / math.sqrt(x.shape[1])), self.bias * self.rate)
        return F.leaky_relu(y, 0.2) * math.sqrt(2) if self.activated else y


class Kernel(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.empty(4, 4))


class Modulated(nn.Module):
    """The weights of each sample by itself, times its style and divided by their norm, in one grouped convolution."""

    def __init__(self, of, out, size, latent, demodulated, up):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, out, of, size, size))
        self.modulation = EqualLinear(latent, of)
        self.demodulated, self.up = demodulated, up
        if up:
            self.blur = Kernel()

    def forward(self, x, style):
        n, c, h, w = x.shape
        weight = self.weight / math.sqrt(self.weight[0, 0].numel()) * self.modulation(style).view(n, 1, c, 1, 1)
        if self.demodulated:
            weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
        x = x.reshape(1, n * c, h, w)
        if self.up:
            y = F.conv_transpose2d(x, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=n)
            return upfirdn(y.reshape(n, -1, *y.shape[2:]), self.blur.kernel, 1, 1, 1)
        y = F.conv2d(x, weight.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
        return y.reshape(n, -1, h, w)


class Holder(nn.Module):
    def __init__(self, name, shape, buffer=False):
        super().__init__()
        if buffer:
            self.register_buffer(name, torch.empty(shape))
        else:
            setattr(self, name, nn.Parameter(torch.empty(shape)))


class Styled(nn.Module):
    def __init__(self, of, out, latent, up):
        super().__init__()
        self.conv = Modulated(of, out, 3, latent, True, up)
        self.noise, self.activate = Holder("weight", (1,)), Holder("bias", (out,))

    def forward(self, x, style, noise):
        y = self.conv(x, style) + self.noise.weight * noise + self.activate.bias.view(-1, 1, 1)
        return F.leaky_relu(y, 0.2) * math.sqrt(2)


class ToRgb(nn.Module):
    def __init__(self, of, latent, up):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(1, 3, 1, 1))
        if up:
            self.upsample = Kernel()
        self.conv = Modulated(of, 3, 1, latent, False, False)

    def forward(self, x, style, picture=None):
        y = self.conv(x, style) + self.bias
        return y if picture is None else y + upfirdn(picture, self.upsample.kernel, 2, 2, 1)


class Unit(nn.Module):
    def forward(self, x):
        return unit(x)


class StyleGan2(nn.Module):
    def __init__(self, resolution, latent=512, channels=512, mapping=8, multiplier=2):
        super().__init__()
        sides = [2**power for power in range(2, int(math.log2(resolution)) + 1)]
        at = {side: channels if side < 64 else 256 * 64 // side * multiplier for side in sides}
        self.style = nn.Sequential(Unit(), *(EqualLinear(latent, latent, 0.01, True) for _ in range(mapping)))
        self.input = Holder("input", (1, at[4], 4, 4))
        self.conv1, self.to_rgb1 = Styled(at[4], at[4], latent, False), ToRgb(at[4], latent, False)
        self.convs, self.to_rgbs, self.noises = nn.ModuleList(), nn.ModuleList(), nn.Module()
        self.noises.register_buffer("noise_0", torch.empty(1, 1, 4, 4))
        for before, side in zip(sides, sides[1:]):
            self.convs += [Styled(at[before], at[side], latent, True), Styled(at[side], at[side], latent, False)]
            self.to_rgbs.append(ToRgb(at[side], latent, True))
            for _ in range(2):
                self.noises.register_buffer(f"noise_{len(list(self.noises.buffers()))}", torch.empty(1, 1, side, side))

    def forward(self, z, truncated=None):
        w = self.style(z)
        if truncated:
            w = truncated[1] + truncated[0] * (w - truncated[1])
        noises = dict(self.noises.named_buffers())
        x = self.conv1(self.input.input.expand(len(z), -1, -1, -1), w, noises["noise_0"])
        picture = self.to_rgb1(x, w)
        for step, to_rgb in enumerate(self.to_rgbs):
            x = self.convs[2 * step](x, w, noises[f"noise_{2 * step + 1}"])
            x = self.convs[2 * step + 1](x, w, noises[f"noise_{2 * step + 2}"])
            picture = to_rgb(x, w, picture)
        return picture


STYLEGAN2 = {
    "style.0": "style.0", "style.1": "style.1", "w": "style.3", "conv1.demodulated": "conv1.conv", "conv1": "conv1",
    "to_rgb1": "to_rgb1", "convs.0.style": "convs.0.conv.modulation", "convs.0.demodulated": "convs.0.conv", "convs.0": "convs.0",
    "convs.3": "convs.3", "to_rgbs.0": "to_rgbs.0", "to_rgbs.1": "to_rgbs.1",
}  # fmt: skip


# --- VQGAN


class Residual(nn.Module):
    def __init__(self, of, out):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, of, eps=1e-6), nn.Conv2d(of, out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(32, out, eps=1e-6), nn.Conv2d(out, out, 3, padding=1)
        if of != out:
            self.nin_shortcut = nn.Conv2d(of, out, 1)

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        y = self.norm(x)
        q, k, v = (layer(y).flatten(2) for layer in (self.q, self.k, self.v))
        shares = torch.einsum("ncq,nck->nqk", q, k).div(math.sqrt(x.shape[1])).softmax(2)
        return x + self.proj_out(torch.einsum("nqk,nck->ncq", shares, v).reshape(x.shape))


class Level(nn.Module):
    def __init__(self, of, out, attentive, up):
        super().__init__()
        self.block = nn.ModuleList([Residual(of, out), Residual(out, out), Residual(out, out)])
        self.attn = nn.ModuleList([Attention(out) for _ in range(3 * attentive)])
        if up:
            self.upsample = nn.Module()
            self.upsample.conv = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, x):
        for number, block in enumerate(self.block):
            x = block(x)
            if self.attn:
                x = self.attn[number](x)
        if hasattr(self, "upsample"):
            x = self.upsample.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return x


class Vqgan(nn.Module):
    def __init__(self, codes, width, quantized):
        super().__init__()
        self.quantized = quantized
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(codes, 256)
        self.post_quant_conv = nn.Conv2d(256, 256, 1)
        self.decoder = decoder = nn.Module()
        most = 4 * width
        decoder.conv_in, decoder.mid = nn.Conv2d(256, most, 3, padding=1), nn.Module()
        decoder.mid.block_1, decoder.mid.attn_1, decoder.mid.block_2 = Residual(most, most), Attention(most), Residual(most, most)
        channels = [width * multiple for multiple in (1, 1, 2, 2, 4, 4)]
        decoder.up = nn.ModuleList(Level(channels[i + 1], channels[i], i == 4, i > 0) for i in range(5))
        decoder.norm_out, decoder.conv_out = nn.GroupNorm(32, width, eps=1e-6), nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x):
        if self.quantized:
            book = self.quantize.embedding.weight
            near = book[torch.cdist(x.permute(0, 2, 3, 1).flatten(0, 2), book).argmin(1)]
            near = near.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
            x = x + (near - x).detach()
        decoder = self.decoder
        x = decoder.conv_in(self.post_quant_conv(x))
        x = decoder.mid.block_2(decoder.mid.attn_1(decoder.mid.block_1(x)))
        for level in reversed(decoder.up):
            x = level(x)
        return decoder.conv_out(F.silu(decoder.norm_out(x)))


VQGAN = {name: name for name in [
    "post_quant_conv", "decoder.conv_in", "decoder.mid.block_1", "decoder.mid.attn_1", "decoder.up.4.attn.2.norm",
    "decoder.up.4.attn.2", "decoder.up.3.block.0.nin_shortcut", "decoder.up.3.upsample.conv", "decoder.up.0.block.2", "decoder.norm_out",
]}  # fmt: skip

# name -> (how the model is made, shape of a code, points: name here -> module (or what the model keeps in `points`),
#          what the codes' numbers are multiplied by, or "rectified")
MODELS = {
    "taesd": (lambda: taesd(4, False), [4, 5, 5], TAESD, 1),
    "taesd3": (lambda: taesd(16, False), [16, 5, 5], TAESD, 1),
    "taef2": (lambda: taesd(32, True), [32, 5, 5], POOLED, 1),
    "taesd-encoder": (lambda: taesd_encoder(4, False), [3, 40, 40], ENCODER, 1),
    "taef2-encoder": (lambda: taesd_encoder(32, True), [3, 40, 40], ENCODER | {"11.pool.1": "11.pool.1"}, 1),
    "deepsim-fc6": (lambda: deepsim("fc6"), [4096], DEEPSIM | {"defc7": "defc7", "relu_defc5": "relu_defc5"}, "rectified"),
    "deepsim-fc8": (lambda: deepsim("fc8"), [1000], DEEPSIM | {"defc7": "defc7"}, 1),
    "deepsim-pool5": (lambda: deepsim("pool5"), [256, 6, 6], DEEPSIM | {"Rconv6": "Rconv6", "Rrelu8": "Rrelu8"}, "rectified"),
    "caffenet": (caffenet, [3, 227, 227], CAFFENET, 70),
    "pgan": (lambda: Pgan(64, [64, 48, 32, 16]), [64], PGAN, 1),
    "stylegan2": (lambda: StyleGan2(32, 48, 40, 3), [48], STYLEGAN2, 1),
    "vqgan": (lambda: Vqgan(50, 32, False), [256, 3, 3], VQGAN, 1),
    "vqgan.quantized": (lambda: Vqgan(50, 32, True), [256, 3, 3], VQGAN, 1),
}

# name -> model of the published size, of which the names and shapes alone are written
PUBLISHED = {
    "pgan-celebahq-256": lambda: Pgan(512, [512, 512, 512, 512, 256, 128, 64]),
    "stylegan2-ffhq": lambda: StyleGan2(256),
    "stylegan2-1024": lambda: StyleGan2(1024),
    "vqgan-f16-16384": lambda: Vqgan(16384, 128, False),
}


def reference(make, shape, points, scale, weights=None):
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
    x = code([2, *shape], scale).requires_grad_(True)
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


class Settings:
    """What a checkpoint of pytorch_GAN_zoo has beside its tensors."""

    def __init__(self):
        self.depth = 8


class Traced(nn.Module):
    """Codes [N, 6 + 2 classes] to a picture, and the layer before it."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 64), nn.ConvTranspose2d(4, 3, 4, 2, 1)

    def forward(self, x):
        inner = torch.relu(self.first(x).reshape(-1, 4, 4, 4))
        return inner, torch.sigmoid(self.last(inner))


class TracedSpatial(nn.Module):
    """Codes [N,4,h,w] to a picture of twice the side."""

    def __init__(self):
        super().__init__()
        self.last = nn.ConvTranspose2d(4, 3, 4, 2, 1)

    def forward(self, x):
        return torch.tanh(self.last(x))


class TracedOneSize(TracedSpatial):
    """The same of codes [N,4,4,4] alone: their sides are written into it."""

    def forward(self, x):
        return super().forward(x.reshape(-1, 4, 4, 4))


def files(out):
    """Small files of the kinds that are published: checkpoints with other things beside the generator, and programs."""

    def small(model):
        model.load_state_dict({name: weight(name, value.shape) for name, value in model.state_dict().items()})
        return model.eval()

    pgan, stylegan2 = small(Pgan(8, [8, 4])), small(StyleGan2(8, 4, 4, 2))
    others = {name: value * 0 for name, value in pgan.state_dict().items()}
    torch.save({"config": Settings(), "netG": others, "netD": {}, "avgG": pgan.state_dict()}, out / "pgan.pth")
    average = weight("latent_avg.bias", (4,))
    beside = {"args": argparse.Namespace(size=8), "g": stylegan2.style.state_dict(), "latent_avg": average}
    torch.save({"g_ema": stylegan2.state_dict()} | beside, out / "stylegan2.pt")
    traced, spatial = small(Traced()), small(TracedSpatial())
    torch.jit.trace(traced, torch.zeros(1, 8)).save(out / "traced.pt")
    torch.jit.trace(spatial, torch.zeros(1, 4, 4, 4)).save(out / "spatial.pt")
    torch.jit.trace(small(TracedOneSize()), torch.zeros(1, 4, 4, 4)).save(out / "one_size.pt")
    with torch.no_grad():
        pictures = {
            "pgan.pth": pgan.double()(code([2, 8], 1)),
            "stylegan2.pt": stylegan2.double()(code([2, 4], 1), (0.7, average.double())),
            "traced.pt": traced.double()(code([2, 8], 1))[1],
            "spatial.pt": spatial.double()(code([2, 4, 4, 4], 1)),
        }
    write(out / "files.json", {name: numbers(values) for name, values in pictures.items()})
    print(", ".join(f"{name} {values.mean():.4}" for name, values in pictures.items()))


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
    parser.add_argument("names", nargs="*", help="networks, or 'files'; all if none is given")
    arguments = parser.parse_args()
    for name, (make, shape, points, scale) in MODELS.items():
        if name in (arguments.names or MODELS):
            fixture = reference(make, shape, points, scale)
            write(arguments.out / f"{name}.json", fixture)
            print(f"{name}: {len(fixture['tensors'])} tensors, output {fixture['output'][:2]}, gradient {fixture['gradient'][0]}", flush=True)
    for name, make in PUBLISHED.items():
        if name in (arguments.names or PUBLISHED):
            with torch.device("meta"):
                tensors = {key: list(value.shape) for key, value in make().state_dict().items()}
            write(arguments.out / f"{name}.json", {"tensors": tensors})
            print(f"{name}: {len(tensors)} tensors", flush=True)
    if "files" in (arguments.names or ["files"]):
        files(arguments.out)
    if arguments.taef2:
        weights = torch.load(arguments.taef2, map_location="cpu", weights_only=True)
        make, shape, points, scale = MODELS["taef2"]
        fixture = reference(make, [32, 8, 8], points, scale, {name: value.float() for name, value in weights.items()})
        del fixture["tensors"]
        write(arguments.out / "taef2.published.json", fixture)
        print(f"taef2, published: output {fixture['output'][:2]}, gradient {fixture['gradient'][0]}")
