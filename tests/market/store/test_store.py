"""A store as a user holds it: one writer, its history, whether it is whole, what is in it."""

from __future__ import annotations

import datetime as dt
import threading
import time

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.store.writing import writing

ROWS = [
    "A,2024-01-02,10,12,8,10,100",
    "A,2024-01-03,0,0,0,10,0",
    "B,2024-01-02,10,12,8,x,1",
    "B,2024-01-03,10,10,8,10.03,1",
]


# ---- One writer


def test_a_second_writer_waits_and_then_fails_clearly(desk):
    desk.rows(*ROWS)
    held, done = threading.Event(), threading.Event()

    def hold():
        with writing(desk.root):
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        for write in (
            lambda: desk.ingest(wait=0.05),
            lambda: desk.store.compact(wait=0.05),
            lambda: desk.store.sweep(wait=0.05),
        ):
            with pytest.raises(
                jt.StoreError,
                match=r"another ingest is writing there \(waited 0\.05 seconds\); try again when it is done",
            ):
                write()
        started = time.perf_counter()
        threading.Timer(0.3, done.set).start()
        assert desk.ingest(wait=10).counts.same == 4
        assert time.perf_counter() - started >= 0.25
    finally:
        done.set()
        holder.join()


def test_readers_need_no_lock(desk):
    desk.rows(*ROWS)
    with writing(desk.root):
        assert (
            jt.Scanner(desk.root, raise_internal=True).scan("close > 0", start="2024-01-01").signals.total_matches == 2
        )
        assert desk.store.verify().whole


def test_a_folder_of_prices_that_no_ingest_wrote_is_refused(desk):
    folder = desk.root / "prices" / "1d"
    folder.mkdir(parents=True)
    pl.DataFrame({"symbol": ["A"]}).write_parquet(folder / "mine.parquet")
    with pytest.raises(
        jt.StoreError,
        match=r"there are prices in it that no ingest wrote \(prices/1d/mine.parquet\); choose another folder, and give this one as the source: jtscan ingest .* --into DIR",
    ):
        desk.rows(*ROWS)
    assert [path.name for path in desk.root.rglob("*") if path.is_file()] == ["mine.parquet"]


def test_a_store_can_be_the_source_of_another(desk):
    desk.rows(*ROWS)
    other = desk.root.parent / "other"
    report = jt.ingest(desk.root / "prices" / "1d", other)
    assert report.counts.bars == 2


def test_other_files_in_the_folder_are_no_harm(desk):
    desk.root.mkdir(parents=True)
    (desk.root / "notes.txt").write_text("mine")
    desk.rows(*ROWS)
    assert (desk.root / "notes.txt").read_text() == "mine"


# ---- History


def test_history_lists_the_versions_newest_first(desk):
    desk.rows(*ROWS)
    desk.write("more.csv", "symbol,date,open,high,low,close,volume\nA,2024-01-04,10,12,8,10,100\n")
    desk.ingest()
    desk.rows("A,2024-01-02,10,12,8,11,100")
    found = desk.store.history()
    assert found.select("version", "action", "timeframe", "bars", "halts", "same", "quarantined", "corrected", "repaired", "can_be_opened").rows() == [
        (3, "ingest", "1d", 1, 0, 0, 0, 1, 0, True), (2, "ingest", "1d", 1, 0, 4, 0, 0, 0, True), (1, "ingest", "1d", 2, 1, 0, 1, 0, 1, True),
    ]  # fmt: skip
    assert found["sources"].to_list()[2].endswith("prices.csv")
    assert found["sources"].to_list()[1].endswith("and 1 more")
    assert dt.datetime.now() - found["created"][0] < dt.timedelta(minutes=5)
    desk.store.sweep(keep=1, grace=dt.timedelta(0))
    assert desk.store.history()["can_be_opened"].to_list() == [True, False, False]


# ---- Verify


def test_verify_finds_what_is_not_as_it_was_written(desk):
    desk.rows(*ROWS)
    assert desk.store.verify().whole
    bars, halts = (desk.root / desk.store.manifest.of(kind, jt.Timeframe.D1)[0].path for kind in ("bars", "halts"))
    content = bytearray(bars.read_bytes())
    content[50] ^= 1
    bars.write_bytes(content)
    halts.unlink()
    report = desk.store.verify()
    assert not report.whole
    assert dict(report.problems.select("file", "problem").iter_rows()) == {
        bars.relative_to(desk.root).as_posix(): "its content has changed: the SHA-256 sum is another",
        halts.relative_to(desk.root).as_posix(): "it is missing",
    }
    assert "DAMAGED, 2" in str(report)


def test_verify_tells_of_older_versions_too(desk):
    desk.rows(*ROWS)
    older = desk.root / desk.store.manifest.of("bars", jt.Timeframe.D1)[0].path
    desk.rows("A,2024-01-02,10,12,8,11,100", "B,2024-01-03,10,12,8,10,1")
    older.write_bytes(b"")
    desk.rows("A,2024-01-04,10,12,8,11,100")
    (desk.root / "manifests" / "000002.json").write_bytes(b"")
    report = desk.store.verify()
    told = {file: (newest, problem.rpartition(": ")[2]) for file, newest, problem in report.problems.iter_rows()}
    assert told[older.relative_to(desk.root).as_posix()] == (False, told[older.relative_to(desk.root).as_posix()][1])
    assert "0 bytes, not" in told[older.relative_to(desk.root).as_posix()][1]
    assert "version 2" in told
    assert str(report).count("(of an older version)") == 2


