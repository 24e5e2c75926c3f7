"""Matches counted by two keys of one's choice."""

from __future__ import annotations

import ipywidgets as widgets

from jtscan import render
from jtscan.domain.scans import BatchScanResult
from jtscan.domain.signals import PIVOT_KEYS
from jtscan.notebook.showing import shown

_LOOK = {"layout": {"width": "220px"}, "style": {"description_width": "initial"}}


class StatisticsPart(widgets.VBox):  # type: ignore[misc]
    """A table of counts with heat, over two drop-downs for its keys; below it the matches per month."""

    def __init__(self) -> None:
        self.rows = widgets.Dropdown(description="Rows", options=PIVOT_KEYS, value="symbol", **_LOOK)
        self.columns = widgets.Dropdown(description="Columns", options=PIVOT_KEYS, value="signal_type", **_LOOK)
        self.pivot, self.overview = widgets.HTML(), widgets.HTML()
        self._result: BatchScanResult | None = None
        super().__init__(
            [self.overview, widgets.HBox([self.rows, self.columns], layout={"margin": "8px 0 0"}), self.pivot]
        )
        for control, name in ((self.rows, "rows"), (self.columns, "columns"), (self.pivot, "pivot")):
            control.add_class(f"jt-statistics-{name}")
        self.rows.observe(lambda change: self._chosen(self.columns, change["old"]), "value")
        self.columns.observe(lambda change: self._chosen(self.rows, change["old"]), "value")

    def show(self, result: BatchScanResult) -> None:
        """Count the matches of a scan."""
        self._result = result
        self.overview.value = render.overview_html(result.statistics)
        self._count()

    def problem(self, message: str) -> None:
        """Show a message in the place of the table."""
        self.pivot.value = render.problem_html(message)

    @shown
    def _chosen(self, other: widgets.Dropdown, before: str) -> None:
        """Change places where the same key is chosen twice."""
        if self.rows.value == self.columns.value:
            other.value = before
        elif self._result is not None:
            self._count()

    @shown
    def _count(self) -> None:
        if self._result is not None:
            self.pivot.value = render.pivot_html(self._result.statistics, self.rows.value, self.columns.value)
