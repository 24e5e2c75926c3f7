"""Stand-ins for the packages, and for the store.

The frames have the shapes that finance-datareader 0.9.202, pykrx 1.2.9 and
yfinance 1.7.0 gave (with pandas 2.3.3) when their own code was fed answers of
the network: columns, dtypes, index, names and time zones are printed by them,
the numbers are short.
"""

from __future__ import annotations

import sys
import types

import polars as pl
import pytest

from jtscan.sources.rate import Pace, Patience


class Store:
    """Stands for ``market.ingest``: upserts into one Parquet file, and remembers what it was given."""

    def __init__(self):
        self.batches = []
        self.tables = []

    def ingest(self, frame, into, *, timeframe, symbols=None):
        assert timeframe == "1d"
        self.batches.append(frame)
        self.tables.append(symbols)
        folder = into / "prices" / timeframe
        folder.mkdir(parents=True, exist_ok=True)
        before = [pl.read_parquet(path) for path in folder.glob("*.parquet")]
        # KRX's halts are no bars: the store keeps them elsewhere.
        bars = pl.concat([*before, frame], how="diagonal").filter(pl.col("open") > 0)
        bars = bars.unique(["symbol", "timestamp"], keep="last").sort("symbol", "timestamp")
        bars.write_parquet(folder / f"{len(self.batches)}.new")
        for path in folder.glob("*.parquet"):
            path.unlink()
        (folder / f"{len(self.batches)}.new").rename(folder / f"{len(self.batches)}.parquet")
        return f"version {len(self.batches)}"

    def closes(self, into, symbol):
        bars = pl.read_parquet(into / "prices" / "1d" / "*.parquet").filter(symbol=symbol)
        return dict(bars.select("timestamp", "close").iter_rows())


class Clock:
    def __init__(self):
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self):
        return self.now


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock):
    return Patience(Pace(1000, clock=clock, sleep=clock.sleep), sleep=clock.sleep)


@pytest.fixture
def package(monkeypatch):
    """Put a module of some functions in the place of a package."""

    def put(name, **members):
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            monkeypatch.setitem(sys.modules, name.partition(".")[0], types.ModuleType(name.partition(".")[0]))
        return module

    return put
