"""Functions of a user: what ``jt.function`` takes, what it refuses, and how formulas use it.

Expected values are by hand: medians, sums and ranges of a few whole numbers.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import FormulaError, RequestError
from jtscan.formula import compile_formula, describe, registered
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder, make_bars

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume"), "number")


@jt.function(lookback=lambda n: n - 1)
def middle(x: pl.Expr = "close", n: int = 3) -> pl.Expr:
    """Median of n bars."""
    return x.rolling_median(n)


@jt.function(lookback=1)
def outside(high: pl.Expr = "high", low: pl.Expr = "low") -> pl.Expr:
    """Whether the bar holds the one before."""
    return (high > high.shift(1)) & (low < low.shift(1))


@jt.function(lookback=0)
def blend(x: pl.Expr, y: pl.Expr, share: float = 0.5) -> pl.Expr:
    """Both, weighted."""
    return x * share + y * (1 - share)


@jt.function(lookback=lambda fast, slow: max(fast, slow) - 1)
def spread(x: pl.Expr = "close", fast: int = 2, slow: int = 3) -> pl.Expr:
    """Difference of two sums."""
    return x.rolling_sum(fast) - x.rolling_sum(slow)


@jt.function(lookback=0, name="두배")
def double(x: pl.Expr = "close") -> pl.Expr:
    return x * 2


@jt.function(lookback=0)
def whole(x: pl.Expr = "close") -> pl.Expr:
    """A whole number, not a Float64."""
    return x.cast(pl.Int32)


OWN = [middle, outside, blend, spread, double, whole]


def bars_of(closes, **columns):
    """Bars whose prices are all the close, unless given."""
    start = dt.date(2024, 1, 1)
    frame = pl.DataFrame(
        {"symbol": "A", "timestamp": [start + dt.timedelta(days=n) for n in range(len(closes))], "close": closes}
    )
    given = {name: pl.Series(values) for name, values in columns.items()}
    others = {name: pl.col("close") for name in ("open", "high", "low") if name not in given}
    return frame.with_columns(volume=pl.lit(1.0), **others, **given)


def scan(frame, formula, functions=OWN, *, start=dt.date(1990, 1, 1), observer=None, **options):
    engine = ProcessingEngine(InMemoryPriceRepository(frame), functions=registered(functions), raise_internal=True)
    symbols = frame["symbol"].unique(maintain_order=True)
    job = ProcessingJob(
        id="job", symbols=tuple(symbols), timeframe=Timeframe.D1, date_range=DateRange(start=start),
        formula=jt.Formula(text=formula), **options,
    )  # fmt: skip
    return engine.process_batch(job, observer=observer)


def values_of(frame, text, **options):
    results = scan(frame, f"x = {text}\nnz(x, -9) > -10", **options)
    found = [result.matches["x"].to_list() for result in results]
    return found[0] if len(found) == 1 else found


# ── in formulas ───────────────────────────────────────────────────────────────

CLOSES = [1.0, 5, 2, 8, 3]

# expression, values on closes 1 5 2 8 3
USED = [
    ("middle(close, 3)", [None, None, 2, 5, 3]),
    ("middle(3)", [None, None, 2, 5, 3]),
    ("middle(close)", [None, None, 2, 5, 3]),
    ("middle()", [None, None, 2, 5, 3]),
    ("middle(n=3)", [None, None, 2, 5, 3]),
    ("middle(x=close, n=1)", [1, 5, 2, 8, 3]),
    ("middle(close - 1, 3)", [None, None, 1, 4, 2]),
    ("middle(middle(3), 2)", [None, None, None, 3.5, 4]),
    ("middle(3)[1]", [None, None, None, 2, 5]),
    ("sma(middle(3), 2)", [None, None, None, 3.5, 4]),
    ("blend(close, open)", [1, 5, 2, 8, 3]),
    ("blend(close, 2 * close, 0.25)", [1.75, 8.75, 3.5, 14, 5.25]),
    ("blend(close, close, share=2)", [1, 5, 2, 8, 3]),
    ("spread()", [None, None, -1, -5, -2]),
    ("spread(2, 4)", [None, None, None, -6, -7]),
    ("spread(slow=4)", [None, None, None, -6, -7]),
    ("spread(close, slow=2, fast=1)", [None, -1, -5, -2, -8]),
    ("두배(close)", [2, 10, 4, 16, 6]),
    ("두배()", [2, 10, 4, 16, 6]),
    ("whole(close) / 3 * 3", [1, 5, 2, 8, 3]),
    ("middle(close, n=3) - middle(3)", [None, None, 0, 0, 0]),
    ("1 if outside(close, -close) else 0", [None, 1, 0, 1, 0]),
    ("count(outside(close, -close), 2)", [None, None, 1, 1, 1]),
    ("1 if outside(high=close, low=-close) and close > 5 else 0", [0, 0, 0, 1, 0]),  # unknown and false is false
    ("streak(outside(close, -close))", [None, 1, 0, 1, 0]),
]


@pytest.mark.parametrize(("text", "expected"), USED)
def test_it_is_used_like_any_other_function(text, expected):
    made = values_of(bars_of(CLOSES), text)
    assert made == [each if each is None else pytest.approx(each) for each in expected]


def test_a_condition_is_a_signal_of_its_own():
    (result,) = scan(bars_of(CLOSES), "buy = outside(close, -close)")
    assert [moment.day for moment in result.matches["timestamp"]] == [2, 4]


def test_natural_fields_are_those_of_the_signature():
    frame = bars_of(CLOSES, high=[2.0, 6, 6, 9, 9], low=[1.0, 0, 0, -1, 3])
    (result,) = scan(frame, "buy = outside()")
    assert [moment.day for moment in result.matches["timestamp"]] == [2, 4]


def test_a_parameter_is_its_length():
    text = "n = param(3, 1, 9)\nx = middle(close, n)\nnz(x, -9) > -10"
    (result,) = scan(bars_of(CLOSES), text, parameters={"n": 2})
    assert result.matches["x"].to_list() == [None, 3, 3.5, 5, 5.5]


def test_it_begins_anew_after_an_unknown_value():
    """log(close) is unknown where the close is not above 0: runs of 2, then of 3 bars."""
    frame = bars_of([1.0, 1, -1, 1, 1, 1])
    assert values_of(frame, "middle(log(close), 3)") == [None, None, None, None, None, 0]
    assert values_of(frame, "middle(log(close), 2)") == [None, 0, None, None, 0, 0]


def test_it_is_computed_for_each_symbol_alone():
    frame = pl.concat([bars_of(CLOSES), bars_of([9.0, 9, 9, 9]).with_columns(symbol=pl.lit("B"))])
    assert values_of(frame, "middle(3)") == [[None, None, 2, 5, 3], [None, None, 9, 9]]


def test_it_is_compared_among_symbols():
    frame = make_bars({"A": [1.0, 5, 2], "B": [9.0, 1, 1], "C": [4.0, 4, 4]})
    assert values_of(frame, "rank(middle(3))") == [[None, None, 0.5], [None, None, 0], [None, None, 1]]


def test_it_is_read_on_longer_bars():
    """Weeks of 5 days end with 5, 10, 15, …: the median of the last two is 7.5 on the second Friday."""
    frame = make_bars({"A": [float(number) for number in range(1, 16)]})
    assert values_of(frame, "weekly(middle(close, 2))") == [None] * 9 + [7.5] * 5 + [12.5]


def test_it_is_read_on_another_symbol():
    frame = make_bars({"A": [1.0, 5, 2], "B": [9.0, 1, 1]})
    assert values_of(frame, 'ref("A", middle(3))') == [[None, None, 2]] * 2


# ── warm-up ───────────────────────────────────────────────────────────────────

WARMUPS = [
    ("middle(50) > 1", 49),
    ("middle(close, 1) > 1", 0),
    ("middle(sma(close, 5), 10)[2] > 1", 15),
    ("spread(3, 20) > 1", 19),
    ("outside()", 1),
    ("blend(close, open) > 1", 0),
    ("within(outside(), 5)", 5),
]


@pytest.mark.parametrize(("text", "bars"), WARMUPS)
def test_its_lookback_counts_towards_the_warm_up(text, bars):
    plan = compile_formula(jt.Formula(text=text), COLUMNS, functions=registered(OWN))
    assert plan.warmup == bars
    assert plan.lookback == bars
    assert plan.unseen


def test_formulas_without_own_functions_are_seen_through():
    assert not compile_formula(jt.Formula(text="sma(close, 3) > 1"), COLUMNS, functions=registered(OWN)).unseen


def test_the_range_starts_where_it_likes(tmp_path):
    path = tmp_path / "prices.parquet"
    make_bars({"A": [float(10 + number * 7 % 13) for number in range(300)]}).write_parquet(path)
    scanner = jt.Scanner(prices=path, functions=OWN, raise_internal=True)
    text = "x = middle(close, 20)\nclose > x"
    made = [scanner.scan(text, last=30, warmup=warmup).signals.matches for warmup in ("auto", "full")]
    assert made[0].height
    assert made[0].equals(made[1])


# ── Scanner(functions=[…]) ────────────────────────────────────────────────────


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.parquet"
    make_bars({"A": CLOSES, "B": CLOSES[::-1]}).write_parquet(path)
    return path


def test_a_scanner_knows_its_own_functions_and_another_does_not(prices):
    mine, other = jt.Scanner(prices=prices, functions=OWN), jt.Scanner(prices=prices)
    assert mine.scan("close > middle(3)").errors_count == 0
    assert mine.describe("close > middle(3)").warmup == 2
    assert "middle(close, 3)" in str(mine.explain("close > middle(3)"))
    assert not mine.check("close > middle(3)").looks_ahead
    for use in (other.scan, other.describe, other.explain, other.check):
        with pytest.raises(FormulaError, match="unknown function 'middle'"):
            use("close > middle(3)")
    with pytest.raises(FormulaError, match="unknown function 'middle'"):
        describe("close > middle(3)")


def test_it_is_among_the_functions_that_a_scanner_shows(prices):
    mine, other = jt.Scanner(prices=prices, functions=OWN), jt.Scanner(prices=prices)
    shown = str(mine.functions("middle"))
    assert "middle(x, n=3)" in shown
    assert "Median of n bars" in shown
    assert "your own" in str(mine.functions("your own"))
    assert "middle(x" not in str(other.functions())


def test_a_misspelt_own_function_is_suggested(prices):
    with pytest.raises(FormulaError, match="did you mean 'middle'"):
        jt.Scanner(prices=prices, functions=OWN).scan("close > midle(3)")


def test_it_can_still_be_called_with_expressions():
    made = bars_of(CLOSES).select(middle(pl.col("close"), 2))
    assert made.to_series().to_list() == [None, 3, 3.5, 5, 5.5]


# text, what the error says
MISUSED = [
    ("middle(close, 0) > 1", "middle: n = 0 is too short; the least is 1"),
    ("middle(close, 2.5) > 1", "middle: n = 2.5 is not a whole number of bars"),
    ("middle(close, close) > 1", "middle: n must be a whole number of bars, this is a series"),
    ("middle(close > 1, 3) > 1", "middle: x must be a series, this is a condition"),
    ("middle(close, 3, 4) > 1", "middle takes no more arguments"),
    ("middle(close, m=3) > 1", "middle has no argument 'm'"),
    ("blend(close) > 1", "blend needs y, a series"),
    ("outside(high, low) > 1", "this is a condition"),
    ("middle(3)", "a signal must be a condition, this is a series"),
    ("middle(3).line > 1", "middle"),
]


@pytest.mark.parametrize(("text", "message"), MISUSED)
def test_misuse_is_told_like_that_of_any_function(text, message):
    with pytest.raises(FormulaError) as caught:
        compile_formula(jt.Formula(text=text), COLUMNS, functions=registered(OWN))
    assert message in str(caught.value)


# ── refusals ──────────────────────────────────────────────────────────────────


def made(make, lookback=0, name="mine"):
    return jt.function(lookback=lookback, name=name)(make)


def boom(*_):
    raise ZeroDivisionError("boom")


def with_star(*x):
    return x[0]


def with_keywords(x="close", **others):
    return x


def only_by_position(x, /):
    return x


def typed_wrong(x="close", n: int = 3) -> pl.Expr:
    return x.rolling_mean(n)


def sees_tomorrow_now_and_then(x="close"):
    """Looks ahead on one bar of many."""
    return pl.when(pl.int_range(pl.len()) % 50 == 49).then(x.shift(-1)).otherwise(x)


# name, function, message
REFUSED = [
    ("a name of the language", lambda: made(lambda x: x, name="sma"), "'sma' is a word of the language already"),
    ("an alias", lambda: made(lambda x: x, name="crossover"), "'crossover' is a word of the language already"),
    ("a TA-Lib name", lambda: made(lambda x: x, name="cdlengulfing"), "'cdlengulfing' is a word of the language already"),
    ("a field", lambda: made(lambda x: x, name="close"), "'close' is a word of the language already"),
    ("a letter of a field", lambda: made(lambda x: x, name="c"), "'c' is a word of the language already"),
    ("a signal", lambda: made(lambda x: x, name="buy"), "'buy' is a word of the language already"),
    ("param", lambda: made(lambda x: x, name="param"), "'param' is a word of the language already"),
    ("signal", lambda: made(lambda x: x, name="signal"), "'signal' is a word of the language already"),
    ("timestamp", lambda: made(lambda x: x, name="timestamp"), "'timestamp' is a word of the language already"),
    ("not an identifier", lambda: made(lambda x: x, name="my-average"), "'my-average' cannot be a name in formulas"),
    ("a lambda", lambda: jt.function(lookback=0)(lambda x: x), "'<lambda>' cannot be a name in formulas; give name="),
    ("a number first", lambda: made(lambda x: x, name="2x"), "'2x' cannot be a name in formulas"),
    ("other letters", lambda: made(lambda x: x, name="株"), "'株' cannot be a name in formulas"),
    ("full-width letters", lambda: made(lambda x: x, name="ｓｍａ"), "cannot be a name in formulas"),
    ("a keyword of Python", lambda: made(lambda x: x, name="lambda"), "'lambda' cannot be a name in formulas"),
    ("a word of formulas", lambda: made(lambda x: x, name="and"), "'and' cannot be a name in formulas"),
    ("no name at all", lambda: made(lambda x: x, name=" "), "cannot be a name in formulas"),
    ("not decorated", lambda: boom, "boom has no lookback: put @jt.function(lookback=…) before it"),
    ("a text", lambda: "sma", "has no lookback"),
    ("no series", lambda: made(lambda n=3: pl.lit(n)), "mine: it takes no series"),
    ("no arguments", lambda: made(lambda: pl.col("close")), "mine: it takes no series"),
    ("*args", lambda: made(with_star), "mine: the argument 'x' must be an ordinary one"),
    ("**kwargs", lambda: made(with_keywords), "mine: the argument 'others' must be an ordinary one"),
    ("only by position", lambda: made(only_by_position), "mine: the argument 'x' must be an ordinary one"),
    ("a flag", lambda: made(lambda x, strict=True: x), "mine: strict = True is neither a series nor a number"),
    ("a list", lambda: made(lambda x=[1]: x), "mine: a series has the name of a field as default, not [1]"),
    ("an unknown field", lambda: made(lambda x="clos": x), "a series has the name of a field as default, not 'clos'"),
    ("raises", lambda: made(lambda x: boom()), "mine: it raises ZeroDivisionError: boom"),
    ("raises in Polars", lambda: made(lambda x: x.str.len_chars()), "mine: it raises"),
    ("raises on data", lambda: made(lambda x: x.map_batches(boom, return_dtype=pl.Float64)), "mine: it raises"),
    ("returns a number", lambda: made(lambda x: 1), "mine: it gives int, not a Polars expression"),
    ("returns nothing", lambda: made(lambda x: None), "mine: it gives NoneType, not a Polars expression"),
    ("returns texts", lambda: made(lambda x: x.cast(pl.String)), "mine: it gives String, neither numbers nor conditions"),
    ("one value", lambda: made(lambda x: x.mean()), "mine: it gives 1 values for 240 bars"),
    ("fewer values", lambda: made(lambda x: x.head(10)), "mine: it gives 10 values for 240 bars"),
    ("the next bar", lambda: made(lambda x: x.shift(-1)), "mine: it looks ahead"),
    ("all bars", lambda: made(lambda x: x - x.mean()), "mine: it looks ahead"),
    ("centred", lambda: made(lambda x: x.rolling_mean(5, center=True), 5), "mine: it looks ahead"),
    ("reversed", lambda: made(lambda x: x.reverse()), "mine: it looks ahead"),
    ("lookback too short", lambda: made(lambda x: x.rolling_mean(5), 3), "mine: lookback = 3 is too short"),
    ("a recursion without memory", lambda: made(lambda x: x.ewm_mean(span=10), 10), "mine: lookback = 10 is too short"),
    ("all history", lambda: made(lambda x: x.cum_sum(), 100), "mine: lookback = 100 is too short"),
    ("a negative lookback", lambda: made(lambda x: x, -1), "mine: lookback gives -1, not a number of bars"),
    ("a lookback that is no number", lambda: made(lambda x: x, lambda: "5"), "mine: lookback gives '5', not a number of bars"),
    ("a lookback of half a bar", lambda: made(lambda x: x, 1.5), "mine: lookback"),
    ("no lookback", lambda: made(lambda x: x, None), "mine: lookback"),
    ("True", lambda: made(lambda x: x, True), "mine: lookback"),
    ("a lookback that raises", lambda: made(lambda x, n=3: x, lambda n: 1 // 0), "mine: lookback raises ZeroDivisionError"),
    ("a lookback of another number", lambda: made(lambda x, n=3: x, lambda m: m), "mine: lookback raises TypeError"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_a_function_is_refused(make, message):
    with pytest.raises(RequestError) as caught:
        registered([make()])
    assert str(caught.value).startswith("functions: ")
    assert message in str(caught.value)


def test_a_function_given_twice_is_refused():
    with pytest.raises(RequestError, match="functions: middle is there twice"):
        registered([middle, outside, middle])


def test_a_single_function_is_no_list():
    with pytest.raises(RequestError, match=r"functions: give a list: functions=\[…\]"):
        registered(middle)


def test_a_decorator_without_its_lookback_is_refused():
    with pytest.raises(RequestError, match="lookback= is missing"):
        jt.function(middle)


def test_a_scanner_refuses_at_once(prices):
    with pytest.raises(RequestError, match="functions: mine: it looks ahead"):
        jt.Scanner(prices=prices, functions=[made(lambda x: x.shift(-1))])


def test_a_look_ahead_that_the_trial_did_not_see_is_refused_by_the_scan(tmp_path):
    """It reads tomorrow only where prices are above 1,000, which no invented price is."""
    sly = made(lambda x="close": pl.when(x > 1000).then(x.shift(-1)).otherwise(x), name="sly")
    path = tmp_path / "prices.parquet"
    make_bars({"A": [2000.0 + number % 7 for number in range(40)]}).write_parquet(path)
    scanner = jt.Scanner(prices=path, functions=[sly], raise_internal=True)
    assert scanner.check("sly(close) > close").looks_ahead
    with pytest.raises(jt.LookAheadError):
        scanner.scan("sly(close) > close")
    assert scanner.scan("sly(close) > close", allow_lookahead=True).signals.total_matches


def test_a_length_other_than_the_tried_one_may_need_more(tmp_path):
    """The lookback is right for n = 5 alone: with n = 50 results depend on the start, which nobody has promised."""
    wrong = made(lambda x="close", n=5: x.rolling_mean(n), 4, name="wrong")
    assert [row.name for row in registered([wrong])] == ["wrong"]


def test_a_function_that_fails_on_a_symbol_fails_that_symbol():
    fussy = made(
        lambda x="close": pl.when(x.first() == 3).then(pl.lit("three")).otherwise(x.cast(pl.String)).cast(pl.Float64),
        name="fussy",
    )
    frame = make_bars({"A": [1.0, 2, 1, 2], "B": [3.0, 2, 3, 2], "C": [2.0, 3, 2, 3]})
    heard = ProgressRecorder()
    results = scan(frame, "fussy(close) > 1", [fussy], observer=heard)
    assert [result.status for result in results] == [Status.MATCHED, Status.FAILED, Status.MATCHED]
    assert results[1].error.startswith("fussy(close): ")


def test_infinity_and_nan_are_unknown():
    odd = made(
        lambda x="close": pl.when(x > 4).then(float("inf")).when(x > 2).then(float("nan")).otherwise(x), name="odd"
    )
    assert values_of(bars_of(CLOSES), "odd(close)", functions=[odd]) == [1, None, 2, None, None]


def test_its_type_may_differ_between_tried_and_real_bars():
    """All null on short symbols, whole numbers on others: columns of a chunk are one kind."""
    frame = pl.concat([bars_of([1.0]), bars_of(CLOSES).with_columns(symbol=pl.lit("B"))])
    assert values_of(frame, "whole(middle(close, 3))") == [[None], [None, None, 2, 5, 3]]


def test_a_recursion_beside_a_function_is_not_taken_for_a_short_lookback(prices):
    """An average's seed weighs a little for ever: that is FORMULA 4's matter, not the function's."""
    scanner = jt.Scanner(prices=prices, functions=[made(lambda x: x - x.shift(1), 1)])
    assert scanner.check("e = ema(close, 5)\nmatch = mine(close) > 0 and e > 0").passed
