"""The formula language: text → tree → graph → stages.

Knows no symbols, no files and no batches. The flow of one formula::

    source.parse        text → checked syntax tree, within the limits
    compiler            tree → graph; names, kinds, calls (calls.py) against the table of functions (table/)
    planning            graph → passes of steps (stages.py, ops.py), and the warm-up (warmup.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jtscan.domain.dates import Timeframe
from jtscan.domain.formulas import AnyFormula, FormulaLike, PolarsFormula, as_formula, check_parameters
from jtscan.errors import FormulaError
from jtscan.formula.compiler import compile_text
from jtscan.formula.description import FormulaDescription
from jtscan.formula.explain import Explanation, explain
from jtscan.formula.expressions import calls_python, plan_expressions
from jtscan.formula.library import Library, library
from jtscan.formula.own import OwnFunction, function, registered
from jtscan.formula.plan import Plan
from jtscan.formula.planning import make_plan
from jtscan.formula.reference import FunctionTable, function_table
from jtscan.formula.rows import Function
from jtscan.formula.script import Script
from jtscan.formula.series import SeriesPlan, choose

__all__ = [
    "Explanation", "FormulaDescription", "Function", "FunctionTable", "Library", "OwnFunction", "Plan",
    "SeriesPlan", "calls_python", "compile_formula", "compile_series", "describe", "explain", "function",
    "function_table", "library", "registered",
]  # fmt: skip


def compile_formula(  # noqa: PLR0913 - what a job says of its formula
    formula: AnyFormula,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, float] | None = None,
    *,
    first: bool = False,
    members: bool = False,
    timeframe: Timeframe | None = None,
    functions: Sequence[Function] = (),
) -> Plan:
    """Make the plan of a formula.

    ``columns`` are the columns of the price files: name to "number", or to
    what else it is. ``first`` keeps the first bar of each run of a signal;
    where only ``members`` match, a run begins no earlier than the membership.
    ``timeframe`` is that of the bars, ``functions`` those of a user.

    Raises
    ------
    FormulaError, RequestError
        The formula cannot be understood, or not with these columns and parameters.
    """
    if isinstance(formula, PolarsFormula):
        _refuse_options(parameters, first=first)
        return plan_expressions(formula, columns)
    script = compile_text(
        formula, columns, check_parameters(parameters or {}), timeframe=timeframe, functions=functions
    )
    return make_plan(script.graph, _signals(script, first=first, members=members), script.columns)


def compile_series(  # noqa: PLR0913 - what a job says of its formula
    formula: AnyFormula,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, float] | None = None,
    *,
    first: bool = False,
    members: bool = False,
    timeframe: Timeframe | None = None,
    functions: Sequence[Function] = (),
) -> SeriesPlan:
    """Make the plan of a formula with the series that are worth seeing, and otherwise as ``compile_formula`` does.

    They are parts of the formula, so the plan needs no more history: what
    both plans give has the same bits. Polars expressions have no parts.
    """
    if isinstance(formula, PolarsFormula):
        return SeriesPlan(plan=plan_expressions(formula, columns))
    script = compile_text(
        formula, columns, check_parameters(parameters or {}), timeframe=timeframe, functions=functions
    )
    chosen = choose(script)
    series = {each.column: node for node, each in chosen.series.items()}
    plan = make_plan(script.graph, _signals(script, first=first, members=members), {**script.columns, **series})
    return SeriesPlan(plan=plan, series=tuple(chosen.series.values()), left_out=chosen.left_out)


def _signals(script: Script, *, first: bool, members: bool) -> Mapping[str, int]:
    """The signals as they are asked for: on every bar, or on the first of each run."""
    if not first:
        return script.signals
    graph = script.graph
    runs = {name: graph.of_members(node) if members else node for name, node in script.signals.items()}
    return {name: graph.first_of_run(node) for name, node in runs.items()}


def _refuse_options(parameters: Mapping[str, float] | None, *, first: bool) -> None:
    if parameters:
        raise FormulaError(
            "a formula of Polars expressions has no parameters", hint="put the numbers into the expressions"
        )
    if first:
        raise FormulaError("first=True needs a formula in text", hint="write it into the expression: c & ~c.shift(1)")


def describe(
    formula: FormulaLike,
    *,
    columns: Mapping[str, str] | None = None,
    parameters: Mapping[str, float] | None = None,
    lookback: int | None = None,
    timeframe: Timeframe | None = None,
    functions: Sequence[Function] = (),
) -> FormulaDescription:
    """Tell what a formula gives and needs, without data.

    Parameters
    ----------
    formula
        Text in the formula language, a Polars expression, or a dict of those by signal.
    columns
        Columns of the price files and what they are; None: not known, then
        an unknown name may be a column.
    parameters
        Values of the formula's parameters.
    lookback
        How many earlier bars the Polars expressions look at.
    timeframe
        The length of a bar.
    functions
        Functions of your own.

    Raises
    ------
    FormulaError, RequestError
        The formula cannot be understood, or not with these parameters.

    Examples
    --------
    >>> print(describe("fast = param(5, 2, 50)" + chr(10) + "buy = close > sma(close, fast)"))
    signals       buy
    columns       none
    parameters    fast = 5 (2 to 50)
    columns read  close
    warm-up       4 bars before the range
    """
    value = as_formula(formula, lookback=lookback)
    if isinstance(value, PolarsFormula):
        plan = plan_expressions(value, columns)
        return FormulaDescription(signals=tuple(plan.signals), reads=plan.reads, warmup=plan.warmup)
    script = compile_text(value, columns, check_parameters(parameters or {}), timeframe=timeframe, functions=functions)
    plan = make_plan(script.graph, script.signals, script.columns)
    return FormulaDescription(
        references=plan.references,
        compares=plan.compares,
        repaints=plan.repaints,
        notes=plan.notes,
        signals=tuple(plan.signals),
        columns=tuple(plan.columns),
        parameters=tuple(script.parameters.values()),
        reads=(*plan.reads, *plan.texts),
        unresolved=tuple(script.unresolved),
        warmup=plan.history,
        open_lengths=script.open_lengths,
    )
