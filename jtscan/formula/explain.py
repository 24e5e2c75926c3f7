"""How a formula is evaluated: its passes and stages, the columns read, and what each part asks of the warm-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.formulas import Formula, FormulaLike, as_formula, check_parameters
from jtscan.errors import RequestError
from jtscan.formula.compiler import compile_text
from jtscan.formula.graph import Graph
from jtscan.formula.ops import GATHERED, OPS, Locality
from jtscan.formula.planning import Group, groups
from jtscan.formula.rows import Function
from jtscan.formula.stages import Stages
from jtscan.formula.warmup import Needs, Reach, work_out

_WIDEST = 72
_DEEP = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Parts that are computed together: how, and what they are."""

    how: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassExplained:
    """One way through symbols: its stages, the columns it reads, and its warm-up."""

    title: str
    reads: tuple[str, ...]
    warmup: str
    stages: tuple[Stage, ...]
    asks: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a formula is evaluated; shows itself. ``passes`` are its ways through the symbols, in order."""

    passes: tuple[PassExplained, ...]

    @property
    def asks(self) -> pl.DataFrame:
        """What each part asks of the warm-up: pass, part, looks back, forgets after, asked for before the range.

        The last is how far before the range the part makes the pass read, for
        itself and for those that look back at it; the largest is the warm-up.
        """
        rows = [(each.title, *ask) for each in self.passes for ask in each.asks]
        names = ("pass", "part", "looks back", "forgets after", "asked for before the range")
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

    def __str__(self) -> str:
        return "\n\n".join(_pass_text(number, each) for number, each in enumerate(self.passes, start=1))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - drawn there, when it is looked at

        return render.plain_html(str(self))


def explain(
    formula: FormulaLike,
    *,
    columns: Mapping[str, str] | None = None,
    parameters: Mapping[str, float] | None = None,
    timeframe: str = "1d",
    functions: Sequence[Function] = (),
) -> Explanation:
    """Show how a formula is evaluated, without data.

    Parameters
    ----------
    formula
        Text in the formula language.
    columns
        Columns of the price files and what they are; None: not known.
    parameters
        Values of the formula's parameters.
    timeframe
        The length of a bar.
    functions
        Functions of your own.

    Raises
    ------
    FormulaError, RequestError
        The formula cannot be understood, or is one of Polars expressions, into which jtscan cannot see.

    Examples
    --------
    >>> print(explain("buy = close > sma(close, 20)[1] and rank(roc(close, 60)) > 0.9"))
    1. gather from every symbol of the universe: rank(roc(close, 60))
       reads close; warm-up 60 bars before its range
       indicators, per symbol  roc(close, 60)
    <BLANKLINE>
       part            looks back  forgets after  asked for before the range
       roc(close, 60)  60 bars     -              60 bars
    <BLANKLINE>
    2. matches, symbol by symbol
       reads close; warm-up 20 bars before its range
       indicators, per symbol   sma(close, 20)
       bar by bar, whole chunk  buy = close > sma(close, 20)[1] and rank(roc(close, 60)) > 0.9
    <BLANKLINE>
       part                  looks back  forgets after  asked for before the range
       sma(close, 20)        19 bars     -              20 bars
       sma(close, 20)[1]     1 bar       -              1 bar
       rank(roc(close, 60))  -           -              0 bars
    """
    value = None if isinstance(formula, pl.Expr | Mapping) else as_formula(formula)
    if not isinstance(value, Formula):
        raise RequestError("formula", "Polars expressions cannot be explained: write the formula as text")
    script = compile_text(
        value, columns, check_parameters(parameters or {}), timeframe=Timeframe.parse(timeframe), functions=functions
    )
    names = {node: name for name, node in {**script.signals, **script.names}.items() if not script.graph.is_leaf(node)}
    roots = [*script.signals.values(), *script.columns.values()]
    explainer = _Explainer(script.graph, names)
    gathering = (explainer.gathering(each) for each in groups(script.graph, roots))
    return Explanation(passes=(*gathering, explainer.explained("matches, symbol by symbol", roots)))


class _Explainer:
    def __init__(self, graph: Graph, names: Mapping[int, str]) -> None:
        self.graph = graph
        self.names = names

    def gathering(self, group: Group) -> PassExplained:
        symbol, members = group
        whose = "every symbol of the universe" if symbol is None else symbol
        title = f"gather from {whose}: {', '.join(self._said(at) for at in members)}"
        return self.explained(title, [arg for at in members for arg in self.graph[at].args])

    def explained(self, title: str, roots: Sequence[int]) -> PassExplained:
        needs = work_out(self.graph, roots)
        used = self.graph.reachable(roots, leaves=GATHERED)
        reads = [str(self.graph[at].params[0]) for at in used if self.graph[at].op in {"field", "text"}]
        return PassExplained(
            title=title,
            reads=tuple(dict.fromkeys(reads)),
            warmup="all history" if needs.bars is None else f"{_bars(needs.bars)} before its range",
            stages=tuple(self._stages(roots)),
            asks=tuple(dict.fromkeys(self._ask(at, self._asker(at, used), needs) for at in used if self._asks(at))),
        )

    def _stages(self, roots: Sequence[int]) -> list[Stage]:
        stages = Stages(self.graph, roots)
        found: dict[tuple[int, str], list[str]] = {}
        for slot, members in stages.ordered():
            shown = [self._label(at) for at in members if not self._inner(at)]
            if shown:
                how = self._how(members[0], slot[2], slot[3])
                found.setdefault((slot[0], how), []).extend(shown)
        return [Stage(how=how, parts=tuple(parts)) for (_, how), parts in found.items()]

    def _how(self, at: int, period: str, source: str) -> str:
        on = f" on {period} bars" if period else ""
        if source:
            return f"from {source} bars, completed"
        symbol = OPS[self.graph[at].op].locality is Locality.SYMBOL
        return f"indicators, per symbol{on}" if symbol else f"bar by bar, whole chunk{on}"

    def _inner(self, at: int) -> bool:
        """Whether a column is only a step on the way to another of its kind: people do not ask for it."""
        return at not in self.names and self.graph[at].op in _HELPERS

    def _label(self, at: int) -> str:
        label = self.graph.label(at, _DEEP, self.names)
        return f"{self.names[at]} = {label}" if at in self.names else label

    def _asker(self, at: int, used: Sequence[int]) -> int:
        """The part that people know, of which a helper is a step."""
        while self.graph[at].op in _HELPERS:
            at = next(reader for reader in used if at in self.graph[reader].args)
        return at

    def _said(self, at: int) -> str:
        return self.names.get(at) or self.graph.label(at, _DEEP, self.names)

    def _asks(self, at: int) -> bool:
        node, op = self.graph[at], OPS[self.graph[at].op]
        return op.lookback(node) > 0 or op.forgets(node) != 0 or node.op in {*GATHERED, "period", "running"}

    def _ask(self, at: int, asker: int, needs: Needs) -> tuple[str, str, str, str]:
        node, op = self.graph[at], OPS[self.graph[at].op]
        unit = f" of {node.frame.period}" if node.frame.period else ""
        back, forgets = op.lookback(node), op.forgets(node)
        period = str(node.params[0]) if node.op == "period" else node.frame.period
        return (
            self._said(asker),
            _bars(back, unit) if back else "-",
            "never" if forgets is None else (_bars(forgets, unit) if forgets else "-"),
            _reach(needs.reaches[at], period),
        )


_HELPERS = frozenset({"last_true", "earlier_true", "follow", "latest_row", "chain_begins", "chain_goes_on", "rest"})


def _reach(reach: Reach, period: str | None) -> str:
    if reach.bars is None:
        return "all history"
    return f"{_bars(reach.bars)}{f' ({reach.periods:,} of {period})' if reach.periods else ''}"


def _bars(count: int, unit: str = "") -> str:
    return f"{count:,} bar{'' if count == 1 else 's'}{unit}"


def _pass_text(number: int, each: PassExplained) -> str:
    head = [f"{number}. {each.title}", f"   reads {', '.join(each.reads) or 'no columns'}; warm-up {each.warmup}"]
    width = max((len(stage.how) for stage in each.stages), default=0)
    for stage in each.stages:
        label = stage.how
        for part in stage.parts:
            head.append(f"   {label:<{width}}  {part}")
            label = ""
    return "\n".join([*head, *_table(each.asks)])


def _table(asks: Sequence[tuple[str, str, str, str]]) -> list[str]:
    if not asks:
        return []
    rows = [("part", "looks back", "forgets after", "asked for before the range"), *asks]
    widths = [min(max(len(row[column]) for row in rows), _WIDEST) for column in range(4)]
    return ["", *("   " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
                  for row in rows)]  # fmt: skip
