"""plot() and its kin on the values."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

import jtscan as jt
from jtscan.errors import RequestError

FORMULA = "buy = cross_above(sma(close, 5), sma(close, 20))\nsell = cross_below(sma(close, 5), sma(close, 20))"


@pytest.fixture(scope="module")
def result():
    return jt.Scanner("data").scan(FORMULA, start="2024-06-01", end="2024-12-30")


def test_a_result_draws_the_symbol_with_the_most_matches(result, kit):
    most = next(iter(result.statistics.by_symbol))
    assert repr(result.plot()).startswith(f"Chart({most}, ")


def test_a_result_draws_a_symbol_with_the_formulas_series_and_its_matches(result, kit):
    chart = result.plot("005930", theme="dark")
    texts = kit.texts(chart)
    assert {"sma(close, 5)", "sma(close, 20)"} <= set(texts)
    fired = result.signals.matches.filter(symbol="005930")
    drawn = [
        len(part.get_offsets())
        for part in kit.pane(chart, "price").collections
        if part.get_label() in {"_buy", "_sell"}
    ]
    assert sum(drawn) == fired.height > 0


def test_all_bars_are_drawn_when_asked(result):
    assert "760 bars" in repr(result.plot("005930", bars=None))


def test_as_many_bars_are_drawn_as_asked_and_matches_before_them_are_told(result, kit):
    chart = result.plot("005930", bars=30)
    fired = result.signals.matches.filter(symbol="005930")
    first = result.history("005930").bars["timestamp"][-30]
    outside = fired.filter(fired["timestamp"] < first).height
    assert "30 bars" in repr(chart)
    assert outside > 1
    assert f"{outside} matches lie outside the bars that are shown." in kit.texts(chart)


def test_a_result_without_matches_asks_for_a_symbol():
    nothing = jt.Scanner("data").scan("close < 0", last=5)
    with pytest.raises(RequestError, match="nothing matched; say which symbol"):
        nothing.plot()
    assert repr(nothing.plot("005930", bars=20)).endswith("20 bars, 0 matches)")


def test_counts_draw_themselves(result):
    assert repr(result.plot_calendar()) == "Chart(matches per day)"
    assert repr(result.plot_heatmap(index="market")) == "Chart(matches by market and month)"
    assert repr(result.plot_heatmap("symbol", "date")) == "Chart(matches by symbol and date)"  # as pivot takes them
    assert repr(result.statistics.plot(theme="light")) == "Chart(matches at a glance)"


def test_a_history_draws_itself(result):
    assert "Chart(005930, " in repr(result.history("005930", bars=30).plot(kind="line", size=(640, 480)))
