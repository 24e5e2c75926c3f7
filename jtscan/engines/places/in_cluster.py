"""The workers of a Dask cluster, which are sent the tasks that worker processes are.

A cluster cannot stop a task: one that nobody waits for is forgotten. Dask
itself sends a task whose worker has died to others (allowed-failures), and
blames whatever else that worker had in hand: so who is suspected is tried
again with nobody beside him.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

from distributed import Client, KilledWorker
from distributed.client import ClosedClientError

from jtscan.domain.control import CancellationToken
from jtscan.domain.formulas import PolarsFormula
from jtscan.domain.words import first_few
from jtscan.engines.crew import Done
from jtscan.engines.places.pooled import LET_GO, Lost, Pooled
from jtscan.engines.places.probe import Found, Named, differences, probe, versions
from jtscan.engines.places.tasks import Parcel, run
from jtscan.engines.work import Work
from jtscan.errors import EngineError, first_line
from jtscan.formula import calls_python

_LARGE, _LARGEST = 2, 16  # a task costs 3 to 5 ms, so that it should be 0.3 to 1 s of work
_LOOK_SECONDS = 0.5
_TRIED = 3
_CONNECT_SECONDS = 10
_CLOSED = "the client of the cluster is closed: connect another one, and make a scanner with it"
_AGAIN = "and scan again; with checkpoint= a scan goes on from what was done"


class ClusterCrew(Pooled):
    """The workers of a cluster; a client that was given stays open."""

    shares_fate = True

    def __init__(self, cluster: Client | str, chunk_bars: int, patience: float) -> None:
        super().__init__(chunk_bars)
        self._patience = patience
        self._own = isinstance(cluster, str)
        self._client = _connected(cluster) if isinstance(cluster, str) else cluster
        self._executor = self._client.get_executor(pure=False)
        self._seen_at = self._looked_at = time.monotonic()
        self._threads = self._look()
        self._probed: set[tuple[str, object]] = set()

    @property
    def workers(self) -> int:
        """How many threads the workers had when they were last looked at."""
        return max(sum(self._threads.values()), 1)

    def chunk_sizes(self, work: Work) -> tuple[int, int]:
        """Large chunks, which a worker cuts for itself; not so large where values of each bar are sent along."""
        return self.chunk_bars * _LARGE, self.chunk_bars * (_LARGE if work.made else _LARGEST)

    def order(self, work: Work, token: CancellationToken) -> ClusterOrder:
        """Pack a pass, after a look at every worker: they must be able to do it."""
        _refuse_by_value(work)
        functions = [_named(each.name, each.own) for each in work.functions]
        self._await_workers(token)
        if not token.is_cancelled:
            self._probe(work, functions)
        parcel = Parcel(work=work, chunk_bars=self.chunk_bars, functions=functions)
        return ClusterOrder(executor=self._executor, parcel=parcel)

    def drop(self, future: Future[Any]) -> None:
        """Forget a chunk; a worker that is at it comes to its end."""
        future.cancel()

    def close(self) -> None:
        """Let go of the cluster; Dask closes its clients before this when Python ends."""
        if self._client.status == "running":
            self._executor.shutdown(wait=False)
        if self._own:
            self._client.close()

    def check(self) -> None:
        """Look for workers now and then.

        Raises
        ------
        EngineError
            There have been none for too long, or the client is closed.
        """
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        if now - self._looked_at > self._patience:
            self._seen_at = now  # nobody has looked meanwhile
        self._looked_at = now
        self._threads = self._look()
        if self._threads:
            self._seen_at = now
        elif self._client.status == "closed" or now - self._seen_at > self._patience:
            raise EngineError(self._nobody)

    def _look(self) -> Mapping[str, int]:
        """The threads of each worker there is; none where the scheduler does not answer."""
        if self._client.status != "running":
            return {}
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError):
            return {}
        return {address: int(each["nthreads"]) for address, each in workers.items()}

    def _await_workers(self, token: CancellationToken) -> None:
        self._seen_at = time.monotonic()
        self._threads = self._look()
        while not self._threads and not token.is_cancelled:
            time.sleep(_LOOK_SECONDS / 5)
            self.check()

    def _probe(self, work: Work, functions: Sequence[Named]) -> None:
        """Compare every worker that is new: versions, the user's functions, the price files; tasks compare again."""
        key = (work.snapshot.version, tuple(functions))
        unknown = [worker for worker in self._threads if (worker, key) not in self._probed]
        if not unknown:
            return
        prices = pickle.dumps(work.snapshot.part(work.job.symbols[:_TRIED]))
        found = self._client.run(probe, versions(), functions, prices, workers=unknown, on_error="return")
        for worker, answer in found.items():
            if not isinstance(answer, OSError):  # it has gone meanwhile
                _check_probed(worker, answer)
                self._probed.add((worker, key))

    @property
    def _nobody(self) -> str:
        """Say why nobody works."""
        if self._client.status == "closed":
            return _CLOSED
        address = str(getattr(self._client.scheduler, "address", ""))
        if self._client.status != "running":
            return (
                f"the scheduler {address} has not answered for {self._patience:g} s: start it and its workers again "
                f"(dask scheduler, dask worker {address}), {_AGAIN}"
            )
        return (
            f"the cluster {address} has had no workers for {self._patience:g} s: look at its dashboard and the logs of "
            f"its workers, start some (dask worker {address}), {_AGAIN}"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterOrder:
    """One pass, sent to a cluster."""

    executor: Any
    parcel: Parcel

    def send(self, symbols: Sequence[str]) -> Future[Any]:
        """Send some symbols."""
        task = self.parcel.task(symbols)
        try:
            sent: Future[Any] = self.executor.submit(run, task)
        except RuntimeError as error:
            raise EngineError(LET_GO) from error
        except ClosedClientError as error:
            raise EngineError(_CLOSED) from error
        return sent

    def receive(self, answer: Any) -> Done:
        """Unpack what came back."""
        return self.parcel.unpack(answer)

    def lost(self, error: Exception) -> Lost:
        """Say how a chunk was lost; Dask has tried again itself where workers died."""
        if isinstance(error, KilledWorker):
            return Lost(f"{error.allowed_failures + 1} workers died at it", hopeless=True)
        told = f"{type(error).__name__}: {first_line(error)}"
        return Lost(told, internal=not isinstance(error, CancelledError | OSError))


def _connected(address: str) -> Client:
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # a time-out too
        raise EngineError(
            f"there is no Dask scheduler at {address}: {first_line(error)}; start one with dask scheduler"
        ) from error


def _refuse_by_value(work: Work) -> None:
    """Refuse expressions that call Python: what they call is here, and perhaps not there."""
    formula = work.job.formula
    if not isinstance(formula, PolarsFormula):
        return
    calling = [name for name, each in formula.signals.items() if calls_python(each.meta.serialize())]
    if calling:
        raise EngineError(
            f"signal {first_few(calling)} calls a function of Python, which the cluster may not have: make it one of "
            "@jt.function in a module that the workers can import, or scan with jt.engines.processes()"
        )


def _named(name: str, own: Any) -> Named:
    """Name where a user's function stands, for a worker to import it."""
    make = own.make
    module, qualified = getattr(make, "__module__", None), getattr(make, "__qualname__", "")
    if module in {None, "__main__"} or "<" in qualified:
        raise EngineError(
            f"the function {name} cannot be sent to a cluster: put it into a module that the workers can import, or "
            "scan with jt.engines.processes()"
        )
    return Named(module=str(module), qualified=qualified, name=name)


def _check_probed(worker: str, answer: Found | BaseException) -> None:
    if isinstance(answer, ModuleNotFoundError) and (answer.name or "").split(".")[0] == "jtscan":
        raise EngineError(f"the worker {worker} has no jtscan {versions()['jtscan']}: install it there")
    if isinstance(answer, BaseException):
        raise EngineError(
            f"the worker {worker} cannot be used: {type(answer).__name__}: {first_line(answer)}; look whether its "
            "jtscan is the same as here"
        )
    differs = differences(versions(), answer.versions)
    if differs:
        raise EngineError(f"{worker}: {differs}")
    if answer.unseen:
        raise EngineError(
            f"the worker {worker} does not see the price files as they are here: there, {first_few(answer.unseen)}; "
            "put them where all workers find them under the same path"
        )
    if answer.missing:
        raise EngineError(
            f"the worker {worker} cannot import {first_few(answer.missing)}: put that module where the workers find it "
            "(client.upload_file), or scan with jt.engines.processes()"
        )
