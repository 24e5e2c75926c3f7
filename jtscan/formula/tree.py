"""Expressions of the checked tree → values: kinds are checked, nodes are added to the graph."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any, NoReturn

from jtscan.errors import FormulaError
from jtscan.formula import calls, dialects, fields, refusals
from jtscan.formula.names import Names, number
from jtscan.formula.source import MAX_BARS, TOO_LARGE
from jtscan.formula.values import Kind, Value

_ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod", ast.Pow: "pow"}
_QUOTED_DATE = re.compile(r"""(["'])(\d{4})\D?(\d\d)\D?(\d\d)\1""")
_COMPARISONS = {ast.Gt: "gt", ast.GtE: "ge", ast.Lt: "lt", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne"}


class Expressions:
    """Compiles expressions; one method per kind of syntax."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.source = names.source
        self.script = names.script
        self.graph = names.graph

    def expression(self, node: ast.expr) -> Value:
        """Compile one expression."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            self.source.fail(node, refusals.EXPRESSIONS.get(type(node), "this is not allowed in a formula"))
        return handler(self, node)

    def _constant(self, node: ast.Constant) -> Value:
        match node.value:
            case bool(truth):
                made = self.graph.add("truth", params=(truth,))
                return Value(kind=Kind.CONDITION, place=node, node=made, truth=truth)
            case int() | float() as value:
                return number(self.source, node, value)
            case str(text):
                return Value(kind=Kind.LITERAL, place=node, text=text)
            case None:
                self.source.fail(node, "None is not a value here", hint="isna(x) asks whether x is unknown")
        self.source.fail(node, f"{type(node.value).__name__} constants are not allowed",
                         hint="constants are numbers, True, False and texts in quotes")  # fmt: skip

    def _binary(self, node: ast.BinOp) -> Value:
        operation = _ARITHMETIC.get(type(node.op))
        if operation is None:
            self.source.fail(
                self._operator(node), refusals.EXPRESSIONS.get(type(node.op), "this operator is not allowed")
            )
        chain, left = [node.right], node.left
        while (
            isinstance(left, ast.BinOp) and type(left.op) is type(node.op) and isinstance(node.op, ast.Add | ast.Mult)
        ):
            chain.append(left.right)
            left = left.left
        operands = self.names.mistakes.each([left, *reversed(chain)], self._operand)
        return reduce(lambda a, b: self._arithmetic(node, operation, a, b), operands)

    def _operator(self, node: ast.BinOp) -> ast.AST:
        """Find the operator itself, for the caret."""
        return self.source.between(node.left, node.right, r"<<|>>|//|[&|^@]")

    def _operand(self, node: ast.expr) -> Value:
        value = self.expression(node)
        if not value.numeric:
            self.refuse_outputs(value, node)
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
            folded = _FOLDS[operation](a, b)
        except ZeroDivisionError:
            self.source.fail(place, "division by zero")
        except OverflowError:
            self.source.fail(place, TOO_LARGE)
        return number(self.source, place, folded)

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
            self.refuse_outputs(value, node)
            self.source.fail(node, f"'{word}' needs a condition, this is {value.kind}", hint=compare_it(value))
        return value

    def _logic(self, node: ast.BoolOp) -> Value:
        operation = "and" if isinstance(node.op, ast.And) else "or"
        parts = self.names.mistakes.each(node.values, lambda each: self._condition(each, operation).node)
        made = reduce(lambda a, b: self.graph.add(operation, a, b), parts)
        return Value(kind=Kind.CONDITION, place=node, node=made)

    def _choice(self, node: ast.IfExp) -> Value:
        condition = self._condition(node.test, "if")
        then, otherwise = self.expression(node.body), self.expression(node.orelse)
        for value, place in ((then, node.body), (otherwise, node.orelse)):
            self.refuse_outputs(value, place)
        both = {then.kind, otherwise.kind}
        if both == {Kind.CONDITION}:
            kind = Kind.CONDITION
        elif then.numeric and otherwise.numeric:
            kind = Kind.SERIES
        else:
            self.source.fail(
                node.orelse, f"both sides of 'else' must be of one kind; these are {then.kind} and {otherwise.kind}"
            )
        made = self.graph.add("if", condition.node, then.as_node(self.graph), otherwise.as_node(self.graph))
        return Value(kind=kind, place=node, node=made)

    def _compare(self, node: ast.Compare) -> Value:
        operands = [node.left, *node.comparators]
        parts = [
            self._comparison(node, operator, left, right)
            for (left, right), operator in zip(pairwise(operands), node.ops, strict=True)
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
        a, b = self.names.mistakes.each((left, right), self.expression)
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
        self.refuse_outputs(value, place)
        hint = None
        if value.kind is Kind.CONDITION:
            hint = "conditions are joined with 'and', 'or', 'not'; leave out '== True'"
        self.source.fail(place, f"a comparison needs a series or a number, this is {value.kind}", hint=hint)

    def _text_comparison(self, node: ast.Compare, operation: str, a: Value, b: Value) -> int:
        field_value, text = (a, b) if a.kind is Kind.TEXT else (b, a)
        if field_value.kind is not Kind.TEXT or text.kind is not Kind.LITERAL:
            hint = self._without_quotes(node) if Kind.SERIES in {a.kind, b.kind} else 'such as market == "KOSPI"'
            self.source.fail(node, "a text field is compared with a text in quotes", hint=hint)
        if operation not in {"eq", "ne"}:
            self.source.fail(node, "texts are compared with ==, != and in only")
        same = self.graph.add("is", field_value.node, params=(text.text,))
        return same if operation == "eq" else self.graph.add("not", same)

    def _without_quotes(self, node: ast.Compare) -> str:
        """Say how a number is written; a date is one too."""
        text = self.source.segment(node)
        right = _QUOTED_DATE.sub(r"\2\3\4", text)
        return "numbers are written without quotes" if right == text else f"write {right}"

    def _membership(self, left: ast.expr, right: ast.expr) -> int:
        value = self.expression(left)
        if value.kind is not Kind.TEXT:
            texts = ", ".join(fields.TEXTS)
            self.source.fail(
                left, "'in' is for text fields", hint=f"they are {texts}; for numbers write x == 1 or x == 2"
            )
        if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
            self.source.fail(right, "'in' needs texts in round brackets", hint='such as market in ("KOSPI", "KOSDAQ")')
        return self.graph.add("in", value.node, params=[self._literal(each) for each in right.elts])

    def _literal(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            self.source.fail(node, "'in' compares with texts in quotes")
        return node.value

    # --- calls, history, outputs

    def _call(self, node: ast.Call) -> Value:
        self.refuse_directive(node)
        if not isinstance(node.func, ast.Name):
            self._refuse_method(node.func)
        name = node.func.id
        if name in {"param", "signal"}:
            how = "fast = param(50, 2, 400)" if name == "param" else 'signal("breakout", condition)'
            self.source.fail(node, f"{name} stands on a line of its own", hint=f"such as {how}")
        row = self.names.table.get(name)
        if row is None:
            self._refuse_function(node, name)
        return calls.call(self, row, node)

    def refuse_directive(self, node: ast.expr) -> None:
        """Say what is written instead of plot(close), alert(…), strategy.entry(…)."""
        func = node.func if isinstance(node, ast.Call) else None
        word = func.value if isinstance(func, ast.Attribute) else func
        if func is None or not isinstance(word, ast.Name) or word.id in {*self.names.own, *self.names.table}:
            return
        if hint := dialects.DIRECTIVES.get(word.id.lower()):
            self.source.fail(func, f"{self.source.segment(func)!r} is no part of a formula", hint=hint)

    def _refuse_function(self, node: ast.Call, name: str) -> NoReturn:
        """Refuse a function that is not there; what it was given may be wrong too."""
        if name.lower() == "ref" and len(node.args) == 2:  # noqa: PLR2004 - Ref(C, -1)
            self._refuse_amibroker_ref(node, name)
        try:
            self._unknown_function(node, name)
        except FormulaError as error:
            self.names.mistakes.note(error)
            self.names.mistakes.each(node.args, self.expression)
            raise

    def _unknown_function(self, node: ast.Call, name: str) -> NoReturn:
        func = node.func
        if name in {*self.names.own, *fields.ALL, *fields.LETTERS}:
            self.source.fail(func, f"{name!r} is no function", hint=f"bars back are written {name}[1]")
        hint = dialects.suggest(name, self.names.table, dialects.FUNCTIONS)
        self.source.fail(func, f"unknown function {name!r}", hint=hint)

    def _refuse_amibroker_ref(self, node: ast.Call, name: str) -> NoReturn:
        """Ref(C, -1) is yesterday's close, Ref(C, 1) is tomorrow's."""
        series, bars = node.args
        if isinstance(bars, ast.Constant):
            what = f"{self.source.segment(node)} looks into the future"
            self.source.fail(node.func, what, hint=f"yesterday's value is {self._bars_ago(series, ast.Constant(1))}")
        hint = f"bars back are written {self._bars_ago(series, bars)}"
        self.source.fail(node.func, f"unknown function {name!r}", hint=hint)

    def _bars_ago(self, series: ast.expr, bars: ast.expr) -> str:
        """Translate the arguments of AmiBroker's Ref(C, -1)."""
        text = self.source.segment(series)
        back = str(bars.value) if isinstance(bars, ast.Constant) else self.source.segment(bars)
        return f"{fields.LETTERS.get(text.lower(), text)}[{back.removeprefix('-')}]"

    def _refuse_method(self, func: ast.expr) -> NoReturn:
        if not isinstance(func, ast.Attribute):
            self.source.fail(func, "only functions can be called, by their name", hint="such as sma(close, 20)")
        self._refuse_module(func)
        name = func.attr.lower()
        if name in dialects.WINDOWS:
            over = self.source.segment(func.value) if isinstance(func.value, ast.Name) else "x"
            hint = f"write {dialects.WINDOWS[name]}({over}, n)"
            self.source.fail(func, f"there are no methods such as .{func.attr}()", hint=hint)
        here = self.names.table[name].usage if name in self.names.table else dialects.FUNCTIONS.get(name)
        hint = f"write {here}" if here and here != "x[n]" else "x.shift(1) is x[1], x.rolling(n).mean() is sma(x, n)"
        self.source.fail(func, f"there are no methods such as .{func.attr}()", hint=hint)

    def _refuse_module(self, node: ast.Attribute) -> None:
        """Say that functions have no module before them: ta.sma, talib.SMA, np.log."""
        if (
            not isinstance(node.value, ast.Name)
            or node.value.id not in dialects.MODULES
            or node.value.id in self.names.own
        ):
            return
        name = node.attr.lower()
        if node.value.id == "input":
            name = "input"
        here = name if name in self.names.table else dialects.FUNCTIONS.get(name)
        self.source.fail(node, f"'{node.value.id}.' is not needed", hint=f"write {here!r}" if here else None)

    def _history(self, node: ast.Subscript) -> Value:
        value = self.expression(node.value)
        self.refuse_outputs(value, node.value, after="[…]")
        if value.kind not in {Kind.SERIES, Kind.CONDITION, Kind.UNRESOLVED}:
            self.source.fail(node.value, f"only a series or a condition has earlier bars, this is {value.kind}")
        if isinstance(node.slice, ast.Slice | ast.Tuple):
            self.source.fail(
                node,
                "one number of bars goes into [ ]",
                hint="such as close[1]; a window is highest(x, n), sma(x, n), …",
            )
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
        if node.attr not in row.outputs:
            self.source.fail(node, f"{row.name} has no output {node.attr!r}", hint=f"it has: {', '.join(row.outputs)}")
        made = calls.build(self, row, node, value.call.arguments, output=node.attr)
        return Value(kind=row.kind or Kind.SERIES, place=node, node=made)

    def refuse_outputs(self, value: Value, place: ast.expr, *, after: str = "", more: str = "") -> None:
        """Say which outputs there are, where one value is needed."""
        if value.call is None:
            return
        row = value.call.function
        outputs = ", ".join(f".{name}" for name in row.outputs)
        first = next(iter(row.outputs))
        example = f"{self.source.segment(place)}.{first}{after}"
        self.source.fail(
            place, f"{row.name} has several outputs ({outputs})", hint=f"read one of them: {example}{more}"
        )


_HANDLERS: dict[type[ast.expr], Callable[[Expressions, Any], Value]] = {
    ast.Constant: Expressions._constant,
    ast.Name: lambda expressions, node: expressions.names.look_up(node),
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._logic,
    ast.IfExp: Expressions._choice,
    ast.Call: Expressions._call,
    ast.Subscript: Expressions._history,
    ast.Attribute: Expressions._output,
}  # fmt: skip


def compare_it(value: Value) -> str:
    """Say how a value becomes a condition."""
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
