"""The finder of functions: what there is, how it is written, what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from jtscan import render
from jtscan.notebook.form.parts import Fold, html, named, quiet
from jtscan.notebook.showing import Tell, guarded

if TYPE_CHECKING:
    from jtscan.scanner import Scanner

_ROWS = 12


class FunctionFinder(Fold):
    """A field that lists the functions with a word in their name, meaning or group; folded away at first."""

    def __init__(self, scanner: Scanner, tell: Tell) -> None:
        self._scanner = scanner
        self.search = widgets.Text(placeholder="a word, such as cross, momentum or 이동평균", continuous_update=True)
        self.found = html("jt-functions-found")
        super().__init__("find a function", widgets.VBox([self.search, self.found]), tell)
        named(self, "jt-functions")
        self.search.observe(guarded(self._find, tell), "value")

    def _find(self) -> None:
        text = self.search.value.strip()
        if not text:
            self.found.value = ""
            return
        table = self._scanner.functions(text).frame.select("usage", "gives", "meaning")
        if table.is_empty():
            self.found.value = quiet(f"no function has {text!r} in its name or meaning")
        else:
            self.found.value = render.frame_html(table, rows=_ROWS)
