"""The layout that is fast to scan: bars of a symbol together, few files, and small ones merged before they are many.

Files of a full ingest hold ranges of symbols. Each append adds one small file
over all symbols; eight of about the same size become one, so that a year of
days leaves about a dozen, and when a quarter of all rows stands in such
files, everything is laid out anew.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Duck
from jtscan.market.files import PRICES
from jtscan.market.store.manifest import Kind, StoredFile, refuse_damage
from jtscan.market.store.writing import Draft

ROWS_PER_FILE = 400_000
_SAME_SIZE = 8
_MOST_BESIDE = 0.25
_KINDS: tuple[Kind, ...] = ("bars", "halts", "quarantine", "repairs")
_KEYS = ("symbol", "timestamp")


def split(sizes: Mapping[str, int], rows: int = ROWS_PER_FILE) -> Iterator[list[str]]:
    """Cut symbols, in rising order, into groups of about so many rows; a symbol stays whole."""
    group: list[str] = []
    size = 0
    for symbol in sorted(sizes):
        if group and size + sizes[symbol] > rows:
            yield group
            group, size = [], 0
        group.append(symbol)
        size += sizes[symbol]
    if group:
        yield group


def by_shape(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Part bars by the prices that they have: a file has no column that is unknown in some of its rows.

    Sources without a volume are bars all the same; a row that misses what
    its file has is none.
    """
    prices = [name for name in PRICES if name in rows.columns and rows[name].null_count()]
    if not prices:
        return [rows]
    missing = (pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in prices)
    shape = pl.concat_str(*missing, ignore_nulls=True).alias("#shape")
    parts = rows.with_columns(shape).partition_by("#shape", include_key=False)
    return [part.drop(name for name in prices if part[name].null_count() == part.height) for part in parts]


def compact(draft: Draft, timeframe: Timeframe, *, whole: bool = False) -> bool:
    """Merge the small files of a timeframe where they have become many; ``whole`` lays everything out anew."""
    changed = False
    for kind in _KINDS:
        files = draft.of(kind, timeframe)
        if whole or _has_grown(files):
            groups = [files] if len(files) > 1 else []
        else:
            groups = [files for files in _by_size(files) if len(files) >= _SAME_SIZE]
        for group in groups:
            _merge(draft, kind, timeframe, group)
        changed |= bool(groups)
    return changed


def _has_grown(files: Sequence[StoredFile]) -> bool:
    """Whether more than a quarter of the rows stand in files beside those that hold ranges of symbols."""
    ranges: list[StoredFile] = []
    for file in sorted(files, key=lambda file: -file.rows):
        if all(_apart(file, other) for other in ranges):
            ranges.append(file)
    laid_out = sum(file.rows for file in ranges)
    beside = sum(file.rows for file in files) - laid_out
    return len(files) - len(ranges) >= _SAME_SIZE and beside > laid_out * _MOST_BESIDE


def _apart(file: StoredFile, other: StoredFile) -> bool:
    if None in (file.lowest, file.highest, other.lowest, other.highest):
        return True
    return file.highest < other.lowest or other.highest < file.lowest  # type: ignore[operator]


def _by_size(files: Sequence[StoredFile]) -> list[list[StoredFile]]:
    """Group small files by the power of eight of their rows."""
    sizes: defaultdict[int, list[StoredFile]] = defaultdict(list)
    for file in files:
        if file.rows < ROWS_PER_FILE // 2:
            sizes[int(math.log(max(file.rows, 1), _SAME_SIZE))].append(file)
    return list(sizes.values())


def _merge(draft: Draft, kind: Kind, timeframe: Timeframe, files: Sequence[StoredFile]) -> None:
    refuse_damage(draft.root, files, content=True)  # what is copied gets a sum of its own
    paths = [str(draft.path(file)) for file in files]
    duck = Duck(draft.path(file) for file in files)
    sizes = duck.frame(_SIZES, {"paths": paths})
    for symbols in split(dict(sizes.iter_rows())):
        ends = {"paths": paths, "first": symbols[0], "last": symbols[-1]}
        rows = duck.frame(_ROWS, ends).sort(*_KEYS)
        for part in by_shape(rows) if kind == "bars" else [rows]:
            draft.add(kind, timeframe, part)
    for file in files:
        draft.drop(file)


_SOURCE = "FROM read_parquet($paths, union_by_name = true, hive_partitioning = false)"
_SIZES = f"SELECT coalesce(symbol, '') AS symbol, count(*) AS rows {_SOURCE} GROUP BY 1"
_ROWS = f"SELECT * {_SOURCE} WHERE coalesce(symbol, '') BETWEEN $first AND $last"
