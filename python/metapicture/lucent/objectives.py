"""What is optimized for, in lucent's words. Objectives are added, and multiplied and divided by numbers.

As in lucent, ``-1e2 * diversity(layer)`` keeps the pictures of a batch apart, and objectives with ``batch`` concern one picture of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import _vectors
from ._layers import Layers
from ._refusal import refuse, refused

__all__ = [
    "Objective",
    "as_objective",
    "channel",
    "channel_interpolate",
    "channel_weight",
    "class_logit",
    "deepdream",
    "direction",
    "direction_cossim",
    "diversity",
    "neuron",
]


@dataclass(frozen=True)
class Term:
    """A weighted summand.

    Attributes:
        text: as it was written.
        unit: the unit of the engine among a model's layers; None of `diversity`.
        weight: its factor.
        batch: the picture that it concerns; None for all.
        share: what the factor is multiplied by for a picture of so many; lucent does not divide such a term by the batch.
        layer: that of `diversity`.
    """

    text: str
    unit: Callable[[Layers], str] | None
    weight: float = 1.0
    batch: int | None = None
    share: Callable[[int, int], float] | None = None
    layer: str = ""


@dataclass(frozen=True)
class Objective:
    """A sum of weighted terms; the functions of this module make them."""

    terms: tuple[Term, ...]

    @staticmethod
    def sum(objs: Iterable[Objective]) -> Objective:
        """The sum of objectives."""
        return Objective(tuple(term for each in objs for term in as_objective(each).terms))

    def __add__(self, other: Any) -> Objective:
        # A constant moves no picture.
        return self if isinstance(other, (int, float)) else Objective((*self.terms, *as_objective(other).terms))

    __radd__ = __add__

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Any) -> Objective:
        return self + (other if isinstance(other, (int, float)) else -as_objective(other))

    def __rsub__(self, other: Any) -> Objective:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Objective:
        if not isinstance(other, (int, float)):
            refuse(f"an objective is multiplied by a {type(other).__name__}", "numbers are factors; add objectives up", "objective_f")
        return Objective(tuple(replace(term, weight=term.weight * other) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Objective:
        if not isinstance(other, (int, float)) or other == 0:
            refuse("an objective is divided by what is no number but 0", "multiply by a factor", "objective_f")
        return self * (1 / other)

    def __repr__(self) -> str:
        return "<Objective " + " + ".join(f"{term.weight:g} {term.text}" for term in self.terms) + ">"


def _one(text: str, unit: Callable[[Layers], str] | None, **more: Any) -> Objective:
    return Objective((Term(text, unit, **more),))


def channel(layer: str, n_channel: int | str, batch: int | None = None) -> Objective:
    """The mean of a channel over its positions; of ``labels`` a class, by number or name: its logit.

    lucent's ``labels`` is the last layer of a module, which in its InceptionV1 are the probabilities: these are ``softmax2`` here.
    """
    return _one(f"channel({layer}, {n_channel})", lambda layers: layers.channel(layer, n_channel), batch=batch)


def neuron(layer: str, n_channel: int, x: int | None = None, y: int | None = None, batch: int | None = None) -> Objective:
    """One neuron of a channel, in column ``x`` and row ``y``; that in the centre unless told, where the model is `inceptionv1`.

    Places are those of a picture of the network's own input size, and are kept by proportion in others.
    """

    def unit(layers: Layers) -> str:
        column = layers.centre(layer) if x is None else x
        row = layers.centre(layer) if y is None else y
        return layers.channel(layer, n_channel, (row, column))

    return _one(f"neuron({layer}, {n_channel}, {x}, {y})", unit, batch=batch)


def direction(layer: str, direction: Any, batch: int | None = None) -> Objective:
    """The cosine with a direction ``[C]``, mean over positions, as in lucent. (Lucid takes the dot product: `channel_weight`.)"""
    file = _vectors.written("direction", direction)
    return _one(f"direction({layer}, [{_vectors.length(direction)}])", lambda layers: f"cosine({layers.whole(layer)}, {file})", batch=batch)


def channel_weight(layer: str, weight: Any, batch: int | None = None) -> Objective:
    """The mean of all channels times their weights ``[C]``, over channels and positions."""
    file, count = _vectors.written("channel_weight", weight), _vectors.length(weight)
    unit = lambda layers: f"direction({layers.whole(layer)}, {file})"
    return _one(f"channel_weight({layer}, [{count}])", unit, weight=1 / count, batch=batch)


def direction_cossim(layer: str, vec: Any, batch: int | None = None) -> Objective:
    """Lucid's: the cosine with a direction ``[C]``, mean over positions, divided by the number of channels."""
    return direction(layer, vec, batch) / _vectors.length(vec)


def deepdream(layer: str) -> Objective:
    """Lucid's: the mean of a layer's squares."""
    return _one(f"deepdream({layer})", lambda layers: f"layer:{layers.whole(layer)}")


def class_logit(layer: str, label: int | str, batch: int | None = None) -> Objective:
    """Lucid's: the logit of a class, by number or name. ``layer`` is `softmax2_pre_activation`, say."""
    return _one(f"class_logit({layer}, {label})", lambda layers: layers.channel(layer, label), batch=batch)


