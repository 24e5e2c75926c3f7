"""Matches of the library's formulas (jtscan/library/*.jts), worked out without any code of jtscan.

    python tests/answers/library.py PRICES OUT.parquet [--symbols FILE] [--index SYMBOL]
                                    [--start DATE --end DATE] [--only name,name]

PRICES is a Parquet file of daily bars, or a folder of them. Everything is
computed on all history; --start and --end only choose the rows that are
written: formula, symbol, timestamp, signal_type, close, and the public columns
as a JSON text (11 digits; null is unknown), by formula, timestamp, symbol,
order of definition.

One function per formula, written after FORMULA.md: TA-Lib's C functions for
what the language takes from TA-Lib, loops and pandas for the rest. A value is
a ``Line``: one float per bar, NaN for unknown; a condition is 1, 0 or NaN.

``library.parquet`` is its answer on the invented market:

    python tests/answers/library.py data/prices/1d tests/answers/library.parquet \
        --symbols data/symbols.parquet --start 2023-01-01 --end 2024-12-31
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import talib
from talib import abstract

UNKNOWN = np.nan
PRICES = ["open", "high", "low", "close", "volume"]
INDEX = "KOSPI200"
FRIDAY = 4
SCHEMA = pa.schema(
    {
        "formula": pa.string(),
        "symbol": pa.string(),
        "timestamp": pa.date32(),
        "signal_type": pa.string(),
        "close": pa.float64(),
        "values": pa.string(),
    }
)

# ---------------------------------------------------------------- values


def known_numbers(values: object) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return np.where(np.isfinite(array), array, UNKNOWN)


def operator(function: Callable) -> Callable:
    """Element by element, unknown where either side is."""

    def apply(left: Line, right: Line | float) -> Line:
        a, b = left.v, right.v if isinstance(right, Line) else float(right)
        with np.errstate(all="ignore"):
            result = np.asarray(function(a, b), dtype=float)
        return Line(np.where(np.isnan(a) | np.isnan(b), UNKNOWN, result))

    return apply


class Line:
    """One number per bar of a symbol, NaN unknown; a condition is 1, 0 or NaN, and ``& | ~`` are and, or, not."""

    def __init__(self, values: object) -> None:
        self.v = known_numbers(values)

    def __len__(self) -> int:
        return len(self.v)

    def __getitem__(self, back: int) -> Line:
        return Line([UNKNOWN if i < back else self.v[i - back] for i in range(len(self))])

    __add__ = operator(np.add)
    __sub__ = operator(np.subtract)
    __mul__ = operator(np.multiply)
    __rmul__ = operator(lambda a, b: b * a)
    __truediv__ = operator(np.divide)
    __gt__ = operator(np.greater)
    __ge__ = operator(np.greater_equal)
    __lt__ = operator(np.less)
    __le__ = operator(np.less_equal)
    __eq__ = operator(np.equal)
    __ne__ = operator(np.not_equal)
    __hash__ = None

    def __and__(self, other: Line) -> Line:
        a, b = self.v, other.v
        return Line(np.where((a == 0) | (b == 0), 0.0, np.where((a == 1) & (b == 1), 1.0, UNKNOWN)))

    def __or__(self, other: Line) -> Line:
        a, b = self.v, other.v
        return Line(np.where((a == 1) | (b == 1), 1.0, np.where((a == 0) & (b == 0), 0.0, UNKNOWN)))

    def __invert__(self) -> Line:
        return Line(1.0 - self.v)


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of one symbol, or of one symbol by longer periods; ``days`` are their dates."""

    symbol: str
    days: list[dt.date]
    open: Line
    high: Line
    low: Line
    close: Line
    volume: Line


@dataclass(frozen=True)
class Found:
    """What a formula says of one symbol: signals in order of definition, and its public columns."""

    signals: dict[str, Line]
    columns: dict[str, Line] = field(default_factory=dict)


# ---------------------------------------------------------------- TA-Lib, on each run of known bars


def on_runs(function: Callable[..., np.ndarray], *arguments: Line) -> Line:
    """Apply a function of arrays to each run of bars on which all arguments are known."""
    result = np.full(len(arguments[0]), UNKNOWN)
    known = ~np.isnan(np.vstack([argument.v for argument in arguments])).any(axis=0)
    i = 0
    for is_known, run in itertools.groupby(known):
        end = i + len(list(run))
        if is_known:
            result[i:end] = function(*[np.ascontiguousarray(argument.v[i:end]) for argument in arguments])
        i = end
    return Line(result)


