"""The modules where lucent has them: ``from metapicture.lucent.optvis import render, param, transform, objectives``."""

from __future__ import annotations

from .. import objectives, param, render, transform

__all__ = ["objectives", "param", "render", "transform"]
