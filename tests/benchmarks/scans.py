"""Five scans from a shell: jtscan beside a plain pandas + ta-lib loop, in one run.

    python tests/benchmarks/scans.py [FILE] [--rounds 5] [--answers FOLDER]

FILE is one Parquet file of daily bars (symbol, timestamp, open … volume);
without it a synthetic market of 500 symbols × 1,250 bars is made. Each cell is
a whole process, the two in turn; the table shows medians. ``--answers`` holds
``oracle_<n>_*.parquet`` and ``oracle_<n>_*_dontcare.parquet``: the rows that
jtscan has too many or too few are counted against them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import polars as pl
from timing import measured

HERE = Path(__file__).parent
JTSCAN = Path(sys.executable).parent / "jtscan"
SCANS = {
    1: "cross_above(sma(close, 5), sma(close, 20)) and rsi(close, 14) > 50",
    2: "close > highest(high, 252)[1] and volume > 2 * sma(volume, 20)",
    3: "_m = macd(close, 12, 26, 9)\ncross_above(_m.line, _m.signal) and _m.line < 0",
    4: "_b = bb(close, 20, 2)\n_bw = _b.width\n_bw[1] <= lowest(_bw, 120)[1] and close > _b.upper",
    5: "_r = high - low\n_r == lowest(_r, 7) and high < high[1] and low > low[1]",
}
KEYS = ["symbol", "timestamp"]


def commands(path, scan, folder):
    out = f"{folder}/jtscan.parquet"
    every_bar = ["--start", "1900-01-01", "--end", "2100-01-01"]
    return {
        "jtscan": [JTSCAN, "scan", SCANS[scan], "--prices", path, *every_bar, "--quiet", "--out", out],
        "pandas": [sys.executable, HERE / "pandas_loop.py", path, str(scan), f"{folder}/pandas.parquet"],
    }


def compared(folder, scan, answers):
    """Matches, and rows too many and too few: against the answers, otherwise against pandas."""
    found = pl.read_parquet(f"{folder}/jtscan.parquet").select(KEYS)
    other, free = (
        pl.read_parquet(f"{folder}/pandas.parquet").select("symbol", pl.col("timestamp").cast(pl.Date)),
        found.clear(),
    )
    if answers:
        (free_path,) = Path(answers).glob(f"oracle_{scan}_*_dontcare.parquet")
        (path,) = (each for each in Path(answers).glob(f"oracle_{scan}_*.parquet") if each != free_path)
        other, free = pl.read_parquet(path).select(KEYS), pl.read_parquet(free_path).select(KEYS)
    extra, missing = (
        a.join(b, on=KEYS, how="anti").join(free, on=KEYS, how="anti").height
        for a, b in ((found, other), (other, found))
    )
    return found.height, extra, missing


def median(runs, name):
    return statistics.median(getattr(run, name) for run in runs)


def benchmark(path, rounds, answers):
    print(f"{'scan':>4} {'matches':>8} {'extra':>6} {'missing':>8} | "
          f"{'wall s':>15} {'ratio':>6} | {'CPU s':>15} {'ratio':>6} | {'peak MiB':>15} {'ratio':>6}   (jtscan / pandas)")  # fmt: skip
    for scan in SCANS:
        with tempfile.TemporaryDirectory() as folder:
            todo = commands(path, scan, folder)
            runs = {name: [] for name in todo}
            for _ in range(rounds):
                for name, command in todo.items():
                    runs[name].append(measured(command))
            cells = []
            for figure in ("wall", "cpu", "megabytes"):
                ours, theirs = (median(runs[name], figure) for name in ("jtscan", "pandas"))
                digits = 0 if figure == "megabytes" else 2
                cells.append(f"{ours:7.{digits}f} {theirs:7.{digits}f} {ours / theirs:6.2f}")
            matches, extra, missing = compared(folder, scan, answers)
        print(f"{scan:4} {matches:8,} {extra:6} {missing:8} | {' | '.join(cells)}")


def synthetic(folder):
    from jtscan.market.synthetic import MarketRecipe, write_market

    write_market(Path(folder) / "market", MarketRecipe(symbols=500, bars=1250))
    path = Path(folder) / "one.parquet"
    bars = pl.concat(pl.read_parquet(each) for each in sorted((Path(folder) / "market/prices/1d").glob("*.parquet")))
    bars.filter(pl.col("open") > 0).write_parquet(path)
    return path


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("file", nargs="?")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--answers")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(given.file).resolve() if given.file else synthetic(folder)
        size = pl.scan_parquet(path).select(pl.len(), pl.col("symbol").n_unique()).collect().row(0)
        print(
            f"{path.name}: {size[0]:,} rows, {size[1]:,} symbols; medians of {given.rounds} whole processes each, in turn"
        )
        benchmark(path, given.rounds, given.answers)


if __name__ == "__main__":
    main()
