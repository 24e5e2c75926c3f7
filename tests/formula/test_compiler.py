"""Text → graph: what names mean, what becomes a signal or a column, and how a formula describes itself."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula
from jtscan.formula.compiler import compile_text

FIELDS = ("open", "high", "low", "close", "volume", "per", "c")
COLUMNS = dict.fromkeys(FIELDS, "number")
DAYS = [dt.date(2024, 1, day) for day in range(1, 7)]


def plan_of(text, **options):
    return compile_formula(jt.Formula(text=text), COLUMNS, **options)


def script_of(text, **parameters):
    return compile_text(jt.Formula(text=text), COLUMNS, parameters)


def values(text, name="match", *, parameters=None, first=False, **columns):
    """Values of a signal or column on six bars; columns not given are 1 to 6."""
    given = {field: columns.get(field, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) for field in FIELDS}
    bars = pl.DataFrame({"symbol": ["A"] * 6, "timestamp": DAYS, **given})
    plan = plan_of(text, parameters=parameters, first=first)
    return evaluate(plan.steps, bars).frame[{**plan.columns, **plan.signals}[name]].to_list()


# ── what a name means ─────────────────────────────────────────────────────────

# text, parameters given, columns that are read
LOOKED_UP = {
    "the script's own, before a field's letter": ("c = open\nc > 1", {}, ("open",)),
    "the script's own, before a column": ("per = low\nper > 1", {}, ("low",)),
    "the script's own, before a parameter": ("n = high\nn > close\nbuy = n > 1", None, ()),
    "a field's letter, before a column of that name": ("c > 1", {}, ("close",)),
    "a parameter, where it is no column": ("volume > n", {"n": 5}, ("volume",)),
    "a column of the price files": ("per > 1", {}, ("per",)),
    "a declared parameter, before a column": ("per = param(3)\nclose > per", {}, ("close",)),
}


@pytest.mark.parametrize(("text", "parameters", "reads"), LOOKED_UP.values(), ids=LOOKED_UP)
def test_name_is(text, parameters, reads):
    if parameters is None:
        with pytest.raises(FormulaError):
            plan_of(text, parameters={"n": 1})
    else:
        assert plan_of(text, parameters=parameters).reads == reads


def test_letter_can_be_assigned_after_it_was_read():
    assert values("x = c\nc = open\nc < x", open=[0.0] * 6, close=[1.0] * 6) == [True] * 6


def test_functions_and_names_are_separate():
    assert values("sum = sum(close, 2)\nsum > sum(close, 1)", "sum") == [None, 3.0, 5.0, 7.0, 9.0, 11.0]


def test_name_stands_for_its_expression():
    named = script_of("_ma = sma(close, 5)\n_up = close > _ma\nmatch = _up[1] and _up")
    written_out = script_of("match = (close > sma(close, 5))[1] and close > sma(close, 5)")
    assert named.graph.nodes == written_out.graph.nodes


def test_signal_can_be_read_like_any_condition():
    assert values("buy = close > 3\nsell = not buy and not buy[1]", "sell") == [None, True, True, False, False, False]


def test_hangul_names():
    text = "이평 = sma(종가, 2)\n매수 = 종가 > 이평\nbuy = 매수"
    plan = plan_of(f"종가 = close\n{text}")
    assert list(plan.columns) == ["종가", "이평", "매수"]
    assert values(f"종가 = close\n{text}", "이평") == [None, 1.5, 2.5, 3.5, 4.5, 5.5]


# ── one node for equal expressions ────────────────────────────────────────────

# two texts whose graphs are the same
EQUAL = {
    "a chained comparison": ("low < open < close", "low < open and open < close"),
    "a chain of three": ("low < open < close < high", "(low < open and open < close) and close < high"),
    "numbers of either kind": ("close > 1 or open > 1", "close > 1.0 or open > 1.0"),
    "constants calculated": ("close > 2 * 3 + 1", "close > 7"),
    "a power of constants": ("close > -2 ** 2", "close > -4"),
    "brackets": ("((close) > (open))", "close > open"),
    "a field's letter": ("c > o", "close > open"),
    "no bars back": ("close[0] > open", "close > open"),
    "the natural field": ("sma(20) > rsi(14)", "sma(close, 20) > rsi(close, 14)"),
    "the natural field of highest": ("highest(20) > lowest(20)", "highest(high, 20) > lowest(low, 20)"),
    "the natural field before a keyword": ("sma(n=20) > 1", "sma(close, 20) > 1"),
    "keywords": ("sma(n=20, x=open) > 1", "sma(open, 20) > 1"),
    "defaults": ("macd(close).line > bb(close).upper", "macd(close, 12, 26, 9).line > bb(close, 20, 2).upper"),
    "an alias": ("crossover(close, open)", "cross_above(close, open)"),
    "a list after in": ('market in ["A", "B"]', 'market in ("A", "B")'),
    "the other way round": ('"A" == market', 'market == "A"'),
    "not in": ('market not in ("A", "B")', 'not market in ("A", "B")'),
    "a continued line": ("close > open and \\\nlow > 1", "close > open and low > 1"),
    "a comment and an empty line": ("# one\n\nclose > open  # two", "close > open"),
    "a semicolon at the end": ("close > open;", "close > open"),
    "a named match": ("match = close > open", "close > open"),
    "a signal by call": ('signal("match", close > open)', "match = close > open"),
    "a parameter": ("n = param(5)\nsma(close, n * 2) > n / 2", "sma(close, 10) > 2.5"),
    "a whole number written as a fraction": ("sma(close, 20.0) > close[1.0]", "sma(close, 20) > close[1]"),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_same_meaning_is_the_same_graph(one, other):
    assert meanings(script_of(one)) == meanings(script_of(other))


def meanings(script):
    """Each signal written out, whatever the order in which its parts came up."""

    def written(at):
        node = script.graph[at]
        return (node.op, node.params, *[written(arg) for arg in node.args])

    return {name: written(node) for name, node in script.signals.items()}


def test_equal_expressions_are_one_node():
    script = script_of("a = sma(close, 20) - sma(close, 5)\nsma(close, 20) > sma(close, 20)[1] or sma(close, 5) > a")
    assert sum(node.op == "indicator" for node in script.graph.nodes) == 2
    assert sum(node.op == "field" for node in script.graph.nodes) == 1


def test_a_node_comes_after_what_it_reads():
    nodes = script_of("x = sma(close, 5)[1] + 2\nx > close and streak(x > 1) == 3").graph.nodes
    assert all(arg < position for position, node in enumerate(nodes) for arg in node.args)


# ── signals and columns ───────────────────────────────────────────────────────

# text, signals in order, columns in order
MADE = {
    "a bare expression": ("close > 1", ["match"], []),
    "all five": (
        "cover = close > 5\nshort = close > 4\nsell = close > 3\nbuy = close > 2\nclose > 1",
        ["cover", "short", "sell", "buy", "match"],
        [],
    ),
    "names of one's own": (
        'signal("돌파", close > 1)\nbuy = close > 2\nsignal("a b", close > 3)',
        ["돌파", "buy", "a b"],
        [],
    ),
    "public names": ("x = close\ny = close > 1\n_z = close\nmatch = y", ["match"], ["x", "y"]),
    "no parameters": ("n = param(5)\nm = n + 1\nx = close + m\nx > n", ["match"], ["x"]),
    "no constants": ("k = 5\nt = True\nf = 1 > 2\nx = close > k\nx and t", ["match"], ["x"]),
    "the output that is read": ("up = bb(close).upper\nclose > up", ["match"], ["up"]),
    "a private text": ('_m = "KOSPI"\nx = market == _m\nx', ["match"], ["x"]),
    "a column of the files by name": ("x = per\nx > 1", ["match"], ["x"]),
}


@pytest.mark.parametrize(("text", "signals", "columns"), MADE.values(), ids=MADE)
def test_signals_and_columns(text, signals, columns):
    plan = plan_of(text)
    assert (list(plan.signals), list(plan.columns)) == (signals, columns)


def test_series_are_columns_of_numbers_and_conditions_of_booleans():
    text = "x = close * 2\ny = close > 2\nclose > 4"
    assert values(text, "x") == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert values(text, "y") == [False, False, True, True, True, True]


def test_text_fields_are_read_from_labels_and_not_from_prices():
    plan = plan_of('name != "A" and symbol in ("B",) and close > 1')
    assert (plan.reads, plan.texts) == (("close",), ("name", "symbol"))


def test_only_what_signals_and_columns_need_is_read():
    assert plan_of("_unused = volume / per\nclose > open").reads == ("close", "open")


# ── parameters ────────────────────────────────────────────────────────────────


def test_parameter_is_its_default_until_it_is_given():
    text = "n = param(2, 1, 5)\nx = highest(close, n)[1]\nclose > 1"
    assert values(text, "x") == [None, None, 2.0, 3.0, 4.0, 5.0]
    assert values(text, "x", parameters={"n": 1}) == [None, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_parameter_needs_no_declaration():
    assert values("x = close * k\nclose > 1", "x", parameters={"k": 0.5}) == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_parameters_of_the_job_win_over_those_of_the_formula():
    formula = jt.Formula(text="close > k", parameters={"k": 1, "m": 2})
    with pytest.raises(FormulaError, match="unknown parameter 'm'; the formula has: k"):
        compile_formula(formula, COLUMNS)
    script = compile_text(jt.Formula(text="k = param(1)\nclose > k", parameters={"k": 2}), COLUMNS, {"k": 3})
    assert script.parameters["k"].value == 3


def test_declaration_is_what_a_form_needs():
    text = 'n = param(5, 2, highest=50, step=1, label="기간")\nk = param(-2, choices=(-2, 1.5))\nclose > n + k'
    first, second = jt.describe(text).parameters
    assert (first.name, first.default, first.lowest, first.highest) == ("n", 5, 2, 50)
    assert (first.step, first.label) == (1, "기간")
    assert (second.name, second.default, second.choices) == ("k", -2, (-2, 1.5))
    assert [str(first), str(second)] == ["n = 5 (2 to 50)", "k = -2 (one of -2, 1.5)"]


# ── first of a run ────────────────────────────────────────────────────────────

# per > 0 on six bars; the same with first=True
RUNS = [
    ([1, 1, 1, -1, 1, 1], [True, False, False, False, True, False]),
    ([-1, -1, 1, 1, -1, 1], [False, False, True, False, False, True]),
    ([1, None, 1, 1, None, 1], [True, False, True, False, False, True]),
    ([None, None, None, None, None, 1], [False, False, False, False, False, True]),
]


@pytest.mark.parametrize(("per", "fires"), RUNS)
def test_first_keeps_the_first_bar_of_each_run(per, fires):
    assert [value is True for value in values("per > 0", first=True, per=per)] == fires


def test_first_is_about_signals_and_not_about_columns():
    text = "x = per > 0\nbuy = x"
    assert values(text, "x", first=True, per=[1, 1, 1, 1, 1, 1]) == [True] * 6
    assert values(text, "buy", first=True, per=[1, 1, 1, 1, 1, 1]) == [True, *[False] * 5]


# ── describe ──────────────────────────────────────────────────────────────────

SLOPES = """fast = param(5, 2, 50)
slow = param(20)
gap = sma(close, fast) - sma(close, slow)
buy = cross_above(gap, 0)
sell = cross_below(gap, 0)"""

DESCRIBED = [
    (
        "close > sma(close, 2000)",
        [
            "signals       match",
            "columns       none",
            "parameters    none",
            "columns read  close",
            "warm-up       1,999 bars before the range",
        ],
    ),
    (
        SLOPES,
        [
            "signals       buy, sell",
            "columns       gap",
            "parameters    fast = 5 (2 to 50), slow = 20",
            "columns read  close",
            "warm-up       20 bars before the range",
        ],
    ),
    (
        'market == "KOSPI" and close > open',
        [
            "signals       match",
            "columns       none",
            "parameters    none",
            "columns read  close, open, market",
            "warm-up       none",
        ],
    ),
    (
        "sma(close, n) > per",
        [
            "signals              match",
            "columns              none",
            "parameters           none",
            "columns read         close",
            "column or parameter  n, per",
            "warm-up              depends on n, per: give values to know",
        ],
    ),
    (
        "streak(close > open) == 3",
        [
            "signals       match",
            "columns       none",
            "parameters    none",
            "columns read  close, open",
            "warm-up       all history",
        ],
    ),
]


@pytest.mark.parametrize(("text", "shown"), DESCRIBED)
def test_description(text, shown):
    assert str(jt.describe(text)).split("\n") == shown


# Without data a name is a column or a parameter, and may stand wherever either may.
OPEN = [
    ("close > clos", ("clos",)),
    ("sma(close, n) > 1", ("n",)),
    ("sma(n) > 1", ("n",)),
    ("highest(n) > low[m]", ("n", "m")),
    ("sma(per, n) > 1", ("per", "n")),
    ("sma(close, n * 2) > 1", ("n",)),
    ("close[n + 1] > -k", ("n", "k")),
    ("bb(close, n, k).upper > 1", ("n", "k")),
    ("x = per\nx > 1", ("per",)),
    ("max(close, floor_price) > 1", ("floor_price",)),
]


@pytest.mark.parametrize(("text", "unresolved"), OPEN)
def test_without_data_unknown_names_are_left_open(text, unresolved):
    assert jt.describe(text).unresolved == unresolved


def test_a_given_parameter_is_not_left_open():
    described = jt.describe("sma(close, n) > m", parameters={"n": 5})
    assert (described.unresolved, described.warmup) == (("m",), 4)


def test_polars_expressions_describe_themselves():
    described = jt.describe({"buy": pl.col("close") > pl.col("open").shift(3)}, lookback=3)
    assert (described.signals, described.reads, described.warmup) == (("buy",), ("close", "open"), 3)


# ── what can never hold ───────────────────────────────────────────────────────

# text, what is said of it
NEVER = [
    ("close > highest(high, 20)", "close > highest(high, 20) can never hold: highest(high, 20) has this bar in it"),
    ("close < lowest(20)", "close < lowest(low, 20) can never hold: lowest(low, 20) has this bar in it"),
    ("highest(close, 5) < close", "highest(close, 5) < close can never hold"),
    ("rsi(14) > 150", "rsi(close, 14) > 150 can never hold: rsi(close, 14) lies between 0 and 100"),
    ("rank(close) > 90", "rank(close) > 90 can never hold: rank(close) lies between 0 and 1"),
    ("90 < rank(close)", "rank(close) > 90 can never hold"),
    ("dayofweek == 0", "dayofweek == 0 can never hold: dayofweek lies between 1 and 7"),
    ("stoch().k < 0", "can never hold"),
    ("willr(14) > 20", "willr(14) > 20 can never hold: willr(14) lies between -100 and 0"),
]
MAY_HOLD = [
    "close > highest(high, 20)[1]", "close >= highest(high, 20)", "high > highest(close, 20)", "close > lowest(low, 20)",
    "rsi(14) > 70", "rank(close) >= 1", "dayofweek == 7", "weekly(close) > highest(high, 5)", "rsi(14) >= 100",
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), NEVER)
def test_a_comparison_that_can_never_hold_is_told(text, said):
    (note,) = plan_of(text).notes
    assert said in note


@pytest.mark.parametrize("text", MAY_HOLD)
def test_a_comparison_that_may_hold_is_not(text):
    assert plan_of(text).notes == ()
