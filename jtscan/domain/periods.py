"""Which longer period a bar belongs to; the one definition for formulas and for bars made at read.

A week runs from Saturday to Friday, a month to its last Monday-to-Friday day
(a later weekend bar belongs to the next one). Minutes are counted from the
session's first bar, of whatever symbol, so that the hours of all symbols are
the same.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from jtscan.domain.dates import Timeframe

_FRIDAY = 5


def period_end(day: pl.Expr, timeframe: Timeframe) -> pl.Expr:
    """Return the last day of a day's period by the calendar, whether the market trades then or not."""
    return _ENDS[timeframe](day)


def period_start(moment: pl.Expr, session: pl.Expr, minutes: int) -> pl.Expr:
    """Return when the period of so many minutes began that holds a moment of a session."""
    return session + (moment - session).dt.total_minutes() // minutes * pl.duration(minutes=minutes)


def _week_end(day: pl.Expr) -> pl.Expr:
    days = day.to_physical()  # days since 1970; the 3rd was a Saturday
    return ((days - 2) // 7 * 7 + 8).cast(pl.Date)


def _month_end(day: pl.Expr) -> pl.Expr:
    this = _last_weekday(day)
    return pl.when(this >= day).then(this).otherwise(_last_weekday(day + pl.duration(days=7))).cast(pl.Date)


def _last_weekday(day: pl.Expr) -> pl.Expr:
    end = day.dt.month_end()
    return end - pl.duration(days=pl.max_horizontal(end.dt.weekday().cast(pl.Int64) - _FRIDAY, pl.lit(0)))


_ENDS: dict[Timeframe, Callable[[pl.Expr], pl.Expr]] = {
    Timeframe.D1: lambda day: day,
    Timeframe.W1: _week_end,
    Timeframe.MO1: _month_end,
}
