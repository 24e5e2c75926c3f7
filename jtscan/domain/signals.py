"""The matches of a scan, gathered and counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from jtscan.domain.tables import Exports
from jtscan.domain.words import counted
from jtscan.errors import RequestError

if TYPE_CHECKING:
    from jtscan.notebook.charts import Chart, ThemeName

PIVOT_KEYS = ("symbol", "name", "market", "sector", "date", "month", "signal_type")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AggregatedSignals(Exports):
    """All matches of a scan as one frame.

    Attributes
    ----------
    matches
        One row per match: symbol, name, timestamp (a date, or the start of an
        intraday bar), signal_type, close, then the formula's columns (null =
        unknown). Sorted by timestamp, then symbol, unless asked otherwise.
    found
        The same before ``top=`` cut it.
    total_matches
        How many were found.
    total_symbols, symbols_with_matches
        How many symbols were processed, and how many of them matched.
    labels
        Name, market and sector per symbol; null is unknown.
    """

    total_symbols: int
    symbols_with_matches: int
    total_matches: int
    matches: pl.DataFrame
    found: pl.DataFrame
    labels: pl.DataFrame

    @property
    def _table(self) -> pl.DataFrame:
        return self.matches

    @property
    def _sheets(self) -> dict[str, pl.DataFrame]:
        return {"matches": self.matches}

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.signals_text(self)

    def in_words(self, asked: int) -> str:
        """All matches in one line, of so many symbols asked."""
        matches = counted(self.total_matches, "match", "matches")
        return f"{matches} in {self.symbols_with_matches:,} of {counted(asked, 'symbol')}"

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.signals_html(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalStatistics(Exports):
    """How many matches there are, by symbol, by date and by signal.

    Attributes
    ----------
    total
        How many matches were found.
    by_symbol, by_date, by_signal_type
        Matches by each, as dicts in falling order of count.
    counts
        The frame to count further: one row per symbol, date and signal_type, with
        name, market, sector (null is unknown), month and the number of matches.
    found
        Symbol, date and signal_type of each match.
    labels
        Name, market and sector per symbol.

    Examples
    --------
    >>> import jtscan as jt
    >>> result = jt.Scanner("data").scan("close > highest(high, 20)[1]", market="KOSPI", last=5)
    >>> result.statistics.pivot("sector", "signal_type").columns
    ['sector', 'match', 'total']
    """

    total: int
    by_symbol: Mapping[str, int] = field(default_factory=dict)
    by_date: Mapping[dt.date, int] = field(default_factory=dict)
    by_signal_type: Mapping[str, int] = field(default_factory=dict)
    found: pl.DataFrame = field(repr=False)
    labels: pl.DataFrame = field(repr=False)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """The frame to count further, made when it is first looked at."""
        days = self.found.select(pl.col("date").unique()).with_columns(month=pl.col("date").dt.strftime("%Y-%m"))
        return (
            self.found.group_by("symbol", "date", "signal_type").agg(pl.len().cast(pl.Int64).alias("matches"))
            .join(self.labels, on="symbol", how="left")
            .join(days, on="date", how="left")
        )  # fmt: skip

    def pivot(self, index: str, columns: str) -> pl.DataFrame:
        """Count matches by any two of symbol, name, market, sector, date, month, signal_type.

        One row per value of ``index``, one column per value of ``columns``,
        both in rising order, and a last column ``total``; 0 where none fired.
        Months between the first and the last are there also where none fired.

        Parameters
        ----------
        index
            What the rows are.
        columns
            What the columns are; another one.

        Raises
        ------
        RequestError
            One of them is not among those, or both are the same.
        """
        counts = counts_by(self, index, columns)
        if self.counts.is_empty():
            return self.counts.select(index).with_columns(total=pl.lit(None, dtype=pl.Int64)).clear()
        counted = counts.select(pl.col(index).alias("_index"), _texts(columns).alias("_column"), "matches")
        table = (
            counted.sort("_column")
            .pivot("_column", index="_index", values="matches", aggregate_function="sum")
            .sort("_index", nulls_last=True)
        )
        values = pl.exclude("_index")
        summed = table.with_columns(values.fill_null(0).cast(pl.Int64)).with_columns(
            pl.sum_horizontal(values).alias("_total")
        )
        taken = set(summed.columns)
        return summed.rename({"_index": _free(index, taken), "_total": _free("total", taken)})

    def plot(self, *, theme: ThemeName = "auto") -> Chart:
        """Draw the matches in time by signal, and the symbols with the most."""
        from jtscan.notebook import charts  # noqa: PLC0415 - matplotlib is asked for by those who draw

        return charts.statistics_chart(self, theme=theme)

    @property
    def _table(self) -> pl.DataFrame:
        return self.counts

    @property
    def _sheets(self) -> dict[str, pl.DataFrame]:
        return {"by symbol": named_pivot(self), "counts": self.counts}

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.statistics_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.statistics_html(self)


def counts_by(statistics: SignalStatistics, index: str, columns: str) -> pl.DataFrame:
    """Return the counts to be summed by two keys; months between the first and the last are there with 0 too.

    Raises
    ------
    RequestError
        A key is unknown, or both are the same.
    """
    for field_name, key in (("index", index), ("columns", columns)):
        if key not in PIVOT_KEYS:
            raise RequestError(field_name, f"{key!r} cannot be counted by; there are: {', '.join(PIVOT_KEYS)}")
    if index == columns:
        raise RequestError("columns", f"both are {index!r}; take two different ones")
    counts = statistics.counts
    return pl.concat([counts, _quiet_months(counts)]) if "month" in (index, columns) and counts.height else counts


def named_pivot(statistics: SignalStatistics) -> pl.DataFrame:
    """Count by symbol and signal, most matches first; the name stands beside the symbol."""
    table = statistics.pivot("symbol", "signal_type")
    sorted_ = table.sort(table.columns[-1], descending=True, maintain_order=True)
    symbol, name = sorted_.columns[0], _free("name", set(sorted_.columns))
    names = statistics.counts.select(pl.col("symbol").alias(symbol), pl.col("name").alias(name)).unique(symbol)
    named = sorted_.join(names, on=symbol, how="left", maintain_order="left")
    return named.select(symbol, name, pl.exclude(symbol, name))


def _quiet_months(counts: pl.DataFrame) -> pl.DataFrame:
    """A row of no matches for each month between the first and the last, so that a calendar has no holes."""
    days = pl.col("date")
    first, last = counts.select(days.min().dt.month_start(), days.max().alias("last")).row(0)
    months = pl.date_range(first, last, "1mo", eager=True).dt.strftime("%Y-%m")
    return (
        counts.head(1)
        .select(pl.exclude("month", "matches"))
        .join(pl.DataFrame({"month": months, "matches": pl.zeros(len(months), pl.Int64, eager=True)}), how="cross")
        .select(counts.columns)
    )


def _texts(key: str) -> pl.Expr:
    return pl.col(key).cast(pl.String).fill_null("(none)")


def _free(name: str, taken: set[str]) -> str:
    """A header that no signal or symbol has taken."""
    return _free(f"{name}_", taken) if name in taken else name
