"""What is optimized, in lucent's words: each function returns two things, of which ``render_vis`` takes the second.

Counterparts, with lucent's numbers: ``image(w)`` is the param ``fourier`` of a method, sigmoid(C F^-1(s x) / 4) with F the orthonormal
Fourier transform, s = 1 / max(f, 1 / w), f in cycles per pixel, C lucid's matrix of ImageNet's colours divided by the norm of its longest
column, x normal with deviation 0.01. With ``fft=False`` it is a Laplacian pyramid of one level, sigmoid(C x). Without ``decorrelate`` C is 1.
Random numbers are not torch's: a seed gives another start than `torch.manual_seed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._refusal import refuse, refused

__all__ = ["cppn", "fft_image", "image", "pixel_image", "to_valid_rgb"]


@dataclass(frozen=True)
class Parameterization:
    """A param of a method, the side of its pictures, and how many there are.

    Attributes:
        word: lucent's word.
        side: height and width in pixels.
        batch: how many pictures.
        settings: a method's ``param``; its colours are those of `to_valid_rgb`.
        is_picture: whether it is in [0,1]; else `to_valid_rgb` is missing.
    """

    word: str
    side: int
    batch: int
    settings: dict[str, Any]
    is_picture: bool

    def __call__(self) -> Any:
        """Refused: pictures are made by the engine, and not by Python."""
        refuse(f"param.{self.word} makes no tensor by itself", "give a function that returns it to render_vis(param_f=...)", "param_f")


_Both = tuple[Parameterization, Parameterization]


def image(
    w: int,
    h: int | None = None,
    sd: float | None = None,
    batch: int | None = None,
    decorrelate: bool = True,
    fft: bool = True,
    channels: int | None = None,
) -> _Both:
    """Pictures of ``w`` pixels, ``batch`` of them, from noise of the deviation ``sd`` (0.01).

    Args:
        w: side in pixels, 8 to 4096.
        h: the same: pictures are square.
        sd: standard deviation of the start.
        batch: how many pictures; 1 unless told.
        decorrelate: whether channels are ImageNet's independent colours, and not red, green and blue.
        fft: whether the spectrum is optimized, and not the pixels.
        channels: 3, which switches ``decorrelate`` off, as in lucent.
    """
    if channels not in (None, 0, 3):
        refuse(f"image: {channels} channels", "pictures have 3; the preset alpha-2018 adds opacity", "channels")
    shape = (batch or 1, 3, h or w, w)
    _, made = (fft_image if fft else pixel_image)(shape, sd=sd)
    return _both(to_valid_rgb(replace(made, word="image"), decorrelate=decorrelate and not channels))


def fft_image(shape: Sequence[int], sd: float | None = None, decay_power: float = 1) -> _Both:
    """The spectrum of pictures ``[N, 3, side, side]``, whose scale falls with the frequency to the power ``decay_power``."""
    batch, side = _sides("fft_image", shape)
    settings = {"fourier": {"noise": float(sd or 0.01), "decay": float(decay_power)}}
    return _both(Parameterization("fft_image", side, batch, settings, is_picture=False))


def pixel_image(shape: Sequence[int], sd: float | None = None) -> _Both:
    """Pixels of pictures ``[N, 3, side, side]``."""
    batch, side = _sides("pixel_image", shape)
    settings = {"laplacian": {"levels": 1, "noise": float(sd or 0.01)}}
    return _both(Parameterization("pixel_image", side, batch, settings, is_picture=False))


def to_valid_rgb(image_f: Any, decorrelate: bool = False) -> Parameterization:
    """The same as a picture in [0,1]: recorrelated colours, if told, and the logistic function."""
    if not isinstance(image_f, Parameterization) or image_f.is_picture:
        refuse(
            "to_valid_rgb: takes the second thing that fft_image or pixel_image returns",
            "write params, image_f = fft_image(...)",
            "image_f",
        )
    [(name, inner)] = image_f.settings.items()
    settings = {name: {**inner, "colour": "imagenet" if decorrelate else "rgb"}}
    return replace(image_f, settings=settings, is_picture=True)


def cppn(
    size: int,
    num_output_channels: int = 3,
    num_hidden_channels: int = 24,
    num_layers: int = 8,
    activation_fn: Any = None,
    normalize: bool = False,
) -> _Both:
    """A network from coordinates to colours, `num_layers` with the last one, for one picture.

    The activation is lucent's, atan and its square. Biases start from a deviation of 0.1, and from 0 in lucent.
    """
    if num_output_channels != 3 or activation_fn is not None or normalize:
        refuse("cppn: output channels, activation and normalization are as lucent's defaults here", "leave them out", "cppn")
    settings = {"cppn": {"layers": num_layers - 1, "channels": num_hidden_channels}}
    return _both(Parameterization("cppn", size, 1, settings, is_picture=True))


def of(param_f: Any) -> Parameterization:
    """What a ``param_f`` returns, if it is of this module."""
    if not callable(param_f) or isinstance(param_f, Parameterization):
        refuse("param_f is a function", "write lambda: param.image(128)", "param_f")
    made = param_f()
    both = made if isinstance(made, tuple) and len(made) == 2 else (None, None)
    if not isinstance(both[1], Parameterization):
        refuse(
            "param_f returns what is not of metapicture.lucent.param",
            "take param.image, or metapicture.visualize with a method whose `param` it is (`metapicture methods list`)",
            "param_f",
        )
    if not both[1].is_picture:
        refuse(f"param_f: {both[1].word} is no picture yet", "wrap it: param.to_valid_rgb(image_f, decorrelate=True)", "param_f")
    return both[1]


def _both(made: Parameterization) -> _Both:
    return made, made


def _sides(word: str, shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) != 4 or shape[1] != 3:
        refuse(f"{word}: shape {tuple(shape)}", "it is (batch, 3, side, side)", "shape")
    batch, _, height, width = (int(length) for length in shape)
    if height != width:
        refuse(f"{word}: {height} x {width} pixels are not square", "pictures are square; crop them afterwards", "h")
    if batch < 1:
        refuse(f"{word}: a batch of {batch}", "it has 1 picture at least", "batch")
    return batch, width


_REFUSED = {
    "lowres_tensor": "a method's `param: multires` is a sum over resolutions (the preset direct-ascent-2025)",
    "upconvGAN": "metapicture.visualize(..., prior='deepsim-fc6', method='dgn-am') searches that generator",
    "laplacian_pyramid": "the preset lapnorm-2016 and a method's `param: laplacian` have it",
    "bilinearly_sampled_image": "metapicture has no textures of objects",
}


def __getattr__(name: str) -> Any:
    return refused("param", _REFUSED, name)
