"""What a store keeps apart from its bars, counted for the account of a scan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.jobs import RowCounts
from jtscan.market.loaded import Loaded

_KEYS = ("symbol", "timestamp")


class Aside:
    """Halts and quarantined rows of one timeframe; read when first asked for."""

    def __init__(
        self, halts: Iterable[Path] = (), quarantine: Iterable[Path] = (), *, known: pl.DataFrame | None = None
    ) -> None:
        self._paths = {"halts": list(halts), "set_aside": list(quarantine)}
        self._known = known

    def part(self, symbols: Collection[str]) -> Aside:
        """Return the rows of some symbols, read already."""
        return Aside(known=self._rows.filter(pl.col("symbol").is_in(list(symbols))))

    @cached_property
    def _rows(self) -> pl.DataFrame:
        if self._known is not None:
            return self._known
        parts = [
            pl.read_parquet(path, columns=list(_KEYS), hive_partitioning=False).with_columns(pl.lit(kind).alias("kind"))
            for kind, paths in self._paths.items()
            for path in paths
        ]
        empty = pl.DataFrame(schema=dict.fromkeys((*_KEYS, "kind"), pl.String))
        return pl.concat(parts).drop_nulls("symbol") if parts else empty

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbols that have such rows."""
        return frozenset(self._rows["symbol"].unique())

    def counts(self, symbols: Sequence[str], window: ReadWindow, bars: Loaded | None = None) -> dict[str, RowCounts]:
        """Count the rows of some symbols between two dates; one without a timestamp is in every window.

        A row in the place of which there is a bar now is set aside no longer.
        """
        wanted = [symbol for symbol in symbols if symbol in self.symbols]
        if not wanted:
            return {}
        rows = self._between(wanted, window)
        if bars is not None and rows.height:
            rows = rows.join(bars.labelled.select(_KEYS), on=_KEYS, how="anti")
        found = rows.group_by("symbol", "kind").len()
        counted: dict[str, dict[str, int]] = {}
        for symbol, kind, count in found.iter_rows():
            counted.setdefault(symbol, {})[kind] = count
        return {symbol: RowCounts(**counts) for symbol, counts in counted.items()}

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:
        """List the timestamps of a symbol's halts between two dates."""
        rows = self._between([symbol], window)
        return rows.filter(pl.col("kind") == "halts")["timestamp"].drop_nulls()

    def _between(self, symbols: Sequence[str], window: ReadWindow) -> pl.DataFrame:
        inside = pl.col("symbol").is_in(list(symbols))
        if window.start is not None:
            inside &= (pl.col("timestamp") >= window.start).fill_null(value=True)
        if window.end is not None:
            inside &= (pl.col("timestamp") <= window.end).fill_null(value=True)
        return self._rows.filter(inside)

    def why_no_bars(self, symbol: str) -> str | None:
        """Say what there is of a symbol that has no bars; None if there is nothing."""
        if symbol not in self.symbols:
            return None
        counts = self.counts([symbol], ReadWindow())[symbol]
        parts = [
            f"{counts.halts:,} halts" if counts.halts else "",
            f"{counts.set_aside:,} rows in quarantine" if counts.set_aside else "",
        ]
        return f"no row of it is a bar: {' and '.join(part for part in parts if part)}"
