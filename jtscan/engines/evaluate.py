"""Running the steps of a plan over a chunk of symbols.

The chunk is one frame; a symbol is a span of rows. Row steps run once over
the chunk, indicators on each run of bars on which their inputs are known. A
symbol whose indicators fail does so alone. One symbol is a chunk of one, so
there is one path, and a chunk gives the bits of its symbols.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.errors import first_line
from jtscan.formula.plan import Indicator, RowStep, Step, SymbolStep


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
class Evaluated:
    """A chunk after its steps: the frame, the spans of its symbols, and the symbols that failed."""

    frame: pl.DataFrame
    spans: Spans
    failures: dict[str, str] = field(default_factory=dict)


def evaluate(steps: Sequence[Step], frame: pl.DataFrame) -> Evaluated:
    """Run the steps over the bars of some symbols, rows of a symbol together and in time order."""
    spans = Spans.of_symbols(frame)
    chunk = Evaluated(frame=_with_positions(frame, spans), spans=spans)
    for step in steps:
        if isinstance(step, RowStep):
            chunk.frame = _run_rows(step, chunk.frame)
        else:
            _run_symbols(step, chunk)
        chunk.frame = chunk.frame.drop(step.drop)
    return chunk


def _with_positions(frame: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """Add ``#x``, the row in the chunk, and ``#i``, the position in the symbol."""
    rows = pl.int_range(frame.height, dtype=pl.Int32, eager=True)
    first = spans.starts.cast(pl.Int32).gather(frame["symbol"].rle_id())
    return frame.with_columns(rows.alias("#x"), (rows - first).alias("#i"))


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


def _runs(step: SymbolStep, chunk: Evaluated) -> _Runs:
    inputs = [chunk.frame[name] for name in step.inputs]
    holes = [each.is_null() for each in inputs if each.null_count()]
    if step.whole or not holes:
        return _Runs(spans=chunk.spans, known=[True] * len(chunk.spans.starts), position=chunk.frame["#i"])
    return _split(chunk.frame, ~reduce(lambda a, b: a | b, holes))


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
    runs = _runs(step, chunk)
    inputs = chunk.frame.select(step.inputs)
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
    chunk.frame = chunk.frame.hstack(_masked(computed, step.indicators, runs.position))
    chunk.frame = _finite(chunk.frame, () if step.whole else [each.column for each in step.indicators])


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
    chunk.failures.setdefault(chunk.frame["symbol"][start], f"{_culprit(step, bars)}: {problem}")
    return None


def _culprit(step: SymbolStep, bars: pl.DataFrame) -> str:
    """Find the indicator that fails, by trying each alone."""
    for each in step.indicators:
        try:
            if bars.select_seq(each.expression).height != bars.height:
                return each.label
        except (PolarsError, PanicException):
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
