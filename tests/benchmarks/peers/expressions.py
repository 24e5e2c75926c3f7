"""S1 and S2 as Polars expressions on polars-talib; its NaN, which Polars holds to be above every number, made null."""

from __future__ import annotations

import polars as pl
import polars_talib as ta

COLUMNS = {"S1": ["symbol", "date", "close"], "S2": ["symbol", "date", "high", "low", "close", "volume"]}
OUT = ["symbol", "date", "close"]


def known(indicator):
    return indicator.fill_nan(None)


def golden_cross():
    close = pl.col("close")
    fast, slow = known(ta.sma(close, timeperiod=5)), known(ta.sma(close, timeperiod=20))
    return (fast > slow) & (fast.shift() <= slow.shift()) & (known(ta.rsi(close, timeperiod=14)) > 50)


def yearly_high():
    high, low, close, volume = (pl.col(name) for name in ("high", "low", "close", "volume"))
    bands = ta.bbands(close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0, matype=0)
    return (
        (close >= known(ta.max(high, timeperiod=252)).shift())
        & (volume > 2 * known(ta.sma(volume.cast(pl.Float64), timeperiod=20)))
        & (known(ta.macd(close, 12, 26, 9).struct.field("macdhist")) > 0)
        & (known(ta.atr(high, low, close, timeperiod=14)) / close < 0.05)
        & (known(bands.struct.field("upperband")) < close)
    )


SCANS = {"S1": golden_cross, "S2": yearly_high}
