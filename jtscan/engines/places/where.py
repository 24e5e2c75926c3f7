"""Where a scan runs, as a value: ``jt.engines.processes(4)``.

A description holds no threads and no processes; the engine that is given one
opens what it describes, at its first scan (place.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from jtscan.errors import MissingExtraError, RequestError
from jtscan.turns import cores

if TYPE_CHECKING:
    from distributed import Client

_HOW = "sequential, threads:2, processes:4 or dask:tcp://HOST:8786"
_MOST_WORKERS = 1024
_ADDRESS = re.compile(r"(\w+://)?\S+:\d+/?")


@dataclass(frozen=True, slots=True)
class Sequential:
    """In the thread that asked, one symbol after the other."""

    def __repr__(self) -> str:
        return "sequential()"


@dataclass(frozen=True, slots=True)
class Threads:
    """In threads of this process."""

    workers: int

    def __post_init__(self) -> None:
        _check_workers("threads", self.workers)

    def __repr__(self) -> str:
        return f"threads({self.workers})"


@dataclass(frozen=True, slots=True)
class Processes:
    """In processes of this machine."""

    workers: int

    def __post_init__(self) -> None:
        _check_workers("processes", self.workers)

    def __repr__(self) -> str:
        return f"processes({self.workers})"


@dataclass(frozen=True, slots=True)
class Dask:
    """On the workers of a Dask cluster: a client of the user's own, or the address of a scheduler."""

    cluster: Client | str
    patience: float = 30.0

    def __post_init__(self) -> None:
        patience: Any = self.patience
        if not isinstance(patience, int | float) or isinstance(patience, bool) or not patience > 0:
            raise RequestError("patience", f"{patience!r} is not a number of seconds; write 30")

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        return self.cluster if isinstance(self.cluster, str) else getattr(self.cluster.scheduler, "address", "closed")

    def __repr__(self) -> str:
        return f'dask("{self.address}")'


Workplace = Sequential | Threads | Processes | Dask


def sequential() -> Sequential:
    """Scan in one thread: the default."""
    return Sequential()


def threads(workers: int | None = None) -> Threads:
    """Scan in threads of this process: Polars and DuckDB work without Python's lock, TA-Lib takes turns.

    Parameters
    ----------
    workers
        How many; as many as this process may use cores, if not given.

    Examples
    --------
    >>> threads(2)
    threads(2)
    """
    return Threads(cores() if workers is None else workers)


def processes(workers: int | None = None) -> Processes:
    """Scan in processes of this machine; one that dies costs nobody but the symbol that kills it.

    They are started by the first scan, kept for the next one, and end with
    ``scanner.close()``, with the scanner, or with Python. Each reads the files
    itself. Only here a symbol that takes too long can be stopped
    (``symbol_timeout=``).

    Parameters
    ----------
    workers
        How many; as many as this process may use cores, if not given.
    """
    return Processes(cores() if workers is None else workers)


def dask(cluster: Client | str, *, patience: float = 30.0) -> Dask:
    """Scan on a Dask cluster, whose workers all see the price files under the same path.

    A cluster runs what it is sent: it belongs on a network that one trusts.

    Parameters
    ----------
    cluster
        A ``dask.distributed.Client``, which stays open, or the address of a scheduler.
    patience
        For how many seconds to wait for a worker while there is none.

    Raises
    ------
    MissingExtraError
        The extra ``distributed`` is not installed.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError("engine=jt.engines.dask(…)", "distributed")
    if not isinstance(cluster, str) and not hasattr(cluster, "scheduler_info"):
        raise RequestError("engine", f"dask() takes a Client or an address, not {type(cluster).__name__}")
    if isinstance(cluster, str) and not _ADDRESS.fullmatch(cluster):
        raise RequestError("engine", f"{cluster!r} is no address of a scheduler: give one such as tcp://HOST:8786")
    return Dask(cluster, patience)


def as_workplace(engine: Any) -> Workplace:
    """Accept a description, or the same as text: "processes:4"; None is sequential.

    >>> as_workplace("threads:2")
    threads(2)
    """
    if engine is None:
        return Sequential()
    if isinstance(engine, Workplace):
        return engine
    if not isinstance(engine, str):
        raise RequestError("engine", _no_workplace(engine))
    return _read(engine)


def _no_workplace(engine: Any) -> str:
    """Say what to give instead, above all for what is nearly right."""
    if hasattr(engine, "scheduler_info"):
        return f"a {type(engine).__name__} is given as jt.engines.dask(client)"
    if any(engine is each for each in (sequential, threads, processes, dask)):
        return f"jt.engines.{engine.__name__} is to be called: give jt.engines.{engine.__name__}(…)"
    return f"{engine!r} is none of jt.engines; give {_HOW}"


def _read(engine: str) -> Workplace:
    name, _, rest = engine.partition(":")
    if name == "dask" and rest:
        return dask(rest)
    if name == "sequential" and not rest:
        return Sequential()
    makers: dict[str, Callable[[int | None], Workplace]] = {"threads": threads, "processes": processes}
    if name not in makers or not (rest.isdecimal() or not rest):
        raise RequestError("engine", f"{engine!r} is none of jt.engines; give {_HOW}")
    return makers[name](int(rest) if rest else None)


def _check_workers(name: str, workers: Any) -> None:
    if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= _MOST_WORKERS:
        raise RequestError("engine", f"{name}({workers!r}): give a number of workers from 1 to {_MOST_WORKERS:,}")
