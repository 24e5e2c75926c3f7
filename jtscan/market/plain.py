"""What Polars reads of a Parquet file exactly as DuckDB does, and faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.domain.dates import Timeframe
from jtscan.market.addresses import Place

UNREADABLE = (PolarsError, PanicException, OSError)
NUMBERS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "DOUBLE": pl.Float64, "FLOAT": pl.Float32, "TINYINT": pl.Int8, "SMALLINT": pl.Int16, "INTEGER": pl.Int32,
    "BIGINT": pl.Int64, "UTINYINT": pl.UInt8, "USMALLINT": pl.UInt16, "UINTEGER": pl.UInt32, "UBIGINT": pl.UInt64,
}  # fmt: skip
"""The types of DuckDB whose numbers Polars turns into the same doubles."""
_NANOSECONDS = 1000
_EPOCH = dt.datetime(1970, 1, 1)
_ENDS = (dt.datetime.min, dt.datetime.max)
_YEARS = {
    True: [(end - _EPOCH) // dt.timedelta(microseconds=1) for end in _ENDS],
    False: [(end - _EPOCH).days for end in _ENDS],
}
"""The first and the last moment that Python knows, as the numbers that Polars keeps."""


def open_files(paths: Iterable[Place]) -> pl.LazyFrame:
    """Open files for reading.

    As addresses: files that are named by their path are mapped into memory,
    and whoever cuts one off while it is read ends the process.
    """
    return pl.scan_parquet([path.absolute().as_uri() for path in paths], glob=False, hive_partitioning=False)


def type_of(timeframe: Timeframe) -> pl.DataType | type[pl.DataType]:
    """The type of timestamps."""
    return pl.Datetime("us") if timeframe.intraday else pl.Date


def as_moments(moments: pl.Series, timeframe: Timeframe) -> pl.Series | None:
    """Turn timestamps into the type of the timeframe; None where one cannot be a date, or SQL would give another."""
    kind = moments.dtype
    if moments.null_count() or not (kind == pl.Date or (isinstance(kind, pl.Datetime) and kind.time_zone is None)):
        return None
    if kind == pl.Datetime("ns") and (moments.to_physical() % _NANOSECONDS).any():
        return None  # which are rounded
    cast = moments.cast(type_of(timeframe))
    first, last = _YEARS[timeframe.intraday]
    ends = cast.to_physical()
    return cast if not len(cast) or (ends.min() >= first and ends.max() <= last) else None  # type: ignore[operator]
