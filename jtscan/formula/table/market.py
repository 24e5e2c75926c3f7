"""Functions across symbols, of another symbol, and of longer periods."""

from __future__ import annotations

from jtscan.domain.dates import Timeframe
from jtscan.errors import RequestError
from jtscan.formula.cross import CrossSection
from jtscan.formula.developing import developed
from jtscan.formula.graph import Graph
from jtscan.formula.rows import Arg, Build, Function, Refusal, Want, either, row, series
from jtscan.formula.values import Kind

_BY = Arg(name="by", want=Want.GROUP, optional=True)
_HOW_MANY = Arg(name="n", want=Want.WHOLE, required=True, least=1)
_WHERE = Arg(name="where", want=Want.CONDITION, optional=True)
_DEVELOPING = Arg(name="developing", want=Want.FLAG, default=False, keyword_only=True)
_AMONG = "among the symbols of the scan that have a bar at that time"


def across_symbols() -> list[Function]:
    """Return the rows of cross-sections."""
    return [
        row("rank", f"place of x {_AMONG}, 0 to 1 = highest", series(), _BY, _WHERE, build=_compared("rank"),
            source="(rank - 1) / (n - 1), ties averaged"),
        row("top", f"whether x is one of the n highest {_AMONG}; ties at the border are in", series(), _HOW_MANY, _BY, _WHERE,
            build=_compared("top"), source="rank from above", kind=Kind.CONDITION),
        row("bottom", f"whether x is one of the n lowest {_AMONG}; ties at the border are in", series(), _HOW_MANY, _BY, _WHERE,
            build=_compared("bottom"), source="rank from below", kind=Kind.CONDITION),
        row("zscore", f"standard deviations of x from the mean {_AMONG}", series(), _BY, _WHERE,
            build=_compared("zscore"), source="divided by n"),
        row("demean", f"x less the mean {_AMONG}", series(), _BY, _WHERE, build=_compared("demean"), source="arithmetic mean"),
        *(_universe(name, what) for name, what in _UNIVERSE.items()),
    ]  # fmt: skip


_UNIVERSE = {
    "mean": "mean of x; of a condition the share for which it is true (market breadth)",
    "median": "median of x",
    "std": "standard deviation of x (divided by n)",
    "sum": "sum of x; of a condition the number for which it is true",
    "count": "how many have a known x",
}


def _universe(name: str, what: str) -> Function:
    return row(f"universe_{name}", f"{what}, {_AMONG}", either(), _BY, _WHERE, build=_compared(f"universe_{name}"),
               source="one number per timestamp")  # fmt: skip


def _compared(kind: str) -> Build:
    def build(graph: Graph, *, x: int, by: int | None, where: int | None, n: int = 0) -> int:
        args = [each for each in (x, by, where) if each is not None]
        section = CrossSection(kind=kind, n=n, by=by is not None, where=where is not None)
        return graph.add("cross", *args, params=(section,))

    return build


def other_bars() -> list[Function]:
    """Return the rows of other symbols and longer periods."""
    return [
        row("ref", "x on the bars of another symbol, where it has a bar of the same time", Arg(name="symbol", want=Want.TEXT, required=True),
            either(), build=_reference, source="join on the timestamp", kind=None),
        row("weekly", "x on weekly bars, as of the last completed week (to Friday)", either(), _DEVELOPING,
            build=_fixed("weekly", Timeframe.W1), source="completed periods", kind=None),
        row("monthly", "x on monthly bars, as of the last completed month", either(), _DEVELOPING,
            build=_fixed("monthly", Timeframe.MO1), source="completed periods", kind=None),
        row("tf", 'x on bars of a longer period, as of the last completed one: tf("60m", x)',
            Arg(name="period", want=Want.TEXT, required=True), either(), _DEVELOPING, build=_named, source="completed periods",
            kind=None),
    ]  # fmt: skip


def _reference(graph: Graph, *, symbol: str, x: int) -> int:
    if any(graph[each].op == "cross" for each in graph.reachable([x])):
        raise Refusal(
            "ref: x is read on the other symbol's own bars, and cannot compare the symbols of the scan",
            "ref goes inside: rank(close / ref(…, close))",
        )
    symbol = symbol.strip()
    if not symbol:
        raise Refusal("ref: the symbol is empty", 'such as ref("KOSPI200", close)')
    return graph.add("ref", graph.of_symbol(x, symbol), params=(symbol,))


def _fixed(name: str, period: Timeframe) -> Build:
    def build(graph: Graph, *, x: int, developing: bool) -> int:
        return _on_period(graph, name, period, x, developing=developing)

    return build


def _named(graph: Graph, *, period: str, x: int, developing: bool) -> int:
    try:
        known = Timeframe.parse(period)
    except RequestError as error:
        raise Refusal(f"tf: {str(error).partition(': ')[2]}") from None
    return _on_period(graph, "tf", known, x, developing=developing)


def _on_period(graph: Graph, name: str, period: Timeframe, x: int, *, developing: bool) -> int:
    if any(graph[each].frame.period or graph[each].op == "running" for each in graph.reachable([x])):
        raise Refusal(
            f"{name}: x is on bars of a longer period already",
            "periods are not nested: write one beside the other, weekly(…) and monthly(…)",
        )
    bars = graph.timeframe
    if bars is not None and not period.longer_than(bars):
        raise Refusal(f"{name}: the bars of this scan are {bars}; the period must be longer, {period} is not")
    if developing:
        return developed(graph, x, str(period))
    return graph.add("period", graph.on_period(x, str(period)), params=(str(period), None))
