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
_MINUTE = 60
_SOON = 0.5


class Scan(Protocol):
    """A scan that only waits for someone to listen and to stop it."""

    def __call__(
        self, *, progress_callback: ScanRun, observer: ScanRun, cancellation_token: CancellationToken
    ) -> BatchScanResult:
        """Scan, and return the result."""


@dataclass(slots=True)
class Progress:
    """How far a scan is; ``seconds`` since its first symbol was begun."""

    phase: str = "starting"
    completed: int = 0
    total: int = 0
    symbol: str = ""
    matches: int = 0
    errors: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.completed or self.completed == self.total:
            return f"{self.phase} …"
        parts = [
            f"{self.completed:,} of {self.total:,} symbols ({self.completed * 100 // self.total} %)",
            *self._pace(),
            f"{self.matches:,} match{'' if self.matches == 1 else 'es'}",
            f"{self.errors:,} failed" if self.errors else "",
            self.symbol,  # last, for its length changes all the time
        ]
        return " · ".join(part for part in parts if part)

    def _pace(self) -> list[str]:
        """How fast it is, and how long it will still take at that pace."""
        if self.seconds < _SOON:
            return []
        pace = self.completed / self.seconds
        return [f"{pace:,.0f} a second" if pace >= 1 else f"{pace * _MINUTE:,.0f} a minute",
                f"{_lasting((self.total - self.completed) / pace)} left"]  # fmt: skip


def _lasting(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} min" if minutes < _MINUTE else f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


class ScanRun:
    """One scan at work.

    ``on_progress`` is called at most 20 times a second, and when the last
    symbol is done; ``on_end`` once; both in the scan's thread. After the end
    either ``result`` or ``error`` is set. ``label`` names a symbol for people.
    """

    def __init__(
        self,
        scan: Scan,
        *,
        on_progress: Callable[[ScanRun], None],
        on_end: Callable[[ScanRun], None],
        label: Callable[[str], str] = str,
    ) -> None:
        self.token = CancellationToken()
        self.progress = Progress()
        self.result: BatchScanResult | None = None
        self.error: BaseException | None = None
        self._scan = scan
        self._on_progress = on_progress
        self._on_end = on_end
        self._label = label
        self._shown_at = 0.0
        self._began = 0.0
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
        self._began = time.monotonic()
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
        self._tell(at_once=completed == total)

    def on_phase(self, phase: str) -> None:
        """Hear what the scan does now."""
        kind = phase.partition(":")[0]
        new = kind != self.progress.phase.partition(":")[0]
        self.progress.phase = phase
        if new and not self.progress.completed:
            self._began = time.monotonic()
        self._tell(at_once=new)

    def on_warning(self, warning: str) -> None:
        """Hear of something that concerns the whole scan: the result shows it."""

    def on_result(self, result: ProcessingResult) -> None:
        """Hear of one symbol."""
        self.progress.symbol = self._label(result.symbol)
        self.progress.matches += result.matches.height
        self.progress.errors += result.status == Status.FAILED

    def _tell(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if at_once or now - self._shown_at >= _SECONDS_BETWEEN:
            self._shown_at = now
            self.progress.seconds = now - self._began
            self._on_progress(self)
