"""What a scan costs beside its batch, and what it costs to listen to it."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

from made import named
from peers.formulas import EVERY_BAR, FORMULAS
from timing import Table, seconds_of

import jtscan as jt
from engine_tables.rounds import met

USE_CASE_AT_MOST = 15.0
LISTENING_AT_MOST = 3.0
QUIET = "nobody listens"


@contextmanager
def batch_clock():
    """Time the batch of the scans within."""
    seconds = []
    process = jt.ProcessingEngine.process_batch_async

    async def timed(*arguments, **options):
        started = time.perf_counter()
        try:
            return await process(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - started)

    with patch.object(jt.ProcessingEngine, "process_batch_async", timed):
        yield seconds


@contextmanager
def logged(path, level):
    logger, handler = logging.getLogger("jtscan"), logging.FileHandler(path)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        handler.close()


def overhead(setting):
    data = setting.prices(3_000, 2_500)
    scanner = jt.Scanner(prices=data, columns={"timestamp": "date"})
    scan = partial(scanner.scan, FORMULAS["S1"], progress=False, **EVERY_BAR)
    matches = scan().signals.total_matches
    yield _beside_the_batch(scan, setting.rounds, f"{named(data)}, S1, {matches:,} matches")
    yield _listening(scan, setting.rounds, named(data))


def _beside_the_batch(scan, rounds, title):
    with batch_clock() as batches:
        wholes = [seconds_of(scan) for _ in range(rounds)]
    if not batches:
        raise SystemExit("not found: a scan does not call ProcessingEngine.process_batch_async")
    share = statistics.median(100 * (1 - batch / whole) for batch, whole in zip(batches, wholes, strict=True))
    return Table(
        title=f"overhead: use case, aggregation and account, {title}",
        columns=["whole s", "batch s", "beside it %", "mark", "met"],
        rows=[[*map(statistics.median, (wholes, batches)), share, USE_CASE_AT_MOST, met(share, USE_CASE_AT_MOST)]],
    )


def _listening(scan, rounds, title):
    heard = partial(scan, progress_callback=lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            QUIET: scan,
            "progress callback": heard,
            "log to a file, INFO": _logging(scan, Path(folder) / "info.log", logging.INFO),
            "log to a file, DEBUG: a line per symbol": _logging(scan, Path(folder) / "debug.log", logging.DEBUG),
            "both": _logging(heard, Path(folder) / "both.log", logging.DEBUG),
        }
        taken = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(seconds_of(way))
    rows = []
    for name, seconds in taken.items():
        more = statistics.median(100 * (a / b - 1) for a, b in zip(seconds, taken[QUIET], strict=True))
        mark = (None, None, None) if name == QUIET else (more, LISTENING_AT_MOST, met(more, LISTENING_AT_MOST))
        rows.append([name, statistics.median(seconds), *mark])
    return Table(
        title=f"overhead: listening, {title}, S1; median of the rounds' ratios",
        columns=["", "s", "more %", "mark", "met"],
        rows=rows,
    )


def _logging(scan, path, level):
    def call():
        with logged(path, level):
            scan()

    return call
