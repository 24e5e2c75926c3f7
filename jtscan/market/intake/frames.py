"""Frames as sources: Polars, pandas and Arrow, also with an index of dates and columns of several levels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from jtscan.errors import RequestError
from jtscan.market.intake.finding import SourceFile

_PRICES = frozenset({"open", "high", "low", "close"})


def save_frames(frames: Sequence[Any], work: Path) -> list[SourceFile]:
    """Write each frame to a Parquet file in the working folder, to be read as any other source."""
    work.mkdir(parents=True, exist_ok=True)
    saved = []
    for number, frame in enumerate(frames):
        path = work / f"frame-{number:06}.parquet"
        try:
            as_polars(frame).write_parquet(path, compression="lz4")
        except PolarsError as error:
            raise RequestError("source", f"a column of frame {number + 1} cannot be read: {error}") from error
        saved.append(SourceFile(name=f"frame {number + 1}", path=path, kind="parquet", nameless=True))
    return saved


def unfold_levels(file: SourceFile, delimiter: str, work: Path) -> SourceFile:
    """Write a table with tickers in its header's levels, as pandas writes yfinance's, as one of rows with a symbol."""
    with file.path.open(encoding="utf-8-sig", newline="") as text:
        first, second, index = islice(csv.reader(text, delimiter=delimiter), 3)
    fields, tickers = (first, second) if _PRICES & {name.casefold() for name in first} else (second, first)
    body = pl.read_csv(
        file.path,
        separator=delimiter,
        has_header=False,
        skip_rows=3,
        infer_schema=False,
        truncate_ragged_lines=True,
        raise_if_empty=False,
    )
    parts = []
    for ticker in dict.fromkeys(tickers[1:]):
        places = [place for place, name in enumerate(tickers) if name == ticker and place]
        values = [pl.col(body.columns[place]).alias(fields[place]) for place in places]
        moment = pl.col(body.columns[0]).alias(index[0])
        part = body.select(moment, pl.lit(ticker).alias("symbol"), *values)
        prices = [fields[place] for place in places if fields[place].casefold() in _PRICES]
        parts.append(part.filter(pl.any_horizontal(pl.col(prices).is_not_null())))
    path = work / f"levels-{file.path.name}.parquet"
    pl.concat(parts, how="diagonal").write_parquet(path, compression="lz4")
    return replace(file, path=path, kind="parquet", note="tickers taken from the levels of its header")


def as_polars(frame: Any) -> pl.DataFrame:
    """Turn a frame of any of these libraries into one of Polars.

    Raises
    ------
    RequestError
        It is no frame, or has no column of symbols though it needs one.
    """
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        if hasattr(frame, "iloc"):
            return _from_pandas(frame)
        return pl.DataFrame(frame) if hasattr(frame, "__arrow_c_stream__") else _refused(frame)
    except RequestError:
        raise
    except (PolarsError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise RequestError("source", f"{type(frame).__name__} cannot be read as a frame: {error}") from error


def _refused(frame: Any) -> pl.DataFrame:
    raise RequestError("source", f"{type(frame).__name__} is neither a path nor a Polars, pandas or Arrow frame")


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Take the index for columns, and the tickers out of the columns' levels, as yfinance gives them."""
    if getattr(frame.columns, "nlevels", 1) > 1:
        tickers = _level_of_tickers(frame.columns)
        frame = frame.stack(level=tickers, future_stack=True)
        frame.index = frame.index.set_names("symbol", level=-1)
        prices = [name for name in frame.columns if str(name).casefold() in _PRICES]
        frame = frame.dropna(how="all", subset=prices)  # a ticker that was not there that day has no row
    index = frame.index.names
    if len(index) > 1 or index[0] is not None or str(frame.index.dtype).startswith("datetime"):
        names = [name if name is not None else "date" for name in index]
        frame = frame.rename_axis(index=names).reset_index()
    return pl.DataFrame({str(name): _column(str(name), frame[name]) for name in frame.columns})


def _level_of_tickers(columns: Any) -> int:
    for level in range(columns.nlevels):
        if not {"open", "close"} & {str(value).casefold() for value in columns.get_level_values(level)}:
            return level
    raise RequestError("source", "the frame's columns have levels, and none of them is the tickers")


def _column(name: str, series: Any) -> pl.Series:
    if series.dtype.kind == "M":
        series = series.dt.as_unit("us")
    if series.dtype.kind in "iufbM" and not hasattr(series.dtype, "tz"):
        return pl.Series(name, series.to_numpy())
    items = [None if item is None or item != item else item for item in series.tolist()]  # noqa: PLR0124 - NaN and NaT
    return pl.Series(name, items)
