"""What is sent to another process: some symbols of a pass, as text, numbers and where the prices are.

Parcel     one pass, packed once; a task of it for each chunk      (here, in the process that scans)
run        a task → its answer      (here, in the process that works)

Frames of prices are never sent: the worker reads them from the files, and
refuses a file that is no longer the one that the scan began with.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import cloudpickle
import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.control import CancellationToken
from jtscan.domain.jobs import ProcessingJob
from jtscan.engines.crew import Done, HandedIn, do
from jtscan.engines.gathered import Made
from jtscan.engines.packing import packed, unpacked
from jtscan.engines.places.probe import Named, differences, versions
from jtscan.engines.work import Work, compiled_from
from jtscan.errors import EngineError, first_line
from jtscan.formula import Plan, compile_formula, registered
from jtscan.ports import IPriceSnapshot

_PLANS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recipe:
    """What a plan is made of; ``job`` is without its symbols and frames."""

    job: ProcessingJob
    columns: Mapping[str, str]
    functions: Sequence[Any]

    def plan(self) -> Plan:
        """Make the plan, the same wherever it is made."""
        functions = [each.found() if isinstance(each, Named) else each for each in self.functions]
        return compile_formula(**compiled_from(self.job, self.columns, registered(functions)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pass:
    """What all tasks of a pass share: the pass's number in the plan, its window, and what is known of all symbols."""

    recipe: bytes
    number: int
    window: ReadWindow
    missing: str | None
    raise_internal: bool
    chunk_bars: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Share:
    """What is one task's own: its symbols, and of everything what is theirs."""

    symbols: Sequence[str]
    universe: Sequence[str] | None
    labels: pl.DataFrame | None
    members: pl.DataFrame | None
    universe_members: pl.DataFrame | None
    made: Sequence[Made]
    failed: Mapping[str, str]
    snapshot: IPriceSnapshot


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One chunk of one pass, ready to be sent; ``versions`` are read before anything is unpacked."""

    versions: Mapping[str, str]
    shared: bytes
    share: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refused:
    """The answer of a worker that cannot do it, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """One pass of a job, packed to be sent; ``functions`` are a user's own, in a form that can be."""

    work: Work
    chunk_bars: int
    functions: Sequence[Any] = ()
    shared: bytes = field(init=False)

    def __post_init__(self) -> None:
        work = self.work
        members = None if work.job.members is None else work.job.members.clear()
        bare = replace(work.job, symbols=(), universe=None, labels=None, members=members, universe_members=None)
        recipe = Recipe(job=bare, columns=dict(work.snapshot.columns), functions=self.functions)
        shared = _Pass(
            recipe=_pickled(recipe),
            number=next(number for number, each in enumerate(work.plan.passes) if each is work.this),
            window=work.window,
            missing=work.missing,
            raise_internal=work.raise_internal,
            chunk_bars=self.chunk_bars,
        )
        object.__setattr__(self, "shared", pickle.dumps(shared))

    def task(self, symbols: Sequence[str]) -> Task:
        """Pack what some symbols need."""
        work, job, theirs = self.work, self.work.job, set(symbols)
        share = _Share(
            symbols=tuple(symbols),
            universe=None if job.universe is None else tuple(theirs.intersection(job.universe)),
            labels=_of(job.labels, symbols),
            members=_of(job.members, symbols),
            universe_members=_of(job.universe_members, symbols),
            made=tuple(each.part(symbols) for each in work.made),
            failed={symbol: reason for symbol, reason in work.failed.items() if symbol in theirs},
            snapshot=work.snapshot.part(symbols),
        )
        try:
            packed_share = pickle.dumps(share)
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            raise EngineError(f"the prices cannot be sent to another process: {said}") from error
        return Task(versions=versions(), shared=self.shared, share=packed_share)

    def unpack(self, answer: Any) -> Done:
        """Unpack what came back.

        Raises
        ------
        EngineError
            The worker differs from this process.
        """
        if isinstance(answer, Refused):
            raise EngineError(answer.reason)
        if isinstance(answer, HandedIn):
            return answer
        return unpacked(answer)


def _pickled(recipe: Recipe) -> bytes:
    """Pack what the plan is made of: functions of a notebook, and lambdas, by value.

    Raises
    ------
    EngineError
        A function of the user's, or the formula, holds what cannot be sent.
    """
    named = {f"the function {getattr(each, 'name', each)}": each for each in recipe.functions}
    for what, each in {**named, "the formula": recipe.job.formula, "the scan": recipe}.items():
        try:
            content: bytes = cloudpickle.dumps(each)
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            raise EngineError(
                f"{what} cannot be sent to another process: {said}; jt.engines.threads() needs not send it"
            ) from error
    return content


def run(task: Task) -> Any:
    """Do a task, where it was sent to."""
    differs = differences(task.versions, versions())
    if differs:
        return Refused(reason=differs)
    try:
        shared: _Pass = pickle.loads(task.shared)  # noqa: S301 - from the process that scans
        work = _work(shared, pickle.loads(task.share))  # noqa: S301 - from the process that scans
    except Exception as error:  # noqa: BLE001 - a module of a user's own may raise anything
        return Refused(reason=f"a worker cannot unpack the scan: {type(error).__name__}: {first_line(error)}")
    done = do(work, work.job.symbols, shared.chunk_bars, CancellationToken())
    return done if isinstance(done, HandedIn) else packed(list(done.values()))


def _work(shared: _Pass, share: _Share) -> Work:
    recipe, plan = _planned(shared.recipe)
    job = replace(
        recipe.job,
        symbols=share.symbols,
        universe=share.universe,
        labels=share.labels,
        members=share.members,
        universe_members=share.universe_members,
    )
    return Work(
        job=job,
        plan=plan,
        this=plan.passes[shared.number],
        snapshot=share.snapshot,
        window=shared.window,
        made=share.made,
        missing=shared.missing,
        failed=share.failed,
        raise_internal=shared.raise_internal,
    )


@lru_cache(maxsize=_PLANS)
def _planned(recipe: bytes) -> tuple[Recipe, Plan]:
    """Make the plan of a job once in a process."""
    unpacked: Recipe = pickle.loads(recipe)  # noqa: S301 - from the process that scans
    return unpacked, unpacked.plan()


def _of(frame: pl.DataFrame | None, symbols: Sequence[str]) -> pl.DataFrame | None:
    return None if frame is None else frame.filter(pl.col("symbol").is_in(list(symbols)))
