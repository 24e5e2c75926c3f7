"""Words of other dialects, and what they are called here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FUNCTIONS = {
    "hhv": "highest", "llv": "lowest", "ma": "sma", "mov": "sma", "average": "sma", "avg": "sma", "movavg": "sma",
    "xaverage": "ema", "expma": "ema", "eavg": "ema", "wilders": "rma", "bollinger": "bb", "bbands": "bb",
    "bbandtop": "bb", "bbandbot": "bb", "bbupper": "bb", "bblower": "bb", "cross": "cross_above", "crossup": "cross_above",
    "crossdown": "cross_below", "crossesabove": "cross_above", "crossesbelow": "cross_below", "barslast": "barssince",
    "iff": "a if condition else b", "if": "a if condition else b", "iif": "a if condition else b", "stddev": "stdev",
    "std": "stdev", "stoch_k": "stoch", "stochk": "stoch", "stochd": "stoch", "exist": "within", "any": "within",
    "all": "every", "pow": "a ** b", "mod": "a % b", "fillna": "nz", "isnull": "isna", "rolling_max": "highest",
    "rolling_min": "lowest", "shift": "x[n]", "delay": "x[n]", "lag": "x[n]", "mean": "sma", "rolling_mean": "sma",
    "where": "a if condition else b", "crossesover": "cross_above", "crossesunder": "cross_below",
}  # fmt: skip

NAMES = {"true": "True", "false": "False", "na": "isna(x)", "nan": "isna(x)", "none": "isna(x)", "vol": "volume",
         "price": "close", "timestamp": "date", "datetime": "date", "time": "hour", "ticker": "symbol", "code": "symbol",
         "종가": "close", "시가": "open", "고가": "high", "저가": "low", "거래량": "volume"}  # fmt: skip

MODULES = {"ta", "talib", "math", "np", "numpy", "pl", "polars", "pd", "pandas", "jt", "jtscan"}


def suggest(name: str, known: Iterable[str], words: dict[str, str]) -> str | None:
    """Say what a name was meant to be: the same word of another dialect, or the nearest one."""
    if name.lower() in words:
        return f"write {words[name.lower()]!r}"
    candidates = list(known)
    if name.lower() in candidates:
        return f"did you mean {name.lower()!r}?"
    near = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else None
