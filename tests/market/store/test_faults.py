"""What a store is after a crash at any step, a full disk, a flipped bit, and beside readers and other writers."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import faults_kit as kit
import polars as pl
import pytest

from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import Counts
from jtscan.errors import DataNotFoundError, StoreError
from jtscan.market.intake.ingesting import ingest
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store.layout import compact
from jtscan.market.store.manifest import NAME, OLD, sha256_of
from jtscan.market.store.reading import current, is_store
from jtscan.market.store.store import Store
from jtscan.market.store.sweeping import sweep
from jtscan.market.store.writing import Draft, writing

D1 = Timeframe.D1
DAY = pl.lit(dt.date(2024, 1, 2))
OLD_ROWS = pl.DataFrame({"symbol": ["A", "B"], "close": [1.0, 2.0]}).with_columns(timestamp=DAY)
NEW_ROWS = pl.DataFrame({"symbol": ["A", "B"], "close": [3.0, 4.0]}).with_columns(timestamp=DAY)


def lay_anew(root, rows):
    """Write every row again, a symbol a file, and sweep what is old: every step that a writer takes."""
    with writing(root, wait=1.0) as draft:
        for file in draft.of("bars", D1):
            draft.drop(file)
        for symbol in rows.partition_by("symbol"):
            draft.add("bars", D1, symbol)
        manifest = draft.commit("ingest", timeframe=D1, sources="by hand", counts=Counts(bars=rows.height))
        sweep(root, manifest, keep=1, grace=kit.NOW)


def closes(root):
    """What a scan would read; None where there is nothing to read."""
    files = [root / file.path for file in current(root).of("bars", D1)]
    if files:
        return pl.concat(map(pl.read_parquet, files)).sort("symbol")["close"].to_list()
    with pytest.raises(DataNotFoundError):
        DuckDBPriceRepository(root).snapshot(D1)
    return None


class CrashError(BaseException):
    """Nothing that the store could catch."""


class Tripwire:
    """Raises at the n-th step that reaches the disk, once."""

    STEPS = ((os, "fsync"), (Path, "replace"), (Path, "write_bytes"), (Path, "mkdir"), (Path, "unlink"),
             (pl.DataFrame, "write_parquet"))  # fmt: skip

    def __init__(self, patch, error, names=None):
        self.left, self.error = 0, error
        patch.setattr(os, "fsync", lambda descriptor: None)  # a real one takes long, and no power is cut here
        for owner, name in self.STEPS:
            if names is None or name in names:
                patch.setattr(owner, name, self._wire(getattr(owner, name)))

    def _wire(self, step):
        def trip(*given, **named):
            self.left -= 1
            if self.left == 0:
                raise self.error
            return step(*given, **named)

        return trip

    def at(self, step):
        """Lay the wire before the n-th step from now on."""
        self.left = step


@pytest.mark.parametrize("killed", [False, True], ids=["an error", "a kill"])
@pytest.mark.parametrize("before", [None, [1.0, 2.0]], ids=["first ingest", "later ingest"])
def test_a_crash_at_any_step_leaves_the_old_or_the_new_version_whole(tmp_path, monkeypatch, before, killed):
    old = tmp_path / "old"
    old.mkdir()
    if before:
        lay_anew(old, OLD_ROWS)
    if killed:
        monkeypatch.setattr(Draft, "clean", lambda draft: None)
    wire = Tripwire(monkeypatch, CrashError())
    seen = []
    for step in range(1, 100):
        root = tmp_path / f"step{step}"
        shutil.copytree(old, root)
        wire.at(step)
        try:
            lay_anew(root, NEW_ROWS)
        except CrashError:
            wire.at(0)
        else:
            break
        number = current(root).number
        assert closes(root) == ([3.0, 4.0] if number > current(old).number else before), step
        assert kit.faults_of(root) == [], step
        seen.append(number - current(old).number)
        lay_anew(root, NEW_ROWS)
        assert closes(root) == [3.0, 4.0], step
        Store(root).sweep(keep=1, grace=kit.NOW)
        assert kit.left_over(root) == [], step
    assert set(seen) == {0, 1}, "crashes before and after the commit"
    assert seen == sorted(seen)
    assert len(seen) >= 15


def test_what_a_killed_first_writer_leaves_is_not_read_as_raw_prices(tmp_path, monkeypatch):
    monkeypatch.setattr(Draft, "clean", lambda draft: None)
    wire = Tripwire(monkeypatch, CrashError(), names=["replace"])
    wire.at(3)  # after the manifest of an empty store and the first of two files
    with pytest.raises(CrashError):
        lay_anew(tmp_path, OLD_ROWS)
    assert len(list(tmp_path.glob("prices/1d/*.parquet"))) == 1
    with pytest.raises(DataNotFoundError, match="there are no 1d bars in"):
        DuckDBPriceRepository(tmp_path).snapshot(D1)
    store = Store(tmp_path)
    assert (store.manifest.number, store.verify().whole, store.history().height) == (0, True, 0)
    assert store.quality().symbols.is_empty()


def test_an_ingest_that_finds_nothing_makes_no_store(tmp_path):
    (tmp_path / "empty.csv").write_text("date,close\n")
    assert ingest(tmp_path / "empty.csv", tmp_path / "store").version is None
    assert not is_store(tmp_path / "store")


def test_a_file_that_is_made_and_merged_at_once_is_not_left_over(tmp_path):
    with writing(tmp_path) as draft:
        for symbol in range(8):
            draft.add("bars", D1, OLD_ROWS.with_columns(symbol=pl.lit(f"S{symbol}")))
        assert compact(draft, D1)
        draft.commit("ingest", timeframe=D1, sources="by hand", counts=Counts(bars=16))
    assert [file.rows for file in current(tmp_path).of("bars", D1)] == [16]
    assert kit.left_over(tmp_path) == []


def test_an_error_between_the_two_manifests_takes_the_first_one_back(tmp_path, monkeypatch):
    lay_anew(tmp_path, OLD_ROWS)
    there = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    wire = Tripwire(monkeypatch, kit.no_space(), names=["write_bytes"])
    wire.at(2)
    with pytest.raises(StoreError, match="the disk is full"):
        lay_anew(tmp_path, NEW_ROWS)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == there


def test_a_manifest_beyond_the_newest_is_swept_as_any_leftover(tmp_path):
    lay_anew(tmp_path, OLD_ROWS)
    beyond = tmp_path / OLD / "000002.json"
    beyond.write_bytes((tmp_path / NAME).read_bytes())
    assert Store(tmp_path).sweep() == []  # younger than the grace time
    assert Store(tmp_path).sweep(grace=kit.NOW) == [beyond]


@pytest.mark.parametrize("name", [NAME, f"{OLD}/000001.json", f"{OLD}/000002.json"])
def test_verify_notices_each_manifest_that_is_damaged(tmp_path, name):
    lay_anew(tmp_path, OLD_ROWS)
    with writing(tmp_path) as draft:
        draft.add("bars", D1, NEW_ROWS.with_columns(timestamp=DAY.dt.offset_by("1d")))
        draft.commit("ingest", timeframe=D1, sources="by hand", counts=Counts(bars=2))
    store = Store(tmp_path)
    assert store.verify().whole
    for turn in range(20):
        with kit.flipped(tmp_path / name, random.Random(turn)):
            assert kit.verified(store), turn
    assert store.verify().whole


def test_a_flipped_bit_of_any_file_is_noticed(tmp_path):
    lay_anew(tmp_path, OLD_ROWS)
    flips = kit.flip_many(tmp_path, 60)
    assert flips.unnoticed == flips.faults == []
    assert flips.flipped.total() == flips.verify.total() == 60
    assert flips.reading["prices"] == flips.flipped["prices"] > 0


@pytest.mark.parametrize("step", ["write_parquet", "write_bytes", "mkdir", "replace", "fsync"])
def test_a_full_disk_is_said_wherever_it_is_met_and_changes_nothing(tmp_path, monkeypatch, step):
    wire = Tripwire(monkeypatch, kit.no_space(), names=[step])
    old = tmp_path / "old"
    lay_anew(old, OLD_ROWS)
    there = list_of(old)
    told = []
    for number in range(1, 100):
        root = tmp_path / f"step{number}"
        shutil.copytree(old, root)
        wire.at(number)
        try:
            lay_anew(root, NEW_ROWS)
        except StoreError as error:
            told.append(str(error))
        else:
            break
        if "version 2 is written and counts" in told[-1]:
            assert (current(root).number, closes(root)) == (2, [3.0, 4.0])
            continue
        assert "nothing has changed, the version before is whole. Make room and run the same again" in told[-1]
        assert list_of(root) == there, number
    assert len(told) >= 2
    assert all("the disk is full" in text for text in told)
    assert ("is written and counts" in told[-1]) == (step == "fsync")


@pytest.mark.parametrize("step", ["write_parquet", "write_bytes"])
def test_an_ingest_that_met_a_full_disk_works_when_there_is_room(tmp_path, monkeypatch, step):
    root, source = tmp_path / "store", tmp_path / "source.parquet"
    ingest(kit.bars(10, symbols=20), root)
    kit.bars(3, symbols=20, first=8, volume=2000.0).write_parquet(source)
    before, there = kit.content(root), list_of(root)
    wire = Tripwire(monkeypatch, kit.no_space(), names=[step])
    for number in range(1, 100):
        wire.at(number)
        try:
            report = ingest(source, root)
        except StoreError:
            assert list_of(root) == there
            assert kit.content(root) == before
        else:
            break
    assert number >= 3
    assert report.counts.corrected > 0
    assert kit.content(root).number == before.number + 1


def list_of(root):
    """Every file and its sum."""
    return {path.relative_to(root).as_posix(): sha256_of(path) for path in root.rglob("*") if path.is_file()}


TRANSPORT = "parquet: File out of specification: Invalid thrift: transport error"


def test_the_disk_is_asked_where_polars_lost_what_the_system_said(tmp_path, monkeypatch):
    lay_anew(tmp_path, OLD_ROWS)
    wire = Tripwire(monkeypatch, pl.exceptions.ComputeError(TRANSPORT), names=["write_parquet"])
    wire.at(1)
    with pytest.raises(pl.exceptions.ComputeError):
        lay_anew(tmp_path, NEW_ROWS)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4096))
    wire.at(1)
    with pytest.raises(StoreError, match=r"the disk is full \(4,096 bytes left\); nothing has changed"):
        lay_anew(tmp_path, NEW_ROWS)
    assert closes(tmp_path) == [1.0, 2.0]


# ---- The same with processes of their own, in small; tests/benchmarks/faults.py is the same in large.


@pytest.mark.slow
def test_a_writer_may_be_killed_at_any_moment(tmp_path):
    kills = kit.kill_many(tmp_path, 8, symbols=40, rounds=1)
    assert kills.faults == []
    assert kills.counted == 8
    assert set(kills.stages) == set(kit.KINDS)


@pytest.mark.slow
def test_no_read_fails_or_sees_a_mixture_while_another_process_ingests(tmp_path):
    reads = kit.read_many(tmp_path, 300)
    assert reads.faults == []
    assert reads.reads == 300
    assert reads.made >= 2
    assert reads.seen >= 2


@pytest.mark.slow
def test_no_flipped_bit_goes_unnoticed_in_a_store_of_every_kind_of_file(tmp_path):
    root = kit.make_flip_store(tmp_path, symbols=20)
    flips = kit.flip_many(root, 40)
    assert flips.unnoticed == flips.faults == []
    assert flips.verify.total() == 40
    seen = kit.unverified(root, 10)
    assert seen.total() == 10


@pytest.mark.slow
def test_a_small_disk_that_fills_up_keeps_the_old_version(tmp_path):
    reason = kit.why_no_mount()
    if reason:
        pytest.skip(f"cannot mount: {reason}")
    disks = kit.FullDisks()
    kit.fill_disks(kit.make_case(tmp_path, "correction", symbols=40), disks, (0.05, 0.5))
    assert disks.faults == []
    assert {"staging", "new file", "manifest"} <= set(disks.steps)


@pytest.mark.slow
def test_a_second_writer_waits_or_fails_and_outlives_a_killed_first_one(tmp_path):
    assert kit.two_writers(tmp_path) == []
