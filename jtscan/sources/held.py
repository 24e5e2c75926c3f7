"""What the store holds of each symbol: where to go on, and what a new answer is compared with."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.snapshot import PriceSnapshot

OVERLAP = 5
_COMPARED = ("close", "adj_close", "volume")
_DAY = dt.timedelta(days=1)
_BEFORE = dt.timedelta(days=30)  # holds the overlap also around the longest holidays
# Far above the noise of numbers that were once 32 bits wide, far below the smallest dividend.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """First and last stored bar of a symbol, and its newest bars: timestamp, close, volume, perhaps adj_close."""

    first: dt.date
    last: dt.date
    tail: pl.DataFrame

    @property
    def resume(self) -> dt.date:
        """From where to ask again, so that late corrections come in."""
        return self.tail["timestamp"][0] if self.tail.height else self.last

    def is_adjusted_anew(self, frame: pl.DataFrame, until: dt.date) -> bool:
        """Whether the answer gives other closes for the days held: a split or a dividend has moved all history.

        The newest day held is left out: it may have been fetched before its
        close. Without a common day nothing vouches that both fit together.
        """
        settled = pl.col("timestamp").is_between(dt.date.min, min(until, self.last - _DAY))
        if not self.tail.filter(settled).height:
            return False
        both = self._beside(frame).filter(settled)
        return not both.height or not both.select(_equal("close").all()).item()

    def says_nothing_new(self, frame: pl.DataFrame, newest: dt.date) -> bool:
        """Whether every row of the answer is held already, with its close and volume."""
        if frame.filter(pl.col("timestamp") > newest).height:
            return False
        both = self._beside(frame)
        return bool(both.select(_equal("close").all() & _equal("volume").all()).item())

    def _beside(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the closes and volumes of the answer beside those of the same days held."""
        ours, theirs = _closes(self.tail, frame)
        held = self.tail.select("timestamp", pl.col(ours).alias("close"), "volume")
        answer = frame.select("timestamp", pl.col(theirs).alias("close"), "volume")
        return held.join(answer, on="timestamp", suffix="_now")


def held_of(into: Path, symbols: Sequence[str]) -> dict[str, Held]:
    """Read what the data folder holds of the symbols; those without bars, or nothing to compare, are left out."""
    try:
        snapshot = DuckDBPriceRepository(into).snapshot(Timeframe.D1)
    except DataNotFoundError:
        return {}
    if not isinstance(snapshot, PriceSnapshot):  # made of minutes: no day of them was fetched
        return {}
    if not {"close", "volume"} <= snapshot.columns.keys():
        return {}
    known = snapshot.spans()
    spans = {symbol: known[symbol] for symbol in symbols if symbol in known}
    tails = {symbol: tail for part in _tails(snapshot, spans) for symbol, tail in part.items()}
    return {
        symbol: Held(first=first, last=last, tail=tails[symbol])
        for symbol, (first, last) in spans.items()
        if symbol in tails
    }


def _tails(snapshot: PriceSnapshot, spans: Mapping[str, tuple[dt.date, dt.date]]) -> Iterator[dict[str, pl.DataFrame]]:
    """Read the newest bars, together for symbols that ended in the same month: little is read of each."""
    months: defaultdict[dt.date, list[str]] = defaultdict(list)
    for symbol, (_, last) in spans.items():
        months[last.replace(day=1)].append(symbol)
    columns = [name for name in _COMPARED if name in snapshot.columns]
    for month, symbols in months.items():
        frame = snapshot.read(symbols, columns, ReadWindow(start=month - _BEFORE)).frame
        newest = frame.group_by("symbol", maintain_order=True).tail(OVERLAP + 1)
        yield {
            str(symbol): part.drop("symbol") for (symbol,), part in newest.partition_by("symbol", as_dict=True).items()
        }


def _closes(tail: pl.DataFrame, frame: pl.DataFrame) -> tuple[str, str]:
    """Name the closes to compare, held and fetched: an adjusted one is held as adj_close, or as the close itself."""
    if "adj_close" not in frame.columns:
        return "close", "close"
    kept = "adj_close" in tail.columns and tail["adj_close"].count() > 0
    return ("adj_close" if kept else "close"), "adj_close"


def _equal(name: str) -> pl.Expr:
    now, held = pl.col(f"{name}_now"), pl.col(name)
    return ((now - held).abs() <= held.abs() * _ROUNDING).fill_null(value=False)
