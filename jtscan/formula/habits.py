"""Conditions that are right as a formula and never what was meant."""

from __future__ import annotations

from collections.abc import Iterable

from jtscan.formula.graph import Graph, Node
from jtscan.formula.talib import TalibCall

_NEVER_ABOVE = {"high": {"open", "high", "low", "close"}}
_NEVER_BELOW = {"low": {"open", "high", "low", "close"}}


def habits(graph: Graph, roots: Iterable[int]) -> tuple[str, ...]:
    """Name the comparisons that can never hold: with a highest or lowest value that this bar itself is part of."""
    found = (_never(graph, graph[at], at) for at in graph.reachable(roots))
    return tuple(dict.fromkeys(each for each in found if each))


def _never(graph: Graph, node: Node, at: int) -> str | None:
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
