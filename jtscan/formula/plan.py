"""Graph → stages: what the engine runs, and how much history that needs.

A plan is a list of steps. A row step adds columns to the whole chunk; a symbol
step computes indicators on each run of known bars. Each node that costs
something is one column, made once; cheap nodes that are read once are inlined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from jtscan.formula import talib
from jtscan.formula.graph import Graph, Node
from jtscan.formula.ops import OPS, Locality, Op

MAX_INLINED = 40
_CONSTANTS = frozenset({"number", "truth"})
_LEAVES = frozenset({"field", "text", "number"})
_DIVISORS = {"div": (1,), "rest": (1,)}
_HANDED_ON = {"if": (1, 2), "max": (0, 1), "min": (0, 1), "nz": (1,)}
"""Arguments that come out as they are, on every bar if it so happens: then Polars takes the column for a scalar."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowStep:
    """Columns added to the whole chunk at once.

    ``constants`` are numbers that are, or may become, divisors, as columns:
    Polars would multiply by the reciprocal of a scalar, which is off by one
    unit in the last place.
    ``checked`` columns may hold infinity or NaN, which become null.
    """

    expressions: tuple[pl.Expr, ...]
    checked: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indicator:
    """One output of an indicator: its column, its expression, and its first ``lookback`` rows, which are unknown."""

    column: str
    expression: pl.Expr
    lookback: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolStep:
    """Indicators that read the same columns, so share runs of known bars.

    ``whole`` evaluates on each symbol's bars whatever is known, as a formula
    of Polars expressions wants.
    """

    inputs: tuple[str, ...]
    indicators: tuple[Indicator, ...]
    whole: bool = False
    drop: tuple[str, ...] = ()


Step = RowStep | SymbolStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Bars on which something must have moved before a ratio of recursive sums has forgotten its start.

    ``column`` is true where it moved; ``bars`` of those must lie more than
    ``before`` bars before the range.
    """

    column: str
    before: int
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What the engine needs to run a formula.

    ``signals`` and ``columns`` map names to columns that the steps make.
    ``reads`` are the columns of the price files, ``texts`` the labels of the
    symbols. ``warmup`` is how many bars before the range are needed, None =
    all history. ``lookback`` is how many first bars of a history leave each
    signal unknown.
    """

    signals: Mapping[str, str]
    columns: Mapping[str, str]
    reads: tuple[str, ...]
    texts: tuple[str, ...]
    steps: tuple[Step, ...]
    settling: tuple[Step, ...]
    settles: tuple[Settle, ...]
    warmup: int | None
    lookback: int


def make_plan(graph: Graph, signals: Mapping[str, int], columns: Mapping[str, int]) -> Plan:
    """Turn a graph into steps."""
    roots = [*signals.values(), *columns.values()]
    warmup, settles = _warmup(graph, roots)
    moved = [node for node, _, _ in settles]
    used = [graph[node] for node in graph.reachable(roots)]
    return Plan(
        signals={name: column(node) for name, node in signals.items()},
        columns={name: column(node) for name, node in columns.items()},
        reads=tuple(dict.fromkeys(str(node.params[0]) for node in used if node.op == "field")),
        texts=tuple(dict.fromkeys(str(node.params[0]) for node in used if node.op == "text")),
        steps=_Stages(graph, roots).steps(),
        settling=_Stages(graph, [*roots, *moved]).steps() if moved else (),
        settles=tuple(Settle(column=column(node), before=before, bars=bars) for node, before, bars in settles),
        warmup=warmup,
        lookback=max(_lookbacks(graph)[node] for node in signals.values()),
    )


def column(node: int) -> str:
    """Name the column of a node; no formula can name it, so no column of the price files is in its way."""
    return f"#n{node}"


def _lookbacks(graph: Graph) -> list[int]:
    """How many first bars of a history leave each node unknown."""
    known: list[int] = []
    for node in graph.nodes:
        inner = max((known[arg] for arg in node.args), default=0)
        known.append(inner + OPS[node.op].lookback(node))
    return known


