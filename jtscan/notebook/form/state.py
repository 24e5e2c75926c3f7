"""The controls of a form as a dict that JSON can hold, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import RequestError
from jtscan.export import replacing

KIND = "jtscan_form"
VERSION = 1
_LONGEST = 60

State = Mapping[str, Any]


def put(state: State, field: str, control: Any, read: Callable[[Any], Any] = lambda value: value) -> Iterator[str]:
    """Give a control the value that a state has for it; tell if it cannot take it."""
    if field not in state:
        return
    if state[field] is None and isinstance(control, widgets.Dropdown):  # ipywidgets would choose nothing
        yield f"{field}: None cannot be chosen here"
        return
    try:
        control.value = read(state[field])
    except RequestError as error:
        yield str(error)
    except (traitlets.TraitError, TypeError, ValueError, OverflowError):
        yield f"{field}: {_short(state[field])} cannot be chosen here"


def as_state(given: Mapping[str, Any]) -> dict[str, Any]:
    """Write arguments of a scan as a state has them: lists of names, a range of dates by its ends.

    Raises
    ------
    RequestError
        One of them cannot be used, or they do not go together.
    """
    state = dict(given)
    if "last" in state and {"start", "end"} & set(state):
        raise RequestError("last", "give either last= or start= and end=, not both")
    for name in ("market", "sector", "index", "symbols", "exclude"):
        if name in state:
            state[name] = list(getattr(SymbolCriteria(**{name: state[name]}), name))
    if "warmup" in state:
        state["full"] = _warms_up_on_all(state.pop("warmup"))
    if "last" in state:
        state["range"] = state.pop("last")
    elif "start" in state or "end" in state:
        state = {"start": None, "end": None, **state, "range": "dates"}
    return state


def _warms_up_on_all(warmup: object) -> bool:
    if warmup not in ("auto", "full"):
        raise RequestError("warmup", f"{warmup!r} is neither 'auto' nor 'full'")
    return warmup == "full"


def read_state(given: State | str | os.PathLike[str]) -> State:
    """Take a state, or read it from a file.

    Raises
    ------
    RequestError
        It is no state of a form, or the file cannot be read.
    """
    state = given if isinstance(given, Mapping) else _from_file(Path(given).expanduser())
    if not isinstance(state, Mapping) or KIND not in state:
        raise RequestError("state", f"this is not the state of a form: {_short(state)}")
    if state[KIND] != VERSION:
        raise RequestError("state", f"it is of version {_short(state[KIND])}; this form reads version {VERSION}")
    return state


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError("state", f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise RequestError("state", f"{path} is not the state of a form: {error}") from None


def write_state(state: State, path: Path) -> None:
    """Write a state to a file; the file before stays until the new one is whole.

    Raises
    ------
    RequestError
        There is no such folder.
    DataError
        The file cannot be written.
    """
    text = json.dumps(state, ensure_ascii=False, indent=1, allow_nan=False)
    with replacing(path) as (_, unfinished):
        unfinished.write_text(text + "\n", encoding="utf-8")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
