"""From a result to one of its symbols: by code or name, at the version of the scan, from wherever it is asked."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl
import pytest

import jtscan as jt
from jtscan.aggregate import SignalAggregator
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.engines.processing import ProcessingEngine
from jtscan.scan import BatchScanUseCase
from jtscan.testing import InMemoryPriceRepository, InMemorySymbolRepository, make_bars

CLOSES = {"005930": [10.0, 11, 12, 11], "000660": [20.0, 21, 20, 22], "035720": [5.0, 5, 6, 7], "IDX": [1.0, 2, 3, 4]}
TABLE = pl.DataFrame(
    {
        "symbol": [*CLOSES, "068270"],
        "name": ["가상전자", "가상반도체", "가상톡", "가상지수", "가상반도체"],
        "market": ["KOSPI", "KOSPI", "KOSDAQ", "INDEX", "KOSDAQ"],
    }
)


MEMBERS = pl.DataFrame(
    {
        "index": "K1",
        "symbol": ["005930", "000660"],
        "start": [dt.date(2024, 1, 3), None],
        "end": [None, dt.date(2024, 1, 4)],
    }
)


def scan(formula="close > sma(close, 2)", *, bars=None, **criteria):
    prices = InMemoryPriceRepository(make_bars(CLOSES) if bars is None else bars)
    use_case = BatchScanUseCase(
        ProcessingEngine(prices, raise_internal=True),
        InMemorySymbolRepository(TABLE, members=MEMBERS),
        SignalAggregator(),
    )
    request = BatchScanRequest(
        symbol_criteria=SymbolCriteria(**criteria), timeframe=Timeframe.D1, formula=Formula(text=formula),
        date_range=DateRange(start=dt.date(2024, 1, 1)),
    )  # fmt: skip
    return asyncio.run(use_case.execute(request))


# --- which symbol


@pytest.mark.parametrize(
    ("asked", "symbol", "name", "market"),
    [
        ("005930", "005930", "가상전자", "KOSPI"),
        (" 005930 ", "005930", "가상전자", "KOSPI"),
        ("가상전자", "005930", "가상전자", "KOSPI"),
        ("035720", "035720", "가상톡", "KOSDAQ"),
        ("가상톡", "035720", "가상톡", "KOSDAQ"),
        ("IDX", "IDX", "가상지수", "INDEX"),
    ],
)
def test_a_symbol_is_found_by_code_or_name_also_one_that_was_not_scanned(asked, symbol, name, market):
    seen = scan(market="KOSPI").history(asked)
    assert (seen.symbol, seen.name, seen.market) == (symbol, name, market)
    assert seen.bars["close"].to_list() == CLOSES[symbol]
    assert bool(seen.matches.height) == (market == "KOSPI")


def test_a_formula_reads_the_market_of_a_symbol_that_was_not_scanned():
    result = scan('k = 1 if market == "KOSDAQ" else 0\nk > 0', market="KOSPI")
    assert set(result.history("005930").bars["k"]) == {0.0}
    assert set(result.history("035720").bars["k"]) == {1.0}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("5930", "symbol: there is no symbol '5930' (did you mean '005930'?); there are 5: 000660, 005930, 035720, 068270, IDX"),
        ("가상전기", "symbol: there is no symbol '가상전기'; names like it: 가상전자 (005930), "),
        ("삼성전자", "symbol: there is no symbol '삼성전자'; names like it: 가상전자 (005930); there are 5"),
        ("XYZ", "symbol: there is no symbol 'XYZ'; there are 5: "),
        ("가상반도체", "symbol: '가상반도체' is the name of several: 000660, 068270; give the code"),
        ("068270", "symbol: '068270': no bars in memory"),
        ("", "symbol: '' is not a symbol; write its code or its name, '005930'"),
        (5930, "symbol: 5930 is not a symbol"),
    ],
)  # fmt: skip
def test_a_symbol_that_is_not_there_is_named_with_what_there_is(asked, message):
    with pytest.raises(jt.RequestError) as error:
        scan().history(asked)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("asked", "closes"),
    [
        ({}, [10.0, 11.0, 12.0, 11.0]),
        ({"bars": "auto"}, [10.0, 11.0, 12.0, 11.0]),
        ({"bars": None}, [10.0, 11.0, 12.0, 11.0]),
        ({"bars": 9}, [10.0, 11.0, 12.0, 11.0]),
        ({"bars": 2}, [12.0, 11.0]),
        ({"bars": 2, "end": "2024-01-03"}, [11.0, 12.0]),
        ({"bars": 2, "start": "2024-01-01", "end": "2024-01-03"}, [11.0, 12.0]),
        ({"bars": 1, "start": "2024-01-02"}, [11.0]),
    ],
)
def test_so_many_bars_are_the_newest_up_to_the_end(asked, closes):
    assert scan().history("005930", **asked).bars["close"].to_list() == closes


def test_of_fewer_bars_the_matches_before_them_are_kept_and_the_halts_not():
    bars = make_bars(CLOSES)
    halted = (pl.col("symbol") == "005930") & (pl.col("timestamp") == dt.date(2024, 1, 2))
    zeros = [pl.when(halted).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low")]
    result = scan("close > 1", bars=bars.with_columns(zeros))
    assert result.history("005930").halts.height == 1
    seen = result.history("005930", bars=2)
    assert seen.bars["timestamp"].to_list() == [dt.date(2024, 1, 3), dt.date(2024, 1, 4)]
    assert (seen.halts.height, seen.matches.height) == (0, 3)
    assert result.history("005930", bars=3).halts.height == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bars": "all"}, "bars: 'all' is not a number of bars"),
        ({"bars": 0}, "bars: 0 is not a number of bars"),
        ({"bars": 2.5}, "bars: 2.5 is not"),
        ({"start": "soon"}, "start: 'soon' is not a date"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "start: 2024-02-01 is after the end"),
        ({"start": "2030-01-01"}, "symbol: '005930': no bars"),
        ({"end": "1999-01-01"}, "symbol: '005930': no bars"),
    ],
)
def test_a_range_that_cannot_be_shown_is_refused(asked, message):
    with pytest.raises(jt.RequestError) as error:
        scan().history("005930", **asked)
    assert str(error.value).startswith(message)


def test_files_tell_which_bars_there_are(tmp_path):
    make_bars(CLOSES).write_parquet(tmp_path / "a.parquet")
    result = jt.Scanner(prices=tmp_path / "a.parquet").scan("close > 1")
    with pytest.raises(
        jt.RequestError, match="'005930': no bars in the range; its bars are from 2024-01-01 to 2024-01-04"
    ):
        result.history("005930", start="2025-01-01")


# --- where it comes from


def test_a_result_without_its_data_says_so():
    message = "source: this result does not know its data: .* scan again"
    pickled = pickle.loads(pickle.dumps(scan()))  # noqa: S301 - our own
    for result in (replace(scan(), source=None), scan(symbols=[]), pickled):
        with pytest.raises(jt.RequestError, match=message):
            result.history("005930")


def test_it_is_seen_where_a_loop_is_running_and_from_threads():
    result = scan()

    async def main():
        return result.history("가상톡").symbol

    assert asyncio.run(main()) == "035720"
    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(result.history, [*CLOSES, "가상톡"] * 5))
    assert [each.symbol for each in seen] == [*CLOSES, "035720"] * 5


def test_cross_sections_compare_the_symbols_of_the_scan():
    result = scan("place = rank(close)\nplace > 0.4", market="KOSPI")
    assert result.history("000660").bars["place"].to_list() == [1.0] * 4
    assert result.history("035720").bars["place"].to_list() == [None] * 4  # it is not compared


def test_days_outside_the_index_are_seen_and_have_no_matches():
    result = scan("place = rank(close)\nplace >= 0", index="K1")
    seen = result.history("005930")
    assert seen.bars["place"].to_list() == [None, None, 0.0, None]  # alone on the fourth day
    assert seen.matches["timestamp"].to_list() == [dt.date(2024, 1, 3)]


def test_other_symbols_are_read():
    seen = scan('line = close / ref("IDX", close)\nline > 5', market="KOSPI").history("005930")
    assert seen.bars["line"].to_list() == [10.0, 5.5, 4.0, 2.75]
    assert seen.matches["timestamp"].to_list() == [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]


def test_in_memory_halts_are_told():
    bars = make_bars(CLOSES)
    halted = (pl.col("symbol") == "005930") & (pl.col("timestamp") == dt.date(2024, 1, 2))
    zeros = [pl.when(halted).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low")]
    seen = scan(bars=bars.with_columns(zeros)).history("005930")
    assert seen.halts["timestamp"].to_list() == [dt.date(2024, 1, 2)]
    assert seen.bars["close"].to_list() == [10.0, 12.0, 11.0]


def test_it_shows_itself_in_a_line():
    shown = repr(scan("close > sma(close, 2) and rsi(2) > 5").history("005930"))
    assert shown == "SymbolHistory(005930 가상전자: 4 1d bars; sma(close, 2), rsi(close, 2))"
    assert repr(replace(scan("close > 1").history("IDX"), name=None)) == "SymbolHistory(IDX: 4 1d bars; no series)"


# --- the version of the scan


HEADER = "symbol,date,open,high,low,close,volume"


def csv(path, *rows):
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path):
    halt = "A,2024-01-03,0,0,0,11,0"
    rows = [f"A,2024-01-0{day},{10 + day},{10 + day},{10 + day},{10 + day},5" for day in (1, 2, 4, 5)]
    jt.ingest(csv(tmp_path / "one.csv", *rows, halt), tmp_path / "store")
    return tmp_path / "store"


def test_a_store_is_seen_at_the_version_of_the_scan(store, tmp_path):
    result = jt.Scanner(store).scan("close > sma(close, 2)", start="2024-01-01")
    before = result.history("A")
    assert before.halts["timestamp"].to_list() == [dt.date(2024, 1, 3)]
    assert before.halts.height == result.outcomes["halts"].item()
    jt.ingest(csv(tmp_path / "two.csv", "A,2024-01-03,12,12,12,12,5", "A,2024-01-08,30,30,30,30,5"), store)
    assert result.history("A").bars.rows() == before.bars.rows()
    assert result.history("A").halts.height == 1
    after = jt.Scanner(store).scan("close > sma(close, 2)", start="2024-01-01").history("A")
    assert after.bars["close"].to_list() == [11.0, 12.0, 12.0, 14.0, 15.0, 30.0]
    assert not after.halts.height  # in its place is a bar now


def test_a_version_that_was_swept_away_is_told(store):
    result = jt.Scanner(store).scan("close > 1", start="2024-01-01")
    for path in store.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(jt.DataError, match="the file is missing"):
        result.history("A")


def test_files_that_were_written_again_are_not_taken_for_those_of_the_scan(tmp_path):
    make_bars(CLOSES).write_parquet(tmp_path / "a.parquet")
    result = jt.Scanner(prices=tmp_path / "a.parquet").scan("close > sma(close, 2)")
    make_bars({"005930": [1.0, 2]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(jt.DataError, match="the price files have changed since the scan.*scan again"):
        result.history("005930")
