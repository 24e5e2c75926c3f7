"""The results of all symbols → one frame of matches, and its counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from jtscan.domain.jobs import ProcessingResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.errors import RequestError

LABELS = {"symbol": pl.String, "name": pl.String, "market": pl.String, "sector": pl.String}
_EMPTY = {"symbol": pl.String, "timestamp": pl.Date, "signal_type": pl.String, "close": pl.Float64}


class SignalAggregator:
    """Gathers the matches of a batch."""

    def aggregate(
        self,
        results: Sequence[ProcessingResult],
        sort_by: str = "timestamp",
        *,
        labels: pl.DataFrame | None = None,
        top: int | None = None,
    ) -> AggregatedSignals:
        """Put the matches of all symbols into one frame.

        Parameters
        ----------
        results
            One per symbol.
        sort_by
            A column: numbers largest first, anything else rising; ``"-x"``
            the other way round. Ties are by timestamp, symbol and the order
            of the signals.
        labels
            Name, market and sector per symbol.
        top
            Keep the first so many.
        """
        known = pl.DataFrame(schema=LABELS) if labels is None else labels.select(LABELS.keys())
        found = _named(_gathered(results), known)
        if results:
            found = _ordered(found, sort_by)
        return AggregatedSignals(
            total_symbols=len(results),
            symbols_with_matches=found["symbol"].n_unique(),
            total_matches=found.height,
            matches=found if top is None else found.head(top),
            found=found,
            labels=known,
        )

    def get_statistics(self, signals: AggregatedSignals) -> SignalStatistics:
        """Count what was found, by symbol, date and signal."""
        keys = ["symbol", "date", "signal_type"]
        dated = signals.found.select("symbol", pl.col("timestamp").cast(pl.Date).alias("date"), "signal_type")
        months = dated.select(pl.col("date").unique()).with_columns(month=pl.col("date").dt.strftime("%Y-%m"))
        counts = (
            dated.group_by(keys).agg(pl.len().cast(pl.Int64).alias("matches"))
            .join(signals.labels, on="symbol", how="left")
            .join(months, on="date", how="left")
        )  # fmt: skip
        return SignalStatistics(
            total=signals.total_matches,
            by_symbol=_falling(counts, "symbol"),
            by_date=_falling(counts, "date"),
            by_signal_type=_falling(counts, "signal_type"),
            counts=counts,
        )


def _gathered(results: Sequence[ProcessingResult]) -> pl.DataFrame:
    """Put the matches in the order of the symbols, each symbol's in time."""
    results = sorted(results, key=lambda result: result.symbol)
    frames = [result.matches for result in results if result.matches.height] or [
        result.matches for result in results[:1]
    ]
    return pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame(schema=_EMPTY)


def _named(matches: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Put the name behind the symbol."""
    joined = matches.join(labels.select("symbol", "name"), on="symbol", how="left", maintain_order="left")
    others = [name for name in matches.columns if name != "symbol"]
    return joined.select("symbol", "name", *others)


def _ordered(matches: pl.DataFrame, sort_by: str) -> pl.DataFrame:
    """Sort matches that are in the order of symbol and time; what is equal keeps that order."""
    column = sort_by.removeprefix("-")
    check_sort(sort_by, matches.columns)
    falling = matches.schema[column].is_numeric() != sort_by.startswith("-")
    if column == "timestamp":
        return matches.sort(column, descending=falling, maintain_order=True)
    by_time = matches.sort("timestamp", maintain_order=True)
    return by_time.sort(column, descending=falling, nulls_last=True, maintain_order=True)


def check_sort(sort_by: str, columns: Sequence[str]) -> None:
    """Refuse a column to sort by that the matches do not have."""
    if sort_by.removeprefix("-") not in columns:
        raise RequestError(
            "sort_by", f"there is no column {sort_by.removeprefix('-')!r}; there are: {', '.join(columns)}"
        )


def _falling(counts: pl.DataFrame, key: str) -> Mapping[Any, int]:
    """Count by one key, the most first, equal counts by the key."""
    totals = counts.group_by(key).agg(pl.col("matches").sum()).sort("matches", key, descending=[True, False])
    return dict(totals.iter_rows())
