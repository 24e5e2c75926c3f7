"""Handing on what a thread makes to a loop: so much is on the way, then the thread waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from jtscan.domain.control import CancellationToken
from jtscan.turns import Turn
from jtscan.waiting import Apart

_T = TypeVar("_T")
_POLL_SECONDS = 0.05
Put = Callable[[_T, Turn], None]


class Handed(Generic[_T]):
    """What a coroutine in a thread of its own hands on, in the loop that takes it.

    It begins with ``async with``, and is stopped at the block's end: by its
    token, and by nobody taking any more. ``make`` is given the function that
    hands one on. No generator, for those are closed all at once with a loop.
    """

    def __init__(
        self, token: CancellationToken, make: Callable[[Put[_T]], Coroutine[Any, Any, None]], *, on_the_way: int = 256
    ) -> None:
        self._token = token
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[_T | None] = asyncio.Queue()
        self._room = threading.Semaphore(on_the_way)
        self._closed = False

    async def __aenter__(self) -> Handed[_T]:
        self._made = Apart(self._make(self._put), name="jtscan-stream")
        self._ending = asyncio.create_task(self._end())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._closed = True
        self._token.cancel("nobody takes the results any more")
        await self._ending
        if kind is None:
            self._made.result()

    async def _end(self) -> None:
        await self._made.ended()
        self._queue.put_nowait(None)

    def _put(self, item: _T, turn: Turn) -> None:
        """Hand one on, in the thread that made it; waits where too many are on the way, and lends its turn."""
        if not self._room.acquire(blocking=False):
            with turn.lent():
                while self._is_open and not self._room.acquire(timeout=_POLL_SECONDS):
                    pass
        if self._is_open:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    @property
    def _is_open(self) -> bool:
        """Whether somebody may still take; at the exit of Python nobody does, and the exit waits for this thread."""
        return not self._closed and not self._loop.is_closed() and threading.main_thread().is_alive()

    def __aiter__(self) -> Handed[_T]:
        return self

    async def __anext__(self) -> _T:
        """Take the next one; there is none once its maker has ended."""
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        self._room.release()
        return item
