"""The scan form: pick the symbols, write the formula, run, watch, stop.

    form        ScanForm puts the parts together: what is asked, what is shown when
    universe    market, sector, index (choices.py); symbols and exclusions (symbols.py finds them, picker.py is the
                field); the count
    span        timeframe and range
    editor      the library, the text, its message; parameters.py a control for each parameter; functions.py the finder
    options     order of the matches, how many, warm-up
    progress    Run, Cancel, the bar and what it says; runs.py the scan in its thread
    state       the controls as a dict that JSON can hold, and back
    parts       rows, chips, folds and texts that all of them are made of; style.py their looks

What the scan gave is shown by ``notebook.results``.

An exception in a widget's callback is shown nowhere, so that every callback
shows its own in the form (``notebook.showing``).
"""

from __future__ import annotations

from jtscan.errors import MissingExtraError

try:
    import ipywidgets  # noqa: F401 - only asked whether it is there
except ImportError as error:
    raise MissingExtraError("the scan form", "notebook") from error

from jtscan.notebook.form.form import ScanForm

__all__ = ["ScanForm"]
