"""pykrx: Korean prices, adjusted by Naver or raw from the exchange.

The exchange's own pages, which the lists and raw prices come from, want an
account: pykrx reads it from KRX_ID and KRX_PW.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import polars as pl

from jtscan.errors import RequestError, SourceError
from jtscan.sources.base import SYMBOLS, Fetched, Wanted, check_market
from jtscan.sources.frames import bars_of
from jtscan.sources.packages import Answer, ask, load

_PACKAGE = "pykrx.stock"
_COLUMNS = {"시가": "open", "고가": "high", "저가": "low", "종가": "close", "거래량": "volume", "거래대금": "amount"}
_ACCOUNT = "the exchange wants an account, in the environment as KRX_ID and KRX_PW"
_DAY = "%Y%m%d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Krx:
    """The source ``pykrx``; one call per symbol."""

    adjust: bool = True
    name: str = "pykrx"
    markets: tuple[str, ...] = ("KOSPI", "KOSDAQ", "KONEX")
    calls_per_second: float = 1.0

    def identify(self, symbol: str, market: str | None) -> tuple[str, str | None]:
        """Return symbol and market as they are."""
        return symbol, market

    def symbols(self, market: str) -> pl.DataFrame:
        """Return today's list with names."""
        check_market(self, market)
        stock = load(_PACKAGE)
        codes = _codes(stock, market)
        names = [_name(ask(stock.get_market_ticker_name, code)) for code in codes]
        return pl.DataFrame({"symbol": codes, "name": names, "market": market}, schema=SYMBOLS)

    def delisted(self, market: str, since: dt.date) -> pl.DataFrame:
        """Refuse: it has no list of them."""
        raise RequestError("delisted", f"{self.name} has no list of those that left {market} since {since}; fdr has")

    def bars(self, wanted: Wanted) -> Fetched:
        """Ask Naver for adjusted prices, the exchange for raw ones."""
        ends = wanted.since.strftime(_DAY), wanted.until.strftime(_DAY)
        answer = ask(load(_PACKAGE).get_market_ohlcv_by_date, *ends, wanted.symbol, adjusted=self.adjust)
        frame = bars_of(_answered(answer), _COLUMNS, wanted)
        return Fetched(frame=frame, reason="" if frame.height else "no rows in these days, or unknown to the source")


def _codes(stock: ModuleType, market: str) -> list[str]:
    try:
        codes: list[str] = ask(stock.get_market_ticker_list, market=market).value
    except SourceError as error:
        raise SourceError(f"{error}; {_ACCOUNT}", passing=error.passing) from error
    if not codes:
        raise SourceError(f"it came empty; {_ACCOUNT}")
    return codes


def _answered(answer: Answer) -> Any:
    """Return the frame; the package prints its errors, and returns one without columns: also when it is refused."""
    if len(answer.value.columns):
        return answer.value
    said = answer.printed.splitlines()[-1] if answer.printed else "the answer cannot be read"
    raise SourceError(f"{said}; {_ACCOUNT}" if answer.printed else said, passing=True)


def _name(answer: Answer) -> str | None:
    return answer.value if isinstance(answer.value, str) else None