def sma(x: Line, n: int) -> Line:
    return on_runs(lambda v: talib.SMA(v, n), x)


def ema(x: Line, n: int) -> Line:
    return on_runs(lambda v: talib.EMA(v, n), x)


def rsi(x: Line, n: int) -> Line:
    return on_runs(lambda v: talib.RSI(v, n), x)


def roc(x: Line, n: int) -> Line:
    return on_runs(lambda v: talib.ROC(v, n), x)


def highest(x: Line, n: int) -> Line:
    """Over n bars, unknown unless all are known, which pandas says in the same way."""
    return Line(pd.Series(x.v).rolling(n, min_periods=n).max().to_numpy())


def lowest(x: Line, n: int) -> Line:
    return Line(pd.Series(x.v).rolling(n, min_periods=n).min().to_numpy())


def atr(b: Bars, n: int) -> Line:
    return on_runs(lambda h, lo, c: talib.ATR(h, lo, c, n), b.high, b.low, b.close)


def adx(b: Bars, n: int) -> Line:
    return on_runs(lambda h, lo, c: talib.ADX(h, lo, c, n), b.high, b.low, b.close)


def plus_di(b: Bars, n: int) -> Line:
    return on_runs(lambda h, lo, c: talib.PLUS_DI(h, lo, c, n), b.high, b.low, b.close)


def minus_di(b: Bars, n: int) -> Line:
    return on_runs(lambda h, lo, c: talib.MINUS_DI(h, lo, c, n), b.high, b.low, b.close)


def macd(x: Line, fast: int, slow: int, signal: int) -> list[Line]:
    """Line, signal, histogram."""
    return [on_runs(lambda v, i=i: talib.MACD(v, fast, slow, signal)[i], x) for i in range(3)]


def bb(x: Line, n: int, deviations: float) -> list[Line]:
    """Upper, middle, lower."""
    return [on_runs(lambda v, i=i: talib.BBANDS(v, n, deviations, deviations, 0)[i], x) for i in range(3)]


def kc(b: Bars, n: int, multiple: float) -> list[Line]:
    """Upper, middle, lower: EMA of the close, and multiples of the ATR of the same length around it."""
    middle, distance = ema(b.close, n), multiple * atr(b, n)
    return [middle + distance, middle, middle - distance]


def stoch_k(b: Bars, fast_k: int, slow_k: int, slow_d: int) -> Line:
    return on_runs(
        lambda h, lo, c: talib.STOCH(h, lo, c, fast_k, slow_k, 0, slow_d, 0)[0],
        b.high,
        b.low,
        b.close,
    )


def efi(b: Bars, n: int) -> Line:
    return on_runs(lambda c, v: talib.EFI(c, v, n), b.close, b.volume)


def supertrend(b: Bars, n: int, multiple: float) -> list[Line]:
    """Line and direction, 1 = up; TA-Lib's direction is 0 before its lookback."""
    line, direction = (
        on_runs(lambda h, lo, c, i=i: talib.SUPERTREND(h, lo, c, n, multiple)[i], b.high, b.low, b.close)
        for i in range(2)
    )
    return [line, Line(np.where(np.isnan(line.v), UNKNOWN, direction.v))]


def candle(b: Bars, name: str, *parameters: float) -> Line:
    """-100 to 100; TA-Lib writes 0 before its lookback, which is unknown."""
    found = getattr(talib, name)(b.open.v, b.high.v, b.low.v, b.close.v, *parameters).astype(float)
    found[: abstract.Function(name, *parameters).lookback] = UNKNOWN
    return Line(found)


# ---------------------------------------------------------------- the language's own functions, by loops


def cross_above(a: Line, b: Line | float) -> Line:
    return (a > b) & (a <= b)[1]


def cross_below(a: Line, b: Line | float) -> Line:
    return (a < b) & (a >= b)[1]


def larger(a: Line, b: Line) -> Line:
    return Line([UNKNOWN if np.isnan([x, y]).any() else max(x, y) for x, y in zip(a.v, b.v, strict=True)])


def choose(condition: Line, yes: Line, no: float) -> Line:
    """``yes if condition else no``."""
    return Line([UNKNOWN if np.isnan(c) else y if c else no for c, y in zip(condition.v, yes.v, strict=True)])


