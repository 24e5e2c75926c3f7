"""Matches searched, sorted and written, so that the browser is given the first rows only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from jtscan.render.cells import Column, columns_of

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """The first matches in an order: ``found`` counts those that the search found, of ``total``."""

    rows: pl.DataFrame
    found: int
    total: int

    @property
    def columns(self) -> list[Column]:
        """The cells as text, numbers to the right, the same decimals all the way down."""
        return columns_of(self.rows)


class MatchRows:
    """The matches of a scan, to be looked at in pieces.

    Null sorts last in both directions; equal values keep the scan's order.
    """

    def __init__(self, matches: pl.DataFrame) -> None:
        self.matches = _readable(matches)
        self._texts: pl.Series | None = None

    def view(self, *, search: str = "", order: Order = AS_SCANNED, limit: int) -> View:
        """Return the first rows that hold every word of the search, whatever its case."""
        found = self._searched(search.lower().split())
        ordered = _sorted(found, order) if order.column else found
        return View(rows=ordered.head(limit), found=found.height, total=self.matches.height)

    def _searched(self, words: list[str]) -> pl.DataFrame:
        if not words:
            return self.matches
        text = pl.lit(self._text)
        return self.matches.filter(pl.all_horizontal(text.str.contains(word, literal=True) for word in words))

    @property
    def _text(self) -> pl.Series:
        """What is searched of each match: its texts and its date, in small letters."""
        if self._texts is None:
            searched = [
                pl.col(name).cast(pl.String).fill_null("")
                for name, kind in self.matches.schema.items()
                if kind == pl.String or kind.is_temporal()
            ]
            joined = pl.concat_str(searched, separator=_BETWEEN).str.to_lowercase()
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
