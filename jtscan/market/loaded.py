"""Bars that were read, and where those of each symbol are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

import polars as pl

from jtscan.domain.bars import Runs, part_of, symbols_of
from jtscan.domain.jobs import RowCounts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """Bars of some symbols, each symbol's rows together in rising time.

    ``frame`` has timestamp and the columns; ``runs`` tell whose rows they
    are. ``rows`` counts what is no bar. ``strict``: no timestamp of a symbol
    is there twice.
    """

    frame: pl.DataFrame
    runs: Runs
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    strict: bool = False

    @property
    def labelled(self) -> pl.DataFrame:
        """The frame with its symbols as the first column."""
        return self.frame.select(symbols_of(self.runs), pl.all())

    @property
    def repeated(self) -> pl.Series:
        """Rows with the timestamp of the row before, of the same symbol."""
        if self.strict:
            return pl.Series([], dtype=pl.get_index_type())
        moment = self.frame["timestamp"]
        rows = (moment == moment.shift(1)).arg_true()
        starts = pl.Series([*accumulate((count for _, count in self.runs), initial=0)], dtype=rows.dtype)
        return rows.filter(~rows.is_in(starts.implode()))

    def before(self, moment: dt.date) -> dict[str, int]:
        """Count the timestamps of each symbol before another."""
        first = self.frame["timestamp"].min()
        if first is None or first >= moment:  # type: ignore[operator]
            return {symbol: 0 for symbol, _ in self.runs}
        left_out = self.frame["timestamp"] >= moment
        if not self.strict:
            left_out = left_out.scatter(self.repeated, values=True)
        rows = left_out.arg_true().to_numpy()
        borders = rows.searchsorted([*accumulate((count for _, count in self.runs), initial=0)]).tolist()
        return {
            symbol: count - (end - begin)
            for (symbol, count), (begin, end) in zip(self.runs, pairwise(borders), strict=True)
        }

    def without(self, symbols: Collection[str]) -> Loaded:
        """Leave out some symbols."""
        frame, runs = part_of(self.frame, self.runs, {symbol for symbol, _ in self.runs} - set(symbols))
        return replace(self, frame=frame, runs=runs)

    def beside(self, other: Loaded) -> Loaded:
        """Put other symbols after these; of what is no bar the other knows better."""
        return Loaded(
            frame=pl.concat([self.frame, other.frame]),
            runs=[*self.runs, *other.runs],
            rows={**self.rows, **other.rows},
            strict=self.strict and other.strict,
        )
