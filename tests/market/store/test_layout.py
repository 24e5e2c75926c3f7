"""The layout: symbols stay whole, small files are merged before they are many, and contents stay the same."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.store.layout import compact, split
from jtscan.market.store.writing import writing

D1 = jt.Timeframe.D1


@pytest.mark.parametrize(
    ("sizes", "rows", "groups"),
    [
        ({}, 10, []),
        ({"A": 5}, 10, [["A"]]),
        ({"B": 5, "A": 5}, 10, [["A", "B"]]),
        ({"A": 5, "B": 6}, 10, [["A"], ["B"]]),
        ({"A": 50, "B": 1, "C": 1}, 10, [["A"], ["B", "C"]]),
        ({"A": 4, "B": 4, "C": 4, "D": 4}, 8, [["A", "B"], ["C", "D"]]),
    ],
)
def test_groups_of_symbols_are_in_order_and_a_symbol_is_in_one(sizes, rows, groups):
    assert list(split(sizes, rows)) == groups


def of_day(number, symbols=("A", "B", "C")):
    day = dt.date(2024, 1, 1) + dt.timedelta(days=number)
    return pl.DataFrame(
        {"symbol": list(symbols), "timestamp": day, "close": [float(number + place) for place, _ in enumerate(symbols)]}
    )


def contents(draft, kind="bars"):
    parts = [pl.read_parquet(draft.path(file)) for file in draft.of(kind, D1)]
    whole = pl.concat(parts, how="diagonal").sort("symbol", "timestamp")
    assert not whole.select("symbol", "timestamp").is_duplicated().any()
    return whole.rows()


def test_eight_small_files_become_one_and_a_year_of_days_stays_few(tmp_path):
    with writing(tmp_path) as draft:
        draft.add("bars", D1, pl.concat([of_day(-number) for number in range(1, 400)]).sort("symbol", "timestamp"))
        added = []
        for number in range(60):
            draft.add("bars", D1, of_day(number))
            added += of_day(number).rows()
            compact(draft, D1)
            assert len(draft.of("bars", D1)) <= 1 + 7 + 7
        assert [each for each in contents(draft) if each[1] >= dt.date(2024, 1, 1)] == sorted(added)
        assert len(contents(draft)) == 3 * (399 + 60)


def test_many_rows_beside_the_laid_out_ones_are_laid_out_anew(tmp_path):
    with writing(tmp_path) as draft:
        draft.add("bars", D1, of_day(0))
        for number in range(1, 9):
            draft.add("bars", D1, of_day(number))
        before = contents(draft)
        assert compact(draft, D1)
        assert len(draft.of("bars", D1)) == 1
        assert contents(draft) == before
        assert not compact(draft, D1)


def test_files_of_other_columns_are_merged_with_nulls(tmp_path):
    with writing(tmp_path) as draft:
        draft.add("bars", D1, of_day(0))
        draft.add("bars", D1, of_day(1).with_columns(amount=pl.lit(7.0)))
        assert compact(draft, D1, whole=True)
        assert pl.read_parquet(draft.path(draft.of("bars", D1)[0])).select("symbol", "close", "amount").rows() == [
            ("A", 0.0, None), ("A", 1.0, 7.0), ("B", 1.0, None), ("B", 2.0, 7.0), ("C", 2.0, None), ("C", 3.0, 7.0),
        ]  # fmt: skip


def test_rows_without_a_symbol_are_merged_too(tmp_path):
    lost = pl.DataFrame({"symbol": [None, "A"], "timestamp": [None, dt.date(2024, 1, 2)], "reason": ["x", "y"]}, schema={"symbol": pl.String, "timestamp": pl.Date, "reason": pl.String})  # fmt: skip
    with writing(tmp_path) as draft:
        for _ in range(8):
            draft.add("quarantine", D1, lost)
        compact(draft, D1)
        (file,) = draft.of("quarantine", D1)
        assert file.rows == 16
        assert pl.read_parquet(draft.path(file))["symbol"].null_count() == 8


def test_compact_of_a_store_is_a_version_of_the_same_contents(desk):
    for day in (2, 3):
        desk.rows(
            f"A,2024-01-{day:02},10,12,8,10,100", f"B,2024-01-{day:02},0,0,0,10,0", f"B,2024-01-{day:02},x,0,0,10,0,"
        )
    before, version = {kind: desk.of(kind).rows() for kind in ("bars", "halts")}, desk.store.version
    made = desk.store.compact()
    assert made == desk.store.version != version
    assert {kind: desk.of(kind).rows() for kind in ("bars", "halts")} == before
    assert len(desk.store.manifest.of("bars", D1)) == len(desk.store.manifest.of("quarantine", D1)) == 1
    assert desk.store.history()["action"].to_list() == ["compact", "ingest", "ingest"]
    assert desk.store.compact() == made
    desk.check_store()
    assert desk.store.quality().balance["missing"].to_list() == [0]