def _warmup(graph: Graph, roots: Iterable[int]) -> tuple[int | None, list[tuple[int, int, int]]]:
    """Add up from the signals down to the fields how many earlier bars each node must be right on."""
    need = dict.fromkeys(roots, 0)
    settles: list[tuple[int, int, int]] = []
    everything = False
    for at in reversed(graph.reachable(need)):
        node, op = graph[at], OPS[graph[at].op]
        everything |= op.all_history
        settled = _decay(graph, at)
        if settled and (moved := _moved(graph, at)) is not None:
            settles.append((moved, need[at], settled))
        for arg in node.args:
            need[arg] = max(need.get(arg, 0), need[at] + op.lookback(node) + settled)
    return (None if everything else max(need.values(), default=0)), settles


def _decay(graph: Graph, at: int) -> int:
    node = graph[at]
    return talib.decay(str(node.params[0]), dict(node.params[2])) if node.op == "talib" else 0


def _moved(graph: Graph, at: int) -> int | None:
    """Add the condition that the input of a ratio moved on a bar."""
    node = graph[at]
    match talib.MOVED_BY.get(str(node.params[0])):
        case "change":
            return graph.add("ne", node.args[0], graph.add("shift", node.args[0], params=(1,)))
        case "direction":
            high, low = node.args[:2]
            up = graph.add("sub", high, graph.add("shift", high, params=(1,)))
            down = graph.add("sub", graph.add("shift", low, params=(1,)), low)
            return graph.add("and", graph.add("ne", up, down), _any_positive(graph, up, down))
    return None


def _any_positive(graph: Graph, *nodes: int) -> int:
    zero = graph.add("number", params=(0.0,))
    first, second = (graph.add("gt", node, zero) for node in nodes)
    return graph.add("or", first, second)


