"""The series of a formula that are worth seeing beside the bars: what its signals compare, and its columns.

Who wrote ``close > sma(close, 20) and rsi(14) > 50`` wants to see the average
on the prices, and the RSI below them with a line at 50. Fields, constants and
conditions are not drawn; of arithmetic the result, and what of it is read on
the scale of prices or volume. What is compared across symbols is not looked
into: it is computed in an earlier pass, and would ask the last for more history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jtscan.domain.history import Scale, Series
from jtscan.formula import fields
from jtscan.formula.ops import GATHERED
from jtscan.formula.plan import Plan
from jtscan.formula.rows import Arg, Want
from jtscan.formula.script import Called, Script
from jtscan.formula.units import Units, kept
from jtscan.formula.values import Bound

MOST = 12
_DEEP = 12
_WIDEST = 72
_COMPARISONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne"})
_STEPS = frozenset({"latest_row", "chain_begins", "chain_goes_on"})
"""Helpers between a condition and those that it is made of."""
_UNSEEN = frozenset({"number", "truth", "text", *fields.CLOCK})
_BAR_BY_BAR = "bar by bar"
_PATTERNS = "TA-Lib: pattern recognition"
"""Candle patterns are 0 on nearly every bar: there is nothing to see in them."""
_TOGETHER = frozenset({"macd", "ta_macd", "macdext", "macdfix"})
"""Functions whose outputs are read together: nobody looks at one of them alone."""
_HISTOGRAMS = frozenset({"hist", "macdhist"})
_NODES = frozenset({Want.SERIES, Want.CONDITION, Want.VALUE, Want.ANY, Want.GROUP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is drawn of a formula: series by the node that they are, and the labels of those left out."""

    series: Mapping[int, Series]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlan:
    """A plan that makes the series of a formula too: its ``columns`` map the column of each."""

    plan: Plan
    series: tuple[Series, ...] = ()
    left_out: tuple[str, ...] = ()


def choose(script: Script) -> Chosen:
    """Choose the series of a compiled formula: its columns first, then what its signals compare."""
    choice = _Choice(script=script)
    conditions = [*script.signals.values()]
    for node in script.columns.values():
        if script.graph.is_condition(node):
            conditions.append(node)
        else:
            choice.column(node)
    for node in conditions:
        choice.condition(node)
    return choice.chosen()


