"""Scanner: put together, sync and async, interrupted, with listeners."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import jtscan as jt
from jtscan.market.duck import Duck
from jtscan.testing import ProgressRecorder, make_bars

SAMPLE = Path(__file__).parents[1] / "data"
RISING = [10.0, 11, 12]


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.parquet"
    make_bars({"A": RISING, "B": RISING[::-1]}).write_parquet(path)
    return path


@pytest.fixture
def scanner(prices):
    return jt.Scanner(prices=prices, raise_internal=True)


def test_a_scanner_needs_exactly_one_place_of_data(prices):
    for given in ({}, {"data": "data", "prices": prices}):
        with pytest.raises(jt.RequestError, match="data: give a data folder, or prices="):
            jt.Scanner(**given)


@pytest.mark.parametrize("given", [{"data": "nowhere"}, {"prices": "nowhere/*.parquet"}])
def test_no_data_is_told_when_the_scanner_is_made(given):
    with pytest.raises(jt.DataNotFoundError, match="nowhere"):
        jt.Scanner(**given)


def test_a_folder_without_prices_says_how_to_get_some(tmp_path):
    with pytest.raises(jt.DataNotFoundError, match=r"prices/<timeframe>/\*\.parquet.*--sample"):
        jt.Scanner(tmp_path)


def test_scan_works_where_a_loop_is_running(scanner):
    async def main():
        return scanner.scan("close > close[1]"), await scanner.scan_async("close > close[1]")

    inside, awaited = asyncio.run(main())
    assert inside.signals.matches.equals(awaited.signals.matches)
    assert inside.signals.total_matches == 2


def test_scan_takes_what_scan_async_takes():
    assert inspect.signature(jt.Scanner.scan).parameters == inspect.signature(jt.Scanner.scan_async).parameters
    assert "Ctrl-C" in jt.Scanner.scan.__doc__


@pytest.mark.parametrize(
    ("args", "given", "said"),
    [
        (
            (),
            {"symbol": ["A"]},
            r"Scanner\.scan\(\) got an unexpected keyword argument 'symbol' \(did you mean 'symbols'\?\)$",
        ),
        ((), {"params": {}}, r"Scanner\.scan\(\) got an unexpected keyword argument 'params'"),
        ((), {"zzz": 1}, r"Scanner\.scan\(\) got an unexpected keyword argument 'zzz'$"),
        (("KOSPI",), {}, r"Scanner\.scan\(\) got arguments that do not fit: too many positional arguments$"),
    ],
)
def test_an_argument_that_scan_does_not_have_is_told_by_the_name_that_was_called(scanner, args, given, said):
    with pytest.raises(TypeError, match=said):
        scanner.scan("close > 1", *args, **given)


def test_a_scan_without_a_formula_is_told_what_to_give(scanner):
    with pytest.raises(TypeError, match=r"^Scanner\.scan\(\) needs a formula: scan\(\"close > sma\(close, 20\)\"\)$"):
        scanner.scan(symbols=["A"])


def test_the_log_tells_why_no_symbol_was_asked_once_and_nothing_else(scanner, caplog):
    caplog.set_level(logging.WARNING, logger="jtscan")
    nothing = scanner.scan("close > 1", market="kospi")
    asyncio.run(scanner.execute(nothing.request))  # as the form does, which shows it
    scanner.scan("close > 100")
    said = [(each.name, each.levelname, each.getMessage()) for each in caplog.records]
    assert said == [("jtscan", "WARNING", nothing.warnings[0])]
    assert said[0][2].startswith("no symbols in market 'kospi'")


def test_two_signals_on_one_bar_keep_their_order_of_definition(scanner):
    result = scanner.scan("sell = close > 11\nbuy = close > 10", symbols=["A"])
    assert result.signals.matches["signal_type"].to_list() == ["buy", "sell", "buy"]


def test_first_keeps_the_first_bar_of_a_run_also_when_it_began_before_the_range(tmp_path):
    make_bars({"A": [1.0, 5, 5, 1, 5, 5, 5]}).write_parquet(tmp_path / "a.parquet")
    made = jt.Scanner(prices=tmp_path)
    days = made.scan("close > 2", first=True, start="2024-01-01").signals.matches["timestamp"].to_list()
    assert days == [dt.date(2024, 1, 2), dt.date(2024, 1, 5)]
    assert made.scan("close > 2", first=True, start="2024-01-03", end="2024-01-04").signals.total_matches == 0


def test_listeners_hear_of_each_symbol(scanner):
    heard = ProgressRecorder()
    scanner.scan("close > 1", progress_callback=heard, observer=heard)
    assert heard.calls == [(1, 2), (2, 2)]
    assert heard.phases == ["resolving", "scanning", "aggregating"]


def test_the_progress_bar_calls_the_callback_too(scanner, capsys):
    heard = ProgressRecorder()
    scanner.scan("close > 1", progress=True, progress_callback=heard)
    assert heard.calls == [(1, 2), (2, 2)]
    assert "symbols/s" in capsys.readouterr().err


def test_a_token_from_outside_cancels_the_scan(scanner):
    token = jt.CancellationToken()
    token.cancel()
    result = scanner.scan("close > 1", cancellation_token=token)
    assert result.cancelled
    assert dict(result.account.select("status", "symbols").rows())["cancelled"] == 2


def test_describe_checks_the_formula_against_the_columns_there_are(scanner):
    assert scanner.describe("r = rsi(14)\nmatch = r < 30").columns == ("r",)
    with pytest.raises(jt.FormulaError, match="unknown name 'marcap'"):
        scanner.describe("marcap > 1")


def test_eight_threads_may_scan_at_once(scanner):
    found = []
    threads = [threading.Thread(target=lambda: found.append(scanner.scan("close > close[1]"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.signals.total_matches for result in found] == [2] * 8


def test_the_sample_says_that_its_prices_are_invented():
    result = jt.Scanner(SAMPLE).scan("close > open", last=1, symbols=["005930"])
    assert any("invented" in warning for warning in result.warnings)


def test_the_sample_has_its_universe():
    scanner = jt.Scanner(SAMPLE)
    universe = scanner.symbols()
    assert universe.height == 60
    assert {"005930", "000660"} <= set(universe["symbol"])
    assert "KOSPI200" not in universe["symbol"]
    assert scanner.symbols(market="INDEX")["symbol"].to_list() == ["KOSPI200"]
    assert scanner.timeframes() == ["5m", "1d"]
    assert scanner.timeframes(resampled=True) == ["5m", "15m", "30m", "60m", "1d", "1w", "1mo"]


def test_ctrl_c_gives_what_is_done_until_then(prices):
    """A real SIGINT to a real process, in the middle of a slow scan."""
    code = textwrap.dedent("""
        import sys, time, jtscan as jt
        def slow(completed, total):
            print(completed, flush=True)
            time.sleep(0.3)
        symbols = ["A", "B"] + [f"Z{n}" for n in range(200)]
        result = jt.Scanner(prices=sys.argv[1]).scan("close > 1", symbols=symbols, progress_callback=slow)
        print(result.cancelled, result.account["symbols"].sum())
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code, prices], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "1\n"
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out.splitlines()[-1] == "True 202"
    assert err == ""


