"""A chart that shows itself in a notebook and can be saved."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from jtscan.errors import RequestError
from jtscan.export import replacing
from jtscan.notebook.charts.sheet import DPI
from jtscan.notebook.charts.themes import Theme, ThemeName, theme_of

_SHARP = 2
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


class Chart:
    """A drawn chart: the last line of a cell shows it.

    It shows itself sharply on screens of double density, on light and dark
    ground alike unless a theme was asked for.
    """

    def __init__(self, draw: Callable[[Theme], Figure], *, title: str, theme: ThemeName = "auto") -> None:
        self._draw = draw
        self._title = title
        self._theme: ThemeName = theme
        self._lock = threading.Lock()
        self._figure = draw(theme_of(theme))

    @property
    def figure(self) -> Figure:
        """The matplotlib figure that is shown; what is added to it is shown too."""
        return self._figure

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return round(float(self._figure.get_size_inches()[0]) * DPI)

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return round(float(self._figure.get_size_inches()[1]) * DPI)

    def png(self) -> bytes:
        """Return the picture, twice as dense as it is to be shown: see ``width``."""
        with self._lock:  # a figure is drawn by one thread at a time
            return _written(self._figure, "png", compress_level=3)

    def save(self, path: str | Path, *, theme: ThemeName | None = None) -> Path:
        """Write the chart to a file and return its path.

        Parameters
        ----------
        path
            Its suffix says the kind: png, svg or pdf. A file that is there
            already is replaced.
        theme
            ``"light"`` unless the chart was drawn with a ground of its own. A
            theme other than the chart's is drawn anew, without what was added
            to ``figure``; ``"auto"`` writes no ground.

        Raises
        ------
        RequestError
            It is no kind of picture, or there is no such folder.
        DataError
            The file cannot be written.
        """
        name = Path(path).name
        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in _METADATA:
            raise RequestError("path", f"{name!r} is no kind of picture; end it in .png, .svg or .pdf")
        wanted = theme or ("light" if self._theme == "auto" else self._theme)
        with replacing(path) as (file, unfinished), self._lock:
            figure = self._figure if wanted == self._theme else self._draw(theme_of(wanted))
            unfinished.write_bytes(_written(figure, kind))
        return file

    def __repr__(self) -> str:
        return f"Chart({self._title})"

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the picture with its size, without which it would be twice as large."""
        size = {"width": self.width, "height": self.height}
        return {"text/plain": repr(self), "image/png": self.png()}, {"image/png": size}


def _written(figure: Figure, kind: str, **options: int) -> bytes:
    """Write a figure as large as it is: no bbox, and not the one of the settings, which None would be."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format=kind, dpi=_SHARP * DPI, metadata=_METADATA[kind], bbox_inches="", transparent=False,
        facecolor=figure.get_facecolor(), edgecolor="none", **({"pil_kwargs": options} if options else {}),
    )  # fmt: skip
    return buffer.getvalue()
