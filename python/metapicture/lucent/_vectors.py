"""Directions as files, which units of the engine name. A file is named by its content and lives as long as the process."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._refusal import refuse

_folder: Path | None = None


def written(word: str, vector: Any) -> str:
    """The path of a file of this vector ``[C]``."""
    global _folder
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="metapicture-"))
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    values = _values(vector)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all() or not values.any():
        refuse(
            f"{word}: a direction is a vector of finite numbers, not all 0, and this has shape {values.shape}",
            "give one number a channel",
            word,
        )
    digits = hashlib.sha256(values.tobytes()).hexdigest()[:16]
    path = _folder / f"{digits}.npy"
    if not path.exists():
        np.save(path, values)
    return str(path)


def length(vector: Any) -> int:
    """How many numbers it has."""
    return _values(vector).size


def _values(vector: Any) -> npt.NDArray[np.float32]:
    # A tensor may be on a GPU, and have a gradient.
    plain = vector.detach().cpu() if hasattr(vector, "detach") else vector
    return np.ascontiguousarray(plain, dtype=np.float32)