@dataclass(slots=True, kw_only=True)
class _Choice:
    """What was found so far: nodes, in order, with the numbers that they are compared with.

    ``ties`` are series of their own that are compared with each other, so
    they are read on one scale.
    """

    script: Script
    found: dict[int, set[float]] = field(default_factory=dict)
    ties: list[list[int]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    labels: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(init=False)
    averages: dict[int, str] = field(init=False)
    units: Units = field(init=False)

    def __post_init__(self) -> None:
        self.names = _names(self.script)
        self.averages = {fields.build(self.script.graph, name): name for name in fields.AVERAGES}
        self.units = Units(self.script.graph)

    # --- finding

    def column(self, at: int) -> None:
        """Take a column of the user's."""
        if not self._is_price(at):
            self._draw(at, ())

    def condition(self, root: int) -> None:
        """Find what a condition compares."""
        graph, pending = self.script.graph, [root]
        while pending:
            at = pending.pop()
            node = graph[at]
            if at in self.seen:
                continue
            self.seen.add(at)
            if node.op in _COMPARISONS:
                self._comparison(at)
            elif node.op not in GATHERED:
                inner = (arg for arg in node.args if graph.is_condition(arg) or graph[arg].op in _STEPS)
                pending.extend(reversed(list(inner)))

    def _comparison(self, at: int) -> None:
        graph = self.script.graph
        one, other = graph[at].args
        if graph[other].op == "number":
            self._operand(one, (float(graph[other].params[0]),))
        else:
            self.ties.append([*self._operand(one, ()), *self._operand(other, ())])

    def _operand(self, at: int, levels: Iterable[float]) -> list[int]:
        """Take one side of a comparison; of the larger of several all of them."""
        graph, heads, pending = self.script.graph, [], [at]
        while pending:
            each = pending.pop()
            if graph[each].frame.period is not None:
                heads += self._of_longer_bars(each, levels)
            elif graph[each].op in {"max", "min"} and each not in self.names:
                pending.extend(reversed(graph[each].args))
            elif self._is_worth_it(each):
                heads += self._draw(each, levels)
        return heads

    def _of_longer_bars(self, at: int, levels: Iterable[float]) -> list[int]:
        """Take what is compared on longer bars as the bars see it."""
        graph = self.script.graph
        inner, period = graph.on_bars(at), graph[at].frame.period
        if graph.is_condition(at) or not self._is_worth_it(inner):
            return []
        self.names.setdefault(at, self._label(inner))
        return self._draw(graph.add("period", at, params=(period, None)), levels)

    def _draw(self, at: int, levels: Iterable[float]) -> list[int]:
        graph, call = self.script.graph, self._call(at)
        self.found.setdefault(at, set()).update(levels)
        if graph[at].op == "if":
            self.condition(graph[at].args[0])
        if call is None and self._scale(at) is Scale.OWN:
            self._parts(at)
        if call is not None and graph[self._now(at)].op not in GATHERED:
            for each in self._asked_by(call):
                self.condition(each)
        return [at]

    def _asked_by(self, call: Called) -> Iterable[int]:
        """The conditions among the arguments of a call."""
        for arg in call.function.args:
            if arg.want in {Want.CONDITION, Want.ANY}:
                given = (each for each in _listed(call.arguments[arg.name]) if self.script.graph.is_condition(each))
                yield from given

    def _parts(self, root: int) -> None:
        """Take what a calculation is made of, as far as it is read on the scale of prices or volume."""
        graph = self.script.graph
        pending = list(reversed(graph[root].args))
        while pending:
            at = pending.pop()
            if self._is_known(at):
                if self._scale(at) is not Scale.OWN and self._is_worth_it(at):
                    self._draw(at, ())
            elif graph[at].op not in {*GATHERED, "period"} and not graph.is_condition(at):
                pending.extend(reversed(graph[at].args))

    def _is_worth_it(self, at: int) -> bool:
        """Whether there is something to see that the bars do not show."""
        graph, now = self.script.graph, self._now(at)
        node = graph[now]
        if node.op in _UNSEEN or self._is_price(now):
            return False
        if node.op == "field" or self._is_known(at):
            call = self._call(at)
            return call is None or call.function.group != _PATTERNS
        return self._scale(at) is Scale.OWN or any(self._call(each) for each in graph.reachable([now]))

    def _is_known(self, at: int) -> bool:
        """Whether it has a name, or is what a function gives."""
        return at in self.names or self._now(at) in self.names or self._call(at) is not None

    def _is_price(self, at: int) -> bool:
        node = self.script.graph[at]
        return node.op == "field" and node.params[0] in fields.PRICES

    def _call(self, at: int) -> Called | None:
        """The call that a node, or what it is some bars later, came out of; arithmetic is none."""
        call = self.script.calls.get(self._now(at))
        return None if call is None or call.function.group == _BAR_BY_BAR else call

    def _now(self, at: int) -> int:
        """The series of which this is an earlier value; what a function itself shifts stays where it is."""
        graph = self.script.graph
        while graph[at].op == "shift" and at not in self.script.calls:
            at = graph[at].args[0]
        return at

    def _scale(self, at: int) -> Scale:
        return self.units[at].scale

    # --- writing

    def chosen(self) -> Chosen:
        """Write what was found."""
        nodes = self._without_earlier(self._together(list(self.found)))
        groups = self._groups(nodes)
        taken = {*fields.PRICES, "timestamp"}
        series: dict[int, Series] = {}
        for at in nodes[:MOST]:
            label = self._short(at)
            column = _free(label, taken)
            taken.add(column)
            levels = tuple(sorted(self.found[at]))
            series[at] = Series(
                column=column,
                label=label,
                scale=self._scale(at),
                group=groups[at],
                levels=levels,
                histogram=self._is_histogram(at),
            )
        return Chosen(series=series, left_out=tuple(self._short(at) for at in nodes[MOST:]))

    def _is_histogram(self, at: int) -> bool:
        """Whether it is the histogram of a MACD, whatever it is called and on whatever bars."""
        graph, now = self.script.graph, self._now(at)
        call = self._call(graph.on_bars(graph[now].args[0]) if graph[now].op == "period" else now)
        return call is not None and call.output in _HISTOGRAMS

    def _short(self, at: int) -> str:
        label = self._label(at)
        return label if len(label) <= _WIDEST else f"{label[: _WIDEST - 1]}…"

    def _together(self, nodes: Sequence[int]) -> list[int]:
        """Put beside an output those that are read with it."""
        whole = [each for at in nodes for each in self._outputs(at)]
        for at in whole:
            self.found.setdefault(at, set())
        return list(dict.fromkeys(whole))

    def _outputs(self, at: int) -> Iterable[int]:
        call = self.script.calls.get(at)
        if call is None or call.function.name not in _TOGETHER:
            yield at
            return
        for output, build in call.function.outputs.items():
            made = build(self.script.graph, **call.arguments)
            self.script.calls.setdefault(made, replace(call, output=output))
            yield made

    def _without_earlier(self, nodes: Sequence[int]) -> list[int]:
        """Leave out earlier values of what is there: the same line, some bars to the right."""
        kept_nodes = []
        for at in nodes:
            now = self._same_now(at)
            if now == at or now not in nodes or at in self.names:
                kept_nodes.append(at)
            else:
                self.found[now] |= self.found[at]
        return kept_nodes

    def _same_now(self, at: int) -> int:
        graph = self.script.graph
        node = graph[at]
        if node.op != "period":
            return self._now(at)
        return graph.add("period", self._now(node.args[0]), params=node.params)

    def _groups(self, nodes: Sequence[int]) -> dict[int, str]:
        """Name the pane of each: those that are compared with each other share one."""
        groups = {at: self._group(at) for at in nodes}
        for tie in self.ties:
            own = [at for at in (self._same_now(each) for each in tie) if at in groups and self._scale(at) is Scale.OWN]
            joined = {groups[at] for at in own[1:]}
            groups.update({at: groups[own[0]] for at, group in groups.items() if group in joined} if own else {})
        return groups

    def _group(self, at: int) -> str:
        graph, scale = self.script.graph, self._scale(at)
        if scale is not Scale.OWN:
            return str(scale)
        inner = kept(graph[at])
        if inner is not None and not self._is_price(inner) and self._scale(inner) is Scale.OWN:
            return self._group(graph.on_bars(inner))
        node, call = graph[at], self._call(at)
        if node.op == "ref":
            return str(node.params[0])
        if call is None:
            return self._label(at)
        alone = (
            node.op != "indicator" and call.output
        )  # such as the width of bands: of one call, but of no other's scale
        return f"{call.function.name}.{call.output}" if alone else call.function.name

    def _label(self, at: int) -> str:
        """Write a series as its formula does: by its name, or as the call or calculation that it is."""
        if at in self.names:
            return self.names[at]
        if at not in self.labels:
            call = self.script.calls.get(at)
            self.labels[at] = self.averages.get(at) or (self._written(call) if call else self._calculated(at))
        return self.labels[at]

    def _calculated(self, at: int) -> str:
        """Write a calculation, with the calls and names that it is made of."""
        graph = self.script.graph
        calls = (each for each in graph.reachable([at]) if each in self.script.calls and each != at)
        known = {each: self._label(each) for each in calls}
        return graph.label(at, _DEEP, {**self.averages, **known, **self.names})

    def _written(self, call: Called) -> str:
        """Write a call with all of its arguments; those of the kind ``by=`` where they are given."""
        parts = [self._argument(arg, call.arguments.get(arg.name)) for arg in call.function.args]
        output = f".{call.output}" if call.output else ""
        return f"{call.function.name}({', '.join(part for part in parts if part)}){output}"

    def _argument(self, arg: Arg, given: Bound) -> str:
        if given is None or (not arg.required and not given and given == arg.default):
            return ""  # a default of 0 or False says nothing
        if arg.want in _NODES:
            written = ", ".join(self._label(int(each)) for each in _listed(given))
        else:
            written = f'"{given}"' if isinstance(given, str) else f"{given:g}" if arg.want is not Want.FLAG else "True"
        return f"{arg.name}={written}" if arg.optional or arg.keyword_only else written


def _listed(given: Bound) -> list[int]:
    return given if isinstance(given, list) else [given]  # type: ignore[list-item]


def _names(script: Script) -> dict[int, str]:
    """Name the nodes that the user named; the ``_`` of a private one is left out where no other is called so."""
    taken = {*script.names, *script.signals, *fields.ALL}
    found: dict[int, str] = {}
    for name, node in script.columns.items():
        found.setdefault(node, name)
    for name, node in script.names.items():
        shown = name.lstrip("_")
        found.setdefault(node, shown if shown and shown not in taken else name)
    return {node: name for node, name in found.items() if not script.graph.is_leaf(node)}


def _free(label: str, taken: Iterable[str]) -> str:
    """Find a column's name that no other has taken."""
    number = 2
    column = label
    while column in taken:
        column = f"{label} ({number})"
        number += 1
    return column
