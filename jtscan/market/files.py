"""Price files: where they are, what columns they have, and whether those can be bars."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

import duckdb

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.addresses import MISSING, Address, AnyPlace, Place, files_at, place_of, states_at
from jtscan.market.duck import Duck, refuse_names, shown, sought, unreadable

PRICES = ("open", "high", "low", "close", "volume")
_OURS = frozenset({"symbol", "timestamp", *PRICES})
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_WHOLE = frozenset({*_SIGNED, *(f"U{kind}" for kind in _SIGNED)})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_DECIMAL = re.compile(r"DECIMAL\(\d+, ?\d+\)")
MOMENTS = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"})
_HIVE_SYMBOL = re.compile(r"(?:^|/)symbol=([^/]+)/")
FileStates = Mapping[Place, str | None]
"""What each file was when it was listed: another text for any other content; None is never written again."""
_TIMES = frozenset({"timestamp", "date", "datetime", "time", "dt", "날짜", "일자"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFile:
    """One file: its columns (our name → name in the file, DuckDB type), or why it cannot be used.

    ``symbol`` is the symbol of all its rows where it has no column of symbols:
    from a hive folder ``symbol=…``, otherwise the file's name. It is None
    where rows have their own, and where nobody can know.
    """

    path: Place
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    symbol: str | None = None
    problem: str | None = None

    @property
    def name(self) -> str:
        """The file's name, as it can be printed."""
        return shown(Path(self.path.name))

    @property
    def signature(self) -> tuple[object, ...]:
        """What files must share to be read by one query."""
        return tuple(sorted(self.columns.items()))

    def has(self, name: str) -> bool:
        """Whether it has a column."""
        return name in self.columns

    def is_float(self, name: str) -> bool:
        """Whether a column can hold NaN and infinity."""
        return self.columns[name][1] in _FLOATS


def find_files(where: str | Place | Sequence[str | Place]) -> list[Place]:
    """List the Parquet files of a file, a folder, a glob, or a list of those, in rising order; addresses as paths.

    A file of a list that is not there is listed too: its symbol is not to be
    forgotten.
    """
    places = [place_of(place) for place in ([where] if isinstance(where, str | Path | Address) else where)]
    if not places:
        raise DataNotFoundError("the list of Parquet files is empty")
    found: set[Place] = set()
    for place in places:
        there = _files_at(place)
        if not there and (len(places) == 1 or place.is_dir() or glob.has_magic(str(place))):
            raise DataNotFoundError(f"there are no Parquet files at {sought(place)}")
        found.update(there or [place])
    if not any(path.exists() for path in found):
        raise DataNotFoundError(f"there are no Parquet files at {', '.join(shown(path) for path in _sorted(found))}")
    return _sorted(found)


def _sorted(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: place.parts)


def _files_at(place: Place) -> Sequence[Place]:
    if isinstance(place, Address):
        return files_at(place)
    if place.is_dir():
        return list(_files_below(place))
    if place.parts[-2:] == ("**", "*.parquet"):
        folders = glob.glob(str(place.parent.parent))  # noqa: PTH207 - absolute or not
        return [path for folder in folders for path in _files_below(Path(folder))]
    if place.exists():
        return [place]
    return [Path(each) for each in glob.glob(str(place), recursive=True) if not Path(each).is_dir()]  # noqa: PTH207


def _files_below(folder: Path) -> Iterator[Path]:
    """Find the Parquet files below a folder; linked folders count, a link to where it stands in does not."""
    for root, folders, names in os.walk(folder, onerror=_cannot_list, followlinks=True):
        folders[:] = [name for name in folders if not _leads_up(f"{root}/{name}")]
        yield from (Path(root, name) for name in names if name.endswith(".parquet"))


def _leads_up(folder: str) -> bool:
    return os.path.islink(folder) and Path(folder).parent.resolve().is_relative_to(Path(folder).resolve())  # noqa: PTH114


def _cannot_list(error: OSError) -> None:
    raise DataError(f"{shown(Path(error.filename))}: the folder cannot be listed: {error.strerror}") from error


def states_of(paths: Iterable[Place]) -> dict[Place, str | None]:
    """Take each file's size and time of change."""
    paths = list(paths)
    apart = states_at(path for path in paths if isinstance(path, Address))
    return {path: apart[path] if isinstance(path, Address) else _state_of(path) for path in paths}


def changed_of(states: FileStates) -> FileStates:
    """Return the files that are no longer what they were, and what they are now."""
    now = states_of(path for path, state in states.items() if state is not None)
    return {path: state for path, state in now.items() if state != states[path]}


