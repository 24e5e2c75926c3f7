"""scanner.stream: results as they come, bounded, stopped when nobody takes them."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time

import pytest

import jtscan as jt
from jtscan.domain.control import CancellationToken
from jtscan.handing import Handed
from jtscan.testing import ProgressRecorder, make_bars
from jtscan.turns import Turns

NAMES = [f"{number:03d}" for number in range(40)]


@pytest.fixture
def scanner(tmp_path):
    make_bars({name: [10.0, 11, 12] for name in NAMES}).write_parquet(tmp_path / "prices.parquet")
    return jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)


@pytest.fixture
def threads():
    """What names the threads of ours that have begun since."""
    before = set(threading.enumerate())
    return lambda: {each.name for each in set(threading.enumerate()) - before if each.name.startswith("jtscan")}


def until(true):
    """Wait for something; whether it came."""
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


async def collected(scanner, formula="close > close[1]", **given):
    return [result async for result in scanner.stream(formula, **given)]


def test_a_stream_gives_what_a_scan_collects_in_its_order(scanner):
    whole = scanner.scan("close > close[1]")
    given = asyncio.run(collected(scanner))
    assert [result.symbol for result in given] == whole.outcomes["symbol"].to_list() == NAMES
    assert sum(result.matches.height for result in given) == whole.signals.total_matches
    assert {str(result.status) for result in given} == {"matched"}


def test_stream_takes_what_scan_takes():
    assert inspect.signature(jt.Scanner.stream).parameters == inspect.signature(jt.Scanner.scan).parameters
    assert jt.Scanner.stream.__name__ == "stream"
    for name in ("Parameters", "checkpoint", "Raises", "Returns", "Examples", "async iterator of ProcessingResult"):
        assert jt.Scanner.stream.__doc__.count(f"        {name}\n") == 1, name


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"formula": "close >"}, jt.FormulaError),
        ({"formula": "close > 1", "last": 0}, jt.RequestError),
        ({"formula": "nonsense > 1"}, jt.FormulaError),
        ({"formula": "close > 1", "timeout": -1}, jt.RequestError),
    ],
)
def test_what_is_wrong_is_raised_at_first(scanner, given, error):
    with pytest.raises(error):
        asyncio.run(collected(scanner, **given))


def test_an_argument_that_stream_does_not_have_is_told_by_its_name(scanner):
    with pytest.raises(TypeError, match=r"Scanner\.stream\(\) got an unexpected keyword argument 'symbol' \(did"):
        scanner.stream("close > 1", symbol=["A"])


def test_no_symbols_are_no_results_and_the_observer_hears_why(scanner):
    heard = ProgressRecorder()
    assert asyncio.run(collected(scanner, market="KOSPY", observer=heard)) == []
    assert heard.warnings[0].startswith("no symbols in market 'KOSPY'")


@pytest.mark.parametrize("how", ["break", "aclose", "the task is cancelled"])
def test_who_stops_taking_stops_the_batch_and_its_thread(scanner, how, threads):
    heard = ProgressRecorder()

    async def some():
        async for result in scanner.stream("close > close[1]", observer=heard):
            assert result.symbol == "000"
            if how == "the task is cancelled":
                await asyncio.sleep(60)
            break

    async def main():
        if how == "aclose":
            stream = scanner.stream("close > close[1]", observer=heard)
            assert (await anext(stream)).symbol == "000"
            await stream.aclose()
        else:
            task = asyncio.create_task(some())
            await asyncio.sleep(0.3 if how == "the task is cancelled" else 0)
            if how == "the task is cancelled":
                task.cancel()
            await asyncio.wait([task])
        return await asyncio.to_thread(until, lambda: not threads())

    assert asyncio.run(main())


def test_the_batch_waits_for_who_is_slow_to_take():
    made = []

    async def main():
        line = Turns()

        async def work(put):
            async with line.turn(CancellationToken(), print, most=1) as turn:
                await asyncio.to_thread(make, put, turn)

        def make(put, turn):
            for number in range(10):
                put(number, turn)
                made.append(number)

        taken, ahead = [], []
        async with Handed(CancellationToken(), work, on_the_way=3) as handed:
            async for number in handed:
                await asyncio.sleep(0.02)
                ahead.append(len(made) - len(taken))
                taken.append(number)
                if number == 0:
                    assert await asyncio.to_thread(until, lambda: not line.working), "its turn is lent while it waits"
        return taken, max(ahead)

    taken, most_ahead = asyncio.run(main())
    assert taken == list(range(10))
    assert most_ahead <= 5  # three on the way, one taken, one in the hand


def test_a_cancelled_stream_ends_early_and_the_observer_hears_why(scanner):
    token, heard = jt.CancellationToken(), ProgressRecorder()

    async def main():
        return await collected(
            scanner,
            cancellation_token=token,
            observer=heard,
            progress_callback=lambda done, _: token.cancel("that is enough") if done == 5 else None,
        )

    assert [result.symbol for result in asyncio.run(main())] == NAMES[:5]
    assert heard.warnings == ["that is enough"]


def test_a_stream_whose_time_is_over_before_its_symbols_are_known_says_so(scanner):
    heard = ProgressRecorder()
    assert asyncio.run(collected(scanner, timeout=1e-6, observer=heard)) == []
    assert heard.warnings[-1] == "the scan's timeout of 1e-06 s was over"


def test_a_stream_without_symbols_checks_its_formula_and_says_why(scanner):
    nobody, heard = {"symbols": ["000"], "exclude": ["000"]}, ProgressRecorder()
    assert asyncio.run(collected(scanner, observer=heard, **nobody)) == []
    assert heard.warnings == ["no symbol is left of 1: 1 excluded, 0 not listed in the range"]
    with pytest.raises(jt.FormulaError):
        asyncio.run(collected(scanner, "close >", **nobody))


def test_an_observer_that_raises_at_a_warning_does_not_end_a_stream(scanner):
    class Faulty(ProgressRecorder):
        def on_warning(self, warning):
            raise ValueError(warning)

    token = CancellationToken()
    token.cancel("not today")
    assert asyncio.run(collected(scanner, cancellation_token=token, observer=Faulty())) == []


def test_a_stream_leaves_the_token_of_the_user_alone(scanner):
    token = jt.CancellationToken()

    async def main():
        async for _ in scanner.stream("close > 1", cancellation_token=token):
            break
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert not token.is_cancelled


def test_a_loop_that_is_closed_with_a_stream_half_taken_leaves_no_thread(scanner, threads):
    loop = asyncio.new_event_loop()
    stream = scanner.stream("close > 1")

    async def first():
        return (await anext(stream)).symbol

    assert loop.run_until_complete(first()) == "000"
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert until(lambda: not threads())
