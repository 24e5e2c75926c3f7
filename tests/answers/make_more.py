"""Expected answers of the rest of the language: across symbols, of another symbol, on longer periods.

Run ``python tests/answers/make_more.py`` (under two minutes; the same values every
time). Like ``make.py``, whose values and functions it takes, it uses no code of
jtscan. It invents two markets and answers the formulas of the tables below:

``market.parquet``, ``market_symbols.json``
    Twelve symbols on daily bars, and the market and sector of each.
``intraday.parquet``
    Three symbols on 5-minute bars that carry their start time.
``more_formulas.json``
    One formula a line: formula_id, text, kind, tolerance, bars (which market).
``more.parquet``, ``more_intraday.parquet``
    One row per row of the markets, one column per formula_id; null = unknown.

A ``Market`` is the histories of all symbols and a ``Panel`` one series or condition
for each of them, so that a row of a table reads like its formula.
"""

from __future__ import annotations

import datetime as dt
import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import make
import numpy as np
import polars as pl
import talib
from make import HERE, UNKNOWN, Condition, Series, on_runs
from talib import abstract

FIELDS = ("open", "high", "low", "close", "volume", "marcap")

# ---------------------------------------------------------------- values


@dataclass(frozen=True)
class Bars:
    """The history of one symbol, on its bars or on longer periods.

    ``moment`` is what the bars of several symbols have in common: the timestamp,
    or the period's end. A period's timestamp is that of its last bar.
    """

    symbol: str
    timestamp: list[dt.date]
    moment: list[dt.date]
    open: Series
    high: Series
    low: Series
    close: Series
    volume: Series
    marcap: Series


class Market:
    """The histories of all symbols; ``m.close`` is the close of each. ``bar`` is the length of an intraday bar."""

    def __init__(self, bars: list[Bars], bar: dt.timedelta | None = None) -> None:
        self.bars = bars
        self.bar = bar

    def __getattr__(self, field: str) -> Panel:
        if field not in FIELDS:
            raise AttributeError(field)
        return Panel(self, [getattr(b, field) for b in self.bars])


class Panel:
    """One series or condition per symbol of a market."""

    def __init__(self, market: Market, parts: list[Series] | list[Condition]) -> None:
        self.market = market
        self.parts = parts

    def __getitem__(self, bars: int) -> Panel:
        return per_symbol(operator.getitem)(self, bars)

    def __neg__(self) -> Panel:
        return per_symbol(operator.neg)(self)

    def __add__(self, other: Number) -> Panel:
        return per_symbol(operator.add)(self, other)

    def __sub__(self, other: Number) -> Panel:
        return per_symbol(operator.sub)(self, other)

    def __mul__(self, other: Number) -> Panel:
        return per_symbol(operator.mul)(self, other)

    def __rmul__(self, other: Number) -> Panel:
        return per_symbol(operator.mul)(other, self)

    def __truediv__(self, other: Number) -> Panel:
        return per_symbol(operator.truediv)(self, other)

    def __gt__(self, other: Number) -> Panel:
        return per_symbol(operator.gt)(self, other)

    def __ge__(self, other: Number) -> Panel:
        return per_symbol(operator.ge)(self, other)

    def __lt__(self, other: Number) -> Panel:
        return per_symbol(operator.lt)(self, other)

    def __le__(self, other: Number) -> Panel:
        return per_symbol(operator.le)(self, other)

    def __eq__(self, other: Number) -> Panel:
        return per_symbol(operator.eq)(self, other)

    def __and__(self, other: Panel) -> Panel:
        return per_symbol(operator.and_)(self, other)

    def __or__(self, other: Panel) -> Panel:
        return per_symbol(operator.or_)(self, other)

    def __invert__(self) -> Panel:
        return per_symbol(operator.invert)(self)

    __hash__ = None


Number = Panel | int | float


def per_symbol(function: Callable) -> Callable[..., Panel]:
    """Make a function of one symbol's bars, series and conditions a function of all symbols'."""

    def part(argument: object, number: int) -> object:
        if isinstance(argument, Market):
            return argument.bars[number]
        return argument.parts[number] if isinstance(argument, Panel) else argument

    def on_market(*arguments: object, **options: object) -> Panel:
        market = next(a.market if isinstance(a, Panel) else a for a in arguments if isinstance(a, Panel | Market))
        numbers = range(len(market.bars))
        return Panel(market, [function(*[part(a, number) for a in arguments], **options) for number in numbers])

    return on_market


# ---------------------------------------------------------------- one symbol: what make.py has

sma, ema, rsi = per_symbol(make.sma), per_symbol(make.ema), per_symbol(make.rsi)
sum_, highest, lowest = per_symbol(make.sum_), per_symbol(make.highest), per_symbol(make.lowest)
atr, hlc3 = per_symbol(make.atr), per_symbol(make.hlc3)
bar_index, date = per_symbol(make.bar_index), per_symbol(make.date)
max_, isna = per_symbol(make.max_), per_symbol(make.isna)
cross_above, cross_below = per_symbol(make.cross_above), per_symbol(make.cross_below)
count, within, every, streak = map(per_symbol, (make.count, make.within, make.every, make.streak))
barssince, valuewhen = per_symbol(make.barssince), per_symbol(make.valuewhen)

# ---------------------------------------------------------------- one symbol: TA-Lib, run by run


def indicator(name: str, output: int = 0) -> Callable[..., Panel]:
    """Call TA-Lib's C function with series first and numbers after; unknown before its lookback."""

    def on_symbol(*arguments: Series | float) -> Series:
        numbers = [a for a in arguments if not isinstance(a, Series)]
        lookback = abstract.Function(name, *numbers).lookback

        def on_run(*values: np.ndarray) -> np.ndarray:
            outputs = getattr(talib, name)(*values, *numbers)
            result = np.array(outputs[output] if isinstance(outputs, tuple | list) else outputs, dtype=float)
            result[:lookback] = UNKNOWN
            return result

        return on_runs(on_run, *[a for a in arguments if isinstance(a, Series)])

    return per_symbol(on_symbol)


wma, hma, roc, mom = indicator("WMA"), indicator("HMA"), indicator("ROC"), indicator("MOM")
corr, linreg, slope = indicator("CORREL"), indicator("LINEARREG"), indicator("LINEARREG_SLOPE")
talib_vwma, talib_supertrend, talib_direction = indicator("VWMA"), indicator("SUPERTREND"), indicator("SUPERTREND", 1)
talib_tr, talib_cci, talib_willr = indicator("TRANGE"), indicator("CCI"), indicator("WILLR")
talib_mfi, talib_obv, talib_typprice = indicator("MFI"), indicator("OBV"), indicator("TYPPRICE")


def vwma(m: Market, x: Panel, n: int) -> Panel:
    return talib_vwma(x, m.volume, n)


def tr(m: Market) -> Panel:
    return talib_tr(m.high, m.low, m.close)


def cci(m: Market, n: int) -> Panel:
    return talib_cci(m.high, m.low, m.close, n)


def willr(m: Market, n: int) -> Panel:
    return talib_willr(m.high, m.low, m.close, n)


def mfi(m: Market, n: int) -> Panel:
    return talib_mfi(m.high, m.low, m.close, m.volume, n)


def obv(m: Market) -> Panel:
    return talib_obv(m.close, m.volume)


def typprice(m: Market) -> Panel:
    return talib_typprice(m.high, m.low, m.close)


@dataclass(frozen=True)
class Channel:
    upper: Panel
    mid: Panel
    lower: Panel


def kc(m: Market, n: int, times: float) -> Channel:
    mid, reach = ema(m.close, n), times * atr(m, n)
    return Channel(mid + reach, mid, mid - reach)


def donchian(m: Market, n: int) -> Channel:
    upper, lower = highest(m.high, n), lowest(m.low, n)
    return Channel(upper, (upper + lower) / 2, lower)


@dataclass(frozen=True)
class Ichimoku:
    tenkan: Panel
    kijun: Panel
    span_a: Panel
    span_b: Panel
    lead_a: Panel
    lead_b: Panel


