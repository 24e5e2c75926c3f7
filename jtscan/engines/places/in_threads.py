"""Threads of this process: they share the work, so that nothing is packed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from jtscan.domain.control import CancellationToken
from jtscan.engines.crew import Done, do
from jtscan.engines.places.pooled import LET_GO, Lost, Pooled
from jtscan.engines.work import Work
from jtscan.errors import EngineError, first_line


class ThreadCrew(Pooled):
    """Threads of this process; what one raises is an error of ours."""

    def __init__(self, workers: int, chunk_bars: int) -> None:
        super().__init__(chunk_bars)
        self._workers = workers
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="jtscan-work")

    @property
    def workers(self) -> int:
        """How many threads there are."""
        return self._workers

    def chunk_sizes(self, work: Work) -> tuple[int, int]:  # noqa: ARG002 - whatever it is
        """Small chunks are worth it too: nothing is sent."""
        return self.chunk_bars // 16, self.chunk_bars

    def order(self, work: Work, token: CancellationToken) -> ThreadOrder:
        """Share a pass with the threads."""
        return ThreadOrder(executor=self._executor, work=work, chunk_bars=self.chunk_bars, token=token)

    def drop(self, future: Future[Any]) -> None:
        """Leave out a chunk that has not begun; one that has ends by itself."""
        future.cancel()

    def close(self) -> None:
        """Let the threads end after what they have begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThreadOrder:
    """One pass, shared with threads."""

    executor: ThreadPoolExecutor
    work: Work
    chunk_bars: int
    token: CancellationToken

    def send(self, symbols: Sequence[str]) -> Future[Done]:
        """Have some symbols done."""
        # The context tells whom a reading is for.
        try:
            return self.executor.submit(copy_context().run, do, self.work, symbols, self.chunk_bars, self.token)
        except RuntimeError as error:
            raise EngineError(LET_GO) from error

    def receive(self, answer: Done) -> Done:
        """Take it as it is."""
        return answer

    def lost(self, error: Exception) -> Lost:
        """Say what went wrong."""
        return Lost(f"{type(error).__name__}: {first_line(error)}", internal=True)
