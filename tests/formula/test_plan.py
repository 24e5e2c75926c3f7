"""Graph → steps: how many earlier bars, and which columns are made when.

Warm-ups are worked out by hand from FORMULA 4: a window of n bars needs n - 1 more, x[n] needs n; a recursion
needs TA-Lib's lookback and after it 9.5 (EMA), 19.5 (Wilder, ATR, RSI) or 21.5 (ADX) times its length, rounded up.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.formula import compile_formula
from jtscan.formula.plan import RowStep, SymbolStep

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "per"), "number")
BARS = pl.DataFrame(
    {
        "symbol": ["A"] * 60,
        "timestamp": [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(60)],
        **{name: [100.0 + (day * 7 + shift) % 13 for day in range(60)] for shift, name in enumerate(COLUMNS)},
    }
)
ALL_HISTORY = None


def plan_of(text, **parameters):
    return compile_formula(jt.Formula(text=text), COLUMNS, parameters)


# ── how many earlier bars ─────────────────────────────────────────────────────

# text, bars before the range
WARMUPS = [
    ("close > open", 0),
    ("date > 20240101 and dayofweek == 1", 0),
    ("close[5] > 1", 5),
    ("close[5][3] > 1", 8),
    ("sma(close, 1) > 1", 0),
    ("sma(close, 20) > 1", 19),
    ("sma(close, 20)[1] > 1", 20),
    ("close > highest(high, 20)[1]", 20),
    ("highest(close, 1) > 1", 0),
    ("sma(sma(close, 5), 5) > 1", 8),
    ("sma(close, 5) > sma(close, 20)", 19),
    ("cross_above(sma(close, 5), sma(close, 20))", 20),
    ("bb(close, 20, 2).upper > 1", 19),
    ("bb(close, 20, 2).pctb > 1", 19),
    ("stdev(close, 20) > 1", 19),
    ("stoch(14, 3, 3).k > 1", 13 + 2 + 2),
    ("count(close > 1, 10) > 1", 9),
    ("within(close > sma(close, 20), 10)", 9 + 19),
    ("every(close > 1, 10)", 9),
    ("ema(close, 10) > 1", 9 + 95),
    ("ema(close, 3) > 1", 2 + 29),
    ("ema(ema(close, 3), 3) > 1", 2 * (2 + 29)),
    ("rma(close, 14) > 1", 13 + 273),
    ("atr(14) > 1", 14 + 273),
    ("rsi(14) > 1", 14 + 273),
    ("sma(rsi(14), 5)[2] > 1", 2 + 4 + 14 + 273),
    ("adx(14) > 1", 27 + 301),
    ("macd(close, 12, 26, 9).line > 1", 310),
    ("macd(close, 12, 26, 9).signal > 1", 310),
    ("macd(close, 12, 26, 9).hist > 1", 310),
    ("cdlengulfing() == 100", 2),
    ("cdldoji() == 100", 10),
    ("cdlmorningstar() == 100", 12),
    ("streak(close > 1) == 3", ALL_HISTORY),
    ("barssince(close > 1) == 3", ALL_HISTORY),
    ("valuewhen(close > 1, open) > 1", ALL_HISTORY),
    ("bar_index > 1", ALL_HISTORY),
    ("sma(streak(close > 1), 5) > 1", ALL_HISTORY),
    ("x = sma(close, 50)\nclose > 1", 49),
    ("_x = sma(close, 50)\nclose > 1", 0),
    ("buy = close > sma(close, 5)\nsell = close < sma(close, 9)", 8),
    ("n = param(30)\nsma(close, n) > 1", 29),
    ("n = param(30)\nclose[n] > 1", 30),
    # single symbols: FORMULA 3's definitions
    ("change(close) > 1", 1),
    ("roc(close, 12) > 1", 12),
    ("wma(close, 9) > 1", 8),
    ("vwma(close, 9) > 1", 8),
    ("linreg(close, 14) > 1", 13),
    ("corr(close, open, 30) > 0", 29),
    ("percentrank(close, 100) > 50", 100),
    ("highestbars(20) == 0", 19),
    ("highestbars(1) == 0", 0),
    ("donchian(20).mid > 1", 19),
    ("kc(20, 1.5).upper > 1", max(19 + 190, 20 + 390)),
    ("ichimoku(9, 26, 52).lead_b > 1", 51),
    ("ichimoku(9, 26, 52).span_b > 1", 51 + 26),
    ("ichimoku(9, 26, 52).span_a > 1", 25 + 26),
    ("pivothigh(5, 3) > 1", 5 + 3),
    ("sequence(9, close > open, close < open)", 8),
    ("alltime_high(high) == high", ALL_HISTORY),
    ("supertrend(10, 3).direction == 1", ALL_HISTORY),
    ("ffill(per) > 1", ALL_HISTORY),
]

OTHER_BARS = [
    # longer periods: the one before, the one cut at its begin and the running one, of 7 or 33 days at the most
    ("weekly(close) > 1", 3 * 7),
    ("monthly(close) > 1", 3 * 33),
    ("weekly(close)[2] > 1", 2 + 3 * 7),
    ("weekly(sma(close, 10)) > 1", (9 + 3) * 7),
    ("weekly(sma(close, 10)[1]) > 1", (10 + 3) * 7),
    ("sma(weekly(sma(close, 10)), 5) > 1", 4 + (9 + 3) * 7),
    ("weekly(close) > monthly(close)", 3 * 33),
    ("weekly(barssince(close > 1)) > 1", ALL_HISTORY),
    # what is compared is read at the time itself
    ("rank(sma(close, 50)) > 0.5", 0),
    ("sma(rank(sma(close, 50)), 5) > 0.5", 4),
    ('ref("A", sma(close, 50)) > 1', 0),
]


@pytest.mark.parametrize(("text", "bars"), WARMUPS + OTHER_BARS)
def test_warmup_adds_up_along_the_tree(text, bars):
    assert plan_of(text).warmup == bars


# text; of each pass: bars before its range, and from how many bars before its own range it reads each earlier pass
NEEDS = [
    ("rank(sma(close, 50)) > 0.5", [(49, {}), (0, {0: 0})]),
    ("rank(sma(close, 50))[3] > 0.5", [(49, {}), (3, {0: 3})]),
    ("sma(rank(close), 5) > rank(close)[9]", [(0, {}), (9, {0: 9})]),
    ("rank(sma(rank(close), 5))[2] > 0.5", [(0, {}), (4, {0: 4}), (2, {1: 2})]),
    ("rank(close) > rank(rank(close))", [(0, {}), (0, {0: 0}), (0, {0: 0, 1: 0})]),
    ('sma(close / ref("A", sma(close, 3)), 4) > 1', [(2, {}), (3, {0: 3})]),
    ('rank(close / ref("A", close)[5]) > 1', [(0, {}), (5, {0: 5}), (0, {1: 0})]),
    ("streak(rank(close) > 0.5) > 3", [(0, {}), (None, {0: None})]),
    ("rank(streak(close > 1)) > 0.5", [(None, {}), (0, {0: 0})]),
    ("rank(rsi(14)) > 0.5", [(14 + 273, {}), (0, {0: 0})]),
    ("weekly(rank(close)) > 0.5", [(2 * 7 + 7, {}), (3 * 7, {0: 3 * 7})]),
]


@pytest.mark.parametrize(("text", "expected"), NEEDS)
def test_passes_say_from_how_far_back_they_read_earlier_ones(text, expected):
    assert [(each.warmup, dict(each.needs)) for each in plan_of(text).passes] == expected


# text; symbols that are read beside, whether the universe is compared, first longer bars that leave it unknown
CROSSING = [
    ("close > 1", (), False, {}),
    ("rank(close) > 0.5", (), True, {}),
    ('close > ref("A", close)', ("A",), False, {}),
    ('rank(close / ref("B", close)) > ref("A", open)', ("A", "B"), True, {}),
    ("weekly(sma(close, 10)) > 1", (), False, {"1w": 9}),
    ("weekly(close[3]) > monthly(sma(close, 5))", (), False, {"1w": 3, "1mo": 4}),
    ("rank(weekly(close)) > 1", (), True, {"1w": 0}),
]


@pytest.mark.parametrize(("text", "references", "compares", "periods"), CROSSING)
def test_a_plan_says_whom_it_reads(text, references, compares, periods):
    plan = plan_of(text)
    assert tuple(sorted(plan.references)) == references
    assert plan.compares is compares
    assert plan.periods == periods
    assert not plan.unseen


# text, what repaints
REPAINTS = [
    ("weekly(close) > 1", ()),
    ("weekly(high, developing=True) > 1", ("weekly(high, developing=True)",)),
    ("rank(weekly(high, developing=True)) > 1", ("weekly(high, developing=True)",)),
    ("_x = weekly(high, developing=True)\nclose > 1", ()),
]


@pytest.mark.parametrize(("text", "parts"), REPAINTS)
def test_a_plan_says_what_repaints(text, parts):
    assert plan_of(text).repaints == parts


def test_warmup_follows_the_parameters():
    assert plan_of("n = param(30)\nsma(close, n) > 1", n=5).warmup == 4


# text, first bars of a history on which every signal is unknown
LOOKBACKS = [
    ("close > open", 0),
    ("close > sma(close, 20)", 19),
    ("ema(close, 10) > 1", 9),
    ("rsi(14) > 1", 14),
    ("adx(14) > 1", 27),
    ("macd(close, 12, 26, 9).line > 1", 33),
    ("cross_above(sma(close, 5), sma(close, 20))", 20),
    ("x = sma(close, 50)\nclose > x[1] and open > 1", 50),
    ("x = sma(close, 50)\nclose > 1", 0),
]


@pytest.mark.parametrize(("text", "bars"), LOOKBACKS)
def test_lookback_is_what_leaves_the_signals_unknown(text, bars):
    assert plan_of(text).lookback == bars


# text; for each ratio of recursive sums: bars that it is read before the range, bars on which the price must have moved
SETTLES = [
    ("sma(close, 5) > ema(close, 5)", []),
    ("rsi(14) > 30", [(0, 273)]),
    ("rsi(14)[1] > 30", [(1, 273)]),
    ("sma(rsi(close, 2), 5)[1] > 30", [(5, 39)]),
    ("adx(14) > 25", [(0, 301)]),
    ("rsi(14) > 30 and adx(14)[2] > 25", [(0, 273), (2, 301)]),
]


@pytest.mark.parametrize(("text", "expected"), SETTLES)
def test_ratios_of_recursive_sums_count_only_bars_that_moved(text, expected):
    plan = plan_of(text)
    assert sorted((settle.before, settle.bars) for settle in plan.last.settles) == expected
    assert bool(plan.last.settling) == bool(expected)


# closes; the bars on which they moved, as the settling of rsi sees it
def test_a_bar_moved_if_its_close_differs_from_the_one_before():
    plan = plan_of("rsi(2) > 30")
    bars = BARS.head(5).with_columns(close=pl.Series([10.0, 10.0, 11.0, 11.0, 10.0]))
    moved = evaluate(plan.last.settling, bars).frame[plan.last.settles[0].column]
    assert moved.to_list() == [None, False, True, False, True]


def test_a_bar_moved_if_its_high_rose_more_than_its_low_fell_or_the_other_way_round():
    plan = plan_of("adx(2) > 30")
    highs, lows = [10.0, 11.0, 11.0, 12.0, 11.0, 11.0], [9.0, 9.0, 8.0, 7.0, 8.0, 8.0]
    bars = BARS.head(6).with_columns(high=pl.Series(highs), low=pl.Series(lows))
    moved = evaluate(plan.last.settling, bars).frame[plan.last.settles[0].column]
    assert moved.to_list() == [None, True, True, False, False, False]


# ── what is made when ─────────────────────────────────────────────────────────

SQUEEZE = """_b = bb(close, 20, 2)
_squeeze = _b.upper < ema(close, 20) + 1.5 * atr(20) and _b.lower > ema(close, 20) - 1.5 * atr(20)
squeeze_bars = streak(_squeeze)[1]
buy = not _squeeze and squeeze_bars >= 6 and close > _b.mid"""

# text, indicators computed, steps over symbols
INDICATORS = [
    ("close > open", 0, 0),
    ("sma(close, 20) > sma(close, 20)[1] and cross_above(sma(close, 20), open)", 1, 1),
    ("sma(close, 5) > sma(close, 20) and rsi(close, 14) > 30", 3, 1),
    ("sma(close, 5) > sma(open, 5)", 2, 2),
    ("bb(close).width > 1 and bb(close).pctb > 1 and close > bb(close).upper", 3, 1),
    ("macd(close).line > macd(close).signal", 2, 1),
    ("sma(rsi(close, 14), 5) > 1", 2, 2),
    ("_r = rsi(14)\n_low = low == lowest(low, 20)\n_low and _r > valuewhen(_low[1], _r[1]) and _r < 40", 2, 2),
    (SQUEEZE, 5, 2),
]


@pytest.mark.parametrize(("text", "indicators", "steps"), INDICATORS)
def test_each_indicator_is_computed_once_and_those_of_the_same_inputs_together(text, indicators, steps):
    symbol_steps = [step for step in plan_of(text).steps if isinstance(step, SymbolStep)]
    assert sum(len(step.indicators) for step in symbol_steps) == indicators
    assert len(symbol_steps) == steps


def reads_of(step):
    if isinstance(step, SymbolStep):
        return set(step.inputs)
    return {name for expression in step.expressions for name in expression.meta.root_names()}


def makes_of(step):
    if isinstance(step, SymbolStep):
        return {indicator.column for indicator in step.indicators}
    return {expression.meta.output_name() for expression in step.expressions} | set(step.constants)


STAGED = [SQUEEZE, *(text for text, _ in WARMUPS), "x = close % 7\nx / 3 > 1 and (10 if x > 2 else 3) / x > 1"]


@pytest.mark.parametrize("text", STAGED)
def test_columns_are_made_once_before_they_are_read_and_dropped_after_their_last_reader(text):
    plan = plan_of(text)
    kept = {*plan.signals.values(), *plan.columns.values()}
    there, made = {*BARS.columns, "#i", "#x"}, []
    for position, step in enumerate(plan.steps):
        made += makes_of(step)
        there |= makes_of(step)
        assert reads_of(step) <= there
        later = set().union(*map(reads_of, plan.steps[position + 1 :]))
        assert {name for name in there if name.startswith(("#n", "#k"))} - set(step.drop) <= later | kept
        there -= set(step.drop)
    nodes = [name for name in made if name.startswith("#n")]  # constants (#k) live for one step
    assert len(nodes) == len(set(nodes))
    assert there == {*BARS.columns, "#i", "#x", *kept}
    assert set(evaluate(plan.steps, BARS).frame.columns) == there


def test_cheap_nodes_read_once_are_inlined():
    (step,) = plan_of("close > open and high[1] >= low and not abs(open) == low").steps
    assert isinstance(step, RowStep)
    assert len(step.expressions) == 1


def test_long_chains_are_cut_into_columns():
    plan = plan_of(" and ".join(["close > open"] + [f"close > {n}" for n in range(200)]))
    sizes = [len(str(expression)) for step in plan.steps for expression in step.expressions]
    assert len(sizes) > 5
    assert max(sizes) < 3_000


def test_columns_for_two_names_of_one_expression_are_the_same():
    plan = plan_of("x = close * 2\ny = close * 2\nx > y")
    assert plan.columns["x"] == plan.columns["y"]
