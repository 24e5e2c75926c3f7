"""Where price files may lie, how they may be called, and what columns they must have."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import re
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jtscan as jt

MONDAY = dt.date(2024, 1, 1)
CLOSES = {"A": [9, 10, 11, 12, 8], "B": [11, 9, 12, 13, 7], "C": [1, 2, 3, 4, 50]}
# By hand: the days of the first week of 2024 on which the close is above 10.
HITS = {"A": ["A 01-03", "A 01-04"], "B": ["B 01-01", "B 01-03", "B 01-04"], "C": ["C 01-05"]}


def bars(symbol):
    closes = [float(close) for close in CLOSES[symbol]]
    days = [MONDAY + dt.timedelta(days=number) for number in range(len(closes))]
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 100.0})


def market(*symbols):
    return pl.concat(bars(symbol) for symbol in symbols or CLOSES)


def write(path, frame):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return path


def copy(path, query, frame=None):
    """Write what a DuckDB query makes of a frame: it knows types that Polars does not."""
    with duckdb.connect() as connection:
        connection.register("bars", (market("A") if frame is None else frame).to_arrow())
        connection.execute(f"COPY ({query}) TO $path (FORMAT parquet)", {"path": str(path)})
    return path


def scan(prices, formula="close > 10", *, start=MONDAY, columns=None, timeframe="1d", **options):
    scanner = jt.Scanner(prices=prices, columns=columns, timeframe=timeframe, raise_internal=True)
    return scanner.scan(formula, start=start, **options)


def fired(result):
    """Tell what matched, once the account adds up."""
    assert result.account["symbols"].sum() == result.outcomes.height
    rows = result.signals.matches.sort("symbol", "timestamp").select("symbol", "timestamp")
    return [f"{symbol} {moment:%m-%d}" for symbol, moment in rows.iter_rows()]


def reasons(result):
    return dict(result.outcomes.filter(pl.col("error").is_not_null()).select("symbol", "error").iter_rows())


def hits(symbol, name):
    return [f"{name}{each.removeprefix(symbol)}" for each in HITS[symbol]]


# ---- Names

NAMES = [
    "005930", "000660.KS", "a b", "it's", 'say "hi"', "한글 이름", "a{b,c}", "100%41", "#1", "-x", "~x", "$x", "a;b",
    "a&b", "back\\slash", "tab\tstop", ".hidden", "symbol=Z", "x=1", "é", "e\u0301",
]  # fmt: skip


def test_a_file_may_be_called_anything_and_its_name_is_the_symbol(tmp_path):
    for number, name in enumerate(NAMES):
        write(tmp_path / f"{name}.parquet", bars("ABC"[number % 3]).drop("symbol"))
    expected = {name: hits("ABC"[number % 3], name) for number, name in enumerate(NAMES)}
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    assert fired(scanner.scan("close > 10", start=MONDAY)) == [hit for name in sorted(NAMES) for hit in expected[name]]
    for name in NAMES:
        assert fired(scanner.scan("close > 10", start=MONDAY, symbols=[name])) == expected[name]


FOLDERS = {"005930": "005930", "a b": "a b", "한글": "한글", "BRK.B": "BRK.B", "BRK%2FB": "BRK/B", "100%25": "100%"}


def test_a_hive_folder_names_the_symbol_as_its_writer_encoded_it(tmp_path):
    for folder in FOLDERS:
        write(tmp_path / f"symbol={folder}/part-0.parquet", bars("B").drop("symbol"))
    assert fired(scan(tmp_path)) == [hit for symbol in sorted(FOLDERS.values()) for hit in hits("B", symbol)]


def test_hive_folders_that_polars_writes_are_read(tmp_path):
    market().with_columns(symbol=pl.col("symbol") + "/X 한").write_parquet(
        pl.PartitionBy(tmp_path, key="symbol", include_key=False)
    )
    assert fired(scan(tmp_path)) == [*hits("A", "A/X 한"), *hits("B", "B/X 한"), *hits("C", "C/X 한")]


def test_hive_folders_that_duckdb_writes_are_read(tmp_path):
    bars = "SELECT * REPLACE (symbol || '/X 한' AS symbol) FROM bars"
    query = f"COPY ({bars}) TO $path (FORMAT parquet, PARTITION_BY symbol)"
    with duckdb.connect() as connection:
        connection.register("bars", market().to_arrow())
        connection.execute(query, {"path": str(tmp_path / "hive")})
    assert fired(scan(tmp_path)) == [*hits("A", "A/X 한"), *hits("B", "B/X 한"), *hits("C", "C/X 한")]


@pytest.mark.parametrize("name", ["a[1]", "a*", "wh?t"])
def test_a_name_that_duckdb_reads_as_a_pattern_is_told_and_not_followed(tmp_path, name):
    write(tmp_path / f"{name}.parquet", bars("B").drop("symbol"))
    for other in ("a1", "ab", "what"):  # what the pattern would find
        write(tmp_path / f"{other}.parquet", bars("C").drop("symbol"))
    result = scan(tmp_path)
    assert fired(result) == [*hits("C", "a1"), *hits("C", "ab"), *hits("C", "what")]
    assert reasons(result) == {
        name: f"{name}.parquet: its path has one of * ? [ ], which DuckDB reads as a pattern; rename it"
    }


def test_a_folder_that_duckdb_reads_as_a_pattern_is_told(tmp_path):
    write(tmp_path / "data [old]/prices/1d/a.parquet", bars("A"))
    with pytest.raises(jt.DataError, match=r"data \[old\]/prices/1d/a.parquet: its path has one of"):
        jt.Scanner(tmp_path / "data [old]", raise_internal=True).scan("close > 10")


def test_a_name_in_another_encoding_than_utf8_is_told(tmp_path):
    write(tmp_path / "A.parquet", bars("A").drop("symbol"))
    foreign = os.fsencode(tmp_path) + "/가.parquet".encode("cp949")
    write(tmp_path / "B.parquet", bars("B").drop("symbol")).rename(os.fsdecode(foreign))
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert reasons(result) == {r"\xb0\xa1": r"\xb0\xa1.parquet: its path is not valid UTF-8; rename it"}
    with pytest.raises(jt.DataError, match=r"\\xb0\\xa1.parquet: its path is not valid UTF-8"):
        scan(os.fsdecode(foreign))


# ---- Places


def places(folder):
    """Give the same three files, said in many ways."""
    for symbol in CLOSES:
        write(folder / f"files/{symbol}.parquet", bars(symbol))
    files = folder / "files"
    (folder / "link to folder").symlink_to(files)
    (folder / "links").mkdir()
    (folder / "links/deeper").symlink_to(files)
    (folder / "links to files").mkdir()
    for symbol in CLOSES:
        (folder / f"links to files/{symbol}.parquet").symlink_to(f"../files/{symbol}.parquet")
    (files / "round and round").symlink_to(folder)
    return {
        "folder": files,
        "text": str(files),
        "slash": f"{files}//",
        "dots": files / "../files/./",
        "glob": files / "*.parquet",
        "recursive glob": folder / "files/**/*.parquet",
        "list": [files / "C.parquet", str(files / "A.parquet"), files / "B.parquet"],
        "list with a glob": [files / "[AB].parquet", files / "C.parquet"],
        "link to folder": folder / "link to folder",
        "link below": folder / "links",
        "links to files": folder / "links to files",
    }


PLACES = [
    "folder", "text", "slash", "dots", "glob", "recursive glob", "list", "list with a glob", "link to folder",
    "link below", "links to files",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_files_are_found_however_the_place_is_said(tmp_path, place):
    result = scan(places(tmp_path)[place])
    assert fired(result) == [*HITS["A"], *HITS["B"], *HITS["C"]]
    assert result.outcomes["duplicates"].sum() == 0


@pytest.mark.parametrize("place", ["files", "./files", "files/*.parquet", "../run/files/A.parquet", "files/../files"])
def test_a_relative_path_counts_from_where_the_process_is(tmp_path, monkeypatch, place):
    write(tmp_path / "run/files/A.parquet", bars("A"))
    monkeypatch.chdir(tmp_path / "run")
    assert fired(scan(place)) == HITS["A"]


def test_a_data_folder_may_be_a_link_or_hold_links(tmp_path):
    write(tmp_path / "disk/daily/a.parquet", bars("A"))
    write(tmp_path / "real/symbols.parquet", pl.DataFrame({"symbol": ["A"]}))
    (tmp_path / "real/prices").mkdir()
    (tmp_path / "real/prices/1d").symlink_to(tmp_path / "disk/daily")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for folder in ("real", "link"):
        assert fired(jt.Scanner(tmp_path / folder, raise_internal=True).scan("close > 10", start=MONDAY)) == HITS["A"]


def test_the_home_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "prices/a.parquet", bars("A"))
    assert fired(scan("~/prices")) == HITS["A"]


def test_a_file_may_have_any_suffix_if_it_is_named(tmp_path):
    path = write(tmp_path / "A.pq", bars("A").drop("symbol"))
    assert fired(scan(path)) == HITS["A"]


def test_the_same_file_named_twice_is_read_once(tmp_path):
    path = write(tmp_path / "a.parquet", bars("A"))
    result = scan([path, str(path), tmp_path])
    assert (fired(result), result.outcomes["duplicates"].sum()) == (HITS["A"], 0)


def test_a_file_beside_its_link_is_read_twice_and_its_rows_are_equal_duplicates(tmp_path):
    write(tmp_path / "a.parquet", bars("A"))
    (tmp_path / "b.parquet").symlink_to(tmp_path / "a.parquet")
    result = scan(tmp_path)
    assert (fired(result), result.outcomes["duplicates"].sum()) == (HITS["A"], 5)


def test_layouts_may_stand_beside_each_other(tmp_path):
    write(tmp_path / "many.parquet", bars("A"))
    write(tmp_path / "B.parquet", bars("B").drop("symbol"))
    write(tmp_path / "symbol=C/x.parquet", bars("C").drop("symbol"))
    assert fired(scan(tmp_path)) == [*HITS["A"], *HITS["B"], *HITS["C"]]


def test_a_column_of_symbols_counts_more_than_the_folder(tmp_path):
    write(tmp_path / "symbol=X/A.parquet", bars("A"))
    assert fired(scan(tmp_path)) == HITS["A"]


# ---- Types

CLOSE_TYPES = [
    "DOUBLE", "FLOAT", "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT",
    "HUGEINT", "UHUGEINT", "DECIMAL(4,1)", "DECIMAL(18,4)", "DECIMAL(38,18)", "DECIMAL(38,30)",
]  # fmt: skip


def test_numbers_of_any_type_scan_as_doubles(tmp_path):
    exact = bars("B").with_columns(pl.col("close").cast(pl.Int64).cast(pl.String))  # doubles make inexact DECIMALs
    for kind in CLOSE_TYPES:
        typed = ", ".join(f"close::{kind} AS {name}" for name in ("open", "high", "low", "close", "volume", "extra"))
        copy(tmp_path / f"{kind}.parquet", f"SELECT timestamp, {typed} FROM bars", exact)
    formula = "x = extra / 3\ny = sma(close, 2)\nz = open + high + low + volume\nmatch = close > 10"
    found = scan(tmp_path, formula).signals.matches.select("symbol", "close", "x", "y", "z")
    assert found.dtypes[1:] == [pl.Float64] * 4
    expected = [(11.0, 11 / 3, None, 44.0), (12.0, 12 / 3, 10.5, 48.0), (13.0, 13 / 3, 12.5, 52.0)]
    for kind in CLOSE_TYPES:
        assert found.filter(pl.col("symbol") == kind).drop("symbol").rows() == expected, kind


def test_half_floats_and_very_wide_decimals_scan_as_doubles(tmp_path):
    table = market("A").drop("close", "volume").to_arrow()
    table = table.append_column("close", pa.array(np.array(CLOSES["A"], dtype=np.float16)))
    wide = pa.array([decimal.Decimal(close) for close in CLOSES["A"]], pa.decimal256(70, 40))
    pq.write_table(table.append_column("volume", wide), tmp_path / "p.parquet")
    result = scan(tmp_path, "v = volume\nmatch = close > 10")
    assert fired(result) == HITS["A"]
    assert result.signals.matches["v"].to_list() == [11.0, 12.0]


def test_a_decimal_is_the_nearest_double(tmp_path):
    prices = ["75300.1", "0.1", "123456789.987654321", "1e-18"]
    query = f"""SELECT 'A' AS symbol, DATE '2024-01-01' + i::INTEGER AS timestamp, p::DECIMAL(38,18) AS close
                FROM (SELECT unnest({prices}) AS p, unnest(range(4)) AS i)"""
    copy(tmp_path / "p.parquet", query)
    assert scan(tmp_path, "close > 0").signals.matches["close"].to_list() == [float(price) for price in prices]


COLUMN_TYPES = {
    "text close": ("close::VARCHAR AS close", "its column 'close' is VARCHAR, not numbers"),
    "text volume": ("'many' AS volume", "its column 'volume' is VARCHAR, not numbers"),
    "boolean close": ("(close > 10) AS close", "its column 'close' is BOOLEAN, not numbers"),
    "dates as close": ("timestamp AS close", "its column 'close' is DATE, not numbers"),
    "list of closes": ("[close::DECIMAL(4,1)] AS close", "its column 'close' is DECIMAL(4,1)[], not numbers"),
    "whole-number symbols": ("5930 AS symbol", "its column of symbols is INTEGER; symbols are text, with their"),
    "binary symbols": ("symbol::BLOB AS symbol", "its column of symbols is BLOB; symbols are text"),
    "text timestamps": ("timestamp::VARCHAR AS timestamp", "its timestamps are VARCHAR; they must be dates"),
    "number timestamps": ("20240101 AS timestamp", "its timestamps are INTEGER; they must be dates or timestamps"),
    "times of day": ("TIME '09:00' AS timestamp", "its timestamps are TIME; they must be dates or timestamps"),
    "list of timestamps": ("[timestamp] AS timestamp", "its timestamps are DATE[]; they must be dates or timestamps"),
    "time zone": ("timestamp::TIMESTAMPTZ AS timestamp", "its timestamps carry a time zone; bars need exchange-local"),
}


@pytest.mark.parametrize(("change", "message"), COLUMN_TYPES.values(), ids=COLUMN_TYPES.keys())
def test_a_column_of_another_type_is_an_error_that_names_file_and_column(tmp_path, change, message):
    copy(tmp_path / "p.parquet", f"SELECT * REPLACE ({change}) FROM bars")
    with pytest.raises(jt.DataError, match=f"p.parquet: {re.escape(message)}"):
        scan(tmp_path, "high > 1")


def test_among_files_per_symbol_a_column_of_another_type_fails_its_symbol(tmp_path):
    write(tmp_path / "A.parquet", bars("A").drop("symbol"))
    cases = {name: case for name, case in COLUMN_TYPES.items() if "symbols" not in name}
    for name, (change, _) in cases.items():
        copy(tmp_path / f"{name}.parquet", f"SELECT * REPLACE ({change}) FROM bars", bars("B").drop("symbol"))
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert reasons(result).keys() == cases.keys()
    for name, (_, message) in cases.items():
        assert reasons(result)[name].startswith(f"{name}.parquet: {message}")


def test_a_file_whose_symbols_are_no_text_is_a_warning_since_nobody_knows_whose_it_is(tmp_path):
    write(tmp_path / "A.parquet", bars("A"))
    copy(tmp_path / "5930.parquet", "SELECT * REPLACE (5930 AS symbol) FROM bars", bars("B"))
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert [each.split(";")[0] for each in result.warnings] == ["5930.parquet: its column of symbols is INTEGER"]
    assert "(not: 5930.parquet)" in reasons(scan(tmp_path, symbols=["005930"]))["005930"]


def test_dates_are_no_intraday_timestamps(tmp_path):
    write(tmp_path / "p.parquet", market("A"))
    with pytest.raises(jt.DataError, match="its timestamps are dates without a time of day; 5m bars need timestamps"):
        scan(tmp_path, timeframe="5m")


UNITS = ["TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"]


@pytest.mark.parametrize("timeframe", ["1d", "5m"])
@pytest.mark.parametrize("unit", UNITS)
def test_timestamps_of_any_unit_are_read(tmp_path, unit, timeframe):
    copy(tmp_path / "p.parquet", f"SELECT * REPLACE (timestamp::TIMESTAMP::{unit} AS timestamp) FROM bars")
    result = scan(tmp_path, timeframe=timeframe, end="2024-01-03")
    assert fired(result) == ["A 01-03"]
    kind = pl.Date if timeframe == "1d" else pl.Datetime("us")
    assert result.signals.matches.schema["timestamp"] == kind


def test_int96_timestamps_as_spark_wrote_them_are_read(tmp_path):
    table = market("A").cast({"timestamp": pl.Datetime("ns")}).to_arrow()
    pq.write_table(table, tmp_path / "p.parquet", use_deprecated_int96_timestamps=True)
    assert fired(scan(tmp_path)) == fired(scan(tmp_path, timeframe="5m")) == HITS["A"]


def test_the_time_of_day_of_daily_timestamps_does_not_count(tmp_path):
    close_of_day = pl.col("timestamp").cast(pl.Datetime) + pl.duration(hours=15, minutes=30)
    write(tmp_path / "p.parquet", market("A").with_columns(close_of_day))
    result = scan(tmp_path, end="2024-01-03")
    assert result.signals.matches["timestamp"].to_list() == [dt.date(2024, 1, 3)]


# ---- Columns

ODD_COLUMNS = {
    "nested": "{'close': 'text', 'more': [1, 2]} AS meta",
    "list": "[1, 2] AS close_list",
    "map": "MAP {'close': 1} AS m",
    "list of structs": "[{'close': 1, 'symbol': 2}] AS element",
    "other types": "uuid() AS id, INTERVAL 1 DAY AS i, 'x'::BLOB AS b, TIME '09:00' AS t, true AS flag",
    "duckdb's own": "1 AS file_row_number, 'x' AS filename, 2 AS file_index, 3 AS rowid",
    "quotes": """1 AS "say ""hi\""", 2 AS "it's", 3 AS "a[x]", 4 AS "a b", 5 AS "한글", 6 AS "; DROP TABLE x" """,
    "ours": "1 AS _x, 2 AS _i, 3 AS _p, 4 AS row, 5 AS signal, 6 AS hits",
}  # fmt: skip


