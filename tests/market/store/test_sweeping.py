"""Sweeping: what a kept version needs stays, leftovers go after their grace time, other people's files stay."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time

import pytest

import jtscan as jt
from jtscan.market.store.reading import kept

NOW = dt.timedelta(0)
TWO_HOURS = 7200


@pytest.fixture(scope="module")
def made(new_desk):
    desk = new_desk()
    for close in (10, 11, 12, 13):
        desk.rows(f"A,2024-01-02,10,60,8,{close},100")
    return desk.root


@pytest.fixture
def four(made, desk):
    shutil.copytree(made, desk.root)
    return desk


def files(desk):
    return {path.relative_to(desk.root).as_posix() for path in (desk.root / "prices").rglob("*.parquet")}


def needed(desk, *numbers):
    return {
        file.path
        for number in numbers
        for file in jt.Store(desk.root, version=number).manifest.of("bars", jt.Timeframe.D1)
    }


def aged(path, seconds=TWO_HOURS):
    before = time.time() - seconds
    os.utime(path, (before, before))
    return path


def test_what_is_younger_than_the_grace_time_stays(four):
    assert four.store.sweep(keep=1) == []
    assert (kept(four.root), len(files(four))) == ([1, 2, 3, 4], 4)


def test_what_a_kept_version_needs_stays_and_the_rest_goes(four):
    stay = needed(four, 3, 4)
    gone = four.store.sweep(keep=2, grace=NOW)
    assert kept(four.root) == [3, 4]
    assert files(four) == stay
    assert sorted(path.name for path in gone if path.suffix == ".json") == ["000001.json", "000002.json"]
    assert four.store.verify().whole
    assert four.closes() == {"A 2024-01-02": 13.0}
    assert four.store.sweep(keep=2, grace=NOW) == []


def test_leftovers_of_killed_writers_go_after_their_grace_time(four):
    folder = four.root / "prices" / "1d"
    old = folder / "v000009-0123abcd-0000.parquet"
    young = folder / "v000009-0123abcd-0001.parquet"
    theirs = folder / "mine.parquet"
    for path in (old, young, theirs):
        path.write_bytes(b"x")
    aged(old)
    aged(theirs)
    assert four.store.sweep() == [old]
    assert (old.exists(), young.exists(), theirs.exists()) == (False, True, True)


def test_an_ingest_sweeps_too(four):
    leftover = four.root / "prices" / "1d" / "v000009-0123abcd-0000.parquet"
    leftover.write_bytes(b"x")
    aged(leftover)
    four.rows("A,2024-01-02,10,60,8,14,100")
    assert not leftover.exists()


def test_an_old_file_that_a_kept_version_needs_stays(four):
    for path in four.root.rglob("*.parquet"):
        aged(path)
    assert four.store.sweep(keep=4) == []
    assert len(files(four)) == 4


def test_nothing_goes_while_a_kept_manifest_is_damaged(four):
    (four.root / "manifests" / "000003.json").write_bytes(b"{}")
    assert four.store.sweep(keep=2, grace=NOW) == []
    assert len(files(four)) == 4


def test_the_work_of_a_killed_writer_is_cleared_by_the_next(four):
    left = four.root / "tmp" / "deadbeef" / "x.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    four.rows("A,2024-01-02,10,60,8,15,100")
    assert not left.exists()


def test_an_ingest_that_fails_leaves_nothing_behind(four):
    before = {path for path in four.root.rglob("*") if path.is_file()}
    with pytest.raises(jt.DataError):
        four.ingest(four.write("bad.csv", "x\n1\n"))
    assert {path for path in four.root.rglob("*") if path.is_file()} <= before | {four.root / ".lock"}
    assert four.closes() == {"A 2024-01-02": 13.0}
