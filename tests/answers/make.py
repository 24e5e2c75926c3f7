"""Expected answers of formulas and scans, worked out without any code of jtscan.

Run ``python tests/answers/make.py``: it invents bars, answers every formula of
the tables below and writes the files that README.md describes. The meanings are
those of FORMULA.md; indicators are TA-Lib's own C functions, called on each run
of known bars; everything else is a loop or one line of numpy. The functions are
named as in the language, so that a row of a table can be checked by reading it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import talib
from talib import abstract

HERE = Path(__file__).parent
UNKNOWN = np.nan

# ---------------------------------------------------------------- values


class Series:
    """One number per bar of one symbol; NaN is unknown, and infinity becomes it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.where(np.isfinite(values), values, UNKNOWN)

    def __getitem__(self, bars: int) -> Series:
        return Series(shifted(self.values, bars))

    def __neg__(self) -> Series:
        return elementwise(np.negative, self)

    def __add__(self, other: Number) -> Series:
        return elementwise(np.add, self, other)

    def __radd__(self, other: Number) -> Series:
        return elementwise(np.add, other, self)

    def __sub__(self, other: Number) -> Series:
        return elementwise(np.subtract, self, other)

    def __rsub__(self, other: Number) -> Series:
        return elementwise(np.subtract, other, self)

    def __mul__(self, other: Number) -> Series:
        return elementwise(np.multiply, self, other)

    def __rmul__(self, other: Number) -> Series:
        return elementwise(np.multiply, other, self)

    def __truediv__(self, other: Number) -> Series:
        return elementwise(np.divide, self, other)

    def __rtruediv__(self, other: Number) -> Series:
        return elementwise(np.divide, other, self)

    def __mod__(self, other: Number) -> Series:
        return elementwise(np.mod, self, other)

    def __pow__(self, other: Number) -> Series:
        return elementwise(np.power, self, other)

    def __gt__(self, other: Number) -> Condition:
        return compare(np.greater, self, other)

    def __ge__(self, other: Number) -> Condition:
        return compare(np.greater_equal, self, other)

    def __lt__(self, other: Number) -> Condition:
        return compare(np.less, self, other)

    def __le__(self, other: Number) -> Condition:
        return compare(np.less_equal, self, other)

    def __eq__(self, other: Number) -> Condition:
        return compare(np.equal, self, other)

    def __ne__(self, other: Number) -> Condition:
        return compare(np.not_equal, self, other)

    __hash__ = None


class Condition:
    """1 (true), 0 (false) or NaN (unknown) per bar; ``& | ~`` stand for and, or, not."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=float)

    def __getitem__(self, bars: int) -> Condition:
        return Condition(shifted(self.values, bars))

    def __and__(self, other: Condition) -> Condition:
        one_is_false = (self.values == 0) | (other.values == 0)
        return Condition(np.where(one_is_false, 0.0, self.values * other.values))

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)

    def __invert__(self) -> Condition:
        return Condition(1.0 - self.values)


Number = Series | int | float


def values_of(argument: Number) -> np.ndarray:
    return np.asarray(argument.values if isinstance(argument, Series) else argument, dtype=float)


def elementwise(function: Callable, *arguments: Number) -> Series:
    """Apply a numpy function; unknown where any argument is (numpy alone has NaN ** 0 = 1)."""
    columns = [values_of(argument) for argument in arguments]
    unknown = sum(np.isnan(column) for column in columns) > 0
    with np.errstate(all="ignore"):
        return Series(np.where(unknown, UNKNOWN, function(*columns)))


def compare(function: Callable, left: Number, right: Number) -> Condition:
    return Condition(elementwise(function, left, right).values)


def shifted(values: np.ndarray, bars: int) -> np.ndarray:
    before = [UNKNOWN] * min(bars, len(values))
    return np.array(before + values.tolist()[: len(values) - len(before)])


@dataclass(frozen=True)
class Bars:
    """The history of one symbol."""

    symbol: str
    timestamp: list[dt.date]
    open: Series
    high: Series
    low: Series
    close: Series
    volume: Series
    per: Series


# ---------------------------------------------------------------- TA-Lib, run by run


def runs(*arguments: Series) -> list[tuple[int, int]]:
    """First and past-the-last bar of each run on which all arguments are known."""
    known = np.logical_and.reduce([~np.isnan(argument.values) for argument in arguments])
    edges = np.flatnonzero(np.diff(known.astype(int), prepend=0, append=0))
    return list(zip(edges[::2], edges[1::2], strict=True))


def on_runs(function: Callable, *arguments: Series) -> Series:
    """Apply a function of arrays to each run, as if the symbol's history were that run."""
    result = np.full(len(arguments[0].values), UNKNOWN)
    for start, end in runs(*arguments):
        result[start:end] = function(*[argument.values[start:end] for argument in arguments])
    return Series(result)


def sma(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.SMA(v, n), x)


def ema(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.EMA(v, n), x)


def rsi(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.RSI(v, n), x)


def stdev(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.STDDEV(v, n, 1.0), x)


def sum_(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.SUM(v, n) if n > 1 else v, x)


def highest(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.MAX(v, n) if n > 1 else v, x)


def lowest(x: Series, n: int) -> Series:
    return on_runs(lambda v: talib.MIN(v, n) if n > 1 else v, x)


def rma(x: Series, n: int) -> Series:
    """Wilder's average, written out: the mean of the first n, then a step of 1/n."""

    def smooth(values: np.ndarray) -> np.ndarray:
        result = np.full(len(values), UNKNOWN)
        for i in range(n - 1, len(values)):
            result[i] = values[:n].mean() if i == n - 1 else result[i - 1] + (values[i] - result[i - 1]) / n
        return result

    return on_runs(smooth, x)


@dataclass(frozen=True)
class Macd:
    line: Series
    signal: Series
    hist: Series


