"""Bars: where somebody looks, never two, gone when the work is done."""

from __future__ import annotations

import asyncio
import importlib
import io
import re
import sys
import time
import warnings
from types import SimpleNamespace

import polars as pl
import pytest
from tqdm.auto import tqdm

import jtscan as jt
from jtscan import progress
from jtscan.domain.jobs import ProcessingResult, Status
from jtscan.progress import Bar, Watch, count_bar, is_wanted, phase_bar, scan_bar
from jtscan.testing import ProgressRecorder, make_bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Screen:
    """All that was written to stderr until now."""

    def __init__(self, capsys):
        self._capsys = capsys
        self._text = ""

    def getvalue(self):
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def terminal(capsys):
    return Screen(capsys)


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_WORTH_A_BAR", 0.0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)


def failed(symbol):
    return ProcessingResult(symbol=symbol, matches=pl.DataFrame(), error="boom", status=Status.FAILED)


@pytest.mark.parametrize(
    ("asked", "looks", "heard", "wanted"),
    [
        (None, True, False, True),
        (None, True, True, False),
        (None, False, False, False),
        (True, False, True, True),
        (False, True, False, False),
    ],
)
def test_without_a_word_a_bar_is_for_those_who_look_and_hear_nothing_else(monkeypatch, asked, looks, heard, wanted):
    monkeypatch.setattr(sys, "stderr", Terminal() if looks else io.StringIO())
    assert is_wanted(asked, heard=heard) is wanted


@pytest.mark.parametrize("given", ["yes", 1, 0.5])
def test_another_word_for_it_is_refused(given):
    with pytest.raises(jt.RequestError, match="progress: .* write True, False, or None"):
        is_wanted(given)


@pytest.mark.parametrize(
    ("done", "taken", "shown"),
    [(10, 0.9, False), (10, 1.1, True), (99, 1.1, False), (0, 1.1, True), (50, 30.0, True)],
)
def test_a_bar_comes_after_a_second_if_it_is_not_nearly_over(terminal, monkeypatch, done, taken, shown):
    bar = Bar(at_once=False, unit=" symbols")
    now = time.time() + taken
    monkeypatch.setattr(progress.time, "time", lambda: now)
    bar.show(done, 100)
    bar.close()
    assert bool(terminal.getvalue()) is shown


def test_a_bar_says_share_pace_time_left_and_errors_and_leaves_an_empty_line(terminal, hurry):
    bar = Bar(at_once=True, unit=" symbols")
    bar._started = time.time() - 10
    bar.show(50, 100, "scanning", "3 failed")
    drawn = terminal.getvalue().split("\r")[-1]
    bar.close()
    for part in ("scanning:  50%|", "50/100 [00:10<00:10,", "3 failed]"):
        assert part in drawn
    assert re.search(r" (4\.[89]\d|5\.00) symbols/s", drawn)  # ten seconds ago, and what the machine took since
    assert terminal.getvalue().split("\r")[-1] == ""
    assert terminal.getvalue().split("\r")[-2].strip() == ""
    assert not tqdm._instances


@pytest.mark.parametrize(("done", "total", "said"), [(0, 0, "resolving: 00:"), (7, 7, "7/7 [00:")])
def test_where_there_is_no_pace_none_is_told(terminal, hurry, done, total, said):
    bar = Bar(at_once=True, unit=" symbols")
    bar.show(done, total, "resolving")
    drawn = terminal.getvalue().split("\r")[-1]
    bar.close()
    assert said in drawn
    assert "symbols" not in drawn


def test_beside_another_bar_there_is_none_until_it_is_gone(terminal, hurry):
    first, second = Bar(at_once=True), Bar(at_once=True)
    first.show(1, 9, "first")
    second.show(1, 9, "second")
    assert "second" not in terminal.getvalue()
    first.close()
    second.show(2, 9, "second")
    assert "second" in terminal.getvalue()
    second.close()


def test_inside_a_loop_that_has_a_bar_there_is_no_second(terminal, hurry):
    for _ in tqdm(range(2), desc="mine", file=io.StringIO()):
        with count_bar(True) as tell:
            tell(1, 2)
    assert terminal.getvalue() == ""


def test_a_bar_that_cannot_be_made_gives_its_place_back(terminal, hurry, monkeypatch):
    def broken():
        raise OSError("no terminal")

    with monkeypatch.context() as context:
        context.setattr(progress, "_tqdm", broken)
        bar = Bar(at_once=True)
        with pytest.raises(OSError, match="no terminal"):
            bar.show(1, 2)
    assert not progress._ONE_BAR.locked()


