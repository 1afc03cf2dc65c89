"""The table of folders of records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from ._frame import Kind
from ._frame import frame as made
from ._libtorch import native
from ._paths import paths

if TYPE_CHECKING:
    import pandas
    import polars

_Folder = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@overload
def results(folder: _Folder, *, frame: Literal["pandas"], settings: bool = False) -> pandas.DataFrame: ...
@overload
def results(folder: _Folder, *, frame: Literal["polars"], settings: bool = False) -> polars.DataFrame: ...
@overload
def results(folder: _Folder, *, frame: Literal["rows"], settings: bool = False) -> list[dict[str, Any]]: ...
@overload
def results(folder: _Folder, *, frame: None = None, settings: bool = False) -> Any: ...


def results(folder: _Folder, *, frame: Kind | None = None, settings: bool = False) -> Any:
    """A row a run, read from the index of one or several folders of records: a frame of pandas, else of polars, else a list of dicts,
    as installed. `metapicture.gallery` shows the pictures of such a frame.

    Args:
        folder: a folder of records, or several; a run that several have is there once.
        frame: which of these it is to be.
        settings: with the settings of each run's method, a column of JSON, for which every record is read.

    >>> import metapicture, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, out=folder, progress=False)
    >>> [row] = metapicture.results(folder, frame="rows")
    >>> row["label"], row["seed"]
    ('banana', 0)
    """
    return made(native.results(paths(folder), settings), frame)
