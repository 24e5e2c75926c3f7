"""Taking data in, beside DuckDB's plain COPY as the limit, in one run.

    python tests/benchmarks/ingest.py [--csv ARCHIVE_OR_FOLDER] [--parquet FILE] [--rounds 3] [--appends 250]

Without ``--csv`` 505 CSV files of 1,226 bars are made, without ``--parquet`` a
synthetic market of 3,000 symbols × 2,500 bars. Each cell is a whole process;
the table shows medians and the highest peak. COPY only rewrites: it neither
unpacks, checks, judges nor accounts for anything. Then a day at a time is
appended for every symbol, and the same scan is run before and after.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import polars as pl
from timing import measured, median_of, seconds_of

import jtscan as jt

SCAN = "cross_above(sma(close, 5), sma(close, 20)) and rsi(close, 14) > 50"
COPY = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("SET memory_limit = '1GB'")
connection.execute("SET preserve_insertion_order = false")
connection.execute(f"COPY ({sys.argv[1]}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
"""


def make_csv(folder, symbols=505, bars=1226):
    """Write one CSV file per symbol, as the S&P archive has them."""
    from jtscan.testing import make_bars

    folder.mkdir()
    closes = {
        f"S{number:04}": [100.0 + (number * 7 + bar) % 53 / 7 for bar in range(bars)] for number in range(symbols)
    }
    for (symbol,), bars_of in make_bars(closes).partition_by("symbol", as_dict=True).items():
        bars_of.drop("symbol").rename({"timestamp": "date"}).write_csv(folder / f"{symbol}.csv")
    return folder


def make_market(folder):
    command = [sys.executable, "-m", "jtscan.market.synthetic", folder, "--symbols", "3000", "--bars", "2500"]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return folder / "prices" / "1d"


def unpacked(source, folder):
    if source.is_dir():
        return source
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    return folder


def row(name, runs, copies=None):
    seconds, peak = statistics.median(run.wall for run in runs), max(run.megabytes for run in runs)
    limit = ""
    if copies is not None:
        copied = statistics.median(run.wall for run in copies)
        limit = f"{copied:>8.2f} {seconds / copied:>6.2f}"
    print(f"{name:<44} {seconds:>8.2f} {peak:>9.0f} {limit}", flush=True)


def ingests(name, source, query, work, rounds):
    """Ingest and COPY in turn, each into a new place."""
    runs, copies = [], []
    for number in range(rounds):
        into = work / f"store-{name.split()[0]}-{number}"
        jtscan = Path(sys.executable).parent / "jtscan"
        runs.append(measured([jtscan, "ingest", source, "--into", into, "--quiet"]))
        copies.append(measured([sys.executable, "-c", COPY, query, work / "copy.parquet"]))
    row(name, runs, copies)
    return into


def scan_seconds(root):
    scanner = jt.Scanner(root)
    return median_of(5, lambda: scanner.scan(SCAN, start="1900-01-01"))


def appends(root, count):
    """Append one day after the other; print what an append takes, and what it does to a scan."""
    store = jt.Store(root)
    newest = dt.date.fromisoformat(max(file.last for file in store.manifest.of("bars", jt.Timeframe.D1)))
    snapshot = jt.DuckDBPriceRepository(root).snapshot(jt.Timeframe.D1)
    from jtscan.domain.bars import ReadWindow

    bars = snapshot.read(snapshot.symbols, ["open", "high", "low", "close", "volume"], ReadWindow(start=newest)).frame
    before = scan_seconds(root)
    seconds = []
    for day in range(1, count + 1):
        grown = bars.with_columns(
            pl.lit(newest + dt.timedelta(days=day)).alias("timestamp"),
            pl.col("open", "high", "low", "close") * (1 + 0.001 * (day % 7)),
        )
        seconds.append(seconds_of(lambda grown=grown: jt.ingest(grown, root)))
    after = scan_seconds(root)
    files = len(store.manifest.of("bars", jt.Timeframe.D1))
    print(f"\n{count} appends of {bars.height:,} symbols: median {statistics.median(seconds):.2f} s, "
          f"longest {max(seconds):.2f} s; files of bars then: {files}")  # fmt: skip
    print(f"scan of all bars before {before:.2f} s, after {after:.2f} s: {after / before:.2f} times")
    started = time.perf_counter()
    print(f"quality of the store: {jt.Store(root).quality().balance['missing'].to_list()} missing, "
          f"{time.perf_counter() - started:.1f} s")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--parquet", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--appends", type=int, default=250)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        texts = given.csv or make_csv(work / "csv")
        plain = unpacked(texts, work / "plain")
        market = given.parquet or make_market(work / "market")
        files = f"{market}/*.parquet" if market.is_dir() else str(market)
        print(f"{'':<44} {'wall s':>8} {'peak MiB':>9} {'COPY s':>8} {'ratio':>6}")
        ingests("CSV files", texts, f"SELECT * FROM read_csv('{plain}/**/*.csv', filename = true)", work, given.rounds)
        root = ingests(
            "Parquet, 7.5 million rows", market, f"SELECT * FROM read_parquet('{files}')", work, given.rounds
        )
        moment = "timestamp" if "timestamp" in pl.scan_parquet(files).collect_schema() else "date"
        by_date = work / "by_date.parquet"
        measured(
            [sys.executable, "-c", COPY, f"SELECT * FROM read_parquet('{files}') ORDER BY {moment}, symbol", by_date]
        )
        ingests(
            "by-date Parquet, 7.5 million rows", by_date,
            f"SELECT * FROM read_parquet('{by_date}') ORDER BY symbol, {moment}", work, 1,
        )  # fmt: skip
        appends(root, given.appends)


if __name__ == "__main__":
    main()
