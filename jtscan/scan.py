"""One scan from request to result.

resolve     which symbols: criteria → list, exclusions, listed in the range   (ISymbolRepository)
make_job    symbols, dates, formula, parameters                              (ProcessingJob)
process     one result per symbol                                            (IProcessingEngine)
aggregate   matches, statistics, the account                                 (SignalAggregator)
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import polars as pl

from jtscan.aggregate import SignalAggregator, check_sort
from jtscan.domain.bars import DataState
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import JobOutline, ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import RequestError
from jtscan.formula import compile_formula
from jtscan.ports import IProcessingEngine, ISymbolRepository

logger = logging.getLogger("jtscan")


_SHOWN = 5
_LISTED = 12
_NO_TABLE = "none (the prices alone name no markets and sectors: give a table of symbols)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Universe:
    """The symbols of a scan, what was taken out, and what is known of them."""

    symbols: tuple[str, ...]
    date_range: DateRange
    labels: pl.DataFrame
    compared: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    not_listed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
        job_id = str(uuid.uuid4())
        _phase(observer, "resolving")
        found = await self._find(request.symbol_criteria)
        if not set(found) - set(request.symbol_criteria.exclude):
            return await self._nothing(request, job_id, found)
        engine = await asyncio.to_thread(self._engine.pinned, request.timeframe)
        universe = await self._resolve(request, engine, found)
        if not universe.symbols:
            return await self._nothing(request, job_id, found, universe)
        _phase(observer, "scanning")
        job = _make_job(request, job_id, universe)
        outline = await asyncio.to_thread(engine.outline, job)
        check_sort(request.sort_by, ["name", *outline.columns])
        if outline.references:
            others = await self._symbol_repo.describe(
                list(dict.fromkeys([*universe.labels["symbol"], *outline.references]))
            )
            job = replace(job, labels=others)
        heard = _Heard(observer)
        heard.warnings += _unasked(request, outline, universe.labels)
        results = await engine.process_batch_async(job, progress_callback, cancellation_token, heard)
        _phase(observer, "aggregating")
        state = engine.data_state(job.timeframe)
        told = replace(universe, warnings=(*universe.warnings, *heard.warnings))
        result = await asyncio.to_thread(self._result, request, job_id, told, results, state)
        return replace(result, processing_time_ms=(perf_counter() - started) * 1000)

    async def _find(self, criteria: SymbolCriteria) -> list[str]:
        """Find the symbols of the criteria, before exclusions: an explicit list wins."""
        if criteria.symbols is not None:
            return list(criteria.symbols)
        found = await self._symbol_repo.find_by_criteria(market=criteria.market, sector=criteria.sector)
        return list(dict.fromkeys(found))

    async def _resolve(self, request: BatchScanRequest, engine: IProcessingEngine, found: Sequence[str]) -> _Universe:
        """Take out what is excluded or not listed in the range; what is left is asked."""
        criteria = request.symbol_criteria
        kept = [symbol for symbol in found if symbol not in set(criteria.exclude)]
        compared = kept if request.universe is None else await self._compared(request.universe)
        labels = await self._symbol_repo.describe(list(dict.fromkeys([*kept, *compared])))
        date_range = await asyncio.to_thread(engine.resolve_range, request.date_range, kept, request.timeframe)
        ours = labels.filter(pl.col("symbol").is_in(kept))
        not_listed = () if criteria.symbols is not None else _not_listed(ours, date_range)
        gone = set(not_listed)
        return _Universe(
            symbols=tuple(symbol for symbol in kept if symbol not in gone),
            date_range=date_range,
            labels=labels,
            compared=tuple(compared),
            excluded=tuple(symbol for symbol in found if symbol in set(criteria.exclude)),
            not_listed=not_listed,
            warnings=await self._warnings(request, found),
        )

    async def _compared(self, criteria: SymbolCriteria) -> list[str]:
        """Find the symbols that cross-sections compare; also those delisted before the range."""
        found = await self._find(criteria)
        kept = [symbol for symbol in found if symbol not in set(criteria.exclude)]
        if not kept:
            why = f"no symbol is left: {len(found):,} excluded" if found else await self._why_empty(criteria)
            raise RequestError("universe", why)
        return kept

    async def _nothing(
        self, request: BatchScanRequest, job_id: str, found: Sequence[str], universe: _Universe | None = None
    ) -> BatchScanResult:
        """Give the empty result of a scan without symbols, the formula checked all the same."""
        compile_formula(request.formula, None, request.parameters, first=request.first)
        if universe is None:
            labels = await self._symbol_repo.describe([])
            warnings = await self._warnings(request, found)
            universe = _Universe(
                symbols=(), date_range=request.date_range, labels=labels, excluded=tuple(found), warnings=warnings
            )
        if found:
            left = f"{len(universe.excluded):,} excluded, {len(universe.not_listed):,} not listed in the range"
            why = f"no symbol is left of {len(found):,}: {left}"
            universe = replace(universe, warnings=(*universe.warnings, why))
        return self._result(request, job_id, universe, [], DataState())

    async def _warnings(self, request: BatchScanRequest, found: Sequence[str]) -> tuple[str, ...]:
        warnings = []
        unknown = [symbol for symbol in request.symbol_criteria.exclude if symbol not in set(found)]
        if unknown and found:
            shown = ", ".join(_nearest(symbol, found) for symbol in unknown[:_SHOWN])
            more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
            warnings.append(f"exclude: not in the universe, so nothing was taken out for them: {shown}{more}")
        if not found:
            warnings.append(await self._why_empty(request.symbol_criteria))
        return tuple(warnings)

    async def _why_empty(self, criteria: SymbolCriteria) -> str:
        if criteria.symbols is not None:
            return "the list of symbols is empty: nothing was scanned"
        asked = [(kind, value) for kind, value in (("market", criteria.market), ("sector", criteria.sector)) if value]
        markets, sectors = await self._symbol_repo.markets(), await self._symbol_repo.sectors()
        there = {"market": markets, "sector": sectors}
        shown = "; ".join(f"the {kind}s there are: {', '.join(there[kind]) or _NO_TABLE}" for kind, _ in asked)
        what = " and ".join(f"{kind} {_nearest(value, there[kind])}" for kind, value in asked) or "the universe"
        return f"no symbols in {what}{'; ' if shown else ''}{shown}"

    def _result(
        self,
        request: BatchScanRequest,
        job_id: str,
        universe: _Universe,
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
            warnings=(*universe.warnings, *state.notes),
            cancelled=len(results) < len(universe.symbols),
            data_version=state.version,
        )


def _make_job(request: BatchScanRequest, job_id: str, universe: _Universe) -> ProcessingJob:
    return ProcessingJob(
        id=job_id,
        symbols=universe.symbols,
        timeframe=request.timeframe,
        date_range=universe.date_range,
        formula=request.formula,
        parameters=request.parameters,
        first=request.first,
        warmup=request.warmup,
        labels=universe.labels,
        universe=universe.compared,
        strict_universe=request.strict_universe,
        allow_lookahead=request.allow_lookahead,
    )


def _unasked(request: BatchScanRequest, outline: JobOutline, labels: pl.DataFrame) -> list[str]:
    """What was said and means nothing here: labels that no symbol has, a universe for nothing."""
    warnings = []
    for field, text in outline.labels:
        known = labels[field].drop_nulls().unique().sort().to_list()
        if text not in known:
            there = f"; there are: {', '.join(known[:_LISTED])}{' …' if len(known) > _LISTED else ''}" if known else ""
            warnings.append(f"no symbol has the {field} {_nearest(text, known)}{there}")
    if request.universe is not None and not outline.compares:
        warnings.append("universe= is for rank and its kin: this formula compares no symbols")
    return warnings


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


def _not_listed(labels: pl.DataFrame, date_range: DateRange) -> tuple[str, ...]:
    """Symbols listed after the range or delisted before it; ``delisted`` is the first day without the symbol."""
    start, end = date_range.bounds(Timeframe.D1)
    gone = pl.lit(value=False)
    if start is not None:
        gone |= pl.col("delisted") <= start
    if end is not None:
        gone |= pl.col("listed") > end
    gone = gone.fill_null(value=False)
    return tuple(labels.filter(gone)["symbol"])


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


def _nearest(word: str, known: Sequence[str]) -> str:
    """Quote a word, with the one that it was perhaps meant to be: other case, lost zeros, a slip."""
    if word in known:
        return repr(word)
    padded = {symbol.lstrip("0"): symbol for symbol in known if symbol.startswith("0")}
    same = next((each for each in known if each.casefold() == word.casefold()), padded.get(word.lstrip("0")))
    near = same or next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.75)), None)
    return f"{word!r} (did you mean {near!r}?)" if near else repr(word)


def _phase(observer: ScanObserver | None, phase: str) -> None:
    if observer is None:
        return
    try:
        observer.on_phase(phase)
    except Exception:
        logger.exception("the observer raised; the scan goes on")
