"""Progress and cancellation: plain objects that the engine knows, whoever listens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jtscan.domain.jobs import ProcessingResult


class CancellationToken:
    """Asks a running scan to stop; safe to use from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: str | None = None

    def cancel(self, reason: str | None = None) -> None:
        """Ask the scan to stop after the symbol at work; the first reason that is given is kept."""
        if self._reason is None and not self.is_cancelled:
            self._reason = reason
        self._event.set()

    @property
    def reason(self) -> str | None:
        """Why it was asked to stop, where that is more than that somebody has asked."""
        return self._reason

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has asked."""
        return self._event.is_set()

    def __repr__(self) -> str:
        return f"CancellationToken({'cancelled' if self.is_cancelled else 'running'})"


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
