"""An evaluated chunk → one outcome per symbol."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import NO_ROWS, ProcessingResult, RowCounts, Status
from jtscan.domain.universe import on_member_days
from jtscan.engines.steps.evaluate import Evaluated
from jtscan.engines.steps.table import Spans
from jtscan.formula import Plan
from jtscan.formula.plan import Settle


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a chunk found out about one symbol."""

    status: Status
    matches: pl.DataFrame
    error: str | None = None
    bars: int = 0
    rows: RowCounts = NO_ROWS
    last_bar: dt.date | None = None

    def result(self, symbol: str, milliseconds: float) -> ProcessingResult:
        """Make the symbol's result; its time is its share of the chunk's."""
        return ProcessingResult(
            symbol=symbol,
            matches=self.matches,
            error=self.error,
            processing_time_ms=milliseconds,
            status=self.status,
            bars=self.bars,
            rows=self.rows,
            last_bar=self.last_bar,
        )


def empty_matches(plan: Plan, timeframe: Timeframe) -> pl.DataFrame:
    """Matches of a symbol that has none; columns of the formula are there, of the kind that is known."""
    moment = pl.Datetime("us") if timeframe.intraday else pl.Date
    schema = {"symbol": pl.String, "timestamp": moment, "signal_type": pl.String, "close": pl.Float64}
    return pl.DataFrame(schema={**schema, **dict.fromkeys(plan.columns, pl.Null)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """How chunks are cut.

    By which plan, in which window; ``missing`` says why another symbol's
    values are not there, ``failed`` who failed in an earlier pass, ``outside``
    who is not compared, ``members`` on which days symbols match (None = on all).
    """

    plan: Plan
    timeframe: Timeframe
    window: ReadWindow
    missing: str | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()
    members: pl.DataFrame | None = None


def cut(how: Cut, chunk: Evaluated, bars: Bars, symbols: Sequence[str]) -> dict[str, Outcome]:
    """Cut an evaluated chunk into the outcomes of its symbols."""
    cutter = _Cutter(how, chunk, bars)
    return {symbol: cutter.outcome(symbol) for symbol in symbols}


class _Cutter:
    """Counts and gathers over the whole chunk once; a symbol's outcome is a look-up and a slice."""

    def __init__(self, how: Cut, chunk: Evaluated, bars: Bars) -> None:
        self.plan = how.plan
        self.missing = how.missing
        self.failed = how.failed
        self.outside = how.outside
        self.chunk = chunk
        self.bars = bars
        self.inside = _inside(chunk.frame, how.window)
        self.asked = _both(self.inside, None if how.members is None else on_member_days(how.members, chunk.labelled))
        self.none = empty_matches(how.plan, how.timeframe)
        self.order = {symbol: position for position, symbol in enumerate(chunk.spans.names)}
        self.counts = _counts(chunk.spans, self.inside)
        self.lasts = chunk.frame["timestamp"].gather(chunk.spans.ends - 1).to_list()
        self.matches, self.slices = self._gather()

    @cached_property
    def member_bars(self) -> list[int]:
        """How many bars of each symbol are in the range, on days of membership."""
        return _counts(self.chunk.spans, self.asked)

    @cached_property
    def known(self) -> list[int]:
        """On how many of these some signal is true or false; asked for only where a symbol has no match."""
        columns = dict.fromkeys(self.plan.signals.values())  # two signals may be the same condition
        known = [self.chunk.frame[name].is_not_null() for name in columns]
        some = pl.DataFrame(known).select(pl.any_horizontal(pl.all())).to_series()
        return _counts(self.chunk.spans, _both(some, self.asked))

    def outcome(self, symbol: str) -> Outcome:
        """Tell a symbol's status, the first that applies."""
        rows = self.bars.counts(symbol)
        problem = self.bars.problems.get(symbol) or self.chunk.failures.get(symbol) or self.failed.get(symbol)
        position = self.order.get(symbol)
        last = self.bars.last_seen.get(symbol) if position is None else self.lasts[position]
        if problem is not None:
            return Outcome(status=Status.FAILED, matches=self.none, error=problem, rows=rows, last_bar=last)
        if position is None or not self.counts[position]:
            absent = self.bars.absent.get(symbol) or f"no bars in the range; its last bar before is of {last}"
            return Outcome(status=Status.NO_DATA, matches=self.none, error=absent, rows=rows, last_bar=last)
        status, reason = self._status(symbol, position)
        return Outcome(
            status=status,
            matches=self._matches(symbol),
            error=reason,
            bars=self.counts[position],
            rows=rows,
            last_bar=last,
        )

    def _status(self, symbol: str, position: int) -> tuple[Status, str | None]:
        if symbol in self.slices:
            return Status.MATCHED, None
        if self.known[position]:
            return Status.NO_MATCH, None
        if not self.member_bars[position]:
            return Status.NO_MATCH, "no bar in the range on a day on which it is in the index"
        return self._unknown(symbol, position)

    def _unknown(self, symbol: str, position: int) -> tuple[Status, str]:
        """Tell why nothing is known of a symbol: too few bars, too few longer bars, or something else."""
        history = int(self.chunk.spans.lengths[position])
        if history <= self.plan.lookback:
            return Status.TOO_LITTLE_HISTORY, f"{history:,} bars; the formula needs {self.plan.lookback + 1:,}"
        for period, lookback in self.plan.periods.items():
            longer = self._periods(period).get(symbol, 0)
            if longer <= lookback:
                reason = f"{longer:,} bars of {period}; the formula needs {lookback + 1:,}"
                return Status.TOO_LITTLE_HISTORY, reason
        outside = "it is not among the symbols that are compared (universe=)" if symbol in self.outside else None
        return Status.NO_MATCH, self.missing or outside or "the formula is unknown on every bar of the range"

    def _periods(self, period: str) -> dict[str, int]:
        """How many longer bars each symbol has."""
        table = self.chunk.tables.get(period)
        if table is None:
            return {}
        return dict(zip(table.spans.names, table.spans.lengths.tolist(), strict=True))

    def _matches(self, symbol: str) -> pl.DataFrame:
        if symbol not in self.slices:
            return self.none
        return self.matches.slice(*self.slices[symbol])

    def _gather(self) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
        """All matches of the chunk in one gather, and where each symbol's are."""
        frame, spans = self.chunk.frame, self.chunk.spans
        rows, names = self._hits()
        close = pl.col("close") if "close" in frame.columns else pl.lit(None, dtype=pl.Float64).alias("close")
        shown = [pl.col(name).alias(ours) for ours, name in self.plan.columns.items()]
        matches = frame.select("timestamp", close, *shown)[rows]
        matches.insert_column(0, spans.symbols(rows))
        matches.insert_column(2, names)
        placed = rows.to_numpy()
        begins, ends = placed.searchsorted(spans.starts).tolist(), placed.searchsorted(spans.ends).tolist()
        found = zip(spans.names, begins, ends, strict=True)
        return matches, {symbol: (begin, end - begin) for symbol, begin, end in found if end > begin}

    def _hits(self) -> tuple[pl.Series, pl.Series]:
        """The rows on which signals fire, in rising order, and which signal of each."""
        masks = (self.chunk.frame[name] for name in self.plan.signals.values())
        rows = [(fires if self.asked is None else fires & self.asked).arg_true() for fires in masks]
        signals = pl.Series("signal_type", list(self.plan.signals), dtype=pl.String)
        if len(rows) == 1:
            return rows[0], signals.new_from_index(0, rows[0].len())
        numbered = [each.to_frame("row").with_columns(signal=pl.lit(number)) for number, each in enumerate(rows)]
        hits = pl.concat(numbered).sort("row", "signal")
        return hits["row"], signals.gather(hits["signal"])


def _inside(frame: pl.DataFrame, window: ReadWindow) -> pl.Series | None:
    """Which rows are in the range, and not only in its warm-up; None is all of them."""
    first = frame["timestamp"].min()
    if window.start is None or first is None or first >= window.start:  # type: ignore[operator]
        return None
    return frame["timestamp"] >= window.start


def _both(one: pl.Series | None, other: pl.Series | None) -> pl.Series | None:
    """Both of two masks, of which None is true everywhere."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _counts(spans: Spans, mask: pl.Series | None) -> list[int]:
    """Count the true rows of each symbol."""
    return spans.lengths.tolist() if mask is None else spans.counts(mask)


def unsettled(settles: Iterable[Settle], chunk: Evaluated, bars: Bars, start: dt.date | None) -> list[str]:
    """Name the symbols whose ratios of recursive sums still remember where the reading began."""
    frame, spans = chunk.frame, chunk.spans
    before = pl.Series(spans.counts(frame["timestamp"] < start), dtype=pl.Int32).to_numpy()
    begins = spans.spread(before)
    found: set[str] = set()
    for settle in settles:
        early = frame[settle.column] & (frame["#i"] < begins - settle.before)
        moved = spans.counts(early)
        found.update(name for name, count in zip(spans.names, moved, strict=True) if count < settle.bars)
    return [name for name in spans.names if name in found and name not in bars.from_first]
