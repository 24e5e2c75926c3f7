"""What became of each symbol that was to be fetched."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

_SHOWN = 5

OUTCOMES = {
    "symbol": pl.String,
    "status": pl.String,
    "rows": pl.Int64,
    "new_rows": pl.Int64,
    "anew": pl.Boolean,
    "reason": pl.String,
}
STATUSES = {
    "fetched": "fetched",
    "unchanged": "unchanged: the store has it all",
    "no_data": "without data",
    "failed": "failed",
    "done_before": "fetched by the run that was interrupted",
    "not_asked": "not asked: the run stopped before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one symbol; ``anew`` says that its whole history came again."""

    symbol: str
    status: str
    rows: int = 0
    new_rows: int = 0
    anew: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FetchReport:
    """What a run fetched; prints itself.

    ``outcomes`` has one row per symbol asked for: symbol, status, rows (handed
    to the store), new_rows (of them those that the store did not have), anew
    (its history was adjusted, so all of it came again), reason. ``stopped``
    says why the run ended early, None where it did not; ``interrupted`` that
    it was Ctrl-C. ``recovered`` counts symbols that an earlier run had left
    for the store, ``ingested`` are the reports of the store.
    """

    source: str
    since: dt.date
    outcomes: pl.DataFrame
    market: str | None = None
    stopped: str | None = None
    interrupted: bool = False
    recovered: int = 0
    notes: tuple[str, ...] = ()
    ingested: tuple[object, ...] = ()

    @property
    def asked(self) -> int:
        """How many symbols were to be fetched."""
        return self.outcomes.height

    @property
    def new_rows(self) -> int:
        """How many rows the store did not have."""
        return int(self.outcomes["new_rows"].sum())

    @property
    def counts(self) -> dict[str, int]:
        """How many symbols ended with each status, all of them; they add up to ``asked``."""
        found = dict(self.outcomes.group_by("status").len().iter_rows())
        return {status: found.get(status, 0) for status in STATUSES}

    def __str__(self) -> str:
        return "\n".join([self._head(), *self._account(), *self._failures(), *self._warnings()])

    def _head(self) -> str:
        market = f" · {self.market}" if self.market else ""
        return f"{self.source}{market} since {self.since}: {_symbols(self.asked)}, {_rows(self.new_rows)} new"

    def _account(self) -> list[str]:
        lines = [(count, STATUSES[status] + self._more(status)) for status, count in self.counts.items()]
        lines.append((self.recovered, "left by an earlier run, now in the store"))
        return [f"{count:>9,}  {text}" for count, text in lines if count]

    def _more(self, status: str) -> str:
        if status != "fetched":
            return ""
        anew = int(self.outcomes["anew"].sum())
        rows = _rows(int(self.outcomes["rows"].sum()))
        return f": {rows}{f'; {anew:,} adjusted anew, so with all their history' if anew else ''}"

    def _failures(self) -> list[str]:
        failed = self.outcomes.filter(pl.col("status") == "failed").select("symbol", "reason")
        lines = [f"  {symbol}: {reason}" for symbol, reason in failed.head(_SHOWN).iter_rows()]
        more = [f"  … and {failed.height - _SHOWN:,} more"] if failed.height > _SHOWN else []
        return ["Failed", *lines, *more] if lines else []

    def _warnings(self) -> list[str]:
        return [f"! {each}" for each in (*self.notes, *([self.stopped] if self.stopped else []))]


def _symbols(count: int) -> str:
    return f"{count:,} symbol{'s' if count != 1 else ''}"


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"
