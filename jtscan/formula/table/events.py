"""Crossings, counts of conditions, what is remembered of events, and pivots."""

from __future__ import annotations

from typing import Any

from jtscan.formula.graph import Graph
from jtscan.formula.rows import Arg, Build, Function, Refusal, Want, condition, length, row, series, value
from jtscan.formula.table.words import extreme
from jtscan.formula.values import Kind

_PINE = "Pine Script reference"
_STRICT = Arg(name="strict", want=Want.FLAG, default=False, keyword_only=True)
_PAIR = (value("a"), value("b"), _STRICT)
_SIDES = (length("l"), length("r"))


def rows() -> list[Function]:
    """Return the rows."""
    return [
        row("cross_above", "a rises above b: now a > b and one bar ago a <= b (strict: <)", *_PAIR,
            build=_cross_above, source=_PINE, kind=Kind.CONDITION, aliases=("crossover",)),
        row("cross_below", "a falls below b: now a < b and one bar ago a >= b (strict: >)", *_PAIR,
            build=_cross_below, source=_PINE, kind=Kind.CONDITION, aliases=("crossunder",)),
        row("crosses", "a crosses b, upwards or downwards", *_PAIR, build=_crosses, source=_PINE, kind=Kind.CONDITION),
        row("count", "how many of the last n bars were true", condition(), length(), build=_counted, source=_PINE),
        row("within", "true on at least one of the last n bars", condition(), length(), build=_decided(decision=True),
            source="three-valued any", kind=Kind.CONDITION),
        row("every", "true on each of the last n bars", condition(), length(), build=_decided(decision=False),
            source="three-valued all", kind=Kind.CONDITION),
        row("streak", "how many bars in a row true until now; an unknown bar begins it anew", condition(), build=_streak,
            source="run length"),
        row("barssince", "bars since it was true, 0 = now; unknown before", condition(), build=_barssince, source=_PINE),
        row("valuewhen", "x on the n-th latest bar on which c was true, 0 = the latest", condition(), series(),
            Arg(name="n", want=Want.LENGTH, default=0, least=0, most=100), build=_valuewhen, source=_PINE),
        row("sequence", "c1, then on a later bar c2, …, the last one now, all within n bars", length(), condition("c1"),
            Arg(name="c2", want=Want.CONDITION, required=True, variadic=True), build=_sequence,
            source="chain of events", kind=Kind.CONDITION),
        row("pivothigh", "price of a swing high: above the l bars before and the r bars after; known r bars later, and "
            "placed there", series("x", "high"), *_SIDES, build=_pivot("max", "gt"), source=_PINE),
        row("pivotlow", "price of a swing low: below the l bars before and the r bars after; known r bars later, and "
            "placed there", series("x", "low"), *_SIDES, build=_pivot("min", "lt"), source=_PINE),
    ]  # fmt: skip


def _crossing(now: str, before: str, strict_before: str) -> Build:
    def build(graph: Graph, *, a: int, b: int, strict: bool) -> int:
        was = graph.add(strict_before if strict else before, a, b)
        return graph.add("and", graph.add(now, a, b), graph.add("shift", was, params=(1,)))

    return build


_cross_above = _crossing("gt", "le", "lt")
_cross_below = _crossing("lt", "ge", "gt")


def _crosses(graph: Graph, **arguments: Any) -> int:
    return graph.add("or", _cross_above(graph, **arguments), _cross_below(graph, **arguments))


def _counted(graph: Graph, *, c: int, n: int) -> int:
    return graph.add("count", c, params=(n,))


def _decided(decision: bool) -> Build:  # noqa: FBT001 - the answer that one bar decides
    def build(graph: Graph, *, c: int, n: int) -> int:
        decides = c if decision else graph.add("not", c)
        hit = graph.add("latest_row", decides)
        unknown = graph.add("latest_row", graph.add("isna", c))
        return graph.add("decided", hit, unknown, params=(n, decision))

    return build


def _streak(graph: Graph, *, c: int) -> int:
    return graph.add("streak", c)


def _barssince(graph: Graph, *, c: int) -> int:
    return graph.add("since", graph.add("last_true", c))


def _valuewhen(graph: Graph, *, c: int, x: int, n: int) -> int:
    at = last = graph.add("last_true", c)
    if n:
        earlier = graph.add("earlier_true", last)
        for _ in range(n):
            at = graph.add("follow", at, earlier)
    return graph.add("take", x, at)


def _sequence(graph: Graph, *, n: int, c1: int, c2: list[int]) -> int:
    *middle, last = c2
    if n <= len(c2):
        raise Refusal(f"sequence: {len(c2) + 1} events on bars of their own do not fit into n = {n} bars")
    chain = graph.add("chain_begins", c1)
    for event in middle:
        chain = graph.add("chain_goes_on", chain, event)
    return graph.add("chain_ends", chain, last, params=(n,))


def _pivot(name: str, beyond: str) -> Build:
    def build(graph: Graph, *, x: int, l: int, r: int) -> int:  # noqa: E741 - left, as everywhere
        pivot = graph.add("shift", x, params=(r,))
        before = graph.add("shift", extreme(name)(graph, x=x, n=l), params=(r + 1,))
        after = extreme(name)(graph, x=x, n=r)
        strict = graph.add("and", graph.add(beyond, pivot, before), graph.add(beyond, pivot, after))
        return graph.add("where", strict, pivot)

    return build
