"""Frames into files and into pandas: what ``to_parquet``, ``to_csv``, ``to_excel`` and ``to_pandas`` do.

``replacing`` is how all that users save is written, charts and forms too: beside its
place first and then renamed, so that nobody reads half of it, and what was
there before stays if the writing fails.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from jtscan.errors import DataError, MissingExtraError, RequestError, first_line
from jtscan.render.cells import width_of

if TYPE_CHECKING:
    import pandas as pd

METADATA = "jtscan"
_METHODS = {".parquet": "to_parquet", ".csv": "to_csv", ".xlsx": "to_excel", ".xls": "to_excel"}
MOMENTS = "%Y-%m-%d %H:%M:%S"
_MOST_ROWS, _MOST_COLUMNS, _MOST_LETTERS = 1_048_576, 16_384, 32_767  # of a sheet, and of a cell
_FIRST_DAY = dt.datetime(1900, 3, 1)  # before it, Excel counts a 29th of February that never was
_DAY_ZERO = dt.datetime(1899, 12, 30)
_MICROSECONDS_A_DAY = 86_400_000_000
_WIDEST = 60
_LOOKED_AT = 1_000
_TEXT_STAYS_TEXT = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def write_parquet(frame: pl.DataFrame, path: str | Path, *, about: Mapping[str, str]) -> Path:
    """Write a frame with its types; what it is about goes into the file's metadata, as JSON under ``jtscan``."""
    _refuse_name_of_another_kind(path, "to_parquet")
    with replacing(path) as (file, unfinished):
        said = {METADATA: json.dumps(dict(about), ensure_ascii=False)} if about else None
        frame.write_parquet(unfinished, metadata=said)
    return file


def write_csv(frame: pl.DataFrame, path: str | Path, *, bom: bool) -> Path:
    """Write a frame as text; with its mark in front, Excel takes it for UTF-8."""
    _refuse_name_of_another_kind(path, "to_csv")
    with replacing(path) as (file, unfinished):
        frame.write_csv(unfinished, include_bom=bom, datetime_format=MOMENTS)
    return file


def write_excel(sheets: Mapping[str, pl.DataFrame], path: str | Path) -> Path:
    """Write a workbook, one sheet per frame."""
    _refuse_name_of_another_kind(path, "to_excel")
    for name, frame in sheets.items():
        _check_size(name, frame)
    try:
        from xlsxwriter import Workbook, exceptions  # noqa: PLC0415 - needs the extra "excel"
    except ImportError:
        raise MissingExtraError("to_excel", "excel") from None
    with replacing(path, suffix=".xlsx") as (file, unfinished):
        try:
            with Workbook(unfinished, _TEXT_STAYS_TEXT) as book:
                for name, frame in sheets.items():
                    _write_sheet(book, name, frame)
        except exceptions.XlsxFileError as error:  # its name for an OSError
            raise _unwritten(file, error) from error
    return file


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Make a pandas frame; dates become datetime64."""
    try:
        return frame.to_pandas()
    except ModuleNotFoundError:
        raise MissingExtraError("to_pandas", "pandas") from None


@contextmanager
def replacing(path: str | Path, *, suffix: str = "") -> Iterator[tuple[Path, Path]]:
    """Give the file and a place beside it, which takes its place in the end.

    Raises
    ------
    RequestError
        There is no such folder, or the name does not end with the suffix.
    DataError
        The file cannot be written.
    """
    file = _file(path, suffix)
    place = file.resolve()  # a link stays one
    unfinished = place.with_name(f".jtscan.{uuid.uuid4().hex[:8]}{suffix}")
    try:
        yield file, unfinished
        unfinished.replace(place)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unwritten(file, error) from error
    finally:
        with suppress(OSError):  # what made the writing fail; that is told
            unfinished.unlink(missing_ok=True)


def _unwritten(file: Path, error: Exception) -> DataError:
    return DataError(f"{file} cannot be written: {first_line(error)}")


def _file(path: str | Path, suffix: str) -> Path:
    if not isinstance(path, str | Path):
        raise RequestError("path", f"{path!r} is not the name of a file")
    file = Path(path).expanduser()
    try:
        special = file.resolve().exists() and not (file.is_file() or file.is_dir())
    except (OSError, ValueError) as error:
        raise RequestError("path", f"{path!r} cannot be the name of a file: {first_line(error)}") from None
    if special:
        raise RequestError("path", f"{path} is a device, and would be replaced by a file; name another place")
    if file.is_dir():
        raise RequestError("path", f"{path} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise RequestError("path", f"{path}: there is no folder {file.parent.absolute()}; make it first")
    if suffix and file.suffix.lower() != suffix:
        raise RequestError("path", f"{path}: the name must end with {suffix}")
    return file


def _refuse_name_of_another_kind(path: str | Path, method: str) -> None:
    """Refuse a name by which another program, or we, would take the file for what it is not."""
    right = _METHODS.get(Path(path).suffix.lower()) if isinstance(path, str | Path) else None
    if right is not None and right != method:
        raise RequestError("path", f"{path}: {method} writes no such file; use {right}")


def _check_size(name: str, frame: pl.DataFrame) -> None:
    for count, most, what in ((frame.height, _MOST_ROWS - 1, "rows"), (frame.width, _MOST_COLUMNS, "columns")):
        if count > most:
            raise RequestError(
                "path",
                f"{count:,} {what} of {name!r} do not fit on a sheet of Excel ({most:,}): use to_parquet or to_csv",
            )


def _write_sheet(book: Any, name: str, frame: pl.DataFrame) -> None:
    sheet = book.add_worksheet(name)
    head = book.add_format({"bold": True, "bottom": 1})
    for place, series in enumerate(frame.iter_columns()):
        shown, look = _cells(series)
        form = book.add_format({"num_format": look, "valign": "top"})
        sheet.set_column(place, place, _width(series), form)
        sheet.write_string(0, place, series.name, head)
        sheet.write_column(1, place, shown.to_list())
    sheet.freeze_panes(1, 0)
    if frame.width:
        sheet.autofilter(0, 0, frame.height, frame.width - 1)


def _cells(series: pl.Series) -> tuple[pl.Series, str]:
    """Values that a sheet can hold, and how it shows them; dates are days since the end of 1899."""
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return series, "General"
    if series.dtype in (pl.Date, pl.Datetime):
        moments = series.cast(pl.Datetime("us"))
        if (moments >= _FIRST_DAY).all():
            look = "yyyy-mm-dd" if series.dtype == pl.Date else "yyyy-mm-dd hh:mm"
            return (moments - _DAY_ZERO).dt.total_microseconds() / _MICROSECONDS_A_DAY, look
    texts = series.cast(pl.String)
    if (texts.str.len_bytes() > _MOST_LETTERS).any():
        texts = texts.map_elements(_cut, return_dtype=pl.String)
    return texts, "@"


def _cut(text: str) -> str:
    """Cut a text to what a cell holds; Excel counts an emoji twice, and xlsxwriter ends a column at one too long."""
    letters = text.encode("utf-16-le")
    if len(letters) <= 2 * _MOST_LETTERS:
        return text
    return letters[: 2 * (_MOST_LETTERS - 1)].decode("utf-16-le", "ignore") + "…"


def _width(series: pl.Series) -> int:
    """Make room for the name and the first values, Hangul counted twice."""
    texts = series.head(_LOOKED_AT).cast(pl.String).drop_nulls()
    longest = max(map(width_of, (series.name, *texts.str.head(_WIDEST))))
    return min(longest, _WIDEST) + 3