@pytest.mark.parametrize("change", ODD_COLUMNS.values(), ids=ODD_COLUMNS.keys())
@pytest.mark.parametrize("select", ["{}, *", "*, {}"])
def test_columns_that_nobody_reads_may_be_anything(tmp_path, change, select):
    copy(tmp_path / "many.parquet", f"SELECT {select.format(change)} FROM bars", market("A", "B"))
    copy(tmp_path / "C.parquet", f"SELECT {select.format(change)} FROM bars", market("C").drop("symbol"))
    assert fired(scan(tmp_path)) == [*HITS["A"], *HITS["B"], *HITS["C"]]


def test_a_column_is_read_by_its_own_name_or_by_a_mapping(tmp_path):
    odd = ['say "hi"', "it's", "a[x]", "a b", "a.b", "a\\b", "a;b", "$1"]
    names = {f"x{number}": name for number, name in enumerate(odd)}
    extra = [pl.lit(number, pl.Int8).alias(name) for number, name in enumerate([*odd, "시가총액"], start=1)]
    write(tmp_path / "p.parquet", market("A").with_columns(extra))
    total = " + ".join(f"{name} * {10**power}" for power, name in enumerate(names))
    formula = f"n = {total}\nm = 시가총액\nmatch = close > 10"
    result = scan(tmp_path, formula, columns=names)
    assert result.signals.matches.select("n", "m").rows() == [(87654321.0, 9.0)] * 2


