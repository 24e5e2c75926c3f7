"""Rows of the table of symbols that have what is asked for, and days on which a symbol is a member."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from jtscan.domain.dates import DateRange, Timeframe, parse_moment
from jtscan.domain.symbols import INDEX_MARKET, SymbolCriteria, Value
from jtscan.domain.words import nearest
from jtscan.errors import RequestError

MEMBER_SCHEMA = {"index": pl.String, "symbol": pl.String, "start": pl.Date, "end": pl.Date}
"""A span of membership: ``start`` null = always been; ``end`` is the first day without it, null = still."""

_TRUTHS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


def selected(table: pl.DataFrame, members: pl.DataFrame | None, criteria: SymbolCriteria) -> list[str]:
    """Name the symbols of a table that have what is asked for, in its order, then members that it lacks.

    ``members`` are those of the indices asked for, None = of none. Indices
    themselves are left out, unless the market, or nothing but them, was asked for.
    """
    named = {name: getattr(criteria, name) for name in ("market", "sector") if getattr(criteria, name) is not None}
    where: dict[str, Any] = dict(criteria.where)
    found = having(having(table, named), where)
    if members is not None:
        found = found.filter(pl.col("symbol").is_in(members["symbol"].unique().implode()))
    if "market" not in {*named, *where}:
        shares = found.filter(pl.col("market").ne_missing(INDEX_MARKET))
        found = shares if shares.height or not where else found
    symbols: list[str] = found["symbol"].to_list()
    if members is None or named or where:
        return symbols
    known = set(table["symbol"])
    return symbols + [symbol for symbol in members["symbol"].unique(maintain_order=True) if symbol not in known]


def values_of(table: pl.DataFrame, column: str) -> list[str]:
    """Return the values of a column as text, in rising order."""
    return table[column].drop_nulls().unique().sort().cast(pl.String).to_list()


def having(table: pl.DataFrame, columns: Mapping[str, Sequence[Value]]) -> pl.DataFrame:
    """Keep the rows that have, in each column, any of its values; None is unknown.

    Values may be text also for columns of numbers, dates and truths, as a command line gives them.

    Raises
    ------
    RequestError
        There is no such column, or a value cannot be one of its.
    """
    for column, values in columns.items():
        if column not in table.columns:
            there = ", ".join(table.columns)
            named = nearest(column, table.columns)
            raise RequestError("where", f"the table of symbols has no column {named}; it has: {there}")
        kind = table.schema[column]
        known = pl.Series([_of_kind(column, value, kind) for value in values if value is not None], dtype=kind)
        wanted = pl.col(column).is_in(known.implode()).fill_null(value=False)
        table = table.filter(wanted | pl.col(column).is_null() if None in values else wanted)
    return table


def _of_kind(column: str, value: Value, kind: pl.DataType) -> Value:
    """Read a value as the column's kind."""
    if kind == pl.String and isinstance(value, str):
        return value
    if kind == pl.Boolean:
        truth = _TRUTHS.get(str(value).strip().lower())
        if truth is not None:
            return truth
    elif kind.is_numeric() and not isinstance(value, bool):
        number = _number(value)
        if number is not None:
            return number if kind.is_float() else _whole(number)
    elif kind.is_temporal() and isinstance(value, str | dt.date):
        moment = parse_moment("where", value)
        return moment.date() if isinstance(moment, dt.datetime) and kind == pl.Date else moment
    raise RequestError("where", f"{column}: {value!r} is no value of this column, which is {_words(kind)}")


def _number(value: Value) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _whole(number: float) -> int | None:
    """A column of whole numbers has no 2.5: nothing is found then."""
    return int(number) if number.is_integer() else None


def _words(kind: pl.DataType) -> str:
    if kind == pl.String:
        return "text: write it in quotes"
    if kind == pl.Boolean:
        return "true or false"
    return "numbers" if kind.is_numeric() else "dates"


def never_listed(labels: pl.DataFrame, date_range: DateRange) -> tuple[str, ...]:
    """Name the symbols listed after a range or delisted before it; ``delisted`` is the first day without the symbol."""
    start, end = date_range.bounds(Timeframe.D1)
    gone = pl.lit(value=False)
    if start is not None:
        gone |= pl.col("delisted") <= start
    if end is not None:
        gone |= pl.col("listed") > end
    return tuple(labels.filter(gone.fill_null(value=False))["symbol"])


def never_members(symbols: Sequence[str], members: pl.DataFrame | None, date_range: DateRange) -> tuple[str, ...]:
    """Name the symbols that are members on no day of a range; None of members is always."""
    if members is None:
        return ()
    inside = overlapping(members, date_range)
    return tuple(symbol for symbol in symbols if symbol not in inside)


def overlapping(members: pl.DataFrame, date_range: DateRange) -> set[str]:
    """Name the symbols that are members on any day of a range."""
    start, end = date_range.bounds(Timeframe.D1)
    inside = pl.lit(value=True)
    if start is not None:
        inside &= pl.col("end").is_null() | (pl.col("end") > start)
    if end is not None:
        inside &= pl.col("start").is_null() | (pl.col("start") <= end)
    return set(members.filter(inside)["symbol"])


def of_today(members: pl.DataFrame) -> list[str]:
    """Name the indices of which no span ends: only their members of today are known, perhaps since when."""
    known = members.group_by("index").agg(pl.col("end").is_not_null().any().alias("ended"))
    return sorted(known.filter(~pl.col("ended"))["index"])


def on_member_days(members: pl.DataFrame, bars: pl.DataFrame) -> pl.Series:
    """Tell of each bar (symbol, timestamp) whether its day lies in a span of its symbol."""
    rows = bars.select("symbol", pl.col("timestamp").cast(pl.Date).alias("#day")).with_row_index("#row")
    spans = members.select("symbol", "start", "end").filter(pl.col("symbol").is_in(bars["symbol"].unique().implode()))
    joined = rows.join(spans, on="symbol", how="inner").filter(
        (pl.col("start").is_null() | (pl.col("start") <= pl.col("#day")))
        & (pl.col("end").is_null() | (pl.col("#day") < pl.col("end")))
    )
    return rows.select(pl.col("#row").is_in(joined["#row"].unique().implode()).alias("#member")).to_series()
