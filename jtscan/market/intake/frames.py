"""Frames as sources, and texts with columns of several levels as pandas writes them."""

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
from jtscan.market.frames import PRICE_FIELDS, as_polars
from jtscan.market.intake.finding import SourceFile


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
    fields, tickers = (first, second) if PRICE_FIELDS & {name.casefold() for name in first} else (second, first)
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
        prices = [fields[place] for place in places if fields[place].casefold() in PRICE_FIELDS]
        parts.append(part.filter(pl.any_horizontal(pl.col(prices).is_not_null())))
    path = work / f"levels-{file.path.name}.parquet"
    pl.concat(parts, how="diagonal").write_parquet(path, compression="lz4")
    return replace(file, path=path, kind="parquet", note="tickers taken from the levels of its header")
