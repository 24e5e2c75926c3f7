"""Threads of this process: they share the work, so that nothing is packed.

TA-Lib keeps Python's lock, reading does not: some threads read ahead what
others evaluate.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from jtscan.domain.control import CancellationToken
from jtscan.engines.crew import Done, finish
from jtscan.engines.places.pooled import LET_GO, Lost, Pooled
from jtscan.engines.work import Work
from jtscan.errors import EngineError, first_line


class ThreadCrew(Pooled):
    """Threads of this process; what one raises is an error of ours."""

    def __init__(self, workers: int, chunk_bars: int) -> None:
        super().__init__(chunk_bars)
        self._workers = workers
        self._readers = ThreadPoolExecutor(max(workers // 2, 1), thread_name_prefix="jtscan-read")
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
        return ThreadOrder(readers=self._readers, executor=self._executor, work=work, token=token)

    def drop(self, future: Future[Any]) -> None:
        """Leave out a chunk that has not begun; one that has ends by itself."""
        future.cancel()

    def close(self) -> None:
        """Let the threads end after what they have begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._readers.shutdown(wait=False)  # what was not to be read any more was cancelled with its chunk


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThreadOrder:
    """One pass, shared with threads."""

    readers: ThreadPoolExecutor
    executor: ThreadPoolExecutor
    work: Work
    token: CancellationToken

    def send(self, symbols: Sequence[str]) -> Future[Done]:
        """Have some symbols done."""
        # The context tells whom a reading is for.
        try:
            reading = self.readers.submit(copy_context().run, self.work.read, symbols)
            done = self.executor.submit(copy_context().run, finish, self.work, symbols, reading.result, self.token)
        except RuntimeError as error:
            raise EngineError(LET_GO) from error
        done.add_done_callback(lambda _: reading.cancel())
        return done

    def receive(self, answer: Done) -> Done:
        """Take it as it is."""
        return answer

    def lost(self, error: Exception) -> Lost:
        """Say what went wrong."""
        return Lost(f"{type(error).__name__}: {first_line(error)}", internal=True)
