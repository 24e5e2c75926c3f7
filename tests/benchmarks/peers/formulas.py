"""What is scanned, in jtscan's language; S1 and S2 are what all peers compute."""

FORMULAS = {
    "S1": "cross_above(sma(close,5), sma(close,20)) and rsi(14) > 50",
    "S2": "close >= highest(high,252)[1] and volume > 2*sma(volume,20) and macd(close,12,26,9).hist > 0 "
    "and atr(14)/close < 0.05 and bb(close,20,2).upper < close",
    "heavy": " + ".join(f"percentrank(close, {n})" for n in (50, 100, 150, 200)) + " > 380",
}
EVERY_BAR = {"start": "1900-01-01", "end": "2100-01-01"}
