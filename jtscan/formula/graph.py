"""The graph of a formula: equal sub-expressions are one node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation on other nodes; ``args`` are ids, always smaller than its own, ``params`` hashable constants."""

    op: str
    args: tuple[int, ...] = ()
    params: tuple[Any, ...] = ()


@dataclass(slots=True)
class Graph:
    """Nodes in the order in which they can be computed."""

    nodes: list[Node] = field(default_factory=list)
    _ids: dict[Node, int] = field(default_factory=dict)

    def add(self, op: str, *args: int, params: Iterable[Any] = ()) -> int:
        """Return the id of the node, the same for an equal one.

        A comparison has its number on the right: a number on the left of a
        column that is unknown throughout gives one row in Polars 2.1.
        """
        if op in _MIRRORED and self.nodes[args[0]].op == "number":
            op, args = _MIRRORED[op], args[::-1]
        node = Node(op, args, tuple(params))
        known = self._ids.get(node)
        if known is None:
            known = self._ids[node] = len(self.nodes)
            self.nodes.append(node)
        return known

    def __getitem__(self, node: int) -> Node:
        return self.nodes[node]

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that the roots need, in the order of computation."""
        wanted = set(roots)
        for node in range(len(self.nodes) - 1, -1, -1):
            if node in wanted:
                wanted.update(self.nodes[node].args)
        return sorted(wanted)

    def first_of_run(self, condition: int) -> int:
        """Return the condition on the first bar of each run of bars on which it is true."""
        before = self.add("shift", condition, params=(1,))
        still = self.add("and", before, self.add("not", self.add("isna", before)))
        return self.add("and", condition, self.add("not", still))

    def label(self, node: int, depth: int = 4) -> str:
        """Write a node as a reader of the formula would know it, cut short when deep."""
        this = self.nodes[node]
        if this.op in {"field", "text"}:
            return str(this.params[0])
        if this.op == "number":
            return f"{this.params[0]:g}"
        if depth == 0:
            return "…"
        inner = [self.label(arg, depth - 1) for arg in this.args]
        if this.op == "talib":
            name, output, options = this.params
            values = [f"{value:g}" for _, value in options]
            return f"{name}({', '.join(inner + values)}){f'.{output}' if output else ''}"
        return f"{this.op}({', '.join(inner + [str(value) for value in this.params])})"
