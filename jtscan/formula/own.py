"""Functions of a user, as Polars expressions: ``jt.function``."""

from __future__ import annotations

import inspect
import keyword
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import polars as pl

from jtscan.errors import RequestError, first_line
from jtscan.formula import fields
from jtscan.formula.graph import Graph
from jtscan.formula.names import SIGNALS
from jtscan.formula.rows import Arg, Build, Function, Refusal, Want
from jtscan.formula.source import MAX_BARS
from jtscan.formula.table import table
from jtscan.formula.values import Kind

Lookback = int | Callable[..., int]

_TRIAL_BARS = 240
_TRIAL_CUTS = 24
_TRIAL_LENGTH = 5
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class OwnCall:
    """A user's function with its numbers: what the node of an indicator holds."""

    name: str
    make: Callable[..., pl.Expr]
    series: tuple[str, ...]
    numbers: tuple[tuple[str, float], ...]
    lookback: int
    output: str | None = None
    forgets: int | None = 0
    moved_by: str | None = None
    unseen: bool = True

    def expression(self, inputs: Sequence[pl.Expr]) -> pl.Expr:
        """Write it as a Polars expression."""
        return self.make(**dict(zip(self.series, inputs, strict=True)), **dict(self.numbers))

    @property
    def shown(self) -> list[str]:
        """Its numbers, for people."""
        return [f"{number:g}" for _, number in self.numbers]


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """What ``jt.function`` makes: a function of Polars expressions, and what it needs.

    It can still be called with Polars expressions. ``Scanner(functions=[…])`` checks it and makes it known by name.
    """

    make: Callable[..., pl.Expr]
    lookback: Lookback
    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> pl.Expr:
        """Call the function itself."""
        return self.make(*args, **kwargs)


def function(
    *misplaced: object, lookback: Lookback | None = None, name: str | None = None
) -> Callable[[Callable[..., pl.Expr]], OwnFunction]:
    """Make a function of your own for formulas, from one that returns a Polars expression.

    It is evaluated on each run of bars of a symbol on which its series are
    known. Its arguments are read from its signature: those of a number
    (``int`` is a number of bars, ``float`` any number) are constants, the
    others are series; a text as the default of a series is its natural field.

    Parameters
    ----------
    lookback
        How many bars before this one it reads: a number, or a function of
        the constant arguments by their names. For a recursion, as many as it needs to forget its start.
    name
        Its name in formulas, if not the function's own.

    Examples
    --------
    >>> import jtscan as jt
    >>> import polars as pl
    >>> @jt.function(lookback=lambda n: n - 1)
    ... def middle(x: pl.Expr = "close", n: int = 20) -> pl.Expr:
    ...     '''Median of n bars.'''
    ...     return x.rolling_median(n)
    >>> scanner = jt.Scanner("data", functions=[middle])
    >>> scanner.describe("close > middle(50)").warmup
    49
    """
    if misplaced or lookback is None:
        missing = "lookback= is missing: say how many earlier bars it reads, @jt.function(lookback=…)"
        raise RequestError("functions", f"{name or 'a function'}: {missing}")

    def decorate(make: Callable[..., pl.Expr]) -> OwnFunction:
        if not callable(make):
            raise RequestError("function", f"{make!r} is not a function")
        return OwnFunction(make, lookback, name or make.__name__)

    return decorate


def registered(functions: Sequence[OwnFunction | Function]) -> tuple[Function, ...]:
    """Check functions of a user, and make their rows.

    Raises
    ------
    RequestError
        A name is taken, a signature cannot be read, or a trial fails: it
        raises, gives no column, looks ahead, or needs more than its lookback.
    """
    if isinstance(functions, OwnFunction | Function):
        raise RequestError("functions", "give a list: functions=[…]")
    rows: list[Function] = []
    for each in functions:
        row = each if isinstance(each, Function) else _row(each)
        if any(row.name == other.name for other in rows):
            raise RequestError("functions", f"{row.name} is there twice")
        rows.append(row)
    return tuple(rows)


def _row(own: Any) -> Function:
    if not isinstance(own, OwnFunction):
        name = getattr(own, "__name__", repr(own))
        raise RequestError("functions", f"{name} has no lookback: put @jt.function(lookback=…) before it")
    _check_name(own.name)
    args = [_argument(own.name, each) for each in inspect.signature(own.make).parameters.values()]
    kind = _Trial.by_default(own, args).kind()
    return Function(
        name=own.name,
        doc=(inspect.getdoc(own.make) or "a function of your own").split("\n", 1)[0].rstrip("."),
        source="your own",
        group="your own",
        args=tuple(args),
        outputs={"": _build(own, args, kind)},
        kind=kind,
        own=own,
    )


def _check_name(name: str) -> None:
    if (
        not name.isidentifier()
        or keyword.iskeyword(name)
        or not all(letter.isascii() or "가" <= letter <= "힣" for letter in name)
    ):
        raise RequestError("functions", f"{name!r} cannot be a name in formulas; give name=")
    if name in table() or name in {*fields.ALL, *fields.LETTERS, *fields.RESERVED, *SIGNALS, "param", "signal"}:
        raise RequestError("functions", f"{name!r} is a word of the language already; give another name=")


