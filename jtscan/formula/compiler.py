"""Checked tree → graph: names are looked up, kinds are checked, calls are bound.

``compile_text`` reads the statements in order. Each expression becomes a
``Value``; each function call is bound against its row of the table (calls.py).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NoReturn

from jtscan.domain.formulas import Formula
from jtscan.errors import FormulaError
from jtscan.formula import calls, dialects, fields
from jtscan.formula.functions import table
from jtscan.formula.graph import Graph
from jtscan.formula.parameters import Parameter, declare
from jtscan.formula.source import MAX_BARS, MAX_NUMBER, STATEMENT_HINT, TOO_LARGE, Source, parse
from jtscan.formula.values import Kind, Value

SIGNALS = ("buy", "sell", "short", "cover", "match")

_ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod", ast.Pow: "pow"}
_COMPARISONS = {ast.Gt: "gt", ast.GtE: "ge", ast.Lt: "lt", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne"}
_INSTEAD = {
    ast.BitAnd: "use 'and' instead of '&'",
    ast.BitOr: "use 'or' instead of '|'",
    ast.BitXor: "use '**' for powers instead of '^'",
    ast.FloorDiv: "use floor(a / b) instead of '//'",
    ast.MatMult: "'@' has no meaning here",
    ast.LShift: "'<<' has no meaning here",
    ast.RShift: "'>>' has no meaning here",
    ast.Lambda: "functions cannot be written inside a formula; give the expression a name on a line of its own",
    ast.ListComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.SetComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.DictComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.GeneratorExp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.JoinedStr: "f-strings are not allowed; write plain text in quotes",
    ast.List: "lists are only allowed after 'in', in round brackets",
    ast.Tuple: "a comma makes a tuple; write one expression, and 1000 for 1,000",
    ast.Dict: "dicts are not allowed",
    ast.Set: "sets are not allowed",
    ast.Starred: "'*' before an argument is not allowed",
    ast.NamedExpr: "use '=' on a line of its own instead of ':='",
    ast.Await: "'await' is not allowed",
    ast.Yield: "'yield' is not allowed",
    ast.YieldFrom: "'yield' is not allowed",
}

_STATEMENTS = {
    ast.If: "write the condition itself, buy = …, or a if condition else b",
    ast.For: "windows look back: count(condition, n), highest(x, n), sma(x, n)",
    ast.While: "windows look back: count(condition, n), highest(x, n), sma(x, n)",
    ast.FunctionDef: "functions cannot be written; give the expression a name on a line of its own",
    ast.Import: "every function is there without it",
    ast.ImportFrom: "every function is there without it",
    ast.Return: "leave out 'return': the last line is the signal",
}


@dataclass(slots=True, kw_only=True)
class Script:
    """A compiled text: its graph, signals, columns and parameters."""

    graph: Graph = field(default_factory=Graph)
    signals: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)
    open_lengths: bool = False


def compile_text(formula: Formula, columns: Mapping[str, str] | None, parameters: Mapping[str, float]) -> Script:
    """Compile a formula's text.

    ``columns`` are the columns of the price files (name to "number" or what
    else it is); None compiles without data and lists what is left open.

    Raises
    ------
    FormulaError
        For anything that FORMULA refuses; it shows the place.
    """
    source, statements = parse(formula.text)
    compiler = _Compiler(source, columns, {**formula.parameters, **parameters})
    return compiler.run(statements)


class _Compiler:
    """Walks the statements once; one method per kind of expression."""

    def __init__(self, source: Source, columns: Mapping[str, str] | None, given: Mapping[str, float]) -> None:
        self.source = source
        self.available = columns
        self.given = given
        self.script = Script()
        self.graph = self.script.graph
        self.names: dict[str, Value] = {}

    def run(self, statements: list[ast.stmt]) -> Script:
        for position, statement in enumerate(statements):
            self._statement(statement, last=position == len(statements) - 1)
        if not self.script.signals:
            self.source.fail(statements[-1], "the formula has no signal", hint="end with a condition, or assign to buy or sell")
        self._check_given()
        return self.script

    # --- statements

    def _statement(self, statement: ast.stmt, *, last: bool) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name() as target], value=value):
                self._assign(target, value)
            case ast.Expr(value=ast.Call(func=ast.Name(id="signal")) as call):
                self._named_signal(call)
            case ast.Expr(value=value) if last:
                self._signal("match", value, value)
            case ast.Expr(value=value):
                self.source.fail(value, "only the last line may be a bare expression", hint="give it a name: x = …")
            case ast.Assign(targets=targets):
                self.source.fail(targets[0], "an assignment has one name on its left", hint="write one line for each name")
            case ast.AugAssign() | ast.AnnAssign():
                self.source.fail(statement, "only plain assignments are allowed", hint="write name = expression")
            case _:
                self.source.fail(statement, "statements are not allowed", hint=_STATEMENTS.get(type(statement), STATEMENT_HINT))

    def _assign(self, target: ast.Name, value: ast.expr) -> None:
        name = target.id
        self._check_target(target)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "param":
            if name in SIGNALS:
                self.source.fail(target, f"{name!r} is a signal, not a parameter", hint="give the parameter another name")
            parameter = declare(self.source, name, value)
            number = self._override(parameter, value)
            self.script.parameters[name] = parameter.with_value(number)
            self.names[name] = Value(kind=Kind.NUMBER, place=value, number=number)
        elif name in SIGNALS:
            self._signal(name, value, target)
            self.names[name] = Value(kind=Kind.CONDITION, place=target, node=self.script.signals[name])
        else:
            self.names[name] = self.expression(value)
            if not name.startswith("_"):
                self._column(name, self.names[name], value)

    def _check_target(self, target: ast.Name) -> None:
        name = target.id
        if name in self.names or name in self.script.signals:
            self.source.fail(target, f"{name!r} is assigned twice", hint="give the second one another name")
        if name in {*fields.ALL, *fields.RESERVED, "param", "signal"}:
            what = "a field" if name in fields.ALL else "a reserved word"
            self.source.fail(target, f"{name!r} is {what} and cannot be assigned", hint=f"take another name, such as my_{name}")

    def _column(self, name: str, value: Value, place: ast.expr) -> None:
        if value.call is not None:
            self._refuse_outputs(value, place)
        if value.kind in {Kind.SERIES, Kind.CONDITION} and self.graph[value.node].op != "truth":
            self.script.columns[name] = value.node
        elif value.kind in {Kind.TEXT, Kind.LITERAL}:
            self.source.fail(place, f"{name!r} would be a column of text", hint=f"name it _{name}, or compare it with ==")

    def _named_signal(self, call: ast.Call) -> None:
        match call:
            case ast.Call(args=[ast.Constant(value=str(name)), condition], keywords=[]) if name.strip():
                if name in self.script.signals:
                    self.source.fail(call.args[0], f"the signal {name!r} is there twice")
                self._signal(name, condition, call.args[0])
            case _:
                self.source.fail(call, "signal takes a name and a condition", hint='usage: signal("breakout", condition)')

    def _signal(self, name: str, value: ast.expr, place: ast.expr) -> None:
        if name in self.script.signals:
            self.source.fail(place, f"the signal {name!r} is there twice", hint="a bare last line is the signal 'match'")
        made = self.expression(value)
        if made.kind is not Kind.CONDITION:
            self._refuse_outputs(made, value)
            self.source.fail(value, f"a signal must be a condition, this is {made.kind}", hint=_compare_it(made))
        self.script.signals[name] = made.node

    def _override(self, parameter: Parameter, place: ast.expr) -> float:
        if parameter.name not in self.given:
            return parameter.default
        number = self.given[parameter.name]
        if problem := parameter.refuses(number):
            self.source.fail(place, problem)
        self.script.used[parameter.name] = number
        return number

    def _check_given(self) -> None:
        """Each parameter given must be declared or used; none may hide a column."""
        for name in self.given:
            hidden = name in fields.LETTERS and name not in self.names
            if hidden or name in fields.ALL or name in (self.available or {}):
                raise FormulaError(f"the parameter {name!r} is also a column", hint="give the parameter another name")
            if name not in self.script.used:
                there = sorted({*self.script.parameters, *self.script.used, *self.script.unresolved})
                has = f"the formula has: {', '.join(there)}" if there else "the formula has no parameters"
                raise FormulaError(f"unknown parameter {name!r}", text=self.source.text, hint=has)

    # --- expressions

    def expression(self, node: ast.expr) -> Value:
        """Compile one expression."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._logic(node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
            case ast.Subscript():
                return self._history(node)
            case ast.Attribute():
                return self._output(node)
        self.source.fail(node, _INSTEAD.get(type(node), "this is not allowed in a formula"))

    def _constant(self, node: ast.Constant) -> Value:
        match node.value:
            case bool(truth):
                made = self.graph.add("truth", params=(truth,))
                return Value(kind=Kind.CONDITION, place=node, node=made, truth=truth)
            case int() | float() as number:
                return self._number(node, number)
            case str(text):
                return Value(kind=Kind.LITERAL, place=node, text=text)
            case None:
                self.source.fail(node, "None is not a value here", hint="isna(x) asks whether x is unknown")
        self.source.fail(node, f"{type(node.value).__name__} constants are not allowed",
                         hint="constants are numbers, True, False and texts in quotes")  # fmt: skip

    def _number(self, place: ast.expr, number: complex) -> Value:
        if isinstance(number, complex):
            self.source.fail(place, "the result is not a real number")
        if not abs(number) < MAX_NUMBER:
            self.source.fail(place, TOO_LARGE)
        return Value(kind=Kind.NUMBER, place=place, number=number)

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.names:
            return replace(self.names[name], place=node)
        if name in fields.LETTERS or name in fields.ALL:
            return self._field(node, fields.LETTERS.get(name, name))
        if name in self.given:
            self.script.used[name] = self.given[name]
            return self._number(node, self.given[name])
        if self.available is None:
            return self._unresolved(node)
        if name in self.available:
            self._check_numeric(node, name)
            return Value(kind=Kind.SERIES, place=node, node=self.graph.add("field", params=(name,)))
        self._unknown_name(node)

    def _field(self, node: ast.Name, name: str) -> Value:
        if name in fields.TEXTS:
            return Value(kind=Kind.TEXT, place=node, node=self.graph.add("text", params=(name,)), text=name)
        made = fields.build(self.graph, name)
        if self.available is not None:
            for needed in {str(self.graph[each].params[0]) for each in self.graph.reachable([made]) if self.graph[each].op == "field"}:
                self._check_numeric(node, needed)
        return Value(kind=Kind.SERIES, place=node, node=made)

    def _check_numeric(self, node: ast.expr, name: str) -> None:
        available = self.available or {}
        if name not in available:
            self.source.fail(node, f"the price files have no column {name!r}", hint=f"they have: {', '.join(sorted(available)) or 'none'}")
        if available[name] != "number":
            self.source.fail(node, f"the column {name!r} of the price files is {available[name]}, not numbers")

    def _unresolved(self, node: ast.Name) -> Value:
        if node.id not in self.script.unresolved:
            self.script.unresolved.append(node.id)
        return Value(kind=Kind.UNRESOLVED, place=node, node=self.graph.add("field", params=(node.id,)), text=node.id)

    def _unknown_name(self, node: ast.Name) -> NoReturn:
        name = node.id
        if name in table():
            self.source.fail(node, f"{name!r} is a function", hint=f"write {table()[name].usage}")
        if name in SIGNALS:
            self.source.fail(node, f"the signal {name!r} is not assigned before", hint=f"write {name} = condition")
        if name.lower() in dialects.NAMES:
            self.source.fail(node, f"unknown name {name!r}", hint=f"write {dialects.NAMES[name.lower()]!r}")
        known = [*self.names, *fields.ALL, *fields.LETTERS, *(self.available or ())]
        if hint := dialects.suggest(name, known, {}):
            self.source.fail(node, f"unknown name {name!r}", hint=f"{hint} (a parameter needs a value)")
        self.source.fail(node, f"unknown name {name!r}", hint="a parameter needs a value, a text needs quotes")

    def _binary(self, node: ast.BinOp) -> Value:
        operation = _ARITHMETIC.get(type(node.op))
        if operation is None:
            self.source.fail(self._operator(node), _INSTEAD.get(type(node.op), "this operator is not allowed"))
        chain, left = [node.right], node.left
        while isinstance(left, ast.BinOp) and type(left.op) is type(node.op) and isinstance(node.op, ast.Add | ast.Mult):
            chain.append(left.right)
            left = left.left
        total = self._operand(left)
        for each in reversed(chain):
            total = self._arithmetic(node, operation, total, self._operand(each))
        return total

    def _operator(self, node: ast.BinOp) -> ast.AST:
        """Find the operator itself, for the caret."""
        return self.source.between(node.left, node.right, r"<<|>>|//|[&|^@]")

    def _operand(self, node: ast.expr) -> Value:
        value = self.expression(node)
        if not value.numeric:
            self._refuse_outputs(value, node)
            hint = "nothing but numbers can be calculated with"
            if value.kind is Kind.CONDITION:
                hint = "count(condition, n) counts, '1 if condition else 0' makes a number"
            self.source.fail(node, f"arithmetic needs a series or a number, this is {value.kind}", hint=hint)
        return value

    def _arithmetic(self, place: ast.expr, operation: str, a: Value, b: Value) -> Value:
        if a.kind is Kind.NUMBER and b.kind is Kind.NUMBER:
            return self._fold(place, operation, a.number, b.number)
        kind = Kind.SERIES if Kind.SERIES in {a.kind, b.kind} else Kind.UNRESOLVED
        left, right = a.as_node(self.graph), b.as_node(self.graph)
        if operation == "mod":
            left = self.graph.add("rest", left, right)
        return Value(kind=kind, place=place, node=self.graph.add(operation, left, right))

    def _fold(self, place: ast.expr, operation: str, a: float, b: float) -> Value:
        try:
            number = _FOLDS[operation](a, b)
        except ZeroDivisionError:
            self.source.fail(place, "division by zero")
        except OverflowError:
            self.source.fail(place, TOO_LARGE)
        return self._number(place, number)

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            condition = self._condition(node.operand, "not")
            return Value(kind=Kind.CONDITION, place=node, node=self.graph.add("not", condition.node))
        if isinstance(node.op, ast.Invert):
            self.source.fail(node, "use 'not' instead of '~'")
        value = self._operand(node.operand)
        if isinstance(node.op, ast.UAdd):
            self.source.fail(node, "leave out the '+' before it")
        if value.kind is Kind.NUMBER:
            return Value(kind=Kind.NUMBER, place=node, number=-value.number)
        return Value(kind=value.kind, place=node, node=self.graph.add("neg", value.node))

    def _condition(self, node: ast.expr, word: str) -> Value:
        value = self.expression(node)
        if value.kind is not Kind.CONDITION:
            self._refuse_outputs(value, node)
            self.source.fail(node, f"'{word}' needs a condition, this is {value.kind}", hint=_compare_it(value))
        return value

    def _logic(self, node: ast.BoolOp) -> Value:
        operation = "and" if isinstance(node.op, ast.And) else "or"
        parts = [self._condition(each, operation).node for each in node.values]
        made = reduce(lambda a, b: self.graph.add(operation, a, b), parts)
        return Value(kind=Kind.CONDITION, place=node, node=made)

    def _choice(self, node: ast.IfExp) -> Value:
        condition = self._condition(node.test, "if")
        then, otherwise = self.expression(node.body), self.expression(node.orelse)
        for value, place in ((then, node.body), (otherwise, node.orelse)):
            self._refuse_outputs(value, place)
        both = {then.kind, otherwise.kind}
        if both == {Kind.CONDITION}:
            kind = Kind.CONDITION
        elif then.numeric and otherwise.numeric:
            kind = Kind.SERIES
        else:
            self.source.fail(node.orelse, f"both sides of 'else' must be of one kind; these are {then.kind} and {otherwise.kind}")
        made = self.graph.add("if", condition.node, then.as_node(self.graph), otherwise.as_node(self.graph))
        return Value(kind=kind, place=node, node=made)

    def _compare(self, node: ast.Compare) -> Value:
        operands = [node.left, *node.comparators]
        parts = [
            self._comparison(node, operator, left, right)
            for left, operator, right in zip(operands, node.ops, operands[1:], strict=False)
        ]
        made = reduce(lambda a, b: self.graph.add("and", a, b), parts)
        return Value(kind=Kind.CONDITION, place=node, node=made)

    def _comparison(self, node: ast.Compare, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> int:
        if isinstance(operator, ast.In | ast.NotIn):
            found = self._membership(left, right)
            return self.graph.add("not", found) if isinstance(operator, ast.NotIn) else found
        operation = _COMPARISONS.get(type(operator))
        if operation is None:
            none = isinstance(right, ast.Constant) and right.value is None
            self.source.fail(node, "use isna(x) instead of 'is None'" if none else "use '==' instead of 'is'")
        a, b = self.expression(left), self.expression(right)
        if Kind.TEXT in {a.kind, b.kind} or Kind.LITERAL in {a.kind, b.kind}:
            return self._text_comparison(node, operation, a, b)
        for value, place in ((a, left), (b, right)):
            self._check_comparable(value, place)
        if a.kind is Kind.NUMBER and b.kind is Kind.NUMBER:
            return self.graph.add("truth", params=(_TRUTHS[operation](a.number, b.number),))
        return self.graph.add(operation, a.as_node(self.graph), b.as_node(self.graph))

    def _check_comparable(self, value: Value, place: ast.expr) -> None:
        if value.numeric:
            return
        self._refuse_outputs(value, place)
        hint = "conditions are joined with 'and', 'or', 'not'" if value.kind is Kind.CONDITION else None
        self.source.fail(place, f"a comparison needs a series or a number, this is {value.kind}", hint=hint)

    def _text_comparison(self, node: ast.Compare, operation: str, a: Value, b: Value) -> int:
        field_value, text = (a, b) if a.kind is Kind.TEXT else (b, a)
        if field_value.kind is not Kind.TEXT or text.kind is not Kind.LITERAL:
            self.source.fail(node, "a text field is compared with a text in quotes", hint='such as market == "KOSPI"')
        if operation not in {"eq", "ne"}:
            self.source.fail(node, "texts are compared with ==, != and in only")
        same = self.graph.add("is", field_value.node, params=(text.text,))
        return same if operation == "eq" else self.graph.add("not", same)

    def _membership(self, left: ast.expr, right: ast.expr) -> int:
        value = self.expression(left)
        if value.kind is not Kind.TEXT:
            texts = ", ".join(fields.TEXTS)
            self.source.fail(left, "'in' is for text fields", hint=f"they are {texts}; for numbers write x == 1 or x == 2")
        if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
            self.source.fail(right, "'in' needs texts in round brackets", hint='such as market in ("KOSPI", "KOSDAQ")')
        return self.graph.add("in", value.node, params=[self._literal(each) for each in right.elts])

    def _literal(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            self.source.fail(node, "'in' compares with texts in quotes")
        return node.value

    # --- calls, history, outputs

    def _call(self, node: ast.Call) -> Value:
        if not isinstance(node.func, ast.Name):
            self._refuse_method(node.func)
        name = node.func.id
        if name in {"param", "signal"}:
            how = "fast = param(50, 2, 400)" if name == "param" else 'signal("breakout", condition)'
            self.source.fail(node, f"{name} stands on a line of its own", hint=f"such as {how}")
        row = table().get(name)
        if row is None:
            self._unknown_function(node, name)
        return calls.call(self, row, node)

    def _unknown_function(self, node: ast.Call, name: str) -> NoReturn:
        func = node.func
        if name.lower() == "ref" and len(node.args) == 2:  # noqa: PLR2004 - Ref(C, -1)
            self.source.fail(func, f"unknown function {name!r}", hint=f"bars back are written {self._bars_ago(*node.args)}")
        if name in {*self.names, *fields.ALL, *fields.LETTERS}:
            self.source.fail(func, f"{name!r} is no function", hint=f"bars back are written {name}[1]")
        self.source.fail(func, f"unknown function {name!r}", hint=dialects.suggest(name, table(), dialects.FUNCTIONS))

    def _bars_ago(self, series: ast.expr, bars: ast.expr) -> str:
        """Translate the arguments of AmiBroker's Ref(C, -1)."""
        text, back = self.source.segment(series), self.source.segment(bars)
        return f"{fields.LETTERS.get(text.lower(), text)}[{back.removeprefix('-')}]"

    def _refuse_method(self, func: ast.expr) -> NoReturn:
        if not isinstance(func, ast.Attribute):
            self.source.fail(func, "only functions can be called, by their name", hint="such as sma(close, 20)")
        self._refuse_module(func)
        self.source.fail(func, f"there are no methods such as .{func.attr}()",
                         hint="x.shift(1) is x[1], x.rolling(n).mean() is sma(x, n)")  # fmt: skip

    def _refuse_module(self, node: ast.Attribute) -> None:
        """Say that functions have no module before them: ta.sma, talib.SMA, np.log."""
        if not isinstance(node.value, ast.Name) or node.value.id not in dialects.MODULES or node.value.id in self.names:
            return
        name = node.attr.lower()
        here = name if name in table() else dialects.FUNCTIONS.get(name)
        self.source.fail(node, f"'{node.value.id}.' is not needed", hint=f"write {here!r}" if here else None)

    def _history(self, node: ast.Subscript) -> Value:
        value = self.expression(node.value)
        self._refuse_outputs(value, node.value, after="[…]")
        if value.kind not in {Kind.SERIES, Kind.CONDITION, Kind.UNRESOLVED}:
            self.source.fail(node.value, f"only a series or a condition has earlier bars, this is {value.kind}")
        if isinstance(node.slice, ast.Slice | ast.Tuple):
            self.source.fail(node, "one number of bars goes into [ ]", hint="such as close[1]; a window is highest(x, n), sma(x, n), …")
        bars = self._bars_back(node)
        made = value.node if bars == 0 else self.graph.add("shift", value.node, params=(bars,))
        kind = Kind.CONDITION if value.kind is Kind.CONDITION else Kind.SERIES
        return Value(kind=kind, place=node, node=made)

    def _bars_back(self, node: ast.Subscript) -> int:
        offset = self.expression(node.slice)
        if offset.kind is Kind.UNRESOLVED:
            self.script.open_lengths = True
            return 1
        if offset.kind is not Kind.NUMBER:
            self.source.fail(node.slice, f"bars back must be a whole number or a parameter, this is {offset.kind}",
                             hint="valuewhen(condition, x) looks back to an event")  # fmt: skip
        if offset.number < 0:
            self.source.fail(node, f"[{offset.number:g}] looks into the future; bars back are counted 1, 2, 3, …")
        if offset.number != int(offset.number):
            self.source.fail(node.slice, f"{offset.number:g} is not a whole number of bars")
        if offset.number > MAX_BARS:
            self.source.fail(node.slice, f"{offset.number:g} bars are too many; at most {MAX_BARS:,} are allowed")
        return int(offset.number)

    def _output(self, node: ast.Attribute) -> Value:
        self._refuse_module(node)
        value = self.expression(node.value)
        if value.call is None:
            self.source.fail(node, f"{value.kind} has no outputs to read with '.{node.attr}'",
                             hint="functions with several outputs have, such as macd(close).line")  # fmt: skip
        row = value.call.function
        build = row.outputs.get(node.attr)
        if build is None:
            self.source.fail(node, f"{row.name} has no output {node.attr!r}", hint=f"it has: {', '.join(row.outputs)}")
        return Value(kind=row.kind, place=node, node=build(self.graph, **value.call.arguments))

    def _refuse_outputs(self, value: Value, place: ast.expr, after: str = "") -> None:
        """Say which outputs there are, where one value is needed."""
        if value.call is None:
            return
        row = value.call.function
        outputs = ", ".join(f".{name}" for name in row.outputs)
        first = next(iter(row.outputs))
        example = f"{self.source.segment(place)}.{first}{after}"
        self.source.fail(place, f"{row.name} has several outputs ({outputs})", hint=f"read one of them: {example}")


def _compare_it(value: Value) -> str:
    text = value.kind in {Kind.TEXT, Kind.LITERAL}
    return 'compare it, such as market == "KOSPI"' if text else "compare it, such as x > 0"


_FOLDS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "mod": lambda a, b: a % b,
    "pow": lambda a, b: float(a) ** b,
}

_TRUTHS = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}
