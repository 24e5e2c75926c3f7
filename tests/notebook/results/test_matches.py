"""The table of matches: one page is sent, all of them are searched and sorted, and everything is text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import polars as pl
import pytest

import jtscan as jt
from jtscan.notebook.results.matches import MatchesTable
from jtscan.notebook.results.rows import AS_SCANNED, NEWEST_FIRST, Order

HOSTILE = "<script>alert(1)</script>"
Make = Callable[..., jt.BatchScanResult]


def many(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [f"{place:06d}" for place in range(count)],
            "name": None,
            "timestamp": dt.date(2024, 1, 2),
            "signal_type": "buy",
            "close": [float(place * 1000) for place in range(count)],
        },
        schema_overrides={"symbol": pl.String, "name": pl.String},
    )


def table_of(result: jt.BatchScanResult, **more: Any) -> MatchesTable:
    table = MatchesTable(**more)
    table.show(result)
    return table


def sent(table: MatchesTable) -> list[list[str]]:
    return json.loads(table.table._dt_args["data_json"])


def heads(table: MatchesTable) -> str:
    return table.table._dt_args["table_html"]


def said(table: MatchesTable) -> str:
    return unescape(table.line.value.split(">", 1)[1].removesuffix("</span>"))


def click(table: MatchesTable, **what: int) -> None:
    """What the browser sends."""
    clicks = next(child for child in table.children if type(child).__name__ == "Clicks")
    clicks._handle_custom_msg(what, [])


def test_the_browser_has_one_page_and_every_match_is_reached(with_matches: Make) -> None:
    table = table_of(with_matches(many(1050)))
    assert len(sent(table)) == 20
    assert said(table) == "1 to 20 of 1,050 matches"
    assert (table.first.disabled, table.back.disabled, table.next.disabled) == (True, True, False)
    seen = [row[0] for row in sent(table)]
    while not table.next.disabled:
        table.next.click()
        seen += [row[0] for row in sent(table)]
    assert seen == [f"{place:06d}" for place in range(1050)]
    assert said(table) == "1,041 to 1,050 of 1,050 matches"
    table.first.click()
    table.last.click()
    table.back.click()
    assert said(table) == "1,021 to 1,040 of 1,050 matches"
    table.height.value = 200
    assert said(table) == "1 to 200 of 1,050 matches"


def test_cells_are_texts_with_separators_and_zeros(with_matches: Make) -> None:
    assert sent(table_of(with_matches(many(3)))) == [
        ["000000", "2024-01-02", "buy", "0"],
        ["000001", "2024-01-02", "buy", "1,000"],
        ["000002", "2024-01-02", "buy", "2,000"],
    ]


def test_numbers_stand_right_and_itables_sorts_nothing(with_matches: Make) -> None:
    arguments = table_of(with_matches(many(3))).table._dt_args
    assert arguments["columnDefs"][0] == {"targets": [3], "className": "dt-right"}
    assert (arguments["ordering"], arguments["paging"]) == (False, False)
    assert "keys_to_be_evaluated" not in arguments  # no script is sent


def test_null_is_a_dash(with_matches: Make) -> None:
    matches = many(2).with_columns(name=pl.Series([None, "가"]), far=pl.Series([None, 1.5]))
    assert [(row[1], row[-1]) for row in sent(table_of(with_matches(matches)))] == [("–", "–"), ("가", "1.5")]


def test_a_hostile_symbol_is_text(with_matches: Make) -> None:
    matches = many(1).with_columns(symbol=pl.lit(HOSTILE), name=pl.lit("<b>"), signal_type=pl.lit('"&'))
    table = table_of(with_matches(matches))
    assert sent(table)[0][:2] == ["&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;b&gt;"]
    opened: list[tuple[str, dt.date]] = []
    click(table_of(with_matches(matches), on_match=lambda *match: opened.append(match)), row=0)
    assert opened == [(HOSTILE, dt.date(2024, 1, 2))]


def test_a_click_on_a_header_sorts_all_and_one_more_turns_it_round(with_matches: Make) -> None:
    table = table_of(with_matches(many(50)))
    click(table, column=3)
    assert (sent(table)[0][0], table.sort.value) == ("000049", Order(column="close", falling=True))
    assert "<th>close ▼</th>" in heads(table)
    click(table, column=3)
    assert (sent(table)[0][0], "<th>close ▲</th>" in heads(table)) == ("000000", True)
    click(table, column=0)
    assert table.sort.value == Order(column="symbol")  # texts rise at first


def test_the_search_looks_at_all_matches(with_matches: Make) -> None:
    table = table_of(with_matches(many(50)))
    table.next.click()
    table.search.value = "49"
    assert ([row[0] for row in sent(table)], said(table)) == (["000049"], "1 to 1 of 1 found in 50 matches")
    table.search.value = "x"
    assert (sent(table), said(table)) == ([], "none of 50 matches")


def test_another_result_takes_the_same_table(with_matches: Make) -> None:
    table = table_of(with_matches(many(50)))
    widget = table.table
    table.search.value, table.sort.value = "49", Order(column="close", falling=True)
    table.show(with_matches(many(3).with_columns(far=pl.lit(1.0))))
    assert table.table is widget
    assert (table.search.value, table.sort.value, said(table)) == ("", NEWEST_FIRST, "1 to 3 of 3 matches")
    assert "<th>far</th>" in heads(table)
    assert [label for label, _ in table.sort.options][-2:] == ["far ▼", "far ▲"]


@pytest.mark.parametrize(
    ("asked", "order", "first", "entries"),
    [
        ({}, NEWEST_FIRST, "000002", ["newest first", "oldest first", "symbol ▲"]),
        ({"sort_by": "close"}, AS_SCANNED, "000001", ["as scanned", "newest first", "oldest first"]),
        ({"top": 2}, AS_SCANNED, "000001", ["as scanned", "newest first", "oldest first"]),
    ],
)
def test_the_newest_come_first_unless_another_order_was_asked_for(
    with_matches: Make, asked: dict[str, Any], order: Order, first: str, entries: list[str]
) -> None:
    days = pl.Series([dt.date(2024, 1, day) for day in (2, 3, 4, 4)])
    symbols = pl.Series(["000001", "000001", "000002", "000003"])
    result = with_matches(many(4).with_columns(symbol=symbols, timestamp=days))
    table = table_of(replace(result, request=replace(result.request, **asked)))
    assert (table.sort.value, sent(table)[0][0]) == (order, first)
    assert [label for label, _ in table.sort.options][:3] == entries
    click(table, column=1)  # numbers and times fall at first, and once more they rise
    assert table.sort.value == Order(column="timestamp", falling=bool(asked))


def test_a_top_says_of_how_many(with_matches: Make) -> None:
    assert said(table_of(with_matches(many(3), found=77))) == "1 to 3 of 3 matches, the top of 77 found"


def test_a_click_opens_the_match_of_its_row_on_its_page(with_matches: Make) -> None:
    opened: list[tuple[str, dt.date]] = []
    table = table_of(with_matches(many(50)), on_match=lambda *match: opened.append(match))
    table.next.click()
    click(table, row=1)
    click(table, row=999)  # a page that is gone
    assert opened == [("000021", dt.date(2024, 1, 2))]


def test_what_goes_wrong_in_a_click_is_shown(with_matches: Make) -> None:
    table = table_of(with_matches(many(3)), on_match=lambda *_match: 1 / 0)
    click(table, row=0)
    assert "internal error: ZeroDivisionError: division by zero" in said(table)


def test_a_result_makes_its_table_for_a_cell(result: jt.BatchScanResult) -> None:
    table = result.table()
    assert repr(table) == f"MatchesTable({result.signals.total_matches:,} matches)"
    newest = result.signals.matches.filter(pl.col("timestamp") == pl.col("timestamp").max())
    assert sent(table)[0][0] == newest["symbol"][0]


@pytest.mark.parametrize("count", [0, 1])
def test_few_matches_are_one_page(with_matches: Make, count: int) -> None:
    table = table_of(with_matches(many(count)))
    assert (len(sent(table)), table.back.disabled, table.next.disabled) == (count, True, True)
