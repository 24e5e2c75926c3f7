"""What the tabs of a result show: counts by two keys that add up, the account with every error."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

import jtscan as jt
from jtscan import render
from jtscan.aggregate import LABELS
from jtscan.domain.signals import PIVOT_KEYS
from jtscan.render.pivots import pivot_table

HOSTILE = "<script>alert(1)</script>"
DAY = dt.date(2024, 1, 1)


def statistics_of(*rows: tuple[str, str | None, dt.date, str, int]) -> jt.SignalStatistics:
    """Of symbol, name, date, signal and matches."""
    found = pl.DataFrame(
        [(symbol, date, signal) for symbol, _, date, signal, matches in rows for _ in range(matches)],
        schema={"symbol": pl.String, "date": pl.Date, "signal_type": pl.String},
        orient="row",
    )
    names = {symbol: (symbol, name, "KOSPI", None) for symbol, name, *_ in rows}
    labels = pl.DataFrame(list(names.values()), schema=LABELS, orient="row")
    return jt.SignalStatistics(total=found.height, found=found, labels=labels)


def grid(html: str) -> list[list[str]]:
    """The cells of a table, row by row."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html)
    return [[unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def number(cell: str) -> int:
    return 0 if cell == "–" else int(cell.replace(",", ""))


TWO = statistics_of(
    ("005930", "삼성전자", DAY, "buy", 2),
    ("005930", "삼성전자", DAY, "sell", 1000),
    ("000660", None, dt.date(2024, 2, 1), "buy", 3),
)


def test_counts_stand_by_two_keys_largest_first_with_totals() -> None:
    assert grid(render.pivot_html(TWO, "symbol", "signal_type")) == [
        ["symbol", "total", "sell", "buy"],
        ["005930 삼성전자", "1,002", "1,000", "2"],
        ["000660", "3", "–", "3"],
        ["total", "1,005", "1,000", "5"],
    ]


def test_dates_run_forwards_in_columns_and_stand_newest_first_in_rows() -> None:
    assert grid(render.pivot_html(TWO, "signal_type", "month")) == [
        ["signal_type", "total", "2024-01", "2024-02"],
        ["sell", "1,000", "1,000", "–"],
        ["buy", "5", "2", "3"],
        ["total", "1,005", "1,002", "3"],
    ]
    assert [row[0] for row in grid(render.pivot_html(TWO, "date", "symbol"))] == [
        "date",
        "2024-02-01",
        "2024-01-01",
        "total",
    ]


def test_months_without_a_match_leave_no_hole() -> None:
    statistics = statistics_of(("005930", None, DAY, "buy", 2), ("005930", None, dt.date(2024, 4, 1), "buy", 1))
    assert grid(render.pivot_html(statistics, "month", "symbol")) == [
        ["month", "total", "005930"],
        ["2024-04", "1", "1"],
        ["2024-03", "–", "–"],
        ["2024-02", "–", "–"],
        ["2024-01", "2", "2"],
        ["total", "3", "3"],
    ]


def test_an_unknown_value_is_counted_too() -> None:
    assert grid(render.pivot_html(TWO, "sector", "signal_type"))[1] == ["(none)", "1,005", "1,000", "5"]


def test_heat_is_the_share_of_the_largest_cell() -> None:
    html = render.pivot_html(TWO, "symbol", "signal_type")
    assert re.findall(r"--jt-heat:(\d+)%", html) == ["44", "4", "4"]


MANY = statistics_of(
    *((f"{place:03d}", None, DAY + dt.timedelta(days=place % 40), "buy", 100 - place) for place in range(100)),
    *((f"{place:03d}", None, DAY, "sell", 1) for place in range(100)),
)


def test_what_is_left_out_is_counted_in_a_last_row_and_on_the_side_where_it_belongs() -> None:
    table, said = pivot_table(MANY, "symbol", "date", rows=10, wide=5)
    assert said == "Shown: the 9 largest of 100 symbols and the 4 newest of 40 dates; all others are counted together."
    head, *rows = grid(table)
    assert head == ["symbol", "total", "earlier (36 dates)", "2024-02-06", "2024-02-07", "2024-02-08", "2024-02-09"]
    assert rows[0] == ["000", "101", "101", "–", "–", "–", "–"]  # all on the first day
    assert rows[6] == ["006", "95", "95", "–", "–", "–", "–"]
    assert rows[-1][:3] == ["total", "5,150", "4,810"]
    assert [number(cell) for cell in rows[-2][3:]] == [64 + 24, 63 + 23, 62 + 22, 61 + 21]  # symbols 36 to 39, 76 to 79
    largest = grid(pivot_table(MANY, "date", "symbol", rows=10, wide=5)[0])[0]
    assert largest[-1] == "others (96 symbols)"
    assert [row[0] for row in rows] == [*(f"{place:03d}" for place in range(9)), "others (91 symbols)", "total"]


@pytest.mark.parametrize(("index", "columns"), [(a, b) for a in PIVOT_KEYS for b in PIVOT_KEYS if a != b])
def test_every_row_and_column_adds_up(index: str, columns: str) -> None:
    _, *rows = grid(pivot_table(MANY, index, columns, rows=7, wide=6)[0])
    numbers = [[number(cell) for cell in row[1:]] for row in rows]
    assert all(row[0] == sum(row[1:]) for row in numbers)
    assert all(column[-1] == sum(column[:-1]) for column in zip(*numbers, strict=True))
    assert numbers[-1][0] == MANY.total == 5150


@pytest.mark.parametrize(("count", "shown"), [(5, 5), (6, 4)])
def test_the_line_of_the_others_takes_the_place_of_one_row(count: int, shown: int) -> None:
    few = statistics_of(*((str(place), None, DAY, "buy", 1) for place in range(count)))
    rows = grid(pivot_table(few, "symbol", "market", rows=5)[0])[1:-1]
    assert len(rows) == 5
    assert sum(not row[0].startswith("others") for row in rows) == shown


def test_hostile_keys_are_text() -> None:
    statistics = statistics_of((HOSTILE, HOSTILE, DAY, HOSTILE, 1))
    for index, columns in pairwise(("symbol", "signal_type", "name")):
        assert HOSTILE not in render.pivot_html(statistics, index, columns)
    assert grid(render.pivot_html(statistics, "signal_type", "market"))[1][0] == HOSTILE


@pytest.mark.parametrize(
    ("index", "columns", "said"),
    [("symbol", "symbol", "columns: both are 'symbol'"), ("kind", "symbol", "index: 'kind' cannot be counted by")],
)
def test_keys_that_cannot_be_counted_by_are_refused(index: str, columns: str, said: str) -> None:
    with pytest.raises(jt.RequestError, match=re.escape(said)):
        render.pivot_html(TWO, index, columns)


def test_nothing_is_counted_in_nothing() -> None:
    assert grid(render.pivot_html(statistics_of(), "symbol", "signal_type")) == [["symbol", "total"], ["total", "–"]]


# ── the account ───────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def result() -> jt.BatchScanResult:
    scanner = jt.Scanner(Path(__file__).parent.parent / "data")
    nobody = [f"<b>{place}" for place in range(30)]
    return scanner.scan("close > sma(close, 5)", symbols=["005930", *nobody], last=2)


def text_of(html: str) -> str:
    return unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL))


