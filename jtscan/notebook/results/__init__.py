"""What the form shows of a result, and the same by hand in a cell.

tabs         ResultTabs: the five tabs
matches      MatchesTable: rows (searched, sorted, written) in an itables table, clicks on it
statistics   StatisticsPart: counts by two keys
chart        ChartPart: pictures drawn in a thread (newest)

What goes wrong in a callback is shown in its part (``notebook.showing``).
"""

from __future__ import annotations

from jtscan.errors import MissingExtraError

try:
    import anywidget  # noqa: F401 - itables' widget is one, and says so late
    import ipywidgets  # noqa: F401
    import itables  # noqa: F401
except ImportError as error:
    raise MissingExtraError("the table of matches", "notebook") from error

from jtscan.notebook.results.matches import MatchesTable
from jtscan.notebook.results.tabs import ResultTabs

__all__ = ["MatchesTable", "ResultTabs"]
