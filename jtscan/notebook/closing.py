"""Widgets that are not needed any more: ipywidgets keeps each of them, and what it holds, until it is closed."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets


def close_all(widget: Any) -> None:
    """Close a widget and all that is in it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for each in (getattr(widget, "style", None), getattr(widget, "layout", None)):
        if isinstance(each, widgets.Widget):
            each.close()
    widgets.Widget.close(widget)
