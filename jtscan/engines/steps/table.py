"""The bars of some symbols as one frame, and where each symbol stands in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

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
    def of_symbols(cls, frame: pl.DataFrame) -> Spans:
        """Find the symbols of a frame whose rows of a symbol stand together."""
        runs = frame["symbol"].rle().struct.unnest()
        ends = runs["len"].cast(pl.Int64).cum_sum().to_numpy()
        return cls(names=runs["value"].to_list(), starts=ends - runs["len"].to_numpy(), ends=ends)

    @property
    def lengths(self) -> Rows:
        """How many rows each symbol has."""
        return self.ends - self.starts

    def spread(self, values: Rows) -> pl.Series:
        """Give each row the value of its symbol."""
        return pl.Series(values.repeat(self.lengths))

    def counts(self, mask: pl.Series) -> list[int]:
        """Count the rows of each symbol on which a mask is true."""
        rows = mask.arg_true().to_numpy()
        found: list[int] = (rows.searchsorted(self.ends) - rows.searchsorted(self.starts)).tolist()
        return found


@dataclass(slots=True, kw_only=True, eq=False)
class Table:
    """The bars of some symbols, or their longer bars: a frame, and the spans of its symbols."""

    frame: pl.DataFrame
    spans: Spans

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Table:
        """Add ``#x``, the row in the table, and ``#i``, the position in the symbol."""
        spans = Spans.of_symbols(frame)
        rows = pl.int_range(frame.height, dtype=pl.Int32, eager=True).alias("#x")
        first = spans.spread(spans.starts.astype("int32"))
        return cls(frame=frame.hstack([rows, (rows - first).alias("#i")]), spans=spans)


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
