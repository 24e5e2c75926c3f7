"""One scan from request to result.

begin       its token, its time, its turn beside other scans                 (jtscan.turns)
resolve     which symbols: criteria → list, exclusions, listed and members in the range   (jtscan.universe)
make_job    symbols, dates, formula, parameters                              (ProcessingJob)
process     one result per symbol                                            (IProcessingEngine)
aggregate   matches, statistics, the account                                 (SignalAggregator)
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import polars as pl

from jtscan.aggregate import LABELS, SignalAggregator, check_sort
from jtscan.domain.bars import DataState
from jtscan.domain.control import CTRL_C, CancellationToken, ProgressCallback, ScanObserver, deadline, reading_for
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.errors import EngineError, StoppedError
from jtscan.formula import compile_formula
from jtscan.history import ScanSource
from jtscan.ports import IProcessingEngine, ISymbolRepository
from jtscan.turns import Turn, Turns
from jtscan.universe import Universe, find, nothing_left, resolve, unasked

logger = logging.getLogger("jtscan")

_FORKED = (
    "this process is a fork of the one that made the scanner, in which neither Polars nor DuckDB works any more: start "
    'processes by multiprocessing.get_context("spawn"), and make a scanner in each'
)

_T = TypeVar("_T")
TakeTurn = Callable[[CancellationToken, Callable[[str], None]], AbstractAsyncContextManager[Turn]]
"""Waits for a turn beside other scans, and tells of it."""

CANCELLED = "the scan was cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """The symbols and the prices of one version, and the symbols found; without one to ask, prices are not needed."""

    symbols: ISymbolRepository
    engine: IProcessingEngine | None
    found: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A scan whose symbols are known; without any there is neither an engine nor a job.

    ``stopped``: it was cancelled before its symbols were known.
    """

    symbols: ISymbolRepository
    universe: Universe
    found: Sequence[str]
    engine: IProcessingEngine | None = None
    job: ProcessingJob | None = None
    stopped: bool = False


