"""Tables of symbols, members of indices and watchlists as people have them.

read_symbols      a file or frame → symbol, name, market, sector, listed, delisted, and its other columns
read_members      a file or frame → index, symbol, start, end
read_watchlist    a file → symbols

Everything is read as text first (tables.py), so that a code keeps its zeros
and letters. What is left out, or cannot be read, is counted in the notes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from jtscan.domain.universe import MEMBER_SCHEMA
from jtscan.domain.words import nearest
from jtscan.errors import DataError, RequestError
from jtscan.market.duck import shown
from jtscan.market.names import MARKET_COLUMNS, NAME_COLUMNS, SYMBOL_COLUMNS
from jtscan.market.symbols import SCHEMA
from jtscan.market.tables import as_text, read_csv, read_table, read_text

Read = tuple[pl.DataFrame, tuple[str, ...]]

SYMBOL_NAMES: Mapping[str, Sequence[str]] = {
    "symbol": SYMBOL_COLUMNS,
    "name": NAME_COLUMNS,
    "market": MARKET_COLUMNS,
    "sector": ("sector", "industry", "업종", "업종명"),
    "listed": ("listed", "listingdate", "상장일", "list_dd", "ipo date"),
    "delisted": ("delisted", "delistingdate", "상장폐지일", "폐지일"),
}
"""Our columns of the table of symbols, and what else they are called, the first that is there."""

MEMBER_NAMES: Mapping[str, Sequence[str]] = {
    "index": ("index", "지수", "지수명", "index_name"),
    "symbol": SYMBOL_COLUMNS,
    "start": ("start", "in_date", "편입일", "from", "added"),
    "end": ("end", "out_date", "제외일", "to", "removed"),
}

_DAY = ("date", "날짜", "일자", "기준일", "bas_dd")
"""What tells daily data, with a row per symbol and day, from a list of symbols."""

_DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")
_BEHIND_A_DATE = r"([T ]\d{1,2}:\d{2}.*|\.0)$"
"""A time of day, or what a number of pandas ends with."""
_TRUTHS = {"true": True, "false": False, "y": True, "n": False, "예": True, "아니오": False}
_A_CODE = r"^A[0-9A-Z]{6}$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ZEROS = r"^[+-]?0\d"


def read_symbols(source: Any, mapping: Mapping[str, str] | None = None) -> Read:
    """Read a table of symbols.

    Parameters
    ----------
    source
        A CSV file (UTF-8 or CP949, also gzipped), a Parquet file, or a frame
        of Polars, pandas or Arrow: a list of symbols, or daily data (marcap)
        of which each symbol's newest day is taken.
    mapping
        Our column names to those of the source: ``{"sector": "업종명",
        "kind": "증권구분"}``.

    Returns
    -------
    tuple
        One row per symbol: symbol, name, market, sector, listed, delisted
        (null where the source has none), then the other columns of the
        source as numbers, truths or text; and notes on what was left out.

    Raises
    ------
    DataError
        The source cannot be read, or has no usable column of symbols.
    RequestError
        ``mapping`` names no column.
    """
    raw, where = read_table(source)
    table = _renamed(raw, SYMBOL_NAMES, mapping or {}, where)
    _check_codes(table, where)
    day = next((name for name in table.columns if name.casefold() in _DAY), None)
    table, daily = (table, ()) if day is None else _newest_day(table, day)
    table, notes = _with_codes(as_text(table))
    table, unread = _with_dates(table, [name for name in ("listed", "delisted", day) if name in table.columns])
    table, repeated = _one_each(table)
    known = [pl.lit(None, dtype=kind).alias(name) for name, kind in SCHEMA.items() if name not in table.columns]
    others = [name for name in table.columns if name not in SCHEMA]
    typed = table.with_columns(known).with_columns(_typed(table[name]) for name in others if name != day)
    return typed.select(*SCHEMA, *others), (*daily, *notes, *unread, *repeated)


def read_members(source: Any, mapping: Mapping[str, str] | None = None) -> Read:
    """Read which symbols belonged to which index when.

    ``source`` and ``mapping`` are as for ``read_symbols``. A symbol may have
    several rows.

    Returns
    -------
    tuple
        index, symbol, start (null = always been a member), end (the first day
        without it, null = still one); and notes on what was left out.

    Raises
    ------
    DataError
        The source cannot be read, or has no columns of indices and symbols.
    RequestError
        ``mapping`` names no column.
    """
    raw, where = read_table(source)
    table = _renamed(raw, MEMBER_NAMES, mapping or {}, where)
    _check_codes(table, where)
    if "index" not in table.columns:
        raise DataError(f"{where}: it has no column 'index'; it has: {', '.join(raw.columns)}")
    table, notes = _with_codes(as_text(table))
    texts, names = table, [name for name in ("start", "end") if name in table.columns]
    table, _ = _with_dates(table, names)
    unread = [texts[name].is_not_null() & table[name].is_null() for name in names]
    read = table.filter(pl.lit(value=True), *(~each for each in unread))
    absent = [pl.lit(None, dtype=pl.Date).alias(name) for name in ("start", "end") if name not in table.columns]
    named = read.with_columns(absent).select(*MEMBER_SCHEMA).filter(pl.col("index").is_not_null())
    kept = named.filter(pl.col("start").is_null() | pl.col("end").is_null() | (pl.col("start") < pl.col("end")))
    once = kept.unique(maintain_order=True)
    left = (
        *_left_out(table.height - read.height, "with a date that cannot be read"),
        *_left_out(read.height - named.height, "without an index"),
        *_left_out(named.height - kept.height, "that end before they start"),
        *_left_out(kept.height - once.height, "equal to an earlier row"),
    )
    return once, (*notes, *left)


def read_watchlist(path: str | Path) -> tuple[str, ...]:
    """Read the symbols of a watchlist, in its order, each once.

    One symbol a line, or several with commas or spaces between them;
    ``EXCHANGE:CODE`` and the sections ``###…`` of TradingView's export;
    comments after ``#``; or a CSV file with a column of symbols.

    Raises
    ------
    DataError
        The file is missing or cannot be read.
    RequestError
        It has no symbols.
    """
    if not isinstance(path, str | Path):
        raise RequestError("watchlist", f"{type(path).__name__} is not a path")
    file = Path(path).expanduser()
    text = read_text(file, "the watchlist")
    column = _column_of_symbols(text, shown(file))
    codes = pl.DataFrame({"symbol": _loose_symbols(text) if column is None else column}, schema=_CODES)
    if not codes.height:
        raise RequestError("watchlist", f"{shown(file)} has no symbols; write one on each line")
    return tuple(dict.fromkeys(_with_codes(codes)[0]["symbol"]))


# ── what its columns are called ───────────────────────────────────────────────


def _renamed(
    raw: pl.DataFrame, names: Mapping[str, Sequence[str]], mapping: Mapping[str, str], where: str
) -> pl.DataFrame:
    """Give the columns our names: those of the mapping, then those that are known, whatever their case.

    A column without a name, the row numbers that pandas writes, is left out;
    one that is called like ours and is another is marked.
    """
    _check_mapping(mapping, raw.columns, where)
    found = {theirs: ours for ours, theirs in mapping.items()}
    folded = {name.strip().casefold(): name for name in reversed(raw.columns) if name not in found}
    for ours, theirs in names.items():
        there = next((folded[each] for each in theirs if each in folded), None)
        if ours not in mapping and there is not None:
            found[there] = ours
    if "symbol" not in found.values():
        there = ", ".join(raw.columns)
        raise DataError(f"{where}: it has no column of symbols; name it: mapping={{'symbol': …}}; it has: {there}")
    taken = {ours.casefold() for ours in found.values()}
    others = {
        name: f"their_{name.strip()}" if name.strip().casefold() in taken else name.strip()
        for name in raw.columns
        if name not in found and name.strip()
    }
    return raw.select(*found, *others).rename({**found, **others})


def _check_mapping(mapping: Mapping[str, str], columns: Sequence[str], where: str) -> None:
    for theirs, count in Counter(mapping.values()).items():
        if theirs not in columns:
            named = nearest(theirs, columns)
            raise RequestError("mapping", f"{where} has no column {named}; it has: {', '.join(columns)}")
        if count > 1:
            raise RequestError("mapping", f"{theirs!r} is given for several of our columns")


def _check_codes(table: pl.DataFrame, where: str) -> None:
    kind = table.schema["symbol"]
    if kind.is_numeric():
        raise DataError(
            f"{where}: its symbols are numbers ({kind}), which have lost their leading zeros ('005930'); "
            "read them as text: dtype={'Code': str} in pandas"
        )


# ── what its values are ───────────────────────────────────────────────────────


def _with_codes(table: pl.DataFrame) -> Read:
    """Leave out rows without a symbol; take off the A that brokers put before every code."""
    named = table.filter(pl.col("symbol").is_not_null())
    notes = _left_out(table.height - named.height, "without a symbol")
    if named.height and named["symbol"].str.contains(_A_CODE).all():
        named = named.with_columns(pl.col("symbol").str.slice(1))
        notes = (*notes, "every symbol began with A, as brokers write them; the A was taken off")
    return named, notes


def _with_dates(table: pl.DataFrame, names: Sequence[str]) -> Read:
    notes = []
    for name in names:
        if table.schema[name] == pl.Date:
            continue
        dates = _dates(table[name])
        unread = table[name].filter(table[name].is_not_null() & dates.is_null())
        if unread.len():
            notes.append(f"{name}: dates that cannot be read, now unknown: {unread.len():,}, such as {unread[0]!r}")
        table = table.with_columns(dates)
    return table, tuple(notes)


def _dates(texts: pl.Series) -> pl.Series:
    days = pl.col(texts.name).str.replace(_BEHIND_A_DATE, "")
    tried = [days.str.to_date(pattern, strict=False) for pattern in _DATE_FORMATS]
    return texts.to_frame().select(pl.coalesce(tried)).to_series()


def _newest_day(table: pl.DataFrame, day: str) -> Read:
    """Take each symbol's newest row out of daily data, in the order of the symbols."""
    keys, _ = _with_dates(as_text(table.select("symbol", day)), [day])
    newest = (
        keys.with_row_index("#row")
        .sort(day, descending=True, nulls_last=True, maintain_order=True)
        .filter(pl.col("symbol").is_null() | pl.col("symbol").is_first_distinct())
    )
    if newest.height == table.height:
        return table, ()
    symbols = newest["symbol"].drop_nulls().n_unique()
    note = f"daily data: each symbol as on its newest day, {symbols:,} of {table.height:,} rows"
    return table[newest.sort("symbol", "#row")["#row"]], (note,)


