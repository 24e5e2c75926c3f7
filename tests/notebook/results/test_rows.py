"""Matches page by page: what the search finds, in which order, and how it is written."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from jtscan.notebook.results.rows import AS_SCANNED, MatchRows, Order

DAYS = [dt.date(2024, 1, day) for day in (1, 2, 3, 4)]
MATCHES = pl.DataFrame(
    {
        "symbol": ["005930", "000660", "00088K", "005930"],
        "name": ["삼성전자", "SK하이닉스", None, "삼성전자"],
        "timestamp": DAYS,
        "signal_type": ["buy", "buy", "sell", "sell"],
        "close": [71500.0, 128000.0, 980.0, 9000.0],
        "ratio": [None, 2.5, -0.25, None],
        "bars": [10, 9, 100, None],
    }
)


def places(view: Any) -> list[int]:
    return [DAYS.index(day) for day in view.rows["timestamp"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("  ", [0, 1, 2, 3]),
        ("005930", [0, 3]),
        ("88k", [2]),
        ("하이닉스", [1]),
        ("sk", [1]),
        ("삼성 SELL", [3]),
        ("2024-01-02", [1]),
        ("1.*", []),  # letters, no pattern
        ("ㅅㅅㅈㅈ", [0, 3]),  # as in the symbol picker: initial consonants,
        ("삼서", [0, 3]),  # a syllable that is not finished,
        ("skㅎㅇ", [1]),  # in any case
        ("005930삼성", []),  # two columns are no word
        ("71500", []),  # numbers are sorted, not searched
    ],
)
def test_every_word_must_be_in_a_text_of_the_match(search: str, found: list[int]) -> None:
    assert places(MatchRows(MATCHES).view(search=search, height=10)) == found


@pytest.mark.parametrize(
    ("column", "falling", "order"),
    [
        ("", False, [0, 1, 2, 3]),
        ("close", True, [1, 0, 3, 2]),
        ("close", False, [2, 3, 0, 1]),  # 980, 9,000, 71,500, 128,000: numbers, not texts
        ("bars", False, [1, 0, 2, 3]),
        ("ratio", False, [2, 1, 0, 3]),  # unknown last …
        ("ratio", True, [1, 2, 0, 3]),  # … in both directions
        ("name", True, [0, 3, 1, 2]),
        ("symbol", False, [1, 2, 0, 3]),
        ("timestamp", True, [3, 2, 1, 0]),
    ],
)
def test_numbers_sort_as_numbers_and_null_last(column: str, *, falling: bool, order: list[int]) -> None:
    assert places(MatchRows(MATCHES).view(order=Order(column=column, falling=falling), height=10)) == order


@pytest.mark.parametrize(
    ("search", "page", "height", "rows", "said"),
    [
        ("", 0, 3, [0, 1, 2], "1 to 3 of 4 matches"),
        ("", 1, 3, [3], "4 to 4 of 4 matches"),
        ("", 9, 3, [3], "4 to 4 of 4 matches"),
        ("", -1, 3, [0, 1, 2], "1 to 3 of 4 matches"),
        ("sell", 1, 1, [3], "2 to 2 of 2 found in 4 matches"),
        ("nothing", 0, 3, [], "none of 4 matches"),
    ],
)
def test_a_page_says_which_rows_it_has_of_how_many(
    search: str, page: int, height: int, rows: list[int], said: str
) -> None:
    view = MatchRows(MATCHES).view(search=search, page=page, height=height)
    assert (places(view), str(view)) == (rows, said)


def test_a_search_after_a_sort_keeps_the_order() -> None:
    rows = MatchRows(MATCHES)
    falling = Order(column="close", falling=True)
    assert places(rows.view(order=falling, height=2)) == [1, 0]
    assert places(rows.view(order=falling, search="005930", height=2)) == [0, 3]
    assert places(rows.view(order=AS_SCANNED, search="buy", height=2)) == [0, 1]


def test_decimals_are_those_of_the_whole_column_on_every_page() -> None:
    rows = MatchRows(MATCHES)
    cells = {column.name: column.cells for page in (0, 1) for column in rows.view(page=page, height=1).columns}
    assert cells["close"] == ["128,000"]
    assert cells["ratio"] == ["2.50"]
    assert [column.cells for column in rows.view(page=2, height=1).columns if column.name == "ratio"] == [["-0.25"]]


@pytest.mark.parametrize(
    ("times", "written"),
    [
        ([dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 3)], ["2024-01-02", "2024-01-03"]),
        ([dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 2, 9, 30)], ["2024-01-02 00:00", "2024-01-02 09:30"]),
    ],
)
def test_a_time_is_written_where_bars_have_one(times: list[dt.datetime], written: list[str]) -> None:
    frame = pl.DataFrame({"symbol": ["1", "2"], "timestamp": times})
    assert MatchRows(frame).view(height=5).columns[1].cells == written


def test_a_name_that_nobody_has_takes_no_column() -> None:
    nameless = MATCHES.with_columns(name=pl.lit(None, dtype=pl.String))
    assert "name" not in MatchRows(nameless).view(height=5).rows.columns
    assert "name" in MatchRows(MATCHES).view(height=5).rows.columns
