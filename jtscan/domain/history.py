"""What a formula saw of one symbol: its bars, its own series beside them, and where it fired."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Unpack

import polars as pl

from jtscan.domain.dates import DEFAULT_BARS, DateRange, Timeframe, parse_moment
from jtscan.errors import RequestError

if TYPE_CHECKING:
    from jtscan.notebook.charts import Chart, Look


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
    the formula compares it with. A ``histogram`` is drawn as columns from zero.
    """

    column: str
    label: str
    scale: Scale
    group: str
    levels: tuple[float, ...] = ()
    histogram: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolHistory:
    """One symbol as a formula saw it; ``plot()`` draws it.

    Attributes
    ----------
    symbol, name, market
        Whose it is; name and market are None where no table of symbols tells.
    timeframe
        The length of a bar.
    bars
        One row per bar in rising time: timestamp, open, high, low, close,
        volume (null where the files have none), then a column of Float64 per
        series, null where it is unknown.
    series
        What the columns of the series are, and where they are drawn.
    matches
        Timestamp and signal_type, one row per match of the symbol; also of
        those before the bars, where only the newest bars were asked for.
    halts
        Timestamp of the days without trade between the bars.
    start
        Where the scan's range begins: bars before it are there to be seen,
        and were not scanned. None: all were.
    left_out
        Labels of further series of the formula: there are too many to be read.
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
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = ", ".join(each.label for each in self.series) or "no series"
        named = f"{self.symbol} {self.name}" if self.name else self.symbol
        return f"SymbolHistory({named}: {self.bars.height:,} {self.timeframe} bars; {shown})"

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.history_html(self)

    def newest(self, count: int) -> SymbolHistory:
        """Leave out all but so many of the newest bars, and the halts before them; the matches stay."""
        bars = self.bars.tail(count)
        if bars.height in {0, self.bars.height}:
            return self
        first = pl.lit(bars["timestamp"][0]).cast(self.halts.schema["timestamp"])
        return replace(self, bars=bars, halts=self.halts.filter(pl.col("timestamp") >= first))

    def plot(self, **look: Unpack[Look]) -> Chart:
        """Draw it: ``kind``, ``colors``, ``theme``, ``volume``, ``size``, ``mark`` as in `BatchScanResult.plot`."""
        from jtscan.notebook import charts  # noqa: PLC0415 - matplotlib is asked for by those who draw

        return charts.symbol_chart(self, **look)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """Which bars of a symbol are wanted.

    Without ``start`` it is the scan's range, and as many bars before it as
    ``bars`` up to the end need; None is all that there are. ``end`` is the
    scan's if not given.
    """

    symbol: str
    bars: int | None = DEFAULT_BARS
    start: str | dt.date | None = None
    end: str | dt.date | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.symbol, str) or not self.symbol.strip():
            raise RequestError("symbol", f"{self.symbol!r} is not a symbol; write its code or its name, '005930'")
        object.__setattr__(self, "symbol", self.symbol.strip())
        if self.bars is not None and (not isinstance(self.bars, int) or isinstance(self.bars, bool) or self.bars < 1):
            raise RequestError("bars", f"{self.bars!r} is not a number of bars; None is all")
        self.bounds(Timeframe.D1)

    def bounds(self, timeframe: Timeframe) -> tuple[dt.date | None, dt.date | None]:
        """Both ends as asked for, in the type of the timeframe's timestamps; None is not asked for."""
        start, end = parse_moment("start", self.start), parse_moment("end", self.end)
        return DateRange(start=start, end=end).bounds(timeframe)


class HistorySource(Protocol):
    """What a result was made from: the data at its version, and the formula."""

    def history(self, asked: HistoryRequest) -> SymbolHistory:
        """Return one symbol as the formula saw it, without its matches."""
