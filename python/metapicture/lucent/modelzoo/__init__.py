"""lucent's model zoo: its InceptionV1, and the models of torchvision, where that is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .._layers import GOOGLENET, ZooModel
from .._refusal import refuse
from . import util

__all__ = ["inceptionv1", "util"]


def inceptionv1(pretrained: bool = False, progress: bool = True, redirected_ReLU: bool = True) -> ZooModel:
    """GoogLeNet as Caffe trained it (``bvlc_googlenet``). These are not the weights that lucid and lucent have.

    The architecture is that of lucid's InceptionV1 (Szegedy et al. 2014; the 3x3 branch of ``mixed4a`` has 208 channels here and 204 there),
    and layers have its names. It was trained anew, so channel 476 of ``mixed4a`` is another one here than in Distill's articles, and class
    numbers are those of ILSVRC, ``labels:954`` is a banana.

    Args:
        pretrained: has to be True: the zoo has no untrained networks.
        progress: has no effect; the file is brought by ``metapicture models add bvlc_googlenet --file PATH``.
        redirected_ReLU: has no effect: gradients pass through ReLU as they are, here.

    >>> from metapicture.lucent.modelzoo import inceptionv1
    >>> inceptionv1(pretrained=True)
    <bvlc_googlenet of metapicture's zoo, on cpu>
    """
    if not pretrained:
        refuse("inceptionv1: the zoo has no untrained GoogLeNet", "write inceptionv1(pretrained=True)", "pretrained")
    return ZooModel(GOOGLENET)


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        try:
            return getattr(import_module("torchvision.models"), name)
        except ModuleNotFoundError:
            pass
    raise AttributeError(
        f"module 'metapicture.lucent.modelzoo' has no attribute '{name}'; models of torchvision are here where it is installed"
    )
