"""What a classifier makes of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

from ._errors import RequestError
from ._frame import Kind
from ._frame import frame as made
from ._libtorch import native, own_threads
from ._live import at_hand
from ._network import Model
from ._picture import Picture
from ._progress import Progress, shown

if TYPE_CHECKING:
    import numpy.typing as npt

    from . import _native

# Arrays, tensors, images of Pillow, pictures that were made, and paths.
_Shown: TypeAlias = Any


@overload
def classify(
    model: Model,
    pictures: _Shown | Iterable[_Shown],
    top: int = 5,
    layer: None = None,
    *,
    frame: Literal["rows"],
    device: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = False,
) -> list[dict[str, Any]]: ...
@overload
def classify(
    model: Model,
    pictures: _Shown | Iterable[_Shown],
    top: int = 5,
    layer: None = None,
    *,
    frame: Kind | None = None,
    device: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = False,
) -> Any: ...
@overload
def classify(
    model: Model,
    pictures: _Shown | Iterable[_Shown],
    top: int = 5,
    *,
    layer: str,
    frame: None = None,
    device: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = False,
) -> npt.NDArray[np.float32]: ...


def classify(
    model: Model,
    pictures: _Shown | Iterable[_Shown],
    top: int = 5,
    layer: str | None = None,
    *,
    frame: Kind | None = None,
    device: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = False,
) -> Any:
    """The classes that a classifier sees in pictures, a row a picture and class: ``picture`` (its number, from 0), ``file``, ``place``
    (from 1), ``class``, ``name``, ``probability`` (0 to 1) and ``logit``. With a layer, what that makes of them instead: an array ``[N,
    C]`` or ``[N, C, H, W]``.

    A picture is scaled until its shorter side is the network's input, and its central square is taken.

    Args:
        model: a classifier of the zoo, or the path of a manifest.
        pictures: one or several: a path of a file or a folder, an image of Pillow, a `Picture`, an array ``[H, W, 3]`` or ``[H, W]`` of
            bytes or of numbers from 0 to 1, several of these ``[N, H, W, 3]``, or a tensor of torch ``[3, H, W]`` or ``[N, 3, H, W]`` of
            the same.
        top: how many classes of each.
        layer: the layer, as `metapicture.layers` names it.
        frame: ``pandas``, ``polars`` or ``rows``; unless told as installed.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        threads: libtorch's threads on the CPU, in the whole process; those that it has unless told.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Raises:
        RequestError: a layer that is not there, a file that is no picture, an array that is none.

    >>> import metapicture
    >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=30, progress=False)
    >>> [row] = metapicture.classify("efficientnet-lite0", picture, top=1, frame="rows")
    >>> row["name"], row["class"]
    ('banana', 954)
    >>> metapicture.classify("efficientnet-lite0", picture, layer="_blocks.10").shape
    (1, 112, 14, 14)
    """
    with at_hand([model], device) as ([named], place), shown(progress, "classify") as tell:
        request: _native._Classification = {
            "model": named,
            "pictures": list(_given(pictures)),
            "top": top,
            "layer": layer,
            "device": place,
            "threads": own_threads(threads),
        }
        if layer is None:
            return made(native.classify(request, tell), frame)
        shape, numbers = native.activations(request, tell)
    return np.frombuffer(numbers, np.float32).reshape(shape)


_Given: TypeAlias = "str | tuple[int, int, bytes]"


def _given(shown: Any) -> Iterable[_Given]:
    """What the native part takes: paths, and pictures as height, width and bytes."""
    if isinstance(shown, (str, os.PathLike)):
        yield os.fspath(shown)
    elif isinstance(shown, Picture):
        yield _pixels(shown.numpy())
    elif hasattr(shown, "convert") and hasattr(shown, "size"):
        # Of Pillow, which turns every mode into bytes.
        yield _pixels(np.asarray(shown.convert("RGB")))
    elif hasattr(shown, "detach"):
        tensor = shown.detach().cpu().numpy()
        if tensor.ndim not in (3, 4):
            raise _no_picture(tensor.shape)
        yield from _arrays(np.moveaxis(tensor, -3, -1))
    elif hasattr(shown, "__array__"):
        yield from _arrays(np.asarray(shown))
    elif isinstance(shown, Iterable):
        for one in shown:
            yield from _given(one)
    else:
        raise RequestError(f"pictures: a {type(shown).__name__} is no picture", key="pictures")


def _arrays(array: npt.NDArray[Any]) -> Iterable[_Given]:
    if array.ndim == 4:
        for one in array:
            yield _pixels(one)
    else:
        yield _pixels(array)


def _pixels(array: npt.NDArray[Any]) -> tuple[int, int, bytes]:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise _no_picture(array.shape)
    if array.dtype != np.uint8:
        numbers = array.astype(np.float64)
        if array.dtype.kind != "f" or not (np.isfinite(numbers).all() and numbers.min(initial=0) >= 0 and numbers.max(initial=0) <= 1):
            raise RequestError("pictures: an array of bytes is needed, or one of numbers from 0 to 1", key="pictures")
        array = np.rint(numbers * 255).astype(np.uint8)
    height, width, _ = array.shape
    return height, width, np.ascontiguousarray(np.broadcast_to(array, (height, width, 3))).tobytes()


def _no_picture(shape: tuple[int, ...]) -> RequestError:
    return RequestError(f"pictures: an array {list(shape)} is no picture; [H, W, 3] is, and [3, H, W] of torch", key="pictures")