def test_files_may_differ_in_the_order_and_types_of_columns(tmp_path):
    write(tmp_path / "a.parquet", market("A"))
    turned = market("B").select("volume", "close", "low", "high", "open", "timestamp", "symbol")
    write(tmp_path / "b.parquet", turned)
    others = {"close": pl.Int16, "open": pl.Float32, "timestamp": pl.Datetime("ms"), "volume": pl.UInt64}
    write(tmp_path / "c.parquet", market("C").cast(others))
    assert fired(scan(tmp_path, "close > 10 and volume == 100 and open == close")) == [
        *HITS["A"], *HITS["B"], *HITS["C"],
    ]  # fmt: skip


def test_columns_in_another_order_are_not_mixed_up(tmp_path):
    prices = market("A").with_columns(open=pl.lit(1.0), high=pl.lit(2.0), low=pl.lit(3.0), volume=pl.lit(5.0))
    write(tmp_path / "a.parquet", prices)
    write(tmp_path / "b.parquet", prices.with_columns(symbol=pl.lit("B")).select(sorted(prices.columns)))
    found = scan(tmp_path, "n = open + 10 * high + 100 * low + 1000 * volume\nmatch = close > 10").signals.matches
    assert found.select("symbol", "close", "n").sort("symbol", "close").rows() == [
        ("A", 11.0, 5321.0), ("A", 12.0, 5321.0), ("B", 11.0, 5321.0), ("B", 12.0, 5321.0),
    ]  # fmt: skip


