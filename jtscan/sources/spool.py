"""What is fetched and not yet in the store, and how far each symbol has come.

A file per symbol, written beside and renamed, so that a kill at any moment
costs the symbol at work only; the state is written after the store has taken
the files and before they go.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import polars as pl

from jtscan.errors import DataError, first_line

logger = logging.getLogger("jtscan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """From where a symbol was fetched, and its newest row, a halt too."""

    since: dt.date
    newest: dt.date

    def extended(self, other: Reach | None) -> Reach:
        """Return the reach of both together."""
        if other is None:
            return self
        return Reach(since=min(self.since, other.since), newest=max(self.newest, other.newest))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spooled:
    """The bars of one symbol that wait for the store."""

    symbol: str
    reach: Reach
    until: dt.date
    frame: pl.DataFrame


@dataclass(slots=True, kw_only=True)
class State:
    """How far each symbol has come, and what a run that did not end has asked already."""

    reaches: dict[str, Reach] = field(default_factory=dict)
    until: dt.date | None = None
    asked: set[str] = field(default_factory=set)


class Spool:
    """The folder of one source and timeframe below a data folder."""

    def __init__(self, into: Path, source: str, timeframe: str) -> None:
        self.folder = into / "fetch" / f"{source}-{timeframe}"
        self._state = self.folder / "state.json"

    def put(self, spooled: Spooled) -> None:
        """Keep the bars of a symbol until the store has them."""
        reach = spooled.reach
        days = {"since": reach.since, "newest": reach.newest, "until": spooled.until}
        marks = {"symbol": spooled.symbol, **{name: day.isoformat() for name, day in days.items()}}
        path = self._path(spooled.symbol)
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            spooled.frame.write_parquet(unfinished, metadata=marks)
            unfinished.replace(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {first_line(error)}") from error

    def waiting(self) -> list[Spooled]:
        """Return what waits; a file that cannot be read goes, and its symbol is fetched again."""
        found = []
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                found.append(_read(path))
            except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
                logger.warning("%s: is fetched again, the file cannot be read: %s", path, first_line(error))
                path.unlink()
        return found

    def forget(self, symbols: Iterable[str]) -> None:
        """Remove what the store has taken."""
        for symbol in symbols:
            self._path(symbol).unlink(missing_ok=True)

    def state(self) -> State:
        """Read the state; a new one where there is none."""
        try:
            return _state(json.loads(self._state.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            cure = "remove it, and every symbol is fetched from the start"
            raise DataError(f"{self._state}: cannot be read ({first_line(error)}); {cure}") from error

    def save(self, state: State) -> None:
        """Write the state beside the old one and rename it."""
        text = json.dumps(
            {
                "reaches": {symbol: [str(each.since), str(each.newest)] for symbol, each in state.reaches.items()},
                "until": None if state.until is None else str(state.until),
                "asked": sorted(state.asked),
            }
        )
        unfinished = self._state.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self._state)
        except OSError as error:
            raise DataError(f"{self._state}: cannot be written: {first_line(error)}") from error

    def _path(self, symbol: str) -> Path:
        return self.folder / f"{quote(symbol, safe='')}.parquet"


def _read(path: Path) -> Spooled:
    marks = pl.read_parquet_metadata(path)
    since, newest, until = (dt.date.fromisoformat(marks[name]) for name in ("since", "newest", "until"))
    reach = Reach(since=since, newest=newest)
    return Spooled(symbol=marks["symbol"], reach=reach, until=until, frame=pl.read_parquet(path))


def _state(found: dict[str, dict[str, list[str]]]) -> State:
    day = dt.date.fromisoformat
    reaches = {name: Reach(since=day(ends[0]), newest=day(ends[1])) for name, ends in found["reaches"].items()}
    until = None if found["until"] is None else day(str(found["until"]))
    return State(reaches=reaches, until=until, asked=set(found["asked"]))
