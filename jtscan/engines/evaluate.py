"""Running the steps of a plan over a chunk of symbols.

The chunk is one frame; a symbol is a span of rows. Row steps run once over
the chunk, indicators on each run of bars on which their inputs are known. A
symbol whose indicators fail does so alone. One symbol is a chunk of one, so
there is one path, and a chunk gives the bits of its symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.engines.periods import LABEL, Clock, joined, with_periods
from jtscan.errors import first_line
from jtscan.formula.plan import AlignStep, Indicator, PeriodStep, RowStep, Step, SymbolStep


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Stretches of rows of a frame: where each begins, how long it is, what symbol it belongs to."""

    starts: pl.Series
    lengths: pl.Series

    @classmethod
    def of_symbols(cls, frame: pl.DataFrame) -> Spans:
        """Find the symbols of a frame whose rows of a symbol stand together."""
        lengths = frame["symbol"].rle().struct.field("len").cast(pl.Int64)
        return cls(starts=lengths.cum_sum() - lengths, lengths=lengths)

    def pairs(self) -> Iterable[tuple[int, int]]:
        """Yield (start, length)."""
        return zip(self.starts, self.lengths, strict=True)


@dataclass(slots=True, kw_only=True, eq=False)
class Table:
    """The bars of some symbols, or their longer bars: a frame, and the spans of its symbols."""

    frame: pl.DataFrame
    spans: Spans

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Table:
        """Add ``#x``, the row in the table, and ``#i``, the position in the symbol."""
        spans = Spans.of_symbols(frame)
        rows = pl.int_range(frame.height, dtype=pl.Int32, eager=True)
        first = spans.starts.cast(pl.Int32).gather(frame["symbol"].rle_id())
        return cls(frame=frame.with_columns(rows.alias("#x"), (rows - first).alias("#i")), spans=spans)


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
    def spans(self) -> Spans:
        """The spans of the symbols among the bars."""
        return self.tables[""].spans

    def only(self, symbols: Sequence[str]) -> Evaluated:
        """Return the rows of some of its symbols."""
        wanted = pl.col("symbol").is_in(list(symbols))
        frames = {period: table.frame.filter(wanted) for period, table in self.tables.items()}
        tables = {period: Table(frame=frame, spans=Spans.of_symbols(frame)) for period, frame in frames.items()}
        return Evaluated(tables=tables, failures=self.failures)


Attach = Callable[[str, Table], pl.DataFrame]
"""(period, table) → its frame with the columns that earlier passes have gathered for it."""


def _nothing(_: str, table: Table) -> pl.DataFrame:
    return table.frame


def evaluate(
    steps: Sequence[Step],
    frame: pl.DataFrame,
    *,
    clock: Clock | None = None,
    attach: Attach = _nothing,
) -> Evaluated:
    """Run the steps over the bars of some symbols, rows of a symbol together and in time order."""
    chunk = Evaluated(tables={"": Table.of(frame)})
    chunk.tables[""].frame = attach("", chunk.tables[""])
    for step in steps:
        match step:
            case RowStep():
                table = chunk.tables[step.period]
                table.frame = _run_rows(step, table.frame)
            case SymbolStep():
                _run_symbols(step, chunk)
            case PeriodStep():
                _join_bars(step, chunk, clock or Clock())
                chunk.tables[step.period].frame = attach(step.period, chunk.tables[step.period])
            case AlignStep():
                chunk.tables[""].frame = _align(step, chunk)
        drop = [name for name in step.drop if name in chunk.frame.columns]
        chunk.tables[""].frame = chunk.frame.drop(drop)
    return chunk


def _join_bars(step: PeriodStep, chunk: Evaluated, clock: Clock) -> None:
    bars = chunk.tables[""]
    placed = with_periods(bars.frame, step.period, clock)
    chunk.tables[step.period] = Table.of(joined(placed, step.period, step.fields, step.texts))
    bars.frame = placed.drop(LABEL)


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
    return _finite(frame.with_columns(step.expressions), step.checked)


