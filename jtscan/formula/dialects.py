"""Words of other dialects, and what they are called here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

WINDOWS = {"max": "highest", "min": "lowest"}
"""Methods of pandas that look over bars, where the function of that name compares values of one bar."""

FUNCTIONS = {
    # averages, bands, channels
    "ma": "sma", "mov": "sma", "average": "sma", "avg": "sma", "movavg": "sma", "mean": "sma", "rolling_mean": "sma",
    "xaverage": "ema", "expma": "ema", "eavg": "ema", "ewm": "ema", "wilders": "rma", "wildersmooth": "rma", "smma": "rma",
    "wavg": "wma", "hull": "hma", "bollinger": "bb", "bbandtop": "bb(x, n, k).upper", "bbandbot": "bb(x, n, k).lower", "bbupper": "bb(x, n, k).upper",
    "bblower": "bb(x, n, k).lower",
    "bbandsup": "bb(x, n, k).upper", "bbandsdown": "bb(x, n, k).lower", "keltner": "kc", "keltnerup": "kc", "keltnerdown": "kc", "envelope": "kc",
    "donchianchannel": "donchian", "ichimoku_cloud": "ichimoku",
    # windows
    "hhv": "highest", "llv": "lowest", "rolling_max": "highest", "rolling_min": "lowest", "hhvbars": "highestbars",
    "llvbars": "lowestbars", "std": "stdev", "variance": "var", "correlation": "corr", "linregslope": "slope",
    "linreg_slope": "slope", "linearregslope": "slope", "lrs": "slope", "quantile": "percentile", "cum": "cumsum",
    "cummax": "alltime_high", "cummin": "alltime_low", "highestever": "alltime_high", "ath": "alltime_high",
    # events
    "cross": "cross_above", "crossup": "cross_above", "crossdown": "cross_below", "crossesabove": "cross_above",
    "crossesbelow": "cross_below", "crossesover": "cross_above", "crossesunder": "cross_below", "barslast": "barssince",
    "exist": "within", "any": "within", "all": "every", "ever": "within", "peak": "pivothigh", "trough": "pivotlow",
    "pivot_high": "pivothigh", "pivot_low": "pivotlow", "zigzag": "pivothigh", "exrem": "first=True of the scan",
    # oscillators
    "stoch_k": "stoch", "stochk": "stoch", "stochd": "stoch", "stochastic": "stoch", "stochasticslow": "stoch",
    "stochasticsslow": "stoch", "stochasticfast": "stochf", "pdi": "plus_di", "mdi": "minus_di", "diplus": "plus_di",
    "diminus": "minus_di", "wpr": "willr", "williamsr": "willr", "momentum": "mom", "pct_change": "roc", "pctchange": "roc", "returns": "roc",
    "truerange": "tr", "true_range": "tr", "psar": "sar", "parabolicsar": "sar", "disparity": "close / sma(close, n)",
    # bar by bar
    "iff": "a if condition else b", "if": "a if condition else b", "iif": "a if condition else b",
    "where": "a if condition else b", "pow": "a ** b", "mod": "a % b", "fillna": "nz", "fixnan": "ffill", "isnull": "isna", "na": "isna",
    "input": "n = param(14, 2, 400)", "optimize": "n = param(14, 2, 400)", "parameter": "n = param(14, 2, 400)",
    "param": "n = param(14, 2, 400)", "shift": "x[n]", "delay": "x[n]", "lag": "x[n]", "predayclose": "close[1]", "preday": "close[1]",
    # other symbols and periods
    "security": 'weekly(x), or ref("KOSPI200", x) for another symbol', "foreign": "ref", "setforeign": "ref", "relstrength": "close / ref(symbol, close)",
    "timeframeset": "tf", "timeframegetprice": "tf", "resample": "weekly", "percentilerank": "rank", "cs_rank": "rank",
    "breadth": "universe_mean",
}  # fmt: skip

_DRAWN = "a public name is a column beside each match and is drawn in the chart: trend = sma(close, 20)"
_SIGNAL = 'buy = condition is a signal, and so are sell, short, cover and signal("breakout", condition)'
_NOTHING = "leave the line out: results and charts show themselves"

DIRECTIVES = {
    **dict.fromkeys(("plot", "plotcandle", "plotbar", "plotohlc", "addcolumn", "print", "printf"), _DRAWN),
    **dict.fromkeys(("plotshape", "plotshapes", "plotchar", "plotarrow", "alert", "alertcondition", "alertif", "strategy",
                     "runtime", "log"), _SIGNAL),
    **dict.fromkeys(("indicator", "study", "library", "hline", "fill", "bgcolor", "barcolor", "label", "line", "box",
                     "table", "polyline", "color", "setchartoptions", "setbarsrequired", "addtocomposite"), _NOTHING),
}  # fmt: skip
"""What other languages draw, tell and order with: by the function, or by what stands before its point."""

NAMES = {"true": "True", "false": "False", "na": "isna(x)", "nan": "isna(x)", "none": "isna(x)", "vol": "volume",
         "price": "close", "timestamp": "date", "datetime": "date", "time": "hour", "ticker": "symbol", "code": "symbol",
         "종가": "close", "시가": "open", "고가": "high", "저가": "low", "거래량": "volume"}  # fmt: skip

MODULES = {"ta", "talib", "math", "np", "numpy", "pl", "polars", "pd", "pandas", "jt", "jtscan", "request", "vbt", "str",
           "input"}  # fmt: skip


def suggest(name: str, known: Iterable[str], words: dict[str, str]) -> str | None:
    """Say what a name was meant to be: the same word of another dialect, or the nearest one."""
    if name.lower() in words:
        return f"write {words[name.lower()]!r}"
    candidates = list(known)
    if name.lower() in candidates:
        return f"did you mean {name.lower()!r}?"
    near = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else None
