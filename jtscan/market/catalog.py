"""What the price files hold, symbol by symbol, before any bar is read.

One pass over the files of a snapshot counts each symbol's rows, those that are
no bars, and where they stand. It is made once per version of the data, and
lets every later scan read the needed columns of the needed files only.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError
from jtscan.market.addresses import Place
from jtscan.market.duck import Duck, quoted, shown, unreadable
from jtscan.market.files import PRICES, PriceFile, inspect_files, kind_of

_INVENTED = "the prices are invented: they were made by jtscan's synthetic market, nothing here is real"
_MOST_NOTES = 5
FILE = "_jt_file"
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "file": pl.String,
    "symbol": pl.String,
    "rows": pl.Int64,
    "no_bars": pl.Int64,
    "together": pl.Boolean,
    "start": pl.Int64,
    "first": pl.Datetime("us"),
    "last": pl.Datetime("us"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalog:
    """The usable files, what each symbol has in them, and what cannot be used.

    ``entries`` has one row per file and symbol: its rows, how many of them
    are no bars, whether they stand together, in which row of the file they
    start, its first and last bar.
    ``problems`` are the reasons of the symbols in unusable files, ``rowless``
    of those whose file has no rows. ``notes`` and ``lost`` are what concerns
    no symbol that is known: ``lost`` names unusable files of other symbols.
    A catalog that is not ``whole`` knows only some of the symbols in its files.
    """

    files: Sequence[PriceFile]
    columns: Mapping[str, str]
    entries: pl.DataFrame
    problems: Mapping[str, str] = field(default_factory=dict)
    rowless: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lost: str = ""
    whole: bool = True

    @property
    def symbols(self) -> list[str]:
        """Every symbol that has rows, or a file without usable ones, in rising order."""
        return sorted({*self.entries["symbol"], *self.problems, *self.rowless})

    def part(self, symbols: Collection[str]) -> Catalog:
        """Return what it says of some symbols, and the files that hold them."""
        entries = self.entries.filter(pl.col("symbol").is_in(list(symbols)))
        held = entries["file"].unique().sort()
        position = pl.col("file").replace_strict(held, range(held.len()), return_dtype=pl.Int64)
        return replace(
            self,
            files=[replace(self.files[file], path=self.files[file].path.absolute()) for file in held],
            entries=entries.with_columns(position),
            problems={symbol: self.problems[symbol] for symbol in symbols if symbol in self.problems},
            rowless={symbol: self.rowless[symbol] for symbol in symbols if symbol in self.rowless},
            whole=False,
        )


def make_catalog(
    duck: Duck,
    paths: Sequence[Place],
    timeframe: Timeframe,
    renamed: Mapping[str, str],
    *,
    known: Catalog | None = None,
) -> Catalog:
    """Look into every file, but for those that are ``known`` from before.

    Raises
    ------
    DataError
        None of the files can be used, or no row has a symbol; says what is
        wrong with the first.
    """
    inspected = inspect_files(duck, paths, timeframe, renamed)
    before = _by_path(known, paths)
    seen = set(before["file"].unique())
    entries, spoiled = _entries(
        duck, [file for file in inspected if file.problem is None and str(file.path) not in seen], timeframe
    )
    entries = pl.concat([before, entries])
    files = [spoiled.get(file.path, file) for file in inspected]
    usable = [file for file in files if file.problem is None]
    broken = [file for file in files if file.problem is not None]
    named = entries.filter(pl.col("symbol").is_not_null())
    nameless = int(entries["rows"].sum()) - int(named["rows"].sum())
    if not usable or (nameless and not named.height):
        nobodys = "no row of it has a symbol"
        others = f" (and {len(files) - 1:,} more)" if len(files) > 1 else ""
        raise DataError(f"{shown(files[0].path)}: {files[0].problem or nobodys}{others}")
    return _assembled(duck, usable, named, broken, nameless=nameless)


def _by_path(known: Catalog | None, paths: Sequence[Place]) -> pl.DataFrame:
    """Name the files of entries by their paths, where those are among some."""
    if known is None:
        return pl.DataFrame(schema=_SCHEMA)
    wanted = {str(path) for path in paths}
    names = {place: str(file.path) for place, file in enumerate(known.files) if str(file.path) in wanted}
    named = pl.col("file").replace_strict(names, default=None, return_dtype=pl.String)
    return known.entries.with_columns(named).drop_nulls("file").select(*_SCHEMA)


def _columns(files: Sequence[PriceFile]) -> dict[str, str]:
    """Name the columns beyond symbol and timestamp: one is numbers only if it is in every file that has it."""
    kinds: dict[str, str] = {}
    for file in files:
        for name, (_, kind) in file.columns.items():
            if name not in {"symbol", "timestamp"} and kinds.get(name, "number") == "number":
                kinds[name] = kind_of(kind)
    return kinds


def _assembled(
    duck: Duck, usable: Sequence[PriceFile], entries: pl.DataFrame, broken: Sequence[PriceFile], *, nameless: int
) -> Catalog:
    positions = {str(file.path): position for position, file in enumerate(usable)}
    entries = entries.with_columns(pl.col("file").replace_strict(positions, return_dtype=pl.Int64))
    problems: dict[str, str] = {}
    lost = []
    for file in broken:
        symbols = _symbols_of(duck, file)
        problems = {**dict.fromkeys(symbols, f"{file.name}: {file.problem}"), **problems}
        if not symbols:
            lost.append(file.name)
    rowless = {file.symbol: f"{file.name}: it has no rows" for file in usable if file.symbol is not None}
    priced = {*entries["symbol"], *problems}
    return Catalog(
        columns=_columns(usable),
        files=usable,
        entries=entries,
        problems=problems,
        rowless={symbol: reason for symbol, reason in rowless.items() if symbol not in priced},
        notes=tuple(_notes(duck, usable, [file for file in broken if file.symbol is None], nameless)),
        lost=", ".join(lost[:_MOST_NOTES]) + (", …" if len(lost) > _MOST_NOTES else ""),
    )


def _notes(duck: Duck, usable: Sequence[PriceFile], broken: Sequence[PriceFile], nameless: int) -> Iterable[str]:
    if _is_invented(duck, usable[0].path):
        yield _INVENTED
    yield from (f"{file.name}: {file.problem}" for file in broken[:_MOST_NOTES])
    if len(broken) > _MOST_NOTES:
        yield f"cannot be used either: {len(broken) - _MOST_NOTES:,} more"
    if nameless:
        yield f"rows without a symbol, which belong to nobody: {nameless:,}"


def _is_invented(duck: Duck, path: Place) -> bool:
    """Whether the synthetic market wrote a file; it marks each."""
    try:
        keys = duck.frame("SELECT key FROM parquet_kv_metadata($paths)", {"paths": [str(path)]})["key"]
        return b"jtscan.invented" in keys.to_list()
    except duckdb.Error:
        return False  # what is wrong with it is told where its rows are read


def _symbols_of(duck: Duck, file: PriceFile) -> list[str]:
    """Name the symbols that an unusable file would have been about, as far as it tells."""
    if file.symbol is not None:
        return [file.symbol]
    name, kind = file.columns.get("symbol", ("", ""))
    if kind != "VARCHAR":
        return []
    query = f"SELECT DISTINCT {quoted(name)} AS symbol FROM read_parquet($paths)"  # noqa: S608 - quoted
    try:
        found = duck.frame(query, {"paths": [str(file.path)]})
    except duckdb.Error:
        return []  # the file's own problem is told already
    return found["symbol"].drop_nulls().to_list()


def _entries(
    duck: Duck, files: Sequence[PriceFile], timeframe: Timeframe
) -> tuple[pl.DataFrame, dict[Place, PriceFile]]:
    """Count each symbol's rows per file; files that cannot be read to the end are given back."""
    parts: list[pl.DataFrame] = []
    spoiled: dict[Place, PriceFile] = {}
    for group in by_signature(files):
        _count(duck, group, timeframe, parts, spoiled)
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *parts]), spoiled


