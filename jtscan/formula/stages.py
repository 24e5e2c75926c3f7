"""Which nodes of a graph are columns, and in which step each is made.

Each node that costs something is one column, made once; cheap nodes that are
read once are inlined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import polars as pl

from jtscan.formula.graph import Graph, Node
from jtscan.formula.native import native
from jtscan.formula.ops import GATHERED, OPS, Locality, Op
from jtscan.formula.plan import AlignStep, Indicator, PeriodStep, RowStep, Step, SymbolStep, column

MAX_INLINED = 40
_CONSTANTS = frozenset({"number", "truth"})
_LEAVES = frozenset({"field", "text", "number"})
_DIVISORS = {"div": (1,), "rest": (1,)}
_HANDED_ON = {"if": (1, 2), "max": (0, 1), "min": (0, 1), "nz": (1,), "where": (1,)}
"""Arguments that come out as they are, on every bar if it so happens: then Polars takes the column for a scalar."""

Slot = tuple[int, int, str, str, tuple[int, ...]]
"""(stage, depth, period, the period it brings values from, inputs of indicators): nodes of one slot are one step."""

_SYMBOL = 1_000_000


class Stages:
    """Decides which nodes are columns, and in which step each is made."""

    def __init__(self, graph: Graph, roots: Iterable[int]) -> None:
        self.graph = graph
        self.roots = set(roots)
        self.used = graph.reachable(self.roots, leaves=GATHERED)
        self.given = {at for at in self.used if graph[at].op in GATHERED}
        self.readers: dict[int, list[int]] = {at: [] for at in self.used}
        for at in self.used:
            for arg in self._args(at):
                self.readers[arg].append(at)
        self.checked = {at for at in self.used if self._needs_check(at)}
        self.constant = self._constant_nodes()
        self.sizes: dict[int, int] = {}
        self.columns = self._columns()
        self.slots = self._slots()

    def steps(self) -> tuple[Step, ...]:
        """Order the columns into steps, each dropped after its last reader."""
        ordered = self.ordered()
        last = self._last_reader([members for _, members in ordered])
        made = [
            self._step(slot, members, tuple(column(at) for at, step in last.items() if step == position))
            for position, (slot, members) in enumerate(ordered)
        ]
        return (*self._periods(), *made)

    def ordered(self) -> list[tuple[Slot, list[int]]]:
        """List the columns by slot, in the order in which they are made."""
        slots: dict[Slot, list[int]] = {}
        for at in self.used:
            if at in self.columns and at not in self.given:
                slots.setdefault(self.slots[at], []).append(at)
        return sorted(slots.items())

    def _periods(self) -> Iterable[PeriodStep]:
        """Make the longer bars first: they are joined from fields."""
        found: dict[str, list[Node]] = {}
        for at in self.used:
            node = self.graph[at]
            other = str(node.params[0]) if node.op in {"period", "running"} else None
            for period in {node.frame.period, other} - {None}:
                found.setdefault(str(period), []).append(node)
        for period, nodes in sorted(found.items()):
            leaves = {op: [str(each.params[0]) for each in nodes if each.op == op and each.frame.period == period]
                      for op in ("field", "text")}  # fmt: skip
            yield PeriodStep(
                period=period,
                fields=tuple(dict.fromkeys(leaves["field"])),
                texts=tuple(dict.fromkeys(leaves["text"])),
            )

    def _args(self, at: int) -> tuple[int, ...]:
        """What is computed before it in this pass."""
        return () if at in self.given else self.graph[at].args

    def _period(self, at: int) -> str:
        return self.graph[at].frame.period or ""

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
            if at in self.given:
                continue
            if op.heavy or at in self.checked or len(self.readers[at]) > 1:
                wanted.add(at)
            if op.locality is Locality.SYMBOL:
                wanted.update(node.args)
            wanted.update(node.args[position] for position in op.reads_twice)
            if op.reads_rows:
                wanted.update(self.constant.intersection(node.args))
        for at in self.used:
            self.sizes[at] = 1 + sum(0 if arg in wanted else self.sizes[arg] for arg in self._args(at))
            if self.sizes[at] > MAX_INLINED:
                wanted.add(at)
        return {at for at in wanted if at in self.roots or not self._is_leaf(at)} | self.given

    def _slots(self) -> dict[int, Slot]:
        """Give each node its slot: row steps of a stage come before its symbol steps.

        A node's slot sorts after those of everything that it reads.
        """
        slots: dict[int, Slot] = {}
        for at in self.used:
            node, period = self.graph[at], self._period(at)
            if self._op(at).locality is Locality.SYMBOL:
                stage = max((slots[arg][0] + (slots[arg][1] == _SYMBOL) for arg in node.args), default=0)
                slots[at] = (stage, _SYMBOL, period, "", node.args)
            else:
                stage, depth = max((self._after(slots, arg) for arg in self._args(at)), default=(0, 0))
                source = str(node.params[0]) if node.op == "period" else ""
                slots[at] = (stage, depth, period, source, ())
        return slots

    def _after(self, slots: Mapping[int, Slot], arg: int) -> tuple[int, int]:
        stage, depth, *_ = slots[arg]
        return (stage + 1, 0) if depth == _SYMBOL else (stage, depth + (arg in self.columns))

    def _last_reader(self, ordered: list[list[int]]) -> dict[int, int]:
        last: dict[int, int] = {}
        for position, members in enumerate(ordered):
            for at in members:
                last[at] = position
                for read in self._reads(at):
                    last[read] = position
        passing = (at for at in last if at not in self.roots and not self._is_leaf(at) and not self._period(at))
        return {at: last[at] for at in passing}

    def _reads(self, at: int) -> set[int]:
        """The columns that a node's expression reads."""
        found: set[int] = set()
        pending = list(self._args(at))
        while pending:
            arg = pending.pop()
            if arg in self.columns:
                found.add(arg)
            else:
                pending.extend(self._args(arg))
        return found

    def _step(self, slot: Slot, members: list[int], drop: tuple[str, ...]) -> Step:
        _, depth, period, source, _ = slot
        if source:
            return AlignStep(period=source, takes=tuple(self._take(at) for at in members), drop=drop)
        if depth == _SYMBOL:
            return self._symbol_step(members, period, drop)
        constants = {name: number for at in members for name, number in self._constants(at)}
        return RowStep(
            expressions=tuple(self._lower(at).alias(column(at)) for at in members),
            checked=tuple(column(at) for at in members if at in self.checked),
            constants=constants,
            drop=(*drop, *constants),
            period=period,
        )

    def _take(self, at: int) -> tuple[str, pl.Expr, str]:
        return column(at), self._lower(at), self._column_name(self.graph[at].args[0])

    def _symbol_step(self, members: list[int], period: str, drop: tuple[str, ...]) -> SymbolStep:
        args = self.graph[members[0]].args
        return SymbolStep(
            inputs=tuple(self._column_name(arg) for arg in args),
            indicators=tuple(self._indicator(at) for at in members),
            foreign=any(getattr(self.graph[at].params[0], "unseen", False) for at in members if self.graph[at].params),
            drop=drop,
            period=period,
        )

    def _indicator(self, at: int) -> Indicator:
        return Indicator(
            column=column(at),
            expression=self._lower(at).cast(pl.Float64).alias(column(at)),
            lookback=self._op(at).lookback(self.graph[at]),
            label=self.graph.label(at),
            native=native(self.graph[at].op, next(iter(self.graph[at].params), None)),
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


def _constant(node: int) -> str:
    return f"#k{node}"


def _is_power_of_two(number: float) -> bool:
    return number == 0 or abs(math.frexp(number)[0]) == 0.5  # noqa: PLR2004 - the only mantissa of such
