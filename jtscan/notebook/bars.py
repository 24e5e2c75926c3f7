"""Where a progress bar is shown, and that nothing of it stays in the notebook's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display


def shown(container: Any) -> Callable[[], None]:
    """Show a bar's widget below the cell; what is returned takes it away.

    A widget that is only closed leaves its output behind, which a notebook
    that is opened again shows as an error.
    """
    handle = display(container, display_id=True)  # type: ignore[no-untyped-call]
    return lambda: handle.update({"text/html": ""}, raw=True)
