"""What results look like: aligned, cut, escaped, and never hiding that data was missing."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from jtscan import render
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import PolarsFormula
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.symbols import SymbolCriteria
from jtscan.render.cells import clean, cut, head_of, pad, width_of, wrap

HOSTILE = "<script>alert(1)</script>"
MATCH_SCHEMA = {
    "symbol": pl.String,
    "name": pl.String,
    "timestamp": pl.Date,
    "signal_type": pl.String,
    "close": pl.Float64,
}
DAY = dt.date(2024, 1, 15)
moment = dt.datetime.fromisoformat

# ── results to show ───────────────────────────────────────────────────────────


def match(
    symbol: str = "005930",
    name: str | None = "가상전자",
    day: dt.date = DAY,
    signal: str = "buy",
    close: float = 71500.0,
) -> tuple[Any, ...]:
    return (symbol, name, day, signal, close)


def outcome(symbol: str, status: str, error: str | None = None, **counts: Any) -> dict[str, Any]:
    row = {"symbol": symbol, "status": status, "error": error, "bars": 0, "set_aside": 0, "halts": 0, "duplicates": 0}
    return {**row, "last_bar": moment("2024-12-30"), "processing_time_ms": 0.5, **counts}


def statistics_of(matches: pl.DataFrame) -> SignalStatistics:
    found = matches.select("symbol", pl.col("timestamp").alias("date"), "signal_type")
    names = matches.select("symbol", "name").unique("symbol")

    def by(key: str) -> dict[Any, int]:
        return dict(found.group_by(key).len("matches").sort("matches", key, descending=[True, False]).iter_rows())

    return SignalStatistics(
        total=matches.height,
        by_symbol=by("symbol"),
        by_date=by("date"),
        by_signal_type=by("signal_type"),
        found=found,
        labels=names.with_columns(market=pl.lit("KOSPI"), sector=pl.lit("IT")),
    )


def result_of(
    matches: list[tuple[Any, ...]], outcomes: list[dict[str, Any]] | None = None, **more: Any
) -> BatchScanResult:
    """A scan that found these matches; without outcomes, in symbols that all matched."""
    found = pl.DataFrame(matches, schema=MATCH_SCHEMA, orient="row")
    rows = [outcome(symbol, "matched") for symbol in found["symbol"].unique()] if outcomes is None else outcomes
    shown = found.head(more.pop("shown", found.height))
    asked = {
        "formula": "buy = close > sma(close, 20)",
        "parameters": {},
        "symbol_criteria": SymbolCriteria(market="KOSPI"),
    }
    request = {name: more.pop(name, value) for name, value in asked.items()}
    return BatchScanResult(
        job_id="job",
        request=BatchScanRequest(
            timeframe=Timeframe.D1, date_range=DateRange(start="2024-01-01", end="2024-12-31"), **request
        ),
        signals=AggregatedSignals(
            total_symbols=len(rows),
            symbols_with_matches=found["symbol"].n_unique(),
            total_matches=found.height,
            matches=shown,
            found=found,
            labels=found.select("symbol", "name").unique(),
        ),
        statistics=statistics_of(found),
        processing_time_ms=12.0,
        errors_count=sum(row["status"] == "failed" for row in rows),
        outcomes=pl.DataFrame(rows, schema=OUTCOME_SCHEMA),
        **more,
    )


def body(html: str) -> str:
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", body(html))


# ── cells ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("삼성전자", 8),
        ("SK하이닉스", 10),
        ("e\u0301", 1),
        ("\uff21\uff22", 4),
        ("ﾊﾝ", 2),
        ("…", 1),
    ],
)
def test_width_counts_hangul_twice_and_combining_marks_not_at_all(text: str, width: int) -> None:
    assert width_of(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("삼성전자", 8, "삼성전자"),
        ("삼성전자", 7, "삼성전…"),
        ("삼성전자", 6, "삼성…"),
    ],
)
def test_cut_never_gets_wider_than_asked(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected
    assert width_of(cut(text, width)) <= width


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("abc\u202edef", "abc\ufffddef"),
        ("zero\u200bwidth\x00", "zero\ufffdwidth\ufffd"),
        ("\u1100\u1161\u1109\u1161\u11bc", "가상"),  # Hangul in pieces, as file names on a Mac have it
    ],
)
def test_clean_leaves_nothing_that_a_terminal_could_obey(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_pad_and_head_count_columns_not_letters() -> None:
    assert pad("삼성", 6) == "삼성  "
    assert pad("삼성", 6, right=True) == "  삼성"
    assert head_of("삼성전자", 5) == "삼성"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("a very-long-word b", 6, ["a", "very-l", "ong-wo", "rd b"]),
        ("삼성 전자", 5, ["삼성", "전자"]),
        ("삼성전자", 1, ["삼", "성", "전", "자"]),
    ],
)
def test_wrap_breaks_between_words_and_inside_those_that_are_too_long(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([71500.0, 1234567.0], ["71,500", "1,234,567"]),
        ([67.78, 100.0], ["67.78", "100.00"]),
        ([54.333333333, 7.1], ["54.33", "7.10"]),
        ([0.03424242, 0.5], ["0.0342", "0.5000"]),
        ([0.00001234, 0.0], ["1.234e-05", "0"]),
        ([-1.5, None], ["-1.5", None]),
        ([float("nan"), 2.0], ["nan", "2"]),
        ([1e300], ["1e+300"]),
        ([12345678], ["12,345,678"]),
        ([True, False, None], ["yes", "no", None]),
        ([dt.date(2024, 1, 2)], ["2024-01-02"]),
        ([moment("2024-01-02T09:30")], ["2024-01-02 09:30"]),
        ([moment("2024-01-02T09:30:15")], ["2024-01-02 09:30:15"]),
        (["005930"], ["005930"]),
        ([[1, 2]], ["[1, 2]"]),
    ],
)
def test_cells_of_one_column_have_the_same_decimals(values: list[Any], cells: list[str | None]) -> None:
    text = render.frame_text(pl.DataFrame({"x": values}), rows=None)
    assert [line.strip() for line in text.splitlines()[1:]] == ["-" if cell is None else cell for cell in cells]


# ── frames ────────────────────────────────────────────────────────────────────


def test_columns_of_text_start_at_the_same_place_behind_hangul() -> None:
    frame = pl.DataFrame(
        {"name": ["삼성전자", "NAVER", "SK하이닉스"], "market": ["KOSPI"] * 3, "close": [1.0, 22.0, 333.0]}
    )
    lines = render.frame_text(frame).splitlines()
    assert lines == [
        "name        market  close",
        "삼성전자    KOSPI       1",
        "NAVER       KOSPI      22",
        "SK하이닉스  KOSPI     333",
    ]
    assert {width_of(line) for line in lines} == {25}


def test_frame_text_says_what_it_leaves_out() -> None:
    frame = pl.DataFrame({f"column_{place}": [1] * 12 for place in range(30)})
    lines = render.frame_text(frame, rows=10).splitlines()
    assert lines[-1] == "… and 2 more rows"
    assert lines[-2].startswith("… and 20 more columns: column_10, column_11")
    assert max(map(width_of, lines)) <= 100
    assert "more rows" not in render.frame_text(frame, rows=None)


def test_frame_text_cuts_a_long_text_and_keeps_the_row_on_one_line() -> None:
    text = render.frame_text(pl.DataFrame({"name": ["x" * 500 + "\n\x1b[2J"], "n": [1]}))
    assert text.splitlines()[1] == f"{'x' * 31}…  1"


def test_frames_without_rows_or_columns_are_shown_too() -> None:
    assert render.frame_text(pl.DataFrame({"a": []})) == "a"
    assert render.frame_text(pl.DataFrame()) == ""
    assert "0 rows" in render.frame_html(pl.DataFrame())


def test_frame_html_escapes_names_and_cells_and_cuts_both() -> None:
    html = body(render.frame_html(pl.DataFrame({HOSTILE: [HOSTILE, '" onmouseover="x', "y" * 500]})))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
    assert '" onmouseover' not in html
    assert f">{'y' * 79}…</td>" in html


def test_a_text_that_is_cut_is_whole_in_its_title_and_escaped_there() -> None:
    html = body(render.frame_html(pl.DataFrame({"x": ['"><b>' + "z" * 100]})))
    assert 'title="&quot;&gt;&lt;b&gt;zzz' in html
    assert "<b>" not in html


def test_frame_html_shows_the_first_rows_and_says_so() -> None:
    html = render.frame_html(pl.DataFrame({"n": range(1234)}), rows=20)
    assert html.count("<tr>") == 21
    assert "the first 20 of 1,234 rows" in html
    assert '<td class="jt-right">19</td>' in html


def test_frame_html_names_the_columns_that_it_leaves_out() -> None:
    html = render.frame_html(pl.DataFrame({f"c{place}": [1] for place in range(32)}))
    assert "… and 2 more columns: c30, c31" in html


# ── a scan ────────────────────────────────────────────────────────────────────

MIXED = [
    outcome("000001", "matched", bars=240, halts=3),
    outcome("000002", "no_match", bars=240),
    outcome("000003", "no_match", bars=240, last_bar=moment("2024-11-02")),
    outcome("000004", "no_data", "no rows in the price files"),
    outcome("000005", "failed", "close is text"),
]


def test_scan_text_reads_like_this() -> None:
    result = result_of(
        [match("000001", "가상전자", DAY), match("000001", "가상전자", dt.date(2024, 3, 4), "sell", 80000.5)],
        MIXED,
        warnings=("the prices are invented",),
        excluded=("005935",),
        parameters={"n": 20},
    )
    assert (
        render.scan_text(result)
        == """\
