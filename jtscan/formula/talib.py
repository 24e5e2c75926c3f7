"""What polars-talib says of its functions: inputs, parameters, outputs, lookback."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
import polars_talib
from polars_talib._polars_talib import lookback as _lookback

from jtscan.formula import memory

_PRICES = ("open", "high", "low", "close", "volume")
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


@cache
def groups() -> dict[str, list[str]]:
    """Return the names of all functions by TA-Lib's groups."""
    return dict(_library.get_function_groups())


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


def defaults(name: str, **given: Any) -> dict[str, float]:
    """Fill in a function's own defaults."""
    return {parameter: given.get(parameter, value) for parameter, value in signature(name).parameters}


@dataclass(frozen=True, slots=True)
class TalibCall:
    """One output of a TA-Lib function with its parameters: what the node of an indicator holds."""

    name: str
    output: str | None
    options: tuple[tuple[str, float], ...]

    def expression(self, inputs: Sequence[pl.Expr]) -> pl.Expr:
        """Write it as a Polars expression."""
        return expression(self.name, inputs, dict(self.options), self.output)

    @property
    def shown(self) -> list[str]:
        """Its parameters, for people."""
        return [f"{value:g}" for _, value in self.options]

    @property
    def implied(self) -> tuple[int, ...]:
        """Which inputs are price fields that nobody writes."""
        inputs = signature(self.name).inputs
        return (
            tuple(position for position, name in enumerate(inputs) if name in _PRICES)
            if self.name != "stochrsi"
            else ()
        )

    @property
    def lookback(self) -> int:
        """How many bars of a run come before the first known value."""
        return lookback(self.name, dict(self.options))

    @property
    def forgets(self) -> int | None:
        """How many bars after the lookback it takes to forget where it started; None = it never does."""
        return memory.forgets(self.name, dict(self.options))

    @property
    def moved_by(self) -> str | None:
        """What must move on a bar for it to count among those: see ``memory.MOVED_BY``."""
        return memory.MOVED_BY.get(self.name)
