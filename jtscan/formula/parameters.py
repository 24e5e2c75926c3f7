"""Parameters: ``fast = param(50, 2, 400)``."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from jtscan.formula.source import MAX_NUMBER, TOO_LARGE, Source

_POSITIONS = ("default", "lowest", "highest")
_WORDS = {*_POSITIONS, "step", "label", "choices"}
_USAGE = "usage: name = param(default, lowest, highest, step=, label=, choices=(…))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A declared parameter: its default, bounds and what a form shows.

    ``value`` is what the formula was compiled with.
    """

    name: str
    default: float
    lowest: float | None = None
    highest: float | None = None
    step: float | None = None
    label: str | None = None
    choices: tuple[float, ...] = ()
    value: float | None = None

    def refuses(self, number: float) -> str | None:
        """Say why a value cannot be taken; None if it can."""
        if self.choices and number not in self.choices:
            return f"{self.name} = {number:g} is none of its choices: {', '.join(f'{each:g}' for each in self.choices)}"
        if self.lowest is not None and number < self.lowest:
            return f"{self.name} = {number:g} is below its lowest value, {self.lowest:g}"
        if self.highest is not None and number > self.highest:
            return f"{self.name} = {number:g} is above its highest value, {self.highest:g}"
        return None

    def with_value(self, number: float) -> Parameter:
        """Return it with the value that a formula was compiled with."""
        return replace(self, value=number)

    def __str__(self) -> str:
        bounds = ""
        if self.choices:
            bounds = f" (one of {', '.join(f'{each:g}' for each in self.choices)})"
        elif self.lowest is not None or self.highest is not None:
            low, high = ("…" if end is None else f"{end:g}" for end in (self.lowest, self.highest))
            bounds = f" ({low} to {high})"
        return f"{self.name} = {self.default if self.value is None else self.value:g}{bounds}"


def declare(source: Source, name: str, call: ast.Call) -> Parameter:
    """Read a declaration; its arguments are plain numbers."""
    given: dict[str, Any] = {}
    if len(call.args) > len(_POSITIONS):
        source.fail(call.args[len(_POSITIONS)], "param takes at most three numbers", hint=_USAGE)
    for position, argument in zip(_POSITIONS, call.args, strict=False):
        given[position] = _number(source, argument)
    for keyword in call.keywords:
        if keyword.arg not in _WORDS or keyword.arg in given:
            what = f"{keyword.arg!r}, or has it twice" if keyword.arg else "'**'"
            source.fail(keyword, f"param has no argument {what}", hint=_USAGE)
        given[keyword.arg] = _read(source, keyword.arg, keyword.value)
    if "default" not in given:
        source.fail(call, "param needs a default", hint=_USAGE)
    return _checked(source, call, Parameter(name=name, **given))


def _checked(source: Source, call: ast.Call, parameter: Parameter) -> Parameter:
    low, high = parameter.lowest, parameter.highest
    if low is not None and high is not None and low > high:
        source.fail(call, f"the lowest value {low:g} is above the highest, {high:g}")
    if parameter.step is not None and parameter.step <= 0:
        source.fail(call, f"step = {parameter.step:g} must be above 0")
    if problem := parameter.refuses(parameter.default):
        source.fail(call, f"the default {problem}")
    return parameter


def _read(source: Source, word: str, node: ast.expr) -> Any:
    if word == "label":
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            source.fail(node, "label is a text in quotes")
        return node.value
    if word == "choices":
        if not isinstance(node, ast.Tuple | ast.List) or not node.elts:
            source.fail(node, "choices are numbers in round brackets", hint="such as choices=(5, 10, 20)")
        return tuple(_number(source, each) for each in node.elts)
    return _number(source, node)


def _number(source: Source, node: ast.expr) -> float:
    sign = 1
    inner = node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, inner = -1, node.operand
    if not isinstance(inner, ast.Constant) or isinstance(inner.value, bool) or not isinstance(inner.value, int | float):
        source.fail(node, "param takes plain numbers", hint=_USAGE)
    if not abs(inner.value) < MAX_NUMBER:
        source.fail(node, TOO_LARGE)
    return sign * inner.value
