"""Feature visualization: what a unit of an image classifier looks for, and what legibility costs.

>>> import metapicture
>>> [picture] = metapicture.visualize("efficientnet-lite0", "banana", steps=2)
>>> picture.numpy().shape
(224, 224, 3)
"""

from ._errors import ComputeError, Error, LibtorchError, ModelError, RequestError, StorageError
from ._libtorch import native as _native
from ._picture import Picture
from ._results import results
from ._sweep import Swept, sweep
from ._visualize import visualize

__version__: str = _native.VERSION

__all__ = [
    "ComputeError",
    "Error",
    "LibtorchError",
    "ModelError",
    "Picture",
    "RequestError",
    "StorageError",
    "Swept",
    "__version__",
    "results",
    "sweep",
    "visualize",
]
