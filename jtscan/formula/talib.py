"""What polars-talib says of its functions: inputs, parameters, outputs, lookback."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
import polars_talib
from polars_talib._polars_talib import lookback as _lookback

_library: Any = polars_talib  # it is only half typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One TA-Lib function: input names, parameters with their defaults, names of several outputs."""

    name: str
    inputs: tuple[str, ...]
    parameters: tuple[tuple[str, float], ...]
    outputs: tuple[str, ...]


@cache
def signature(name: str) -> Signature:
    """Read a function's signature from polars-talib itself."""
    inputs: list[str] = []
    parameters: list[tuple[str, float]] = []
    for each in inspect.signature(getattr(polars_talib, name)).parameters.values():
        if isinstance(each.default, int | float):
            parameters.append((each.name, each.default))
        else:
            inputs.append(each.name)
    outputs = _library.get_functions_output_struct().get(name, ())
    return Signature(name=name, inputs=tuple(inputs), parameters=tuple(parameters), outputs=tuple(outputs))


def names(group: str | None = None) -> list[str]:
    """Return the names of all functions, or of one of TA-Lib's groups, in rising order."""
    listed: list[str] = _library.get_functions() if group is None else _library.get_function_groups()[group]
    return sorted(listed)


def expression(name: str, inputs: Sequence[pl.Expr], parameters: Mapping[str, float], output: str | None) -> pl.Expr:
    """Write one output of an indicator as a Polars expression."""
    made: pl.Expr = getattr(polars_talib, name)(*inputs, **parameters)
    return made if output is None else made.struct.field(output)


@cache
def _known_lookback(name: str, parameters: tuple[tuple[str, float], ...]) -> int:
    return int(_lookback(name, dict(parameters) or None))


def lookback(name: str, parameters: Mapping[str, float]) -> int:
    """How many bars come before the first known value; -1 if TA-Lib refuses the parameters."""
    return _known_lookback(name, tuple(parameters.items()))


# Bars after the lookback until the seed of a recursion weighs less than 1e-9 (FORMULA 4).
_DECAYS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "ema": lambda p: 9.5 * p["timeperiod"],
    "rma": lambda p: 19.5 * p["timeperiod"],
    "atr": lambda p: 19.5 * p["timeperiod"],
    "rsi": lambda p: 19.5 * p["timeperiod"],
    "adx": lambda p: 21.5 * p["timeperiod"],
    "macd": lambda p: 9.5 * max(p["fastperiod"], p["slowperiod"]) + 10 / 3 * p["signalperiod"],
}

# Ratios of recursive sums forget nothing on bars on which this does not move.
MOVED_BY = {"rsi": "change", "adx": "direction"}


def decay(name: str, parameters: Mapping[str, float]) -> int:
    """How many bars after the lookback a recursion needs to forget where it started."""
    rule = _DECAYS.get(name)
    return math.ceil(rule(parameters)) if rule else 0


def defaults(name: str, **given: Any) -> dict[str, float]:
    """Fill in a function's own defaults."""
    return {parameter: given.get(parameter, value) for parameter, value in signature(name).parameters}