def test_a_column_that_one_file_lacks_is_unknown_there(tmp_path):
    write(tmp_path / "a.parquet", market("A").with_columns(per=pl.lit(7.0)))
    write(tmp_path / "b.parquet", market("B"))
    result = scan(tmp_path, "p = per\nmatch = close > 10")
    assert fired(result) == [*HITS["A"], *HITS["B"]]
    assert set(result.signals.matches.select("symbol", "p").rows()) == {("A", 7.0), ("B", None)}
    assert fired(scan(tmp_path, "per > 5 and close > 10")) == HITS["A"]
    result = scan(tmp_path, "per > 7")
    assert fired(result) == []
    assert reasons(result) == {"B": "the formula is unknown on every bar of the range"}


def test_a_column_that_is_text_in_one_file_is_no_number_to_a_formula(tmp_path):
    write(tmp_path / "a.parquet", market("A").with_columns(per=pl.lit(7.0)))
    write(tmp_path / "b.parquet", market("B").with_columns(per=pl.lit("7")))
    with pytest.raises(jt.FormulaError, match="per"):
        scan(tmp_path, "per > 5")
    assert fired(scan(tmp_path)) == [*HITS["A"], *HITS["B"]]


@pytest.mark.parametrize(("column", "kind"), {"'x' AS memo": "text", "true AS memo": "true or false"}.items())
def test_a_column_that_is_no_number_cannot_be_compared(tmp_path, column, kind):
    copy(tmp_path / "p.parquet", f"SELECT *, {column} FROM bars")
    assert fired(scan(tmp_path)) == HITS["A"]
    with pytest.raises(jt.FormulaError, match=kind):
        scan(tmp_path, "memo > 5")