def macd(x: Series, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    return Macd(*[on_runs(lambda v, i=i: talib.MACD(v, fast, slow, signal)[i], x) for i in range(3)])


@dataclass(frozen=True)
class Bands:
    upper: Series
    mid: Series
    lower: Series
    width: Series
    pctb: Series


def bb(x: Series, n: int = 20, deviations: float = 2.0) -> Bands:
    sides = [on_runs(lambda v, i=i: talib.BBANDS(v, n, deviations, deviations, 0)[i], x) for i in range(3)]
    upper, mid, lower = sides
    return Bands(upper, mid, lower, (upper - lower) / mid, (x - lower) / (upper - lower))


@dataclass(frozen=True)
class Stochastic:
    k: Series
    d: Series


def stoch(b: Bars, fastk: int, slowk: int, slowd: int) -> Stochastic:
    lines = [
        on_runs(lambda h, lo, c, i=i: talib.STOCH(h, lo, c, fastk, slowk, 0, slowd, 0)[i], b.high, b.low, b.close)
        for i in range(2)
    ]
    return Stochastic(*lines)


def atr(b: Bars, n: int) -> Series:
    return on_runs(lambda h, lo, c: talib.ATR(h, lo, c, n), b.high, b.low, b.close)


def adx(b: Bars, n: int) -> Series:
    return on_runs(lambda h, lo, c: talib.ADX(h, lo, c, n), b.high, b.low, b.close)


def candle(name: str, b: Bars, *parameters: float) -> Series:
    """-100 to 100; TA-Lib writes 0 before its lookback, which is unknown."""
    lookback = abstract.Function(name, *parameters).lookback

    def pattern(*prices: np.ndarray) -> np.ndarray:
        found = getattr(talib, name)(*prices, *parameters).astype(float)
        found[:lookback] = UNKNOWN
        return found

    return on_runs(pattern, b.open, b.high, b.low, b.close)


def hl2(b: Bars) -> Series:
    return Series(talib.MEDPRICE(b.high.values, b.low.values))


def hlc3(b: Bars) -> Series:
    return Series(talib.TYPPRICE(b.high.values, b.low.values, b.close.values))


def ohlc4(b: Bars) -> Series:
    return Series(talib.AVGPRICE(b.open.values, b.high.values, b.low.values, b.close.values))


# ---------------------------------------------------------------- the language's own functions


def per_day(b: Bars, number: Callable[[dt.date], int]) -> Series:
    return Series(np.array([float(number(day)) for day in b.timestamp]))


def date(b: Bars) -> Series:
    return per_day(b, lambda day: day.year * 10_000 + day.month * 100 + day.day)


def dayofweek(b: Bars) -> Series:
    return per_day(b, dt.date.isoweekday)


def month(b: Bars) -> Series:
    return per_day(b, lambda day: day.month)


def year(b: Bars) -> Series:
    return per_day(b, lambda day: day.year)


def bar_index(b: Bars) -> Series:
    return Series(np.arange(len(b.timestamp), dtype=float))


def max_(*arguments: Number) -> Series:
    return elementwise(lambda *columns: np.max(np.broadcast_arrays(*columns), axis=0), *arguments)


def min_(*arguments: Number) -> Series:
    return elementwise(lambda *columns: np.min(np.broadcast_arrays(*columns), axis=0), *arguments)


def abs_(x: Series) -> Series:
    return elementwise(np.abs, x)


def sqrt(x: Series) -> Series:
    return elementwise(np.sqrt, x)


def log(x: Series) -> Series:
    return elementwise(np.log, x)


def exp(x: Series) -> Series:
    return elementwise(np.exp, x)


def floor(x: Series) -> Series:
    return elementwise(np.floor, x)


def ceil(x: Series) -> Series:
    return elementwise(np.ceil, x)


def sign(x: Series) -> Series:
    return elementwise(np.sign, x)


def round_(x: Series) -> Series:
    """Half away from zero; the fraction v - trunc(v) is exact."""
    return elementwise(lambda v: np.trunc(v) + np.where(np.abs(v - np.trunc(v)) >= 0.5, np.sign(v), 0.0), x)


def isna(x: Series) -> Condition:
    return Condition(np.isnan(x.values))


def nz(x: Series, instead: float = 0.0) -> Series:
    return Series(np.where(np.isnan(x.values), instead, x.values))


def choose(condition: Condition, yes: Number, no: Number) -> Series:
    """``yes if condition else no``: only the branch taken has to be known."""
    taken = np.where(condition.values == 1, values_of(yes), values_of(no))
    return Series(np.where(np.isnan(condition.values), UNKNOWN, taken))


def cross_above(a: Series, b: Number, *, strict: bool = False) -> Condition:
    return (a > b) & ((a < b) if strict else (a <= b))[1]


def cross_below(a: Series, b: Number, *, strict: bool = False) -> Condition:
    return (a < b) & ((a > b) if strict else (a >= b))[1]


def crosses(a: Series, b: Number, *, strict: bool = False) -> Condition:
    return cross_above(a, b, strict=strict) | cross_below(a, b, strict=strict)


def count(condition: Condition, n: int) -> Series:
    c = condition.values
    return Series(np.array([c[i - n + 1 : i + 1].sum() if i >= n - 1 else UNKNOWN for i in range(len(c))]))


def within(condition: Condition, n: int) -> Condition:
    """True at one true; otherwise unknown beside an unknown or a missing bar; otherwise false."""
    c, answers = condition.values, []
    for i in range(len(c)):
        window = c[max(i - n + 1, 0) : i + 1]
        undecided = np.isnan(window).any() or len(window) < n
        answers.append(1.0 if (window == 1).any() else UNKNOWN if undecided else 0.0)
    return Condition(np.array(answers))


def every(condition: Condition, n: int) -> Condition:
    """False at one false; otherwise unknown beside an unknown or a missing bar; otherwise true."""
    c, answers = condition.values, []
    for i in range(len(c)):
        window = c[max(i - n + 1, 0) : i + 1]
        undecided = np.isnan(window).any() or len(window) < n
        answers.append(0.0 if (window == 0).any() else UNKNOWN if undecided else 1.0)
    return Condition(np.array(answers))


def streak(condition: Condition) -> Series:
    answers, length = [], 0
    for c in condition.values:
        length = length + 1 if c == 1 else 0
        answers.append(UNKNOWN if np.isnan(c) else length)
    return Series(np.array(answers, dtype=float))


def barssince(condition: Condition) -> Series:
    answers, latest = [], None
    for i, c in enumerate(condition.values):
        latest = i if c == 1 else None if np.isnan(c) else latest
        answers.append(UNKNOWN if latest is None else i - latest)
    return Series(np.array(answers, dtype=float))


def valuewhen(condition: Condition, x: Series, n: int = 0) -> Series:
    answers, trues = [], []
    for i, c in enumerate(condition.values):
        trues = [] if np.isnan(c) else [*trues, i] if c == 1 else trues
        answers.append(x.values[trues[-1 - n]] if len(trues) > n else UNKNOWN)
    return Series(np.array(answers, dtype=float))


def higher_rsi_at_lower_low(b: Bars) -> Condition:
    low, strength = b.low == lowest(b.low, 20), rsi(b.close, 14)
    return low & (strength > valuewhen(low[1], strength[1])) & (strength < 40)


# ---------------------------------------------------------------- the formulas
# text -> answer. `b` is the bars of one symbol.

Answer = Callable[[Bars], Series | Condition]

FIELDS: dict[str, Answer] = {
    "open": lambda b: b.open,
    "high": lambda b: b.high,
    "low": lambda b: b.low,
    "close": lambda b: b.close,
    "volume": lambda b: b.volume,
    "o": lambda b: b.open,
    "h": lambda b: b.high,
    "l": lambda b: b.low,
    "c": lambda b: b.close,
    "v": lambda b: b.volume,
    "per": lambda b: b.per,
    "hl2": hl2,
    "hlc3": hlc3,
    "ohlc4": ohlc4,
    "bar_index": bar_index,
    "date": date,
    "dayofweek": dayofweek,
    "month": month,
    "year": year,
    "dayofweek == 1": lambda b: dayofweek(b) == 1,
    "month != month[1]": lambda b: month(b) != month(b)[1],
    "20230301 <= date < 20230601": lambda b: (date(b) >= 20230301) & (date(b) < 20230601),
}

ARITHMETIC: dict[str, Answer] = {
    "close + open": lambda b: b.close + b.open,
    "close - open * 3": lambda b: b.close - b.open * 3,
    "(close - open) * 3": lambda b: (b.close - b.open) * 3,
    "open / close": lambda b: b.open / b.close,
    "close / 10": lambda b: b.close / 10,
    "close / 3": lambda b: b.close / 3,
    "close / 49": lambda b: b.close / 49,
    "close / 100 * 3": lambda b: b.close / 100 * 3,
    "1 / 3 * close": lambda b: (1 / 3) * b.close,
    "1 / close": lambda b: 1 / b.close,
    "close / 0": lambda b: b.close / 0,
    "1 / (close - open)": lambda b: 1 / (b.close - b.open),
    "close / per": lambda b: b.close / b.per,
    "per - per": lambda b: b.per - b.per,
    "bar_index / (bar_index % 4)": lambda b: bar_index(b) / (bar_index(b) % 4),
    "close % 5": lambda b: b.close % 5,
    "close % 0.25": lambda b: b.close % 0.25,
    "close % -5": lambda b: b.close % -5,
    "-close % 7": lambda b: -b.close % 7,
    "close % 0": lambda b: b.close % 0,
    "close % (bar_index % 3)": lambda b: b.close % (bar_index(b) % 3),
    "-close": lambda b: -b.close,
    "-(close - open) * 2": lambda b: -(b.close - b.open) * 2,
    "exp(close) - exp(close)": lambda b: exp(b.close) - exp(b.close),
}

COMPARISONS: dict[str, Answer] = {
    "close > open": lambda b: b.close > b.open,
    "close >= open": lambda b: b.close >= b.open,
    "close < close[1]": lambda b: b.close < b.close[1],
    "close <= close[1]": lambda b: b.close <= b.close[1],
    "close == close[1]": lambda b: b.close == b.close[1],
    "close != close[1]": lambda b: b.close != b.close[1],
    "100 < close": lambda b: b.close > 100,
    "close / 10 == close * 0.1": lambda b: b.close / 10 == b.close * 0.1,
    "low < open < close < high": lambda b: (b.low < b.open) & (b.open < b.close) & (b.close < b.high),
    "high == close > open": lambda b: (b.high == b.close) & (b.close > b.open),
    "30 < rsi(14) < 70": lambda b: (rsi(b.close, 14) > 30) & (rsi(b.close, 14) < 70),
    "per > 12": lambda b: b.per > 12,
    "per == per": lambda b: b.per == b.per,
    "per != 12": lambda b: b.per != 12,
    "open < close < per * 10": lambda b: (b.open < b.close) & (b.close < b.per * 10),
    "1 / (close - open) > 0": lambda b: 1 / (b.close - b.open) > 0,
    "close ** 155 > 0": lambda b: b.close**155 > 0,
}

LOGIC: dict[str, Answer] = {
    "per > 12 and close > open": lambda b: (b.per > 12) & (b.close > b.open),
    "per > 12 or close > open": lambda b: (b.per > 12) | (b.close > b.open),
    "not per > 12": lambda b: ~(b.per > 12),
    "not (sma(close, 200) > close)": lambda b: ~(sma(b.close, 200) > b.close),
    "not close > open and low < open": lambda b: ~(b.close > b.open) & (b.low < b.open),
    "close > open or close == low and high > open": lambda b: (
        (b.close > b.open) | ((b.close == b.low) & (b.high > b.open))
    ),
    "(per > 12 or close > 0) and not (per > 12 and close < 0)": lambda b: (
        ((b.per > 12) | (b.close > 0)) & ~((b.per > 12) & (b.close < 0))
    ),
    "close if close > open else open": lambda b: choose(b.close > b.open, b.close, b.open),
    "close if per > 12 else open": lambda b: choose(b.per > 12, b.close, b.open),
    "per if close > open else close": lambda b: choose(b.close > b.open, b.per, b.close),
    "0 if isna(per) else per": lambda b: choose(isna(b.per), 0, b.per),
    "1 if per > 12 else 2 if per > 8 else 3": lambda b: choose(b.per > 12, 1, choose(b.per > 8, 2, 3)),
    "1 if 1 / (close - close[1]) > 0 else -1": lambda b: choose(1 / (b.close - b.close[1]) > 0, 1, -1),
}

SHIFTS: dict[str, Answer] = {
    "close[0]": lambda b: b.close[0],
    "close[1]": lambda b: b.close[1],
    "close[5]": lambda b: b.close[5],
    "close[400]": lambda b: b.close[400],
    "per[1]": lambda b: b.per[1],
    "close - close[1]": lambda b: b.close - b.close[1],
    "(close + open)[3]": lambda b: (b.close + b.open)[3],
    "(close > open)[1]": lambda b: (b.close > b.open)[1],
    "(per > 12)[2]": lambda b: (b.per > 12)[2],
    "sma(close, 5)[2]": lambda b: sma(b.close, 5)[2],
    "bar_index - bar_index[1]": lambda b: bar_index(b) - bar_index(b)[1],
}

CROSSES: dict[str, Answer] = {
    "cross_above(close, sma(close, 5))": lambda b: cross_above(b.close, sma(b.close, 5)),
    "cross_below(close, sma(close, 5))": lambda b: cross_below(b.close, sma(b.close, 5)),
    "crosses(close, sma(close, 10))": lambda b: crosses(b.close, sma(b.close, 10)),
    "crossover(sma(close, 5), sma(close, 20))": lambda b: cross_above(sma(b.close, 5), sma(b.close, 20)),
    "crossunder(sma(close, 5), sma(close, 20))": lambda b: cross_below(sma(b.close, 5), sma(b.close, 20)),
    "cross_above(close, sma(close, 3), strict=True)": lambda b: cross_above(b.close, sma(b.close, 3), strict=True),
    "cross_below(close, sma(close, 3), strict=True)": lambda b: cross_below(b.close, sma(b.close, 3), strict=True),
    "crosses(close, sma(close, 3), strict=True)": lambda b: crosses(b.close, sma(b.close, 3), strict=True),
    "cross_above(rsi(14), 50)": lambda b: cross_above(rsi(b.close, 14), 50),
    "cross_above(close, open)": lambda b: cross_above(b.close, b.open),
    "cross_above(per, 12)": lambda b: cross_above(b.per, 12),
    "not cross_below(per, 12)": lambda b: ~cross_below(b.per, 12),
    "crosses(per, sma(per, 3))": lambda b: crosses(b.per, sma(b.per, 3)),
}

WINDOWS: dict[str, Answer] = {
    "highest(20)": lambda b: highest(b.high, 20),
    "lowest(20)": lambda b: lowest(b.low, 20),
    "highest(close, 5)": lambda b: highest(b.close, 5),
    "highest(close, 1)": lambda b: highest(b.close, 1),
    "highest(per, 4)": lambda b: highest(b.per, 4),
    "lowest(per, 3)": lambda b: lowest(b.per, 3),
    "highest(high, 252)[1]": lambda b: highest(b.high, 252)[1],
    "highest(log(close - 100), 3)": lambda b: highest(log(b.close - 100), 3),
    "sum(close, 10)": lambda b: sum_(b.close, 10),
    "sum(close, 1)": lambda b: sum_(b.close, 1),
    "sum(per, 3)": lambda b: sum_(b.per, 3),
    "stdev(close, 20)": lambda b: stdev(b.close, 20),
    "stdev(per, 4)": lambda b: stdev(b.per, 4),
    "sma(close, 5)": lambda b: sma(b.close, 5),
    "sma(20)": lambda b: sma(b.close, 20),
    "sma(close, 200)": lambda b: sma(b.close, 200),
    "sma(volume, 50)": lambda b: sma(b.volume, 50),
    "sma(per, 5)": lambda b: sma(b.per, 5),
    "sma(per + close[3], 3)": lambda b: sma(b.per + b.close[3], 3),
    "sma(1 / (close - close[1]), 3)": lambda b: sma(1 / (b.close - b.close[1]), 3),
    "sma(close, 5) == sma(close, 10)": lambda b: sma(b.close, 5) == sma(b.close, 10),
    "close == sma(close, 3)": lambda b: b.close == sma(b.close, 3),
    "low == lowest(low, 10)": lambda b: b.low == lowest(b.low, 10),
    "close > highest(high, 20)[1]": lambda b: b.close > highest(b.high, 20)[1],
}

INDICATORS: dict[str, Answer] = {
    "ema(close, 12)": lambda b: ema(b.close, 12),
    "ema(20)": lambda b: ema(b.close, 20),
    "ema(per, 5)": lambda b: ema(b.per, 5),
    "rsi(14)": lambda b: rsi(b.close, 14),
    "rsi(close, 2)": lambda b: rsi(b.close, 2),
    "rsi(per, 5)": lambda b: rsi(b.per, 5),
    "macd(close, 12, 26, 9).line": lambda b: macd(b.close, 12, 26, 9).line,
    "macd(close, 12, 26, 9).signal": lambda b: macd(b.close, 12, 26, 9).signal,
    "macd(close, 12, 26, 9).hist": lambda b: macd(b.close, 12, 26, 9).hist,
    "macd(per, 3, 6, 2).hist": lambda b: macd(b.per, 3, 6, 2).hist,
    "bb(close, 20, 2).upper": lambda b: bb(b.close, 20, 2).upper,
    "bb(close, 20, 2).mid": lambda b: bb(b.close, 20, 2).mid,
    "bb(close, 20, 2).lower": lambda b: bb(b.close, 20, 2).lower,
    "bb(close, 20, 2).width": lambda b: bb(b.close, 20, 2).width,
    "bb(close, 20, 2).pctb": lambda b: bb(b.close, 20, 2).pctb,
    "bb(hlc3, 5, 1.5).pctb": lambda b: bb(hlc3(b), 5, 1.5).pctb,
    "bb(per, 5, 1.5).upper": lambda b: bb(b.per, 5, 1.5).upper,
    "bb(per, 5, 1.5).width": lambda b: bb(b.per, 5, 1.5).width,
    "atr(14)": lambda b: atr(b, 14),
    "atr(5) / close * 100": lambda b: atr(b, 5) / b.close * 100,
    "adx(14)": lambda b: adx(b, 14),
    "adx(5)": lambda b: adx(b, 5),
    "stoch(14, 3, 3).k": lambda b: stoch(b, 14, 3, 3).k,
    "stoch(14, 3, 3).d": lambda b: stoch(b, 14, 3, 3).d,
    "stoch(5, 3, 2).k": lambda b: stoch(b, 5, 3, 2).k,
}

MEMORY: dict[str, Answer] = {
    "count(close > open, 10)": lambda b: count(b.close > b.open, 10),
    "count(close > open, 1)": lambda b: count(b.close > b.open, 1),
    "count(per > 12, 4)": lambda b: count(b.per > 12, 4),
    "within(close < lowest(low, 10)[1], 5)": lambda b: within(b.close < lowest(b.low, 10)[1], 5),
    "within(per > 12, 3)": lambda b: within(b.per > 12, 3),
    "within(per > 12, 1)": lambda b: within(b.per > 12, 1),
    "every(close > sma(close, 5), 3)": lambda b: every(b.close > sma(b.close, 5), 3),
    "every(per > 10, 4)": lambda b: every(b.per > 10, 4),
    "streak(close > close[1])": lambda b: streak(b.close > b.close[1]),
    "streak(close == close[1])": lambda b: streak(b.close == b.close[1]),
    "streak(per > 12)": lambda b: streak(b.per > 12),
    "barssince(close > highest(high, 20)[1])": lambda b: barssince(b.close > highest(b.high, 20)[1]),
    "barssince(dayofweek == 5)": lambda b: barssince(dayofweek(b) == 5),
    "barssince(per > 12)": lambda b: barssince(b.per > 12),
    "barssince(cross_above(per, 12))": lambda b: barssince(cross_above(b.per, 12)),
    "valuewhen(close > open, high)": lambda b: valuewhen(b.close > b.open, b.high),
    "valuewhen(dayofweek == 1, open, 1)": lambda b: valuewhen(dayofweek(b) == 1, b.open, 1),
    "valuewhen(per > 12, close)": lambda b: valuewhen(b.per > 12, b.close),
    "valuewhen(per > 12, close, 1)": lambda b: valuewhen(b.per > 12, b.close, 1),
    "valuewhen(per > 12, close, 2)": lambda b: valuewhen(b.per > 12, b.close, 2),
    "valuewhen(close > open, per, 1)": lambda b: valuewhen(b.close > b.open, b.per, 1),
}

ELEMENTS: dict[str, Answer] = {
    "max(open, close)": lambda b: max_(b.open, b.close),
    "min(open, close, close[1])": lambda b: min_(b.open, b.close, b.close[1]),
    "max(per, 12.0)": lambda b: max_(b.per, 12),
    "abs(close - open)": lambda b: abs_(b.close - b.open),
    "sqrt(close - 100)": lambda b: sqrt(b.close - 100),
    "round(close / 2)": lambda b: round_(b.close / 2),
    "round((100 - close) / 4)": lambda b: round_((100 - b.close) / 4),
    "floor(close / 7)": lambda b: floor(b.close / 7),
    "floor(-close / 7)": lambda b: floor(-b.close / 7),
    "ceil(close / 7)": lambda b: ceil(b.close / 7),
    "sign(close - open)": lambda b: sign(b.close - b.open),
    "sign(per)": lambda b: sign(b.per),
    "nz(per, 0)": lambda b: nz(b.per, 0),
    "nz(per, -1)": lambda b: nz(b.per, -1),
    "nz(1 / (close - open), 0)": lambda b: nz(1 / (b.close - b.open), 0),
    "isna(per)": lambda b: isna(b.per),
    "isna(sma(close, 20))": lambda b: isna(sma(b.close, 20)),
    "not isna(log(close - 100))": lambda b: ~isna(log(b.close - 100)),
}

CANDLES: dict[str, Answer] = {
    "cdlengulfing()": lambda b: candle("CDLENGULFING", b),
    "cdldoji()": lambda b: candle("CDLDOJI", b),
    "cdlhammer()": lambda b: candle("CDLHAMMER", b),
    "cdlmorningstar()": lambda b: candle("CDLMORNINGSTAR", b),
    "cdlmorningstar(0.5)": lambda b: candle("CDLMORNINGSTAR", b, 0.5),
    "cdlengulfing() == 100": lambda b: candle("CDLENGULFING", b) == 100,
    "cdldoji() != 0 and close > sma(close, 5)": lambda b: (candle("CDLDOJI", b) != 0) & (b.close > sma(b.close, 5)),
}

NESTED: dict[str, Answer] = {
    "rsi(sma(close, 5), 14)": lambda b: rsi(sma(b.close, 5), 14),
    "sma(rsi(close, 14), 5)": lambda b: sma(rsi(b.close, 14), 5),
    "highest(rsi(14), 20)[1]": lambda b: highest(rsi(b.close, 14), 20)[1],
    "ema(ema(per, 3), 3)": lambda b: ema(ema(b.per, 3), 3),
    "sma(nz(per, 0), 5)": lambda b: sma(nz(b.per, 0), 5),
    "stdev(close / sma(close, 20), 10)": lambda b: stdev(b.close / sma(b.close, 20), 10),
    "bb(rsi(14), 10, 2).pctb": lambda b: bb(rsi(b.close, 14), 10, 2).pctb,
    "sma(streak(close > close[1]), 5)": lambda b: sma(streak(b.close > b.close[1]), 5),
    "highest(barssince(per > 12), 3)": lambda b: highest(barssince(b.per > 12), 3),
    "count(cross_above(close, sma(close, 3)), 20)": lambda b: count(cross_above(b.close, sma(b.close, 3)), 20),
    "valuewhen(streak(close > close[1]) == 3, close, 1)": lambda b: valuewhen(
        streak(b.close > b.close[1]) == 3, b.close, 1
    ),
    "within(every(close > open, 2), 4)": lambda b: within(every(b.close > b.open, 2), 4),
    "streak(within(per > 12, 3))": lambda b: streak(within(b.per > 12, 3)),
}

FORMULA_8: dict[str, Answer] = {
    "(sma(close, 5) / sma(close, 20) - 1) * 100": lambda b: (sma(b.close, 5) / sma(b.close, 20) - 1) * 100,
    "volume / sma(volume, 50)[1]": lambda b: b.volume / sma(b.volume, 50)[1],
    "close > highest(high, 252)[1] and volume / sma(volume, 50)[1] > 1.5": lambda b: (
        (b.close > highest(b.high, 252)[1]) & (b.volume / sma(b.volume, 50)[1] > 1.5)
    ),
    "high - low == lowest(high - low, 7) and high < high[1] and low > low[1]": lambda b: (
        (b.high - b.low == lowest(b.high - b.low, 7)) & (b.high < b.high[1]) & (b.low > b.low[1])
    ),
    "open / high[1] - 1 > 0.02 and close > open and low > high[1]": lambda b: (
        (b.open / b.high[1] - 1 > 0.02) & (b.close > b.open) & (b.low > b.high[1])
    ),
    "close > highest(high, 20)[1] and adx(14) > 25": lambda b: (b.close > highest(b.high, 20)[1]) & (adx(b, 14) > 25),
    "close < lowest(low, 10)[1]": lambda b: b.close < lowest(b.low, 10)[1],
    "close - 2 * atr(20)": lambda b: b.close - 2 * atr(b, 20),
    "cdlengulfing() == 100 and volume > sma(volume, 20) and within(low == lowest(low, 10), 3)": lambda b: (
        (candle("CDLENGULFING", b) == 100) & (b.volume > sma(b.volume, 20)) & within(b.low == lowest(b.low, 10), 3)
    ),
    "low == lowest(low, 20) and rsi(14) > valuewhen((low == lowest(low, 20))[1], rsi(14)[1]) and rsi(14) < 40": (
        higher_rsi_at_lower_low
    ),
}

# log, exp, ** and rma may differ from another implementation in their last bits.
ROUNDED: dict[str, Answer] = {
    "close ** 0.5": lambda b: b.close**0.5,
    "-close ** 2": lambda b: -(b.close**2),
    "close ** 2 ** 0.5": lambda b: b.close ** (2**0.5),
    "2 ** -1 * close": lambda b: 0.5 * b.close,
    "(close - open) ** -1": lambda b: (b.close - b.open) ** -1,
    "(close - open) ** 0.5": lambda b: (b.close - b.open) ** 0.5,
    "(close - open) ** 3": lambda b: (b.close - b.open) ** 3,
    "per ** 0": lambda b: b.per**0,
    "close ** 155": lambda b: b.close**155,
    "0 / close ** 155": lambda b: 0 / b.close**155,
    "log(close)": lambda b: log(b.close),
    "log(close - 100)": lambda b: log(b.close - 100),
    "log(per)": lambda b: log(b.per),
    "exp(close / 100)": lambda b: exp(b.close / 100),
    "exp(close)": lambda b: exp(b.close),
    "log(close / close[1]) * 100": lambda b: log(b.close / b.close[1]) * 100,
    "rma(close, 14)": lambda b: rma(b.close, 14),
    "rma(per, 5)": lambda b: rma(b.per, 5),
}

EXACT = [
    FIELDS,
    ARITHMETIC,
    COMPARISONS,
    LOGIC,
    SHIFTS,
    CROSSES,
    WINDOWS,
    INDICATORS,
    MEMORY,
    ELEMENTS,
    CANDLES,
    NESTED,
    FORMULA_8,
]


# ---------------------------------------------------------------- the scans


@dataclass(frozen=True)
class Scan:
    """A script, its parameters and range (ISO days, both included), and the signals it should give."""

    name: str
    text: str
    parameters: dict[str, float]
    start: str | None
    end: str | None
    signals: Callable[[Bars], dict[str, Condition]]


GOLDEN_CROSS = """\
# golden cross
fast = param(50, 2, 400)
slow = param(200, 2, 400)
buy = cross_above(sma(close, fast), sma(close, slow))
sell = cross_below(sma(close, fast), sma(close, slow))
gap_pct = (sma(close, fast) / sma(close, slow) - 1) * 100
"""

TURTLE = """\
# turtle
buy = close > highest(high, 20)[1] and adx(14) > 25
sell = close < lowest(low, 10)[1]
stop = close - 2 * atr(20)
"""

BREAKOUT = """\
# signals with names of their own, before `buy`; `ratio` is known from the parameters alone
n = param(20, 5, 250)
_top = highest(high, n)[1]
vol_ratio = volume / sma(volume, n)[1]
signal("breakout", close > _top and vol_ratio > ratio)
signal("breakdown", close < lowest(low, n)[1])
buy = cross_above(close, _top)
"""

REVERSAL = """\
_low = low == lowest(low, 20)
sell = cross_below(rsi(14), 70)
buy = _low and rsi(14) > valuewhen(_low[1], rsi(14)[1]) and rsi(14) < 40
signal("washout", _low and rsi(14) < 30)
engulfed = cdlengulfing()
signal("engulfing", engulfed == 100 and within(low == lowest(low, 10), 3))
"""

VALUE = """\
# `per` has holes; the last line is `match`
_run = streak(close > close[1]) == 3
signal("rerated", cross_above(per, 12))
short = _run
cover = barssince(_run) == 3
pe = nz(per, -1)
within(per < 12, 3) and not every(close < ema(close, 10), 2)
"""


def golden_cross(b: Bars) -> dict[str, Condition]:
    fast, slow = sma(b.close, 5), sma(b.close, 20)
    return {"buy": cross_above(fast, slow), "sell": cross_below(fast, slow)}


def turtle(b: Bars) -> dict[str, Condition]:
    buy = (b.close > highest(b.high, 20)[1]) & (adx(b, 14) > 25)
    return {"buy": buy, "sell": b.close < lowest(b.low, 10)[1]}


def breakout(b: Bars) -> dict[str, Condition]:
    top, vol_ratio = highest(b.high, 10)[1], b.volume / sma(b.volume, 10)[1]
    return {
        "breakout": (b.close > top) & (vol_ratio > 1.5),
        "breakdown": b.close < lowest(b.low, 10)[1],
        "buy": cross_above(b.close, top),
    }


def reversal(b: Bars) -> dict[str, Condition]:
    low, strength = b.low == lowest(b.low, 20), rsi(b.close, 14)
    return {
        "sell": cross_below(strength, 70),
        "buy": higher_rsi_at_lower_low(b),
        "washout": low & (strength < 30),
        "engulfing": (candle("CDLENGULFING", b) == 100) & within(b.low == lowest(b.low, 10), 3),
    }


def value(b: Bars) -> dict[str, Condition]:
    run = streak(b.close > b.close[1]) == 3
    return {
        "rerated": cross_above(b.per, 12),
        "short": run,
        "cover": barssince(run) == 3,
        "match": within(b.per < 12, 3) & ~every(b.close < ema(b.close, 10), 2),
    }


SCANS = [
    Scan("golden_cross", GOLDEN_CROSS, {"fast": 5, "slow": 20}, None, None, golden_cross),
    Scan("turtle", TURTLE, {}, "2023-06-01", "2023-12-29", turtle),
    Scan("breakout", BREAKOUT, {"n": 10, "ratio": 1.5}, "2023-09-04", None, breakout),
    Scan("reversal", REVERSAL, {}, None, None, reversal),
    Scan("value", VALUE, {}, "2023-03-01", "2023-08-31", value),
]


# ---------------------------------------------------------------- invented bars
# Prices and `per` are drawn as whole ticks, so that no rounding depends on the machine.

FIRST_DAY = dt.date(2023, 1, 2)


@dataclass(frozen=True)
class Invention:
    """How a symbol is drawn: a walk of whole ticks, ``ticks`` to one unit of money.

    A bar opens up to ``gap`` ticks from the last close, every twelfth up to
    ``leap``, and closes up to ``step`` from there. ``per`` wanders around
    ``per_centre`` by up to ``per_step`` tenths.
    """

    symbol: str
    bars: int
    first_weekday: int
    start: int
    step: int
    ticks: int = 1
    drift: int = 0
    gap: int = 1
    leap: int = 1
    per_centre: int = 120
    per_step: int = 6


INVENTIONS = [
    Invention("FLAT", bars=300, first_weekday=0, start=8735, step=120, ticks=100),
    Invention("GAPS", bars=300, first_weekday=0, start=700, step=9, gap=2, leap=60, per_centre=40, per_step=35),
    Invention("NOPER", bars=300, first_weekday=20, start=2010, step=30, ticks=100, drift=5, gap=12, leap=40),
    Invention("ONE", bars=1, first_weekday=299, start=100, step=2),
    Invention("ORDINARY", bars=300, first_weekday=0, start=101, step=2),
    Invention("SHORT", bars=30, first_weekday=250, start=120, step=3),
]
STILL = slice(120, 180)


def weekdays(symbol: str, first: int, bars: int) -> list[dt.date]:
    """Mondays to Fridays; GAPS misses two weeks after every 70 bars."""
    missed = [10 * (i // 70) if symbol == "GAPS" else 0 for i in range(bars)]
    numbers = [first + i + missed[i] for i in range(bars)]
    return [FIRST_DAY + dt.timedelta(days=n // 5 * 7 + n % 5) for n in numbers]


def draw_prices(rng: np.random.Generator, how: Invention) -> dict[str, np.ndarray]:
    """Open, high, low and close in ticks: each open a gap away from the close before."""
    opens, closes, last = [], [], how.start
    for i in range(how.bars):
        gap = how.leap if i % 12 == 0 else how.gap
        trend = how.drift if i % 60 > 20 else 0
        opens.append(last + int(rng.integers(-gap, gap + 1)))
        closes.append(opens[-1] + int(rng.integers(-how.step, how.step + 1)) + trend)
        last = closes[-1]
    o, c = np.array(opens), np.array(closes)
    wicks = rng.integers(0, how.step + 1, (2, how.bars)) // 2
    return {"open": o, "high": np.maximum(o, c) + wicks[0], "low": np.minimum(o, c) - wicks[1], "close": c}


def draw_volume(rng: np.random.Generator, prices: dict[str, np.ndarray], step: int) -> np.ndarray:
    """Higher on the bars that move most."""
    busy = np.abs(prices["close"] - prices["open"]) * 4 >= step * 3
    return 1000 * rng.integers(60, 140, len(busy)) * np.where(busy, 2, 1)


def stand_still(prices: dict[str, np.ndarray], volume: np.ndarray) -> None:
    for column in prices.values():
        column[STILL] = prices["close"][STILL.start - 1]
    volume[STILL] = 0


def wander(rng: np.random.Generator, how: Invention) -> np.ndarray:
    """A walk in tenths that is drawn back to its centre."""
    values = [how.per_centre]
    for step in rng.integers(-how.per_step, how.per_step + 1, how.bars - 1):
        values.append(values[-1] + int(step) + (how.per_centre - values[-1]) // 10)
    return np.array(values) / 10


def draw_per(rng: np.random.Generator, how: Invention) -> np.ndarray:
    """``per`` with NaN for a hole: single ones, a long one, none, ever fewer, nothing but holes."""
    per, bar = wander(rng, how), np.arange(how.bars)
    if how.symbol in {"ORDINARY", "GAPS"}:
        per[(rng.integers(0, 100, how.bars) < 8) & (bar < 200)] = UNKNOWN
        per[60:75] = UNKNOWN
    if how.symbol == "FLAT":
        per[bar % 5 > bar // 60] = UNKNOWN
    if how.symbol == "NOPER":
        per[:] = UNKNOWN
    return per


def invent(number: int, how: Invention) -> pl.DataFrame:
    rng = np.random.default_rng(2026_00 + number)
    prices = draw_prices(rng, how)
    volume = draw_volume(rng, prices, how.step)
    if how.symbol == "FLAT":
        stand_still(prices, volume)
    columns = {
        "symbol": [how.symbol] * how.bars,
        "timestamp": weekdays(how.symbol, how.first_weekday, how.bars),
        **{name: ticks / how.ticks for name, ticks in prices.items()},
        "volume": volume.astype(float),
        "per": pl.Series(draw_per(rng, how), nan_to_null=True),
    }
    return pl.DataFrame(columns)


# ---------------------------------------------------------------- answers


def histories(frame: pl.DataFrame) -> Iterator[Bars]:
    for bars in frame.partition_by("symbol", maintain_order=True):
        columns = {name: Series(bars[name].to_numpy()) for name in bars.columns[2:]}
        yield Bars(symbol=bars["symbol"][0], timestamp=bars["timestamp"].to_list(), **columns)


def answer(compute: Answer, symbols: list[Bars]) -> pl.Series:
    """One value per bar of the file, null = unknown; Boolean for a condition, otherwise Float64."""
    parts = [compute(bars) for bars in symbols]
    values = pl.Series(np.concatenate([part.values for part in parts]), nan_to_null=True)
    return values.cast(pl.Boolean) if isinstance(parts[0], Condition) else values


def formula_table() -> list[tuple[str, Answer, float]]:
    rows = [(text, compute, 0.0) for table in EXACT for text, compute in table.items()]
    return rows + [(text, compute, 1e-12) for text, compute in ROUNDED.items()]


def answer_formulas(frame: pl.DataFrame, symbols: list[Bars]) -> tuple[list[dict], pl.DataFrame]:
    formulas, answers = [], frame.select("symbol", "timestamp")
    for number, (text, compute, tolerance) in enumerate(formula_table(), start=1):
        values = answer(compute, symbols).alias(f"f{number:03}")
        kind = "condition" if values.dtype == pl.Boolean else "series"
        formulas.append({"formula_id": values.name, "text": text, "kind": kind, "tolerance": tolerance})
        answers = answers.with_columns(values)
    return formulas, answers


def matches(scan: Scan, bars: Bars) -> Iterator[tuple[str, str, dt.date, int, str]]:
    for order, (signal, condition) in enumerate(scan.signals(bars).items()):
        for day, fired in zip(bars.timestamp, condition.values, strict=True):
            if fired == 1 and (scan.start or "") <= day.isoformat() <= (scan.end or "9"):
                yield scan.name, bars.symbol, day, order, signal


def answer_scans(symbols: list[Bars]) -> pl.DataFrame:
    """Scan by scan, by timestamp, symbol and the order in which the script defines its signals."""
    frames = []
    for scan in SCANS:
        rows = [row for bars in symbols for row in matches(scan, bars)]
        columns = ["scan", "symbol", "timestamp", "order", "signal_type"]
        frames.append(pl.DataFrame(rows, schema=columns, orient="row").sort("timestamp", "symbol", "order"))
    return pl.concat(frames).drop("order")


# ---------------------------------------------------------------- a second opinion
# The functions with three-valued logic once more, from their definitions, on every
# condition of seven bars. A three-valued answer is known if and only if filling all
# unknown (and missing) bars with false and with true gives the same.


def both_fillings(combine: Callable, bars: list[float]) -> float:
    filled = [combine([c == 1 or (with_true and np.isnan(c)) for c in bars]) for with_true in (False, True)]
    return float(filled[0]) if filled[0] == filled[1] else UNKNOWN


def last(n: int, bars: list[float]) -> list[float]:
    return ([UNKNOWN] * n + bars)[-n:]


def since_unknown(bars: list[float]) -> list[int]:
    """Positions of the true bars after the last unknown one, latest first."""
    positions = []
    for i in reversed(range(len(bars))):
        if np.isnan(bars[i]):
            break
        positions += [i] if bars[i] == 1 else []
    return positions


def streak_again(bars: list[float]) -> float:
    length = next((k for k, c in enumerate(reversed(bars)) if c != 1), len(bars))
    return UNKNOWN if np.isnan(bars[-1]) else length


def barssince_again(bars: list[float]) -> float:
    trues = since_unknown(bars)
    return len(bars) - 1 - trues[0] if trues else UNKNOWN


def valuewhen_again(bars: list[float], x: list[float], n: int) -> float:
    trues = since_unknown(bars)
    return x[trues[n]] if len(trues) > n else UNKNOWN


def check_memory() -> None:
    x = [10.0, 11.0, UNKNOWN, 13.0, 14.0, 15.0, 16.0]
    for bars in product([0.0, 1.0, UNKNOWN], repeat=len(x)):
        condition = Condition(np.array(bars))
        pasts = [list(bars[: i + 1]) for i in range(len(bars))]
        pairs = [
            (within(condition, 3), [both_fillings(any, last(3, past)) for past in pasts]),
            (every(condition, 3), [both_fillings(all, last(3, past)) for past in pasts]),
            (count(condition, 3), [sum(last(3, past)) for past in pasts]),
            (streak(condition), [streak_again(past) for past in pasts]),
            (barssince(condition), [barssince_again(past) for past in pasts]),
            (valuewhen(condition, Series(np.array(x)), 1), [valuewhen_again(past, x, 1) for past in pasts]),
        ]
        for first, second in pairs:
            np.testing.assert_array_equal(first.values, second)


def check_logic() -> None:
    for a, c in product([0.0, 1.0, UNKNOWN], repeat=2):
        left, right = Condition(np.array([a])), Condition(np.array([c]))
        np.testing.assert_array_equal((left & right).values, [both_fillings(all, [a, c])])
        np.testing.assert_array_equal((left | right).values, [both_fillings(any, [a, c])])


def check_averages(symbols: list[Bars]) -> None:
    """The hand-made rma against TA-Lib's, up to the last bits."""
    for bars in symbols:
        theirs = on_runs(lambda v: talib.RMA(v, 14), bars.close)
        np.testing.assert_allclose(rma(bars.close, 14).values, theirs.values, rtol=1e-12)


# ---------------------------------------------------------------- files


def write_lines(path: Path, rows: list[dict]) -> None:
    """JSON with one row per line, so that a change shows as one line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    frame.write_parquet(path, compression="zstd", compression_level=19)


def main() -> None:
    frame = pl.concat(invent(number, how) for number, how in enumerate(INVENTIONS))
    symbols = list(histories(frame))
    check_logic()
    check_memory()
    check_averages(symbols)
    formulas, answers = answer_formulas(frame, symbols)
    scans = [{k: v for k, v in vars(scan).items() if k != "signals"} for scan in SCANS]
    write_parquet(HERE / "bars.parquet", frame)
    write_parquet(HERE / "answers.parquet", answers)
    write_parquet(HERE / "scans.parquet", answer_scans(symbols))
    write_lines(HERE / "formulas.json", formulas)
    write_lines(HERE / "scans.json", scans)


if __name__ == "__main__":
    main()
