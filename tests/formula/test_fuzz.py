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
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.history import HistoryRequest
from jtscan.domain.jobs import ProcessingJob
from jtscan.engines.processing import ProcessingEngine
from jtscan.engines.steps.evaluate import evaluate
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula
from jtscan.formula.table import table
from jtscan.testing import InMemoryPriceRepository

FEW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
FEWER = settings(FEW, max_examples=100)
ENGINE = settings(FEW, max_examples=18, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # shrinking takes minutes
MANY_ENGINE = settings(ENGINE, max_examples=100)
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
    "cdldoji()", "hma(x, n)", "wma(x, n)", "vwma(x, n)", "change(x)", "change(x, n)", "roc(x, n)", "percentrank(x, n)",
    "highestbars(x, n)", "lowestbars(x, n)", "highestbars(1)", "alltime_high(x)", "alltime_low(x)", "ffill(x)",
    "pivothigh(x, n, 2)", "pivotlow(x, 1, n)", "pivothigh(1, 1)", "linreg(x, n)", "slope(x, n)", "corr(x, x, n)",
    "kc(n, 1.5).upper", "donchian(n).mid", "ichimoku(2, n, 5).span_a", "ichimoku(2, 3, n).span_b",
    "ichimoku(2, 3, 5).lead_a", "supertrend(n, 2).line", "supertrend(n, 2).direction", "weekly(x)", "monthly(x)",
    'tf("1w", x)', "weekly(x)[1]", "weekly(high, developing=True)", "weekly(sma(close, n), developing=True)",
    "monthly(highest(high, 2) - close[1], developing=True)",
    # TA-Lib's names
    "trix(x, n)", "willr(n)", "cci(n)", "mfi(n)", "ta_max(x, n)", "kama(x, n)", "dema(x, n)", "linearreg_angle(x, n)",
    "sar()", "obv()", "ad()", "ppo(x, 2, n)", "ultosc(2, n, 4)", "mom(x, n)", "tsf(x, n)", "var(x, n)",
    "beta(x, x, n)", "midpoint(x, n)", "midprice(n)", "bop()", "natr(n)", "cmo(x, n)", "plus_di(n)", "aroonosc(n)",
    "t3(x, n)", "ha().haclose", "vwap()", "avgdev(x, n)", "cumsum(x)", "efi(n)", "stochrsi(x, n, 3, 2).fastd",
    "minmax(x, n).max", "macdext(x, 2, 1, n, 0, 2, 1).macdhist", "cdlhammer()",
]  # fmt: skip
CONDITIONS = [
    "x > x", "x >= k", "x < k", "x == x", "x != k", "k < x <= k", "x < x < x", "c and c", "c or c", "not c", "c[1]",
    "c[n]", "c if c else c", "cross_above(x, x)", "cross_below(x, k)", "crosses(x, x, strict=True)", "within(c, n)",
    "every(c, n)", "isna(x)", "isna(c)", 'symbol == "A"', 'symbol in ("A", "C")', "True", "1 > n", "_t", "t",
    "sequence(5, c, c)", "sequence(9, c, c, c)", "weekly(c)", "monthly(c)", "monthly(c)[1]",
]  # fmt: skip

REFUSED = re.compile("at most 1,000|periods are not nested|cannot compare the symbols of the scan")
"""What is wrong only with some of the combinations that a grammar makes."""

PLACES = re.compile(r"\b[xckn]\b(?![\"(])")


@st.composite
def expressions(draw, kind, depth, grammar=(SERIES, CONDITIONS)):
    """Fill a template with expressions less deep."""
    if kind == "n":
        return draw(st.sampled_from(LENGTHS))
    if kind == "k":
        return draw(st.sampled_from(NUMBERS))
    if depth == 0:
        return draw(st.sampled_from(FIELDS)) if kind == "x" else f"{draw(st.sampled_from(FIELDS))} > 1"
    series, conditions = grammar
    template = draw(st.sampled_from(series if kind == "x" else conditions))
    return PLACES.sub(lambda place: f"({draw(expressions(place.group(), depth - 1, grammar))})", template)


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
        assume(not REFUSED.search(str(error)))
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


# ── formulas across symbols ───────────────────────────────────────────────────

ACROSS_SERIES = [
    "rank(x)", "rank(x, by=x)", "rank(x, by=c)", "rank(x, where=c)", "rank(x, by=market)", "zscore(x)",
    "zscore(x, where=c)", "demean(x)", "demean(x, by=symbol)", "universe_mean(x)", "universe_mean(c)",
    "universe_median(x)", "universe_std(x, by=market)", "universe_sum(c, where=c)", "universe_count(x)",
    "universe_count(c, by=c)", 'ref("A", x)', 'ref("B", x)', 'ref("D", x)', 'ref("ZZ", x)', "weekly(x)", "monthly(x)",
    "sma(x, n)", "ema(x, n)", "rsi(x, n)", "highest(x, n)", "x[1]", "x[n]", "x + x", "x / x", "x - k", "nz(x, k)",
    "x if c else x", "streak(c)", "valuewhen(c, x)", "ffill(x)", "alltime_high(x)", "count(c, n)",
]  # fmt: skip
ACROSS_CONDITIONS = [
    "top(x, n)", "bottom(x, n)", "top(x, 1, by=market)", "bottom(x, n, where=c)", 'ref("A", c)',
    "weekly(c)", "within(c, n)", "x > x", "x >= k", "c and c", "c or not c", "isna(x)", "cross_above(x, x)", "c[1]",
]  # fmt: skip
ACROSS = (ACROSS_SERIES, ACROSS_CONDITIONS)