def test_a_missing_price_matters_only_to_formulas_that_read_it(tmp_path):
    write(tmp_path / "p.parquet", market("A").drop("open", "close"))
    result = scan(tmp_path, "volume > 1", end="2024-01-01")
    assert result.signals.matches.select("symbol", "close").rows() == [("A", None)]
    with pytest.raises(jt.FormulaError, match="the price files have no column 'close'; they have: high, low, volume"):
        scan(tmp_path, "close > 1")


def test_close_alone_is_enough(tmp_path):
    write(tmp_path / "p.parquet", market().select("symbol", "timestamp", "close"))
    assert fired(scan(tmp_path)) == [*HITS["A"], *HITS["B"], *HITS["C"]]


MISSING = [
    ("symbol close", None,
     "it has no column 'timestamp'; it has: symbol, close. Name the column: columns={'timestamp': 'its name'}"),
    ("symbol Date close", None,
     "it has no column 'timestamp'; it has: symbol, Date, close. Name the column: columns={'timestamp': 'Date'}"),
    ("symbol timestamp Close", None,
     "it has none of open, high, low, close, volume; it has: symbol, timestamp, Close"),
    ("symbol timestamp close", {"timestamp": "dt"},
     "it has no column 'dt' for timestamp; it has: symbol, timestamp, close"),
    ("symbol date close", {"date": "timestamp"},
     "it has no column 'timestamp' for date; it has: symbol, date, close. "
     "Our name comes first: columns={'timestamp': 'date'}"),
    ("symbol timestamp close", {"moment": "timestamp"},
     "it has no column 'timestamp'; it has: symbol, timestamp (as moment), close. "
     "Name the column: columns={'timestamp': 'timestamp'}"),
    ("symbol timestamp close Close", None,
     "its columns 'close' and 'Close' have the same name; rename one"),
]  # fmt: skip


