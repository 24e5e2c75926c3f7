"""One batch of symbols to process, and what became of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

import polars as pl

from jtscan.domain.control import check_seconds
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import AnyFormula, as_formula, check_parameters
from jtscan.domain.words import counted
from jtscan.errors import RequestError

Warmup = Literal["auto", "full"]


class JobType(StrEnum):
    """What a job does with its symbols."""

    SCAN = "scan"


class Status(StrEnum):
    """How a symbol ended; each symbol asked for has exactly one."""

    MATCHED = "matched"
    NO_MATCH = "no_match"
    TOO_LITTLE_HISTORY = "too_little_history"
    NO_DATA = "no_data"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProcessingJob:
    """One formula over one list of symbols.

    ``id`` names the job, ``job_type`` what it does; ``symbols`` are asked in
    their order, over the bars of ``timeframe`` in ``date_range``, with the
    ``formula`` and values of its ``parameters``.
    ``labels`` is a frame with the name, market and sector of each symbol, for
    formulas that read them. ``first`` keeps only the first bar of each run of
    matches. ``warmup="full"`` reads all history before the range.
    ``universe`` are the symbols that cross-sections compare, None = the
    symbols themselves; ``strict_universe`` refuses to leave one out that fails.
    ``members`` is a frame of symbol, start, end: a symbol matches only on days
    from ``start`` (null = always) to before ``end`` (null = still) of one of
    its rows; ``universe_members`` says when it is compared. None is always.
    ``allow_lookahead`` runs expressions that jtscan cannot see into without a replay.
    ``symbol_timeout`` are the seconds that one symbol may take where a worker
    can be killed. ``checkpoint`` is the file that keeps finished symbols, so
    that the same job goes on where it was.
    """

    id: str
    symbols: Sequence[str]
    timeframe: Timeframe
    date_range: DateRange
    formula: AnyFormula
    parameters: Mapping[str, float] = field(default_factory=dict)
    job_type: JobType = JobType.SCAN
    first: bool = False
    warmup: Warmup = "auto"
    labels: pl.DataFrame | None = None
    universe: Sequence[str] | None = None
    members: pl.DataFrame | None = None
    universe_members: pl.DataFrame | None = None
    strict_universe: bool = False
    allow_lookahead: bool = False
    symbol_timeout: float | None = None
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", Path(self.checkpoint))
        object.__setattr__(self, "symbols", tuple(dict.fromkeys(self.symbols)))
        if self.universe is not None:
            object.__setattr__(self, "universe", tuple(dict.fromkeys(self.universe)))
        object.__setattr__(self, "timeframe", Timeframe.parse(self.timeframe))
        object.__setattr__(self, "formula", as_formula(self.formula))
        object.__setattr__(self, "parameters", check_parameters(self.parameters))
        object.__setattr__(self, "job_type", JobType(self.job_type))
        for name in ("members", "universe_members"):
            self._check_members(name)
        check_seconds("symbol_timeout", self.symbol_timeout)
        if not self.id:
            raise RequestError("id", "a job needs an id")
        if self.warmup not in {"auto", "full"}:
            raise RequestError("warmup", f"{self.warmup!r} is neither 'auto' nor 'full'")

    def __repr__(self) -> str:
        return (
            f"ProcessingJob({self.id!r}, {counted(len(self.symbols), 'symbol')}, {self.timeframe}, {self.date_range})"
        )

    def _check_members(self, name: str) -> None:
        members = getattr(self, name)
        if members is not None and not {"symbol", "start", "end"} <= set(members.columns):
            raise RequestError(name, f"needs the columns symbol, start, end; it has: {', '.join(members.columns)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutline:
    """What a job gives and reads, known before it runs.

    ``columns`` are those of its matches, ``references`` the other symbols that
    the formula reads, ``labels`` the texts that it compares labels with.
    """

    columns: tuple[str, ...]
    references: tuple[str, ...] = ()
    compares: bool = False
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """What was read of a symbol and is not a bar, in the range and its warm-up.

    ``set_aside``: rows with an unknown price or volume. ``halts``: rows with
    open = high = low = 0. ``duplicates``: equal rows read more than once.
    """

    set_aside: int = 0
    halts: int = 0
    duplicates: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            set_aside=self.set_aside + other.set_aside,
            halts=self.halts + other.halts,
            duplicates=self.duplicates + other.duplicates,
        )


NO_ROWS = RowCounts()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProcessingResult:
    """What became of one symbol.

    ``matches`` has one row per bar and signal that fired (symbol, timestamp,
    signal_type, close, then the formula's columns), in time order. ``error``
    is the reason of the status, where there is one to tell. ``bars`` counts
    the bars in the range, ``rows`` what was read and is none;
    ``last_bar`` is the newest bar up to its end, None without any.
    ``processing_time_ms`` is in milliseconds.
    """

    symbol: str
    matches: pl.DataFrame
    error: str | None = None
    processing_time_ms: float = 0.0
    status: Status | None = None
    bars: int = 0
    rows: RowCounts = NO_ROWS
    last_bar: dt.date | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.status, Status):
            object.__setattr__(self, "status", self._implied() if self.status is None else Status(self.status))

    def __repr__(self) -> str:
        told = [
            str(self.status),
            *([self.error] if self.error else []),
            f"{self.matches.height:,} of {self.bars:,} bars",
        ]
        return f"ProcessingResult({self.symbol!r}, {', '.join(told)})"

    def _implied(self) -> Status:
        if self.error is not None:
            return Status.FAILED
        return Status.MATCHED if self.matches.height else Status.NO_MATCH
