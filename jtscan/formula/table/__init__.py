"""The table of functions: one row says what a function needs and how it is computed.

words.py         what this language adds or says in its own way: averages, channels, oscillators
events.py        crossings, counts, memory of events, pivots
elements.py      bar by bar
market.py        other symbols and longer periods
talib_rows.py    every TA-Lib function, from its own metadata
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from jtscan.formula.rows import Function
from jtscan.formula.table import elements, events, market, talib_rows, words

Table = Mapping[str, Function]

GROUPS = {
    "prices and averages": words.averages,
    "oscillators and trend": words.oscillators,
    "channels": words.channels,
    "windows": words.windows,
    "events": events.rows,
    "bar by bar": elements.rows,
    "across symbols": market.across_symbols,
    "longer periods and other symbols": market.other_bars,
}


@cache
def rows() -> tuple[Function, ...]:
    """Return every function once: the language's own first, then TA-Lib's."""
    ours = [replace(each, group=group) for group, make in GROUPS.items() for each in make()]
    words_taken = {name for each in ours for name in (each.name, *each.aliases)}
    return (*ours, *talib_rows.rows(words_taken))


@cache
def table() -> Table:
    """Return every function by name, aliases too."""
    return _by_name(rows())


def with_own(functions: Sequence[Function]) -> Table:
    """Return the table with functions of a user beside it."""
    return {**table(), **_by_name(functions)} if functions else table()


def _by_name(functions: Sequence[Function]) -> dict[str, Function]:
    return {name: each for each in functions for name in (each.name, *each.aliases)}