@pytest.mark.parametrize(("there", "columns", "message"), MISSING)
def test_missing_columns_are_named_with_those_that_are_there(tmp_path, there, columns, message):
    kinds = {"symbol": pl.lit("A"), "timestamp": pl.lit(MONDAY), "date": pl.lit(MONDAY), "Date": pl.lit(MONDAY)}
    write(tmp_path / "p.parquet", pl.select(kinds.get(name, pl.lit(1.0)).alias(name) for name in there.split()))
    with pytest.raises(jt.DataError, match=f"p.parquet: {re.escape(message)}$"):
        scan(tmp_path, columns=columns)


def test_a_column_that_is_there_twice_is_told(tmp_path):
    table = market("A").to_arrow()
    pq.write_table(table.append_column("close", pa.array([99.0] * 5)), tmp_path / "p.parquet")
    with pytest.raises(jt.DataError, match="its columns 'close' and 'close' have the same name; rename one"):
        scan(tmp_path)


MAPPINGS = {
    "Korean": {
        "symbol": "종목코드",
        "timestamp": "일자",
        "open": "시가",
        "high": "고가",
        "low": "저가",
        "close": "종가",
    },
    "only the timestamp": {"timestamp": "date"},
    "capitals": {name: name.capitalize() for name in ("timestamp", "open", "high", "low", "close", "volume")},
    "a dot": {"close": "adj.close"},
}


