"""What the scan needs from outside, as protocols; in-memory doubles are in jtscan.testing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Protocol

import polars as pl

from jtscan.domain.bars import Bars, DataState, ReadWindow
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.history import HistoryRequest, SymbolHistory
from jtscan.domain.jobs import JobOutline, ProcessingJob, ProcessingResult
from jtscan.domain.symbols import Names, Where


class ISymbolRepository(Protocol):
    """The list of symbols, with their names, markets and sectors, and the indices that they belong to."""

    async def find_by_criteria(
        self,
        *,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        where: Where | None = None,
    ) -> list[str]:
        """Return the symbols that have all that is asked for, in a stable order; without anything, all but indices.

        A name or a list of names, any of which will do; ``where`` asks for
        values of other columns. A symbol that was a member of an index at any
        time belongs to it: ``members`` tells when.
        """

    async def describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return symbol, name, market, sector, listed, delisted of those symbols that are known."""

    async def markets(self) -> list[str]:
        """Return the markets there are, in rising order."""

    async def sectors(self) -> list[str]:
        """Return the sectors there are, in rising order."""

    async def values(self, column: str) -> list[str]:
        """Return the values that a column of the table of symbols has, as text, in rising order."""

    async def indices(self) -> list[str]:
        """Return the indices whose members are known, in rising order."""

    def pinned(self) -> ISymbolRepository:
        """Return the same symbols as they are now, whatever is written meanwhile; equal where nothing was."""

    async def members(self, index: Names) -> pl.DataFrame:
        """Return index, symbol, start (null = always been), end (first day without, null = still) of their members."""


class IPriceSnapshot(Protocol):
    """The prices of one timeframe as they were when the snapshot was taken."""

    @property
    def version(self) -> str:
        """What tells this data from any other."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the files beyond symbol and timestamp: name to "number" or what else it is ("text")."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with the data and concerns no symbol alone."""

    @property
    def changed(self) -> Sequence[str]:
        """What is no longer as it was when the snapshot was taken, and how: "/data/a.parquet is not there"."""

    @property
    def chunk_factor(self) -> int:
        """How many times larger than usual chunks should be: 1, unless each reading costs a pass over everything."""

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:
        """Return how many rows each known symbol has in the window at the most, for cutting chunks."""

    def sessions(self) -> pl.DataFrame:
        """Return day and start of each session: the day's first bar of whatever symbol."""

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        """Return the count-th newest timestamp among the symbols, the oldest if there are fewer; None without any."""

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:
        """Return the bars of the symbols in the window.

        A symbol whose rows cannot be bars is a problem in the answer; a file
        that cannot be read at all raises DataError.
        """

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:
        """Return the timestamps of a symbol's halts between the ends of a window: days without trade, no bars."""

    def part(self, symbols: Collection[str]) -> IPriceSnapshot:
        """Return what the snapshot is for some symbols, to be pickled: another process reads the same bars with it.

        Of these symbols it gives what the whole gives; sessions of intraday
        bars are those of all symbols. It knows nothing of other symbols, and looks for nothing:
        a file that is no longer what it was raises DataError when it is read.
        """


class IPriceRepository(Protocol):
    """The bars of all symbols."""

    def snapshot(self, timeframe: Timeframe) -> IPriceSnapshot:
        """Take a snapshot; raises DataError where there is no data."""


class IProcessingEngine(Protocol):
    """Runs one formula over many symbols."""

    def pinned(self, timeframe: Timeframe) -> IProcessingEngine:
        """Return the same engine on the data as it is now, whatever happens to the files meanwhile."""

    def data_state(self, timeframe: Timeframe) -> DataState:
        """Tell which data a batch reads now, and what is wrong with it as a whole."""

    def outline(self, job: ProcessingJob) -> JobOutline:
        """Tell what a job gives and reads; raises what is wrong with its formula."""

    def resolve_range(self, date_range: DateRange, symbols: Sequence[str], timeframe: Timeframe) -> DateRange:
        """Turn ``last=n`` into the dates that it means for these symbols."""

    def history(self, job: ProcessingJob, asked: HistoryRequest) -> SymbolHistory:
        """Look at one symbol as a job's formula saw it; raises RequestError where there is no such bar."""

    def process_batch(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Process every symbol, in order; blocks."""

    def stream(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> Generator[ProcessingResult]:
        """Do the same, yield each result once it is published, and keep none; who stops asking stops the batch."""

    async def process_batch_async(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Do the same in a thread, without blocking the loop."""
