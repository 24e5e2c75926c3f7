"""``developing=True``: what x would be if the running period ended with this bar.

The value of the running period is written with operations on the bars as they
are: its fields so far, joined with the completed periods before. Recursions
would have to be stepped once per bar from the last period's state, which
TA-Lib does not give: they are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jtscan.formula.graph import Graph, Node
from jtscan.formula.rows import Refusal
from jtscan.formula.talib import TalibCall

Made = Mapping[int, int]
"""A node on the bars: the same on the running period."""

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


def _running(graph: Graph, at: int, made: Made, period: str) -> int:
    node = graph[at]
    if node.op in _AS_THEY_ARE:
        return at
    if node.op in _BAR_BY_BAR:
        return graph.add(node.op, *(made[arg] for arg in node.args), params=node.params)
    known = _KNOWN.get(node.op)
    running = None if known is None else known(graph, at, made, period)
    if running is None:
        raise Refusal(
            f"developing=True cannot say what {graph.label(at)} would be",
            "it is for fields, arithmetic, [n], and highest, lowest, sum, sma, change, count, within, every",
        )
    return running


def _field(graph: Graph, at: int, _: Made, period: str) -> int:
    return graph.add("running", at, params=(period, graph[at].params[0]))


def _shift(graph: Graph, at: int, _: Made, period: str) -> int:
    return _completed(graph, graph[at].args[0], period, back=graph[at].params[0])


def _indicator(graph: Graph, at: int, made: Made, period: str) -> int | None:
    """Join the running period with the completed ones before it; a recursion cannot be."""
    node = graph[at]
    call = node.params[0]
    if not isinstance(call, TalibCall) or call.name not in {*_JOINED, "mom"}:
        return None
    n, (arg,) = int(dict(call.options)["timeperiod"]), node.args
    if call.name == "mom":
        return graph.add("sub", made[arg], _completed(graph, arg, period, back=n))
    before = _completed(graph, _shorter(graph, call.name, arg, n - 1), period, back=1)
    joined = graph.add(_JOINED[call.name], made[arg], before)
    return graph.add("div", joined, graph.number(n)) if call.name == "sma" else joined


def _count(graph: Graph, at: int, made: Made, period: str) -> int:
    now = graph.add("if", made[graph[at].args[0]], graph.number(1), graph.number(0))
    before = _shorter_condition(graph, graph[at], period)
    return now if before is None else graph.add("add", now, before)


def _latest(graph: Graph, at: int, made: Made, _: str) -> int:
    return made[graph[at].args[0]]


def _decided(graph: Graph, at: int, made: Made, period: str) -> int:
    """Within: now, or within the periods before; every: now, and on every one before."""
    node = graph[at]
    decides, before = made[node.args[0]], _shorter_condition(graph, node, period)
    now = decides if node.params[1] else graph.add("not", decides)
    return now if before is None else graph.add("or" if node.params[1] else "and", now, before)


_KNOWN: dict[str, Callable[[Graph, int, Made, str], int | None]] = {
    "field": _field,
    "shift": _shift,
    "indicator": _indicator,
    "count": _count,
    "latest_row": _latest,
    "decided": _decided,
}


def _completed(graph: Graph, at: int, period: str, *, back: int) -> int:
    """Read x on the period so many before the running one."""
    return graph.add("period", graph.on_period(at, period), params=(period, back))


def _shorter_condition(graph: Graph, node: Node, period: str) -> int | None:
    """The same count over the n - 1 completed periods before the running one."""
    n = int(node.params[0])
    if n == 1:
        return None
    return _completed(graph, graph.add(node.op, *node.args, params=(n - 1, *node.params[1:])), period, back=1)


def _shorter(graph: Graph, name: str, arg: int, n: int) -> int:
    if n == 1:
        return arg
    window = "sum" if name == "sma" else name
    return graph.add("indicator", arg, params=(TalibCall(window, None, (("timeperiod", n),)),))
