"""A scan in a thread of its own, so that the kernel stays free and Cancel is heard.

A scan inside a button's callback could not be cancelled: the click would wait
for the callback to end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jtscan.domain.control import CancellationToken
from jtscan.domain.jobs import ProcessingResult, Status
from jtscan.domain.scans import BatchScanResult

_SECONDS_BETWEEN = 0.05


class Scan(Protocol):
    """A scan that only waits for someone to listen and to stop it."""

    def __call__(
        self, *, progress_callback: ScanRun, observer: ScanRun, cancellation_token: CancellationToken
    ) -> BatchScanResult:
        """Scan, and return the result."""


@dataclass(slots=True)
class Progress:
    """How far a scan is."""

    phase: str = "starting"
    completed: int = 0
    total: int = 0
    symbol: str = ""
    matches: int = 0
    errors: int = 0

    def __str__(self) -> str:
        if not self.completed:
            return f"{self.phase} …"
        return (
            f"{self.completed:,} of {self.total:,} symbols · {self.symbol} · "
            f"{self.matches:,} matches · {self.errors:,} failed"
        )


class ScanRun:
    """One scan at work.

    ``on_progress`` is called at most 20 times a second, ``on_end`` once; both
    in the scan's thread. After the end either ``result`` or ``error`` is set.
    """

    def __init__(
        self, scan: Scan, *, on_progress: Callable[[ScanRun], None], on_end: Callable[[ScanRun], None]
    ) -> None:
        self.token = CancellationToken()
        self.progress = Progress()
        self.result: BatchScanResult | None = None
        self.error: BaseException | None = None
        self._scan = scan
        self._on_progress = on_progress
        self._on_end = on_end
        self._shown_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="jtscan-form", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the scan to stop after the symbol at work."""
        self.token.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; False if it has not come in time."""
        return self._ended.wait(timeout)

    def _work(self) -> None:
        try:
            self.result = self._scan(progress_callback=self, observer=self, cancellation_token=self.token)
        except BaseException as error:  # noqa: BLE001 - the form shows it, an interrupted kernel too; nobody else would
            self.error = error
        try:
            self._on_end(self)
        finally:
            self._ended.set()

    def __call__(self, completed: int, total: int, /) -> None:
        """Hear of the progress."""
        self.progress.completed, self.progress.total = completed, total
        now = time.monotonic()
        if completed == total or now - self._shown_at >= _SECONDS_BETWEEN:
            self._shown_at = now
            self._on_progress(self)

    def on_phase(self, phase: str) -> None:
        """Hear what the scan does now."""
        self.progress.phase = phase
        self._on_progress(self)

    def on_warning(self, warning: str) -> None:
        """Hear of something that concerns the whole scan: the result shows it."""

    def on_result(self, result: ProcessingResult) -> None:
        """Hear of one symbol."""
        self.progress.symbol = result.symbol
        self.progress.matches += result.matches.height
        self.progress.errors += result.status == Status.FAILED
