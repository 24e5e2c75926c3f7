"""The bars of some symbols, clean and in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from jtscan.domain.jobs import NO_ROWS, RowCounts

NOT_IN = "it is not in the"  # how the reason of a symbol begins that the prices do not have


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWindow:
    """Which bars of a symbol are wanted: a range, and ``warmup`` bars before it.

    Both ends are included and may be None (open); ``warmup=None`` is all
    history. A reader may give more bars before the start, never fewer, unless
    the symbol has no more.
    """

    start: dt.date | None = None
    end: dt.date | None = None
    warmup: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bars:
    """The bars of some symbols: each symbol's rows together, in strictly rising time.

    ``frame`` has symbol, timestamp (Date, or naive Datetime for intraday
    bars) and columns of Float64 in which null is unknown; never NaN or
    infinity. Rows that are no bars are not in it: ``rows`` counts them.
    ``problems`` gives the reason of each symbol that cannot be used,
    ``absent`` of each that has no bars in the window.
    ``from_first`` names the symbols whose history starts in the frame.
    ``last_seen`` is the newest bar of symbols that have none in the window.
    """

    frame: pl.DataFrame
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    from_first: frozenset[str] = frozenset()
    last_seen: Mapping[str, dt.date] = field(default_factory=dict)

    def counts(self, symbol: str) -> RowCounts:
        """What was read of the symbol and is not a bar."""
        return self.rows.get(symbol, NO_ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataState:
    """Which data a scan reads, and what is wrong with it that concerns no symbol alone."""

    version: str | None = None
    notes: tuple[str, ...] = ()
