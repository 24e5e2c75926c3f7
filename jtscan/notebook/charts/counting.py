"""What the charts of counts share: a refusal, shades, names of symbols, signals beyond the largest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from jtscan.domain.signals import SignalStatistics
from jtscan.domain.words import counted
from jtscan.errors import RequestError
from jtscan.notebook.charts import fonts
from jtscan.notebook.charts.markers import signs_of
from jtscan.notebook.charts.themes import Theme, mixed

OTHERS = "others"
_MOST_SIGNALS = 7


def counts_of(statistics: SignalStatistics) -> pl.DataFrame:
    """Return the counts of a scan that has matches."""
    if statistics.counts.is_empty():
        raise RequestError("statistics", "there are no matches to draw; the scan's account says why")
    return statistics.counts


def facts_of(counts: pl.DataFrame) -> str:
    """Say how many matches there are, of how many symbols, from when to when."""
    first, last = span_of(counts)
    days = str(first) if first == last else f"{first} – {last}"
    return f"{counted(int(counts['matches'].sum()), 'match', 'matches')} · {days}"


def span_of(counts: pl.DataFrame) -> tuple[dt.date, dt.date]:
    """Return the first and the last date."""
    dates = counts["date"].sort()
    return dates[0], dates[-1]


def label_of(symbol: str, name: str | None) -> str:
    """Write a symbol with its name; the symbol alone where no font has the name's letters."""
    return f"{symbol}  {name}" if name and fonts.can_draw(name) else symbol


def shade(theme: Theme, share: float) -> str:
    """Return the colour of a share of the most, between 0 and 1."""
    return mixed(*theme.ramp, share)


def main_signals(counts: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Put the rarer of many signals together as others, and say how many they are."""
    falling = (
        counts.group_by("signal_type")
        .agg(pl.col("matches").sum())
        .sort("matches", "signal_type", descending=[True, False])
    )
    if falling.height <= _MOST_SIGNALS:
        return counts, 0
    kept = falling["signal_type"].head(_MOST_SIGNALS - 1)
    named = pl.when(pl.col("signal_type").is_in(kept.implode())).then("signal_type").otherwise(pl.lit(OTHERS))
    return counts.with_columns(signal_type=named), falling.height - kept.len()


def signal_colors(names: Sequence[str], theme: Theme) -> Mapping[str, str]:
    """Give signals the colours that they have in the charts of symbols."""
    own = [name for name in names if name != OTHERS]
    colors = {name: sign.color for name, sign in signs_of(own, theme, theme.western).items()}
    return colors | {name: theme.text for name in names if name == OTHERS}
