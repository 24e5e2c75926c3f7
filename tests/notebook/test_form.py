"""The scan form, driven without a kernel: set a control, click, wait, look."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import polars as pl
import pytest
from jtscan.notebook.parameters import ParameterBox, control_of
from jtscan.notebook.runs import Progress, ScanRun

from jtscan import render
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import ProcessingResult
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import DataError, RequestError
from jtscan.formula import FormulaDescription, describe
from jtscan.formula.parameters import Parameter
from jtscan.notebook.form import ScanForm
from jtscan.scanner import Scanner

SAMPLE = Path(__file__).parent.parent.parent / "data"
MATCHES = pl.DataFrame({"symbol": ["<b>1"], "name": ["가상전자"], "close": [71500.0]})
COUNTS = pl.DataFrame(
    schema={"symbol": pl.String, "name": pl.String, "signal_type": pl.String, "date": pl.Date, "matches": pl.Int64}
)


def result_of(*, cancelled: bool = False) -> BatchScanResult:
    row = {"symbol": "<b>1", "status": "matched", "bars": 9, "set_aside": 0, "halts": 0, "duplicates": 0}
    return BatchScanResult(
        job_id="job",
        request=BatchScanRequest(
            symbol_criteria=SymbolCriteria(), timeframe=Timeframe.D1, date_range=DateRange(last=1), formula="close > 1"
        ),
        signals=AggregatedSignals(
            total_symbols=1,
            symbols_with_matches=1,
            total_matches=1,
            matches=MATCHES,
            found=MATCHES,
            labels=MATCHES.clear(),
        ),
        statistics=SignalStatistics(total=1, counts=COUNTS),
        processing_time_ms=1.0,
        errors_count=0,
        outcomes=pl.DataFrame([row], schema=OUTCOME_SCHEMA),
        cancelled=cancelled,
    )


class ScannerDouble:
    """Publishes 40 symbols, each after ``gate`` lets it, and notes what it was asked."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.failure = failure
        self.pause = 0.0
        self.began = threading.Event()

    def markets(self) -> list[str]:
        return ["KOSDAQ", "KOSPI"]

    def sectors(self) -> list[str]:
        return ["IT"]

    def timeframes(self, *, resampled: bool = False) -> list[str]:
        return ["5m", "15m", "30m", "60m", "1d", "1w", "1mo"] if resampled else ["5m", "1d"]

    def describe(
        self, formula: str, *, parameters: Mapping[str, float] | None = None, timeframe: str | None = None
    ) -> FormulaDescription:
        Timeframe.parse(timeframe or "1d")
        return describe(formula, parameters=parameters)

    def scan(
        self,
        formula: Any,
        *,
        progress_callback: ProgressCallback,
        observer: ScanObserver,
        cancellation_token: CancellationToken,
        **asked: Any,
    ) -> BatchScanResult:
        self.asked.append({"formula": formula.text, **asked})
        observer.on_phase("reading")
        self.began.set()
        if self.failure:
            raise self.failure
        for place in range(40):
            if cancellation_token.is_cancelled:
                return result_of(cancelled=True)
            observer.on_result(
                ProcessingResult(symbol=f"{place:06d}", matches=MATCHES, error="x" if place == 3 else None)
            )
            progress_callback(place + 1, 40)
            time.sleep(self.pause)
        return result_of()


@pytest.fixture
def scanner() -> ScannerDouble:
    return ScannerDouble()


@pytest.fixture
def form(scanner: ScannerDouble) -> ScanForm:
    return form_of(scanner)


def form_of(scanner: Any, **more: Any) -> ScanForm:
    return ScanForm(scanner, **more)


def text_of(html: str) -> str:
    return re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.DOTALL)


def scan_with(form: ScanForm) -> None:
    form.run.click()
    assert form.wait(10)


# ── running ───────────────────────────────────────────────────────────────────


def test_run_shows_the_result_and_keeps_it(form: ScanForm) -> None:
    assert form.result is None
    scan_with(form)
    assert form.result is not None
    assert form.output.value == render.scan_html(form.result)
    assert "<b>1" not in form.output.value
    assert text_of(form.status.value) == "done"
    assert (form.bar.value, form.bar.max, form.bar.bar_style) == (40, 40, "success")
    assert (form.run.disabled, form.cancel.disabled) == (False, True)


