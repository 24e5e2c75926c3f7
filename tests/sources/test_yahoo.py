"""Shapes of yfinance 1.7.0; see conftest."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pandas as pd
import pytest

from jtscan.errors import RequestError, SourceError
from jtscan.sources.base import Wanted
from jtscan.sources.yahoo import Yahoo

SINCE, UNTIL = dt.date(2024, 1, 2), dt.date(2024, 1, 3)


class YFTickerMissingError(Exception):
    pass


class YFPricesMissingError(YFTickerMissingError):
    pass


class YFRateLimitError(Exception):
    pass


def wanted(symbol="AAPL", market=None):
    return Wanted(symbol=symbol, market=market, since=SINCE, until=UNTIL)


def history(zone="America/New_York"):
    return pd.DataFrame(
        {"Open": [187.15, 184.22], "High": [188.44, 185.88], "Low": [183.89, 183.43], "Close": [185.64, 184.25],
         "Adj Close": [184.5, 183.1], "Volume": [82488700, 58414500]},
        index=pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="Date").tz_localize(zone),
    )  # fmt: skip


@pytest.fixture
def yfinance(package):
    """The package, with an answer or an error; what it was asked is in ``asked``."""

    def put(answer):
        asked, config = [], SimpleNamespace(debug=SimpleNamespace(hide_exceptions=True))

        class Ticker:
            def __init__(self, ticker):
                self.ticker = ticker

            def history(self, **options):
                asked.append((self.ticker, options, config.debug.hide_exceptions))
                if isinstance(answer, Exception):
                    raise answer
                return answer

        return package("yfinance", Ticker=Ticker, config=config, asked=asked)

    return put


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Seoul", "Europe/London", None])
def test_days_are_those_of_the_exchange(yfinance, zone):
    yfinance(history(zone))
    assert Yahoo().bars(wanted()).frame.rows(named=True) == [
        {"timestamp": SINCE, "open": 187.15, "high": 188.44, "low": 183.89, "close": 185.64, "adj_close": 184.5,
         "volume": 82488700.0},
        {"timestamp": UNTIL, "open": 184.22, "high": 185.88, "low": 183.43, "close": 184.25, "adj_close": 183.1,
         "volume": 58414500.0},
    ]  # fmt: skip


def test_it_is_asked_for_unadjusted_prices_and_one_day_more_and_to_raise_its_errors(yfinance):
    module = yfinance(history())
    Yahoo().bars(wanted())
    options = {"start": SINCE, "end": dt.date(2024, 1, 4), "interval": "1d", "auto_adjust": False, "actions": False}
    assert module.asked == [("AAPL", options, False)]
    assert module.config.debug.hide_exceptions is True


def test_its_setting_comes_back_also_after_an_error(yfinance):
    module = yfinance(YFRateLimitError("Too Many Requests. Rate limited. Try after a while."))
    with pytest.raises(SourceError, match="YFRateLimitError: Too Many Requests") as caught:
        Yahoo().bars(wanted())
    assert caught.value.passing
    assert module.config.debug.hide_exceptions is True


def test_raw_prices_leave_the_adjusted_close_out(yfinance):
    yfinance(history())
    assert "adj_close" not in Yahoo(adjust=False).bars(wanted()).frame.columns


def test_a_symbol_that_yahoo_does_not_know_has_no_data(yfinance):
    yfinance(YFPricesMissingError("$ZZZZ: possibly delisted; no price data found (1d 2024-01-02 -> 2024-01-04)"))
    fetched = Yahoo().bars(wanted("ZZZZ"))
    assert fetched.frame.is_empty()
    assert "$ZZZZ: possibly delisted; no price data found" in fetched.reason


def test_an_empty_answer_has_no_data(yfinance):
    empty = pd.DataFrame(
        index=[], data=dict.fromkeys(["Open", "High", "Low", "Close", "Adj Close", "Volume"], float("nan"))
    )
    empty.index.name = "Date"
    yfinance(empty)
    assert Yahoo().bars(wanted()).reason == "no rows in these days"


def test_a_frame_of_several_tickers_is_refused_by_its_columns(yfinance):
    several = pd.concat({"AAPL": history(), "MSFT": history()}, axis=1, names=["Ticker", "Price"]).swaplevel(axis=1)
    yfinance(several)
    with pytest.raises(SourceError, match="columns of several symbols, one was asked"):
        Yahoo().bars(wanted())


@pytest.mark.parametrize(
    ("symbol", "market", "identified", "ticker"),
    [
        ("005930", "KOSPI", ("005930", "KOSPI"), "005930.KS"),
        ("247540", "KOSDAQ", ("247540", "KOSDAQ"), "247540.KQ"),
        ("069500", "ETF/KR", ("069500", "ETF/KR"), "069500.KS"),
        ("005930.KS", None, ("005930", "KOSPI"), "005930.KS"),
        ("0004V0.KQ", "KOSPI", ("0004V0", "KOSDAQ"), "0004V0.KQ"),
        ("BRK.B", "S&P500", ("BRK.B", "S&P500"), "BRK-B"),
        ("AAPL", None, ("AAPL", None), "AAPL"),
        ("7203.T", None, ("7203.T", None), "7203.T"),
    ],
)
def test_korean_codes_get_the_suffix_of_their_market_and_are_kept_bare(yfinance, symbol, market, identified, ticker):
    module = yfinance(history())
    assert Yahoo().identify(symbol, market) == identified
    Yahoo().bars(wanted(*identified))
    assert module.asked[0][0] == ticker


def test_a_korean_code_without_its_market_is_refused_with_the_cure():
    with pytest.raises(RequestError, match=r"^symbols: .*KOSPI or KOSDAQ, or write 005930\.KS or 005930\.KQ"):
        Yahoo().identify("005930", None)


def test_its_list_is_that_of_financedatareader(package):
    listing = pd.DataFrame({"Symbol": ["AAPL"], "Name": ["Apple Inc."], "Sector": ["IT"], "Industry": ["Hardware"]})
    package("FinanceDataReader", StockListing=lambda market: listing)
    assert Yahoo().symbols("S&P500").select("symbol", "market").rows() == [("AAPL", "S&P500")]
    with pytest.raises(RequestError, match="yfinance does not list 'KONEX'"):
        Yahoo().symbols("KONEX")
    with pytest.raises(RequestError, match="fdr has"):
        Yahoo().delisted("KOSPI", SINCE)