def isna(x: Line) -> Line:
    return Line(np.isnan(x.v))


def streak(condition: Line) -> Line:
    lengths, length = [], 0
    for c in condition.v:
        length = length + 1 if c == 1 else 0
        lengths.append(UNKNOWN if np.isnan(c) else length)
    return Line(lengths)


def barssince(condition: Line) -> Line:
    answers, latest = [], None
    for i, c in enumerate(condition.v):
        latest = None if np.isnan(c) else i if c == 1 else latest
        answers.append(UNKNOWN if latest is None else i - latest)
    return Line(answers)


def valuewhen(condition: Line, x: Line) -> Line:
    return Line([UNKNOWN if np.isnan(since) else x.v[i - int(since)] for i, since in enumerate(barssince(condition).v)])


def ffill(x: Line) -> Line:
    return Line(pd.Series(x.v).ffill().to_numpy())


def count(condition: Line, n: int) -> Line:
    c = condition.v
    return Line([c[i - n + 1 : i + 1].sum() if i >= n - 1 else UNKNOWN for i in range(len(c))])


def within(condition: Line, n: int) -> Line:
    """True at one true; otherwise unknown beside an unknown or a missing bar; otherwise false."""
    answers = []
    for i in range(len(condition)):
        last = condition.v[max(i - n + 1, 0) : i + 1]
        answers.append(1 if (last == 1).any() else UNKNOWN if len(last) < n or np.isnan(last).any() else 0)
    return Line(answers)


def sequence(n: int, *conditions: Line) -> Line:
    """Whether some bars i1 < i2 < … = now within n bars have the conditions in turn.

    Says only where it is true, the rest is 0: nothing here looks at a false one.
    """
    *before, last = (condition.v == 1 for condition in conditions)
    answers = []
    for i in range(len(last)):
        earlier = range(max(i - n + 1, 0), i)
        chains = itertools.combinations(earlier, len(before)) if last[i] else ()
        answers.append(any(all(c[at] for c, at in zip(before, chain, strict=True)) for chain in chains))
    return Line(answers)


def pivot(x: Line, left: int, right: int, beyond: Callable) -> Line:
    """The value of a bar strictly beyond its neighbours, on the bar where the last of them is known."""
    answers = np.full(len(x), UNKNOWN)
    for i in range(left, len(x) - right):
        neighbours = np.delete(x.v[i - left : i + right + 1], left)
        if beyond(x.v[i], neighbours).all():
            answers[i + right] = x.v[i]
    return Line(answers)


def pivothigh(b: Bars, left: int, right: int) -> Line:
    return pivot(b.high, left, right, np.greater)


def pivotlow(b: Bars, left: int, right: int) -> Line:
    return pivot(b.low, left, right, np.less)


def middle_of_range(b: Bars, n: int) -> Line:
    return (highest(b.high, n) + lowest(b.low, n)) / 2


def ichimoku(b: Bars, short: int, base: int, long: int) -> list[Line]:
    """Tenkan, kijun, and the cloud's two edges as drawn under this bar."""
    tenkan, kijun = middle_of_range(b, short), middle_of_range(b, base)
    return [tenkan, kijun, ((tenkan + kijun) / 2)[base], middle_of_range(b, long)[base]]


def month(b: Bars) -> Line:
    return Line([day.month for day in b.days])


# ---------------------------------------------------------------- longer periods


def end_of_week(day: dt.date) -> dt.date:
    """The Friday of a week that runs from Saturday to Friday."""
    return day + dt.timedelta((FRIDAY - day.weekday()) % 7)


def end_of_month(day: dt.date) -> dt.date:
    """The last Monday-to-Friday day of the month; a weekend bar after it belongs to the next month."""
    last = (day.replace(day=28) + dt.timedelta(4)).replace(day=1) - dt.timedelta(1)
    last -= dt.timedelta(max(last.weekday() - FRIDAY, 0))
    return last if day <= last else end_of_month(last + dt.timedelta(7))


