"""The table of folders of records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

from ._errors import RequestError
from ._libtorch import native


def results(
    folder: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
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
        try:
            import pandas

            return pandas.DataFrame(columns)
        except ModuleNotFoundError:
            if frame:
                raise
    if frame in (None, "polars"):
        try:
            import polars

            return polars.DataFrame(columns, infer_schema_length=None, strict=False)
        except ModuleNotFoundError:
            if frame:
                raise
    return [dict(zip(columns, row)) for row in zip(*columns.values())]
