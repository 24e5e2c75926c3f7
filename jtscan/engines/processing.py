"""The batch loop: every symbol of a job, in order, whatever becomes of each.

process_batch           entry: snapshot, plan, loop, summary      (here)
opened                  what is done already of a job with a checkpoint      (checkpoint.py: records.py, packing.py)
Batch.stream            order, progress, cancellation      (batch.py)
Passes.run              what crosses symbols, gathered before anything is published      (passes.py, gathered.py)
Crew.process            who does the chunks: here, threads, processes, a cluster      (crew.py; places/)
read_ahead              chunks of symbols, the next one read while one is evaluated      (chunks.py)
Work.process_chunk      some symbols: evaluate, settle, cut into results      (work.py)
Work.process_symbol     one symbol alone: what a failing chunk falls back to      (work.py)
evaluate                the steps of a plan      (steps/: evaluate.py, indicators.py, periods.py, table.py)
cut                     an outcome per symbol      (results.py)

Beside the loop:

Looking.run             one symbol as the formula saw it, bar by bar, for charts      (history.py)
Replay.run              the last bars as if each were the newest: does the formula look ahead?      (replay.py)
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from jtscan.domain.bars import Bars, DataState, ReadWindow
from jtscan.domain.checks import CheckReport
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.history import HistoryRequest, SymbolHistory
from jtscan.domain.jobs import JobOutline, ProcessingJob, ProcessingResult, Status
from jtscan.engines.batch import Batch, Listeners
from jtscan.engines.checkpoint import opened
from jtscan.engines.crew import Inline
from jtscan.engines.history import Looking
from jtscan.engines.passes import Passes
from jtscan.engines.places.place import Place
from jtscan.engines.places.where import Workplace, as_workplace
from jtscan.engines.replay import Replay
from jtscan.engines.results import empty_matches
from jtscan.engines.work import Work, compiled_from
from jtscan.errors import LookAheadError, RequestError
from jtscan.formula import Function, Plan, compile_formula, compile_series
from jtscan.ports import IPriceRepository, IPriceSnapshot

logger = logging.getLogger("jtscan")

CHUNK_BARS = 250_000
_REPAINTS = "it changes until its period ends"
_REPLAYED_SYMBOLS = 3
_REPLAYED_BARS = 60
_REPLAYED_FIRED = 120


class ProcessingEngine:
    """Processes a job's symbols one after the other, in this thread or where it is told to.

    Parameters
    ----------
    prices
        Where bars come from.
    functions
        Functions of a user, beside those of the language.
    chunk_bars
        About how many bars are evaluated at once.
    where
        Who processes the symbols: ``jt.engines.threads(2)``, or the same as
        text, "threads:2"; this thread if not given.
    raise_internal
        Let an error that is neither the data's nor the formula's out of the
        batch, instead of failing the symbol. For tests.
    """

    def __init__(
        self,
        prices: IPriceRepository,
        *,
        functions: Sequence[Function] = (),
        chunk_bars: int = CHUNK_BARS,
        where: Workplace | str | None = None,
        raise_internal: bool = False,
    ) -> None:
        self._prices = prices
        self._functions = tuple(functions)
        self._chunk_bars = chunk_bars
        self._place = Place(as_workplace(where), chunk_bars)
        self._raise_internal = raise_internal
        weakref.finalize(self, self._place.close)

    @property
    def where(self) -> Workplace:
        """Where symbols are processed."""
        return self._place.where

    def close(self) -> None:
        """Let the workers go; a later batch starts new ones."""
        self._place.close()

    def pinned(self, timeframe: Timeframe) -> ProcessingEngine:
        """Return the same engine on the data as it is now, whatever happens to the files meanwhile.

        It works with the same workers, which end with the engine that they were started for.
        """
        engine = copy(self)
        engine._prices = _Pinned(self._prices.snapshot(timeframe))  # noqa: SLF001 - its own
        return engine

    def outline(self, job: ProcessingJob) -> JobOutline:
        """Tell what a job gives and reads; raises what is wrong with its formula."""
        plan = self._work(job).plan
        return JobOutline(
            columns=tuple(empty_matches(plan, job.timeframe).columns),
            references=plan.references,
            compares=plan.compares,
            labels=plan.labels,
        )

    def data_state(self, timeframe: Timeframe) -> DataState:
        """Tell which data a batch reads now, and what is wrong with it as a whole."""
        snapshot = self._prices.snapshot(timeframe)
        return DataState(version=snapshot.version, notes=snapshot.notes)

    def resolve_range(self, date_range: DateRange, symbols: Sequence[str], timeframe: Timeframe) -> DateRange:
        """Turn the ``last=n`` of a date_range into dates, for these symbols and timeframe; without bars it stays."""
        if date_range.last is None:
            return date_range
        start = self._prices.snapshot(timeframe).newest(symbols, date_range.last)
        return date_range if start is None else DateRange(start=start)

    def process_batch(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Process every symbol, in order; blocks.

        Parameters
        ----------
        job
            What is to be done.
        progress_callback
            Called with (completed, total) after every symbol.
        cancellation_token
            Its ``cancel()`` stops after the symbol at work.
        observer
            Hears of phases, results and warnings.

        Returns
        -------
        list of ProcessingResult
            One per symbol, in the job's order; if cancelled, those published until then.

        Raises
        ------
        FormulaError, RequestError
            The formula cannot be compiled with the columns of the price files.
        DataError
            There are no usable prices at all.
        """
        return self._process_batch_sync(job, progress_callback, cancellation_token, observer)

    def stream(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> Generator[ProcessingResult]:
        """Yield each symbol's result as it is published; ``process_batch`` is its collection.

        Nothing is kept of what was yielded, so memory is bounded by a few
        chunks of bars (and, where symbols are compared, by the values that
        are). Whoever stops asking stops the batch.

        Parameters
        ----------
        job, progress_callback, cancellation_token, observer
            As in ``process_batch``.

        Raises
        ------
        FormulaError, RequestError, DataError
            As in ``process_batch``, when the first result is asked for.
        """
        started = time.perf_counter()
        token = cancellation_token or CancellationToken()
        work = self._work(job)
        listeners = Listeners(progress_callback, observer)
        with opened(work) as checkpoint:
            self._check_seen(work, listeners, token)
            for warning in (*work.plan.notes, *(f"{part} repaints: {_REPAINTS}" for part in work.plan.repaints)):
                listeners.warn(warning)
            logger.info("scan %s: %d symbols, %s, %s", job.id, len(job.symbols), job.timeframe, job.date_range)
            tally = _Tally()
            crew = self._place.crew
            if job.symbol_timeout is not None and not crew.stops_symbols:
                listeners.warn(f"symbol_timeout= is not kept to by {self.where}: only processes() can stop a symbol")
            batch = Batch(work=work, crew=crew, listeners=listeners, token=token, checkpoint=checkpoint)
            with closing(batch.stream()) as results:
                for result in results:
                    tally.add(result)
                    yield result
            tally.log(job, time.perf_counter() - started)

    async def process_batch_async(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Do the same in a thread; cancelling the task that awaits it cancels the batch.

        Parameters
        ----------
        job
            What is to be done.
        progress_callback
            Called with (completed, total) after every symbol.
        cancellation_token
            Its ``cancel()`` stops after the symbol at work.
        observer
            Hears of phases, results and warnings.
        """
        token = cancellation_token or CancellationToken()
        try:
            return await asyncio.to_thread(self._process_batch_sync, job, progress_callback, token, observer)
        except asyncio.CancelledError:
            token.cancel()
            raise

    def _process_batch_sync(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None,
        cancellation_token: CancellationToken | None,
        observer: ScanObserver | None,
    ) -> list[ProcessingResult]:
        return list(self.stream(job, progress_callback, cancellation_token, observer))

    def history(self, job: ProcessingJob, asked: HistoryRequest) -> SymbolHistory:
        """Look at one symbol as a job's formula saw it.

        What crosses symbols is gathered over all symbols of the job; the
        symbol itself need not be one of them.

        Raises
        ------
        RequestError
            There is no such symbol, or no bar of it in what is asked for.
        DataError
            The symbol's data cannot be used, or the formula fails on it.
        """
        plan = compile_series(**self._compiled_from(job))
        work = self._work(job, plan.plan)
        return Looking(work=work, plan=plan, asked=asked, chunk_bars=self._chunk_bars).run()

    def check(self, job: ProcessingJob, *, last: int = 250) -> CheckReport:
        """Replay the last bars of the job's symbols, and every bar that fired, as if each were the newest."""
        return Replay(work=self._work(job), symbols=job.symbols, last=last).run()

    def _check_seen(self, work: Work, listeners: Listeners, token: CancellationToken) -> None:
        """Replay a few symbols of a formula that jtscan cannot see into; it must not look ahead."""
        if not work.plan.unseen or work.job.allow_lookahead:
            return
        listeners.phase("replaying for look-ahead")
        symbols = _longest(work, _REPLAYED_SYMBOLS)
        replay = Replay(work=work, symbols=symbols, last=_REPLAYED_BARS, fired=_REPLAYED_FIRED, token=token)
        report = replay.run()
        listeners.phase("scanning")
        if report.short is not None and not report.looks_ahead:
            raise RequestError("lookback", f"is too short: {report.short.in_words_short()}")
        if report.looks_ahead:
            raise LookAheadError(
                f"the formula looks ahead: {report.found[0]}",
                hint="give allow_lookahead=True to scan all the same",
            )

    def _compiled_from(self, job: ProcessingJob) -> dict[str, Any]:
        return compiled_from(job, self._prices.snapshot(job.timeframe).columns, self._functions)

    def _work(self, job: ProcessingJob, plan: Plan | None = None) -> Work:
        snapshot = self._prices.snapshot(job.timeframe)
        plan = plan or compile_formula(**self._compiled_from(job))
        start, end = self.resolve_range(job.date_range, job.symbols, job.timeframe).bounds(job.timeframe)
        warmup = None if job.warmup == "full" else plan.warmup
        window = ReadWindow(start=start, end=end, warmup=warmup)
        return Work(
            job=job,
            plan=plan,
            this=plan.last,
            snapshot=snapshot,
            window=window,
            functions=self._functions,
            raise_internal=self._raise_internal,
        )

    def _process_symbol(self, job: ProcessingJob, symbol: str, bars: Bars) -> ProcessingResult:
        """Process one symbol alone: the complete path from bars to a result, by the code that the batch runs."""
        passes = Passes(work=self._work(job), crew=Inline(self._chunk_bars), token=CancellationToken())
        return passes.run().process_symbol(symbol, bars)


def _longest(work: Work, count: int) -> list[str]:
    """Name the symbols with the most bars: on those a look-ahead shows."""
    sizes = work.snapshot.sizes(work.job.symbols, replace(work.window, start=None, warmup=None))
    return sorted(sizes, key=lambda symbol: (-sizes[symbol], symbol))[:count]


class _Pinned:
    """A repository of one snapshot."""

    def __init__(self, snapshot: IPriceSnapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self, timeframe: Timeframe) -> IPriceSnapshot:  # noqa: ARG002 - it was pinned for one
        return self._snapshot


@dataclass(slots=True, eq=False)
class _Tally:
    """Counts what was published, for the log."""

    processed: int = 0
    errors: int = 0
    matches: int = 0

    def add(self, result: ProcessingResult) -> None:
        self.processed += 1
        self.errors += result.status is Status.FAILED
        self.matches += result.matches.height

    def log(self, job: ProcessingJob, seconds: float) -> None:
        logger.info(
            "scan %s: processed %d of %d, errors %d, matches %d, total time %.3f s",
            job.id, self.processed, len(job.symbols), self.errors, self.matches, seconds,
        )  # fmt: skip
