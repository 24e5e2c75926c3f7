"""Row groups: whatever is asked for in whatever order comes back, and nothing is decoded twice on the way through."""

from __future__ import annotations

import datetime as dt
import os
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError
from jtscan.market import groups
from jtscan.market.duck import Duck
from jtscan.market.groups import ROW, RowGroups
from jtscan.market.prices import DuckDBPriceRepository

ROWS, GROUP = 1_000, 130


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("groups") / "rows.parquet"
    pl.DataFrame({"x": range(ROWS)}).write_parquet(path, row_group_size=GROUP)
    return path


@pytest.fixture
def every_file_is_large(monkeypatch):
    monkeypatch.setattr(groups, "_SMALL", 0)


class Reader:
    """Reads the rows of a file, every third or all; keeps what was decoded."""

    def __init__(self, path, every=1):
        self.path, self.every, self.decoded = path, every, []
        self.groups = RowGroups(Duck([path]), {path: ROWS})

    def collect(self, start, rows):
        self.decoded.append((start, rows))
        frame = pl.DataFrame({"x": range(start, start + rows)})
        if self.every == 1:
            return frame
        return frame.with_row_index(ROW, offset=start).filter(pl.col("x") % self.every == 0)

    def read(self, start, end):
        return self.groups.read(self.path, start, end, self.every, self.collect)["x"].to_list()


def wanted(start, end, every):
    return [row for row in range(start, end) if row % every == 0]


@pytest.mark.parametrize("every", [1, 3])
def test_in_order_each_row_is_decoded_once_and_up_to_the_ends_of_row_groups(path, every, every_file_is_large):
    reader, borders = Reader(path, every), [0, 7, 250, 260, 261, 640, ROWS]
    for start, end in pairwise(borders):
        assert reader.read(start, end) == wanted(start, end, every)
    assert reader.decoded == [(0, 130), (130, 130), (260, 130), (390, 260), (650, 350)]


def test_a_part_is_read_on_to_its_last_row_and_asks_nobody(path, every_file_is_large):
    reader = Reader(path)
    reader.groups = RowGroups(None, {path: 640})
    assert reader.read(10, 20) == list(range(10, 20))
    assert reader.read(20, 640) == list(range(20, 640))
    assert reader.decoded == [(10, 630)]


def test_a_small_file_is_decoded_at_once(path):
    reader = Reader(path)
    assert reader.read(10, 20) == list(range(10, 20))
    assert reader.read(20, 900) == list(range(20, 900))
    assert reader.decoded == [(10, 990)]


def test_of_a_long_row_group_only_so_much_is_kept(path, every_file_is_large, monkeypatch):
    monkeypatch.setattr(groups, "_MOST_BEYOND", 50)
    reader = Reader(path)
    for start in range(0, 130, 10):
        assert reader.read(start, start + 10) == list(range(start, start + 10))
    assert reader.decoded == [(0, 50), (50, 50), (100, 30)]


@given(st.data())
def test_in_any_order_the_rows_are_those_asked_for(path, data):
    every, small = data.draw(st.sampled_from([1, 3])), data.draw(st.sampled_from([0, ROWS]))
    reader = Reader(path, every)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(groups, "_SMALL", small)
        for _ in range(data.draw(st.integers(1, 8))):
            start = data.draw(st.integers(0, ROWS - 1))
            end = data.draw(st.integers(start, ROWS))
            assert reader.read(start, end) == wanted(start, end, every)


def test_a_file_that_tells_nothing_of_its_groups_is_read_to_its_end(every_file_is_large, tmp_path):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 is not all of it")
    reader = Reader(broken)
    assert reader.read(10, 20) == list(range(10, 20))
    assert reader.decoded == [(10, 990)]


MONDAY = dt.date(2024, 1, 1)
WINDOWS = {
    "everything": ReadWindow(),
    "the last days": ReadWindow(start=MONDAY + dt.timedelta(days=90)),
    "days between": ReadWindow(start=MONDAY + dt.timedelta(days=20), end=MONDAY + dt.timedelta(days=30)),
}


@pytest.mark.parametrize("group", [90, 101, 333, 5_000])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_bars_are_the_same_however_the_file_is_cut(tmp_path, group, window, every_file_is_large):
    symbols = [f"{number:02}" for number in range(12)]
    days = [MONDAY + dt.timedelta(days=number) for number in range(100)]
    frame = pl.DataFrame({"symbol": symbols}).join(pl.DataFrame({"timestamp": days}), how="cross")
    frame = frame.with_columns(close=pl.int_range(1, pl.len() + 1).cast(pl.Float64))
    path = tmp_path / "bars.parquet"
    frame.write_parquet(path, row_group_size=group)
    snapshot = DuckDBPriceRepository(prices=path, timeframe=Timeframe.D1).snapshot(Timeframe.D1)
    parts = [snapshot.read(symbols[begin : begin + 5], ["close"], window) for begin in (0, 5, 10)]
    after, until = window.start or days[0], window.end or days[-1]
    assert_frame_equal(
        pl.concat(part.frame for part in parts), frame.filter(pl.col("timestamp").is_between(after, until))
    )
    again = snapshot.read(symbols[3:4], ["close"], window)  # out of turn
    assert again.frame["close"].to_list() == [
        301.0 + number for number, day in enumerate(days) if after <= day <= until
    ]


@pytest.mark.parametrize("change", ["replaced", "cut off", "gone"])
def test_what_was_kept_of_a_file_that_has_changed_serves_nobody(tmp_path, change, every_file_is_large):
    path = tmp_path / "bars.parquet"
    days = [MONDAY + dt.timedelta(days=number) for number in range(50)]
    frame = pl.DataFrame({"symbol": ["A", "B"]}).join(pl.DataFrame({"timestamp": days}), how="cross")
    frame.with_columns(close=pl.lit(1.0)).write_parquet(path)
    snapshot = DuckDBPriceRepository(prices=path, timeframe=Timeframe.D1).snapshot(Timeframe.D1)
    assert snapshot.read(["A"], ["close"], ReadWindow()).frame.height == 50
    if change == "replaced":
        frame.with_columns(close=pl.lit(2.5)).write_parquet(path)
        os.utime(path, ns=(1, 1))
    elif change == "cut off":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.unlink()
    with pytest.raises(DataError, match="bars.parquet"):
        snapshot.read(["B"], ["close"], ReadWindow())
