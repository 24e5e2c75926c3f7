"""What a function of the language is: a row of the table, and its arguments.

The compiler, the usage in errors, the reference and the warm-up read the same
row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jtscan.formula.values import Kind

Build = Callable[..., int]
"""(graph, **arguments) → node."""


class Refusal(ValueError):  # noqa: N818 - it is a refusal, and becomes a FormulaError
    """What a row refuses about its arguments; the compiler adds the place."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Want(StrEnum):
    """What an argument must be, in the words of the error messages."""

    SERIES = "a series"
    CONDITION = "a condition"
    VALUE = "a series or a number"
    ANY = "a series or a condition"
    GROUP = "a text field, a series or a condition"
    LENGTH = "a whole number of bars"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "True or False"
    TEXT = "a text in quotes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg:
    """One argument.

    ``natural`` is the field taken when only a length is given; ``optional``
    ones may be left out and are then None.
    """

    name: str
    want: Want
    default: Any = None
    required: bool = False
    natural: str | None = None
    least: float | None = None
    most: float | None = None
    variadic: bool = False
    keyword_only: bool = False
    optional: bool = False

    @property
    def usage(self) -> str:
        """How it is written in the usage."""
        if self.variadic:
            return f"{self.name}, …"
        if self.required or self.natural:
            return self.name
        return f"{self.name}={self.default:g}" if isinstance(self.default, float) else f"{self.name}={self.default}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One row of the table.

    ``outputs`` maps each output's name to how it is built; a function of one
    output has the single name "". ``kind`` is what comes out; None is the
    kind of the argument ``x``. ``own`` is what a user made it of.
    """

    name: str
    doc: str
    source: str
    group: str = ""
    args: tuple[Arg, ...] = ()
    outputs: Mapping[str, Build] = field(default_factory=dict)
    kind: Kind | None = Kind.SERIES
    aliases: tuple[str, ...] = ()
    own: object | None = None

    @property
    def usage(self) -> str:
        """How it is written, such as ``sma(x, n)``."""
        outputs = " ".join(f".{output}" for output in self.outputs if output)
        return f"{self.name}({', '.join(arg.usage for arg in self.args)}){' ' + outputs if outputs else ''}"

    @property
    def gives(self) -> str:
        """What comes out, in words."""
        if self.kind is None:
            return "what x is"
        names = [output for output in self.outputs if output]
        return f"{len(names)} series" if len(names) > 1 else str(self.kind)


def series(name: str = "x", natural: str | None = None) -> Arg:
    """Describe the series that a function is about."""
    return Arg(name=name, want=Want.SERIES, required=natural is None, natural=natural)


def condition(name: str = "c") -> Arg:
    """Describe a condition."""
    return Arg(name=name, want=Want.CONDITION, required=True)


def value(name: str) -> Arg:
    """Describe a series or a number."""
    return Arg(name=name, want=Want.VALUE, required=True)


def either(name: str = "x") -> Arg:
    """Describe a series or a condition."""
    return Arg(name=name, want=Want.ANY, required=True)


def length(name: str = "n", default: int | None = None, least: int = 1, most: int | None = None) -> Arg:
    """Describe a number of bars."""
    return Arg(name=name, want=Want.LENGTH, default=default, required=default is None, least=least, most=most)


def number(name: str, default: float, least: float | None = None) -> Arg:
    """Describe a constant number."""
    return Arg(name=name, want=Want.NUMBER, default=default, least=least)


def row(name: str, doc: str, *args: Arg, build: Build | Mapping[str, Build], source: str,
        kind: Kind | None = Kind.SERIES, aliases: tuple[str, ...] = ()) -> Function:  # fmt: skip
    """Make the row of a function that is written with operations of the graph."""
    outputs = build if isinstance(build, Mapping) else {"": build}
    return Function(name=name, doc=doc, source=source, args=args, outputs=outputs, kind=kind, aliases=aliases)