def completed(b: Bars, end_of: Callable[[dt.date], dt.date], function: Callable[[Bars], Line]) -> Line:
    """x on bars of the longer period, as seen from each daily bar: the last period that is over."""
    periods: list[list[int]] = []
    own, ends = [], [cache(end_of)(day) for day in b.days]
    for i, end in enumerate(ends):
        if i == 0 or end != ends[i - 1]:
            periods.append([])
        periods[-1].append(i)
        own.append(len(periods) - 1)
    longer = Bars(
        symbol=b.symbol,
        days=[ends[rows[0]] for rows in periods],
        open=Line([b.open.v[rows[0]] for rows in periods]),
        high=Line([b.high.v[rows].max() for rows in periods]),
        low=Line([b.low.v[rows].min() for rows in periods]),
        close=Line([b.close.v[rows[-1]] for rows in periods]),
        volume=Line([b.volume.v[rows].sum() for rows in periods]),
    )
    x = function(longer).v
    seen = [period if day == end else period - 1 for period, day, end in zip(own, b.days, ends, strict=True)]
    return Line([x[period] if period >= 0 else UNKNOWN for period in seen])


def weekly(b: Bars, function: Callable[[Bars], Line]) -> Line:
    return completed(b, end_of_week, function)


def monthly(b: Bars, function: Callable[[Bars], Line]) -> Line:
    return completed(b, end_of_month, function)


# ---------------------------------------------------------------- across symbols


class Market:
    """All symbols of the universe, and the index that ``ref`` reads."""

    def __init__(self, bars: dict[str, Bars], universe: list[str], sector: dict[str, str], index: str) -> None:
        self.bars = bars
        self.universe = universe
        self.sector = sector
        self.index = bars.get(index)
        self.frames: dict[object, pd.DataFrame] = {}

    def _frame(self, x: Callable, where: Callable | None = None) -> pd.DataFrame:
        """One row per symbol and timestamp: x where it is known and ``where`` is true."""
        parts = []
        for symbol in self.universe:
            b = self.bars[symbol]
            values = x(b, self).v
            if where is not None:
                values = np.where(where(b, self).v == 1, values, UNKNOWN)
            parts.append(
                pd.DataFrame({"symbol": symbol, "day": b.days, "sector": self.sector.get(symbol), "x": values})
            )
        return pd.concat(parts, ignore_index=True)

    def _once(self, key: object, b: Bars, compute: Callable[[], pd.Series | np.ndarray], frame: Callable) -> Line:
        """The symbol's part of a cross-section; each is computed once."""
        if key not in self.frames:
            rows = frame()
            self.frames[key] = dict(iter(rows.assign(answer=compute(rows)).groupby("symbol")["answer"]))
        return Line(self.frames[key][b.symbol].to_numpy())

    def rank(self, b: Bars, x: Callable, *, by_sector: bool = False, where: Callable | None = None) -> Line:
        """(rank - 1) / (n - 1) among those known at the timestamp, ties averaged; alone: unknown."""

        def compute(rows: pd.DataFrame) -> np.ndarray:
            keys = ["day", "sector"] if by_sector else ["day"]
            group = rows.groupby(keys)["x"]
            place, n = group.rank(method="average").to_numpy(), group.transform("count").to_numpy(dtype=float)
            with np.errstate(all="ignore"):
                ranks = np.where(n > 1, (place - 1) / (n - 1), UNKNOWN)
            return np.where(rows[keys].isna().any(axis=1), UNKNOWN, ranks)

        return self._once(("rank", x, by_sector, where), b, compute, lambda: self._frame(x, where))

    def mean(self, b: Bars, x: Callable) -> Line:
        """The mean of what is known at the timestamp, the same for all symbols."""
        return self._once(
            ("mean", x), b, lambda rows: rows.groupby("day")["x"].transform("mean"), lambda: self._frame(x)
        )

    def zscore(self, b: Bars, x: Callable) -> Line:
        """Distance from the mean in standard deviations, ddof 0; unknown where nothing varies."""

        def compute(rows: pd.DataFrame) -> pd.Series:
            group = rows.groupby("day")["x"]
            spread = group.transform(lambda values: np.nanstd(values.to_numpy()) if values.notna().any() else UNKNOWN)
            return (rows["x"] - group.transform("mean")) / spread.where(spread > 0)

        return self._once(("zscore", x), b, compute, lambda: self._frame(x))

    def ref(self, b: Bars, function: Callable[[Bars], Line]) -> Line:
        """x of the index on exactly these days, otherwise unknown."""
        if self.index is None:
            return Line(np.full(len(b.days), UNKNOWN))
        there = dict(zip(self.index.days, function(self.index).v, strict=True))
        return Line([there.get(day, UNKNOWN) for day in b.days])


