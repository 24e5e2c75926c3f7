"""Worker processes, each with a thread of this process that talks to it.

A worker is a Python of its own, started with ``-c``: nothing of the user's
script is imported, so that a script needs no ``if __name__ == "__main__"``,
and a notebook works. No lock and no pipe is shared between workers, so one
that is killed costs its own task alone; pools that share them break as a
whole (ProcessPoolExecutor, loky; pebble where its idle workers are killed).
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, BinaryIO, cast

from jtscan.domain.control import CancellationToken
from jtscan.engines.crew import Done
from jtscan.engines.places.pooled import LET_GO, Lost, Pooled
from jtscan.engines.places.tasks import Parcel
from jtscan.engines.places.worker import Raised, read, write
from jtscan.engines.work import Work
from jtscan.errors import EngineError, first_line

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_STARTS = 3
_PROGRAM = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = json.loads(sys.argv[1])
from jtscan.engines.places.worker import main
main()
"""


class ProcessCrew(Pooled):
    """Processes of this machine."""

    stops_symbols = True

    def __init__(self, workers: int, chunk_bars: int) -> None:
        super().__init__(chunk_bars)
        self._pool = WorkerPool(workers)

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return self._pool.size

    def chunk_sizes(self, work: Work) -> tuple[int, int]:  # noqa: ARG002 - whatever it is
        """Chunks that take longer than to pack them."""
        return self.chunk_bars // 2, self.chunk_bars

    def order(self, work: Work, token: CancellationToken) -> ProcessOrder:  # noqa: ARG002 - its processes are ended
        """Pack a pass."""
        functions = [each.own for each in work.functions]
        parcel = Parcel(work=work, chunk_bars=self.chunk_bars, functions=functions)
        return ProcessOrder(pool=self._pool, parcel=parcel, limit=work.job.symbol_timeout)

    def drop(self, future: Future[Any]) -> None:
        """Leave a chunk out; a worker that is at it is ended."""
        self._pool.drop(future)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProcessOrder:
    """One pass, sent to processes."""

    pool: WorkerPool
    parcel: Parcel
    limit: float | None

    def send(self, symbols: Sequence[str]) -> Future[Any]:
        """Send some symbols; all together may take as long as one may."""
        return self.pool.submit(self.parcel.task(symbols), self.limit)

    def receive(self, answer: Any) -> Done:
        """Unpack what came back."""
        return self.parcel.unpack(answer)

    def lost(self, error: Exception) -> Lost:
        """Say what went wrong."""
        return Lost(f"{type(error).__name__}: {first_line(error)}", internal=True)


@dataclass(slots=True, eq=False)
class _Item:
    """A task that waits, or is at work in a process."""

    task: object
    limit: float | None
    future: Future[Any]
    process: WorkerProcess | None = None
    dropped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def given_to(self, process: WorkerProcess) -> bool:
        """Note who is at it; false if nobody waits for it any more."""
        with self.lock:
            self.process = process
            return not self.dropped

    def drop(self) -> None:
        """End whoever is at it."""
        with self.lock:
            self.dropped = True
            if self.process is not None and not self.future.done():
                self.process.kill()


