"""Which symbols a scan asks: those found, without what is excluded, not listed or no member in the range."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.domain.universe import never_listed, never_members, overlapping
from jtscan.errors import RequestError
from jtscan.ports import IProcessingEngine, ISymbolRepository
from jtscan.universe.finding import find, members_of
from jtscan.universe.survivors import only_survivors
from jtscan.universe.unknown import not_there, why_empty
from jtscan.universe.values import InRange, Universe


async def resolve(
    request: BatchScanRequest, symbols: ISymbolRepository, engine: IProcessingEngine, found: Sequence[str]
) -> Universe:
    """Take out of the symbols found what is excluded, not listed or no member in the range; what is left is asked.

    Raises
    ------
    RequestError
        The universe to compare with has no symbols.
    """
    criteria = request.symbol_criteria
    kept = _without(found, criteria.exclude)
    compared = kept if request.universe is None else await _compared(request.universe, symbols)
    labels = await symbols.describe(list(dict.fromkeys([*kept, *compared])))
    date_range = await asyncio.to_thread(engine.resolve_range, request.date_range, kept, request.timeframe)
    ours = labels.filter(pl.col("symbol").is_in(kept))
    members = await members_of(criteria, symbols)
    there = _there(criteria, kept, ours, members, date_range)
    universe = Universe(
        symbols=there.symbols,
        date_range=date_range,
        labels=labels,
        compared=tuple(compared),
        members=members,
        compared_members=members if request.universe is None else await members_of(request.universe, symbols),
        excluded=_excluded(found, criteria),
        not_listed=there.not_listed,
        not_members=there.not_members,
        warnings=tuple(await not_there(criteria, found, symbols)),
    )
    survivors = await asyncio.to_thread(only_survivors, request, engine, universe, kept)
    return replace(universe, warnings=(*universe.warnings, *_nobody_compared(request, universe), *survivors))


async def in_range(
    criteria: SymbolCriteria,
    date_range: DateRange,
    timeframe: Timeframe,
    symbols: ISymbolRepository,
    engine: IProcessingEngine,
) -> InRange:
    """Tell which symbols a scan would ask, without one; the prices are looked at only where the answer needs them."""
    found = await find(criteria, symbols)
    kept, excluded = _without(found, criteria.exclude), _excluded(found, criteria)
    everyone = InRange(symbols=tuple(kept), excluded=excluded)
    if criteria.symbols is not None:
        return everyone
    labels, members = await symbols.describe(kept), await members_of(criteria, symbols)
    if members is None and labels.select(pl.col("listed", "delisted").is_null().all()).row(0) == (True, True):
        return everyone
    dates = await asyncio.to_thread(engine.resolve_range, date_range, kept, timeframe)
    return replace(_there(criteria, kept, labels, members, dates), excluded=excluded)


def _there(
    criteria: SymbolCriteria,
    kept: Sequence[str],
    labels: pl.DataFrame,
    members: pl.DataFrame | None,
    date_range: DateRange,
) -> InRange:
    """Take out what is not listed, or no member, in a range; an explicit list stays whole."""
    not_listed = () if criteria.symbols is not None else never_listed(labels, date_range)
    not_members = never_members(_without(kept, not_listed), members, date_range)
    return InRange(
        symbols=tuple(_without(kept, (*not_listed, *not_members))), not_listed=not_listed, not_members=not_members
    )


async def nothing_left(request: BatchScanRequest, symbols: ISymbolRepository, found: Sequence[str]) -> Universe:
    """Say why none of the symbols found is to be asked, without a look at the prices."""
    return Universe(
        symbols=(),
        date_range=request.date_range,
        labels=await symbols.describe([]),
        excluded=tuple(found),
        warnings=tuple(await not_there(request.symbol_criteria, found, symbols)),
    )


def _without(symbols: Sequence[str], others: Sequence[str]) -> list[str]:
    gone = set(others)
    return [symbol for symbol in symbols if symbol not in gone]


def _excluded(found: Sequence[str], criteria: SymbolCriteria) -> tuple[str, ...]:
    there = set(criteria.exclude)
    return tuple(symbol for symbol in found if symbol in there)


async def _compared(criteria: SymbolCriteria, symbols: ISymbolRepository) -> list[str]:
    """Find the symbols that cross-sections compare; also those delisted before the range."""
    found = await find(criteria, symbols)
    kept = _without(found, criteria.exclude)
    if not kept:
        why = f"no symbol is left: {len(found):,} excluded" if found else await why_empty(criteria, symbols)
        raise RequestError("universe", why)
    return kept


def _nobody_compared(request: BatchScanRequest, universe: Universe) -> list[str]:
    """Warn of a compared index that has no member in the range."""
    members = universe.compared_members
    if request.universe is None or members is None:
        return []
    inside = overlapping(members, universe.date_range)
    return [] if inside & set(universe.compared) else [f"universe: no member of {request.universe} in the range"]
