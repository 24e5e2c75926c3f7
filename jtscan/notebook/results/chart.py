"""The chart of one symbol, the calendar and the heatmap, drawn in a thread.

symbol_labels    "005930 삼성전자 (12)", most matches first
find_symbol      what was typed, as a symbol of the data
ChartPart        chooses, draws, shows
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl

from jtscan import render
from jtscan.domain.scans import BatchScanResult
from jtscan.domain.signals import SignalStatistics
from jtscan.domain.words import first_few, nearest
from jtscan.errors import RequestError
from jtscan.notebook.results.newest import NewestOnly
from jtscan.notebook.showing import message_of, shown
from jtscan.render.cells import clean

if TYPE_CHECKING:
    from jtscan.notebook.charts import Chart
    from jtscan.scanner import Scanner

_WHAT = {"Symbol": "symbol", "Calendar": "calendar", "Heatmap": "heatmap"}
# "auto" has every match in view; the others are for a closer look.
_BARS = {"auto": "auto", "60": 60, "120": 120, "250": 250, "500": 500, "all": None}


def symbol_labels(statistics: SignalStatistics) -> dict[str, str]:
    """Return what the matched symbols are called in a list, and the symbol of each; most matches first."""
    names = dict(statistics.counts.select("symbol", "name").unique("symbol").iter_rows())
    return {
        clean(" ".join([symbol, *([names[symbol]] if names.get(symbol) else []), f"({count:,})"])): symbol
        for symbol, count in statistics.by_symbol.items()
    }


def find_symbol(text: str, labels: Mapping[str, str], table: Callable[[], pl.DataFrame]) -> str:
    """Return the symbol that was chosen from the list, or typed by its code or name.

    ``table`` gives every symbol of the data (symbol, and name if it has one).

    Raises
    ------
    RequestError
        There is no such symbol; says which it may be.
    """
    text = text.strip()
    if text in labels:
        return labels[text]
    if text in labels.values():
        return text
    symbols = table()
    for column in ("symbol", "name"):
        if column in symbols.columns:
            alike = symbols.filter(pl.col(column).str.to_lowercase() == text.lower())
            exactly = alike.filter(pl.col(column) == text)
            found = (alike if exactly.is_empty() else exactly)["symbol"].to_list()
            if len(found) > 1:
                raise RequestError("symbol", f"{text!r} is the {column} of several: {first_few(found)}; give the code")
            if found:
                return str(found[0])
    head = text.split(maxsplit=1)[:1]  # "005930 삼성전자", as lists write it
    if head and head[0] in symbols["symbol"]:
        return head[0]
    known = [value for name in ("symbol", "name") if name in symbols.columns for value in symbols[name].drop_nulls()]
    raise RequestError("symbol", f"there is none called {nearest(text, known)}")


class ChartPart(widgets.VBox):  # type: ignore[misc]
    """A picture, over the controls that say which."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._result: BatchScanResult | None = None
        self._labels: dict[str, str] = {}
        self._marked: dict[str, dt.date | None] = {}
        self._changing = False
        self._newest = NewestOnly[tuple[bytes, int]](
            on_made=self._made, on_error=lambda error: self.problem(message_of(error))
        )
        self.what = widgets.ToggleButtons(options=_WHAT, style={"button_width": "90px"}, layout={"margin": "0 0 6px"})
        self.symbol = widgets.Combobox(placeholder="code or name", continuous_update=False, layout={"width": "260px"})
        self.earlier = widgets.Button(description="‹", tooltip="the symbol before", layout={"width": "36px"})
        self.later = widgets.Button(description="›", tooltip="the symbol after", layout={"width": "36px"})
        self.kind = _choice("Kind", ["auto", "candles", "line"])
        self.colors = _choice("Colours", ["auto", "korean", "western"])
        self.bars = _choice("Bars", _BARS)
        self.state = widgets.HTML()
        self.image = widgets.Image(format="png", layout={"max_width": "100%", "margin": "8px 0 0", "display": "none"})
        self._symbol_controls = widgets.HBox(
            [self.earlier, self.symbol, self.later, self.kind, self.colors, self.bars], layout={"flex_flow": "row wrap"}
        )
        super().__init__([self.what, self._symbol_controls, self.state, self.image])
        self._name_and_listen()

    def _name_and_listen(self) -> None:
        for name in ("what", "symbol", "earlier", "later", "kind", "colors", "bars", "state", "image"):
            getattr(self, name).add_class(f"jt-chart-{name}")
        for control in (self.what, self.symbol, self.kind, self.colors, self.bars):
            control.observe(lambda _change: self._draw(), "value")
        self.earlier.on_click(lambda _button: self._step(-1))
        self.later.on_click(lambda _button: self._step(1))

    def show(self, result: BatchScanResult) -> None:
        """Draw the symbol with most matches of a scan, or the one that was chosen, if it matched again."""
        before = self._labels.get(self.symbol.value, "")
        self._result, self._labels = result, symbol_labels(result.statistics)
        symbols = list(self._labels.values())
        self.open_symbol(before if before in symbols else next(iter(symbols), ""))

    def open_symbol(self, symbol: str, *, mark: dt.date | None = None) -> None:
        """Draw the chart of a symbol; the bar that is marked stays so until another symbol is opened."""
        label = next((label for label, each in self._labels.items() if each == symbol), symbol)
        self._marked = {symbol: mark}
        self._changing = True
        self.symbol.options = tuple(self._labels)
        self.what.value, self.symbol.value = "symbol", label
        self._changing = False
        self._draw()

    def clear(self) -> None:
        """Forget the scan; a drawing at work is dropped."""
        self._newest.drop()
        self._result = None
        self.image.layout.display = "none"

    def problem(self, message: str) -> None:
        """Show a message in the place of the picture."""
        self.image.layout.display = "none"
        self.state.value = render.problem_html(message)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the drawing at work; False if it has not ended after so many seconds."""
        return self._newest.wait(timeout)

    @shown
    def _step(self, by: int) -> None:
        """Go to the matched symbol before or after."""
        symbols = list(self._labels.values())
        now = self._labels.get(self.symbol.value)
        if symbols:
            self.open_symbol(symbols[(symbols.index(now) + by) % len(symbols) if now in symbols else 0])

    @shown
    def _draw(self) -> None:
        self._symbol_controls.layout.display = "" if self.what.value == "symbol" else "none"
        if self._changing or self._result is None:
            return
        if self.what.value == "symbol" and not self.symbol.value.strip():
            self._newest.drop()
            self.image.layout.display = "none"
            self.state.value = render.note_html("choose a symbol, or type its code or name")
            return
        self.state.value = render.note_html("drawing …")
        self._newest.ask(self._drawing(self._result))

    def _drawing(self, result: BatchScanResult) -> Callable[[], tuple[bytes, int]]:
        """Make the work of the thread: everything that was chosen is read now."""
        if self.what.value != "symbol":
            picture = result.plot_calendar if self.what.value == "calendar" else result.plot_heatmap
            return lambda: _drawn(picture())
        symbol = find_symbol(self.symbol.value, self._labels, self._scanner.symbols)
        look: dict[str, Any] = {"kind": self.kind.value, "colors": self.colors.value, "bars": self.bars.value}
        if (mark := self._marked.get(symbol)) is not None:
            look["mark"] = mark
        return lambda: _drawn(result.plot(symbol, **look))

    @shown
    def _made(self, drawn: tuple[bytes, int]) -> None:
        self.image.value, width = drawn
        self.image.layout.width = f"{width}px"
        self.image.layout.display = ""
        self.state.value = ""


def _drawn(chart: Chart) -> tuple[bytes, int]:
    """Draw a chart: the picture, and how wide it is to be shown."""
    return chart.png(), chart.width


def _choice(description: str, options: Any) -> Any:
    return widgets.Dropdown(
        description=description, options=options, layout={"width": "150px"}, style={"description_width": "54px"}
    )
