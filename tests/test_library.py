"""The library's formulas find on the invented market what tests/answers/library.py worked out without jtscan's code."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import jtscan as jt

ROOT = Path(__file__).parents[1]
FILES = {file.stem: file for file in sorted((ROOT / "jtscan" / "library").glob("*.jts"))}
EXPECTED = pl.read_parquet(ROOT / "tests" / "answers" / "library.parquet")
SPECIFIED = (
    "golden_cross",
    "breakout_52w",
    "trend_template",
    "nr7_inside",
    "squeeze_release",
    "gap_and_hold",
    "weekly_pullback",
    "turtle",
    "ichimoku_cross",
    "engulfing_near_low",
    "rsi_divergence",
    "healthy_market_breakout",
)
FINDS_NOTHING: dict[str, str] = {}
"""Formula -> why the invented market has no match for it."""
RELATIVE = 1e-9
FIXED = ["symbol", "name", "timestamp", "signal_type", "close"]

every_formula = pytest.mark.parametrize("name", FILES)


@pytest.fixture(scope="module")
def scanner():
    return jt.Scanner(ROOT / "data", raise_internal=True)


def expected_of(name: str) -> pl.DataFrame:
    return EXPECTED.filter(pl.col("formula") == name)


def differing(
    answers: list[float | None], expected: list[float | None]
) -> list[tuple[int, float | None, float | None]]:
    """Rows on which they differ; an unknown value equals only an unknown one."""

    def equal(answer, wanted):
        if answer is None or wanted is None:
            return answer is wanted
        return abs(answer - wanted) <= RELATIVE * abs(wanted)

    pairs = enumerate(zip(answers, expected, strict=True))
    return [(row, answer, wanted) for row, (answer, wanted) in pairs if not equal(answer, wanted)]


def test_the_library_is_its_files_and_holds_the_formulas_of_the_specification():
    assert set(jt.library) == set(FILES)
    assert set(SPECIFIED) <= set(FILES)


def test_every_file_has_its_answers_and_every_answer_its_file():
    assert set(EXPECTED["formula"]) == FILES.keys() - FINDS_NOTHING.keys()


@every_formula
def test_a_file_begins_with_title_description_and_source(name):
    title, description, source, formula = FILES[name].read_text(encoding="utf-8").split("\n", 3)
    assert title.startswith("# ")
    assert not title.endswith(".")
    assert description.startswith("# ")
    assert description.endswith(".")
    assert source.startswith("# Source: ")
    assert not formula.startswith("#")


@every_formula
def test_a_formula_is_the_text_of_its_file(name):
    assert jt.library[name].text.strip() == FILES[name].read_text(encoding="utf-8").strip()


@every_formula
def test_a_formula_finds_the_matches_and_values_worked_out_outside(name, scanner):
    result = scanner.scan(jt.library[name], start="2023-01-01", end="2024-12-31")
    matches, expected = result.signals.matches, expected_of(name)
    keys = ["symbol", "timestamp", "signal_type", "close"]
    assert result.errors_count == 0
    assert matches.select(keys).rows() == expected.select(keys).rows()
    values = [json.loads(text) for text in expected["values"]]
    columns = list(values[0]) if values else []
    assert matches.columns == FIXED + columns
    for column in columns:
        assert differing(matches[column].to_list(), [row[column] for row in values]) == [], column
