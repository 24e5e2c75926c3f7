"""What the price files hold, symbol by symbol, before any bar is read.

One pass over the files of a snapshot counts each symbol's rows, those that are
no bars, and where they stand. It is made once per version of the data, and
lets every later scan read the needed columns of the needed files only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError
from jtscan.market.duck import Duck, literal, quoted, unreadable
from jtscan.market.files import PRICES, PriceFile, inspect_files, kind_of

_INVENTED = "the prices are invented: they were made by jtscan's synthetic market, nothing here is real"
_SCHEMA = {
    "file": pl.Int64,
    "symbol": pl.String,
    "rows": pl.Int64,
    "no_bars": pl.Int64,
    "together": pl.Boolean,
    "first": pl.Datetime("us"),
    "last": pl.Datetime("us"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalog:
    """The usable files, what each symbol has in them, and what cannot be used.

    ``entries`` has one row per file and symbol: its rows, how many of them
    are no bars, whether they stand together, its first and last timestamp.
    ``problems`` are the reasons of the symbols in unusable files; ``notes``
    what concerns no symbol that is known.
    """

    files: Sequence[PriceFile]
    entries: pl.DataFrame
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """The columns beyond symbol and timestamp: a column is numbers only if it is in every file that has it."""
        kinds: dict[str, str] = {}
        for file in self.files:
            for name, (_, kind) in file.columns.items():
                if name not in {"symbol", "timestamp"} and kinds.get(name, "number") == "number":
                    kinds[name] = kind_of(kind)
        return kinds

    @property
    def symbols(self) -> list[str]:
        """Every symbol that has rows, or a file that cannot be used, in rising order."""
        return sorted({*self.entries["symbol"], *self.problems})


def make_catalog(duck: Duck, paths: Sequence[Path], timeframe: Timeframe, renamed: Mapping[str, str]) -> Catalog:
    """Look into every file.

    Raises
    ------
    DataError
        None of the files can be used; says what is wrong with the first.
    """
    inspected = inspect_files(duck, paths, timeframe, renamed)
    usable = [file for file in inspected if file.problem is None]
    broken = [file for file in inspected if file.problem is not None]
    entries, spoiled = _entries(duck, usable, timeframe)
    broken += spoiled
    if broken and len(broken) == len(inspected):
        others = f" (and {len(broken) - 1:,} more files)" if len(broken) > 1 else ""
        raise DataError(f"{broken[0].path}: {broken[0].problem}{others}")
    return _assembled(duck, usable, entries, broken)


def _assembled(duck: Duck, usable: Sequence[PriceFile], entries: pl.DataFrame, broken: Sequence[PriceFile]) -> Catalog:
    nameless = entries.filter(pl.col("symbol").is_null())
    notes = [_INVENTED] if usable and _is_invented(usable[0].path) else []
    notes += [f"{file.path.name}: {file.problem}" for file in broken]
    if nameless.height:
        notes.append(f"{nameless['rows'].sum():,} rows have no symbol and belong to nobody")
    problems: dict[str, str] = {}
    for file in broken:
        for symbol in _symbols_of(duck, file):
            problems.setdefault(symbol, f"{file.path.name}: {file.problem}")
    return Catalog(
        files=usable, entries=entries.filter(pl.col("symbol").is_not_null()), problems=problems, notes=tuple(notes)
    )


def _is_invented(path: Path) -> bool:
    """Whether the synthetic market wrote a file; it marks each."""
    return "jtscan.invented" in pl.read_parquet_metadata(path)


def _symbols_of(duck: Duck, file: PriceFile) -> list[str]:
    """Name the symbols that an unusable file would have been about, as far as it tells."""
    if file.symbol is not None:
        return [file.symbol]
    name, kind = file.columns.get("symbol", ("", ""))
    if kind != "VARCHAR":
        return []
    try:
        found = duck.frame(f"SELECT DISTINCT {quoted(name)} AS symbol FROM read_parquet($paths)", {"paths": [str(file.path)]})  # noqa: S608
    except duckdb.Error:
        return []  # the file's own problem is told already
    return found["symbol"].drop_nulls().to_list()


def _entries(duck: Duck, files: Sequence[PriceFile], timeframe: Timeframe) -> tuple[pl.DataFrame, list[PriceFile]]:
    """Count each symbol's rows per file; files that cannot be read to the end are given back."""
    parts, spoiled = [], []
    for group in by_signature(files):
        made, bad = _count(duck, group, files, timeframe)
        parts += made
        spoiled += bad
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *parts]), spoiled


