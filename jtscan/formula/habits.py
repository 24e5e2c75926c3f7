"""Conditions that are right as a formula and never what was meant."""

from __future__ import annotations

from collections.abc import Iterable

from jtscan.formula.graph import Graph
from jtscan.formula.talib import TalibCall

_NEVER_ABOVE = {"high": {"open", "high", "low", "close"}}
_NEVER_BELOW = {"low": {"open", "high", "low", "close"}}

_PER_CENT = (0.0, 100.0)
_INDICATORS = {
    **dict.fromkeys(
        ("rsi", "adx", "adxr", "dx", "plus_di", "minus_di", "mfi", "stoch", "stochf", "stochrsi", "aroon", "ultosc",
         "percentrank", "imi"), _PER_CENT),
    **dict.fromkeys(("cmo", "aroonosc"), (-100.0, 100.0)),
    "willr": (-100.0, 0.0),
    "correl": (-1.0, 1.0),
}  # fmt: skip
_CLOCK = {"dayofweek": (1.0, 7.0), "month": (1.0, 12.0), "hour": (0.0, 23.0), "minute": (0.0, 59.0)}


def habits(graph: Graph, roots: Iterable[int]) -> tuple[str, ...]:
    """Name the comparisons that can never hold.

    With a highest or lowest value that this bar itself is part of, or with a
    number outside of what a function gives.
    """
    found = (_own_window(graph, at) or _out_of_bounds(graph, at) for at in graph.reachable(roots))
    return tuple(dict.fromkeys(each for each in found if each))


def _own_window(graph: Graph, at: int) -> str | None:
    node = graph[at]
    if node.op not in {"gt", "lt"}:
        return None
    smaller, larger = node.args if node.op == "lt" else node.args[::-1]
    window = _extreme(graph, smaller, "max", larger, _NEVER_ABOVE)
    if window is None:
        window = _extreme(graph, larger, "min", smaller, _NEVER_BELOW)
    if window is None:
        return None
    label = graph.label(window)
    return f"{graph.label(at)} can never hold: {label} has this bar in it; did you mean {label}[1]?"


def _extreme(graph: Graph, window: int, name: str, other: int, never: dict[str, set[str]]) -> int | None:
    """Whether a window is of this kind, and the other side can never lie beyond it."""
    call = graph[window].params[0] if graph[window].op == "indicator" else None
    if not isinstance(call, TalibCall) or call.name != name:
        return None
    (inside,) = graph[window].args
    if inside == other:
        return window
    fields = [str(graph[each].params[0]) if graph[each].op == "field" else "" for each in (inside, other)]
    same_bars = graph[inside].frame == graph[other].frame
    return window if same_bars and fields[1] in never.get(fields[0], ()) else None


def _out_of_bounds(graph: Graph, at: int) -> str | None:
    """A number stands on the right of a comparison: the graph puts it there."""
    node = graph[at]
    if node.op not in {"gt", "ge", "lt", "le", "eq"} or graph[node.args[1]].op != "number":
        return None
    bounds = _bounds(graph, node.args[0])
    if bounds is None or not _beyond(node.op, *bounds, float(graph[node.args[1]].params[0])):
        return None
    low, high = bounds
    return f"{graph.label(at)} can never hold: {graph.label(node.args[0])} lies between {low:g} and {high:g}"


def _beyond(comparison: str, low: float, high: float, number: float) -> bool:
    """Whether what lies between two bounds can never compare so with a number."""
    match comparison:
        case "gt":
            return number >= high
        case "ge":
            return number > high
        case "lt":
            return number <= low
        case "le":
            return number < low
    return not low <= number <= high


def _bounds(graph: Graph, at: int) -> tuple[float, float] | None:
    node = graph[at]
    if node.op == "cross" and node.params[0].kind == "rank":
        return 0.0, 1.0
    if node.op == "indicator" and isinstance(node.params[0], TalibCall):
        return _INDICATORS.get(node.params[0].name)
    return _CLOCK.get(node.op)