def test_every_error_is_listed_escaped(result: jt.BatchScanResult) -> None:
    html = render.account_html(result)
    assert all(f"&lt;b&gt;{place}</td>" in html for place in range(30))
    assert "<b>" not in html
    assert "Failed or without data: 30" in html


def test_the_account_has_the_formula_and_what_became_of_each_symbol(result: jt.BatchScanResult) -> None:
    text = text_of(render.account_html(result))
    for said in ("Account", "asked for", "bars in the range"):
        assert said in text
    assert "close>sma(close,5)" in re.sub(r"\s", "", text)  # its words are coloured one by one


def test_the_headline_has_the_first_warnings_and_counts_the_others(result: jt.BatchScanResult) -> None:
    warned = replace(result, warnings=("one <i>", "two", "three", "four", "five"))
    html = render.headline_html(warned)
    assert "one &lt;i&gt;" in html
    assert "and 2 more warnings: see the account" in html
    assert "four" not in html
    assert "four" in render.account_html(warned)
    assert "the prices are invented" not in render.account_html(result)  # the headline has them all
    assert result.summary in text_of(html)
    assert "the last 2 bars" in text_of(html)


def test_a_cancelled_scan_says_so_at_once(result: jt.BatchScanResult) -> None:
    assert "cancelled: 0 of 31 symbols are missing here" in text_of(
        render.headline_html(replace(result, cancelled=True))
    )


def test_the_overview_counts_by_signal_and_month() -> None:
    text = text_of(render.overview_html(replace(TWO, by_signal_type={"sell": 1000, "buy": 5})))
    assert "1,005 matches: sell 1,000, buy 5" in text
    assert "most: 1,002 in 2024-01" in text
