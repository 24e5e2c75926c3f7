"""The table of matches: the kernel searches and sorts all of them, the browser holds the first."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import polars as pl
from itables.widget import ITable

from jtscan import render
from jtscan.domain.scans import BatchScanResult
from jtscan.notebook.results.clicks import Clicks
from jtscan.notebook.results.rows import AS_SCANNED, MatchRows, Order, View
from jtscan.notebook.results.showing import shown
from jtscan.render.cells import Column

SHOWN = 1_000
_NULL = "–"
_STYLE = """<style>
.jt-matches .itables_anywidget { overflow-x: auto; }
.jt-matches table.dataTable { font-size: 12px; font-variant-numeric: tabular-nums; margin: 0 !important; }
.jt-matches table.dataTable thead th { cursor: pointer; user-select: none; white-space: nowrap; }
.jt-matches.jt-opens table.dataTable tbody tr { cursor: pointer; }
.jt-matches .dt-container { font-size: 12px; }
</style>"""


class MatchesTable(widgets.VBox):  # type: ignore[misc]
    """The matches of a scan, searched and sorted.

    A click on a header sorts by it, numbers largest first, and once more turns
    it round; a click on a row calls ``on_symbol``.
    """

    def __init__(self, *, on_symbol: Callable[[str], None] | None = None) -> None:
        self.search = widgets.Text(placeholder="search: symbol, name, signal, date", layout={"width": "280px"})
        self.search.add_class("jt-search")
        self.sort = widgets.Dropdown(description="Sort", layout={"width": "250px"}, style={"description_width": "36px"})
        self.sort.add_class("jt-sort")
        self.line = widgets.HTML()
        self.line.add_class("jt-shown")
        self.table = ITable(_texts([], AS_SCANNED), **_options([]))
        self._rows = MatchRows(pl.DataFrame())
        self._view = self._rows.view(limit=SHOWN)
        self._found = 0
        self._changing = False
        self._on_symbol = on_symbol
        within = f"jt-matches-{uuid.uuid4().hex}"
        clicks = Clicks(within, on_column=self._sort_by, on_row=self._open)
        controls = widgets.HBox([self.search, self.sort, self.line], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self.table, clicks, widgets.HTML(_STYLE, layout={"display": "none"})])
        for name in ("jt-matches", within, *(["jt-opens"] if on_symbol else [])):
            self.add_class(name)
        for control in (self.search, self.sort):
            control.observe(lambda _change: self._changed(), "value")

    def show(self, result: BatchScanResult) -> None:
        """Show the matches of a scan, in its own order."""
        self._rows = MatchRows(result.signals.matches)
        self._found = result.signals.total_matches
        self._changing = True
        self.search.value = ""
        self.sort.options = _orders(self._rows.matches)
        self.sort.value = AS_SCANNED
        self._changing = False
        self._refresh()

    def problem(self, message: str) -> None:
        """Show a message in the line above the table."""
        self.line.value = render.problem_html(message)

    @property
    def view(self) -> View:
        """What the table shows."""
        return self._view

    @shown
    def _changed(self) -> None:
        if not self._changing:
            self._refresh()

    def _refresh(self) -> None:
        order = self.sort.value
        self._view = self._rows.view(search=self.search.value, order=order, limit=SHOWN)
        self.table.update(_texts(self._view.columns, order), **_options(self._view.columns))
        self.line.value = self._said()

    @shown
    def _sort_by(self, number: int) -> None:
        column = self._view.rows.columns[number]
        falling = self._rows.matches.schema[column].is_numeric()
        now = self.sort.value
        self.sort.value = Order(column=column, falling=not now.falling if now.column == column else falling)

    @shown
    def _open(self, number: int) -> None:
        if self._on_symbol is not None and number < self._view.rows.height:
            self._on_symbol(self._view.rows["symbol"][number])

    def _said(self) -> str:
        view = self._view
        found = f"{view.found:,} of {view.total:,} matches" if view.found < view.total else f"{view.total:,} matches"
        if view.found > view.rows.height:
            found = f"the first {view.rows.height:,} of {found} in this order: search and sort look at all"
        top = f", the top of {self._found:,} found" if view.total < self._found else ""
        return render.note_html(f"{found}{top}")

    def __repr__(self) -> str:
        return f"MatchesTable({self._view.total:,} matches)"


def _orders(matches: pl.DataFrame) -> list[tuple[str, Order]]:
    """Every column in both directions, numbers and times largest first."""
    each = [
        Order(column=name, falling=falling)
        for name, kind in matches.schema.items()
        for falling in ((False, True) if kind == pl.String else (True, False))
    ]
    return [("as scanned", AS_SCANNED), *((f"{order.column} {order.mark}", order) for order in each)]


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
        "columnDefs": [{"targets": right, "className": "dt-right"}],
        "ordering": False,
        "maxBytes": 0,
        "maxRows": 0,
        "maxColumns": 0,
        "showIndex": False,
        "show_dtypes": False,
        "lengthMenu": [15, 50, 200],
        "layout": {"topStart": None, "topEnd": None, "bottomStart": "pageLength", "bottomEnd": "paging"},
    }
