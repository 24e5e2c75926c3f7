"""Workers that are killed at any moment, and symbols that kill theirs: everything else is kept, to the bit."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest
from engines import faulty_market as kit
from engines.same import assert_same

from jtscan.domain.jobs import Status
from jtscan.engines.processing import ProcessingEngine
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.testing import ProgressRecorder

CROSS = "score = rank(deadly(close))\nmatch = score > 0.9 and close > sma(close, 20)"
ALONE = "deadly(close) > sma(close, 20)"
# How a worker that a symbol killed is told, by the engine: Dask has tried it on four workers by itself.
DEATHS = {"processes:2": "its worker died (signal 9, SIGKILL) twice", "dask": "4 workers died at it"}
POOLS = ["processes:2", pytest.param("dask", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return kit.make_folder(tmp_path_factory.mktemp("market"), 100, each=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return kit.make_folder(tmp_path_factory.mktemp("large"), 1_000)


@pytest.fixture(scope="module")
def expected(market, large):
    """What the sequential engine gives, made once for each market and formula."""
    made = {}

    def results(which, engine_on, formula=kit.FORMULA):
        key = which.prices, formula
        if key not in made:
            made[key] = engine_on(which.prices, functions=kit.ROWS).process_batch(kit.job(which.symbols, formula))
        return made[key]

    return results


class Killer:
    """A progress callback that kills a worker, or both, at certain moments."""

    def __init__(self, pids, moments, *, most=1):
        self.pids = pids
        self.left = sorted(moments)
        self.most = most
        self.killed = 0

    def __call__(self, completed, total):
        if self.left and completed >= self.left[0]:
            self.left.pop(0)
            for pid in self.pids()[: self.most]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed += 1


@pytest.mark.parametrize("where", POOLS)
def test_a_worker_killed_in_the_middle_costs_nothing(market, expected, where, engine_on, pids_at):
    killer = Killer(lambda: pids_at(where), [30])
    engine = engine_on(market.prices, where, chunk_bars=900, functions=kit.ROWS)
    results = engine.process_batch(kit.job(market.symbols), killer)
    assert killer.killed == 1
    assert_same(results, expected(market, engine_on))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("where", ["processes:2", "dask"])
def test_workers_killed_at_any_moment_cost_nothing(large, expected, where, seed, engine_on, pids_at):
    dice = random.Random(seed)
    moments = [dice.randrange(0, 950) for _ in range(3)]
    killer = Killer(lambda: pids_at(where), moments, most=dice.choice([1, 2]))
    engine = engine_on(large.prices, where, chunk_bars=dice.choice([300, 3_000, 20_000]), functions=kit.ROWS)
    results = engine.process_batch(kit.job(large.symbols), killer)
    assert killer.killed
    assert_same(results, expected(large, engine_on))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["processes:2", "dask"])
def test_workers_killed_while_symbols_are_compared_cost_nothing(large, expected, where, engine_on, pids_at):
    """Nothing is published in the pass that gathers, so that the kills come by the clock."""
    engine = engine_on(large.prices, where, chunk_bars=3_000, functions=kit.ROWS)
    engine.process_batch(kit.job(large.symbols[:10]))
    over, killed = threading.Event(), []

    def kill():
        for pause in (0.1, 0.3, 0.5, 0.9):
            if over.wait(pause):
                return
            for pid in pids_at(where)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    results = engine.process_batch(kit.job(large.symbols, CROSS))
    over.set()
    thread.join()
    assert killed
    assert_same(results, expected(large, engine_on, CROSS))


# ── symbols that kill their worker ────────────────────────────────────────────


def with_killers(folder, count, killers):
    """A market without faults but these; and it without them."""
    market = kit.make_folder(folder, count, each=0)
    for symbol in killers:
        frame = kit.clean(int(symbol[1:]))
        path = market.prices / f"{symbol}.parquet"
        path.unlink()
        kit.last_close(frame, kit.KILLED).write_parquet(path)
    return market


@pytest.mark.slow
@pytest.mark.parametrize("killers", [["S0007"], ["S0003", "S0031"]], ids=["one", "two"])
@pytest.mark.parametrize("where", ["processes:2", "dask"])
def test_a_symbol_that_kills_its_worker_fails_alone(tmp_path, killers, where, engine_on):
    market = with_killers(tmp_path, 40, killers)
    engine = engine_on(market.prices, where, chunk_bars=2_000, functions=kit.ROWS)
    results = engine.process_batch(kit.job(market.symbols, ALONE))
    assert [each.symbol for each in results] == market.symbols
    failed = {each.symbol: each.error for each in results if each.status is Status.FAILED}
    assert failed == dict.fromkeys(killers, DEATHS[where])
    left = [symbol for symbol in market.symbols if symbol not in killers]
    alone = engine_on(market.right_prices, functions=kit.ROWS).process_batch(kit.job(left, ALONE))
    assert_same([each for each in results if each.symbol not in failed], alone)


@pytest.mark.parametrize(
    ("count", "where"),
    [
        (30, "processes:2"),
        pytest.param(1_000, "processes:2", marks=pytest.mark.slow),
        pytest.param(1_000, "dask", marks=pytest.mark.slow),
    ],
)
def test_a_symbol_that_kills_its_worker_is_not_compared_and_the_account_says_so(tmp_path, count, where, engine_on):
    market = with_killers(tmp_path, count, ["S0007"])
    heard = ProgressRecorder()
    engine = engine_on(market.prices, where, chunk_bars=2_000, functions=kit.ROWS)
    results = engine.process_batch(kit.job(market.symbols, CROSS), observer=heard)
    said = f"cross-section: {count - 1:,} of {count:,} symbols; failed: S0007: {DEATHS[where]}"
    assert heard.warnings == [said]
    assert {each.symbol: each.error for each in results if each.status is Status.FAILED} == {"S0007": DEATHS[where]}
    left = [symbol for symbol in market.symbols if symbol != "S0007"]
    alone = engine_on(market.right_prices, functions=kit.ROWS).process_batch(kit.job(left, CROSS))
    assert_same([each for each in results if each.symbol != "S0007"], alone)


@pytest.mark.slow
def test_idle_workers_that_are_killed_cost_the_next_scan_nothing(market, expected, engine_on, pids_at):
    engine = engine_on(market.prices, "processes:2", chunk_bars=2_000, functions=kit.ROWS)
    engine.process_batch(kit.job(market.symbols))
    for pid in pids_at("processes:2"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert_same(engine.process_batch(kit.job(market.symbols)), expected(market, engine_on))


def test_a_worker_that_is_killed_while_it_starts_is_started_again(market):
    engine = ProcessingEngine(DuckDBPriceRepository(prices=market.prices), functions=kit.ROWS, where="processes:1")
    pool, killed = engine._place.crew._pool, set()
    while len(killed) < 2:
        for each in set(pool._processes):
            if each.pid not in killed:
                os.kill(each.pid, signal.SIGKILL)
                killed.add(each.pid)
        time.sleep(0.01)
    results = engine.process_batch(kit.job(market.symbols))
    engine.close()
    assert [each.symbol for each in results] == market.symbols
    assert Status.MATCHED in {each.status for each in results}