class BatchScanUseCase:
    """Scans a universe with a formula."""

    def __init__(
        self,
        engine: IProcessingEngine,
        symbol_repo: ISymbolRepository,
        aggregator: SignalAggregator,
        *,
        turn: TakeTurn | None = None,
    ) -> None:
        self._engine = engine
        self._symbol_repo = symbol_repo
        self._aggregator = aggregator
        self._turn = turn or partial(Turns().turn, most=sys.maxsize)
        self._process = os.getpid()

    async def execute(
        self,
        request: BatchScanRequest,
        *,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> BatchScanResult:
        """Run one scan.

        Parameters
        ----------
        request
            What is asked.
        progress_callback
            Called with (completed, total) after every symbol.
        cancellation_token
            Its ``cancel()`` stops after the symbol at work.
        observer
            Hears of phases, results and warnings.

        Returns
        -------
        BatchScanResult
            Also when symbols failed or the scan was cancelled: the account tells.

        Raises
        ------
        FormulaError, RequestError
            The formula or a field of the request cannot be used.
        DataError
            There are no usable prices at all.
        """
        started = perf_counter()
        async with self._begun(request, cancellation_token, observer) as heard:
            ready = await self._ready(request, heard)
            if ready.stopped:
                return self._result(request, ready, [], DataState(), heard)
            if ready.engine is None or ready.job is None:
                return self._result(request, _with_nobody(request, ready), [], DataState())
            results = await _processed(ready.engine, ready.job, progress_callback, heard)
            _phase(heard.observer, "aggregating")
            state = ready.engine.data_state(ready.job.timeframe)
            result = await _once_more(heard.token, self._result, request, ready, results, state, heard)
            source = ScanSource(engine=ready.engine, symbols=ready.symbols, job=ready.job)
            return replace(result, source=source, processing_time_ms=(perf_counter() - started) * 1000)

    async def hand_on(
        self,
        request: BatchScanRequest,
        take: Callable[[ProcessingResult, Turn], object],
        *,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> None:
        """Run one scan, hand each result on as it is published, and keep none.

        Parameters
        ----------
        take
            Called with each result in the batch's thread; with it comes the
            scan's turn, to be lent to others where that waits.
        request, progress_callback, cancellation_token, observer
            As in ``execute``, which raises the same.
        """
        async with self._begun(request, cancellation_token, observer) as heard:
            ready = await self._ready(request, heard)
            if ready.engine is None and not ready.stopped:
                ready = _with_nobody(request, ready)
            for warning in ready.universe.warnings:
                _tell(heard.on_warning, warning)

            def run(engine: IProcessingEngine, job: ProcessingJob) -> None:
                with closing(engine.stream(job, progress_callback, heard.token, heard)) as results:
                    for result in results:
                        take(result, heard.turn)

            if ready.engine is not None and ready.job is not None:
                await asyncio.to_thread(run, ready.engine, ready.job)
            if heard.token.is_cancelled and heard.token.reason is not None:
                _tell(heard.on_warning, heard.token.reason)

    @asynccontextmanager
    async def _begun(
        self, request: BatchScanRequest, token: CancellationToken | None, observer: ScanObserver | None
    ) -> AsyncIterator[_Heard]:
        """Wait for a turn, within the request's time; a token of the scan's own is set where the user's is."""
        if os.getpid() != self._process:
            raise EngineError(_FORKED)
        ours = CancellationToken(parent=token)
        tell = partial(_phase, observer)
        with deadline(ours, request.timeout), reading_for(ours):
            async with self._turn(ours, tell) as turn:
                yield _Heard(observer, ours, turn)

    async def _ready(self, request: BatchScanRequest, heard: _Heard) -> _Ready:
        """Resolve the universe and make the job; cancelled meanwhile, the symbols may stay unknown."""
        try:
            return await self._resolved(request, heard)
        except StoppedError:
            return self._unresolved(request)
        except KeyboardInterrupt:  # Polars raises it out of whatever thread it computes in
            heard.token.cancel(CTRL_C)
            return self._unresolved(request)

    def _unresolved(self, request: BatchScanRequest) -> _Ready:
        """Take what is known of the symbols without a look at the data: an explicit list."""
        criteria = request.symbol_criteria
        symbols = tuple(symbol for symbol in criteria.symbols or () if symbol not in set(criteria.exclude))
        labels = pl.DataFrame(schema=LABELS)
        why = () if symbols else ("cancelled before it was known which symbols to ask",)
        universe = Universe(symbols=symbols, date_range=request.date_range, labels=labels, warnings=why)
        return _Ready(symbols=self._symbol_repo, universe=universe, found=symbols, stopped=True)

    async def _resolved(self, request: BatchScanRequest, heard: _Heard) -> _Ready:
        _phase(heard.observer, "resolving")
        pinned = await self._pinned(request)
        if pinned.engine is None:
            universe = await nothing_left(request, pinned.symbols, pinned.found)
            return _Ready(symbols=pinned.symbols, universe=universe, found=pinned.found)
        universe = await resolve(request, pinned.symbols, pinned.engine, pinned.found)
        if not universe.symbols:
            return _Ready(symbols=pinned.symbols, universe=universe, found=pinned.found)
        _phase(heard.observer, "scanning")
        job = await _checked_job(request, universe, pinned.engine, pinned.symbols, heard)
        return _Ready(symbols=pinned.symbols, universe=universe, found=pinned.found, engine=pinned.engine, job=job)

    async def _pinned(self, request: BatchScanRequest) -> _Pinned:
        """Hold on to the symbols and the prices of one version."""
        while True:
            symbols = _pinned(self._symbol_repo)
            found = await find(request.symbol_criteria, symbols)
            if not set(found) - set(request.symbol_criteria.exclude):
                return _Pinned(symbols=symbols, engine=None, found=found)
            engine = await asyncio.to_thread(self._engine.pinned, request.timeframe)
            if _pinned(self._symbol_repo) == symbols:  # nobody wrote between the two
                return _Pinned(symbols=symbols, engine=engine, found=found)

    def _result(
        self,
        request: BatchScanRequest,
        ready: _Ready,
        results: Sequence[ProcessingResult],
        state: DataState,
        heard: _Heard | None = None,
    ) -> BatchScanResult:
        universe = ready.universe
        signals = self._aggregator.aggregate(results, request.sort_by, labels=universe.labels, top=request.top)
        cancelled = ready.stopped or len(results) < len(universe.symbols)
        told = () if heard is None else heard.told(cancelled=cancelled)
        reason = None if heard is None else heard.token.reason
        return BatchScanResult(
            job_id=_new_id() if ready.job is None else ready.job.id,
            request=request,
            signals=signals,
            statistics=self._aggregator.get_statistics(signals),
            processing_time_ms=0,
            errors_count=sum(result.status is Status.FAILED for result in results),
            outcomes=_outcomes(universe.symbols, results, reason or CANCELLED),
            excluded=universe.excluded,
            not_listed=universe.not_listed,
            not_members=universe.not_members,
            warnings=(*universe.warnings, *told, *state.notes),
            cancelled=cancelled,
            data_version=state.version,
        )


def _with_nobody(request: BatchScanRequest, ready: _Ready) -> _Ready:
    """Check the formula of a scan without symbols all the same, and say why there are none."""
    compile_formula(request.formula, None, request.parameters, first=request.first)
    universe = ready.universe
    if not ready.found:
        return ready
    left = f"{len(universe.excluded):,} excluded, {len(universe.not_listed):,} not listed in the range"
    left += f", {len(universe.not_members):,} not in the index in the range" if universe.not_members else ""
    why = f"no symbol is left of {len(ready.found):,}: {left}"
    return replace(ready, universe=replace(universe, warnings=(*universe.warnings, why)))


def _pinned(symbols: ISymbolRepository) -> ISymbolRepository:
    """Hold on to the symbols as they are now; a repository that cannot is taken as it is."""
    pin = getattr(symbols, "pinned", None)
    return symbols if pin is None else pin()


def _new_id() -> str:
    return str(uuid.uuid4())


def _make_job(request: BatchScanRequest, universe: Universe) -> ProcessingJob:
    return ProcessingJob(
        id=_new_id(),
        symbols=universe.symbols,
        timeframe=request.timeframe,
        date_range=universe.date_range,
        formula=request.formula,
        parameters=request.parameters,
        first=request.first,
        warmup=request.warmup,
        labels=universe.labels,
        universe=universe.compared,
        members=universe.members,
        universe_members=universe.compared_members,
        strict_universe=request.strict_universe,
        allow_lookahead=request.allow_lookahead,
        symbol_timeout=request.symbol_timeout,
        checkpoint=None if request.checkpoint is None else Path(request.checkpoint),
    )


async def _checked_job(
    request: BatchScanRequest, universe: Universe, engine: IProcessingEngine, symbols: ISymbolRepository, heard: _Heard
) -> ProcessingJob:
    """Make the job, and check its formula and order before prices are read; symbols it refers to get their labels."""
    job = _make_job(request, universe)
    outline = await asyncio.to_thread(engine.outline, job)
    check_sort(request.sort_by, ["name", *outline.columns])
    heard.warnings += unasked(request, outline, universe.labels)
    if not outline.references:
        return job
    known = list(dict.fromkeys([*universe.labels["symbol"], *outline.references]))
    return replace(job, labels=await symbols.describe(known))


async def _processed(
    engine: IProcessingEngine, job: ProcessingJob, callback: ProgressCallback | None, heard: _Heard
) -> list[ProcessingResult]:
    """Process the batch; Ctrl-C that Polars raises outside of its loop means that nothing was begun."""
    try:
        return await engine.process_batch_async(job, callback, heard.token, heard)
    except KeyboardInterrupt:
        heard.token.cancel(CTRL_C)
        return []


async def _once_more(token: CancellationToken, function: Callable[..., _T], *arguments: Any) -> _T:
    """Run in a thread what is short, once more if Polars raises Ctrl-C out of it: what is done is to be seen."""
    try:
        return await asyncio.to_thread(function, *arguments)
    except KeyboardInterrupt:
        token.cancel(CTRL_C)
        return await asyncio.to_thread(function, *arguments)


class _Heard:
    """What the engine tells: to the user's observer; in between, others may have the turn."""

    def __init__(self, observer: ScanObserver | None, token: CancellationToken, turn: Turn) -> None:
        self.observer = observer
        self.token = token
        self.turn = turn
        self.warnings: list[str] = []

    def told(self, *, cancelled: bool) -> tuple[str, ...]:
        """The engine's warnings, and why the scan was stopped where more than that is known."""
        why = [self.token.reason] if cancelled and self.token.reason is not None else []
        return (*self.warnings, *why)

    def on_phase(self, phase: str) -> None:
        self.turn.pass_on()
        if self.observer is not None:
            self.observer.on_phase(phase)

    def on_result(self, result: ProcessingResult) -> None:
        self.turn.pass_on()
        if self.observer is not None:
            self.observer.on_result(result)

    def on_warning(self, warning: str) -> None:
        self.warnings.append(warning)
        hear = getattr(self.observer, "on_warning", None)
        if hear is not None:
            hear(warning)


def _outcomes(symbols: Sequence[str], results: Sequence[ProcessingResult], stopped: str) -> pl.DataFrame:
    """One row per symbol asked for; those without a result were cancelled, for a reason."""
    rows = [
        (
            each.symbol, str(each.status), each.error, each.bars, each.rows.set_aside, each.rows.halts,
            each.rows.duplicates, each.last_bar, each.processing_time_ms,
        )
        for each in results
    ]  # fmt: skip
    done = _frame(rows)
    published = {result.symbol for result in results}
    rest = [
        (symbol, str(Status.CANCELLED), f"{stopped} before its turn", 0, 0, 0, 0, None, 0.0)
        for symbol in symbols
        if symbol not in published
    ]
    return pl.concat([done, _frame(rest)])


def _frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(OUTCOME_SCHEMA)
    return pl.DataFrame(
        {
            name: pl.Series(name, values).cast(kind)
            for (name, kind), values in zip(OUTCOME_SCHEMA.items(), columns, strict=True)
        }
    )


def _phase(observer: ScanObserver | None, phase: str) -> None:
    if observer is not None:
        _tell(observer.on_phase, phase)


def _tell(hear: Callable[[str], object], said: str) -> None:
    try:
        hear(said)
    except Exception:
        logger.exception("the observer raised; the scan goes on")
