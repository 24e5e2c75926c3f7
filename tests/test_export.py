"""Results as files: read back by others, text stays text, nothing is half written."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import polars as pl
import pytest

import jtscan as jt
from jtscan import export
from jtscan.domain.tables import Exports
from jtscan.testing import make_bars

FORMULA = "n = param(2, 1, 5)\nbuy = close > close[1]\nsell = close < close[1]\ngain = close / close[n] - 1"
HOSTILE = ["005930", "=1+1", "+A", "@x", "-1", "https://a.b", "<b>", "1e5", "삼성전자"]
NAMES = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("market")


@pytest.fixture(scope="module")
def result(folder):
    prices, symbols = folder / "prices.parquet", folder / "symbols.parquet"
    make_bars({"005930": [10.0, 11, 12, 11], "000660": [5.0, 4, 6, 7]}).write_parquet(prices)
    pl.DataFrame({"symbol": ["005930", "000660"], "name": ["삼성전자", None], "market": "KOSPI"}).write_parquet(symbols)
    scanner = jt.Scanner(prices=prices, symbols=symbols)
    return scanner.scan(FORMULA, symbols=["005930", "000660", "999999"], parameters={"n": 1})


def cells_of(path: Path) -> dict[str, list[list[str | float | bool | None]]]:
    """Every sheet of a workbook as rows, read without our code: text, number or None."""
    with zipfile.ZipFile(path) as book:
        read = {name: ET.fromstring(book.read(name)) for name in book.namelist() if name.endswith(".xml")}  # noqa: S314 - our own file
    texts = ["".join(each.itertext()) for each in read["xl/sharedStrings.xml"].findall("s:si", NAMES)]
    names = [sheet.get("name") for sheet in read["xl/workbook.xml"].findall("s:sheets/s:sheet", NAMES)]

    def cell(found):
        value = found.find("s:v", NAMES)
        assert found.find("s:f", NAMES) is None, "a formula"
        if value is None:
            return None
        return {"s": lambda: texts[int(value.text)], "b": lambda: value.text == "1"}.get(
            found.get("t"), lambda: float(value.text)
        )()

    def rows(sheet):
        for row in sheet.findall("s:sheetData/s:row", NAMES):
            there = {found.get("r").rstrip("0123456789"): cell(found) for found in row}
            yield [there.get(chr(65 + place)) for place in range(max(map(ord, there)) - 64)]

    return {name: list(rows(read[f"xl/worksheets/sheet{number}.xml"])) for number, name in enumerate(names, 1)}


# ── Parquet ───────────────────────────────────────────────────────────────────


def test_parquet_keeps_the_matches_with_their_types_and_says_what_they_are(result, tmp_path):
    path = tmp_path / "m.parquet"
    assert result.to_parquet(path) == path
    assert pl.read_parquet(path).equals(result.signals.matches)
    said = json.loads(pl.read_parquet_metadata(path)["jtscan"])
    assert said["formula"] == FORMULA
    assert said["parameters"] == "n = 1"
    assert said["universe"] == "005930, 000660, 999999"
    assert (said["timeframe"], said["range"]) == ("1d", "the last 250 bars")
    assert said["data version"] == result.data_version


def test_signals_and_statistics_write_their_own_tables(result, tmp_path):
    assert pl.read_parquet(result.signals.to_parquet(tmp_path / "s.parquet")).equals(result.signals.matches)
    assert pl.read_parquet(result.statistics.to_parquet(tmp_path / "c.parquet")).equals(result.statistics.counts)


# ── CSV ───────────────────────────────────────────────────────────────────────


def test_csv_begins_with_the_mark_that_excel_needs_for_hangul_and_others_read_it_all_the_same(result, tmp_path):
    path = result.to_csv(tmp_path / "m.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfsymbol,name,timestamp,")
    expected = result.signals.matches
    assert pl.read_csv(path, schema=expected.schema).equals(expected)
    assert pd.read_csv(path, dtype={"symbol": str})["symbol"].tolist() == expected["symbol"].to_list()


def test_csv_without_the_mark(result, tmp_path):
    assert result.to_csv(tmp_path / "m.csv", bom=False).read_bytes().startswith(b"symbol,")


def test_csv_writes_null_as_nothing_and_a_moment_as_people_do(tmp_path):
    frame = pl.DataFrame({"at": [dt.datetime(2024, 1, 2, 9, 30), None], "x": [None, 1.5]})
    path = export.write_csv(frame, tmp_path / "m.csv", bom=False)
    assert path.read_text() == "at,x\n2024-01-02 09:30:00,\n,1.5\n"


def test_matches_in_a_csv_file_are_a_watchlist(result, tmp_path, folder):
    path = result.to_csv(tmp_path / "m.csv")
    again = jt.Scanner(prices=folder / "prices.parquet").scan("close > 0", watchlist=path, last=1)
    assert sorted(again.signals.matches["symbol"]) == ["000660", "005930"]


@pytest.mark.parametrize("bom", [True, False])
def test_bars_in_a_csv_file_are_ingested_with_the_mark_and_without(tmp_path, bom):
    path = export.write_csv(make_bars({"삼성": [1.0, 2, 3]}), tmp_path / "b.csv", bom=bom)
    report = jt.ingest(path, tmp_path / "store", progress=False)
    assert (report.counts.bars, report.symbols) == (3, 1)


# ── Excel ─────────────────────────────────────────────────────────────────────


def test_a_workbook_holds_the_matches_and_what_they_mean(result, tmp_path):
    book = cells_of(result.to_excel(tmp_path / "m.xlsx"))
    assert list(book) == ["matches", "by symbol", "account", "beside the account", "errors", "about"]
    first_day = 45292.0  # 2024-01-01 as Excel counts
    assert book["matches"][:2] == [
        ["symbol", "name", "timestamp", "signal_type", "close", "gain"],
        ["000660", None, first_day + 1, "sell", 4.0, pytest.approx(4 / 5 - 1)],
    ]
    assert book["by symbol"] == [
        ["symbol", "name", "buy", "sell", "total"],
        ["000660", None, 2.0, 1.0, 3.0],
        ["005930", "삼성전자", 2.0, 1.0, 3.0],
    ]
    assert ["no_data", 1.0] in [row[:2] for row in book["account"]]
    assert [row[:2] for row in book["errors"]] == [["symbol", "status"], ["999999", "no_data"]]
    assert ["formula", FORMULA] in book["about"]


def test_texts_stay_texts_in_excel_whatever_they_look_like(tmp_path):
    frame = pl.DataFrame({"symbol": HOSTILE, "ok": [True, False, None] * 3})
    rows = cells_of(export.write_excel({"a": frame}, tmp_path / "a.xlsx"))["a"]
    assert [row[0] for row in rows] == ["symbol", *HOSTILE]
    assert [row[1:] for row in rows[:4]] == [["ok"], [True], [False], []]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (dt.date(2024, 2, 29), 45351.0),
        (dt.datetime(2024, 2, 29, 18), 45351.75),
        (dt.date(1900, 3, 1), 61.0),
        (dt.date(1896, 5, 26), "1896-05-26"),  # before Excel's calendar: text
        (71500.5, 71500.5),
        (3, 3.0),
        ("x" * 32_767, "x" * 32_767),
        ("x" * 32_768, "x" * 32_766 + "…"),
        ("🙂" * 16_384, "🙂" * 16_383 + "…"),  # Excel counts each twice
    ],
)
def test_a_cell_is_what_excel_takes_it_for(tmp_path, value, cell):
    rows = cells_of(export.write_excel({"a": pl.DataFrame({"v": [value]})}, tmp_path / "a.xlsx"))["a"]
    assert rows == [["v"], [cell]]


def test_dates_look_like_dates(tmp_path):
    frame = pl.DataFrame({"day": [dt.date(2024, 1, 2)], "at": [dt.datetime(2024, 1, 2, 9)]})
    with zipfile.ZipFile(export.write_excel({"a": frame}, tmp_path / "a.xlsx")) as book:
        styles = book.read("xl/styles.xml").decode()
    assert "yyyy-mm-dd" in styles
    assert "yyyy-mm-dd hh:mm" in styles


def test_columns_that_differ_only_in_case_are_both_there(tmp_path):
    frame = pl.DataFrame({"close": [1.0], "Close": [2.0]})
    assert cells_of(export.write_excel({"a": frame}, tmp_path / "a.xlsx"))["a"] == [["close", "Close"], [1.0, 2.0]]


def test_a_scan_without_a_match_keeps_its_headers(tmp_path, result):
    nothing = replace(result.signals, matches=result.signals.matches.clear())
    assert cells_of(nothing.to_excel(tmp_path / "m.xlsx")) == {"matches": [result.signals.matches.columns]}
    assert nothing.to_csv(tmp_path / "m.csv", bom=False).read_text() == "symbol,name,timestamp,signal_type,close,gain\n"


def test_more_rows_than_a_sheet_holds_are_refused_with_the_cure(tmp_path):
    frame = pl.DataFrame({"x": pl.repeat(1, 1_048_576, eager=True)})
    with pytest.raises(jt.RequestError, match=r"1,048,576 rows of 'm' do not fit .*\(1,048,575\): use to_parquet or"):
        export.write_excel({"m": frame}, tmp_path / "m.xlsx")
    assert not list(tmp_path.iterdir())


# A name, and what is refused: the way to write such a file is told.
OTHER_KINDS = [
    ("to_excel", "m.xls", "the name must end with .xlsx"),
    ("to_excel", "m.csv", "to_excel writes no such file; use to_csv"),
    ("to_csv", "m.xlsx", "to_csv writes no such file; use to_excel"),
    ("to_csv", "m.XLS", "to_csv writes no such file; use to_excel"),
    ("to_csv", "m.parquet", "to_csv writes no such file; use to_parquet"),
    ("to_parquet", "m.csv", "to_parquet writes no such file; use to_csv"),
]


@pytest.mark.parametrize(("method", "name", "said"), OTHER_KINDS)
def test_a_name_of_another_kind_of_file_is_refused(tmp_path, result, method, name, said):
    with pytest.raises(jt.RequestError, match=f"path: .*{name}: {said}$"):
        getattr(result, method)(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named_whole(tmp_path, result, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(jt.RequestError, match=f"path: out/m.csv: there is no folder {tmp_path}/out; make it first"):
        result.to_csv("out/m.csv")


def test_any_other_name_is_taken(tmp_path, result):
    for name in ("m", "m.txt", "m.tsv", "m.2024"):
        assert result.to_csv(tmp_path / name) == tmp_path / name


# ── pandas ────────────────────────────────────────────────────────────────────


def test_pandas_gets_text_for_symbols_and_datetime64_for_dates(result):
    frame = result.to_pandas()
    assert frame["symbol"].tolist() == result.signals.matches["symbol"].to_list()
    assert pd.api.types.is_datetime64_any_dtype(frame["timestamp"])
    assert frame["gain"].dtype == "float64"
    assert frame["name"].isna().sum() == result.signals.matches["name"].null_count() > 0


@pytest.mark.parametrize(
    ("missing", "write", "extra"),
    [
        ("xlsxwriter", lambda result, path: result.to_excel(path), "excel"),
        ("pandas", lambda result, _: result.to_pandas(), "pandas"),
        ("pyarrow", lambda result, _: result.to_pandas(), "pandas"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(result, tmp_path, monkeypatch, missing, write, extra):
    if missing == "xlsxwriter":
        monkeypatch.setitem(sys.modules, missing, None)
    else:

        def refuse(*_):
            raise ModuleNotFoundError(missing)

        monkeypatch.setattr(pl.DataFrame, "to_pandas", refuse)
    with pytest.raises(jt.MissingExtraError, match=rf"pip install 'jtscan\[{extra}\]'"):
        write(result, tmp_path / "m.xlsx")


# ── the file ──────────────────────────────────────────────────────────────────

every_writer = pytest.mark.parametrize("name", ["m.parquet", "m.csv", "m.xlsx"])


def write(result: Exports, path: str | Path) -> Path:
    writers = {".parquet": result.to_parquet, ".csv": result.to_csv, ".xlsx": result.to_excel}
    return writers[Path(path).suffix](path)


@every_writer
def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(result, tmp_path, name):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text("something old")
    write(result, folder / name)
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_bytes() != b"something old"


@every_writer
def test_the_home_folder_is_meant_by_a_tilde(result, tmp_path, name, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert write(result, f"~/{name}") == tmp_path / name


@every_writer
def test_a_folder_that_is_not_there_is_named(result, tmp_path, name):
    with pytest.raises(jt.RequestError, match="path: .*there is no folder .*nowhere; make it first"):
        write(result, tmp_path / "nowhere" / name)


@every_writer
def test_a_folder_is_no_file(result, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(jt.RequestError, match="is a folder; name a file in it"):
        write(result, tmp_path / name)


def test_a_path_is_text_or_a_path(result):
    with pytest.raises(jt.RequestError, match="path: 5 is not the name of a file"):
        result.to_csv(5)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".xlsx"])
def test_what_the_disk_refuses_is_told_as_such(result, tmp_path, suffix):
    link = tmp_path / f"m{suffix}"
    link.symlink_to(tmp_path / "gone" / f"m{suffix}")  # its folder is not there
    with pytest.raises(jt.DataError, match=r"m\.[a-z]+ cannot be written: .*No such file or directory"):
        write(result, link)
    assert list(tmp_path.iterdir()) == [link]


def test_what_was_there_stays_if_the_writing_fails(result, tmp_path, monkeypatch):
    def refuse(_frame, path, **_):
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "m.csv"
    path.write_text("something old")
    monkeypatch.setattr(pl.DataFrame, "write_csv", refuse)
    with pytest.raises(jt.DataError, match=r"m\.csv cannot be written: \[Errno 28\] No space left"):
        result.to_csv(path)
    assert path.read_text() == "something old"
    assert [each.name for each in tmp_path.iterdir()] == ["m.csv"]


@every_writer
@pytest.mark.parametrize("name_of", [lambda name: f"{'x' * 300}{name}", lambda name: f"\x00{name}"])
def test_a_name_that_no_file_can_have_is_refused(result, tmp_path, name, name_of):
    with pytest.raises((jt.RequestError, jt.DataError), match="path: .*cannot be the name of a file|cannot be written"):
        write(result, tmp_path / name_of(name))
    assert not list(tmp_path.iterdir())


@every_writer
def test_the_longest_name_is_written(result, tmp_path, name):
    path = tmp_path / f"{'x' * (255 - len(name))}{name}"
    assert write(result, path) == path
    assert path.is_file()


@every_writer
def test_behind_a_link_its_file_is_written(result, tmp_path, name):
    (tmp_path / "real").mkdir()
    link = tmp_path / name
    link.symlink_to(tmp_path / "real" / name)
    assert write(result, link) == link
    assert link.is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == [name]


@every_writer
def test_what_is_no_file_is_not_replaced(result, tmp_path, name):
    os.mkfifo(tmp_path / name)  # as /dev/null, which a renamed file would end for everybody
    with pytest.raises(jt.RequestError, match="is a device, and would be replaced by a file"):
        write(result, tmp_path / name)
    assert (tmp_path / name).is_fifo()
