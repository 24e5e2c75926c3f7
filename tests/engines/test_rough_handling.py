"""What users, disks and machines do to a scan while it runs: it ends, and says what became of each symbol."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import threading
import time

import pytest
from engines import faulty_market as kit
from engines.same import assert_same, told

from jtscan.domain.control import CancellationToken
from jtscan.domain.jobs import Status
from jtscan.testing import ProgressRecorder

ENGINES = ["sequential", "threads:2", "processes:2"]
COUNT = 60
CHUNK_BARS = 1_500  # five symbols
FORMULA = (
    "r = rsi(14)\nbuy = cross_above(sma(close, 5), sma(close, 20))\nsell = cross_below(sma(close, 5), sma(close, 20))"
)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return kit.make_folder(tmp_path_factory.mktemp("market"), COUNT, each=0)


@pytest.fixture
def own_market(tmp_path):
    """One that a test may change."""
    return kit.make_folder(tmp_path, COUNT, each=0)


@pytest.fixture
def expected(market, engine_on):
    return engine_on(market.prices).process_batch(kit.job(market.symbols, FORMULA))


@pytest.fixture
def on(engine_on):
    return lambda market, where: engine_on(market.prices, where, chunk_bars=CHUNK_BARS)


def at(moment, do):
    """A progress callback that does something once."""

    def callback(completed, total):
        if completed == moment:
            do()

    return callback


# ── whoever listens ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", ENGINES)
def test_a_cancelled_scan_gives_the_first_symbols_in_order(market, expected, on, where):
    token, heard = CancellationToken(), ProgressRecorder()
    results = on(market, where).process_batch(
        kit.job(market.symbols, FORMULA), at(17, token.cancel), cancellation_token=token, observer=heard
    )
    assert_same(results, expected[:17])
    assert heard.results == results
    assert_same(on(market, where).process_batch(kit.job(market.symbols, FORMULA)), expected)


@pytest.mark.parametrize("where", ENGINES)
def test_a_callback_that_raises_changes_nothing(market, expected, on, where, caplog):
    def callback(completed, total):
        raise RuntimeError("the bar fell over")

    results = on(market, where).process_batch(kit.job(market.symbols, FORMULA), callback)
    assert_same(results, expected)
    assert caplog.text.count("RuntimeError: the bar fell over") == 1


@pytest.mark.parametrize("where", ENGINES)
def test_a_callback_that_ends_python_ends_the_scan_and_the_engine_is_as_good_as_before(market, expected, on, where):
    def leave():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        on(market, where).process_batch(kit.job(market.symbols, FORMULA), at(17, leave))
    assert_same(on(market, where).process_batch(kit.job(market.symbols, FORMULA)), expected)


@pytest.mark.parametrize("where", ENGINES)
def test_a_slow_observer_hears_everything_in_order(market, expected, on, where):
    class Slow(ProgressRecorder):
        def on_result(self, result):
            time.sleep(0.005)
            super().on_result(result)

    slow = Slow()
    results = on(market, where).process_batch(kit.job(market.symbols, FORMULA), observer=slow)
    assert slow.results == results
    assert_same(results, expected)


# ── prices that change under the scan ─────────────────────────────────────────


def check_old_or_failed(results, market, expected):
    """Everybody is there in order; what was read is what there was when the scan began, the rest has failed."""
    assert [each.symbol for each in results] == market.symbols
    for result, old in zip(results, expected, strict=True):
        if result.status is Status.FAILED:
            assert re.match(rf"(.*/)?{result.symbol}\.parquet: .", result.error), result.error
        else:
            assert told(result) == told(old)
            assert result.matches.equals(old.matches, null_equal=True)
    assert Status.FAILED in {each.status for each in results}


@pytest.mark.parametrize("where", ENGINES)
def test_a_folder_that_is_deleted_in_the_middle_costs_those_that_were_not_read_yet(own_market, expected, on, where):
    results = on(own_market, where).process_batch(
        kit.job(own_market.symbols, FORMULA), at(17, lambda: shutil.rmtree(own_market.prices))
    )
    check_old_or_failed(results, own_market, expected)
    assert {each.status for each in results[:17]} == {Status.MATCHED}


@pytest.mark.parametrize("where", ENGINES)
def test_files_that_others_take_the_place_of_in_the_middle_are_never_mixed_up(own_market, expected, on, where):
    def replace():
        for number, path in enumerate(sorted(own_market.prices.iterdir())):
            kit.clean(number + 1000).write_parquet(path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)

    results = on(own_market, where).process_batch(kit.job(own_market.symbols, FORMULA), at(17, replace))
    check_old_or_failed(results, own_market, expected)


@pytest.mark.parametrize("where", ENGINES)
def test_files_that_come_in_the_middle_do_not_matter(own_market, expected, on, where):
    def add():
        for number in range(5):
            kit.clean(number).write_parquet(own_market.prices / f"NEW{number}.parquet")

    results = on(own_market, where).process_batch(kit.job(own_market.symbols, FORMULA), at(17, add))
    assert_same(results, expected)


# ── several at once, workers that hang ────────────────────────────────────────


@pytest.mark.parametrize("where", ENGINES)
def test_two_scans_at_once_on_one_engine_are_both_right(market, expected, on, where):
    engine = on(market, where)
    turned = [*reversed(market.symbols)]
    token = CancellationToken()
    box = {}

    def scan(name, symbols, *more):
        box[name] = engine.process_batch(kit.job(symbols, FORMULA), *more)

    threads = [
        threading.Thread(target=scan, args=given)
        for given in (
            ("one", market.symbols), ("turned", turned), ("cancelled", market.symbols, at(11, token.cancel), token)
        )
    ]  # fmt: skip
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert_same(box["one"], expected)
    assert_same(box["turned"], expected[::-1])
    assert_same(box["cancelled"], expected[:11])


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_after_the_time_of_a_symbol(market, expected, on, pids_at):
    """A worker that is stopped answers nothing for ever; what it had in hand is done by another."""
    engine = on(market, "processes:2")
    engine.process_batch(kit.job(market.symbols[:1], FORMULA))
    hanging = pids_at("processes:2")[:1]

    def stop():
        for pid in hanging:
            os.kill(pid, signal.SIGSTOP)

    results = engine.process_batch(kit.job(market.symbols, FORMULA, symbol_timeout=4.0), at(5, stop))
    assert hanging
    assert_same(results, expected)


def test_an_engine_that_logs_says_what_was_lost(market, on, pids_at, caplog):
    engine = on(market, "processes:2")

    def kill():
        for pid in pids_at("processes:2"):
            os.kill(pid, signal.SIGKILL)

    with caplog.at_level(logging.INFO, logger="jtscan"):
        engine.process_batch(kit.job(market.symbols, FORMULA), at(5, kill))
    assert "was lost: its worker died (signal 9, SIGKILL); sent again" in caplog.text
