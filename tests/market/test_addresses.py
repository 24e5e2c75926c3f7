"""Files at addresses: what an address is, and that scans give what the same files in a folder give."""

from __future__ import annotations

import datetime as dt
import pickle
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan import cli
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.addresses import Address, place_of
from jtscan.market.duck import Duck
from jtscan.market.prices import DuckDBPriceRepository

fsspec = pytest.importorskip("fsspec")

MONDAY = dt.date(2024, 1, 1)
FORMULA = "cross_above(close, sma(close, 3)) and volume > 50"


def bars(symbol, count, *, first=0, **more):
    days = [MONDAY + dt.timedelta(days=first + number) for number in range(count)]
    close = [10.0 + (7 * number) % 5 for number in range(count)]
    prices = {"open": close, "high": [each + 1 for each in close], "low": [each - 1 for each in close], "close": close}
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 100, **more})


def market():
    """Symbols that are clean (A), halted (B), short (C), with a row twice (D), with other values (E), with no close (F)."""
    halt = bars("B", 1, first=40, open=0.0, high=0.0, low=0.0, volume=0)
    return pl.concat(
        [
            bars("A", 60), bars("B", 40), halt, bars("B", 10, first=41), bars("C", 2, first=58), bars("D", 50),
            bars("D", 50)[3:4], bars("E", 30), bars("E", 1, first=4, volume=7),
            bars("F", 20).with_columns(close=pl.lit(float("nan"))), bars("F", 9, first=20),
        ]
    )  # fmt: skip


def write(path, frame, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, **options)
    return path


# ── what an address is ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("memory://bucket/prices/*.parquet", Address("memory:///bucket/prices/*.parquet")),
        ("Memory://bucket/prices/", Address("memory:///bucket/prices")),
        (Address("memory:///bucket"), Address("memory:///bucket")),
        ("file:///data/1.parquet", Path("/data/1.parquet")),
        ("local:///data/1.parquet", Path("/data/1.parquet")),
        (r"C:\prices\1.parquet", Path(r"C:\prices\1.parquet")),
        ("C:/prices/1.parquet", Path("C:/prices/1.parquet")),
        ("prices/*.parquet", Path("prices/*.parquet")),
        ("~/prices", Path.home() / "prices"),
        (Path("prices"), Path("prices")),
    ],
)
def test_only_a_text_with_a_protocol_is_an_address(given, place):
    assert place_of(given) == place


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("nope://bucket/x.parquet", jt.DataError, "nope://: it cannot be opened: Protocol not known: nope"),
        ("simplecache::memory://bucket/x.parquet", jt.DataError, "an address that leads through another ('::') cannot"),
        ("memory://nowhere/x.parquet", jt.DataNotFoundError, "no Parquet files at memory:///nowhere/x.parquet"),
        ("memory://nowhere/*.parquet", jt.DataNotFoundError, "no Parquet files at memory:///nowhere/*.parquet"),
        (["memory://nowhere/1.parquet", "memory://nowhere/2.parquet"], jt.DataNotFoundError, "memory:///nowhere/2.par"),
    ],
)
def test_an_address_without_files_is_refused(given, error, said):
    with pytest.raises(error, match=re.escape(said)):
        jt.Scanner(prices=given)


def test_a_data_folder_that_is_not_there_is_refused():
    with pytest.raises(jt.DataNotFoundError, match="there is no folder memory:///nowhere/data"):
        jt.Scanner("memory://nowhere/data").scan("close > 1")


@pytest.mark.parametrize(
    ("protocol", "error", "said"),
    [
        ("s3", jt.MissingExtraError, r"reading s3:// needs .* pip install 'jtscan\[remote\]'"),
        ("gs", jt.DataError, "gs://: Please install the package of gs"),
    ],
)
def test_the_missing_package_of_a_protocol_is_named(protocol, error, said, monkeypatch):
    def missing(name):
        raise ImportError(f"Please install the package of {name}")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    with pytest.raises(error, match=said):
        jt.Scanner(prices=f"{protocol}://bucket/*.parquet")


@pytest.mark.parametrize("raised", [PermissionError("Access Denied"), ValueError("no route")])
def test_a_filesystem_that_does_not_answer_is_no_file_that_is_missing(raised, monkeypatch):
    def refuse(*_, **__):
        raise raised

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "info", refuse)
    with pytest.raises(jt.DataError, match=f"^memory:///bucket/1.parquet: it cannot be read: {raised}; look at the"):
        jt.Scanner(prices="memory://bucket/1.parquet")


