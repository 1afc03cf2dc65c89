"""What a unit of a classifier looks for."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._errors import ComputeError, RequestError
from ._libtorch import native, own_threads
from ._live import at_hand
from ._network import Model, several
from ._picture import Picture
from ._progress import Progress, shown
from ._settings import json_of

if TYPE_CHECKING:
    from . import _native


def visualize(
    model: Model,
    unit: str,
    method: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    prior: str | os.PathLike[str] | None = None,
    seeds: int | Iterable[int] = 1,
    steps: int | None = None,
    size: int | None = None,
    witnesses: Model | Sequence[Model] = (),
    out: str | os.PathLike[str] | None = None,
    *,
    condition: str | None = None,
    facets: int | None = None,
    batch: int | None = None,
    start: str | os.PathLike[str] | None = None,
    optimize: bool = False,
    device: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = True,
) -> list[Picture]:
    """Pictures of what a unit of a classifier looks for, one a seed (and facet).

    Args:
        model: a classifier of the zoo (``metapicture models list``), the path of a manifest, or a `torch.nn.Module` as it is in this
            process; with `Network` around it where its pictures are not 224 px with ImageNet's mean and deviation.
        unit: a class (``banana``, ``class:954``), a channel (``_blocks.10:37``), a neuron (``_blocks.10:37@7,7``), a layer
            (``layer:_blocks.10``), a sum (``banana + 0.5*violin``). The layers of a module are its submodules.
        method: a preset (``metapicture methods list``), the path of a method in YAML, or a dict of the same keys, as ``metapicture methods
            show lucid-2017`` prints them; with ``preset`` it says only what is different, as ``{"preset": "latent", "keep": "best"}``.
            Unless told: ``regularized``, or with a prior what suits its codes.
        prior: a generator of the zoo, or the path of a manifest, for methods that search a code.
        seeds: how many, from 0; or which. The same seed gives the same picture.
        steps: optimization steps in each octave, instead of the method's own number.
        size: side of the pictures in pixels, instead of the method's.
        witnesses: classifiers that judge the pictures of a class and take no part in making them.
        out: a folder that the runs are kept in, as the program keeps them. What is there is not computed again.
        condition: the class of a conditional generator, by name or index; unless told it is optimized with the code.
        facets: pictures of each seed that are optimized together and kept apart.
        batch: runs that are computed together, 1 to 65,535; 8 unless told. Their number changes results by rounding only.
        start: photographs that the pictures start from: a set of the zoo, a folder, or a file.
        optimize: whether modules are written as programs by ``torch.export`` first (`export`), which metapicture then computes by itself,
            mostly faster; kept in the user's cache.
        device: ``cpu`` (unless told), ``cuda`` or ``cuda:1``; a module's is where it lies.
        threads: libtorch's threads on the CPU, in the whole process; those that it has unless told.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Raises:
        RequestError: an unknown name, or settings that do not fit each other.
        ComputeError: a run that failed; its ``pictures`` are those of the others.

    Ctrl-C ends it within a step.

    >>> import metapicture
    >>> pictures = metapicture.visualize("efficientnet-lite0", "banana", method="naive", seeds=2, steps=2, progress=False)
    >>> [picture.seed for picture in pictures]
    [0, 1]
    >>> method = {"preset": "lucid-2017", "transforms": [{"jitter": {"pixels": 4}}]}
    >>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", method, steps=2, progress=False)
    >>> picture.record["method_settings"]["transforms"][0]["jitter"]["pixels"]
    4
    """
    if not isinstance(unit, str):
        raise RequestError("a unit is a text, such as 'banana' or 'layer4:12'", "call it once for each unit, or sweep them", "unit")
    with at_hand([model, *several(witnesses)], device, optimize) as ((target, *others), place), shown(progress, unit) as tell:
        request: _native._Visualization = {
            "model": target,
            "unit": unit,
            "method": None if isinstance(method, Mapping) else _path(method),
            "settings": json_of(method, "method") if isinstance(method, Mapping) else None,
            "prior": _path(prior),
            "condition": condition,
            "seeds": _spans(seeds),
            "steps": steps,
            "size": size,
            "facets": facets,
            "batch": batch,
            "start": _path(start),
            "witnesses": others,
            "out": out,
            "device": place,
            "threads": own_threads(threads),
        }
        made, failed = native.visualize(request, tell)
    pictures = [Picture(picture) for picture in made]
    if failed:
        if isinstance(failed[0], ComputeError):
            failed[0].pictures = pictures
        raise failed[0]
    return pictures


def _path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _spans(seeds: int | Iterable[int]) -> list[tuple[int, int]]:
    """Seeds as firsts and ends of those that follow each other, which are computed together."""
    spans: list[tuple[int, int]] = []
    for seed in seeds if isinstance(seeds, Iterable) else range(operator.index(seeds)):
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= operator.index(seed) < 1 << 64:
            raise RequestError(f"{seed!r} is no seed; a whole number from 0 is", key="seeds")
        if spans and spans[-1][1] == seed:
            spans[-1] = (spans[-1][0], seed + 1)
        else:
            spans.append((seed, seed + 1))
    return spans or [(0, 0)]
