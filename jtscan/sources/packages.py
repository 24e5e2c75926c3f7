"""Calling a package: it prints nothing on our terminal, and its errors become ours."""

from __future__ import annotations

import http.client
import importlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from jtscan.errors import MissingExtraError, SourceError, first_line

_PASSING = (ConnectionError, TimeoutError, json.JSONDecodeError, http.client.HTTPException)
# Of requests, curl_cffi, urllib and yfinance, known by name: jtscan imports none of them.
_PASSING_NAMES = frozenset({"RequestException", "URLError", "YFRateLimitError"})
_TOO_MANY, _TIMEOUT, _CLIENT, _SERVER = 429, 408, 400, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call returned, and what it printed: some packages print their errors and return nothing."""

    value: Any
    printed: str


def load(name: str) -> ModuleType:
    """Import a package of the extra ``sources``."""
    try:
        with redirect_stdout(io.StringIO()):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"fetching through {name.partition('.')[0]}", "sources") from error


def ask(call: Callable[..., Any], *arguments: Any, **options: Any) -> Answer:
    """Call a function of a package; whatever it raises becomes a SourceError that says whether to try again."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            value = call(*arguments, **options)
    except Exception as error:  # only foreign code runs here, and it raises what it likes
        # FinanceDataReader stumbles while it reports a broken connection: the connection is what to tell.
        passing = next((each for each in chain(error) if _passes(each)), None)
        told = passing or error
        said = f"{type(told).__name__}: {first_line(told)}{_beside(printed)}"
        raise SourceError(said, passing=passing is not None) from error
    return Answer(value=value, printed=printed.getvalue().strip())


def _beside(printed: io.StringIO) -> str:
    lines = printed.getvalue().split("\n")
    return next((f" (the package says: {line.strip()})" for line in reversed(lines) if line.strip()), "")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error to what it was raised in answer to."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error, or what it was raised in answer to, carries."""
    return next((code for code in map(_status, chain(error)) if code is not None), None)


def is_a(error: BaseException, name: str) -> bool:
    """Whether an error, or what it was raised in answer to, is of a class known by its name."""
    return any(name in _kinds(each) for each in chain(error))


def _passes(error: BaseException) -> bool:
    """Whether another try may help: the network, a limit of calls, an answer cut short."""
    status = _status(error)
    if status is not None and status < _SERVER:
        return status in {_TOO_MANY, _TIMEOUT}
    return isinstance(error, _PASSING) or not _PASSING_NAMES.isdisjoint(_kinds(error))


def _status(error: BaseException) -> int | None:
    code = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
    return code if isinstance(code, int) and code >= _CLIENT else None


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
