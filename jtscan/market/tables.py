"""Small tables as people have them (CSV, Parquet, frames of any library) as columns of text, dates left dates."""

from __future__ import annotations

import gzip
import zlib
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.errors import DataError, DataNotFoundError, first_line
from jtscan.market.duck import shown, sought
from jtscan.market.frames import as_polars
from jtscan.market.texts import encoding_of, is_gzipped

_UNREADABLE = (PolarsError, PanicException, OSError, EOFError, zlib.error)


def read_table(source: Any) -> tuple[pl.DataFrame, str]:
    """Read a file or frame as it is, and say what to call it; the columns of a CSV file are text.

    Raises
    ------
    DataError
        The file is missing or cannot be read.
    RequestError
        The source is neither a path nor a frame, or a frame that cannot be read.
    """
    if not isinstance(source, str | Path):
        return as_polars(source), f"the {type(source).__name__}"
    path = Path(source).expanduser()
    if path.suffix.lower() not in {".parquet", ".pq"}:
        return read_csv(read_text(path, "the file"), shown(path)), shown(path)
    if not path.is_file():
        raise DataNotFoundError(f"{sought(path)}: the file is missing")
    try:
        return pl.read_parquet(path, glob=False, hive_partitioning=False), shown(path)
    except _UNREADABLE as error:
        raise DataError(f"{shown(path)}: it cannot be read: {first_line(error)}") from None


def read_text(path: Path, what: str) -> str:
    """Read a file of text: UTF-8 with or without a mark, UTF-16 with one, otherwise CP949, gzipped or not.

    Raises
    ------
    DataError
        The file is missing, damaged, or in another encoding.
    """
    if not path.is_file():
        raise DataNotFoundError(f"{sought(path)}: {what} is missing")
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if is_gzipped(data) else data
    except _UNREADABLE as error:
        raise DataError(f"{shown(path)}: it cannot be read: {first_line(error)}") from None
    encoding = encoding_of(lambda: [data])
    if encoding is None:
        raise DataError(f"{shown(path)}: it is neither UTF-8, UTF-16 nor CP949 text")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(path)}: it looks like {encoding.upper()}, but cannot be decoded: {error}") from None


def read_csv(text: str, where: str) -> pl.DataFrame:
    """Read the text of a CSV file, with commas, tabs or semicolons, as columns of text.

    Raises
    ------
    DataError
        It is empty, or its rows have more columns than its head.
    """
    if not text.strip():
        raise DataError(f"{where}: the file is empty")
    separator = max(",\t;", key=text.partition("\n")[0].count)
    try:
        return pl.read_csv(StringIO(text), infer_schema=False, separator=separator)
    except _UNREADABLE as error:
        raise DataError(f"{where}: it cannot be read: {first_line(error)}") from None


def as_text(table: pl.DataFrame) -> pl.DataFrame:
    """Write every column as text, without blanks around it, but leave dates dates; what is empty is unknown."""
    return table.select(_text_of(name, kind) for name, kind in table.schema.items())


def _text_of(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind in (pl.Date, pl.Datetime):
        return column.cast(pl.Date)
    if kind.is_float():
        column = pl.when(column.is_finite()).then(column)
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return pl.when(text.str.len_chars() > 0).then(text).alias(name)
