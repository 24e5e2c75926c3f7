"""What was asked for and is not there, with what was perhaps meant, and what there is."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from jtscan.domain.jobs import JobOutline
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.domain.words import first_few, nearest, written
from jtscan.ports import ISymbolRepository
from jtscan.universe.finding import has_any, known_values

_SHOWN = 5
_NO_TABLE = "none (the prices alone name no markets and sectors: give a table of symbols)"
_PLURALS = {
    "market": "the markets there are", "sector": "the sectors there are", "index": "the indices there are",
}  # fmt: skip
_NO_MEMBERS = "none (give a file of members: index, symbol, start, end)"


async def not_there(criteria: SymbolCriteria, found: Sequence[str], symbols: ISymbolRepository) -> list[str]:
    """Warn of exclusions that exclude nothing, of names that no symbol has, and of criteria that find none."""
    if not found:
        return [await why_empty(criteria, symbols)]
    return [*_vain_exclusions(criteria, found), *await _unknown_names(criteria, symbols)]


def _vain_exclusions(criteria: SymbolCriteria, found: Sequence[str]) -> list[str]:
    there = set(found)
    unknown = [symbol for symbol in criteria.exclude if symbol not in there]
    if not unknown:
        return []
    shown = ", ".join(nearest(symbol, found) for symbol in unknown[:_SHOWN])
    more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
    return [f"exclude: not in the universe, so nothing was taken out for them: {shown}{more}"]


async def _unknown_names(criteria: SymbolCriteria, symbols: ISymbolRepository) -> list[str]:
    """Tell which of several names, or values, no symbol has: the others were found."""
    warnings = []
    for field, values in criteria.filters:
        each = values if len(values) > 1 else ()
        lost = [written(value) for value in each if not await has_any(field, value, symbols)]
        if lost:
            known = await known_values(field, symbols)
            shown = ", ".join(nearest(name, known) for name in lost[:_SHOWN])
            warnings.append(f"no symbol has the {field} {shown}; there are: {first_few(known)}")
    return warnings


async def why_empty(criteria: SymbolCriteria, symbols: ISymbolRepository) -> str:
    """Say why criteria find no symbol, with what there is."""
    if criteria.symbols is not None:
        return "the list of symbols is empty: nothing was scanned"
    there = {field: await known_values(field, symbols) for field, _ in criteria.filters}
    shown = "; ".join(f"{_PLURALS.get(field, f'the values of {field} there are')}: {_those(field, there[field])}"
                      for field in there)  # fmt: skip
    asked = [
        f"{field} {' or '.join(nearest(written(value), there[field]) for value in values)}"
        for field, values in criteria.filters
    ]
    return f"no symbols in {' and '.join(asked) or 'the universe'}{'; ' if shown else ''}{shown}"


def _those(field: str, names: Sequence[str]) -> str:
    """List the names there are: all markets and sectors, the first of anything else."""
    if field in {"market", "sector"}:
        return ", ".join(names) or _NO_TABLE
    return first_few(names) or (_NO_MEMBERS if field == "index" else "none")


def unasked(request: BatchScanRequest, outline: JobOutline, labels: pl.DataFrame) -> list[str]:
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
