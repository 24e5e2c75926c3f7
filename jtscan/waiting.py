"""Waiting for what is asynchronous: the same work for those who write no ``await``.

run        a coroutine → its result
blocking   an async method → the method that waits
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from jtscan.domain.control import CancellationToken
from jtscan.domain.words import nearest
from jtscan.errors import RequestError

_T = TypeVar("_T")
_P = ParamSpec("_P")
_POLL_SECONDS = 0.05
_NO_FORMULA = "missing a required argument: 'formula'"


def run(work: Coroutine[Any, Any, _T], token: CancellationToken | None = None) -> _T:
    """Wait for a coroutine on a loop of its own thread: in a notebook one is running here already.

    Ctrl-C sets the token and the wait goes on; without a token, or the second time, it gets out.
    """
    box: dict[str, Any] = {}
    done = threading.Event()

    def run_it() -> None:
        try:
            box["result"] = asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            box["error"] = error
        finally:
            done.set()

    # The context tells a kernel of which cell a progress bar is.
    threading.Thread(target=copy_context().run, args=(run_it,), name="jtscan-scan", daemon=True).start()
    while not done.is_set():
        try:
            # Not Thread.join: interrupted, it takes the thread for ended (Python 3.11).
            while not done.wait(_POLL_SECONDS):
                pass
        except KeyboardInterrupt:
            if token is None or token.is_cancelled:
                raise
            token.cancel()
    if "error" in box:
        raise box["error"]
    result: _T = box["result"]
    return result


def blocking(method: Callable[_P, Coroutine[Any, Any, _T]], sentence: str) -> Callable[_P, _T]:
    """Make the method that waits: same arguments, its own name and first sentence; Ctrl-C sets the token."""
    name, owned = (each.removesuffix("_async") for each in (method.__name__, method.__qualname__))
    signature = inspect.signature(method)

    @wraps(method)
    def wait(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{owned}() {_misfit(error, signature, kwargs)}") from None
        token = kwargs.get("cancellation_token")
        if token is None:
            token = kwargs["cancellation_token"] = CancellationToken()
        if not isinstance(token, CancellationToken):
            raise RequestError("cancellation_token", f"{token!r} is not a CancellationToken")
        return run(method(*args, **kwargs), token)

    _, *said = (method.__doc__ or "").split("\n", 1)
    wait.__doc__ = "\n".join([sentence, *said])
    wait.__name__, wait.__qualname__ = name, owned
    return wait


def _misfit(error: TypeError, signature: inspect.Signature, given: Mapping[str, Any]) -> str:
    """Say which argument does not fit, by the name that was perhaps meant."""
    unknown = next((each for each in given if each not in signature.parameters), None)
    if unknown is not None:
        return f"got an unexpected keyword argument {nearest(unknown, list(signature.parameters))}"
    if str(error) == _NO_FORMULA:
        return 'needs a formula: scan("close > sma(close, 20)")'
    return f"got arguments that do not fit: {error}"
