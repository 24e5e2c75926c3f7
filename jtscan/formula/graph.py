"""The graph of a formula: equal sub-expressions are one node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jtscan.domain.dates import Timeframe
from jtscan.formula.frames import BASE, Frame
from jtscan.formula.labels import write
from jtscan.formula.plan import MEMBER

_CONDITIONS = frozenset({
    "gt", "ge", "lt", "le", "eq", "ne", "and", "or", "not", "is", "in", "isna", "truth", "decided", "chain_ends",
})  # fmt: skip
_HANDED_ON = {"shift": 0, "if": 1, "take": 0, "where": 1, "period": 0, "ref": 0}
"""Operations that give what they are given: which of their arguments."""

_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation on other nodes; ``args`` are ids, always smaller than its own, ``params`` hashable constants.

    ``frame`` tells whose bars it is computed on: each symbol's own, those of
    a longer period, those of another symbol.
    """

    op: str
    args: tuple[int, ...] = ()
    params: tuple[Any, ...] = ()
    frame: Frame = BASE


@dataclass(slots=True)
class Graph:
    """Nodes in the order in which they can be computed; ``timeframe`` is that of the bars, None = not known yet."""

    timeframe: Timeframe | None = None
    nodes: list[Node] = field(default_factory=list)
    _ids: dict[Node, int] = field(default_factory=dict)

    def add(self, op: str, *args: int, params: Iterable[Any] = (), frame: Frame = BASE) -> int:
        """Return the id of the node, the same for an equal one.

        A comparison has its number on the right: a number on the left of a
        column that is unknown throughout gives one row in Polars 2.1.
        """
        if op in _MIRRORED and self.nodes[args[0]].op == "number":
            op, args = _MIRRORED[op], args[::-1]
        node = Node(op, args, tuple(params), frame)
        known = self._ids.get(node)
        if known is None:
            known = self._ids[node] = len(self.nodes)
            self.nodes.append(node)
        return known

    def number(self, number: float) -> int:
        """Return the node of a constant."""
        return self.add("number", params=(float(number),))

    def __getitem__(self, node: int) -> Node:
        return self.nodes[node]

    def reachable(self, roots: Iterable[int], *, leaves: frozenset[str] = frozenset()) -> list[int]:
        """Return the nodes that the roots need, in the order of computation; nothing behind those of ``leaves``."""
        wanted = set(roots)
        for node in range(max(wanted, default=-1), -1, -1):
            if node in wanted and self.nodes[node].op not in leaves:
                wanted.update(self.nodes[node].args)
        return sorted(wanted)

    def on_period(self, root: int, period: str) -> int:
        """Return the same expression on the bars of a longer period; a reference in it is read there too."""
        return self._moved(root, lambda frame: replace(frame, period=period))

    def on_bars(self, root: int) -> int:
        """Return the same expression on the bars as they are."""
        return self._moved(root, lambda frame: replace(frame, period=None))

    def of_symbol(self, root: int, symbol: str) -> int:
        """Return the same expression on the bars of another symbol; what is of a third one stays."""
        return self._moved(root, lambda frame: frame if frame.symbol else replace(frame, symbol=symbol))

    def _moved(self, root: int, move: Callable[[Frame], Frame]) -> int:
        made: dict[int, int] = {}
        for at in self.reachable([root]):
            node = self.nodes[at]
            args = (made[arg] for arg in node.args)
            made[at] = self.add(node.op, *args, params=node.params, frame=move(node.frame))
        return made[root]

    def is_condition(self, node: int) -> bool:
        """Whether it is true or false on a bar, not a number."""
        this = self.nodes[node]
        if this.op == "cross":
            return bool(this.params[0].truth)
        if this.op in _HANDED_ON:
            return self.is_condition(this.args[_HANDED_ON[this.op]])
        return this.op in _CONDITIONS

    def is_leaf(self, node: int) -> bool:
        """Whether it is a field, a label or a constant."""
        return not self.nodes[node].args and self.nodes[node].op in {"field", "text", "number", "truth"}

    def first_of_run(self, condition: int) -> int:
        """Return the condition on the first bar of each run of bars on which it is true."""
        before = self.add("shift", condition, params=(1,))
        still = self.add("and", before, self.add("not", self.add("isna", before)))
        return self.add("and", condition, self.add("not", still))

    def of_members(self, condition: int) -> int:
        """Return the condition on the days on which the symbol is a member."""
        return self.add("and", self.add("text", params=(MEMBER,)), condition)

    def label(self, node: int, depth: int = 4, names: Mapping[int, str] | None = None) -> str:
        """Write a node as a reader of the formula would know it, cut short when deep; ``names`` stand for parts."""
        return write(self, node, depth, names or {})[0]
