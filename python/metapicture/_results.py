"""The table of folders of records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

from ._errors import RequestError
from ._libtorch import native

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


def results(
    folder: _Folder,
    *,
    frame: Literal["pandas", "polars", "rows"] | None = None,
    settings: bool = False,
) -> Any:
    """A row a run, read from the index of one or several folders of records: a frame of pandas, else of polars, else a list of dicts,
    as installed.

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
    folders = [folder] if isinstance(folder, (str, os.PathLike)) else list(folder)
    columns = native.results(folders, settings)
    if frame not in (None, "pandas", "polars", "rows"):
        raise RequestError(f"frame: '{frame}' is not pandas, polars or rows", key="frame")
    if frame in (None, "pandas"):
        of_pandas = _module("pandas", required=frame is not None)
        if of_pandas:
            return of_pandas.DataFrame(columns)
    if frame in (None, "polars"):
        of_polars = _module("polars", required=frame is not None)
        if of_polars:
            return of_polars.DataFrame(columns, infer_schema_length=None, strict=False)
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _module(name: str, required: bool) -> Any:
    """A package that need not be installed; none where it is not, unless it was asked for."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if required or error.name != name:
            raise
        return None
