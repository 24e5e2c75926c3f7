"""How much history a formula needs (FORMULA 4): added up from the signals down to the fields.

A need is (bars, longer periods): so many bars before the range, and from
there so many periods further back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jtscan.domain.dates import Timeframe
from jtscan.formula.graph import Graph
from jtscan.formula.ops import GATHERED, OPS
from jtscan.formula.plan import Settle, column

_DAYS = {Timeframe.D1: 1, Timeframe.W1: 7, Timeframe.MO1: 33}
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class SettleNode:
    """A condition that tells whether the input of a ratio moved, before it is a column."""

    node: int
    before: int
    bars: int

    def made(self) -> Settle:
        """Return it with the name of its column."""
        return Settle(column=column(self.node), before=self.before, bars=self.bars)


@dataclass(frozen=True, slots=True)
class Reach:
    """So many bars in all, None is all history; ``periods`` of them are longer ones, as bars of the period."""

    bars: int | None
    periods: int = 0


@dataclass(slots=True, kw_only=True)
class Needs:
    """What one pass needs before its range; None is all history.

    ``gathered`` are the nodes made by earlier passes that it reads, ``reaches``
    how far before the range each node makes it read.
    """

    bars: int | None = 0
    settles: list[SettleNode] = field(default_factory=list)
    gathered: dict[int, int | None] = field(default_factory=dict)
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)
    reaches: dict[int, Reach] = field(default_factory=dict)


def most_bars(period: str, timeframe: Timeframe | None) -> int:
    """How many bars a period can hold at the most."""
    longer = Timeframe.parse(period)
    bars = timeframe or (Timeframe.D1 if longer.minutes is None else Timeframe.M1)
    if bars.minutes is None:
        return -(-_DAYS[longer] // _DAYS[bars])
    return (longer.minutes or _DAYS[longer] * _DAY) // bars.minutes


def lookbacks(graph: Graph) -> list[int]:
    """How many first bars, or first longer bars on their own frame, leave each node unknown."""
    known: list[int] = []
    for node in graph.nodes:
        crossing = node.op in {"period", "running", "ref"}
        inner = 0 if crossing else max((known[arg] for arg in node.args), default=0)
        known.append(inner + OPS[node.op].lookback(node))
    return known


def periods(graph: Graph, roots: Iterable[int]) -> dict[str, int]:
    """How many first bars of each longer period leave what is read from there unknown."""
    known = lookbacks(graph)
    found: dict[str, int] = {}
    for at in graph.reachable(roots, leaves=frozenset({"ref"})):
        node = graph[at]
        if node.op == "period":
            period, back = str(node.params[0]), int(node.params[1] or 0)
            found[period] = max(found.get(period, 0), known[node.args[0]] + back)
    return found


def work_out(graph: Graph, roots: Iterable[int]) -> Needs:
    """Work out what a pass needs."""
    needs = Needs()
    wanted = {root: (0, 1 if graph[root].frame.period else 0) for root in roots}
    everything = False
    for at in reversed(graph.reachable(wanted, leaves=GATHERED)):
        node, op = graph[at], OPS[graph[at].op]
        bars, back = needs.parts[at] = wanted[at]
        if node.op in GATHERED:
            needs.gathered[at] = _in_bars(graph, at, bars, back)
            needs.reaches[at] = Reach(_in_bars(graph, at, bars, back), back)
            continue
        forgotten = op.forgets(node)
        settle = _settle(graph, at, bars, forgotten)
        endless = forgotten is None or (settle is not None and not _can_settle(graph, at))
        everything |= endless
        if settle is not None:
            needs.settles.append(settle)
        more = op.lookback(node) + (forgotten or 0)
        needs.reaches[at] = Reach(None) if endless else _reach(graph, at, (bars, back), more)
        for arg in node.args:
            wanted[arg] = _larger(wanted.get(arg, (0, 0)), _of_argument(graph, at, arg, (bars, back), more))
    needs.bars = max((_in_bars(graph, at, *need) for at, need in needs.parts.items()), default=0)
    if everything:
        needs.bars, needs.settles = None, []
        needs.gathered = dict.fromkeys(needs.gathered)
    return needs


def _of_argument(graph: Graph, at: int, arg: int, need: tuple[int, int], more: int) -> tuple[int, int]:
    node, (bars, back) = graph[at], need
    if node.op == "period":
        return bars, int(node.params[1] or 1)
    if node.op == "running":
        return bars + 2 * most_bars(str(node.params[0]), graph.timeframe), 0
    return (bars, back + more) if graph[arg].frame.period else (bars + more, back)


def _reach(graph: Graph, at: int, need: tuple[int, int], more: int) -> Reach:
    """How far before the range a node reads, with what is needed of itself."""
    bars, back = _of_argument(graph, at, at, need, more)
    inside = graph[at].args[0] if graph[at].op == "period" else at
    return Reach(_in_bars(graph, inside, bars, back), back)


def _in_bars(graph: Graph, at: int, bars: int, back: int) -> int:
    """Turn a need into bars: the period at its begin may be cut, and the one at its end be running."""
    period = graph[at].frame.period
    return bars + (back + 2) * most_bars(period, graph.timeframe) if period else bars


def _larger(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])


# ── ratios of recursive sums ─────────────────────────────────────────────────


def _settle(graph: Graph, at: int, before: int, forgotten: int | None) -> SettleNode | None:
    """What must have moved before such a ratio has forgotten its start."""
    moved_by = getattr(graph[at].params[0], "moved_by", None) if graph[at].op == "indicator" else None
    if moved_by is None or not forgotten:
        return None
    return SettleNode(_MOVED[moved_by](graph, graph[at].args), before, forgotten)


def _can_settle(graph: Graph, at: int) -> bool:
    """Whether bars that moved can be counted: not on longer bars, of others, or of what creeps on by itself."""
    if graph[at].frame.period:
        return False
    for each in graph.reachable(graph[at].args):
        node = graph[each]
        if node.op in GATHERED or node.op == "period" or OPS[node.op].forgets(node) != 0:
            return False
    return True


def _changed(graph: Graph, args: tuple[int, ...]) -> int:
    return graph.add("ne", args[0], graph.add("shift", args[0], params=(1,)))


def _directed(graph: Graph, args: tuple[int, ...]) -> int:
    high, low = args[:2]
    up = graph.add("sub", high, graph.add("shift", high, params=(1,)))
    down = graph.add("sub", graph.add("shift", low, params=(1,)), low)
    positive = [graph.add("gt", each, graph.number(0)) for each in (up, down)]
    return graph.add("and", graph.add("ne", up, down), graph.add("or", *positive))


def _ranged(graph: Graph, args: tuple[int, ...]) -> int:
    return graph.add("gt", args[0], args[1])


_MOVED = {"change": _changed, "direction": _directed, "range": _ranged}
"""What "it moved" means: see memory.MOVED_BY."""
