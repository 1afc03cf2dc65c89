"""lucid's and lucent's words for metapicture: scripts that were written for them, with `metapicture.lucent` in place of `lucent`.

>>> from metapicture.lucent.modelzoo import inceptionv1
>>> from metapicture.lucent.optvis import param, render
>>> model = inceptionv1(pretrained=True).to("cpu").eval()
>>> images = render.render_vis(model, "mixed4a:476", lambda: param.image(64), thresholds=(2,), show_image=False, progress=False)
>>> images[0].shape
(1, 64, 64, 3)

Lucid is by Olah, Mordvintsev and others (2017, "Feature Visualization"), lucent its port to PyTorch by Lim Swee Kiat and others. Nothing of
their code is here: each word is translated into settings of `metapicture.visualize`, which `render.translate` shows. What has no counterpart
is refused by a `metapicture.RequestError` that says what to do instead.
"""

from __future__ import annotations

from . import objectives, param, render, transform

__all__ = ["objectives", "param", "render", "transform"]
