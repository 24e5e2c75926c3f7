"""Graph → plan: which passes there are, in what order, and what each needs.

stages.py    which nodes are columns, and in which step each is made
warmup.py    how much history that needs
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jtscan.formula.graph import Graph
from jtscan.formula.habits import habits
from jtscan.formula.ops import GATHERED
from jtscan.formula.plan import Gathered, Pass, Plan, column
from jtscan.formula.stages import Stages
from jtscan.formula.warmup import Needs, lookbacks, periods, work_out

Group = tuple[str | None, list[int]]
"""Nodes that are gathered in one pass: over another symbol, or (None) over the universe."""


def make_plan(graph: Graph, signals: Mapping[str, int], columns: Mapping[str, int]) -> Plan:
    """Turn a graph into passes of steps."""
    roots = [*signals.values(), *columns.values()]
    used = graph.reachable(roots)
    known = lookbacks(graph)
    return Plan(
        signals={name: column(node) for name, node in signals.items()},
        columns={name: column(node) for name, node in columns.items()},
        passes=tuple(_passes(graph, roots)),
        lookback=max(known[node] for node in signals.values()),
        periods=periods(graph, signals.values()),
        unseen=any(getattr(each, "unseen", False) for at in used for each in graph[at].params),
        notes=habits(graph, roots),
        labels=tuple(dict.fromkeys(pair for at in used for pair in _labels(graph, at))),
        repaints=tuple(dict.fromkeys(graph.label(at) for at in used if _repaints(graph, at))),
    )


def _labels(graph: Graph, at: int) -> list[tuple[str, str]]:
    """Which labels of symbols a comparison asks for."""
    node = graph[at]
    if node.op not in {"is", "in"} or graph[node.args[0]].op != "text":
        return []
    return [(str(graph[node.args[0]].params[0]), str(text)) for text in node.params]


def _repaints(graph: Graph, at: int) -> bool:
    return graph[at].op == "running"


def _passes(graph: Graph, roots: list[int]) -> Iterable[Pass]:
    """Order the passes: what gathers comes before those that read it."""
    gathering = groups(graph, roots)
    position = {at: number for number, (_, members) in enumerate(gathering) for at in members}
    for symbol, members in gathering:
        yield _pass(graph, [arg for at in members for arg in graph[at].args], position, symbol, members)
    yield _pass(graph, roots, position)


def groups(graph: Graph, roots: Iterable[int]) -> list[Group]:
    """What is gathered together: of one level and one symbol, or of one level and the universe.

    A comparison on another symbol's bars does not exist, so a level's symbol
    says on whose bars it is gathered.
    """
    level: dict[int, int] = {}
    found: dict[tuple[int, str], list[int]] = {}
    for at in graph.reachable(roots):
        node = graph[at]
        level[at] = max((level[arg] for arg in node.args), default=0)
        if node.op in GATHERED:
            level[at] += 1
            found.setdefault((level[at], str(node.params[0]) if node.op == "ref" else ""), []).append(at)
    return [(symbol or None, members) for (_, symbol), members in sorted(found.items())]


def _pass(
    graph: Graph, roots: list[int], position: Mapping[int, int], symbol: str | None = None, members: Iterable[int] = ()
) -> Pass:
    needs = work_out(graph, roots)
    used = [graph[at] for at in graph.reachable(roots, leaves=GATHERED)]
    moved = [settle.node for settle in needs.settles]
    return Pass(
        steps=Stages(graph, roots).steps(),
        settling=Stages(graph, [*roots, *moved]).steps() if moved else (),
        settles=tuple(settle.made() for settle in needs.settles),
        reads=tuple(dict.fromkeys(str(node.params[0]) for node in used if node.op == "field")),
        texts=tuple(dict.fromkeys(str(node.params[0]) for node in used if node.op == "text")),
        warmup=needs.bars,
        symbol=symbol,
        gathers=tuple(_gathered(graph, at) for at in members),
        needs=_earlier(needs, position),
    )


def _earlier(needs: Needs, position: Mapping[int, int]) -> dict[int, int | None]:
    """From how many bars before its range a pass reads each earlier pass."""
    found: dict[int, int | None] = {}
    for at, bars in needs.gathered.items():
        before = found.get(position[at], 0)
        found[position[at]] = None if bars is None or before is None else max(before, bars)
    return found


def _gathered(graph: Graph, at: int) -> Gathered:
    node = graph[at]
    return Gathered(
        column=column(at),
        inputs=tuple(column(arg) for arg in node.args),
        label=graph.label(at),
        section=node.params[0] if node.op == "cross" else None,
        period=graph[node.args[0]].frame.period or "",
        truth=graph.is_condition(at),
    )
