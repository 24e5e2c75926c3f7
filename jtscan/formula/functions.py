"""The table of functions: one row says what a function needs and how it is computed.

The compiler, the usage in errors, the reference and the warm-up read the same
row. Most rows are made by ``indicator`` (TA-Lib's) or ``elementwise``; only an
odd one brings a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from jtscan.formula import talib
from jtscan.formula.graph import Graph
from jtscan.formula.values import Kind

Build = Callable[..., int]
"""(graph, **arguments) → node."""


class Want(StrEnum):
    """What an argument must be, in the words of the error messages."""

    SERIES = "a series"
    CONDITION = "a condition"
    VALUE = "a series or a number"
    ANY = "a series or a condition"
    LENGTH = "a whole number of bars"
    NUMBER = "a number"
    FLAG = "True or False"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg:
    """One argument; ``natural`` is the field taken when only a length is given."""

    name: str
    want: Want
    default: Any = None
    required: bool = False
    natural: str | None = None
    least: float | None = None
    most: float | None = None
    variadic: bool = False
    keyword_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One row of the table.

    ``outputs`` maps each output's name to how it is built; a function of one
    output has the single name "". ``kind`` is what comes out.
    """

    name: str
    doc: str
    source: str
    args: tuple[Arg, ...] = ()
    outputs: Mapping[str, Build] = field(default_factory=dict)
    kind: Kind = Kind.SERIES
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """How it is written, such as ``sma(x, n)``."""
        shown = [_shown(arg) for arg in self.args]
        outputs = " ".join(f".{output}" for output in self.outputs if output)
        return f"{self.name}({', '.join(shown)}){' ' + outputs if outputs else ''}"


def _shown(arg: Arg) -> str:
    if arg.variadic:
        return f"{arg.name}, …"
    if arg.required or arg.default is None:
        return arg.name
    return f"{arg.name}={arg.default}"


def series(name: str = "x", natural: str | None = None) -> Arg:
    """Describe the series that a function is about."""
    return Arg(name=name, want=Want.SERIES, required=natural is None, natural=natural)


def condition(name: str = "c") -> Arg:
    """Describe a condition."""
    return Arg(name=name, want=Want.CONDITION, required=True)


def value(name: str) -> Arg:
    """Describe a series or a number."""
    return Arg(name=name, want=Want.VALUE, required=True)


def length(name: str = "n", default: int | None = None, least: int = 1) -> Arg:
    """Describe a number of bars."""
    return Arg(name=name, want=Want.LENGTH, default=default, required=default is None, least=least)