LATE = make_bars("D", 20, 4).with_columns(pl.col("timestamp") + dt.timedelta(days=15))
GAPS = make_bars("E", 40, 5).filter(pl.int_range(pl.len()) % 3 != 1)
MARKET = pl.concat([BARS, LATE, GAPS])
LABELS = pl.DataFrame({"symbol": list("ABCDE"), "market": ["K", "K", "Q", "Q", None]}).with_columns(
    pl.lit(None, dtype=pl.String).alias(name) for name in ("name", "sector")
)


@st.composite
def formulas_across(draw):
    """A script whose columns and signals compare symbols, read another one, or both."""
    depth = draw(st.integers(1, 3))
    start = "n = param(3, 2, 9)\n_s = close - open\ns = rank(_s)\n_t = close > open\nt = top(close, 2)\n"
    lines = [f"x{number} = {draw(expressions('x', depth, ACROSS))}" for number in range(draw(st.integers(1, 2)))]
    lines += [f"c0 = {draw(expressions('c', depth, ACROSS))}", "close > 0"]
    return start + "\n".join(lines)


def scanned(text, frame, symbols, *, chunk_bars=250_000, start=None, universe=None):
    """Every bar of each symbol with the columns of a formula, by symbol; nothing fails."""
    engine = ProcessingEngine(InMemoryPriceRepository(frame), chunk_bars=chunk_bars, raise_internal=True)
    job = ProcessingJob(
        id="fuzz", symbols=tuple(symbols), timeframe=Timeframe.D1, date_range=DateRange(start=start or dt.date(2024, 1, 1)),
        formula=jt.Formula(text=text), labels=LABELS, universe=universe,
    )  # fmt: skip
    results = engine.process_batch(job)
    assert [result.symbol for result in results] == list(symbols)
    assert not [result.error for result in results if result.status == "failed"]
    return {result.symbol: result.matches for result in results}


def check_across(text):
    try:
        whole = scanned(text, MARKET, "ABCDE")
    except FormulaError as error:
        assume(not REFUSED.search(str(error)))
        raise
    assert {symbol: made.height for symbol, made in whole.items()} == dict(MARKET.group_by("symbol").len().iter_rows())
    for made in (
        scanned(text, MARKET, "EDCBA", chunk_bars=1),
        scanned(text, MARKET, "CA", universe="ABCDE"),
    ):
        assert_parts(made, whole)
    start = dt.date(2024, 1, 24)
    later = scanned(text, MARKET, "ACDE", start=start, universe="ABCDE")
    assert_parts(later, whole, pl.col("timestamp") >= start, rel=1e-9)
    for end in (dt.date(2024, 1, 9), dt.date(2024, 1, 25)):
        kept = MARKET.filter(pl.col("timestamp") <= end)
        assert_parts(scanned(text, kept, "ABCDE"), whole, pl.col("timestamp") <= end)


def check_series(text):
    """What is seen of a symbol is what the scan had there."""
    engine = ProcessingEngine(InMemoryPriceRepository(BARS), raise_internal=True)
    dates = DateRange(start=dt.date(2024, 1, 9), end=dt.date(2024, 1, 30))
    job = ProcessingJob(
        id="fuzz", symbols=tuple("ABC"), timeframe=Timeframe.D1, date_range=dates, formula=jt.Formula(text=text), labels=LABELS
    )  # fmt: skip
    try:
        results = engine.process_batch(job)
    except FormulaError as error:
        assume(not REFUSED.search(str(error)))
        raise
    for result in results:
        if result.bars:
            seen = engine.history(job, HistoryRequest(symbol=result.symbol, bars=30))
            there = result.matches.unique("timestamp", keep="first", maintain_order=True)
            same = [each.column for each in seen.series if each.column in there.columns]
            found = there.select("timestamp").join(seen.bars, on="timestamp", maintain_order="left")
            assert_same(found.select(same), there.select(same).cast(pl.Float64))
            assert found.height == there.height


def assert_parts(made, whole, inside=pl.lit(value=True), *, rel=0.0):  # noqa: B008 - an expression is a constant
    """Equal to what the whole scan gave on those days: to the bit, or where reading began later as FORMULA 4 says."""
    for symbol, frame in made.items():
        expected = whole[symbol].filter(inside)
        assert frame.height == expected.height, symbol
        for name in frame.columns if frame.height else ():
            if rel and frame.schema[name] == pl.Float64:
                assert_series_equal(frame[name], expected[name], rel_tol=rel, abs_tol=rel)
            else:
                assert frame[name].to_list() == expected[name].to_list(), (symbol, name)


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


@ENGINE
@given(formulas_across())
def test_formula_across_symbols_sees_no_later_bar_and_no_order(text):
    check_across(text)


@ENGINE
@given(formulas() | formulas_across())
def test_series_of_a_formula_have_the_bits_of_its_scan(text):
    check_series(text)


@pytest.mark.slow
@MANY_ENGINE
@given(formulas_across())
def test_many_formulas_across_symbols_see_no_later_bar_and_no_order(text):
    check_across(text)


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
