"""Names of layers: lucid's and lucent's of their InceptionV1 in those of Caffe's GoogLeNet, and lucent's of a module of PyTorch."""

from __future__ import annotations

import os
from typing import Any

from ._refusal import refuse

GOOGLENET = "bvlc_googlenet"

# Branches of an inception block, in the order of its output: lucid's name, Caffe's.
_BRANCHES = {"1x1": "1x1", "3x3": "3x3", "5x5": "5x5", "pool_reduce": "pool_proj"}
_REDUCED = {"3x3_bottleneck": "3x3_reduce", "5x5_bottleneck": "5x5_reduce"}
# Channels of each branch in Caffe's GoogLeNet. (The 3x3 of lucid's mixed4a has 204.)
_WIDTHS = {
    "3a": (64, 128, 32, 32),
    "3b": (128, 192, 96, 64),
    "4a": (192, 208, 48, 64),
    "4b": (160, 224, 64, 64),
    "4c": (128, 256, 64, 64),
    "4d": (112, 288, 64, 64),
    "4e": (256, 320, 128, 128),
    "5a": (256, 320, 128, 128),
    "5b": (384, 384, 128, 128),
}
_SIDES = {"3": 28, "4": 14, "5": 7}
_CONVOLUTIONS = {"conv2d0": "conv1/7x7_s2", "conv2d1": "conv2/3x3_reduce", "conv2d2": "conv2/3x3"}
_POOLED = {
    "maxpool0": ("pool1/3x3_s2", 56),
    "localresponsenorm0": ("pool1/norm1", 56),
    "localresponsenorm1": ("conv2/norm2", 56),
    "maxpool1": ("pool2/3x3_s2", 28),
    "maxpool4": ("pool3/3x3_s2", 14),
    "maxpool10": ("pool4/3x3_s2", 7),
    "avgpool0": ("pool5/7x7_s1", 1),
}
_PRE = ("_pre_relu_conv", "_pre_relu")


def _inception() -> tuple[dict[str, str], dict[str, int]]:
    """Layers by lucid's name, and the rows and columns of each for pictures of 224 px."""
    names: dict[str, str] = {}
    sides: dict[str, int] = {}

    def known(name: str, ours: str, side: int) -> None:
        names[name], sides[name] = ours, side

    def convolution(name: str, ours: str, side: int) -> None:
        known(name, ours, side)
        for ending in _PRE:
            known(name + ending, f"{ours}.pre", side)

    for place, (name, ours) in enumerate(_CONVOLUTIONS.items()):
        convolution(name, ours, 112 if place == 0 else 56)
    for name, (ours, side) in _POOLED.items():
        known(name, ours, side)
    for block in _WIDTHS:
        side = _SIDES[block[0]]
        for name, ours in {**_BRANCHES, **_REDUCED}.items():
            convolution(f"mixed{block}_{name}", f"inception_{block}/{ours}", side)
        known(f"mixed{block}_pool", f"inception_{block}/pool", side)
        known(f"mixed{block}", f"inception_{block}/output", side)
    return names, sides


INCEPTION, _INCEPTION_SIDES = _inception()
# Layers of classes: the scores before the softmax, and the probabilities behind it.
_LOGITS = ("labels", "softmax2_pre_activation", "softmax2_pre_activation_matmul", "logits")
_PROBABILITIES = ("softmax2",)
_NONE = ("head0", "head1", "softmax0", "softmax1")


class ZooModel:
    """A network of metapicture's zoo, or a manifest's path, where lucent has a module of PyTorch."""

    def __init__(self, name: str) -> None:
        """Of this name; on the CPU unless `to` says otherwise."""
        self.name: str = name
        self.device: str = "cpu"

    def to(self, device: Any) -> ZooModel:
        """Computes on this device: ``cpu``, ``cuda``, ``cuda:1``, or a `torch.device`."""
        self.device = str(device)
        return self

    def cuda(self) -> ZooModel:
        """The same as ``to("cuda")``."""
        return self.to("cuda")

    def cpu(self) -> ZooModel:
        """The same as ``to("cpu")``."""
        return self.to("cpu")

    def eval(self) -> ZooModel:
        """Networks of the zoo are never trained: nothing changes."""
        return self

    def __repr__(self) -> str:
        return f"<{self.name} of metapicture's zoo, on {self.device}>"


