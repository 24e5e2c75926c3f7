"""What a formula saw of one symbol: its bars, its own series beside them, and where it fired."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from jtscan.domain.dates import Timeframe


class Scale(StrEnum):
    """On which scale a series is read, so where it is drawn."""

    PRICE = "price"
    VOLUME = "volume"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of a formula.

    ``column`` is its column in the bars, ``label`` what a reader of the
    formula would write, such as ``sma(close, 20)``. Series of a ``group``
    belong together, as the three of a MACD do; ``levels`` are the numbers that
    the formula compares it with.
    """

    column: str
    label: str
    scale: Scale
    group: str
    levels: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolHistory:
    """One symbol as a formula saw it.

    ``bars`` has one row per bar in rising time: timestamp, open, high, low,
    close, volume (null where the files have none), then a column of Float64
    per series, null where it is unknown. ``matches`` has timestamp and
    signal_type, ``halts`` timestamp of the days without trade between the
    bars. Bars before ``start`` are there to be seen, and were not scanned.
    """

    symbol: str
    name: str | None
    market: str | None
    timeframe: Timeframe
    bars: pl.DataFrame
    series: Sequence[Series]
    matches: pl.DataFrame
    halts: pl.DataFrame
    start: dt.date | None = None
