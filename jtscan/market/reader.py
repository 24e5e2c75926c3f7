"""Reading bars by SQL: some symbols, some columns, between two dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property

import duckdb
import polars as pl

from jtscan.domain.bars import ReadWindow, runs_of
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import NO_ROWS, RowCounts
from jtscan.errors import DataError
from jtscan.market.addresses import Place
from jtscan.market.catalog import (
    FILE,
    Catalog,
    by_signature,
    column_of,
    in_calendar,
    is_bar,
    is_dated,
    is_halt,
    is_in_calendar,
    symbol_of,
    timestamp_of,
    with_symbols,
)
from jtscan.market.duck import Duck, quoted, unreadable
from jtscan.market.files import PRICES, FileStates, PriceFile
from jtscan.market.loaded import Loaded
from jtscan.market.order import in_order
from jtscan.market.slices import Slices

_SHORT_RUN = 16
_LOOSE = 0.2
_FEW = 64

Extent = tuple[int, int, dt.datetime | None, dt.datetime | None]


class BarReader:
    """Reads the files of a catalog; knows how many rows each symbol has, and which of them are no bars."""

    def __init__(self, duck: Duck, catalog: Catalog, timeframe: Timeframe, states: FileStates) -> None:
        self._duck = duck
        self._slices = Slices(duck, catalog, timeframe, states)
        self.catalog = catalog
        self.timeframe = timeframe

    @cached_property
    def extents(self) -> pl.DataFrame:
        """One row per symbol: rows, rows that are no bars, first and last bar."""
        return self.catalog.entries.group_by("symbol").agg(
            pl.col("rows", "no_bars").sum(), pl.col("first").min(), pl.col("last").max()
        )

    @cached_property
    def is_scattered(self) -> bool:
        """Whether reading some symbols means a pass over most rows: they are not together, or few of many files."""
        entries = self.catalog.entries
        loose = ~pl.col("together") | ((pl.col("rows") < _SHORT_RUN) & (pl.len().over("symbol") > 1))
        rows = entries.select(pl.col("rows").filter(loose).sum().alias("loose"), pl.col("rows").sum().alias("all"))
        scattered, everything = rows.row(0)
        return bool(scattered > everything * _LOOSE)

    @cached_property
    def by_symbol(self) -> dict[str, Extent]:
        """Rows, rows that are no bars, first and last bar of each symbol."""
        rows = self.extents.select("symbol", "rows", "no_bars", "first", "last").iter_rows()
        return {symbol: (count, no_bars, first, last) for symbol, count, no_bars, first, last in rows}

    def moment(self, moment: dt.datetime | None) -> dt.date | None:
        """Return a timestamp in the type of the timeframe."""
        return moment if moment is None or self.timeframe.intraday else moment.date()

    def timestamps(
        self, symbols: Sequence[str], since: dt.datetime | None, count: int, timeframe: Timeframe
    ) -> list[dt.date]:
        """List the newest timestamps in falling order, in the type of a timeframe."""
        if len(symbols) > _FEW:
            # Whether a row is a bar takes all its columns. Where a few symbols have a bar at all the times at which
            # any of them has a row, these are the times.
            few = sorted(symbols, key=lambda symbol: self.by_symbol[symbol][0], reverse=True)[:_FEW]
            rows = self._timestamps(symbols, since, count, timeframe, only_bars=False)
            if rows == self._timestamps(few, since, count, timeframe, only_bars=True):
                return rows
        return self._timestamps(symbols, since, count, timeframe, only_bars=True)

    def _timestamps(
        self, symbols: Sequence[str], since: dt.datetime | None, count: int, timeframe: Timeframe, *, only_bars: bool
    ) -> list[dt.date]:
        found = [
            self._query(
                group,
                f"SELECT DISTINCT {timestamp_of(group[0], timeframe)} AS timestamp",
                symbols,
                ReadWindow(start=self.moment(since)),
                self._only_bars(group[0], symbols) if only_bars else "",
            )
            for group in by_signature(self._files_of(symbols))
        ]
        merged = pl.concat(found).filter(in_calendar(pl.col("timestamp")))["timestamp"].unique().sort(descending=True)
        return merged.head(min(count, merged.len())).to_list()

    def sessions(self) -> pl.DataFrame:
        """Day and start of each session: the day's first bar of whatever symbol."""
        everybody = list(self.by_symbol)
        found = []
        for group in by_signature(self._files_of(everybody)):
            moment = timestamp_of(group[0], self.timeframe)
            rest = f"{self._only_bars(group[0], everybody)} GROUP BY CAST({moment} AS DATE)"
            found.append(self._query(group, f"SELECT min({moment}) AS start", everybody, ReadWindow(), rest))
        starts = pl.concat(found).filter(in_calendar(pl.col("start")))
        return starts.group_by(pl.col("start").dt.date().alias("day")).agg(pl.col("start").min()).sort("day")

    def _only_bars(self, file: PriceFile, symbols: Sequence[str]) -> str:
        """Write the condition that a row is a bar, unless every row of the symbols is one."""
        dirty = any(self.by_symbol[symbol][1] for symbol in symbols if symbol in self.by_symbol)
        return f"AND {is_bar(file, self.timeframe)}" if dirty else ""

    def load(self, symbols: Sequence[str], names: Sequence[str], window: ReadWindow) -> Loaded:
        """Read the bars between two dates, and count the rows there that are no bars."""
        sliced, left = self._slices.read(symbols, names, window)
        if not left:
            return sliced
        found, rows = self._found(left, names, window)
        return sliced.beside(Loaded(frame=found.drop("symbol"), runs=runs_of(found), rows=rows))

    def _found(
        self, symbols: Sequence[str], names: Sequence[str], window: ReadWindow
    ) -> tuple[pl.DataFrame, dict[str, RowCounts]]:
        """Find rows wherever they are in the files."""
        schema = {"symbol": pl.String, "timestamp": pl.Datetime("us") if self.timeframe.intraday else pl.Date,
                  **dict.fromkeys(names, pl.Float64)}  # fmt: skip
        dirty = [symbol for symbol in symbols if self.by_symbol[symbol][1]]
        groups = by_signature(self._files_of(symbols))
        parts = [self._bars(group, symbols, names, window, clean=not dirty) for group in groups]
        typed = [pl.col(name).cast(kind) for name, kind in schema.items()]
        frame = pl.concat([pl.DataFrame(schema=schema), *(part.select(typed) for part in parts)])
        if not is_in_calendar(frame):
            raise DataError(f"{groups[0][0].name}: the file is damaged: it has timestamps outside the years 1 to 9999")
        return in_order(frame), self._count_rows(dirty, window)

    def _bars(
        self,
        group: Sequence[PriceFile],
        symbols: Sequence[str],
        names: Sequence[str],
        window: ReadWindow,
        *,
        clean: bool,
    ) -> pl.DataFrame:
        file = group[0]
        shown = [f"{symbol_of(file)} AS symbol", f"{timestamp_of(file, self.timeframe)} AS timestamp"]
        shown += [f"{_number(file, name)} AS {quoted(name)}" for name in names]
        only = "" if clean else f"AND {is_bar(file, self.timeframe)}"
        return self._query(group, f"SELECT {', '.join(shown)}", symbols, window, only)

    def _count_rows(self, dirty: Sequence[str], window: ReadWindow) -> dict[str, RowCounts]:
        """Count halts and rows set aside; a row without a timestamp is in every window."""
        counted: dict[str, RowCounts] = {}
        for group in by_signature(self._files_of(dirty)) if dirty else ():
            file = group[0]
            other = f"NOT coalesce({is_bar(file, self.timeframe)}, false) AND NOT {is_halt(file)}"
            counts = f"count(*) FILTER ({is_halt(file)}) AS halts, count(*) FILTER ({other}) AS set_aside"
            select = f"SELECT {symbol_of(file)} AS symbol, {counts}"
            found = self._query(group, select, dirty, window, "GROUP BY 1", undated=True)
            for symbol, halts, set_aside in found.iter_rows():
                counted[symbol] = counted.get(symbol, NO_ROWS) + RowCounts(halts=halts, set_aside=set_aside)
        return counted

    def halts(self, symbols: Sequence[str], window: ReadWindow) -> pl.Series:
        """List the timestamps of halts between two dates; without a timestamp nobody knows when."""
        kind = pl.Datetime("us") if self.timeframe.intraday else pl.Date
        found = [pl.Series("timestamp", [], dtype=kind)]
        dirty = [symbol for symbol in symbols if self.by_symbol[symbol][1]]
        for group in by_signature(self._files_of(dirty)) if dirty else ():
            select = f"SELECT {timestamp_of(group[0], self.timeframe)} AS timestamp"
            only = f"AND {is_halt(group[0])} AND {is_dated(group[0], self.timeframe)}"
            found.append(self._query(group, select, dirty, window, only)["timestamp"].cast(kind))
        return pl.concat(found)

    def _query(
        self,
        group: Sequence[PriceFile],
        select: str,
        symbols: Sequence[str],
        window: ReadWindow,
        rest: str,
        *,
        undated: bool = False,
    ) -> pl.DataFrame:
        """Run a select over files of one schema, for some symbols between two dates."""
        file = group[0]
        moment = timestamp_of(file, self.timeframe)
        parameters: dict[str, object] = {"paths": [str(each.path) for each in group]}
        conditions = []
        if file.has("symbol") and not (self.catalog.whole and len(symbols) >= len(self.by_symbol)):
            conditions.append(f"{symbol_of(file)} = any($symbols)")
            parameters["symbols"] = list(symbols)
        elif file.has("symbol"):
            conditions.append(f"{symbol_of(file)} IS NOT NULL")
        for name, sign, end in (("start", ">=", window.start), ("end", "<=", window.end)):
            if end is not None:
                loose = f" OR NOT coalesce({is_dated(file, self.timeframe)}, false)" if undated else ""
                conditions.append(f"({moment} {sign} ${name}{loose})")
                parameters[name] = end
        where = f"WHERE {' AND '.join(conditions or ['true'])}"
        named = "" if file.has("symbol") else f", filename = '{FILE}'"
        query = f"{select} FROM read_parquet($paths, hive_partitioning = false{named}) {where} {rest}"
        try:
            return with_symbols(self._duck.frame(query, parameters), group)
        except duckdb.Error as error:
            others = f" (or another of {len(group):,} that were read at once)" if len(group) > 1 else ""
            raise DataError(f"{file.name}{others}: {unreadable(file.path, error)}") from error

    def _files_of(self, symbols: Sequence[str]) -> list[PriceFile]:
        """Name the files that hold rows of the symbols."""
        files = self.catalog.files
        if len(files) == 1 or len(symbols) >= len(self.by_symbol):
            return list(files)
        holding = self.catalog.entries.filter(pl.col("symbol").is_in(list(symbols)))["file"].unique().sort()
        return [files[position] for position in holding]

    def paths_of(self, symbols: Sequence[str]) -> list[Place]:
        """Name the files that hold rows of the symbols by their paths."""
        return [file.path for file in self._files_of(symbols)]

    def without_duplicates(self, loaded: Loaded) -> tuple[Loaded, dict[str, str]]:
        """Drop equal rows of one timestamp and count them; other values under one timestamp are a problem."""
        again = loaded.repeated
        if not again.len():
            return loaded, {}
        frame, rows = loaded.labelled, dict(loaded.rows)
        repeated = frame["symbol"].gather(again).unique().to_list()
        doubtful = frame.filter(pl.col("symbol").is_in(repeated))
        window = ReadWindow(start=doubtful["timestamp"].min(), end=doubtful["timestamp"].max())  # type: ignore[arg-type]
        numbers = [name for name, kind in self.catalog.columns.items() if kind == "number"]
        whole = self.load(repeated, numbers, window).labelled
        keys = ["symbol", "timestamp"]
        differing = whole.unique().group_by(keys).len().filter(pl.col("len") > 1).sort(keys)
        conflicts = {
            symbol: f"{count} rows with different values on {moment}"
            for symbol, moment, count in reversed(differing.rows())
        }
        kept = frame.unique(keys, keep="first", maintain_order=True).filter(~pl.col("symbol").is_in(list(conflicts)))
        equal = doubtful.filter(~pl.col("symbol").is_in(list(conflicts)))
        dropped = equal.group_by("symbol").agg((pl.len() - pl.col("timestamp").n_unique()).alias("count"))
        for symbol, count in dropped.iter_rows():
            rows[symbol] = rows.get(symbol, NO_ROWS) + RowCounts(duplicates=count)
        return Loaded(frame=kept.drop("symbol"), runs=runs_of(kept), rows=rows, strict=True), conflicts


def _number(file: PriceFile, name: str) -> str:
    """Write a column as a finite double, null where the file lacks it; the prices of a bar are finite already."""
    if not file.has(name):
        return "CAST(NULL AS DOUBLE)"
    column = column_of(file, name)
    number = f"CAST({column} AS DOUBLE)"
    return f"CASE WHEN isfinite({column}) THEN {number} END" if name not in PRICES and file.is_float(name) else number