2 matches in 1 of 5 symbols, 1 failed, 12 ms
buy = close > sma(close, 20)
# with n = 20
KOSPI · 1d · 2024-01-01 to 2024-12-31 · bars up to 2024-12-30

! the prices are invented

Account
          1  matched
          2  no_match
          1  no_data    no rows in the price files
          1  failed     close is text
          5  asked for

Beside the account
          1  symbols excluded   taken out by exclude=
          1  symbols behind     their last bar is older than the data's newest
        720  bars in the range  rows that the formula was asked about
          3  halts              open = high = low = 0: no trade on that day; warm-up included

Failed or without data: 2
  000004  no_data  no rows in the price files
  000005  failed   close is text

Matches: 2
  symbol  name      timestamp   signal_type     close
  000001  가상전자  2024-01-15  buy          71,500.0
  000001  가상전자  2024-03-04  sell         80,000.5

By symbol and signal
  symbol  name      total  buy  sell
  000001  가상전자      2    1     1"""
    )


@pytest.mark.parametrize("show", [render.scan_text, render.scan_html])
def test_repr_and_html_are_the_renderers(show: Any) -> None:
    result = result_of([match()])
    assert show(result) in (repr(result), result._repr_html_())


def test_scan_html_shows_account_warnings_matches_and_statistics() -> None:
    result = result_of(
        [match("000001", day=dt.date(2024, month, 3)) for month in (1, 2, 5)],
        MIXED,
        warnings=("prices are <b>invented</b>",),
    )
    html = body(render.scan_html(result))
    assert '<div class="jt-warning" role="note">prices are &lt;b&gt;invented&lt;/b&gt;</div>' in html
    assert '<tr class="jt-total"><td class="jt-right">5</td><td>asked for</td>' in html
    assert "<details open><summary>Matches: 3</summary>" in html
    assert "<details><summary>Failed or without data: 2</summary>" in html
    assert "71,500" in html
    assert re.findall(r'title="(2024-\d\d: \d)" style="height:(\d+)%"', html) == [
        ("2024-01: 1", "100"), ("2024-02: 1", "100"), ("2024-03: 0", "0"), ("2024-04: 0", "0"), ("2024-05: 1", "100"),
    ]  # fmt: skip


@pytest.mark.parametrize("show", [render.scan_text, lambda result: text_of(render.scan_html(result))])
def test_statuses_that_no_symbol_has_are_left_out_but_not_the_sum(show: Any) -> None:
    shown = show(result_of([match()]))
    assert re.search(r"1\s+asked for", shown)
    assert "too_little_history" not in shown


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], "no symbol was asked for"),
        ([outcome("1", "no_match"), outcome("2", "no_match")], "nothing fired in the 2 symbols scanned."),
        (
            [outcome("1", "no_match"), outcome("2", "no_data", "no rows")],
            "nothing fired in the 1 symbol scanned; of 1 more nothing is known",
        ),
        (
            [outcome("1", "failed", "boom"), outcome("2", "no_data", "no rows")],
            "none of the 2 symbols could be scanned",
        ),
        ([outcome("1", "failed", "boom")], "the one symbol asked for could not be scanned."),
        ([outcome("1", "cancelled"), outcome("2", "no_match")], "of 1 more nothing is known"),
    ],
)
def test_no_matches_never_hides_that_data_was_missing(outcomes: list[dict[str, Any]], said: str) -> None:
    result = result_of([], outcomes)
    for shown in (render.scan_text(result), text_of(render.scan_html(result))):
        assert said in shown
        assert re.search(rf"{len(outcomes)}\s+asked for", shown)
        for row in outcomes:
            assert row["status"] in shown
            assert (row["error"] or "") in shown


def test_no_bar_at_all_is_said() -> None:
    result = result_of([], [outcome("1", "no_data", "no rows", last_bar=None)])
    assert "no bar was seen" in render.scan_text(result)


@pytest.mark.parametrize("show", [render.scan_text, lambda result: text_of(render.scan_html(result))])
def test_a_cancelled_scan_says_how_much_is_missing(show: Any) -> None:
    outcomes = [outcome("000001", "matched"), *(outcome(f"{place:06d}", "cancelled") for place in range(2, 1500))]
    shown = show(result_of([match("000001")], outcomes, cancelled=True))
    assert "cancelled: 1 match in 1 of 1,499 symbols" in shown
    assert "cancelled: 1,498 of 1,499 symbols are missing here" in shown


def test_every_text_from_outside_is_escaped() -> None:
    symbol = "<script>s"
    result = result_of(
        [match(symbol, HOSTILE, signal=HOSTILE)],
        [outcome(symbol, "matched"), outcome("<i>", "failed", HOSTILE)],
        warnings=(HOSTILE,),
        formula=f"close > 1  # {HOSTILE}",
        symbol_criteria=SymbolCriteria(market=HOSTILE),
    )
    parts = [render.scan_html(result), render.signals_html(result.signals), render.statistics_html(result.statistics)]
    html = body("".join(parts))
    assert "<script" not in html
    assert "<i>" not in html
    assert html.count("&lt;script&gt;") > 8


def test_no_line_of_a_scan_is_wider_than_the_terminal_or_obeys_it() -> None:
    long = "very " * 60 + "\x1b[2J" + "가" * 120
    outcomes = [outcome("가" * 60, "failed", long), outcome("000001", "matched")]
    result = result_of([match("000001", "가" * 90)], outcomes, warnings=(long,), formula=f"close > 1  # {'x' * 300}")
    shown = render.scan_text(result)
    assert max(map(width_of, shown.splitlines())) <= 100
    assert "\x1b" not in shown


@pytest.mark.parametrize(("columns", "widest"), [(200, 100), (80, 80), (20, 60)])
def test_lines_fit_the_terminal_between_60_and_100_columns(
    monkeypatch: pytest.MonkeyPatch, columns: int, widest: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = result_of(
        [match("000001", "가" * 90)], [outcome("000001", "failed", "word " * 60)], warnings=("word " * 60,)
    )
    widths = [width_of(line) for line in render.scan_text(result).splitlines()]
    assert widest - 5 < max(widths) <= widest


def test_what_is_no_terminal_gets_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    shown = render.scan_text(result_of([], [], warnings=("word " * 60,)))
    assert 95 < max(map(len, shown.splitlines())) <= 100


def test_matches_and_symbols_are_cut_and_the_cut_is_said() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=place) for place in range(5)]
    matches = [match(f"{symbol:06d}", None, day) for symbol in range(300) for day in days]
    shown = render.scan_text(result_of(matches))
    html = text_of(render.scan_html(result_of(matches)))
    assert "Matches: the first 10 of 1,500" in shown
    assert "By symbol and signal: the 10 with most of 300" in shown
    assert "Matches: the first 20 of 1,500" in html
    assert "By symbol and signal: the 15 with most of 300" in html
    assert shown.count("2024-01-0") == 10 + 1  # the range says it once more
    assert len(render.scan_html(result_of(matches))) < 25_000


def test_top_says_how_many_were_found() -> None:
    result = result_of([match(day=dt.date(2024, 1, day)) for day in range(1, 10)], shown=3)
    assert "Matches: 3, the top of 9 found" in render.scan_text(result)


def test_one_signal_needs_no_total_and_names_that_nobody_has_no_column() -> None:
    shown = render.statistics_text(result_of([match("1", None), match("2", None)]).statistics)
    assert shown.splitlines()[-3:] == ["  symbol  buy", "  1         1", "  2         1"]


@pytest.mark.parametrize("signal", ["symbol", "name", "total", "matches"])
def test_a_signal_may_have_the_name_of_a_column(signal: str) -> None:
    statistics = result_of([match(signal=signal), match(signal="buy")]).statistics
    assert render.statistics_text(statistics).splitlines()[0] == f"2 matches: buy 1, {signal} 1"
    assert signal in render.statistics_html(statistics)


def test_the_grid_colours_by_share_of_the_largest_count() -> None:
    matches = [match("1", None, dt.date(2024, 1, day)) for day in range(1, 5)] + [match("2", None, signal="sell")]
    html = body(render.statistics_html(result_of(matches).statistics))
    assert re.findall(r'--jt-heat:(\d+)%">(\d)', html) == [("44", "4"), ("14", "1")]


def test_one_month_alone_draws_no_bars() -> None:
    assert "Matches per month" not in render.scan_html(result_of([match()]))


def test_a_long_formula_is_shortened() -> None:
    formula = "\n".join(f"_a{place} = sma(close, {place + 2})" for place in range(40)) + "\nclose > _a1"
    shown = render.scan_text(result_of([match()], formula=formula))
    assert "_a11 = sma(close, 13)" in shown
    assert "… and 29 more lines" in shown


def test_a_formula_of_expressions_is_shown_by_signal() -> None:
    formula = PolarsFormula(signals={"up": pl.col("close") > 1}, lookback=0, name="my <scan>")
    result = result_of([match()], formula=formula)
    assert "# my <scan>\nup: " in render.scan_text(result)
    assert "# my &lt;scan&gt;" in render.scan_html(result)


def test_signals_alone_show_their_counts_and_first_matches() -> None:
    signals = result_of([match()]).signals
    assert render.signals_text(signals).splitlines()[0] == "1 match in 1 of 1 symbol"
    assert "가상전자" in render.signals_html(signals)
    assert render.signals_text(result_of([], []).signals) == "0 matches in 0 of 0 symbols"


def test_problem_html_keeps_the_caret_below_its_place() -> None:
    html = body(render.problem_html("line 1, column 6: unknown name 'clos'\n  종가 > clos\n         ^^^^"))
    assert '<span class="jt-double">종</span><span class="jt-double">가</span> &gt; clos\n         ^^^^</pre>' in html


def test_notes_are_escaped() -> None:
    assert "&lt;script&gt;" in render.note_html(HOSTILE)


def test_every_rule_of_the_style_sheet_is_scoped() -> None:
    rules = re.findall(r"^([^{}\n]+)\{", render.style.STYLE.replace("<style>", ""), flags=re.MULTILINE)
    assert len(rules) > 20
    assert all(part.strip().startswith(".jt-scan") for rule in rules for part in rule.split(","))


def test_rendering_needs_neither_ipython_nor_widgets() -> None:
    code = "import sys, jtscan.render; print(sorted({'IPython', 'ipywidgets', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
