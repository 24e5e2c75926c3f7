"""One scan from request to result.

resolve     which symbols: criteria → list, exclusions, listed and members in the range   (jtscan.universe)
make_job    symbols, dates, formula, parameters                              (ProcessingJob)
process     one result per symbol                                            (IProcessingEngine)
aggregate   matches, statistics, the account                                 (SignalAggregator)
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import polars as pl

from jtscan.aggregate import SignalAggregator, check_sort
from jtscan.domain.bars import DataState
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.formula import compile_formula
from jtscan.history import ScanSource
from jtscan.ports import IProcessingEngine, ISymbolRepository
from jtscan.universe import Universe, find, nothing_left, resolve, unasked

logger = logging.getLogger("jtscan")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """The symbols and the prices of one version, and the symbols found; without one to ask, prices are not needed."""

    symbols: ISymbolRepository
    engine: IProcessingEngine | None
    found: Sequence[str]


class BatchScanUseCase:
    """Scans a universe with a formula."""

    def __init__(self, engine: IProcessingEngine, symbol_repo: ISymbolRepository, aggregator: SignalAggregator) -> None:
        self._engine = engine
        self._symbol_repo = symbol_repo
        self._aggregator = aggregator

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
        heard = _Heard(observer)
        _phase(heard, "resolving")
        pinned = await self._pinned(request)
        if pinned.engine is None:
            return self._nothing(request, pinned, await nothing_left(request, pinned.symbols, pinned.found))
        universe = await resolve(request, pinned.symbols, pinned.engine, pinned.found)
        if not universe.symbols:
            return self._nothing(request, pinned, universe)
        _phase(heard, "scanning")
        job = await _checked_job(request, universe, pinned.engine, pinned.symbols, heard)
        results = await pinned.engine.process_batch_async(job, progress_callback, cancellation_token, heard)
        _phase(heard, "aggregating")
        told = replace(universe, warnings=(*universe.warnings, *heard.warnings))
        state = pinned.engine.data_state(job.timeframe)
        result = await asyncio.to_thread(self._result, request, job.id, told, results, state)
        source = ScanSource(engine=pinned.engine, symbols=pinned.symbols, job=job)
        return replace(result, source=source, processing_time_ms=(perf_counter() - started) * 1000)

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

    def _nothing(self, request: BatchScanRequest, pinned: _Pinned, universe: Universe) -> BatchScanResult:
        """Give the empty result of a scan without symbols, the formula checked all the same."""
        compile_formula(request.formula, None, request.parameters, first=request.first)
        if pinned.found:
            left = f"{len(universe.excluded):,} excluded, {len(universe.not_listed):,} not listed in the range"
            left += f", {len(universe.not_members):,} not in the index in the range" if universe.not_members else ""
            why = f"no symbol is left of {len(pinned.found):,}: {left}"
            universe = replace(universe, warnings=(*universe.warnings, why))
        return self._result(request, _new_id(), universe, [], DataState())

    def _result(
        self,
        request: BatchScanRequest,
        job_id: str,
        universe: Universe,
        results: Sequence[ProcessingResult],
        state: DataState,
    ) -> BatchScanResult:
        signals = self._aggregator.aggregate(results, request.sort_by, labels=universe.labels, top=request.top)
        return BatchScanResult(
            job_id=job_id,
            request=request,
            signals=signals,
            statistics=self._aggregator.get_statistics(signals),
            processing_time_ms=0,
            errors_count=sum(result.status is Status.FAILED for result in results),
            outcomes=_outcomes(universe.symbols, results),
            excluded=universe.excluded,
            not_listed=universe.not_listed,
            not_members=universe.not_members,
            warnings=(*universe.warnings, *state.notes),
            cancelled=len(results) < len(universe.symbols),
            data_version=state.version,
        )


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


class _Heard:
    """The user's observer, and the warnings that the engine gave."""

    def __init__(self, observer: ScanObserver | None) -> None:
        self._observer = observer
        self.warnings: list[str] = []

    def on_phase(self, phase: str) -> None:
        if self._observer is not None:
            self._observer.on_phase(phase)

    def on_result(self, result: ProcessingResult) -> None:
        if self._observer is not None:
            self._observer.on_result(result)

    def on_warning(self, warning: str) -> None:
        self.warnings.append(warning)
        hear = getattr(self._observer, "on_warning", None)
        if hear is not None:
            hear(warning)


def _outcomes(symbols: Sequence[str], results: Sequence[ProcessingResult]) -> pl.DataFrame:
    """One row per symbol asked for; those without a result were cancelled."""
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
        (symbol, str(Status.CANCELLED), "the scan was cancelled before its turn", 0, 0, 0, 0, None, 0.0)
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
    if observer is None:
        return
    try:
        observer.on_phase(phase)
    except Exception:
        logger.exception("the observer raised; the scan goes on")
