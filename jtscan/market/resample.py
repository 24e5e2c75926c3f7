"""Bars of a longer timeframe out of bars of a shorter one.

Weeks, months and minutes are those of the formula language
(domain/periods.py), so a scan of weekly bars and ``weekly()`` in a scan of
daily bars agree.

A bar of minutes is labelled by its start, a day by its date, a week or month
by the last day of it on which any symbol of the data traded, not by the
symbol's own last day: so the bars of a week have one label for all symbols,
and ``rank`` and ``ref`` can compare them. The label is never earlier than a
bar that is in it; of a symbol that ended within the week it is later, so
nothing is told before it was known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.periods import period_end, period_start

Join = Callable[[pl.Expr], pl.Expr]


def _first(values: pl.Expr) -> pl.Expr:
    return values.first(ignore_nulls=True)


def _last(values: pl.Expr) -> pl.Expr:
    return values.last(ignore_nulls=True)


def _sum(values: pl.Expr) -> pl.Expr:
    return pl.when(values.count() > 0).then(values.sum())  # nothing known is not zero


JOINS: dict[str, Join] = {
    "open": _first,
    "high": pl.Expr.max,
    "low": pl.Expr.min,
    "close": _last,
    **dict.fromkeys(("volume", "amount", "value", "turnover", "trades", "거래대금"), _sum),
}
"""How columns are joined, whatever the case of their names, unadjusted ones (``raw_open``) alike.

Those that count what was traded in a bar are added up; any further column
takes its last known value. Null is where nothing is known of the whole period.
"""


def join_of(name: str) -> Join:
    """Tell how a column is joined."""
    return JOINS.get(name.casefold().removeprefix("raw_"), _last)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Periods:
    """The periods of a timeframe in which the market traded.

    ``days`` has one row for each calendar day from the market's first to its
    last: day; and, null where nothing traded, start (of the session), end
    (the period's last day by the calendar), first and label (the first and
    the last day of the period on which the market traded).
    """

    timeframe: Timeframe
    days: pl.DataFrame

    @property
    def newest(self) -> tuple[dt.date, dt.date] | None:
        """The newest day, and the last day of its period by the calendar; None without any bar."""
        return self.days.select("day", "end").row(-1) if self.days.height else None

    def labels(self, moments: pl.Series) -> pl.Series:
        """Return the label of the bar that each of the market's timestamps belongs to."""
        if self.timeframe.minutes is None:
            return self._on_day_of(moments, "label")
        both = pl.DataFrame({"moment": moments, "session": self._on_day_of(moments, "start")})
        return both.select(period_start(pl.col("moment"), pl.col("session"), self.timeframe.minutes)).to_series()

    def begin(self, day: dt.date) -> dt.date:
        """Return the first trading day of the period that a day is in; the day itself where nothing traded since."""
        later = self.days.filter(pl.col("day") >= day)["first"].drop_nulls()
        return min(later[0], day) if later.len() else day

    def _on_day_of(self, moments: pl.Series, name: str) -> pl.Series:
        """Look up what is known of the day of each timestamp."""
        if self.days.is_empty():
            return pl.repeat(None, moments.len(), dtype=self.days.schema[name], eager=True)
        number = moments.cast(pl.Date).to_physical() - self.days["day"].to_physical()[0]
        return self.days[name].gather(number)


def make_periods(sessions: pl.DataFrame, timeframe: Timeframe) -> Periods:
    """Make the periods of a timeframe out of the sessions: day and start of each day with a bar of any symbol."""
    counted_in = Timeframe.D1 if timeframe.intraday else timeframe
    ends = sessions.with_columns(period_end(pl.col("day"), counted_in).alias("end"))
    spans = [pl.col("day").min().over("end").alias("first"), pl.col("day").max().over("end").alias("label")]
    days = ends.with_columns(spans)
    return Periods(timeframe=timeframe, days=days if days.is_empty() else days.upsample("day", every="1d"))


def resample(frame: pl.DataFrame, periods: Periods) -> pl.DataFrame:
    """Join bars into longer ones.

    Parameters
    ----------
    frame
        symbol, timestamp and columns of numbers: each symbol's rows together,
        in rising time.
    periods
        The periods of the market that the bars are of.

    Returns
    -------
    pl.DataFrame
        The same columns in the same order, one row per symbol and period.
    """
    labels = periods.labels(frame["timestamp"]).alias("timestamp")
    symbols = frame["symbol"].rle_id()
    begins = ((labels != labels.shift(1)) | (symbols != symbols.shift(1))).fill_null(value=True)
    row = begins.cast(pl.Int64).cum_sum().set_sorted().alias("#row")
    grouped = frame.with_columns(labels, row).group_by("#row", maintain_order=True)
    return grouped.agg(pl.col("symbol", "timestamp").first(), *_joined(frame)).drop("#row")


def _joined(frame: pl.DataFrame) -> Iterable[pl.Expr]:
    for name in frame.columns:
        if name not in {"symbol", "timestamp"}:
            yield join_of(name)(pl.col(name))
