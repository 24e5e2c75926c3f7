"""Frames of Polars, pandas and Arrow as frames of Polars: prices, symbols and members are all read by this."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.errors import RequestError, first_line

PRICE_FIELDS = frozenset({"open", "high", "low", "close"})
_UNREADABLE = (PolarsError, PanicException, OverflowError)
_NUMPY_KINDS = "iufbM"  # whole, unsigned, float, truth, moment
_KNOWN = (str, int, float, bytes, Decimal, dt.date, dt.time, dt.timedelta)


def as_polars(frame: Any) -> pl.DataFrame:
    """Turn a frame of any of these libraries into one of Polars.

    The index of a pandas frame becomes columns where it has names or moments;
    tickers in the levels of its columns become a column ``symbol``. A column
    of mixed values becomes text.

    Raises
    ------
    RequestError
        It is no frame, has a column twice, or cannot be read.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if _is_pandas(frame):
        return _from_pandas(frame)
    try:
        if isinstance(frame, pl.LazyFrame):
            return frame.collect()
        if hasattr(frame, "__arrow_c_stream__"):
            return pl.DataFrame(frame)
    except (*_UNREADABLE, OSError) as error:
        kind = type(frame).__name__
        raise RequestError("source", f"{kind} cannot be read as a frame: {first_line(error)}") from error
    raise RequestError("source", f"{type(frame).__name__} is neither a path nor a Polars, pandas or Arrow frame")


def _is_pandas(frame: Any) -> bool:
    pandas = sys.modules.get("pandas")  # who has not imported it has no frame of it
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Take the index for columns, and the tickers out of the columns' levels, as yfinance gives them."""
    if frame.columns.nlevels > 1:
        _refuse_twice(list(frame.columns))
        frame = _with_symbols(frame)
    index = frame.index.names
    if len(index) > 1 or index[0] is not None or str(frame.index.dtype).startswith("datetime"):
        names = [name if name is not None else "date" for name in index]
        _refuse_twice([*names, *frame.columns])
        frame = frame.rename_axis(index=names).reset_index()
    _refuse_twice([str(name) for name in frame.columns])
    return pl.DataFrame([_column(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)])


def _with_symbols(frame: Any) -> Any:
    """Make rows with a symbol of columns with tickers; one that was not there that day has no row."""
    rows = frame.stack(level=_level_of_tickers(frame.columns), future_stack=True)
    rows.index = rows.index.set_names("symbol", level=-1)
    prices = [name for name in rows.columns if str(name).casefold() in PRICE_FIELDS]
    return rows.dropna(how="all", subset=prices)


def _level_of_tickers(columns: Any) -> int:
    for level in range(columns.nlevels):
        if not {"open", "close"} & {str(value).casefold() for value in columns.get_level_values(level)}:
            return level
    raise RequestError("source", "the frame's columns have levels, and none of them is the tickers")


def _refuse_twice(names: Sequence[Any]) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise RequestError(
            "source", f"the frame has {name!r} {count} times among its columns and index; rename or drop all but one"
        )


def _column(name: str, series: Any) -> pl.Series:
    """Take one column, so that it works without pyarrow."""
    try:
        return pl.Series(name, _values(series))
    except _UNREADABLE as error:
        raise RequestError("source", f"column {name!r} of the frame cannot be read: {first_line(error)}") from error


def _values(series: Any) -> Any:
    if hasattr(series.dtype, "tz"):
        series = series.dt.as_unit("us")
    elif series.dtype.kind in _NUMPY_KINDS:
        values = series.to_numpy()
        if values.dtype.kind in _NUMPY_KINDS:  # or what may be missing, in a column of objects
            return values.astype("datetime64[us]") if values.dtype.kind == "M" else values
    pairs = zip(series.tolist(), series.isna().tolist(), strict=True)
    return _alike([None if missing else value for value, missing in pairs])


def _alike(values: list[Any]) -> list[Any]:
    """Leave values of one kind that Polars knows; whole numbers become numbers beside others, anything else text."""
    kinds = _kinds(values)
    if not _are(kinds, _KNOWN):
        values = [_plain(value) for value in values]
        kinds = _kinds(values)
    if len(kinds) > 1 and bool not in kinds and _are(kinds, (int, float)):
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and _are(kinds, _KNOWN):
        return values
    return [None if value is None else str(value) for value in values]


def _kinds(values: Sequence[Any]) -> set[type]:
    return set(map(type, values)) - {type(None)}


def _are(kinds: set[type], known: tuple[type, ...]) -> bool:
    return all(issubclass(kind, known) for kind in kinds)


def _plain(value: Any) -> Any:
    """Take Python's own value for one of NumPy."""
    return value.item() if getattr(value, "ndim", None) == 0 else value