class Layers:
    """The layers of a model by the names that a script for lucent has."""

    def __init__(self, model: Any) -> None:
        """Of a `ZooModel`, a name of the zoo or a path, or a module of PyTorch."""
        self.device: str | None = None
        self._modules: dict[str, str] = {}
        if isinstance(model, ZooModel):
            self.model: Any = model.name
            self.device = model.device
        elif isinstance(model, (str, os.PathLike)):
            self.model = os.fspath(model)
        elif callable(getattr(model, "named_modules", None)):
            self.model = model
            self._modules = {name.replace(".", "_"): name for name, _ in model.named_modules() if name}
            first = next(iter(model.parameters()), None)
            self.device = None if first is None else str(first.device)
        else:
            refuse(f"model: a {type(model).__name__} is no network", "give a name of the zoo, or a torch.nn.Module", "model")
        self._is_inception = self.model == GOOGLENET

    def whole(self, layer: str) -> str:
        """The layer's name here."""
        if layer == "input":
            refuse("the input itself is no layer", "regularizers of a method act on the picture, as total_variation does", "layer")
        if self._is_inception:
            if layer in INCEPTION:
                return INCEPTION[layer]
            block = _block_before_relu(layer)
            if block:
                refuse(
                    f"'{layer}' as a whole is no layer of {GOOGLENET}, whose branches have a ReLU each",
                    f"take 'mixed{block}', or one of 'mixed{block}_1x1_pre_relu' and its like",
                    "layer",
                )
            if layer.startswith(_NONE):
                refuse(f"{GOOGLENET} has no '{layer}'", "its auxiliary classifiers were for training only; take 'labels'", "layer")
        return self._modules[layer] if layer in self._modules else "logits" if layer in _LOGITS else layer

    def channel(self, layer: str, number: int | str, at: tuple[int, int] | None = None) -> str:
        """The unit of a channel, or of a class; `at` are row and column of one neuron."""
        if layer not in self._modules and (layer in _LOGITS or layer in _PROBABILITIES):
            if at is not None:
                refuse(f"'{layer}' has no positions", "leave x and y out", "layer")
            return f"probability(class:{number})" if layer in _PROBABILITIES else f"class:{number}"
        place = "" if at is None else f"@{at[0]},{at[1]}"
        block = _block_before_relu(layer) if self._is_inception else None
        if block:
            inner, number = _branch(block, int(number))
            return f"{inner}.pre:{number}{place}"
        return f"{self.whole(layer)}:{number}{place}"

    def centre(self, layer: str) -> int:
        """The row, and the column, of lucent's centre: of an even number the one behind the middle."""
        block = _block_before_relu(layer)
        side = _SIDES[block[0]] if block else _INCEPTION_SIDES.get(layer)
        if side is None or not self._is_inception:
            refuse(f"neuron: where the centre of '{layer}' is, is not known here", "give x and y, columns and rows from 0", "x")
        return side // 2


def _block_before_relu(layer: str) -> str | None:
    """The block of a name such as ``mixed4c_pre_relu``, which lucid has and Caffe's network has in four parts."""
    block = layer.removeprefix("mixed").removesuffix("_pre_relu")
    return block if layer == f"mixed{block}_pre_relu" and block in _WIDTHS else None


def _branch(block: str, channel: int) -> tuple[str, int]:
    """The branch that a channel of a block's output comes from, and its number there."""
    number = channel
    for ours, width in zip(_BRANCHES.values(), _WIDTHS[block]):
        if 0 <= number < width:
            return f"inception_{block}/{ours}", number
        number -= width
    refuse(f"channel {channel} is out of range", f"'mixed{block}_pre_relu' has channels 0 to {sum(_WIDTHS[block]) - 1} here", "layer")