# ---------------------------------------------------------------- the formulas, in the order of the library


def golden_cross(b: Bars, market: Market) -> Found:
    fast, slow = sma(b.close, 50), sma(b.close, 200)
    signals = {"buy": cross_above(fast, slow), "sell": cross_below(fast, slow)}
    return Found(signals, {"gap_pct": (fast / slow - 1) * 100})


def breakout_52w(b: Bars, market: Market) -> Found:
    vol_ratio = b.volume / sma(b.volume, 50)[1]
    return Found({"buy": (b.close > highest(b.high, 252)[1]) & (vol_ratio > 1.5)}, {"vol_ratio": vol_ratio})


def strength(b: Bars, market: Market) -> Line:
    c = b.close
    return 0.4 * roc(c, 63) + 0.2 * roc(c, 126) + 0.2 * roc(c, 189) + 0.2 * roc(c, 252)


def trend_template(b: Bars, market: Market) -> Found:
    ma50, ma150, ma200 = (sma(b.close, n) for n in (50, 150, 200))
    rs = 99 * market.rank(b, strength)
    in_order = (b.close > ma50) & (ma50 > ma150) & (ma150 > ma200) & (ma200 > ma200[21])
    near_high = (b.close >= 1.3 * lowest(b.low, 252)) & (b.close >= 0.75 * highest(b.high, 252))
    return Found({"match": in_order & near_high & (rs >= 70)}, {"rs": rs})


def nr7_inside(b: Bars, market: Market) -> Found:
    spread = b.high - b.low
    inside = (b.high < b.high[1]) & (b.low > b.low[1])
    return Found({"match": (spread == lowest(spread, 7)) & inside})


def squeeze_release(b: Bars, market: Market) -> Found:
    upper, mid, lower = bb(b.close, 20, 2)
    k_upper, _, k_lower = kc(b, 20, 1.5)
    squeeze = (upper < k_upper) & (lower > k_lower)
    bars = streak(squeeze)[1]
    return Found({"buy": ~squeeze & (bars >= 6) & (b.close > mid)}, {"squeeze_bars": bars})


def gap_and_hold(b: Bars, market: Market) -> Found:
    gap = b.open / b.high[1] - 1
    return Found({"buy": (gap > 0.02) & (b.close > b.open) & (b.low > b.high[1])}, {"gap": gap})


def weekly_pullback(b: Bars, market: Market) -> Found:
    rising = weekly(b, lambda w: w.close > sma(w.close, 10))
    return Found({"buy": rising & (rsi(b.close, 2) < 10)})


def turtle(b: Bars, market: Market) -> Found:
    buy = (b.close > highest(b.high, 20)[1]) & (adx(b, 14) > 25)
    sell = b.close < lowest(b.low, 10)[1]
    return Found({"buy": buy, "sell": sell}, {"stop": b.close - 2 * atr(b, 20)})


def ichimoku_cross(b: Bars, market: Market) -> Found:
    tenkan, kijun, span_a, span_b = ichimoku(b, 9, 26, 52)
    return Found({"buy": cross_above(tenkan, kijun) & (b.close > larger(span_a, span_b))})


def engulfing_near_low(b: Bars, market: Market) -> Found:
    near_low = within(b.low == lowest(b.low, 10), 3)
    buy = (candle(b, "CDLENGULFING") == 100) & (b.volume > sma(b.volume, 20)) & near_low
    return Found({"buy": buy}, {"rs_line": b.close / market.ref(b, lambda index: index.close)})


def rsi_divergence(b: Bars, market: Market) -> Found:
    at_low, r = b.low == lowest(b.low, 20), rsi(b.close, 14)
    return Found({"buy": at_low & (r > valuewhen(at_low[1], r[1])) & (r < 40)})


def above_its_average(b: Bars, market: Market) -> Line:
    return b.close > sma(b.close, 200)


def healthy_market_breakout(b: Bars, market: Market) -> Found:
    return Found({"buy": (b.close > highest(b.high, 20)[1]) & (market.mean(b, above_its_average) > 0.6)})


def connors_rsi2(b: Bars, market: Market) -> Found:
    rsi2 = rsi(b.close, 2)
    buy = (b.close > sma(b.close, 200)) & (rsi2 < 5)
    return Found({"buy": buy, "sell": cross_above(b.close, sma(b.close, 5))}, {"rsi2": rsi2})


