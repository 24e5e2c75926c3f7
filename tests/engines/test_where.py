"""Where a scan runs: the same bits everywhere, and what becomes of chunks whose worker dies."""

from __future__ import annotations

import datetime as dt
import os
import random
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
from jtscan.domain.control import CancellationToken, deadline
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.engines.places.in_threads import ThreadCrew
from jtscan.engines.places.place import Place
from jtscan.engines.places.where import as_workplace
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import EngineError, RequestError
from jtscan.formula import registered
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder, make_bars

OPEN = DateRange(start=dt.date(1990, 1, 1))
BOTH = ["threads:2", pytest.param("processes:2", marks=pytest.mark.slow)]
MARK = 666.0
CHUNK_BARS = 60


def job(symbols, formula="close > close[1]", **options):
    value = Formula(text=formula) if isinstance(formula, str) else formula
    options = {"date_range": OPEN, **options}
    return ProcessingJob(id="job", symbols=symbols, timeframe=Timeframe.D1, formula=value, **options)


@pytest.fixture(scope="module")
def places():
    """Crews that the tests share: processes take a second to start."""
    opened = {}

    def opened_at(where):
        if where not in opened:
            opened[where] = Place(as_workplace(where), CHUNK_BARS)
        return opened[where]

    yield opened_at
    for each in opened.values():
        each.close()


@pytest.fixture
def engine_at(places):
    def make(prices, where, *, raise_internal=True, functions=()):
        made = ProcessingEngine(
            prices, functions=registered(functions), chunk_bars=CHUNK_BARS, raise_internal=raise_internal
        )
        if where is not None:
            made._place = places(where)
        return made

    return make


