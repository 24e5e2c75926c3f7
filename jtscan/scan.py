"""One scan from request to result.

resolve     which symbols: criteria → list, exclusions, listed and members in the range   (ISymbolRepository)
make_job    symbols, dates, formula, parameters                              (ProcessingJob)
process     one result per symbol                                            (IProcessingEngine)
aggregate   matches, statistics, the account                                 (SignalAggregator)
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import polars as pl

from jtscan.aggregate import SignalAggregator, check_sort
from jtscan.domain.bars import DataState
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import JobOutline, ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.domain.symbols import INDEX_MARKET, Names, SymbolCriteria, Value
from jtscan.domain.universe import never_listed, never_members, of_today, overlapping
from jtscan.domain.words import first_few, nearest, written
from jtscan.errors import RequestError
from jtscan.formula import compile_formula
from jtscan.ports import IProcessingEngine, ISymbolRepository

logger = logging.getLogger("jtscan")


_SHOWN = 5
_NO_TABLE = "none (the prices alone name no markets and sectors: give a table of symbols)"
_PLURALS = {
    "market": "the markets there are", "sector": "the sectors there are", "index": "the indices there are",
}  # fmt: skip
_NO_MEMBERS = "none (give a file of members: index, symbol, start, end)"
_LONG_AGO = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Universe:
    """The symbols of a scan, what was taken out, and what is known of them.

    ``members`` are the spans of an index that was asked for, ``compared_members``
    those of the compared; None is always.
    """

    symbols: tuple[str, ...]
    date_range: DateRange
    labels: pl.DataFrame
    compared: tuple[str, ...] = ()
    members: pl.DataFrame | None = None
    compared_members: pl.DataFrame | None = None
    excluded: tuple[str, ...] = ()
    not_listed: tuple[str, ...] = ()
    not_members: tuple[str, ...] = ()
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
        _phase(observer, "resolving")
        scan, engine, found = await self._pinned(request)
        heard = _Heard(observer)
        result = await scan.run(request, engine, found, heard, progress_callback, cancellation_token)
        taken = (perf_counter() - started) * 1000 if len(result.outcomes) else 0
        return replace(result, processing_time_ms=taken)

    async def _pinned(self, request: BatchScanRequest) -> tuple[BatchScanUseCase, IProcessingEngine | None, list[str]]:
        """Hold on to the symbols and the prices of one version; without a symbol to ask, prices are not needed."""
        while True:
            scan = BatchScanUseCase(self._engine, _pinned(self._symbol_repo), self._aggregator)
            found = await scan._find(request.symbol_criteria)
            if not set(found) - set(request.symbol_criteria.exclude):
                return scan, None, found
            engine = await asyncio.to_thread(self._engine.pinned, request.timeframe)
            if _pinned(self._symbol_repo) == scan._symbol_repo:  # nobody wrote between the two
                return scan, engine, found

    async def run(
        self,
        request: BatchScanRequest,
        engine: IProcessingEngine | None,
        found: Sequence[str],
        heard: _Heard,
        progress_callback: ProgressCallback | None,
        cancellation_token: CancellationToken | None,
    ) -> BatchScanResult:
        """Run one scan on what is pinned: resolve, make the job, process, aggregate.

        Parameters
        ----------
        request
            What is asked.
        engine
            The engine, pinned; None where no symbol is left to ask.
        found
            The symbols of the criteria, before exclusions.
        heard
            Hears of phases and results, and keeps the warnings.
        progress_callback
            Called with (completed, total) after every symbol.
        cancellation_token
            Its ``cancel()`` stops after the symbol at work.
        """
        job_id = str(uuid.uuid4())
        if engine is None:
            return await self._nothing(request, job_id, found)
        universe = await self._resolve(request, engine, found)
        if not universe.symbols:
            return await self._nothing(request, job_id, found, universe)
        _phase(heard, "scanning")
        job = _make_job(request, job_id, universe)
        outline = await asyncio.to_thread(engine.outline, job)
        check_sort(request.sort_by, ["name", *outline.columns])
        if outline.references:
            others = await self._symbol_repo.describe(
                list(dict.fromkeys([*universe.labels["symbol"], *outline.references]))
            )
            job = replace(job, labels=others)
        heard.warnings += _unasked(request, outline, universe.labels)
        results = await engine.process_batch_async(job, progress_callback, cancellation_token, heard)
        _phase(heard, "aggregating")
        state = engine.data_state(job.timeframe)
        told = replace(universe, warnings=(*universe.warnings, *heard.warnings))
        return await asyncio.to_thread(self._result, request, job_id, told, results, state)

    async def _find(self, criteria: SymbolCriteria) -> list[str]:
        """Find the symbols of the criteria, before exclusions: an explicit list wins."""
        if criteria.symbols is not None:
            return list(criteria.symbols)
        found = await self._symbol_repo.find_by_criteria(**_asked(criteria))
        return list(dict.fromkeys(found))

    async def _resolve(self, request: BatchScanRequest, engine: IProcessingEngine, found: Sequence[str]) -> _Universe:
        """Take out what is excluded, not listed or no member in the range; what is left is asked."""
        criteria = request.symbol_criteria
        kept = [symbol for symbol in found if symbol not in set(criteria.exclude)]
        compared = kept if request.universe is None else await self._compared(request.universe)
        labels = await self._symbol_repo.describe(list(dict.fromkeys([*kept, *compared])))
        date_range = await asyncio.to_thread(engine.resolve_range, request.date_range, kept, request.timeframe)
        ours = labels.filter(pl.col("symbol").is_in(kept))
        not_listed = () if criteria.symbols is not None else never_listed(ours, date_range)
        members = await self._members(criteria)
        listed = [symbol for symbol in kept if symbol not in set(not_listed)]
        not_members = never_members(listed, members, date_range)
        gone = {*not_listed, *not_members}
        universe = _Universe(
            symbols=tuple(symbol for symbol in kept if symbol not in gone),
            date_range=date_range,
            labels=labels,
            compared=tuple(compared),
            members=members,
            compared_members=members if request.universe is None else await self._members(request.universe),
            excluded=tuple(symbol for symbol in found if symbol in set(criteria.exclude)),
            not_listed=not_listed,
            not_members=not_members,
            warnings=await self._warnings(request, found),
        )
        survivors = await asyncio.to_thread(_survivors, request, engine, universe, kept)
        return replace(universe, warnings=(*universe.warnings, *_nobody_compared(request, universe), *survivors))

    async def _members(self, criteria: SymbolCriteria) -> pl.DataFrame | None:
        """Find when the symbols belong to the indices asked for; None is always."""
        if criteria.index is None or criteria.symbols is not None:
            return None
        return await self._symbol_repo.members(criteria.index)

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
            left += f", {len(universe.not_members):,} not in the index in the range" if universe.not_members else ""
            why = f"no symbol is left of {len(found):,}: {left}"
            universe = replace(universe, warnings=(*universe.warnings, why))
        return self._result(request, job_id, universe, [], DataState())

    async def _warnings(self, request: BatchScanRequest, found: Sequence[str]) -> tuple[str, ...]:
        warnings = []
        unknown = [symbol for symbol in request.symbol_criteria.exclude if symbol not in set(found)]
        if unknown and found:
            shown = ", ".join(nearest(symbol, found) for symbol in unknown[:_SHOWN])
            more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
            warnings.append(f"exclude: not in the universe, so nothing was taken out for them: {shown}{more}")
        if not found:
            warnings.append(await self._why_empty(request.symbol_criteria))
        else:
            warnings += await self._unknown_names(request.symbol_criteria)
        return tuple(warnings)

    async def _unknown_names(self, criteria: SymbolCriteria) -> list[str]:
        """Tell which of several names, or values, no symbol has: the others were found."""
        warnings = []
        for field, values in criteria.filters:
            each = values if len(values) > 1 else ()
            lost = [
                written(value) for value in each if not await self._symbol_repo.find_by_criteria(**_alone(field, value))
            ]
            if lost:
                known = await self._known(field)
                shown = ", ".join(nearest(name, known) for name in lost[:_SHOWN])
                warnings.append(f"no symbol has the {field} {shown}; there are: {first_few(known)}")
        return warnings

    async def _known(self, field: str) -> list[str]:
        """Name the markets, sectors, indices or values of a column that there are."""
        match field:
            case "market":
                return await self._symbol_repo.markets()
            case "sector":
                return await self._symbol_repo.sectors()
            case "index":
                return await self._symbol_repo.indices()
        return await self._symbol_repo.values(field)

    async def _why_empty(self, criteria: SymbolCriteria) -> str:
        if criteria.symbols is not None:
            return "the list of symbols is empty: nothing was scanned"
        there = {field: await self._known(field) for field, _ in criteria.filters}
        shown = "; ".join(f"{_PLURALS.get(field, f'the values of {field} there are')}: {_those(field, there[field])}"
                          for field in there)  # fmt: skip
        asked = [
            f"{field} {' or '.join(nearest(written(value), there[field]) for value in values)}"
            for field, values in criteria.filters
        ]
        return f"no symbols in {' and '.join(asked) or 'the universe'}{'; ' if shown else ''}{shown}"

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
            not_members=universe.not_members,
            warnings=(*universe.warnings, *state.notes),
            cancelled=len(results) < len(universe.symbols),
            data_version=state.version,
        )


def _pinned(symbols: ISymbolRepository) -> ISymbolRepository:
    """Hold on to the symbols as they are now; a repository that cannot is taken as it is."""
    pin = getattr(symbols, "pinned", None)
    return symbols if pin is None else pin()


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
        members=universe.members,
        universe_members=universe.compared_members,
        strict_universe=request.strict_universe,
        allow_lookahead=request.allow_lookahead,
    )


def _unasked(request: BatchScanRequest, outline: JobOutline, labels: pl.DataFrame) -> list[str]:
    """What was said and means nothing here: labels that no symbol has, a universe for nothing."""
    warnings = []
    for field, text in outline.labels:
        known = labels[field].drop_nulls().unique().sort().to_list()
        if text not in known:
            there = f"; there are: {first_few(known)}" if known else ""
            warnings.append(f"no symbol has the {field} {nearest(text, known)}{there}")
    if request.universe is not None and not outline.compares:
        warnings.append("universe= is for rank and its kin: this formula compares no symbols")
    return warnings


def _asked(criteria: SymbolCriteria) -> dict[str, Any]:
    """Write criteria as arguments of ISymbolRepository, which may know no indices and no other columns."""
    market, sector, index = (_one(names) for names in (criteria.market, criteria.sector, criteria.index))
    more = {"index": index, "where": dict(criteria.where)}
    return {"market": market, "sector": sector, **{name: value for name, value in more.items() if value}}


def _alone(field: str, value: Value) -> dict[str, Any]:
    """Write one name or value as arguments of ISymbolRepository."""
    return {field: value} if field in {"market", "sector", "index"} else {"where": {field: value}}


def _one(names: Names | None) -> Names | None:
    return names[0] if names is not None and len(names) == 1 else names


def _those(field: str, names: Sequence[str]) -> str:
    """List the names there are: all markets and sectors, the first of anything else."""
    if field in {"market", "sector"}:
        return ", ".join(names) or _NO_TABLE
    return first_few(names) or (_NO_MEMBERS if field == "index" else "none")


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


def _nobody_compared(request: BatchScanRequest, universe: _Universe) -> list[str]:
    """Warn of a compared index that has no member in the range."""
    members = universe.compared_members
    if request.universe is None or members is None:
        return []
    inside = overlapping(members, universe.date_range)
    return [] if inside & set(universe.compared) else [f"universe: no member of {request.universe} in the range"]


def _survivors(
    request: BatchScanRequest, engine: IProcessingEngine, universe: _Universe, asked: Sequence[str]
) -> list[str]:
    """Warn where the universe of the past is not known: members of today only, no symbol that was delisted."""
    spans = [each for each in (universe.members, universe.compared_members) if each is not None]
    today = [] if request.date_range.last == 1 or not spans else of_today(pl.concat(spans))
    warnings = [
        f"index {index}: only its members of today are known, so earlier days are asked of those that survived "
        "(survivorship); give a file of members with start and end"
        for index in today
    ]
    if not today and _knows_no_delisted(request, universe) and _reaches_back(request, engine, universe, asked):
        warnings.append(
            "survivorship: the table of symbols knows no delisted symbol of this universe, so a scan from "
            f"{universe.date_range.start or 'the beginning'} asks only those that survived"
        )
    return warnings


def _knows_no_delisted(request: BatchScanRequest, universe: _Universe) -> bool:
    """Whether all that the table knows of a universe that was not listed by hand are still there."""
    if request.symbol_criteria.symbols is not None:
        return False
    if universe.members is not None and universe.members["end"].null_count() < universe.members.height:
        return False
    gone = {*universe.not_listed, *universe.not_members, *universe.symbols}
    shares = universe.labels.filter(pl.col("symbol").is_in(gone), pl.col("market").ne_missing(INDEX_MARKET))
    return shares.height > 0 and shares["delisted"].null_count() == shares.height


def _reaches_back(
    request: BatchScanRequest, engine: IProcessingEngine, universe: _Universe, asked: Sequence[str]
) -> bool:
    """Whether the range, as far as there are bars, begins more than 400 days before its end."""
    start, end = universe.date_range.bounds(Timeframe.D1)
    newest = engine.resolve_range(DateRange(last=1), asked, request.timeframe).bounds(Timeframe.D1)[0]
    if newest is None:
        return False
    until = newest if end is None else min(end, newest)
    if start is not None and until - start <= _LONG_AGO:
        return False
    days = (newest - until + _LONG_AGO).days
    bars = math.ceil(2 * days * request.timeframe.bars_per_day)  # more than a market has in that time
    oldest = engine.resolve_range(DateRange(last=bars), asked, request.timeframe).bounds(Timeframe.D1)[0]
    return oldest is not None and until - oldest > _LONG_AGO


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
