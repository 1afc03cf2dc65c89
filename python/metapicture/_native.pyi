"""The native part: the package's own, whose names change from version to version."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, TypedDict, final

from ._live import Live

__all__ = [
    "LIBTORCH",
    "VERSION",
    "Picture",
    "Sheet",
    "activations",
    "atlas",
    "classify",
    "compare",
    "embed",
    "layers",
    "map",
    "methods",
    "models",
    "pull",
    "report",
    "results",
    "run",
    "sweep",
    "visualize",
]

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
    batch: int | None
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

class _Comparison(TypedDict):
    folders: list[str]
    foreign: list[str]
    out: str
    manifests: list[str]
    only: list[str]
    experiments: list[str]
    classifier: str | None
    witnesses: list[str]
    references: list[str]
    baseline: str | None
    layers: list[str]
    replicates: int
    permutations: int
    inversions: int
    inversion_steps: int
    permuted_units: int
    manipulated_units: int
    seed: int
    registered: str | None
    title: str | None
    command: str
    device: str
    threads: int

class _Embedding(TypedDict):
    pictures: list[str]
    classifier: str | None
    layer: str | None
    preset: str | None
    out: str
    positions: bool
    squash: bool
    raw: bool
    device: str
    threads: int

class _Mapping(TypedDict):
    embedded: str
    out: str
    neighbours: int
    distance: str
    seed: int
    others: int | None
    cluster: int | None
    side: int
    thumbnail: int

class _Collection(TypedDict):
    embedded: str
    out: str
    map: str | None
    tables: list[str]
    title: str | None
    neighbours: int
    export: list[str]
    base: str | None

class _Classification(TypedDict):
    model: str | Live
    pictures: Sequence[str | tuple[int, int, bytes]]
    top: int
    layer: str | None
    device: str
    threads: int

class _Layout(TypedDict):
    rows: str
    cols: list[str]
    group: str | None
    caption: list[str]
    only: list[str]
    best: bool
    side: int

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

@final
class Sheet:
    @staticmethod
    def of_folders(folders: Sequence[_Path], request: _Layout) -> Sheet: ...
    @staticmethod
    def of_table(table: str, request: _Layout) -> Sheet: ...
    @staticmethod
    def of_pictures(pictures: Sequence[Picture], request: _Layout) -> Sheet: ...
    def pages(self) -> int: ...
    def png(self, page: int) -> bytes: ...
    def save(self, path: _Path) -> list[_Path]: ...
    def cells(self) -> tuple[int, int]: ...

def classify(request: _Classification, progress: _Progress | None) -> dict[str, list[Any]]: ...
def activations(request: _Classification, progress: _Progress | None) -> tuple[list[int], bytearray]: ...
def compare(request: _Comparison, progress: _Progress | None) -> None: ...
def report(folder: _Path, path: _Path, max_size: float, photographs: bool, people: _Path | None) -> tuple[int, int, list[_Path]]: ...
def embed(request: _Embedding, progress: _Progress | None) -> tuple[int, list[tuple[str, str]]]: ...
def map(request: _Mapping, progress: _Progress | None) -> None: ...
def atlas(request: _Collection, progress: _Progress | None) -> tuple[_Path, int, int, int, list[_Path]]: ...
def models() -> dict[str, list[Any]]: ...
def pull(names: Sequence[str], progress: _Progress | None) -> list[list[_Path]]: ...
def layers(model: str | Live, device: str, threads: int, progress: _Progress | None) -> dict[str, list[Any]]: ...
def methods() -> dict[str, list[Any]]: ...
def visualize(request: _Visualization, progress: _Progress | None) -> tuple[list[Picture], list[Exception]]: ...
def sweep(request: _Sweep, progress: _Progress | None) -> tuple[str | os.PathLike[str], int, int, int]: ...
def results(folders: Sequence[_Path], settings: bool) -> dict[str, list[Any]]: ...
def run(program: Sequence[str], arguments: Sequence[str]) -> NoReturn: ...
