"""Judged rows on their way into the next version: what is new is written, and every row is counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.files import PRICES
from jtscan.market.intake.judging import HALT, KEYS, Judged
from jtscan.market.intake.merging import Merged, Stored
from jtscan.market.intake.quarantine import Quarantine
from jtscan.market.intake.staging import FILE
from jtscan.market.intake.tally import Tally
from jtscan.market.store.layout import by_shape
from jtscan.market.store.manifest import Kind, Manifest
from jtscan.market.store.quality import markets_of, suspicious
from jtscan.market.store.suspicion import Suspicions, schema_of
from jtscan.market.store.writing import Draft

_SHELVES: Mapping[Kind, bool] = {"bars": False, "halts": True}


class Keeper:
    """Writes the bars, halts, repairs and quarantine of one timeframe into a draft.

    ``symbols`` are those that had bars or halts, ``ends`` the first and last
    timestamps of their groups.
    """

    def __init__(self, draft: Draft, timeframe: Timeframe, names: Mapping[int, str]) -> None:
        self.draft = draft
        self.timeframe = timeframe
        self.tally = Tally()
        self.quarantine = Quarantine(draft, timeframe, names)
        self.symbols: set[str] = set()
        self.ends: list[dt.date] = []
        self._suspicions: Suspicions | None = None

    def expect(self, rows: int) -> None:
        """Hear about how many rows will come; the first of a timeframe are watched as they come."""
        if not any(self.draft.base.of(kind, self.timeframe) for kind in _SHELVES):
            self._suspicions = Suspicions(self.timeframe, rows=rows, markets=self._markets())

    def keep(self, judged: Judged, stored: Stored) -> None:
        """Write the bars and halts of a group that are new, and count the rest."""
        self.tally.add("duplicates", judged.duplicates)
        self.set_aside(judged.quarantine)
        self._watch(judged)
        merged = stored.merge(judged.rows)
        self.tally.add("same", merged.same)
        self.tally.add("corrected", merged.corrected)
        self._note(judged.rows)
        self._write(merged.rows)
        self._write_repairs(judged, merged)

    def set_aside(self, rows: pl.DataFrame) -> None:
        """Put rows that cannot be bars into quarantine."""
        if rows.height:
            aside = self.quarantine.add(rows)
            self.tally.add("quarantined", aside.new)
            self.tally.add("same", aside.same)

    def _watch(self, judged: Judged) -> None:
        if self._suspicions is not None:
            prices = [name for name in PRICES if name in judged.rows.columns]
            seen = judged.rows.select(*KEYS, *prices, pl.col(HALT).alias("halt"))
            self._suspicions.add(seen, judged.quarantine)

    def _note(self, rows: pl.DataFrame) -> None:
        """Remember whose rows they are, and their first and last timestamp."""
        self.symbols.update(rows["symbol"].unique())
        if rows.height:
            self.ends += [rows["timestamp"].min(), rows["timestamp"].max()]  # type: ignore[list-item]

    def _write(self, rows: pl.DataFrame) -> None:
        for kind, halt in _SHELVES.items():
            found = rows.filter(pl.col(HALT) == halt)
            self.tally.add(kind, found)
            for part in by_shape(found.drop(FILE, HALT)) if found.height else ():
                self.draft.add(kind, self.timeframe, part)

    def _write_repairs(self, judged: Judged, merged: Merged) -> None:
        written = judged.repairs.join(merged.rows.select(KEYS), on=KEYS, how="semi", maintain_order="left")
        self.tally.add("repaired", written)
        if written.height:
            self.draft.add("repairs", self.timeframe, written.drop(FILE))

    def suspicious(self, manifest: Manifest) -> pl.DataFrame:
        """What looks wrong: in all bars of a new timeframe; later, from the first bar that came."""
        if self._suspicions is not None:
            return self._suspicions.found()
        if not self.ends:
            return pl.DataFrame(schema=schema_of(self.timeframe))
        since = min(self.ends)
        return suspicious(self.draft.root, manifest, self.timeframe, markets=self._markets(), since=since)

    def _markets(self) -> Mapping[str, str]:
        files = self.draft.of("symbols")
        return markets_of(pl.read_parquet(self.draft.path(files[0])) if files else None)
