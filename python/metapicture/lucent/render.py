"""Pictures by lucent's words."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _visualize
from .._picture import Picture
from . import _optimizers, objectives, param, transform
from ._layers import Layers
from ._refusal import refuse, refused

__all__ = ["render_vis", "translate"]

# Smaller pictures are enlarged to it before the network sees them, and larger ones seen as they are.
_SEEN = 224


def render_vis(
    model: Any,
    objective_f: objectives.Objective | str,
    param_f: Callable[[], Any] | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    transforms: Sequence[transform.Transform] | None = None,
    thresholds: Sequence[int] = (512,),
    verbose: bool = False,
    preprocess: bool = True,
    progress: bool = True,
    show_image: bool = True,
    save_image: bool = False,
    image_name: str | os.PathLike[str] | None = None,
    show_inline: bool = False,
    fixed_image_size: int | None = None,
    *,
    seed: int = 0,
) -> list[npt.NDArray[np.float32]]:
    """Pictures that an objective is optimized for, as lucent's function of this name returns them.

    Args:
        model: `modelzoo.inceptionv1`, a name of metapicture's zoo or a manifest's path, or a `torch.nn.Module`.
        objective_f: ``layer:channel``, ``labels:class``, or a sum of `objectives`.
        param_f: returns what is optimized; ``lambda: param.image(128)`` unless told.
        optimizer: a function of parameters that returns Adam or SGD of torch; Adam with a step of 0.05 unless told.
        transforms: those of `transform`; ``transform.standard_transforms`` unless told.
        thresholds: numbers of steps after which a picture is kept. Each but the last is computed anew from the start, to the same picture.
        verbose: whether the activation at each threshold is printed.
        preprocess: True; False where ``transforms`` have `transform.normalize`. The network's own preprocessing is applied either way.
        progress: whether a bar is shown, where tqdm is installed.
        show_image: whether a window is opened with the last picture.
        save_image: whether the last picture is written to ``image_name``.
        image_name: ``image.jpg`` unless told.
        show_inline: whether a notebook shows the pictures, instead of the window.
        fixed_image_size: 224, or the picture's own side: what the network sees. Unless told, pictures smaller than 224 px are resized to the
            network's input, and larger ones seen at their own size.
        seed: that of the first picture of a batch; the others follow.

    Returns:
        For each threshold in their order an array ``[N, H, W, 3]`` in [0,1], of 8-bit pictures.

    Raises:
        RequestError: what has no counterpart here, with what to do instead as its ``hint``.

    Ctrl-C raises KeyboardInterrupt, and returns no picture.
    """
    # Whatever is wrong is told before anything is computed.
    if show_image or save_image or show_inline:
        _needs("Pillow", "PIL", "a picture that is shown or saved")
    if show_inline:
        _needs("IPython", "IPython", "show_inline")
    calls = translate(
        model, objective_f, param_f, optimizer, transforms, thresholds, preprocess=preprocess, fixed_image_size=fixed_image_size, seed=seed
    )
    images: list[npt.NDArray[np.float32]] = []
    for steps in _steps(thresholds):
        pictures: list[Picture] = []
        for call in calls:
            if call["steps"] == steps:
                pictures += _visualize.visualize(**call, progress=progress)
        images.append(np.stack([picture.numpy() for picture in pictures]).astype(np.float32) / np.float32(255))
        if verbose:
            print(f"Activation at step {steps}: {np.mean([picture.activation for picture in pictures]):.3f}")
            if show_inline:
                _show_inline(images[-1])
    if save_image:
        _beside(images[-1]).save(os.fspath(image_name or "image.jpg"))
    if show_inline:
        _show_inline(images[-1])
    elif show_image:
        _beside(images[-1]).show()
    return images


def _needs(package: str, module: str, why: str) -> None:
    """Before anything is computed: what shows or writes pictures is there."""
    try:
        import_module(module)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{why} wants {package}, which is not installed here; `pip install {package.lower()}` brings it", name=module
        ) from None


def translate(
    model: Any,
    objective_f: objectives.Objective | str,
    param_f: Callable[[], Any] | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    transforms: Sequence[transform.Transform] | None = None,
    thresholds: Sequence[int] = (512,),
    *,
    preprocess: bool = True,
    fixed_image_size: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The calls of `metapicture.visualize` that `render_vis` makes, as keywords: one for each threshold and each objective of the batch.

    >>> from metapicture.lucent.modelzoo import inceptionv1
    >>> [call] = translate(inceptionv1(pretrained=True), "mixed4c_1x1:12")
    >>> call["unit"], call["size"], call["steps"], call["method"]["param"]
    ('inception_4c/1x1:12', 128, 512, {'fourier': {'noise': 0.01, 'decay': 1.0, 'colour': 'imagenet'}})
    """
    layers = Layers(model)
    made = param.of(param_f or (lambda: param.image(128)))
    rule = _optimizers.settings_of(optimizer)
    objective = objectives.as_objective(objective_f)
    asked = objectives.asked(objective, layers, made.batch, mean="sgd" in rule)
    method = {
        "name": "lucent",
        "param": made.settings,
        "optimizer": rule,
        "transforms": transform.settings_of(transform.standard_transforms if transforms is None else transforms, preprocess),
        "regularizers": asked.regularizers,
        "input": _input(made.side, fixed_image_size),
        "facets": made.batch if asked.regularizers else 1,
        "steps": 1,
    }
    call: dict[str, Any] = {"model": layers.model, "method": method, "size": made.side}
    if layers.device is not None:
        call["device"] = layers.device
    calls = []
    for steps in _steps(thresholds):
        if asked.regularizers:
            calls.append({**call, "unit": asked.units[0], "seeds": [seed], "steps": steps})
            continue
        first = 0
        while first < made.batch:
            end = first + 1
            while end < made.batch and asked.units[end] == asked.units[first]:
                end += 1
            calls.append({**call, "unit": asked.units[first], "seeds": range(seed + first, seed + end), "steps": steps})
            first = end
    return calls


def _steps(thresholds: Sequence[int]) -> list[int]:
    known = sorted(set(thresholds))
    if not known or known[0] < 1:
        refuse(f"thresholds: {tuple(thresholds)}", "numbers of steps, from 1 on", "thresholds")
    return known


def _input(side: int, seen: int | None) -> str:
    """How the network sees a picture: resized to its input, or at its own size."""
    if seen not in (None, _SEEN, side):
        refuse(f"fixed_image_size: {seen}", f"{_SEEN}, or {side} as the picture is", "fixed_image_size")
    own_size = side > _SEEN if seen is None else seen == side != _SEEN
    return "full" if own_size else "fit"


def _beside(image: npt.NDArray[np.float32]) -> Any:
    """A batch as an image of Pillow, one picture beside the other."""
    from PIL import Image

    return Image.fromarray((np.concatenate(list(image), axis=1) * 255).round().astype(np.uint8))


def _show_inline(image: npt.NDArray[np.float32]) -> None:
    from IPython.display import display

    display(_beside(image))


_REFUSED = {
    "make_vis_T": "a session of TensorFlow is not here; take render_vis",
    "ModuleHook": "metapicture reads layers itself; `metapicture models info NAME` lists them",
    "hook_model": "metapicture reads layers itself; `metapicture models info NAME` lists them",
    "tensor_to_img_array": "render_vis returns arrays",
    "view": "metapicture.Picture shows itself in a notebook, and `pil().show()` opens a window",
    "export": "metapicture.Picture has `save`",
}


def __getattr__(name: str) -> Any:
    return refused("render", _REFUSED, name)
