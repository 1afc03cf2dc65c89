"""Pictures beside each other."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import RequestError
from ._frame import records
from ._libtorch import native
from ._paths import PathLike, paths
from ._picture import Picture, image

if TYPE_CHECKING:
    from PIL.Image import Image

    from . import _native

# Pages that a notebook's cell shows.
_PAGES = 4


class Gallery:
    """A labelled contact sheet. A notebook shows its first four pages; `save` writes all."""

    __slots__ = ("_sheet",)

    def __init__(self, sheet: _native.Sheet) -> None:
        """Of the native part; `metapicture.gallery` makes them."""
        self._sheet = sheet

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return self._sheet.pages()

    def png(self, page: int = 0) -> bytes:
        """A page as a PNG file, from 0."""
        return self._sheet.png(page)

    def pil(self, page: int = 0) -> Image:
        """A page as an image of Pillow, where that is installed."""
        return image(self.png(page))

    def save(self, path: PathLike) -> list[Path]:
        """Writes it: a PDF where the file's name ends so, else PNG files, those after the first as ``NAME-2.png``. Gives the files."""
        return [Path(file) for file in self._sheet.save(path)]

    def _repr_html_(self) -> str:
        pages = self.pages
        shown = [base64.b64encode(self.png(page)).decode() for page in range(min(pages, _PAGES))]
        images = "".join(f'<img alt="page {page + 1}" src="data:image/png;base64,{data}">' for page, data in enumerate(shown))
        return images + (f"<p>{pages - _PAGES} more pages: <code>save</code> writes them.</p>" if pages > _PAGES else "")

    def __repr__(self) -> str:
        rows, columns = self._sheet.cells()
        return f"<Gallery of {rows} x {columns} cells>"


def gallery(
    source: PathLike | Sequence[PathLike] | Iterable[Picture] | Any,
    *,
    rows: str = "unit",
    cols: str | Sequence[str] = (),
    group: str | None = None,
    caption: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    best: bool = False,
    side: int = 224,
) -> Gallery:
    """A labelled contact sheet of pictures: those of folders of records, of the rows of a frame that `metapicture.results` gave (filtered
    and sorted as one likes), or of pictures that were made.

    Args:
        source: a folder of records or several, a frame of pandas or polars or a list of dicts with the columns of `metapicture.results`,
            or pictures.
        rows: the column whose values are the rows.
        cols: those whose values are the columns; unless told, whatever has more than one value besides the rows. Where nothing has, the
            pictures are wrapped into a grid.
        group: a column whose values are kept together; ``layer`` is that of a unit.
        caption: columns that are written beneath a picture; unless told the activation, and what witnesses say.
        only: only runs with these values, each ``AXIS=VALUE``.
        best: where several runs fall into one cell, that of the highest activation is shown, and not the first.
        side: side of a picture in pixels, 16 to 1024.

    >>> import metapicture
    >>> pictures = metapicture.visualize("efficientnet-lite0", "banana", method="naive", seeds=2, steps=2, progress=False)
    >>> metapicture.gallery(pictures, caption="probability")
    <Gallery of 1 x 2 cells>
    """
    request: _native._Layout = {
        "rows": rows,
        "cols": paths(cols),
        "group": group,
        "caption": paths(caption),
        "only": paths(only),
        "best": best,
        "side": side,
    }
    if isinstance(source, (str, os.PathLike)):
        return Gallery(native.Sheet.of_folders(paths(source), request))
    if isinstance(source, Picture):
        source = [source]
    table = records(source)
    if table is not None:
        return Gallery(native.Sheet.of_table(json.dumps(table), request))
    given = list(source)
    if given and all(isinstance(one, Picture) for one in given):
        return Gallery(native.Sheet.of_pictures([one._made for one in given], request))
    if given and all(isinstance(one, (str, os.PathLike)) for one in given):
        return Gallery(native.Sheet.of_folders(paths(given), request))
    raise RequestError("source: folders of records, a frame of results or pictures are needed, at least one", key="source")
