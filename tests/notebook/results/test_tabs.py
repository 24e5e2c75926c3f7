"""The tabs of a result: each is filled when it is opened, and shows what goes wrong in it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from html import unescape
from typing import Any

import polars as pl
import pytest

import jtscan as jt
from jtscan import render
from jtscan.notebook.results import ResultTabs
from jtscan.notebook.results.rows import Order

NAMES = ["matches", "statistics", "chart", "account", "code"]
Make = Callable[..., jt.BatchScanResult]


@pytest.fixture
def tabs(scanner: jt.Scanner) -> ResultTabs:
    return ResultTabs(scanner)


def text_of(widget: Any) -> str:
    """What a widget and those in it say."""
    value = getattr(widget, "value", "")
    own = value if isinstance(value, str) else ""
    below = " ".join(text_of(child) for child in getattr(widget, "children", ()))
    return unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", f"{own} {below}", flags=re.DOTALL))


def open_tab(tabs: ResultTabs, name: str) -> str:
    tabs.tabs.selected_index = NAMES.index(name)
    return text_of(tabs.boxes[name])


def filled(tabs: ResultTabs) -> list[str]:
    return [name for name in NAMES if tabs.boxes[name].children]


def test_there_is_nothing_before_a_result(tabs: ResultTabs) -> None:
    assert (tabs.head.value, tabs.tabs.layout.display, filled(tabs), repr(tabs)) == ("", "none", [], "ResultTabs()")


def test_only_the_open_tab_is_filled(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    assert filled(tabs) == ["matches"]
    for count, name in enumerate(["account", "code", "statistics"], start=2):
        open_tab(tabs, name)
        assert len(filled(tabs)) == count
    assert (tabs.tabs.layout.display, repr(tabs)) == ("", f"ResultTabs({result.summary})")


def test_every_tab_has_its_class(tabs: ResultTabs) -> None:
    assert "jt-tabs" in tabs.tabs._dom_classes
    assert [child._dom_classes for child in tabs.tabs.children] == [(f"jt-tab-{name}",) for name in NAMES]


def test_the_head_has_the_summary_and_the_titles_count(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    assert result.summary in text_of(tabs.head)
    assert tabs.tabs.titles == (
        f"Matches ({result.signals.total_matches})",
        "Statistics",
        "Chart",
        "Account and errors",
        "Code",
    )


def test_errors_are_counted_in_the_title(scanner: jt.Scanner, tabs: ResultTabs) -> None:
    tabs.show(scanner.scan("close > open", symbols=["nobody", "none"], last=1))
    assert tabs.tabs.titles[3] == "Account and errors (2)"
    assert "nobody" in open_tab(tabs, "account")


def test_no_match_says_why(tabs: ResultTabs, with_matches: Make, result: jt.BatchScanResult) -> None:
    tabs.show(with_matches(result.signals.matches.clear()))
    assert "No matches: nothing fired in the 59 symbols scanned" in text_of(tabs.boxes["matches"])
    tabs.show(result)
    assert f"of {result.signals.total_matches} matches" in text_of(tabs.boxes["matches"])


def test_statistics_count_by_two_keys(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    shown = open_tab(tabs, "statistics")
    assert f"{result.statistics.total:,} matches: " in shown
    part = tabs.boxes["statistics"].children[0]
    assert (part.rows.value, part.columns.value) == ("symbol", "signal_type")
    part.rows.value = "market"
    assert part.pivot.value == render.pivot_html(result.statistics, "market", "signal_type")
    part.columns.value = "market"  # they change places
    assert (part.rows.value, part.columns.value) == ("signal_type", "market")
    assert part.pivot.value == render.pivot_html(result.statistics, "signal_type", "market")


def test_the_code_is_the_scanners(tabs: ResultTabs, scanner: jt.Scanner, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    open_tab(tabs, "code")
    _, text, copy = tabs.boxes["code"].children
    assert text.value == copy.text == scanner.code(result.request, data_version=result.data_version)
    assert "data version" in text.value


def test_a_click_on_a_match_opens_its_chart_with_its_bar_marked(
    tabs: ResultTabs, result: jt.BatchScanResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    plot = lambda _self, symbol, **look: drawn.append((symbol, look.get("mark")))  # noqa: E731 - a double
    monkeypatch.setattr(jt.BatchScanResult, "plot", plot, raising=False)
    tabs.show(result)
    table = tabs.boxes["matches"].children[0]
    table.sort.value = Order(column="timestamp")  # as the scan has them
    table._open(3)
    assert tabs.tabs.selected_index == 2
    chart = tabs.boxes["chart"].children[0]
    assert chart.wait(5)
    match = result.signals.matches.row(3, named=True)
    assert chart.symbol.value.startswith(match["symbol"])
    assert drawn[-1] == (match["symbol"], match["timestamp"])


def test_a_chart_that_is_drawn_when_the_next_scan_begins_is_not_shown(
    tabs: ResultTabs, result: jt.BatchScanResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = threading.Event(), threading.Event()

    def slow(_self: object, _symbol: str, **_look: object) -> Any:
        began.set()
        go.wait(5)
        raise ValueError("late")

    monkeypatch.setattr(jt.BatchScanResult, "plot", slow)
    tabs.show(result)
    open_tab(tabs, "chart")
    chart = tabs.boxes["chart"].children[0]
    assert began.wait(5)
    tabs.clear()
    go.set()
    assert chart.wait(5)
    assert "late" not in text_of(chart)


def test_what_goes_wrong_in_a_tab_is_shown_in_it(
    tabs: ResultTabs, result: jt.BatchScanResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "account_html", lambda _result: 1 / 0)
    tabs.show(result)
    assert "internal error: ZeroDivisionError: division by zero" in open_tab(tabs, "account")
    assert "# scanned on" in open_tab(tabs, "code")


def test_a_panic_of_polars_shows_itself_in_its_tab_too(
    tabs: ResultTabs, result: jt.BatchScanResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(_result: Any) -> str:
        raise pl.exceptions.PanicException("out of bounds")

    monkeypatch.setattr(render, "account_html", panic)
    tabs.show(result)
    assert "internal error: PanicException: out of bounds" in open_tab(tabs, "account")


def test_a_problem_takes_the_place_of_the_result(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    tabs.problem("<b> is no symbol\n^^^")
    assert "&lt;b&gt; is no symbol\n^^^" in tabs.head.value
    assert (tabs.tabs.layout.display, tabs.result) == ("none", None)
    tabs.show(result)
    assert (tabs.tabs.layout.display, tabs.result) == ("", result)
    tabs.clear()
    assert (tabs.head.value, tabs.tabs.layout.display) == ("", "none")


def test_another_result_fills_the_tabs_anew(tabs: ResultTabs, scanner: jt.Scanner, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    open_tab(tabs, "code")
    other = scanner.scan("close > open", last=3)
    tabs.show(other)
    assert 'scanner.scan("close > open", last=3)' in text_of(tabs.boxes["code"])
    assert f"of {other.signals.total_matches} matches" in open_tab(tabs, "matches")


def test_a_result_may_come_from_a_thread(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    thread = threading.Thread(target=tabs.show, args=(result,))
    thread.start()
    thread.join(10)
    assert filled(tabs) == ["matches"]


def test_two_hundred_thousand_matches_send_one_page(tabs: ResultTabs, with_matches: Make) -> None:
    count = 200_000
    matches = pl.DataFrame({"symbol": pl.int_range(count, eager=True).cast(pl.String).str.zfill(6)}).with_columns(
        name=pl.lit("가"), timestamp=pl.date(2024, 1, 2), signal_type=pl.lit("buy"), close=pl.lit(1.5)
    )
    tabs.show(with_matches(matches))
    table = tabs.boxes["matches"].children[0]
    assert "1 to 20 of 200,000 matches" in text_of(table)
    assert sum(map(len, map(str, table.table._dt_args.values()))) < 10_000


def test_what_a_tab_showed_before_is_closed(tabs: ResultTabs, result: jt.BatchScanResult) -> None:
    tabs.show(result)
    for name in ("matches", "account", "code"):
        open_tab(tabs, name)
    before = {name: tabs.boxes[name].children for name in ("matches", "account", "code")}
    tabs.show(result)
    for name in before:
        open_tab(tabs, name)
    assert [each.comm for each in (*before["account"], *before["code"])] == [None] * 4
    assert tabs.boxes["matches"].children == before["matches"]
    assert before["matches"][0].comm is not None
