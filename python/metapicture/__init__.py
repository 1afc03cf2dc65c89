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
    from ._classify import classify
    from ._comparison import Compared, Plot, compare, report
    from ._embedding import Embedded, Mapped, atlas, embed, map
    from ._gallery import Gallery, gallery
    from ._network import Network, export
    from ._page import Page
    from ._picture import Picture
    from ._results import results
    from ._sweep import Swept, sweep
    from ._visualize import visualize
    from ._zoo import layers, methods, models, pull

    __version__: str

__all__ = [
    "Compared",
    "ComputeError",
    "Embedded",
    "Error",
    "Gallery",
    "LibtorchError",
    "Mapped",
    "ModelError",
    "Network",
    "Page",
    "Picture",
    "Plot",
    "RequestError",
    "StorageError",
    "Swept",
    "__version__",
    "atlas",
    "classify",
    "compare",
    "embed",
    "export",
    "gallery",
    "layers",
    "map",
    "methods",
    "models",
    "pull",
    "report",
    "results",
    "sweep",
    "visualize",
]

# What needs libtorch, by the module that has it. The command line tells in one line of its own that there is none.
_LATER = {
    name: module
    for module, names in {
        "_classify": ["classify"],
        "_comparison": ["Compared", "Plot", "compare", "report"],
        "_embedding": ["Embedded", "Mapped", "atlas", "embed", "map"],
        "_gallery": ["Gallery", "gallery"],
        "_network": ["Network", "export"],
        "_page": ["Page"],
        "_picture": ["Picture"],
        "_results": ["results"],
        "_sweep": ["Swept", "sweep"],
        "_visualize": ["visualize"],
        "_zoo": ["layers", "methods", "models", "pull"],
    }.items()
    for name in names
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
