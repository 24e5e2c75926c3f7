"""How long TA-Lib's recursive functions remember where they started (FORMULA 4).

A recursion has forgotten its start when the weight of its seed is below 1e-9;
that many bars after its lookback, a longer history changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

Parameters = Mapping[str, float]

NEVER = frozenset({
    "ad", "cumsum", "nvi", "obv", "pvi", "pvt", "wad", "vwap", "maxindex", "minindex", "minmaxindex", "sar", "sarext",
    "supertrend",
})  # fmt: skip

# Bars per bar of the length: 9.5 for exponential averages, 19.5 for Wilder's; more where they are chained.
_EMA, _WILDER = 9.5, 19.5
_BY_AVERAGE = {1: 11.0, 3: 14.0, 4: 16.0, 8: 20.0, 12: 12.0, 13: 22.0}
"""TA-Lib's kinds of averages that are recursive: EMA, DEMA, TEMA, T3, ZLEMA, RMA."""
_KAMA = math.ceil(math.log(1e9) / -math.log1p(-((2 / 31) ** 2)))
"""Where the price goes nowhere, KAMA moves by (2 / 31)² of what is left on each bar, whatever its length."""
_HILBERT = 420
_MAMA = _HILBERT + math.ceil(21 / 0.05)
_WHATEVER_THE_LENGTH = {6: _KAMA, 7: _MAMA}
_AROUND_ZERO = 1.4
"""Differences of averages are small beside what is forgotten."""

_PER_LENGTH = {
    "ema": _EMA, "dema": 11.5, "tema": 11.5, "t3": 10.5, "zlema": 11, "eri": 14, "efi": 17, "trix": 17, "cvi": 14,
    "rma": _WILDER, "atr": _WILDER, "natr": 21, "rsi": _WILDER, "plus_dm": 24, "minus_dm": 24, "plus_di": 26,
    "minus_di": 26, "adx": 21.5, "adxr": 24, "dx": 30, "cmo": 30,
}  # fmt: skip

_RULES: dict[str, Callable[[Parameters], float]] = {
    **{name: lambda p, by=by: by * p["timeperiod"] for name, by in _PER_LENGTH.items()},  # type: ignore[misc]
    "kama": lambda _: _KAMA,
    "macd": lambda p: _macd(max(p["fastperiod"], p["slowperiod"]), p["signalperiod"]),
    "macdfix": lambda p: 14 * 26 + 4 * p["signalperiod"],
    "macdext": lambda p: (
        _AROUND_ZERO * max(_average(p["fastmatype"], p["fastperiod"]), _average(p["slowmatype"], p["slowperiod"]))
        + _average(p["signalmatype"], p["signalperiod"])
    ),
    **dict.fromkeys(
        ("apo", "ppo", "pvo"), lambda p: _AROUND_ZERO * _average(p["matype"], max(p["fastperiod"], p["slowperiod"]))
    ),
    **dict.fromkeys(("ma", "bbands"), lambda p: _average(p["matype"], p["timeperiod"])),
    "mavp": lambda p: _average(p["matype"], p["maxperiod"]),
    "stoch": lambda p: _average(p["slowk_matype"], p["slowk_period"]) + _average(p["slowd_matype"], p["slowd_period"]),
    "kdj": lambda p: _average(p["slowk_matype"], p["slowk_period"]) + _average(p["slowd_matype"], p["slowd_period"]),
    "stochf": lambda p: _average(p["fastd_matype"], p["fastd_period"]),
    "stochrsi": lambda p: 32 * p["timeperiod"] + _average(p["fastd_matype"], p["fastd_period"]),
    "adosc": lambda p: 15 * max(p["fastperiod"], p["slowperiod"]),
    "massi": lambda p: 14 * p["fastperiod"],
    "tsi": lambda p: _chained(p["firstperiod"], p["secondperiod"]),
    "smi": lambda p: _chained(p["fastperiod"], p["slowperiod"], p["signalperiod"]),
    "rvi": lambda p: 26 * p["timeperiod"],
    "kc": lambda p: max(10.5 * p["timeperiod"], 20.5 * p["atrperiod"]),
    "ha": lambda _: 40,
    "mama": lambda p: _HILBERT + 21 / min(p["fastlimit"], p["slowlimit"]),
    **dict.fromkeys(
        ("ht_dcperiod", "ht_dcphase", "ht_phasor", "ht_sine", "ht_trendline", "ht_trendmode"), lambda _: _HILBERT
    ),
}

MOVED_BY = {
    "rsi": "change", "cmo": "change", "stochrsi": "change", "tsi": "change", "rvi": "change", "adx": "direction",
    "adxr": "direction", "dx": "direction", "plus_di": "direction", "minus_di": "direction", "cvi": "range",
    "massi": "range", "smi": "range",
}  # fmt: skip
"""Ratios of recursive sums forget nothing on bars on which this does not move."""


def forgets(name: str, parameters: Parameters) -> int | None:
    """How many bars after its lookback a function needs to forget where it started; None = it never does."""
    if name in NEVER:
        return None
    rule = _RULES.get(name)
    return math.ceil(rule(parameters)) if rule else 0


def _average(kind: float, length: float) -> float:
    return _WHATEVER_THE_LENGTH.get(int(kind), _BY_AVERAGE.get(int(kind), 0.0) * length)


def _macd(slow: float, signal: float) -> float:
    return _EMA * max(slow, signal) + 10 / 3 * min(slow, signal)


def _chained(*lengths: float) -> float:
    """Exponential averages of exponential averages: the longest decides, equal ones take a little more."""
    return 15 * max(lengths) + 5 * (sum(lengths) - max(lengths))
