"""Scans at once: so many work at a time, first come, first served, long ones let others work in between."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

import jtscan as jt
from jtscan import turns
from jtscan.domain.control import CancellationToken
from jtscan.testing import ProgressRecorder, make_bars
from jtscan.turns import Turns, most_at_once

CLOSES = {name: [10.0, 11, 12] for name in "ABCD"}


@pytest.fixture
def line(monkeypatch):
    """A line of the test's own, in which nobody passes on."""
    made = Turns(slice_seconds=60)
    monkeypatch.setattr("jtscan.scanner.PROCESS", made)
    return made


@pytest.fixture
def prices(tmp_path):
    make_bars(CLOSES).write_parquet(tmp_path / "prices.parquet")
    return tmp_path / "prices.parquet"


class Gate(ProgressRecorder):
    """Holds a scan at its first symbol until it is opened."""

    def __init__(self):
        super().__init__()
        self.reached, self.open = threading.Event(), threading.Event()

    def on_result(self, result):
        self.reached.set()
        assert self.open.wait(10)
        super().on_result(result)


def begin(scan, **given):
    """Start a scan in a thread; returns the thread and where its result will be."""
    found = []
    thread = threading.Thread(target=lambda: found.append(scan("close > close[1]", **given)))
    thread.start()
    return thread, found


def until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.mark.parametrize("asked", [0, -1, 1.5, True, "2"])
def test_what_is_no_number_of_scans_is_refused(prices, asked):
    with pytest.raises(jt.RequestError, match=r"max_concurrent_scans: .* is not a number of scans"):
        jt.Scanner(prices=prices, max_concurrent_scans=asked)


def test_without_a_word_there_is_a_scan_for_each_core(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert most_at_once(None) == 3


def test_a_second_scan_waits_says_so_and_gives_the_same(prices, line):
    first, second = (jt.Scanner(prices=prices, max_concurrent_scans=1) for _ in range(2))
    gate, heard = Gate(), ProgressRecorder()
    one, _ = begin(first.scan, observer=gate)
    assert gate.reached.wait(10)
    other, found = begin(second.scan, observer=heard)
    until(lambda: heard.phases)
    assert heard.phases == ["waiting for 1 other scan"]
    gate.open.set()
    one.join(10)
    other.join(10)
    assert heard.phases == ["waiting for 1 other scan", "resolving", "scanning", "aggregating"]
    assert found[0].signals.total_matches == 8
    assert (line.working, list(line.line)) == (0, [])


def test_never_more_scans_work_than_may(prices, line):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=2)
    at_work, most = [0], [0]
    lock = threading.Lock()

    class Counting(ProgressRecorder):
        def on_phase(self, phase):
            with lock:
                at_work[0] += (phase == "scanning") - (phase == "aggregating")
                most[0] = max(most[0], at_work[0])
            time.sleep(0.005)

    threads = [begin(scanner.scan, observer=Counting())[0] for _ in range(8)]
    for thread in threads:
        thread.join(20)
    assert most[0] == 2


def test_scans_begin_in_the_order_in_which_they_came(prices, line):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
    gate, order = Gate(), []
    first, _ = begin(scanner.scan, observer=gate)
    assert gate.reached.wait(10)
    waiting = []
    for number in range(4):
        waiting.append(begin(scanner.scan, progress_callback=lambda done, _, n=number: order.append(n))[0])
        until(lambda number=number: len(line.line) == number + 1)
    gate.open.set()
    for thread in (first, *waiting):
        thread.join(20)
    assert list(dict.fromkeys(order)) == [0, 1, 2, 3]


def test_a_long_scan_lets_a_short_one_work_in_between(prices, line):
    line.slice_seconds = 0
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
    gate, order = Gate(), []
    long, _ = begin(scanner.scan, observer=gate, progress_callback=lambda done, _: order.append(f"long {done}"))
    assert gate.reached.wait(10)
    short, _ = begin(scanner.scan, progress_callback=lambda done, _: order.append(f"short {done}"))
    until(lambda: line.line)
    gate.open.set()
    long.join(10)
    short.join(10)
    assert order.index("short 1") < order.index("long 4")
    assert len(order) == 8


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
def test_a_waiting_scan_can_be_stopped(prices, line, how):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
    gate, token = Gate(), jt.CancellationToken()
    one, _ = begin(scanner.scan, observer=gate)
    assert gate.reached.wait(10)
    other, found = begin(scanner.scan, cancellation_token=token, timeout=0.05 if how == "out of time" else None)
    until(lambda: line.line or found)
    if how == "cancelled":
        token.cancel()
    other.join(10)
    assert found[0].cancelled
    assert found[0].account.filter(status="cancelled")["symbols"].sum() in {0, 4}
    assert not found[0].signals.total_matches
    gate.open.set()
    one.join(10)
    assert (line.working, list(line.line)) == (0, [])


def test_waiting_does_not_hold_up_the_loop(prices, line):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
    gate = Gate()
    one, _ = begin(scanner.scan, observer=gate)
    assert gate.reached.wait(10)

    async def main():
        waiting = asyncio.create_task(scanner.scan_async("close > 1"))
        ticks = 0
        await asyncio.to_thread(until, lambda: line.line)
        for _ in range(5):
            await asyncio.sleep(0.005)
            ticks += 1
        gate.open.set()
        return ticks, await waiting

    ticks, result = asyncio.run(main())
    one.join(10)
    assert ticks == 5
    assert not result.cancelled


def test_many_scans_of_one_loop_come_to_an_end(prices, line):
    line.slice_seconds = 0

    async def main():
        scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
        return await asyncio.gather(*(scanner.scan_async("close > close[1]") for _ in range(12)))

    assert [result.signals.total_matches for result in asyncio.run(main())] == [8] * 12


@pytest.mark.parametrize("limit", [1, 2])
def test_a_scan_inside_another_works_in_its_turn(prices, line, limit):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=limit)
    inner = []

    def callback(completed, total):
        if completed == 1:
            inner.append(scanner.scan("close > close[1]", symbols=["A"]))
            inner.append(asyncio.run(scanner.scan_async("close > close[1]", symbols=["B"])))

    outer = scanner.scan("close > close[1]", progress_callback=callback)
    assert [result.signals.total_matches for result in (outer, *inner)] == [8, 2, 2]


def test_a_scan_that_ends_badly_gives_its_turn_back(prices, line):
    scanner = jt.Scanner(prices=prices, max_concurrent_scans=1)
    with pytest.raises(jt.FormulaError):
        scanner.scan("close >")
    assert not scanner.scan("close > 1").cancelled
    assert line.working == 0


def test_a_lent_turn_is_another_s_and_comes_back():
    line, token = Turns(), CancellationToken()

    async def main():
        async with line.turn(token, print, most=1) as turn:
            with turn.lent():
                lent = line.working
            return lent, line.working

    assert asyncio.run(main()) == (0, 1)
    assert line.working == 0


def test_the_line_is_that_of_the_process(prices):
    made = [jt.Scanner(prices=prices)._use_case._turn for _ in range(2)]
    assert all(isinstance(each, partial) and each.func.__self__ is turns.PROCESS for each in made)
