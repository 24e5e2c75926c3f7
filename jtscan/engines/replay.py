"""No look-ahead, proved: bars are replayed as if each were the newest one (FORMULA 5)."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import polars as pl

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.checks import CheckReport, LookAhead
from jtscan.domain.control import CancellationToken
from jtscan.domain.formulas import PolarsFormula
from jtscan.engines.crew import Inline
from jtscan.engines.passes import Passes
from jtscan.engines.work import EXPECTED, Work
from jtscan.errors import first_line

_SAME = 1e-9
_TRIED_SHORT = 40
logger = logging.getLogger("jtscan")

_KEYS = ["symbol", "timestamp"]
_EVERYTHING = ReadWindow(warmup=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """One replay: the work to repeat, the symbols, how many of their last bars, and how many of those that fired.

    Fewer than all that fired are taken evenly out of the whole history.
    """

    work: Work
    symbols: Sequence[str]
    last: int
    fired: int | None = None
    chunk_bars: int = 1_000_000
    token: CancellationToken = field(default_factory=CancellationToken)

    def run(self) -> CheckReport:
        """Compare each answer of the day with the one that later bars leave."""
        whole = self._bars()
        answers = self._answers(whole)
        moments = self._moments(answers)
        found: dict[str, LookAhead] = {}
        bars = 0
        for moment in moments:
            if self.token.is_cancelled:
                break
            then = self._answers(whole.filter(pl.col("timestamp") <= moment)).filter(pl.col("timestamp") == moment)
            bars += then.height
            for change in self._changes(then, answers):
                found.setdefault(change.symbol, change)
            if len(found) == len(self.symbols):
                break
        seen = set(answers["symbol"].unique())
        return CheckReport(
            symbols=tuple(symbol for symbol in self.symbols if symbol in seen),
            bars=bars,
            found=tuple(found.values()),
            short=self._short(whole, answers, moments),
            left_out=tuple(symbol for symbol in self.symbols if symbol not in seen),
        )

    def _short(self, whole: pl.DataFrame, answers: pl.DataFrame, moments: Sequence[dt.date]) -> LookAhead | None:
        """Find an answer that the lookback of Polars expressions does not give; own functions were tried alone."""
        if not isinstance(self.work.job.formula, PolarsFormula):
            return None
        lookback = self.work.job.formula.lookback
        for moment in moments[:: max(len(moments) // _TRIED_SHORT, 1)]:
            if self.token.is_cancelled:
                break
            tail = (
                whole.filter(pl.col("timestamp") <= moment).group_by("symbol", maintain_order=True).tail(lookback + 1)
            )
            then = self._answers(tail).filter(pl.col("timestamp") == moment)
            for change in self._changes(then, answers):
                return change
        return None

    @property
    def _names(self) -> dict[str, str]:
        return {**self.work.plan.signals, **self.work.plan.columns}

    def _bars(self) -> pl.DataFrame:
        """All bars up to the end of the window: of the symbols, and of those that the formula refers to."""
        asked = list(dict.fromkeys([*self.symbols, *self.work.plan.references]))
        names = list(dict.fromkeys([*self.work.plan.reads, *self.work.columns]))
        window = replace(self.work.window, start=None, warmup=None)
        try:
            return self.work.snapshot.read(asked, names, window).frame
        except EXPECTED:
            return pl.concat(self._readable(asked, names, window))

    def _readable(self, asked: Sequence[str], names: Sequence[str], window: ReadWindow) -> Iterator[pl.DataFrame]:
        """Read one by one: a symbol that cannot be read is the scan's to tell."""
        yield self.work.snapshot.read([], names, window).frame
        for symbol in asked:
            with suppress(*EXPECTED):
                yield self.work.snapshot.read([symbol], names, window).frame

    def _answers(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Signals and columns on every bar, with nothing known but these bars; without symbols that fail."""
        try:
            return self._of(self.symbols, bars)
        except EXPECTED as error:
            logger.debug("replay: %s; symbol by symbol instead", first_line(error))
            return pl.concat(self._evaluable(bars), how="vertical_relaxed")

    def _evaluable(self, bars: pl.DataFrame) -> Iterator[pl.DataFrame]:
        yield bars.clear().select(*_KEYS, *(pl.lit(None, dtype=pl.Boolean).alias(f"#{name}") for name in self._names))
        for symbol in self.symbols:
            with suppress(*EXPECTED):
                yield self._of([symbol], bars)

    def _of(self, symbols: Sequence[str], bars: pl.DataFrame) -> pl.DataFrame:
        job = replace(self.work.job, symbols=tuple(symbols), universe=None, members=None, universe_members=None)
        work = replace(self.work, job=job, snapshot=_Remembered(bars), window=_EVERYTHING)
        token = CancellationToken()
        work = Passes(work=work, crew=Inline(self.chunk_bars), token=token).run()
        if token.is_cancelled:
            raise KeyboardInterrupt  # Polars raised it while symbols were compared
        parts = list(work.evaluated(symbols, work.read(symbols)))
        shown = [pl.col(column).alias(f"#{name}") for name, column in self._names.items()]
        answers = pl.concat([part.chunk.labelled.select(*_KEYS, *shown) for part in parts])
        failed = {symbol for part in parts for symbol in part.chunk.failures}
        return answers.filter(~pl.col("symbol").is_in(list(failed))) if failed else answers

    def _moments(self, answers: pl.DataFrame) -> list[dt.date]:
        """The last bars of each symbol, and those that fired."""
        newest = answers.group_by("symbol").agg(pl.col("timestamp").tail(self.last)).explode("timestamp")["timestamp"]
        signals = [pl.col(f"#{name}") for name in self.work.plan.signals]
        fired = answers.filter(pl.any_horizontal(signals))["timestamp"].unique().sort()
        every = 1 if self.fired is None else max(-(-fired.len() // self.fired), 1)
        return pl.concat([newest, fired.gather_every(every)]).unique().sort().to_list()

    def _changes(self, then: pl.DataFrame, answers: pl.DataFrame) -> Iterable[LookAhead]:
        both = then.join(answers, on=_KEYS, how="inner", suffix=" now", maintain_order="left")
        for row in both.iter_rows(named=True):
            for name in self._names:
                before, now = row[f"#{name}"], row[f"#{name} now"]
                if not _same(before, now):
                    yield LookAhead(
                        symbol=row["symbol"], timestamp=row["timestamp"], name=name, on_the_day=before, afterwards=now
                    )


def _same(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return before == now or math.isclose(before, now, rel_tol=_SAME, abs_tol=_SAME)


@dataclass(frozen=True, slots=True, eq=False)
class _Remembered:
    """A snapshot of bars in memory, as if nothing came after them."""

    frame: pl.DataFrame
    version: str = "replay"
    notes: tuple[str, ...] = ()
    chunk_factor: int = 1
    changed: tuple[str, ...] = ()

    @property
    def columns(self) -> Mapping[str, str]:
        return dict.fromkeys(self.frame.columns[2:], "number")

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:  # noqa: ARG002 - at the most
        return dict.fromkeys(symbols, 1)

    def sessions(self) -> pl.DataFrame:
        day = pl.col("timestamp").dt.date().alias("day")
        return self.frame.group_by(day).agg(pl.col("timestamp").min().alias("start")).sort("day")

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        moments = self.frame.filter(pl.col("symbol").is_in(list(symbols)))["timestamp"].unique().sort(descending=True)
        return moments.head(count).to_list()[-1] if moments.len() else None

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:  # noqa: ARG002 - nobody looks at a replay
        return self.frame["timestamp"].clear()

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:  # noqa: ARG002 - all
        frame = self.frame.filter(pl.col("symbol").is_in(list(symbols))).select(*_KEYS, *dict.fromkeys(columns))
        present = frozenset(frame["symbol"].unique())
        absent = {symbol: "no bars" for symbol in symbols if symbol not in present}
        return Bars.of(frame, absent=absent, from_first=present)

    def part(self, symbols: Collection[str]) -> _Remembered:  # noqa: ARG002 - it is small
        return self