def _one_each(table: pl.DataFrame) -> Read:
    """Keep a symbol's first row, or the one that is not delisted: its code was given to another company."""
    gone = pl.col("delisted").is_not_null() if "delisted" in table.columns else pl.lit(value=False)
    marked = table.with_columns(gone.alias("#gone")).with_row_index("#row")
    first = marked.unique("symbol", keep="first", maintain_order=True)
    kept = marked.sort("#gone", "#row").unique("symbol", keep="first", maintain_order=True).sort("#row")
    reused = kept.join(first, on="#row", how="anti").height
    notes = _left_out(table.height - kept.height, "with the symbol of an earlier row")
    if reused:
        notes = (*notes, f"symbols of delisted companies that others have now: {reused:,}; those of now are kept")
    return kept.drop("#row", "#gone"), notes


def _typed(column: pl.Series) -> pl.Series:
    """Make numbers or truths of a column of which all known values are such; one with leading zeros is text."""
    known = column.drop_nulls()
    if not known.len() or column.dtype == pl.Date:
        return column
    if known.str.to_lowercase().is_in(list(_TRUTHS)).all():
        return column.str.to_lowercase().replace_strict(_TRUTHS, return_dtype=pl.Boolean)
    if known.str.contains(_NUMBER).all() and not known.str.contains(_ZEROS).any():
        return column.cast(pl.Float64)
    return column


