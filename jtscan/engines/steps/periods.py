"""Bars of a longer period: which period a bar belongs to, when it is complete, and what its fields are.

Which period that is, domain/periods.py tells. A daily bar on a period's last
day sees its own period; otherwise, and always on intraday bars, a period is
seen from the first bar of a later one. A period of minutes is complete on the
bar whose end reaches its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from jtscan.domain.bars import runs_of
from jtscan.domain.dates import Timeframe
from jtscan.domain.periods import period_end, period_start
from jtscan.engines.steps.table import Table
from jtscan.formula.joining import joining
from jtscan.formula.plan import PeriodStep

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


def with_periods(table: Table, period: str, clock: Clock) -> pl.DataFrame:
    """Add where each bar stands among the longer bars of all symbols of the table.

    ``#g`` is the row of its own period, ``#v`` that of the latest completed
    one, ``#f`` that of its symbol's first. A symbol's first period is not used
    where the reading began inside its history.
    """
    frame, spans, longer = table.frame, table.spans, Timeframe.parse(period)
    label, complete = frame.with_columns(_session(frame, longer, clock)).select(*_labels(longer, clock.timeframe))
    first = frame["#i"] == 0
    begins = ((label != label.shift(1)) | first).fill_null(value=True)
    if clock.whole is not None and not clock.whole.issuperset(spans.names):
        cut = [start for name, start in zip(spans.names, spans.starts, strict=True) if name not in clock.whole]
        begins = begins.scatter(cut, False)
    own = (begins.cast(pl.Int32).cum_sum() - 1).alias(f"#g:{period}")
    starts = pl.Series(spans.starts)
    # The row before a symbol's first period: what was counted until then.
    until = own.gather(starts) - begins.gather(starts).cast(pl.Int32) + 1
    begun = spans.spread(until.to_numpy()).alias(f"#f:{period}")
    seen = own - (~complete).cast(pl.Int32)
    visible = pl.select(pl.when(seen >= begun).then(seen).alias(f"#v:{period}")).to_series()
    return frame.hstack([label, own, begun, visible])


def _session(frame: pl.DataFrame, longer: Timeframe, clock: Clock) -> list[pl.Series]:
    """Tell when each bar's session began, where periods are counted in minutes."""
    if longer.minutes is None:
        return []
    opens = (_DAY.shift(1) != _DAY) | (pl.col("#i") == 0)
    own = frame.select(pl.when(opens.fill_null(value=True)).then(pl.col("timestamp")).forward_fill()).to_series()
    if clock.sessions is None:
        return [own.alias("#session")]
    days = frame.select(_DAY.alias("day")).join(clock.sessions, on="day", how="left", maintain_order="left")
    return [days["start"].cast(own.dtype).zip_with(days["start"].is_not_null(), own).alias("#session")]


def _labels(longer: Timeframe, bars: Timeframe) -> tuple[pl.Expr, pl.Expr]:
    """What tells a bar's period from others, and whether the bar sees it complete."""
    if longer.minutes is None:
        end = period_end(_DAY, longer)
        return end.alias(LABEL), (pl.lit(value=False) if bars.intraday else end <= _DAY).alias("#complete")
    moment, session, length = pl.col("timestamp"), pl.col("#session"), pl.duration(minutes=longer.minutes)
    start = period_start(moment, session, longer.minutes)
    complete = moment + pl.duration(minutes=bars.minutes) >= start + length
    return start.alias(LABEL), complete.alias("#complete")


def joined(placed: Table, step: PeriodStep) -> Table:
    """Join placed bars into longer ones: one row per symbol and period, at the time of its last bar."""
    row, first = f"#g:{step.period}", f"#f:{step.period}"
    partial = placed.frame[row] < placed.frame[first]
    used = placed.frame.filter(~partial) if partial.any() else placed.frame
    ends = (used[row] != used[row].shift(-1)).fill_null(value=True).arg_true()
    at = {"last": ends, "first": (ends.shift(1) + 1).fill_null(0)}
    grouped = [name for name in step.fields if joining(name).row is None]
    values = {
        **{name: used[name].gather(ends) for name in dict.fromkeys(("timestamp", LABEL, *step.texts))},
        **{name: used[name].gather(at[end]) for name in step.fields if (end := joining(name).row) is not None},
    }
    if grouped:
        whole = (joining(name).whole(pl.col(name)) for name in grouped)
        values |= used.group_by(row, maintain_order=True).agg(*whole).drop(row).to_dict()
    symbols = placed.spans.symbols(used["#x"].gather(ends))
    return Table.of(pl.DataFrame(values), runs_of(symbols.to_frame()))