def by_signature(files: Iterable[PriceFile]) -> list[list[PriceFile]]:
    """Group files that one query can read."""
    groups: defaultdict[tuple[object, ...], list[PriceFile]] = defaultdict(list)
    for file in files:
        groups[file.signature].append(file)
    return list(groups.values())


def _count(
    duck: Duck,
    group: Sequence[PriceFile],
    timeframe: Timeframe,
    parts: list[pl.DataFrame],
    spoiled: dict[Place, PriceFile],
) -> None:
    try:
        counted = duck.frame(_count_query(group[0], timeframe), {"paths": [str(file.path) for file in group]})
    except duckdb.Error as error:
        if len(group) == 1:
            spoiled[group[0].path] = replace(group[0], problem=unreadable(group[0].path, error))
            return
        for each in group:
            _count(duck, [each], timeframe, parts, spoiled)
        return
    typed = with_symbols(counted, group).select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    first, last = (pl.when(in_calendar(pl.col(name))).then(pl.col(name)).alias(name) for name in ("first", "last"))
    parts.append(typed.with_columns(first, last))


def _count_query(file: PriceFile, timeframe: Timeframe) -> str:
    numbered = not any(theirs.lower() == "file_row_number" for theirs, _ in file.columns.values())
    start = "min(file_row_number)" if numbered else "NULL"
    together = f"max(file_row_number) - {start} + 1 = count(*)" if numbered else "false"
    bar = f"coalesce({is_bar(file, timeframe)}, false)"
    moment = f"TRY_CAST({timestamp_of(file, timeframe)} AS TIMESTAMP)"
    return f"""
        SELECT {FILE} AS file, {symbol_of(file)} AS symbol, count(*) AS rows, count_if(NOT {bar}) AS no_bars,
               {together} AS together, {start} AS start,
               min({moment}) FILTER ({bar}) AS first, max({moment}) FILTER ({bar}) AS last
        FROM read_parquet($paths, filename = '{FILE}', file_row_number = {numbered}, hive_partitioning = false)
        GROUP BY 1, 2
    """  # noqa: S608 - names are quoted, values are parameters