def walks(count, bars, seed=7):
    """Random walks; every third symbol is short, prices have many digits."""
    dice = random.Random(seed)
    closes = {}
    for number in range(count):
        price, walk = 100.0, []
        for _ in range(bars if number % 3 else bars // 4):
            price *= 1 + dice.gauss(0, 0.03)
            walk.append(price)
        closes[f"S{number:02}"] = walk
    return closes


# ── the same bits everywhere ──────────────────────────────────────────────────

HALF = 0.5


@jt.function(lookback=lambda n: n - 1)
def middle(x: pl.Expr = "close", n: int = 5) -> pl.Expr:
    """Median of n bars."""
    return x.rolling_median(n) * (HALF + HALF)


FORMULAS = {
    "indicators": "r = rsi(14)\nbuy = cross_above(sma(close, 5), sma(close, 20)) and rsi(14) > 50",
    "two signals": "buy = close > highest(high, 10)[1]\nsell = close < lowest(low, 10)[1]",
    "weekly": "weekly(rsi(close, 4)) > 50 and close > weekly(close)[1]",
    "rank": "rank(roc(close, 5)) > 0.7 and zscore(close) < 2",
    "rank of a rank": "rank(sma(rank(close), 3)) > 0.5",
    "rank of weeks": "weekly(rank(close)) > 0.5",
    "by sector": 'rank(close, by=sector) > 0.5 and sector != "B"',
    "mean": "close > universe_mean(close) and universe_count(close > 0) > 3",
    "reference": 'close / ref("S01", close) > sma(close / ref("S01", close), 5)',
    "lost reference": 'close > ref("GONE", close)',
    "own": "close > middle(7)",
    "settling": "rsi(3) > 60 and atr(5) / close < 0.1",
}
EXPRESSIONS = {
    "expression": PolarsFormula(signals={"up": pl.col("close") > pl.col("close").shift(1)}, lookback=1),
    "lambda": PolarsFormula(
        signals={"up": pl.col("close").map_batches(lambda s: s * (HALF + HALF), return_dtype=pl.Float64) > 100},
        lookback=0,
    ),
}
RANGES = {
    "all": OPEN,
    "last": DateRange(last=10),
    "range": DateRange(start=dt.date(2010, 6, 1), end=dt.date(2010, 9, 30)),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file per symbol of random walks, and beside them files with faults."""
    folder = tmp_path_factory.mktemp("files")
    frame = make_bars(walks(20, 240), start=dt.date(2010, 1, 4))
    for (symbol,), bars in frame.partition_by("symbol", as_dict=True).items():
        bars.drop("symbol").write_parquet(folder / f"{symbol}.parquet")
    bars = frame.filter(pl.col("symbol") == "S01").drop("symbol")
    (folder / "EMPTY.parquet").write_bytes(b"")
    (folder / "GARBAGE.parquet").write_bytes(b"no parquet at all" * 20)
    bars.clear().write_parquet(folder / "ROWLESS.parquet")
    bars.with_columns(pl.col("close").cast(pl.String)).write_parquet(folder / "TEXT.parquet")
    pl.concat([bars, bars.head(3)]).write_parquet(folder / "TWICE.parquet")
    pl.concat([bars, bars.head(3).with_columns(close=pl.lit(1.0))]).write_parquet(folder / "CONFLICT.parquet")
    bars.with_columns(close=pl.when(pl.int_range(pl.len()) % 7 > 0).then("close")).write_parquet(
        folder / "NULLS.parquet"
    )
    bars.head(1).write_parquet(folder / "ONE.parquet")
    bars.reverse().write_parquet(folder / "TURNED.parquet")
    return folder


@pytest.fixture(scope="module")
def asked(files):
    return [*sorted((path.stem for path in files.iterdir()), reverse=True), "GONE"]


@pytest.fixture(scope="module")
def expected(files, asked):
    """What the sequential engine gives, made once."""
    prices = DuckDBPriceRepository(prices=files)
    engine = ProcessingEngine(prices, functions=registered([middle]), raise_internal=True)
    made = {}

    def results(name, formula, **options):
        if name not in made:
            made[name] = engine.process_batch(job(asked, formula, **options))
        return made[name]

    return results


def labels(asked):
    return pl.DataFrame({"symbol": asked, "name": asked, "market": "M"}).with_columns(
        sector=pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.lit("A")).otherwise(pl.lit("B"))
    )


@pytest.mark.parametrize("where", BOTH)
@pytest.mark.parametrize("name", FORMULAS)
def test_every_engine_gives_the_bits_of_the_sequential_one(name, where, files, asked, expected, engine_at):
    options = {"labels": labels(asked), "allow_lookahead": True}
    made = engine_at(DuckDBPriceRepository(prices=files), where, functions=[middle])
    results = made.process_batch(job(asked, FORMULAS[name], **options))
    assert_same(results, expected(name, FORMULAS[name], **options))
    assert {each.status for each in results} > {Status.FAILED, Status.NO_DATA}


@pytest.mark.parametrize("where", BOTH)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_go_to_threads_and_processes(name, where, files, asked, expected, engine_at):
    made = engine_at(DuckDBPriceRepository(prices=files), where)
    results = made.process_batch(job(asked, EXPRESSIONS[name], allow_lookahead=True))
    assert_same(results, expected(name, EXPRESSIONS[name], allow_lookahead=True))


@pytest.mark.parametrize("where", BOTH)
@pytest.mark.parametrize("name", RANGES)
def test_every_range_gives_the_bits_of_the_sequential_one(name, where, files, asked, expected, engine_at):
    formula = "buy = ema(close, 10) > sma(close, 5) and rank(close) > 0.3"
    made = engine_at(DuckDBPriceRepository(prices=files), where)
    results = made.process_batch(job(asked, formula, date_range=RANGES[name]))
    assert_same(results, expected(f"range {name}", formula, date_range=RANGES[name]))
    assert any(each.matches.height for each in results)


@pytest.mark.parametrize("where", BOTH)
def test_members_and_a_universe_are_those_of_the_sequential_engine(where, files, asked, expected, engine_at):
    members = pl.DataFrame(
        {
            "symbol": ["S01", "S02", "S04"],
            "start": [dt.date(2010, 3, 1), None, None],
            "end": [None, dt.date(2010, 8, 1), None],
        }
    )
    options = {"members": members, "universe_members": members, "universe": ["S01", "S02", "S04", "S05"], "first": True}
    made = engine_at(DuckDBPriceRepository(prices=files), where)
    results = made.process_batch(job(asked, "rank(close) > 0.5", **options))
    assert_same(results, expected("members", "rank(close) > 0.5", **options))
    assert any(each.matches.height for each in results)


@pytest.mark.parametrize("where", BOTH)
def test_progress_comes_after_each_symbol_in_order(where, engine_at):
    closes = walks(12, 40)
    heard = ProgressRecorder()
    made = engine_at(InMemoryPriceRepository(make_bars(closes)), where)
    made.process_batch(job(list(closes)), heard, observer=heard)
    assert heard.calls == [(number, 12) for number in range(1, 13)]
    assert [each.symbol for each in heard.results] == list(closes)


@pytest.mark.parametrize("where", BOTH)
def test_a_strict_universe_refuses_a_symbol_that_fails(where, engine_at):
    prices = InMemoryPriceRepository(make_bars(walks(6, 40)), broken={"S02": "torn"})
    with pytest.raises(jt.DataError, match="5 of 6 symbols; failed: S02: torn"):
        engine_at(prices, where).process_batch(job(list(walks(6, 40)), "rank(close) > 0.5", strict_universe=True))


class FewLarge(ThreadCrew):
    """A crew whose chunks are worth sending from 50 bars on."""

    def chunk_sizes(self, work):
        return 50, 400


@pytest.mark.parametrize(
    ("symbols", "sizes"), [(40, [40]), (50, [50]), (60, [30, 30]), (130, [44, 44, 42]), (3600, [400] * 9)]
)
def test_chunks_are_of_one_size_and_not_a_full_one_and_a_rest(symbols, sizes):
    closes = {f"S{number:04}": [1.0] for number in range(symbols)}
    made = ProcessingEngine(InMemoryPriceRepository(make_bars(closes)))
    crew = FewLarge(1, CHUNK_BARS)
    assert [len(each) for each in crew._cut(made._work(job(list(closes))), list(closes))] == sizes
    crew.close()


# ── workers that die ──────────────────────────────────────────────────────────


def marked(count=10, bars=30, at=("S04",)):
    """Symbols of which some carry the mark in their last close."""
    closes = {f"S{number:02}": [100.0 + number + bar for bar in range(bars)] for number in range(count)}
    for symbol in at:
        closes[symbol][-1] = MARK
    return InMemoryPriceRepository(make_bars(closes)), list(closes)


def at_the_mark(do):
    """A function that does something in whatever process it is evaluated on the mark."""

    @jt.function(lookback=0)
    def same(x: pl.Expr = "close") -> pl.Expr:
        def seen(values):
            if (values == MARK).any():
                do()
            return values

        return x.map_batches(seen, return_dtype=pl.Float64)

    return same


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(engine_at, tmp_path):
    flag = str(tmp_path / "killed")

    def die_once():
        import os
        from pathlib import Path

        if not Path(flag).exists():
            Path(flag).touch()
            os.kill(os.getpid(), 9)

    prices, symbols = marked()
    function = at_the_mark(die_once)
    results = engine_at(prices, "processes:2", functions=[function]).process_batch(
        job(symbols, "same() > 0", allow_lookahead=True)
    )
    assert Path(flag).exists()
    expected = engine_at(prices, None, functions=[function]).process_batch(
        job(symbols, "same() > 0", allow_lookahead=True)
    )
    assert_same(results, expected)
    assert {each.status for each in results} == {Status.MATCHED}


@pytest.mark.parametrize("formula", ["same() > 0", pytest.param("rank(same()) > 0.5", marks=pytest.mark.slow)])
def test_a_symbol_that_kills_its_worker_fails_and_everything_else_is_kept(formula, engine_at):
    def die():
        import os

        os.kill(os.getpid(), 9)

    prices, symbols = marked(at=("S04", "S09"))
    results = engine_at(prices, "processes:2", functions=[at_the_mark(die)]).process_batch(
        job(symbols, formula, allow_lookahead=True)
    )
    failed = {each.symbol: each.error for each in results if each.status is Status.FAILED}
    assert failed == dict.fromkeys(["S04", "S09"], "its worker died (signal 9, SIGKILL) twice")
    assert [each.symbol for each in results] == symbols
    left, _ = marked(at=("S04", "S09"))
    fine = [symbol for symbol in symbols if symbol not in failed]
    expected = engine_at(left, None, functions=[at_the_mark(lambda: None)]).process_batch(
        job(fine, formula, allow_lookahead=True)
    )
    assert_same([each for each in results if each.symbol not in failed], expected)


@pytest.mark.slow
def test_a_worker_that_aborts_is_told_by_its_signal(engine_at):
    def abort():
        import os

        os.abort()

    prices, symbols = marked(count=2, at=("S01",))
    results = engine_at(prices, "processes:2", functions=[at_the_mark(abort)]).process_batch(
        job(symbols, "same() > 0", allow_lookahead=True)
    )
    assert [each.error for each in results] == [None, "its worker died (signal 6, SIGABRT) twice"]


@pytest.mark.slow
def test_a_symbol_that_takes_too_long_is_stopped_alone(engine_at):
    def sleep():
        import time

        time.sleep(60)

    prices, symbols = marked()
    started = time.monotonic()
    results = engine_at(prices, "processes:2", functions=[at_the_mark(sleep)]).process_batch(
        job(symbols, "same() > 0", allow_lookahead=True, symbol_timeout=1.5)
    )
    assert time.monotonic() - started < 30
    failed = {each.symbol: each.error for each in results if each.status is Status.FAILED}
    assert failed == {"S04": "took longer than 1.5 s; symbol_timeout="}
    assert [each.symbol for each in results] == symbols


@pytest.mark.parametrize(("where", "shown"), [(None, "sequential()"), ("threads:2", "threads(2)")])
def test_who_cannot_stop_a_symbol_says_so(where, shown, engine_at):
    prices, symbols = marked(count=2, at=())
    heard = ProgressRecorder()
    engine_at(prices, where).process_batch(job(symbols, symbol_timeout=5), observer=heard)
    assert heard.warnings == [f"symbol_timeout= is not kept to by {shown}: only processes() can stop a symbol"]


@pytest.mark.parametrize("limit", [0, -1, True, "5"])
def test_a_limit_is_a_number_of_seconds(limit):
    with pytest.raises(RequestError, match="symbol_timeout: .* is not a number of seconds"):
        job(["A"], symbol_timeout=limit)


@pytest.mark.slow
def test_a_scan_that_is_cancelled_ends_its_workers_within_a_second(engine_at):
    def sleep():
        import time

        time.sleep(60)

    prices, symbols = marked(at=("S00",))  # the chunk that is waited for is the one that sleeps
    token = CancellationToken()
    box = []
    made = engine_at(prices, "processes:1", functions=[at_the_mark(sleep)])
    thread = threading.Thread(
        target=lambda: box.extend(
            made.process_batch(job(symbols, "same() > 0", allow_lookahead=True), cancellation_token=token)
        )
    )
    thread.start()
    time.sleep(2)
    token.cancel()
    started = time.monotonic()
    thread.join(10)
    assert time.monotonic() - started < 1
    assert [each.symbol for each in box] == symbols[: len(box)]
    assert len(box) < len(symbols)
    again = CancellationToken()
    with deadline(again, 20):  # nobody sleeps on
        assert len(made.process_batch(job(symbols), cancellation_token=again)) == len(symbols)


@pytest.mark.parametrize("where", BOTH)
def test_a_scan_whose_workers_are_let_go_ends_with_an_error(where):
    prices, symbols = marked(count=40, at=())
    made = ProcessingEngine(prices, where=where, chunk_bars=CHUNK_BARS)
    stream = made.stream(job(symbols))
    next(stream)
    made.close()
    with pytest.raises(EngineError, match="the workers were let go while a scan was at work"):
        list(stream)
    assert len(made.process_batch(job(symbols))) == 40  # the next scan starts new ones
    made.close()


@pytest.mark.slow
def test_whoever_stops_asking_stops_the_workers(engine_at):
    prices, symbols = marked(at=())
    stream = engine_at(prices, "processes:2").stream(job(symbols))
    assert next(stream).symbol == "S00"
    stream.close()
    assert len(engine_at(prices, "processes:2").process_batch(job(symbols))) == len(symbols)


@pytest.mark.slow
def test_idle_workers_that_are_killed_are_started_again(engine_at, places):
    prices, symbols = marked(at=())
    made = engine_at(prices, "processes:2")
    made.process_batch(job(symbols))
    for each in list(places("processes:2").crew._pool._processes):
        os.kill(each.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert_same(made.process_batch(job(symbols)), engine_at(prices, None).process_batch(job(symbols)))


@pytest.mark.slow
def test_what_raises_in_a_worker_and_is_nobodys_data_is_raised_here(engine_at):
    prices, symbols = marked(count=3, at=())
    prices._broken["S01"] = ZeroDivisionError("ours")
    with pytest.raises(ZeroDivisionError, match="ours"):
        engine_at(prices, "processes:2").process_batch(job(symbols))
    results = engine_at(prices, "processes:2", raise_internal=False).process_batch(job(symbols))
    assert [each.error for each in results] == [None, "internal error: ZeroDivisionError: ours", None]


@pytest.mark.slow
def test_a_file_that_is_another_one_now_is_refused(tmp_path, engine_at):
    frame = make_bars(walks(9, 60))
    for (symbol,), bars in frame.partition_by("symbol", as_dict=True).items():
        bars.drop("symbol").write_parquet(tmp_path / f"{symbol}.parquet")
    symbols = sorted(frame["symbol"].unique())
    made = engine_at(DuckDBPriceRepository(prices=tmp_path), "processes:2").pinned(Timeframe.D1)
    made.process_batch(job(symbols))
    make_bars(walks(9, 80)).filter(pl.col("symbol") == "S04").drop("symbol").write_parquet(tmp_path / "S04.parquet")
    results = made.process_batch(job(symbols))
    failed = {each.symbol: each.error for each in results if each.status is Status.FAILED}
    assert list(failed) == ["S04"]
    assert failed["S04"].startswith("S04.parquet: it is no longer the file that the scan began with")


def test_what_cannot_be_sent_is_refused_by_name(engine_at):
    lock = threading.Lock()

    @jt.function(lookback=0)
    def guarded(x: pl.Expr = "close") -> pl.Expr:
        with lock:
            return x * 2

    prices, symbols = marked(at=())
    with pytest.raises(
        EngineError, match="the function guarded cannot be sent to another process: TypeError: cannot pickle"
    ):
        engine_at(prices, "processes:2", functions=[guarded]).process_batch(
            job(symbols, "guarded() > 0", allow_lookahead=True)
        )
    prices._broken["S01"] = type("Local", (Exception,), {})("not to be found by its name")
    with pytest.raises(EngineError, match="the prices cannot be sent to another process: .*Local"):
        engine_at(prices, "processes:2").process_batch(job(symbols))


@pytest.mark.slow
def test_a_module_that_workers_do_not_find_is_told_at_once(engine_at, tmp_path, monkeypatch):
    (tmp_path / "where_lost.py").write_text("def twice(x):\n    return x * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    from where_lost import twice

    monkeypatch.undo()

    @jt.function(lookback=0)
    def doubled(x: pl.Expr = "close") -> pl.Expr:
        return twice(x)

    prices, symbols = marked(at=())
    with pytest.raises(
        EngineError, match="a worker cannot unpack the scan: ModuleNotFoundError: No module named 'where_lost'"
    ):
        engine_at(prices, "processes:2", functions=[doubled]).process_batch(
            job(symbols, "doubled() > 0", allow_lookahead=True)
        )


# ── descriptions ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "sequential()"),
        ("sequential", "sequential()"),
        (jt.engines.sequential(), "sequential()"),
        ("threads:2", "threads(2)"),
        (jt.engines.threads(3), "threads(3)"),
        ("processes:4", "processes(4)"),
        (jt.engines.processes(1), "processes(1)"),
        ("dask:tcp://host:8786", 'dask("tcp://host:8786")'),
        ("threads", f"threads({len(os.sched_getaffinity(0))})"),
    ],
)
def test_an_engine_is_a_value_or_a_text(given, shown):
    assert repr(as_workplace(given)) == shown
    assert as_workplace(given) == as_workplace(as_workplace(given))


class Client:
    """What a client of Dask is known by."""

    def scheduler_info(self):
        """Tell nothing."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "ray:4",
            "engine: 'ray:4' is none of jt.engines; give sequential, threads:2, processes:4 or dask:tcp://HOST:8786",
        ),
        ("threads:two", "engine: 'threads:two' is none of jt.engines; give "),
        ("threads:0", r"engine: threads\(0\): give a number of workers from 1 to 1,024"),
        ("dask", "engine: 'dask' is none of jt.engines; give "),
        ("dask:tcp://box", "engine: 'tcp://box' is no address of a scheduler: give one such as tcp://HOST:8786"),
        (4, "engine: 4 is none of jt.engines; give "),
        (jt.engines.threads, r"engine: jt\.engines\.threads is to be called: give jt\.engines\.threads\(…\)"),
        (Client(), r"engine: a Client is given as jt\.engines\.dask\(client\)"),
    ],
)
def test_what_is_no_engine_is_refused(given, said):
    with pytest.raises(RequestError, match=said):
        as_workplace(given)


