"""Nobody sees an exception in a widget's callback, so each is shown in the part that it belongs to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from jtscan.errors import JtscanError


class ShowsProblems(Protocol):
    """A part of the form with a place for messages."""

    def problem(self, message: str) -> None:
        """Show a message."""


_Part = TypeVar("_Part", bound=ShowsProblems)
_Arguments = ParamSpec("_Arguments")


def shown(method: Callable[Concatenate[_Part, _Arguments], None]) -> Callable[Concatenate[_Part, _Arguments], None]:
    """Show what goes wrong in a callback, in its own part."""

    @functools.wraps(method)
    def call(part: _Part, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            method(part, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nobody else would show it
            part.problem(message_of(error))

    return call


def message_of(error: BaseException) -> str:
    """Say what an error says; of one that is no refusal of ours, its kind too."""
    return str(error) if isinstance(error, JtscanError) else f"internal error: {type(error).__name__}: {error}"
