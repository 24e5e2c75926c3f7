"""Every TA-Lib function as a row, read from polars-talib's own metadata."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from jtscan.formula import talib
from jtscan.formula.fields import AVERAGES, PRICES
from jtscan.formula.graph import Graph
from jtscan.formula.rows import Arg, Build, Function, Refusal, Want, length, number, series

_WHOLE = re.compile(r"period|matype|bars$")
_MOST_KINDS = 20
_SERIES_ALL_THE_SAME = {"stochrsi": ("close",)}
"""Inputs that are named like a field although any series will do."""

OutputBuilder = Callable[[str | None], Build]


def rows(taken: Collection[str]) -> list[Function]:
    """Return all of them as ``ta_name``, and under their own names where the language has no such word."""
    return [_row(name, group, taken) for group, names in sorted(talib.groups().items()) for name in names]


def _row(name: str, group: str, taken: Collection[str]) -> Function:
    arguments = [_argument(name, ours, theirs) for ours, theirs in _parameters(name).items()]
    outputs = talib.signature(name).outputs
    build = builder(name, _parameters(name))
    return Function(
        name=name if name not in taken else f"ta_{name}",
        aliases=() if name in taken else (f"ta_{name}",),
        doc=_doc(name, group),
        source=f"TA-Lib {name.upper()}",
        group=f"TA-Lib: {group.lower()}",
        args=(*(series(each, natural) for each, natural in _inputs(name)), *arguments),
        outputs=_DIVIDED.get(name) or {output: build(output) for output in outputs} or {"": build(None)},
    )


_DIVIDED = {"typprice": {"": AVERAGES["hlc3"]}}
"""polars-talib multiplies by a third, which is off by one unit in the last place; TA-Lib itself divides."""


def _doc(name: str, group: str) -> str:
    if group == "Pattern Recognition":
        return f"candle pattern {name[3:]}: above 0 bullish, below 0 bearish, 0 none; mostly 100, some 80 or 200"
    return DOCS[name]


def _inputs(name: str) -> list[tuple[str, str | None]]:
    """Which series it takes, and the natural field of a single one; price fields are not asked for."""
    asked = [each for each in talib.signature(name).inputs if not _is_field(name, each)]
    return [("x", "close")] if len(asked) == 1 else [(each, None) for each in asked]


def _is_field(name: str, given: str) -> bool:
    return given in PRICES and given not in _SERIES_ALL_THE_SAME.get(name, ())


def _parameters(name: str) -> dict[str, str]:
    """Our argument to TA-Lib's parameter: ``n`` is the length."""
    return {("n" if each == "timeperiod" else each): each for each, _ in talib.signature(name).parameters}


def _argument(name: str, ours: str, theirs: str) -> Arg:
    default = talib.defaults(name)[theirs]
    if not _WHOLE.search(theirs):
        refused_below = talib.lookback(name, talib.defaults(name, **{theirs: -1.0})) < 0
        return number(ours, float(default), 0 if refused_below else None)
    least = least_length(name, theirs)
    if "matype" in theirs:
        return Arg(name=ours, want=Want.WHOLE, default=int(default), least=least, most=_most_kind(name, theirs))
    return length(ours, int(default), least)


@cache
def least_length(name: str, parameter: str) -> int:
    """Find the least whole number that TA-Lib takes."""
    return next(n for n in range(5) if talib.lookback(name, talib.defaults(name, **{parameter: n})) >= 0)


@cache
def _most_kind(name: str, parameter: str) -> int:
    there = range(_MOST_KINDS)
    return max(n for n in there if talib.lookback(name, talib.defaults(name, **{parameter: n})) >= 0)


def builder(name: str, options: Mapping[str, str], preset: Mapping[str, float] | None = None) -> OutputBuilder:
    """Make what builds an output: ``options`` map our arguments to TA-Lib's parameters."""

    def output(field_name: str | None) -> Build:
        def build(graph: Graph, **arguments: Any) -> int:
            given = {**(preset or {}), **{theirs: arguments[ours] for ours, theirs in options.items()}}
            return call(graph, name, field_name, arguments, given)

        return build

    return output