def ichimoku(m: Market, short: int, middle: int, long: int) -> Ichimoku:
    """The cloud under this bar is what was computed ``middle`` bars ago."""
    tenkan, kijun, lead_b = (donchian(m, n).mid for n in (short, middle, long))
    lead_a = (tenkan + kijun) / 2
    return Ichimoku(tenkan, kijun, lead_a[middle], lead_b[middle], lead_a, lead_b)


@dataclass(frozen=True)
class Supertrend:
    line: Panel
    direction: Panel


def supertrend(m: Market, n: int, times: float) -> Supertrend:
    prices = m.high, m.low, m.close, n, float(times)
    return Supertrend(talib_supertrend(*prices), talib_direction(*prices))


# ---------------------------------------------------------------- one symbol: the language's own


def over_run(x: Series, value: Callable[[list[float]], float], least: int = 1) -> Series:
    """Give ``value`` the values of x's run until now, on each bar that has ``least`` of them."""

    def on_run(values: np.ndarray) -> np.ndarray:
        pasts = [values[: i + 1].tolist() for i in range(len(values))]
        return np.array([value(past) if len(past) >= least else UNKNOWN for past in pasts], dtype=float)

    return on_runs(on_run, x)


@per_symbol
def change(x: Series, n: int = 1) -> Series:
    return over_run(x, lambda past: past[-1] - past[-1 - n], least=n + 1)


@per_symbol
def percentrank(x: Series, n: int) -> Series:
    """How many of the n values before this one are not above it, in per cent."""
    return over_run(x, lambda past: sum(v <= past[-1] for v in past[-1 - n : -1]) / n * 100, least=n + 1)


@per_symbol
def alltime_high(x: Series) -> Series:
    return over_run(x, max)


@per_symbol
def alltime_low(x: Series) -> Series:
    return over_run(x, min)


@per_symbol
def highestbars(x: Series, n: int) -> Series:
    return over_run(x, lambda past: past[: -1 - n : -1].index(max(past[-n:])), least=n)


@per_symbol
def lowestbars(x: Series, n: int) -> Series:
    return over_run(x, lambda past: past[: -1 - n : -1].index(min(past[-n:])), least=n)


def pivot(x: Series, left: int, right: int, beyond: Callable[[float, float], bool]) -> Series:
    """The value ``right`` bars ago, where it is beyond all others from ``left`` bars before it until now."""

    def value(past: list[float]) -> float:
        *before, middle = past[-1 - left - right : len(past) - right]
        after = past[len(past) - right :]
        return middle if all(beyond(middle, v) for v in before + after) else UNKNOWN

    return over_run(x, value, least=left + 1 + right)


@per_symbol
def pivothigh(x: Series, left: int, right: int) -> Series:
    return pivot(x, left, right, operator.gt)


@per_symbol
def pivotlow(x: Series, left: int, right: int) -> Series:
    return pivot(x, left, right, operator.lt)


@per_symbol
def ffill(x: Series) -> Series:
    answers, latest = [], UNKNOWN
    for v in x.values:
        latest = latest if np.isnan(v) else v
        answers.append(latest)
    return Series(np.array(answers))


def latest_true(condition: Condition, before: int | None) -> int | None:
    """The latest bar before another on which a condition was true."""
    bars = [] if before is None else [i for i in range(before) if condition.values[i] == 1]
    return bars[-1] if bars else None


@per_symbol
def sequence(n: int, *conditions: Condition) -> Condition:
    """The last condition now; each other one on the latest bar before the next one's, which leaves most room.

    Only a true one counts: an unknown one before now is as good as false. Where all others
    have come in time, the answer is that of the last one, true, false or unknown.
    """
    *earlier, final = conditions
    answers = []
    for now in range(len(final.values)):
        bar = now
        for condition in reversed(earlier):
            bar = latest_true(condition, bar)
        in_time = bar is not None and now - bar <= n - 1
        answers.append(final.values[now] if in_time else 0.0)
    return Condition(np.array(answers))


def is_text(m: Market, texts: dict[str, str | None], text: str) -> Panel:
    """``market == "A"``; a null text is unknown."""
    known = [UNKNOWN if texts[b.symbol] is None else float(texts[b.symbol] == text) for b in m.bars]
    return Panel(m, [Condition(np.full(len(b.moment), v)) for b, v in zip(m.bars, known, strict=True)])


# ---------------------------------------------------------------- across symbols


def groups(m: Market, by: dict[str, str | None] | None) -> list[list[tuple[int, int]]]:
    """Symbol number and bar of all bars of one moment and, with ``by``, one text; a null text is in no group."""
    found = defaultdict(list)
    for number, b in enumerate(m.bars):
        group = "all" if by is None else by[b.symbol]
        for i, moment in enumerate(b.moment):
            if group is not None:
                found[moment, group].append((number, i))
    return list(found.values())


def blank(m: Market) -> list[np.ndarray]:
    return [np.full(len(b.moment), UNKNOWN) for b in m.bars]


def among(
    x: Panel,
    judge: Callable[[list[float]], list[float]],
    by: dict[str, str | None] | None,
    where: Panel | None,
) -> list[np.ndarray]:
    """Judge the known values of each group, those with a true ``where`` only; the others are unknown."""
    answers = blank(x.market)
    for group in groups(x.market, by):
        takes_part = [(s, i) for s, i in group if where is None or where.parts[s].values[i] == 1]
        known = [(s, i) for s, i in takes_part if not np.isnan(x.parts[s].values[i])]
        judged = judge([float(x.parts[s].values[i]) for s, i in known]) if known else []
        for (s, i), answer in zip(known, judged, strict=True):
            answers[s][i] = answer
    return answers


def ranks(values: list[float]) -> list[float]:
    """(rank - 1) / (n - 1); of equal values the average, so rank - 1 = those below + half of the other equal ones."""
    if len(values) == 1:
        return [UNKNOWN]
    return [(sum(w < v for w in values) + (values.count(v) - 1) / 2) / (len(values) - 1) for v in values]


def zscores(values: list[float]) -> list[float]:
    if min(values) == max(values):
        return [UNKNOWN] * len(values)
    return [(v - np.mean(values)) / np.std(values) for v in values]


def rank(x: Panel, by: dict[str, str | None] | None = None, where: Panel | None = None) -> Panel:
    return Panel(x.market, [Series(v) for v in among(x, ranks, by, where)])


def zscore(x: Panel, by: dict[str, str | None] | None = None, where: Panel | None = None) -> Panel:
    return Panel(x.market, [Series(v) for v in among(x, zscores, by, where)])


def demean(x: Panel, by: dict[str, str | None] | None = None, where: Panel | None = None) -> Panel:
    return Panel(x.market, [Series(v) for v in among(x, lambda vs: [v - np.mean(vs) for v in vs], by, where)])


def top(x: Panel, n: int, by: dict[str, str | None] | None = None, where: Panel | None = None) -> Panel:
    """Fewer than n are above, so a tie at the border is in."""
    judged = among(x, lambda vs: [float(sum(w > v for w in vs) < n) for v in vs], by, where)
    return Panel(x.market, [Condition(v) for v in judged])


def bottom(x: Panel, n: int, by: dict[str, str | None] | None = None, where: Panel | None = None) -> Panel:
    return top(-x, n, by, where)


def universe(x: Panel, statistic: Callable[[list[float]], float], by: dict[str, str | None] | None) -> Panel:
    """One number for all bars of a group, also those on which x is unknown."""
    answers = blank(x.market)
    for group in groups(x.market, by):
        values = [float(x.parts[s].values[i]) for s, i in group]
        answer = statistic([v for v in values if not np.isnan(v)])
        for s, i in group:
            answers[s][i] = answer
    return Panel(x.market, [Series(v) for v in answers])


def universe_mean(x: Panel, by: dict[str, str | None] | None = None) -> Panel:
    return universe(x, lambda known: np.mean(known) if known else UNKNOWN, by)


def universe_median(x: Panel, by: dict[str, str | None] | None = None) -> Panel:
    return universe(x, lambda known: np.median(known) if known else UNKNOWN, by)


def universe_std(x: Panel, by: dict[str, str | None] | None = None) -> Panel:
    return universe(x, lambda known: np.std(known) if known else UNKNOWN, by)


