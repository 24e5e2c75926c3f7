"""Warnings where the universe of the past is not known: members of today only, no symbol that was delisted."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import polars as pl

from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import INDEX_MARKET
from jtscan.domain.universe import of_today
from jtscan.ports import IProcessingEngine
from jtscan.universe.values import Universe

_LONG_AGO = dt.timedelta(days=400)


def only_survivors(
    request: BatchScanRequest, engine: IProcessingEngine, universe: Universe, asked: Sequence[str]
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


def _knows_no_delisted(request: BatchScanRequest, universe: Universe) -> bool:
    """Whether all that the table knows of a universe that was not listed by hand are still there."""
    if request.symbol_criteria.symbols is not None:
        return False
    if universe.members is not None and universe.members["end"].null_count() < universe.members.height:
        return False
    gone = {*universe.not_listed, *universe.not_members, *universe.symbols}
    shares = universe.labels.filter(pl.col("symbol").is_in(gone), pl.col("market").ne_missing(INDEX_MARKET))
    return shares.height > 0 and shares["delisted"].null_count() == shares.height


def _reaches_back(
    request: BatchScanRequest, engine: IProcessingEngine, universe: Universe, asked: Sequence[str]
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
