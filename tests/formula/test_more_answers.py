"""Every formula of tests/answers/make_more.py gives, in a scan, what was worked out there without jtscan's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import jtscan as jt

ANSWERS = Path(__file__).parent.parent / "answers"
FORMULAS: list[dict[str, Any]] = json.loads((ANSWERS / "more_formulas.json").read_text(encoding="utf-8"))
SYMBOLS: dict[str, dict[str, str | None]] = json.loads((ANSWERS / "market_symbols.json").read_text(encoding="utf-8"))
EXPECTED = {
    "market": pl.read_parquet(ANSWERS / "more.parquet"),
    "intraday": pl.read_parquet(ANSWERS / "more_intraday.parquet"),
}
TIMEFRAMES = {"market": "1d", "intraday": "5m"}
BATCH = 20  # formulas that one scan evaluates


def batch_of(formula: dict[str, Any]) -> list[dict[str, Any]]:
    neighbours = [other for other in FORMULAS if other["bars"] == formula["bars"]]
    start = neighbours.index(formula) // BATCH * BATCH
    return neighbours[start : start + BATCH]


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Callable[[str, list[dict[str, Any]]], pl.DataFrame]:
    """Scan once for several formulas: a match on every bar, with the value of each formula beside it."""
    symbols = tmp_path_factory.mktemp("symbols") / "symbols.parquet"
    pl.DataFrame([{"symbol": symbol, "name": symbol, **texts} for symbol, texts in SYMBOLS.items()]).write_parquet(
        symbols
    )
    scanners = {
        bars: jt.Scanner(prices=ANSWERS / f"{bars}.parquet", symbols=symbols, timeframe=timeframe, raise_internal=True)
        for bars, timeframe in TIMEFRAMES.items()
    }

    def run(bars: str, formulas: list[dict[str, Any]]) -> pl.DataFrame:
        columns = [f"{formula['formula_id']}_ = {formula['text']}" for formula in formulas]
        result = scanners[bars].scan("\n".join([*columns, "match = close > 0"]), start="1900-01-01")
        if result.errors_count:
            raise RuntimeError(f"{result.errors_count} symbols failed: {columns}")
        return result.signals.matches.sort("symbol", "timestamp")

    return run


@pytest.fixture(scope="module")
def matches_of(scan) -> Callable[[dict[str, Any]], pl.DataFrame]:
    """Scan batch by batch; where that is an error, each formula alone."""
    batches: dict[str, pl.DataFrame | None] = {}

    def find(formula: dict[str, Any]) -> pl.DataFrame:
        batch = batch_of(formula)
        name = batch[0]["formula_id"]
        if name not in batches:
            try:
                batches[name] = scan(formula["bars"], batch)
            except Exception:  # noqa: BLE001 - one formula's error is not its neighbours'; alone it is raised
                batches[name] = None
        found = batches[name]
        return scan(formula["bars"], [formula]) if found is None else found

    return find


def differing(answer: pl.Series, formula: dict[str, Any]) -> pl.DataFrame:
    """Rows on which they differ; an unknown value equals only an unknown one."""
    expected = EXPECTED[formula["bars"]].select("symbol", "timestamp", expected=formula["formula_id"])
    both = expected.with_columns(answer.alias("answer"))
    answer_is, expected_is = pl.col("answer"), pl.col("expected")
    equal = answer_is.eq_missing(expected_is)
    if formula["tolerance"]:
        allowed = formula["tolerance"] * pl.max_horizontal(expected_is.abs(), 1.0)
        equal = equal | ((answer_is - expected_is).abs() <= allowed).fill_null(value=False)
    return both.filter(~equal)


def test_every_answer_has_its_formula():
    for bars, expected in EXPECTED.items():
        there = pl.read_parquet(ANSWERS / f"{bars}.parquet", columns=["symbol", "timestamp"])
        assert expected.columns[2:] == [formula["formula_id"] for formula in FORMULAS if formula["bars"] == bars]
        assert expected.select("symbol", "timestamp").equals(there)


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: f"{formula['formula_id']} {formula['text']}")
def test_formula_gives_the_answer(formula, matches_of):
    matches = matches_of(formula)
    rows = EXPECTED[formula["bars"]].select("symbol", "timestamp").rows()
    assert matches.select("symbol", "timestamp").rows() == rows
    answer = matches[f"{formula['formula_id']}_"]
    assert answer.dtype == (pl.Boolean if formula["kind"] == "condition" else pl.Float64)
    assert differing(answer, formula).rows() == []
