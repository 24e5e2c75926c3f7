"""The table of symbols, and the spans in which they belong to indices."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy

import duckdb
import polars as pl

from jtscan.domain.symbols import Names, SymbolCriteria, Where
from jtscan.domain.universe import MEMBER_SCHEMA, selected, values_of
from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.addresses import Place, place_of
from jtscan.market.duck import Duck, quoted, refuse_names, shown, sought, unreadable
from jtscan.market.files import MOMENTS, is_number, states_of, version_of

logger = logging.getLogger("jtscan")

SCHEMA = {
    "symbol": pl.String,
    "name": pl.String,
    "market": pl.String,
    "sector": pl.String,
    "listed": pl.Date,
    "delisted": pl.Date,
}
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_WHOLE = frozenset(
    {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")} | {"INTEGER", "UINTEGER"}
)

Source = str | Place | None | Callable[[], str | Place | None]
"""A file, none, or what tells which file it is now."""


class DuckDBSymbolRepository:
    """Symbols from a Parquet file with at least a column ``symbol``; cached until the file changes.

    Parameters
    ----------
    table
        The file; None if there is none. A function that returns the file, or
        None, is asked each time: the current version of a store.
    members
        A Parquet file, or a function as above, with the columns ``index``,
        ``symbol``, ``start`` (null = always been a member) and ``end`` (the
        first day without it, null = still one); a symbol may have many spans.
    priced
        Returns the symbols that have prices. Without criteria they belong to
        the universe also where the table lacks them, so that none is missing
        silently.
    """

    def __init__(self, table: Source, *, members: Source = None, priced: Callable[[], Sequence[str]] = tuple) -> None:
        self._table = _File(table, "the table of symbols", _read, pl.DataFrame(schema=SCHEMA))
        self._members = _File(members, "the file of members", _read_members, pl.DataFrame(schema=MEMBER_SCHEMA))
        self._priced = priced

    async def find_by_criteria(
        self,
        *,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        where: Where | None = None,
    ) -> list[str]:
        """Return the symbols that have all that is asked for, in the table's order; without anything, all but indices.

        A symbol that was a member of an index at any time belongs to it;
        ``members`` tells when. Members that the table lacks come last.

        Parameters
        ----------
        market, sector, index
            A name, or a list of which any will do.
        where
            Other columns and their values; None is unknown.

        Raises
        ------
        RequestError
            The table has no column that ``where`` names, or no such values.
        """
        return await asyncio.to_thread(self._find, market, sector, index, where)

    async def describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return symbol, name, market, sector, listed, delisted of the symbols in the table."""
        return await asyncio.to_thread(self._describe, symbols)

    async def markets(self) -> list[str]:
        """Return the markets there are, in rising order."""
        return await self.values("market")

    async def sectors(self) -> list[str]:
        """Return the sectors there are, in rising order."""
        return await self.values("sector")

    async def values(self, column: str) -> list[str]:
        """Return the values that a column of the table has, as text, in rising order."""
        return await asyncio.to_thread(lambda: values_of(self.table(), column))

    async def indices(self) -> list[str]:
        """Return the indices whose members are known, in rising order."""
        return await asyncio.to_thread(lambda: values_of(self._members.frame(), "index"))

    async def members(self, index: Names) -> pl.DataFrame:
        """Return index, symbol, start, end of the members of an index, or of several."""
        return await asyncio.to_thread(self._members_of, index)

    def pinned(self) -> DuckDBSymbolRepository:
        """Return the symbols of the files that count now, whichever count later."""
        pinned = copy(self)
        pinned._table, pinned._members = self._table.pinned(), self._members.pinned()  # noqa: SLF001 - its own copy
        return pinned

    def __eq__(self, other: object) -> bool:
        """Whether both read the same files now."""
        if not isinstance(other, DuckDBSymbolRepository):
            return NotImplemented
        return (self._table.path(), self._members.path()) == (other._table.path(), other._members.path())

    __hash__ = object.__hash__

    def table(self) -> pl.DataFrame:
        """Return the whole table with all its columns, read again if the file has changed.

        Raises
        ------
        DataError
            The file is missing, unreadable or has no symbols.
        """
        return self._table.frame()

    def _find(self, market: Names | None, sector: Names | None, index: Names | None, where: Where | None) -> list[str]:
        criteria = SymbolCriteria(market=market, sector=sector, index=index, where=where or ())
        table = self.table()
        members = None if criteria.index is None else self._members_of(criteria.index)
        found = selected(table, members, criteria)
        if criteria.filters:
            return found
        known = set(table["symbol"])
        return found + [symbol for symbol in self._priced() if symbol not in known]

    def _describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        return self.table().select(*SCHEMA).filter(pl.col("symbol").is_in(list(symbols)))

    def _members_of(self, index: Names) -> pl.DataFrame:
        names = [index] if isinstance(index, str) else list(index)
        return self._members.frame().filter(pl.col("index").is_in(names))


class _File:
    """A file as a frame, read again when it, or which file it is, has changed."""

    def __init__(self, source: Source, what: str, read: Callable[[Place], pl.DataFrame], empty: pl.DataFrame) -> None:
        self._source = source
        self._what = what
        self._read = read
        self._empty = empty
        self._lock = threading.Lock()
        self._known: dict[tuple[Place, str], pl.DataFrame] = {}  # of the newest alone; pinned copies share it

    def path(self) -> Place | None:
        given = self._source() if callable(self._source) else self._source
        return None if given is None else place_of(given)

    def pinned(self) -> _File:
        """The same file, whichever is the source's later; what is read of it is known to both."""
        pinned = copy(self)
        pinned._source = self.path()  # noqa: SLF001 - its own copy
        return pinned

    def frame(self) -> pl.DataFrame:
        path = self.path()
        if path is None:
            return self._empty
        if not path.is_file():
            raise DataNotFoundError(f"{sought(path)}: {self._what} is missing")
        with self._lock:
            version = (path, version_of(states_of([path])))
            if version not in self._known:
                frame = self._read(path)
                self._known.clear()
                self._known[version] = frame
            return self._known[version]


