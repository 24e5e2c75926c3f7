"""Frames of Polars, pandas and Arrow, as the packages that fetch give them."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jtscan as jt

DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
CLOSES = {"A 2024-01-02": 10.0, "A 2024-01-03": 11.0}
INDEX = pd.DatetimeIndex(["2024-01-02", "2024-01-03"]).as_unit("ns")
PLAIN = {"symbol": ["A", "A"], "date": DAYS, "close": [10.0, 11.0], "volume": [1, 2]}


def yfinance(tickers, zone=None, index="Date", order=("Price", "Ticker")):
    """What yfinance.download gives for several tickers: two levels of columns, an index of dates."""
    fields = ["Adj Close", "Close", "High", "Low", "Open", "Volume"]
    columns = pd.MultiIndex.from_product([fields, tickers], names=["Price", "Ticker"])
    values = [[base + place for base in (5, 10, 12, 8, 9, 100) for place, _ in enumerate(tickers)] for _ in DAYS]
    frame = pd.DataFrame(values, columns=columns, index=INDEX.rename(index).tz_localize(zone), dtype=float)
    return frame if order[0] == "Price" else frame.swaplevel(axis=1).sort_index(axis=1)


def test_frames_are_taken_in_alone_and_in_a_list_with_files(desk):
    frames = [pl.DataFrame(PLAIN), pd.DataFrame(PLAIN), pa.table(PLAIN)]
    path = desk.csv("B,2024-01-02,1,1,1,1,1")
    report = desk.ingest(*frames, path)
    assert (report.counts.bars, report.counts.duplicates) == (3, 4)
    assert desk.closes() == {**CLOSES, "B 2024-01-02": 1.0}
    assert jt.ingest(pl.DataFrame(PLAIN), desk.root).counts.same == 2


@pytest.mark.parametrize(
    ("source", "name"), [({"A": pl.DataFrame(PLAIN)}, "dict"), (7, "int"), (None, "NoneType"), ([{"close": 1}], "dict")]
)  # fmt: skip
def test_what_is_no_frame_is_refused_by_its_kind(desk, source, name):
    with pytest.raises(jt.RequestError, match=rf"source: {name} is neither a path nor a Polars, pandas or Arrow frame"):
        jt.ingest(source, desk.root)


@pytest.mark.parametrize("kind", ["pykrx", "fdr", "polars"])
def test_a_frame_without_symbols_is_refused(desk, kind):
    frame = {
        "pykrx": pd.DataFrame({"시가": [1, 1], "고가": [1, 1], "저가": [1, 1], "종가": [1, 1], "거래량": [1, 1], "등락률": [0.0, 0.0]}, index=INDEX.rename("날짜")),
        "fdr": pd.DataFrame({"Open": [1, 1], "High": [1, 1], "Low": [1, 1], "Close": [1, 1], "Volume": [1, 1], "Change": [0.0, 0.0]}, index=INDEX.rename("Date")),
        "polars": pl.DataFrame(PLAIN).drop("symbol"),
    }[kind]  # fmt: skip
    with pytest.raises((jt.RequestError, jt.DataError), match="symbol"):
        desk.ingest(frame)


def test_a_frame_of_pykrx_with_its_symbol(desk):
    frame = pd.DataFrame(
        {"시가": [9], "고가": [12], "저가": [8], "종가": [10], "거래량": [5]},
        index=INDEX[:1].rename("날짜"),
    )
    desk.ingest(frame.assign(종목코드="005930"))
    assert desk.closes() == {"005930 2024-01-02": 10.0}


@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Seoul"])
@pytest.mark.parametrize("order", [("Price", "Ticker"), ("Ticker", "Price")])
def test_several_tickers_of_yfinance_are_rows_with_their_day_at_the_exchange(desk, zone, order):
    desk.ingest(yfinance(["AAPL", "005930.KS"], zone, order=order))
    assert desk.bars().select("symbol", "timestamp", "open", "high", "low", "close", "volume", "adj_close").rows() == [
        (symbol, day, 9.0 + place, 12.0 + place, 8.0 + place, 10.0 + place, 100.0 + place, 5.0 + place)
        for place, symbol in ((1, "005930.KS"), (0, "AAPL"))
        for day in DAYS
    ]


def test_an_index_without_a_name_is_the_dates(desk):
    desk.ingest(yfinance(["A"], index=None))
    assert list(desk.closes()) == ["A 2024-01-02", "A 2024-01-03"]


def test_a_ticker_that_was_not_there_that_day_has_no_row(desk):
    frame = yfinance(["A", "B"])
    frame.loc[frame.index[0], [name for name in frame.columns if name[1] == "B"]] = None
    report = desk.ingest(frame)
    assert (report.counts.read, report.counts.bars) == (3, 3)


def test_levels_without_tickers_are_refused(desk):
    columns = pd.MultiIndex.from_tuples([("Close", "close"), ("Open", "open")])
    with pytest.raises(jt.RequestError, match="the frame's columns have levels, and none of them is the tickers"):
        desk.ingest(pd.DataFrame([[1.0, 2.0]], columns=columns))


def test_minutes_of_yfinance_keep_the_wall_time_of_the_exchange(desk):
    moments = pd.DatetimeIndex(["2024-01-02 09:30", "2024-01-02 09:31"], tz="America/New_York", name="Datetime")
    desk.ingest(pd.DataFrame({"Close": [1.0, 2.0], "symbol": "AAPL"}, index=moments), timeframe="1m")
    assert [f"{moment}" for moment in desk.bars("1m")["timestamp"]] == ["2024-01-02 09:30:00", "2024-01-02 09:31:00"]


def test_missing_whole_numbers_of_pandas_are_missing(desk):
    frame = pd.DataFrame(PLAIN).astype({"volume": "Int64"})
    frame.loc[0, "volume"] = pd.NA
    report = desk.ingest(frame)
    assert report.quarantine["reason"].to_list() == ["missing: volume"]


def test_a_text_among_the_prices_of_a_frame_costs_its_row(desk):
    report = desk.ingest(pd.DataFrame({**PLAIN, "close": [10.0, "x"]}))
    assert report.quarantine.select("reason", "timestamp").rows() == [("close is not a number", DAYS[1])]
    assert desk.closes() == {"A 2024-01-02": 10.0}


def test_an_index_of_periods_is_the_dates(desk):
    desk.ingest(pd.DataFrame(PLAIN).drop(columns="date").set_index(pd.PeriodIndex(DAYS, freq="D", name="date")))
    assert desk.closes() == CLOSES
