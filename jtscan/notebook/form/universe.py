"""Which symbols are scanned, and how many they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl

from jtscan.domain.dates import DateRange
from jtscan.domain.symbols import INDEX_MARKET, SymbolCriteria
from jtscan.notebook.form.choices import Choices
from jtscan.notebook.form.parts import html, quiet, row, shown_if
from jtscan.notebook.form.picker import SymbolPicker
from jtscan.notebook.form.state import put
from jtscan.notebook.form.symbols import SymbolTable
from jtscan.notebook.showing import Tell, guarded

if TYPE_CHECKING:
    from jtscan.notebook.form.span import SpanPicker
    from jtscan.scanner import Scanner
    from jtscan.universe import InRange

_FILTERS = ("market", "sector", "index")


class UniversePicker(widgets.VBox):  # type: ignore[misc]
    """Market, sector and index, or a list of one's own; less the exclusions and who is not there in the range.

    ``problem`` says why it cannot be used; ``recount`` hears of another range.
    """

    def __init__(self, scanner: Scanner, span: SpanPicker, on_change: Callable[[], None], tell: Tell) -> None:
        self._scanner, self._span, self._on_change = scanner, span, on_change
        self.table = SymbolTable(_every(scanner))
        self.problem = ""
        self.market = Choices("market", scanner.markets(), tell)
        self.sector = Choices("sector", scanner.sectors(), tell)
        self.index = Choices("index", scanner.indices(), tell)
        self.symbols = SymbolPicker(self.table, "jt-symbols", prompt="code or name; empty: all", tell=tell)
        self.exclude = SymbolPicker(self.table, "jt-exclude", prompt="code or name to leave out", tell=tell)
        self.count = html("jt-count")
        super().__init__(self._rows())
        for part in self._parts.values():
            part.observe(guarded(self._changed, tell), "value")
        self._show()

    @property
    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*_FILTERS, "symbols", "exclude")}

    def _rows(self) -> list[Any]:
        filters = [row(name.capitalize(), self._parts[name]) for name in _FILTERS]
        for name, laid in zip(_FILTERS, filters, strict=True):
            shown_if(laid, self._parts[name].options)
        return [*filters, row("Symbols", self.symbols), row("Without", self.exclude), row("", self.count)]

    @property
    def criteria(self) -> SymbolCriteria:
        """The universe as a request has it."""
        chosen: dict[str, Any] = {name: part.value or None for name, part in self._parts.items()}
        return SymbolCriteria(**{**chosen, "exclude": self.exclude.value})

    @property
    def state(self) -> dict[str, list[str]]:
        """What is chosen."""
        return {name: list(part.value) for name, part in self._parts.items()}

    def restore(self, state: Mapping[str, Any]) -> Iterator[str]:
        """Choose what a state says; tell what cannot be chosen."""
        for name in _FILTERS:
            yield from put(state, name, self._parts[name], self._parts[name].offered)
            yield from self._parts[name].missing(state.get(name))
        for name in ("symbols", "exclude"):
            yield from put(state, name, self._parts[name])

    def strangers(self) -> Iterator[str]:
        """Tell which symbols are not in the data."""
        for name in ("symbols", "exclude"):
            if strange := self.table.strangers(self._parts[name].value):
                yield f"{name}: not in the data: {self.table.nearest(strange)}"

    def _changed(self) -> None:
        self._show()
        self._on_change()

    def _show(self) -> None:
        for name in _FILTERS:
            self._parts[name].disabled = bool(self.symbols.value)
        self.recount()

    def recount(self) -> None:
        """Count the symbols of the range."""
        criteria = self.criteria
        there = self._there(criteria)
        left = len(there.symbols)
        gone = ", ".join(
            f"{len(symbols):,} more {what}"
            for symbols, what in ((there.not_listed, "not listed"), (there.not_members, "not in the index"))
            if symbols
        )
        self.problem = "" if left else f"no symbol is left{' in this range' if gone else ''}: choose others"
        count = quiet(f"{criteria} · ", f"{left:,} symbol{'' if left == 1 else 's'}")
        besides = quiet(f" ({gone} in this range)") if gone else ""
        idle = [code for code in self.exclude.value if code not in there.excluded]
        self.count.value = "<br>".join([count + besides, *map(quiet, self._notes(idle))])

    def _there(self, criteria: SymbolCriteria) -> InRange:
        """Ask as a scan does; a range that cannot be used takes nobody out."""
        date_range = DateRange(start=dt.date.min) if self._span.problem else self._span.date_range
        return self._scanner.in_range(criteria, date_range=date_range, timeframe=self._span.timeframe.value)

    def _notes(self, idle: list[str]) -> Iterator[str]:
        """What is chosen and has no effect, and what is not known."""
        if self.symbols.value:
            filters = [name for name in _FILTERS if self._parts[name].options]
            beside = f": {' and '.join(filters)} do not count" if filters else ""
            yield f"only this list is scanned{beside}"
        if strange := self.table.strangers(self.symbols.value):
            yield f"not in the data: {self.table.nearest(strange)}"
        if idle:
            shown = ", ".join(self.table.label(code) for code in idle[:5])
            yield f"without effect, not among these symbols: {shown}{' …' if idle[5:] else ''}"


def _every(scanner: Scanner) -> pl.DataFrame:
    """Every symbol that can be asked for by name: indices too."""
    shares, indices = scanner.symbols(), scanner.symbols(market=INDEX_MARKET)
    return pl.concat([shares, indices]).unique("symbol", keep="first", maintain_order=True)
