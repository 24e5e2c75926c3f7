"""What a name in a formula stands for."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from jtscan.formula import dialects, fields
from jtscan.formula.mistakes import Mistakes
from jtscan.formula.script import Script
from jtscan.formula.source import MAX_NUMBER, TOO_LARGE, Source
from jtscan.formula.table import Table
from jtscan.formula.values import Kind, Value

_SHOWN = 12
_LONG = 40
SIGNALS = ("buy", "sell", "short", "cover", "match")


def number(source: Source, place: ast.expr, value: Any) -> Value:
    """Make a constant, within the limits."""
    if isinstance(value, complex):
        source.fail(place, "the result is not a real number")
    if not abs(value) < MAX_NUMBER:
        source.fail(place, TOO_LARGE)
    return Value(kind=Kind.NUMBER, place=place, number=value)


class Names:
    """The names that a script knows so far; ``own`` are those that it assigned."""

    def __init__(
        self,
        source: Source,
        script: Script,
        columns: Mapping[str, str] | None,
        given: Mapping[str, float],
        table: Table,
    ) -> None:
        self.source = source
        self.script = script
        self.graph = script.graph
        self.available = columns
        self.given = given
        self.table = table
        self.own: dict[str, Value] = {}
        self.mistakes = Mistakes()

    def look_up(self, node: ast.Name) -> Value:
        """Find what a name is: the script's own, a field, a given parameter, a column of the price files."""
        name = node.id
        if name in self.mistakes.names:
            raise self.mistakes.names[name]
        if name in self.own:
            return replace(self.own[name], place=node)
        if name in fields.LETTERS or name in fields.ALL:
            return self.field(node, fields.LETTERS.get(name, name))
        if name in self.given:
            self.script.used[name] = self.given[name]
            return number(self.source, node, self.given[name])
        if self.available is None:
            return self._unresolved(node)
        if name in self.available:
            self._check_numeric(node, name)
            return Value(kind=Kind.SERIES, place=node, node=self.graph.add("field", params=(name,)))
        self._unknown_name(node)

    def field(self, node: ast.Name, name: str) -> Value:
        """Return a field that every formula knows."""
        if name in fields.TEXTS:
            return Value(kind=Kind.TEXT, place=node, node=self.graph.add("text", params=(name,)), text=name)
        made = fields.build(self.graph, name)
        if self.available is not None:
            for needed in {
                str(self.graph[each].params[0])
                for each in self.graph.reachable([made])
                if self.graph[each].op == "field"
            }:
                self._check_numeric(node, needed)
        return Value(kind=Kind.SERIES, place=node, node=made)

    def check_there(self, place: ast.expr, name: str) -> None:
        """Refuse a column that the price files do not have, or not as numbers; without data nothing is known."""
        if self.available is not None and name not in self.script.unresolved:
            self._check_numeric(place, name)

    def _check_numeric(self, node: ast.expr, name: str) -> None:
        available = self.available or {}
        if name not in available:
            self.source.fail(
                node,
                f"the price files have no column {name!r}",
                hint=f"they have: {', '.join(sorted(available)) or 'none'}",
            )
        if available[name] != "number":
            self.source.fail(node, f"the column {name!r} of the price files is {available[name]}, not numbers")

    def _unresolved(self, node: ast.Name) -> Value:
        if node.id not in self.script.unresolved:
            self.script.unresolved.append(node.id)
        return Value(kind=Kind.UNRESOLVED, place=node, node=self.graph.add("field", params=(node.id,)), text=node.id)

    def _unknown_name(self, node: ast.Name) -> NoReturn:
        name = node.id
        if name in self.table:
            self.source.fail(node, f"{name!r} is a function", hint=f"write {self.table[name].usage}")
        if name in SIGNALS:
            self.source.fail(node, f"the signal {name!r} is not assigned before", hint=f"write {name} = condition")
        if name.lower() in dialects.NAMES:
            self.source.fail(node, f"unknown name {name!r}", hint=f"write {dialects.NAMES[name.lower()]!r}")
        if name.lower() in {*fields.LETTERS, *fields.ALL}:
            self.source.fail(node, f"unknown name {name!r}", hint=f"names are lower case: write {name.lower()!r}")
        known = [*self.own, *fields.ALL, *fields.LETTERS, *(self.available or ())]
        if hint := dialects.suggest(name, known, {}):
            self.source.fail(node, f"unknown name {name!r}", hint=f"{hint} (a parameter needs a value)")
        columns = sorted(self.available or ())
        has = f"the price files have: {', '.join(columns)}; " if 0 < len(columns) <= _SHOWN else ""
        unused = ", ".join(each for each in self.given if each not in self.script.used)
        own = name if len(name) <= _LONG else "n"
        how = f"given: {unused}" if unused else f'parameters={{"{own}": 5}}, or a line {own} = param(5)'
        needs = f"a parameter needs a value ({how})"
        self.source.fail(node, f"unknown name {name!r}", hint=f"{has}{needs}, a text needs quotes")
