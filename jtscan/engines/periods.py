"""Bars of a longer period: which period a bar belongs to, when it is complete, and what its fields are.

Which period that is, domain/periods.py tells. A daily bar on a period's last
day sees its own period; otherwise, and always on intraday bars, a period is
seen from the first bar of a later one. A period of minutes is complete on the
bar whose end reaches its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.periods import period_end, period_start
from jtscan.formula.joining import joining

LABEL = "#period"
"""What tells a period from others of all symbols: its last day, or its start for minutes."""

_DAY = pl.col("timestamp").cast(pl.Date)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """What tells when periods begin: the length of the bars, whose history begins in the frame, and the sessions.

    ``whole`` None = everybody's. ``sessions`` are the first bars of days, of
    whatever symbol; without them a symbol's own first bar begins its session.
    """

    timeframe: Timeframe = Timeframe.D1
    whole: frozenset[str] | None = None
    sessions: pl.DataFrame | None = None


def with_periods(frame: pl.DataFrame, period: str, clock: Clock) -> pl.DataFrame:
    """Add where each bar stands among the longer bars of all symbols of the frame.

    ``#g`` is the row of its own period, ``#v`` that of the latest completed
    one, ``#f`` that of its symbol's first. A symbol's first period is not used
    where the reading began inside its history.
    """
    longer, whole = Timeframe.parse(period), clock.whole
    frame = _with_sessions(frame, longer, clock).with_columns(**_labels(longer, clock.timeframe))
    begins = (pl.col(LABEL) != pl.col(LABEL).shift(1)) | (pl.col("#i") == 0)
    cut = pl.lit(value=False) if whole is None else ~pl.col("symbol").is_in(list(whole))
    first = pl.col("#i") == 0
    frame = frame.with_columns(begins=begins & ~(first & cut))
    row = pl.col("begins").cast(pl.Int32).cum_sum() - 1
    # The row before a symbol's first period: what was counted until then.
    until = pl.when(first).then(row - pl.col("begins").cast(pl.Int32)).forward_fill() + 1
    frame = frame.with_columns(row.alias(f"#g:{period}"), until.alias(f"#f:{period}"))
    seen = pl.col(f"#g:{period}") - (~pl.col("#complete")).cast(pl.Int32)
    visible = pl.when(seen >= pl.col(f"#f:{period}")).then(seen)
    return frame.with_columns(visible.alias(f"#v:{period}")).drop("begins", "#complete", "#session")


def _with_sessions(frame: pl.DataFrame, longer: Timeframe, clock: Clock) -> pl.DataFrame:
    """Add when each bar's session began, where periods are counted in minutes."""
    if longer.minutes is None:
        return frame.with_columns(pl.lit(None).alias("#session"))
    opens = (_DAY.shift(1) != _DAY) | (pl.col("#i") == 0)
    own = pl.when(opens.fill_null(value=True)).then(pl.col("timestamp")).forward_fill()
    if clock.sessions is None:
        return frame.with_columns(own.alias("#session"))
    starts = frame.select(_DAY.alias("day")).join(clock.sessions, on="day", how="left", maintain_order="left")["start"]
    frame = frame.with_columns(own.alias("#own"), starts.alias("#session"))
    return frame.with_columns(pl.coalesce("#session", "#own").alias("#session")).drop("#own")


def _labels(longer: Timeframe, bars: Timeframe) -> dict[str, pl.Expr]:
    if longer.minutes is None:
        end = period_end(_DAY, longer)
        return {LABEL: end, "#complete": pl.lit(value=False) if bars.intraday else end <= _DAY}
    moment, session, length = pl.col("timestamp"), pl.col("#session"), pl.duration(minutes=longer.minutes)
    start = period_start(moment, session, longer.minutes)
    return {LABEL: start, "#complete": moment + pl.duration(minutes=bars.minutes) >= start + length}


def joined(frame: pl.DataFrame, period: str, fields: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    """Join bars into longer ones: one row per symbol and period, at the time of its last bar."""
    row, first = pl.col(f"#g:{period}"), pl.col(f"#f:{period}")
    values = (joining(name).whole(pl.col(name)).alias(name) for name in fields)
    last = (pl.col(name).last() for name in dict.fromkeys(("symbol", "timestamp", LABEL, *texts)))
    return frame.filter(row >= first).group_by(row.alias("#row"), maintain_order=True).agg(*last, *values).drop("#row")
