"""In what the parts of a formula are counted: in prices, in shares traded, or in something of their own.

It is worked out over the graph, from the fields to the signals, and never by looking at values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from jtscan.domain.history import Scale
from jtscan.formula import fields, talib
from jtscan.formula.graph import Graph, Node
from jtscan.formula.talib import TalibCall

_LEAST, _MOST = 1 / 3, 3.0
"""How many prices may be read on the scale of prices: beyond, a chart would be squeezed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted (None: a bare number), and how many of it.

    A price is 1 of ``PRICE``, a difference of two is 0, ``1.3 * close`` is
    1.3; of a bare number it is the number.
    """

    of: Scale | None
    weight: float = 0.0

    @property
    def scale(self) -> Scale:
        """The scale on which it can be read."""
        if self.of is Scale.PRICE and _LEAST <= self.weight <= _MOST:
            return Scale.PRICE
        return Scale.VOLUME if self.of is Scale.VOLUME and self.weight > 0 else Scale.OWN


OWN = Unit(Scale.OWN)
Rule = Callable[[Node, Sequence[Unit]], Unit]


class Units:
    """The units of a graph's nodes; those that are added later are found too."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: list[Unit] = []

    def __getitem__(self, at: int) -> Unit:
        for node in self._graph.nodes[len(self._known) : at + 1]:
            rule = _RULES.get(node.op)
            self._known.append(OWN if rule is None else rule(node, [self._known[arg] for arg in node.args]))
        return self._known[at]


def kept(node: Node) -> int | None:
    """Which argument of a node comes out in its own unit, averaged or at another time; None = none does."""
    if node.op == "indicator":
        return node.args[0] if isinstance(node.params[0], TalibCall) and node.params[0].name in _levels() else None
    return node.args[_KEPT[node.op]] if node.op in _KEPT else None


_KEPT = {"shift": 0, "take": 0, "period": 0, "running": 0, "highest_yet": 0, "lowest_yet": 0, "round": 0, "floor": 0,
         "ceil": 0, "nz": 0, "where": 1}  # fmt: skip

_MORE_LEVELS = {
    "max",
    "min",
    "minmax",
    "linearreg",
    "linearreg_intercept",
    "tsf",
    "percentile",
    "vwap",
    "ceil",
    "floor",
}
_NO_LEVELS = {"sarext", "avgdev"}
_SPREADS = {"stddev", "avgdev", "mom", "linearreg_slope", "atr", "trange", "adr", "macd", "macdext", "macdfix", "apo"}
"""Differences of what goes in: added to a level they give a level."""


@cache
def _levels() -> frozenset[str]:
    """TA-Lib's functions that give a level of what goes in first: averages, bands, extremes, lines."""
    groups = talib.groups()
    return frozenset({*groups["Overlap Studies"], *groups["Price Transform"], *_MORE_LEVELS} - _NO_LEVELS)


def _field(node: Node, _: Sequence[Unit]) -> Unit:
    name = str(node.params[0])
    if node.frame.symbol is not None or name not in fields.PRICES:
        return OWN
    return Unit(Scale.VOLUME if name == "volume" else Scale.PRICE, 1.0)


def _number(node: Node, _: Sequence[Unit]) -> Unit:
    return Unit(None, float(node.params[0]))


def _kept(node: Node, units: Sequence[Unit]) -> Unit:
    return units[_KEPT[node.op]]


def _of_longer_bars(_: Node, units: Sequence[Unit]) -> Unit:
    """More is traded in a week than on a day; prices are prices."""
    return OWN if units[0].of is Scale.VOLUME else units[0]


def _sum(sign: int) -> Rule:
    def rule(_: Node, units: Sequence[Unit]) -> Unit:
        one, other = units
        if one.of is None or other.of is None:
            return one if other.of is None else Unit(other.of, sign * other.weight)
        return Unit(one.of, one.weight + sign * other.weight) if one.of is other.of else OWN

    return rule


def _product(_: Node, units: Sequence[Unit]) -> Unit:
    one, other = units
    if one.of is not None and other.of is not None:
        return OWN
    return Unit(one.of or other.of, one.weight * other.weight)


def _quotient(_: Node, units: Sequence[Unit]) -> Unit:
    one, other = units
    return Unit(one.of, one.weight / other.weight) if other.of is None and other.weight else OWN


def _negative(_: Node, units: Sequence[Unit]) -> Unit:
    return Unit(units[0].of, -units[0].weight)


def _size(_: Node, units: Sequence[Unit]) -> Unit:
    return Unit(units[0].of, abs(units[0].weight))


def _either(node: Node, units: Sequence[Unit]) -> Unit:
    """One of several values: of one unit, or of none; numbers go with any."""
    values = units[1:] if node.op == "if" else units
    counted = [each for each in values if each.of is not None]
    if len({each.of for each in counted}) > 1:
        return OWN
    return counted[0] if counted else values[0]


def _indicator(node: Node, units: Sequence[Unit]) -> Unit:
    call = node.params[0]
    if not isinstance(call, TalibCall) or call.output == "trend":
        return OWN
    if call.name in _SPREADS:
        return Unit(units[0].of, 0.0)
    return units[0] if call.name in _levels() else OWN


_RULES: dict[str, Rule] = {
    "field": _field,
    "number": _number,
    **dict.fromkeys(_KEPT, _kept),
    "period": _of_longer_bars,
    "running": _of_longer_bars,
    "add": _sum(1),
    "sub": _sum(-1),
    "mul": _product,
    "div": _quotient,
    "neg": _negative,
    "abs": _size,
    **dict.fromkeys(("if", "max", "min", "nz"), _either),
    "indicator": _indicator,
}
"""What is not here is counted in something of its own."""
