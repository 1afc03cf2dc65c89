"""What can be named: models, their layers, methods."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ._frame import Kind
from ._frame import frame as made
from ._libtorch import native, own_threads
from ._live import at_hand
from ._network import Model
from ._paths import PathLike
from ._progress import Progress, shown


def models(kind: str | None = None, *, frame: Kind | None = None) -> Any:
    """Every entry of the zoo, a row each: ``name``, ``kind`` (``classifier``, ``generator``, ``encoder``, ``images``), ``description``,
    ``architecture``, ``licence``, ``non_commercial``, ``size`` in bytes (0 where nobody says) and ``pulled`` (whether it is on this
    machine).

    Args:
        kind: only entries of this kind.
        frame: ``pandas``, ``polars`` or ``rows``; unless told as installed.

    >>> import metapicture
    >>> names = [row["name"] for row in metapicture.models("classifier", frame="rows")]
    >>> "efficientnet-lite0" in names
    True
    """
    columns = native.models()
    if kind is not None:
        chosen = [number for number, of in enumerate(columns["kind"]) if of == kind]
        columns = {name: [column[number] for number in chosen] for name, column in columns.items()}
    return made(columns, frame)


def pull(*names: PathLike, progress: bool | Progress = True) -> dict[str, list[Path]]:
    """Downloads entries of the zoo into the cache and checks their sha256; what is there already is checked and left alone. Gives the
    files of each.

    Args:
        names: entries, or paths of manifests.
        progress: whether a bar of bytes is shown, where tqdm is installed; or a function ``progress(done, of, text)``, whose ``of`` is 0
            where nobody knows the size.

    Raises:
        RequestError: a name that is not known.
        ModelError: an entry that could not be downloaded, or that only a browser can download.

    >>> import metapicture
    >>> [file] = metapicture.pull("efficientnet-lite0", progress=False)["efficientnet-lite0"]
    >>> file.is_file()
    True
    """
    texts = [os.fspath(name) for name in names]
    with shown(progress, "pull", bytes=True) as tell:
        files = native.pull(texts, tell)
    return {name: [Path(file) for file in of] for name, of in zip(texts, files)}


def layers(model: Model, *, frame: Kind | None = None, progress: bool | Progress = True) -> Any:
    """The layers of a network that a unit can name, in the order of the forward pass, a row each: ``name``, ``shape`` of the activation
    for one picture, ``(C,)`` or ``(C, H, W)``, and ``aliases``, other names of the same. The network is downloaded if need be.

    Args:
        model: an entry of the zoo, the path of a manifest, or a `torch.nn.Module` or `Network` in this process.
        frame: ``pandas``, ``polars`` or ``rows``; unless told as installed.
        progress: as in `pull`.

    >>> import metapicture
    >>> shapes = {row["name"]: row["shape"] for row in metapicture.layers("efficientnet-lite0", frame="rows")}
    >>> shapes["_blocks.10"]
    (112, 14, 14)
    """
    with at_hand([model], None) as ([named], device), shown(progress, "pull", bytes=True) as tell:
        columns = native.layers(named, device, own_threads(None), tell)
    return made(columns, frame)


def methods(*, frame: Kind | None = None) -> Any:
    """The presets that ``method`` can name, a row each: ``name``, ``summary``, ``searches`` (what is optimized), ``steps`` in each
    octave, ``needs_prior`` (whether it searches a generator's code) and ``source``.

    Args:
        frame: ``pandas``, ``polars`` or ``rows``; unless told as installed.

    >>> import metapicture
    >>> steps = {row["name"]: row["needs_prior"] for row in metapicture.methods(frame="rows")}
    >>> steps["naive"], steps["latent"]
    (False, True)
    """
    return made(native.methods(), frame)
