"""The table of matches: the kernel searches, sorts and turns the pages, the browser holds one page.

itables sorts and searches only what the browser has, and 200,000 rows choke it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import polars as pl
from itables.widget import ITable

from jtscan import render
from jtscan.domain.scans import BatchScanRequest, BatchScanResult
from jtscan.notebook.looks import ARROW
from jtscan.notebook.results.clicks import Clicks
from jtscan.notebook.results.rows import AS_SCANNED, NEWEST_FIRST, MatchRows, Order, View
from jtscan.notebook.showing import shown
from jtscan.render.cells import Column

_NULL = "–"
_TIMES = {NEWEST_FIRST: "newest first", Order(column="timestamp"): "oldest first"}
_TURNS = (("«", "the first page"), ("‹", "the page before"), ("›", "the next page"), ("»", "the last page"))
_LOOKS = """
.jt-matches { --dt-html-background: transparent; }
.jt-matches .itables_anywidget { overflow-x: auto; }
.jt-matches table.dataTable { font-size: 12px; font-variant-numeric: tabular-nums; margin: 0 !important; }
.jt-matches table.dataTable thead th { cursor: pointer; user-select: none; white-space: nowrap; }
.jt-matches.jt-opens table.dataTable tbody tr { cursor: pointer; }
.jt-matches table.dataTable th, .jt-matches table.dataTable td { padding-left: 10px !important;
  padding-right: 10px !important; }