@pytest.mark.parametrize("columns", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_columns_may_be_called_otherwise(tmp_path, columns):
    write(tmp_path / "p.parquet", market().rename(columns))
    result = scan(tmp_path, columns=columns)
    assert fired(result) == [*HITS["A"], *HITS["B"], *HITS["C"]]
    assert result.signals.matches.columns == ["symbol", "name", "timestamp", "signal_type", "close"]


def test_a_renamed_column_hides_the_one_that_has_our_name(tmp_path):
    write(tmp_path / "p.parquet", market("A").with_columns(adj_close=pl.col("close") + 100))
    result = scan(tmp_path, "close > 10", columns={"close": "adj_close"})
    assert result.signals.matches["close"].to_list() == [109.0, 110.0, 111.0, 112.0, 108.0]
    assert fired(scan(tmp_path, columns={"raw": "close", "close": "adj_close"}, formula="raw > 10")) == HITS["A"]


def test_two_columns_may_be_swapped(tmp_path):
    write(tmp_path / "p.parquet", market("A").with_columns(open=pl.lit(1.0)))
    columns = {"open": "close", "close": "open"}
    assert fired(scan(tmp_path, "open > 10 and close == 1", columns=columns)) == HITS["A"]


def test_one_column_may_serve_as_several(tmp_path):
    write(tmp_path / "p.parquet", market("A").select("symbol", "timestamp", price="close"))
    columns = dict.fromkeys(("open", "high", "low", "close"), "price")
    assert fired(scan(tmp_path, "high > 10 and open == close", columns=columns)) == HITS["A"]


def test_the_sample_of_this_repository_needs_no_mapping():
    sample = Path(__file__).parents[2] / "data"
    result = jt.Scanner(sample, raise_internal=True).scan("close > 0", last=1)
    assert result.account["symbols"].sum() == result.outcomes.height
    assert result.warnings[0].startswith("the prices are invented")
