"""One family of errors. Each tells in one line what is wrong, and where it is known what may help."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._picture import Picture


class Error(Exception):
    """Whatever goes wrong in this package.

    Attributes:
        hint: what may help, which the message ends with: ``did you mean 'banana'?``.
        key: the setting that it is about, as ``optimizer.adam.lr``.
    """

    def __init__(self, message: str, hint: str | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.key = key


class RequestError(Error, ValueError):
    """The request: an unknown name, a setting that cannot be, a file that is not what it should be. Asking otherwise helps."""


class ModelError(Error):
    """A model that could not be had, since the network, pip or the disk failed."""


class ComputeError(Error, RuntimeError):
    """The computation failed: no memory was left, mostly, or a run's numbers were not finite.

    Attributes:
        pictures: those of the same call that came to be.
    """

    def __init__(self, message: str, hint: str | None = None, key: str | None = None) -> None:
        super().__init__(message, hint, key)
        self.pictures: list[Picture] = []


class StorageError(Error):
    """A file that cannot be read or written."""


class LibtorchError(Error, ImportError):
    """The libtorch that this package computes with is not there, or is another one."""
