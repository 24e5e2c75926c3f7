"""Random text: token soups, mutated formulas, and formulas made by a grammar.

Whatever the text, only a result or a FormulaError comes out. What the grammar
makes is valid, looks at no later bar, and is the same for a symbol alone.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import jtscan as jt
from jtscan.engines.evaluate import evaluate
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula
from jtscan.formula.table import table

FEW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
FEWER = settings(FEW, max_examples=100)
MANY = settings(FEW, max_examples=10_000)
FEWER_OF_MANY = settings(FEW, max_examples=2_000)
COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "per"), "number")


def make_bars(symbol, length, seed):
    """Bars with ties, a stretch without movement, a zero volume, and a column with holes."""
    random = np.random.default_rng(seed)
    steps = random.integers(-3, 4, length)
    steps[length // 2 : length // 2 + 6] = 0
    close = 20.0 + np.abs(np.cumsum(steps))
    per = np.where(random.random(length) < 0.2, np.nan, random.integers(-2, 9, length))
    return pl.DataFrame(
        {
            "symbol": [symbol] * length,
            "timestamp": [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(length)],
            "open": close - random.integers(-1, 2, length),
            "high": close + 2,
            "low": close - 2,
            "close": close,
            "volume": random.integers(0, 5, length) * 100.0,
            "per": pl.Series(per, nan_to_null=True),
        }
    )


SYMBOLS = [make_bars("A", 40, 1), make_bars("B", 1, 2), make_bars("C", 23, 3)]
BARS = pl.concat(SYMBOLS)
# Nothing moves, and a column is unknown throughout: Polars takes such columns for single numbers.
DULL = BARS.with_columns(
    *(pl.repeat(5.0, BARS.height, eager=True).alias(name) for name in ("open", "high", "low", "close", "volume")),
    pl.repeat(None, BARS.height, dtype=pl.Float64, eager=True).alias("per"),
)


# ── text ──────────────────────────────────────────────────────────────────────

WORDS = [
    *table(), "open", "high", "low", "close", "volume", "per", "hl2", "bar_index", "date", "symbol", "market", "c", "x",
    "_x", "n", "buy", "sell", "match", "param", "signal", "timestamp", "True", "None", "and", "or", "not", "if", "else",
    "in", "is", "lambda", "for", "import", "def", "종가", "strict", "line", "upper", "choices",
]  # fmt: skip
SIGNS = [
    "+", "-", "*", "/", "%", "**", "<", ">", "<=", ">=", "==", "!=", "=", ":=", "&", "|", "~", "^", "//", "(", ")", "[",
    "]", "{", "}", ",", ".", ":", ";", "'", '"', '"""', "\\", "#", "@", "!", "?", "$", "\n", "\n ", "\r\n", "\t", " ",
]  # fmt: skip
VALUES = ["0", "1", "2", "20", "-1", "1.5", "1e15", "1e400", "10_000", "0x1f", "1j", "007", '"KOSPI"', "f'{x}'", "b'a'"]
LETTERS = ["ｃ", "е", "ㅋ", "\u1100", "é", "≥", "\u00a0", "\ufeff", "\u2028", "\x00", "\x1b", "\ud800", "𝐱", "株"]
TOKENS = st.sampled_from(WORDS) | st.sampled_from(SIGNS) | st.sampled_from(VALUES) | st.sampled_from(LETTERS)

ANSWERS = json.loads((Path(__file__).parent.parent / "answers" / "formulas.json").read_text(encoding="utf-8"))
SCANS = json.loads((Path(__file__).parent.parent / "answers" / "scans.json").read_text(encoding="utf-8"))
CORPUS = [f"x = {each['text']}\nmatch = x > 0" for each in ANSWERS] + [each["text"] for each in SCANS]

soups = st.builds(lambda gap, tokens: gap.join(tokens), st.sampled_from([" ", ""]), st.lists(TOKENS, max_size=40))


