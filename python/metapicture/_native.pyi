"""The native part: the package's own, whose names change from version to version."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, TypedDict, final

from ._live import Live

__all__ = ["LIBTORCH", "VERSION", "Picture", "results", "run", "sweep", "visualize"]

_Path: TypeAlias = str | os.PathLike[str]
_Progress: TypeAlias = Callable[[int, int, str], object]

LIBTORCH: str
VERSION: str

class _Visualization(TypedDict):
    model: str | Live
    unit: str
    method: str | None
    settings: str | None
    prior: str | None
    condition: str | None
    seeds: list[tuple[int, int]]
    steps: int | None
    size: int | None
    facets: int | None
    start: str | None
    witnesses: list[str | Live]
    out: _Path | None
    device: str
    threads: int

class _Sweep(TypedDict):
    file: str | None
    text: str
    folder: str
    set: list[str]
    out: _Path | None
    device: str | None
    threads: int | None
    own_threads: int
    batch: int | None
    retry_failed: bool

@final
class Picture:
    @staticmethod
    def open(folder: _Path) -> Picture: ...
    @property
    def activation(self) -> float: ...
    @property
    def probability(self) -> float | None: ...
    @property
    def witness_probability(self) -> float | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def run_id(self) -> str: ...
    def png(self) -> bytes: ...
    def rgb(self) -> tuple[int, int, bytes]: ...
    def record(self) -> str: ...
    def file(self, name: str) -> bytes | None: ...
    def save(self, path: _Path) -> None: ...
    def save_record(self, folder: _Path) -> None: ...

def visualize(request: _Visualization, progress: _Progress | None) -> tuple[list[Picture], list[Exception]]: ...
def sweep(request: _Sweep, progress: _Progress | None) -> tuple[str | os.PathLike[str], int, int, int]: ...
def results(folders: Sequence[_Path], settings: bool) -> dict[str, list[Any]]: ...
def run(program: Sequence[str], arguments: Sequence[str]) -> NoReturn: ...