def macd_turn(b: Bars, market: Market) -> Found:
    line, signal, _ = macd(b.close, 12, 26, 9)
    buy, sell = cross_above(line, signal) & (line < 0), cross_below(line, signal) & (line > 0)
    return Found({"buy": buy, "sell": sell}, {"line": line})


def pocket_pivot(b: Bars, market: Market) -> Found:
    worst = highest(choose(b.close < b.close[1], b.volume, 0), 10)[1]
    dry_days = count(b.volume < sma(b.volume, 50), 10)[1]
    buy = (b.close > b.close[1]) & (b.volume > worst) & (worst > 0) & (b.close > sma(b.close, 50))
    return Found({"buy": buy}, {"volume_ratio": b.volume / worst, "dry_days": dry_days})


def momentum(b: Bars, market: Market) -> Line:
    return b.close[21] / b.close[252] - 1


def momentum_12_1(b: Bars, market: Market) -> Found:
    buy = (month(b) != month(b)[1]) & (market.rank(b, momentum) >= 0.9)
    return Found({"buy": buy}, {"return_pct": 100 * momentum(b, market), "z": market.zscore(b, momentum)})


def turnover(b: Bars, market: Market) -> Line:
    return sma(b.close * b.volume, 20)


def is_traded(b: Bars, market: Market) -> Line:
    return market.rank(b, turnover) >= 1 / 3


def quarter_return(b: Bars, market: Market) -> Line:
    return roc(b.close, 63)


def sector_leaders(b: Bars, market: Market) -> Found:
    sector_rank = market.rank(b, quarter_return, by_sector=True, where=is_traded)
    buy = (b.close > highest(b.high, 60)[1]) & (sector_rank >= 0.8)
    return Found({"buy": buy}, {"sector_rank": sector_rank})


def aligned_averages(b: Bars, market: Market) -> Found:
    a5, a20, a60, a120 = (sma(b.close, n) for n in (5, 20, 60, 120))
    aligned = (a5 > a20) & (a20 > a60) & (a60 > a120)
    return Found({"buy": aligned & ~aligned[1]}, {"이격도": b.close / a20 * 100})


def supertrend_flip(b: Bars, market: Market) -> Found:
    line, direction = supertrend(b, 10, 3)
    flip = direction != direction[1]
    return Found({"buy": flip & (b.close > line), "sell": flip & (b.close < line)}, {"stop": line})


def elder_triple_screen(b: Bars, market: Market) -> Found:
    def change(w: Bars) -> tuple[Line, Line]:
        histogram = macd(w.close, 12, 26, 9)[2]
        return histogram, histogram[1]

    rising = weekly(b, lambda w: change(w)[0] > change(w)[1])
    falling = weekly(b, lambda w: change(w)[0] < change(w)[1])
    force = efi(b, 2)
    signals = {"buy": rising & cross_below(force, 0), "sell": falling & cross_above(force, 0)}
    return Found(signals, {"force": force, "entry": b.high})


def pivot_breakout(b: Bars, market: Market) -> Found:
    peak = pivothigh(b, 5, 5)
    level, bottom = valuewhen(~isna(peak), peak), ffill(pivotlow(b, 5, 5))
    buy = cross_above(b.close, level) & (b.volume > sma(b.volume, 20))
    columns = {"level": level, "floor_level": bottom, "pivot_age": barssince(~isna(peak))}
    return Found({"buy": buy, "sell": cross_below(b.close, bottom)}, columns)


def bullish_candles(b: Bars, market: Market) -> Found:
    k = stoch_k(b, 14, 3, 3)
    oversold = within(k < 20, 3)
    patterns = {
        "morning_star": candle(b, "CDLMORNINGSTAR", 0.3),
        "piercing": candle(b, "CDLPIERCING"),
        "hammer": candle(b, "CDLHAMMER"),
    }
    return Found({name: (pattern == 100) & oversold for name, pattern in patterns.items()}, {"k": k})


def holy_grail(b: Bars, market: Market) -> Found:
    strong = adx(b, 14)
    trend = (strong > 30) & (strong > strong[1]) & (plus_di(b, 14) > minus_di(b, 14))
    rest = (b.low <= ema(b.close, 20)) & (b.close < b.close[1])
    buy = sequence(10, trend, rest, b.close > b.high[1])
    return Found({"buy": buy}, {"target": highest(b.high, 20), "stop": lowest(b.low, 5)})


