"""``jtscan fetch`` from the command line to the package's own call, without a network; shapes of finance-datareader 0.9.202."""

from __future__ import annotations

import sys

import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

from jtscan.cli import main

CLOSES = {"005930": 79600, "0004V0": 12350}


class Package:
    """FinanceDataReader: a list of KOSPI with two shares, two days of each."""

    def __init__(self):
        self.asked = []
        self.error = None

    def StockListing(self, market):  # noqa: N802
        assert market in {"KOSPI", "KRX-DESC"}
        table = pd.DataFrame(
            {"Code": list(CLOSES), "Name": ["삼성전자", "엔비알모션"], "Market": "KOSPI", "MarketId": "STK"}
        )
        return table if market == "KOSPI" else table.assign(Sector="전자", ListingDate=pd.Timestamp("1975-06-11"))

    def DataReader(self, symbol, start, end):  # noqa: N802
        self.asked.append(symbol)
        if self.error is not None:
            raise self.error
        if symbol not in CLOSES:
            sys.stdout.write(f'"{symbol}" invalid symbol or has no data\n')
            return pd.DataFrame()
        price = [CLOSES[symbol]] * 2
        index = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="Date")
        prices = {"Open": price, "High": price, "Low": price, "Close": price, "Volume": [1000, 2000]}
        return pd.DataFrame(prices, index=index).assign(Change=[float("nan"), 0.0])


@pytest.fixture
def package(monkeypatch):
    package = Package()
    monkeypatch.setitem(sys.modules, "FinanceDataReader", package)
    return package


@pytest.fixture
def batches(monkeypatch):
    batches = []

    def ingest(frame, into, *, timeframe, symbols=None):
        batches.append((frame, into, timeframe, symbols))

    monkeypatch.setattr("jtscan.market.ingest", ingest)
    return batches


def run(folder, *options, source="fdr"):
    arguments = [
        "fetch",
        "--source",
        source,
        "--since",
        "2024-01-01",
        "--into",
        str(folder),
        "--rate",
        "100000",
        *options,
    ]
    return CliRunner().invoke(main, arguments)


def test_a_market_is_fetched_and_the_report_printed(tmp_path, package, batches):
    result = run(tmp_path, "--market", "KOSPI")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == [
        "fdr · KOSPI since 2024-01-01: 2 symbols, 4 rows new",
        "        2  fetched: 4 rows",
    ]
    ((frame, into, timeframe, symbols),) = batches
    assert (into, timeframe) == (tmp_path, "1d")
    assert frame["symbol"].unique(maintain_order=True).to_list() == ["005930", "0004V0"]
    assert symbols.select("symbol", "name", "market", "sector").row(0) == ("005930", "삼성전자", "KOSPI", "전자")


@pytest.mark.parametrize("way", ["options", "file"])
def test_named_symbols_are_asked_and_what_the_package_prints_is_not_ours(tmp_path, package, batches, way):
    path = tmp_path / "list.txt"
    path.write_text("\ufeff005930, Samsung\n\n# gone:\n999999  # delisted\n", encoding="utf-8")
    options = ["--symbols-file", str(path)] if way == "file" else ["--symbols", "005930,999999"]
    result = run(tmp_path, *options)
    assert result.exit_code == 0, result.output
    assert package.asked == ["005930", "999999"]
    assert result.stdout == (
        "fdr since 2024-01-01: 2 symbols, 2 rows new\n        1  fetched: 2 rows\n        1  without data\n"
    )


def test_ctrl_c_exits_with_its_code_and_keeps_what_is_fetched(tmp_path, package, batches):
    plain = package.DataReader

    def reader(symbol, *ends):
        if symbol == "0004V0":
            raise KeyboardInterrupt
        return plain(symbol, *ends)

    package.DataReader = reader
    result = run(tmp_path, "--market", "KOSPI")
    assert result.exit_code == 130
    assert "interrupted; what is fetched is kept" in result.stdout
    assert batches[0][0]["symbol"].unique().to_list() == ["005930"]


def test_a_source_that_refuses_exits_with_1(tmp_path, package, batches):
    package.error = PermissionError("403 Forbidden")
    result = run(tmp_path, "--symbols", ",".join(f"S{n}" for n in range(12)))
    assert result.exit_code == 1
    assert "! fdr refuses: 10 symbols in a row failed, at last with PermissionError: 403 Forbidden" in result.stdout
    assert batches == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "market: name a market (KOSPI, KOSDAQ"),
        (["--market", "KOSPY"], "fdr does not list 'KOSPY'; it lists: KOSPI"),
        (["--market", "KOSPI", "--raw"], "raw ones: pykrx, yfinance"),
        (
            ["--symbols", "005930", "--source", "google"],
            "source: 'google' is not known; there are: fdr, pykrx, yfinance",
        ),
        (["--symbols", "005930", "--rate", "0"], "rate: 0.0 is not a number of calls a second"),
        (["--symbols-file", "nowhere.txt"], "nowhere.txt cannot be read"),
    ],
    ids=str,
)
def test_a_mistake_exits_with_2_and_names_the_option(tmp_path, package, batches, options, message):
    result = run(tmp_path, *options)
    assert result.exit_code == 2
    assert message in result.output
    assert package.asked == []


@pytest.mark.parametrize("source", ["fdr", "pykrx", "yfinance"])
def test_a_missing_package_exits_with_1_and_names_the_extra(tmp_path, batches, monkeypatch, source):
    for name in ("FinanceDataReader", "pykrx", "pykrx.stock", "yfinance"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run(tmp_path, "--symbols", "AAPL", source=source)
    assert result.exit_code == 1
    assert "pip install 'jtscan[sources]'" in result.output


def test_the_command_imports_no_package_for_its_help():
    result = CliRunner().invoke(main, ["fetch", "--help"])
    assert result.exit_code == 0
    assert "jtscan fetch --source fdr --market KOSPI --since 2015-01-01 --into data" in result.output


def test_bars_are_floats_and_days(tmp_path, package, batches):
    run(tmp_path, "--symbols", "005930")
    assert batches[0][0].schema == {
        "symbol": pl.String, "timestamp": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
        "close": pl.Float64, "volume": pl.Float64,
    }  # fmt: skip