def test_cancel_stops_after_the_symbol_at_work(form: ScanForm, scanner: ScannerDouble) -> None:
    scanner.pause = 0.02
    form.run.click()
    assert scanner.began.wait(5)
    assert (form.run.disabled, form.cancel.disabled) == (True, False)
    form.cancel.click()
    assert form.wait(5)
    assert form.result is not None
    assert form.result.cancelled
    assert "cancelled" in text_of(form.output.value)
    assert (text_of(form.status.value), form.bar.bar_style) == ("stopped", "warning")
    assert form.run.disabled is False


def test_a_second_click_while_a_scan_runs_is_ignored(form: ScanForm, scanner: ScannerDouble) -> None:
    scanner.pause = 0.005
    form.run.click()
    form.run.click()
    assert form.wait(10)
    assert len(scanner.asked) == 1
    scan_with(form)
    assert len(scanner.asked) == 2


def test_wait_says_whether_the_scan_has_ended(form: ScanForm, scanner: ScannerDouble) -> None:
    assert form.wait(0)
    scanner.pause = 0.02
    form.run.click()
    assert form.wait(0) is False
    form.cancel.click()
    assert form.wait(5)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (DataError("bars.parquet: not a <Parquet> file"), "bars.parquet: not a &lt;Parquet&gt; file"),
        (RequestError("start", "is wrong"), "start: is wrong"),
        (ZeroDivisionError("boom"), "internal error: ZeroDivisionError: boom"),
        (pl.exceptions.PanicException("boom"), "internal error: PanicException: boom"),
        (KeyboardInterrupt(), "the kernel was interrupted"),
    ],
)
def test_a_scan_that_fails_shows_why(failure: BaseException, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    form = form_of(ScannerDouble(failure))
    scan_with(form)
    assert text_of(form.output.value) == said
    assert (form.result, form.bar.bar_style, form.run.disabled) == (None, "danger", False)
    assert capsys.readouterr() == ("", "")


def test_a_failed_scan_leaves_no_earlier_result(form: ScanForm, scanner: ScannerDouble) -> None:
    scan_with(form)
    scanner.failure = DataError("gone")
    scan_with(form)
    assert form.result is None


def test_a_callback_that_fails_shows_why(form: ScanForm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "scan_html", lambda _result: 1 / 0)
    scan_with(form)
    assert text_of(form.output.value) == "internal error: ZeroDivisionError: division by zero"
    assert form.run.disabled is False


# ── what is asked ─────────────────────────────────────────────────────────────


def choose(**values: Any) -> Callable[[ScanForm], None]:
    def set_them(form: ScanForm) -> None:
        for name, value in values.items():
            getattr(form, name).value = value

    return set_them


ASKED = {
    "market": None, "sector": None, "symbols": None, "exclude": (), "start": None, "end": None, "last": 250,
    "timeframe": "1d",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        (choose(), {}),
        (choose(market="KOSPI", sector="IT"), {"market": ("KOSPI",), "sector": ("IT",)}),
        (choose(symbols=" 005930, 000660,,005930 "), {"symbols": ("005930", "000660")}),
        (choose(exclude="005935\n1"), {"exclude": ("005935", "1")}),
        (choose(timeframe="5m", last=1), {"timeframe": "5m", "last": 1}),
        (
            choose(last=0, start=dt.date(2024, 1, 1), end=dt.date(2024, 2, 1)),
            {"last": None, "start": dt.date(2024, 1, 1), "end": dt.date(2024, 2, 1)},
        ),
        (choose(last=0, end=dt.date(2024, 2, 1)), {"last": None, "end": dt.date(2024, 2, 1)}),
        (choose(start=dt.date(2024, 1, 1)), {}),  # the preset counts while it is chosen
    ],
)
def test_controls_become_the_request(
    form: ScanForm, scanner: ScannerDouble, change: Callable[[ScanForm], None], asked: dict[str, Any]
) -> None:
    change(form)
    scan_with(form)
    assert {name: scanner.asked[-1][name] for name in ASKED} == {**ASKED, **asked}


def test_dates_are_there_only_for_a_range_of_dates(form: ScanForm) -> None:
    assert [date.layout.display for date in (form.start, form.end)] == ["none", "none"]
    form.last.value = 0
    assert [date.layout.display for date in (form.start, form.end)] == ["", ""]


