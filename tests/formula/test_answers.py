"""Every formula and scan of tests/answers gives what was worked out there without jtscan's code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.formula import compile_formula

ANSWERS = Path(__file__).parent.parent / "answers"
BARS = pl.read_parquet(ANSWERS / "bars.parquet")
SYMBOLS = BARS.partition_by("symbol", maintain_order=True)
EXPECTED = pl.read_parquet(ANSWERS / "answers.parquet")
EXPECTED_MATCHES = pl.read_parquet(ANSWERS / "scans.parquet")
COLUMNS = dict.fromkeys(BARS.columns[2:], "number")


def rows(name: str) -> list[dict[str, Any]]:
    return json.loads((ANSWERS / name).read_text(encoding="utf-8"))


FORMULAS = rows("formulas.json")
SCANS = rows("scans.json")


def values_of(text: str, *chunks: pl.DataFrame) -> pl.Series:
    """Evaluate a formula over one chunk of symbols after the other, and put the values together."""
    plan = compile_formula(jt.Formula(text=f"x_ = {text}\nmatch = close > 0"), COLUMNS)
    evaluated = [evaluate(plan.steps, chunk) for chunk in chunks]
    assert [each.failures for each in evaluated] == [{}] * len(chunks)
    return pl.concat([each.frame[plan.columns["x_"]] for each in evaluated]).alias("x")


def differing(answer: pl.Series, expected: pl.Series, tolerance: float) -> pl.DataFrame:
    """Rows on which they differ; an unknown value equals only an unknown one."""
    both = BARS.select("symbol", "timestamp").with_columns(answer.alias("answer"), expected.alias("expected"))
    answer_is, expected_is = pl.col("answer"), pl.col("expected")
    equal = answer_is.eq_missing(expected_is)
    if tolerance:
        close = (answer_is - expected_is).abs() <= tolerance * expected_is.abs()
        equal = equal | close.fill_null(value=False)
    return both.filter(~equal)


def bits_of(values: pl.Series) -> bytes:
    """Values as bytes, so that -0.0 is not 0.0, and where they are unknown."""
    return values.to_physical().fill_null(0).to_numpy().tobytes() + values.is_null().to_numpy().tobytes()


def test_every_answer_has_its_formula():
    assert EXPECTED.columns[2:] == [formula["formula_id"] for formula in FORMULAS]
    assert EXPECTED.select("symbol", "timestamp").equals(BARS.select("symbol", "timestamp"))


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: f"{formula['formula_id']} {formula['text']}")
def test_formula_gives_the_answer_and_a_chunk_gives_the_bits_of_its_symbols(formula):
    expected = EXPECTED[formula["formula_id"]]
    together = values_of(formula["text"], BARS)
    assert together.dtype == (pl.Boolean if formula["kind"] == "condition" else pl.Float64)
    assert differing(together, expected, formula["tolerance"]).rows() == []
    assert bits_of(values_of(formula["text"], *SYMBOLS)) == bits_of(together)


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: scan["name"])
def test_scan_gives_the_matches_in_order(scan):
    scanner = jt.Scanner(prices=ANSWERS / "bars.parquet", raise_internal=True)
    result = scanner.scan(
        scan["text"], parameters=scan["parameters"], start=scan["start"] or "1900-01-01", end=scan["end"]
    )
    expected = EXPECTED_MATCHES.filter(pl.col("scan") == scan["name"]).drop("scan")
    assert result.signals.matches.select(expected.columns).rows() == expected.rows()
    assert result.errors_count == 0