def indicator(  # noqa: PLR0913 - the columns of a row
    name: str,
    doc: str,
    *,
    of: str | None = None,
    talib_name: str | None = None,
    lengths: Mapping[str, str],
    numbers: Mapping[str, str] | None = None,
    preset: Mapping[str, float] | None = None,
    initial: Mapping[str, float] | None = None,
    outputs: Mapping[str, str] | None = None,
    further: Mapping[str, Build] | None = None,
) -> Function:
    """Make the row of a TA-Lib indicator.

    ``of`` is the natural field of an indicator of one series; without it the
    inputs are price fields. ``lengths`` and ``numbers`` map our argument to
    TA-Lib's parameter, ``initial`` gives defaults other than required.
    """
    target = talib_name or name
    options = {**lengths, **(numbers or {})}
    build = _talib_builder(target, options, dict(preset or {}))
    arguments = [series("x", of)] if of else []
    arguments += [
        length(ours, _whole((initial or {}).get(ours)), _least(target, theirs)) for ours, theirs in lengths.items()
    ]
    arguments += [Arg(name=ours, want=Want.NUMBER, default=(initial or {})[ours], least=0) for ours in numbers or ()]
    named = {ours: build(theirs) for ours, theirs in (outputs or {}).items()} or {"": build(None)}
    return Function(
        name=name,
        doc=doc,
        source=f"TA-Lib {target.upper()}",
        args=tuple(arguments),
        outputs={**named, **(further or {})},
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _least(name: str, parameter: str) -> int:
    """Find the least length that TA-Lib takes."""
    return next(n for n in (1, 2, 3, 4) if talib.lookback(name, talib.defaults(name, **{parameter: n})) >= 0)


def _talib_builder(name: str, options: Mapping[str, str], preset: Mapping[str, float]) -> Callable[[str | None], Build]:
    def output(field_name: str | None) -> Build:
        def build(graph: Graph, **arguments: Any) -> int:
            given = {**preset, **{theirs: arguments[ours] for ours, theirs in options.items()}}
            parameters = talib.defaults(name, **_spread(name, given))
            inputs = [arguments["x"]] if "x" in arguments else _prices(graph, name)
            return graph.add("talib", *inputs, params=(name, field_name, tuple(parameters.items())))

        return build

    return output


def _spread(name: str, given: Mapping[str, float]) -> dict[str, float]:
    """Give the deviation of a band to both of its sides."""
    return {**given, "nbdevdn": given["nbdevup"]} if name == "bbands" else dict(given)


def _prices(graph: Graph, name: str) -> list[int]:
    return [graph.add("field", params=(field_name,)) for field_name in talib.signature(name).inputs]


def elementwise(name: str, doc: str, *args: Arg, kind: Kind = Kind.SERIES) -> Function:
    """Make the row of a function that looks at one bar: the operation of its own name."""

    def build(graph: Graph, **arguments: int) -> int:
        return graph.add(name, *arguments.values())

    return Function(name=name, doc=doc, source="IEEE arithmetic", args=args, outputs={"": build}, kind=kind)


def composed(name: str, doc: str, *args: Arg, build: Build, source: str, kind: Kind = Kind.SERIES,
             aliases: tuple[str, ...] = ()) -> Function:  # fmt: skip
    """Make the row of a function that is written with other operations."""
    return Function(name=name, doc=doc, source=source, args=args, outputs={"": build}, kind=kind, aliases=aliases)


def _crossing(now: str, before: str, strict_before: str) -> Build:
    def build(graph: Graph, *, a: int, b: int, strict: bool) -> int:
        was = graph.add(strict_before if strict else before, a, b)
        return graph.add("and", graph.add(now, a, b), graph.add("shift", was, params=(1,)))

    return build


_cross_above = _crossing("gt", "le", "lt")
_cross_below = _crossing("lt", "ge", "gt")


def _crosses(graph: Graph, **arguments: Any) -> int:
    return graph.add("or", _cross_above(graph, **arguments), _cross_below(graph, **arguments))


def _extreme(name: str) -> Build:
    def build(graph: Graph, *, x: int, n: int) -> int:
        """TA-Lib's windows start at two bars; the extreme of one bar is itself."""
        return x if n == 1 else graph.add("talib", x, params=(name, None, (("timeperiod", n),)))

    return build


def _decided(decision: bool) -> Build:  # noqa: FBT001 - the answer that one bar decides
    def build(graph: Graph, *, c: int, n: int) -> int:
        decides = c if decision else graph.add("not", c)
        hit = graph.add("latest_row", decides)
        unknown = graph.add("latest_row", graph.add("isna", c))
        return graph.add("decided", hit, unknown, params=(n, decision))

    return build


def _counted(graph: Graph, *, c: int, n: int) -> int:
    return graph.add("count", c, params=(n,))


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


def _folded(op: str) -> Build:
    def build(graph: Graph, *, a: int, b: list[int]) -> int:
        for each in b:
            a = graph.add(op, a, each)
        return a

    return build


def _band_width(graph: Graph, **arguments: Any) -> int:
    upper, mid, lower = (_BANDS[name](graph, **arguments) for name in ("upper", "mid", "lower"))
    return graph.add("div", graph.add("sub", upper, lower), mid)


def _band_position(graph: Graph, **arguments: Any) -> int:
    upper, lower = (_BANDS[name](graph, **arguments) for name in ("upper", "lower"))
    return graph.add("div", graph.add("sub", arguments["x"], lower), graph.add("sub", upper, lower))


_BANDS = {
    ours: _talib_builder("bbands", {"n": "timeperiod", "k": "nbdevup"}, {})(theirs)
    for ours, theirs in {"upper": "upperband", "mid": "middleband", "lower": "lowerband"}.items()
}

_STRICT = Arg(name="strict", want=Want.FLAG, default=False, keyword_only=True)
_PAIR = (value("a"), value("b"), _STRICT)
_SEVERAL = (value("a"), Arg(name="b", want=Want.VALUE, required=True, variadic=True))
_PERIOD = {"n": "timeperiod"}
_PINE = "Pine Script reference"


@cache
def table() -> dict[str, Function]:
    """Return every function by name, aliases too."""
    rows = [*_rows(), *_candles()]
    return {name: row for row in rows for name in (row.name, *row.aliases)}


def _candles() -> list[Function]:
    """Read the candle patterns from TA-Lib's own metadata."""
    return [_candle(name) for name in talib.names("Pattern Recognition")]


def _candle(name: str) -> Function:
    options = dict(talib.signature(name).parameters)
    return indicator(
        name,
        f"candle pattern {name[3:]}: 100 bullish, -100 bearish, 0 none",
        lengths={},
        numbers={option: option for option in options},
        initial=options,
    )


def _rows() -> list[Function]:
    return [
        composed("cross_above", "a rises above b: now a > b and one bar ago a <= b (strict: <)", *_PAIR,
                 build=_cross_above, source=_PINE, kind=Kind.CONDITION, aliases=("crossover",)),
        composed("cross_below", "a falls below b: now a < b and one bar ago a >= b (strict: >)", *_PAIR,
                 build=_cross_below, source=_PINE, kind=Kind.CONDITION, aliases=("crossunder",)),
        composed("crosses", "a crosses b, upwards or downwards", *_PAIR,
                 build=_crosses, source=_PINE, kind=Kind.CONDITION),
        composed("highest", "highest value of n bars, this one included", series("x", "high"), length(),
                 build=_extreme("max"), source="TA-Lib MAX"),
        composed("lowest", "lowest value of n bars, this one included", series("x", "low"), length(),
                 build=_extreme("min"), source="TA-Lib MIN"),
        composed("sum", "sum of n bars", series("x", "close"), length(), build=_extreme("sum"), source="TA-Lib SUM"),
        indicator("sma", "simple average of n bars", of="close", lengths=_PERIOD),
        indicator("ema", "exponential average, factor 2/(n+1), seeded with the mean of the first n", of="close", lengths=_PERIOD),
        indicator("rma", "Wilder's average, factor 1/n, seeded with the mean of the first n", of="close", lengths=_PERIOD),
        indicator("rsi", "relative strength index, 0 to 100", of="close", lengths=_PERIOD, initial={"n": 14}),
        indicator("atr", "average true range, in units of price", lengths=_PERIOD, initial={"n": 14}),
        indicator("adx", "average directional index, 0 to 100", lengths=_PERIOD, initial={"n": 14}),
        indicator("stdev", "standard deviation of n bars (divided by n)", of="close", talib_name="stddev", lengths=_PERIOD,
                  preset={"nbdev": 1.0}),
        indicator("macd", "difference of two exponential averages, its signal line and their difference", of="close",
                  lengths={"fast": "fastperiod", "slow": "slowperiod", "signal": "signalperiod"},
                  initial={"fast": 12, "slow": 26, "signal": 9},
                  outputs={"line": "macd", "signal": "macdsignal", "hist": "macdhist"}),
        indicator("bb", "Bollinger bands: average ± k standard deviations; width = (upper - lower) / mid, "
                  "pctb = where x stands between them, 0 to 1", of="close", talib_name="bbands", lengths=_PERIOD,
                  numbers={"k": "nbdevup"}, preset={"matype": 0}, initial={"n": 20, "k": 2.0},
                  outputs={"upper": "upperband", "mid": "middleband", "lower": "lowerband"},
                  further={"width": _band_width, "pctb": _band_position}),
        indicator("stoch", "slow stochastic, 0 to 100: k is smoothed over slow bars, d is k's average",
                  lengths={"fast": "fastk_period", "slow": "slowk_period", "signal": "slowd_period"},
                  preset={"slowk_matype": 0, "slowd_matype": 0},
                  initial={"fast": 14, "slow": 3, "signal": 3}, outputs={"k": "slowk", "d": "slowd"}),
        composed("count", "how many of the last n bars were true", condition(), length(), build=_counted, source=_PINE),
        composed("within", "true on at least one of the last n bars", condition(), length(), build=_decided(decision=True),
                 source="three-valued any", kind=Kind.CONDITION),
        composed("every", "true on each of the last n bars", condition(), length(), build=_decided(decision=False),
                 source="three-valued all", kind=Kind.CONDITION),
        composed("streak", "how many bars in a row true until now", condition(), build=_streak, source="FORMULA 3"),
        composed("barssince", "bars since it was true, 0 = now", condition(), build=_barssince, source=_PINE),
        composed("valuewhen", "x on the n-th latest bar on which c was true, 0 = the latest", condition(), series(),
                 Arg(name="n", want=Want.LENGTH, default=0, least=0, most=100), build=_valuewhen, source=_PINE),
        composed("max", "the larger of several values on the same bar", *_SEVERAL, build=_folded("max"), source="FORMULA 3"),
        composed("min", "the smaller of several values on the same bar", *_SEVERAL, build=_folded("min"), source="FORMULA 3"),
        elementwise("abs", "absolute value", series()),
        elementwise("sqrt", "square root; unknown below 0", series()),
        elementwise("log", "natural logarithm; unknown at or below 0", series()),
        elementwise("exp", "e to the power of x", series()),
        elementwise("round", "nearest whole number, half away from zero", series()),
        elementwise("floor", "largest whole number not above x", series()),
        elementwise("ceil", "smallest whole number not below x", series()),
        elementwise("sign", "1, 0 or -1", series()),
        elementwise("nz", "x, or instead of unknown another value", series(),
                    Arg(name="instead", want=Want.VALUE, default=0)),
        elementwise("isna", "whether x is unknown", Arg(name="x", want=Want.ANY, required=True), kind=Kind.CONDITION),
    ]  # fmt: skip