@st.composite
def mutations(draw):
    """A formula of the answers with parts deleted, doubled, moved and replaced."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        part = text[start:end]
        instead = draw(st.one_of(TOKENS, st.text(max_size=3), st.sampled_from(["", part * 2, part[::-1], f"({part})"])))
        text = text[:start] + instead + text[end:]
    return text


def check_outcome(text):
    """A result or a FormulaError whose place is in the text; a result can be evaluated."""
    for columns in (COLUMNS, None):
        try:
            description = jt.describe(text, columns=columns)
        except FormulaError as error:
            check_error(error, text)
        else:
            assert description.signals
            assert str(description).startswith("signals")
            if columns:
                values_of(text, BARS)


def check_error(error, text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert error.message
    str(error).encode()
    if error.line is not None:
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1


def values_of(text, *chunks):
    """Signals and columns of one chunk after the other, as one frame."""
    return run(compile_formula(jt.Formula(text=text), COLUMNS), *chunks)


def run(plan, *chunks):
    frames = []
    for chunk in chunks:
        labelled = chunk.with_columns(pl.lit("KOSPI").alias(name) for name in plan.texts if name != "symbol")
        made = evaluate(plan.steps, labelled)
        assert made.failures == {}
        assert made.frame.height == chunk.height
        shown = {**plan.columns, **{f"signal {name}": column for name, column in plan.signals.items()}}
        frames.append(made.frame.select(pl.col(column).alias(name) for name, column in shown.items()))
    return pl.concat(frames)


# ── formulas that are valid ───────────────────────────────────────────────────

FIELDS = ["open", "high", "low", "close", "volume", "per", "hlc3", "bar_index", "dayofweek", "c", "_s", "s"]
NUMBERS = ["0", "1", "3", "0.1", "20.5", "-2", "n", "n / 7"]
LENGTHS = ["2", "3", "5", "n"]
# x is a series, c a condition, k a number, n a length
SERIES = [
    "x + x", "x - k", "k - x", "x * x", "x / x", "x / k", "k / x", "x % k", "x % x", "x ** 2", "-x", "x[1]", "x[n]",
    "x if c else x", "x if c else k", "k if c else k", "sma(x, n)", "ema(x, n)", "rma(x, n)", "rsi(x, n)",
    "stdev(x, n)",
    "highest(x, n)", "lowest(x, n)", "highest(n)", "sum(x, n)", "atr(n)", "adx(n)", "macd(x, 2, n, 3).hist",
    "bb(x, n, 1.5).upper", "bb(x, n).pctb", "bb(x, n).width", "stoch(n, 2, 2).d", "count(c, n)", "streak(c)",
    "barssince(c)", "valuewhen(c, x)", "valuewhen(c, x, 2)", "max(x, x)", "max(x, 3.0)", "min(x, x, k)", "abs(x)",
    "sqrt(x)", "log(x)", "exp(x)", "round(x)", "floor(x)", "ceil(x)", "sign(x)", "nz(x, k)", "nz(x)", "cdlengulfing()",
    "cdldoji()",
]  # fmt: skip
CONDITIONS = [
    "x > x", "x >= k", "x < k", "x == x", "x != k", "k < x <= k", "x < x < x", "c and c", "c or c", "not c", "c[1]",
    "c[n]", "c if c else c", "cross_above(x, x)", "cross_below(x, k)", "crosses(x, x, strict=True)", "within(c, n)",
    "every(c, n)", "isna(x)", "isna(c)", 'symbol == "A"', 'symbol in ("A", "C")', "True", "1 > n", "_t", "t",
]  # fmt: skip

PLACES = re.compile(r"\b[xckn]\b(?![\"(])")


@st.composite
def expressions(draw, kind, depth):
    """Fill a template with expressions less deep."""
    if kind == "n":
        return draw(st.sampled_from(LENGTHS))
    if kind == "k":
        return draw(st.sampled_from(NUMBERS))
    if depth == 0:
        return draw(st.sampled_from(FIELDS)) if kind == "x" else f"{draw(st.sampled_from(FIELDS))} > 1"
    template = draw(st.sampled_from(SERIES if kind == "x" else CONDITIONS))
    return PLACES.sub(lambda place: f"({draw(expressions(place.group(), depth - 1))})", template)


@st.composite
def formulas(draw):
    """A script with a parameter, names that stand for expressions, columns and two signals."""
    depth = draw(st.integers(1, 3))
    start = "n = param(3, 2, 9)\n_s = close - open\ns = sma(_s, 2)\n_t = close > open\nt = not _t\n"
    lines = [f"x{number} = {draw(expressions('x', depth))}" for number in range(draw(st.integers(0, 2)))]
    lines += [f"buy = {draw(expressions('c', depth))}", draw(expressions("c", depth))]
    return start + "\n".join(lines)


def check_valid(text):
    try:
        plan = compile_formula(jt.Formula(text=text), COLUMNS)
    except FormulaError as error:
        assume("at most 1,000" not in str(error))
        raise
    whole = run(plan, BARS)
    assert_same(run(plan, *SYMBOLS), whole)
    assert_same(run(plan, *DULL.partition_by("symbol", maintain_order=True)), run(plan, DULL))
    for length in (1, 7, 22):
        kept = BARS.select(pl.int_range(pl.len()).over("symbol") < length).to_series()
        assert_same(run(plan, BARS.filter(kept)), whole.filter(kept))


def assert_same(one, other):
    """Equal to the last bit but the sign of zero (Polars takes 0 - x as -x), and unknown at the same places."""
    assert one.schema == other.schema
    for name in one.columns:
        assert one[name].eq_missing(other[name]).all(), name


# ── tests ─────────────────────────────────────────────────────────────────────


@FEW
@given(soups)
def test_token_soup_gives_a_result_or_a_formula_error(text):
    check_outcome(text)


@FEW
@given(mutations())
def test_mutated_formula_gives_a_result_or_a_formula_error(text):
    check_outcome(text)


@FEWER
@given(formulas())
def test_valid_formula_sees_no_later_bar_and_no_other_symbol(text):
    check_valid(text)


@pytest.mark.slow
@MANY
@given(soups)
def test_many_token_soups_give_a_result_or_a_formula_error(text):
    check_outcome(text)


@pytest.mark.slow
@MANY
@given(mutations())
def test_many_mutated_formulas_give_a_result_or_a_formula_error(text):
    check_outcome(text)


@pytest.mark.slow
@FEWER_OF_MANY
@given(formulas())
def test_many_valid_formulas_see_no_later_bar_and_no_other_symbol(text):
    check_valid(text)