def channel_interpolate(layer1: str, n_channel1: int, layer2: str, n_channel2: int) -> Objective:
    """From one channel in the first picture of a batch to another one in the last."""

    def behind(picture: int, of: int) -> float:
        return picture / (of - 1) if of > 1 else 0.0

    first = replace(channel(layer1, n_channel1).terms[0], share=lambda picture, of: 1 - behind(picture, of))
    last = replace(channel(layer2, n_channel2).terms[0], share=behind)
    return Objective((first, last))


def diversity(layer: str) -> Objective:
    """Minus the likeness of pictures of a batch: the cosines of the Gram matrices of a layer, summed over pairs. Wants a negative factor."""
    return _one(f"diversity({layer})", None, layer=layer)


def as_objective(obj: Any) -> Objective:
    """An objective, or one of a text ``layer:channel``.

    >>> as_objective("mixed4c:12")
    <Objective 1 channel(mixed4c, 12)>
    """
    if isinstance(obj, Objective):
        return obj
    if isinstance(obj, str):
        layer, colon, number = (part.strip() for part in obj.partition(":"))
        is_class = layer == "labels" or number.isdecimal()
        if not (layer and colon and number and is_class):
            refuse(f"objective '{obj}'", "it is written layer:channel, labels:class, or objectives.channel(...)", "objective_f")
        return channel(layer, int(number) if number.isdecimal() else number)
    refuse(
        f"a {type(obj).__name__} is no objective that metapicture knows",
        "the engine optimizes no functions of Python; write sums of objectives.channel, neuron, direction, diversity and the like, "
        "or give a network whose last layer is that function",
        "objective_f",
    )


@dataclass(frozen=True)
class Asked:
    """What a batch is optimized for.

    Attributes:
        units: the unit of each picture.
        regularizers: of a method, where pictures are kept apart.
    """

    units: list[str]
    regularizers: list[dict[str, Any]]


def asked(objective: Objective, layers: Layers, batch: int, mean: bool) -> Asked:
    """The units of a batch's pictures. With ``mean``, factors are those of lucent's mean over the batch; a step of Adam does not see them."""
    apart = [term for term in objective.terms if term.unit is None]
    plain = [term for term in objective.terms if term.unit is not None]
    # A term of all pictures is their mean in lucent, and a term of one is not divided.
    whole = [term for term in plain if term.batch is not None or term.share is not None]
    mixed = 0 < len(whole) < len(plain)
    units = []
    for picture in range(batch):
        summands = []
        for term in plain:
            if term.batch is not None and term.batch not in range(batch):
                refuse(f"batch {term.batch} of {term.text} is not in a batch of {batch}", f"pictures are 0 to {batch - 1}", "batch")
            if term.batch not in (None, picture):
                continue
            factor = 1.0 if term.share is None else term.share(picture, batch)
            if term in whole and (mixed or mean):
                factor *= batch
            weight = term.weight * factor / (batch if mean else 1)
            if weight != 0 and term.unit is not None:
                summands.append((weight, term.unit(layers)))
        if not summands:
            refuse(f"picture {picture} of the batch has no objective", "each needs one; make the batch smaller", "batch")
        units.append(" + ".join(unit if weight == 1 else f"{weight:.12g}*{unit}" for weight, unit in summands))
    return Asked(units, [_apart(term, layers, batch, units, mean) for term in apart])


def _apart(term: Term, layers: Layers, batch: int, units: list[str], mean: bool) -> dict[str, Any]:
    if batch < 2:
        refuse("diversity: one picture has no others", "param.image(..., batch=4) makes four", "batch")
    if len(set(units)) > 1:
        refuse("diversity: pictures of one batch have other objectives", "give all of them the same, without batch", "batch")
    if term.weight >= 0:
        refuse("diversity: a factor that is not negative makes pictures alike", "write - 1e2 * objectives.diversity(layer)", "objective_f")
    # A picture's penalty is the mean over the others here, and lucent's their sum.
    weight = -term.weight * (batch - 1) / (batch if mean else 1)
    return {"diversity": {"weight": weight, "layer": layers.whole(term.layer)}}


_LAYER = "take channel, or direction over a whole layer; a neuron has x and y"
_REFUSED = {
    "neuron_weight": _LAYER,
    "localgroup_weight": _LAYER,
    "direction_neuron": _LAYER,
    "alignment": "pictures of one seed from two methods or units start alike; give them the same seed",
    "blur_input_each_step": "a method's `filters: [{gaussian_blur: {...}}]` blurs (the preset yosinski-2015)",
    "wrap_objective": "the engine optimizes no functions of Python; write sums of the objectives that are there",
    "handle_batch": "objectives take batch=",
    "total_variation": "a method's `regularizers: [{total_variation: {weight: 1}}]`, for metapicture.visualize",
    "L1": "a method's `regularizers: [{l2: {weight: 1}}]`, for metapicture.visualize",
    "L2": "a method's `regularizers: [{l2: {weight: 1}}]`, for metapicture.visualize",
    "activation_difference": "the units inversion(LAYER, PHOTO) and caricature(LAYER, PHOTO) of metapicture.visualize go towards a photograph",
}


def __getattr__(name: str) -> Any:
    return refused("objectives", _REFUSED, name)
