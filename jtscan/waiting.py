"""Waiting for what is asynchronous: the same work for those who write no ``await``.

Apart      a coroutine in a thread of its own
run        a coroutine → its result
apart      a coroutine → its result, without blocking the loop that awaits it
blocking   an async method → the method that waits
asking     a method that makes a request → the method that does something with it
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from functools import cache, partial, wraps
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakSet

from jtscan.domain.control import CTRL_C, CancellationToken
from jtscan.domain.words import nearest
from jtscan.errors import RequestError

_T = TypeVar("_T")
_P = ParamSpec("_P")
_Asked = TypeVar("_Asked")
_POLL_SECONDS = 0.05
_EXIT_SECONDS = 10.0
_ENDING = "Python ended"
_NO_FORMULA = "missing a required argument: 'formula'"


class Apart(Generic[_T]):
    """A coroutine on a loop of a thread of its own; if Python ends meanwhile, its token is set."""

    def __init__(
        self, work: Coroutine[Any, Any, _T], token: CancellationToken | None = None, *, name: str = "jtscan-scan"
    ) -> None:
        self.token = token
        self._future: Future[_T] = Future()
        self._future.set_running_or_notify_cancel()
        self._ended = threading.Event()
        # The context tells a kernel of which cell a progress bar is. No daemon: the exit of Python waits for what works
        # in it anyway, and one that is killed keeps what DuckDB then reports as leaked.
        self._thread = threading.Thread(target=copy_context().run, args=(self._run, work), name=name)
        _watch_the_exit()
        _AT_WORK.add(self)
        self._thread.start()

    def _run(self, work: Coroutine[Any, Any, _T]) -> None:
        try:
            result = asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            self._future.set_exception(error)
        else:
            self._future.set_result(result)
        finally:
            self._ended.set()

    def has_ended(self, seconds: float) -> bool:
        """Wait so long at the most."""
        return self._ended.wait(seconds)

    async def ended(self) -> None:
        """Wait until it has ended, well or not; who is cancelled meanwhile does not stop it.

        In short steps: a kernel that is interrupted cancels the cell's task, but does not wake its loop.
        """
        ended = asyncio.wrap_future(self._future)
        while not ended.done():
            await asyncio.wait([ended], timeout=_POLL_SECONDS)
        ended.exception()  # asked for, so that the loop does not report it: ``result`` raises it

    def result(self) -> _T:
        """Give the result, or raise the error, once it has ended."""
        self._thread.join()
        return self._future.result()


_AT_WORK: WeakSet[Apart[Any]] = WeakSet()


@cache
def _watch_the_exit() -> None:
    # atexit comes too late: by then Python has waited for all threads, and those of a pool take no more work.
    threading._register_atexit(_stop_all)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public one


def _stop_all() -> None:
    """Have what is at work end with what is done, while it still can."""
    at_work = [(each, each.token) for each in _AT_WORK if each.token is not None]
    for _, token in at_work:
        token.cancel(_ENDING)
    for each, _ in at_work:
        each.has_ended(_EXIT_SECONDS)


def run(work: Coroutine[Any, Any, _T], token: CancellationToken | None = None) -> _T:
    """Wait for a coroutine on a loop of its own thread: in a notebook one is running here already.

    Ctrl-C sets the token and the wait goes on; without a token, or the second time, it gets out.
    """
    made = Apart(work, token)
    ended = False
    while not ended:
        try:
            # Not Thread.join: interrupted, it takes the thread for ended (Python 3.11).
            ended = made.has_ended(_POLL_SECONDS)
        except KeyboardInterrupt:
            if token is None or token.is_cancelled:
                raise
            token.cancel(CTRL_C)
    return made.result()


async def apart(work: Coroutine[Any, Any, _T], token: CancellationToken) -> _T:
    """Await a coroutine on a loop of its own thread; cancelling the task that awaits it sets the token.

    Then it is waited for all the same, so that what it did until then is there.
    """
    made = Apart(work, token)
    try:
        await made.ended()
    except asyncio.CancelledError:
        token.cancel("the task that awaited the scan was cancelled")
        await made.ended()
        raise
    return made.result()


def blocking(method: Callable[_P, Coroutine[Any, Any, _T]], sentence: str) -> Callable[_P, _T]:
    """Make the method that waits: same arguments, its own name and first sentence; Ctrl-C sets the token."""
    name, owned = (each.removesuffix("_async") for each in (method.__name__, method.__qualname__))
    signature = inspect.signature(method)

    @wraps(method)
    def wait(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        _check_fit(owned, signature, args, kwargs)
        token = kwargs.get("cancellation_token")
        if token is None:
            token = kwargs["cancellation_token"] = CancellationToken()
        checked = check_token(token)
        return run(method(*args, **kwargs), checked)

    _, *said = (method.__doc__ or "").split("\n", 1)
    wait.__doc__ = "\n".join([sentence, *said])
    wait.__name__, wait.__qualname__ = name, owned
    return wait


def asking(ask: Callable[_P, _Asked], do: Callable[[Any, Callable[[], _Asked]], _T]) -> Callable[_P, _T]:
    """Make the method that does something with what another one makes of its arguments: they are written once.

    ``do`` is given the object, and what makes the request when it is called.
    """
    name, owned = (each.replace("_", "", 1) for each in (do.__name__, do.__qualname__))
    signature = inspect.signature(ask)

    @wraps(ask)
    def method(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        _check_fit(owned, signature, args, kwargs)
        return do(args[0], partial(ask, *args, **kwargs))

    head, section, rest = (do.__doc__ or "").partition("        Returns\n")
    _, _, sections = (ask.__doc__ or "").partition("\n\n")
    method.__doc__ = f"{head.rstrip()}\n\n{sections.rstrip()}\n\n{section}{rest}"
    method.__name__, method.__qualname__ = name, owned
    answer = inspect.signature(do).return_annotation
    method.__signature__ = signature.replace(return_annotation=answer)  # type: ignore[attr-defined]
    return method


def check_token(token: Any) -> CancellationToken:
    """Refuse what cannot stop a scan."""
    if not isinstance(token, CancellationToken):
        raise RequestError("cancellation_token", f"{token!r} is not a CancellationToken")
    return token


def _check_fit(owned: str, signature: inspect.Signature, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Refuse arguments that a method does not have, by the name that the user called."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{owned}() {_misfit(error, signature, kwargs)}") from None


def _misfit(error: TypeError, signature: inspect.Signature, given: Mapping[str, Any]) -> str:
    """Say which argument does not fit, by the name that was perhaps meant."""
    unknown = next((each for each in given if each not in signature.parameters), None)
    if unknown is not None:
        return f"got an unexpected keyword argument {nearest(unknown, list(signature.parameters))}"
    if str(error) == _NO_FORMULA:
        return 'needs a formula: scan("close > sma(close, 20)")'
    return f"got arguments that do not fit: {error}"
