"""The same again, corrections, backfills: what a second ingest does to a store."""

from __future__ import annotations

import datetime as dt

import polars as pl

from jtscan.domain.dates import Timeframe

SHORT = "symbol,date,open,high,low,close"
LONG = "symbol,date,open,high,low,close,volume,amount"


def counts(report):
    return {
        name: getattr(report.counts, name)
        for name in ("bars", "halts", "same", "corrected")
        if getattr(report.counts, name)
    }


def row(day, close=10, symbol="A"):
    return f"{symbol},2024-01-{day:02},10,12,8,{close},100"


def test_the_same_again_makes_no_version(desk):
    first = desk.rows(row(2), "A,2024-01-03,0,0,0,10,0", "A,2024-01-04,10,12,8,x,1")
    again = desk.ingest()
    assert first.version is not None
    assert (again.version, counts(again)) == (None, {"same": 3})
    assert again.suspicious.height == 0
    assert desk.store.version == first.version
    assert "nothing new" in again.summary


def test_a_new_day_is_added_and_the_known_ones_are_the_same(desk):
    desk.rows(row(2), row(3))
    report = desk.rows(row(2), row(3), row(4))
    assert counts(report) == {"bars": 1, "same": 2}
    assert len(desk.store.manifest.of("bars", report.timeframe)) == 2


def test_a_correction_replaces_the_row_and_leaves_the_rest(desk):
    desk.rows(row(2), row(3), row(2, symbol="B"))
    report = desk.rows(row(3, 11))
    assert counts(report) == {"bars": 1, "corrected": 1}
    assert desk.closes() == {"A 2024-01-02": 10.0, "A 2024-01-03": 11.0, "B 2024-01-02": 10.0}


def test_a_file_of_which_every_row_is_corrected_is_left_out(desk):
    desk.rows(row(2))
    desk.rows(row(2, 11))
    assert [file.rows for file in desk.store.manifest.of("bars", Timeframe.D1)] == [1]
    assert desk.closes() == {"A 2024-01-02": 11.0}


def test_older_days_come_later(desk):
    desk.rows(row(8), row(9))
    assert counts(desk.rows(row(2), row(3))) == {"bars": 2}
    assert sorted(desk.closes()) == ["A 2024-01-02", "A 2024-01-03", "A 2024-01-08", "A 2024-01-09"]


def test_a_bar_becomes_a_halt_and_a_bar_again(desk):
    desk.rows(row(2), row(3))
    assert counts(desk.rows("A,2024-01-03,0,0,0,10,0")) == {"halts": 1, "corrected": 1}
    assert (list(desk.closes()), list(desk.closes("halts"))) == (["A 2024-01-02"], ["A 2024-01-03"])
    assert counts(desk.rows(row(3, 9))) == {"bars": 1, "corrected": 1}
    assert desk.closes() == {"A 2024-01-02": 10.0, "A 2024-01-03": 9.0}
    assert desk.closes("halts") == {}


def test_a_row_that_has_become_bad_leaves_the_one_that_is_stored(desk):
    desk.rows(row(2))
    report = desk.rows("A,2024-01-02,10,12,8,-10,100")
    assert (counts(report), report.counts.quarantined) == ({}, 1)
    assert desk.closes() == {"A 2024-01-02": 10.0}


def test_a_repair_is_known_again(desk):
    first = desk.rows("A,2024-01-02,10,10,8,10.03,100")
    again = desk.ingest()
    assert (first.counts.repaired, again.counts.repaired, again.counts.same) == (1, 0, 1)
    assert desk.store.quality().repairs.select("symbol", "high", "high_was").rows() == [("A", 10.03, 10.0)]


def test_a_source_without_a_further_column_keeps_the_stored_values(desk):
    desk.rows("A,2024-01-02,10,12,8,10,100,7", "A,2024-01-03,10,12,8,10,100,8", header=LONG)
    report = desk.rows(row(2), row(3, 11))
    assert counts(report) == {"bars": 1, "same": 1, "corrected": 1}
    assert desk.bars().select("close", "amount").rows() == [(10.0, 7.0), (11.0, 8.0)]


def test_a_further_column_without_a_value_keeps_the_stored_one(desk):
    desk.rows("A,2024-01-02,10,12,8,10,100,7", header=LONG)
    assert counts(desk.rows("A,2024-01-02,10,12,8,10,100,", header=LONG)) == {"same": 1}


def test_a_new_further_column_is_a_correction_of_stored_bars(desk):
    desk.rows(row(2), row(3))
    report = desk.rows("A,2024-01-02,10,12,8,10,100,7", header=LONG)
    assert counts(report) == {"bars": 1, "corrected": 1}
    assert desk.bars().select("close", "amount").rows() == [(10.0, 7.0), (10.0, None)]


