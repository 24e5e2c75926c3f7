"""The bars of some symbols, clean and in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import polars as pl

from jtscan.domain.jobs import NO_ROWS, RowCounts

Runs = Sequence[tuple[str, int]]
"""Symbols and how many rows each has, in the order of a frame in which each one's rows are together."""

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """The bars of some symbols: each symbol's rows together, in strictly rising time.

    ``values`` has timestamp (Date, or naive Datetime for intraday bars) and
    columns of Float64 in which null is unknown; never NaN or infinity.
    ``runs`` tell whose rows they are, one symbol after the other; who has
    them as a column gives that frame to ``Bars.of``.
    Rows that are no bars are not in it: ``rows`` counts them.
    ``problems`` gives the reason of each symbol that cannot be used,
    ``absent`` of each that has no bars in the window.
    ``from_first`` names the symbols whose history starts in the frame.
    ``last_seen`` is the newest bar of symbols that have none in the window.
    """

    values: pl.DataFrame
    runs: Runs
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    from_first: frozenset[str] = frozenset()
    last_seen: Mapping[str, dt.date] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, **known: Any) -> Bars:
        """Take bars that have their symbols as a column; ``known`` is what else is."""
        return cls(values=frame.drop("symbol"), runs=runs_of(frame), **known)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The same with symbol as the first column; most scans never need it."""
        return self.values.select(symbols_of(self.runs), pl.all())

    def only(self, symbols: Collection[str]) -> Bars:
        """The bars of some of its symbols."""
        values, runs = part_of(self.values, self.runs, symbols)
        return replace(self, values=values, runs=runs)

    def counts(self, symbol: str) -> RowCounts:
        """What was read of the symbol and is not a bar."""
        return self.rows.get(symbol, NO_ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataState:
    """Which data a scan reads, and what is wrong with it that concerns no symbol alone."""

    version: str | None = None
    notes: tuple[str, ...] = ()


def runs_of(frame: pl.DataFrame) -> Runs:
    """Name the symbols of a frame in which each one's rows are together, and count their rows."""
    runs = frame["symbol"].rle().struct
    return list(zip(runs.field("value"), runs.field("len"), strict=True))


def symbols_of(runs: Runs) -> pl.Series:
    """Make the column of symbols."""
    names = pl.Series("symbol", [symbol for symbol, _ in runs], dtype=pl.String)
    return pl.concat([names.clear(), *(names.new_from_index(place, count) for place, (_, count) in enumerate(runs))])


def part_of(frame: pl.DataFrame, runs: Runs, symbols: Collection[str]) -> tuple[pl.DataFrame, Runs]:
    """Keep the rows of some symbols."""
    wanted = set(symbols)
    starts = accumulate((count for _, count in runs), initial=0)
    kept = [(run, start) for run, start in zip(runs, starts, strict=False) if run[0] in wanted]
    frames = (frame.slice(start, count) for (_, count), start in kept)
    return pl.concat([frame.clear(), *frames]), [run for run, _ in kept]