# ---- Quality


def test_quality_counts_every_row_by_symbol_and_adds_up(desk):
    desk.rows(*ROWS)
    desk.ingest()
    desk.rows(
        "A,2024-01-02,10,12,8,11,100", "A,2024-01-02,10,12,8,11,100", "C,2024-01-02,1,1,1,-1,1", ",2024-01-02,1,1,1,1,1"
    )
    quality = desk.store.quality()
    assert quality.version == desk.store.version
    moments = [dt.date(2024, 1, day) for day in (2, 3)]
    assert sorted(quality.symbols.drop("timeframe").rows(), key=str) == sorted([
        ("A", 1, 1, 0, moments[0], moments[0]), ("B", 1, 0, 1, moments[1], moments[1]), ("C", 0, 0, 1, None, None), (None, 0, 0, 1, None, None),
    ], key=str)  # fmt: skip
    assert quality.balance.row(0, named=True) == {
        "timeframe": "1d", "read": 8, "bars": 2, "halts": 1, "quarantined": 3, "same": 0, "duplicates": 1, "corrected": 1, "missing": 0,
    }  # fmt: skip
    assert (quality.halts.height, quality.quarantine.height, quality.repairs.height) == (1, 3, 1)
    assert quality.totals[jt.Timeframe.D1].read == 8


def test_a_store_shows_its_folder_and_version(desk):
    desk.rows(*ROWS)
    assert repr(desk.store) == f"Store('{desk.root}', {desk.store.version})"


def test_an_older_version_counts_again(desk):
    desk.rows("A,2024-01-02,10,11,9,10,100")
    desk.rows("A,2024-01-02,10,99,9,99,100")
    name = desk.store.restore(1)
    desk.check_store()
    assert desk.closes() == {"A 2024-01-02": 10.0}
    assert name == desk.store.version
    assert desk.store.history().select("version", "action", "sources").row(0) == (3, "restore", "version 1")
    assert desk.rows("A,2024-01-02,10,11,9,10,100").version is None
    with pytest.raises(jt.StoreError, match="there is no version 9; those that can be opened: 1, 2, 3"):
        desk.store.restore(9)


@pytest.mark.parametrize("what", ["correct", "compact", "restore"])
def test_what_is_damaged_is_not_copied_under_a_new_sum(desk, what):
    desk.rows("A,2024-01-02,10,11,9,10,100", "A,2024-01-03,10,11,9,10,100")
    desk.rows("A,2024-01-04,10,11,9,10,100")
    path = desk.root / desk.store.manifest.of("bars", jt.Timeframe.D1)[0].path
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    writers = {
        "correct": lambda: desk.rows("A,2024-01-02,10,12,9,12,100"),
        "compact": desk.store.compact,
        "restore": lambda: desk.store.restore(1),
    }
    with pytest.raises(jt.StoreError, match="its content has changed.*The store is damaged"):
        writers[what]()
    assert not desk.store.verify().whole


@pytest.mark.parametrize("left", [b"", None])
def test_a_damaged_store_is_told_of_by_whoever_reads_it(desk, left):
    desk.rows("A,2024-01-02,10,11,9,10,100")
    path = desk.root / desk.store.manifest.of("bars", jt.Timeframe.D1)[0].path
    path.unlink() if left is None else path.write_bytes(left)
    for read in (
        desk.store.quality,
        lambda: desk.rows("A,2024-01-03,1,1,1,1,1"),
        lambda: jt.Scanner(desk.root).scan("close > 1"),
    ):
        with pytest.raises(jt.StoreError, match="The store is damaged: jtscan verify"):
            read()


def test_changed_symbols_are_noticed_by_a_scan_that_verifies(desk):
    desk.rows("A,2024-01-02,10,11,9,10,100", symbols=pl.DataFrame({"symbol": ["A"], "market": ["KOSDAQ"]}))
    path = desk.store.table("symbols")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"KOSDAQ", b"KOSDAK"))
    assert path.read_bytes() != raw
    with pytest.raises(jt.StoreError, match="its content has changed"):
        jt.Scanner(desk.root, verify=True).scan("close > 1", market="KOSDAQ")


def test_bars_without_a_volume_are_bars_beside_others(desk):
    """An index has none; ingested with shares, and merged with them, it is scanned all the same."""
    desk.write("shares.csv", "symbol,date,open,high,low,close,volume\nA,2024-01-02,1,1,1,1,5\n")
    desk.write("index.csv", "symbol,date,open,high,low,close\nK,2024-01-02,1,1,1,1\n")
    desk.ingest()
    desk.store.compact()
    result = jt.Scanner(desk.root).scan("close > 0", last=1)
    assert result.signals.matches["symbol"].to_list() == ["A", "K"]


def test_a_row_that_was_mended_is_set_aside_no_longer(desk):
    desk.rows("A,2024-01-02,10,11,9,-1,100", "A,2024-01-03,10,11,9,10,100")
    aside = [jt.Scanner(desk.root).scan("close > 0", start="2024-01-01").outcomes["set_aside"].item()]
    desk.rows("A,2024-01-02,10,11,9,10,100")
    aside.append(jt.Scanner(desk.root).scan("close > 0", start="2024-01-01").outcomes["set_aside"].item())
    assert aside == [1, 0]


def test_a_store_of_symbols_alone_has_a_quality(desk):
    jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["A"]}))
    assert desk.store.quality().symbols.height == 0