@pytest.mark.parametrize("patience", [0, -1, True, None, "30", float("nan")])
def test_patience_is_a_number_of_seconds(patience):
    with pytest.raises(RequestError, match="patience: .* is not a number of seconds; write 30"):
        jt.engines.dask("tcp://host:8786", patience=patience)


@pytest.mark.parametrize("workers", [0, -1, True, 2.0, "2", 5000])
def test_workers_are_a_number(workers):
    with pytest.raises(RequestError, match="give a number of workers from 1 to 1,024"):
        jt.engines.threads(workers)


def test_a_cluster_is_a_client_or_an_address():
    with pytest.raises(RequestError, match=r"engine: dask\(\) takes a Client or an address, not int"):
        jt.engines.dask(8786)


def test_without_its_package_a_cluster_names_the_extra(monkeypatch):
    monkeypatch.setattr("jtscan.engines.places.where.find_spec", lambda _: None)
    with pytest.raises(jt.MissingExtraError, match=r"pip install 'jtscan\[distributed\]'"):
        jt.engines.dask("tcp://host:8786")


# ── a scanner and its workers ─────────────────────────────────────────────────


def pids_of(scanner):
    return [each.pid for each in scanner._engine._place.crew._pool._processes]


def gone(pids, seconds=5):
    """Whether none of the processes is there any more, waited for a little."""
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.slow
def test_workers_are_kept_between_scans_and_end_with_the_scanner(files):
    with jt.Scanner(prices=files, engine="processes:2") as scanner:
        scanner.scan("close > open", progress=False)
        pids = pids_of(scanner)
        scanner.scan("close < open", progress=False)
        assert pids_of(scanner) == pids
        assert len(pids) == 2
    assert gone(pids)
    result = scanner.scan("close > open", progress=False)  # a closed scanner starts new ones
    pids = pids_of(scanner)
    assert "engine=jt.engines.processes(2)" in scanner.code(result.request)
    del scanner
    assert gone(pids), "a result keeps no workers"
    assert result.signals.total_matches > 0


