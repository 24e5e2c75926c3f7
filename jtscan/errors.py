"""Everything that jtscan raises on purpose.

    JtscanError
    ├── RequestError (ValueError)      a value that was asked for cannot be used; names the field
    ├── FormulaError (ValueError)      the formula's text is wrong; shows line, column and caret
    │   └── LookAheadError             an expression or function of a user looks at later bars
    ├── DataError                      files that cannot be read, or rows that cannot be bars
    │   ├── DataNotFoundError (FileNotFoundError)
    │   ├── StoreError                 a store is damaged, in use, or cannot be written
    │   └── SourceError                a source on the network failed, refused, or answered what cannot be read
    ├── EngineError (RuntimeError)     the workers that a scan was sent to: there are none, or they cannot do it
    ├── StoppedError                   a scan was cancelled while its data was read; a scan itself never raises it
    └── MissingExtraError (ImportError)  an optional dependency is not installed

A symbol whose data or evaluation fails raises none of these out of a scan: it
ends as one row of the account, with its reason.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from os import sep
from pathlib import Path
from traceback import FrameSummary, extract_tb

_HERE = f"{Path(__file__).parent}{sep}"
_SHELL = ("IPython", "ipykernel")


class JtscanError(Exception):
    """Base of the errors that jtscan raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Say what is wrong in a notebook, as IPython asks for it: the user's own calls, and none of ours below them.

        A mistake in a formula is the user's, and fifteen frames of jtscan and
        asyncio hide it; anything that is raised otherwise keeps them.
        """
        theirs = takewhile(lambda frame: not frame.filename.startswith(_HERE), extract_tb(self.__traceback__))
        calls = list(dropwhile(_of_the_shell, theirs))[1:]  # the first is the cell itself
        return [f"{type(self).__name__}: {self}", *(f"  in {each.name}: {each.line}" for each in reversed(calls))]


class RequestError(JtscanError, ValueError):
    """A field of a request holds something that cannot be used.

    The message starts with the field's name.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self._said = (field, message)

    def __reduce__(self) -> tuple[type[RequestError], tuple[str, str]]:
        return type(self), self._said


class FormulaError(JtscanError, ValueError):
    """The formula cannot be understood; the message points at the place.

    ``line`` and ``column`` count from 1, in characters, and are None for what
    concerns the formula as a whole (an unknown parameter). ``hint`` is the
    cure alone, for a form to show beside the editor. ``others`` are further
    mistakes of the same formula, in the order of its text; the message shows
    them below.
    """

    def __init__(  # noqa: PLR0913 - the place, the cure, and what else is wrong
        self,
        message: str,
        *,
        text: str = "",
        line: int | None = None,
        column: int | None = None,
        width: int = 1,
        hint: str | None = None,
        others: Sequence[FormulaError] = (),
    ) -> None:
        self.message = message
        self.text = text
        self.line = line
        self.column = column
        self.width = max(width, 1)
        self.hint = hint
        self.others = tuple(others)
        super().__init__("\n".join([self._compose(), *map(str, self.others)]))

    def with_others(self, others: Sequence[FormulaError]) -> FormulaError:
        """Return the same with further mistakes of the formula."""
        return FormulaError(
            self.message, text=self.text, line=self.line, column=self.column, width=self.width, hint=self.hint,
            others=others,
        )  # fmt: skip

    def _compose(self) -> str:
        said = f"{self.message}; {self.hint}" if self.hint else self.message
        if self.line is None or self.column is None:
            return said
        head = f"line {self.line}, column {self.column}: {said}"
        lines = self.text.split("\n")
        if not 1 <= self.line <= len(lines) or not lines[self.line - 1].strip():
            return head
        source, offset = _window(lines[self.line - 1], self.column - 1)
        caret = "^" * _caret(source, offset, min(self.width, max(len(source) - offset, 1)))
        return f"{head}\n  {source}\n  {' ' * _cells(source[:offset])}{caret}"


class LookAheadError(FormulaError):
    """A formula given as Polars expressions, or with a user's own function, looks at later bars."""


def _window(line: str, offset: int, most: int = 100) -> tuple[str, int]:
    """Cut a very long line to the part around the error."""
    if len(line) <= most:
        return line.replace("\t", " "), offset
    start = max(0, min(offset - most // 2, len(line) - most))
    return line[start : start + most].replace("\t", " "), offset - start


def _cells(text: str) -> int:
    """Columns that a text takes on a terminal: Hangul letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _caret(source: str, offset: int, width: int) -> int:
    return max(_cells(source[offset : offset + width]), 1)


class DataError(JtscanError):
    """Files that cannot be read, or rows that cannot be bars; names the file or symbol."""


class DataNotFoundError(DataError, FileNotFoundError):
    """There is no data where it was looked for; says how to get some."""

    def __str__(self) -> str:  # FileNotFoundError would print its errno
        return str(self.args[0]) if self.args else ""


class StoreError(DataError):
    """A store is damaged, in use by another writer, or cannot be written; the version before stays."""


class SourceError(DataError):
    """A source that prices are fetched from failed, refused, or answered what cannot be read.

    ``passing`` says that another try may help.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class EngineError(JtscanError, RuntimeError):
    """The workers of a scan are not there, differ from here, or cannot be sent what they need; says what to do."""


class StoppedError(JtscanError):
    """What was read is not wanted any more: the scan that it was for is cancelled."""


class MissingExtraError(JtscanError, ImportError):
    """An optional dependency is not installed; says which extra brings it."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs packages that are not installed: pip install 'jtscan[{extra}]'")
        self.extra = extra
        self._said = (purpose, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), self._said


def _of_the_shell(frame: FrameSummary) -> bool:
    return any(f"{name}/" in frame.filename.replace("\\", "/") for name in _SHELL)


def first_line(error: BaseException) -> str:
    """Return what an error says in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
