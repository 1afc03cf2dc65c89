"""Paths and names as people give them: one, or several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]


def path(given: PathLike | None) -> str | None:
    """One, as text."""
    return None if given is None else os.fspath(given)


def paths(given: PathLike | Iterable[PathLike]) -> list[str]:
    """All, as texts."""
    return [os.fspath(given)] if isinstance(given, (str, os.PathLike)) else [os.fspath(one) for one in given]