class WorkerPool:
    """Some worker processes, each started again when it has died."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._items: SimpleQueue[_Item | None] = SimpleQueue()
        self._known: dict[Future[Any], _Item] = {}
        self._processes: set[WorkerProcess] = set()
        self._lock = threading.RLock()  # a finalizer may close it in the middle of anything
        self._closed = False
        for number in range(size):
            threading.Thread(target=self._serve, name=f"jtscan-worker-{number}", daemon=True).start()

    def submit(self, task: object, limit: float | None = None) -> Future[Any]:
        """Have a task done; the future raises Lost if its worker dies, or needs more seconds than the limit."""
        item = _Item(task, limit, Future())
        with self._lock:
            if self._closed:
                raise EngineError(LET_GO)
            self._known[item.future] = item
            self._items.put(item)
        item.future.add_done_callback(self._forget)
        return item.future

    def _forget(self, future: Future[Any]) -> None:
        self._known.pop(future, None)

    def drop(self, future: Future[Any]) -> None:
        """Leave a task out, or end the worker that is at it."""
        item = self._known.get(future)
        if not future.cancel() and item is not None:
            item.drop()

    def close(self) -> None:
        """End all workers, whatever they do."""
        with self._lock:
            self._closed = True
            processes = list(self._processes)
        for _ in range(self.size):
            self._items.put(None)
        for each in processes:
            each.end()

    def _serve(self) -> None:
        """Talk to one worker."""
        process: WorkerProcess | None = None
        with suppress(EngineError):  # the first task will meet the same, and tell
            process = self._started(None)
        while (item := self._items.get()) is not None:
            if not item.future.set_running_or_notify_cancel():
                continue
            try:
                if process is None or not process.alive:
                    process = self._started(process)
                if not item.given_to(process):
                    raise Lost("it was left out", hopeless=True)  # noqa: TRY301 - as any other loss
                answer = process.ask(item.task, item.limit)
            except BaseException as error:  # noqa: BLE001 - it is the future's
                item.future.set_exception(error)
            else:
                item.future.set_result(answer)
        if process is not None:
            process.end()

    def _started(self, before: WorkerProcess | None) -> WorkerProcess:
        """Start a worker in the place of one that has died, and another where it is killed while it starts."""
        for left in reversed(range(_STARTS)):
            process = before = self._begun(before)
            try:
                process.await_start()
            except EngineError:
                if not left or process.returned >= 0:
                    self._processes.discard(process)
                    raise
            else:
                break
        return process

    def _begun(self, before: WorkerProcess | None) -> WorkerProcess:
        with self._lock:
            if self._closed:
                raise EngineError(LET_GO)
            if before is not None:
                self._processes.discard(before)
                before.end()
            process = WorkerProcess()
            self._processes.add(process)
        return process


class WorkerProcess:
    """One worker process, and the pipes to it and from it."""

    def __init__(self) -> None:
        # One thread of Polars each: the workers share the cores. It is read when Polars is imported there.
        environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this Python
                [sys.executable, "-c", _PROGRAM, json.dumps([str(path) for path in sys.path])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        except (OSError, ValueError) as error:
            raise EngineError(f"a worker process cannot be started: {error}") from error
        self._input = cast("BinaryIO", self._process.stdin)
        self._output = cast("BinaryIO", self._process.stdout)
        self._lock = threading.Lock()
        self._at_work = False
        self._late = False

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    @property
    def returned(self) -> int:
        """How it ended: below zero by a signal."""
        return self._process.wait(_END_SECONDS)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def await_start(self) -> None:
        """Wait until it can be asked.

        Raises
        ------
        EngineError
            It has ended before, or does not come.
        """
        try:
            self._within(_START_SECONDS, lambda: read(self._output))
        except Lost as lost:
            self.end()
            raise EngineError(f"a worker process does not start: {lost}; what it wrote to stderr says why") from None

    def ask(self, task: object, limit: float | None) -> Any:
        """Have it do a task; raises Lost where it dies or takes longer than the limit, in seconds."""
        message = pickle.dumps(task)

        def asked() -> bytes:
            write(self._input, message)
            return read(self._output)

        answer = pickle.loads(self._within(limit, asked))  # noqa: S301 - from a process that this one started
        if isinstance(answer, Raised):
            raise answer.error or Lost(answer.told, internal=True)
        return answer

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def end(self) -> None:
        """End it, and let go of it."""
        self._process.kill()
        self._process.wait(_END_SECONDS)
        for pipe in (self._input, self._output):
            with suppress(OSError):  # what was still to be written
                pipe.close()

    def _within(self, limit: float | None, talk: Any) -> bytes:
        """Talk to it; after so many seconds it is killed."""
        timer = None if limit is None else threading.Timer(limit, self._too_late)
        self._at_work, self._late = True, False
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            return bytes(talk())
        except (EOFError, OSError, ValueError):
            raise self._loss(limit) from None
        finally:
            with self._lock:
                self._at_work = False
            if timer is not None:
                timer.cancel()

    def _too_late(self) -> None:
        with self._lock:
            if self._at_work:
                self._late = True
                self._process.kill()

    def _loss(self, limit: float | None) -> Lost:
        code = self._process.wait(_END_SECONDS)
        if self._late:
            return Lost(f"took longer than {limit:g} s; symbol_timeout=", hopeless=True)
        return Lost(f"its worker died ({_how(code)})")


def _how(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
