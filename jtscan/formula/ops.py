"""The primitive operations of the graph: how each is computed and what it looks back on.

A *row* operation is one Polars expression over a whole chunk of symbols; where
it looks back, the bar's position in its symbol (``#i``) masks what belongs to
the symbol before. A *symbol* operation is an indicator, computed on each run
of bars on which its arguments are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any

import polars as pl

from jtscan.formula.graph import Node
from jtscan.formula.joining import joining

I = pl.col("#i")  # noqa: E741 - position of the bar in its symbol, from 0
X = pl.col("#x")  # row in the chunk, from 0

Lower = Callable[[Node, Sequence[pl.Expr]], pl.Expr]


class Locality(StrEnum):
    """What an operation needs to see.

    What a ``PERIOD`` operation reads is on the bars of a longer period; an
    ``ALL`` operation reads other symbols, so it is computed between passes.
    """

    ROW = "row"
    SYMBOL = "symbol"
    PERIOD = "period"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One row of the table of operations.

    ``lookback`` is how many bars before now it reads of its arguments;
    ``forgets`` how many more it takes until where the reading began does not
    matter any more, None = it always does.
    ``heavy`` operations become a column, whoever reads them; ``reads_twice``
    names the arguments that its expression repeats, so they become columns.
    ``reads_rows`` marks those that look at other rows of their arguments, so
    that a constant must be a column. ``leaves_finite`` marks results that may be infinite or NaN.
    ``overflows`` marks those that only a consumer of another kind would
    mistake, so that a chain of sums is checked once.
    """

    lower: Lower
    locality: Locality = Locality.ROW
    lookback: Callable[[Node], int] = lambda _: 0
    heavy: bool = False
    reads_twice: tuple[int, ...] = ()
    reads_rows: bool = False
    leaves_finite: bool = False
    overflows: bool = False
    forgets: Callable[[Node], int | None] = lambda _: 0


def _never(_: Node) -> int | None:
    """Everything before matters."""
    return None


def _window(node: Node) -> int:
    return _bars(node) - 1


def _bars(node: Node) -> int:
    return int(node.params[0])


