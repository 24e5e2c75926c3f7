"""One ingest, from what a user points at to a new version of a store.

find      files, folders, archives, frames → readable files           (sources, finding, frames)
look      columns, samples, what each file is                         (sources, heads, columns)
stage     rows of one shape, nothing judged yet                       (staging, values)
tables    symbols and members, given or told by the sources           (tables)
judge     bars, halts, quarantine, duplicates, repairs                (groups, judging)
merge     with what the store has: new, same, corrected               (merging)
keep      what is new is written, and every row counted               (keeping, quarantine)
commit    new files and a manifest; small files merged, old ones swept (market.store)
report    what became of every row and file, and what to know of it   (reporting, notes)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from jtscan.domain.stores import IngestReport
from jtscan.errors import RequestError
from jtscan.market.duck import Workbench
from jtscan.market.intake.arguments import check_halts, make_reading
from jtscan.market.intake.groups import StagedRows, firsts
from jtscan.market.intake.judging import Halts, Rules, judge
from jtscan.market.intake.keeping import Keeper
from jtscan.market.intake.merging import Stored
from jtscan.market.intake.notes import notes_of
from jtscan.market.intake.reporting import make_report
from jtscan.market.intake.sources import Sources, find, look, read
from jtscan.market.intake.tables import write_tables
from jtscan.market.store.layout import compact
from jtscan.market.store.manifest import Manifest
from jtscan.market.store.sweeping import sweep
from jtscan.market.store.writing import WAIT_SECONDS, Draft, writing
from jtscan.progress import PhaseCallback, phase_bar


def ingest(  # noqa: PLR0913 - what a user can say of the sources
    source: Any,
    into: str | Path,
    *,
    symbols: Any = None,
    members: Any = None,
    timeframe: str = "1d",
    columns: Mapping[str, str] | None = None,
    adjust: bool = False,
    halts: Halts = "zero",
    symbol_pattern: str | None = None,
    date_format: str | None = None,
    timezone: str | None = None,
    wait: float = WAIT_SECONDS,
    progress: PhaseCallback | bool | None = None,
) -> IngestReport:
    """Take bars into a store, and account for every row.

    Parameters
    ----------
    source
        A file, a folder, a glob or an archive of CSV or Parquet files, a
        Polars, pandas or Arrow frame, or a list of those; None for symbols
        and members alone.
    into
        The folder of the store; made if it is not there.
    symbols
        A table of symbols, file or frame (symbol, name, market, sector,
        listed, delisted and any other column, also as KRX and
        FinanceDataReader name them). What it does not know stays known.
    members
        Who belonged to which index when, file or frame: index, symbol, start,
        end; ``end`` is the first day without it, null is open. An index that
        is given replaces what was known of it.
    timeframe
        The length of a bar.
    columns
        Our column names to those of the sources, where they are not
        recognised: ``{"timestamp": "TRD_DD"}``.
    adjust
        Take adjusted closes for closes, scale open, high and low alike, and
        keep the close that was traded as ``raw_close``.
    halts
        ``"flat"``: a row whose prices are all the close before, without
        volume, is a halt too. Zeros are one in any case.
    symbol_pattern
        Where the symbol is in the names of files: ``"krx_*_{symbol}"``.
    date_format
        How dates are written, where day and month could be taken for each
        other: ``"%d/%m/%Y"``.
    timezone
        The zone of the exchange, for timestamps in UTC: ``"Asia/Seoul"``.
    wait
        How many seconds to wait for another writer.
    progress
        True shows a bar, False none; None shows one after a second, in a
        notebook or a terminal. A function is called with what is done, how
        much of it, and how much there is (0: not known).

    Returns
    -------
    IngestReport
        Every row and file that was read, and what became of it.

    Raises
    ------
    RequestError
        An argument cannot be used.
    DataError
        Nothing of the source can be used.
    StoreError
        The store is damaged, in use or cannot be written; it is as it was.
    """
    started = perf_counter()
    if source is None and symbols is None and members is None:
        raise RequestError("source", "NoneType is neither a path nor a Polars, pandas or Arrow frame")
    reading = make_reading(
        timeframe, columns, symbol_pattern=symbol_pattern, date_format=date_format, timezone=timezone
    )
    check_halts(halts)
    with ExitStack() as stack:
        tell = progress if callable(progress) else stack.enter_context(phase_bar(progress)) or _unheard
        draft = stack.enter_context(writing(Path(into).expanduser(), wait=wait))
        files = [] if source is None else find(source, draft, tell)
        duck = stack.enter_context(closing(Workbench([file.path for file in files], draft.work)))
        found = look(files, duck, draft.work / "files", reading)
        sources = read(found, duck, draft.work, reading, tell) if found else Sources()
        told = write_tables(draft, symbols, members, sources.staged.labels, reading.timeframe)
        keeper = Keeper(draft, reading.timeframe, sources.names)
        if found:
            lacking = sources.lacking(adjust=adjust)
            rules = Rules(timeframe=reading.timeframe, halts=halts, adjust=adjust, lacking=lacking)
            rows = StagedRows(sources.staged.paths, duck, draft.work, tell)
            _write(rows, sources.staged.broken_lines, rules, keeper)
        manifest = _commit(keeper, sources.title)
        told = replace(told, notes=(*told.notes, *notes_of(sources, keeper, adjust=adjust)))
        return make_report(sources, keeper, manifest, told=told, started=started, tell=tell)


def _unheard(_phase: str, _done: int, _total: int) -> None:
    """The progress of those who did not ask for it."""


def _write(rows: StagedRows, broken_lines: Sequence[pl.DataFrame], rules: Rules, keeper: Keeper) -> None:
    """Judge the staged rows, group by group of symbols, and keep what is new."""
    stored = Stored(keeper.draft, rules.timeframe)
    for lines in broken_lines:
        keeper.set_aside(lines)
    for group in rows.groups(keeper.expect):
        closes = stored.closes_before(firsts(group)) if rules.halts == "flat" else None
        keeper.keep(judge(group, rules, closes), stored)
    stored.rewrite()


def _commit(keeper: Keeper, sources: str) -> Manifest | None:
    """Make a version of what is new, and tidy up; None where there is nothing."""
    draft = keeper.draft
    if not _is_useful(draft):
        return None
    compact(draft, keeper.timeframe)
    counts = keeper.tally.total()
    manifest = draft.commit("ingest", timeframe=keeper.timeframe, sources=sources, counts=counts)
    sweep(draft.root, manifest)
    return manifest


def _is_useful(draft: Draft) -> bool:
    """Whether there is more than rows that cannot be bars: of those alone no version is made."""
    there, before = (
        [file for file in files if file.kind not in {"quarantine", "repairs"}]
        for files in (draft.files, draft.base.files)
    )
    return there != before
