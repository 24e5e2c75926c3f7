"""FinanceDataReader: Korean prices by Naver, American ones by Yahoo, lists by KRX, Naver and Wikipedia.

Korean prices are adjusted for splits; American ones come with an adj_close
for dividends too. Those of symbols that left the Korean exchange come from it,
as they were traded.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import polars as pl

from jtscan.errors import RequestError, SourceError
from jtscan.sources.base import Fetched, Wanted, check_market, is_korean
from jtscan.sources.frames import bars_of, table_of
from jtscan.sources.packages import Answer, ask, load, status_of

_PACKAGE = "FinanceDataReader"
_COLUMNS = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume",
    "Adj Close": "adj_close", "Amount": "amount", "MarCap": "marcap",
}  # fmt: skip
_LISTING = {
    "Code": "symbol", "Symbol": "symbol", "Name": "name", "MarketId": "market", "Sector": "sector",
    "Industry": "industry",
}  # fmt: skip
_DESCRIPTION = {"Code": "symbol", "Sector": "sector", "Industry": "industry", "ListingDate": "listed"}
_DELISTING = {
    "Symbol": "symbol", "Name": "name", "Market": "market", "SecuGroup": "kind", "Industry": "industry",
    "ListingDate": "listed", "DelistingDate": "delisted",
}  # fmt: skip
_KRX_MARKETS = {"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"}
_KRX = ("KOSPI", "KOSDAQ", "KONEX", "KRX")
_RIGHTS = "신주인수권"  # rights to buy shares: they live for days, and are no shares
# The package takes the dot out of what Wikipedia writes.
_DOTTED = {"BRKB": "BRK.B", "BFB": "BF.B"}
SHARE_CLASS = re.compile(r"^([A-Z]+)\.([AB])$")
_NOT_FOUND = 404
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinanceDataReader:
    """The source ``fdr``; one call per symbol."""

    adjust: bool = True
    name: str = "fdr"
    markets: tuple[str, ...] = (*_KRX, "ETF/KR", "S&P500", "NASDAQ", "NYSE")
    calls_per_second: float = 2.0

    def __post_init__(self) -> None:
        if not self.adjust:
            raise RequestError("adjust", "FinanceDataReader gives adjusted prices only; raw ones: pykrx, yfinance")

    def identify(self, symbol: str, market: str | None) -> tuple[str, str | None]:
        """Return symbol and market as they are."""
        return symbol, market

    def symbols(self, market: str) -> pl.DataFrame:
        """Return today's list; for the Korean exchange with sector, industry and the day of listing."""
        check_market(self, market)
        table = table_of(self._listing(market).value, _LISTING)
        if market in _KRX:
            return _described(table, table_of(self._listing("KRX-DESC").value, _DESCRIPTION))
        dotted = table.with_columns(pl.col("symbol").replace(_DOTTED), pl.lit(market).alias("market"))
        return dotted.with_columns(pl.lit("ETF").alias("kind")) if market == "ETF/KR" else dotted

    def delisted(self, market: str, since: dt.date) -> pl.DataFrame:
        """Return the shares that left the Korean exchange since a day."""
        if market not in _KRX:
            raise RequestError("delisted", f"{self.name} knows the delisted symbols of {', '.join(_KRX)} only")
        listing = self._listing("KRX-DELISTING", since.isoformat()).value
        if not len(listing):  # the package says nothing when its own source is away
            raise SourceError("the list of delisted symbols came empty", passing=True)
        table = table_of(listing, _DELISTING)
        shares = ~pl.col("kind").fill_null("").str.contains(_RIGHTS, literal=True)
        wanted = shares & (pl.col("delisted") >= since) & (pl.lit(market == "KRX") | (pl.col("market") == market))
        return table.filter(wanted).drop("kind")

    def bars(self, wanted: Wanted) -> Fetched:
        """Ask Naver, Yahoo, or for a delisted symbol the exchange."""
        symbol = wanted.symbol if wanted.delisted is None else f"KRX-DELISTING:{wanted.symbol}"
        asked = symbol if is_korean(wanted.symbol) else SHARE_CLASS.sub(r"\1-\2", symbol)
        # Some ends are not included, and count by the clock of this machine: two days more, cut off again.
        ends = (wanted.since - _DAY).isoformat(), (wanted.until + 2 * _DAY).isoformat()
        try:
            answer = ask(load(_PACKAGE).DataReader, asked, *ends)
        except SourceError as error:
            if status_of(error) == _NOT_FOUND:
                return Fetched(reason="unknown to the source")
            if _is_empty(error, wanted.symbol):
                return Fetched(reason="no rows in these days, or unknown to the source")
            raise
        frame = bars_of(answer.value, _COLUMNS, wanted)
        return Fetched(frame=frame, reason="" if frame.height else answer.printed or "no rows in these days")

    def _listing(self, market: str, *since: str) -> Answer:
        return ask(load(_PACKAGE).StockListing, market, *since)


def _is_empty(error: SourceError, symbol: str) -> bool:
    """Whether the package stumbled over an answer without rows, or a list without the symbol."""
    cause = error.__cause__
    return isinstance(cause, KeyError) and cause.args[0] in {"timestamp", symbol}


def _described(table: pl.DataFrame, description: pl.DataFrame) -> pl.DataFrame:
    """Name the markets as everybody does (the list has a KOSDAQ GLOBAL), and add what the other list knows."""
    named = table.with_columns(pl.col("market").replace(_KRX_MARKETS))
    return named.select("symbol", "name", "market").join(description, on="symbol", how="left", maintain_order="left")
