"""The way into the store: fetched bars wait in the spool, and go on in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl

from jtscan.sources.spool import Reach, Spool, Spooled

TIMEFRAME = "1d"
BATCH = 200


class Depot:
    """Hands batches to ``ingest``, and remembers how far each symbol has come.

    ``table`` is the table of symbols that goes with every batch.
    """

    def __init__(self, spool: Spool, into: Path, *, until: dt.date, ingest: Callable[..., object]) -> None:
        self.table: pl.DataFrame | None = None
        self.ingested: list[object] = []
        self._spool = spool
        self._into = into
        self._until = until
        self._ingest = ingest
        self._state = spool.state()
        self._waiting: list[Spooled] = []
        self._begin()

    def recover(self) -> int:
        """Hand over what an earlier run has left; return how many symbols that were."""
        self._waiting = self._spool.waiting()
        self._state.asked |= {each.symbol for each in self._waiting if each.until == self._until}
        recovered = len(self._waiting)
        self.flush()
        return recovered

    def is_done(self, symbol: str, since: dt.date) -> bool:
        """Whether the run that this one continues has asked for the symbol, as far back."""
        reach = self._state.reaches.get(symbol)
        return symbol in self._state.asked and (reach is None or reach.since <= since)

    def reach(self, symbol: str) -> Reach | None:
        """Tell how far a symbol has come."""
        return self._state.reaches.get(symbol)

    def take(self, symbol: str, frame: pl.DataFrame, since: dt.date) -> None:
        """Take the bars of a symbol, fetched back to a day; a full batch goes on to the store."""
        reach = Reach(since=since, newest=frame["timestamp"].max())  # type: ignore[arg-type]
        named = frame.select(pl.lit(symbol).alias("symbol"), pl.all())
        spooled = Spooled(symbol=symbol, reach=reach, until=self._until, frame=named)
        self._spool.put(spooled)
        self._waiting.append(spooled)
        self._state.asked.add(symbol)
        if len(self._waiting) >= BATCH:
            self.flush()

    def pass_over(self, symbol: str) -> None:
        """Note that a symbol was asked for and has nothing for the store."""
        self._state.asked.add(symbol)

    def flush(self) -> None:
        """Hand over what waits: first the store takes it, then the state tells of it, then the spool lets it go."""
        if self._waiting:
            frame = pl.concat([each.frame for each in self._waiting], how="diagonal_relaxed")
            self.ingested.append(self._ingest(frame, self._into, timeframe=TIMEFRAME, symbols=self.table))
        for each in self._waiting:
            self._state.reaches[each.symbol] = each.reach.extended(self._state.reaches.get(each.symbol))
        self._spool.save(self._state)
        self._spool.forget(each.symbol for each in self._waiting)
        self._waiting = []

    def finish(self, *, complete: bool) -> None:
        """Hand over the rest; a complete run has nothing to continue."""
        if complete:
            self._state.asked.clear()
        self.flush()

    def _begin(self) -> None:
        """Continue the run that did not end, if it asked up to the same day."""
        if self._state.until != self._until:
            self._state.asked.clear()
        self._state.until = self._until
