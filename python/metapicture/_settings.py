"""Settings as dicts: methods and experiments, on their way to the native part."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ._errors import RequestError


def json_of(settings: Mapping[str, Any], what: str) -> str:
    """The text of a dict of plain values; JSON is YAML.

    Numbers, arrays and tensors of numpy and torch are taken as the numbers that they hold, paths as their text.

    Raises:
        RequestError: a value that is none of these, with its key.
    """
    return json.dumps(_plain(settings, what), ensure_ascii=False)


def _plain(value: Any, key: str) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value - value != 0:
            raise RequestError(f"{key}: {value} is not a finite number", key=key)
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise RequestError(f"{key}: a key is a text, and {name!r} is none", key=key)
        return {name: _plain(inner, f"{key}.{name}") for name, inner in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(inner, f"{key}.{place}") for place, inner in enumerate(value)]
    # numpy's numbers and arrays, torch's tensors.
    plain = getattr(value, "tolist", None)
    if callable(plain):
        return _plain(plain(), key)
    raise RequestError(f"{key}: a {type(value).__name__} is neither a number, a text, a list nor a dict", key=key)
