"""The results of all symbols → one frame of matches, and its counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from polars.exceptions import SchemaError

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
            symbols_with_matches=len({result.symbol for result in results if result.matches.height}),
            total_matches=found.height,
            matches=found if top is None else found.head(top),
            found=found,
            labels=known,
        )

    def get_statistics(self, signals: AggregatedSignals) -> SignalStatistics:
        """Count what was found, by symbol, date and signal."""
        found = signals.found.select("symbol", pl.col("timestamp").cast(pl.Date).alias("date"), "signal_type")
        return SignalStatistics(
            total=signals.total_matches,
            by_symbol=_falling(found["symbol"]),
            by_date=_falling(found["date"]),
            by_signal_type=_falling(found["signal_type"]),
            found=found,
            labels=signals.labels,
        )


def _gathered(results: Sequence[ProcessingResult]) -> pl.DataFrame:
    """Put the matches in the order of the symbols, each symbol's in time."""
    results = sorted(results, key=lambda result: result.symbol)
    frames = [result.matches for result in results if result.matches.height] or [
        result.matches for result in results[:1]
    ]
    if not frames:
        return pl.DataFrame(schema=_EMPTY)
    try:
        return pl.concat(frames)
    except SchemaError:  # to look whether they are of one kind takes longer than to try
        return pl.concat(frames, how="vertical_relaxed")


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


def _falling(keys: pl.Series) -> Mapping[Any, int]:
    """Count each value, the most first, equal counts by the value."""
    totals = keys.to_frame().group_by(keys.name).len("matches")
    return dict(totals.sort("matches", keys.name, descending=[True, False]).iter_rows())
