"""What a layer makes of many pictures, their map, and the page of a collection."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import RequestError, StorageError
from ._frame import Kind, of_csv
from ._libtorch import native, own_threads
from ._page import Page
from ._paths import PathLike, path, paths
from ._progress import Progress, shown

if TYPE_CHECKING:
    import numpy.typing as npt

    from . import _native


class Embedded:
    """Pictures that a layer was shown: `metapicture.embed` gives it, and `Embedded.open` reads the folder of one.

    Attributes:
        out: the folder of ``rows.safetensors``, ``pictures.csv`` and ``embedding.json``.
        unread: pictures that could not be read, by name, and why; of a folder that was opened none.
    """

    def __init__(self, out: Path, unread: Sequence[tuple[str, str]] = ()) -> None:
        """Of a folder that `metapicture.embed` left."""
        self.out = out
        self.unread: list[tuple[str, str]] = list(unread)

    @classmethod
    def open(cls, folder: PathLike) -> Embedded:
        """Reads a folder that `metapicture.embed` or ``metapicture embed`` left."""
        out = Path(folder)
        if not (out / "rows.safetensors").is_file():
            raise RequestError(f"{out / 'rows.safetensors'}: is not there; `metapicture.embed` writes it")
        return cls(out)

    @cached_property
    def features(self) -> npt.NDArray[np.float32]:
        """A row a picture, ``[N, D]``, in the order of `rows`: mapped from the file and read-only, so that more of them than fit into
        memory do no harm."""
        return _mapped(self.out / "rows.safetensors", "rows")

    @property
    def rows(self) -> Any:
        """A frame with a row a picture: ``row``, ``name``, ``sha256``, ``width``, ``height``, ``duplicate_of`` (the row of the first of
        near-duplicates), and what else is known, as ``class`` and ``made_by``."""
        return self.table()

    def table(self, *, frame: Kind | None = None) -> Any:
        """The same, of the kind that is asked for: ``pandas``, ``polars`` or ``rows``."""
        return of_csv(self.out / "pictures.csv", frame)

    @property
    def settings(self) -> dict[str, Any]:
        """How they were embedded: classifier, layer, and how pictures were shown."""
        return _json(self.out / "embedding.json")

    def map(self, out: PathLike, **options: Any) -> Mapped:
        """`metapicture.map` of them."""
        return map(self, out, **options)

    def atlas(self, out: PathLike, **options: Any) -> Page:
        """`metapicture.atlas` of them."""
        return atlas(self, out, **options)

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        pictures, numbers = self.features.shape
        return f"<Embedded {self.out}, {pictures} pictures, {numbers} numbers each>"


class Mapped:
    """Embedded pictures in the plane: `metapicture.map` gives it, and `Mapped.open` reads the folder of one. A notebook shows it. A map
    is for looking: no statement may rest on distances in it.

    Attributes:
        out: the folder of ``map.csv``, ``map.json`` and ``map.png``.
    """

    def __init__(self, out: Path) -> None:
        """Of a folder that `metapicture.map` left."""
        self.out = out

    @classmethod
    def open(cls, folder: PathLike) -> Mapped:
        """Reads a folder that `metapicture.map` or ``metapicture map`` left."""
        out = Path(folder)
        if not (out / "map.csv").is_file():
            raise RequestError(f"{out / 'map.csv'}: is not there; `metapicture.map` writes it")
        return cls(out)

    @property
    def rows(self) -> Any:
        """A frame with a row a picture, in the order of the embedded rows: ``row``, ``x``, ``y``, ``component_1``, ``component_2``,
        ``stability``, ``cluster``."""
        return self.table()

    def table(self, *, frame: Kind | None = None) -> Any:
        """The same, of the kind that is asked for: ``pandas``, ``polars`` or ``rows``."""
        return of_csv(self.out / "map.csv", frame)

    @property
    def apart(self) -> Any:
        """How far from the photographs pictures lie that were made, a row each: ``row``, ``made_by``, ``nearest``, ``distance``,
        ``as_far``; None where none were."""
        file = self.out / "apart.csv"
        return of_csv(file, None) if file.is_file() else None

    @property
    def summary(self) -> dict[str, Any]:
        """How far the map can be trusted: ``trustworthiness`` (0 to 1), ``stability``, ``clusters``, ``as_far`` and more."""
        return _json(self.out / "map.json")

    def png(self) -> bytes | None:
        """The picture as a PNG file; None where it was left out."""
        file = self.out / "map.png"
        return file.read_bytes() if file.is_file() else None

    def _repr_png_(self) -> bytes | None:
        return self.png()

    def __repr__(self) -> str:
        return f"<Mapped {self.out}>"


def embed(
    pictures: PathLike | Sequence[PathLike],
    classifier: PathLike | None = None,
    layer: str | None = None,
    out: PathLike | None = None,
    *,
    preset: str | None = None,
    positions: bool = False,
    squash: bool = False,
    raw: bool = False,
    device: str = "cpu",
    threads: int | None = None,
    progress: bool | Progress = True,
) -> Embedded:
    """What a layer makes of many pictures, a row of numbers each. What it has seen before, under whatever name, is not looked at again.

    Args:
        pictures: files, folders (the folder that a picture lies in is its ``class``), ``FILE.csv``, ``FILE.tar``, ``FILE.parquet``,
            folders of records.
        classifier: a classifier of the zoo, or the path of a manifest.
        layer: the layer; `metapicture.layers` lists them.
        out: where it goes.
        preset: a classifier, a layer and how pictures are shown, all at once: ``vgg19-fc1`` or ``imgs-ai``.
        positions: whether all positions of a layer that has some are kept, and not their mean.
        squash: whether pictures are squashed to squares, and not their central squares taken.
        raw: whether levels stay from 0 to 1, and are not normalised as the network was trained.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        threads: libtorch's threads on the CPU, in the whole process; those that it has unless told.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Pictures of folders that cannot be read are passed over, and told by the logger ``metapicture``. Ctrl-C ends it within some pictures;
    what was seen is kept, and the same call goes on.

    >>> import metapicture, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, progress=False)
    >>> picture.save(f"{folder}/banana.png")
    >>> metapicture.embed(folder, "efficientnet-lite0", "pool", f"{folder}/embedded", progress=False).features.shape
    (1, 1280)
    """
    if out is None:
        raise RequestError("out: a folder is needed", key="out")
    request: _native._Embedding = {
        "pictures": paths(pictures),
        "classifier": path(classifier),
        "layer": layer,
        "preset": preset,
        "out": os.fspath(out),
        "positions": positions,
        "squash": squash,
        "raw": raw,
        "device": device,
        "threads": own_threads(threads),
    }
    with shown(progress, "embed") as tell:
        _, unread = native.embed(request, tell)
    return Embedded(Path(out), unread)


def map(
    embedded: Embedded | PathLike,
    out: PathLike,
    *,
    neighbours: int = 15,
    distance: str = "euclidean",
    seed: int = 0,
    others: int | None = None,
    cluster: int | None = None,
    side: int = 2400,
    thumbnail: int = 64,
    progress: bool | Progress = True,
) -> Mapped:
    """Embedded pictures in the plane: UMAP by a seed, principal components, clusters of the photographs, and how far all of these can be
    trusted.

    Args:
        embedded: what `metapicture.embed` gave, or its folder.
        out: where it goes.
        neighbours: that a picture is tied to, itself counted, 2 to 1000.
        distance: what is near: ``euclidean``, ``manhattan``, ``cosine``.
        seed: decides the map.
        others: further seeds by which stability is measured; unless told 9, and of more than 5,000 pictures none.
        cluster: photographs that a cluster has at least, 0 for no clusters; unless told 10, and of more than 5,000 pictures 0.
        side: of the picture in pixels; 0 leaves it out.
        thumbnail: side of a picture on it.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Raises:
        RequestError: too few pictures for so many neighbours, a folder that is no embedding.
    """
    request: _native._Mapping = {
        "embedded": _folder(embedded),
        "out": os.fspath(out),
        "neighbours": neighbours,
        "distance": distance,
        "seed": seed,
        "others": others,
        "cluster": cluster,
        "side": side,
        "thumbnail": thumbnail,
    }
    with shown(progress, "map") as tell:
        native.map(request, tell)
    return Mapped(Path(out))


def atlas(
    embedded: Embedded | PathLike,
    out: PathLike,
    *,
    map: Mapped | PathLike | None = None,
    tables: PathLike | Sequence[PathLike] = (),
    title: str | None = None,
    neighbours: int = 8,
    export: str | Sequence[str] = (),
    base: str | None = None,
    progress: bool | Progress = True,
) -> Page:
    """A page of a whole picture collection: its pictures on a map, in a grid, in time, ranked; to be searched, filtered and picked out.
    Up to 5,000 pictures are in that one file; more lie as sheets beside it.

    Args:
        embedded: what `metapicture.embed` gave, or its folder.
        out: where it goes.
        map: what `metapicture.map` gave, or its folder; without one, pictures lie in the order of their files.
        tables: CSV files of what else is known of the pictures, by ``sha256``, ``name``, ``file`` or ``row``.
        title: what the page is called; unless told the name of the folder.
        neighbours: photographs that are shown beside a picture as nearest to it in the layer, 0 to 100.
        export: what other viewers read: ``vikus``, ``embedding-atlas``, ``iiif``.
        base: where pictures will be served, as a URL, for ``iiif``.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Raises:
        RequestError: a map of other pictures, a table that no picture is in, an export that is not possible.
    """
    request: _native._Collection = {
        "embedded": _folder(embedded),
        "out": os.fspath(out),
        "map": None if map is None else _folder(map),
        "tables": paths(tables),
        "title": title,
        "neighbours": neighbours,
        "export": paths(export),
        "base": base,
    }
    with shown(progress, "atlas") as tell:
        page, _, pictures, sheets, _ = native.atlas(request, tell)
    return Page(Path(page), pictures, sheets)


def _folder(given: Embedded | Mapped | PathLike) -> str:
    return os.fspath(given.out if isinstance(given, (Embedded, Mapped)) else given)


def _json(file: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(f"{file}: cannot be read: {error}") from None
    return read


def _mapped(file: Path, name: str) -> npt.NDArray[np.float32]:
    """A tensor ``[N, D]``, f32, of a safetensors file, mapped: 8 bytes with the length of the header, the header in JSON, the numbers."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            about = json.loads(opened.read(length))[name]
        if about["dtype"] != "F32":
            raise ValueError(f"its numbers are {about['dtype']}, and not F32")
        begin = 8 + length + about["data_offsets"][0]
        return np.memmap(file, np.dtype("<f4"), "r", begin, tuple(about["shape"]))
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(f"{file}: cannot be read: {error}") from None
