"""Which symbols are scanned, and how many they are."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from jtscan.domain.bars import ReadWindow
from jtscan.domain.symbols import SymbolCriteria
from jtscan.domain.universe import MEMBER_SCHEMA
from jtscan.notebook.form.span import SpanPicker
from jtscan.notebook.form.universe import UniversePicker
from jtscan.scanner import Scanner


@pytest.fixture
def span(sample, told):
    span = SpanPicker(sample, lambda: None, told.append)
    span.last.value = "all"
    return span


@pytest.fixture
def universe(sample, span, told):
    return UniversePicker(sample, span, lambda: None, told.append)


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


# Of the sample's 60 symbols 401970 of KOSDAQ was delisted on 2023-07-25, and 107380 of KOSPI listed on 2022-11-18.
@pytest.mark.parametrize(
    ("chosen", "dates", "said"),
    [
        ({}, ("2024-01-01", None), "every symbol · 59 symbols (1 more not listed in this range)"),
        ({}, ("2023-07-24", None), "every symbol · 60 symbols"),
        ({}, ("2023-07-25", None), "every symbol · 59 symbols (1 more not listed in this range)"),
        ({}, (None, "2022-11-17"), "every symbol · 59 symbols (1 more not listed in this range)"),
        ({}, (None, "2022-11-18"), "every symbol · 60 symbols"),
        ({"market": ["KOSPI"]}, ("2024-01-01", None), "KOSPI · 23 symbols"),
        ({"market": ["KOSDAQ"]}, ("2024-01-01", None), "KOSDAQ · 36 symbols (1 more not listed in this range)"),
        ({"exclude": ["401970"]}, ("2024-01-01", None), "every symbol, without 1 · 59 symbols"),
        ({"symbols": ["401970", "005930"]}, ("2024-01-01", None), "401970, 005930 · 2 symbols"),
    ],
)
def test_the_count_is_that_of_the_range_as_in_a_scan(universe, text_of, chosen, dates, said):
    span = universe._span
    for name, value in chosen.items():
        getattr(universe, name).value = value
    span.start.value, span.end.value = (date and dt.date.fromisoformat(date) for date in dates)
    span.last.value = "dates"
    universe.recount()
    assert text_of(universe.count.value).splitlines()[0] == said
    criteria = universe.criteria
    asked = {name: getattr(criteria, name) for name in ("market", "symbols", "exclude")}
    result = universe._scanner.scan("close > 0", **asked, start=span.start.value, end=span.end.value)
    assert f"· {result.outcomes.height} symbols" in said


def test_a_range_that_cannot_be_used_takes_nobody_out(universe, span, text_of):
    span.last.value = "dates"
    span.start.value, span.end.value = dt.date(2024, 2, 1), dt.date(2024, 1, 1)
    assert span.problem
    universe.recount()
    assert (text_of(universe.count.value), universe.problem) == ("every symbol · 60 symbols", "")


def test_who_is_no_member_in_the_range_is_not_asked(sample, span, told, tmp_path, text_of):
    spans = [("005930", None, None), ("000660", None, dt.date(2023, 1, 2)), ("401970", None, None)]
    members = pl.DataFrame([("K2", *each) for each in spans], schema=MEMBER_SCHEMA, orient="row")
    members.write_parquet(tmp_path / "members.parquet")
    opened = sample.opened
    scanner = Scanner(opened.data, members=tmp_path / "members.parquet")
    universe = UniversePicker(scanner, span, lambda: None, told.append)
    universe.index.value = ["K2"]
    assert text_of(universe.count.value) == "K2 · 3 symbols"
    span.last.value = 5
    universe.recount()
    assert text_of(universe.count.value) == ("K2 · 1 symbol (1 more not listed, 1 more not in the index in this range)")
    result = scanner.scan("close > 0", index="K2", last=5)
    assert (result.outcomes.height, result.not_listed, result.not_members) == (1, ("401970",), ("000660",))
    universe.exclude.value = ["005930"]
    assert universe.problem == "no symbol is left in this range: choose others"


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
    scanner = Scanner(prices=tmp_path)
    bare = UniversePicker(scanner, SpanPicker(scanner, lambda: None, told.append), lambda: None, told.append)
    assert [laid.layout.display for laid in bare.children] == ["none", "none", "none", None, None, None]
    bare.symbols.value = ["005930"]
    assert "only this list is scanned<" in bare.count.value
