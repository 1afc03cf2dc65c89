"""A picture that was made for a unit."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ._frame import frame
from ._libtorch import native

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from . import _native


class Picture:
    """A picture that was made for a unit, and the record of its making. A notebook shows it.

    >>> import metapicture
    >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, progress=False)
    >>> picture
    <Picture of class:banana by naive, seed 0, 224 x 224>
    """

    __slots__ = ("_made",)

    def __init__(self, made: _native.Picture) -> None:
        """Of the native part; `Picture.open` and `metapicture.visualize` make them."""
        self._made = made

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Picture:
        """Reads a run that was kept: ``OUT/runs/ID``, or what `save_record` has written.

        >>> import metapicture, tempfile
        >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, progress=False)
        >>> folder = tempfile.mkdtemp()
        >>> picture.save_record(folder)
        >>> metapicture.Picture.open(folder).run_id == picture.run_id
        True
        """
        return cls(native.Picture.open(folder))

    @property
    def activation(self) -> float:
        """The unit's activation of the picture: of a class, its logit."""
        return self._made.activation

    @property
    def probability(self) -> float | None:
        """What the classifier gives the class, where the unit is one."""
        return self._made.probability

    @property
    def witness_probability(self) -> float | None:
        """The mean of what the witnesses give the class, where there are witnesses and the unit is a class."""
        return self._made.witness_probability

    @property
    def unit(self) -> str:
        """The unit's whole name."""
        return self._made.unit

    @property
    def model(self) -> str:
        """The classifier's name."""
        return self._made.model

    @property
    def method(self) -> str:
        """The method's name."""
        return self._made.method

    @property
    def seed(self) -> int:
        """What the run's random numbers come from."""
        return self._made.seed

    @property
    def run_id(self) -> str:
        """What identifies the run: a hash of all that decides its picture."""
        return self._made.run_id

    @property
    def record(self) -> dict[str, Any]:
        """Everything that is known of the run: settings, activations, what witnesses say, weights and versions."""
        record: dict[str, Any] = json.loads(self._made.record())
        return record

    @property
    def trace(self) -> Any:
        """What every step that was read has seen: ``step``, ``loss``, ``activation``, regularizers; a row a step, as a frame of pandas, else of
        polars, else a list of dicts, as installed. Where a step has no such number there is None.
        """
        text = self._made.file("trace.csv")
        header, *rows = csv.reader(io.StringIO((text or b"step\n").decode()))
        cells = zip(*rows) if rows else [()] * len(header)
        return frame({name: [_number(name, cell) for cell in column] for name, column in zip(header, cells)}, None)

    def numpy(self) -> npt.NDArray[np.uint8]:
        """The picture as an array ``[H, W, 3]`` of bytes.

        >>> import metapicture
        >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, progress=False)
        >>> picture.numpy().dtype
        dtype('uint8')
        """
        height, width, pixels = self._made.rgb()
        return np.frombuffer(bytearray(pixels), np.uint8).reshape(height, width, 3)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def pil(self) -> Image:
        """The picture as an image of Pillow, where that is installed."""
        return image(self.png())

    def png(self) -> bytes:
        """The bytes of the picture as a PNG file, those of the record's ``image.png``."""
        return self._made.png()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture in the format that the file's ending names: ``.png``, ``.jpg``, ``.webp``, ``.tiff``."""
        self._made.save(path)

    def save_record(self, folder: str | os.PathLike[str]) -> None:
        """Writes the whole record into a folder: picture, settings, trace, and the state that makes the picture again."""
        self._made.save_record(folder)

    def _repr_png_(self) -> bytes:
        return self._made.png()

    def __repr__(self) -> str:
        height, width, _ = self._made.rgb()
        return f"<Picture of {self.unit} by {self.method}, seed {self.seed}, {width} x {height}>"


def image(png: bytes) -> Image:
    """A PNG file as an image of Pillow."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Pillow is not installed here; `pip install pillow` brings it", name="PIL") from None
    with Image.open(io.BytesIO(png)) as opened:
        return opened.convert("RGB")


def _number(name: str, cell: str) -> float | None:
    if name == "step":
        return int(cell)
    return float(cell) if cell else None
