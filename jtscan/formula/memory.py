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
_BY_AVERAGE = {1: _EMA, 3: 14.0, 4: 16.0, 6: 31.0, 7: 35.0, 8: 20.0, 13: _WILDER}
"""TA-Lib's kinds of averages that are recursive: EMA, DEMA, TEMA, KAMA, MAMA, T3, RMA."""

_PER_LENGTH = {
    "ema": _EMA, "dema": _EMA, "tema": _EMA, "t3": _EMA, "zlema": _EMA, "eri": _EMA, "efi": _EMA, "trix": 14, "cvi": 12,
    "rma": _WILDER, "atr": _WILDER, "natr": _WILDER, "rsi": _WILDER, "plus_dm": _WILDER, "minus_dm": _WILDER,
    "plus_di": 26, "minus_di": 26, "adx": 21.5, "adxr": 21.5, "dx": 26, "cmo": 26, "stochrsi": 21.5, "kama": 31,
}  # fmt: skip

_HILBERT = 365

_RULES: dict[str, Callable[[Parameters], float]] = {
    **{name: lambda p, by=by: by * p["timeperiod"] for name, by in _PER_LENGTH.items()},  # type: ignore[misc]
    "macd": lambda p: _EMA * max(p["fastperiod"], p["slowperiod"]) + 10 / 3 * p["signalperiod"],
    "macdfix": lambda p: _EMA * 26 + 10 / 3 * p["signalperiod"],
    "macdext": lambda p: (
        max(_average(p["fastmatype"], p["fastperiod"]), _average(p["slowmatype"], p["slowperiod"]))
        + _average(p["signalmatype"], p["signalperiod"])
    ),
    **dict.fromkeys(("apo", "ppo", "pvo"), lambda p: _average(p["matype"], max(p["fastperiod"], p["slowperiod"]))),
    **dict.fromkeys(("ma", "bbands"), lambda p: _average(p["matype"], p["timeperiod"])),
    "mavp": lambda p: _average(p["matype"], p["maxperiod"]),
    "stoch": lambda p: _average(p["slowk_matype"], p["slowk_period"]) + _average(p["slowd_matype"], p["slowd_period"]),
    "kdj": lambda p: _average(p["slowk_matype"], p["slowk_period"]) + _average(p["slowd_matype"], p["slowd_period"]),
    "stochf": lambda p: _average(p["fastd_matype"], p["fastd_period"]),
    "stochrsi": lambda p: 21.5 * p["timeperiod"] + _average(p["fastd_matype"], p["fastd_period"]),
    "adosc": lambda p: 12 * max(p["fastperiod"], p["slowperiod"]),
    "massi": lambda p: 14 * p["fastperiod"],
    "tsi": lambda p: 12 * (p["firstperiod"] + p["secondperiod"]),
    "smi": lambda p: 12 * (p["fastperiod"] + p["slowperiod"] + p["signalperiod"]),
    "rvi": lambda p: 26 * p["timeperiod"],
    "kc": lambda p: max(_EMA * p["timeperiod"], _WILDER * p["atrperiod"]),
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
    return _BY_AVERAGE.get(int(kind), 0.0) * length
