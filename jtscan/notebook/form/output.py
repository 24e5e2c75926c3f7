"""What a scan gave, below the form."""

from __future__ import annotations

import ipywidgets as widgets

from jtscan import render
from jtscan.domain.scans import BatchScanResult


class PlainOutput(widgets.HTML):  # type: ignore[misc]
    """The result as it shows itself."""

    def show(self, result: BatchScanResult) -> None:
        """Show a result."""
        self.value = render.scan_html(result)

    def problem(self, message: str) -> None:
        """Show why there is none."""
        self.value = render.problem_html(message)

    def clear(self) -> None:
        """Show nothing."""
        self.value = ""
