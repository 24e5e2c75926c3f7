"""Days without trade, told for charts: the rows that the account counts as halts, wherever they are kept."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.testing import InMemoryPriceRepository

NAN = float("nan")


def day(number):
    return dt.date(2024, 1, number)


def rows(symbol, prices, *, first=1, at=day):
    """One row a day: a price, 0 = a halt at the last price, None = a row that is neither bar nor halt."""
    return pl.DataFrame(
        {
            "symbol": symbol,
            "timestamp": [at(first + number) for number in range(len(prices))],
            **{name: [NAN if price is None else float(price) for price in prices] for name in ("open", "high", "low")},
            "close": [7.0 if not price else float(price) for price in prices],
            "volume": 1.0,
        }
    )


FRAMES = {
    "some": [rows("A", [5, 0, 6, 0]), rows("B", [0, 0, 0, 0])],
    "none": [rows("A", [5, 6, 7, 8])],
    "all": [rows("A", [0, 0, 0, 0])],
    "broken ones beside": [rows("A", [5, None, 0, 6])],
    "twice": [rows("A", [5, 0]), rows("A", [0, 6], first=2)],
    "in two files": [rows("A", [5, 0]), rows("A", [0, 6], first=3)],
}


@pytest.mark.parametrize(
    ("frames", "days"),
    [("some", [2, 4]), ("none", []), ("all", [1, 2, 3, 4]), ("broken ones beside", [3]), ("twice", [2]), ("in two files", [2, 3])],
)  # fmt: skip
def test_halts_of_raw_files_are_those_that_are_counted(tmp_path, frames, days):
    for number, frame in enumerate(FRAMES[frames]):
        frame.write_parquet(tmp_path / f"{number}.parquet")
    snapshots = [
        DuckDBPriceRepository(prices=tmp_path).snapshot(Timeframe.D1),
        InMemoryPriceRepository(pl.concat(FRAMES[frames])),
    ]
    for snapshot in snapshots:
        found = snapshot.halts("A", ReadWindow())
        assert (found.dtype, sorted(set(found))) == (pl.Date, [day(each) for each in days])
        assert found.len() == snapshot.read(["A"], ["close"], ReadWindow()).counts("A").halts
        inside = snapshot.halts("A", ReadWindow(start=day(2), end=day(3)))
        assert sorted(set(inside)) == [day(each) for each in days if each in {2, 3}]
        assert not snapshot.halts("Z", ReadWindow()).len()


def test_halts_of_a_store_are_kept_apart_until_there_is_a_bar(desk):
    desk.rows("A,2024-01-01,5,5,5,5,1", "A,2024-01-02,0,0,0,5,0", "A,2024-01-03,0,0,0,5,0", "B,2024-01-01,0,0,0,5,0")
    snapshot = DuckDBPriceRepository(desk.root).snapshot(Timeframe.D1)
    assert sorted(snapshot.halts("A", ReadWindow())) == [day(2), day(3)]
    assert sorted(snapshot.halts("A", ReadWindow(start=day(3)))) == [day(3)]
    assert sorted(snapshot.halts("B", ReadWindow())) == [day(1)]


def test_halts_of_minutes_have_their_time(tmp_path):
    def moment(number):
        return dt.datetime(2024, 1, 1, 9, 5 * number)

    rows("A", [5, 0, 6, 0], first=0, at=moment).write_parquet(tmp_path / "a.parquet")
    repository = DuckDBPriceRepository(prices=tmp_path, timeframe=Timeframe.M5)
    found = repository.snapshot(Timeframe.M5).halts("A", ReadWindow(start=moment(2)))
    assert (found.dtype, found.to_list()) == (pl.Datetime("us"), [moment(3)])
    assert sorted(set(repository.snapshot(Timeframe.M15).halts("A", ReadWindow()))) == [moment(0), moment(3)]


def test_halts_of_longer_bars_are_those_of_the_market(tmp_path):
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=number) for number in range(5, 23)]

    def weekday(number):
        return [each for each in days if each.weekday() < 5][number]

    market = rows("A", [5] * 11, first=0, at=weekday)  # Monday 8 to Monday 22 January
    halted = rows("B", [0] * 5, first=0, at=weekday)
    nobody = rows("C", [0, 0], first=0, at=lambda number: dt.date(2023, 12, 1) + dt.timedelta(days=90 * number))
    pl.concat([market, halted, nobody]).write_parquet(tmp_path / "a.parquet")
    weekly = DuckDBPriceRepository(prices=tmp_path).snapshot(Timeframe.W1)
    assert set(weekly.halts("B", ReadWindow())) == {day(12)}
    assert not weekly.halts("B", ReadWindow(start=day(13))).len()
    assert not weekly.halts("B", ReadWindow(end=day(10))).len()  # the week's bar is of its last day
    assert not weekly.halts("C", ReadWindow()).len()  # on days on which nobody traded there is no week


def test_the_last_bars_of_a_whole_market_are_days_on_which_somebody_trades(tmp_path):
    frames = [rows(f"{number:03d}", [5, 0, 6, 6, 0]) for number in range(80)]  # nobody trades on the 2nd and the 5th
    frames.append(rows("late", [0, 0, 0, 0, 0, 7]))  # and it alone does on the 6th
    pl.concat(frames).write_parquet(tmp_path / "bars.parquet")
    snapshot = DuckDBPriceRepository(prices=tmp_path).snapshot(Timeframe.D1)
    assert [snapshot.newest(snapshot.symbols, count) for count in (1, 2, 3, 4, 9)] == list(map(day, (6, 4, 3, 1, 1)))
    assert [snapshot.newest(snapshot.symbols[:80], count) for count in (1, 2, 3)] == list(map(day, (4, 3, 1)))