class _Stages:
    """Decides which nodes are columns, and in which step each is made."""

    def __init__(self, graph: Graph, roots: Iterable[int]) -> None:
        self.graph = graph
        self.roots = set(roots)
        self.used = graph.reachable(self.roots)
        self.readers: dict[int, list[int]] = {at: [] for at in self.used}
        for at in self.used:
            for arg in graph[at].args:
                self.readers[arg].append(at)
        self.checked = {at for at in self.used if self._needs_check(at)}
        self.constant = self._constant_nodes()
        self.sizes: dict[int, int] = {}
        self.columns = self._columns()
        self.slots = self._slots()

    def steps(self) -> tuple[Step, ...]:
        """Order the columns into steps, each dropped after its last reader."""
        slots: dict[tuple[int, int, tuple[int, ...]], list[int]] = {}
        for at in self.used:
            if at in self.columns:
                slots.setdefault(self.slots[at], []).append(at)
        ordered = [members for _, members in sorted(slots.items())]
        last = self._last_reader(ordered)
        return tuple(
            self._step(members, tuple(column(at) for at, step in last.items() if step == position))
            for position, members in enumerate(ordered)
        )

    def _op(self, at: int) -> Op:
        return OPS[self.graph[at].op]

    def _needs_check(self, at: int) -> bool:
        """Infinity may flow through sums and products; whoever else reads them wants it gone."""
        op = self._op(at)
        if not op.overflows:
            return op.leaves_finite
        return at in self.roots or any(not self._op(reader).overflows for reader in self.readers[at])

    def _constant_nodes(self) -> set[int]:
        """Nodes that read no bar: Polars would give them one row."""
        found: set[int] = set()
        for at in self.used:
            node = self.graph[at]
            if node.op in _CONSTANTS or (node.args and found.issuperset(node.args)):
                found.add(at)
        return found

    def _columns(self) -> set[int]:
        wanted = set(self.roots)
        for at in self.used:
            op, node = self._op(at), self.graph[at]
            if op.heavy or at in self.checked or len(self.readers[at]) > 1:
                wanted.add(at)
            if op.locality is Locality.SYMBOL:
                wanted.update(node.args)
            wanted.update(node.args[position] for position in op.reads_twice)
            if op.reads_rows:
                wanted.update(self.constant.intersection(node.args))
        for at in self.used:
            self.sizes[at] = 1 + sum(0 if arg in wanted else self.sizes[arg] for arg in self.graph[at].args)
            if self.sizes[at] > MAX_INLINED:
                wanted.add(at)
        return {at for at in wanted if at in self.roots or not self._is_leaf(at)}

    def _slots(self) -> dict[int, tuple[int, int, tuple[int, ...]]]:
        """Give each node (stage, kind and depth, inputs): row steps of a stage come before its symbol steps.

        A node's slot sorts after those of everything that it reads.
        """
        slots: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        for at in self.used:
            node = self.graph[at]
            if self._op(at).locality is Locality.SYMBOL:
                stage = max((slots[arg][0] + (slots[arg][1] == _SYMBOL) for arg in node.args), default=0)
                slots[at] = (stage, _SYMBOL, node.args)
            else:
                slots[at] = max((self._after(slots, arg) for arg in node.args), default=(0, 0, ()))
        return slots

    def _after(
        self, slots: Mapping[int, tuple[int, int, tuple[int, ...]]], arg: int
    ) -> tuple[int, int, tuple[int, ...]]:
        stage, depth, _ = slots[arg]
        if depth == _SYMBOL:
            return (stage + 1, 0, ())
        return (stage, depth + (arg in self.columns), ())

    def _last_reader(self, ordered: list[list[int]]) -> dict[int, int]:
        last: dict[int, int] = {}
        for position, members in enumerate(ordered):
            for at in members:
                last[at] = position
                for read in self._reads(at):
                    last[read] = position
        return {at: position for at, position in last.items() if at not in self.roots and not self._is_leaf(at)}

    def _reads(self, at: int) -> set[int]:
        """The columns that a node's expression reads."""
        found: set[int] = set()
        pending = list(self.graph[at].args)
        while pending:
            arg = pending.pop()
            if arg in self.columns:
                found.add(arg)
            else:
                pending.extend(self.graph[arg].args)
        return found

    def _step(self, members: list[int], drop: tuple[str, ...]) -> Step:
        if self._op(members[0]).locality is Locality.SYMBOL:
            return self._symbol_step(members, drop)
        constants = {name: number for at in members for name, number in self._constants(at)}
        return RowStep(
            expressions=tuple(self._lower(at).alias(column(at)) for at in members),
            checked=tuple(column(at) for at in members if at in self.checked),
            constants=constants,
            drop=(*drop, *constants),
        )

    def _symbol_step(self, members: list[int], drop: tuple[str, ...]) -> SymbolStep:
        args = self.graph[members[0]].args
        return SymbolStep(
            inputs=tuple(self._column_name(arg) for arg in args),
            indicators=tuple(self._indicator(at) for at in members),
            drop=drop,
        )

    def _indicator(self, at: int) -> Indicator:
        return Indicator(
            column=column(at),
            expression=self._lower(at).cast(pl.Float64).alias(column(at)),
            lookback=self._op(at).lookback(self.graph[at]),
            label=self.graph.label(at),
        )

    def _column_name(self, at: int) -> str:
        node = self.graph[at]
        return str(node.params[0]) if node.op in {"field", "text"} else column(at)

    def _constants(self, at: int) -> Iterable[tuple[str, float]]:
        """Numbers inside this node's expression that have to be columns."""
        pending = [at]
        while pending:
            node = self.graph[pending.pop()]
            for position in self._constant_positions(node):
                yield _constant(node.args[position]), self._number(node.args[position])
            pending.extend(arg for arg in node.args if arg not in self.columns)

    def _constant_positions(self, node: Node) -> list[int]:
        """Where it divides by a number whose reciprocal is not exact, or hands a number on."""
        divisors = [at for at in _DIVISORS.get(node.op, ()) if not self._has_exact_reciprocal(node.args[at])]
        return [at for at in (*divisors, *_HANDED_ON.get(node.op, ())) if self.graph[node.args[at]].op == "number"]

    def _has_exact_reciprocal(self, at: int) -> bool:
        return self.graph[at].op == "number" and _is_power_of_two(self._number(at))

    def _number(self, at: int) -> float:
        return float(self.graph[at].params[0])

    def _lower(self, at: int) -> pl.Expr:
        node = self.graph[at]
        args = [self._argument(arg) for arg in node.args]
        for position in self._constant_positions(node):
            args[position] = pl.col(_constant(node.args[position]))
        return self._op(at).lower(node, args)

    def _argument(self, at: int) -> pl.Expr:
        if at in self.columns and not self._is_leaf(at):
            return pl.col(column(at))
        return self._lower(at)

    def _is_leaf(self, at: int) -> bool:
        return self.graph[at].op in _LEAVES


_SYMBOL = 1_000_000


def _constant(node: int) -> str:
    return f"#k{node}"


def _is_power_of_two(number: float) -> bool:
    return number == 0 or abs(math.frexp(number)[0]) == 0.5  # noqa: PLR2004 - the only mantissa of such