.jt-matches .dt-container { font-size: 12px; width: max-content; max-width: 100%; }
.jt-matches .jt-matches-line { margin: 0 10px; min-width: 190px; text-align: center; }
"""
_STYLE = f"<style>\n.jt-matches {{ {ARROW} }}{_LOOKS}</style>"


class MatchesTable(widgets.VBox):  # type: ignore[misc]
    """The matches of a scan, all of them, page by page.

    A click on a header sorts by it, numbers and times largest first, and once
    more turns it round; a click on a row calls ``on_match`` with its symbol
    and timestamp.
    """

    def __init__(self, *, on_match: Callable[[str, dt.date], None] | None = None) -> None:
        self.search = widgets.Text(placeholder="search: symbol, name, signal, date", layout={"width": "280px"})
        self.sort = widgets.Dropdown(description="Sort", layout={"width": "230px"}, style={"description_width": "36px"})
        self.height = widgets.Dropdown(
            description="Rows", options=[20, 50, 200], layout={"width": "110px"}, style={"description_width": "40px"}
        )
        self.first, self.back, self.next, self.last = (_button(sign, said) for sign, said in _TURNS)
        self.line = widgets.HTML()
        self.table = ITable(_texts([], AS_SCANNED), **_options([]))
        self._rows = MatchRows(pl.DataFrame())
        self._view = self._rows.view(height=self.height.value)
        self._found = 0
        self._changing = False
        self._on_match = on_match
        within = f"jt-within-{uuid.uuid4().hex}"
        clicks = Clicks(within, on_column=self._sort_by, on_row=self._open)
        controls = widgets.HBox([self.search, self.sort], layout={"flex_flow": "row wrap"})
        pages = widgets.HBox(
            [self.first, self.back, self.line, self.next, self.last, self.height], layout={"align_items": "center"}
        )
        super().__init__([controls, self.table, pages, clicks, widgets.HTML(_STYLE, layout={"display": "none"})])
        for name in ("jt-matches", within, *(["jt-opens"] if on_match else [])):
            self.add_class(name)
        self._name_and_listen()

    def _name_and_listen(self) -> None:
        for name in ("search", "sort", "height", "first", "back", "next", "last"):
            getattr(self, name).add_class(f"jt-matches-{name}")
        self.line.add_class("jt-matches-line")
        for control in (self.search, self.sort, self.height):
            control.observe(lambda _change: self._changed(), "value")
        self.first.on_click(lambda _button: self._turn(0))
        self.back.on_click(lambda _button: self._turn(self._view.page - 1))
        self.next.on_click(lambda _button: self._turn(self._view.page + 1))
        self.last.on_click(lambda _button: self._turn(self._view.pages - 1))

    def show(self, result: BatchScanResult) -> None:
        """Show the matches of a scan: the newest first, unless the scan was asked for an order of its own."""
        self._rows = MatchRows(result.signals.matches)
        self._found = result.signals.total_matches
        self._changing = True
        self.search.value = ""
        self.sort.options = orders = _orders(self._rows.matches, asked=_asks_for_an_order(result.request))
        self.sort.value = orders[0][1]
        self._changing = False
        self._show_page(0)

    def problem(self, message: str) -> None:
        """Show a message in the line below the table."""
        self.line.value = render.problem_html(message)

    @property
    def view(self) -> View:
        """What the table shows."""
        return self._view

    @shown
    def _changed(self) -> None:
        if not self._changing:
            self._show_page(0)

    @shown
    def _turn(self, page: int) -> None:
        self._show_page(page)

    def _show_page(self, page: int) -> None:
        order = self.sort.value
        self._view = view = self._rows.view(search=self.search.value, order=order, page=page, height=self.height.value)
        self.table.update(_texts(view.columns, order), **_options(view.columns))
        top = f", the top of {self._found:,} found" if view.total < self._found else ""
        self.line.value = render.note_html(f"{view}{top}")
        self.first.disabled = self.back.disabled = view.page == 0
        self.next.disabled = self.last.disabled = view.page == view.pages - 1

    @shown
    def _sort_by(self, number: int) -> None:
        column = self._view.rows.columns[number]
        kind = self._rows.matches.schema[column]
        falling = kind.is_numeric() or kind.is_temporal()
        now = self.sort.value
        self.sort.value = Order(column=column, falling=not now.falling if now.column == column else falling)

    @shown
    def _open(self, number: int) -> None:
        if self._on_match is not None and number < self._view.rows.height:
            match = self._view.rows.row(number, named=True)
            self._on_match(match["symbol"], match["timestamp"])

    def __repr__(self) -> str:
        return f"MatchesTable({self._view.total:,} matches)"


def _button(sign: str, said: str) -> Any:
    return widgets.Button(description=sign, tooltip=said, layout={"width": "36px"})


def _asks_for_an_order(request: BatchScanRequest) -> bool:
    return request.sort_by != "timestamp" or request.top is not None


def _orders(matches: pl.DataFrame, *, asked: bool) -> list[tuple[str, Order]]:
    """Begin with the order that was asked for, or with the newest; then every column in both directions."""
    each = [
        Order(column=name, falling=falling)
        for name, kind in matches.schema.items()
        for falling in ((False, True) if kind == pl.String else (True, False))
    ]
    listed = [(_TIMES.get(order, f"{order.column} {order.mark}"), order) for order in each]
    listed.sort(key=lambda entry: entry[1].column != "timestamp")
    return [("as scanned", AS_SCANNED), *listed] if asked or "timestamp" not in matches.columns else listed


def _texts(columns: list[Column], order: Order) -> pl.DataFrame:
    """All cells as text, for itables writes numbers in its own way; it escapes them."""
    cells = {
        f"{column.name} {order.mark}" if column.name == order.column else column.name: [
            _NULL if cell is None else cell for cell in column.cells
        ]
        for column in columns
    }
    return pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))


def _options(columns: list[Column]) -> dict[str, Any]:
    right = [place for place, column in enumerate(columns) if column.right]
    return {
        "classes": "display compact nowrap",
        "style": "table-layout:auto;width:auto;margin:0",
        "columnDefs": [{"targets": right, "className": "dt-right"}, {"targets": "_all", "type": "string"}],
        "ordering": False,
        "autoWidth": False,
        "maxBytes": 0,
        "maxRows": 0,
        "maxColumns": 0,
        "showIndex": False,
        "show_dtypes": False,
        "paging": False,
        "language": {"emptyTable": "nothing found"},
        "layout": dict.fromkeys(("topStart", "topEnd", "bottomStart", "bottomEnd")),
    }
