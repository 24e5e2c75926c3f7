"""What a result was made from: it finds a symbol by code or name, and looks at it through the engine of the scan."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import polars as pl

from jtscan.domain.history import HistoryRequest, SymbolHistory
from jtscan.domain.jobs import ProcessingJob
from jtscan.domain.symbols import INDEX_MARKET
from jtscan.domain.words import first_few, nearest
from jtscan.errors import RequestError
from jtscan.ports import IProcessingEngine, ISymbolRepository
from jtscan.waiting import run

_NAMES = 5
_ALIKE = 0.5  # half of a Hangul name of four syllables
_LABELS = ("symbol", "name", "market", "sector")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanSource:
    """The engine and the symbols of a scan, at the version that it saw, and its job."""

    engine: IProcessingEngine
    symbols: ISymbolRepository
    job: ProcessingJob

    def history(self, asked: HistoryRequest) -> SymbolHistory:
        """Return one symbol as the formula saw it, without its matches.

        Raises
        ------
        RequestError
            There is no such symbol, or no bar of it in the range.
        """
        labels, asked = self._found(asked)
        return self.engine.history(replace(self.job, labels=labels), asked)

    def _found(self, asked: HistoryRequest) -> tuple[pl.DataFrame, HistoryRequest]:
        """Find the symbol by its code, otherwise by its name, with the labels that the formula may read."""
        labels = self._labels()
        if asked.symbol in {*self.job.symbols, *labels["symbol"]}:
            return labels, asked
        known, table = run(self._everything())
        if asked.symbol in known:
            return pl.concat([labels, table.filter(pl.col("symbol") == asked.symbol)]), asked
        named = table.filter(pl.col("name") == asked.symbol)
        if named.height != 1:
            raise RequestError("symbol", _not_found(asked.symbol, known, table, named["symbol"].to_list()))
        missing = named.filter(~pl.col("symbol").is_in(labels["symbol"].implode()))
        return pl.concat([labels, missing]), replace(asked, symbol=named["symbol"][0])

    def _labels(self) -> pl.DataFrame:
        """The labels of the scan's symbols."""
        labels = self.job.labels
        return pl.DataFrame(schema=dict.fromkeys(_LABELS, pl.String)) if labels is None else labels.select(_LABELS)

    async def _everything(self) -> tuple[list[str], pl.DataFrame]:
        """Find every symbol there is, indices too, and the labels of those that have any."""
        known = [*await self.symbols.find_by_criteria(), *await self.symbols.find_by_criteria(market=INDEX_MARKET)]
        return known, (await self.symbols.describe(known)).select(_LABELS)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Leave the data behind when a result is pickled: it belongs to this process."""
        return type(None), ()


def _not_found(asked: str, known: list[str], table: pl.DataFrame, named: list[str]) -> str:
    if named:
        return f"{asked!r} is the name of several: {first_few(named)}; give the code"
    near = nearest(asked, known)
    there = f"there are {len(known):,}"
    names = _names_like(asked, table) if near == repr(asked) else []
    if names:
        return f"there is no symbol {asked!r}; names like it: {', '.join(names)}; {there}"
    return f"there is no symbol {near}; {there}: {first_few(sorted(known))}"


def _names_like(asked: str, table: pl.DataFrame) -> list[str]:
    """List the names that are nearest, with their codes."""
    codes = dict(table.select("name", "symbol").drop_nulls().iter_rows())
    close = difflib.get_close_matches(asked, list(codes), n=_NAMES, cutoff=_ALIKE)
    return [f"{name} ({codes[name]})" for name in close]
