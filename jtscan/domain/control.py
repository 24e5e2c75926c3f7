"""Progress and cancellation: plain objects that the engine knows, whoever listens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from jtscan.errors import RequestError

if TYPE_CHECKING:
    from jtscan.domain.jobs import ProcessingResult


CTRL_C = "Ctrl-C stopped the scan"


class CancellationToken:
    """Asks a running scan to stop; safe to use from any thread.

    One with a ``parent`` is set when its parent is, and not the other way round.
    """

    def __init__(self, *, parent: CancellationToken | None = None) -> None:
        self._event = threading.Event()
        self._reason: str | None = None
        self._parent = parent

    def cancel(self, reason: str | None = None) -> None:
        """Ask the scan to stop after the symbol at work; the first reason that is given is kept."""
        if self._reason is None and not self.is_cancelled:
            self._reason = reason
        self._event.set()

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
        """Hear what begins: resolving, comparing symbols, scanning, aggregating."""

    def on_result(self, result: ProcessingResult) -> None:
        """Hear of one symbol's result, in the order of the job."""

    def on_warning(self, warning: str) -> None:
        """Hear of something that concerns the whole scan and no symbol alone."""
