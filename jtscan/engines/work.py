"""What the symbols of a job share, and how a chunk of them, or one alone, becomes results.

``guarded`` is the one place where a symbol's failure is caught.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.domain.universe import on_member_days
from jtscan.engines.gathered import Made, attach
from jtscan.engines.results import Cut, Outcome, cut, empty_matches, unsettled
from jtscan.engines.steps.evaluate import Evaluated, evaluate
from jtscan.engines.steps.periods import Clock
from jtscan.engines.steps.table import Table
from jtscan.errors import JtscanError, first_line
from jtscan.formula import Function, Plan
from jtscan.formula.plan import MEMBER, Pass, PeriodStep, Step, SymbolStep
from jtscan.ports import IPriceSnapshot

logger = logging.getLogger("jtscan")

EXPECTED = (JtscanError, PolarsError, PanicException, duckdb.Error)
"""What bad data and bad formulas raise; anything else is our own error."""


def compiled_from(job: ProcessingJob, columns: Mapping[str, str], functions: Sequence[Function]) -> dict[str, Any]:
    """What the compiler is told of a job, wherever it is compiled."""
    return {
        "formula": job.formula,
        "columns": columns,
        "parameters": job.parameters,
        "first": job.first,
        "members": job.members is not None,
        "timeframe": job.timeframe,
        "functions": functions,
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Symbols that were evaluated together, from what was read of them in a window."""

    symbols: Sequence[str]
    bars: Bars
    window: ReadWindow
    chunk: Evaluated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """One pass of a job: what every symbol shares, and how symbols become results.

    ``made`` is what earlier passes gathered, ``missing`` why another symbol's
    values are not there, ``failed`` the symbols that failed in an earlier pass.
    ``reference`` computes indicators by their expressions, as a symbol alone is.
    ``functions`` are those of a user that the plan was made with.
    """

    job: ProcessingJob
    plan: Plan
    this: Pass
    snapshot: IPriceSnapshot
    window: ReadWindow
    made: Sequence[Made] = ()
    missing: str | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    reference: bool = False
    functions: Sequence[Function] = ()
    raise_internal: bool = False

    @property
    def _outside(self) -> frozenset[str]:
        """Symbols of the scan that are not compared."""
        if not self.plan.compares or self.job.universe is None:
            return frozenset()
        return frozenset(self.job.symbols) - frozenset(self.job.universe)

    @property
    def compared_members(self) -> pl.DataFrame | None:
        """When symbols are compared in this pass, None = always."""
        return self.job.universe_members if self.this.symbol is None else None

    @property
    def columns(self) -> list[str]:
        """The columns to read: the formula's, and the close for the matches."""
        close = ["close"] if self.snapshot.columns.get("close") == "number" and not self.this.gathers else []
        return list(dict.fromkeys([*self.this.reads, *close]))

    def read(self, symbols: Sequence[str]) -> Bars:
        """Read the bars of some symbols in the pass's window."""
        return self.snapshot.read(symbols, self.columns, self.window)

    def process_chunk(self, symbols: Sequence[str], bars: Bars) -> dict[str, ProcessingResult]:
        """Process the symbols of a chunk together; one by one if the data makes that fail."""
        started = time.perf_counter()
        try:
            outcomes = self._outcomes(symbols, bars)
        except EXPECTED:
            if len(symbols) == 1:
                raise
            return {symbol: self.process_symbol(symbol, bars.only([symbol])) for symbol in symbols}
        share = (time.perf_counter() - started) * 1000 / len(symbols)
        return {symbol: outcomes[symbol].result(symbol, share) for symbol in symbols}

    def process_symbol(self, symbol: str, bars: Bars) -> ProcessingResult:
        """Process one symbol; whatever goes wrong is its own status and reason."""
        return self.guarded(symbol, lambda: self._alone.process_chunk([symbol], bars)[symbol])

    def read_and_process(self, symbol: str) -> ProcessingResult:
        """Read and process one symbol alone."""
        return self.guarded(symbol, lambda: self._alone.process_chunk([symbol], self.read([symbol]))[symbol])

    @property
    def _alone(self) -> Work:
        return replace(self, reference=True)

    def guarded(self, symbol: str, make: Callable[[], ProcessingResult]) -> ProcessingResult:
        """The one place where a symbol's failure is caught."""
        try:
            return make()
        except EXPECTED as error:
            return self.failed_result(symbol, first_line(error))
        except Exception as error:
            if self.raise_internal:
                raise
            logger.exception("symbol %s: internal error", symbol)
            return self.failed_result(symbol, f"internal error: {type(error).__name__}: {first_line(error)}")

    def failed_result(self, symbol: str, reason: str) -> ProcessingResult:
        """Make the result of a symbol that failed."""
        matches = empty_matches(self.plan, self.job.timeframe)
        return ProcessingResult(symbol=symbol, matches=matches, error=reason, status=Status.FAILED)

    def _outcomes(self, symbols: Sequence[str], bars: Bars) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for part in self.evaluated(symbols, bars):
            how = Cut(
                plan=self.plan,
                timeframe=self.job.timeframe,
                window=part.window,
                missing=self.missing,
                failed=self.failed,
                outside=self._outside,
                members=self.job.members,
            )
            outcomes.update(cut(how, part.chunk, part.bars, part.symbols))
        return outcomes

    def evaluated(self, symbols: Sequence[str], bars: Bars) -> Iterator[Part]:
        """Evaluate a chunk, and once more with all history the symbols whose warm-up has not settled."""
        begun_inside = bars.from_first.issuperset(symbols)  # then there is no beginning to forget
        partial = self.window.start is not None and self.window.warmup is not None and not begun_inside
        partial = partial and bool(self.this.settles)
        chunk = self._evaluate(self.this.settling if partial else self.this.steps, bars)
        again = unsettled(self.this.settles, chunk, bars, self.window.start) if partial else []
        if len(again) < len(symbols) or not again:
            gone = set(again)
            kept = [symbol for symbol in symbols if symbol not in gone]
            yield Part(symbols=kept, bars=bars, window=self.window, chunk=chunk)
        if again:
            full = ReadWindow(start=self.window.start, end=self.window.end, warmup=None)
            longer = self.snapshot.read(again, self.columns, full)
            yield Part(symbols=again, bars=longer, window=full, chunk=self._evaluate(self.this.steps, longer))

    def _evaluate(self, steps: Sequence[Step], bars: Bars) -> Evaluated:
        return evaluate(
            steps,
            self._labelled(bars),
            runs=bars.runs,
            clock=Clock(timeframe=self.job.timeframe, whole=bars.from_first, sessions=self._sessions),
            attach=self._attach,
            reference=self.reference,
        )

    @property
    def _sessions(self) -> pl.DataFrame | None:
        """The sessions, where periods are counted in minutes."""
        periods = (Timeframe(step.period) for step in self.this.steps if isinstance(step, PeriodStep))
        return self.snapshot.sessions() if any(period.intraday for period in periods) else None

    def _attach(self, period: str, table: Table) -> pl.DataFrame:
        return attach(self.made, period, table)

    def _labelled(self, bars: Bars) -> pl.DataFrame:
        """Add the symbols, their names, markets and sectors, and membership, where the formula reads them."""
        if not self.this.texts and not any(isinstance(step, SymbolStep) and step.foreign for step in self.this.steps):
            return bars.values
        frame = bars.frame
        if MEMBER in self.this.texts:
            members = self.job.members
            always = pl.repeat(True, frame.height, dtype=pl.Boolean, eager=True)
            frame = frame.with_columns((always if members is None else on_member_days(members, frame)).alias(MEMBER))
        wanted = [name for name in self.this.texts if name not in {"symbol", MEMBER}]
        if not wanted:
            return frame
        if self.job.labels is None:
            return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in wanted)
        return frame.join(self.job.labels.select("symbol", *wanted), on="symbol", how="left", maintain_order="left")
