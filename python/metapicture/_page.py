"""Pages of one HTML file, which a notebook shows."""

from __future__ import annotations

import html
from pathlib import Path

# Bytes of a page that a notebook's cell shows: it is kept in the notebook.
LARGEST = 9_000_000
_HEIGHT = 640


class Page:
    """A page of one file that asks no network for anything. A notebook shows it; a page that is larger than 9 MB, or that pictures lie
    beside, is named there instead.

    Attributes:
        path: the file.
        pictures: how many pictures are on it.
        beside: how many files of pictures lie beside it.
    """

    __slots__ = ("beside", "path", "pictures")

    def __init__(self, path: Path, pictures: int, beside: int = 0) -> None:
        self.path: Path = path
        self.pictures: int = pictures
        self.beside: int = beside

    def _repr_html_(self) -> str:
        if self.beside == 0 and self.path.stat().st_size <= LARGEST:
            return framed(self.path.read_text(encoding="utf-8"))
        path = html.escape(str(self.path))
        return f'<p>{self.pictures} pictures: open <a href="{path}"><code>{path}</code></a> in a browser.</p>'

    def __repr__(self) -> str:
        return f"<Page {self.path}, {self.pictures} pictures>"


def framed(page: str) -> str:
    """A whole page inside of another one, by a frame that can run its own scripts and reach nothing else."""
    # Links to places on the page are its own, and not those of the page around it. It stands before the page's policy, which allows no base.
    page = page.replace("<head>", '<head><base href="about:srcdoc">', 1)
    style = f"width: 100%; height: {_HEIGHT}px; border: 1px solid #ccc"
    return f'<iframe sandbox="allow-scripts allow-popups allow-downloads" style="{style}" srcdoc="{html.escape(page)}"></iframe>'
