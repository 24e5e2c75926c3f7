"""Price files: where they are, what columns they have, and whether those can be bars."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError
from jtscan.market.duck import Duck, refuse_pattern_names, unreadable

PRICES = ("open", "high", "low", "close", "volume")
_WHOLE = frozenset("TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split())
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_HIVE_SYMBOL = re.compile(r"(?:^|/)symbol=([^/]+)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFile:
    """One file: its columns (our name → name in the file, DuckDB type), or why it cannot be used.

    ``symbol`` is the symbol of all its rows where it has no column of symbols:
    from a hive folder ``symbol=…``, otherwise the file's name.
    """

    path: Path
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    symbol: str | None = None
    problem: str | None = None

    @property
    def signature(self) -> tuple[object, ...]:
        """What files must share to be read by one query."""
        return (*sorted(self.columns.items()), self.symbol is None)

    def has(self, name: str) -> bool:
        """Whether it has a column."""
        return name in self.columns

    def is_float(self, name: str) -> bool:
        """Whether a column can hold NaN and infinity."""
        return self.columns[name][1] in _FLOATS


def find_files(where: str | Path | Sequence[str | Path]) -> list[Path]:
    """List the Parquet files of a file, a folder, a glob, or a list of those, in rising order."""
    places = [where] if isinstance(where, str | Path) else list(where)
    found: set[Path] = set()
    for place in places:
        path = Path(place).expanduser()
        if path.is_dir():
            found.update(each for each in path.rglob("*.parquet") if each.is_file())
        elif path.exists():
            found.add(path)
        else:
            found.update(Path(each) for each in glob.glob(str(path), recursive=True) if Path(each).is_file())  # noqa: PTH207
    if not found:
        shown = ", ".join(str(place) for place in places)
        raise DataNotFoundError(f"there are no Parquet files at {shown}")
    return sorted(found)


def version_of(paths: Sequence[Path]) -> str:
    """Sum up names, sizes and times of change: another version for any other data."""
    sums = hashlib.sha256()
    for path in paths:
        state = path.stat()
        sums.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return sums.hexdigest()[:12]


def inspect_files(
    duck: Duck, paths: Sequence[Path], timeframe: Timeframe, renamed: Mapping[str, str]
) -> list[PriceFile]:
    """Read the schema of each file and check it; ``renamed`` maps our names to the files'."""
    problems = refuse_pattern_names(paths)
    schemas = _schemas(duck, [path for path in paths if path not in problems], problems)
    return [
        PriceFile(path=path, symbol=_symbol_of(path), problem=problems[path])
        if path in problems
        else _checked(path, schemas[path], timeframe, renamed)
        for path in paths
    ]


def _schemas(duck: Duck, paths: Sequence[Path], problems: dict[Path, str]) -> dict[Path, dict[str, str]]:
    """Column types of each file: all in one query, one by one if a file spoils it."""
    query = "SELECT file_name, name, duckdb_type FROM parquet_schema($paths) WHERE column_id > 0 AND duckdb_type IS NOT NULL"
    try:
        found = duck.frame(query, {"paths": [str(path) for path in paths]}) if paths else None
    except duckdb.Error as error:
        if len(paths) == 1:
            problems[paths[0]] = unreadable(paths[0], error)
            return {}
        return {path: schema for each in paths for path, schema in _schemas(duck, [each], problems).items()}
    schemas: dict[Path, dict[str, str]] = {path: {} for path in paths}
    for name, column, kind in found.iter_rows() if found is not None else ():
        schemas[Path(name)][column] = kind
    return schemas


def _symbol_of(path: Path) -> str:
    hive = _HIVE_SYMBOL.search(path.as_posix())
    return hive.group(1) if hive else path.stem


def _checked(path: Path, schema: Mapping[str, str], timeframe: Timeframe, renamed: Mapping[str, str]) -> PriceFile:
    columns = _our_names(schema, renamed)
    symbol = None if "symbol" in columns else _symbol_of(path)
    problem = _missing(schema, columns, renamed) or _wrong_types(columns, timeframe)
    return PriceFile(path=path, columns=columns, symbol=symbol, problem=problem)


def _our_names(schema: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    taken = {theirs: ours for ours, theirs in renamed.items()}
    return {
        taken.get(name, name): (name, kind) for name, kind in schema.items() if name in taken or name not in renamed
    }


def _missing(schema: Mapping[str, str], columns: Mapping[str, object], renamed: Mapping[str, str]) -> str | None:
    for ours, theirs in renamed.items():
        if ours not in columns:
            return f"it has no column {theirs!r} for {ours}; it has: {', '.join(schema)}"
    if "timestamp" not in columns:
        near = next((name for name in schema if name.lower() in {"date", "datetime", "time", "dt", "날짜", "일자"}), "its name")
        return f"it has no column 'timestamp'; it has: {', '.join(schema)}. Name the column: columns={{'timestamp': {near!r}}}"
    if not any(name in columns for name in PRICES):
        return f"it has none of {', '.join(PRICES)}; it has: {', '.join(schema)}"
    return None


def _wrong_types(columns: Mapping[str, tuple[str, str]], timeframe: Timeframe) -> str | None:
    kind = columns["timestamp"][1]
    if "symbol" in columns and columns["symbol"][1] != "VARCHAR":
        return f"its column of symbols is {columns['symbol'][1]}; symbols are text, with their leading zeros ('005930')"
    if "WITH TIME ZONE" in kind:
        return "its timestamps carry a time zone; bars need exchange-local times without one"
    if not (kind == "DATE" or kind.startswith("TIMESTAMP")):
        return f"its timestamps are {kind}; they must be dates or timestamps"
    if timeframe.intraday and kind == "DATE":
        return f"its timestamps are dates without a time of day; {timeframe} bars need timestamps"
    for name in PRICES:
        if name in columns and not is_number(columns[name][1]):
            return f"its column {name!r} is {columns[name][1]}, not numbers"
    return None


def is_number(kind: str) -> bool:
    """Whether a DuckDB type holds numbers."""
    return kind in _WHOLE or kind in _FLOATS or kind.startswith("DECIMAL")


def kind_of(kind: str) -> str:
    """Name a column's kind as the formula compiler knows it."""
    return "number" if is_number(kind) else {"VARCHAR": "text", "BOOLEAN": "true or false"}.get(kind, kind.lower())


