"""Prices fetched from those who publish them, through the packages that know how.

    base               what a source is: a list of symbols, and the bars of one symbol
    financedatareader  FinanceDataReader: Korean and American markets, and those delisted from the Korean one
    krx                pykrx: the Korean markets
    yahoo              yfinance: what Yahoo Finance knows
    packages           calling a package: it prints nothing, and its errors become ours
    frames             its pandas frames become our bars and tables of symbols
    rate               at most so many calls a second, and another try when the network fails
    spool              what is fetched and not yet in the store, and how far each symbol has come
    held               what the store holds of each symbol, to go on from there
    depot              from the spool into the store, batch by batch
    report             what became of each symbol
    fetching           the use case

None of the packages is imported before a source of it is used.
"""

from __future__ import annotations

from jtscan.sources.base import Fetched, Source, Wanted
from jtscan.sources.fetching import SOURCES, fetch
from jtscan.sources.report import FetchReport

__all__ = ["SOURCES", "FetchReport", "Fetched", "Source", "Wanted", "fetch"]