def test_the_watch_counts_and_tells_those_who_listen_besides():
    heard = ProgressRecorder()
    watch = Watch(heard, heard)
    watch.on_phase("scanning")
    watch.on_result(failed("A"))
    watch(1, 2)
    assert (watch.phase, watch.done, watch.total, watch.errors) == ("scanning", 1, 2, 1)
    assert (heard.phases, heard.calls) == (["scanning"], [(1, 2)])


def test_an_observer_of_before_without_an_ear_for_warnings_is_fine():
    Watch(None, object()).on_warning("careful")


def test_those_who_listen_are_handed_on_as_they_are_where_there_is_no_bar():
    heard = ProgressRecorder()

    async def listeners(*given):
        async with scan_bar(*given) as handed:
            return handed

    assert asyncio.run(listeners(False, heard, heard)) == (heard, heard)
    assert asyncio.run(listeners(None, heard, None)) == (heard, None)
    assert asyncio.run(listeners(None, None, None)) == (None, None)


def test_a_scan_that_ends_badly_takes_its_bar_along(terminal, hurry):
    async def scan():
        async with scan_bar(True, None, None) as (callback, _):
            callback(1, 2)
            await asyncio.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(scan())
    assert "1/2" in terminal.getvalue()
    assert not tqdm._instances
    assert not progress._ONE_BAR.locked()


def test_a_bar_that_fails_is_told_of_and_the_scan_goes_on(terminal, hurry, monkeypatch, caplog):
    def broken():
        raise OSError("no terminal")

    async def scan():
        async with scan_bar(True, None, None):
            await asyncio.sleep(0.01)
            return "done"

    monkeypatch.setattr(progress, "_tqdm", broken)
    assert asyncio.run(scan()) == "done"
    assert "the progress bar failed; the scan goes on" in caplog.text


def test_two_scans_at_once_draw_one_bar(terminal, hurry, tmp_path):
    make_bars({symbol: [1.0, 2, 3] for symbol in "ABCDEF"}).write_parquet(tmp_path / "a.parquet")
    scanner = jt.Scanner(prices=tmp_path)

    async def both():
        return await asyncio.gather(*(scanner.scan_async("close > close[1]", progress=True) for _ in range(2)))

    first, second = asyncio.run(both())
    assert first.signals.matches.equals(second.signals.matches)
    assert "\n" not in terminal.getvalue()  # tqdm writes a second bar below the first
    assert not tqdm._instances


def test_an_ingest_draws_its_phases(terminal, hurry, tmp_path):
    jt.ingest(make_bars({"A": [1.0, 2, 3]}), tmp_path / "store", progress=True)
    assert "reading files" in terminal.getvalue()
    with phase_bar(False) as tell:
        assert tell is None


def test_what_tqdm_warns_of_never_reaches_the_user(monkeypatch):
    """In a kernel without ipywidgets tqdm warns when it is imported."""
    import tqdm.notebook

    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={"IPKernelApp": {}}))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", SimpleNamespace())
    monkeypatch.delenv("QT_API", raising=False)
    monkeypatch.setattr(tqdm.notebook, "IProgress", None)

    def forget():
        for name in [name for name in sys.modules if name.startswith("tqdm.auto")]:
            monkeypatch.delitem(sys.modules, name)
        progress._tqdm.cache_clear()

    forget()
    with pytest.warns(tqdm.TqdmWarning, match="IProgress not found"):
        importlib.import_module("tqdm.auto")
    forget()
    with warnings.catch_warnings(record=True) as told:  # as an error tqdm would swallow it
        warnings.simplefilter("always")
        progress._tqdm()
    progress._tqdm.cache_clear()
    assert told == []


@pytest.mark.parametrize("asked", [None, True])
def test_tqdm_s_own_switch_keeps_every_bar_away(asked, monkeypatch):
    monkeypatch.setattr(progress, "_somebody_looks", lambda: True)
    assert is_wanted(asked)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert not is_wanted(asked)


@pytest.mark.parametrize("stderr", [None, io.StringIO()])
def test_without_a_stderr_nobody_looks(stderr, monkeypatch):
    if stderr is not None:
        stderr.close()
    monkeypatch.setattr("sys.stderr", stderr)
    assert not is_wanted(None)