def _state_of(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return MISSING
    return f"{state.st_size}\0{state.st_mtime_ns}"


def version_of(states: FileStates, renamed: Mapping[str, str] | None = None) -> str:
    """Sum up names, sizes and times of change: another version for any other data, or the same under other names."""
    sums = hashlib.sha256()
    for path, state in states.items():
        sums.update(f"{shown(path)}\0{state}\n".encode())
    for ours, theirs in sorted((renamed or {}).items()):
        sums.update(f"{ours}\0{theirs}\n".encode())
    return sums.hexdigest()[:12]


def inspect_files(
    duck: Duck, paths: Sequence[Place], timeframe: Timeframe, renamed: Mapping[str, str]
) -> list[PriceFile]:
    """Read the schema of each file and check it; ``renamed`` maps our names to the files'."""
    problems = refuse_names(paths)
    schemas = schemas_of(duck, [path for path in paths if path not in problems], problems)
    files = [
        PriceFile(path=path, problem=problems[path])
        if path in problems
        else _checked(path, schemas[path], timeframe, renamed)
        for path in paths
    ]
    many = any(file.has("symbol") for file in files if file.problem is None)
    return [file if file.has("symbol") else _named(file, among_many=many) for file in files]


Schema = Sequence[tuple[str, str]]


def schemas_of(duck: Duck, paths: Sequence[AnyPlace], problems: dict[AnyPlace, str]) -> dict[AnyPlace, Schema]:
    """Columns and DuckDB types of each Parquet file: all in one query, one by one if a file spoils it."""
    if not paths:
        return {}
    nodes = "SELECT file_name, name, duckdb_type, num_children FROM parquet_schema($paths)"
    query = f"{nodes} ORDER BY file_name, column_id"
    try:
        found = duck.frame(query, {"paths": [str(path) for path in paths]})
    except duckdb.Error as error:
        if len(paths) == 1:
            problems[paths[0]] = unreadable(paths[0], error)
            return {}
        return {path: schema for each in paths for path, schema in schemas_of(duck, [each], problems).items()}
    trees = groupby(found.iter_rows(), key=lambda node: node[0])
    named = {str(path): path for path in paths}
    return {named[name]: _columns([node[1:] for node in tree]) for name, tree in trees}


def _columns(nodes: Sequence[tuple[str, str | None, int | None]]) -> Schema:
    """Take the columns out of a schema, which lists each node of the tree before its children."""
    columns = []
    inside = 0
    for name, kind, children in nodes[1:]:
        if not inside:
            columns.append((name, kind or "unknown"))
        inside += (children or 0) - (inside > 0)
    return columns


def _named(file: PriceFile, *, among_many: bool) -> PriceFile:
    """Read the symbol out of the path; beside files of many symbols, the name of a broken file is none."""
    hive = _HIVE_SYMBOL.search(shown(file.path))
    if hive is not None:
        return replace(file, symbol=unquote(hive.group(1)))
    return file if file.problem and among_many else replace(file, symbol=shown(Path(file.path.stem)))


def _checked(path: Place, schema: Schema, timeframe: Timeframe, renamed: Mapping[str, str]) -> PriceFile:
    columns = _our_names(dict(schema), renamed)
    problem = _alike(schema) or _missing(dict(schema), columns, renamed) or _wrong_types(columns, timeframe)
    return PriceFile(path=path, columns=columns, problem=problem)


def _our_names(schema: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    kept = {name: (name, kind) for name, kind in schema.items() if name not in {*renamed, *renamed.values()}}
    return {**kept, **{ours: (theirs, schema[theirs]) for ours, theirs in renamed.items() if theirs in schema}}


def _alike(schema: Schema) -> str | None:
    """Find two columns that DuckDB cannot tell apart: it does not look at the case of letters."""
    counted = Counter(name.casefold() for name, _ in schema)
    names = [name for name, _ in schema if counted[name.casefold()] > 1]
    return f"its columns {names[0]!r} and {names[1]!r} have the same name; rename one" if names else None


def _missing(schema: Mapping[str, str], columns: Mapping[str, object], renamed: Mapping[str, str]) -> str | None:
    there = f"it has: {_listed(schema, renamed)}"
    for ours, theirs in renamed.items():
        if ours not in columns:
            turned = theirs in _OURS and ours in schema
            cure = f". Our name comes first: columns={{{theirs!r}: {ours!r}}}" if turned else ""
            return f"it has no column {theirs!r} for {ours}; {there}{cure}"
    if "timestamp" not in columns:
        near = next((name for name in schema if name.lower() in _TIMES), "its name")
        return f"it has no column 'timestamp'; {there}. Name the column: columns={{'timestamp': {near!r}}}"
    if not any(name in columns for name in PRICES):
        return f"it has none of {', '.join(PRICES)}; {there}"
    return None


def _listed(schema: Iterable[str], renamed: Mapping[str, str]) -> str:
    """List a file's columns, with what a mapping makes of them."""
    ours = {theirs: name for name, theirs in renamed.items()}
    return ", ".join(f"{name} (as {ours[name]})" if ours.get(name, name) != name else name for name in schema)


def _wrong_types(columns: Mapping[str, tuple[str, str]], timeframe: Timeframe) -> str | None:
    kind = columns["timestamp"][1]
    if "symbol" in columns and columns["symbol"][1] != "VARCHAR":
        return f"its column of symbols is {columns['symbol'][1]}; symbols are text, with their leading zeros ('005930')"
    if "WITH TIME ZONE" in kind:
        return "its timestamps carry a time zone; bars need exchange-local times without one"
    if kind not in MOMENTS:
        return f"its timestamps are {kind}; they must be dates or timestamps"
    if timeframe.intraday and kind == "DATE":
        return f"its timestamps are dates without a time of day; {timeframe} bars need timestamps"
    for name in PRICES:
        if name in columns and not is_number(columns[name][1]):
            return f"its column {name!r} is {columns[name][1]}, not numbers"
    return None


def is_number(kind: str) -> bool:
    """Whether a DuckDB type holds numbers."""
    return kind in _WHOLE or kind in _FLOATS or _DECIMAL.fullmatch(kind) is not None


def kind_of(kind: str) -> str:
    """Name a column's kind as the formula compiler knows it."""
    return "number" if is_number(kind) else {"VARCHAR": "text", "BOOLEAN": "true or false"}.get(kind, kind.lower())
