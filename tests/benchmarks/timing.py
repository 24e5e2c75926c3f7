"""What the benchmarks share: whole processes measured, medians, tables of aligned text."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

_SMALL, _LARGE = 1, 100


@dataclass(frozen=True)
class Run:
    """A whole process: seconds, seconds of CPU, its peak in MiB."""

    wall: float
    cpu: float
    megabytes: float


def measured(command):
    """Run a whole process; the operating system says what it took."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def seconds_of(make):
    started = time.perf_counter()
    make()
    return time.perf_counter() - started


def median_of(rounds, make):
    """Median seconds, the first run left out."""
    make()
    return statistics.median(seconds_of(make) for _ in range(rounds))


@dataclass(frozen=True, kw_only=True)
class Table:
    """What is printed: numbers to the right, a column's all with the same digits; None is left empty."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()

    def __str__(self):
        cells = zip(*map(_column, self.columns, zip(*self.rows, strict=True)), strict=True)
        return "\n".join(
            [self.title, *("  " + "  ".join(row).rstrip() for row in cells), *map("  {}".format, self.notes)]
        )


def _column(head, values):
    numbers = [value for value in values if isinstance(value, float)]
    largest = max(map(abs, numbers), default=0)
    digits = 3 if largest < _SMALL else 2 if largest < _LARGE else 0
    texts = [head, *(_text(value, digits) for value in values)]
    width = max(map(len, texts))
    left = all(value is None or isinstance(value, str) for value in values)
    return [text.ljust(width) if left else text.rjust(width) for text in texts]


def _text(value, digits):
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else value
