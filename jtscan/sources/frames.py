"""The pandas frames of the packages become our bars and tables of symbols.

Values go through numpy and Python, not through pyarrow, which the packages do
not bring.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from jtscan.errors import SourceError
from jtscan.sources.base import BARS, Wanted

logger = logging.getLogger("jtscan")

_PRICES = ("open", "high", "low", "close")


def bars_of(frame: Any, names: Mapping[str, str], wanted: Wanted) -> pl.DataFrame:
    """Convert prices indexed by day; ``names`` are their columns and ours, the others are left out.

    Days carry the exchange's own date, whatever the zone of the index. A row
    without any price says that the symbol did not trade that day in a frame
    of several: it is no row.
    """
    if not len(frame):
        return pl.DataFrame(schema=BARS)
    there = {theirs: ours for theirs, ours in names.items() if theirs in frame.columns}
    _check(frame, there, names)
    data = {"timestamp": _days(frame.index), **{ours: _numbers(frame, theirs) for theirs, ours in there.items()}}
    made = pl.DataFrame(data, schema_overrides=BARS).fill_nan(None)
    traded = ~pl.all_horizontal(pl.col(name).is_null() for name in _PRICES)
    return made.filter(traded & pl.col("timestamp").is_between(wanted.since, wanted.until)).sort("timestamp")


def table_of(frame: Any, names: Mapping[str, str]) -> pl.DataFrame:
    """Convert a list of symbols; texts and days, what is not there is null."""
    there = {ours: theirs for theirs, ours in names.items() if theirs in frame.columns}
    if "symbol" not in there:
        raise SourceError(f"the list of symbols has no codes; it has: {_listed(frame.columns)}")
    known = [_column(frame[theirs], ours) for ours, theirs in there.items()]
    made = pl.DataFrame(known).with_columns(
        pl.lit(None, _kind(ours)).alias(ours) for ours in dict.fromkeys(names.values()) if ours not in there
    )
    kept = made.drop_nulls("symbol").unique("symbol", keep="first", maintain_order=True)
    if kept.height < made.height:
        logger.warning("rows of the list without a code or with a repeated one: %s", f"{made.height - kept.height:,}")
    return kept


def _check(frame: Any, there: Mapping[str, str], names: Mapping[str, str]) -> None:
    if frame.columns.nlevels > 1:
        raise SourceError(f"the answer has columns of several symbols, one was asked: {_listed(frame.columns)}")
    missing = [theirs for theirs, ours in names.items() if ours in BARS and theirs not in there]
    if missing:
        raise SourceError(f"the answer has no {_listed(missing)}; it has: {_listed(frame.columns)}")
    if not hasattr(frame.index, "tz"):
        raise SourceError(f"the answer's rows have no days but {type(frame.index).__name__}")


def _days(index: Any) -> list[dt.date]:
    return [moment.date() for moment in index]


def _numbers(frame: Any, name: str) -> Any:
    try:
        return frame[name].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise SourceError(f"the answer's column {name!r} holds what is no number: {error}") from error


def _column(values: Any, name: str) -> pl.Series:
    if _kind(name) == pl.Date:
        return _dates(values, name)
    if name == "symbol" and any(_is_number(value) for value in values):
        raise SourceError("the codes in the list of symbols are numbers: their leading zeros are lost")
    return pl.Series(name, [value.strip() or None if isinstance(value, str) else None for value in values], pl.String)


def _dates(values: Any, name: str) -> pl.Series:
    try:
        return pl.Series(name, values.to_numpy(dtype="datetime64[ms]")).cast(pl.Date)
    except (TypeError, ValueError) as error:
        raise SourceError(f"the days {name!r} in the list of symbols cannot be read: {error}") from error


def _kind(name: str) -> type[pl.DataType]:
    return pl.Date if name in {"listed", "delisted"} else pl.String


def _is_number(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and not math.isnan(value))


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names)) or "nothing"
