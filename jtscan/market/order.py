"""The order of bars in a frame."""

from __future__ import annotations

import polars as pl

_SHORT_RUN = 16
_FIRST = pl.Series([0], dtype=pl.get_index_type())


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Put each symbol's rows together in rising time; equal keys keep their order.

    DuckDB hands over whole pieces of a file out of turn: those are put in
    their places. Only rows that are scattered are sorted.
    """
    starts = _run_starts(frame)
    if _is_risen(frame, starts):
        return frame
    if not frame["timestamp"].null_count() and starts.len() * _SHORT_RUN < frame.height:
        pieced = _pieced(frame, starts)
        if _is_risen(pieced, _run_starts(pieced)):
            return pieced
    return frame.sort("symbol", "timestamp", maintain_order=True, nulls_last=True)


def _run_starts(frame: pl.DataFrame) -> pl.Series:
    """Rows with which another symbol begins, or time goes back."""
    symbol, moment = frame["symbol"], frame["timestamp"]
    begins = symbol.ne_missing(symbol.shift(1)) | (moment < moment.shift(1)).fill_null(value=False)
    return begins.arg_true() if not frame.height or begins[0] else pl.concat([_FIRST, begins.arg_true()])


def _is_risen(frame: pl.DataFrame, starts: pl.Series) -> bool:
    """Whether there is one run of rows for each symbol, all of known time."""
    return frame["symbol"].gather(starts).n_unique() == starts.len() and not frame["timestamp"].null_count()


def _pieced(frame: pl.DataFrame, starts: pl.Series) -> pl.DataFrame:
    """Put runs of rows one after the other, by their symbol and first timestamp."""
    ends = starts.shift(-1, fill_value=frame.height)
    runs = frame.select("symbol", "timestamp")[starts].with_columns(starts.alias("start"), ends.alias("end"))
    placed = runs.sort("symbol", "timestamp", maintain_order=True)
    return frame[placed.select(pl.int_ranges("start", "end").explode()).to_series()]