def _read(path: Place) -> pl.DataFrame:
    """Read the table of symbols: our columns as we know them, then all others as they are."""
    return _of_each_symbol_one(path, _columns(path, SCHEMA, "the table of symbols", others=True))


def _read_members(path: Place) -> pl.DataFrame:
    table = _columns(path, MEMBER_SCHEMA, "the file of members", others=False)
    named = table.drop_nulls(["index", "symbol"])
    kept = named.filter(pl.col("start").is_null() | pl.col("end").is_null() | (pl.col("start") < pl.col("end")))
    _tell(path, table.height - named.height, "without an index or a symbol")
    _tell(path, named.height - kept.height, "that end before they start")
    return kept


def _columns(path: Place, schema: Mapping[str, type[pl.DataType]], what: str, *, others: bool) -> pl.DataFrame:
    for reason in refuse_names([path]).values():
        raise DataError(f"{shown(path)}: {reason}")
    duck = Duck([path])
    source = "FROM read_parquet($paths, hive_partitioning = false)"
    paths = {"paths": [str(path)]}
    try:
        described = duck.frame(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * {source})", paths)  # noqa: S608
        kinds = dict(described.iter_rows())
        _check(path, kinds, schema, what)
        for name in _dates(schema):
            _check_dates(path, name, duck.frame(_no_dates(name, kinds, source), paths))
        ours = [_column(*each, kinds) for each in schema.items()]
        theirs = [_other(*each) for each in kinds.items() if others and each[0] not in schema]
        table = duck.frame(f"SELECT {', '.join([*ours, *theirs])} {source}", paths)
    except duckdb.Error as error:
        raise DataError(f"{path}: {unreadable(path, error)}") from error
    return table.cast(dict(schema))  # type: ignore[arg-type]


def _dates(schema: Mapping[str, type[pl.DataType]]) -> list[str]:
    return [name for name, kind in schema.items() if kind == pl.Date]


def _no_dates(name: str, kinds: Mapping[str, str], source: str) -> str:
    """Write the query for a text that is meant to be a date and is none."""
    ours = quoted(name)
    wrong = f"{ours} IS NOT NULL AND TRY_CAST({ours} AS DATE) IS NULL" if kinds.get(name) == "VARCHAR" else "false"
    return f"SELECT {ours if name in kinds else 'NULL'} {source} WHERE {wrong} LIMIT 1"


def _check_dates(path: Place, name: str, wrong: pl.DataFrame) -> None:
    if wrong.height:
        raise DataError(f"{path}: its column {name!r} has {wrong.item()!r}, which is not a date like 2024-01-31")


def _of_each_symbol_one(path: Place, table: pl.DataFrame) -> pl.DataFrame:
    named = table.filter(pl.col("symbol").is_not_null())
    kept = named.unique("symbol", keep="first", maintain_order=True)
    _tell(path, table.height - named.height, "without a symbol")
    _tell(path, named.height - kept.height, "with the symbol of an earlier row")
    return kept


def _tell(path: Place, count: int, what: str) -> None:
    if count:
        logger.warning("%s: rows left out, %s: %s", path, what, f"{count:,}")


def _check(path: Place, kinds: Mapping[str, str], schema: Mapping[str, type[pl.DataType]], what: str) -> None:
    for name in [name for name in ("symbol", "index") if name in schema]:
        if name not in kinds:
            raise DataError(f"{path}: {what} has no column {name!r}; it has: {', '.join(kinds)}")
    if kinds["symbol"] != "VARCHAR":
        there = kinds["symbol"]
        raise DataError(f"{path}: the symbols are {there}; they must be text, with their leading zeros ('005930')")
    for name in _dates(schema):
        kind = kinds.get(name, "DATE")
        if kind != "VARCHAR" and kind not in MOMENTS:
            raise DataError(f"{path}: its column {name!r} is {kind}; it must be dates")


def _column(name: str, kind: type[pl.DataType], kinds: Mapping[str, str]) -> str:
    """Write a column of ours; a date beyond the calendar (infinity: never) is none."""
    if kind != pl.Date:
        value = quoted(name) if name in kinds else "NULL"
        return f"CAST({value} AS VARCHAR) AS {quoted(name)}"
    known = _calendar(f"CAST({quoted(name)} AS DATE)", "DATE") if name in kinds else "CAST(NULL AS DATE)"
    return f"{known} AS {quoted(name)}"


def _other(name: str, kind: str) -> str:
    """Write another column as it is, where it is text, true or false, numbers or dates; anything else as text."""
    column = quoted(name)
    if kind in MOMENTS:
        value = _calendar(column, kind)
    elif kind in _FLOATS:
        value = f"CASE WHEN isfinite({column}) THEN {column} END"
    elif kind in _WHOLE or kind == "BOOLEAN":
        value = column
    else:
        value = f"CAST({column} AS {'DOUBLE' if is_number(kind) else 'VARCHAR'})"
    return f"{value} AS {column}"


def _calendar(moment: str, kind: str) -> str:
    """Write a date, or null where it is beyond the calendar, which Polars cannot hold."""
    return f"CASE WHEN {moment} BETWEEN {kind} '0001-01-01' AND {kind} '9999-12-31' THEN {moment} END"
