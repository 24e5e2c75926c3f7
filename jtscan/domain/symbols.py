"""Which symbols a scan is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jtscan.errors import RequestError

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCriteria:
    """The universe: an explicit list, or a market and a sector; exclusions come last.

    ``symbols=[]`` is an explicit empty list. Order is kept, duplicates are
    dropped. Without anything it is every symbol but indices.
    """

    symbols: Sequence[str] | None = None
    market: str | None = None
    sector: str | None = None
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.symbols is not None:
            object.__setattr__(self, "symbols", _codes("symbols", self.symbols))
        object.__setattr__(self, "exclude", _codes("exclude", self.exclude))
        for field in ("market", "sector"):
            value = getattr(self, field)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise RequestError(field, f"{value!r} is not the name of a {field}")

    def __str__(self) -> str:
        if self.symbols is not None:
            more = len(self.symbols) - _SHOWN
            what = ", ".join(self.symbols[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        else:
            what = " · ".join(part for part in (self.market, self.sector) if part) or "every symbol"
        return f"{what or 'no symbols'}{f', without {len(self.exclude)}' if self.exclude else ''}"


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
