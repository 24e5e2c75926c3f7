"""Where the time of a scan goes: its parts timed in one process, by their names.

Each part counts what it takes itself, without the parts that it calls, so
nothing counts twice. What a thread that reads ahead does meanwhile stands
apart: of it only the batch's waiting is time of the scan.
"""

from __future__ import annotations

import functools
import importlib
import statistics
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from made import named
from peers.formulas import EVERY_BAR, FORMULAS
from timing import Table, seconds_of

import jtscan as jt

PARTS = {
    "open": ("jtscan.scanner:Scanner.__init__",),
    "catalog": ("jtscan.market.catalog:make_catalog",),
    "plan": ("jtscan.formula:compile_formula",),
    "read: decode": ("jtscan.market.slices:Slices._rows", "jtscan.market.duck:Duck.frame"),
    "read: clean, check, cut": ("jtscan.engines.work:Work.read", "jtscan.market.snapshot:PriceSnapshot.read"),
    "wait for reading": ("concurrent.futures:Future.result",),
    "symbol steps": ("jtscan.engines.steps.indicators:run_symbols",),
    "row steps": ("jtscan.engines.steps.evaluate:_run_rows",),
    "evaluate, otherwise": ("jtscan.engines.steps.evaluate:evaluate",),
    "cut + gather": ("jtscan.engines.results:cut",),
    "results of a chunk": ("jtscan.engines.work:Work.process_chunk",),
    "publish, loop": ("jtscan.engines.processing:ProcessingEngine._process_batch_sync",),
    "aggregate": ("jtscan.aggregate:SignalAggregator.aggregate",),
    "statistics": ("jtscan.aggregate:SignalAggregator.get_statistics",),
    "account": ("jtscan.scan:_outcomes",),
}
READS = ("read: decode", "read: clean, check, cut")
# Counted only within others: the catalog decodes too, and other threads wait for other things.
WITHIN = {"read: decode": {"read: clean, check, cut"}, "wait for reading": set(PARTS)}


@dataclass
class Clocks:
    """Seconds of each part, in the threads of the scan and in those that read ahead."""

    inside: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    ahead: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    local: threading.local = field(default_factory=threading.local)

    def timed(self, part, function):
        @functools.wraps(function)
        def call(*arguments, **options):
            stack = self.local.__dict__.setdefault("stack", [])
            if part in WITHIN and WITHIN[part].isdisjoint(outer for outer, _ in stack):
                return function(*arguments, **options)
            with self._clock(part, stack):
                return function(*arguments, **options)

        return call

    @contextmanager
    def _clock(self, part, stack):
        """Count what is taken within, less what the parts within take."""
        stack.append([part, 0.0])
        counted = self.ahead if stack[0][0] in READS else self.inside
        started = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - started
            counted[part] += taken - stack.pop()[1]
            if stack:
                stack[-1][1] += taken


def _found(name):
    """The holder and the name of a part; None where there is no such thing."""
    module, _, path = name.partition(":")
    *holders, last = path.split(".")
    try:
        holder = functools.reduce(getattr, holders, importlib.import_module(module))
        return (holder, last) if callable(getattr(holder, last)) else None
    except (ImportError, AttributeError):
        return None


@contextmanager
def clocked():
    """Time the parts; a function is replaced wherever it was imported to."""
    clocks = Clocks()
    with ExitStack() as stack:
        for part, names in PARTS.items():
            for holder, last in filter(None, map(_found, names)):
                function = getattr(holder, last)
                timed = clocks.timed(part, function)
                others = [each for name, each in list(sys.modules.items()) if name.startswith("jtscan")]
                for place in {id(each): each for each in (holder, *others)}.values():
                    if place.__dict__.get(last) is function:
                        stack.enter_context(patch.object(place, last, timed))
        yield clocks


def split(setting):
    data = setting.prices(3_000, 2_500)
    columns = {scan: _medians(data, FORMULAS[scan], EVERY_BAR, setting.rounds) for scan in ("S1", "S2")}
    rows = []
    for part in [*PARTS, "rest", "whole", *(f"in the reading thread, {part}" for part in READS)]:
        if not any(seconds[part] for seconds in columns.values()):
            continue
        cells = []
        for seconds in columns.values():
            share = None if part.startswith("in the") else 100 * seconds[part] / seconds["whole"]
            cells += [float(seconds[part]), share]
        rows.append([part, *cells])
    missing = [name for names in PARTS.values() for name in names if _found(name) is None]
    notes = ["without the first scan; CPU of other threads that Polars and DuckDB use is in the part that asked for it"]
    return [Table(
        title=f"split: where the time of a scan goes, {named(data)}, sequential, opened anew; medians of {setting.rounds}",
        columns=["", "S1 s", "%", "S2 s", "%"],
        rows=rows,
        notes=[*notes, *([f"not found: {', '.join(missing)}"] if missing else [])],
    )]  # fmt: skip


def _medians(data, formula, dates, rounds):
    runs = [_one(data, formula, dates) for _ in range(rounds + 1)][1:]
    return defaultdict(float, {part: statistics.median(run[part] for run in runs) for part in set().union(*runs)})


def _one(data, formula, dates):
    def scan():
        jt.Scanner(prices=data, columns={"timestamp": "date"}).scan(formula, progress=False, **dates)

    with clocked() as clocks:
        whole = seconds_of(scan)
    ahead = {f"in the reading thread, {part}": seconds for part, seconds in clocks.ahead.items()}
    rest = whole - sum(clocks.inside.values())
    return defaultdict(float, {**clocks.inside, **ahead, "rest": rest, "whole": whole})