@pytest.mark.parametrize("name", ["market", "sector", "last"])
def test_every_choice_can_be_chosen_again(form: ScanForm, name: str) -> None:
    control = getattr(form, name)
    for index in [*range(len(control.options)), 0]:
        control.set_state({"index": index})  # as the browser does
        assert control.index == index


def test_a_range_that_cannot_be_shows_its_message(form: ScanForm, scanner: ScannerDouble) -> None:
    choose(last=0, start=dt.date(2024, 2, 1), end=dt.date(2024, 1, 1))(form)
    form.run.click()
    assert text_of(form.output.value) == "start: 2024-02-01 is after the end, 2024-01-01"
    assert scanner.asked == []
    with pytest.raises(RequestError, match="start"):
        _ = form.request


# ── the formula ───────────────────────────────────────────────────────────────


def test_a_right_formula_tells_what_it_gives(form: ScanForm) -> None:
    form.formula.value = "buy = close > sma(close, 20)\nratio = volume / sma(volume, 5)"
    assert text_of(form.checked.value) == "signals: buy · columns: ratio · warm-up: 19 bars before the range"
    assert form.run.disabled is False


@pytest.mark.parametrize(
    "formula", ["", "close >", "buy = cross_abov(close, 2)", "clos > 1 and", "<b> & 1", "x" * 20_000]
)
def test_a_wrong_formula_tells_why_and_cannot_be_run(form: ScanForm, scanner: ScannerDouble, formula: str) -> None:
    form.formula.value = formula
    assert 'class="jt-problem"' in form.checked.value
    assert "internal error" not in form.checked.value
    assert "<b>" not in form.checked.value
    assert form.run.disabled
    form.run.click()
    assert form.wait(5)
    assert form.result is None or scanner.asked


def test_the_caret_is_below_its_place(form: ScanForm) -> None:
    form.formula.value = "buy = cross_abov(close, 2)"
    assert text_of(form.checked.value).splitlines()[1:] == ["  buy = cross_abov(close, 2)", "        ^^^^^^^^^^"]


def test_parameters_get_controls_and_their_values_are_asked(form: ScanForm, scanner: ScannerDouble) -> None:
    form.formula.value = "n = param(20, 5, 60, label='Days')\nclose > sma(close, n)"
    control = form.parameters.controls["n"]
    assert (type(control), control.description, control.min, control.max, control.value) == (
        widgets.IntSlider,
        "Days",
        5,
        60,
        20,
    )
    control.value = 40
    assert "warm-up: 39 bars" in text_of(form.checked.value)
    scan_with(form)
    assert scanner.asked[-1]["parameters"] == {"n": 40}
    form.formula.value = "close > 1"
    assert form.parameters.children == ()
    assert form.request.parameters == {}


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("param(20, 5, 60)", "param(20, 5, 60)", 40),
        ("param(20, 5, 60)", "param(20, 5, 90)", 40),
        ("param(20, 5, 60)", "param(20, 5, 30)", 20),
        ("param(20, 5, 60)", "param(20, choices=(20, 40))", 40),
        ("param(20, 5, 60)", "param(20, choices=(20, 30))", 20),
        ("param(20, 5, 60)", "param(2.5, 1, 90)", 40),
        ("param(20.5, 5, 60)", "param(20, 5, 60)", 20),
        ("param(20, 5, 60)", "param(", 40),
    ],
)
def test_a_value_stays_while_its_parameter_allows_it(form: ScanForm, before: str, after: str, value: float) -> None:
    form.formula.value = f"n = {before}\nclose > n"
    form.parameters.controls["n"].value = 40
    form.formula.value = f"n = {after}\nclose > n"
    assert form.parameters.values == {"n": value}


