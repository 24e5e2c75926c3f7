"""Where ticks stand and what they say: prices and counts, and the time along bars without gaps."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import polars as pl
from matplotlib.ticker import MaxNLocator

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPANS = ("50y", "20y", "10y", "5y", "2y", "1y", "6mo", "3mo", "1mo", "1w", "1d",
          "4h", "2h", "1h", "30m", "15m", "5m", "1m")  # fmt: skip
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_LARGE, _SMALL = 1e7, 1e-5  # beyond these an exponent is shorter
_EXACT = 1e-9


class TimeTick(NamedTuple):
    """A tick at a bar; a larger rank is a rarer beginning: of a year, a month, a day."""

    bar: int
    label: str
    rank: int


def time_ticks(moments: pl.Series, *, most: int, apart: float) -> list[TimeTick]:
    """Choose the beginnings of years, months, days or hours at which bars are labelled.

    At most so many, and so many bars apart; of two that are too near the rarer
    beginning stays. Where no period begins, the first bar is labelled in full.
    """
    values = moments.to_list()
    begins = next((found for span in reversed(_SPANS) if 0 < len(found := _begins(moments, span)) <= most), [])
    if not begins:
        return [TimeTick(0, full(values[0]), 3)]
    return _thinned([_tick(values, bar, before) for before, bar in zip([None, *begins], begins, strict=False)], apart)


def _begins(moments: pl.Series, span: str) -> list[int]:
    """Bars that are the first of a period."""
    if span[-1] in "hm" and moments.dtype == pl.Date:
        return []
    period = moments.dt.truncate(span)
    return list((period != period.shift(1)).fill_null(value=False).arg_true())


def _tick(values: Sequence[dt.date], bar: int, tick_before: int | None) -> TimeTick:
    """Name the longest period that begins at a bar; a day of another month than the tick before names it."""
    now, before = values[bar], values[bar - 1]
    named = before if tick_before is None else values[tick_before]
    if now.year != before.year:
        return TimeTick(bar, str(now.year), 3)
    if now.month != before.month:
        return TimeTick(bar, MONTHS[now.month - 1], 2)
    day = f"{MONTHS[now.month - 1]} {now.day}"
    if isinstance(now, dt.datetime):
        return TimeTick(bar, f"{now:%H:%M}", 0) if now.day == before.day else TimeTick(bar, day, 1)
    return TimeTick(bar, day if tick_before is None or now.month != named.month else str(now.day), 1)


def _thinned(ticks: Sequence[TimeTick], apart: float) -> list[TimeTick]:
    kept: list[TimeTick] = []
    for tick in ticks:
        while kept and tick.bar - kept[-1].bar < apart and kept[-1].rank < tick.rank:
            kept.pop()
        if not kept or tick.bar - kept[-1].bar >= apart:
            kept.append(tick)
    return kept


def full(moment: dt.date) -> str:
    """Write a moment: a date, with the time of an intraday bar."""
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, dt.datetime) else moment.isoformat()


def value_ticks(low: float, high: float, *, most: int) -> list[float]:
    """Choose round numbers between two limits."""
    locator = MaxNLocator(nbins=max(most, 1), steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)
    return [float(value) for value in locator.tick_values(low, high) if low <= value <= high]


def labels_of(ticks: Sequence[float]) -> list[str]:
    """Write ticks with the decimals that tell them apart."""
    if not ticks:
        return []
    largest = max(map(abs, ticks))
    if largest >= _LARGE:
        return [short(tick) for tick in ticks]
    steps = [later - earlier for earlier, later in pairwise(ticks)]
    step = min((each for each in steps if each > 0), default=largest or 1.0)
    if step < _SMALL:
        return [f"{tick:.3g}" for tick in ticks]
    places = next((count for count in range(6) if math.isclose(step * 10**count, round(step * 10**count))), 6)
    return [f"{tick:,.{places}f}" for tick in ticks]


def short(value: float) -> str:
    """Write a count in thousands, millions, billions: 12.3M."""
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}" if abs(value) < 1000 * size else f"{value:.3g}"
    return f"{value:.3g}"


def price_places(prices: pl.Series) -> int:
    """How many decimals the prices have, four at the most; more for prices below one."""
    known = prices.drop_nulls()
    largest = abs(float(known.max() or 0))  # type: ignore[arg-type]
    if 0 < largest < 1:
        return min(4 - math.floor(math.log10(largest)) - 1, 12)
    tail = known.tail(500)
    most = 2 if largest >= 100 else 4  # noqa: PLR2004 - beyond cents only odd prices have decimals
    return next((places for places in range(most) if bool(((tail.round(places) - tail).abs() < _EXACT).all())), most)


def price(value: float, places: int) -> str:
    """Write a price with thousands separators."""
    return f"{value:.6g}" if abs(value) >= 1e12 else f"{value:,.{places}f}"  # noqa: PLR2004 - beyond it, zeros say nothing


def number(value: float) -> str:
    """Write a number of unknown size to four digits."""
    size = abs(value)
    if size >= _LARGE or 0 < size < _SMALL:
        return f"{value:.4g}"
    places = next((count for least, count in ((1000, 0), (100, 1), (1, 2)) if size >= least), 4)
    return f"{value:,.{places if value != round(value) else 0}f}"
