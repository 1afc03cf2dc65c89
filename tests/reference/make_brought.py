#!/usr/bin/env python3
"""Makes small networks like those that people bring, for tests/fast/brought.rs. Each is 3 x 16 x 16 pictures to five classes unless it says
otherwise; weights are a formula, so that numbers repeat.

    python tests/reference/make_brought.py tests/reference/brought        needs torch and safetensors (made with torch 2.13.0)

    plain.pt       two outputs: a rectified layer whose channels 0 and 1 are dead on grey, and the logits
    indexed.pt     an integer buffer puts the channels in another order
    masked.pt      a buffer of bytes and one of booleans choose channels
    dropping.pt    traced in training mode: it drops numbers out at random
    batched.pt     traced in training mode: its batch norm takes statistics from the batch
    grey.pt        one input channel
    five.pt        five of them; its expected numbers are those of blue, green, red, 7 everywhere, and grey, each normalised by itself
    wide.pt        16 x 24 pictures
    one.pt         one logit
    background.pt  six logits, the first of which stands for none
    tokens.pt      an inner layer of tokens [N,T,C]
    fixed.pt       a map of positions: one input size alone
    nothing.pt     returns the logits and None
    nested.pt      returns ((layer, None), logits)
    constant.pt    a channel that answers to nothing
    expected.json  what PyTorch makes of a picture of sin(0.1 i)
"""
import json
import math
import sys
from pathlib import Path
from typing import Optional, Tuple

import zipfile

import torch
from torch import nn

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)


def formula(shape, factor=1.0):
    return (torch.sin(0.7 * torch.arange(math.prod(shape), dtype=torch.float64) + 0.3) * factor).float().reshape(shape)


class Net(nn.Module):
    def __init__(self, channels=3, classes=5, drop=0.0):
        super().__init__()
        self.stem, self.head, self.drop = nn.Conv2d(channels, 8, 3, padding=1), nn.Linear(8, classes), nn.Dropout(drop)
        with torch.no_grad():
            self.stem.weight.copy_(formula(self.stem.weight.shape, 0.4))
            self.head.weight.copy_(formula(self.head.weight.shape, 0.8))
            self.head.bias.copy_(formula((classes,), 0.1))
            # The sum of a kernel, so that a grey picture of level 0.5 (0 after normalisation) is just dead.
            self.stem.bias.copy_(torch.tensor([-0.3, -0.4, 0.1, 0.2, 0.1, 0.3, 0.2, 0.1]))

    def layer(self, x):
        return torch.relu(self.stem(x))

    def forward(self, x):
        inner = self.layer(x)
        return inner, self.head(self.drop(inner.mean((2, 3))))


class Indexed(Net):
    def __init__(self):
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))

    def forward(self, x):
        return super().forward(x[:, self.order])


class Masked(Net):
    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.tensor([True, False] * 4))
        self.register_buffer("bytes", torch.tensor([7, 6, 5, 4, 3, 2, 1, 0], dtype=torch.uint8))

    def forward(self, x):
        inner = self.layer(x)[:, self.bytes.long()]
        inner = torch.where(self.kept[None, :, None, None], inner, torch.zeros_like(inner))
        return inner, self.head(inner.mean((2, 3)))


class Batched(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        inner = self.norm(self.layer(x))
        return inner, self.head(inner.relu().mean((2, 3)))


class Tokens(Net):
    def forward(self, x):
        inner = self.layer(x)
        return inner.flatten(2).transpose(1, 2), self.head(inner.mean((2, 3)))


class Fixed(Net):
    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(formula((1, 8, 16, 16), 0.1))

    def layer(self, x):
        return torch.relu(self.stem(x) + self.place)


class Nothing(Net):
    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, Optional[torch.Tensor]]:
        return self.head(torch.relu(self.stem(x)).mean((2, 3))), None


class Nested(Net):
    def forward(self, x: torch.Tensor) -> Tuple[Tuple[torch.Tensor, Optional[torch.Tensor]], torch.Tensor]:
        inner = torch.relu(self.stem(x))
        return (inner, None), self.head(inner.mean((2, 3)))


class Constant(Net):
    def forward(self, x):
        inner = self.layer(x)
        inner = inner * torch.tensor([0.0] + [1.0] * 7)[None, :, None, None]
        return inner, self.head(inner.mean((2, 3)))


expected = {}


def save(name, net, shape=(3, 16, 16), script=False):
    program = torch.jit.script(net) if script else torch.jit.trace(net, torch.zeros(2, *shape), check_trace=False)
    program.save(out / f"{name}.pt")
    # Without the debugging parts, which hold paths of the machine.
    with zipfile.ZipFile(out / f"{name}.pt") as archive:
        members = {i.filename: archive.read(i) for i in archive.infolist() if not i.filename.endswith(".debug_pkl")}
    with zipfile.ZipFile(out / f"{name}.pt", "w") as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), data)
    if not net.training:
        x = torch.sin(0.1 * torch.arange(math.prod(shape), dtype=torch.float64)).float().reshape(1, *shape)
        if name == "five":
            red, green, blue = 255 * x[:, 0], 255 * x[:, 1], 255 * x[:, 2]
            grey = 0.299 * red + 0.587 * green + 0.114 * blue
            channels = torch.stack([blue, green, red, torch.full_like(red, 7.0), grey], 1)
            mean, std = torch.tensor([104.0, 117.0, 120.0, 1.0, 110.0]), torch.tensor([57.0, 58.0, 59.0, 2.0, 50.0])
            x = (channels - mean[:, None, None]) / std[:, None, None]
        result = net(x)
        logits = result[0] if name == "nothing" else result[-1]
        expected[name] = [float(f"{value:.7g}") for value in logits.flatten().tolist()]


with torch.no_grad():
    save("plain", Net().eval())
    save("indexed", Indexed().eval())
    save("masked", Masked().eval())
    save("dropping", Net(drop=0.5).train())
    save("batched", Batched().train())
    save("grey", Net(channels=1).eval(), (1, 16, 16))
    save("five", Net(channels=5).eval(), (5, 16, 16))
    save("wide", Net().eval(), (3, 16, 24))
    save("one", Net(classes=1).eval())
    save("background", Net(classes=6).eval())
    save("tokens", Tokens().eval())
    save("fixed", Fixed().eval())
    save("nothing", Nothing().eval(), script=True)
    save("nested", Nested().eval(), script=True)
    save("constant", Constant().eval())
(out / "expected.json").write_text(json.dumps(expected) + "\n")
