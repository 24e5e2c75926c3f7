"""Work in a thread of which only the newest counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class NewestOnly(Generic[_Made]):
    """Does the newest of the works that were asked for; what an older one made is dropped.

    ``on_made`` and ``on_error`` are called in the working thread.
    """

    def __init__(self, *, on_made: Callable[[_Made], None], on_error: Callable[[BaseException], None]) -> None:
        self._on_made = on_made
        self._on_error = on_error
        self._lock = threading.Lock()
        self._wanted: Callable[[], _Made] | None = None
        self._idle = threading.Event()
        self._idle.set()

    def ask(self, work: Callable[[], _Made]) -> None:
        """Do this, in place of whatever was asked for before."""
        with self._lock:
            self._wanted = work
            if not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._run, name="jtscan-newest", daemon=True).start()

    def drop(self) -> None:
        """Want nothing any more."""
        with self._lock:
            self._wanted = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is nothing to do; False if that has not come in time."""
        return self._idle.wait(timeout)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            self._do(work)

    def _next(self) -> Callable[[], _Made] | None:
        with self._lock:
            if self._wanted is None:
                self._idle.set()
            return self._wanted

    def _do(self, work: Callable[[], _Made]) -> None:
        try:
            made = work()
        except BaseException as error:  # noqa: BLE001 - handed on, a panic of Polars too: the next work is still done
            self._tell(work, self._on_error, error)
        else:
            self._tell(work, self._on_made, made)

    def _tell(self, work: Callable[[], _Made], hear: Callable[..., None], what: object) -> None:
        with self._lock:
            newest = self._wanted is work
            if newest:
                self._wanted = None
        if newest:
            hear(what)
