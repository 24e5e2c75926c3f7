"""What a source is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from jtscan.errors import RequestError

BARS = {
    "timestamp": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}
SYMBOLS = {"symbol": pl.String, "name": pl.String, "market": pl.String}
# Four digits, one more digit or letter, and one that tells the kind of share: 005930, 0004V0, 00088K.
KOREAN = re.compile(r"\d{4}[0-9A-HJ-NP-TV-Z][0-9KLMN]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The bars of one symbol that a source is asked for; both days belong to them.

    ``market`` is one of the source's, None where nobody said; ``delisted`` is
    the day on which the symbol left its market.
    """

    symbol: str
    since: dt.date
    until: dt.date
    market: str | None = None
    delisted: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fetched:
    """What a source answered: one row per day in rising order, or why there is none.

    ``frame`` has timestamp (exchange-local Date), open, high, low, close,
    volume and, where the source has them, adj_close, amount, marcap. Rows of
    halts are in it as the source gives them.
    """

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BARS))
    reason: str = ""


class Source(Protocol):
    """A list of symbols, and the daily bars of one symbol; each asked by calls of its package."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def markets(self) -> Sequence[str]:
        """The markets that it lists."""

    @property
    def calls_per_second(self) -> float:
        """How often it may be asked when nobody says otherwise."""

    def identify(self, symbol: str, market: str | None) -> tuple[str, str | None]:
        """Return symbol and market of a code that somebody wrote; raises RequestError for one it cannot ask."""

    def symbols(self, market: str) -> pl.DataFrame:
        """Return the symbols listed today: symbol, name, market, and more where it knows more."""

    def delisted(self, market: str, since: dt.date) -> pl.DataFrame:
        """Return the symbols that left the market since a day, with that day as ``delisted``."""

    def bars(self, wanted: Wanted) -> Fetched:
        """Ask for bars; raises SourceError when the source fails or refuses."""


def check_market(source: Source, market: str) -> None:
    """Refuse a market that the source does not list."""
    if market not in source.markets:
        there = ", ".join(source.markets)
        raise RequestError("market", f"{source.name} does not list {market!r}; it lists: {there}")


def is_korean(symbol: str) -> bool:
    """Whether it is a code of the Korean exchange."""
    return KOREAN.fullmatch(symbol) is not None
