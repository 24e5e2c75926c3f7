"""What the engine runs: passes over symbols, each a list of steps.

A row step adds columns to a whole chunk; a symbol step computes indicators on
each run of known bars; a period step joins bars into longer ones, an align
step brings values from there back. What compares symbols, or reads another
one, ends a pass: its inputs are gathered over all symbols first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from jtscan.formula.cross import CrossSection
from jtscan.formula.native import Native

MEMBER = "#member"
"""The column that tells whether a symbol is a member on the bar's day, beside the labels; no formula can name it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowStep:
    """Columns added to the whole chunk at once.

    ``period`` names the longer bars that it runs on, "" = the bars themselves.
    ``constants`` are numbers that are, or may become, divisors, as columns:
    Polars would multiply by the reciprocal of a scalar, which is off by one
    unit in the last place.
    ``checked`` columns may hold infinity or NaN, which become null.
    """

    expressions: tuple[pl.Expr, ...]
    checked: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indicator:
    """One output of an indicator: its column, its expression, and its first ``lookback`` rows, which are unknown.

    ``native`` is the C function that gives the same, where there is one.
    """

    column: str
    expression: pl.Expr
    lookback: int
    label: str
    native: Native | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolStep:
    """Indicators that read the same columns, so share runs of known bars.

    ``inputs`` are columns, in the order of the arguments. ``whole`` evaluates on
    each symbol's bars whatever is known, as a formula of Polars expressions
    wants; ``foreign`` ones run a user's own code.
    """

    inputs: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    whole: bool = False
    foreign: bool = False
    drop: tuple[str, ...] = ()
    period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodStep:
    """Joins bars into those of a longer period: their fields, and the labels of their symbols."""

    period: str
    fields: tuple[str, ...]
    texts: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignStep:
    """Brings columns from the bars of a period back: (our column, row among the longer bars, their column)."""

    period: str
    takes: tuple[tuple[str, pl.Expr, str], ...]
    drop: tuple[str, ...] = ()


Step = RowStep | SymbolStep | PeriodStep | AlignStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Bars on which something must have moved before a ratio of recursive sums has forgotten its start.

    ``column`` is true where it moved; ``bars`` of those must lie more than
    ``before`` bars before the range.
    """

    column: str
    before: int
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """What a pass is run for: a column made of the columns of all its symbols.

    ``section`` compares them; without one they are another symbol's values,
    read at the same time. ``inputs`` are the columns it reads, on bars of
    ``period``; ``truth`` tells whether conditions come out.
    """

    column: str
    inputs: tuple[str, ...]
    label: str
    section: CrossSection | None = None
    period: str = ""
    truth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pass:
    """One way through symbols: those of the universe, or one other ``symbol``.

    ``steps`` are run on each chunk, ``settling`` instead where the beginning
    of the reading must have been forgotten (``settles``). ``reads`` are columns of the price
    files, ``texts`` labels of the symbols. ``warmup`` is how many bars before its
    range are needed, None = all history. ``gathers`` is empty for the last pass.
    ``needs`` are earlier passes, and from how many bars before this pass's
    range their results are read.
    """

    steps: tuple[Step, ...]
    reads: tuple[str, ...]
    texts: tuple[str, ...] = ()
    settling: tuple[Step, ...] = ()
    settles: tuple[Settle, ...] = ()
    warmup: int | None = 0
    symbol: str | None = None
    gathers: tuple[Gathered, ...] = ()
    needs: Mapping[int, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What the engine needs to run a formula.

    ``signals`` and ``columns`` map names to columns that the last pass makes.
    ``lookback`` is how many first bars of a history leave each signal unknown,
    ``periods`` how many first longer bars do. ``unseen`` is true for what jtscan
    cannot see into: it may look ahead. ``repaints`` names what changes until its period ends,
    ``notes`` are for the user, ``labels`` the (field, text) pairs that it compares.
    """

    signals: Mapping[str, str]
    columns: Mapping[str, str]
    passes: tuple[Pass, ...]
    lookback: int
    periods: Mapping[str, int] = field(default_factory=dict)
    unseen: bool = False
    repaints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def last(self) -> Pass:
        """The pass that makes the matches."""
        return self.passes[-1]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the last pass."""
        return self.last.steps

    @property
    def warmup(self) -> int | None:
        """How many bars before the range the last pass needs, None = all history."""
        return self.last.warmup

    @property
    def history(self) -> int | None:
        """How many bars before the range any pass reads, one after the other; None = all history."""
        before: list[int | None] = [0] * len(self.passes)
        for number, each in reversed(list(enumerate(self.passes))):
            for earlier, bars in each.needs.items():
                before[earlier] = _larger(before[earlier], _sum(before[number], bars))
        total: int | None = 0
        for start, each in zip(before, self.passes, strict=True):
            total = _larger(total, _sum(start, each.warmup))
        return total

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the price files that any pass reads."""
        return tuple(dict.fromkeys(name for each in self.passes for name in each.reads))

    @property
    def texts(self) -> tuple[str, ...]:
        """The labels of symbols that any pass reads."""
        return tuple(dict.fromkeys(name for each in self.passes for name in each.texts))

    @property
    def references(self) -> tuple[str, ...]:
        """The other symbols that it reads."""
        return tuple(dict.fromkeys(each.symbol for each in self.passes if each.symbol is not None))

    @property
    def compares(self) -> bool:
        """Whether it compares the symbols of a universe."""
        return any(each.gathers and each.symbol is None for each in self.passes)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _larger(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def column(node: int) -> str:
    """Name the column of a node; no formula can name it, so no column of the price files is in its way."""
    return f"#n{node}"