SCRIPT = """
import os, sys, time
import polars as pl
import jtscan as jt

@jt.function(lookback=0)
def doubled(x: pl.Expr = "close") -> pl.Expr:
    return x.map_batches(lambda s: s * FACTOR, return_dtype=pl.Float64)

FACTOR = 2
scanner = jt.Scanner(prices={folder!r}, functions=[doubled], engine=jt.engines.processes(2))
result = scanner.scan("doubled() > 0", symbols=["S01", "S02"], progress=False, allow_lookahead=True)
pids = [each.pid for each in scanner._engine._place.crew._pool._processes]
print(result.signals.total_matches, os.environ.get("POLARS_MAX_THREADS"), *pids, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "-c", "stdin"])
def test_a_script_needs_no_main_guard_and_leaves_no_workers(how, files, tmp_path):
    script = SCRIPT.format(folder=str(files))
    (tmp_path / "script.py").write_text(script)
    call = {"file": [str(tmp_path / "script.py")], "-c": ["-c", script], "stdin": ["-"]}[how]
    root = str(Path(jt.__file__).parent.parent)
    environment = {
        **{key: value for key, value in os.environ.items() if key != "POLARS_MAX_THREADS"},
        "PYTHONPATH": root,
    }
    found = subprocess.run(
        [sys.executable, *call], input=script, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    matches, threads, *pids = found.stdout.split()
    assert int(matches) > 0
    assert threads == "None"  # the script's own Polars is left alone
    assert found.stderr == ""
    assert len(pids) == 2
    assert gone(pids)


@pytest.mark.slow
def test_workers_end_when_the_process_that_started_them_is_killed(files):
    script = SCRIPT.format(folder=str(files)) + "time.sleep(60)"
    environment = {**os.environ, "PYTHONPATH": str(Path(jt.__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    ) as started:
        _, _, *pids = started.stdout.readline().split()
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        started.kill()
    assert len(pids) == 2
    assert gone(pids)


@pytest.mark.slow
def test_ctrl_c_is_for_the_process_that_scans(tmp_path):
    marked()[0]._frame.write_parquet(tmp_path / "marked.parquet")
    script = (
        SCRIPT.split("scanner = ", maxsplit=1)[0]
        + f"""
@jt.function(lookback=0)
def slow(x: pl.Expr = "close") -> pl.Expr:
    def sleep(s):
        if (s == 666).any(): time.sleep(60)
        return s
    return x.map_batches(sleep, return_dtype=pl.Float64)

with jt.Scanner(prices={str(tmp_path)!r}, functions=[slow], engine="processes:2") as scanner:
    scanner.scan("close > 0", progress=False)
    print("begins", flush=True)
    result = scanner.scan("slow() > 0", progress=False, allow_lookahead=True)
print("cancelled" if result.cancelled else "whole", flush=True)
"""
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(jt.__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as started:  # fmt: skip
        assert started.stdout.readline() == "begins\n"
        time.sleep(1.5)
        at = time.monotonic()
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does: everybody hears it
        out, err = started.communicate(timeout=30)
    assert time.monotonic() - at < 3
    assert (out, err) == ("cancelled\n", "")
