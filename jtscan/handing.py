"""Handing on what a thread makes to a loop: so much is on the way, then the thread waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from jtscan.domain.control import CancellationToken
from jtscan.turns import Turn
from jtscan.waiting import Apart

_T = TypeVar("_T")
_ON_THE_WAY = 256
_POLL_SECONDS = 0.05


class Handed(Generic[_T]):
    """What a thread hands to the loop in which this was made, until nobody takes any more."""

    def __init__(self, token: CancellationToken, *, on_the_way: int = _ON_THE_WAY) -> None:
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[_T | None] = asyncio.Queue()
        self._room = threading.Semaphore(on_the_way)
        self._closed = False

    def put(self, item: _T, turn: Turn) -> None:
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

    @asynccontextmanager
    async def by(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run what hands on, in a thread of its own; it is stopped at the end, and its error raised where it ends."""
        made = Apart(work, name="jtscan-stream")
        ending = asyncio.create_task(self._ending(made))
        try:
            yield
            made.result()
        finally:
            self._closed = True
            self._token.cancel("nobody takes the results any more")
            await ending

    async def _ending(self, made: Apart[None]) -> None:
        await made.ended()
        self._queue.put_nowait(None)

    def __aiter__(self) -> Handed[_T]:
        return self

    async def __anext__(self) -> _T:
        """Take the next one; there is none once its maker has ended."""
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        self._room.release()
        return item
