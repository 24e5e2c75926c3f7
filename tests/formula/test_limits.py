"""Hostile text: a result or a FormulaError, at once; and large formulas within the limits give the right answer."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume"), "number")
CLOSES = [1.0, 2.0, 3.0, 5.0, 8.0]
BARS = pl.DataFrame(
    {
        "symbol": ["A"] * 5,
        "timestamp": [dt.date(2024, 1, day) for day in range(1, 6)],
        "close": CLOSES,
        "volume": [0.0] * 5,
    }
)

TOO_LONG = "at most 10,000 are allowed"
TOO_DEEP = "the formula is nested too deep; at most 40 levels are allowed"
BRACKETS = "too many nested parentheses"

REFUSED = {
    "a megabyte": ("close > 1\n" * 100_000, TOO_LONG),
    "10,000 brackets": ("(" * 10_000 + "close" + ")" * 10_000 + " > 1", TOO_LONG),
    "10,000 times not": ("not " * 10_000 + "close > 1", TOO_LONG),
    "a million terms joined with and": (" and ".join(["close > 1"] * 1_000_000), TOO_LONG),
    "a million terms added": ("close > " + "+".join(["1"] * 1_000_000), TOO_LONG),
    "4,900 brackets": ("(" * 4_900 + "close" + ")" * 4_900 + " > 1", BRACKETS),
    "4,900 brackets never closed": ("(" * 9_900, BRACKETS),
    "4,900 square brackets": ("close" + "[" * 4_900 + "1" + "]" * 4_900, BRACKETS),
    "2,400 times not": ("not " * 2_400 + "close > 1", TOO_DEEP),
    "9,900 unary minuses": ("close > " + "-" * 9_900 + "1", TOO_DEEP),
    "3,000 powers": ("close > 1" + "**1" * 3_000, TOO_DEEP),
    "2,400 differences": ("close > 1" + " - 1" * 2_400, TOO_DEEP),
    "200 nested calls": ("abs(" * 199 + "close" + ")" * 199 + " > 1", TOO_DEEP),
    "1,900 nested calls": ("abs(" * 1_900 + "close" + ")" * 1_900 + " > 1", BRACKETS),
    "4,000 calls of calls": ("f" + "()" * 4_000, TOO_DEEP),
    "4,000 attributes": ("a" + ".b" * 4_000, TOO_DEEP),
    "400 choices": ("1 if close > 1 else " * 400 + "2", TOO_DEEP),
    "1,200 lambdas": ("lambda:" * 1_200 + "1", TOO_DEEP),
    "2,000 texts": ("market in (" + '"a",' * 2_000 + ")", "the formula is too large"),
    "1,200 comparisons": ("close" + " < close" * 1_200, "the formula is too large"),
    "3,000 statements": ("a\n" * 3_000, "at most 200 statements"),
    "9,900 stars": ("*" * 9_900, "the line ends in the middle"),
    "9,900 semicolons": (";" * 9_900, "leave out ';'"),
    "9,900 backslashes": ("\\" * 9_900, "unexpected character after line continuation"),
    "9,999 quotes": ('"' * 9_999, "unterminated"),
    "9,900 tabs": ("\t" * 9_900 + "close > 1", "unexpected spaces at the left"),
    "9,900 hashes": ("#" * 9_900, "the formula is empty"),
    "100 levels of statements": ("".join(" " * level + "if x:\n" for level in range(100)), "statement"),
    "3,000 f-string braces": ('f"' + "{" * 3_000 + '"', "f-string"),
    "a number of 9,000 digits": ("close > " + "9" * 9_000, "the number is too large"),
    "powers of powers": ("close > 9**9**9**9**9", "the number is too large"),
    "a name of 9,900 letters": ("x" * 9_900 + " > 1", "unknown name"),
    "a function of 9,900 letters": ("x" * 9_900 + "(close)", "unknown function"),
}

# Formulas at the limits, and their values on bars whose closes are 1, 2, 3, 5, 8.
SIXTY_DOUBLINGS = "\n".join(["x0 = close", *(f"x{i + 1} = x{i} + x{i}" for i in range(60))])
ALLOWED = {
    "60 doublings": (SIXTY_DOUBLINGS, "x60", [close * 2**60 for close in CLOSES]),
    "conditions of conditions": (
        "\n".join(["_c0 = close > 2", *(f"_c{i + 1} = _c{i} and not _c{i}[1]" for i in range(115)), "x = _c115"]),
        "x",
        [False, False, True, False, False],
    ),
    "a sum of 400 terms": ("x = " + " + ".join(["close"] * 400), "x", [close * 400 for close in CLOSES]),
    "a product of 400 ones": ("x = close * " + " * ".join(["1"] * 400), "x", CLOSES),
    "160 terms joined with and": (
        "x = " + " and ".join(["close > 1"] * 160),
        "x",
        [False, True, True, True, True],
    ),
    "160 terms joined with or": (
        "x = " + " or ".join(f"close == {n}" for n in range(3, 163)),
        "x",
        [False, False, True, True, True],
    ),
    "190 names": (
        "\n".join(["x0 = close", *(f"x{i + 1} = x{i} + 1" for i in range(180))]),
        "x180",
        [close + 180 for close in CLOSES],
    ),
    "30 nested calls": ("x = " + "abs(" * 30 + "-close" + ")" * 30, "x", CLOSES),
    "150 brackets": ("x = " + "(" * 150 + "close" + ")" * 150, "x", CLOSES),
    "100 times the oldest": ("x = valuewhen(close > 0, close, 4)\n_y = valuewhen(close > 0, close, 100)", "x",
                             [None, None, None, None, 1.0]),
    "offsets that add up past all history": ("x = close[10000][10000][10000]", "x", [None] * 5),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fragment"), REFUSED.values(), ids=REFUSED)
def test_hostile_text_is_a_formula_error(text, fragment):
    with pytest.raises(FormulaError) as refused:
        jt.describe(text, columns=COLUMNS)
    assert fragment in str(refused.value)
    assert len(str(refused.value)) < 11_000
    with pytest.raises(FormulaError):
        compile_formula(jt.Formula(text=text), COLUMNS)


@pytest.mark.parametrize(("text", "name", "expected"), ALLOWED.values(), ids=ALLOWED)
def test_large_formula_within_the_limits_is_right(text, name, expected):
    plan = compile_formula(jt.Formula(text=f"{text}\nmatch = close > 0"), COLUMNS)
    assert evaluate(plan.steps, BARS).frame[plan.columns[name]].to_list() == expected


def test_a_plan_grows_with_the_text_and_not_with_what_it_stands_for():
    plan = compile_formula(jt.Formula(text=f"{SIXTY_DOUBLINGS}\nx60 > 1"), COLUMNS)
    assert sum(len(step.expressions) for step in plan.steps) <= 62