@pytest.mark.parametrize(
    ("declared", "kind", "bounds"),
    [
        ({"default": 5, "lowest": 2, "highest": 50}, widgets.IntSlider, (2, 50, 1)),
        ({"default": 5, "lowest": 2, "highest": 50, "step": 3}, widgets.IntSlider, (2, 50, 3)),
        ({"default": 0.5, "lowest": 0, "highest": 1}, widgets.FloatSlider, (0, 1, 0.01)),
        ({"default": 2.5, "lowest": 1, "highest": 90}, widgets.FloatSlider, (1, 90, 1.0)),
        ({"default": 1, "lowest": 0, "highest": 2, "step": 0.25}, widgets.FloatSlider, (0, 2, 0.25)),
        ({"default": 2.5, "lowest": 2.5, "highest": 2.5}, widgets.FloatSlider, (2.5, 2.5, 0.1)),
        ({"default": 5, "lowest": 2}, widgets.BoundedIntText, (2, 10**15 - 1, 1)),
        ({"default": -5.5}, widgets.BoundedFloatText, (-(10**15) + 1, 10**15 - 1, 0.1)),
    ],
)
def test_a_parameter_is_a_slider_between_bounds_and_a_field_otherwise(
    declared: dict[str, float], kind: type, bounds: tuple[float, float, float]
) -> None:
    parameter = Parameter(name="n", **declared)  # type: ignore[arg-type]
    control = control_of(parameter, parameter.default)
    assert type(control) is kind
    assert (control.min, control.max, control.step) == bounds
    assert control.value == parameter.default


def test_choices_are_a_list() -> None:
    control = control_of(Parameter(name="n", default=10, choices=(5, 10, 20)), 10)
    assert type(control) is widgets.Dropdown
    assert control.options == (("5", 5), ("10", 10), ("20", 20))


def test_reprs_are_short(form: ScanForm) -> None:
    assert repr(form) == "ScanForm()"
    scan_with(form)
    assert repr(form) == "ScanForm(1 match in 1 of 1 symbol, 0 failed, 1 ms)"
    assert repr(ParameterBox(lambda: None)) == "ParameterBox()"


# ── with the sample ───────────────────────────────────────────────────────────


def test_the_form_scans_the_sample_like_the_scanner() -> None:
    scanner = Scanner(SAMPLE)
    form = scanner.form()
    choose(market="KOSPI", exclude="005930", last=60)(form)
    form.parameters.controls["fast"].value = 3
    scan_with(form)
    assert form.result is not None, text_of(form.output.value)
    again = scanner.scan(
        form.formula.value, market="KOSPI", exclude=["005930"], last=60, parameters={"fast": 3, "slow": 20}
    )
    assert form.result.signals.matches.equals(again.signals.matches)
    assert again.signals.total_matches > 0
    assert "prices are invented" in text_of(form.output.value)


def test_the_form_offers_what_the_data_has() -> None:
    form = Scanner(SAMPLE).form()
    assert {"KOSPI", "KOSDAQ"} <= {value for _, value in form.market.options}
    assert form.timeframe.options == ("5m", "15m", "30m", "60m", "1d", "1w", "1mo")
    assert form.timeframe.value == "1d"
    form.formula.value = "nonsense > 1"
    assert "unknown name 'nonsense'" in unescape(text_of(form.checked.value))


# ── a run ─────────────────────────────────────────────────────────────────────


def test_progress_is_shown_at_most_20_times_a_second_and_at_the_end() -> None:
    shown: list[int] = []

    def scan(*, progress_callback: Callable[[int, int], None], **_: Any) -> BatchScanResult:
        for place in range(30_000):
            progress_callback(place + 1, 30_000)
        return result_of()

    begun = time.monotonic()
    run = ScanRun(scan, on_progress=lambda run: shown.append(run.progress.completed), on_end=lambda _run: None)
    run.start()
    assert run.wait(30)
    assert shown[-1] == 30_000
    assert len(shown) <= 2 + (time.monotonic() - begun) * 20


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(), "starting …"),
        (Progress(phase="reading", total=40), "reading …"),
        (
            Progress(completed=1234, total=3000, symbol="005930", matches=7, errors=2),
            "1,234 of 3,000 symbols · 005930 · 7 matches · 2 failed",
        ),
    ],
)
def test_progress_reads(progress: Progress, text: str) -> None:
    assert str(progress) == text


def test_the_form_hears_of_symbols_matches_and_failures(form: ScanForm, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(form, "_say", said.append)
    scan_with(form)
    assert said[0] == "starting …"
    assert "reading …" in said
    assert said[-2:] == ["40 of 40 symbols · 000039 · 40 matches · 1 failed", "done"]


def test_without_ipywidgets_it_says_which_extra_to_install() -> None:
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from jtscan.errors import MissingExtraError\n"
        "try: import jtscan.notebook.form\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the scan form needs packages that are not installed: pip install 'jtscan[notebook]'\n"
