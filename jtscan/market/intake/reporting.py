"""The report of an ingest, and what became of each of its files."""

from __future__ import annotations

from time import perf_counter

import polars as pl

from jtscan.domain.stores import FILE_COUNTS, IngestReport
from jtscan.market.intake.keeping import Keeper
from jtscan.market.intake.sources import Sources
from jtscan.market.intake.tables import Told
from jtscan.market.intake.tally import Tally
from jtscan.market.store.manifest import Manifest
from jtscan.market.store.suspicion import schema_of
from jtscan.progress import PhaseCallback

_FILES = {"file": pl.String, **dict.fromkeys((*FILE_COUNTS, "unread"), pl.Int64), "unusable": pl.Boolean,
          "note": pl.String}  # fmt: skip


def make_report(
    sources: Sources,
    keeper: Keeper,
    manifest: Manifest | None,
    *,
    told: Told,
    started: float,
    tell: PhaseCallback,
) -> IngestReport:
    """Account for every row and file; without a manifest nothing was new."""
    ends = [str(end) for end in keeper.ends]
    return IngestReport(
        store=keeper.draft.root,
        timeframe=keeper.timeframe,
        version=None if manifest is None else manifest.name,
        counts=keeper.tally.total(),
        files=_files(sources, keeper.tally),
        quarantine=keeper.quarantine.new,
        symbols=len(keeper.symbols),
        first=min(ends, default=None),
        last=max(ends, default=None),
        tables=told.counts,
        notes=told.notes,
        suspicious=_suspicious(keeper, manifest, tell),
        seconds=perf_counter() - started,
    )


def _suspicious(keeper: Keeper, manifest: Manifest | None, tell: PhaseCallback) -> pl.DataFrame:
    if manifest is None:
        return pl.DataFrame(schema=schema_of(keeper.timeframe))
    tell("looking for what is wrong", 0, 0)
    return keeper.suspicious(manifest)


def _files(sources: Sources, tally: Tally) -> pl.DataFrame:
    """One row per file: its rows, what became of them, and a note."""
    rows = [
        (
            source.file.name,
            *tally.of(source.number),
            sources.unread.get(source.number, 0),
            source.number in sources.problems,
            sources.problems.get(source.number) or source.file.note,
        )
        for source in sources.all
    ]
    frame = pl.DataFrame(rows, schema=_FILES, orient="row")
    return frame.select("file", pl.sum_horizontal(FILE_COUNTS).alias("rows"), pl.exclude("file"))
