"""The table of symbols."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.duck import Duck, quoted, refuse_names, shown, unreadable
from jtscan.market.files import MOMENTS, version_of

logger = logging.getLogger("jtscan")

SCHEMA = {
    "symbol": pl.String,
    "name": pl.String,
    "market": pl.String,
    "sector": pl.String,
    "listed": pl.Date,
    "delisted": pl.Date,
}
DATES = ("listed", "delisted")
INDEX_MARKET = "INDEX"


class DuckDBSymbolRepository:
    """Symbols from a Parquet file with at least a column ``symbol``; cached until the file changes.

    Parameters
    ----------
    table
        The file; None if there is none.
    priced
        Returns the symbols that have prices. Without criteria they belong to
        the universe also where the table lacks them, so that none is missing
        silently.
    """

    def __init__(self, table: str | Path | None, *, priced: Callable[[], Sequence[str]] = tuple) -> None:
        self._path = None if table is None else Path(table).expanduser()
        self._priced = priced
        self._lock = threading.Lock()
        self._version: str | None = None
        self._table = pl.DataFrame(schema=SCHEMA)

    async def find_by_criteria(self, *, market: str | None = None, sector: str | None = None) -> list[str]:
        """Return the symbols of a market and a sector in the table's order; without either, all but indices."""
        return await asyncio.to_thread(self._find, market, sector)

    async def describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return symbol, name, market, sector, listed, delisted of the symbols in the table."""
        return await asyncio.to_thread(self._describe, symbols)

    async def markets(self) -> list[str]:
        """Return the markets there are, in rising order."""
        return await asyncio.to_thread(self._values, "market")

    async def sectors(self) -> list[str]:
        """Return the sectors there are, in rising order."""
        return await asyncio.to_thread(self._values, "sector")

    def table(self) -> pl.DataFrame:
        """Return the whole table, read again if the file has changed.

        Raises
        ------
        DataError
            The file is missing, unreadable or has no symbols.
        """
        if self._path is None:
            return self._table
        if not self._path.is_file():
            raise DataNotFoundError(f"{shown(self._path)}: the table of symbols is missing")
        with self._lock:
            version = version_of([self._path])
            if version != self._version:
                self._table, self._version = _read(self._path), version
            return self._table

    def _find(self, market: str | None, sector: str | None) -> list[str]:
        table = self.table()
        for column, value in (("market", market), ("sector", sector)):
            if value is not None:
                table = table.filter(pl.col(column) == value)
        if market is None:
            table = table.filter(pl.col("market").ne_missing(INDEX_MARKET))
        found = table["symbol"].to_list()
        if market is not None or sector is not None:
            return found
        known = set(self.table()["symbol"])
        return found + [symbol for symbol in self._priced() if symbol not in known]

    def _describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        return self.table().filter(pl.col("symbol").is_in(list(symbols)))

    def _values(self, column: str) -> list[str]:
        return self.table()[column].drop_nulls().unique().sort().to_list()


def _read(path: Path) -> pl.DataFrame:
    for reason in refuse_names([path]).values():
        raise DataError(f"{shown(path)}: {reason}")
    duck = Duck([path])
    source = "FROM read_parquet($paths, hive_partitioning = false)"
    paths = {"paths": [str(path)]}
    try:
        described = duck.frame(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * {source})", paths)  # noqa: S608
        kinds = dict(described.iter_rows())
        _check(path, kinds)
        for name in DATES:
            _check_dates(path, name, duck.frame(_no_dates(name, kinds, source), paths))
        table = duck.frame(f"SELECT {', '.join(_column(*each, kinds) for each in SCHEMA.items())} {source}", paths)
    except duckdb.Error as error:
        raise DataError(f"{path}: {unreadable(path, error)}") from error
    return _of_each_symbol_one(path, table.cast(SCHEMA))  # type: ignore[arg-type]


def _no_dates(name: str, kinds: dict[str, str], source: str) -> str:
    """Write the query for a text that is meant to be a date and is none."""
    wrong = f"{name} IS NOT NULL AND TRY_CAST({name} AS DATE) IS NULL" if kinds.get(name) == "VARCHAR" else "false"
    return f"SELECT {name if name in kinds else 'NULL'} {source} WHERE {wrong} LIMIT 1"


def _check_dates(path: Path, name: str, wrong: pl.DataFrame) -> None:
    if wrong.height:
        raise DataError(f"{path}: its column {name!r} has {wrong.item()!r}, which is not a date like 2024-01-31")


def _of_each_symbol_one(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    named = table.filter(pl.col("symbol").is_not_null())
    kept = named.unique("symbol", keep="first", maintain_order=True)
    nameless, repeated = table.height - named.height, named.height - kept.height
    for count, what in ((nameless, "without a symbol"), (repeated, "with the symbol of an earlier row")):
        if count:
            logger.warning("%s: rows left out, %s: %s", path, what, f"{count:,}")
    return kept


def _check(path: Path, kinds: dict[str, str]) -> None:
    if "symbol" not in kinds:
        raise DataError(f"{path}: the table of symbols has no column 'symbol'; it has: {', '.join(kinds)}")
    if kinds["symbol"] != "VARCHAR":
        there = kinds["symbol"]
        raise DataError(f"{path}: the symbols are {there}; they must be text, with their leading zeros ('005930')")
    for name in DATES:
        kind = kinds.get(name, "DATE")
        if kind != "VARCHAR" and kind not in MOMENTS:
            raise DataError(f"{path}: its column {name!r} is {kind}; it must be dates")


def _column(name: str, kind: type[pl.DataType], kinds: dict[str, str]) -> str:
    """Write a column of the table; a date beyond the calendar (infinity: never) is none."""
    if kind != pl.Date:
        return f"CAST({quoted(name)} AS VARCHAR) AS {name}" if name in kinds else f"CAST(NULL AS VARCHAR) AS {name}"
    date = f"CAST({quoted(name)} AS DATE)"
    known = f"{date} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
    return f"CASE WHEN {known} THEN {date} END AS {name}" if name in kinds else f"CAST(NULL AS DATE) AS {name}"