# ── the same files in a folder and at an address ──────────────────────────────


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@pytest.fixture
def copied(memory):
    """Copy a folder to an address."""

    def copy(folder):
        for path in folder.rglob("*"):
            if path.is_file():
                memory.pipe_file(f"/bucket/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return "memory://bucket"

    return copy


def one_file(folder):
    write(folder / "all.parquet", market(), row_group_size=30)


def by_part(folder):
    for number, part in enumerate((market()[:90], market()[90:].cast({"volume": pl.Float64}))):
        write(folder / f"{number}.parquet", part)


def by_symbol(folder):
    for (symbol,), part in market().group_by("symbol"):
        write(folder / f"{symbol}.parquet", part.drop("symbol"))


def by_hive_folder(folder):
    for (symbol,), part in market().group_by("symbol"):
        write(folder / f"symbol={symbol}/1.parquet", part.drop("symbol"))


def with_bad_files(folder):
    by_symbol(folder)
    whole = (folder / "A.parquet").read_bytes()
    for name, content in {"X": b"PAR1 is none", "Y": whole[: len(whole) // 2], "Z": b""}.items():
        (folder / f"{name}.parquet").write_bytes(content)
    write(folder / "V.parquet", bars("V", 3).drop("symbol").clear())
    write(folder / "W.parquet", bars("W", 3).drop("symbol").cast({"close": pl.String}))


def invented(folder):
    write(folder / "all.parquet", market(), metadata={"jtscan.invented": "yes"})


LAYOUTS = [one_file, by_part, by_symbol, by_hive_folder, with_bad_files, invented]


def assert_same(here, there):
    assert here.signals.matches.height > 0
    assert_frame_equal(there.signals.matches, here.signals.matches)
    assert_frame_equal(there.account, here.account)
    timeless = [name for name in here.outcomes.columns if "second" not in name and "time" not in name]
    assert_frame_equal(there.outcomes.select(timeless), here.outcomes.select(timeless))
    assert there.warnings == here.warnings


@pytest.mark.parametrize(
    ("lay", "scan"),
    [
        *((lay, {"start": MONDAY}) for lay in LAYOUTS),
        (one_file, {"last": 10}),
        (with_bad_files, {"start": "2024-02-01", "end": "2024-02-20"}),
    ],
)
def test_a_scan_at_an_address_is_a_scan_of_the_folder(lay, scan, tmp_path, copied):
    lay(tmp_path)
    here, there = jt.Scanner(prices=tmp_path), jt.Scanner(prices=copied(tmp_path))
    symbols = list("ABCDEFQVWXYZ")
    assert_same(here.scan(FORMULA, symbols=symbols, **scan), there.scan(FORMULA, symbols=symbols, **scan))
    notes = here._snapshot().notes
    assert there._snapshot().notes == notes
    assert bool(notes) == (lay is invented)


@pytest.mark.parametrize("where", ["{}/*.parquet", "{}/**/*.parquet", "{}/", ["{}/A.parquet", "{}/B.parquet"]])
def test_files_are_named_as_in_a_folder(where, tmp_path, copied):
    by_symbol(tmp_path)
    root = copied(tmp_path)
    here, there = (
        jt.Scanner(prices=[each.format(each_root) for each in where] if isinstance(where, list) else where.format(each_root))
        for each_root in (tmp_path, root)
    )  # fmt: skip
    assert_same(here.scan(FORMULA, start=MONDAY), there.scan(FORMULA, start=MONDAY))


def test_files_here_and_there_are_scanned_together(tmp_path, copied):
    by_symbol(tmp_path)
    both = [tmp_path / "A.parquet", f"{copied(tmp_path)}/B.parquet"]
    here = jt.Scanner(prices=[tmp_path / "A.parquet", tmp_path / "B.parquet"])
    assert_same(here.scan(FORMULA, start=MONDAY), jt.Scanner(prices=both).scan(FORMULA, start=MONDAY))


def test_a_data_folder_has_its_tables_beside_it(tmp_path, copied):
    write(tmp_path / "prices/1d/all.parquet", market())
    write(tmp_path / "symbols.parquet", pl.DataFrame({"symbol": ["A", "B"], "name": ["one", "two"], "market": "M"}))
    write(tmp_path / "members.parquet", pl.DataFrame({"index": "I", "symbol": "A", "start": [MONDAY], "end": [dt.date(2024, 2, 1)]}))  # fmt: skip
    root = copied(tmp_path)
    tables = {"symbols": f"{root}/symbols.parquet", "members": f"{root}/members.parquet"}
    here, there = jt.Scanner(tmp_path), jt.Scanner(root)
    apart = jt.Scanner(prices=f"{root}/prices/1d", **tables)
    assert there.timeframes() == ["1d"]
    assert there.markets() == ["M"]
    for chosen in ({"market": "M"}, {"index": "I"}, {"timeframe": "1w"}):
        expected = here.scan("close > 9", start=MONDAY, **chosen)
        assert_same(expected, there.scan("close > 9", start=MONDAY, **chosen))
        assert_same(expected, apart.scan("close > 9", start=MONDAY, **chosen))


def test_a_missing_table_is_named(tmp_path, copied):
    one_file(tmp_path)
    scanner = jt.Scanner(prices=copied(tmp_path), symbols="memory://bucket/symbols.parquet")
    with pytest.raises(
        jt.DataNotFoundError, match="^memory:///bucket/symbols.parquet: the table of symbols is missing"
    ):
        scanner.scan("close > 1")


def test_a_store_at_an_address_is_refused(tmp_path, copied):
    write(tmp_path / "in/1.parquet", market())
    jt.ingest(tmp_path / "in", tmp_path / "store")
    with pytest.raises(jt.StoreError, match="^memory:///bucket: it is a store, .* copy it to one, or mount it"):
        jt.Scanner(copied(tmp_path / "store"))


def test_the_command_line_scans_an_address(tmp_path, copied):
    one_file(tmp_path)
    for option in ("--prices", "--data"):
        args = ["scan", "close > 1", option, f"{copied(tmp_path)}/all.parquet", "--start", "2024-01-01"]
        found = CliRunner().invoke(cli.main, args, prog_name="jtscan")
        assert found.exit_code == 0, found.output
        assert "171 matches in 5 of 6 symbols, 1 failed" in found.output  # 60 + 50 + 2 + 50 + 9


# ── versions, parts and the lock ──────────────────────────────────────────────


def test_the_version_is_another_when_a_file_is(tmp_path, copied, memory):
    by_symbol(tmp_path)
    repository = DuckDBPriceRepository(prices=copied(tmp_path))
    first = repository.snapshot(Timeframe.D1)
    assert repository.snapshot(Timeframe.D1) is first
    memory.pipe_file("/bucket/A.parquet", (tmp_path / "A.parquet").read_bytes())
    second = repository.snapshot(Timeframe.D1)
    assert second.version != first.version
    assert not second.changed
    assert first.changed


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        (True, "written", "all.parquet: it is no longer the file that the scan began with; scan again"),
        (False, "written", "all.parquet: it is no longer the file that the scan began with; scan again"),
        (True, "removed", "memory:///bucket/all.parquet: it is not there any more, or not where this is worked on"),
        (False, "removed", "all.parquet: the file is missing"),
    ],
)
def test_a_file_that_changes_under_a_scan_is_noticed(part, change, told, tmp_path, copied, memory):
    one_file(tmp_path)
    snapshot = DuckDBPriceRepository(prices=copied(tmp_path)).snapshot(Timeframe.D1)
    read = (snapshot.part(["A"]) if part else snapshot).read
    assert read(["A"], ["close"], ReadWindow()).frame.height == 60
    if change == "removed":
        memory.rm("/bucket/all.parquet")
    else:
        write(tmp_path / "all.parquet", market().with_columns(pl.col("close") * 2))
        memory.pipe_file("/bucket/all.parquet", (tmp_path / "all.parquet").read_bytes())
    with pytest.raises(jt.DataError, match=f"^{re.escape(told)}"):
        read(["A"], ["close"], ReadWindow())


def test_a_part_travels_as_text(tmp_path, copied):
    by_symbol(tmp_path)
    snapshot = DuckDBPriceRepository(prices=copied(tmp_path)).snapshot(Timeframe.D1)
    sent = pickle.dumps(snapshot.part(["A", "B"]))
    assert b"fsspec" not in sent
    assert b"memory:///bucket/B.parquet" in sent
    assert b"memory:///bucket/C.parquet" not in sent
    window = ReadWindow(start=dt.date(2024, 2, 1), warmup=5)
    frames = [each.read(["A", "B"], ["close"], window).frame for each in (snapshot, pickle.loads(sent))]  # noqa: S301 - our own
    assert_frame_equal(*frames)
    assert frames[0].height > 0


@pytest.mark.parametrize(
    "path", ["memory:///other/1.parquet", "memory:///bucket/../other/1.parquet", "{}/here.parquet"]
)
def test_what_reads_an_address_reads_nothing_else(path, tmp_path, memory):
    content = write(tmp_path / "here.parquet", market()).read_bytes()
    for name in ("/bucket/1.parquet", "/other/1.parquet"):
        memory.pipe_file(name, content)
    duck = Duck([Address("memory:///bucket/1.parquet")])
    query = "SELECT count(*) FROM read_parquet($paths)"
    assert duck.frame(query, {"paths": ["memory:///bucket/1.parquet"]}).item() == market().height
    with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
        duck.frame(query, {"paths": [path.format(tmp_path)]})


# ── a server of S3 ────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server():
    """A server of S3 in a process of its own."""
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    pytest.importorskip("flask_cors")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(host, port)
            yield f"http://{host}:{port}"
        finally:
            process.kill()


def wait_for(host, port):
    for _ in range(300):
        with suppress(ConnectionRefusedError):
            return socket.create_connection((host, port)).close()
        time.sleep(0.1)
    raise TimeoutError(host, port)


@pytest.fixture
def s3(server, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "secret", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    filesystem = fsspec.filesystem("s3")
    filesystem.clear_instance_cache()
    yield fsspec.filesystem("s3")
    filesystem.clear_instance_cache()


@pytest.mark.slow
def test_processes_scan_a_bucket_as_a_folder(tmp_path, s3):
    with_bad_files(tmp_path)
    s3.mkdir("scanned")
    s3.put(f"{tmp_path}/", "scanned/prices/", recursive=True)
    here, there = jt.Scanner(prices=tmp_path), jt.Scanner(prices="s3://scanned/prices/*.parquet")
    symbols = list("ABCDEFQVWXYZ")
    expected = here.scan(FORMULA, symbols=symbols, start=MONDAY)
    assert_same(expected, there.scan(FORMULA, symbols=symbols, start=MONDAY))
    workers = jt.Scanner(prices="s3://scanned/prices/*.parquet", engine=jt.engines.processes(2))
    try:
        assert_same(expected, workers.scan(FORMULA, symbols=symbols, start=MONDAY))
    finally:
        workers.close()
    assert b"secret" not in pickle.dumps(there._snapshot().part(symbols))


@pytest.mark.slow
def test_an_object_that_is_replaced_is_noticed(tmp_path, s3):
    one_file(tmp_path)
    s3.mkdir("replaced")
    s3.put(f"{tmp_path}/all.parquet", "replaced/all.parquet")
    repository = DuckDBPriceRepository(prices="s3://replaced/all.parquet")
    snapshot = repository.snapshot(Timeframe.D1)
    assert snapshot.read(["A"], ["close"], ReadWindow()).frame.height == 60
    assert repository.snapshot(Timeframe.D1) is snapshot
    write(tmp_path / "all.parquet", market().with_columns(pl.col("close") * 2))
    s3.put(f"{tmp_path}/all.parquet", "replaced/all.parquet")
    with pytest.raises(jt.DataError, match="no longer the file that the scan began with"):
        snapshot.read(["A"], ["close"], ReadWindow())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "error", "said"),
    [
        ({}, jt.DataNotFoundError, "there are no Parquet files at s3://nobody/prices"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}, jt.DataError,
            "s3://nobody/prices: it cannot be read: Could not connect to the endpoint URL.* look at the address",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_CONFIG_FILE": "/none"}, jt.DataError,
            "s3://nobody/prices: it cannot be read: Unable to locate credentials; .* credentials that s3:// finds",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_bucket_is_told(environment, error, said, s3, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    s3.clear_instance_cache()
    with pytest.raises(error, match=said):
        jt.Scanner(prices="s3://nobody/prices")