def column_of(file: PriceFile, name: str) -> str:
    """Write one of our columns as the file calls it."""
    return quoted(file.columns[name][0])


def timestamp_of(file: PriceFile, timeframe: Timeframe) -> str:
    """Write the timestamp in the type of the timeframe."""
    return f"CAST({column_of(file, 'timestamp')} AS {'TIMESTAMP' if timeframe.intraday else 'DATE'})"


def is_bar(file: PriceFile, timeframe: Timeframe) -> str:
    """Write the condition that a row is a bar: timestamp, prices and volume known, and no halt."""
    parts = [is_dated(file, timeframe), f"NOT {is_halt(file)}"]
    for name in PRICES:
        if file.has(name):
            column = column_of(file, name)
            parts.append(f"isfinite({column})" if file.is_float(name) else f"{column} IS NOT NULL")
    return " AND ".join(parts)


def is_dated(file: PriceFile, timeframe: Timeframe) -> str:
    """Write the condition that a row has a timestamp: not infinite, and of a year that Python knows."""
    kind, end = ("TIMESTAMP", " 23:59:59.999999") if timeframe.intraday else ("DATE", "")
    return f"({timestamp_of(file, timeframe)} BETWEEN {kind} '0001-01-01' AND {kind} '9999-12-31{end}')"


def in_calendar(moment: pl.Expr) -> pl.Expr:
    """Whether a timestamp can be a Python date: DuckDB skips its check if a damaged file's statistics vouch for it."""
    known = moment.cast(pl.Datetime("us"), strict=False)
    return known.is_between(dt.datetime.min, dt.datetime.max).fill_null(value=False)


def is_in_calendar(frame: pl.DataFrame) -> bool:
    """Whether all timestamps of a frame can be Python dates."""
    moment = pl.col("timestamp")
    ends = frame.select(in_calendar(moment.min()).alias("first"), in_calendar(moment.max()).alias("last"))
    return not frame.height or (all(ends.row(0)) and not frame["timestamp"].null_count())


def is_halt(file: PriceFile) -> str:
    """Write the condition that a row is a halt, as KRX sources mark it: open = high = low = 0."""
    if not all(file.has(name) for name in ("open", "high", "low")):
        return "false"
    zeros = (f"{column_of(file, name)} = 0" for name in ("open", "high", "low"))
    return f"coalesce({' AND '.join(zeros)}, false)"


def symbol_of(file: PriceFile) -> str:
    """Write a row's symbol: its column, or for the time of the query the file, which ``with_symbols`` replaces."""
    return column_of(file, "symbol") if file.has("symbol") else FILE


def with_symbols(found: pl.DataFrame, group: Sequence[PriceFile]) -> pl.DataFrame:
    """Put the symbol of each file in the place of its path, where rows have no symbol of their own."""
    if group[0].has("symbol") or "symbol" not in found.columns:
        return found
    symbols = {str(file.path): file.symbol for file in group}
    return found.with_columns(pl.col("symbol").replace_strict(symbols, return_dtype=pl.String))
