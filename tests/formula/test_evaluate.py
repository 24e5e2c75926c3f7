"""Evaluating a plan over bars: unknowns, overflow, borders of symbols, and frames that are empty or all unknown.

Expected values are worked out by hand, or by Python's own floats where those are IEEE's.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.jobs import Status
from jtscan.engines.steps.evaluate import evaluate
from jtscan.formula import compile_formula
from jtscan.formula.native import Calls
from jtscan.testing import InMemoryPriceRepository

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "per"), "number")
FORMULAS = json.loads((Path(__file__).parent.parent / "answers" / "formulas.json").read_text(encoding="utf-8"))
U = None  # unknown


def bars_of(*symbols, **columns):
    """Bars of symbols of the same length; columns not given are 1, 2, 3, …"""
    length = len(next(iter(columns.values()), range(6)))
    parts = [
        pl.DataFrame(
            {
                "symbol": [symbol] * length,
                "timestamp": [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(length)],
                **{name: columns.get(name, [float(day + 1) for day in range(length)]) for name in COLUMNS},
            },
            schema_overrides=dict.fromkeys(COLUMNS, pl.Float64),
        )
        for symbol in symbols
    ]
    return pl.concat(parts)


def column_of(text, bars):
    """The values of a formula, as a column of that frame would show them."""
    plan = compile_formula(jt.Formula(text=f"x_ = {text}\nmatch = close > 0"), COLUMNS)
    made = evaluate(plan.steps, bars)
    assert made.failures == {}
    assert made.frame.height == bars.height
    return made.frame[plan.columns["x_"]]


def values(text, **columns):
    return column_of(text, bars_of("A", **columns)).to_list()


# ── three values ──────────────────────────────────────────────────────────────

THREE = {1.0: True, -1.0: False, U: U}

# left, right, and, or (Kleene)
LOGIC = [
    (True, True, True, True),
    (True, False, False, True),
    (True, U, U, True),
    (False, True, False, True),
    (False, False, False, False),
    (False, U, False, U),
    (U, True, U, True),
    (U, False, False, U),
    (U, U, U, U),
]


@pytest.mark.parametrize(("left", "right", "both", "either"), LOGIC)
def test_logic_has_three_values(left, right, both, either):
    number = {known: value for value, known in THREE.items()}
    columns = {"open": [number[left]], "per": [number[right]]}
    assert values("open > 0 and per > 0", **columns) == [both]
    assert values("open > 0 or per > 0", **columns) == [either]
    assert values("not open > 0", **columns) == [None if left is None else not left]


# text; answers where per is 1, -1 and unknown
UNKNOWN = [
    ("per > 0", [True, False, U]),
    ("per == per", [True, True, U]),
    ("per != 1", [False, True, U]),
    ("0 < per < 5", [True, False, U]),
    ("per + 1", [2.0, 0.0, U]),
    ("per * 0", [0.0, 0.0, U]),
    ("per ** 0", [1.0, 1.0, U]),
    ("-per", [-1.0, 1.0, U]),
    ("close if per > 0 else volume", [1.0, 2.0, U]),
    ("1 if per > 0 else 2", [1.0, 2.0, U]),
    ("per if close > 0 else close", [1.0, -1.0, U]),
    ("close if close > 0 else per", [1.0, 2.0, 3.0]),
    ("close > 0 if per > 0 else close < 0", [True, False, U]),
    ("max(per, 0.0)", [1.0, 0.0, U]),
    ("min(close, per)", [1.0, -1.0, U]),
    ("abs(per)", [1.0, 1.0, U]),
    ("sqrt(per)", [1.0, U, U]),
    ("log(per)", [0.0, U, U]),
    ("nz(per)", [1.0, -1.0, 0.0]),
    ("nz(per, close)", [1.0, -1.0, 3.0]),
    ("isna(per)", [False, False, True]),
    ("isna(per > 0)", [False, False, True]),
    ("not isna(per)", [True, True, False]),
    ("per[1]", [U, 1.0, -1.0]),
    ("(per > 0)[2]", [U, U, True]),
    ("highest(per, 2)", [U, 1.0, U]),
    ("count(per > 0, 2)", [U, 1.0, U]),
    ("within(per > 0, 2)", [True, True, U]),
    ("within(per > 0, 3)", [True, True, True]),
    ("every(per > 0, 2)", [U, False, False]),
    ("streak(per > 0)", [1.0, 0.0, U]),
    ("barssince(per > 0)", [0.0, 1.0, U]),
    ("valuewhen(per > 0, volume)", [1.0, 1.0, U]),
    ("cross_below(per, 0)", [False, True, False]),
]


@pytest.mark.parametrize(("text", "expected"), UNKNOWN)
def test_unknown_is_neither_true_nor_false(text, expected):
    assert values(text, per=[1.0, -1.0, U]) == expected


def test_unknown_never_matches():
    bars = bars_of("A", per=[1.0, -1.0, U, 1.0, U, -1.0])
    job = jt.ProcessingJob(
        id="job", symbols=("A",), timeframe=jt.Timeframe.D1, date_range=jt.DateRange(start=dt.date(1990, 1, 1)),
        formula=jt.Formula(text='signal("up", per > 0)\nsignal("down", not per > 0)\nsignal("same", per == per)'),
    )  # fmt: skip
    (result,) = jt.ProcessingEngine(InMemoryPriceRepository(bars), raise_internal=True).process_batch(job)
    assert result.matches.select("timestamp", "signal_type").rows() == [
        (dt.date(2024, 1, 1), "up"),
        (dt.date(2024, 1, 1), "same"),
        (dt.date(2024, 1, 2), "down"),
        (dt.date(2024, 1, 2), "same"),
        (dt.date(2024, 1, 4), "up"),
        (dt.date(2024, 1, 4), "same"),
        (dt.date(2024, 1, 6), "down"),
        (dt.date(2024, 1, 6), "same"),
    ]


def test_a_formula_that_is_unknown_throughout_matches_nothing():
    bars = bars_of("A", per=[U] * 6)
    job = jt.ProcessingJob(
        id="job", symbols=("A",), timeframe=jt.Timeframe.D1, date_range=jt.DateRange(start=dt.date(1990, 1, 1)),
        formula=jt.Formula(text="not per > 0"),
    )  # fmt: skip
    (result,) = jt.ProcessingEngine(InMemoryPriceRepository(bars), raise_internal=True).process_batch(job)
    assert (result.status, result.matches.height) == (Status.NO_MATCH, 0)


# ── numbers ───────────────────────────────────────────────────────────────────

# text; answers where close is 1e300, -1e300, 0 and 1
OVERFLOW = [
    ("close * close", [U, U, 0.0, 1.0]),
    ("close * close * 0", [U, U, 0.0, 0.0]),
    ("close * close - close * close", [U, U, 0.0, 0.0]),
    ("-(close * close)", [U, U, -0.0, -1.0]),
    ("1 / close", [1e-300, -1e-300, U, 1.0]),
    ("close / close", [1.0, 1.0, U, 1.0]),
    ("1 / (close * close)", [U, U, U, 1.0]),
    ("close ** 2", [U, U, 0.0, 1.0]),
    ("close ** -1", [1e-300, -1e-300, U, 1.0]),
    ("exp(close)", [U, 0.0, 1.0, math.e]),
    ("close % 0", [U, U, U, U]),
    ("close / 0", [U, U, U, U]),
    ("close * close > 0", [U, U, False, True]),
    ("not close * close > 0", [U, U, True, False]),
    ("isna(close * close)", [True, True, False, False]),
    ("nz(close * close, 7)", [7.0, 7.0, 0.0, 1.0]),
    ("max(close * close, 0.0)", [U, U, 0.0, 1.0]),
    ("(close * close)[1]", [U, U, U, 0.0]),
    ("sum(close, 2)", [U, 0.0, -1e300, 1.0]),
    ("sma(close * close, 2)", [U, U, U, 0.5]),
    ("close * 1e14 - close * 1e14", [U, U, 0.0, 0.0]),
    ("streak(close * close >= 0)", [U, U, 1.0, 2.0]),
]


@pytest.mark.parametrize(("text", "expected"), OVERFLOW)
def test_what_leaves_the_finite_numbers_is_unknown(text, expected):
    assert values(text, close=[1e300, -1e300, 0.0, 1.0]) == expected


DIVISORS = [3, 7, 10, 49, 100, 0.1, 0.3, -7, 1, 2, 0.25]
WHOLE = [float(number) for number in range(-300, 1_000)]

# How a number comes to divide: Polars multiplies by its reciprocal unless it is a column.
DIVIDING = [
    "close / {k}",
    "close / (2 * {k} - {k})",
    "close / ({k} if close > -1000 else 5)",
    "close / (5 if close < -1000 else {k})",
    "close / ({k} if True else 5)",
    "close / max(close * 0 + {k}, {k})",
    "close / min({k}, close * 0 + 5000)",
    "close / nz(log(-abs(close) - 1), {k})",
    "close / -(-{k} if close > -1000 else 5)",
    "close / ({k} if close > -1000 else 5)[0]",
    "close / ((1 if close > -1000 else 2) * {k})",
    "close / (sqrt(1 if close > -1000 else 2) * {k})",
    "close / (max(close * 0 + 2, 2.0) * ({k} / 2))",
    "close / abs({k} if close > -1000 else 5) * sign({k} if close > -1000 else 5)",
]


@pytest.mark.parametrize("k", DIVISORS)
@pytest.mark.parametrize("text", DIVIDING)
def test_division_is_exact_however_the_divisor_is_written(text, k):
    assert values(text.replace("{k}", str(float(k))), close=WHOLE) == [close / k for close in WHOLE]


@pytest.mark.parametrize("k", [3, 7, 10, 100, 0.1, 0.05, 0.25, 0.3, 1e-3])
def test_remainder_is_that_of_python(k):
    cents = [number / 100 for number in range(20_000)]
    assert values(f"close % {k}", close=cents) == [close % k for close in cents]


@pytest.mark.parametrize("k", [7, -7, 0.1, -0.1, 0.05, -0.3])
def test_remainder_has_the_sign_of_the_divisor(k):
    cents = [number / 100 for number in range(-5_000, 5_000)]
    for close, rest in zip(cents, values(f"close % {k}", close=cents), strict=True):
        assert rest == pytest.approx(close % k, abs=1e-12)
        assert 0 <= rest * math.copysign(1, k) <= abs(k)


# ── constants ─────────────────────────────────────────────────────────────────

# What reads no bar is still one value per bar. Answers on three bars of each of two symbols.
CONSTANT = [
    ("True", [True, True, True]),
    ("(1 > 2)[1]", [U, False, False]),
    ("True[1]", [U, True, True]),
    ("(True and not False)[2]", [U, U, True]),
    ("(1 if True else 2)[1]", [U, 1.0, 1.0]),
    ("count(True, 2)", [U, 2.0, 2.0]),
    ("count(1 > 2, 3)", [U, U, 0.0]),
    ("within(True, 2)", [True, True, True]),
    ("within(False, 2)", [U, False, False]),
    ("every(True, 2)", [U, True, True]),
    ("streak(True)", [1.0, 2.0, 3.0]),
    ("barssince(False)", [U, U, U]),
    ("valuewhen(True, close, 1)", [U, 1.0, 2.0]),
    ("sma(4 if True else 2, 2)", [U, 4.0, 4.0]),
    ("max(3, 7.0)", [7.0, 7.0, 7.0]),
    ("cross_above(5, 3)", [U, False, False]),
    ("2 < (1 if close > 0 else 4)", [False, False, False]),
    ("5 < barssince(close < 0)", [U, U, U]),
    ("5 > log(-close) or close > 2", [U, U, True]),
    ("1 <= nz(close[100], 1) <= 1", [True, True, True]),
    ('symbol == "A" or symbol in ("B", "C")', [True, True, True]),
    ("bar_index", [0.0, 1.0, 2.0]),
]


@pytest.mark.parametrize(("text", "expected"), CONSTANT)
def test_constant_is_one_value_per_bar(text, expected):
    plan = compile_formula(jt.Formula(text=f"buy = close > 0 and not isna({text})\nx = {text}"), COLUMNS)
    made = evaluate(plan.steps, bars_of("A", "B", close=[1.0, 2.0, 3.0]))
    name = plan.columns.get("x")
    if name is None:  # a constant is no column
        plan = compile_formula(jt.Formula(text=f"buy = {text}"), COLUMNS)
        made, name = evaluate(plan.steps, bars_of("A", "B", close=[1.0, 2.0, 3.0])), plan.signals["buy"]
    assert made.frame[name].to_list() == expected * 2


# ── borders of symbols ────────────────────────────────────────────────────────

# text; answers on the four bars of the second of three symbols; the third bar of per is unknown
BORDERS = [
    ("close[1]", [U, 1.0, 2.0, 3.0]),
    ("close[3]", [U, U, U, 1.0]),
    ("sma(close, 2)", [U, 1.5, 2.5, 3.5]),
    ("sma(per, 2)", [U, 1.5, U, U]),
    ("sma(per, 1)[1]", [U, 1.0, 2.0, U]),
    ("highest(close, 4)", [U, U, U, 4.0]),
    ("count(close > 2, 2)", [U, 0.0, 1.0, 2.0]),
    ("within(close == 4, 2)", [U, False, False, True]),
    ("every(close < 4, 2)", [U, True, True, False]),
    ("streak(close > 0)", [1.0, 2.0, 3.0, 4.0]),
    ("streak(per > 0)", [1.0, 2.0, U, 1.0]),
    ("barssince(close == 4)", [U, U, U, 0.0]),
    ("barssince(per == 1)", [0.0, 1.0, U, U]),
    ("valuewhen(close >= 3, close, 1)", [U, U, U, 3.0]),
    ("valuewhen(close >= 3, close, 2)", [U, U, U, U]),
    ("cross_above(close, 0.5)", [U, False, False, False]),
    ("bar_index", [0.0, 1.0, 2.0, 3.0]),
]


@pytest.mark.parametrize(("text", "expected"), BORDERS)
def test_a_symbol_knows_nothing_of_the_one_before(text, expected):
    bars = bars_of("A", "B", "C", per=[1.0, 2.0, U, 4.0])
    assert column_of(text, bars).to_list() == expected * 3


def test_symbols_may_differ_in_length_and_one_be_unknown_throughout():
    unknown = bars_of("B", close=[1.0] * 3, per=[U] * 3)
    bars = pl.concat([bars_of("A", close=[1.0]), unknown, bars_of("C", close=[3.0, 1.0])])
    assert column_of("sma(close, 2)", bars).to_list() == [U, U, 1.0, 1.0, U, 2.0]
    assert column_of("ema(per, 2)", bars).to_list() == [U, U, U, U, U, 1.5]


# ── the clock and texts ───────────────────────────────────────────────────────


def test_clock_of_intraday_bars():
    bars = bars_of("A", close=[1.0, 2.0]).with_columns(
        timestamp=pl.Series([dt.datetime(2024, 5, 13, 9, 30), dt.datetime(2024, 12, 29, 23, 59)])
    )
    answers = {
        "date": [20240513, 20241229], "year": [2024, 2024], "month": [5, 12], "hour": [9, 23], "minute": [30, 59],
        "dayofweek": [1, 7],
    }  # fmt: skip
    assert {name: column_of(name, bars).to_list() for name in answers} == answers


# text; answers where market is "KOSPI", "KOSDAQ" and unknown
TEXTS = [
    ('market == "KOSPI"', [True, False, U]),
    ('"KOSPI" != market', [False, True, U]),
    ('market in ("KOSPI", "NYSE")', [True, False, U]),
    ('market not in ("KOSPI", "NYSE")', [False, True, U]),
    ('market == "KOSPI" or close > 2', [True, False, True]),
    ('market == "kospi"', [False, False, U]),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_text_of_a_symbol_may_be_unknown(text, expected):
    market = pl.Series(["KOSPI", "KOSDAQ", None], dtype=pl.String)
    assert column_of(text, bars_of("A", close=[1.0, 2.0, 3.0]).with_columns(market=market)).to_list() == expected


# ── every formula on frames with nothing in them ──────────────────────────────


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula["text"])
def test_formula_takes_no_bars_one_bar_and_unknown_bars(formula):
    kind = pl.Boolean if formula["kind"] == "condition" else pl.Float64
    nothing = bars_of("A", "B", **dict.fromkeys(COLUMNS, [U] * 4))
    for bars in (nothing, nothing.clear(), nothing.head(1), bars_of("A", close=[1.0])):
        assert column_of(formula["text"], bars).dtype == kind


UNKNOWN_THROUGHOUT = [each for each in FORMULAS if not any(
    word in each["text"] for word in ("bar_index", "date", "dayofweek", "month", "year", "nz(", "isna(")
)]  # fmt: skip


@pytest.mark.parametrize("formula", UNKNOWN_THROUGHOUT, ids=lambda formula: formula["text"])
def test_formula_of_unknown_prices_is_unknown(formula):
    answer = column_of(formula["text"], bars_of("A", "B", **dict.fromkeys(COLUMNS, [U] * 4)))
    assert answer.null_count() == 8


def test_what_talib_refuses_is_computed_by_the_expressions(monkeypatch):
    plan = compile_formula(jt.Formula(text="x = sma(close, 2)\nbuy = close > 0"), COLUMNS)
    bars = bars_of("A", "B", close=[1.0, 2.0, 4.0])
    refused = []

    def refuse(*given):
        refused.append(given)
        raise Exception("TA_SMA function failed with error code 2: Bad Parameter (TA_BAD_PARAM)")  # noqa: TRY002 - as talib does

    monkeypatch.setattr(Calls, "write", refuse)
    made = evaluate(plan.steps, bars)
    assert made.frame[plan.columns["x"]].to_list() == [None, 1.5, 3.0] * 2
    assert made.failures == {}
    assert len(refused) == 2


def test_an_error_of_ours_beside_talib_comes_out(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(Calls, "write", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        evaluate(
            compile_formula(jt.Formula(text="buy = sma(close, 2) > 0"), COLUMNS).steps,
            bars_of("A", close=[1.0, 2.0, 4.0]),
        )
