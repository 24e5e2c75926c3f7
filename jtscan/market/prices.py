"""Prices from Parquet files: the needed columns, the range and each symbol's warm-up."""

from __future__ import annotations

import datetime as dt
import math
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import RowCounts
from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.catalog import (
    FILE,
    Catalog,
    by_signature,
    column_of,
    in_calendar,
    is_bar,
    is_dated,
    is_halt,
    make_catalog,
    symbol_of,
    timestamp_of,
    with_symbols,
)
from jtscan.market.duck import Duck, quoted, shown, unreadable
from jtscan.market.files import PRICES, PriceFile, find_files, version_of

HOW_TO_GET_DATA = (
    "a data folder holds prices/<timeframe>/*.parquet and, if there is one, symbols.parquet. "
    "Any Parquet files of prices can be scanned with Scanner(prices='path/*.parquet') or --prices. "
    "To try with invented prices: python -m jtscan.market.synthetic data --sample"
)
_SCATTERED = 8


class DuckDBPriceRepository:
    """Prices below a data folder, or in any Parquet files.

    Parameters
    ----------
    data
        A folder with ``prices/<timeframe>/**/*.parquet``.
    prices
        Instead: a Parquet file, a folder, a glob, or a list of those.
    timeframe
        The timeframe of ``prices``.
    columns
        Our column names to those of the files: ``{"timestamp": "date"}``.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        prices: str | Path | Sequence[str | Path] | None = None,
        timeframe: Timeframe = Timeframe.D1,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self._data = None if data is None else Path(data).expanduser()
        self._prices = prices
        self._timeframe = timeframe
        self._columns = dict(columns or {})
        self._snapshots: dict[Timeframe, PriceSnapshot] = {}
        self._lock = threading.Lock()

    def timeframes(self) -> list[Timeframe]:
        """Return the timeframes there are, shortest first."""
        if self._data is None:
            return [self._timeframe]
        return [each for each in Timeframe if (self._data / "prices" / each).is_dir()]

    def snapshot(self, timeframe: Timeframe) -> PriceSnapshot:
        """Take a snapshot; the one before, if no file has changed since."""
        paths = self._paths(timeframe)
        version = version_of(paths)
        with self._lock:
            known = self._snapshots.get(timeframe)
            if known is None or known.version != version:
                known = self._snapshots[timeframe] = PriceSnapshot(paths, version, timeframe, self._columns)
            return known

    def _paths(self, timeframe: Timeframe) -> list[Path]:
        if self._data is None:
            if timeframe != self._timeframe:
                raise DataNotFoundError(f"these prices are {self._timeframe} bars; there are none of {timeframe}")
            return find_files(self._prices or ())
        if not self._data.is_dir():
            raise DataNotFoundError(f"there is no folder {shown(self._data)}; {HOW_TO_GET_DATA}")
        try:
            return find_files(self._data / "prices" / timeframe)
        except DataNotFoundError:
            there = ", ".join(self.timeframes()) or "none"
            raise DataNotFoundError(
                f"there are no {timeframe} bars in {shown(self._data)} (timeframes there: {there}); {HOW_TO_GET_DATA}"
            ) from None


class PriceSnapshot:
    """The price files of one timeframe as they were when they were listed."""

    def __init__(self, paths: Sequence[Path], version: str, timeframe: Timeframe, columns: Mapping[str, str]) -> None:
        self.version = version
        self.timeframe = timeframe
        self._duck = Duck(paths)
        self._paths = paths
        self._renamed = columns
        self._lock = threading.Lock()
        self._made: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """What the files hold; made on first use."""
        with self._lock:
            if self._made is None:
                self._made = make_catalog(self._duck, self._paths, self.timeframe, self._renamed)
            return self._made

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the files beyond symbol and timestamp, and what they are."""
        return self.catalog.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with files and concerns no symbol alone."""
        return self.catalog.notes

    @cached_property
    def symbols(self) -> list[str]:
        """Every symbol in the files, in rising order."""
        return self.catalog.symbols

    @cached_property
    def _extents(self) -> pl.DataFrame:
        """One row per symbol: rows, rows that are no bars, whether together in one file, first and last bar."""
        return self.catalog.entries.group_by("symbol").agg(
            pl.col("rows", "no_bars").sum(),
            (pl.col("together").all() & (pl.len() == 1)).alias("together"),
            pl.col("first").min(),
            pl.col("last").max(),
        )

    @cached_property
    def _by_symbol(self) -> dict[str, tuple[int, int, dt.datetime | None, dt.datetime | None]]:
        rows = self._extents.select("symbol", "rows", "no_bars", "first", "last").iter_rows()
        return {symbol: (count, no_bars, first, last) for symbol, count, no_bars, first, last in rows}

    @property
    def chunk_factor(self) -> int:
        """How much larger than usual a chunk should be: rows of a symbol that are scattered cost a pass each time."""
        return 1 if self._extents["together"].mean() == 1 else _SCATTERED

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:
        """Return how many rows each known symbol has in the window at the most."""
        most = self._most_rows(window)
        return {symbol: min(self._by_symbol[symbol][0], most) for symbol in symbols if symbol in self._by_symbol}

    def _most_rows(self, window: ReadWindow) -> int:
        reach, end = self._reach(window), window.end or self.newest(self.symbols, 1)
        if reach is None or end is None:
            return sys.maxsize
        return max(int(((end - reach).days + 1) * self.timeframe.bars_per_day * 2), 1)

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        """Return the count-th newest timestamp among the symbols, or the oldest."""
        lasts = [last for symbol in symbols if (last := self._by_symbol.get(symbol, (0, 0, None, None))[3])]
        if not lasts:
            return None
        newest = max(lasts)
        if count == 1:
            return self._moment(newest)
        for reach in (_days(count, self.timeframe), None):
            since = None if reach is None else newest - dt.timedelta(days=reach)
            found = self._timestamps(symbols, since, count)
            if len(found) == count or reach is None:
                break
        return found[-1] if found else None

    def _timestamps(self, symbols: Sequence[str], since: dt.datetime | None, count: int) -> list[dt.date]:
        """List the newest timestamps in falling order."""
        clean = not any(self._by_symbol[symbol][1] for symbol in symbols if symbol in self._by_symbol)
        found = [
            self._query(
                group,
                f"SELECT DISTINCT {timestamp_of(group[0], self.timeframe)} AS timestamp",
                symbols,
                ReadWindow(start=self._moment(since)),
                "" if clean else f"AND {is_bar(group[0], self.timeframe)}",
            )
            for group in by_signature(self._files_of(symbols))
        ]
        merged = pl.concat(found).filter(in_calendar(pl.col("timestamp")))["timestamp"].unique().sort(descending=True)
        return merged.head(count).to_list()

    def _moment(self, moment: dt.datetime | None) -> dt.date | None:
        return moment if moment is None or self.timeframe.intraday else moment.date()

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:
        """Return the bars of the symbols in the window; first a generous range of dates, then short ones again."""
        wanted = [symbol for symbol in symbols if symbol in self._by_symbol and symbol not in self.catalog.problems]
        names = [name for name in dict.fromkeys(columns) if name in self.columns]
        reach = self._reach(window)
        frame, rows = self._load(wanted, names, ReadWindow(start=reach, end=window.end))
        short = self._short(frame, wanted, window, reach)
        if short:
            again, counted = self._load(short, names, ReadWindow(end=window.end))
            frame = _in_order(pl.concat([frame.filter(~pl.col("symbol").is_in(short)), again]))
            rows.update(counted)
        frame, rows, conflicts = self._without_duplicates(frame, rows)
        present = set(frame["symbol"].unique())
        problems = {symbol: self.catalog.problems[symbol] for symbol in symbols if symbol in self.catalog.problems}
        return Bars(
            frame=frame,
            rows=rows,
            problems={**problems, **conflicts},
            absent={symbol: self._why_absent(symbol) for symbol in symbols if symbol not in present},
            from_first=frozenset(symbol for symbol in present if symbol in short or self._begins(symbol, reach)),
            last_seen=self._last_seen(symbols, present, window),
        )

    def _reach(self, window: ReadWindow) -> dt.date | None:
        """How far back the first reading goes; None is everything."""
        if window.start is None or window.warmup is None:
            return None
        if window.warmup == 0:
            return window.start
        return window.start - dt.timedelta(days=_days(window.warmup, self.timeframe))

    def _begins(self, symbol: str, reach: dt.date | None) -> bool:
        first = self._by_symbol[symbol][2]
        return reach is None or (first is not None and self._moment(first) >= reach)  # type: ignore[operator]

    def _short(
        self, frame: pl.DataFrame, wanted: Sequence[str], window: ReadWindow, reach: dt.date | None
    ) -> list[str]:
        """Name the symbols that have earlier rows but came out with too few bars before the range."""
        if reach is None or not window.warmup:
            return []
        before = frame.filter(pl.col("timestamp") < window.start).group_by("symbol").agg(pl.col("timestamp").n_unique())
        enough = set(before.filter(pl.col("timestamp") >= window.warmup)["symbol"])
        return [symbol for symbol in wanted if symbol not in enough and not self._begins(symbol, reach)]

    def _load(
        self, symbols: Sequence[str], names: Sequence[str], window: ReadWindow
    ) -> tuple[pl.DataFrame, dict[str, RowCounts]]:
        """Read the bars between two dates, and count the rows there that are no bars."""
        schema = {"symbol": pl.String, "timestamp": pl.Datetime("us") if self.timeframe.intraday else pl.Date,
                  **dict.fromkeys(names, pl.Float64)}  # fmt: skip
        empty = pl.DataFrame(schema=schema)
        if not symbols:
            return empty, {}
        dirty = [symbol for symbol in symbols if self._by_symbol[symbol][1]]
        groups = by_signature(self._files_of(symbols))
        parts = [self._bars(group, symbols, names, window, clean=not dirty) for group in groups]
        typed = [pl.col(name).cast(kind) for name, kind in schema.items()]
        frame = pl.concat([empty, *(part.select(typed) for part in parts)])
        if not _is_dated(frame):
            raise DataError(f"{groups[0][0].name}: the file is damaged: it has timestamps outside the years 1 to 9999")
        return _in_order(frame), self._count_rows(dirty, window)

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
                before = counted.get(symbol, RowCounts())
                counted[symbol] = RowCounts(halts=before.halts + halts, set_aside=before.set_aside + set_aside)
        return counted

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
        if file.has("symbol") and len(symbols) < len(self._by_symbol):
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
            others = f" (or one of {len(group) - 1:,} more files)" if len(group) > 1 else ""
            raise DataError(f"{file.name}{others}: {unreadable(file.path, error)}") from error

    def _files_of(self, symbols: Sequence[str]) -> list[PriceFile]:
        """Name the files that hold rows of the symbols."""
        files = self.catalog.files
        if len(files) == 1 or len(symbols) >= len(self._by_symbol):
            return list(files)
        holding = self.catalog.entries.filter(pl.col("symbol").is_in(list(symbols)))["file"].unique().sort()
        return [files[position] for position in holding]

    def _without_duplicates(
        self, frame: pl.DataFrame, rows: dict[str, RowCounts]
    ) -> tuple[pl.DataFrame, dict[str, RowCounts], dict[str, str]]:
        """Drop equal rows of one timestamp and count them; other values under one timestamp are a problem."""
        repeated = frame["symbol"].gather(_steps(frame, "==")).unique().to_list()
        if not repeated:
            return frame, rows, {}
        doubtful = frame.filter(pl.col("symbol").is_in(repeated))
        window = ReadWindow(start=doubtful["timestamp"].min(), end=doubtful["timestamp"].max())  # type: ignore[arg-type]
        whole, _ = self._load(repeated, [name for name, kind in self.columns.items() if kind == "number"], window)
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
            before = rows.get(symbol, RowCounts())
            rows[symbol] = RowCounts(halts=before.halts, set_aside=before.set_aside, duplicates=count)
        return kept, rows, conflicts

    def _why_absent(self, symbol: str) -> str:
        if symbol in self.catalog.rowless:
            return self.catalog.rowless[symbol]
        if symbol not in self._by_symbol:
            lost = f", as far as they can be read (not: {self.catalog.lost})" if self.catalog.lost else ""
            return f"unknown symbol: it is not in the prices{lost}"
        count, _, first, last = self._by_symbol[symbol]
        if first is None:
            return f"none of its {count:,} rows is a bar: halts, or a price, the volume or the timestamp is missing"
        return f"no bars in the range; its bars are from {self._moment(first)} to {self._moment(last)}"

    def _last_seen(self, symbols: Sequence[str], present: set[str], window: ReadWindow) -> dict[str, dt.date]:
        """The last bar of symbols that ended before the range."""
        gone = (symbol for symbol in symbols if symbol in self._by_symbol and symbol not in present)
        lasts = ((symbol, self._moment(self._by_symbol[symbol][3])) for symbol in gone)
        end = window.end
        return {symbol: last for symbol, last in lasts if last is not None and (end is None or last <= end)}


def _days(bars: int, timeframe: Timeframe) -> int:
    """Calendar days that surely hold so many bars of a symbol that trades."""
    return math.ceil(bars / timeframe.bars_per_day) + 15


def _is_dated(frame: pl.DataFrame) -> bool:
    moment = pl.col("timestamp")
    ends = frame.select(in_calendar(moment.min()).alias("first"), in_calendar(moment.max()).alias("last"))
    return not frame.height or (all(ends.row(0)) and not frame["timestamp"].null_count())


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Put each symbol's rows together in rising time, unless they are."""
    runs = frame["symbol"].rle().struct.unnest()
    together = runs["value"].n_unique() == runs.height
    return frame if together and not _steps(frame, "<").len() else frame.sort("symbol", "timestamp")


def _steps(frame: pl.DataFrame, sign: str) -> pl.Series:
    """Rows whose timestamp is earlier than (or equal to) that of the row before, of the same symbol."""
    moment = frame["timestamp"]
    before = moment.shift(1)
    rows = (moment < before if sign == "<" else moment == before).arg_true()
    symbol = frame["symbol"]
    return rows.filter(symbol.gather(rows) == symbol.gather(rows - 1)) if rows.len() else rows


def _number(file: PriceFile, name: str) -> str:
    """Write a column as a finite double, null where the file lacks it; the prices of a bar are finite already."""
    if not file.has(name):
        return "CAST(NULL AS DOUBLE)"
    column = column_of(file, name)
    number = f"CAST({column} AS DOUBLE)"
    return f"CASE WHEN isfinite({column}) THEN {number} END" if name not in PRICES and file.is_float(name) else number
