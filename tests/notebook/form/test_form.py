"""The scan form as a whole, driven without a kernel: set a control, click, wait, look."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time

import polars as pl
import pytest

from jtscan import library, render
from jtscan.domain.dates import DateRange
from jtscan.domain.formulas import Formula
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import DataError, RequestError
from jtscan.notebook.form import ScanForm
from jtscan.notebook.form.symbols import SymbolTable

# ── running ───────────────────────────────────────────────────────────────────


def test_run_shows_the_result_and_keeps_it(form, scan_with, text_of):
    assert form.result is None
    scan_with(form)
    assert form.output.result is form.result
    assert text_of(form.status.value) == "1 match in 1 of 40 symbols · 1 failed · 1.2 s"
    assert (form.bar.value, form.bar.max, form.bar.bar_style) == (40, 40, "success")
    assert (form.run.disabled, form.cancel.disabled) == (False, True)


def test_cancel_stops_after_the_symbol_at_work_and_keeps_what_is_done(form, scanner, text_of):
    scanner.pause = 0.2
    form.run.click()
    assert scanner.began.wait(5)
    assert (form.run.disabled, form.cancel.disabled) == (True, False)
    form.cancel.click()
    assert form.wait(5)
    assert form.result.cancelled
    assert "cancelled" in text_of(form.output.head.value)
    done = form.result.outcomes.filter(pl.col("status") != "cancelled").height
    assert text_of(form.status.value) == (f"stopped after {done} of 40 symbols · 1 match in 1 of 40 symbols · 1 failed")
    assert form.bar.bar_style == "warning"
    assert (form.run.disabled, form.cancel.disabled) == (False, True)


def test_a_second_click_while_a_scan_runs_is_ignored(form, scanner, scan_with):
    scanner.pause = 0.005
    form.run.click()
    form.run.click()
    assert form.wait(10)
    assert len(scanner.asked) == 1
    scan_with(form)
    assert len(scanner.asked) == 2


def test_a_change_while_a_scan_runs_does_not_let_another_begin(form, scanner):
    scanner.pause = 0.2
    form.run.click()
    form.formula.value = "close > 2"
    assert form.run.disabled
    form.cancel.click()
    assert form.wait(5)
    assert form.run.disabled is False


def test_wait_says_whether_the_scan_has_ended(form, scanner):
    assert form.wait(0)
    scanner.pause = 0.2
    form.run.click()
    assert form.wait(0) is False
    form.cancel.click()
    assert form.wait(5)


def test_closing_the_form_stops_its_scan(form, scanner):
    scanner.pause = 0.2
    form.run.click()
    assert scanner.began.wait(5)
    form.close()
    assert form.wait(5)
    assert form.result.cancelled


def test_two_forms_are_independent(scanner, scan_with):
    one, other = ScanForm(scanner), ScanForm(scanner)
    one.market.value = ["KOSPI"]
    one.formula.value = "close >"
    scan_with(other)
    assert (other.market.value, other.run.disabled) == ([], False)
    assert (one.result, one.output.head.value) == (None, "")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (DataError("bars.parquet: not a <Parquet> file"), "bars.parquet: not a <Parquet> file"),
        (RequestError("start", "is wrong"), "start: is wrong"),
        (ZeroDivisionError("boom"), "internal error: ZeroDivisionError: boom"),
        (pl.exceptions.PanicException("boom"), "internal error: PanicException: boom"),
        (KeyboardInterrupt(), "the kernel was interrupted"),
    ],
)
def test_a_scan_that_fails_shows_why(failing, scan_with, text_of, capsys, failure, said):
    form = failing(failure)
    scan_with(form)
    assert text_of(form.output.head.value) == said
    assert text_of(form.status.value) == "failed"
    assert (form.result, form.bar.bar_style, form.run.disabled) == (None, "danger", False)
    assert capsys.readouterr() == ("", "")


def test_a_failed_scan_leaves_no_earlier_result(form, scanner, scan_with):
    scan_with(form)
    scanner.failure = DataError("gone")
    scan_with(form)
    assert form.result is None


def test_a_result_that_cannot_be_shown_tells_why(form, scan_with, text_of, monkeypatch):
    monkeypatch.setattr(render, "headline_html", lambda _result: 1 / 0)
    scan_with(form)
    assert text_of(form.output.head.value) == "internal error: ZeroDivisionError: division by zero"
    assert form.run.disabled is False


def test_a_callback_that_fails_tells_why_in_the_form(form, text_of, monkeypatch, capsys):
    monkeypatch.setattr(SymbolTable, "hits", lambda *_: 1 / 0)
    form.symbols.search.value = "x"
    assert text_of(form.notice.value) == "internal error: ZeroDivisionError: division by zero"
    assert capsys.readouterr() == ("", "")


def test_the_form_hears_of_phases_symbols_matches_and_failures(form, scanner, scan_with, text_of):
    scanner.pause = 0.03
    said = []
    form.status.observe(lambda change: said.append(text_of(change["new"])), "value")
    scan_with(form)
    assert said[0] == "starting …"
    assert "comparing symbols …" in said
    counted = [text for text in said if " of 40 symbols (" in text]
    assert counted
    assert all(("1 failed" in text) == (int(text.split()[0]) > 3) for text in counted)
    assert any("a second" in text and " · 0000" in text for text in counted)


# ── what is asked ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        ({}, {}),
        ({"market": ["KOSPI"], "sector": ["반도체"]}, {"symbol_criteria": SymbolCriteria(market="KOSPI", sector="반도체")}),
        ({"symbols": ["005930", "000660"]}, {"symbol_criteria": SymbolCriteria(symbols=["005930", "000660"])}),
        ({"exclude": ["005935"]}, {"symbol_criteria": SymbolCriteria(exclude=["005935"])}),
        ({"timeframe": "5m", "last": 1}, {"timeframe": "5m", "date_range": DateRange(last=1)}),
        ({"last": "1 month"}, {"date_range": DateRange(start="2024-11-30", end="2024-12-30")}),
        (
            {"last": "dates", "start": dt.date(2024, 1, 1), "end": dt.date(2024, 2, 1)},
            {"date_range": DateRange(start="2024-01-01", end="2024-02-01")},
        ),
        ({"start": dt.date(2024, 1, 1)}, {}),  # the preset counts while it is chosen
        ({"formula": "close > 1"}, {"formula": Formula(text="close > 1"), "parameters": {}}),
    ],
)  # fmt: skip
def test_controls_become_the_request(form, scanner, choose, scan_with, chosen, asked):
    before = form.request
    choose(form, **chosen)
    scan_with(form)
    names = ("symbol_criteria", "timeframe", "date_range", "formula", "parameters", "sort_by", "top", "first", "warmup")
    request = scanner.asked[-1]
    assert {name: getattr(request, name) for name in names} == {
        name: asked.get(name, getattr(before, name)) for name in names
    }
    assert form.result.request is request


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"formula": "close >"}, "mend the formula to run it"),
        ({"symbols": ["005930"], "exclude": ["005930"]}, "no symbol is left: choose others"),
        (
            {"last": "dates", "start": dt.date(2024, 2, 1), "end": dt.date(2024, 1, 1)},
            "start: 2024-02-01 is after the end, 2024-01-01",
        ),
    ],
)
def test_what_cannot_be_run_is_not_and_the_reason_is_shown(form, scanner, choose, text_of, chosen, reason):
    choose(form, **chosen)
    assert form.run.disabled
    assert text_of(form.status.value) == reason
    form.run.click()
    assert form.wait(5)
    assert scanner.asked == []
    assert text_of(form.notice.value) == reason
    choose(form, formula="close > 1", exclude=[], last=1)
    assert (form.run.disabled, text_of(form.status.value)) == (False, "")


def test_parameters_get_controls_and_their_values_are_asked(form, scanner, scan_with, text_of):
    form.formula.value = "n = param(20, 5, 60, label='Days')\nclose > sma(close, n)"
    form.parameters.controls["n"].value = 40
    assert "warm-up: 39 bars" in text_of(form.checked.value)
    scan_with(form)
    assert scanner.asked[-1].parameters == {"n": 40}
    form.formula.value = "close > 1"
    assert form.parameters.children == ()
    assert form.request.parameters == {}


def test_the_formula_is_checked_again_for_other_bars(form):
    form.formula.value = 'tf("1w", close) > 1'
    assert form.formula.problem == ""
    form.timeframe.value = "1mo"
    assert form.formula.problem == "mend the formula to run it"
    assert form.run.disabled
    form.timeframe.value = "1d"
    assert form.run.disabled is False


def test_another_range_counts_the_symbols_anew(form, text_of):
    assert text_of(form.count.value) == "every symbol · 59 symbols (1 more not listed in this range)"
    form.last.value = "all"
    assert text_of(form.count.value) == "every symbol · 60 symbols"


def test_a_form_appears_without_the_table_of_matches_which_takes_long_to_import(scanner):
    code = (
        "import sys, jtscan as jt\n"
        f"jt.Scanner({str(scanner.opened.data)!r}).form()\n"
        "print([name for name in ('itables', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_columns_of_the_formula_can_order_the_matches(form):
    form.formula.value = "buy = close > 1\ngap = close - open"
    form.options.sort_by.value = "-gap"
    assert form.request.sort_by == "-gap"
    form.formula.value = "buy = close > "  # while it is wrong, nothing is taken away
    assert form.options.sort_by.value == "-gap"


# ── beginning with something ──────────────────────────────────────────────────


def test_a_form_can_begin_with_a_scans_arguments(sample):
    form = sample.form(
        formula=library["golden_cross"],
        market="KOSPI",
        sector=["반도체", "화학"],
        exclude=["000660"],
        timeframe="weekly",
        start="2024-01-01",
        parameters={"slow": 100},
    )
    request = form.request
    assert request.symbol_criteria == SymbolCriteria(market="KOSPI", sector=["반도체", "화학"], exclude=["000660"])
    assert request.date_range == DateRange(start="2024-01-01")
    assert (request.timeframe, request.formula.name) == ("1w", "Golden cross")
    assert request.parameters == {"fast": 50, "slow": 100}
    assert form.notice.value == ""


def test_a_form_can_begin_with_the_seldom_asked_too(sample):
    form = sample.form(formula="gap = close / open\nbuy = gap > 1", sort_by="-gap", top=7, first=True, warmup="full")
    request = form.request
    assert (request.sort_by, request.top, request.first, request.warmup) == ("-gap", 7, True, "full")


def test_a_formula_brings_its_values(sample):
    form = sample.form(formula=Formula(text="n = param(20, 5, 60)\nclose > n", parameters={"n": 30}), last="1 year")
    assert form.request.parameters == {"n": 30}
    assert form.request.date_range == DateRange(start="2023-12-30", end="2024-12-30")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"market": "KOSPY"}, r"market: 'KOSPY' \(did you mean 'KOSPI'\?\)"),
        ({"symbols": "005930"}, "symbols: '005930' is one text"),
        ({"last": 33}, "range: 33 cannot be chosen here"),
        ({"last": 5, "start": "2024-01-01"}, "last: give either last= or start= and end=, not both"),
        ({"timeframe": "2d"}, "timeframe: '2d' is not known"),
        ({"end": "soon"}, "end: 'soon' is not a date"),
        ({"warmup": "all"}, "warmup: 'all' is neither 'auto' nor 'full'"),
        ({"parameters": {"fast": 900}}, "parameters: fast = 900 is above its highest value, 60"),
        ({"formula": pl.col("close") > 1}, "formula: the editor takes text"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_by_name(sample, given, said):
    with pytest.raises(RequestError, match=said):
        sample.form(**given)


# ── with the sample ───────────────────────────────────────────────────────────


def test_the_form_scans_the_sample_like_the_scanner(sample, choose, scan_with, text_of):
    form = sample.form()
    choose(form, market=["KOSPI"], exclude=["005930"], last=60)
    form.parameters.controls["fast"].value = 3
    scan_with(form)
    assert form.result is not None, text_of(form.output.head.value)
    again = sample.scan(
        form.formula.value, market="KOSPI", exclude=["005930"], last=60, parameters={"fast": 3, "slow": 20}
    )
    assert form.result.signals.matches.equals(again.signals.matches)
    assert again.signals.total_matches > 0
    assert "prices are invented" in text_of(form.output.head.value)


def test_the_newest_bars_are_said_as_the_scan_asks_them(sample, scan_with, text_of):
    form = sample.form(formula="close > 0", last=5)
    scan_with(form)
    seen = form.result.signals.matches["timestamp"]
    assert text_of(form.span.said.value) == f"{seen.min()} to {seen.max()}"


def test_the_form_appears_within_a_second(sample):
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        sample.form()
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 1


def test_reprs_are_short(form, scan_with):
    assert repr(form) == "ScanForm()"
    scan_with(form)
    assert repr(form) == "ScanForm(1 match in 1 of 40 symbols, 1 failed, 1,234 ms)"


def test_without_ipywidgets_it_says_which_extra_to_install():
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from jtscan.errors import MissingExtraError\n"
        "try: import jtscan.notebook.form\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the scan form needs packages that are not installed: pip install 'jtscan[notebook]'\n"


def test_a_closed_form_closes_what_is_in_it(form):
    form.close()
    inside = [form.run, form.market, form.formula.text, form.formula.text.layout, form.output.tabs, form.symbols.search]
    assert [each.comm for each in (form, *inside)] == [None] * 7
