"""The table of symbols and the memberships of a store: what is given, what sources tell, what was known."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt

BAR = "A,2024-01-02,10,11,9,10,100"
MARCAP = "Code,Name,Market,Date,Open,High,Low,Close,Volume"


def table_of(desk):
    return jt.Scanner(desk.root).symbols()


def test_symbols_may_come_with_prices_and_alone(desk):
    desk.rows(BAR, symbols=pl.DataFrame({"symbol": ["A"], "name": ["Alpha"], "market": ["X"], "kind": ["stock"]}))
    jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["B"], "name": ["Beta"]}))
    assert table_of(desk).select("symbol", "name", "market", "kind").rows() == [
        ("A", "Alpha", "X", "stock"), ("B", "Beta", None, None),
    ]  # fmt: skip
    assert jt.Scanner(desk.root).scan("close > 1", where={"kind": "stock"}, last=1).signals.total_matches == 1


def test_a_given_table_has_the_last_word_in_its_columns(desk):
    """A code that is given anew after a delisting: its old date of delisting is gone with its old name."""
    gone = dt.date(2015, 1, 2)
    old = pl.DataFrame({"symbol": ["A", "B"], "name": ["Old", "Beta"], "sector": ["S", "T"], "delisted": [gone, None]})
    new = pl.DataFrame({"symbol": ["A", "C"], "name": ["New", "Gamma"], "delisted": [None, gone]})
    desk.rows(BAR, symbols=old)
    jt.ingest(None, desk.root, symbols=new)
    found = table_of(desk).select("symbol", "name", "sector", "delisted").sort("symbol").rows()
    assert found == [("A", "New", "S", None), ("B", "Beta", "T", None), ("C", "Gamma", None, gone)]


def test_columns_of_two_kinds_become_text(desk):
    desk.rows(BAR, symbols=pl.DataFrame({"symbol": ["A"], "managed": ["Y"]}))
    jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["B"], "managed": ["maybe"]}))
    assert table_of(desk).select("symbol", "managed").rows() == [("A", "true"), ("B", "maybe")]


def test_names_and_markets_beside_prices_fill_the_table_and_newer_ones_win(desk):
    desk.rows("005930,Old,KOSPI,2024-01-02,1,1,1,1,1", header=MARCAP)
    desk.rows("005930,Older,KOSDAQ,2023-01-02,1,1,1,1,1", "000660,SK,KOSPI,2023-01-02,1,1,1,1,1", header=MARCAP)
    desk.rows("005930,New,KOSPI,2024-01-03,1,1,1,1,1", header=MARCAP)
    assert sorted(table_of(desk).select("symbol", "name", "market").rows()) == [
        ("000660", "SK", "KOSPI"), ("005930", "New", "KOSPI"),
    ]  # fmt: skip


def test_members_of_an_index_replace_those_known_and_the_report_counts_them(desk):
    members = pl.DataFrame(
        {"index": ["I", "I", "J"], "symbol": ["A", "B", "A"], "start": [None] * 3, "end": [None] * 3}
    )
    desk.rows(BAR, members=members.cast({"start": pl.Date, "end": pl.Date}))
    report = jt.ingest(
        None, desk.root, members=members.filter(symbol="A", index="I").cast({"start": pl.Date, "end": pl.Date})
    )
    assert (report.tables, report.notes) == (("members of I: 1 symbols, where 2 were known",), ())
    scanner = jt.Scanner(desk.root)
    assert scanner.indices() == ["I", "J"]
    assert scanner.symbols(index="I")["symbol"].to_list() == ["A"]


def test_members_are_no_table_of_symbols(desk):
    members = pl.DataFrame({"index": ["I"], "symbol": ["A"], "start": ["2024-01-02"], "end": [None]})
    with pytest.raises(jt.DataError, match="these are members; give them as members"):
        desk.rows(BAR, symbols=members)


def test_a_scan_of_an_old_version_has_its_symbols(desk):
    desk.rows(BAR, symbols=pl.DataFrame({"symbol": ["A"], "market": ["X"]}))
    jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["A"], "market": ["Y"]}))
    assert [jt.Scanner(desk.root, version=number).markets() for number in (1, 2)] == [["X"], ["Y"]]


def test_a_scan_keeps_to_one_version_of_symbols_and_prices(desk, monkeypatch):
    """Somebody writes between finding the symbols and taking the prices: both are taken again."""
    desk.rows(BAR, symbols=pl.DataFrame({"symbol": ["A"], "market": ["X"]}))
    scanner = jt.Scanner(desk.root)
    pinned = jt.ProcessingEngine.pinned
    written = []

    def write_first(engine, timeframe):
        if not written:
            written.append(jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["A"], "market": ["Y"]})))
        return pinned(engine, timeframe)

    monkeypatch.setattr(jt.ProcessingEngine, "pinned", write_first)
    result = scanner.scan("market == 'Y'", market="X", last=1)
    assert (result.signals.total_matches, result.outcomes.height) == (0, 0)
