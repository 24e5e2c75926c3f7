"""The chart of one symbol: what a formula saw of it.

view       what is shown: bars, signs on them, halts
panes      which panes there are, and their legends
header     who it is, and the last close
contents   what stands inside each pane
_Picture   where everything stands: header, legends, panes, time, notes      (here)
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from jtscan.domain.dates import parse_moment
from jtscan.domain.history import SymbolHistory
from jtscan.errors import RequestError
from jtscan.notebook.charts import candles, fonts, ticks
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.contents import Contents
from jtscan.notebook.charts.header import draw_header
from jtscan.notebook.charts.legends import ROW, draw_rows, rows_of
from jtscan.notebook.charts.panes import Pane, panes_of
from jtscan.notebook.charts.sheet import NOTE, Sheet, folded, width_of
from jtscan.notebook.charts.themes import Colors, Kind, ThemeName
from jtscan.notebook.charts.view import Options, View, view_of

MOST_CANDLES = 400
_WIDTH, _LEAST = 960.0, (320.0, 240.0)
_LEFT, _TOP, _HEADER, _FOOT, _GAP = 12.0, 8.0, 26.0, 24.0, 6.0
_LEAST_PRICE, _LEAST_PANE = 120.0, 20.0


def symbol_chart(  # noqa: PLR0913 - what one may say of its look
    history: SymbolHistory,
    *,
    kind: Kind = "auto",
    colors: Colors = "auto",
    theme: ThemeName = "auto",
    volume: bool = True,
    size: tuple[float, float] | None = None,
    mark: str | dt.date | None = None,
) -> Chart:
    """Draw one symbol as a formula saw it: price, volume, the formula's series, its matches, halts.

    Bars stand side by side, so that nights, weekends and holidays leave no
    gap. Rising candles are hollow, falling ones filled.

    Parameters
    ----------
    history
        What is drawn; see `BatchScanResult.history`.
    kind
        ``"candles"`` or ``"line"``; ``"auto"`` draws candles up to 400 bars, and a
        line where there are more or the files have closes only.
    colors
        ``"korean"``: red rises, blue falls; ``"western"``: teal rises, vermilion
        falls; ``"auto"`` goes by the market.
    theme
        ``"light"`` or ``"dark"`` give a ground; ``"auto"`` has none and can be read
        on either.
    volume
        False leaves the volume's pane out, with the series on its scale.
    size
        Width and height in pixels; else 960, and as high as the panes need.
    mark
        The moment of a bar that a thin line points out: ISO text, a date or a
        datetime.
    """
    if history.bars.is_empty():
        raise RequestError("history", f"there are no bars of {history.symbol} in the range; ask for an earlier one")
    if kind not in {"auto", "candles", "line"}:
        raise RequestError("kind", f"{kind!r} is not known; there are: auto, candles, line")
    if size is not None and (
        len(size) != len(_LEAST) or any(each < least for each, least in zip(size, _LEAST, strict=True))
    ):
        raise RequestError("size", f"{size!r} is not a width and height in pixels, of at least {_LEAST}")
    options = Options(candles=_takes_candles(history, kind), colors=colors, volume=volume, size=size,
                      mark=parse_moment("mark", mark))  # fmt: skip
    title = f"{history.symbol}, {history.bars.height:,} bars, {history.matches.height:,} matches"
    return Chart(lambda chosen: _Picture(view_of(history, options, chosen)).draw(), title=title, theme=theme)


def _takes_candles(history: SymbolHistory, kind: Kind) -> bool:
    whole = history.bars.select("open", "high", "low", "close").drop_nulls().height
    return kind == "candles" or (kind == "auto" and history.bars.height <= MOST_CANDLES and whole > 0)


class _Picture:
    """One drawing of a view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.size = view.options.size
        self.width = self.size[0] if self.size else _WIDTH
        self.panes = panes_of(view)
        self.right = self._right()
        self.notes = self._notes()
        for pane in self.panes:
            pane.rows = rows_of(pane.entries, self._plot_width)
        self._fit()

    def draw(self) -> Figure:
        """Draw everything from the top down."""
        sheet = Sheet(self.width, self._height, self.view.theme)
        draw_header(sheet, self.view, left=_LEFT, right=self.width - 12, middle=_TOP + 8)
        time = ticks.time_ticks(self.view.moments, most=self._most_ticks, apart=40 / self._bar_width)
        contents = Contents(view=self.view, bar_width=self._bar_width, time=time)
        top = _TOP + _HEADER
        for pane in self.panes:
            top = self._draw_pane(sheet, pane, top, contents)
        self._draw_time(sheet, top - _GAP, time)
        sheet.notes(self.notes, left=_LEFT, top=top - _GAP + _FOOT)
        return sheet.figure

    def _notes(self) -> list[str]:
        """Say below the chart what could not be drawn."""
        history = self.view.history
        outside = history.matches.height - self.view.spots.height
        one = "match lies" if outside == 1 else "matches lie"
        texts = (
            f"{outside:,} {one} outside the bars that are shown." if outside else None,
            self._not_marked(),
            _left_out(history.left_out),
            fonts.hint_for((history.name, *(each.label for each in history.series))),
        )
        return [line for text in texts if text for line in folded(text, self.width - 2 * _LEFT)]

    def _not_marked(self) -> str | None:
        missing = self.view.options.mark is not None and self.view.marked is None
        return f"No bar of {self.view.options.mark} is among these, so none is marked." if missing else None

    # ---- where it stands

    @property
    def _plot_width(self) -> float:
        return self.width - _LEFT - self.right

    @property
    def _bar_width(self) -> float:
        return self._plot_width / self._slots

    @property
    def _slots(self) -> float:
        """Bars, with some air on either side; a few bars are not blown up over the whole width."""
        return max(self.view.bars.height + 1.0, 12.0)

    @property
    def _spare(self) -> float:
        """The air on either side, in bars."""
        return (self._slots - self.view.bars.height) / 2

    @property
    def _most_ticks(self) -> int:
        return max(int(self._plot_width / 62), 2)

    def _right(self) -> float:
        """Return the room that the labels of the price need."""
        low, high = candles.limits_of([self.view.bars["close"]])
        labels = (*(ticks.price(value, self.view.places) for value in (low, high)), "000.0M")
        return max(width_of(label, weight="bold") for label in labels) + 20

    def _fit(self) -> None:
        """Give the price what the wanted height leaves; where that is too little, all become lower alike."""
        if self.size is None:
            return
        room = self.size[1] - self._height
        self.panes[0].height += room
        if self.panes[0].height >= _LEAST_PRICE:
            return
        self.panes[0].height -= room
        drawn = sum(pane.height for pane in self.panes)
        if drawn + room < _LEAST_PANE * len(self.panes):
            needed = math.ceil(self.size[1] - drawn - room + _LEAST_PANE * len(self.panes))
            raise RequestError("size", f"{len(self.panes)} panes need a height of {needed} pixels at the least")
        for pane in self.panes:
            pane.height *= (drawn + room) / drawn

    @property
    def _height(self) -> float:
        inner = sum(pane.height + ROW * len(pane.rows) + _GAP for pane in self.panes) - _GAP
        return _TOP + _HEADER + inner + _FOOT + NOTE * len(self.notes) + (4 if self.notes else 0)

    # ---- drawing

    def _draw_pane(self, sheet: Sheet, pane: Pane, top: float, contents: Contents) -> float:
        """Draw one pane under the one before, and return where the next begins."""
        draw_rows(sheet, pane.rows, _LEFT, top)
        top += ROW * len(pane.rows)
        axes = sheet.axes(_LEFT, top, self._plot_width, pane.height, label=pane.kind)
        axes.set_xlim(-0.5 - self._spare, self.view.bars.height - 0.5 + self._spare)
        contents.draw(axes, pane)
        foot = top + pane.height
        sheet.stroke((_LEFT, _LEFT + self._plot_width), (foot, foot), color=self.view.theme.text, alpha=0.5,
                     linewidth=0.8, linestyle="-", marker="none")  # fmt: skip
        return foot + _GAP

    def _draw_time(self, sheet: Sheet, top: float, time: Sequence[ticks.TimeTick]) -> None:
        """Write the time below the last pane; years are bold."""
        for tick in time:
            left = _LEFT + (tick.bar + 0.5 + self._spare) * self._bar_width
            half = width_of(tick.label) / 2
            left = min(max(left, _LEFT + half), self.width - half - 4)
            strong = tick.rank == 3  # noqa: PLR2004 - a year
            sheet.text(left, top + 13, tick.label, ha="center", weight="bold" if strong else "normal",
                       color=self.view.theme.strong if strong else None)  # fmt: skip


def _left_out(labels: Sequence[str]) -> str | None:
    return f"Not drawn, there are too many: {', '.join(labels)}." if labels else None
