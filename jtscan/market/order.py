"""The order of bars in a frame."""

from __future__ import annotations

import polars as pl


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Put each symbol's rows together in rising time, unless they are; equal keys keep their order."""
    runs = frame["symbol"].rle().struct.unnest()
    together = runs["value"].n_unique() == runs.height
    if together and not frame["timestamp"].null_count() and not steps(frame, "<").len():
        return frame
    return frame.sort("symbol", "timestamp", maintain_order=True, nulls_last=True)


def steps(frame: pl.DataFrame, sign: str) -> pl.Series:
    """Rows whose timestamp is earlier than (or equal to) that of the row before, of the same symbol."""
    moment = frame["timestamp"]
    before = moment.shift(1)
    rows = (moment < before if sign == "<" else moment == before).arg_true()
    symbol = frame["symbol"]
    return rows.filter(symbol.gather(rows) == symbol.gather(rows - 1)) if rows.len() else rows
