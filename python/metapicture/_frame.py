"""Tables as frames: of pandas, else of polars, else lists of dicts, as installed."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from ._errors import RequestError, StorageError

Kind = Literal["pandas", "polars", "rows"]

_WHOLE = re.compile(r"-?(0|[1-9]\d*)")
_NUMBER = re.compile(r"-?(\d+(\.\d*)?([eE][-+]?\d+)?|inf)|NaN")
# Columns of names, whatever their letters look like.
_NAMES = {"class_name", "facet_of", "file", "id", "label", "layer", "made_by", "method", "name", "observer", "sha256", "unit"}


def frame(columns: Mapping[str, Sequence[Any]], kind: Kind | None) -> Any:
    """A frame of these columns, of the kind that is asked for, or that is installed."""
    if kind not in (None, "pandas", "polars", "rows"):
        raise RequestError(f"frame: '{kind}' is not pandas, polars or rows", key="frame")
    if kind in (None, "pandas"):
        pandas = _module("pandas", required=kind is not None)
        if pandas:
            return pandas.DataFrame(columns)
    if kind in (None, "polars"):
        polars = _module("polars", required=kind is not None)
        if polars:
            return polars.DataFrame(columns, infer_schema_length=None, strict=False)
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def of_csv(path: Path, kind: Kind | None, without: str | None = None) -> Any:
    """A frame of a table that the library wrote: what is empty is None, a column of numbers is one. `without` is the end of the names of
    columns that are left out."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read: {error}") from None
    cells = list(zip(*rows)) or [()] * len(header)
    columns = {name: _typed(name, column) for name, column in zip(header, cells)}
    return frame({name: column for name, column in columns.items() if without is None or not name.endswith(without)}, kind)


def _typed(name: str, cells: Sequence[str]) -> list[Any]:
    filled = [cell for cell in cells if cell]
    if name in _NAMES or not filled or not all(_NUMBER.fullmatch(cell) for cell in filled):
        return [cell or None for cell in cells]
    if all(_WHOLE.fullmatch(cell) for cell in filled):
        return [int(cell) if cell else None for cell in cells]
    if any(re.fullmatch(r"-?0\d+", cell) for cell in filled):
        return [cell or None for cell in cells]
    return [float(cell) if cell else None for cell in cells]


def records(source: Any) -> list[dict[str, Any]] | None:
    """The rows of a frame of pandas or polars, or of a list of dicts; None of anything else. What is not a number is None."""
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        rows = source.to_dicts() if hasattr(source, "to_dicts") else source.to_dict("records")
    elif isinstance(source, Sequence) and source and all(isinstance(row, Mapping) for row in source):
        rows = source
    else:
        return None
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _module(name: str, required: bool) -> Any:
    """A package that need not be installed; none where it is not, unless it was asked for."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if required or error.name != name:
            raise
        return None
