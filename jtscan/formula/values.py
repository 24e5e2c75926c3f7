"""What a part of a formula is while it is compiled."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from jtscan.formula.graph import Graph

if TYPE_CHECKING:
    from jtscan.formula.rows import Function


class Kind(StrEnum):
    """What a value is, in the words of the error messages."""

    SERIES = "a series"
    CONDITION = "a condition"
    NUMBER = "a number"
    TEXT = "a text field"
    LITERAL = "a text"
    OUTPUTS = "a function with several outputs"
    UNRESOLVED = "a column or parameter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One checked expression.

    ``node`` is its place in the graph (series, conditions, text fields);
    ``number`` and ``text`` are its constant; ``call`` is what is still to be
    read by one of its outputs.
    """

    kind: Kind
    place: ast.expr
    node: int = -1
    number: float | int = 0
    text: str = ""
    truth: bool | None = None
    call: Call | None = None

    @property
    def numeric(self) -> bool:
        """Whether it can stand in arithmetic."""
        return self.kind in {Kind.SERIES, Kind.NUMBER, Kind.UNRESOLVED}

    def as_node(self, graph: Graph) -> int:
        """Return its node; a number becomes one."""
        if self.kind is Kind.NUMBER:
            return graph.add("number", params=(float(self.number),))
        return self.node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of several outputs with its arguments, waiting to be read."""

    function: Function
    arguments: Mapping[str, Bound] = field(default_factory=dict)


Bound = int | float | bool | str | list[int] | None
"""An argument as the function's row receives it: a node, a number, a flag, a text, nodes, or nothing."""
