"""vectorbt with TA-Lib: a column per symbol; in an environment of its own, with ta-lib and pyarrow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import vectorbt as vbt
from timed import main

COLUMNS = {"S1": ["close"], "S2": ["high", "low", "close", "volume"]}


def indicator(name, output, *arguments):
    made = vbt.IndicatorFactory.from_talib(name).run(*arguments)
    return getattr(made, output).to_numpy()


def before(values):
    return np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])


def golden_cross(close):
    fast, slow = (indicator("SMA", "real", close, bars) for bars in (5, 20))
    return (fast > slow) & (before(fast) <= before(slow)) & (indicator("RSI", "real", close, 14) > 50)


def yearly_high(high, low, close, volume):
    price = close.to_numpy()
    return (
        (price >= before(indicator("MAX", "real", high, 252)))
        & (volume.to_numpy() > 2 * indicator("SMA", "real", volume, 20))
        & (indicator("MACD", "macdhist", close, 12, 26, 9) > 0)
        & (indicator("ATR", "real", high, low, close, 14) / price < 0.05)
        & (indicator("BBANDS", "upperband", close, 20, 2, 2) < price)
    )


SCANS = {"S1": golden_cross, "S2": yearly_high}


def scan(path, name):
    bars = pd.read_parquet(path, columns=["symbol", "date", *COLUMNS[name]])
    wide = {
        each: bars.pivot(index="date", columns="symbol", values=each).astype(float)  # noqa: PD010 - nothing to aggregate
        for each in COLUMNS[name]
    }
    columns, rows = np.nonzero(SCANS[name](**wide).T)
    close = wide["close"]
    return pd.DataFrame({
        "symbol": close.columns.to_numpy()[columns],
        "date": close.index.to_numpy()[rows],
        "close": close.to_numpy()[rows, columns],
    })  # fmt: skip


if __name__ == "__main__":
    main(scan)
