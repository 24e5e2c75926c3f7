"""The use case, by the specification's scenarios."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading

import polars as pl
import pytest

from jtscan.aggregate import SignalAggregator
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import FormulaError, RequestError
from jtscan.scan import BatchScanUseCase
from jtscan.testing import InMemoryPriceRepository, InMemorySymbolRepository, ProgressRecorder, make_bars

RISING = [10.0, 11, 12]
TABLE = pl.DataFrame(
    {
        "symbol": ["005930", "000660", "035720", "068270"],
        "name": ["가상전자", "가상반도체", "가상톡", "가상제약"],
        "market": ["KOSPI", "KOSPI", "KOSDAQ", "KOSDAQ"],
        "sector": ["전자", "전자", "인터넷", "제약"],
    }
)


def scan(criteria, *, broken=None, table=TABLE, closes=None, listeners=None, **options):
    prices = InMemoryPriceRepository(make_bars(closes or dict.fromkeys(TABLE["symbol"], RISING)), broken=broken)
    use_case = BatchScanUseCase(
        ProcessingEngine(prices, raise_internal=True), InMemorySymbolRepository(table), SignalAggregator()
    )
    given = {"timeframe": Timeframe.D1, "date_range": DateRange(start=dt.date(2024, 1, 1)),
             "formula": Formula(text="close > close[1]")}  # fmt: skip
    request = BatchScanRequest(symbol_criteria=SymbolCriteria(**criteria), **{**given, **options})
    return asyncio.run(use_case.execute(request, **(listeners or {})))


def symbols_of(result):
    return result.outcomes["symbol"].to_list()


def counts(result):
    return {status: count for status, count, _ in result.account.rows() if count}


def test_scan_explicit_symbols():
    result = scan({"symbols": ["005930", "000660"]})
    assert symbols_of(result) == ["005930", "000660"]
    assert result.signals.total_matches == 4
    assert result.signals.matches.columns[:5] == ["symbol", "name", "timestamp", "signal_type", "close"]
    assert result.signals.matches.rows() == [
        ("000660", "가상반도체", dt.date(2024, 1, 2), "match", 11.0),
        ("005930", "가상전자", dt.date(2024, 1, 2), "match", 11.0),
        ("000660", "가상반도체", dt.date(2024, 1, 3), "match", 12.0),
        ("005930", "가상전자", dt.date(2024, 1, 3), "match", 12.0),
    ]


def test_scan_by_market():
    assert symbols_of(scan({"market": "KOSDAQ"})) == ["035720", "068270"]


def test_scan_by_sector():
    assert symbols_of(scan({"sector": "전자"})) == ["005930", "000660"]
    assert symbols_of(scan({"market": "KOSDAQ", "sector": "제약"})) == ["068270"]


def test_scan_applies_exclusions():
    result = scan({"market": "KOSPI", "exclude": ["000660", "999999"]})
    assert symbols_of(result) == ["005930"]
    assert result.excluded == ("000660",)


def test_exclusions_apply_to_an_explicit_list_too():
    assert symbols_of(scan({"symbols": ["005930", "000660"], "exclude": ["005930"]})) == ["000660"]


def test_scan_empty_symbol_list():
    result = scan({"symbols": []})
    assert (result.signals.total_symbols, result.processing_time_ms, result.errors_count) == (0, 0, 0)
    assert result.signals.matches.columns == ["symbol", "name", "timestamp", "signal_type", "close"]
    assert result.warnings == ("the list of symbols is empty: nothing was scanned",)
    assert not result.cancelled


@pytest.mark.parametrize(
    ("criteria", "warning"),
    [
        (
            {"market": "KOSPY"},
            "no symbols in market 'KOSPY' (did you mean 'KOSPI'?); the markets there are: KOSDAQ, KOSPI",
        ),
        ({"sector": "banks"}, "no symbols in sector 'banks'; the sectors there are: 인터넷, 전자, 제약"),
    ],
)
def test_an_unknown_market_or_sector_is_an_empty_result_that_names_those_there_are(criteria, warning):
    result = scan(criteria)
    assert result.signals.total_symbols == 0
    assert result.warnings == (warning,)


def test_scan_progress_tracking():
    heard = ProgressRecorder()
    scan({}, listeners={"progress_callback": heard, "observer": heard})
    assert heard.calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert heard.phases == ["resolving", "scanning", "aggregating"]
    assert [result.symbol for result in heard.results] == TABLE["symbol"].to_list()


def test_scan_cancellation_returns_partial_results():
    token = CancellationToken()

    def cancel_at_one(completed, total):
        token.cancel()

    result = scan({}, listeners={"progress_callback": cancel_at_one, "cancellation_token": token})
    assert result.cancelled
    assert result.signals.matches["symbol"].unique().to_list() == ["005930"]
    assert counts(result) == {"matched": 1, "cancelled": 3}


def test_scan_counts_errors():
    result = scan({}, broken={"035720": "torn page"})
    assert result.errors_count == 1
    assert result.errors.rows() == [("035720", "failed", "torn page")]
    assert counts(result) == {"matched": 3, "failed": 1}


def test_scan_statistics():
    closes = {"005930": [10, 11, 12, 11], "000660": [10, 9, 10, 9], "035720": [5, 4, 3, 2], "068270": [5, 6, 5, 6]}
    statistics = scan(
        {}, closes=closes, formula=Formula(text="buy = close > close[1]\nsell = close < close[1]")
    ).statistics
    assert statistics.total == 12
    assert list(statistics.by_symbol.items()) == [("000660", 3), ("005930", 3), ("035720", 3), ("068270", 3)]
    assert list(statistics.by_signal_type.items()) == [("sell", 7), ("buy", 5)]
    assert statistics.by_date == {dt.date(2024, 1, day): 4 for day in (2, 3, 4)}
    assert statistics.pivot("symbol", "signal_type").rows() == [
        ("000660", 1, 2, 3), ("005930", 2, 1, 3), ("035720", 0, 3, 3), ("068270", 2, 1, 3)]  # fmt: skip
    assert statistics.pivot("market", "month").rows() == [("KOSDAQ", 6, 6), ("KOSPI", 6, 6)]


def test_the_account_adds_up_to_the_symbols_asked_for():
    closes = {"005930": RISING, "000660": RISING[:1], "035720": [3.0, 2, 1]}
    result = scan(
        {"symbols": ["005930", "000660", "035720", "068270", "ZZZ"]}, closes=closes, broken={"005930": "torn"}
    )
    assert counts(result) == {"failed": 1, "too_little_history": 1, "no_match": 1, "no_data": 2}
    assert result.account["symbols"].sum() == 5


def test_symbols_not_listed_in_the_range_are_counted_beside():
    table = TABLE.with_columns(
        listed=pl.Series([None, None, dt.date(2025, 1, 1), None]),
        delisted=pl.Series([None, dt.date(2023, 12, 31), None, dt.date(2024, 1, 3)]),
    )
    result = scan({}, table=table, date_range=DateRange(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31)))
    assert symbols_of(result) == ["005930", "068270"]
    assert result.not_listed == ("000660", "035720")


def test_a_symbol_behind_the_market_is_counted():
    result = scan({"symbols": ["005930", "000660"]}, closes={"005930": RISING, "000660": RISING[:2]})
    assert result.data_date == dt.date(2024, 1, 3)
    assert result.stale.rows() == [("000660", dt.datetime(2024, 1, 2))]


def test_top_keeps_the_largest_and_says_how_many_there_were():
    result = scan({}, formula=Formula(text="gain = close / close[1] - 1\nmatch = gain > 0"), sort_by="gain", top=3)
    assert result.signals.matches["gain"].to_list() == pytest.approx([0.1, 0.1, 0.1])
    assert (result.signals.matches.height, result.signals.total_matches, result.statistics.total) == (3, 8, 8)


def test_each_scan_has_an_id_and_a_time():
    first, second = scan({}), scan({})
    assert first.job_id != second.job_id
    assert first.processing_time_ms > 0
    assert first.data_version == "memory"


def test_an_exclusion_that_takes_nothing_out_is_told_with_the_symbol_it_was_meant_to_be():
    result = scan({"exclude": ["5930", "QQQ"]})
    assert len(symbols_of(result)) == 4
    assert result.warnings == (
        "exclude: not in the universe, so nothing was taken out for them: '5930' (did you mean '005930'?), 'QQQ'",
    )


def test_reasons_that_differ_by_numbers_alone_are_one_reason():
    closes = {"005930": RISING, "000660": RISING[:1], "035720": RISING[:2]}
    result = scan({"symbols": list(closes)}, closes=closes, formula=Formula(text="close > sma(close, 5)"))
    reasons = dict(result.account.select("status", "reason").rows())
    assert reasons["too_little_history"] == "3 bars; the formula needs 5"


def test_a_wrong_column_to_sort_by_is_refused_before_anything_is_scanned():
    heard = ProgressRecorder()
    with pytest.raises(RequestError, match="sort_by: there is no column 'gain'; there are: name, symbol, timestamp"):
        scan({}, sort_by="-gain", listeners={"progress_callback": heard})
    assert heard.calls == []


def test_a_column_of_the_formula_sorts_also_what_is_empty_or_cancelled():
    formula = Formula(text="gain = close / close[1]\nmatch = gain > 0")
    token = CancellationToken()
    token.cancel()
    cancelled = scan({}, formula=formula, sort_by="gain", listeners={"cancellation_token": token})
    assert counts(cancelled) == {"cancelled": 4}
    assert scan({"market": "KOSPY"}, formula=formula, sort_by="gain").signals.total_matches == 0


def test_a_universe_that_becomes_empty_says_so():
    excluded = scan({"symbols": ["005930"], "exclude": ["005930"]})
    assert excluded.excluded == ("005930",)
    assert excluded.warnings == ("no symbol is left of 1: 1 excluded, 0 not listed in the range",)
    table = TABLE.with_columns(delisted=pl.lit(dt.date(2020, 1, 1)))
    assert scan({}, table=table).warnings == ("no symbol is left of 4: 0 excluded, 4 not listed in the range",)


def test_a_broken_formula_is_refused_also_where_there_is_nothing_to_scan():
    with pytest.raises(FormulaError, match="cross_abov"):
        scan({"market": "KOSPY"}, formula=Formula(text="cross_abov(close, 1)"))


def test_nothing_that_takes_time_runs_on_the_loop():
    """The catalogue, the range and the aggregation are made in other threads: a notebook stays alive."""
    at_work = {}

    class Prices(InMemoryPriceRepository):
        def newest(self, symbols, count):
            at_work["newest"] = threading.current_thread()
            return super().newest(symbols, count)

        def read(self, symbols, columns, window):
            at_work["read"] = threading.current_thread()
            return super().read(symbols, columns, window)

    class Aggregator(SignalAggregator):
        def aggregate(self, *given, **options):
            at_work["aggregate"] = threading.current_thread()
            return super().aggregate(*given, **options)

    async def main():
        engine = ProcessingEngine(Prices(make_bars({"005930": RISING})), raise_internal=True)
        use_case = BatchScanUseCase(engine, InMemorySymbolRepository(TABLE), Aggregator())
        request = BatchScanRequest(
            symbol_criteria=SymbolCriteria(), timeframe="1d", date_range=DateRange(last=2), formula="close > 1"
        )
        return await use_case.execute(request), threading.current_thread()

    result, loop = asyncio.run(main())
    assert result.signals.total_matches == 2
    assert set(at_work) == {"newest", "read", "aggregate"}
    assert loop not in at_work.values()
