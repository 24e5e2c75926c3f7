"""Explanations: passes, stages, what is read, and what each part asks of the warm-up (worked out by hand, FORMULA 4)."""

from __future__ import annotations

import polars as pl
import pytest

import jtscan as jt
from jtscan.errors import FormulaError, RequestError
from jtscan.testing import make_bars

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "marcap"), "number")
UNIVERSE = "gather from every symbol of the universe: "
MATCHES = "matches, symbol by symbol"


def explained(text, **options):
    return jt.explain(text, columns=COLUMNS, **options)


# text; for each pass: title, columns read, warm-up
PASSES = [
    ("close > open", [(MATCHES, ("close", "open"), "0 bars before its range")]),
    ("close > sma(close, 20)[1]", [(MATCHES, ("close",), "20 bars before its range")]),
    ("close[1] > 1", [(MATCHES, ("close",), "1 bar before its range")]),
    ("rsi(14) < 30", [(MATCHES, ("close",), "287 bars before its range")]),
    ("barssince(close > 1) > 3", [(MATCHES, ("close",), "all history")]),
    ("close > weekly(sma(close, 10))", [(MATCHES, ("close",), "84 bars before its range")]),
    ('market == "KOSPI" and marcap > 1', [(MATCHES, ("marcap", "market"), "0 bars before its range")]),
    ("rank(roc(close, 60)) > 0.9", [
        (f"{UNIVERSE}rank(roc(close, 60))", ("close",), "60 bars before its range"),
        (MATCHES, (), "0 bars before its range"),
    ]),
    ("rank(sma(rank(close), 5)) > 0.5", [
        (f"{UNIVERSE}rank(close)", ("close",), "0 bars before its range"),
        (f"{UNIVERSE}rank(sma(rank(close), 5))", (), "4 bars before its range"),
        (MATCHES, (), "0 bars before its range"),
    ]),
    ('close > ref("A", sma(close, 5))', [
        ('gather from A: ref("A", sma(close, 5))', ("close",), "4 bars before its range"),
        (MATCHES, ("close",), "0 bars before its range"),
    ]),
    ('rank(close / ref("A", open)) > 0.5', [
        ('gather from A: ref("A", open)', ("open",), "0 bars before its range"),
        (f'{UNIVERSE}rank(close / ref("A", open))', ("close",), "0 bars before its range"),
        (MATCHES, (), "0 bars before its range"),
    ]),
    ("rank(close, by=sector, where=volume > 0) > 0.5", [
        (f"{UNIVERSE}rank(close, by=sector, where=volume > 0)", ("close", "sector", "volume"), "0 bars before its range"),
        (MATCHES, (), "0 bars before its range"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PASSES)
def test_passes_say_what_they_read_and_how_far_back(text, expected):
    found = explained(text).passes
    assert [(each.title, tuple(sorted(each.reads)), each.warmup) for each in found] == expected


@pytest.mark.parametrize("text", [text for text, _ in PASSES])
def test_the_text_numbers_the_passes(text):
    shown = str(explained(text))
    numbers = [line.split(". ")[0] for line in shown.splitlines() if line[:1].isdigit()]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert repr(explained(text)) == shown


# text; of the last pass: how each stage is computed, and its parts
STAGES = [
    ("close > open", [("bar by bar, whole chunk", ("match = close > open",))]),
    ("buy = close > sma(close, 20)",
     [("indicators, per symbol", ("sma(close, 20)",)), ("bar by bar, whole chunk", ("buy = close > sma(close, 20)",))]),
    ("x = ema(close, 10)\nbuy = close > x",
     [("indicators, per symbol", ("x = ema(close, 10)",)), ("bar by bar, whole chunk", ("buy = close > x",))]),
    ("_x = ema(close, 10)\nbuy = close > _x",
     [("indicators, per symbol", ("_x = ema(close, 10)",)), ("bar by bar, whole chunk", ("buy = close > _x",))]),
    ("close > weekly(sma(close, 10))", [
        ("indicators, per symbol on 1w bars", ("sma(close, 10)",)),
        ("from 1w bars, completed", ("weekly(sma(close, 10))",)),
        ("bar by bar, whole chunk", ("match = close > weekly(sma(close, 10))",)),
    ]),
    ("n = param(20, 2, 50)\nbuy = close > sma(close, n)",
     [("indicators, per symbol", ("sma(close, 20)",)), ("bar by bar, whole chunk", ("buy = close > sma(close, 20)",))]),
    ('market == "K"', [("bar by bar, whole chunk", ('match = market == "K"',))]),
    ('market in ("K", "Q")', [("bar by bar, whole chunk", ('match = market in ("K", "Q")',))]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STAGES)
def test_stages_are_written_like_the_formula(text, expected):
    assert [(stage.how, stage.parts) for stage in explained(text).passes[-1].stages] == expected


# text; of the last pass: part, looks back, forgets after, asked for before the range
ASKS = [
    ("close > open", []),
    ("close[3] > 1", [("close[3]", "3 bars", "-", "3 bars")]),
    ("close > sma(close, 20)[1]",
     [("sma(close, 20)", "19 bars", "-", "20 bars"), ("sma(close, 20)[1]", "1 bar", "-", "1 bar")]),
    ("x = ema(close, 10)\nclose > x", [("x", "9 bars", "95 bars", "104 bars")]),
    ("rsi(14) < 30", [("rsi(close, 14)", "14 bars", "273 bars", "287 bars")]),
    ("close > weekly(sma(close, 10))", [  # a week at either end may be cut: (10 + 2) x 7 and (1 + 2) x 7
        ("sma(close, 10)", "9 bars of 1w", "-", "84 bars (10 of 1w)"),
        ("weekly(sma(close, 10))", "-", "-", "21 bars (1 of 1w)"),
    ]),
    ("weekly(close)[5] > 1",
     [("weekly(close)", "-", "-", "26 bars (1 of 1w)"), ("weekly(close)[5]", "5 bars", "-", "5 bars")]),
    ("within(close > sma(close, 5), 3)",
     [("sma(close, 5)", "4 bars", "-", "6 bars"), ("match", "2 bars", "-", "2 bars")]),
    ("streak(close > 1) > 3", [("streak(close > 1)", "-", "never", "all history")]),
    ("barssince(close > 1) > 3", [("barssince(close > 1)", "-", "never", "all history")]),
    ("rank(sma(rank(close), 5)) > 0.5", [("rank(sma(rank(close), 5))", "-", "-", "0 bars")]),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text, asks in ASKS if asks])
def test_the_warm_up_is_the_most_that_a_part_asks_for(text):
    for each in explained(text).passes:
        asked = [-1 if bars == "all history" else int(bars.split()[0]) for *_, bars in each.asks]
        most = "all" if -1 in asked else str(max(asked, default=0))
        assert each.warmup.split()[0] == most


@pytest.mark.parametrize(("text", "expected"), ASKS)
def test_each_part_says_what_it_asks_of_the_warm_up(text, expected):
    assert list(explained(text).passes[-1].asks) == expected


def test_asks_are_a_frame_with_a_row_for_each_part():
    asks = explained("rank(roc(close, 60)) > 0.9 and close > close[1]").asks
    assert asks.columns == ["pass", "part", "looks back", "forgets after", "asked for before the range"]
    assert sorted(asks["part"]) == ["close[1]", "rank(roc(close, 60))", "roc(close, 60)"]
    assert explained("close > open").asks.height == 0


def test_parameters_are_filled_in():
    text = "n = param(20, 2, 50)\nclose > sma(close, n)"
    assert "sma(close, 7)" in str(explained(text, parameters={"n": 7}))


def test_the_timeframe_says_how_many_bars_a_longer_period_holds():
    """3 weeks of 7 days are 21 daily bars; of 60-minute bars 3 x 7 x 24."""
    assert explained("weekly(close) > 1").passes[0].warmup == "21 bars before its range"
    assert explained("weekly(close) > 1", timeframe="60m").passes[0].warmup == "504 bars before its range"


def test_columns_need_not_be_known():
    assert explained("marcap > 1").passes == jt.explain("marcap > 1", columns=None).passes


def test_it_shows_itself_in_a_notebook_escaped():
    shown = explained("close > open and low < high")._repr_html_()
    assert "close &gt; open" in shown
    assert "low < high" not in shown


def test_own_functions_are_explained_as_others(tmp_path):
    @jt.function(lookback=lambda n: n - 1)
    def middle(x: pl.Expr = "close", n: int = 3) -> pl.Expr:
        return x.rolling_median(n)

    make_bars({"A": [1.0, 2, 3]}).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", functions=[middle])
    (only,) = scanner.explain("close > middle(20)").passes
    assert only.asks == (("middle(close, 20)", "19 bars", "-", "19 bars"),)
    assert only.stages[0].how == "indicators, per symbol"


# formula, options, error, message
REFUSED = [
    ("clos > 1", {}, FormulaError, "did you mean 'close'"),
    ("close >", {}, FormulaError, "line 1"),
    ("", {}, FormulaError, ""),
    ("sma(close, n) > 1", {}, FormulaError, "unknown name 'n'"),
    ("close > sma(close, 5)", {"parameters": {"m": 5}}, FormulaError, "unknown parameter 'm'"),
    ("weekly(close) > 1", {"timeframe": "1w"}, FormulaError, "the period must be longer"),
    ("close > 1", {"timeframe": "7m"}, RequestError, "timeframe: '7m' is not known"),
    (jt.PolarsFormula(signals={"match": pl.col("close") > 1}, lookback=0), {}, RequestError,
     "formula: Polars expressions cannot be explained: write the formula as text"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "options", "kind", "message"), REFUSED)
def test_what_cannot_be_explained_is_refused(formula, options, kind, message):
    with pytest.raises(kind) as caught:
        explained(formula, **options)
    assert message in str(caught.value)


def test_a_bare_polars_expression_is_refused_for_what_it_is():
    """A lookback would not help: it cannot be explained at all."""
    with pytest.raises(RequestError, match="cannot be explained"):
        explained(pl.col("close") > 1)