def monthly_trend(b: Bars, market: Market) -> Found:
    above = monthly(b, lambda m: m.close > sma(m.close, 10))
    distance = (b.close / monthly(b, lambda m: sma(m.close, 10)) - 1) * 100
    return Found({"buy": above & ~above[1], "sell": ~above & above[1]}, {"distance": distance})


FORMULAS: dict[str, Callable[[Bars, Market], Found]] = {
    function.__name__: function
    for function in (
        golden_cross,
        breakout_52w,
        trend_template,
        nr7_inside,
        squeeze_release,
        gap_and_hold,
        weekly_pullback,
        turtle,
        ichimoku_cross,
        engulfing_near_low,
        rsi_divergence,
        healthy_market_breakout,
        connors_rsi2,
        macd_turn,
        pocket_pivot,
        momentum_12_1,
        sector_leaders,
        aligned_averages,
        supertrend_flip,
        elder_triple_screen,
        pivot_breakout,
        bullish_candles,
        holy_grail,
        monthly_trend,
    )
}

# ---------------------------------------------------------------- files


def read_market(prices: Path, symbols: Path | None, index: str) -> Market:
    files = sorted(prices.rglob("*.parquet")) if prices.is_dir() else [prices]
    frame = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    frame = frame.rename(columns={"date": "timestamp"} if "timestamp" not in frame else {})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"]).dt.date
    frame[PRICES] = frame[PRICES].astype(float).replace([np.inf, -np.inf], UNKNOWN)
    is_halt = (frame[["open", "high", "low"]] == 0).all(axis=1)
    frame = frame[frame[PRICES].notna().all(axis=1) & ~is_halt].sort_values(["symbol", "timestamp"])
    bars = {
        str(symbol): Bars(str(symbol), rows["timestamp"].tolist(), *[Line(rows[name].to_numpy()) for name in PRICES])
        for symbol, rows in frame.groupby("symbol")
    }
    if symbols is None:
        return Market(bars, list(bars), {}, index)
    table = pd.read_parquet(symbols).set_index("symbol")
    indices = set(table.index[table["market"] == "INDEX"])
    sector = table["sector"].dropna().to_dict()
    return Market(bars, [symbol for symbol in bars if symbol not in indices], sector, index)


def as_json(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.11g}")


def matches_of(name: str, market: Market) -> Iterator[dict[str, object]]:
    for symbol in market.universe:
        b = market.bars[symbol]
        found = FORMULAS[name](b, market)
        for order, (signal, condition) in enumerate(found.signals.items()):
            for i in np.flatnonzero(condition.v == 1):
                values = {column: as_json(line.v[i]) for column, line in found.columns.items()}
                yield {
                    "formula": name,
                    "symbol": symbol,
                    "timestamp": b.days[i],
                    "signal_type": signal,
                    "close": b.close.v[i],
                    "values": json.dumps(values, ensure_ascii=False),
                    "order": order,
                }


def main() -> None:
    parser = argparse.ArgumentParser(description="Matches of the library's formulas, without jtscan.")
    parser.add_argument("prices", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--symbols", type=Path)
    parser.add_argument("--index", default=INDEX, help="the symbol that plays KOSPI200")
    parser.add_argument("--start", type=dt.date.fromisoformat, default=dt.date.min)
    parser.add_argument("--end", type=dt.date.fromisoformat, default=dt.date.max)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(FORMULAS))
    given = parser.parse_args()
    market = read_market(given.prices, given.symbols, given.index)
    parts = []
    for name in given.only:
        rows = pd.DataFrame(matches_of(name, market), columns=[*SCHEMA.names, "order"])
        rows = rows[(rows["timestamp"] >= given.start) & (rows["timestamp"] <= given.end)]
        parts.append(rows.sort_values(["timestamp", "symbol", "order"]).drop(columns="order"))
        by_signal = ", ".join(f"{signal} {n:,}" for signal, n in parts[-1]["signal_type"].value_counts().items())
        print(f"{name:25}{len(rows):8,} matches {rows['symbol'].nunique():6,} symbols   {by_signal}", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(parts).to_parquet(given.out, index=False, schema=SCHEMA, compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
