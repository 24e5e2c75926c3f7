"""A field that finds symbols, and a chip for each one picked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ipywidgets as widgets
import traitlets

from jtscan.notebook.form.parts import Chips, caution, html, named, quiet, shown_if
from jtscan.notebook.form.symbols import SymbolTable
from jtscan.notebook.showing import Tell, guarded

_LEAST_ROWS, _MOST_ROWS = 2, 8  # of one row browsers make a drop-down, of which the only entry cannot be clicked


class SymbolPicker(widgets.VBox):  # type: ignore[misc]
    """Symbols by code or name; ``value`` is the list picked.

    Typing shows what is found; Enter picks the first, a click any. Codes with
    commas or line ends between them are picked at once: pasted lists too.
    """

    value = traitlets.List(traitlets.Unicode())

    def __init__(self, table: SymbolTable, name: str, *, prompt: str, tell: Tell) -> None:
        self._table = table
        self._showing = False
        # A line end tells Enter, and keeps the lines of a pasted list apart.
        self.search = named(widgets.Textarea(rows=1, placeholder=prompt, tooltip=prompt), "jt-search")
        self.hits = named(widgets.Select(options=(), rows=_MOST_ROWS, tooltip="symbols found"), "jt-hits")
        self.said = html("jt-said")
        self.chips = Chips(self.remove, self.clear, tell)
        super().__init__([named(widgets.HBox([self.chips, self.search]), "jt-choices"), self.hits, self.said])
        named(self, "jt-picker", name)
        self.search.observe(guarded(self._typed, tell), "value")
        self.hits.observe(guarded(self._picked, tell), "value")
        self.observe(guarded(self._show, tell), "value")
        self._show()
        self._find("")

    @traitlets.validate("value")
    def _once(self, proposal: dict[str, list[str]]) -> list[str]:
        codes = [code.strip() for text in proposal["value"] for code in re.split(r"[,\n]", text)]
        return list(dict.fromkeys(filter(None, codes)))

    def add(self, codes: Sequence[str]) -> None:
        """Pick symbols as well."""
        self.value = [*self.value, *codes]

    def remove(self, code: str) -> None:
        """Take a symbol away."""
        self.value = [each for each in self.value if each != code]

    def clear(self) -> None:
        """Take all away, and what stands in the field."""
        self.value = []
        self.search.value = ""
        self._find("")

    def _typed(self) -> None:
        text = self.search.value
        if "\n" in text:
            self._enter(text)
        elif text.rstrip().endswith((",", ";")) or len(self._table.read(text).symbols) > 1:
            self._take(text)
        else:
            self._find(text)

    def _enter(self, text: str) -> None:
        """Pick what is there by this code or name, otherwise the first that is found."""
        read = self._table.read(text)
        first = self._table.hits(text, 1) if not read.symbols and len(read.unknown) == 1 else []
        if first:
            self.add([first[0][1]])
            self.search.value = ""
        else:
            self._take(text)

    def _take(self, text: str) -> None:
        """Pick the codes; what is none of them stays in the field and is told."""
        read = self._table.read(text)
        self.add(read.symbols)
        self.search.value = ", ".join(read.unknown)
        self._find("")
        self.said.value = caution(f"not in the data: {self._table.nearest(read.unknown)}") if read.unknown else ""

    def _find(self, text: str) -> None:
        found = self._table.hits(text)
        self._showing = True
        try:
            self.hits.options = found
            self.hits.rows = min(max(len(found), _LEAST_ROWS), _MOST_ROWS)
            self.hits.value = None
        finally:
            self._showing = False
        shown_if(self.hits, found)
        nothing = quiet(f"no symbol like {text.strip()!r}") if text.strip() and not found else ""
        self.said.value = nothing

    def _picked(self) -> None:
        if not self._showing and self.hits.value is not None:
            self.add([self.hits.value])
            self.search.value = ""
            self._find("")

    def _show(self) -> None:
        words = [(code, self._table.label(code)) for code in self.value]
        self.chips.show(words, strange=self._table.strangers(self.value))
