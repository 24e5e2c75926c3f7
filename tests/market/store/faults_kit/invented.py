"""Invented bars: some of them halts, repairs and rows for the quarantine."""

from __future__ import annotations

import datetime as dt

import polars as pl

FIRST_DAY = dt.date(2020, 1, 1)
DAYS = 100


def bars(days, *, symbols=200, first=0, volume=1000.0):
    """One row per symbol and day; the same arguments give the same rows."""
    rows = pl.DataFrame({"number": range(symbols)}).join(
        pl.DataFrame({"day": range(first, first + days)}), how="cross", maintain_order="left_right"
    )
    dice = pl.col("number") * 7919 + pl.col("day") * 104_729
    close = (1000 + dice % 997).cast(pl.Float64)
    halt, lost, rounded = dice % 97 == 5, dice % 131 == 7, dice % 61 == 3
    return rows.select(
        pl.format("S{}", pl.col("number").cast(pl.String).str.zfill(4)).alias("symbol"),
        pl.lit(FIRST_DAY).dt.offset_by(pl.format("{}d", "day")).alias("timestamp"),
        pl.when(halt).then(0.0).otherwise(close * 0.99).alias("open"),
        pl.when(halt).then(0.0).when(rounded).then(close * 0.999).otherwise(close * 1.02).alias("high"),
        pl.when(halt).then(0.0).otherwise(close * 0.97).alias("low"),
        pl.when(lost & ~halt).then(None).otherwise(close).alias("close"),
        pl.when(halt).then(0.0).otherwise(volume).alias("volume"),
    )


def clean_bars(days, *, symbols, first=0, volume=1000.0):
    """Bars and nothing else: what is written shows which version is read."""
    rows = bars(days, symbols=symbols, first=first, volume=volume)
    close = pl.lit(1000.0) + pl.int_range(pl.len()) % 7
    return rows.with_columns(open=close, high=close + 1, low=close - 1, close=close, volume=pl.lit(volume))
