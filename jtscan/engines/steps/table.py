"""The bars of some symbols as one frame, and where each symbol stands in it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from jtscan.domain.bars import Runs, symbols_of

if TYPE_CHECKING:
    import numpy as np

    Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """The symbols of a frame, in its order: where each begins, and where it ends (the first row after it)."""

    names: list[str]
    starts: Rows
    ends: Rows

    @classmethod
    def of(cls, runs: Runs) -> Spans:
        """Place the symbols one after the other."""
        lengths = pl.Series([count for _, count in runs], dtype=pl.Int64)
        ends = lengths.cum_sum().to_numpy()
        return cls(names=[symbol for symbol, _ in runs], starts=ends - lengths.to_numpy(), ends=ends)

    @property
    def lengths(self) -> Rows:
        """How many rows each symbol has."""
        return self.ends - self.starts

    def spread(self, values: Rows) -> pl.Series:
        """Give each row the value of its symbol."""
        return pl.Series(values.repeat(self.lengths))

    @property
    def runs(self) -> Runs:
        """The symbols, and how many rows each has."""
        return list(zip(self.names, self.lengths.tolist(), strict=True))

    def at(self, row: int) -> str:
        """Name the symbol of a row."""
        return self.names[bisect_right(self.ends, row)]

    def symbols(self, rows: pl.Series) -> pl.Series:
        """Name the symbol of each of some rows."""
        places = pl.Series(self.ends.searchsorted(rows.to_numpy(), side="right"), dtype=pl.UInt32)
        return pl.Series("symbol", self.names, dtype=pl.String).gather(places)

    def counts(self, mask: pl.Series) -> list[int]:
        """Count the rows of each symbol on which a mask is true."""
        rows = mask.arg_true().to_numpy()
        found: list[int] = (rows.searchsorted(self.ends) - rows.searchsorted(self.starts)).tolist()
        return found


@dataclass(slots=True, kw_only=True, eq=False)
class Table:
    """The bars of some symbols, or their longer bars: a frame, and the spans of its symbols.

    Only where a step reads it the frame has its symbols as a column.
    """

    frame: pl.DataFrame
    spans: Spans

    @classmethod
    def of(cls, frame: pl.DataFrame, runs: Runs) -> Table:
        """Add ``#x``, the row in the table, and ``#i``, the position in the symbol."""
        spans = Spans.of(runs)
        rows = pl.int_range(frame.height, dtype=pl.Int32, eager=True).alias("#x")
        first = spans.spread(spans.starts.astype("int32"))
        return cls(frame=frame.hstack([rows, (rows - first).alias("#i")]), spans=spans)

    @property
    def labelled(self) -> pl.DataFrame:
        """The frame with its symbols as a column."""
        return self.frame.with_columns(symbols_of(self.spans.runs))

    def only(self, symbols: Collection[str]) -> Table:
        """The rows of some of its symbols."""
        wanted = [name in symbols for name in self.spans.names]
        frame = self.frame.filter(self.spans.spread(pl.Series(wanted, dtype=pl.Boolean).to_numpy()))
        return Table(frame=frame, spans=Spans.of([run for run in self.spans.runs if run[0] in symbols]))


def finite(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Make infinity and NaN unknown; a finite sum proves that there is none, for a tenth of the cost."""
    suspects = [name for name in names if not math.isfinite(frame[name].sum() or 0.0)]
    if not suspects:
        return frame
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in suspects)


def without(frame: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """Leave columns out, those that are there; a tenth of the cost of asking Polars to."""
    kept = [column for column in frame.get_columns() if column.name not in names]
    return frame if len(kept) == frame.width else pl.DataFrame(kept)