def test_a_source_without_volume_keeps_the_stored_one(desk):
    desk.rows(row(2))
    assert counts(desk.rows("A,2024-01-02,10,12,8,10", header=SHORT)) == {"same": 1}


def test_a_source_without_volume_keeps_the_stored_one_beside_a_source_with_it(desk):
    desk.rows(row(2))
    desk.write("other.csv", f"{SHORT},volume\n{row(2, symbol='B')}\n")
    desk.csv("A,2024-01-02,10,12,8,10", header=SHORT)
    report = desk.ingest()
    assert desk.bars().select("symbol", "volume").rows() == [("A", 100.0), ("B", 100.0)]
    assert counts(report) == {"bars": 1, "same": 1}


# ---- Halts that are flat


def flat(day, close=10):
    return f"A,2024-01-{day:02},{close},{close},{close},{close},0"


def test_a_flat_row_is_compared_with_the_last_close_of_the_store(desk):
    desk.rows(row(2))
    assert counts(desk.rows(flat(3), halts="flat")) == {"halts": 1}
    assert counts(desk.rows(flat(4), halts="flat")) == {"halts": 1}
    assert counts(desk.rows(flat(5, 11), halts="flat")) == {"bars": 1}


def test_flat_rows_again_are_the_same(desk):
    desk.rows(flat(2), flat(3), row(4), halts="flat")
    assert list(desk.closes("halts")) == ["A 2024-01-03"]
    assert counts(desk.ingest(halts="flat")) == {"same": 3}


def test_a_backfill_is_not_compared_with_later_closes(desk):
    desk.rows(row(8))
    assert counts(desk.rows(flat(2), halts="flat")) == {"bars": 1}


def test_flat_rows_of_an_adjusted_store_are_compared_with_the_close_that_was_traded(desk):
    header = "symbol,date,open,high,low,close,adj close,volume"
    desk.rows("A,2024-01-02,10,12,8,10,5,100", header=header, adjust=True)
    assert counts(desk.rows("A,2024-01-03,10,10,10,10,5,0", header=header, adjust=True, halts="flat")) == {"halts": 1}


def test_raw_closes_do_not_get_into_an_adjusted_store_without_a_word(desk):
    header = "symbol,date,open,high,low,close,adj close,volume"
    desk.rows("A,2024-01-02,10,12,8,10,5,100", header=header, adjust=True)
    report = desk.rows("A,2024-01-02,10,12,8,10,5,100", "A,2024-01-03,10,12,8,10,5,100", header=header)
    assert "adjust" in " ".join(report.notes)


# ---- Other timeframes


def test_each_timeframe_is_by_itself(desk):
    desk.rows(row(2))
    minutes = pl.DataFrame(
        {"symbol": "A", "timestamp": [dt.datetime(2024, 1, 2, 9, minute) for minute in (0, 1)], "close": 10.0}
    )
    assert counts(desk.ingest(minutes, timeframe="1m")) == {"bars": 2}
    assert counts(desk.ingest(minutes.with_columns(close=pl.Series([10.0, 11.0])), timeframe="1m")) == {
        "bars": 1,
        "same": 1,
        "corrected": 1,
    }
    assert desk.bars("1m")["close"].to_list() == [10.0, 11.0]
    assert desk.closes() == {"A 2024-01-02": 10.0}
    assert desk.store.quality().balance["missing"].to_list() == [0, 0]


def test_weeks_come_labelled_by_their_last_weekday_and_are_known_again(desk):
    mondays = [f"A,2024-01-{day:02},10,12,8,10,100" for day in (1, 8)]
    desk.rows(*mondays, timeframe="1w")
    assert list(desk.closes(timeframe="1w")) == ["A 2024-01-05", "A 2024-01-12"]
    assert counts(desk.rows(*mondays, timeframe="1w")) == {"same": 2}
    fridays = [f"A,2024-01-{day:02},10,12,8,10,100" for day in (5, 12)]
    assert counts(desk.rows(*fridays, timeframe="1w")) == {"same": 2}


def test_many_small_appends_leave_few_files_and_every_row(desk):
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=number) for number in range(9)]
    for number, day in enumerate(days):
        desk.ingest(pl.DataFrame({"symbol": ["A", "B"], "date": [day, day], "close": [1.0 + number, 2.0 + number]}))
    assert desk.store.manifest.number == len(days)
    assert len(desk.store.manifest.files) <= 3
    expected = {
        f"{symbol} {day}": start + number
        for symbol, start in (("A", 1.0), ("B", 2.0))
        for number, day in enumerate(days)
    }
    assert desk.closes() == expected
