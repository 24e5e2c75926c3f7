"""Which symbols are scanned, and how many they are."""

from __future__ import annotations

import pytest

from jtscan.domain.bars import ReadWindow
from jtscan.domain.symbols import SymbolCriteria
from jtscan.notebook.form.universe import UniversePicker
from jtscan.scanner import Scanner


@pytest.fixture
def universe(sample, told):
    return UniversePicker(sample, lambda: None, told.append)


# The counts are those of data/symbols.parquet, counted with pandas.
@pytest.mark.parametrize(
    ("chosen", "criteria", "said"),
    [
        ({}, {}, "every symbol · 60 symbols"),
        ({"market": ["KOSDAQ"]}, {"market": ["KOSDAQ"]}, "KOSDAQ · 37 symbols"),
        (
            {"market": ["KOSPI"], "sector": ["반도체"], "exclude": ["000660"]},
            {"market": ["KOSPI"], "sector": ["반도체"], "exclude": ["000660"]},
            "KOSPI · 반도체, without 1 · 1 symbol",
        ),
        ({"market": ["INDEX"]}, {"market": ["INDEX"]}, "INDEX · 1 symbol"),
        (
            {"exclude": ["KOSPI200"]},
            {"exclude": ["KOSPI200"]},
            "every symbol, without 1 · 60 symbols\nwithout effect, not among these symbols: KOSPI200 가상200지수",
        ),
        (
            {"symbols": ["000660", "005930"], "market": ["KOSPI"]},
            {"symbols": ["000660", "005930"], "market": ["KOSPI"]},
            "000660, 005930 · 2 symbols\nonly this list is scanned: market and sector do not count",
        ),
        (
            {"symbols": ["5930"]},
            {"symbols": ["5930"]},
            "5930 · 1 symbol\nonly this list is scanned: market and sector do not count\n"
            "not in the data: '5930' (did you mean '005930'?)",
        ),
    ],
)
def test_the_count_says_what_is_asked(universe, text_of, told, chosen, criteria, said):
    for name, value in chosen.items():
        getattr(universe, name).value = value
    assert universe.criteria == SymbolCriteria(**criteria)
    assert text_of(universe.count.value) == said
    assert (universe.problem, told) == ("", [])


def test_a_list_of_symbols_greys_the_filters_out_until_it_is_empty(universe):
    filters = (universe.market, universe.sector, universe.index)
    universe.symbols.value = ["005930"]
    assert [each.disabled for each in filters] == [True, True, True]
    universe.symbols.value = []
    assert [each.disabled for each in filters] == [False, False, False]


def test_no_symbol_left_is_a_problem(universe, text_of):
    universe.symbols.value = universe.exclude.value = ["005930"]
    assert universe.problem == "no symbol is left: choose others"
    assert text_of(universe.count.value).startswith("005930, without 1 · 0 symbols")
    universe.exclude.value = []
    assert universe.problem == ""


def test_indices_can_be_searched_by_name(universe):
    universe.symbols.search.value = "가상200"
    assert universe.symbols.hits.options == (("KOSPI200 가상200지수 INDEX", "KOSPI200"),)


def test_only_what_the_data_has_is_asked_for(sample, tmp_path, told):
    bars = sample._snapshot("1d").read(["005930", "000660"], ["open", "high", "low", "close", "volume"], ReadWindow())
    bars.frame.write_parquet(tmp_path / "bars.parquet")
    bare = UniversePicker(Scanner(prices=tmp_path), lambda: None, told.append)
    assert [laid.layout.display for laid in bare.children] == ["none", "none", "none", None, None, None]
    bare.symbols.value = ["005930"]
    assert "only this list is scanned<" in bare.count.value
