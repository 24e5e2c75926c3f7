"""Symbol steps: indicators on each run of bars on which their inputs are known.

runs        where a chunk's runs begin and end                      (one pass over the chunk)
native      TA-Lib's C functions on views of the chunk              (formula/native.py)
reference   polars-talib's expressions, and whatever else: users' functions, expressions, what fails above
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.engines.steps.table import Table, finite
from jtscan.errors import first_line
from jtscan.formula.native import Calls, is_plain, view
from jtscan.formula.plan import Indicator, SymbolStep

if TYPE_CHECKING:
    from jtscan.formula.native import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Runs:
    """The stretches of a chunk on which all inputs are known: where each begins and ends.

    ``position`` is each row's position in its run, or in the stretch between two.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    position: pl.Series


def run_symbols(step: SymbolStep, table: Table, *, reference: bool) -> dict[str, str]:
    """Add the indicators to the table; what is within their lookback, or not finite, is unknown.

    Returns the reason of each symbol on whose bars one fails.
    """
    indicators = _Indicators(step=step, table=table, runs=_runs(step, table))
    by_views = [] if reference or not is_plain() else [each for each in step.indicators if each.native is not None]
    by_expressions = [each for each in step.indicators if each not in by_views]
    if by_views:
        indicators.compute_natively(by_views)
    if by_expressions:
        indicators.compute_by_expressions(by_expressions)
    table.frame = finite(table.frame, () if step.whole else [each.column for each in step.indicators])
    return indicators.failures


def _runs(step: SymbolStep, table: Table) -> _Runs:
    inputs = [table.frame[name] for name in dict.fromkeys(step.inputs)]
    holes = [each.is_null() for each in inputs if each.null_count()]
    if step.whole or not holes:
        spans = table.spans
        return _Runs(
            starts=spans.starts.tolist(),
            ends=spans.ends.tolist(),
            position=table.frame["#i"],
        )
    return _split(table.frame, ~reduce(lambda a, b: a | b, holes))


def _split(frame: pl.DataFrame, known: pl.Series) -> _Runs:
    begins = ((known != known.shift(1)) | (frame["#i"] == 0)).fill_null(value=True)
    starts = begins.arg_true().cast(pl.Int64)
    ends = starts.shift(-1, fill_value=frame.height)
    position = frame["#x"] - starts.cast(pl.Int32).gather(begins.cum_sum() - 1)
    inside = known.gather(starts)
    return _Runs(starts=starts.filter(inside).to_list(), ends=ends.filter(inside).to_list(), position=position)


@dataclass(slots=True, kw_only=True, eq=False)
class _Indicators:
    """The indicators of one step over one table."""

    step: SymbolStep
    table: Table
    runs: _Runs
    failures: dict[str, str] = field(default_factory=dict)

    def compute_natively(self, indicators: Sequence[Indicator]) -> None:
        """Let TA-Lib's C functions write into one array per output; a run that they refuse is left to the reference."""
        import numpy as np  # noqa: PLC0415 - the first scan imports it, not jtscan

        calls = Calls.of([(each.native, each.lookback) for each in indicators if each.native is not None])
        views = [view(self.table.frame[name]) for name in self.step.inputs]
        least = min(each.lookback for each in indicators)
        runs = [run for run in zip(self.runs.starts, self.runs.ends, strict=True) if run[1] - run[0] > least]
        # One block: large ones are mapped four times as fast.
        block = np.empty((len(indicators), self.table.frame.height))
        if sum(end - start for start, end in runs) < self.table.frame.height:
            block.fill(math.nan)
        for start, end in runs:
            try:
                calls.write(block, views, start, end)
            except Exception as error:
                if type(error) is not Exception:  # talib raises just this; anything else is an error of ours
                    raise
                self._write_by_reference(block, indicators, start, end)
        self.table.frame = self.table.frame.hstack(
            [pl.Series(each.column, row, nan_to_null=True) for row, each in zip(block, indicators, strict=True)]
        )

    def _write_by_reference(self, block: Array, indicators: Sequence[Indicator], start: int, end: int) -> None:
        """Write the same of one run by their expressions; NaN where those fail too."""
        bars = self.table.frame.select(*dict.fromkeys(self.step.inputs)).slice(start, end - start)
        made = self._compute(bars, indicators, start)
        for row, each in zip(block, indicators, strict=True):
            row[start:end] = math.nan if made is None else view(made[each.column])

    def compute_by_expressions(self, indicators: Sequence[Indicator]) -> None:
        """Evaluate the expressions run by run."""
        inputs = self.table.frame.select(*dict.fromkeys(self.step.inputs))
        least = min(each.lookback for each in indicators)
        kind = pl.Boolean if self.step.whole else pl.Float64
        blank = pl.DataFrame(schema={each.column: kind for each in indicators})
        pieces, until = [blank], 0
        for start, end in zip(self.runs.starts, self.runs.ends, strict=True):
            made = self._compute(inputs.slice(start, end - start), indicators, start) if end - start > least else None
            if made is not None:
                pieces += [blank.clear(start - until), made]
                until = end
        computed = pl.concat([*pieces, blank.clear(inputs.height - until)])
        self.table.frame = self.table.frame.hstack(_masked(computed, indicators, self.runs.position))

    def _compute(self, bars: pl.DataFrame, indicators: Sequence[Indicator], start: int) -> pl.DataFrame | None:
        """Compute the indicators of one run; the symbol alone fails where they do."""
        try:
            made = bars.select_seq([each.expression for each in indicators])
            if made.height == bars.height:
                return made
            problem = f"it gives {made.height:,} values for {bars.height:,} bars"
        except (PolarsError, PanicException) as error:
            problem = first_line(error)
        except Exception as error:
            if not self.step.foreign:
                raise
            problem = f"it raises {type(error).__name__}: {first_line(error)}"  # a user's own code
        symbol = self.table.spans.at(start)
        self.failures.setdefault(symbol, f"{self._culprit(bars, indicators)}: {problem}")
        return None

    def _culprit(self, bars: pl.DataFrame, indicators: Sequence[Indicator]) -> str:
        """Find the indicator that fails, by trying each alone."""
        for each in indicators:
            try:
                if bars.select_seq(each.expression).height != bars.height:
                    return each.label
            except (PolarsError, PanicException):
                return each.label
            except Exception:
                if not self.step.foreign:
                    raise
                return each.label
        return ", ".join(each.label for each in indicators)


def _masked(computed: pl.DataFrame, indicators: Sequence[Indicator], position: pl.Series) -> pl.DataFrame:
    """Null the first rows of each run, where TA-Lib writes NaN or 0."""
    pending = [each for each in indicators if each.lookback]
    if not pending:
        return computed
    at = position.alias("#p")
    return (
        computed.with_columns(at)
        .with_columns(
            pl.when(pl.col("#p") >= each.lookback).then(pl.col(each.column)).alias(each.column) for each in pending
        )
        .drop("#p")
    )
