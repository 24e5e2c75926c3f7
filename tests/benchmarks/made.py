"""Invented prices of any size, sorted by symbol, in one Parquet file: walks in whole ticks, so that ties occur."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import polars as pl

SESSION_MINUTES = 390
BLOCK_BARS = 1_000_000
ROW_GROUP = 125_000
TICK_BOUNDS, TICKS = (20, 50, 200, 500), np.array([0.01, 0.05, 0.1, 0.5, 1])


def prices(folder, symbols, bars, *, minutes=False):
    """Return the file of so many symbols and bars of each; made unless it is there."""
    path = folder / f"{symbols}x{bars}{'-minutes' if minutes else ''}.parquet"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        frame(symbols, bars, minutes=minutes).write_parquet(unfinished, compression="zstd", row_group_size=ROW_GROUP)
        unfinished.rename(path)
    return path


def size_of(path):
    """Return how many symbols a file has, and how many bars of each."""
    symbols, bars = re.findall(r"\d+", path.stem)
    return int(symbols), int(bars)


def named(path):
    symbols, bars = size_of(path)
    return f"{symbols:,} × {bars:,}{' minutes' if path.stem.endswith('minutes') else ''}"


def frame(symbols, bars, *, minutes=False):
    """Make symbol, date, open, high, low, close, volume."""
    dice = np.random.default_rng([symbols, bars])
    dates = minutes_until_today(bars) if minutes else days_until_today(bars)
    names = pl.Series("symbol", [f"{number:06d}" for number in range(symbols)])
    most = max(BLOCK_BARS // bars, 1)
    blocks = [
        block(dice, names[begin : begin + most], dates, 0.0008 if minutes else 0.02)
        for begin in range(0, symbols, most)
    ]
    return pl.concat(blocks, rechunk=False)


def days_until_today(count):
    end = dt.date(2025, 12, 31)
    days = pl.date_range(end - dt.timedelta(days=count * 3 // 2 + 7), end, eager=True)
    return days.filter(days.dt.weekday() <= 5).tail(count)


def minutes_until_today(count):
    opens = days_until_today(-(-count // SESSION_MINUTES)).cast(pl.Datetime("us")) + dt.timedelta(hours=9)
    within = pl.Series([dt.timedelta(minutes=minute) for minute in range(SESSION_MINUTES)])
    return pl.DataFrame({"open": opens}).join(pl.DataFrame({"within": within}), how="cross").select(
        pl.col("open") + pl.col("within")
    ).to_series().head(count)  # fmt: skip


def block(dice, names, dates, volatility):
    shape = (len(names), len(dates))
    close = 100 * np.exp(np.cumsum(dice.standard_normal(shape) * volatility, axis=1))
    opened = close * np.exp(dice.standard_normal(shape) * volatility / 4)
    up, down = (np.abs(dice.standard_normal(shape)) * volatility / 4 for _ in range(2))
    values = {
        "open": opened,
        "high": np.maximum(opened, close) * (1 + up),
        "low": np.minimum(opened, close) * (1 - down),
        "close": close,
    }
    columns = {name: on_tick(each).ravel() for name, each in values.items()}
    volume = dice.lognormal(11, 1, shape).astype(np.int64).ravel()
    return pl.DataFrame({
        "symbol": names.gather(np.repeat(np.arange(len(names)), len(dates))),
        "date": pl.concat([dates] * len(names)),
        **columns,
        "volume": volume,
    })  # fmt: skip


def on_tick(values):
    tick = TICKS[np.searchsorted(TICK_BOUNDS, values, side="right")]
    return (np.maximum(np.rint(values / tick), 1) * tick).round(2)
