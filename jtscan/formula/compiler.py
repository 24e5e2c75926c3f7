"""Checked tree → graph: statements, one after the other.

compile_text    text → Script: signals, columns, parameters      (here)
Expressions     one expression → a value of some kind      (tree.py)
Names           what a name stands for      (names.py)
call            a call against its row of the table      (calls.py, table/)
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from jtscan.domain.dates import Timeframe
from jtscan.domain.formulas import Formula
from jtscan.errors import FormulaError
from jtscan.formula import fields, refusals
from jtscan.formula.graph import Graph
from jtscan.formula.names import SIGNALS, Names
from jtscan.formula.parameters import Parameter, declare
from jtscan.formula.rows import Function
from jtscan.formula.script import Script
from jtscan.formula.source import STATEMENT_HINT, parse
from jtscan.formula.table import with_own
from jtscan.formula.tree import Expressions, compare_it
from jtscan.formula.values import Kind, Value


def compile_text(
    formula: Formula,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, float],
    *,
    timeframe: Timeframe | None = None,
    functions: Sequence[Function] = (),
) -> Script:
    """Compile a formula's text.

    ``columns`` are the columns of the price files (name to "number" or what
    else it is); None compiles without data and lists what is left open.
    ``timeframe`` is that of the bars, ``functions`` those of a user.

    Raises
    ------
    FormulaError
        For anything that FORMULA refuses; it shows the places.
    """
    source, statements = parse(formula.text)
    script = Script(graph=Graph(timeframe=timeframe))
    names = Names(source, script, columns, {**formula.parameters, **parameters}, with_own(functions))
    try:
        return _Statements(names).run(statements)
    except FormulaError as error:
        raise names.mistakes.together(error) from None


class _Statements:
    """Reads the statements of a script in order."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.expressions = Expressions(names)
        self.source = names.source
        self.script = names.script
        self.graph = names.graph

    def run(self, statements: list[ast.stmt]) -> Script:
        """Compile all of them."""
        self.names.mistakes.each(statements, lambda each: self._named(each, last=each is statements[-1]))
        if not self.script.signals:
            meant = [name for name in self.names.own if name.lower() in SIGNALS]
            hint = f"names are lower case: write {meant[0].lower()!r}" if meant else None
            self.source.fail(
                statements[-1],
                "the formula has no signal",
                hint=hint or "end with a condition, or assign to buy or sell",
            )
        self._check_given()
        return self.script

    def _named(self, statement: ast.stmt, *, last: bool) -> None:
        """Compile a statement; the names that it fails to assign stay known as such."""
        try:
            self._statement(statement, last=last)
        except FormulaError as error:
            for each in ast.walk(statement):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id not in self.names.own:
                    self.names.mistakes.names.setdefault(each.id, error)
            raise

    def _statement(self, statement: ast.stmt, *, last: bool) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name() as target], value=value):
                self._assign(target, value)
            case ast.Expr(value=ast.Call(func=ast.Name(id="signal")) as call):
                self._named_signal(call)
            case ast.Expr(value=value) if last:
                self._signal("match", value, value)
            case ast.Expr(value=value):
                self.expressions.refuse_directive(value)
                self.source.fail(
                    value, "only the last line may be a bare expression", hint="give it a name, such as buy = …"
                )
            case ast.Assign(targets=targets):
                self.source.fail(
                    targets[0], "an assignment has one name on its left", hint="write one line for each name"
                )
            case ast.AugAssign() | ast.AnnAssign():
                self.source.fail(statement, "only plain assignments are allowed", hint="write name = expression")
            case _:
                self.source.fail(
                    statement,
                    "statements are not allowed",
                    hint=refusals.STATEMENTS.get(type(statement), STATEMENT_HINT),
                )

    def _assign(self, target: ast.Name, value: ast.expr) -> None:
        name = target.id
        self._check_target(target)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "param":
            if name in SIGNALS:
                self.source.fail(
                    target, f"{name!r} is a signal, not a parameter", hint="give the parameter another name"
                )
            parameter = declare(self.source, name, value)
            number = self._override(parameter, value)
            self.script.parameters[name] = parameter.with_value(number)
            self.names.own[name] = Value(kind=Kind.NUMBER, place=value, number=number)
        elif name in SIGNALS:
            self._signal(name, value, target)
            self.names.own[name] = Value(kind=Kind.CONDITION, place=target, node=self.script.signals[name])
        else:
            made = self.names.own[name] = self.expressions.expression(value)
            if made.node >= 0:
                self.script.names.setdefault(name, made.node)
            if not name.startswith("_"):
                self._column(name, self.names.own[name], value)

    def _check_target(self, target: ast.Name) -> None:
        name = target.id
        if name in self.names.own or name in self.script.signals:
            self.source.fail(target, f"{name!r} is assigned twice", hint="give the second one another name")
        if name in {*fields.ALL, *fields.RESERVED, "param", "signal"}:
            what = "a field" if name in fields.ALL else "a reserved word"
            self.source.fail(
                target, f"{name!r} is {what} and cannot be assigned", hint=f"take another name, such as my_{name}"
            )

    def _column(self, name: str, value: Value, place: ast.expr) -> None:
        if value.call is not None:
            self.expressions.refuse_outputs(value, place, more=f"; under a private name, _{name}, you keep them all")
        if value.kind in {Kind.SERIES, Kind.CONDITION} and self.graph[value.node].op != "truth":
            self.script.columns[name] = value.node
        elif value.kind in {Kind.TEXT, Kind.LITERAL}:
            self.source.fail(
                place, f"{name!r} would be a column of text", hint=f"name it _{name}, or compare it with =="
            )

    def _named_signal(self, call: ast.Call) -> None:
        match call:
            case ast.Call(args=[ast.Constant(value=str(name)), condition], keywords=[]) if name.strip():
                if name in self.script.signals:
                    self.source.fail(call.args[0], f"the signal {name!r} is there twice")
                self._signal(name, condition, call.args[0])
            case _:
                self.source.fail(
                    call, "signal takes a name and a condition", hint='usage: signal("breakout", condition)'
                )

    def _signal(self, name: str, value: ast.expr, place: ast.expr) -> None:
        if name in self.script.signals:
            self.source.fail(
                place, f"the signal {name!r} is there twice", hint="a bare last line is the signal 'match'"
            )
        made = self.expressions.expression(value)
        if made.kind is not Kind.CONDITION:
            self.expressions.refuse_outputs(made, value)
            self.source.fail(value, f"a signal must be a condition, this is {made.kind}", hint=compare_it(made))
        self.script.signals[name] = made.node

    def _override(self, parameter: Parameter, place: ast.expr) -> float:
        if parameter.name not in self.names.given:
            return parameter.default
        number = self.names.given[parameter.name]
        if problem := parameter.refuses(number):
            self.source.fail(place, problem)
        self.script.used[parameter.name] = number
        return number

    def _check_given(self) -> None:
        """Each parameter given must be declared or used; none may hide a column."""
        for name in self.names.given:
            hidden = name in fields.LETTERS and name not in self.names.own
            if hidden or name in fields.ALL or name in (self.names.available or {}):
                raise FormulaError(f"the parameter {name!r} is also a column", hint="give the parameter another name")
            if name not in self.script.used:
                there = sorted({*self.script.parameters, *self.script.used, *self.script.unresolved})
                has = f"the formula has: {', '.join(there)}" if there else "the formula has no parameters"
                raise FormulaError(f"unknown parameter {name!r}", text=self.source.text, hint=has)
