"""The native part, on the libtorch of the `torch` wheel. `torch` is imported first, so that its libraries are in the process."""

from types import ModuleType

from ._errors import LibtorchError

TORCH = "2.13.0"


def _check() -> None:
    """Says in one line what is to be done where that libtorch is not there."""
    help = f"`pip install torch=={TORCH}` brings it"
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise LibtorchError(f"metapicture computes with torch {TORCH}, which is not installed here; {help}", help) from None
    found = str(torch.__version__)
    if found.partition("+")[0] != TORCH:
        raise LibtorchError(f"metapicture computes with torch {TORCH}, and torch {found} is installed here; {help}", help)


def _load() -> ModuleType:
    try:
        from . import _native
    except ImportError as error:
        raise LibtorchError(f"metapicture's native part cannot be loaded beside this torch: {error}") from None
    return _native


_check()
_load()

from . import _native as native  # noqa: E402  # it is there now


def own_threads(threads: int | None) -> int:
    """As many as are asked for, or as torch has in this process."""
    import torch

    return torch.get_num_threads() if threads is None else threads


__all__ = ["TORCH", "native", "own_threads"]
