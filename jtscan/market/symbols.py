"""The table of symbols."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.duck import Duck, quoted, unreadable
from jtscan.market.files import version_of

SCHEMA = {
    "symbol": pl.String,
    "name": pl.String,
    "market": pl.String,
    "sector": pl.String,
    "listed": pl.Date,
    "delisted": pl.Date,
}
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
            raise DataNotFoundError(f"{self._path}: the table of symbols is missing")
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
    duck = Duck([path.parent])
    paths = {"paths": [str(path)]}
    try:
        kinds = dict(duck.frame("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($paths))", paths).iter_rows())
        _check(path, kinds)
        shown = ", ".join(_column(name, kind, kinds) for name, kind in SCHEMA.items())
        table = duck.frame(f"SELECT {shown} FROM read_parquet($paths)", paths)  # noqa: S608 - quoted names
    except duckdb.Error as error:
        raise DataError(f"{path}: {unreadable(path, error)}") from None
    table = table.cast(SCHEMA)  # type: ignore[arg-type]
    return table.filter(pl.col("symbol").is_not_null()).unique("symbol", keep="first", maintain_order=True)


def _check(path: Path, kinds: dict[str, str]) -> None:
    if "symbol" not in kinds:
        raise DataError(f"{path}: the table of symbols has no column 'symbol'; it has: {', '.join(kinds)}")
    if kinds["symbol"] != "VARCHAR":
        raise DataError(f"{path}: the symbols are {kinds['symbol']}; they must be text, with their leading zeros ('005930')")


def _column(name: str, kind: pl.DataType, kinds: dict[str, str]) -> str:
    target = "DATE" if kind == pl.Date else "VARCHAR"
    return f"CAST({quoted(name)} AS {target}) AS {name}" if name in kinds else f"CAST(NULL AS {target}) AS {name}"
