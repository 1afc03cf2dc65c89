"""Names of layers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .._layers import GOOGLENET, INCEPTION, Layers
from .._refusal import refuse


def get_model_layers(model: Any, getLayerRepr: bool = False) -> list[str] | OrderedDict[str, str]:
    """Names of layers that objectives may have: of `inceptionv1` in lucid's words, of a module of PyTorch in lucent's.

    Args:
        model: `inceptionv1`'s, or a `torch.nn.Module`.
        getLayerRepr: of a module a dict of each layer's name and text, instead of a list.

    >>> from metapicture.lucent.modelzoo import inceptionv1
    >>> get_model_layers(inceptionv1(pretrained=True))[:2]
    ['conv2d0', 'conv2d0_pre_relu_conv']
    """
    layers = Layers(model)
    if isinstance(layers.model, str):
        if layers.model != GOOGLENET:
            refuse(f"{layers.model} has layers of other names", f"`metapicture models info {layers.model}` lists them", "model")
        if getLayerRepr:
            refuse(
                "a network of the zoo is no module of PyTorch", f"`metapicture models info {GOOGLENET}` shows its layers", "getLayerRepr"
            )
        return [*INCEPTION, "softmax2_pre_activation_matmul", "softmax2"]
    named = [(name.replace(".", "_"), repr(module)) for name, module in layers.model.named_modules() if name]
    return OrderedDict(named) if getLayerRepr else [name for name, _ in named]
