"""Which symbol is drawn, how, and that only the newest picture is shown."""

from __future__ import annotations

import datetime as dt
import threading
from html import unescape
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import jtscan as jt
from jtscan.notebook.results.chart import ChartPart, find_symbol, symbol_labels

COUNTS = pl.DataFrame(
    {"symbol": ["005930", "00088K"], "name": ["삼성전자", None], "matches": [1200, 3]},
)
STATISTICS: Any = SimpleNamespace(by_symbol={"005930": 1200, "00088K": 3}, counts=COUNTS)
TABLE = pl.DataFrame({"symbol": ["005930", "00088K", "000660"], "name": ["삼성전자", None, "SK하이닉스"]})


class Drawn:
    """A result that notes what it is asked to draw."""

    statistics = STATISTICS

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.began = threading.Event()
        self.wait: threading.Event | None = None
        self.failure: Exception | None = None

    def _picture(self, *asked: Any) -> Any:
        self.asked.append(asked)
        self.began.set()
        if self.wait is not None:
            self.wait.wait(5)
        if self.failure is not None:
            raise self.failure
        return SimpleNamespace(png=repr(asked).encode, width=900)

    def plot(self, symbol: str, *, kind: str, colors: str, bars: int | str | None, **marked: Any) -> Any:
        return self._picture(symbol, kind, colors, bars, *marked.values())

    def plot_calendar(self) -> Any:
        return self._picture("calendar")

    def plot_heatmap(self) -> Any:
        return self._picture("heatmap")


@pytest.fixture
def result() -> Any:
    return Drawn()


@pytest.fixture
def chart(result: Any) -> ChartPart:
    part = ChartPart(SimpleNamespace(symbols=lambda: TABLE))
    part.show(result)
    assert part.wait(5)
    return part


def said(chart: ChartPart) -> str:
    return unescape(chart.state.value)


def test_symbols_are_listed_with_name_and_count() -> None:
    assert symbol_labels(STATISTICS) == {"005930 삼성전자 (1,200)": "005930", "00088K (3)": "00088K"}


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("005930 삼성전자 (1,200)", "005930"),
        (" 00088K ", "00088K"),
        ("00088k", "00088K"),
        ("000660", "000660"),  # it has not matched
        ("000660 SK하이닉스", "000660"),
        ("sk하이닉스", "000660"),
        ("삼성전자", "005930"),
    ],
)
def test_a_symbol_is_chosen_or_typed_by_code_or_name(text: str, symbol: str) -> None:
    assert find_symbol(text, symbol_labels(STATISTICS), lambda: TABLE) == symbol


@pytest.mark.parametrize(
    ("text", "said"), [("660", "'660' .did you mean '000660'"), ("삼성전지", "did you mean '삼성전자'"), ("x", "'x'$")]
)
def test_an_unknown_symbol_names_the_nearest(text: str, said: str) -> None:
    with pytest.raises(jt.RequestError, match=f"there is none called .*{said}"):
        find_symbol(text, {}, lambda: TABLE)


def test_the_symbol_with_most_matches_is_drawn_first(chart: ChartPart, result: Any) -> None:
    assert result.asked == [("005930", "auto", "auto", "auto")]
    assert chart.symbol.value == "005930 삼성전자 (1,200)"
    assert bytes(chart.image.value).endswith(b"('005930', 'auto', 'auto', 'auto')")
    assert (chart.image.layout.width, chart.image.layout.display, said(chart)) == ("900px", "", "")


def test_bars_are_chosen_from_few_to_all(chart: ChartPart) -> None:
    assert list(dict(chart.bars.options)) == ["auto", "60", "120", "250", "500", "all"]


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"kind": "line"}, ("005930", "line", "auto", "auto")),
        ({"colors": "western"}, ("005930", "auto", "western", "auto")),
        ({"bars": 60}, ("005930", "auto", "auto", 60)),
        ({"bars": None}, ("005930", "auto", "auto", None)),
        ({"symbol": "000660"}, ("000660", "auto", "auto", "auto")),
        ({"what": "calendar"}, ("calendar",)),
        ({"what": "heatmap"}, ("heatmap",)),
    ],
)
def test_what_is_chosen_is_drawn(chart: ChartPart, result: Any, change: dict[str, Any], asked: tuple[Any, ...]) -> None:
    for name, value in change.items():
        getattr(chart, name).value = value
    assert chart.wait(5)
    assert result.asked[1:] == [asked]


