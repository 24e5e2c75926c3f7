"""Nodes of a graph as a reader of the formula would write them, for errors and explanations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jtscan.formula.graph import Graph, Node

Written = tuple[str, int]
"""A text, and how tightly it binds."""

_INFIX = {
    "or": ("or", 1), "and": ("and", 2), "gt": (">", 4), "ge": (">=", 4), "lt": ("<", 4), "le": ("<=", 4),
    "eq": ("==", 4), "ne": ("!=", 4), "add": ("+", 5), "sub": ("-", 5), "mul": ("*", 6), "div": ("/", 6),
    "mod": ("%", 6), "pow": ("**", 8),
}  # fmt: skip
_PREFIX = {"not": ("not ", 3), "neg": ("-", 7)}
_BANDS = {"upperband": "upper", "middleband": "mid", "lowerband": "lower"}
_OURS: dict[str, tuple[str, dict[str, str], int | None]] = {
    "max": ("highest", {}, None),
    "min": ("lowest", {}, None),
    "stddev": ("stdev", {}, 1),
    "mom": ("change", {}, None),
    "trange": ("tr", {}, None),
    "correl": ("corr", {}, None),
    "linearreg": ("linreg", {}, None),
    "linearreg_slope": ("slope", {}, None),
    "bbands": ("bb", _BANDS, 2),
    "donchian": ("donchian", _BANDS, None),
    "macd": ("macd", {"macd": "line", "macdsignal": "signal", "macdhist": "hist"}, None),
    "supertrend": ("supertrend", {"supertrend": "line", "trend": "direction"}, None),
}
"""TA-Lib's function: our word, our outputs, how many of its numbers are shown."""
_ATOM = 10


def write(graph: Graph, at: int, depth: int, names: Mapping[int, str]) -> Written:
    """Write a node; where the depth ends stands an ellipsis."""
    node = graph[at]
    if node.op in {"field", "text"}:
        return str(node.params[0]), _ATOM
    if node.op in {"number", "truth"}:
        return f"{node.params[0]:g}" if node.op == "number" else str(node.params[0]), _ATOM
    if depth == 0:
        return "…", _ATOM
    inner = [(names[arg], _ATOM) if arg in names else write(graph, arg, depth - 1, names) for arg in node.args]
    if node.op in _INFIX:
        return _infix(node, inner)
    if node.op in _PREFIX:
        sign, binds = _PREFIX[node.op]
        return f"{sign}{_enclosed(inner[0], binds)}", binds
    return _WRITTEN.get(node.op, _call)(node, inner), _ATOM


def _enclosed(part: Written, binds: int) -> str:
    return part[0] if part[1] >= binds else f"({part[0]})"


def _infix(node: Node, inner: list[Written]) -> Written:
    sign, binds = _INFIX[node.op]
    left, right = inner
    return f"{_enclosed(left, binds)} {sign} {_enclosed(right, binds + 1)}", binds


def _call(node: Node, inner: list[Written]) -> str:
    if not node.args and not node.params:
        return node.op  # dayofweek and its kin
    shown = [text for text, _ in inner] + [str(value) for value in node.params if value is not None]
    return f"{node.op}({', '.join(shown)})"


def _indicator(node: Node, inner: list[Written]) -> str:
    """Write a call as in the language: prices that a function takes by itself are not shown."""
    call = node.params[0]
    ours, outputs, count = _OURS.get(call.name, (call.name, {}, None))
    implied = getattr(call, "implied", ())
    given = [text for position, (text, _) in enumerate(inner) if position not in implied]
    output = outputs.get(call.output, call.output)
    return f"{ours}({', '.join([*given, *call.shown[:count]])}){f'.{output}' if output else ''}"


def _compared(node: Node, inner: list[Written]) -> str:
    section = node.params[0]
    (x, _), *rest = inner
    names = [name for name, there in (("by", section.by), ("where", section.where)) if there]
    shown = [f"{name}={text}" for name, (text, _) in zip(names, rest, strict=True)]
    return f"{section.kind}({', '.join([x, *([str(section.n)] if section.n else []), *shown])})"


def _choice(_: Node, inner: list[Written]) -> str:
    condition, then, otherwise = (text for text, _ in inner)
    return f"({then} if {condition} else {otherwise})"


def _period(node: Node, inner: list[Written]) -> str:
    name = {"1w": "weekly(", "1mo": "monthly("}.get(node.params[0], f'tf("{node.params[0]}", ')
    developing = ", developing=True" if node.op == "running" else ""
    return f"{name}{inner[0][0]}{developing})"


def _decided(node: Node, inner: list[Written]) -> str:
    n, by_truth = node.params
    decides = inner[0][0]
    return f"within({decides}, {n})" if by_truth else f"every({decides.removeprefix('not ')}, {n})"


def _texts(node: Node, inner: list[Written]) -> str:
    quoted = [f'"{text}"' for text in node.params]
    return f"{inner[0][0]} == {quoted[0]}" if node.op == "is" else f"{inner[0][0]} in ({', '.join(quoted)})"


def _inner(_: Node, inner: list[Written]) -> str:
    return inner[0][0]


_WRITTEN: dict[str, Callable[[Node, list[Written]], str]] = {
    "shift": lambda node, inner: f"{_enclosed(inner[0], 9)}[{node.params[0]}]",
    "indicator": _indicator,
    "cross": _compared,
    "if": _choice,
    "where": lambda _, inner: f"{inner[1][0]} where {inner[0][0]}",
    "is": _texts,
    "in": _texts,
    "period": _period,
    "running": _period,
    "decided": _decided,
    "rest": _inner,
    "latest_row": _inner,
    "last_true": _inner,
    "earlier_true": _inner,
    "follow": _inner,
    "since": lambda _, inner: f"barssince({inner[0][0]})",
    "take": lambda _, inner: f"valuewhen({inner[1][0]}, {inner[0][0]})",
    "chain_begins": _inner,
    "chain_goes_on": lambda _, inner: f"{inner[0][0]}, {inner[1][0]}",
    "chain_ends": lambda node, inner: f"sequence({node.params[0]}, {inner[0][0]}, {inner[1][0]})",
    "ref": lambda node, inner: f'ref("{node.params[0]}", {inner[0][0]})',
}
