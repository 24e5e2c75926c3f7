"""Writing fails as a whole or not at all: a full disk, a folder that is none, a writer that is stopped."""

from __future__ import annotations

import errno

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.stores import Counts
from jtscan.market.store import writing as module
from jtscan.market.store.writing import writing

ROW = "A,2024-01-02,10,12,8,10,100"
D1 = jt.Timeframe.D1
FRAME = pl.DataFrame({"symbol": ["B", "A"], "timestamp": [20240103, 20240102], "close": [1.0, 2.0]}).with_columns(
    pl.col("timestamp").cast(pl.String).str.to_date("%Y%m%d")
)


def files(desk):
    return {
        path.relative_to(desk.root).as_posix()
        for path in desk.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_full_disk_is_called_so_and_the_version_before_stays(desk, monkeypatch, at):
    desk.rows(ROW)
    before, there, calls = desk.store.version, files(desk), []

    def full(path):
        calls.append(path)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_to_disk", full)
    with pytest.raises(
        jt.StoreError, match=r"the disk is full \([\d,]+ bytes left\); nothing has changed, the version before is whole"
    ):
        desk.rows("A,2024-01-03,10,12,8,10,100")
    assert desk.store.version == before
    assert files(desk) == there
    monkeypatch.undo()
    desk.ingest()
    assert len(desk.closes()) == 2


def test_a_writer_that_is_stopped_leaves_the_version_before(desk):
    desk.rows(ROW)
    before, there = desk.store.version, files(desk)

    def stop(phase, _done, _total):
        if phase == "writing symbols":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.rows("A,2024-01-03,10,12,8,10,100", progress=stop)
    assert (desk.store.version, files(desk)) == (before, there)
    assert desk.ingest().counts.bars == 1


@pytest.mark.parametrize("inside", [".", "store"])
def test_a_store_in_the_place_of_a_file_is_refused(desk, inside):
    desk.root = desk.csv(ROW) / inside
    with pytest.raises(jt.JtscanError, match=r"prices\.csv"):
        desk.ingest(desk.sources / "prices.csv")


def test_a_file_of_the_store_says_what_it_holds(tmp_path):
    with writing(tmp_path) as draft:
        file = draft.add("bars", D1, FRAME)
        assert (file.rows, file.first, file.last, file.lowest, file.highest) == (
            2,
            "2024-01-02",
            "2024-01-03",
            "A",
            "B",
        )
        assert file.columns == {"symbol": "String", "timestamp": "Date", "close": "Float64"}
        assert file.size == draft.path(file).stat().st_size
        empty = draft.add("bars", D1, FRAME.clear())
        assert (empty.rows, empty.first, empty.highest) == (0, None, None)


def test_what_is_not_committed_is_gone_and_what_is_stays(tmp_path):
    with writing(tmp_path) as draft:
        path = draft.path(draft.add("bars", D1, FRAME))
        assert path.exists()
    assert not path.exists()
    with writing(tmp_path) as draft:
        path = draft.path(draft.add("bars", D1, FRAME))
        manifest = draft.commit("ingest", timeframe=D1, sources="x", counts=Counts(bars=2))
    assert path.exists()
    assert jt.Store(tmp_path).manifest == manifest
    assert not list((tmp_path / "tmp").iterdir())


def test_a_file_that_is_left_out_is_of_the_version_before_only(tmp_path):
    with writing(tmp_path) as draft:
        file = draft.add("bars", D1, FRAME)
        draft.commit("ingest", timeframe=D1, sources="x", counts=Counts(bars=2))
    with writing(tmp_path) as draft:
        draft.drop(file)
        draft.commit("compact", timeframe=None, sources="", counts=Counts())
    assert jt.Store(tmp_path).manifest.files == ()
    assert jt.Store(tmp_path, version=1).manifest.of("bars", D1) == [file]
    assert (tmp_path / file.path).exists()
