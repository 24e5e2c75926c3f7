"""What a user gives as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, cast

import polars as pl

from jtscan.errors import FormulaError, RequestError

MAX_NUMBER = 1e15
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Formula:
    """A formula in the language of jtscan: its text, a name, values of its parameters.

    >>> Formula(text="close > sma(close, n)", parameters={"n": 20}).parameters
    {'n': 20}
    """

    text: str
    name: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise RequestError(
                "formula", f"{type(self.text).__name__} is not a formula; write text or Polars expressions"
            )
        if not self.text.strip():
            raise FormulaError("the formula is empty", hint="write a condition, such as close > sma(close, 20)")
        object.__setattr__(self, "parameters", check_parameters(self.parameters))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.formula_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.formula_html(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PolarsFormula:
    """A formula given as Polars expressions, one boolean expression per signal.

    ``signals`` maps the name of each signal to its expression, ``name`` is the
    formula's own. Each is evaluated on one symbol's bars alone; null means unknown.
    ``lookback`` is how many earlier bars the expressions look at, all
    together; jtscan cannot see into them, nor see whether they look ahead.
    """

    signals: Mapping[str, pl.Expr]
    lookback: int
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.signals:
            raise RequestError("formula", "the dict of expressions is empty")
        for signal, expression in self.signals.items():
            if not isinstance(signal, str) or not signal:
                raise RequestError("formula", f"{signal!r} is not a signal's name")
            if not isinstance(expression, pl.Expr):
                raise RequestError(
                    "formula", f"signal {signal!r} is {type(expression).__name__}, not a Polars expression"
                )
        if not isinstance(self.lookback, int) or isinstance(self.lookback, bool) or self.lookback < 0:
            raise RequestError("lookback", f"{self.lookback!r} is not a number of bars")

    def __str__(self) -> str:
        return "\n".join(f"{signal}: {expression}" for signal, expression in self.signals.items())

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.formula_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.formula_html(self)


AnyFormula = Formula | PolarsFormula
FormulaLike = str | pl.Expr | Mapping[str, pl.Expr] | AnyFormula


def as_formula(formula: FormulaLike, *, lookback: int | None = None) -> AnyFormula:
    """Make the value from what a user passes: text, an expression, or a dict of them."""
    if isinstance(formula, Formula | PolarsFormula):
        return formula
    if isinstance(formula, pl.Expr | Mapping):
        signals = {"match": formula} if isinstance(formula, pl.Expr) else formula
        if lookback is None:
            raise RequestError(
                "lookback", "a formula of Polars expressions needs lookback=, the earlier bars that it looks at"
            )
        return PolarsFormula(signals=signals, lookback=lookback)
    if lookback is not None:
        raise RequestError("lookback", "is only for Polars expressions; a formula in text knows its own")
    return Formula(text=formula)


def check_parameters(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Accept a mapping of names to finite numbers."""
    if not isinstance(parameters, Mapping):
        raise RequestError("parameters", f"{parameters!r} is not a dict of names and numbers")
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise RequestError("parameters", f"the name {name!r} is not text")
        if isinstance(value, bool) or not isinstance(value, Real) or not abs(cast("float", value)) < MAX_NUMBER:
            quoted = isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None
            cure = "; write a number without quotes" if quoted else ""
            raise RequestError("parameters", f"{name} = {value!r} is not a finite number below 1e15{cure}")
    return {name: int(value) if isinstance(value, Integral) else float(value) for name, value in parameters.items()}
