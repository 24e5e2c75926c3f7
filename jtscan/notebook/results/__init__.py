"""What the form shows of a result, and the same by hand in a cell.

tabs         ResultTabs: the five tabs
matches      MatchesTable: rows (searched, sorted, written) in an itables table, clicks on it
statistics   StatisticsPart: counts by two keys
chart        ChartPart: pictures drawn in a thread (newest)

What goes wrong in a callback is shown in its part (``notebook.showing``).
"""

from __future__ import annotations

import importlib.util

from jtscan.errors import MissingExtraError

# Looked for, not imported: itables takes half a second, and is wanted when there is a result to show.
for _needed in ("ipywidgets", "anywidget", "itables"):
    if importlib.util.find_spec(_needed) is None:
        raise MissingExtraError("the table of matches", "notebook")

from jtscan.notebook.results.tabs import ResultTabs  # noqa: E402 - after the look

__all__ = ["ResultTabs"]
