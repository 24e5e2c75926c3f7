"""Criteria as questions to the repository of symbols."""

from __future__ import annotations

from typing import Any

import polars as pl

from jtscan.domain.symbols import Names, SymbolCriteria, Value
from jtscan.ports import ISymbolRepository


async def find(criteria: SymbolCriteria, symbols: ISymbolRepository) -> list[str]:
    """Find the symbols of the criteria, before exclusions: an explicit list wins."""
    if criteria.symbols is not None:
        return list(criteria.symbols)
    found = await symbols.find_by_criteria(**_asked(criteria))
    return list(dict.fromkeys(found))


async def members_of(criteria: SymbolCriteria, symbols: ISymbolRepository) -> pl.DataFrame | None:
    """Find when the symbols belong to the indices asked for; None is always."""
    if criteria.index is None or criteria.symbols is not None:
        return None
    return await symbols.members(criteria.index)


async def has_any(field: str, value: Value, symbols: ISymbolRepository) -> bool:
    """Whether any symbol has one name or value."""
    return bool(await symbols.find_by_criteria(**_alone(field, value)))


async def known_values(field: str, symbols: ISymbolRepository) -> list[str]:
    """Name the markets, sectors, indices or values of a column that there are."""
    match field:
        case "market":
            return await symbols.markets()
        case "sector":
            return await symbols.sectors()
        case "index":
            return await symbols.indices()
    return await symbols.values(field)


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
