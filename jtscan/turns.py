"""Scans at once share the machine: they stand in one line, and so many of them work at a time.

Turns      the line
Turn       a scan's place in it: begin, pass it on to those who wait, lend it, leave
PROCESS    the line of this process
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from jtscan.domain.control import CancellationToken
from jtscan.domain.words import counted
from jtscan.errors import RequestError

logger = logging.getLogger("jtscan")

_SLICE_SECONDS = 1.0
_POLL_SECONDS = 0.02
_INSIDE: ContextVar[bool] = ContextVar("jtscan_inside_a_scan", default=False)


def cores() -> int:
    """Count the cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def most_at_once(asked: int | None) -> int:
    """Check how many scans may work at once; without a word it is one for each core."""
    if asked is None:
        return cores()
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
        raise RequestError("max_concurrent_scans", f"{asked!r} is not a number of scans; write 1 for one at a time")
    return asked


class Turns:
    """The line of scans: first come, first served.

    A scan begins when fewer than its own limit are at work. One that has
    worked for a second goes to the end of the line if others wait, so that a
    short scan never waits for the end of a long one.
    """

    def __init__(self, *, slice_seconds: float = _SLICE_SECONDS) -> None:
        self.slice_seconds = slice_seconds
        self.changed = threading.Condition()
        self.line: deque[Turn] = deque()
        self.working = 0

    @asynccontextmanager
    async def turn(self, token: CancellationToken, tell: Callable[[str], None], *, most: int) -> AsyncIterator[Turn]:
        """Wait for a turn, and give it back at the end; once the token is set there is no more waiting.

        A scan that is started inside another, in its callback, works in the
        turn of that one: waiting for it would be for ever.
        """
        turn = Turn(self, token, most=most)
        if _INSIDE.get():
            yield turn
            return
        inside = _INSIDE.set(True)
        try:
            turn.line_up()
            await _begun(turn, tell)
            yield turn
        finally:
            turn.leave()
            _INSIDE.reset(inside)


async def _begun(turn: Turn, tell: Callable[[str], None]) -> None:
    """Wait in the line, and say so."""
    told = 0
    while not (turn.begins() or turn.token.is_cancelled):
        if (ahead := turn.ahead) != told:
            told = ahead
            logger.info("a scan is waiting for %s", counted(ahead, "other scan"))
            tell(f"waiting for {counted(ahead, 'other scan')}")
        await asyncio.sleep(_POLL_SECONDS)


class Turn:
    """A scan's place in the line; one that has never lined up counts for nobody, and waits for nobody."""

    def __init__(self, turns: Turns, token: CancellationToken, *, most: int) -> None:
        self.token = token
        self._turns = turns
        self._most = most
        self._since: float | None = None

    @property
    def ahead(self) -> int:
        """How many scans are at work, or stand before this one."""
        with self._turns.changed:
            return self._turns.working + self._turns.line.index(self)

    def line_up(self) -> None:
        """Go to the end of the line."""
        with self._turns.changed:
            self._turns.line.append(self)

    def begins(self, seconds: float = 0) -> bool:
        """Begin if it is the first of the line and there is room, or becomes so in that time."""
        turns = self._turns
        with turns.changed:
            if not turns.changed.wait_for(lambda: turns.line[0] is self and turns.working < self._most, seconds):
                return False
            turns.line.popleft()
            turns.working += 1
            self._since = time.monotonic()
            turns.changed.notify_all()
            return True

    def leave(self) -> None:
        """Give the turn back, or the place in the line."""
        with self._turns.changed:
            if self._since is not None:
                self._since = None
                self._turns.working -= 1
            elif self in self._turns.line:
                self._turns.line.remove(self)
            self._turns.changed.notify_all()

    def pass_on(self) -> None:
        """Let others work, if some wait and it has worked for a while; blocks until it is its turn again."""
        since = self._since
        if since is None or not self._turns.line or time.monotonic() - since < self._turns.slice_seconds:
            return
        with self.lent():
            pass

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others work during the block, which waits for something else; then wait for a turn again."""
        if self._since is None:
            yield
            return
        self.leave()
        try:
            yield
        finally:
            self.line_up()
            while not (self.begins(_POLL_SECONDS) or self.token.is_cancelled):
                pass


PROCESS = Turns()  # one for all scanners: whichever a scan comes from, it wants the same cores
