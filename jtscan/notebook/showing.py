"""Nobody sees an exception in a widget's callback, so each is shown in the part that it belongs to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import polars as pl

from jtscan.errors import JtscanError

Tell = Callable[[str], None]
"""Shows a message."""


class ShowsProblems(Protocol):
    """A part with a place for messages."""

    def problem(self, message: str) -> None:
        """Show a message."""


_Part = TypeVar("_Part", bound=ShowsProblems)
_Arguments = ParamSpec("_Arguments")


def message_of(error: BaseException) -> str:
    """Say what went wrong, for people; a bug of ours by its kind."""
    if isinstance(error, KeyboardInterrupt):
        return "the kernel was interrupted"
    return str(error) if isinstance(error, JtscanError) else f"internal error: {type(error).__name__}: {error}"


def guarded(call: Callable[[], None], tell: Tell) -> Callable[..., None]:
    """Make a callback that tells what goes wrong in it."""

    def callback(*_: object) -> None:
        try:
            call()
        except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - whatever it is, it is shown
            tell(message_of(error))

    return callback


def shown(method: Callable[Concatenate[_Part, _Arguments], None]) -> Callable[Concatenate[_Part, _Arguments], None]:
    """Show what goes wrong in a part's method, in that part."""

    @functools.wraps(method)
    def call(part: _Part, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        guarded(functools.partial(method, part, *args, **kwargs), part.problem)()

    return call
