"""Random changes between picture and network, in lucent's words.

``standard_transforms`` are those of the preset ``lucid-2017``. What a step draws is not lucent's in these points:

- ``jitter(d)`` cuts the picture by ``d`` pixels at one of ``d + 1`` places in each direction, as lucid does; lucent shifts it by 0 to
  ``d - 1`` and fills with black.
- ``random_scale`` draws uniformly between the least and the largest factor, and cuts off or fills the frame, which keeps its size.
- ``random_rotate`` draws uniformly between minus and plus the largest angle; how often a list names an angle does not count.
- All of them together are one resampling, and what lies outside is grey (0.5) unless ``pad`` says otherwise; in lucent it is black.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ._refusal import refuse, refused

__all__ = ["compose", "jitter", "normalize", "pad", "preprocess_inceptionv1", "random_rotate", "random_scale", "standard_transforms"]

_FILLS = {"reflect": "reflect", "replicate": "edge"}


@dataclass(frozen=True)
class Transform:
    """A transform of a method, or what the network's own preprocessing does anyway.

    Attributes:
        name: lucent's word.
        settings: an item of a method's ``transforms``; None of `normalize` and `preprocess_inceptionv1`.
        parts: those of `compose`.
    """

    name: str
    settings: dict[str, Any] | None = None
    parts: tuple[Transform, ...] = ()

    def __call__(self, image: Any) -> Any:
        """Refused: the engine applies transforms, and not Python."""
        refuse(f"transform.{self.name} changes no tensor by itself", "give it to render_vis(transforms=[...])", "transforms")


def pad(w: int, mode: str = "reflect", constant_value: float = 0.5) -> Transform:
    """``w`` pixels on each side: mirrored (``reflect``), the edge (``replicate``), or grey (``constant``, 0.5)."""
    mode = mode.lower()
    if mode == "constant" and constant_value == 0.5:
        return Transform("pad", {"pad": {"pixels": w, "fill": "grey"}})
    if mode not in _FILLS:
        what = f"mode '{mode}'" if mode != "constant" else f"the constant {constant_value}"
        refuse(f"pad: {what} is not there", "modes are reflect, replicate, and constant with 0.5", "mode")
    return Transform("pad", {"pad": {"pixels": w, "fill": _FILLS[mode]}})


def jitter(d: int) -> Transform:
    """A random shift: a part smaller by ``d`` pixels, at a random place."""
    if d <= 1:
        refuse(f"jitter: d is {d}", "it is more than 1", "d")
    return Transform("jitter", {"jitter": {"pixels": d}})


def random_scale(scales: Sequence[float]) -> Transform:
    """A random zoom, uniform between the least and the largest of these factors."""
    factors = _numbers("random_scale", scales, "scales")
    return Transform("random_scale", {"scale": {"from": min(factors), "to": max(factors)}})


def random_rotate(angles: Sequence[float], units: str = "degrees") -> Transform:
    """A random turn, uniform between minus and plus the largest of these angles; they lie on both sides of 0, about as far."""
    if units.lower() not in ("degrees", "radians", "rads", "rad"):
        refuse(f"random_rotate: no unit '{units}'", "units are degrees and radians", "units")
    turns = _numbers("random_rotate", angles, "angles")
    if units.lower() != "degrees":
        turns = [math.degrees(turn) for turn in turns]
    largest = max(abs(turn) for turn in turns)
    # Ranges of Python lack their end: list(range(-10, 10)) is from -10 to 9.
    if abs(max(turns) + min(turns)) > max(1.0, 0.1 * largest):
        refuse(
            f"random_rotate: angles from {min(turns):g} to {max(turns):g} degrees lie on one side more than on the other",
            "give as many on both sides of 0",
            "angles",
        )
    return Transform("random_rotate", {"rotate": {"degrees": largest}})


def normalize() -> Transform:
    """What the network's own preprocessing does here, whoever asks: nothing is added. With it belongs ``preprocess=False``."""
    return Transform("normalize")


def preprocess_inceptionv1() -> Transform:
    """As `normalize`."""
    return Transform("preprocess_inceptionv1")


def compose(transforms: Iterable[Transform]) -> Transform:
    """One after the other, as a transform."""
    return Transform("compose", parts=tuple(_checked(each) for each in transforms))


def settings_of(transforms: Iterable[Transform], preprocess: bool) -> list[dict[str, Any]]:
    """The ``transforms`` of a method. What the network does by itself is checked against ``preprocess``, and left out."""
    flat: list[Transform] = []

    def add(each: Transform) -> None:
        for part in _checked(each).parts:
            add(part)
        if each.name != "compose":
            flat.append(each)

    for each in transforms:
        add(each)
    normal = [each.name for each in flat if each.settings is None]
    if preprocess and normal:
        refuse(
            f"transforms: {normal[0]} is applied twice, since preprocess is True", "write preprocess=False, or leave it out", "preprocess"
        )
    if not preprocess and len(normal) != 1:
        refuse(
            f"preprocess: the network's own normalization is applied once, and transforms have {len(normal)}",
            "write preprocess=True; `config` of a manifest has mean and std",
            "preprocess",
        )
    return [each.settings for each in flat if each.settings is not None]


def _checked(each: Any) -> Transform:
    if not isinstance(each, Transform):
        named = getattr(each, "__name__", type(each).__name__)
        refuse(
            f"transforms: '{named}' is none of metapicture.lucent.transform",
            "take pad, jitter, random_scale and random_rotate; a method in YAML also has crop and noise",
            "transforms",
        )
    return each


def _numbers(word: str, values: Sequence[float], key: str) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        refuse(f"{word}: {key} are numbers, at least one", f"write {word}([...])", key)
    return numbers


standard_transforms: list[Transform] = [
    pad(12, mode="constant", constant_value=0.5),
    jitter(8),
    random_scale([1 + (place - 5) / 50 for place in range(11)]),
    random_rotate([*range(-10, 11), 0, 0, 0, 0, 0]),
    jitter(4),
]

_REFUSED = {
    "crop_or_pad_to": "pictures are resized to the network's input anyway",
    "collapse_alpha_random": "the preset alpha-2018 makes transparent pictures",
}


def __getattr__(name: str) -> Any:
    return refused("transform", _REFUSED, name)