def _left_out(count: int, why: str) -> tuple[str, ...]:
    return (f"rows left out, {why}: {count:,}",) if count else ()


# ── watchlists ────────────────────────────────────────────────────────────────

_CODES = {"symbol": pl.String}
_CUT = re.compile(r"[,;\s]+")
_SECTION = re.compile(r"###[^,\n]*")


def _column_of_symbols(text: str, where: str) -> list[str] | None:
    """Read the column of symbols of a CSV file; None if its first line names none."""
    lines = text.splitlines(keepends=True)
    head = next((at for at, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    names = {name.strip().strip('"').casefold() for line in lines[head : head + 1] for name in re.split("[,\t;]", line)}
    if not names & set(SYMBOL_COLUMNS):
        return None
    raw = read_csv("".join(lines[head:]), where)
    codes = as_text(_renamed(raw, {"symbol": SYMBOL_COLUMNS}, {}, where))["symbol"].drop_nulls()
    return [_without_exchange(code) for code in codes]


def _loose_symbols(text: str) -> list[str]:
    """Read symbols with lines, commas or blanks between them; a section's name ends with the next comma or line."""
    lines = (_SECTION.sub("", line).partition("#")[0] for line in text.splitlines())
    return [_without_exchange(code) for line in lines for code in _CUT.split(line) if code]


def _without_exchange(code: str) -> str:
    return code.rpartition(":")[2]
