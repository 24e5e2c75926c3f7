"""The passes before the last: what crosses symbols is gathered from all of them, nothing is published.

prepare     the works of all passes, with the range of each      (here)
gather      one pass over its symbols: evaluate, keep what crosses, compare      (here, gathered.py)
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import polars as pl

from jtscan.domain.bars import NOT_IN, ReadWindow
from jtscan.domain.control import CTRL_C, CancellationToken
from jtscan.engines.crew import Crew, HandedIn
from jtscan.engines.gathered import Gatherer, Made
from jtscan.engines.work import EXPECTED, Work
from jtscan.errors import DataError
from jtscan.formula import Plan
from jtscan.formula.plan import Pass

_SHOWN = 3
_AT_ONCE = 500
_TOLD_SECONDS = 0.2


@dataclass(slots=True, kw_only=True, eq=False)
class Passes:
    """Runs the passes before the last, and gives the work of the last one."""

    work: Work
    crew: Crew
    token: CancellationToken
    tell: Callable[[str], None] | None = None
    warnings: list[str] = field(default_factory=list)

    def run(self) -> Work:
        """Run them in order; once the token is set the rest is left out."""
        starts = self._starts()
        made: dict[int, list[Made]] = {}
        missing: list[str] = []
        failed: dict[str, str] = {}
        for number, each in enumerate(self.work.plan.passes[:-1]):
            if self.token.is_cancelled:
                break
            window = replace(self.work.window, start=starts[number], warmup=self._warmup(each.warmup))
            work = replace(self.work, this=each, window=window, made=self._needed(each, made), missing=None)
            gathering = _Gathering(work=work, crew=self.crew, token=self.token, tell=self.tell)
            made[number] = gathering.run(self._symbols(each.symbol))
            for earlier in [earlier for earlier in made if not self._needed_after(number, earlier)]:
                del made[earlier]
            missing += gathering.missing
            self.warnings += gathering.warnings()
            if each.symbol is None:
                failed.update(gathering.failures)
        needed = self._needed(self.work.plan.last, made)
        return replace(self.work, made=needed, missing="; ".join(missing) or None, failed=failed)

    def _needed(self, each: Pass, made: Mapping[int, Sequence[Made]]) -> tuple[Made, ...]:
        """What earlier passes made that this one reads."""
        return tuple(column for earlier in each.needs for column in made.get(earlier, ()))

    def _needed_after(self, number: int, earlier: int) -> bool:
        return any(earlier in later.needs for later in self.work.plan.passes[number + 1 :])

    def _warmup(self, bars: int | None) -> int | None:
        return None if self.work.job.warmup == "full" else bars

    def _symbols(self, symbol: str | None) -> Sequence[str]:
        job = self.work.job
        if symbol is not None:
            return [symbol]
        return job.symbols if job.universe is None else job.universe

    def _starts(self) -> list[dt.date | None]:
        """Where each pass's range begins: the earliest timestamp that any symbol of a later pass reads."""
        plan = self.work.plan
        starts: list[dt.date | None] = [self.work.window.start] * len(plan.passes)
        for number in reversed(range(len(plan.passes))):
            wanted = [
                self._earliest(self._asking(plan, later), starts[later], each.needs[number])
                for later, each in enumerate(plan.passes)
                if number in each.needs
            ]
            if wanted:
                known = [each for each in wanted if each is not None]
                starts[number] = min(known) if len(known) == len(wanted) else None
        return starts

    def _asking(self, plan: Plan, number: int) -> Sequence[str]:
        if number == len(plan.passes) - 1:
            return self.work.job.symbols
        return self._symbols(plan.passes[number].symbol)

    def _earliest(self, symbols: Sequence[str], start: dt.date | None, bars: int | None) -> dt.date | None:
        """Find the earliest timestamp that lies so many bars of any symbol before the start; None is all history.

        Symbols without a bar since then ask for nothing.
        """
        if start is None or not bars:
            return start if bars is not None else None
        earliest = start
        for begin in range(0, len(symbols), _AT_ONCE):
            window = ReadWindow(start=start, end=self.work.window.end, warmup=bars)
            try:
                frame = self.work.snapshot.read(symbols[begin : begin + _AT_ONCE], [], window).frame
            except EXPECTED:
                return None  # it will fail again where it is counted; all history is never wrong
            present = pl.col("symbol").is_in(frame.filter(pl.col("timestamp") >= start)["symbol"].unique().implode())
            before = frame.filter((pl.col("timestamp") < start) & present).group_by("symbol")
            found = before.agg(pl.col("timestamp").tail(bars).first())["timestamp"].min()
            earliest = min(earliest, found) if isinstance(found, dt.date) else earliest
        return earliest


