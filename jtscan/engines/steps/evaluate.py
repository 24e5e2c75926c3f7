"""Running the steps of a plan over a chunk of symbols.

The chunk is one frame; a symbol is a span of rows. Row steps run once over
the chunk, indicators on each run of bars on which their inputs are known. A
symbol whose indicators fail does so alone. One symbol is a chunk of one, so
there is one path, and a chunk gives the bits of its symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from jtscan.domain.bars import Runs, runs_of
from jtscan.engines.steps.indicators import run_symbols
from jtscan.engines.steps.periods import LABEL, Clock, joined, with_periods
from jtscan.engines.steps.table import Spans, Table, finite, without
from jtscan.formula.plan import AlignStep, PeriodStep, RowStep, Step, SymbolStep


@dataclass(slots=True, kw_only=True, eq=False)
class Evaluated:
    """A chunk after its steps: its tables ("" = the bars, otherwise a longer period), and the symbols that failed."""

    tables: dict[str, Table]
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def frame(self) -> pl.DataFrame:
        """The bars with what was computed on them."""
        return self.tables[""].frame

    @property
    def labelled(self) -> pl.DataFrame:
        """The same with their symbols as a column."""
        return self.tables[""].labelled

    @property
    def spans(self) -> Spans:
        """The spans of the symbols among the bars."""
        return self.tables[""].spans

    def only(self, symbols: Sequence[str]) -> Evaluated:
        """Return the rows of some of its symbols."""
        wanted = frozenset(symbols)
        tables = {period: table.only(wanted) for period, table in self.tables.items()}
        return Evaluated(tables=tables, failures=self.failures)


Attach = Callable[[str, Table], pl.DataFrame]
"""(period, table) → its frame with the columns that earlier passes have gathered for it."""


def _nothing(_: str, table: Table) -> pl.DataFrame:
    return table.frame


def evaluate(
    steps: Sequence[Step],
    frame: pl.DataFrame,
    *,
    runs: Runs | None = None,
    clock: Clock | None = None,
    attach: Attach = _nothing,
    reference: bool = False,
) -> Evaluated:
    """Run the steps over the bars of some symbols, rows of a symbol together and in time order.

    ``runs`` tell whose rows they are, None = the frame has the symbols as a
    column. ``reference`` computes every indicator by its expression.
    """
    chunk = Evaluated(tables={"": Table.of(frame, runs_of(frame) if runs is None else runs)})
    chunk.tables[""].frame = attach("", chunk.tables[""])
    for step in steps:
        match step:
            case RowStep():
                table = chunk.tables[step.period]
                table.frame = _run_rows(step, table.frame)
            case SymbolStep():
                failures = run_symbols(step, chunk.tables[step.period], reference=reference)
                chunk.failures = {**failures, **chunk.failures}
            case PeriodStep():
                _join_bars(step, chunk, clock or Clock())
                chunk.tables[step.period].frame = attach(step.period, chunk.tables[step.period])
            case AlignStep():
                chunk.tables[""].frame = _align(step, chunk)
        chunk.tables[""].frame = without(chunk.frame, step.drop)
    return chunk


def _join_bars(step: PeriodStep, chunk: Evaluated, clock: Clock) -> None:
    bars = chunk.tables[""]
    placed = with_periods(bars, step.period, clock)
    chunk.tables[step.period] = joined(Table(frame=placed, spans=bars.spans), step)
    bars.frame = without(placed, (LABEL,))


def _align(step: AlignStep, chunk: Evaluated) -> pl.DataFrame:
    """Bring values back to the bars that see them."""
    frame, longer = chunk.frame, chunk.tables[step.period].frame
    rows = frame.select(row.alias(name) for name, row, _ in step.takes)
    return frame.with_columns(longer[source].gather(rows[name]).alias(name) for name, _, source in step.takes)


def _run_rows(step: RowStep, frame: pl.DataFrame) -> pl.DataFrame:
    if step.constants:
        frame = frame.with_columns(
            pl.repeat(number, frame.height, dtype=pl.Float64, eager=True).alias(name)
            for name, number in step.constants.items()
        )
    return finite(frame.with_columns(step.expressions), step.checked)