def by_signature(files: Iterable[PriceFile]) -> list[list[PriceFile]]:
    """Group files that one query can read."""
    groups: defaultdict[tuple[object, ...], list[PriceFile]] = defaultdict(list)
    for file in files:
        groups[file.signature].append(file)
    return list(groups.values())


def _count(
    duck: Duck, group: Sequence[PriceFile], files: Sequence[PriceFile], timeframe: Timeframe
) -> tuple[list[pl.DataFrame], list[PriceFile]]:
    try:
        counted = duck.frame(_count_query(group[0], timeframe), {"paths": [str(file.path) for file in group]})
    except duckdb.Error as error:
        if len(group) == 1:
            file = group[0]
            return [], [PriceFile(path=file.path, columns=file.columns, symbol=file.symbol, problem=unreadable(file.path, error))]
        halves = [_count(duck, [each], files, timeframe) for each in group]
        return [frame for made, _ in halves for frame in made], [file for _, bad in halves for file in bad]
    positions = {str(file.path): position for position, file in enumerate(files)}
    symbols = {position: files[position].symbol for position in positions.values()}
    counted = counted.with_columns(pl.col("file").replace_strict(positions, return_dtype=pl.Int64))
    if group[0].symbol is not None:
        counted = counted.with_columns(pl.col("file").replace_strict(symbols, return_dtype=pl.String).alias("symbol"))
    return [counted.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())], []


def _count_query(file: PriceFile, timeframe: Timeframe) -> str:
    symbol = column_of(file, "symbol") if file.has("symbol") else "NULL"
    moment = timestamp_of(file, timeframe)
    known = f"isfinite({moment})"
    return f"""
        SELECT filename AS file, {symbol} AS symbol, count(*) AS rows,
               count_if(NOT coalesce({is_bar(file, timeframe)}, false)) AS no_bars,
               max(file_row_number) - min(file_row_number) + 1 = count(*) AS together,
               min(CAST({moment} AS TIMESTAMP)) FILTER ({known}) AS first,
               max(CAST({moment} AS TIMESTAMP)) FILTER ({known}) AS last
        FROM read_parquet($paths, filename = true, file_row_number = true, hive_partitioning = false)
        GROUP BY ALL
    """  # noqa: S608 - names are quoted, values are parameters


def column_of(file: PriceFile, name: str) -> str:
    """Write one of our columns as the file calls it."""
    return quoted(file.columns[name][0])


def timestamp_of(file: PriceFile, timeframe: Timeframe) -> str:
    """Write the timestamp in the type of the timeframe."""
    return f"CAST({column_of(file, 'timestamp')} AS {'TIMESTAMP' if timeframe.intraday else 'DATE'})"


def is_bar(file: PriceFile, timeframe: Timeframe) -> str:
    """Write the condition that a row is a bar: timestamp, prices and volume known, and no halt."""
    parts = [f"isfinite({timestamp_of(file, timeframe)})", f"NOT {is_halt(file)}"]
    for name in PRICES:
        if file.has(name):
            column = column_of(file, name)
            parts.append(f"isfinite({column})" if file.is_float(name) else f"{column} IS NOT NULL")
    return " AND ".join(parts)


def is_halt(file: PriceFile) -> str:
    """Write the condition that a row is a halt, as KRX sources mark it: open = high = low = 0."""
    if not all(file.has(name) for name in ("open", "high", "low")):
        return "false"
    zeros = (f"{column_of(file, name)} = 0" for name in ("open", "high", "low"))
    return f"coalesce({' AND '.join(zeros)}, false)"


def symbol_of(file: PriceFile) -> str:
    """Write a row's symbol: a column, or what the file's name says."""
    if file.has("symbol"):
        return column_of(file, "symbol")
    hive = "symbol=" in file.path.as_posix()
    return f"regexp_extract(filename, {literal('symbol=([^/]+)/')}, 1)" if hive else "parse_filename(filename, true)"
