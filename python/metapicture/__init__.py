"""Feature visualization: what a unit of an image classifier looks for, and what legibility costs.

>>> import metapicture
>>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", steps=2, progress=False)
>>> picture.numpy().shape
(224, 224, 3)

`torch` is imported when something of this is used first, which takes a second or two.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._errors import ComputeError, Error, LibtorchError, ModelError, RequestError, StorageError

if TYPE_CHECKING:
    from ._network import Network, export
    from ._picture import Picture
    from ._results import results
    from ._sweep import Swept, sweep
    from ._visualize import visualize

    __version__: str

__all__ = [
    "ComputeError",
    "Error",
    "LibtorchError",
    "ModelError",
    "Network",
    "Picture",
    "RequestError",
    "StorageError",
    "Swept",
    "__version__",
    "export",
    "results",
    "sweep",
    "visualize",
]

# What needs libtorch, by the module that has it. The command line tells in one line of its own that there is none.
_LATER = {
    "Network": "_network",
    "Picture": "_picture",
    "Swept": "_sweep",
    "export": "_network",
    "results": "_results",
    "sweep": "_sweep",
    "visualize": "_visualize",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("metapicture")
    if name not in _LATER:
        raise AttributeError(f"module 'metapicture' has no attribute '{name}'")
    found = getattr(import_module(f"metapicture.{_LATER[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