def test_the_last_result_is_none_before_a_scan_and_then_that_of_the_newest_one_that_ended(scanner):
    assert scanner.last_result is None
    first = scanner.scan("close > 1")
    assert scanner.last_result is first
    token = jt.CancellationToken()
    token.cancel()
    stopped = scanner.scan("close > 1", cancellation_token=token)
    assert scanner.last_result is stopped
    with pytest.raises(jt.FormulaError):
        scanner.scan("close >")
    assert scanner.last_result is stopped


def test_a_cancelled_task_leaves_its_partial_result(prices):
    reached = threading.Event()
    slow = jt.Scanner(prices=prices)

    def hold(completed, total):
        reached.set()
        time.sleep(0.1)

    async def held():
        task = asyncio.create_task(slow.scan_async("close > 1", progress_callback=hold))
        assert await asyncio.to_thread(reached.wait, 10)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(held())
    assert slow.last_result.cancelled
    assert slow.last_result.outcomes["status"].to_list() == ["matched", "cancelled"]
    assert slow.last_result.warnings == ("the task that awaited the scan was cancelled",)


def test_a_resolution_that_is_stopped_says_so_and_leaves_the_data_as_it_was(prices, monkeypatch):
    """The catalog of the files is read while Ctrl-C comes: no file may count as broken afterwards."""
    fresh = jt.Scanner(prices=prices)
    token = jt.CancellationToken()
    real = Duck.frame

    def stopped(self, query, parameters=None):
        token.cancel("stop")
        return real(self, query, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(Duck, "frame", stopped)
        result = fresh.scan("close > close[1]", cancellation_token=token)
    assert result.cancelled
    assert result.warnings == ("cancelled before it was known which symbols to ask", "stop")
    assert fresh.scan("close > close[1]").signals.total_matches == 2


def test_a_result_is_reproducible_from_its_request(scanner):
    result = scanner.scan("close > close[1]", symbols=["A"])
    again = asyncio.run(scanner.execute(result.request))
    assert again.signals.matches.equals(result.signals.matches)
    assert again.data_version == result.data_version


def test_an_unchanged_file_has_its_version_and_a_changed_one_another(prices, scanner):
    first = scanner.scan("close > close[1]")
    same = scanner.scan("close > close[1]")
    make_bars({"A": [*RISING, 13.0]}).write_parquet(prices)
    changed = scanner.scan("close > close[1]")
    assert first.data_version == same.data_version != changed.data_version
    assert (first.signals.total_matches, changed.signals.total_matches) == (2, 3)
    assert isinstance(changed.signals.matches, pl.DataFrame)


def test_a_scan_reads_one_snapshot_and_tells_its_version(prices, scanner):
    before = scanner.scan("close > close[1]").data_version

    class Replacer(ProgressRecorder):
        def on_phase(self, phase):
            if phase == "scanning":
                make_bars({"A": [*RISING, 13.0, 14.0]}).write_parquet(prices.with_suffix(".new"))
                prices.with_suffix(".new").replace(prices)

    assert scanner.scan("close > close[1]", observer=Replacer()).data_version == before
    assert scanner.scan("close > close[1]").data_version != before


def test_a_token_of_another_kind_is_refused(scanner):
    with pytest.raises(jt.RequestError, match="cancellation_token: \\['x'\\] is not a CancellationToken"):
        scanner.scan("close > 1", cancellation_token=["x"])


def test_columns_named_like_anything_of_ours_keep_their_values(tmp_path):
    bars = make_bars({"A": RISING}).with_columns(_i=pl.lit(5.0), _x=pl.lit(6.0), _n1=pl.lit(7.0), _k2=pl.lit(8.0))
    bars.write_parquet(tmp_path / "a.parquet")
    formula = "i = _i * 1\nx = _x\nn = _n1 / 10\nk = _k2\nmatch = _i == 5 and barssince(_x == 6) == 0"
    matches = jt.Scanner(prices=tmp_path).scan(formula, start="1990-01-01").signals.matches
    assert matches.select("i", "x", "n", "k").rows() == [(5.0, 6.0, 0.7, 8.0)] * 3


def test_numbers_of_numpy_are_numbers(scanner):
    assert scanner.scan("close > sma(close, n)", parameters={"n": np.int64(2)}).signals.total_matches == 2


# The sample is of 2022-01-03 to 2024-12-30, its minutes of the last month (data/README.md).
@pytest.mark.parametrize(
    ("timeframe", "last", "first", "newest"),
    [
        ("1d", None, dt.date(2022, 1, 3), dt.date(2024, 12, 30)),
        ("1d", 1, dt.date(2024, 12, 30), dt.date(2024, 12, 30)),
        ("1d", 5, dt.date(2024, 12, 23), dt.date(2024, 12, 30)),
        ("1mo", 2, dt.date(2024, 11, 29), dt.date(2024, 12, 30)),
        ("1w", None, dt.date(2022, 1, 3), dt.date(2024, 12, 30)),  # the first of the days that weeks are made of
        ("5m", 1, dt.datetime(2024, 12, 30, 15, 25), dt.datetime(2024, 12, 30, 15, 25)),
    ],
)
def test_the_span_is_that_of_the_data_or_of_its_newest_bars(timeframe, last, first, newest):
    assert jt.Scanner(SAMPLE).span(timeframe=timeframe, last=last) == (first, newest)


def test_a_span_of_more_bars_than_there_are_is_all_of_them(scanner):
    assert scanner.span(last=1000) == scanner.span()