def _shift(node: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    return pl.when(_bars(node) <= I).then(args[0].shift(_bars(node)))


def _choose(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    condition, then, otherwise = args
    return pl.when(condition).then(then).when(~condition).then(otherwise)


def _larger(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    a, b = args
    return pl.when(a >= b).then(a).when(a < b).then(b)


def _smaller(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    a, b = args
    return pl.when(a <= b).then(a).when(a > b).then(b)


def _rest(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """What is left of a after whole steps of b; b's halves make the products exact (Veltkamp), below 2**26 steps."""
    a, b = args
    steps = (a / b).floor()
    upper = b * 134_217_729.0 - (b * 134_217_729.0 - b)
    return a - steps * upper - steps * (b - upper)


def _modulo(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """The rest has the divisor's sign, unless the quotient was rounded up."""
    rest, b = args
    return pl.when(rest * b < 0).then(rest + b).otherwise(rest)


def _last_true(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Row of the latest true bar; -1 after a symbol's begin or an unknown without one since."""
    c = args[0]
    return pl.when(c).then(X).when(c.is_null() | (I == 0)).then(-1).forward_fill()


def _earlier_true(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Row of the latest true bar before this one."""
    return pl.when(I >= 1).then(args[0].shift(1)).otherwise(-1)


def _follow(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """From a row with a true bar to the true bar before it."""
    at, earlier = args
    return earlier.gather(pl.when(at >= 0).then(at))


def _take(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    values, at = args
    return values.gather(pl.when(at >= 0).then(at))


def _where(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    return pl.when(args[0]).then(args[1])


def _chain_begins(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Row of the latest bar on which a chain of events began; -1 before the symbol's first."""
    return pl.when(args[0]).then(X).when(I == 0).then(-1).forward_fill()


def _chain_goes_on(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Row where the latest chain began that has come as far as this event, on a later bar."""
    begun, event = args
    return pl.when(I == 0).then(-1).when(event).then(begun.shift(1)).forward_fill()


def _chain_ends(node: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    begun, event = args
    began = pl.when(I >= 1).then(begun.shift(1))
    recent = (began >= 0).fill_null(value=False) & (X - began < _bars(node)).fill_null(value=False)
    return event & recent


def _running(node: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """A field of the period that is still running, up to this bar."""
    period, name = node.params
    of_period = pl.col(f"#g:{period}")
    begun = of_period >= pl.col(f"#f:{period}")
    return pl.when(begun).then(joining(str(name)).so_far(args[0]).over(of_period))


def _since(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    return pl.when(args[0] >= 0).then(X - args[0]).cast(pl.Float64)


def _streak(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    c = args[0]
    before = pl.when(c).then(pl.when(I == 0).then(X - 1)).otherwise(X).forward_fill()
    return pl.when(c.is_not_null()).then(X - before).cast(pl.Float64)


def _count(node: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    counted = args[0].cast(pl.Int32).rolling_sum(_bars(node))
    return pl.when(_window(node) <= I).then(counted).cast(pl.Float64)


def _latest_row(_: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Row of the latest bar on which the condition is true, of whatever symbol."""
    return pl.when(args[0]).then(X).forward_fill()


def _decided(node: Node, args: Sequence[pl.Expr]) -> pl.Expr:
    """Three-valued within (decided by a true bar) and every (by a false one)."""
    hit, unknown = args
    window, decision = _bars(node), bool(node.params[1])
    first = pl.max_horizontal(X - (window - 1), X - I)
    undecided = (I < window - 1) | (unknown >= first).fill_null(value=False)  # noqa: SIM300
    return pl.when(hit >= first).then(pl.lit(decision)).when(undecided).then(None).otherwise(pl.lit(not decision))


def _of_period(node: Node, _: Sequence[pl.Expr]) -> pl.Expr:
    """Where the value stands among the bars of the longer period; the engine takes it from there."""
    period, back = node.params
    if back is None:
        return pl.col(f"#v:{period}")
    at = pl.col(f"#g:{period}") - int(back)
    return pl.when(at >= pl.col(f"#f:{period}")).then(at)


def _held(_: Node, __: Sequence[pl.Expr]) -> pl.Expr:
    msg = "the column of a cross-section is made between passes"
    raise AssertionError(msg)


def _clock(part: Callable[[Any], pl.Expr]) -> Op:
    """Something read off the timestamp."""
    moment = pl.col("timestamp").cast(pl.Datetime("us"))
    return Op(lower=lambda _, __: part(moment.dt).cast(pl.Float64))


def _binary(operation: Callable[[Any, Any], pl.Expr], **traits: Any) -> Op:
    return Op(lower=lambda _, args: reduce(operation, args), **traits)


def _unary(operation: Callable[[pl.Expr], pl.Expr], **traits: Any) -> Op:
    return Op(lower=lambda _, args: operation(args[0]), **traits)


OPS: dict[str, Op] = {
    "field": Op(lower=lambda node, _: pl.col(str(node.params[0]))),
    "text": Op(lower=lambda node, _: pl.col(str(node.params[0]))),
    "number": Op(lower=lambda node, _: pl.lit(float(node.params[0]), dtype=pl.Float64)),
    "truth": Op(lower=lambda node, _: pl.lit(bool(node.params[0]))),
    "bar_index": Op(lower=lambda _, __: I.cast(pl.Float64), forgets=_never),
    "date": _clock(lambda at: at.year().cast(pl.Int32) * 10_000 + at.month().cast(pl.Int32) * 100 + at.day()),
    "dayofweek": _clock(lambda at: at.weekday()),
    "month": _clock(lambda at: at.month()),
    "year": _clock(lambda at: at.year()),
    "hour": _clock(lambda at: at.hour()),
    "minute": _clock(lambda at: at.minute()),
    # arithmetic
    "add": _binary(lambda a, b: a + b, overflows=True),
    "sub": _binary(lambda a, b: a - b, overflows=True),
    "mul": _binary(lambda a, b: a * b, overflows=True),
    "neg": _unary(lambda a: -a, overflows=True),
    "div": _binary(lambda a, b: a / b, leaves_finite=True),
    "rest": Op(lower=_rest, reads_twice=(0, 1), leaves_finite=True),
    "mod": Op(lower=_modulo, reads_twice=(0, 1)),
    "pow": _binary(lambda a, b: a.pow(b), leaves_finite=True),
    # comparisons and logic
    "gt": _binary(lambda a, b: a > b),
    "ge": _binary(lambda a, b: a >= b),
    "lt": _binary(lambda a, b: a < b),
    "le": _binary(lambda a, b: a <= b),
    "eq": _binary(lambda a, b: a == b),
    "ne": _binary(lambda a, b: a != b),
    "and": _binary(lambda a, b: a & b),
    "or": _binary(lambda a, b: a | b),
    "not": _unary(lambda a: ~a),
    "is": Op(lower=lambda node, args: args[0] == pl.lit(str(node.params[0]))),
    "in": Op(lower=lambda node, args: args[0].is_in(list(node.params))),
    "if": Op(lower=_choose, reads_twice=(0,)),
    # element by element
    "max": Op(lower=_larger, reads_twice=(0, 1)),
    "min": Op(lower=_smaller, reads_twice=(0, 1)),
    "abs": _unary(lambda a: a.abs()),
    "sqrt": _unary(lambda a: a.sqrt(), leaves_finite=True),
    "log": _unary(lambda a: a.log(), leaves_finite=True),
    "exp": _unary(lambda a: a.exp(), leaves_finite=True),
    "round": _unary(lambda a: a.round(0, mode="half_away_from_zero")),
    "floor": _unary(lambda a: a.floor()),
    "ceil": _unary(lambda a: a.ceil()),
    "sign": _unary(lambda a: a.sign()),
    "nz": _binary(lambda a, b: a.fill_null(b)),
    "isna": _unary(lambda a: a.is_null()),
    "where": Op(lower=_where),
    # history
    "shift": Op(lower=_shift, lookback=_bars, reads_rows=True),
    "count": Op(lower=_count, lookback=_window, heavy=True, reads_rows=True),
    "streak": Op(lower=_streak, heavy=True, reads_twice=(0,), forgets=_never),
    "last_true": Op(lower=_last_true, heavy=True, reads_twice=(0,), forgets=_never),
    "earlier_true": Op(lower=_earlier_true, heavy=True),
    "follow": Op(lower=_follow, heavy=True, reads_twice=(0, 1)),
    "take": Op(lower=_take, heavy=True, reads_twice=(0, 1)),
    "since": Op(lower=_since, reads_twice=(0,)),
    "latest_row": Op(lower=_latest_row, heavy=True),
    "decided": Op(lower=_decided, lookback=_window, heavy=True, reads_twice=(0, 1)),
    "chain_begins": Op(lower=_chain_begins, heavy=True),
    "chain_goes_on": Op(lower=_chain_goes_on, heavy=True, reads_rows=True),
    "chain_ends": Op(lower=_chain_ends, lookback=_window, heavy=True, reads_twice=(0,), reads_rows=True),
    # indicators
    "indicator": Op(
        lower=lambda node, args: node.params[0].expression(args),
        locality=Locality.SYMBOL,
        lookback=lambda node: node.params[0].lookback,
        forgets=lambda node: node.params[0].forgets,
        heavy=True,
    ),
    "highest_yet": Op(lower=lambda _, args: args[0].cum_max(), locality=Locality.SYMBOL, forgets=_never, heavy=True),
    "lowest_yet": Op(lower=lambda _, args: args[0].cum_min(), locality=Locality.SYMBOL, forgets=_never, heavy=True),
    # longer periods
    "period": Op(lower=_of_period, locality=Locality.PERIOD, heavy=True, reads_twice=(0,)),
    "running": Op(lower=_running, heavy=True, reads_twice=(0,)),
    # other symbols
    "cross": Op(lower=_held, locality=Locality.ALL, heavy=True),
    "ref": Op(lower=_held, locality=Locality.ALL, heavy=True),
}

GATHERED = frozenset(name for name, op in OPS.items() if op.locality is Locality.ALL)
"""Operations whose inputs are gathered over all symbols before anything reads them."""
