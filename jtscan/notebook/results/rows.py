"""Matches searched, sorted and written page by page: the browser never has more."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import polars as pl

from jtscan.notebook.typed import pattern_of
from jtscan.render.cells import Column, columns_of, writers_of

_BETWEEN = "\x1f"
_FALLING, _RISING = "▼", "▲"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By which column matches are sorted; without one they stay as the scan has them."""

    column: str = ""
    falling: bool = False

    @property
    def mark(self) -> str:
        """The arrow behind the column's name."""
        return _FALLING if self.falling else _RISING


AS_SCANNED = Order()
NEWEST_FIRST = Order(column="timestamp", falling=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A page of the matches in an order: ``found`` counts those that the search found, of ``total``.

    ``page`` counts from 0, ``pages`` is at least 1.
    """

    rows: pl.DataFrame
    columns: list[Column]
    found: int
    total: int
    page: int
    pages: int
    start: int

    def __str__(self) -> str:
        if not self.found:
            return f"none of {self.total:,} matches"
        of = f" found in {self.total:,}" if self.found < self.total else ""
        return f"{self.start + 1:,} to {self.start + self.rows.height:,} of {self.found:,}{of} matches"


class MatchRows:
    """The matches of a scan, to be looked at page by page.

    Null sorts last in both directions; equal values keep the scan's order.
    """

    def __init__(self, matches: pl.DataFrame) -> None:
        self.matches = _readable(matches)
        self._writers = writers_of(self.matches)
        self._texts: pl.Series | None = None
        self._asked: tuple[str, Order] = ("", AS_SCANNED)
        self._ordered = self.matches

    def view(self, *, search: str = "", order: Order = AS_SCANNED, page: int = 0, height: int) -> View:
        """Return a page of the rows that hold every word of the search, typed as for ``pattern_of``."""
        if (search, order) != self._asked:
            found = self._searched(search.split())
            self._ordered = _sorted(found, order) if order.column else found
            self._asked = (search, order)
        pages = max(math.ceil(self._ordered.height / height), 1)
        page = min(max(page, 0), pages - 1)
        rows = self._ordered.slice(page * height, height)
        return View(
            rows=rows,
            columns=columns_of(rows, self._writers),
            found=self._ordered.height,
            total=self.matches.height,
            page=page,
            pages=pages,
            start=page * height,
        )

    def _searched(self, words: list[str]) -> pl.DataFrame:
        if not words:
            return self.matches
        text = pl.lit(self._text)
        return self.matches.filter(pl.all_horizontal(text.str.contains(f"(?i){pattern_of(word)}") for word in words))

    @property
    def _text(self) -> pl.Series:
        """What is searched of each match: its texts and its date."""
        if self._texts is None:
            searched = [
                pl.col(name).cast(pl.String).fill_null("")
                for name, kind in self.matches.schema.items()
                if kind == pl.String or kind.is_temporal()
            ]
            joined = pl.concat_str(searched, separator=_BETWEEN)
            self._texts = self.matches.select(joined.alias("#text")).to_series()
        return self._texts


def _readable(matches: pl.DataFrame) -> pl.DataFrame:
    """Leave out a name that is unknown everywhere, and the time of bars that all are of midnight."""
    if "name" in matches.columns and matches.height and matches["name"].null_count() == matches.height:
        matches = matches.drop("name")
    days = [
        name
        for name, kind in matches.schema.items()
        if kind.base_type() == pl.Datetime and matches.select((pl.col(name).dt.time() == dt.time.min).all()).item()
    ]
    return matches.with_columns(pl.col(*days).dt.date()) if days else matches


def _sorted(matches: pl.DataFrame, order: Order) -> pl.DataFrame:
    return matches.sort(order.column, descending=order.falling, nulls_last=True, maintain_order=True)
