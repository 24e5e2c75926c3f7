"""Shapes of finance-datareader 0.9.202; see conftest."""

from __future__ import annotations

import datetime as dt
import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jtscan.errors import MissingExtraError, RequestError, SourceError
from jtscan.sources.base import Wanted
from jtscan.sources.financedatareader import FinanceDataReader

SINCE, UNTIL = dt.date(2024, 1, 2), dt.date(2024, 1, 4)


def wanted(symbol="005930", **more):
    return Wanted(symbol=symbol, since=SINCE, until=UNTIL, **more)


def korean(*_):
    frame = pd.DataFrame(
        {"Open": [78000, 78200, 78500, 0, 76800], "High": [78500, 79800, 78800, 0, 77100],
         "Low": [77500, 78200, 77000, 0, 76400], "Close": [78500, 79600, 77000, 77000, 76600],
         "Volume": [9000000, 17142847, 21753644, 0, 11304316]},
        index=pd.DatetimeIndex(["2023-12-28", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], name="Date"),
    )  # fmt: skip
    return frame.assign(Change=frame["Close"].pct_change())


def american(*_):
    nan = np.nan
    return pd.DataFrame(
        {"Open": [187.15, 184.22, nan], "High": [188.44, 185.88, nan], "Low": [183.89, 183.43, nan],
         "Close": [185.64, 184.25, nan], "Volume": [82488700.0, 58414500.0, nan], "Adj Close": [184.5, 183.1, nan]},
        index=pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"]),
    )  # fmt: skip


def test_korean_bars_are_cut_to_the_days_asked_and_halts_stay(package):
    package("FinanceDataReader", DataReader=korean)
    assert FinanceDataReader().bars(wanted()).frame.rows() == [
        (dt.date(2024, 1, 2), 78200.0, 79800.0, 78200.0, 79600.0, 17142847.0),
        (dt.date(2024, 1, 3), 78500.0, 78800.0, 77000.0, 77000.0, 21753644.0),
        (dt.date(2024, 1, 4), 0.0, 0.0, 0.0, 77000.0, 0.0),
    ]


def test_american_bars_have_both_closes_and_a_day_without_prices_is_no_row(package):
    package("FinanceDataReader", DataReader=american)
    frame = FinanceDataReader().bars(wanted("AAPL")).frame
    assert frame.select("timestamp", "close", "adj_close").rows() == [
        (dt.date(2024, 1, 2), 185.64, 184.5),
        (dt.date(2024, 1, 3), 184.25, 183.1),
    ]


def test_delisted_symbols_are_asked_from_the_exchange(package):
    asked = []

    def reader(symbol, start, end):
        asked.append((symbol, start, end))
        frame = pd.DataFrame(
            {"ISU_CD": ["036360"], "Close": [510], "UpDown": [2], "Change": [-40], "ChangeRate": [-0.0727],
             "Open": [560], "High": [570], "Low": [505], "Volume": [120000], "Amount": [63000000], "MarCap": [9180000000]},
            index=pd.DatetimeIndex(["2024-01-03"], name="Date"),
        )  # fmt: skip
        frame.attrs = {"exchange": "KRX"}
        return frame

    package("FinanceDataReader", DataReader=reader)
    fetched = FinanceDataReader().bars(wanted("036360", delisted=dt.date(2024, 1, 4)))
    assert asked == [("KRX-DELISTING:036360", "2024-01-01", "2024-01-06")]
    assert fetched.frame.row(0, named=True) == {
        "timestamp": dt.date(2024, 1, 3), "open": 560.0, "high": 570.0, "low": 505.0, "close": 510.0,
        "volume": 120000.0, "amount": 63000000.0, "marcap": 9180000000.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("symbol", "asked"),
    [("005930", "005930"), ("0004V0", "0004V0"), ("00088K", "00088K"), ("BRK.B", "BRK-B"), ("BHP.AX", "BHP.AX"),
     ("7203.T", "7203.T"), ("AAPL", "AAPL")],
)  # fmt: skip
def test_symbols_are_asked_as_text_and_as_yahoo_writes_them(package, symbol, asked):
    seen = []
    package("FinanceDataReader", DataReader=lambda symbol, *_: seen.append(symbol) or pd.DataFrame())
    FinanceDataReader().bars(wanted(symbol))
    assert seen == [asked]