def _finite(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Make infinity and NaN unknown; a finite sum proves that there is none, for a tenth of the cost."""
    suspects = [name for name in names if not math.isfinite(frame[name].sum() or 0.0)]
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in suspects)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Runs:
    """The stretches of a chunk on which all inputs are known, and between them those on which not.

    ``position`` is each row's position in its run.
    """

    spans: Spans
    known: Sequence[bool]
    position: pl.Series


def _runs(step: SymbolStep, table: Table) -> _Runs:
    inputs = [table.frame[name] for name in step.inputs]
    holes = [each.is_null() for each in inputs if each.null_count()]
    if step.whole or not holes:
        return _Runs(spans=table.spans, known=[True] * len(table.spans.starts), position=table.frame["#i"])
    return _split(table.frame, ~reduce(lambda a, b: a | b, holes))


def _split(frame: pl.DataFrame, known: pl.Series) -> _Runs:
    begins = ((known != known.shift(1)) | (frame["#i"] == 0)).fill_null(value=True)
    starts = begins.arg_true().cast(pl.Int64)
    ends = starts.shift(-1, fill_value=frame.height)
    position = frame["#x"] - starts.cast(pl.Int32).gather(begins.cum_sum() - 1)
    return _Runs(
        spans=Spans(starts=starts, lengths=ends - starts),
        known=known.gather(starts).to_list(),
        position=position,
    )


def _run_symbols(step: SymbolStep, chunk: Evaluated) -> None:
    """Compute the indicators run by run; what is within their lookback, or not finite, is unknown."""
    table = chunk.tables[step.period]
    runs = _runs(step, table)
    inputs = table.frame.select(step.inputs)
    expressions = [each.expression for each in step.indicators]
    least = min(each.lookback for each in step.indicators)
    blank = _blanks(step)
    pieces = []
    for (start, length), known in zip(runs.spans.pairs(), runs.known, strict=True):
        made = None
        if known and length > least:
            made = _compute(step, inputs.slice(start, length), expressions, chunk, start)
        pieces.append(blank.clear(length) if made is None else made)
    computed = pl.concat(pieces) if pieces else blank
    frame = table.frame.hstack(_masked(computed, step.indicators, runs.position))
    table.frame = _finite(frame, () if step.whole else [each.column for each in step.indicators])


def _blanks(step: SymbolStep) -> pl.DataFrame:
    if step.whole:
        return pl.DataFrame(schema={each.column: pl.Boolean for each in step.indicators})
    return pl.DataFrame(schema={each.column: pl.Float64 for each in step.indicators})


def _compute(
    step: SymbolStep, bars: pl.DataFrame, expressions: Sequence[pl.Expr], chunk: Evaluated, start: int
) -> pl.DataFrame | None:
    """Compute the indicators of one run; the symbol alone fails where they do."""
    try:
        made = bars.select_seq(expressions)
        if made.height == bars.height:
            return made
        problem = f"it gives {made.height:,} values for {bars.height:,} bars"
    except (PolarsError, PanicException) as error:
        problem = first_line(error)
    except Exception as error:
        if not step.foreign:
            raise
        problem = f"it raises {type(error).__name__}: {first_line(error)}"  # a user's own code
    symbol = chunk.tables[step.period].frame["symbol"][start]
    chunk.failures.setdefault(symbol, f"{_culprit(step, bars)}: {problem}")
    return None


def _culprit(step: SymbolStep, bars: pl.DataFrame) -> str:
    """Find the indicator that fails, by trying each alone."""
    for each in step.indicators:
        try:
            if bars.select_seq(each.expression).height != bars.height:
                return each.label
        except (PolarsError, PanicException):
            return each.label
        except Exception:
            if not step.foreign:
                raise
            return each.label
    return ", ".join(each.label for each in step.indicators)


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
