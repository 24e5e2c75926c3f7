"""Progress and cancellation: plain objects that the engine knows, whoever listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from jtscan.errors import RequestError, StoppedError

if TYPE_CHECKING:
    from jtscan.domain.jobs import ProcessingResult


CTRL_C = "Ctrl-C stopped the scan"
_STOPPED = "the scan was cancelled while its data was read"


class CancellationToken:
    """Asks a running scan to stop; safe to use from any thread.

    One with a ``parent`` is set when its parent is, and not the other way round.
    """

    def __init__(self, *, parent: CancellationToken | None = None) -> None:
        self._event = threading.Event()
        self._reason: str | None = None
        self._parent = parent
        self._stops: list[Callable[[], object]] = []
        self._stopping = threading.RLock()  # a handler of signals may cancel in the middle of it

    def cancel(self, reason: str | None = None) -> None:
        """Ask the scan to stop after the symbol at work; the first reason that is given is kept."""
        if self._reason is None and not self.is_cancelled:
            self._reason = reason
        self._event.set()
        with self._stopping:
            for stop in self._stops:
                stop()

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call this, from whatever thread, if the token is set while the block is at work; never after it."""
        with self._stopping:
            self._stops.append(stop)
        try:
            with nullcontext() if self._parent is None else self._parent.stopping(stop):
                yield
        finally:
            with self._stopping:
                self._stops.remove(stop)

    @property
    def reason(self) -> str | None:
        """Why it was asked to stop, where that is more than that somebody has asked."""
        if self._reason is None and self._parent is not None:
            return self._parent.reason
        return self._reason

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has asked."""
        return self._event.is_set() or (self._parent is not None and self._parent.is_cancelled)

    def __repr__(self) -> str:
        return f"CancellationToken({'cancelled' if self.is_cancelled else 'running'})"


_READS_FOR: ContextVar[CancellationToken | None] = ContextVar("jtscan_reads_for", default=None)


@contextmanager
def reading_for(token: CancellationToken) -> Iterator[None]:
    """Let what is read in the block, and in threads with its context, be stopped once the token is set.

    A token that is set already stops nothing: what is short is done all the same.
    """
    before = _READS_FOR.set(None if token.is_cancelled else token)
    try:
        yield
    finally:
        _READS_FOR.reset(before)


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` if the scan that a long reading is for is cancelled meanwhile.

    Raises
    ------
    StoppedError
        It was cancelled; whatever the reading raised then says nothing of the data.
    """
    token = _READS_FOR.get()
    if token is None:
        yield
        return
    if token.is_cancelled:
        raise StoppedError(_STOPPED)
    with token.stopping(stop):
        try:
            yield
        except Exception as error:
            if token.is_cancelled:
                raise StoppedError(_STOPPED) from error
            raise


@contextmanager
def deadline(token: CancellationToken, seconds: float | None) -> Iterator[None]:
    """Set the token once so many seconds are over, unless the block has ended before; None is no limit."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, token.cancel, [f"the scan's timeout of {seconds:g} s was over"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def check_seconds(field: str, seconds: object) -> None:
    """Refuse what is no time limit: it is a positive number of seconds, or None."""
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise RequestError(field, f"{seconds!r} is not a number of seconds; write 30, or None for no limit")


class ProgressCallback(Protocol):
    """Called with (completed, total) after every symbol, in the batch's thread."""

    def __call__(self, completed: int, total: int, /) -> None:
        """Hear that so many symbols are done."""


class ScanObserver(Protocol):
    """Hears more than the progress callback: the phases, and each result as it is published."""

    def on_phase(self, phase: str) -> None:
        """Hear what begins: waiting for other scans, resolving, comparing symbols, scanning, aggregating."""

    def on_result(self, result: ProcessingResult) -> None:
        """Hear of one symbol's result, in the order of the job."""

    def on_warning(self, warning: str) -> None:
        """Hear of something that concerns the whole scan and no symbol alone."""
