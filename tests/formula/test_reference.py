"""The table of functions as people see it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import polars_talib
import pytest

import jtscan as jt
from jtscan.formula import function_table
from jtscan.formula.korean import WORDS
from jtscan.formula.table import rows, table

ROOT = Path(__file__).parents[2]


def test_the_reference_page_is_what_the_table_gives():
    written = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert written == function_table().markdown(), "jtscan functions --markdown > docs/functions.md"


def test_every_talib_function_is_there_under_its_own_name():
    names = polars_talib.get_functions()
    assert len(names) == 201
    assert {f"ta_{name}" for name in names} <= set(table())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_row_says_what_it_is(row):
    assert len(row.doc) > 3
    assert not row.doc.endswith(".")
    assert row.source
    assert row.group
    assert row.usage.startswith(f"{row.name}(")


SEARCHES = [
    ("hull", {"hma", "ta_hma"}),
    ("breadth", {"universe_mean"}),
    ("ichimoku", {"ichimoku"}),
    ("longer periods", {"ref", "weekly", "monthly", "tf"}),
    ("crossover", {"cross_above"}),
]


KOREAN = [
    ("이동평균", "sma"),
    ("이평", "ema"),
    ("평균", "sma"),
    ("지수 이동평균", "ema"),
    ("상대강도", "rsi"),
    ("상대 강도", "rsi"),
    ("볼린저", "bb"),
    ("볼린저 밴드", "bb"),
    ("거래량", "obv"),
    ("골든크로스", "cross_above"),
    ("골든 크로스", "cross_above"),
    ("일목균형표", "ichimoku"),
    ("신고가", "highest"),
]


@pytest.mark.parametrize(("text", "name"), KOREAN)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_words_find_the_common_functions(text, name, form):
    found = [each.name for each in function_table(search=unicodedata.normalize(form, text)).functions]
    assert name in found
    assert len(found) < 20


def test_every_korean_word_means_functions_that_there_are():
    assert {name for names in WORDS.values() for name in names.split()} <= set(table())


@pytest.mark.parametrize(("text", "names"), SEARCHES)
def test_a_search_finds_names_meanings_and_groups(text, names):
    scanner = jt.Scanner(ROOT / "data")
    assert set(scanner.functions(text).frame["name"]) == names


def test_the_table_shows_itself():
    found = jt.Scanner(ROOT / "data").functions("hull")
    assert str(found) == (
        "PRICES AND AVERAGES\n  hma(x, n)  Hull's moving average: quick, and smooth\n\n"
        "TA-LIB: OVERLAP STUDIES\n  ta_hma(x, n=20)  Hull's average"
    )
    assert found._repr_html_().count("<details") == 2