@dataclass(slots=True, kw_only=True, eq=False)
class _Gathering:
    """One pass over its symbols."""

    work: Work
    crew: Crew
    token: CancellationToken
    tell: Callable[[str], None] | None = None
    gatherer: Gatherer = field(init=False)
    failures: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        self.gatherer = Gatherer(gathers=self.work.this.gathers, members=self.work.compared_members is not None)

    def run(self, symbols: Sequence[str]) -> list[Made]:
        self.asked = len(symbols)
        try:
            self._gather(symbols)
        except KeyboardInterrupt:
            self.token.cancel(CTRL_C)
        if self.token.is_cancelled:
            return []
        if self.failures and self.work.job.strict_universe and self.work.this.symbol is None:
            raise DataError(f"strict_universe: {self._failed()}")
        return self.gatherer.finish()

    @property
    def missing(self) -> list[str]:
        """Why the other symbol's values are not there."""
        symbol = self.work.this.symbol
        if symbol is None:
            return []
        reason = self.failures.get(symbol) or self.absent.get(symbol)
        if reason is None and not self.gatherer.filled:
            reason = "no bars in the range"
        return [] if reason is None else [f'ref("{symbol}"): {reason}']

    def warnings(self) -> list[str]:
        """What a user must know of the pass."""
        if self.work.this.symbol is not None:
            return self.missing
        said = [f"cross-section: {self._failed()}"] if self.failures else []
        if not self.gatherer.filled:
            return [*said, f"cross-section: none of the {self.asked:,} symbols has bars to compare"]
        asked = set(self.work.job.symbols)  # those are in the account
        lost = (symbol for symbol, reason in self.absent.items() if reason.startswith(NOT_IN))
        unknown = [symbol for symbol in lost if symbol not in asked]
        if unknown:
            said.append(f"universe: not in the prices: {', '.join(unknown[:_SHOWN])}")
        said += [f"{label}: the groups of by= are unknown for every symbol" for label in self.gatherer.groupless]
        for label, moments in self.gatherer.alone.items():
            if moments:
                times = f"{moments:,} timestamp{'s' if moments > 1 else ''}"
                said.append(f"{label}: on {times} a symbol has no other to be compared with, so it is unknown there")
        return said

    def _failed(self) -> str:
        shown = "; ".join(f"{symbol}: {reason}" for symbol, reason in list(self.failures.items())[:_SHOWN])
        more = f" and {len(self.failures) - _SHOWN:,} more" if len(self.failures) > _SHOWN else ""
        return f"{self.asked - len(self.failures):,} of {self.asked:,} symbols; failed: {shown}{more}"

    def _gather(self, symbols: Sequence[str]) -> None:
        done, told_at = 0, time.monotonic()
        with closing(self.crew.gather(self.work, symbols, self.token)) as chunks:
            for names, handed_in in chunks:
                self._take(handed_in)
                done += len(names)
                due = self.work.this.symbol is None and time.monotonic() - told_at > _TOLD_SECONDS
                if self.tell is not None and due:
                    told_at = time.monotonic()
                    self.tell(f"comparing symbols: {done:,} of {self.asked:,}")

    def _take(self, handed_in: HandedIn) -> None:
        for piece in handed_in.pieces:
            self.gatherer.keep(piece)
        self.failures.update(handed_in.failures)
        self.absent.update(handed_in.absent)
