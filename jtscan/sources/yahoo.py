"""yfinance: what Yahoo Finance knows, with closes as split and adjusted for dividends.

Asked symbol by symbol with its errors raised: ``yfinance.download`` sends one
request per symbol too, all at once, and gives a broken connection or a limit
of calls the looks of a symbol without data. Yahoo has no list of a market:
FinanceDataReader's is taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import polars as pl

from jtscan.errors import RequestError, SourceError
from jtscan.sources.base import Fetched, Wanted, check_market, is_korean
from jtscan.sources.financedatareader import SHARE_CLASS, FinanceDataReader
from jtscan.sources.frames import bars_of
from jtscan.sources.packages import ask, is_a, load

_PACKAGE = "yfinance"
_COLUMNS = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume", "Adj Close": "adj_close",
}  # fmt: skip
_SUFFIXES = {"KOSPI": ".KS", "ETF/KR": ".KS", "KOSDAQ": ".KQ"}
_MARKETS = {".KS": "KOSPI", ".KQ": "KOSDAQ"}
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Yahoo:
    """The source ``yfinance``; one call per symbol."""

    adjust: bool = True
    name: str = "yfinance"
    markets: tuple[str, ...] = (*_SUFFIXES, "S&P500", "NASDAQ", "NYSE")
    calls_per_second: float = 0.5

    def identify(self, symbol: str, market: str | None) -> tuple[str, str | None]:
        """Take Yahoo's suffix of the Korean markets off: the bars belong to the bare code."""
        code, dot, suffix = symbol.rpartition(".")
        if is_korean(code) and dot + suffix in _MARKETS:
            return code, _MARKETS[dot + suffix]
        if is_korean(symbol) and market not in _SUFFIXES:
            cure = f"name the market, KOSPI or KOSDAQ, or write {symbol}.KS or {symbol}.KQ"
            raise RequestError("symbols", f"Yahoo needs to know the market of {symbol}: {cure}")
        return symbol, market

    def symbols(self, market: str) -> pl.DataFrame:
        """Return FinanceDataReader's list."""
        check_market(self, market)
        return FinanceDataReader().symbols(market)

    def delisted(self, market: str, since: dt.date) -> pl.DataFrame:
        """Refuse: it has no list of them, and Yahoo forgets them."""
        raise RequestError("delisted", f"{self.name} has no list of those that left {market} since {since}; fdr has")

    def bars(self, wanted: Wanted) -> Fetched:
        """Ask Yahoo; a symbol that it does not know has no bars."""
        package = load(_PACKAGE)
        try:
            with _errors_raised(package):
                answer = ask(lambda: _history(package, wanted))
        except SourceError as error:
            if is_a(error, "YFTickerMissingError"):
                return Fetched(reason=str(error))
            raise
        frame = bars_of(answer.value, _COLUMNS, wanted)
        kept = frame if self.adjust else frame.drop("adj_close", strict=False)
        return Fetched(frame=kept, reason="" if kept.height else "no rows in these days")


def _history(package: ModuleType, wanted: Wanted) -> Any:
    ticker = package.Ticker(_ticker(wanted))
    end = wanted.until + _DAY  # not included
    return ticker.history(start=wanted.since, end=end, interval="1d", auto_adjust=False, actions=False)


def _ticker(wanted: Wanted) -> str:
    if is_korean(wanted.symbol):
        return wanted.symbol + _SUFFIXES[wanted.market or ""]
    return SHARE_CLASS.sub(r"\1-\2", wanted.symbol)


@contextmanager
def _errors_raised(package: ModuleType) -> Iterator[None]:
    """Let the package raise what it would hide, for as long as we ask."""
    debug = package.config.debug
    before = debug.hide_exceptions
    debug.hide_exceptions = False
    try:
        yield
    finally:
        debug.hide_exceptions = before
