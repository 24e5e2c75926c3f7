"""The head of each source: its columns, how it is written, and a sample of its rows."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from jtscan.market.duck import Duck
from jtscan.market.files import Schema, schemas_of
from jtscan.market.intake.columns import NAMES, plain
from jtscan.market.intake.finding import SourceFile
from jtscan.market.intake.values import TEXT

_SAMPLE = 30
_LEVELS = 2
_LONGEST_LINE = 1 << 16
_DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a file starts with.

    ``columns`` are its columns and their DuckDB types (all text in a CSV
    file), ``sample`` its first rows by column, ``zones`` the time zones that
    typed columns carry. ``levels`` is true for a table of several header
    lines, as yfinance writes for its tickers.
    """

    columns: Schema = ()
    sample: Mapping[str, Sequence[str]] | None = None
    delimiter: str = ","
    quote: str = '"'
    zones: Mapping[str, str] | None = None
    levels: bool = False
    problem: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [name for name, _ in self.columns]

    def values(self, name: str) -> list[str]:
        """The texts of a column in the sample that are not empty."""
        return [value for value in (self.sample or {}).get(name, ()) if value]


def heads_of(files: Sequence[SourceFile], duck: Duck) -> list[Head]:
    """Look at the start of every file."""
    typed = [file.path for file in files if file.problem is None and file.kind == "parquet"]
    problems: dict[Path, str] = {}
    schemas = schemas_of(duck, typed, problems)
    return [_head(file, schemas, problems) for file in files]


def _head(file: SourceFile, schemas: Mapping[Path, Schema], problems: Mapping[Path, str]) -> Head:
    problem = file.problem or problems.get(file.path)
    if problem is not None:
        return Head(problem=problem)
    return _of_text(file.path) if file.kind == "text" else _of_parquet(file.path, schemas[file.path])


def _of_text(path: Path) -> Head:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        lines = list(islice(iter(lambda: text.readline(_LONGEST_LINE), ""), _SAMPLE + 3))
    if not any(line.strip() for line in lines):
        return Head(problem="the file is empty" if not lines else "the file has only empty lines")
    lines = lines[next(place for place, line in enumerate(lines) if line.strip()) :]
    delimiter = max(_DELIMITERS, key=lambda each: (lines[0].count(each), -_DELIMITERS.index(each)))
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        return Head(problem=f"it is not a table of text: {error}")
    names = [name.strip() for name in rows[0]]
    body = [row for row in rows[1:] if row]
    sample = {name: [row[place].strip() for row in body if len(row) > place] for place, name in enumerate(names)}
    third = rows[_LEVELS] if len(rows) > _LEVELS else []
    named = len(third) > 1 and bool(third[0]) and plain(third[0]) in NAMES["timestamp"] and not any(third[1:])
    levels = named and _has_prices(rows[:_LEVELS])
    return Head(columns=[(name, TEXT) for name in names], sample=sample, delimiter=delimiter, levels=levels)


def _has_prices(rows: Sequence[Sequence[str]]) -> bool:
    return any({"open", "close"} & {cell.strip().casefold() for cell in row} for row in rows)


def _of_parquet(path: Path, schema: Schema) -> Head:
    try:
        lazy = pl.scan_parquet(path, hive_partitioning=False)
        kinds = lazy.collect_schema()
        sample = lazy.select(pl.col(pl.String)).head(_SAMPLE).collect()
    except PolarsError as error:
        return Head(problem=f"the file is damaged: {str(error).splitlines()[0]}")
    zones = {name: kind.time_zone for name, kind in kinds.items() if isinstance(kind, pl.Datetime) and kind.time_zone}
    return Head(
        columns=schema, sample={name: sample[name].drop_nulls().to_list() for name in sample.columns}, zones=zones
    )
