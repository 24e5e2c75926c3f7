"""A Dask cluster gives the bits of the sequential engine, and what it cannot do is refused by name."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from engines.same import assert_same

import jtscan as jt
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.engines.places import probe
from jtscan.engines.places.place import Place
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import EngineError
from jtscan.formula import registered
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder, make_bars

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Port .* is already in use:UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OPEN = DateRange(start=dt.date(1990, 1, 1))
CHUNK_BARS = 4
MARK = 666.0

MODULE = '''
"""A module of a user's own, which the workers can import."""
import os
import time
from pathlib import Path

import polars as pl

import jtscan as jt

MARK = 666.0


@jt.function(lookback=lambda n: n - 1)
def middle(x: pl.Expr = "close", n: int = 3) -> pl.Expr:
    return x.rolling_median(n)


def _die(values):
    if (values == MARK).any():
        os.kill(os.getpid(), 9)
    return values


def _sleep(values):
    if (values == MARK).any():
        time.sleep(5)
    return values


def _die_once(values):
    flag = Path(__file__).parent / "killed"
    if (values == MARK).any() and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), 9)
    return values


@jt.function(lookback=0)
def deadly(x: pl.Expr = "close") -> pl.Expr:
    return x.map_batches(_die, return_dtype=pl.Float64)


@jt.function(lookback=0)
def deadly_once(x: pl.Expr = "close") -> pl.Expr:
    return x.map_batches(_die_once, return_dtype=pl.Float64)


@jt.function(lookback=0)
def sleepy(x: pl.Expr = "close") -> pl.Expr:
    return x.map_batches(_sleep, return_dtype=pl.Float64)
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The user's module, here; its folder is on the workers' path too."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "where_own.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    import where_own

    yield where_own
    sys.path.remove(str(folder))
    del sys.modules["where_own"]


