"""S1 and S2 on the arrays of one symbol, by TA-Lib's C functions; what NaN is compared with is False."""

from __future__ import annotations

import numpy as np
import talib

COLUMNS = {"S1": ["close"], "S2": ["high", "low", "close", "volume"]}


def golden_cross(close):
    fast, slow = talib.SMA(close, 5), talib.SMA(close, 20)
    fires = (fast > slow) & (talib.RSI(close, 14) > 50)
    fires[1:] &= fast[:-1] <= slow[:-1]
    fires[:1] = False
    return fires


def yearly_high(high, low, close, volume):
    fires = volume > 2 * talib.SMA(volume, 20)
    fires[1:] &= close[1:] >= talib.MAX(high, 252)[:-1]
    fires[:1] = False
    fires &= talib.MACD(close, 12, 26, 9)[2] > 0
    fires &= talib.ATR(high, low, close, 14) / close < 0.05
    fires &= talib.BBANDS(close, 20, 2, 2)[0] < close
    return np.asarray(fires)


MASKS = {"S1": golden_cross, "S2": yearly_high}
