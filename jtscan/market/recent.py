"""Snapshots of loose files that were taken lately, shared by all who open the same files in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from jtscan.market.snapshot import PriceSnapshot

_MOST = 8
_MOST_ENTRIES = 1_000_000


class RecentSnapshots:
    """The newest few snapshots by what they were taken of; the oldest go when they are many, or large together."""

    def __init__(self, *, most: int = _MOST, most_entries: int = _MOST_ENTRIES) -> None:
        self._most = most
        self._most_entries = most_entries
        self._known: dict[Hashable, PriceSnapshot] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Hashable, make: Callable[[], PriceSnapshot]) -> PriceSnapshot:
        """Return the snapshot of a key, made if it is not known; it is the newest now."""
        with self._lock:
            found = self._known.pop(key, None)
            if found is None:
                self._make_room()
                found = make()
            self._known[key] = found
            return found

    def _make_room(self) -> None:
        while self._known and (len(self._known) >= self._most or self._entries > self._most_entries):
            del self._known[next(iter(self._known))]

    @property
    def _entries(self) -> int:
        return sum(snapshot.entries for snapshot in self._known.values())
