"""All the mistakes of a formula at once: parts that do not need each other are compiled each by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from jtscan.errors import FormulaError

_PART = TypeVar("_PART")
_MADE = TypeVar("_MADE")
_MOST = 5


class Mistakes:
    """Remembers the mistakes found in a formula, at most five: text typed at random has hundreds.

    ``names`` are those whose assignment failed; what uses them is not wrong again.
    """

    def __init__(self) -> None:
        self.found: list[FormulaError] = []
        self.names: dict[str, FormulaError] = {}

    def each(self, parts: Iterable[_PART], make: Callable[[_PART], _MADE]) -> list[_MADE]:
        """Make something of every part, also after one that is wrong; then raise the first mistake."""
        made, first = [], None
        for part in parts:
            try:
                made.append(make(part))
            except FormulaError as error:
                first = first or error
                self.note(error)
        if first is not None:
            raise first
        return made

    def note(self, error: FormulaError) -> None:
        """Remember a mistake, once, as it passes through every part around it; raise it when there are enough."""
        if error not in self.found:
            self.found.append(error)
        if len(self.found) >= _MOST:
            raise error

    def together(self, error: FormulaError) -> FormulaError:
        """Return all of them as one error, in the order of the text."""
        first, *others = sorted({*self.found, error}, key=_place)
        return first.with_others(others)


def _place(error: FormulaError) -> tuple[bool, int, int]:
    return error.line is None, error.line or 0, error.column or 0
