"""An experiment, worked off."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._gallery import Gallery, gallery
from ._libtorch import native, own_threads
from ._progress import Progress, shown
from ._results import results
from ._settings import json_of

if TYPE_CHECKING:
    from . import _native


@dataclass(frozen=True)
class Swept:
    """A sweep that was worked off.

    Attributes:
        out: the folder of records.
        done: runs that are done.
        failed: runs that failed, and are recorded as failed.
        missing: runs that are not there.
    """

    out: Path
    done: int
    failed: int
    missing: int

    def results(self, **options: Any) -> Any:
        """`metapicture.results` of its folder."""
        return results(self.out, **options)

    def gallery(self, **options: Any) -> Gallery:
        """`metapicture.gallery` of its folder."""
        return gallery(self.out, **options)


def sweep(
    experiment: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    *,
    set: Sequence[str] = (),
    device: str | None = None,
    threads: int | None = None,
    batch: int | None = None,
    retry_failed: bool = False,
    progress: bool | Progress = True,
) -> Swept:
    """Computes every run that an experiment asks for and that is not in the folder yet, and writes its tables and contact sheet.

    Args:
        experiment: the path of an experiment file in YAML, or a dict of the same keys, whose files are relative to the working folder.
        out: the folder of records; ``out/NAME`` unless told.
        set: what is set over the file, as ``methods.latent.steps=50``.
        device: instead of the file's.
        threads: libtorch's threads on the CPU, instead of the file's.
        batch: runs computed together, instead of the file's.
        retry_failed: whether runs that failed before are tried again.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Ctrl-C leaves the running batch at a checkpoint within a step, and the same call goes on from there.

    >>> import metapicture, tempfile
    >>> experiment = {"name": "two", "classifier": "efficientnet-lite0", "units": ["banana"], "methods": ["naive"], "seeds": 2, "steps": 2}
    >>> done = metapicture.sweep(experiment, tempfile.mkdtemp(), progress=False)
    >>> done.done, done.missing
    (2, 0)
    """
    if isinstance(experiment, Mapping):
        file, text = None, json_of(experiment, "experiment")
    else:
        file, text = os.fspath(experiment), ""
    request: _native._Sweep = {
        "file": file,
        "text": text,
        "folder": "",
        "set": list(set),
        "out": out,
        "device": device,
        "threads": threads,
        "own_threads": own_threads(None),
        "batch": batch,
        "retry_failed": retry_failed,
    }
    with shown(progress, "sweep") as tell:
        folder, done, failed, missing = native.sweep(request, tell)
    return Swept(Path(folder), done, failed, missing)
