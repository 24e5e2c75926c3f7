"""Shapes of pykrx 1.2.9; see conftest."""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pandas as pd
import pytest

from jtscan.errors import RequestError, SourceError
from jtscan.sources.base import Wanted
from jtscan.sources.krx import Krx

WANTED = Wanted(symbol="005930", since=dt.date(2024, 1, 2), until=dt.date(2024, 1, 4))
DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="날짜")


def adjusted():  # by Naver
    frame = pd.DataFrame(
        {"시가": [78200, 78500, 0], "고가": [79800, 78800, 0], "저가": [78200, 77000, 0], "종가": [79600, 77000, 77000],
         "거래량": [17142847, 21753644, 0]}, index=DAYS,
    )  # fmt: skip
    return frame.assign(등락률=frame["종가"].pct_change() * 100)


def raw():  # by KRX
    kinds = {"시가": np.int32, "고가": np.int32, "저가": np.int32, "종가": np.int32, "거래량": np.int32, "거래대금": np.int64,
             "등락률": np.float32}  # fmt: skip
    return adjusted().assign(거래대금=[1356958225900, 1683100000000, 0]).fillna(0)[list(kinds)].astype(kinds)


def test_adjusted_bars_with_the_days_and_the_code_as_the_package_wants_them(package):
    asked = []
    package(
        "pykrx.stock", get_market_ohlcv_by_date=lambda *given, **options: asked.append((given, options)) or adjusted()
    )
    frame = Krx().bars(WANTED).frame
    assert asked == [(("20240102", "20240104", "005930"), {"adjusted": True})]
    assert frame.columns == ["timestamp", "open", "high", "low", "close", "volume"]
    assert frame.rows()[1:] == [
        (dt.date(2024, 1, 3), 78500.0, 78800.0, 77000.0, 77000.0, 21753644.0),
        (dt.date(2024, 1, 4), 0.0, 0.0, 0.0, 77000.0, 0.0),
    ]


def test_raw_bars_have_the_amount(package):
    package("pykrx.stock", get_market_ohlcv_by_date=lambda *_, adjusted: raw() if not adjusted else None)
    frame = Krx(adjust=False).bars(WANTED).frame
    assert frame["amount"].to_list() == [1356958225900.0, 1683100000000.0, 0.0]


def test_an_empty_frame_with_columns_is_a_symbol_without_data(package):
    package("pykrx.stock", get_market_ohlcv_by_date=lambda *_, **__: adjusted().iloc[:0])
    fetched = Krx().bars(WANTED)
    assert fetched.frame.is_empty()
    assert fetched.reason == "no rows in these days, or unknown to the source"


def test_an_empty_frame_without_columns_is_a_refusal_and_its_printed_reason_is_told(package, capsys):
    def refused(*_, **__):
        sys.stdout.write("Error occurred in get_market_ohlcv_by_date: Expecting value: line 1 column 1 (char 0)\n")
        return pd.DataFrame()

    package("pykrx.stock", get_market_ohlcv_by_date=refused)
    with pytest.raises(SourceError, match=r"Expecting value.*KRX_ID and KRX_PW") as caught:
        Krx(adjust=False).bars(WANTED)
    assert caught.value.passing
    assert capsys.readouterr().out == ""


def test_an_answer_that_is_no_xml_is_a_failure_too(package):
    package("pykrx.stock", get_market_ohlcv_by_date=lambda *_, **__: pd.DataFrame())
    with pytest.raises(SourceError, match="cannot be read"):
        Krx().bars(WANTED)


def test_a_missing_column_is_named(package):
    package("pykrx.stock", get_market_ohlcv_by_date=lambda *_, **__: adjusted().drop(columns=["저가"]))
    with pytest.raises(SourceError, match="no 저가; it has: 시가, 고가, 종가, 거래량, 등락률"):
        Krx().bars(WANTED)


def test_the_list_of_a_market_has_names_and_codes_as_text(package):
    names = {"005930": "삼성전자", "0004V0": "엔비알모션", "00088K": pd.DataFrame()}  # a name that it does not know
    package("pykrx.stock", get_market_ticker_list=lambda market: list(names) if market == "KOSPI" else [],
            get_market_ticker_name=names.__getitem__)  # fmt: skip
    assert Krx().symbols("KOSPI").rows() == [
        ("005930", "삼성전자", "KOSPI"), ("0004V0", "엔비알모션", "KOSPI"), ("00088K", None, "KOSPI"),
    ]  # fmt: skip
    with pytest.raises(SourceError, match="came empty.*KRX_ID"):
        Krx().symbols("KONEX")


def test_a_refused_login_is_told_for_the_list(package):
    def tickers(*, market):
        sys.stdout.write("Error occurred in get_index_ohlcv_by_date: Expecting value: line 1 column 1 (char 0)\n")
        raise IndexError(f"index -1 is out of bounds for axis 0 with size 0 ({market})")

    package("pykrx.stock", get_market_ticker_list=tickers)
    with pytest.raises(SourceError, match=r"IndexError: .*the package says: Error occurred.*KRX_ID and KRX_PW"):
        Krx().symbols("KOSPI")


def test_what_it_does_not_list_is_refused():
    with pytest.raises(RequestError, match=r"pykrx does not list 'NASDAQ'; it lists: KOSPI, KOSDAQ, KONEX"):
        Krx().symbols("NASDAQ")
    with pytest.raises(RequestError, match="fdr has"):
        Krx().delisted("KOSPI", dt.date(2020, 1, 1))
