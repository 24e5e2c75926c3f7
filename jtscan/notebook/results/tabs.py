"""What a scan gave, in tabs; each is made when it is looked at."""

from __future__ import annotations

import datetime as dt
import importlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jtscan import render
from jtscan.domain.scans import BatchScanResult
from jtscan.notebook.closing import close_all
from jtscan.notebook.looks import ARROW
from jtscan.notebook.results.chart import ChartPart
from jtscan.notebook.results.clicks import CopyButton
from jtscan.notebook.results.statistics import StatisticsPart
from jtscan.notebook.showing import guarded

if TYPE_CHECKING:
    from jtscan.scanner import Scanner

_NAMES = ("matches", "statistics", "chart", "account", "code")
_LOOKS = """
.jt-tab-code textarea { font-family: var(--jp-code-font-family, ui-monospace, monospace); font-size: 12px;
  line-height: 1.5; white-space: pre; overflow-x: auto; }
.jt-results .jt-tabs .lm-TabBar-tab { flex: 0 0 auto !important; min-width: 100px; }
.jt-results .jt-tabs > .widget-tab-contents, .jt-results .jt-tabs > .jp-TabPanel-contents { padding: 10px 12px; }
"""
_STYLE = f"<style>\n.jt-results {{ {ARROW} }}{_LOOKS}</style>"


class ResultTabs(widgets.VBox):  # type: ignore[misc]
    """The result of a scan: matches, statistics, chart, account and errors, code.

    ``show``, ``problem`` and ``clear`` may be called from any thread. A tab is
    filled when it is opened first.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._lock = threading.RLock()
        self.result: BatchScanResult | None = None
        self._filled: set[str] = set()
        self.head = widgets.HTML()
        self.head.add_class("jt-headline")
        self.boxes = {name: widgets.VBox() for name in _NAMES}
        for name, box in self.boxes.items():
            box.add_class(f"jt-tab-{name}")
        self.tabs = widgets.Tab([self.boxes[name] for name in _NAMES], layout={"display": "none"})
        self.tabs.add_class("jt-tabs")
        self._parts: dict[str, Any] = {}
        super().__init__([self.head, self.tabs, widgets.HTML(_STYLE, layout={"display": "none"})])
        self.add_class("jt-results")
        self.tabs.observe(lambda _change: self._fill(), "selected_index")

    def prepare(self) -> None:
        """Load meanwhile what takes half a second once, for a result is to come."""
        threading.Thread(target=_matches_part, name="jtscan-prepare", daemon=True).start()

    def show(self, result: BatchScanResult) -> None:
        """Show a result, in the tab that is open."""
        with self._lock:
            self.clear()
            self.result = result
            self.head.value = render.headline_html(result)
            self.tabs.titles = _titles(result)
            self.tabs.layout.display = ""
            if self.tabs.selected_index is None:
                self.tabs.selected_index = 0
            self._fill()

    def problem(self, message: str) -> None:
        """Show a message, and no result."""
        with self._lock:
            self.clear()
            self.head.value = render.problem_html(message)

    def clear(self) -> None:
        """Show nothing."""
        with self._lock:
            self.result = None
            self._filled.clear()
            if "chart" in self._parts:
                self._parts["chart"].clear()
            self.head.value = ""
            self.tabs.layout.display = "none"

    def open_match(self, symbol: str, moment: dt.date) -> None:
        """Open the chart of a symbol, with the bar of a match marked."""
        chart = _NAMES.index("chart")
        self.tabs.selected_index = chart
        if "chart" in self._parts:
            self._parts["chart"].open_symbol(symbol, mark=moment)

    def _fill(self) -> None:
        """Fill the open tab, if it is not yet."""
        with self._lock:
            result, name = self.result, _NAMES[self.tabs.selected_index or 0]
            if result is None or name in self._filled:
                return
            self._filled.add(name)
            before = self.boxes[name].children
            fill: Callable[[BatchScanResult], list[Any]] = getattr(self, f"_{name}")
            guarded(
                lambda: self._put(name, fill(result)),
                lambda message: self._put(name, [widgets.HTML(render.problem_html(message))]),
            )()
            for old in before:
                if old not in self._parts.values():
                    close_all(old)

    def _put(self, name: str, children: list[Any]) -> None:
        self.boxes[name].children = children

    def _matches(self, result: BatchScanResult) -> list[Any]:
        if result.signals.matches.is_empty():
            return [widgets.HTML(render.nothing_html(result))]
        return [self._part("matches", lambda: _matches_part().MatchesTable(on_match=self.open_match), result)]

    def _statistics(self, result: BatchScanResult) -> list[Any]:
        return [self._part("statistics", StatisticsPart, result)]

    def _chart(self, result: BatchScanResult) -> list[Any]:
        return [self._part("chart", lambda: ChartPart(self._scanner), result)]

    def _account(self, result: BatchScanResult) -> list[Any]:
        return [widgets.HTML(render.account_html(result))]

    def _code(self, result: BatchScanResult) -> list[Any]:
        code = self._scanner.code(result.request, data_version=result.data_version)
        rows = min(max(code.count("\n") + 2, 8), 30)
        text = widgets.Textarea(code, rows=rows, layout={"width": "auto"})
        return [widgets.HTML(render.note_html("This repeats the scan in a cell.")), text, CopyButton(text=code)]

    def _part(self, name: str, make: Callable[[], Any], result: BatchScanResult) -> Any:
        """Have the part of a tab, made once and kept, show a result."""
        if name not in self._parts:
            self._parts[name] = make()
        self._parts[name].show(result)
        return self._parts[name]

    def __repr__(self) -> str:
        return "ResultTabs()" if self.result is None else f"ResultTabs({self.result.summary})"


def _matches_part() -> ModuleType:
    return importlib.import_module("jtscan.notebook.results.matches")


def _titles(result: BatchScanResult) -> tuple[str, ...]:
    errors = result.errors.height
    return (
        f"Matches ({result.signals.matches.height:,})",
        "Statistics",
        "Chart",
        f"Account and errors ({errors:,})" if errors else "Account and errors",
        "Code",
    )
