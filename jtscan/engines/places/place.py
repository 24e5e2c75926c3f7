"""The crew of an engine: opened when it is first needed, kept warm between scans, closed once."""

from __future__ import annotations

import threading

from jtscan.engines.crew import Crew, Inline
from jtscan.engines.places.pooled import Pooled
from jtscan.engines.places.where import Dask, Processes, Threads, Workplace


class Place:
    """Opens what a description says."""

    def __init__(self, where: Workplace, chunk_bars: int) -> None:
        self.where = where
        self._chunk_bars = chunk_bars
        self._lock = threading.RLock()  # a finalizer may close it in the middle of anything
        self._opened: Pooled | None = None

    @property
    def crew(self) -> Crew:
        """Whoever processes the chunks."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened or Inline(self._chunk_bars)

    def close(self) -> None:
        """Let the workers go; whoever needs them later opens anew."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _open(self) -> Pooled | None:
        match self.where:
            case Threads(workers=workers):
                from jtscan.engines.places.in_threads import ThreadCrew  # noqa: PLC0415 - who scans in one thread needs no pool

                return ThreadCrew(workers, self._chunk_bars)
            case Processes(workers=workers):
                from jtscan.engines.places.in_processes import ProcessCrew  # noqa: PLC0415 - as above

                return ProcessCrew(workers, self._chunk_bars)
            case Dask(cluster=cluster, patience=patience):
                from jtscan.engines.places.in_cluster import ClusterCrew  # noqa: PLC0415 - needs the extra "distributed"

                return ClusterCrew(cluster, self._chunk_bars, patience)
        return None
