"""The use case, by the specification's scenarios."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time

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


def scan(criteria, *, broken=None, table=TABLE, members=None, closes=None, listeners=None, **options):
    prices = InMemoryPriceRepository(make_bars(closes or dict.fromkeys(TABLE["symbol"], RISING)), broken=broken)
    use_case = BatchScanUseCase(
        ProcessingEngine(prices, raise_internal=True),
        InMemorySymbolRepository(table, members=members),
        SignalAggregator(),
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


def test_a_timeout_gives_what_is_done_and_says_so():
    def slow(completed, total):
        until = time.monotonic() + 10
        while time.monotonic() < until and not seen:
            time.sleep(0.005)

    seen = []
    timer = threading.Timer(0.3, seen.append, [True])
    timer.start()
    result = scan({}, listeners={"progress_callback": slow}, timeout=0.15)
    timer.join()
    assert result.cancelled
    assert counts(result) == {"matched": 1, "cancelled": 3}
    assert result.outcomes["error"].to_list()[1:] == ["the scan's timeout of 0.15 s was over before its turn"] * 3
    assert result.warnings == ("the scan's timeout of 0.15 s was over",)
    assert "the scan's timeout of 0.15 s was over" in str(result)


def test_a_scan_that_is_done_in_time_says_nothing_of_it():
    result = scan({}, timeout=60)
    assert (result.cancelled, result.warnings) == (False, ())


@pytest.mark.parametrize(
    ("reason", "told"), [(None, "the scan was cancelled before its turn"), ("rain", "rain before its turn")]
)
def test_what_is_left_of_a_cancelled_scan_has_the_reason(reason, told):
    token = CancellationToken()
    token.cancel(reason)
    result = scan({}, listeners={"cancellation_token": token})
    assert result.outcomes["error"].to_list() == [told] * 4
    assert result.warnings == (() if reason is None else (reason,))


def test_a_timeout_leaves_the_token_of_the_user_alone():
    token = CancellationToken()
    assert scan({}, listeners={"cancellation_token": token}, timeout=1e-6).cancelled
    assert not token.is_cancelled


@pytest.mark.parametrize("name", ["timeout", "symbol_timeout"])
def test_a_time_limit_is_checked_in_the_request(name):
    with pytest.raises(RequestError, match=rf"^{name}: 0 is not a number of seconds"):
        scan({}, **{name: 0})


def test_the_time_for_a_symbol_and_the_checkpoint_are_handed_to_the_job(tmp_path):
    heard = []

    class Engine(ProcessingEngine):
        def pinned(self, timeframe):
            return self

        def stream(self, job, *listeners):
            heard.append((job.symbol_timeout, job.checkpoint))
            return super().stream(job, *listeners)

    prices = InMemoryPriceRepository(make_bars(dict.fromkeys(TABLE["symbol"], RISING)))
    use_case = BatchScanUseCase(Engine(prices), InMemorySymbolRepository(TABLE), SignalAggregator())
    request = BatchScanRequest(
        symbol_criteria=SymbolCriteria(), timeframe=Timeframe.D1, date_range=DateRange(last=2),
        formula=Formula(text="close > 1"), symbol_timeout=5, checkpoint=str(tmp_path / "c"),
    )  # fmt: skip
    asyncio.run(use_case.execute(request))
    assert heard == [(5, tmp_path / "c")]


def test_matches_are_those_of_the_signals():
    result = scan({})
    assert result.matches is result.signals.matches
    assert result.matches.height == result.signals.total_matches


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


# ── indices ───────────────────────────────────────────────────────────────────

LEFT, LATER = dt.date(2023, 12, 1), dt.date(2024, 1, 3)
MEMBERS = pl.DataFrame(
    [
        ("K2", "005930", None, None),
        ("K2", "000660", LATER, None),
        ("K2", "035720", None, LEFT),
        ("K2", "068270", dt.date(2024, 6, 14), None),
        ("Q", "035720", None, None),
        ("Q", "068270", None, None),
        ("K2", "NEW", dt.date(2020, 1, 1), None),
    ],
    schema={"index": pl.String, "symbol": pl.String, "start": pl.Date, "end": pl.Date},
    orient="row",
)
JANUARY = DateRange(start=dt.date(2024, 1, 1), end=dt.date(2024, 1, 31))


def matched(result):
    return sorted(
        (symbol, moment.day) for symbol, moment in result.signals.matches.select("symbol", "timestamp").rows()
    )


def test_an_index_is_scanned_as_of_each_day():
    result = scan({"index": "K2"}, members=MEMBERS, date_range=JANUARY)
    assert symbols_of(result) == ["005930", "000660", "NEW"]
    assert matched(result) == [("000660", 3), ("005930", 2), ("005930", 3)]
    assert counts(result) == {"matched": 2, "no_data": 1}
    assert result.not_members == ("035720", "068270")
    assert result.beside.filter(pl.col("what") == "symbols not in the index")["count"].to_list() == [2]
    assert result.warnings == ()


def test_the_symbols_of_an_index_add_up():
    table = TABLE.with_columns(delisted=pl.Series([None, None, dt.date(2023, 12, 20), None]))
    result = scan({"index": "K2", "exclude": ["005930"]}, table=table, members=MEMBERS, date_range=JANUARY)
    parts = (result.excluded, result.not_listed, result.not_members, tuple(symbols_of(result)))
    assert parts == (("005930",), ("035720",), ("068270",), ("000660", "NEW"))


def test_members_of_the_future_and_the_past_come_with_the_range():
    for start, asked in (("2024-06-14", "068270"), ("2023-11-30", "035720"), ("2023-12-01", "")):
        day = dt.date.fromisoformat(start)
        result = scan({"index": "K2", "market": "KOSDAQ"}, members=MEMBERS, date_range=DateRange(start=day, end=day))
        assert symbols_of(result) == asked.split()
    assert result.warnings == (
        "no symbol is left of 2: 0 excluded, 0 not listed in the range, 2 not in the index in the range",
    )


def test_an_explicit_list_wins_over_an_index():
    result = scan({"index": "K2", "symbols": ["035720"]}, members=MEMBERS, date_range=JANUARY)
    assert matched(result) == [("035720", 2), ("035720", 3)]
    assert result.not_members == ()


def test_several_indices_are_one_universe():
    result = scan({"index": ["K2", "Q"]}, members=MEMBERS, date_range=JANUARY)
    assert symbols_of(result) == ["005930", "000660", "035720", "068270", "NEW"]
    assert [symbol for symbol, _ in matched(result)] == [
        "000660",
        "005930",
        "005930",
        "035720",
        "035720",
        "068270",
        "068270",
    ]


def test_a_compared_index_compares_its_members_of_each_day():
    formula = Formula(text="n = universe_count(close)\nmatch = n > 0")
    universe = SymbolCriteria(index="K2")
    result = scan({"market": "KOSDAQ"}, members=MEMBERS, date_range=JANUARY, formula=formula, universe=universe)
    assert result.signals.matches.select("symbol", "timestamp", "n").sort("symbol", "timestamp").rows() == [
        (symbol, dt.date(2024, 1, number), count)
        for symbol in ("035720", "068270")
        for number, count in ((1, 1), (2, 1), (3, 2))
    ]


def test_a_compared_index_without_members_in_the_range_is_told():
    formula = Formula(text="rank(close) >= 0")
    result = scan({}, members=MEMBERS.filter(pl.col("symbol") == "035720"), date_range=JANUARY, formula=formula,
                  universe=SymbolCriteria(index="K2"))  # fmt: skip
    assert result.signals.total_matches == 0
    assert result.warnings == ("universe: no member of K2 in the range",)


def test_an_index_whose_members_of_today_alone_are_known_says_so():
    expected = (
        "index Q: only its members of today are known, so earlier days are asked of those that survived "
        "(survivorship); give a file of members with start and end",
    )
    assert scan({"index": "Q"}, members=MEMBERS).warnings == expected
    assert scan({"index": ["K2", "Q"]}, members=MEMBERS).warnings == expected
    compared = scan({}, members=MEMBERS, formula=Formula(text="rank(close) > 0.9"), universe=SymbolCriteria(index="Q"))
    assert compared.warnings == expected
    assert scan({"index": "Q"}, members=MEMBERS, date_range=DateRange(last=1)).warnings == ()
    assert scan({"index": "K2"}, members=MEMBERS).warnings == ()


# ── filters ───────────────────────────────────────────────────────────────────

KINDS = TABLE.with_columns(
    kind=pl.Series(["stock", "stock", "etf", None]), managed=pl.Series([False, None, True, False])
)


@pytest.mark.parametrize(
    ("criteria", "symbols"),
    [
        ({"market": ["KOSDAQ", "KOSPI"]}, "005930 000660 035720 068270"),
        ({"sector": ["제약", "인터넷"], "market": ["KOSDAQ"]}, "035720 068270"),
        ({"where": {"kind": "stock"}}, "005930 000660"),
        ({"where": {"kind": ["etf", None]}}, "035720 068270"),
        ({"where": {"managed": False, "kind": "stock"}}, "005930"),
        ({"where": {"name": "가상톡"}}, "035720"),
        ({"where": {"managed": True}, "symbols": ["005930"]}, "005930"),
        ({"where": {"managed": None}, "exclude": ["000660"]}, ""),
    ],
)
def test_filters_are_lists_and_columns(criteria, symbols):
    assert symbols_of(scan(criteria, table=KINDS)) == symbols.split()


@pytest.mark.parametrize(
    ("criteria", "warning"),
    [
        (
            {"where": {"kind": "stok"}},
            "no symbols in kind 'stok' (did you mean 'stock'?); the values of kind there are: etf, stock",
        ),
        (
            {"where": {"kind": "etf", "managed": False}},
            "no symbols in kind 'etf' and managed 'false'; the values of kind there are: etf, stock; "
            "the values of managed there are: false, true",
        ),
        ({"index": "k2"}, "no symbols in index 'k2' (did you mean 'K2'?); the indices there are: K2, Q"),
        (
            {"market": ["NYSE", "KOSPY"]},
            "no symbols in market 'NYSE' or 'KOSPY' (did you mean 'KOSPI'?); the markets there are: KOSDAQ, KOSPI",
        ),
    ],
)
def test_filters_that_nobody_passes_name_what_there_is(criteria, warning):
    result = scan(criteria, table=KINDS, members=MEMBERS)
    assert (symbols_of(result), result.warnings) == ([], (warning,))


def test_a_name_that_nobody_has_is_told_also_where_another_was_found():
    result = scan({"market": ["KOSPI", "KOSDAK"], "where": {"kind": ["stock", "Etf"]}}, table=KINDS)
    assert symbols_of(result) == ["005930", "000660"]
    assert result.warnings == (
        "no symbol has the market 'KOSDAK' (did you mean 'KOSDAQ'?); there are: KOSDAQ, KOSPI",
        "no symbol has the kind 'Etf' (did you mean 'etf'?); there are: etf, stock",
    )


@pytest.mark.parametrize("where", [{"managed": ["yes", "no"]}, {"par": ["5", 100.0]}, {"par": [5, None]}])
def test_a_value_that_is_written_otherwise_is_no_unknown_one(where):
    result = scan({"where": where}, table=KINDS.with_columns(par=pl.Series([5.0, 100.0, 5.0, None])))
    assert len(symbols_of(result)) >= 3
    assert result.warnings == ()


def test_at_most_twelve_values_are_shown():
    table = pl.DataFrame({"symbol": list("ABCDEFGHIJKLMN"), "group": [f"G{number:02d}" for number in range(14)]})
    (warning,) = scan({"where": {"group": "?"}}, table=table).warnings
    assert warning.endswith(
        "the values of group there are: " + ", ".join(f"G{number:02d}" for number in range(12)) + " …"
    )


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(
        RequestError,
        match=r"where: the table of symbols has no column 'Kind' \(did you mean 'kind'\?\); it has: symbol",
    ):
        scan({"where": {"Kind": "stock"}}, table=KINDS)


def test_a_repository_of_before_is_asked_as_before():
    class Old:
        def __init__(self):
            self.asked = []

        async def find_by_criteria(self, *, market=None, sector=None):
            self.asked.append((market, sector))
            return ["005930"]

        async def describe(self, symbols):
            return await InMemorySymbolRepository(TABLE).describe(symbols)

    old = Old()
    use_case = BatchScanUseCase(
        ProcessingEngine(InMemoryPriceRepository(make_bars({"005930": RISING})), raise_internal=True),
        old,
        SignalAggregator(),
    )
    request = BatchScanRequest(
        symbol_criteria=SymbolCriteria(market="KOSPI"),
        timeframe="1d",
        date_range=DateRange(last=1),
        formula="close > 1",
    )
    assert asyncio.run(use_case.execute(request)).signals.total_matches == 1
    assert old.asked == [("KOSPI", None)]


# ── survivorship ──────────────────────────────────────────────────────────────

LONG = [10.0 + number % 7 for number in range(400)]  # weekdays from 2024-01-01 to 2025-07-11
GONE = TABLE.with_columns(delisted=pl.Series([None, None, None, dt.date(2024, 2, 1)]))
SURVIVED = "survivorship: the table of symbols knows no delisted symbol of this universe, so a scan from {} asks only those that survived"
SPANS = [
    ({"start": dt.date(2024, 1, 1)}, "2024-01-01"),
    ({"end": dt.date(2025, 7, 11)}, "the beginning"),
    ({"start": dt.date(1990, 1, 1), "end": dt.date(2099, 1, 1)}, "1990-01-01"),
    ({"start": dt.date(2024, 6, 5)}, "2024-06-05"),  # 401 days before the newest bar
    ({"start": dt.date(2024, 6, 6)}, None),
    ({"start": dt.date(2024, 1, 1), "end": dt.date(2025, 2, 4)}, None),
    ({"end": dt.date(2024, 6, 1)}, None),
    ({"last": 250}, None),
    ({"last": 1}, None),
]


@pytest.mark.parametrize(("span", "start"), SPANS, ids=str)
def test_a_long_scan_of_survivors_says_so_once(span, start):
    closes = dict.fromkeys(TABLE["symbol"], LONG)
    said = () if start is None else (SURVIVED.format(start),)
    assert scan({}, closes=closes, date_range=DateRange(**span)).warnings == said


@pytest.mark.parametrize(
    ("criteria", "table", "warned"),
    [
        ({"market": "KOSPI"}, TABLE, True),
        ({"where": {"market": "KOSPI"}}, TABLE, True),
        ({"symbols": ["005930"]}, TABLE, False),
        ({}, GONE, False),
        ({"market": "KOSDAQ"}, GONE, False),
        ({"market": "KOSPI"}, GONE, True),
        ({"market": "KOSPI"}, GONE.with_columns(delisted=pl.lit(dt.date(2020, 1, 1))), False),
        ({"market": "INDEX"}, TABLE.with_columns(market=pl.lit("INDEX")), False),
        ({"index": "K2"}, TABLE, False),  # 035720 has left it
        ({"index": "Q2"}, TABLE, True),
    ],
)
def test_a_universe_whose_past_is_known_does_not_warn(criteria, table, warned):
    members = pl.concat([MEMBERS, pl.DataFrame([("Q2", "068270", LEFT, None)], schema=MEMBERS.schema, orient="row")])
    result = scan(criteria, table=table, members=members, closes=dict.fromkeys(TABLE["symbol"], LONG))
    assert any("survivorship" in each for each in result.warnings) == warned
