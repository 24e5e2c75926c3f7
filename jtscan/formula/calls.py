"""Binding a call to its row of the table: which argument is which, and whether its kind fits."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from jtscan.formula import fields
from jtscan.formula.rows import Arg, Function, Refusal, Want
from jtscan.formula.script import Called
from jtscan.formula.source import MAX_BARS
from jtscan.formula.values import Bound, Call, Kind, Value

if TYPE_CHECKING:
    from jtscan.formula.tree import Expressions


_FITS = {
    Want.SERIES: {Kind.SERIES, Kind.UNRESOLVED},
    Want.CONDITION: {Kind.CONDITION},
    Want.VALUE: {Kind.SERIES, Kind.NUMBER, Kind.UNRESOLVED},
    Want.ANY: {Kind.SERIES, Kind.CONDITION, Kind.UNRESOLVED},
    Want.GROUP: {Kind.SERIES, Kind.CONDITION, Kind.TEXT, Kind.UNRESOLVED},
    Want.LENGTH: {Kind.NUMBER, Kind.UNRESOLVED},
    Want.WHOLE: {Kind.NUMBER, Kind.UNRESOLVED},
    Want.NUMBER: {Kind.NUMBER, Kind.UNRESOLVED},
    Want.FLAG: {Kind.CONDITION},
    Want.TEXT: {Kind.LITERAL},
}


def call(expressions: Expressions, row: Function, node: ast.Call) -> Value:
    """Compile a call of a function of the table."""
    return _Binding(expressions, row, node).value()


def build(
    expressions: Expressions, row: Function, place: ast.expr, bound: Mapping[str, Bound], *, output: str = ""
) -> int:
    """Build an output of a row; what the row itself refuses, or the price files lack, is shown at the place."""
    graph = expressions.graph
    there = len(graph.nodes)
    try:
        made = row.outputs[output](graph, **bound)
    except Refusal as refusal:
        expressions.source.fail(place, str(refusal), hint=refusal.hint)
    for node in graph.nodes[there:]:
        if node.op == "field":
            expressions.names.check_there(place, str(node.params[0]))
    expressions.script.calls.setdefault(made, Called(function=row, output=output, arguments=bound))
    return made


def _short(arg: Arg) -> str:
    return "too short" if arg.want is Want.LENGTH else "too small"


def _long(arg: Arg) -> str:
    return "too long" if arg.want is Want.LENGTH else "too large"


class _Binding:
    """One call on its way to its row."""

    def __init__(self, expressions: Expressions, row: Function, node: ast.Call) -> None:
        self.expressions = expressions
        self.row = row
        self.node = node

    def value(self) -> Value:
        matched = self._match()
        bound = {arg.name: self._fit(arg, values) if values else None for arg, values in matched}
        if matched and matched[0][1][0].kind is Kind.SERIES:
            self._check_window_habit()
        if "" not in self.row.outputs:
            return Value(kind=Kind.OUTPUTS, place=self.node, call=Call(self.row, bound))
        made = build(self.expressions, self.row, self.node, bound)
        return Value(kind=self.row.kind or self._kind_of_x(matched), place=self.node, node=made)

    def _kind_of_x(self, matched: list[tuple[Arg, list[Value]]]) -> Kind:
        return next(values[0].kind for arg, values in matched if arg.name == "x")

    def _match(self) -> list[tuple[Arg, list[Value]]]:
        """Pair each argument of the row with the values given, natural fields and defaults filled in."""
        positional = self._positional()
        keywords = self._keywords()
        pairs = []
        for arg in self.row.args:
            given = [keywords.pop(arg.name)] if arg.name in keywords else []
            if not arg.keyword_only and positional:
                if given:
                    self._fail(given[0].place, f"{self.row.name}: {arg.name} is given twice")
                given = positional if arg.variadic else [positional.pop(0)]
                positional = [] if arg.variadic else positional
            pairs.append((arg, given or self._absent(arg)))
        if positional and pairs and pairs[0][0].natural and positional[0].kind is Kind.SERIES:
            self._fail(positional[0].place, f"{self.row.name}: the series comes first", usage=True)
        if positional:
            self._fail(positional[0].place, f"{self.row.name} takes no more arguments", usage=True)
        return pairs

    def _check_quotes(self) -> None:
        """A symbol or a period without quotes would be an unknown name: say what is missing."""
        for arg, given in zip(self.row.args, self.node.args, strict=False):
            if arg.want is Want.TEXT and isinstance(given, ast.Name) and given.id not in self.expressions.names.own:
                self._fail(given, f"{self.row.name}: {arg.name} is {Want.TEXT}", hint=self._in_quotes(given))

    def _in_quotes(self, given: ast.Name) -> str:
        """A field in the place of the text is another order, or another language's ref."""
        other = self.node.args[1] if len(self.node.args) > 1 else None
        known = given.id in {*fields.ALL, *fields.LETTERS}
        if known and isinstance(other, ast.Constant) and isinstance(other.value, str):
            return f'the text comes first, {self.row.name}("{other.value}", {given.id})'
        if known and self.row.name == "ref":
            return f"ref reads another symbol; bars back are written {given.id}[1]"
        return f'write "{given.id}"'

    def _positional(self) -> list[Value]:
        self._check_quotes()
        for each in self.node.args:
            if isinstance(each, ast.Starred):
                self._fail(each, "'*' before an argument is not allowed")
        values = self.expressions.names.mistakes.each(self.node.args, self.expressions.expression)
        first = self.row.args[0] if self.row.args else None
        given = {keyword.arg for keyword in self.node.keywords}
        if first is not None and first.natural and first.name not in given and self._begins_with_length(values, given):
            values.insert(0, self._natural(first.natural))
        return values

    def _begins_with_length(self, values: list[Value], given: set[str | None]) -> bool:
        """Whether the series is left out; a name that may be either is a length if one would be missing otherwise."""
        if not values or values[0].kind is Kind.NUMBER:
            return True
        needed = sum(arg.required and arg.name not in given for arg in self.row.args)
        return values[0].kind is Kind.UNRESOLVED and len(values) <= needed

    def _natural(self, field: str) -> Value:
        name = ast.copy_location(ast.Name(id=field, ctx=ast.Load()), self.node.func)
        return self.expressions.names.field(name, field)

    def _keywords(self) -> dict[str, Value]:
        there = [arg.name for arg in self.row.args if not arg.variadic]
        optional = {arg.name for arg in self.row.args if arg.optional}
        keywords: dict[str, Value] = {}
        for each in self.node.keywords:
            if each.arg not in there:
                self._fail(
                    each,
                    f"{self.row.name} has no argument {each.arg!r}" if each.arg else "'**' is not allowed",
                    usage=True,
                )
            if each.arg in keywords:
                self._fail(each, f"{self.row.name}: {each.arg} is given twice")
            if each.arg in optional and isinstance(each.value, ast.Constant) and each.value.value is None:
                continue
            keywords[each.arg] = self.expressions.expression(each.value)
        return keywords

    def _absent(self, arg: Arg) -> list[Value]:
        if arg.optional:
            return []
        if arg.natural:
            return [self._natural(arg.natural)]
        if arg.required:
            self._fail(self.node, f"{self.row.name} needs {arg.name}, {arg.want}", usage=True)
        constant = ast.copy_location(ast.Constant(value=arg.default), self.node)
        return [self.expressions.expression(constant)]

    def _fit(self, arg: Arg, values: list[Value]) -> Bound:
        for each in values:
            self._check_kind(arg, each)
        if arg.variadic:
            return [each.as_node(self.expressions.graph) for each in values]
        (value,) = values
        match arg.want:
            case Want.LENGTH | Want.WHOLE:
                return self._length(arg, value)
            case Want.NUMBER:
                return self._number(arg, value)
            case Want.FLAG:
                return self._flag(arg, value)
            case Want.TEXT:
                return value.text
        return value.as_node(self.expressions.graph)

    def _check_kind(self, arg: Arg, value: Value) -> None:
        if value.kind in _FITS[arg.want]:
            return
        self.expressions.refuse_outputs(value, value.place)
        hint = None
        if arg.want is Want.CONDITION:
            hint = "compare it, such as x > 0"
        elif arg.want is Want.LENGTH:
            hint = "a length is a number or a parameter"
        elif value.kind is Kind.CONDITION and arg.want in {Want.SERIES, Want.VALUE}:
            hint = "count(condition, n) counts the bars on which it was true, '1 if condition else 0' makes a series"
        elif value.kind is Kind.LITERAL:
            hint = "names are written without quotes"
        elif value.kind is Kind.NUMBER and arg.want is Want.SERIES and len(self.node.args) > 1:
            hint = f"the series comes first, {self.row.usage}"
        elif arg.want is Want.TEXT:
            hint = f"write it in quotes, {self.row.usage}"
        self._fail(value.place, f"{self.row.name}: {arg.name} must be {arg.want}, this is {value.kind}", hint=hint)

    def _length(self, arg: Arg, value: Value) -> int:
        if value.kind is Kind.UNRESOLVED:
            self.expressions.script.open_lengths = True
            return max(int(arg.least or 1), 2) if arg.want is Want.LENGTH else int(arg.default)
        number = value.number
        if number != int(number):
            self._fail(value.place, f"{self.row.name}: {arg.name} = {number:g} is not {arg.want}")
        if number < (arg.least or 0):
            self._fail(
                value.place, f"{self.row.name}: {arg.name} = {number:g} is {_short(arg)}; the least is {arg.least:g}"
            )
        most = arg.most or MAX_BARS
        if number > most:
            self._fail(
                value.place, f"{self.row.name}: {arg.name} = {number:,.0f} is {_long(arg)}; the most is {most:,.0f}"
            )
        return int(number)

    def _number(self, arg: Arg, value: Value) -> float:
        if value.kind is Kind.UNRESOLVED:
            self.expressions.script.open_lengths = True
            return float(arg.default)
        if arg.least is not None and value.number < arg.least:
            self._fail(value.place, f"{self.row.name}: {arg.name} = {value.number:g} is below {arg.least:g}")
        return float(value.number)

    def _flag(self, arg: Arg, value: Value) -> bool:
        if value.truth is None:
            self._fail(value.place, f"{self.row.name}: {arg.name} must be True or False")
        return value.truth

    def _check_window_habit(self) -> None:
        """max(close, 20) is a window in some dialects: ask for the word that means it."""
        if self.row.name not in {"max", "min"} or len(self.node.args) != 2:  # noqa: PLR2004
            return
        last = self.node.args[1]
        if isinstance(last, ast.Constant) and isinstance(last.value, int) and last.value > 1:
            series, n = self.expressions.source.segment(self.node.args[0]), last.value
            window = "highest" if self.row.name == "max" else "lowest"
            what = "larger" if self.row.name == "max" else "smaller"
            self._fail(
                self.node,
                f"{self.row.name}({series}, {n}) compares with the number {n}",
                hint=f"over {n} bars write {window}({series}, {n}); "
                f"for the {what} of the two, {self.row.name}({series}, {n}.0)",
            )

    def _fail(self, place: ast.AST, message: str, *, hint: str | None = None, usage: bool = False) -> NoReturn:
        self.expressions.source.fail(place, message, hint=f"usage: {self.row.usage}" if usage else hint)