class Started:
    """A scheduler and its workers, started from the command line as a user does."""

    def __init__(self, folder, scratch):
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(jt.__file__).parent.parent), str(folder)]),
        }
        self.scratch = scratch
        self.file = scratch / "scheduler.json"
        self.running = [self.start("scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard")]

    def start(self, what, *options):
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self.file), *options]
        return subprocess.Popen(
            command, env=self.environment, cwd=self.scratch, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def add_worker(self):
        worker = self.start(
            "worker",
            "--nthreads",
            "1",
            "--no-dashboard",
            "--death-timeout",
            "60",
            "--local-directory",
            str(self.scratch),
        )
        self.running.append(worker)
        return worker

    def close(self):
        for each in self.running:
            os.killpg(each.pid, signal.SIGKILL)  # a nanny takes its time
            each.wait(20)


@pytest.fixture(scope="module")
def cluster(own, tmp_path_factory):
    started = Started(Path(own.__file__).parent, tmp_path_factory.mktemp("dask"))
    for _ in range(2):
        started.add_worker()
    yield started
    started.close()


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(scheduler_file=str(cluster.file), set_as_default=False) as made:
        made.wait_for_workers(2, timeout=60)
        yield made


@pytest.fixture(scope="module")
def place(client):
    made = Place(jt.engines.dask(client), CHUNK_BARS)
    yield made
    made.close()


def job(symbols, formula="close > close[1]", **options):
    value = Formula(text=formula) if isinstance(formula, str) else formula
    return ProcessingJob(
        id="job",
        symbols=symbols,
        timeframe=Timeframe.D1,
        date_range=OPEN,
        formula=value,
        allow_lookahead=True,
        **options,
    )


def engine(prices, place=None, functions=()):
    made = ProcessingEngine(prices, functions=registered(functions), chunk_bars=CHUNK_BARS, raise_internal=True)
    if place is not None:
        made._place = place
    return made


def marked(count=8, bars=40, at=("S04",)):
    closes = {f"S{number:02}": [100.0 + number + bar % (number + 3) for bar in range(bars)] for number in range(count)}
    for symbol in at:
        closes[symbol][-1] = MARK
    return make_bars(closes), list(closes)


FORMULAS = {
    "indicators": "r = rsi(3)\nbuy = cross_above(sma(close, 2), sma(close, 5)) or r > 50",
    "weekly": "close > weekly(close)[1]",
    "rank": "rank(roc(close, 3)) > 0.5 and rank(sma(rank(close), 3)) > 0.2",
    "reference": 'close / ref("S01", close) > 1',
    "own": "close > middle(5)",
    "expression": PolarsFormula(signals={"up": pl.col("close") > pl.col("close").shift(1)}, lookback=1),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_cluster_gives_the_bits_of_the_sequential_engine(name, place, own, tmp_path):
    frame, symbols = marked(count=20, at=())
    for (symbol,), bars in frame.partition_by("symbol", as_dict=True).items():
        bars.drop("symbol").write_parquet(tmp_path / f"{symbol}.parquet")
    (tmp_path / "TORN.parquet").write_bytes(b"PAR1 and no more")
    asked = [*reversed(symbols), "TORN", "GONE"]
    prices = DuckDBPriceRepository(prices=tmp_path)
    heard = ProgressRecorder()
    results = engine(prices, place, [own.middle]).process_batch(job(asked, FORMULAS[name]), heard)
    assert_same(results, engine(prices, None, [own.middle]).process_batch(job(asked, FORMULAS[name])))
    assert heard.calls[-1] == (22, 22)
    assert {each.status for each in results} > {Status.FAILED, Status.NO_DATA}


def test_relative_paths_are_the_same_files_for_workers_that_run_elsewhere(place, tmp_path, monkeypatch):
    frame, symbols = marked(at=())
    frame.write_parquet(tmp_path / "prices.parquet")
    monkeypatch.chdir(tmp_path)
    prices = DuckDBPriceRepository(prices="prices.parquet")
    assert_same(engine(prices, place).process_batch(job(symbols)), engine(prices).process_batch(job(symbols)))


def test_a_worker_that_is_killed_costs_nothing(place, own, client):
    client.wait_for_workers(2, timeout=60)
    frame, symbols = marked()
    prices = InMemoryPriceRepository(frame)
    results = engine(prices, place, [own.deadly_once]).process_batch(job(symbols, "deadly_once() > 0"))
    assert (Path(own.__file__).parent / "killed").exists()
    assert [each.error for each in results] == [None] * len(symbols)
    assert sum(each.matches.height for each in results) == frame.height


def test_a_symbol_that_kills_its_worker_fails_and_everything_else_is_kept(place, own, client):
    frame, symbols = marked()
    prices = InMemoryPriceRepository(frame)
    results = engine(prices, place, [own.deadly]).process_batch(job(symbols, "deadly() > 0"))
    failed = {each.symbol: each.error for each in results if each.status is Status.FAILED}
    assert failed == {"S04": "4 workers died at it"}
    assert [each.symbol for each in results] == symbols
    assert all(each.matches.height == 40 for each in results if each.symbol != "S04")


def test_a_cancelled_scan_does_not_wait_for_a_running_task(place, own, client):
    client.wait_for_workers(2, timeout=60)
    prices, symbols = InMemoryPriceRepository(marked(at=("S00",))[0]), marked()[1]
    token = CancellationToken()
    box = []
    made = engine(prices, place, [own.sleepy])
    thread = threading.Thread(
        target=lambda: box.extend(made.process_batch(job(symbols, "sleepy() > 0"), cancellation_token=token))
    )
    thread.start()
    time.sleep(2.5)
    token.cancel()
    at = time.monotonic()
    thread.join(10)
    assert time.monotonic() - at < 1
    assert box == []


def test_functions_that_workers_cannot_import_are_refused_by_name(place, client):
    @jt.function(lookback=0)
    def mine(x: pl.Expr = "close") -> pl.Expr:
        return x * 2

    frame, symbols = marked()
    with pytest.raises(EngineError, match="the function mine cannot be sent to a cluster: put it into a module"):
        engine(InMemoryPriceRepository(frame), place, [mine]).process_batch(job(symbols, "mine() > 0"))


def test_a_module_that_is_only_here_is_refused_by_name(place, tmp_path, monkeypatch):
    (tmp_path / "where_here.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import where_here

    frame, symbols = marked()
    said = r"the worker tcp://.* cannot import where_here\.middle \(ModuleNotFoundError: .*\): put that module where"
    with pytest.raises(EngineError, match=said):
        engine(InMemoryPriceRepository(frame), place, [where_here.middle]).process_batch(job(symbols, "middle() > 0"))


def test_expressions_that_call_python_are_refused_by_name(place):
    formula = PolarsFormula(signals={"up": pl.col("close").map_batches(lambda s: s > 1)}, lookback=0)
    frame, symbols = marked()
    with pytest.raises(EngineError, match="signal up calls a function of Python, which the cluster may not have"):
        engine(InMemoryPriceRepository(frame), place).process_batch(job(symbols, formula))


def test_workers_that_do_not_see_the_prices_are_told_before_the_scan(place, tmp_path, monkeypatch):
    frame, symbols = marked(at=())
    frame.write_parquet(tmp_path / "prices.parquet")
    monkeypatch.chdir(tmp_path)
    prices = DuckDBPriceRepository(prices="/proc/self/cwd/prices.parquet")  # another folder in another process
    with pytest.raises(
        EngineError,
        match="the worker tcp://.* does not see the price files as they are here: there, "
        r"/proc/self/cwd/prices\.parquet is not there; put them where all workers find them",
    ):
        engine(prices, place).process_batch(job(symbols))


class ClosedMeanwhile:
    """An executor as it is when its client was closed while a scan was at work."""

    def submit(self, *_):
        """Refuse as Dask does."""
        raise distributed.client.ClosedClientError("Client is closed. Can't send update-graph message.")


def test_a_client_that_is_closed_in_the_middle_is_told(place, monkeypatch):
    monkeypatch.setattr(place.crew, "_executor", ClosedMeanwhile())
    frame, symbols = marked(at=())
    with pytest.raises(EngineError, match="^the client of the cluster is closed: connect another one"):
        engine(InMemoryPriceRepository(frame), place).process_batch(job(symbols))


def test_other_versions_there_are_refused_by_what_differs(place, monkeypatch):
    place.crew._probed.clear()
    here = {**probe.versions(), "polars": "2.0.9"}
    monkeypatch.setattr("jtscan.engines.places.in_cluster.versions", lambda: here)
    frame, symbols = marked()
    there = probe.versions()["polars"]
    with pytest.raises(
        EngineError, match=f"tcp://.*: a worker differs: polars is 2.0.9 here and {there} there. Install"
    ):
        engine(InMemoryPriceRepository(frame), place).process_batch(job(symbols))


def test_a_worker_that_comes_later_with_other_versions_refuses_its_task(place, monkeypatch):
    here = {**probe.versions(), "duckdb": "1.9"}
    monkeypatch.setattr("jtscan.engines.places.tasks.versions", lambda: here)
    frame, symbols = marked()
    with pytest.raises(EngineError, match="a worker differs: duckdb is 1.9 here and"):
        engine(InMemoryPriceRepository(frame), place).process_batch(job(symbols))


def test_where_no_scheduler_answers_it_says_so():
    made = ProcessingEngine(InMemoryPriceRepository(marked()[0]), where=jt.engines.dask("tcp://127.0.0.1:9"))
    with pytest.raises(
        EngineError, match="there is no Dask scheduler at tcp://127.0.0.1:9: .*; start one with dask scheduler"
    ):
        made.process_batch(job(["S00"]))


def test_without_workers_a_scan_ends_with_an_error_and_not_never(own, tmp_path):
    started = Started(Path(own.__file__).parent, tmp_path)
    try:
        with distributed.Client(scheduler_file=str(started.file), set_as_default=False) as client:
            made = ProcessingEngine(
                InMemoryPriceRepository(marked()[0]), where=jt.engines.dask(client, patience=1), chunk_bars=CHUNK_BARS
            )
            at = time.monotonic()
            with pytest.raises(EngineError, match="has had no workers for 1 s: .*; with checkpoint= a scan goes on"):
                made.process_batch(job(marked()[1]))
            assert 1 < time.monotonic() - at < 5
            token = CancellationToken()
            token.cancel()
            assert made.process_batch(job(marked()[1]), cancellation_token=token) == []
            # and where the last worker goes while something is at work
            worker = started.add_worker()
            client.wait_for_workers(1, timeout=60)
            threading.Timer(1.0, lambda: os.kill(worker.pid, signal.SIGTERM)).start()
            made = ProcessingEngine(
                InMemoryPriceRepository(marked(at=("S00", "S01", "S02"))[0]),
                where=jt.engines.dask(client, patience=1),
                chunk_bars=CHUNK_BARS,
                functions=registered([own.sleepy]),
            )
            with pytest.raises(EngineError, match="has had no workers for 1 s"):
                made.process_batch(job(marked()[1], "sleepy() > 0"))
            made.close()
            assert client.status == "running"  # a client that was given stays open
    finally:
        started.close()


def test_a_lost_scheduler_and_a_closed_client_are_told_from_workers_that_are_missing(own, tmp_path):
    started = Started(Path(own.__file__).parent, tmp_path)
    frame, symbols = marked(at=())
    try:
        with distributed.Client(scheduler_file=str(started.file), set_as_default=False) as client:
            started.add_worker()
            client.wait_for_workers(1, timeout=60)
            made = ProcessingEngine(InMemoryPriceRepository(frame), where=jt.engines.dask(client, patience=1))
            assert len(made.process_batch(job(symbols))) == len(symbols)
            started.running[0].kill()
            until = time.monotonic() + 20
            while client.status == "running" and time.monotonic() < until:  # a question on its way waits 30 s in Dask
                time.sleep(0.05)
            assert client.status == "connecting"
            with pytest.raises(EngineError, match=r"^the scheduler tcp://.* has not answered for 1 s: start it and"):
                made.process_batch(job(symbols))
        with pytest.raises(EngineError, match="^the client of the cluster is closed: connect another one"):
            made.process_batch(job(symbols))
        made.close()
    finally:
        started.close()