def _argument(function: str, parameter: inspect.Parameter) -> Arg:
    name, default = parameter.name, parameter.default
    annotation = getattr(parameter.annotation, "__name__", str(parameter.annotation))
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        raise RequestError("functions", f"{function}: the argument {name!r} must be an ordinary one")
    given = default is not parameter.empty
    if isinstance(default, bool):
        raise RequestError("functions", f"{function}: {name} = {default} is neither a series nor a number")
    if annotation == "int" or (given and isinstance(default, int)):
        return Arg(name=name, want=Want.LENGTH, default=default if given else None, required=not given, least=1)
    if annotation == "float" or (given and isinstance(default, float)):
        return Arg(name=name, want=Want.NUMBER, default=default if given else None, required=not given)
    if given and (not isinstance(default, str) or default not in fields.NUMERIC):
        raise RequestError("functions", f"{function}: a series has the name of a field as default, not {default!r}")
    return Arg(name=name, want=Want.SERIES, required=not given, natural=default if given else None)


def _build(own: OwnFunction, args: Sequence[Arg], kind: Kind) -> Build:
    series = tuple(arg.name for arg in args if arg.want is Want.SERIES)
    constants = [arg.name for arg in args if arg.want is not Want.SERIES]

    def build(graph: Graph, **arguments: Any) -> int:
        numbers = {name: arguments[name] for name in constants}
        try:
            lookback = _tried(own, series, tuple(numbers.items()))
        except RequestError as error:
            raise Refusal(str(error).removeprefix("functions: ")) from None
        call = OwnCall(own.name, own.make, series, tuple(numbers.items()), lookback)
        made = graph.add("indicator", *(arguments[name] for name in series), params=(call,))
        return graph.add("eq", made, graph.number(1)) if kind is Kind.CONDITION else made

    return build


@lru_cache(maxsize=256)
def _tried(own: OwnFunction, series: tuple[str, ...], numbers: tuple[tuple[str, float], ...]) -> int:
    """Try a function with the numbers of a formula: its lookback at others says nothing of these."""
    trial = _Trial(own, series, dict(numbers))
    trial.kind()
    return trial.lookback


def _lookback(own: OwnFunction, numbers: Mapping[str, float]) -> int:
    if not callable(own.lookback):
        bars: Any = own.lookback
    else:
        wanted = inspect.signature(own.lookback).parameters
        bars = own.lookback(**{name: numbers[name] for name in wanted if name in numbers})
    if not isinstance(bars, int) or isinstance(bars, bool) or not 0 <= bars <= MAX_BARS:
        raise RequestError("functions", f"{own.name}: lookback gives {bars!r}, not a number of bars up to {MAX_BARS:,}")
    return bars


class _Trial:
    """Tries a function on invented bars."""

    def __init__(self, own: OwnFunction, series: Sequence[str], numbers: Mapping[str, float]) -> None:
        self.own = own
        self.series = series
        self.numbers = numbers
        if not self.series:
            self._refuse("it takes no series")
        self.lookback = self._lookback()

    @classmethod
    def by_default(cls, own: OwnFunction, args: Sequence[Arg]) -> _Trial:
        """Try the numbers that stand in the signature."""
        series = [arg.name for arg in args if arg.want is Want.SERIES]
        numbers = {arg.name: arg.default or _TRIAL_LENGTH for arg in args if arg.want is not Want.SERIES}
        return cls(own, series, numbers)

    def kind(self) -> Kind:
        """Run it, and tell what it gives."""
        lookback = self.lookback
        bars = _invented(self.series, _TRIAL_BARS + lookback)
        whole = self._run(bars)
        if whole.len() != bars.height:
            self._refuse(f"it gives {whole.len():,} values for {bars.height:,} bars")
        if not (whole.dtype.is_numeric() or whole.dtype == pl.Boolean):
            self._refuse(f"it gives {whole.dtype}, neither numbers nor conditions")
        step = max((bars.height - lookback) // _TRIAL_CUTS, 1)
        for end in range(lookback + 1, bars.height + 1, step):
            self._compare(whole[end - 1], self._run(bars.head(end)), "it looks ahead: without the later bars")
            short = self._run(bars.slice(end - 1 - lookback, lookback + 1))
            self._compare(whole[end - 1], short, f"lookback = {lookback} is too short: on {lookback + 1:,} bars alone")
        return Kind.CONDITION if whole.dtype == pl.Boolean else Kind.SERIES

    def _lookback(self) -> int:
        with self._told("lookback"):
            return _lookback(self.own, self.numbers)

    def _run(self, bars: pl.DataFrame) -> pl.Series:
        with self._told("it"):
            made: object = self.own.make(**{name: pl.col(name) for name in self.series}, **self.numbers)
            if not isinstance(made, pl.Expr):
                self._refuse(f"it gives {type(made).__name__}, not a Polars expression")
            return bars.select(made.alias("made")).to_series()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Show whatever a user's function raises."""
        try:
            yield
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001 - it is not ours
            self._refuse(f"{what} raises {type(error).__name__}: {first_line(error)}")

    def _compare(self, expected: Any, made: pl.Series, problem: str) -> None:
        last = made[-1]
        known = [each is not None and not (isinstance(each, float) and math.isnan(each)) for each in (expected, last)]
        same = known[0] == known[1] and (
            not known[0] or expected == last or math.isclose(expected, last, rel_tol=_SAME, abs_tol=_SAME)
        )
        if not same:
            self._refuse(f"{problem} its last value is {last}, not {expected}")

    def _refuse(self, problem: str) -> NoReturn:
        raise RequestError("functions", f"{self.own.name}: {problem}")


def _invented(names: Sequence[str], bars: int) -> pl.DataFrame:
    """Prices of a random walk, another one for each series."""
    dice = random.Random(20_240_102)  # noqa: S311 - invented prices
    columns: dict[str, list[float]] = {}
    for name in names:
        price = 100.0
        columns[name] = [price := max(price * (1 + dice.gauss(0, 0.02)), 1.0) for _ in range(bars)]
    return pl.DataFrame(columns)
