"""Bars that were read, and where those of each symbol are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import polars as pl

from jtscan.domain.jobs import RowCounts
from jtscan.market.order import steps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """Bars of some symbols, each symbol's rows together in rising time.

    ``runs`` has the symbols and how many rows each has, in the order of the
    frame; ``rows`` counts what is no bar. ``strict``: no timestamp of a
    symbol is there twice.
    """

    frame: pl.DataFrame
    runs: Sequence[tuple[str, int]]
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    strict: bool = False

    def before(self, moment: dt.date) -> dict[str, int]:
        """Count the timestamps of each symbol before another."""
        first = self.frame["timestamp"].min()
        if first is None or first >= moment:  # type: ignore[operator]
            return {symbol: 0 for symbol, _ in self.runs}
        earlier = self.frame["timestamp"] < moment
        if not self.strict:
            earlier = earlier.scatter(steps(self.frame, "=="), values=False)
        ends = accumulate(count for _, count in self.runs)
        sums = [0, *earlier.cast(pl.UInt32).cum_sum().gather([end - 1 for end in ends])]
        return {
            symbol: after - sums[place]
            for place, ((symbol, _), after) in enumerate(zip(self.runs, sums[1:], strict=True))
        }

    def without(self, symbols: Collection[str]) -> Loaded:
        """Leave out some symbols."""
        gone = set(symbols)
        starts = accumulate((count for _, count in self.runs), initial=0)
        kept = [(run, start) for run, start in zip(self.runs, starts, strict=False) if run[0] not in gone]
        frames = (self.frame.slice(start, count) for (_, count), start in kept)
        return replace(self, frame=pl.concat([self.frame.clear(), *frames]), runs=[run for run, _ in kept])

    def beside(self, other: Loaded) -> Loaded:
        """Put other symbols after these; of what is no bar the other knows better."""
        return Loaded(
            frame=pl.concat([self.frame, other.frame]),
            runs=[*self.runs, *other.runs],
            rows={**self.rows, **other.rows},
            strict=self.strict and other.strict,
        )


def runs_of(frame: pl.DataFrame) -> list[tuple[str, int]]:
    """Name the symbols of a frame in which each one's rows are together, and count their rows."""
    runs = frame["symbol"].rle().struct
    return list(zip(runs.field("value"), runs.field("len"), strict=True))


def symbols_of(runs: Sequence[tuple[str, int]]) -> pl.Series:
    """Make the column of symbols."""
    names = pl.Series("symbol", [symbol for symbol, _ in runs], dtype=pl.String)
    return pl.concat([names.clear(), *(names.new_from_index(place, count) for place, (_, count) in enumerate(runs))])
