"""What a user would otherwise write: pandas, groupby, ta-lib; one scan per run.

python tests/benchmarks/pandas_loop.py FILE SCAN OUT
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import talib

COLUMNS = {1: ["close"], 2: ["high", "close", "volume"], 3: ["close"], 4: ["close"], 5: ["high", "low"]}
PRICES = ["open", "high", "low", "close", "volume"]


def before(x):
    return np.concatenate([[np.nan], x[:-1]])


def crosses_above(a, b):
    return (a > b) & (before(a) <= before(b))


def golden_cross(close):
    return crosses_above(talib.SMA(close, 5), talib.SMA(close, 20)) & (talib.RSI(close, 14) > 50)


def yearly_high(high, close, volume):
    return (close > before(talib.MAX(high, 252))) & (volume > 2 * talib.SMA(volume, 20))


def macd_below_zero(close):
    line, signal, _ = talib.MACD(close, 12, 26, 9)
    return crosses_above(line, signal) & (line < 0)


def squeeze(close):
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    width = (upper - lower) / middle
    narrowest = before(talib.MIN(width[19:], 120)) if len(width) > 19 else np.array([])
    least = np.concatenate([np.full(len(width) - len(narrowest), np.nan), narrowest])
    return (before(width) <= least) & (close > upper)


def narrow_inside(high, low):
    width = high - low
    return (width == talib.MIN(width, 7)) & (high < before(high)) & (low > before(low))


SCANS = {1: golden_cross, 2: yearly_high, 3: macd_below_zero, 4: squeeze, 5: narrow_inside}


def main(path, scan, out):
    frame = pd.read_parquet(path).dropna(subset=PRICES)
    parts = []
    for _, bars in frame.groupby("symbol", sort=False):
        columns = (bars[name].to_numpy(dtype=float) for name in COLUMNS[scan])
        parts.append(bars.loc[SCANS[scan](*columns), ["symbol", "timestamp", "close"]])
    pd.concat(parts).to_parquet(out)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
