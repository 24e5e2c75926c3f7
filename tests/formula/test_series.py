"""Which series of a formula are worth seeing, how they are called, and on which scale; worked out by hand."""

from __future__ import annotations

import time

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.history import Scale
from jtscan.formula import compile_formula, compile_series, registered
from jtscan.formula.series import MOST

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "marcap"), "number")
PRICE, VOLUME, OWN = Scale


def plan_of(text, **options):
    return compile_series(Formula(text=text), COLUMNS, timeframe=Timeframe.D1, **options)


def series_of(text, **options):
    """``(label, scale, group, levels)`` of each series; the group is left out where it is the scale's."""
    found = []
    for each in plan_of(text, **options).series:
        assert each.group == each.scale or each.scale is OWN
        found.append(
            (each.label, each.scale, each.group if each.scale is OWN else "", *([each.levels] * bool(each.levels)))
        )
    return found


# formula; label, scale, group of what has no scale of the bars, and the numbers that it is compared with
FOUND = [
    # averages on the prices, oscillators below, with the numbers that they are compared with
    ("cross_above(sma(close, 5), sma(close, 20)) and rsi(14) > 50",
     [("sma(close, 5)", PRICE, ""), ("sma(close, 20)", PRICE, ""), ("rsi(close, 14)", OWN, "rsi", (50,))]),
    ("30 < rsi(14) < 70", [("rsi(close, 14)", OWN, "rsi", (30, 70))]),
    ("70 > rsi(14)", [("rsi(close, 14)", OWN, "rsi", (70,))]),
    ("cross_below(rsi(14), 30)", [("rsi(close, 14)", OWN, "rsi", (30,))]),
    ("rsi(14) > 50 and rsi(28) > 40", [("rsi(close, 14)", OWN, "rsi", (50,)), ("rsi(close, 28)", OWN, "rsi", (40,))]),
    ("n = param(9, 2, 50)\nbuy = close > ema(close, n)", [("ema(close, 9)", PRICE, "")]),
    # bars show themselves, and constants, conditions and the calendar are no series
    ("close > open", []),
    ("close[1] > high[2] and month == 5 and bar_index > 9 and market == 'KOSPI'", []),
    ("close > 1.03 * close[1] and hl2 > ohlc4", []),
    ("cdlhammer() == 100", []),
    ("x = close\ny = highest(high, 1)\nx > y", []),
    ("up = close > sma(close, 5)\nup and not up[1]", [("sma(close, 5)", PRICE, "")]),
    ("marcap > 1000", [("marcap", OWN, "marcap", (1000,))]),
    # several outputs: those of a MACD together, of a channel those that are read
    ("macd(close, 12, 26, 9).hist > 0",
     [(f"macd(close, 12, 26, 9).{each}", OWN, "macd", *levels)
      for each, levels in (("line", ()), ("signal", ()), ("hist", ((0,),)))]),
    ("close > bb(close, 20, 2).upper", [("bb(close, 20, 2).upper", PRICE, "")]),
    ("bb(20).width < 0.1 and bb(20).pctb < 0.2",
     [("bb(close, 20, 2).width", OWN, "bb.width", (0.1,)), ("bb(close, 20, 2).pctb", OWN, "bb.pctb", (0.2,))]),
    ("kc(20, 1.5).upper < close and kc(20, 1.5).lower > open",
     [("kc(20, 1.5).upper", PRICE, ""), ("kc(20, 1.5).lower", PRICE, "")]),
    ("cross_above(stoch(14, 3, 3).k, stoch(14, 3, 3).d)",
     [("stoch(14, 3, 3).k", OWN, "stoch"), ("stoch(14, 3, 3).d", OWN, "stoch")]),
    ("supertrend(10, 3).line < close and supertrend(10, 3).direction == 1",
     [("supertrend(10, 3).line", PRICE, ""), ("supertrend(10, 3).direction", OWN, "supertrend", (1,))]),
    ("close > max(ichimoku().span_a, ichimoku().span_b)",
     [("ichimoku(9, 26, 52).span_a", PRICE, ""), ("ichimoku(9, 26, 52).span_b", PRICE, "")]),
    # earlier values: as written, but not beside the values themselves
    ("close > highest(high, 252)[1]", [("highest(high, 252)[1]", PRICE, "")]),
    ("adx(14) > adx(14)[1] and adx(14)[1] > 20", [("adx(14)", OWN, "adx", (20,))]),
    ("weekly(rsi(14) > rsi(14)[1])", [("weekly(rsi(close, 14))", OWN, "rsi")]),
    # levels of the price
    ("close > donchian(20).mid and sar() < low", [("donchian(20).mid", PRICE, ""), ("sar(0.02, 0.2)", PRICE, "")]),
    ("close > midprice(9) and close < linreg(close, 20)", [("midprice(9)", PRICE, ""), ("linreg(close, 20)", PRICE, "")]),
    ("close >= 1.3 * lowest(low, 252)", [("1.3 * lowest(low, 252)", PRICE, "")]),
    ("close < ema(close, 20) + 2 * atr(20)", [("ema(close, 20) + 2 * atr(20)", PRICE, "")]),
    ("close < sma(hl2, 20) - (high - low)", [("sma(hl2, 20) - (high - low)", PRICE, "")]),
    ("close > (sma(close, 5) + sma(close, 9)) / 2", [("(sma(close, 5) + sma(close, 9)) / 2", PRICE, "")]),
    ("close > (open if rsi(14) > 50 else sma(close, 5))",
     [("(open if rsi(close, 14) > 50 else sma(close, 5))", PRICE, ""), ("rsi(close, 14)", OWN, "rsi", (50,))]),
    ("close > valuewhen(low == lowest(low, 20), high)",
     [("valuewhen(low == lowest(low, 20), high)", PRICE, ""), ("lowest(low, 20)", PRICE, "")]),
    ("close > pivothigh(5, 5)", [("pivothigh(high, 5, 5)", PRICE, "")]),
    ("close > alltime_high()[1]", [("alltime_high(high)[1]", PRICE, "")]),
    ("close > 100 * sma(close, 20)", [("100 * sma(close, 20)", OWN, "100 * sma(close, 20)"), ("sma(close, 20)", PRICE, "")]),
    # shares traded
    ("volume > 2 * sma(volume, 20)", [("2 * sma(volume, 20)", VOLUME, "")]),
    ("sum(volume, 5) > 9", [("sum(volume, 5)", OWN, "sum", (9,))]),
    ("weekly(sma(volume, 4)) > 9", [("weekly(sma(volume, 4))", OWN, "weekly", (9,))]),
    ("sma(close * volume, 20) > 9", [("sma(close * volume, 20)", OWN, "close * volume", (9,))]),
    # ratios and differences are of their own; what of them lies on the prices is there too
    ("close / sma(close, 20) > 1.05",
     [("close / sma(close, 20)", OWN, "close / sma(close, 20)", (1.05,)), ("sma(close, 20)", PRICE, "")]),
    ("(high - low) / close < 0.02", [("(high - low) / close", OWN, "(high - low) / close", (0.02,))]),
    ("atr(14) > 3 and change(close, 5) > 1 and stdev(20) > 2",
     [("atr(14)", OWN, "atr", (3,)), ("change(close, 5)", OWN, "change", (1,)), ("stdev(close, 20)", OWN, "stdev", (2,))]),
    # what is compared with each other is read on one scale
    ("obv() > sma(obv(), 20)", [("obv()", OWN, "obv"), ("sma(obv(), 20)", OWN, "obv")]),
    ("plus_di(14) > minus_di(14)", [("plus_di(14)", OWN, "plus_di"), ("minus_di(14)", OWN, "plus_di")]),
    ("rsi(14) > valuewhen(close > open, rsi(14)[1])",
     [("rsi(close, 14)", OWN, "rsi"), ("valuewhen(close > open, rsi(close, 14)[1])", OWN, "rsi")]),
    # the user's columns come first and keep their names; names of one's own are labels
    ("_top = highest(high, 20)[1]\nbuy = close > _top", [("top", PRICE, "")]),
    ("_low = sma(low, 5)\nbuy = close > _low", [("_low", PRICE, "")]),
    ("a = rsi(14)\nb = sma(volume, 3)\nbuy = close > sma(close, 9)\nstop = close - 2 * atr(20)",
     [("a", OWN, "rsi"), ("b", VOLUME, ""), ("stop", PRICE, ""), ("sma(close, 9)", PRICE, "")]),
    ("gap = open / high[1] - 1\nrange_ = high - low\ngap > 0.02", [("gap", OWN, "gap", (0.02,)), ("range_", OWN, "range_")]),
    ("prev = high[1]\nclose > prev", [("prev", PRICE, "")]),
    # conditions within functions
    ("count(close > sma(close, 20), 10) >= 8",
     [("count(close > sma(close, 20), 10)", OWN, "count", (8,)), ("sma(close, 20)", PRICE, "")]),
    ("within(rsi(2) < 10, 3) and every(close > sma(close, 9), 3)",
     [("rsi(close, 2)", OWN, "rsi", (10,)), ("sma(close, 9)", PRICE, "")]),
    ("sequence(9, rsi(2) < 5, adx(14) > 25)", [("rsi(close, 2)", OWN, "rsi", (5,)), ("adx(14)", OWN, "adx", (25,))]),
    # longer bars, other symbols
    ("weekly(close > sma(close, 10)) and rsi(close, 2) < 10",
     [("weekly(sma(close, 10))", PRICE, ""), ("rsi(close, 2)", OWN, "rsi", (10,))]),
    ("close > monthly(high)", [("monthly(high)", PRICE, "")]),
    ('ref("K200", close) > ref("K200", sma(close, 20))',
     [('ref("K200", close)', OWN, "K200"), ('ref("K200", sma(close, 20))', OWN, "K200")]),
    ('line = close / ref("K200", close)\nline > line[1]', [("line", OWN, "line")]),
    ("rank(roc(close, 60)) > 0.9", [("rank(roc(close, 60))", OWN, "rank", (0.9,))]),
    ("universe_mean(close > sma(close, 200)) > 0.6 and rank(close, by=sector, where=volume > 9) > 0.5",
     [("universe_mean(close > sma(close, 200))", OWN, "universe_mean", (0.6,)),
      ("rank(close, by=sector, where=volume > 9)", OWN, "rank", (0.5,))]),
    ("top(roc(close, 60), 5)", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_what_a_trader_wants_to_see(text, expected):
    assert series_of(text) == expected


def test_a_function_of_a_user_is_of_its_own():
    @jt.function(lookback=2)
    def spread(x: pl.Expr, y: pl.Expr) -> pl.Expr:
        return x - y.shift(2)

    functions = registered([spread])
    assert series_of("spread(close, open) > 1", functions=functions) == [("spread(close, open)", OWN, "spread", (1,))]


def test_polars_expressions_have_no_series():
    made = compile_series(PolarsFormula(signals={"buy": pl.col("close") > 1}, lookback=0), COLUMNS)
    assert (made.series, tuple(made.plan.signals)) == ((), ("buy",))


def test_what_is_too_much_is_left_out_and_named():
    lengths = range(2, MOST + 5)
    made = plan_of("\n".join([*(f"x{n} = rsi({n})" for n in lengths), "buy = close > sma(close, 5)"]))
    labels = [f"x{n}" for n in lengths] + ["sma(close, 5)"]
    assert [each.label for each in made.series] == labels[:MOST]
    assert list(made.left_out) == labels[MOST:]


def test_each_series_has_a_column_of_its_own_and_labels_are_short():
    long = " + ".join(f"rsi({n})" for n in range(2, 30))
    made = plan_of(f"{long} > 1 and {long} - adx(9) > 2").series
    assert len({each.column for each in made}) == len(made) == 2
    assert {len(each.label) for each in made} == {72}


FORMULAS = [*(jt.library[name].text for name in jt.library), *(text for text, _ in FOUND)]


def needs(plan):
    """What decides from which bar on each pass reads."""
    return [
        (each.warmup, sorted(each.needs.items()), each.symbol, sorted((s.before, s.bars) for s in each.settles))
        for each in plan.passes
    ]


@pytest.mark.parametrize("first", [False, True])
def test_series_ask_for_no_more_history_than_their_formula(first):
    for text in FORMULAS:
        options = {"timeframe": Timeframe.D1, "first": first, "members": first}
        alone = compile_formula(Formula(text=text), COLUMNS, **options)
        assert needs(compile_series(Formula(text=text), COLUMNS, **options).plan) == needs(alone), text


@pytest.mark.parametrize(
    "text",
    [
        f"close > max({', '.join(['close', 'open'] * 450)})",
        " and ".join(["rsi(14) > 5"] * 160),
        "_x0 = close\n" + "".join(f"_x{n + 1} = sma(_x{n}, 2) + 1\n" for n in range(110)) + "close > _x110",
        f"rsi({'sma(' * 18}close{', 2)' * 18}, 14) + close > 1",
    ],
    ids=["wide", "chained", "named", "deep"],
)
def test_large_formulas_are_looked_through_at_once(text):
    compile_formula(Formula(text=text), COLUMNS)
    started = time.perf_counter()
    plan_of(text)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("text", "histograms"),
    [
        ("macd(close, 12, 26, 9).hist > 0", ["macd(close, 12, 26, 9).hist"]),
        ("m = macd(close).hist\nbuy = m > 0", ["m"]),
        ("m = macd(close).hist\nbuy = m[1] < 0 and m > 0", ["m"]),
        ("was = macd(close).hist[1]\nbuy = was < 0", ["was"]),
        ("m = ta_macd(close).macdhist\nbuy = m > 0", ["m"]),
        ("m = weekly(macd(close).hist)\nbuy = m > 0", ["m"]),
        ("hist = sma(close, 5)\nbuy = close > hist", []),
        ("buy = macd(close).line > 0 and rsi(14) > 5", ["macd(close, 12, 26, 9).hist"]),
    ],
)
def test_a_histogram_is_known_by_what_it_is_not_by_its_name(text, histograms):
    assert [each.label for each in plan_of(text).series if each.histogram] == histograms
