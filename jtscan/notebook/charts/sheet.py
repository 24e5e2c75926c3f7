"""A figure that is measured in pixels from its top left corner, as they are on a screen.

Every colour, font and width is said outright: a chart looks the same whatever
``matplotlib.rcParams`` hold, and none of them is changed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from jtscan.notebook.charts import fonts
from jtscan.notebook.charts.themes import Theme
from jtscan.render.cells import clean

DPI = 100
SMALL, NORMAL, LARGE = 8.0, 9.0, 12.0
GRID = 0.16
NOTE = 15.0
_POINT = DPI / 72
_LEAST_FACTS = 60.0

Box = tuple[float, float, float, float]
Color = str | tuple[float, ...]


class Sheet:
    """A figure and its theme; what is drawn is placed in pixels."""

    def __init__(self, width: float, height: float, theme: Theme) -> None:
        self.width = width
        self.height = height
        self.theme = theme
        self.figure = Figure(
            figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=theme.ground or "none", edgecolor="none"
        )
        self.figure.set_layout_engine("none")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Add bare axes: no ground, no frame, no ticks."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place, facecolor="none", **options)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(visible=False)
        axes.tick_params(which="both", length=0, bottom=False, left=False, labelleft=False, labelbottom=False)
        axes.minorticks_off()
        return axes

    def canvas(self) -> Axes:
        """Add axes over everything whose units are the sheet's pixels."""
        axes = self.axes(0, 0, self.width, self.height)
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        return axes

    def text(self, left: float, top: float, text: str, *, color: str | None = None, size: float = NORMAL,
             weight: str = "normal", **place: Any) -> Text:  # fmt: skip
        """Write a text at a place."""
        style = text_style(color or self.theme.text, size=size, weight=weight)
        return self.figure.text(
            left / self.width, 1 - top / self.height, fonts.shown(clean(text)),
            **{"ha": "left", "va": "center", **place}, **style,
        )  # fmt: skip

    def heading(self, title: str, facts: str, *, left: float, top: float, width: float) -> None:
        """Write a title, and what it is about beside it."""
        wanted = min(width_of(facts) + 12, width / 2)
        title = cut(title, max(width - wanted, width / 2), size=LARGE, weight="bold")
        self.text(left, top, title, color=self.theme.strong, size=LARGE, weight="bold")
        taken = width_of(title, size=LARGE, weight="bold") + 12
        if width - taken > _LEAST_FACTS:
            self.text(left + taken, top + 1, cut(facts, width - taken))

    def notes(self, lines: Sequence[str], *, left: float, top: float) -> None:
        """Write small lines below each other."""
        for number, line in enumerate(lines):
            self.text(left, top + NOTE * (number + 0.5), line, size=SMALL)

    def boxes(self, axes: Axes, boxes: Sequence[Box], colors: Sequence[Color], *, label: str = "") -> None:
        """Fill rectangles of a canvas, each given by left, top, width, height; one colour is for all."""
        corners = [((x, y), (x, y + h), (x + w, y + h), (x + w, y)) for x, y, w, h in boxes]
        axes.add_collection(
            PolyCollection(corners, facecolors=colors, edgecolors="none", linewidths=0, zorder=2, label=f"_{label}"),
            autolim=False,
        )

    def stroke(self, xs: Sequence[float], ys: Sequence[float], **options: Any) -> Line2D:
        """Draw a line, or a marker, outside the axes."""
        line = Line2D(
            [x / self.width for x in xs], [1 - y / self.height for y in ys],
            transform=self.figure.transFigure, **{"solid_capstyle": "butt", **options},
        )  # fmt: skip
        self.figure.add_artist(line)
        return line


def text_style(color: str, *, size: float = NORMAL, weight: str = "normal") -> dict[str, Any]:
    """Return the properties that every text is drawn with; a ``$`` in it is a dollar."""
    return {"color": color, "fontsize": size, "fontweight": weight, "fontstyle": "normal",
            "fontfamily": fonts.families(), "parse_math": False, "usetex": False}  # fmt: skip


def width_of(text: str, *, size: float = NORMAL, weight: str = "normal") -> float:
    """Measure a text in pixels."""
    return _measured(fonts.shown(clean(text)), size, weight, tuple(fonts.families()))


@functools.lru_cache(maxsize=4096)
def _measured(text: str, size: float, weight: str, families: tuple[str, ...]) -> float:
    font = FontProperties(family=families, size=size, weight=weight, style="normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * _POINT


def cut(text: str, width: float, *, size: float = NORMAL, weight: str = "normal") -> str:
    """Shorten a text that is wider than so many pixels, with a sign that it was."""
    text = clean(text)
    if width_of(text, size=size, weight=weight) <= width:
        return text
    fewer, more = 0, len(text)
    while more - fewer > 1:
        middle = (fewer + more) // 2
        fits = width_of(f"{text[:middle]}…", size=size, weight=weight) <= width
        fewer, more = (middle, more) if fits else (fewer, middle)
    return f"{text[:fewer]}…"


def folded(text: str, width: float, *, size: float = SMALL) -> list[str]:
    """Break a text between words into lines of so many pixels."""
    lines: list[str] = []
    for word in clean(text).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined, size=size) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