def test_a_symbol_without_data_has_the_reason_that_the_package_prints(package, capsys):
    def reader(symbol, *_):
        sys.stdout.write(f'"{symbol}" invalid symbol or has no data\n')
        return pd.DataFrame()

    package("FinanceDataReader", DataReader=reader)
    fetched = FinanceDataReader().bars(wanted("999999"))
    assert fetched.frame.is_empty()
    assert fetched.reason == '"999999" invalid symbol or has no data'
    assert capsys.readouterr().out == ""


class HTTPError(IOError):  # requests.exceptions.HTTPError
    def __init__(self, status):
        super().__init__(f"{status} Client Error: for url: https://query2.finance.yahoo.com/…")
        self.response = type("Response", (), {"status_code": status})()


RequestException = type("RequestException", (OSError,), {})  # requests.exceptions.RequestException


@pytest.mark.parametrize("error", [HTTPError(404), KeyError("timestamp"), KeyError("ZZZZ")], ids=repr)
def test_an_unknown_symbol_or_an_answer_without_rows_is_no_data(package, error):
    def reader(*_):
        raise error

    package("FinanceDataReader", DataReader=reader)
    fetched = FinanceDataReader().bars(wanted("ZZZZ"))
    assert fetched.frame.is_empty()
    assert "unknown to the source" in fetched.reason


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ConnectionError("reset"), True), (TimeoutError("slow"), True), (RequestException("proxy"), True),
        (json.JSONDecodeError("Expecting value", "LOGOUT", 0), True), (HTTPError(429), True),
        (type("YFRateLimitError", (Exception,), {})("Too Many Requests"), True),
        (type("ServerError", (RequestException,), {"response": type("R", (), {"status_code": 503})})("busy"), True),
        (HTTPError(403), False), (KeyError("chart"), False), (ValueError("no idea"), False),
    ],
    ids=repr,
)  # fmt: skip
def test_only_what_may_pass_is_worth_another_try(package, error, passing):
    def reader(*_):
        raise error

    package("FinanceDataReader", DataReader=reader)
    with pytest.raises(SourceError) as caught:
        FinanceDataReader().bars(wanted())
    assert caught.value.passing is passing


def test_the_broken_connection_is_told_that_the_package_stumbles_over(package):
    def connect():
        raise ConnectionError("no route to data.krx.co.kr")

    def listing(_market):
        try:
            answer = connect()
        except ConnectionError:
            sys.stdout.write(answer.text)  # not assigned, as in the package

    package("FinanceDataReader", StockListing=listing)
    with pytest.raises(SourceError, match=r"^ConnectionError: no route to data\.krx\.co\.kr$") as caught:
        FinanceDataReader().symbols("KOSPI")
    assert caught.value.passing


def test_a_missing_column_is_named(package):
    package("FinanceDataReader", DataReader=lambda *_: korean().drop(columns="Close"))
    with pytest.raises(SourceError, match=r"no Close; it has: Open, High, Low, Volume, Change"):
        FinanceDataReader().bars(wanted())


def test_a_text_in_the_prices_is_refused(package):
    package("FinanceDataReader", DataReader=lambda *_: korean().assign(Close="n/a"))
    with pytest.raises(SourceError, match=r"column 'Close' holds what is no number"):
        FinanceDataReader().bars(wanted())


