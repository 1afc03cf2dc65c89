"""How far the work is: a bar of tqdm, where that is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

Progress = Callable[[int, int, str], object]


@contextmanager
def shown(progress: bool | Progress, what: str, bytes: bool = False) -> Iterator[Progress | None]:
    """Who is told: a bar, one's own function `progress(done, of, text)`, or nobody."""
    if callable(progress):
        yield progress
        return
    try:
        auto: Any = import_module("tqdm.auto") if progress else None
    except ModuleNotFoundError:
        auto = None
    if auto is None:
        yield None
        return
    counted: dict[str, Any] = {"unit": "B", "unit_scale": True} if bytes else {}
    with auto.tqdm(desc=what, leave=False, **counted) as bar:

        def tell(done: int, of: int, text: str) -> None:
            # Nobody knows how many there are.
            total = of or None
            if bar.total != total or done < bar.n:
                bar.reset(total=total)
                bar.total = total
            bar.set_postfix_str(text, refresh=False)
            bar.update(done - bar.n)

        yield tell
