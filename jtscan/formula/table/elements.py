"""Functions that look at one bar."""

from __future__ import annotations

from jtscan.formula.graph import Graph
from jtscan.formula.rows import Arg, Build, Function, Want, either, row, series, value
from jtscan.formula.values import Kind

_SEVERAL = (value("a"), Arg(name="b", want=Want.VALUE, required=True, variadic=True))


def rows() -> list[Function]:
    """Return the rows."""
    return [
        row("max", "the larger of several values on the same bar", *_SEVERAL, build=_folded("max"), source="bar by bar"),
        row("min", "the smaller of several values on the same bar", *_SEVERAL, build=_folded("min"), source="bar by bar"),
        _elementwise("abs", "absolute value", series()),
        _elementwise("sqrt", "square root; unknown below 0", series()),
        _elementwise("log", "natural logarithm; unknown at or below 0", series()),
        _elementwise("exp", "e to the power of x", series()),
        _elementwise("round", "nearest whole number, half away from zero", series()),
        _elementwise("floor", "largest whole number not above x", series()),
        _elementwise("ceil", "smallest whole number not below x", series()),
        _elementwise("sign", "1, 0 or -1", series()),
        _elementwise("nz", "x, or instead of unknown another value", series(), Arg(name="instead", want=Want.VALUE, default=0)),
        _elementwise("isna", "whether x is unknown", either(), kind=Kind.CONDITION),
        row("ffill", "the last known value of x", series(), build=_ffill, source="valuewhen(not isna(x), x)"),
    ]  # fmt: skip


def _elementwise(name: str, doc: str, *args: Arg, kind: Kind = Kind.SERIES) -> Function:
    """Make the row of the operation of its own name."""

    def build(graph: Graph, **arguments: int) -> int:
        return graph.add(name, *arguments.values())

    return row(name, doc, *args, build=build, source="IEEE arithmetic", kind=kind)


def _folded(op: str) -> Build:
    def build(graph: Graph, *, a: int, b: list[int]) -> int:
        for each in b:
            a = graph.add(op, a, each)
        return a

    return build


def _ffill(graph: Graph, *, x: int) -> int:
    known = graph.add("not", graph.add("isna", x))
    return graph.add("take", x, graph.add("last_true", known))
