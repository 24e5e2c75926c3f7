"""``developing=True``: what x would be if the running period ended with this bar.

The value of the running period is written with operations on the bars as they
are: its fields so far, joined with the completed periods before. Recursions
would have to be stepped once per bar from the last period's state, which
TA-Lib does not give: they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from jtscan.formula.graph import Graph, Node
from jtscan.formula.rows import Refusal
from jtscan.formula.talib import TalibCall

_AS_THEY_ARE = frozenset({"number", "truth", "text", "date", "dayofweek", "month", "year", "hour", "minute"})
_BAR_BY_BAR = frozenset({
    "add", "sub", "mul", "neg", "div", "rest", "mod", "pow", "gt", "ge", "lt", "le", "eq", "ne", "and", "or", "not",
    "is", "in", "if", "max", "min", "abs", "sqrt", "log", "exp", "round", "floor", "ceil", "sign", "nz", "isna",
    "where",
})  # fmt: skip
_JOINED = {"max": "max", "min": "min", "sum": "add", "sma": "add"}


def developed(graph: Graph, root: int, period: str) -> int:
    """Return the value of an expression on the running period.

    Raises
    ------
    Refusal
        For what cannot be known before the period ends.
    """
    made: dict[int, int] = {}
    for at in graph.reachable([root]):
        made[at] = _running(graph, at, made, period)
    return made[root]


def _running(graph: Graph, at: int, made: Mapping[int, int], period: str) -> int:
    node = graph[at]
    if node.op in _AS_THEY_ARE:
        return at
    if node.op == "field":
        return graph.add("running", at, params=(period, node.params[0]))
    if node.op in _BAR_BY_BAR:
        return graph.add(node.op, *(made[arg] for arg in node.args), params=node.params)
    if node.op == "shift":
        return _completed(graph, node.args[0], period, back=node.params[0])
    if node.op == "indicator" and isinstance(node.params[0], TalibCall) and node.params[0].name in _JOINED:
        return _window(graph, node, made, period)
    raise Refusal(
        f"developing=True cannot say what {graph.label(at)} would be",
        "it is for fields, arithmetic, [n], highest, lowest, sum and sma",
    )


def _completed(graph: Graph, at: int, period: str, *, back: int) -> int:
    """Read x on the period so many before the running one."""
    return graph.add("period", graph.on_period(at, period), params=(period, back))


def _window(graph: Graph, node: Node, made: Mapping[int, int], period: str) -> int:
    """Join the running period with the n - 1 completed ones before it."""
    name, (arg,) = node.params[0].name, node.args
    n = int(dict(node.params[0].options)["timeperiod"])
    before = _completed(graph, _shorter(graph, name, arg, n - 1), period, back=1)
    joined = graph.add(_JOINED[name], made[arg], before)
    return graph.add("div", joined, graph.number(n)) if name == "sma" else joined


def _shorter(graph: Graph, name: str, arg: int, n: int) -> int:
    if n == 1:
        return arg
    window = "sum" if name == "sma" else name
    return graph.add("indicator", arg, params=(TalibCall(window, None, (("timeperiod", n),)),))
