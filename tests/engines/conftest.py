"""Crews and a cluster that the tests share: they take seconds to start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jtscan
from jtscan.engines.places.place import Place
from jtscan.engines.places.where import Dask, as_workplace
from jtscan.engines.processing import ProcessingEngine
from jtscan.market.prices import DuckDBPriceRepository

os.environ["RUST_BACKTRACE"] = "0"  # panics on purpose are many, and each would write a page

ROOTS = [Path(jtscan.__file__).parents[1], Path(__file__).parents[1]]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A client of a Dask scheduler with two workers, each a process with a nurse that starts it again."""
    distributed = pytest.importorskip("distributed")
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    path = os.pathsep.join([*map(str, ROOTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}

    def start(*words):
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "dask", *words, "--scheduler-file", str(file)],
            env=environment, cwd=file.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    worker = start("worker", "--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    try:
        while not file.exists() and scheduler.poll() is None:
            time.sleep(0.1)
        with distributed.Client(scheduler_file=str(file), set_as_default=False, timeout=30) as client:
            client.wait_for_workers(2, timeout=60)
            yield client
    finally:
        for each in (worker, scheduler):
            each.terminate()
            each.wait(30)


@pytest.fixture(scope="session")
def place_at(request):
    """The crew of "processes:2" and so on, opened once; "dask" is the cluster's."""
    opened = {}

    def at(where):
        if where not in opened:
            told = Dask(request.getfixturevalue("cluster")) if where == "dask" else as_workplace(where)
            opened[where] = Place(told, 1)
        return opened[where]

    yield at
    for each in opened.values():
        each.close()


@pytest.fixture
def pids_at(place_at, request):
    """The worker processes of an engine that are alive."""

    def pids(where):
        if where == "dask":
            return list(request.getfixturevalue("cluster").run(os.getpid).values())
        return [each.pid for each in list(place_at(where).crew._pool._processes) if each.alive]

    return pids


@pytest.fixture
def engine_on(place_at):
    """Make an engine on prices that works with a shared crew, on chunks of any size."""

    def make(prices, where="sequential", *, chunk_bars=250_000, functions=()):
        made = ProcessingEngine(DuckDBPriceRepository(prices=prices), functions=functions, chunk_bars=chunk_bars)
        if where != "sequential":
            made._place = place_at(where)
            made._place.crew.chunk_bars = chunk_bars
        return made

    return make
