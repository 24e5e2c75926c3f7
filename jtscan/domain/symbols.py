"""Which symbols a scan is about."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jtscan.errors import RequestError

INDEX_MARKET = "INDEX"
"""The market of indices: they are read by formulas, and scanned only where they are asked for."""

Value = str | bool | float | dt.date | None
"""What a column of the table of symbols may be asked for; None is unknown."""
Names = str | Sequence[str]
Where = Mapping[str, Value | Sequence[Value]] | Sequence[tuple[str, Value | Sequence[Value]]]

_SHOWN = 5
_SCALARS = (str, bool, int, float, dt.date)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCriteria:
    """The universe: an explicit list, or markets, sectors, indices and other columns; exclusions come last.

    ``market``, ``sector`` and ``index`` are a name or a list of names, any of
    which will do; a symbol of an index takes part on the days on which it is a
    member. ``where`` asks for values of other columns of the table of symbols:
    ``{"kind": ["stock", "preferred"], "managed": False, "delisted": None}``
    (None = unknown). All that is given must hold. ``symbols=[]`` is an
    explicit empty list; an explicit list wins over everything but the
    exclusions. Order is kept, duplicates are dropped. Without anything it is
    every symbol but indices. ``exclude`` takes symbols out, last of all.

    Examples
    --------
    >>> print(SymbolCriteria(market="KOSPI", exclude=["005935"]))
    KOSPI, without 1
    """

    symbols: Sequence[str] | None = None
    market: Names | None = None
    sector: Names | None = None
    index: Names | None = None
    where: Where = ()
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.symbols is not None:
            object.__setattr__(self, "symbols", _codes("symbols", self.symbols))
        object.__setattr__(self, "exclude", _codes("exclude", self.exclude))
        for field in ("market", "sector", "index"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, _names(field, value))
        object.__setattr__(self, "where", _where(self.where))

    @property
    def filters(self) -> tuple[tuple[str, tuple[Value, ...]], ...]:
        """What is asked for, as (market, sector, index or a column; any of these values); nothing for a list."""
        if self.symbols is not None:
            return ()
        named = ((field, getattr(self, field)) for field in ("market", "sector", "index"))
        return (*((field, names) for field, names in named if names is not None), *self.where)

    def __repr__(self) -> str:
        return f"SymbolCriteria({self})"

    def __str__(self) -> str:
        if self.symbols is not None:
            what = _short(self.symbols, ", ") or "no symbols"
        else:
            parts = [
                f"{'' if field in {'market', 'sector', 'index'} else f'{field} '}{_short(map(_word, values), ' or ')}"
                for field, values in self.filters
            ]
            what = " · ".join(parts) or "every symbol"
        return f"{what}{f', without {len(self.exclude)}' if self.exclude else ''}"


def as_criteria(field: str, given: SymbolCriteria | Mapping[str, Any] | None) -> SymbolCriteria | None:
    """Read criteria that may be written as a dict; None stays None.

    Raises
    ------
    RequestError
        It holds what criteria do not have; ``field`` is named.
    """
    if given is None or isinstance(given, SymbolCriteria):
        return given
    names = ("market", "sector", "index", "where", "symbols", "exclude")
    if not isinstance(given, Mapping) or not set(given) <= set(names):
        wrong = ", ".join(map(repr, set(given) - set(names))) if isinstance(given, Mapping) else repr(given)
        example = "such as {'market': 'KOSPI'}"
        raise RequestError(field, f"{wrong} is unknown; give a dict of {', '.join(names)}, {example}")
    return SymbolCriteria(**given)


def _short(words: Iterable[str], between: str) -> str:
    shown = list(words)
    more = len(shown) - _SHOWN
    return between.join(shown[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _word(value: Value) -> str:
    return "unknown" if value is None else str(value)


def _names(field: str, value: Names) -> tuple[str, ...]:
    """Read a name, or a list of them."""
    try:
        names = [value] if isinstance(value, str) else list(value)
    except TypeError:
        raise RequestError(field, f"{value!r} is not the name of {_article(field)} {field}") from None
    if not names:
        raise RequestError(field, f"the list is empty; leave it out for every {field}")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise RequestError(field, f"{name!r} is not the name of {_article(field)} {field}")
    return tuple(dict.fromkeys(names))


def _article(field: str) -> str:
    return "an" if field.startswith("i") else "a"


def _where(given: Where) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    """Read columns and values; pairs are what it is kept as, so that criteria can be compared and hashed."""
    example = "write a dict of columns and values, such as {'kind': 'stock'}"
    try:
        pairs = list(given.items() if isinstance(given, Mapping) else given)
        columns = dict(pairs)
    except (TypeError, ValueError):
        raise RequestError("where", f"{given!r} is not a dict; {example}") from None
    for column in columns:
        if not isinstance(column, str) or not column:
            raise RequestError("where", f"{column!r} is not the name of a column; {example}")
    return tuple((column, _values(column, value)) for column, value in columns.items())


def _values(column: str, value: Value | Sequence[Value]) -> tuple[Value, ...]:
    values: list[Any] = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if not values:
        raise RequestError("where", f"{column}: the list of values is empty")
    for each in values:
        if each is not None and (not isinstance(each, _SCALARS) or (isinstance(each, float) and math.isnan(each))):
            raise RequestError("where", f"{column}: {each!r} is no text, number, date, True, False or None")
    return tuple(dict.fromkeys(values))


def _codes(field: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise RequestError(field, f"{values!r} is one text; write a list: [{values!r}]")
    try:
        codes = list(values)
    except TypeError:
        raise RequestError(field, f"{values!r} is not a list of symbols") from None
    for code in codes:
        if not isinstance(code, str):
            raise RequestError(field, f"{code!r} is not text; a symbol keeps its leading zeros, such as '005930'")
        if not code.strip():
            raise RequestError(field, "holds an empty symbol")
    return tuple(dict.fromkeys(code.strip() for code in codes))
