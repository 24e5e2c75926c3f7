"""A compiled text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jtscan.formula.graph import Graph
from jtscan.formula.parameters import Parameter
from jtscan.formula.rows import Function
from jtscan.formula.values import Bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The call that a node came out of: the function, which of its outputs ("" = its only one), the arguments."""

    function: Function
    output: str
    arguments: Mapping[str, Bound]


@dataclass(slots=True, kw_only=True)
class Script:
    """A compiled text: its graph, signals, columns and parameters.

    ``names`` are all assigned expressions, private ones too; ``calls`` tells of
    which call each node came out.
    ``used`` are the given parameters that the text reads; ``unresolved`` the
    names that only data or values can tell, ``open_lengths`` whether a length
    is one of them.
    """

    graph: Graph = field(default_factory=Graph)
    signals: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    calls: dict[int, Called] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)
    open_lengths: bool = False
