"""Order, labels and counts of the gathered matches."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from jtscan.aggregate import SignalAggregator
from jtscan.domain.jobs import ProcessingResult
from jtscan.errors import RequestError

ONE, TWO = dt.date(2024, 1, 2), dt.date(2024, 2, 1)
LABELS = pl.DataFrame(
    {"symbol": ["A", "B"], "name": ["가", "나"], "market": ["KOSPI", None], "sector": ["x", "y"]},
    schema_overrides={"market": pl.String},
)


def result(symbol, *rows):
    schema = {
        "symbol": pl.String,
        "timestamp": pl.Date,
        "signal_type": pl.String,
        "close": pl.Float64,
        "ratio": pl.Float64,
    }
    return ProcessingResult(
        symbol=symbol, matches=pl.DataFrame([(symbol, *row) for row in rows], schema=schema, orient="row")
    )


RESULTS = [
    result("B", (ONE, "buy", 5.0, None), (TWO, "buy", 6.0, 1.5)),
    result("A", (ONE, "sell", 9.0, 0.5), (ONE, "buy", 9.0, 0.5)),
    result("C"),
]


def keys(frame):
    return frame.select("symbol", "timestamp", "signal_type").rows()


def test_matches_are_sorted_by_timestamp_then_symbol_and_signals_keep_their_order():
    signals = SignalAggregator().aggregate(RESULTS)
    assert keys(signals.matches) == [("A", ONE, "sell"), ("A", ONE, "buy"), ("B", ONE, "buy"), ("B", TWO, "buy")]
    assert (signals.total_symbols, signals.symbols_with_matches, signals.total_matches) == (3, 2, 4)


@pytest.mark.parametrize(
    ("sort_by", "values"),
    [
        ("ratio", [1.5, 0.5, 0.5, None]),
        ("-ratio", [0.5, 0.5, 1.5, None]),
        ("symbol", [0.5, 0.5, None, 1.5]),
        ("-timestamp", [1.5, 0.5, 0.5, None]),
    ],
)
def test_numbers_are_sorted_largest_first_and_unknown_last(sort_by, values):
    assert SignalAggregator().aggregate(RESULTS, sort_by).matches["ratio"].to_list() == values


def test_an_unknown_column_to_sort_by_is_refused_with_those_there_are():
    with pytest.raises(RequestError, match="sort_by: there is no column 'volume'; there are: symbol, name, timestamp"):
        SignalAggregator().aggregate(RESULTS, "volume")


def test_names_stand_behind_the_symbols():
    matches = SignalAggregator().aggregate(RESULTS, labels=LABELS).matches
    assert matches.columns == ["symbol", "name", "timestamp", "signal_type", "close", "ratio"]
    assert matches["name"].to_list() == ["가", "가", "나", "나"]


def test_no_results_are_an_empty_frame_with_its_columns():
    signals = SignalAggregator().aggregate([])
    assert signals.matches.columns == ["symbol", "name", "timestamp", "signal_type", "close"]
    statistics = SignalAggregator().get_statistics(signals)
    assert (statistics.total, statistics.by_symbol, statistics.by_date) == (0, {}, {})
    assert statistics.pivot("symbol", "signal_type").height == 0


def test_statistics_count_in_falling_order():
    aggregator = SignalAggregator()
    statistics = aggregator.get_statistics(aggregator.aggregate(RESULTS, labels=LABELS))
    assert list(statistics.by_symbol.items()) == [("A", 2), ("B", 2)]
    assert list(statistics.by_date.items()) == [(ONE, 3), (TWO, 1)]
    assert list(statistics.by_signal_type.items()) == [("buy", 3), ("sell", 1)]


@pytest.mark.parametrize(
    ("index", "columns", "header", "rows"),
    [
        ("signal_type", "month", ["signal_type", "2024-01", "2024-02", "total"], [("buy", 2, 1, 3), ("sell", 1, 0, 1)]),
        ("market", "signal_type", ["market", "buy", "sell", "total"], [("KOSPI", 1, 1, 2), (None, 2, 0, 2)]),
        ("name", "market", ["name", "(none)", "KOSPI", "total"], [("가", 0, 2, 2), ("나", 2, 0, 2)]),
        ("date", "symbol", ["date", "A", "B", "total"], [(ONE, 2, 1, 3), (TWO, 0, 1, 1)]),
    ],
)
def test_pivots_count_by_any_two(index, columns, header, rows):
    aggregator = SignalAggregator()
    table = aggregator.get_statistics(aggregator.aggregate(RESULTS, labels=LABELS)).pivot(index, columns)
    assert (table.columns, table.rows()) == (header, rows)


@pytest.mark.parametrize(
    ("index", "columns", "header", "rows"),
    [
        ("symbol", "month", ["symbol", "2023-11", "2023-12", "2024-01", "2024-02", "total"],
         [("A", 1, 0, 0, 0, 1), ("B", 0, 0, 0, 1, 1)]),
        ("month", "symbol", ["month", "A", "B", "total"],
         [("2023-11", 1, 0, 1), ("2023-12", 0, 0, 0), ("2024-01", 0, 0, 0), ("2024-02", 0, 1, 1)]),
        ("date", "symbol", ["date", "A", "B", "total"], [(dt.date(2023, 11, 30), 1, 0, 1), (TWO, 0, 1, 1)]),
    ],
)  # fmt: skip
def test_months_without_a_match_stand_between_those_with_some_and_days_do_not(index, columns, header, rows):
    aggregator = SignalAggregator()
    found = [result("A", (dt.date(2023, 11, 30), "buy", 1.0, None)), result("B", (TWO, "buy", 1.0, None))]
    table = aggregator.get_statistics(aggregator.aggregate(found, labels=LABELS)).pivot(index, columns)
    assert (table.columns, table.rows()) == (header, rows)


@pytest.mark.parametrize(
    ("index", "columns", "field"),
    [("close", "symbol", "index"), ("symbol", "x", "columns"), ("date", "date", "columns")],
)
def test_a_pivot_by_anything_else_is_refused(index, columns, field):
    aggregator = SignalAggregator()
    with pytest.raises(RequestError) as error:
        aggregator.get_statistics(aggregator.aggregate(RESULTS)).pivot(index, columns)
    assert error.value.field == field


def test_a_signal_named_like_a_header_keeps_its_name_and_the_header_gives_way():
    aggregator = SignalAggregator()
    rows = [result("A", (ONE, "total", 1.0, None), (ONE, "symbol", 1.0, None), (TWO, "symbol", 1.0, None))]
    table = aggregator.get_statistics(aggregator.aggregate(rows)).pivot("symbol", "signal_type")
    assert table.columns == ["symbol_", "symbol", "total", "total_"]
    assert table.rows() == [("A", 2, 1, 3)]