def test_the_arrows_go_round_the_matched_symbols(chart: ChartPart, result: Any) -> None:
    for button in (chart.later, chart.later, chart.earlier):
        button.click()
        assert chart.wait(5)
    assert [each[0] for each in result.asked] == ["005930", "00088K", "005930", "00088K"]


def test_a_mark_stays_until_another_symbol_is_opened(chart: ChartPart, result: Any) -> None:
    day = dt.date(2024, 1, 3)
    chart.open_symbol("00088K", mark=day)
    assert chart.wait(5)
    chart.bars.value = 60
    assert chart.wait(5)
    chart.later.click()
    assert chart.wait(5)
    chart.earlier.click()
    assert chart.wait(5)
    assert [each[3:] for each in result.asked[1:]] == [("auto", day), (60, day), (60,), (60,)]


def test_drawing_is_said_while_it_lasts_and_only_the_newest_is_shown(chart: ChartPart, result: Any) -> None:
    result.wait = threading.Event()
    result.began.clear()
    chart.kind.value = "line"
    assert "drawing …" in said(chart)
    assert result.began.wait(5)
    chart.bars.value = 500
    chart.bars.value = None
    result.wait.set()
    assert chart.wait(5)
    assert bytes(chart.image.value).endswith(b"('005930', 'line', 'auto', None)")
    assert [each[3] for each in result.asked] == ["auto", "auto", None]
    assert said(chart) == ""


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (jt.RequestError("symbol", "no bar in the range"), "symbol: no bar in the range"),
        (ZeroDivisionError("boom"), "internal error: ZeroDivisionError: boom"),
    ],
)
def test_what_cannot_be_drawn_is_said(chart: ChartPart, result: Any, failure: Exception, message: str) -> None:
    result.failure = failure
    chart.kind.value = "line"
    assert chart.wait(5)
    assert message in said(chart)
    assert chart.image.layout.display == "none"
    result.failure = None
    chart.kind.value = "auto"
    assert chart.wait(5)
    assert (said(chart), chart.image.layout.display) == ("", "")


def test_a_typed_symbol_that_is_not_there_is_said(chart: ChartPart, result: Any) -> None:
    chart.symbol.value = "000661"
    assert "did you mean '000660'" in said(chart)
    assert len(result.asked) == 1


def test_without_a_match_a_symbol_can_be_typed(result: Any) -> None:
    result.statistics = SimpleNamespace(by_symbol={}, counts=COUNTS.clear())
    chart = ChartPart(SimpleNamespace(symbols=lambda: TABLE))
    chart.show(result)
    assert "choose a symbol" in said(chart)
    chart.symbol.value = "000660"
    assert chart.wait(5)
    assert result.asked == [("000660", "auto", "auto", "auto")]


def test_another_result_keeps_the_symbol_that_matched_again(chart: ChartPart, result: Any) -> None:
    chart.open_symbol("00088K")
    chart.show(Drawn())
    assert chart.wait(5)
    assert chart.symbol.value == "00088K (3)"


ALIKE = pl.DataFrame({"symbol": ["abc", "ABC", "x", "X", "y"], "name": ["n", "m", "same", "same", "N"]})


@pytest.mark.parametrize(("text", "symbol"), [("abc", "abc"), ("ABC", "ABC"), ("n", "abc"), ("N", "y")])
def test_of_symbols_that_differ_by_case_the_one_that_was_typed_is_meant(text: str, symbol: str) -> None:
    assert find_symbol(text, {}, lambda: ALIKE) == symbol


@pytest.mark.parametrize(
    ("text", "said"), [("Abc", "the symbol of several: abc, ABC"), ("same", "the name of several: x, X")]
)
def test_a_name_that_several_have_draws_none_of_them(text: str, said: str) -> None:
    with pytest.raises(jt.RequestError, match=f"'{text}' is {said}; give the code"):
        find_symbol(text, {}, lambda: ALIKE)