def call(graph: Graph, name: str, output: str | None, inputs: Mapping[str, int], given: Mapping[str, float]) -> int:
    """Add the node of an indicator; price fields are found by themselves.

    Raises
    ------
    Refusal
        TA-Lib does not take these parameters.
    """
    parameters = talib.defaults(name, **given)
    if talib.lookback(name, parameters) < 0:
        shown = ", ".join(f"{each} = {number:g}" for each, number in parameters.items())
        raise Refusal(f"TA-Lib refuses these parameters: {shown}")
    asked = [each for each in talib.signature(name).inputs if not _is_field(name, each)]
    nodes = [
        graph.add("field", params=(each,)) if _is_field(name, each) else inputs["x" if len(asked) == 1 else each]
        for each in talib.signature(name).inputs
    ]
    return graph.add("indicator", *nodes, params=(talib.TalibCall(name, output, tuple(parameters.items())),))


DOCS = {
    "ac": "accelerator oscillator: awesome oscillator less its average",
    "accbands": "acceleration bands: averages of high and low, each widened by the range", "acos": "arc cosine",
    "asin": "arc sine", "atan": "arc tangent", "cos": "cosine", "cosh": "hyperbolic cosine", "sin": "sine",
    "sinh": "hyperbolic sine", "tan": "tangent", "tanh": "hyperbolic tangent",
    "ceil": "smallest whole number not below x", "floor": "largest whole number not above x",
    "exp": "e to the power of x", "ln": "natural logarithm", "log10": "logarithm to base 10", "sqrt": "square root",
    "ad": "Chaikin's accumulation/distribution line, from the first bar",
    "adosc": "Chaikin oscillator: fast less slow average of the accumulation/distribution line",
    "add": "sum of two series", "sub": "difference of two series", "mult": "product of two series",
    "div": "quotient of two series", "adr": "average daily range: mean of high less low over n bars",
    "adx": "average directional index, 0 to 100", "adxr": "mean of ADX now and n - 1 bars ago",
    "ao": "awesome oscillator: fast less slow average of the middle price",
    "apo": "absolute price oscillator: fast less slow average",
    "aroon": "how recent the lowest low and the highest high of n bars are, 0 to 100",
    "aroonosc": "aroonup less aroondown, -100 to 100", "atr": "average true range, in units of price",
    "avgdev": "mean absolute deviation from the mean of n bars", "avgprice": "mean of open, high, low, close",
    "bbands": "Bollinger bands", "beta": 'slope of the changes of price1 against those of price0: beta(ref("KOSPI200", close), close, 60)',
    "bop": "balance of power: (close - open) / (high - low)", "cci": "commodity channel index",
    "cmf": "Chaikin money flow, -1 to 1", "cmo": "Chande momentum oscillator, -100 to 100",
    "cmou": "Chande momentum oscillator from plain sums, -100 to 100",
    "coppock": "Coppock curve: weighted average of the sum of two changes",
    "correl": "Pearson's correlation of n bars, -1 to 1", "cumsum": "sum since the first bar",
    "cvi": "Chaikin volatility: change of the range's EMA, per cent", "dema": "double exponential average",
    "donchian": "highest high, lowest low and their mean",
    "dpo": "detrended: x n / 2 + 1 bars ago less the average now", "dx": "directional movement index, 0 to 100",
    "efi": "Elder's force index: EMA of change times volume", "ema": "exponential average, factor 2/(n+1)",
    "er": "Kaufman's efficiency ratio, 0 to 1", "eri": "Elder ray: high and low, less EMA(close)",
    "fosc": "x less what the n bars before forecast, per cent of x",
    "fractal": "100 at a swing high or low, otherwise 0; known rightbars later and placed there",
    "ha": "Heikin-Ashi open, high, low, close", "hma": "Hull's average", "imi": "intraday momentum index, 0 to 100",
    "ht_dcperiod": "Hilbert transform: dominant cycle, in bars", "ht_dcphase": "Hilbert transform: phase, in degrees",
    "ht_phasor": "Hilbert transform: phasor", "ht_sine": "Hilbert transform: sine of the phase and 45 degrees ahead",
    "ht_trendline": "Hilbert transform: trend line", "ht_trendmode": "Hilbert transform: 1 trend, 0 cycle",
    "kama": "Kaufman's adaptive average", "kc": "Keltner channel: EMA of the typical price ± nbdev × ATR(atrperiod)",
    "kdj": "stochastic with j = 3 k - 2 d", "linearreg": "end of the regression line over n bars",
    "linearreg_angle": "angle of the regression line, in degrees",
    "linearreg_intercept": "begin of the regression line over n bars",
    "linearreg_slope": "slope of the regression line, per bar",
    "ma": "average of a kind: 0 SMA, 1 EMA, 2 WMA, 3 DEMA, 4 TEMA, 5 TRIMA, 6 KAMA, 7 "
    "MAMA, 8 T3, 9 HMA, 10 x itself, 11 SMA, 12 ZLEMA, 13 RMA",
    "macd": "difference of two exponential averages, signal line, histogram",
    "macdext": "MACD of any kinds of averages", "macdfix": "MACD(12, 26) with fixed factors",
    "mama": "MESA adaptive average", "marketfi": "market facilitation index: (high - low) / volume",
    "massi": "mass index: sum of the range's EMA over the EMA of that", "mavp": "average whose length is a series",
    "max": "highest value of n bars", "maxindex": "index of the highest value of n bars, from the first bar",
    "medprice": "mean of high and low", "mfi": "money flow index, 0 to 100",
    "midpoint": "mean of highest and lowest value of n bars",
    "midprice": "mean of highest high and lowest low of n bars", "min": "lowest value of n bars",
    "minindex": "index of the lowest value of n bars, from the first bar",
    "minmax": "lowest and highest value of n bars", "minmaxindex": "indices of lowest and highest value of n bars",
    "minus_di": "minus directional indicator, 0 to 100", "minus_dm": "minus directional movement",
    "mom": "x less x n bars ago", "natr": "average true range, per cent of close",
    "nvi": "negative volume index, 1000 on the first bar", "obv": "on-balance volume, from the first bar",
    "percentile": "least value that so many per cent of n bars do not exceed",
    "percentrank": "per cent of the previous n values below this one",
    "plus_di": "plus directional indicator, 0 to 100", "plus_dm": "plus directional movement",
    "ppo": "fast less slow average, per cent of the slow one", "pvi": "positive volume index, 1000 on the first bar",
    "pvo": "fast less slow average of volume, per cent", "pvt": "price-volume trend, from the first bar",
    "qstick": "simple average of close less open", "rma": "Wilder's average, factor 1/n",
    "roc": "change over n bars, per cent", "rocp": "change over n bars, 0.05 = 5 %", "rocr": "x / x n bars ago",
    "rocr100": "x / x n bars ago, times 100", "rsi": "relative strength index, 0 to 100",
    "rvi": "relative volatility index, 0 to 100", "rvol": "volume against the average of the n bars before",
    "sar": "parabolic stop and reverse",
    "sarext": "parabolic stop and reverse, long and short apart; negative when short",
    "sma": "simple average of n bars", "smi": "stochastic momentum index, -100 to 100",
    "stddev": "nbdev times the standard deviation of n bars (divided by n)", "stoch": "slow stochastic, 0 to 100",
    "stochf": "fast stochastic, 0 to 100", "stochrsi": "stochastic of the RSI", "sum": "sum of n bars",
    "supertrend": "supertrend line and its direction", "t3": "Tillson's T3 average",
    "tema": "triple exponential average", "trange": "true range", "trima": "triangular average",
    "trix": "change of a triple exponential average, per cent", "tsf": "regression line one bar ahead",
    "tsi": "true strength index: smoothed changes, -100 to 100", "typprice": "mean of high, low, close",
    "ultosc": "ultimate oscillator, 0 to 100", "var": "variance of n bars (divided by n), whatever nbdev",
    "vhf": "vertical horizontal filter: range of closes over their path, 0 to 1",
    "vortex": "vortex indicator, plus and minus", "vwap": "volume-weighted average price, from the first bar",
    "vwma": "average weighted with volume", "wad": "Williams' accumulation/distribution, from the first bar",
    "wclprice": "mean of high, low and twice the close", "willr": "Williams %R, -100 to 0",
    "wma": "linearly weighted average", "zlema": "zero-lag exponential average",
}  # fmt: skip
