"""What has no counterpart here is refused in one line, with what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from .._errors import RequestError


def refusal(what: str, instead: str, key: str | None = None) -> RequestError:
    """The error for what cannot be done; `instead` is its hint."""
    return RequestError(f"{what}; {instead}", instead, key)


def refused(module: str, words: dict[str, str], name: str) -> Any:
    """For `__getattr__` of a module: `words` are those of lucid and lucent that it lacks, with what to do instead."""
    if name in words:
        raise refusal(f"{module}.{name} has no counterpart in metapicture", words[name], name)
    raise AttributeError(f"module 'metapicture.lucent.{module}' has no attribute '{name}'")


def refuse(what: str, instead: str, key: str | None = None) -> NoReturn:
    """Raises it."""
    raise refusal(what, instead, key)
