"""The fields that every formula knows without asking the price files for a column of that name."""

from __future__ import annotations

from collections.abc import Callable

from jtscan.formula.graph import Graph

PRICES = ("open", "high", "low", "close", "volume")
TEXTS = ("symbol", "name", "market", "sector")
LETTERS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
CLOCK = ("bar_index", "date", "dayofweek", "month", "year", "hour", "minute")
RESERVED = ("timestamp", "signal_type")


def _price(graph: Graph, name: str) -> int:
    return graph.add("field", params=(name,))


def _mean(*names: str) -> Callable[[Graph], int]:
    """Average in TA-Lib's order of addition, so that its bits are TA-Lib's."""

    def build(graph: Graph) -> int:
        total = _price(graph, names[0])
        for name in names[1:]:
            total = graph.add("add", total, _price(graph, name))
        return graph.add("div", total, graph.add("number", params=(float(len(names)),)))

    return build


AVERAGES = {
    "hl2": _mean("high", "low"),
    "hlc3": _mean("high", "low", "close"),
    "ohlc4": _mean("high", "low", "close", "open"),
}

NUMERIC = (*PRICES, *AVERAGES, *CLOCK)
ALL = (*NUMERIC, *TEXTS)


def build(graph: Graph, name: str) -> int:
    """Return the node of a numeric field."""
    if name in AVERAGES:
        return AVERAGES[name](graph)
    return graph.add(name) if name in CLOCK else _price(graph, name)