def listing(market, start=None):
    tables = {
        # KrxMarcapListingCache: a CSV with these dtypes, filtered by MarketId
        "KOSDAQ": pd.DataFrame(
            {"Code": ["247540", "0004V0"], "ISU_CD": ["KR7247540008", "KR70004V0000"], "Name": ["에코프로비엠", "엔비알모션"],
             "Market": ["KOSDAQ GLOBAL", "KOSDAQ"], "Dept": ["우량기업부", np.nan], "Close": [288000, 12350],
             "Marcap": [28167264000000, 100000000], "Stocks": [97801344, 1000], "MarketId": ["KSQ", "KSQ"]}
        ),
        "KRX-DESC": pd.DataFrame(
            {"Code": ["005930", "247540"], "Name": ["삼성전자", "에코프로비엠"], "Market": ["KOSPI", "KOSDAQ GLOBAL"],
             "Sector": ["통신 및 방송 장비 제조업", "일차전지 및 이차전지 제조업"], "Industry": ["휴대폰", "양극재"],
             "ListingDate": pd.to_datetime(["1975-06-11", "2019-03-05"]), "SettleMonth": ["12월", "12월"]}
        ),
        "KRX-DELISTING": pd.DataFrame(
            {"Symbol": ["036360", "003560", "00356Z"], "Name": ["쓰리소프트", "아이에이치큐", "아이에이치큐 7R"],
             "Market": ["KOSDAQ", "KOSPI", "KOSPI"], "SecuGroup": ["주권", "주권", "신주인수권증서"],
             "Kind": ["보통주", "보통주", np.nan], "ListingDate": pd.to_datetime(["1999-12-01", "1996-12-27", "2021-05-01"]),
             "DelistingDate": pd.to_datetime(["2023-04-14", "2024-11-12", "2021-05-10"]), "Reason": ["감사의견 거절"] * 3,
             "Industry": [np.nan, "방송업", np.nan], "ToSymbol": [np.nan] * 3}
        ),
        "S&P500": pd.DataFrame(
            {"Symbol": ["AAPL", "BRKB"], "Name": ["Apple Inc.", "Berkshire Hathaway"],
             "Sector": ["Information Technology", "Financials"], "Industry": ["Hardware", "Multi-Sector Holdings"]}
        ),
        "NASDAQ": pd.DataFrame(
            {"Symbol": ["AAPL"], "Name": ["Apple Inc"], "IndustryCode": ["57106020"], "Industry": ["컴퓨터"]}
        ),
        "ETF/KR": pd.DataFrame(
            {"Symbol": ["069500"], "Category": [1], "Name": ["KODEX 200"], "Price": [36000], "RiseFall": ["2"],
             "NAV": [36010.0], "MarCap": [60000]}
        ),
    }  # fmt: skip
    return tables[market]


def test_a_korean_list_has_sector_and_day_of_listing_and_plain_markets(package):
    package("FinanceDataReader", StockListing=listing)
    assert FinanceDataReader().symbols("KOSDAQ").rows(named=True) == [
        {"symbol": "247540", "name": "에코프로비엠", "market": "KOSDAQ", "sector": "일차전지 및 이차전지 제조업",
         "industry": "양극재", "listed": dt.date(2019, 3, 5)},
        {"symbol": "0004V0", "name": "엔비알모션", "market": "KOSDAQ", "sector": None, "industry": None, "listed": None},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("market", "rows"),
    [
        ("S&P500", [("AAPL", "Apple Inc.", "S&P500", "Information Technology"),
                    ("BRK.B", "Berkshire Hathaway", "S&P500", "Financials")]),
        ("NASDAQ", [("AAPL", "Apple Inc", "NASDAQ", None)]),
        ("ETF/KR", [("069500", "KODEX 200", "ETF/KR", None)]),
    ],
)  # fmt: skip
def test_other_lists(package, market, rows):
    package("FinanceDataReader", StockListing=listing)
    assert FinanceDataReader().symbols(market).select("symbol", "name", "market", "sector").rows() == rows


@pytest.mark.parametrize(
    ("market", "since", "gone"),
    [
        ("KOSPI", "2020-01-01", ["003560"]),
        ("KRX", "2020-01-01", ["036360", "003560"]),
        ("KRX", "2024-01-01", ["003560"]),
    ],
)
def test_delisted_shares_of_a_market_since_a_day_without_rights(package, market, since, gone):
    package("FinanceDataReader", StockListing=listing)
    found = FinanceDataReader().delisted(market, dt.date.fromisoformat(since))
    assert found["symbol"].to_list() == gone
    assert found.schema["delisted"] == pl.Date


def test_a_list_of_delisted_that_comes_empty_is_a_failure_for_the_package_hides_its_errors(package):
    package("FinanceDataReader", StockListing=lambda *_: pd.DataFrame())
    with pytest.raises(SourceError, match="came empty") as caught:
        FinanceDataReader().delisted("KOSPI", SINCE)
    assert caught.value.passing


def test_codes_that_became_numbers_are_refused(package):
    package("FinanceDataReader", StockListing=lambda market: listing(market).assign(Code=[247540, 5930]))
    with pytest.raises(SourceError, match="leading zeros"):
        FinanceDataReader().symbols("KOSDAQ")


def test_an_unknown_market_names_the_known_ones():
    with pytest.raises(
        RequestError, match=r"'KOSPY'; it lists: KOSPI, KOSDAQ, KONEX, KRX, ETF/KR, S&P500, NASDAQ, NYSE"
    ):
        FinanceDataReader().symbols("KOSPY")


def test_raw_prices_are_refused_with_where_to_get_them():
    with pytest.raises(RequestError, match=r"adjusted prices only; raw ones: pykrx, yfinance"):
        FinanceDataReader(adjust=False)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "FinanceDataReader", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'jtscan\[sources\]'"):
        FinanceDataReader().bars(wanted())
