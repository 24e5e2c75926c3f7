"""A formula given as Polars expressions, as a plan of one step."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from jtscan.domain.formulas import PolarsFormula
from jtscan.errors import RequestError
from jtscan.formula.plan import Indicator, Pass, Plan, SymbolStep

_PYTHON = b"PLPYFN"
"""How Polars marks a function of Python in an expression that it writes."""

ALWAYS = {"symbol": pl.String(), "timestamp": pl.Date()}


def plan_expressions(formula: PolarsFormula, columns: Mapping[str, str] | None) -> Plan:
    """Make the plan of a formula of Polars expressions, checked against the columns there are."""
    names = {name: f"#s{position}" for position, name in enumerate(formula.signals)}
    reads = _reads(formula, columns)
    _check_kinds(formula, reads)
    indicators = tuple(
        Indicator(column=names[name], expression=expression.alias(names[name]), lookback=0, label=f"signal {name!r}")
        for name, expression in formula.signals.items()
    )
    step = SymbolStep(inputs=("symbol", "timestamp", *reads), indicators=indicators, whole=True, foreign=True)
    return Plan(
        signals=names,
        columns={},
        passes=(Pass(steps=(step,), reads=reads, warmup=formula.lookback),),
        lookback=formula.lookback,
        unseen=True,
    )


def _reads(formula: PolarsFormula, columns: Mapping[str, str] | None) -> tuple[str, ...]:
    roots = dict.fromkeys(root for expression in formula.signals.values() for root in expression.meta.root_names())
    reads = tuple(name for name in roots if name not in ALWAYS)
    for name in reads:
        if columns is not None and columns.get(name) != "number":
            there = ", ".join(sorted(each for each, kind in columns.items() if kind == "number"))
            raise RequestError("formula", f"the price files have no column {name!r} of numbers; they have: {there}")
    return reads


def _check_kinds(formula: PolarsFormula, reads: tuple[str, ...]) -> None:
    """Ask Polars what each expression gives, on a frame without rows."""
    empty = pl.DataFrame(schema={**ALWAYS, **dict.fromkeys(reads, pl.Float64())})
    for name, expression in formula.signals.items():
        try:
            kind = empty.lazy().select(expression.alias("signal")).collect_schema()["signal"]
        except pl.exceptions.PolarsError as error:
            raise RequestError("formula", f"signal {name!r} cannot be evaluated: {error}") from None
        if kind != pl.Boolean:
            raise RequestError("formula", f"signal {name!r} gives {kind}, not a condition (Boolean)")
        if _gives_one_value(empty, expression):
            raise RequestError("formula", f"signal {name!r} gives one value for all bars; it must give one for each")


def _gives_one_value(empty: pl.DataFrame, expression: pl.Expr) -> bool:
    """Try an expression on bars without values; one that cannot do that is left to the scan."""
    try:
        return empty.clear(3).select(expression).height == 1
    except Exception:  # noqa: BLE001 - map_batches runs a user's own code, which may raise anything
        return False


def calls_python(written: bytes) -> bool:
    """Whether an expression, as Polars writes it, calls a function of Python."""
    return _PYTHON in written