def universe_sum(x: Panel, by: dict[str, str | None] | None = None) -> Panel:
    return universe(x, lambda known: sum(known) if known else UNKNOWN, by)


def universe_count(x: Panel, by: dict[str, str | None] | None = None) -> Panel:
    return universe(x, len, by)


def ref(symbol: str, x: Panel) -> Panel:
    """The value that x has for one symbol at the same moment."""
    there = {}
    for b, part in zip(x.market.bars, x.parts, strict=True):
        if b.symbol == symbol:
            there = dict(zip(b.moment, part.values.tolist(), strict=True))
    kind = type(x.parts[0])
    return Panel(x.market, [kind(np.array([there.get(t, UNKNOWN) for t in b.moment])) for b in x.market.bars])


# ---------------------------------------------------------------- longer periods

DAY = dt.timedelta(days=1)
FRIDAY = 4


def day_of(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def end_of_week(day: dt.date) -> dt.date:
    """The next Friday: a week runs from Saturday to Friday."""
    while day.weekday() != FRIDAY:
        day += DAY
    return day


def end_of_month(day: dt.date) -> dt.date:
    """The next day that is the last Monday-to-Friday day of its month."""

    def is_end(day: dt.date) -> bool:
        later = [day + n * DAY for n in range(1, 8)]
        return day.weekday() <= FRIDAY and not any(d.month == day.month and d.weekday() <= FRIDAY for d in later)

    while not is_end(day):
        day += DAY
    return day


OPENINGS: dict[dt.date, dt.datetime] = {}
"""The first bar of each day, of whatever symbol: a session begins for all symbols at once."""


def period_ends(b: Bars, unit: str) -> list[dt.date]:
    """The end of the period that each bar is in; it names the period."""
    days = [day_of(moment) for moment in b.timestamp]
    if unit == "1d":
        return days
    if unit in {"1w", "1mo"}:
        return [end_of_week(day) if unit == "1w" else end_of_month(day) for day in days]
    length, ends = dt.timedelta(minutes=int(unit.removesuffix("m"))), []
    for day, moment in zip(days, b.timestamp, strict=True):
        end = OPENINGS[day] + length
        while end <= moment:
            end += length
        ends.append(end)
    return ends


def aggregate(b: Bars, ends: list[dt.date]) -> Bars:
    """One bar per period."""
    firsts = [i for i in range(len(ends)) if i == 0 or ends[i] != ends[i - 1]]
    spans = list(zip(firsts, [*firsts[1:], len(ends)], strict=True))
    values = {name: getattr(b, name).values.tolist() for name in FIELDS}
    return Bars(
        symbol=b.symbol,
        timestamp=[b.timestamp[end - 1] for _, end in spans],
        moment=[ends[start] for start, _ in spans],
        open=Series(np.array([values["open"][start] for start, _ in spans])),
        high=Series(np.array([max(values["high"][start:end]) for start, end in spans])),
        low=Series(np.array([min(values["low"][start:end]) for start, end in spans])),
        close=Series(np.array([values["close"][end - 1] for _, end in spans])),
        volume=Series(np.array([sum(values["volume"][start:end]) for start, end in spans])),
        marcap=Series(np.array([values["marcap"][end - 1] for _, end in spans])),
    )


def is_complete(m: Market, unit: str, moment: dt.date, end: dt.date) -> bool:
    """Whether a bar sees the period that it is in."""
    if m.bar is None:
        return moment == end
    return unit.endswith("m") and moment + m.bar >= end


@cache
def longer(m: Market, unit: str) -> Market:
    return Market([aggregate(b, period_ends(b, unit)) for b in m.bars])


@cache
def as_if_ended(m: Market, unit: str) -> list[list[Market]]:
    """The periods of each symbol as if history ended with each of its bars."""
    found = []
    for b in m.bars:
        ends = period_ends(b, unit)
        found.append([Market([aggregate(until(b, i + 1), ends[: i + 1])]) for i in range(len(ends))])
    return found


def until(b: Bars, end: int) -> Bars:
    """The first bars of a symbol."""
    values = {name: Series(getattr(b, name).values[:end]) for name in FIELDS}
    return replace(b, timestamp=b.timestamp[:end], moment=b.moment[:end], **values)


def tf(m: Market, unit: str, x: Callable[[Market], Panel], *, developing: bool = False) -> Panel:
    """The value that x has on the last completed period, or on the running one."""
    if developing:
        return running(m, unit, x)
    on_periods, parts = x(longer(m, unit)).parts, []
    for b, part in zip(m.bars, on_periods, strict=True):
        answers, period, ends = [], -1, period_ends(b, unit)
        for i, (moment, end) in enumerate(zip(b.timestamp, ends, strict=True)):
            period += i == 0 or end != ends[i - 1]
            seen = period if is_complete(m, unit, moment, end) else period - 1
            answers.append(part.values[seen] if seen >= 0 else UNKNOWN)
        parts.append(type(part)(np.array(answers)))
    return Panel(m, parts)


def running(m: Market, unit: str, x: Callable[[Market], Panel]) -> Panel:
    parts = []
    for histories in as_if_ended(m, unit):
        now = [x(history).parts[0] for history in histories]
        parts.append(type(now[0])(np.array([part.values[-1] for part in now])))
    return Panel(m, parts)


def weekly(m: Market, x: Callable[[Market], Panel], *, developing: bool = False) -> Panel:
    return tf(m, "1w", x, developing=developing)


def monthly(m: Market, x: Callable[[Market], Panel], *, developing: bool = False) -> Panel:
    return tf(m, "1mo", x, developing=developing)


# ---------------------------------------------------------------- who is who

SYMBOLS: dict[str, dict[str, str | None]] = {
    "AAA": {"market": "A", "sector": "Tech"},
    "BBB": {"market": "A", "sector": "Tech"},
    "CCC": {"market": "B", "sector": "Energy"},
    "DDD": {"market": "A", "sector": "Energy"},
    "EEE": {"market": "B", "sector": "Food"},
    "FFF": {"market": "A", "sector": "Food"},
    "GGG": {"market": "B", "sector": None},
    "IDX": {"market": "A", "sector": "Energy"},
    "ONE": {"market": "B", "sector": "Food"},
    "THREE": {"market": "A", "sector": "Tech"},
    "TWIN1": {"market": "B", "sector": "Tech"},
    "TWIN2": {"market": "A", "sector": "Energy"},
}
MARKET = {symbol: texts["market"] for symbol, texts in SYMBOLS.items()}
SECTOR = {symbol: texts["sector"] for symbol, texts in SYMBOLS.items()}

# ---------------------------------------------------------------- the formulas
# text -> answer. `m` is the market, `w` its weeks (or other longer periods).

Answer = Callable[[Market], Panel]

INDICATORS: dict[str, Answer] = {
    "change(close)": lambda m: change(m.close),
    "change(close, 5)": lambda m: change(m.close, 5),
    "change(marcap, 3)": lambda m: change(m.marcap, 3),
    "roc(close, 20)": lambda m: roc(m.close, 20),
    "roc(10)": lambda m: roc(m.close, 10),
    "roc(volume, 1)": lambda m: roc(m.volume, 1),
    "roc(marcap, 2)": lambda m: roc(m.marcap, 2),
    "wma(close, 10)": lambda m: wma(m.close, 10),
    "wma(10)": lambda m: wma(m.close, 10),
    "wma(marcap, 3)": lambda m: wma(m.marcap, 3),
    "hma(close, 9)": lambda m: hma(m.close, 9),
    "tr()": tr,
    "tr() > atr(5)": lambda m: tr(m) > atr(m, 5),
    "mom(close, 10)": lambda m: mom(m.close, 10),
    "mom(marcap, 2)": lambda m: mom(m.marcap, 2),
    "cci(14)": lambda m: cci(m, 14),
    "cci(14) > 100": lambda m: cci(m, 14) > 100,
    "mfi(14)": lambda m: mfi(m, 14),
    "obv()": obv,
    "willr(14)": lambda m: willr(m, 14),
    "donchian(20).upper": lambda m: donchian(m, 20).upper,
    "donchian(20).mid": lambda m: donchian(m, 20).mid,
    "donchian(20).lower": lambda m: donchian(m, 20).lower,
    "ichimoku(9, 26, 52).tenkan": lambda m: ichimoku(m, 9, 26, 52).tenkan,
    "ichimoku(9, 26, 52).kijun": lambda m: ichimoku(m, 9, 26, 52).kijun,
    "ichimoku(9, 26, 52).span_a": lambda m: ichimoku(m, 9, 26, 52).span_a,
    "ichimoku(9, 26, 52).span_b": lambda m: ichimoku(m, 9, 26, 52).span_b,
    "ichimoku(9, 26, 52).lead_a": lambda m: ichimoku(m, 9, 26, 52).lead_a,
    "ichimoku(9, 26, 52).lead_b": lambda m: ichimoku(m, 9, 26, 52).lead_b,
    "supertrend(10, 3).line": lambda m: supertrend(m, 10, 3).line,
    "supertrend(10, 3).direction": lambda m: supertrend(m, 10, 3).direction,
    "supertrend(5, 1.5).direction == 1": lambda m: supertrend(m, 5, 1.5).direction == 1,
}

INDICATORS_ROUNDED: dict[str, Answer] = {
    "corr(close, volume, 20)": lambda m: corr(m.close, m.volume, 20),
    "corr(close, marcap, 5)": lambda m: corr(m.close, m.marcap, 5),
    "linreg(close, 14)": lambda m: linreg(m.close, 14),
    "linreg(marcap, 4)": lambda m: linreg(m.marcap, 4),
    "slope(close, 10)": lambda m: slope(m.close, 10),
    "slope(marcap, 4)": lambda m: slope(m.marcap, 4),
    "vwma(close, 10)": lambda m: vwma(m, m.close, 10),
    "vwma(marcap, 3)": lambda m: vwma(m, m.marcap, 3),
    "kc(20, 1.5).upper": lambda m: kc(m, 20, 1.5).upper,
    "kc(20, 1.5).mid": lambda m: kc(m, 20, 1.5).mid,
    "kc(20, 1.5).lower": lambda m: kc(m, 20, 1.5).lower,
}

MEMORY: dict[str, Answer] = {
    "percentrank(close, 10)": lambda m: percentrank(m.close, 10),
    "percentrank(volume, 4)": lambda m: percentrank(m.volume, 4),
    "percentrank(marcap, 4)": lambda m: percentrank(m.marcap, 4),
    "alltime_high(high)": lambda m: alltime_high(m.high),
    "alltime_low(low)": lambda m: alltime_low(m.low),
    "close == alltime_high(close)": lambda m: m.close == alltime_high(m.close),
    "alltime_high(marcap)": lambda m: alltime_high(m.marcap),
    "alltime_low(marcap)": lambda m: alltime_low(m.marcap),
    "alltime_high(sma(close, 5))": lambda m: alltime_high(sma(m.close, 5)),
    "highestbars(high, 20)": lambda m: highestbars(m.high, 20),
    "lowestbars(low, 20)": lambda m: lowestbars(m.low, 20),
    "highestbars(20)": lambda m: highestbars(m.high, 20),
    "lowestbars(20)": lambda m: lowestbars(m.low, 20),
    "highestbars(close, 1)": lambda m: highestbars(m.close, 1),
    "highestbars(marcap, 4)": lambda m: highestbars(m.marcap, 4),
    "lowestbars(marcap, 3)": lambda m: lowestbars(m.marcap, 3),
    "lowestbars(volume, 5) == 0": lambda m: lowestbars(m.volume, 5) == 0,
    "ffill(marcap)": lambda m: ffill(m.marcap),
    "isna(ffill(marcap))": lambda m: isna(ffill(m.marcap)),
    "sma(ffill(marcap), 5)": lambda m: sma(ffill(m.marcap), 5),
    "ffill(pivothigh(3, 3))": lambda m: ffill(pivothigh(m.high, 3, 3)),
    "pivothigh(3, 3)": lambda m: pivothigh(m.high, 3, 3),
    "pivothigh(2, 1)": lambda m: pivothigh(m.high, 2, 1),
    "pivotlow(3, 3)": lambda m: pivotlow(m.low, 3, 3),
    "pivotlow(5, 2)": lambda m: pivotlow(m.low, 5, 2),
    "pivothigh(close, 2, 2)": lambda m: pivothigh(m.close, 2, 2),
    "pivothigh(marcap, 1, 1)": lambda m: pivothigh(m.marcap, 1, 1),
    "pivotlow(marcap, 2, 1)": lambda m: pivotlow(m.marcap, 2, 1),
    "sequence(5, close > open, close < open)": lambda m: sequence(5, m.close > m.open, m.close < m.open),
    "sequence(2, close > open, volume > volume[1])": lambda m: sequence(2, m.close > m.open, m.volume > m.volume[1]),
    "sequence(2, close > open, close > 0)": lambda m: sequence(2, m.close > m.open, m.close > 0),
    "sequence(8, low == lowest(low, 10), close > open, close > close[1])": lambda m: sequence(
        8, m.low == lowest(m.low, 10), m.close > m.open, m.close > m.close[1]
    ),
    "sequence(4, close > open, close > open, close > open)": lambda m: sequence(
        4, m.close > m.open, m.close > m.open, m.close > m.open
    ),
    "sequence(6, marcap > marcap[1], marcap < marcap[1], close > open)": lambda m: sequence(
        6, m.marcap > m.marcap[1], m.marcap < m.marcap[1], m.close > m.open
    ),
    "sequence(4, close > open, marcap > marcap[1])": lambda m: sequence(4, m.close > m.open, m.marcap > m.marcap[1]),
}

CROSS_SECTION: dict[str, Answer] = {
    "rank(close)": lambda m: rank(m.close),
    "rank(-close)": lambda m: rank(-m.close),
    "rank(marcap)": lambda m: rank(m.marcap),
    "rank(close, by=sector)": lambda m: rank(m.close, by=SECTOR),
    "rank(close, by=market)": lambda m: rank(m.close, by=MARKET),
    "rank(marcap, by=sector)": lambda m: rank(m.marcap, by=SECTOR),
    "rank(close, where=volume > 0)": lambda m: rank(m.close, where=m.volume > 0),
    "rank(close, where=marcap > 2000)": lambda m: rank(m.close, where=m.marcap > 2000),
    'rank(close, where=market == "A")': lambda m: rank(m.close, where=is_text(m, MARKET, "A")),
    "rank(close, by=sector, where=volume > 0)": lambda m: rank(m.close, by=SECTOR, where=m.volume > 0),
    "rank(roc(close, 20))": lambda m: rank(roc(m.close, 20)),
    "rank(volume / sma(volume, 20)[1])": lambda m: rank(m.volume / sma(m.volume, 20)[1]),
    "top(close, 3)": lambda m: top(m.close, 3),
    "top(close, 1)": lambda m: top(m.close, 1),
    "top(marcap, 2)": lambda m: top(m.marcap, 2),
    "bottom(close, 3)": lambda m: bottom(m.close, 3),
    "bottom(volume, 2)": lambda m: bottom(m.volume, 2),
    "top(close, 1, by=sector)": lambda m: top(m.close, 1, by=SECTOR),
    "bottom(close, 2, where=volume > 0)": lambda m: bottom(m.close, 2, where=m.volume > 0),
    "top(roc(close, 10), 2) and close > open": lambda m: top(roc(m.close, 10), 2) & (m.close > m.open),
    "not top(marcap, 2)": lambda m: ~top(m.marcap, 2),
    "universe_count(close)": lambda m: universe_count(m.close),
    "universe_count(marcap)": lambda m: universe_count(m.marcap),
    "universe_count(marcap > 2000)": lambda m: universe_count(m.marcap > 2000),
    "universe_count(close > sma(close, 20))": lambda m: universe_count(m.close > sma(m.close, 20)),
    "universe_count(close, by=sector)": lambda m: universe_count(m.close, by=SECTOR),
    "rank(close)[1]": lambda m: rank(m.close)[1],
    "rank(close[1])": lambda m: rank(m.close[1]),
    "rank(close) > rank(close)[1]": lambda m: rank(m.close) > rank(m.close)[1],
    "rank(sma(close, 5))": lambda m: rank(sma(m.close, 5)),
    "sma(rank(close), 5)": lambda m: sma(rank(m.close), 5),
    "rank(sma(rank(close), 5))": lambda m: rank(sma(rank(m.close), 5)),
    "streak(rank(close) > 0.5)": lambda m: streak(rank(m.close) > 0.5),
    "cross_above(rank(close), 0.5)": lambda m: cross_above(rank(m.close), 0.5),
    "rank(marcap) - rank(close)": lambda m: rank(m.marcap) - rank(m.close),
    "highest(rank(close), 10)": lambda m: highest(rank(m.close), 10),
    "within(top(close, 2), 5)": lambda m: within(top(m.close, 2), 5),
    "count(rank(close) > 0.5, 5)": lambda m: count(rank(m.close) > 0.5, 5),
    "barssince(bottom(close, 2))": lambda m: barssince(bottom(m.close, 2)),
    "valuewhen(top(volume, 1), close)": lambda m: valuewhen(top(m.volume, 1), m.close),
    "every(not isna(rank(marcap)), 3)": lambda m: every(~isna(rank(m.marcap)), 3),
}

CROSS_SECTION_ROUNDED: dict[str, Answer] = {
    "zscore(close)": lambda m: zscore(m.close),
    "zscore(marcap)": lambda m: zscore(m.marcap),
    "zscore(close, by=sector)": lambda m: zscore(m.close, by=SECTOR),
    "zscore(rank(close))": lambda m: zscore(rank(m.close)),
    "demean(close)": lambda m: demean(m.close),
    "demean(close, by=sector)": lambda m: demean(m.close, by=SECTOR),
    "demean(marcap, where=volume > 0)": lambda m: demean(m.marcap, where=m.volume > 0),
    "universe_mean(close)": lambda m: universe_mean(m.close),
    "universe_median(close)": lambda m: universe_median(m.close),
    "universe_std(close)": lambda m: universe_std(m.close),
    "universe_sum(volume)": lambda m: universe_sum(m.volume),
    "universe_mean(marcap)": lambda m: universe_mean(m.marcap),
    "universe_median(marcap)": lambda m: universe_median(m.marcap),
    "universe_std(marcap)": lambda m: universe_std(m.marcap),
    "universe_sum(marcap)": lambda m: universe_sum(m.marcap),
    "universe_mean(close > sma(close, 20))": lambda m: universe_mean(m.close > sma(m.close, 20)),
    "universe_sum(close > close[1])": lambda m: universe_sum(m.close > m.close[1]),
    "universe_std(close > close[1])": lambda m: universe_std(m.close > m.close[1]),
    "universe_median(close > close[1])": lambda m: universe_median(m.close > m.close[1]),
    "universe_mean(close, by=sector)": lambda m: universe_mean(m.close, by=SECTOR),
    "universe_mean(marcap > 2000, by=market)": lambda m: universe_mean(m.marcap > 2000, by=MARKET),
    "sma(universe_mean(close > close[1]), 5)": lambda m: sma(universe_mean(m.close > m.close[1]), 5),
}

REFERENCES: dict[str, Answer] = {
    'ref("IDX", close)': lambda m: ref("IDX", m.close),
    'close / ref("IDX", close)': lambda m: m.close / ref("IDX", m.close),
    'ref("IDX", sma(close, 5))': lambda m: ref("IDX", sma(m.close, 5)),
    'sma(ref("IDX", close), 5)': lambda m: sma(ref("IDX", m.close), 5),
    'ref("IDX", close)[1]': lambda m: ref("IDX", m.close)[1],
    'ref("IDX", close[1])': lambda m: ref("IDX", m.close[1]),
    'ref("IDX", close > close[1])': lambda m: ref("IDX", m.close > m.close[1]),
    'ref("NOPE", close)': lambda m: ref("NOPE", m.close),
    'ref("CCC", marcap)': lambda m: ref("CCC", m.marcap),
    'ref("DDD", bar_index)': lambda m: ref("DDD", bar_index(m)),
    'rank(close / ref("IDX", close))': lambda m: rank(m.close / ref("IDX", m.close)),
    'ref("IDX", streak(close > close[1]))': lambda m: ref("IDX", streak(m.close > m.close[1])),
    'cross_above(close, ref("TWIN1", close))': lambda m: cross_above(m.close, ref("TWIN1", m.close)),
    'ref("IDX", ref("CCC", close))': lambda m: ref("IDX", ref("CCC", m.close)),
    'ref("IDX", weekly(close))': lambda m: ref("IDX", weekly(m, lambda w: w.close)),
    'weekly(ref("IDX", close))': lambda m: weekly(m, lambda w: ref("IDX", w.close)),
    'weekly(close / ref("IDX", close)[1])': lambda m: weekly(m, lambda w: w.close / ref("IDX", w.close)[1]),
}

REFERENCES_ROUNDED: dict[str, Answer] = {
    'corr(close, ref("IDX", close), 20)': lambda m: corr(m.close, ref("IDX", m.close), 20),
}

LONGER: dict[str, Answer] = {
    "weekly(open)": lambda m: weekly(m, lambda w: w.open),
    "weekly(high)": lambda m: weekly(m, lambda w: w.high),
    "weekly(low)": lambda m: weekly(m, lambda w: w.low),
    "weekly(close)": lambda m: weekly(m, lambda w: w.close),
    "weekly(volume)": lambda m: weekly(m, lambda w: w.volume),
    "weekly(marcap)": lambda m: weekly(m, lambda w: w.marcap),
    "monthly(open)": lambda m: monthly(m, lambda w: w.open),
    "monthly(high)": lambda m: monthly(m, lambda w: w.high),
    "monthly(low)": lambda m: monthly(m, lambda w: w.low),
    "monthly(close)": lambda m: monthly(m, lambda w: w.close),
    "monthly(volume)": lambda m: monthly(m, lambda w: w.volume),
    "monthly(marcap)": lambda m: monthly(m, lambda w: w.marcap),
    'tf("1w", close)': lambda m: tf(m, "1w", lambda w: w.close),
    'tf("1mo", close)': lambda m: tf(m, "1mo", lambda w: w.close),
    "weekly(close)[1]": lambda m: weekly(m, lambda w: w.close)[1],
    "weekly(close[1])": lambda m: weekly(m, lambda w: w.close[1]),
    "monthly(close[2])": lambda m: monthly(m, lambda w: w.close[2]),
    "weekly(date)": lambda m: weekly(m, date),
    "monthly(date)": lambda m: monthly(m, date),
    "weekly(bar_index)": lambda m: weekly(m, bar_index),
    "monthly(bar_index)": lambda m: monthly(m, bar_index),
    "weekly(hlc3)": lambda m: weekly(m, hlc3),
    "weekly(typprice())": lambda m: weekly(m, typprice),
    "weekly(sma(close, 3))": lambda m: weekly(m, lambda w: sma(w.close, 3)),
    "weekly(sma(marcap, 3))": lambda m: weekly(m, lambda w: sma(w.marcap, 3)),
    "weekly(rsi(close, 3))": lambda m: weekly(m, lambda w: rsi(w.close, 3)),
    "weekly(highest(high, 4))": lambda m: weekly(m, lambda w: highest(w.high, 4)),
    "weekly(close > close[1])": lambda m: weekly(m, lambda w: w.close > w.close[1]),
    "weekly(close > sma(close, 10)) and rsi(close, 2) < 30": lambda m: (
        weekly(m, lambda w: w.close > sma(w.close, 10)) & (rsi(m.close, 2) < 30)
    ),
    "monthly(close > sma(close, 3))": lambda m: monthly(m, lambda w: w.close > sma(w.close, 3)),
    "weekly(streak(close > close[1]))": lambda m: weekly(m, lambda w: streak(w.close > w.close[1])),
    "weekly(cross_below(close, sma(close, 3)))": lambda m: weekly(m, lambda w: cross_below(w.close, sma(w.close, 3))),
    "weekly(valuewhen(close > open, low, 1))": lambda m: weekly(m, lambda w: valuewhen(w.close > w.open, w.low, 1)),
    "weekly(change(volume))": lambda m: weekly(m, lambda w: change(w.volume)),
    "weekly(pivothigh(1, 1))": lambda m: weekly(m, lambda w: pivothigh(w.high, 1, 1)),
    "highest(weekly(close), 5)": lambda m: highest(weekly(m, lambda w: w.close), 5),
    "rsi(weekly(close), 3)": lambda m: rsi(weekly(m, lambda w: w.close), 3),
    "close > weekly(high)": lambda m: m.close > weekly(m, lambda w: w.high),
    "cross_above(close, weekly(high))": lambda m: cross_above(m.close, weekly(m, lambda w: w.high)),
    "monthly(high) - weekly(high)": lambda m: monthly(m, lambda w: w.high) - weekly(m, lambda w: w.high),
    "weekly(rank(close))": lambda m: weekly(m, lambda w: rank(w.close)),
    "weekly(rank(close, by=sector))": lambda m: weekly(m, lambda w: rank(w.close, by=SECTOR)),
    "weekly(rank(roc(close, 4)))": lambda m: weekly(m, lambda w: rank(roc(w.close, 4))),
    "rank(weekly(close))": lambda m: rank(weekly(m, lambda w: w.close)),
    "rank(weekly(roc(close, 4)))": lambda m: rank(weekly(m, lambda w: roc(w.close, 4))),
    "weekly(top(volume, 2))": lambda m: weekly(m, lambda w: top(w.volume, 2)),
    "monthly(rank(close)[1])": lambda m: monthly(m, lambda w: rank(w.close)[1]),
    "weekly(universe_count(close))": lambda m: weekly(m, lambda w: universe_count(w.close)),
}

LONGER_ROUNDED: dict[str, Answer] = {
    "weekly(universe_mean(close > close[1]))": lambda m: weekly(m, lambda w: universe_mean(w.close > w.close[1])),
    "universe_mean(weekly(close > close[1]))": lambda m: universe_mean(weekly(m, lambda w: w.close > w.close[1])),
}

DEVELOPING: dict[str, Answer] = {
    "weekly(close, developing=True)": lambda m: weekly(m, lambda w: w.close, developing=True),
    "weekly(open, developing=True)": lambda m: weekly(m, lambda w: w.open, developing=True),
    "weekly(high, developing=True)": lambda m: weekly(m, lambda w: w.high, developing=True),
    "weekly(volume, developing=True)": lambda m: weekly(m, lambda w: w.volume, developing=True),
    "weekly(high - low, developing=True)": lambda m: weekly(m, lambda w: w.high - w.low, developing=True),
    "weekly(close[1], developing=True)": lambda m: weekly(m, lambda w: w.close[1], developing=True),
    "weekly((high - low)[2], developing=True)": lambda m: weekly(m, lambda w: (w.high - w.low)[2], developing=True),
    "weekly(close > close[1], developing=True)": lambda m: weekly(m, lambda w: w.close > w.close[1], developing=True),
    "weekly(highest(high, 3), developing=True)": lambda m: weekly(m, lambda w: highest(w.high, 3), developing=True),
    "weekly(lowest(low, 3), developing=True)": lambda m: weekly(m, lambda w: lowest(w.low, 3), developing=True),
    "weekly(sum(volume, 3), developing=True)": lambda m: weekly(m, lambda w: sum_(w.volume, 3), developing=True),
    "weekly(close > highest(high, 3)[1], developing=True)": lambda m: weekly(
        m, lambda w: w.close > highest(w.high, 3)[1], developing=True
    ),
    "close > weekly(high, developing=True)[1]": lambda m: m.close > weekly(m, lambda w: w.high, developing=True)[1],
    "monthly(low, developing=True)": lambda m: monthly(m, lambda w: w.low, developing=True),
    "monthly(close[1], developing=True)": lambda m: monthly(m, lambda w: w.close[1], developing=True),
    "monthly(volume > volume[1], developing=True)": lambda m: monthly(
        m, lambda w: w.volume > w.volume[1], developing=True
    ),
}

DEVELOPING_ROUNDED: dict[str, Answer] = {
    "weekly(sma(close, 3), developing=True)": lambda m: weekly(m, lambda w: sma(w.close, 3), developing=True),
}

INTRADAY: dict[str, Answer] = {
    'tf("15m", open)': lambda m: tf(m, "15m", lambda w: w.open),
    'tf("15m", close)': lambda m: tf(m, "15m", lambda w: w.close),
    'tf("60m", high)': lambda m: tf(m, "60m", lambda w: w.high),
    'tf("60m", volume)': lambda m: tf(m, "60m", lambda w: w.volume),
    'tf("60m", sma(close, 3))': lambda m: tf(m, "60m", lambda w: sma(w.close, 3)),
    'tf("60m", close[1])': lambda m: tf(m, "60m", lambda w: w.close[1]),
    'tf("60m", bar_index)': lambda m: tf(m, "60m", bar_index),
    'tf("30m", close > open)': lambda m: tf(m, "30m", lambda w: w.close > w.open),
    'tf("30m", streak(close > close[1]))': lambda m: tf(m, "30m", lambda w: streak(w.close > w.close[1])),
    'close > tf("30m", highest(high, 4))': lambda m: m.close > tf(m, "30m", lambda w: highest(w.high, 4)),
    'tf("1d", close)': lambda m: tf(m, "1d", lambda w: w.close),
    'tf("1d", high)[1]': lambda m: tf(m, "1d", lambda w: w.high)[1],
    'tf("1d", date)': lambda m: tf(m, "1d", date),
    'tf("1d", volume > volume[1])': lambda m: tf(m, "1d", lambda w: w.volume > w.volume[1]),
    'tf("1d", rank(close))': lambda m: tf(m, "1d", lambda w: rank(w.close)),
    "weekly(close)": lambda m: weekly(m, lambda w: w.close),
    "weekly(low)": lambda m: weekly(m, lambda w: w.low),
    "monthly(high)": lambda m: monthly(m, lambda w: w.high),
    "rank(close)": lambda m: rank(m.close),
    'rank(tf("60m", close))': lambda m: rank(tf(m, "60m", lambda w: w.close)),
    'ref("MIN2", close)': lambda m: ref("MIN2", m.close),
    'ref("MIN1", tf("60m", close))': lambda m: ref("MIN1", tf(m, "60m", lambda w: w.close)),
    'tf("60m", close, developing=True)': lambda m: tf(m, "60m", lambda w: w.close, developing=True),
    'tf("60m", high, developing=True)': lambda m: tf(m, "60m", lambda w: w.high, developing=True),
    'tf("60m", close[1], developing=True)': lambda m: tf(m, "60m", lambda w: w.close[1], developing=True),
    'tf("60m", sum(volume, 2), developing=True)': lambda m: tf(m, "60m", lambda w: sum_(w.volume, 2), developing=True),
    'tf("1d", volume, developing=True)': lambda m: tf(m, "1d", lambda w: w.volume, developing=True),
    'tf("1d", close > close[1], developing=True)': lambda m: tf(
        m, "1d", lambda w: w.close > w.close[1], developing=True
    ),
}

INTRADAY_ROUNDED: dict[str, Answer] = {
    'tf("60m", sma(close, 3), developing=True)': lambda m: tf(m, "60m", lambda w: sma(w.close, 3), developing=True),
}

EXACT, ROUNDED = 0.0, 1e-9
TABLES: list[tuple[str, float, dict[str, Answer]]] = [
    ("market", EXACT, INDICATORS),
    ("market", ROUNDED, INDICATORS_ROUNDED),
    ("market", EXACT, MEMORY),
    ("market", EXACT, CROSS_SECTION),
    ("market", ROUNDED, CROSS_SECTION_ROUNDED),
    ("market", EXACT, REFERENCES),
    ("market", ROUNDED, REFERENCES_ROUNDED),
    ("market", EXACT, LONGER),
    ("market", ROUNDED, LONGER_ROUNDED),
    ("market", EXACT, DEVELOPING),
    ("market", ROUNDED, DEVELOPING_ROUNDED),
    ("intraday", EXACT, INTRADAY),
    ("intraday", ROUNDED, INTRADAY_ROUNDED),
]

# ---------------------------------------------------------------- invented markets
# Prices and marcap are drawn as whole ticks, so that no rounding depends on the machine.

FIRST_DAY = dt.date(2023, 1, 2)
SESSIONS = 420
LISTED, DELISTED = 200, 230  # numbers of weekdays
HOLIDAYS = {
    dt.date(2023, 1, 23),
    dt.date(2023, 1, 24),
    dt.date(2023, 4, 7),  # a Friday
    dt.date(2023, 5, 31),  # a month's last weekday
    dt.date(2023, 6, 6),
    dt.date(2023, 9, 28),
    dt.date(2023, 9, 29),  # a Friday and a month's last weekday, before a Saturday with bars
    dt.date(2023, 12, 25),
    dt.date(2023, 12, 29),  # a Friday and a month's last weekday
    dt.date(2024, 2, 9),  # a Friday
    dt.date(2024, 2, 12),
    dt.date(2024, 3, 29),  # a Friday and a month's last weekday
    dt.date(2024, 4, 10),
}
SATURDAYS = {
    dt.date(2023, 4, 29): ("AAA", "CCC", "IDX"),  # belongs to May
    dt.date(2023, 7, 15): ("AAA",),  # one symbol alone
    dt.date(2023, 9, 30): ("AAA", "BBB", "FFF", "IDX"),  # belongs to October
    dt.date(2024, 1, 6): ("BBB", "TWIN1", "TWIN2"),
    dt.date(2024, 3, 30): ("IDX",),
}
# First price and step in ticks, ticks to one unit of money, and marcap's holes in per cent.
DRAWN = {
    "AAA": (49, 2, 1, 10),
    "BBB": (5150, 60, 100, 4),
    "CCC": (5015, 95, 100, 0),
    "DDD": (4880, 40, 100, 5),
    "EEE": (4890, 50, 100, 25),
    "FFF": (5000, 0, 100, 15),
    "GGG": (5120, 70, 100, 25),
    "IDX": (30000, 200, 100, 100),
    "ONE": (5010, 30, 100, 0),
    "THREE": (4980, 45, 100, 0),
    "TWIN1": (4960, 40, 100, 6),
    "TWIN2": (4960, 40, 100, 6),
}
TWINS = ("TWIN1", "TWIN2")


def trades(rng: np.random.Generator, symbol: str, number: int, day: dt.date) -> bool:
    """Whether a symbol has a bar on the weekday of this number."""
    missing = symbol == "CCC" and rng.integers(0, 100) < 8
    if day in HOLIDAYS or missing:
        return False
    listed = {
        "DDD": number >= LISTED,
        "EEE": number < DELISTED,
        "GGG": not 150 <= number < 180,  # six weeks
        "ONE": number == 300,
        "THREE": 250 <= number < 253,
    }
    return listed.get(symbol, True)


def days_of(rng: np.random.Generator, symbol: str) -> list[dt.date]:
    weekdays = [FIRST_DAY + dt.timedelta(days=n // 5 * 7 + n % 5) for n in range(SESSIONS)]
    saturdays = [day for day, symbols in SATURDAYS.items() if symbol in symbols]
    return sorted([day for n, day in enumerate(weekdays) if trades(rng, symbol, n, day)] + saturdays)


def draw_prices(rng: np.random.Generator, bars: int, start: int, step: int) -> dict[str, np.ndarray]:
    """Open, high, low and close in ticks; it turns back where it has gone too far from its start."""
    opens, closes, last = [], [], start
    for _ in range(bars):
        opens.append(last + int(rng.integers(-step, step + 1)) // 2)
        back = (start - last) * 3 // start if step else 0
        closes.append(opens[-1] + int(rng.integers(-step, step + 1)) + back * step // 2)
        last = closes[-1]
    o, c = np.array(opens), np.array(closes)
    wicks = rng.integers(0, step + 1, (2, bars)) // 2
    return {"open": o, "high": np.maximum(o, c) + wicks[0], "low": np.minimum(o, c) - wicks[1], "close": c}


def draw_volume(rng: np.random.Generator, symbol: str, bars: int) -> np.ndarray:
    """Sometimes nothing is traded; FFF stands still and often has none for a week."""
    volume = 100 * rng.integers(20, 400, bars)
    quiet = rng.integers(0, 100, bars) < (4 if symbol in {"CCC", "DDD", "TWIN1"} else 0)
    volume[quiet | ((symbol == "FFF") & (np.arange(bars) // 12 % 3 == 1))] = 0
    return volume


def draw_marcap(rng: np.random.Generator, symbol: str, closes: np.ndarray, holes: int) -> np.ndarray:
    """Whole numbers in tens, a step for a quarter of the price's unit; NaN for a hole: scattered, a long one, the first half, all."""
    marcap = (closes // 25 * 10).astype(float) if symbol != "AAA" else closes * 100.0
    bar = np.arange(len(marcap))
    marcap[rng.integers(0, 100, len(marcap)) < holes] = UNKNOWN
    if symbol in {"AAA", "BBB"}:
        marcap[60:75] = UNKNOWN
    if symbol == "DDD":
        marcap[bar % 20 == 7] = UNKNOWN
    if symbol == "EEE":
        marcap[:115] = UNKNOWN
    return marcap


def invent(number: int, symbol: str) -> pl.DataFrame:
    start, step, ticks, holes = DRAWN[symbol]
    alike = min(number, list(DRAWN).index("TWIN1"))  # the twins have the same days and prices
    rng, own = np.random.default_rng(2027_00 + alike), np.random.default_rng(2028_00 + number)
    days = days_of(rng, symbol)
    prices = draw_prices(rng, len(days), start, step)
    columns = {
        "symbol": [symbol] * len(days),
        "timestamp": days,
        **{name: values / ticks for name, values in prices.items()},
        "volume": draw_volume(own, symbol, len(days)).astype(float),
        "marcap": pl.Series(draw_marcap(own, symbol, prices["close"], holes), nan_to_null=True),
    }
    return pl.DataFrame(columns)


BAR = dt.timedelta(minutes=5)
FIRST_SESSION, LAST_SESSION = dt.date(2024, 2, 22), dt.date(2024, 3, 11)
CLOSED = {dt.date(2024, 3, 1)}  # a Friday; the month before ends on the Thursday
SHORTENED = dt.date(2024, 3, 5)  # until 12:40


def sessions() -> list[dt.date]:
    days = [FIRST_SESSION + n * DAY for n in range((LAST_SESSION - FIRST_SESSION).days + 1)]
    return [day for day in days if day.weekday() <= FRIDAY and day not in CLOSED]


def is_missing(rng: np.random.Generator, symbol: str, session: int, start: dt.datetime) -> bool:
    """MIN1 starts late three times and lacks a whole hour, MIN2 has holes, MIN3 ends early and misses a session."""
    clock, scattered = (start.hour, start.minute), rng.integers(0, 100) < 5
    late = {2: (9, 10), 5: (9, 25), 9: (10, 5)}
    return {
        "MIN1": clock < late.get(session, (0, 0)) or (session == 4 and (11, 0) <= clock < (12, 5)),
        "MIN2": scattered or (session in {1, 3, 6} and clock in {(9, 55), (10, 0), (14, 55)}),
        "MIN3": (session in {4, 8} and clock >= (15, 15)) or session == 7,
    }[symbol]


def starts_of(rng: np.random.Generator, symbol: str) -> list[dt.datetime]:
    starts = []
    for session, day in enumerate(sessions()):
        start = dt.datetime.combine(day, dt.time(9))
        end = dt.datetime.combine(day, dt.time(12, 40) if day == SHORTENED else dt.time(15, 30))
        while start < end:
            starts += [] if is_missing(rng, symbol, session, start) else [start]
            start += BAR
    return starts


def invent_intraday(number: int, symbol: str) -> pl.DataFrame:
    rng = np.random.default_rng(2029_00 + number)
    starts = starts_of(rng, symbol)
    prices = draw_prices(rng, len(starts), 4000 + 300 * number, 12)
    columns = {
        "symbol": [symbol] * len(starts),
        "timestamp": starts,
        **{name: ticks / 100 for name, ticks in prices.items()},
        "volume": draw_volume(rng, symbol, len(starts)).astype(float),
    }
    return pl.DataFrame(columns)


# ---------------------------------------------------------------- answers


def as_market(frame: pl.DataFrame, bar: dt.timedelta | None = None) -> Market:
    found = []
    if bar is not None:
        for moment in sorted(frame["timestamp"].to_list()):
            OPENINGS.setdefault(moment.date(), moment)
    for rows in frame.partition_by("symbol", maintain_order=True):
        unknown = np.full(rows.height, UNKNOWN)
        values = {name: Series(rows[name].to_numpy() if name in rows.columns else unknown) for name in FIELDS}
        timestamp = rows["timestamp"].to_list()
        found.append(Bars(symbol=rows["symbol"][0], timestamp=timestamp, moment=timestamp, **values))
    return Market(found, bar)


def rows_of(bars: str) -> Iterator[tuple[str, str, float, Answer]]:
    """Id, text, tolerance and function of the formulas on these bars; ids count through all tables."""
    rows = [(name, text, tolerance, compute) for name, tolerance, table in TABLES for text, compute in table.items()]
    for number, (name, text, tolerance, compute) in enumerate(rows, start=1):
        if name == bars:
            yield f"m{number:03}", text, tolerance, compute


def as_column(panel: Panel) -> pl.Series:
    """One value per bar of the file, null = unknown; Boolean for a condition, otherwise Float64."""
    values = pl.Series(np.concatenate([part.values for part in panel.parts]), nan_to_null=True)
    return values.cast(pl.Boolean) if isinstance(panel.parts[0], Condition) else values


def answer(bars: str, frame: pl.DataFrame, market: Market) -> tuple[list[dict], pl.DataFrame]:
    formulas, answers = [], frame.select("symbol", "timestamp")
    for formula_id, text, tolerance, compute in rows_of(bars):
        values = as_column(compute(market)).alias(formula_id)
        kind = "condition" if values.dtype == pl.Boolean else "series"
        formulas.append(
            {"formula_id": formula_id, "text": text, "kind": kind, "tolerance": tolerance, "bars": bars},
        )
        answers = answers.with_columns(values)
    return formulas, answers


# ---------------------------------------------------------------- a second opinion


def check_sequence(market: Market) -> None:
    """From its definition, on all conditions of five bars: any rising bars, the last one now, will do."""

    def comes(n: int, conditions: tuple[tuple[float, ...], ...], now: int) -> bool:
        choices = product(range(max(now - n + 1, 0), now), repeat=len(conditions))
        rising = [bars for bars in choices if list(bars) == sorted(set(bars))]
        return any(all(c[i] == 1 for c, i in zip(conditions, bars, strict=True)) for bars in rising)

    every_condition = list(product([0.0, 1.0, UNKNOWN], repeat=5))
    for n, conditions in product(
        (1, 3, 4), zip(every_condition, every_condition[7:], every_condition[53:], strict=False)
    ):
        one = Market([until(market.bars[0], 5)])
        found = sequence(n, *[Panel(one, [Condition(np.array(c))]) for c in conditions])
        expected = [final if comes(n, conditions[:2], now) else 0.0 for now, final in enumerate(conditions[2])]
        np.testing.assert_array_equal(found.parts[0].values, expected)


def check_percentrank(market: Market) -> None:
    """TA-Lib counts those below, so the difference are the equal ones; without any it is the same."""
    other = -percentrank(-market.close, 10)  # 100 - those above, in other words
    theirs = indicator("PERCENTRANK")(market.close, 10)
    for mine, not_below, below in zip(percentrank(market.close, 10).parts, other.parts, theirs.parts, strict=True):
        np.testing.assert_allclose(100 + not_below.values, below.values, rtol=1e-12, atol=1e-9)
        known = ~np.isnan(below.values)
        assert (mine.values[known] >= below.values[known]).all()


def check_calendar() -> None:
    assert end_of_week(dt.date(2023, 4, 29)) == dt.date(2023, 5, 5)
    assert end_of_week(dt.date(2023, 4, 28)) == dt.date(2023, 4, 28)
    assert end_of_month(dt.date(2023, 4, 28)) == dt.date(2023, 4, 28)
    assert end_of_month(dt.date(2023, 4, 29)) == dt.date(2023, 5, 31)
    assert end_of_month(dt.date(2023, 12, 31)) == dt.date(2024, 1, 31)


def check_weeks(frame: pl.DataFrame, market: Market) -> None:
    """weekly(close) and weekly(volume) by a grouping and a join of Polars."""
    days = frame.with_columns(end=pl.col("timestamp").dt.offset_by("2d").dt.truncate("1w").dt.offset_by("4d"))
    weeks = days.group_by("symbol", "end", maintain_order=True).agg(pl.col("close").last(), pl.col("volume").sum())
    seen = frame.select("symbol", day="timestamp").sort("day").join_asof(
        weeks.sort("end"), left_on="day", right_on="end", by="symbol", strategy="backward", check_sortedness=False
    )  # fmt: skip
    seen = seen.sort("symbol", "day")
    for name in ("close", "volume"):
        mine = as_column(weekly(market, lambda w, name=name: getattr(w, name)))
        assert mine.equals(seen[name].alias(mine.name)), name


def check_developing(market: Market) -> None:
    """On a period's last day it has ended: the running one is the completed one."""
    for unit, x in product(("1w", "1mo"), (lambda w: w.close[1], lambda w: highest(w.high, 3), lambda w: w.open)):
        completed, still_running = tf(market, unit, x), tf(market, unit, x, developing=True)
        for b, one, other in zip(market.bars, completed.parts, still_running.parts, strict=True):
            ended = [day == end for day, end in zip(b.timestamp, period_ends(b, unit), strict=True)]
            np.testing.assert_array_equal(one.values[ended], other.values[ended])


def check_ranks(frame: pl.DataFrame, market: Market) -> None:
    known = pl.col("close").rank("average").over("timestamp") - 1
    mine = as_column(rank(market.close))
    theirs = frame.select(known / (pl.len().over("timestamp") - 1).cast(pl.Float64)).to_series().fill_nan(None)
    assert mine.equals(theirs.alias(mine.name))


def check_no_look_ahead(bars: str, frame: pl.DataFrame, end: dt.date) -> None:
    """Cutting the data changes nothing before the cut."""
    bar = BAR if bars == "intraday" else None
    cut = frame.filter(pl.col("timestamp") <= end)
    is_kept = frame["timestamp"] <= end
    whole, part = as_market(frame, bar), as_market(cut, bar)
    for _, text, _, compute in rows_of(bars):
        before, after = as_column(compute(part)), as_column(compute(whole)).filter(is_kept)
        assert before.equals(after), text


# ---------------------------------------------------------------- files


def main() -> None:
    frame = pl.concat(invent(number, symbol) for number, symbol in enumerate(DRAWN))
    minutes = pl.concat(invent_intraday(number, symbol) for number, symbol in enumerate(("MIN1", "MIN2", "MIN3")))
    market, intraday = as_market(frame), as_market(minutes, BAR)
    check_calendar()
    check_sequence(market)
    check_percentrank(market)
    check_weeks(frame, market)
    check_ranks(frame, market)
    check_developing(market)
    check_no_look_ahead("market", frame, dt.date(2023, 11, 15))
    check_no_look_ahead("intraday", minutes, dt.datetime(2024, 3, 5, 10, 20))
    formulas, answers = answer("market", frame, market)
    more_formulas, intraday_answers = answer("intraday", minutes, intraday)
    make.write_parquet(HERE / "market.parquet", frame)
    make.write_parquet(HERE / "intraday.parquet", minutes)
    make.write_parquet(HERE / "more.parquet", answers)
    make.write_parquet(HERE / "more_intraday.parquet", intraday_answers)
    make.write_lines(HERE / "more_formulas.json", formulas + more_formulas)
    (HERE / "market_symbols.json").write_text(json.dumps(SYMBOLS, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
