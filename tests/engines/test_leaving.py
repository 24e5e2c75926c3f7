"""Python ends, forks, pickles, or lets the workers go while a scan is at work: nothing hangs, and what is wrong is said."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from engines import faulty_market as kit

import jtscan as jt

ENGINES = ["sequential", "threads:2", "processes:2"]
ROOTS = [str(Path(jt.__file__).parents[1]), str(Path(__file__).parents[1])]

BEGIN = """
import os, sys, threading
import polars as pl
import jtscan as jt

@jt.function(lookback=0)
def slow(x: pl.Expr = "close") -> pl.Expr:
    def slept(values):
        import time
        if len(values) == 300:
            time.sleep(0.1)
        return values
    return x.map_batches(slept, return_dtype=pl.Float64)

prices, engine = sys.argv[1:]
scanner = jt.Scanner(prices=prices, engine=engine, functions=[slow])
asked = {"start": "2000-01-01", "allow_lookahead": True, "progress": False}
"""
LEAVES = f"""{BEGIN}
begun = threading.Event()

def scan():
    result = scanner.scan("slow() > 1", progress_callback=lambda *_: begun.set(), **asked)
    counts = dict(result.outcomes["status"].value_counts().iter_rows())
    print("cancelled" if counts.get("cancelled", 0) > 100 and result.cancelled else counts, flush=True)

threading.Thread(target=scan).start()
begun.wait(30)
"""
FORKS = f"""{BEGIN}
print(scanner.scan("close > 1", **asked).outcomes.height, flush=True)
child = os.fork()
if not child:
    try:
        scanner.scan("close > 1", **asked)
    except jt.JtscanError as error:
        print(type(error).__name__, str(error), flush=True)
    os._exit(0)  # the library's own end in a fork is a segmentation fault
print(os.waitpid(child, 0)[1], scanner.scan("close > 1", **asked).outcomes.height, flush=True)
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return kit.make_folder(tmp_path_factory.mktemp("market"), 400, each=0)


def run(script, market, engine):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS)}
    return subprocess.run(
        [sys.executable, "-c", script, str(market.prices), engine],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_python_that_ends_while_a_scan_is_at_work_does_not_wait_for_all_of_it(market, engine):
    """Forty seconds of work are left when the main thread ends; what is done until then is a result."""
    ended = run(LEAVES, market, engine)
    assert (ended.returncode, ended.stdout.strip()) == (0, "cancelled")
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fork_is_told_what_it_is_and_its_end_harms_nobody(market, engine):
    ended = run(FORKS, market, engine)
    first, child, last = ended.stdout.strip().splitlines()
    assert (first, last) == ("400", "0 400")
    assert child.startswith("EngineError this process is a fork of the one that made the scanner")
    assert "Traceback" not in ended.stderr


def test_a_scanner_is_not_pickled():
    scanner = jt.Scanner(kit_data())
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(scanner)


def kit_data():
    return Path(ROOTS[0]) / "data"


# ── workers that are let go, and what cannot be sent to them ──────────────────


@pytest.fixture
def small(tmp_path):
    return kit.make_folder(tmp_path, 60, each=0)


def scanner_of(market, engine, functions=()):
    """A scanner that cuts small chunks, so that a scan takes a while."""
    made = jt.Scanner(prices=market.prices, engine=engine, functions=functions)
    made._engine._place._chunk_bars = 1_500
    return made


@pytest.mark.parametrize("engine", ["threads:2", "processes:2"])
def test_a_scanner_that_is_closed_while_it_scans_says_so_and_scans_again(small, engine):
    with scanner_of(small, engine) as scanner:

        def close(completed, total):
            if completed == 5:
                thread = threading.Thread(target=scanner.close)
                thread.start()
                thread.join()
                time.sleep(0.1)

        with pytest.raises(jt.EngineError, match="the workers were let go while a scan was at work"):
            scanner.scan("close > 1", start="2000-01-01", progress_callback=close)
        assert scanner.scan("close > 1", start="2000-01-01").outcomes["status"].unique().to_list() == ["matched"]


def test_what_cannot_be_sent_to_a_process_is_named(small):
    with Path(__file__).open("rb") as file:

        @jt.function(lookback=0)
        def holding(x: pl.Expr = "close") -> pl.Expr:
            return x.map_batches(lambda values: (file, values)[1], return_dtype=pl.Float64)

        expression = pl.col("close").map_batches(lambda values: (file, values)[1], return_dtype=pl.Float64) > 1
        with (
            scanner_of(small, "processes:2", [holding]) as scanner,
            pytest.raises(jt.EngineError, match=r"the function holding cannot be sent to another process: .*pickle"),
        ):
            scanner.scan("holding() > 1", start="2000-01-01", allow_lookahead=True)
        with (
            scanner_of(small, "processes:2") as scanner,
            pytest.raises(jt.EngineError, match=r"the formula cannot be sent to another process: .*pickle"),
        ):
            scanner.scan(expression, lookback=0, start="2000-01-01", allow_lookahead=True)
        with scanner_of(small, "threads:2", [holding]) as scanner:
            result = scanner.scan("holding() > 1", start="2000-01-01", allow_lookahead=True)
            assert result.outcomes["status"].unique().to_list() == ["matched"]
