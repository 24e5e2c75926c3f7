"""Rows from sources of every shape into a store: each line that was written is accounted for."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import jtscan as jt

HEADER = "symbol,date,open,high,low,close,volume"


def text(*rows, header=HEADER, end="\n"):
    return end.join([header, *rows, ""])


def reasons(report):
    return report.quarantine["reason"].to_list()


@pytest.mark.parametrize(("first", "set_aside"), [("A,2024-01-02,10,11,9,10,100", 0), ("A,2024-01-02,,,,,0", 1)])
def test_the_quarantine_of_a_report_has_its_columns_also_when_it_is_empty(desk, first, set_aside):
    desk.csv(first, "A,2024-01-03,10,11,9,10,100")
    quarantine = desk.ingest().quarantine
    assert quarantine.height == set_aside
    assert quarantine.schema == pl.Schema(
        {"symbol": pl.String, "timestamp": pl.Date, "reason": pl.String, "text": pl.String, "source": pl.String}
        | dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64)
    )


# ---- Lines


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_that_are_no_rows_are_set_aside_and_counted(desk, end):
    rows = [
        "A,2024-01-02,10,11,9,10,100",
        "A,2024-01-03,10,11,9",  # too few cells
        "A,2024-01-04,10,11,9,10,100,7,8",  # too many
        "A,2024-01-05,10,11,9,10,100",
        'A,2024-01-08,10,11,9,"10,100',  # an open quote, closed by nothing
        "A,2024-01-09,10,11,9,10,100",
        "A,2024-01-10,10,11,9,10,100",
    ]
    desk.write("prices.csv", text(*rows[:4], end=end))
    desk.write("quote.csv", text(*rows[4:5], end=end))
    report = desk.ingest()
    assert (report.counts.bars, report.counts.quarantined, report.counts.read) == (2, 3, 5)
    assert report.files["rows"].to_list() == [4, 1]
    assert sorted(desk.closes()) == ["A 2024-01-02", "A 2024-01-05"]
    assert sorted(reasons(report)) == [
        "close is not a number",
        "the line cannot be read: missing columns",
        "the line cannot be read: too many columns",
    ]
    assert "A,2024-01-03,10,11,9" in report.quarantine["text"].to_list()


def test_an_open_quote_costs_no_line_that_is_not_told(desk):
    desk.csv(
        "A,2024-01-02,10,11,9,10,100",
        'A,2024-01-03,10,11,9,"10,100',
        "A,2024-01-04,10,11,9,10,100",
        "A,2024-01-05,10,11,9,10,100",
    )
    report = desk.ingest()
    assert report.counts.read == 4


def test_a_quoted_cell_may_hold_delimiters_and_quotes(desk):
    header = "symbol,date,open,high,low,close,volume,note"
    desk.csv(
        'A,2024-01-02,"1,234","1,300","1,200","1,250.5","1,000","say ""hi"", twice"',
        '"A","2024-01-03",10,11,9,10,5,',
        header=header,
    )
    report = desk.ingest()
    assert report.counts.bars == 2
    assert desk.closes() == {"A 2024-01-02": 1250.5, "A 2024-01-03": 10.0}


def test_lines_without_anything_are_no_rows(desk):
    desk.write("prices.csv", text("A,2024-01-02,10,11,9,10,100", "", "A,2024-01-03,10,11,9,10,100", "", ""))
    assert desk.ingest().counts.read == 2


def test_the_header_once_more_in_the_middle_is_a_row_that_is_none(desk):
    report = desk.rows("A,2024-01-02,10,11,9,10,100", HEADER, "A,2024-01-03,10,11,9,10,100")
    assert (report.counts.bars, report.counts.quarantined) == (2, 1)


def test_every_kind_of_row_is_counted_and_kept_with_its_reason_and_text(desk):
    report = desk.rows(
        "A,2024-01-02,10,11,9,10,100",
        "A,2024-01-03,0,0,0,10,0",
        "A,2024-01-04,10,11,9,abc,100",
        "A,2024-01-05,10,11,9,,100",
        "A,2024-01-08,10,11,9,-10,100",
        "A,2024-01-09,10,11,9,10,-5",
        "A,2024-01-10,10,10,9,10.03,1",
        "A,2024-01-11,10,11,9,10,100",
        "A,2024-01-11,10,11,9,10,100",
        "A,2024-01-12,10,11,9,10,100",
        "A,2024-01-12,10,11,9,10.5,100",
        ",2024-01-15,10,11,9,10,100",
        "A,someday,10,11,9,10,100",
        "A,2024-01-16,NaN,inf,-,-inf,N/A",
    )
    assert report.counts == jt.domain.stores.Counts(bars=3, halts=1, duplicates=1, quarantined=9, repaired=1)
    assert report.counts.read == 14
    found = {f"{moment}": reason for moment, reason in report.quarantine.select("timestamp", "reason").iter_rows()}
    assert found == {
        "2024-01-04": "close is not a number",
        "2024-01-05": "missing: close",
        "2024-01-08": "close is -10.0: a price is above 0",
        "2024-01-09": "volume is -5.0: it cannot be negative",
        "2024-01-12": "2 rows of this symbol and timestamp have other values",
        "2024-01-15": "it has no symbol",
        "None": "its timestamp cannot be read",
        "2024-01-16": "missing: open, high, low, close, volume",
    }
    texts = dict(report.quarantine.select("reason", "text").iter_rows())
    assert "abc" in texts["close is not a number"]
    assert "someday" in texts["its timestamp cannot be read"]
    assert report.quarantine["source"].unique().to_list() == [str(desk.sources / "prices.csv")]


def test_only_bad_rows_are_no_version(desk):
    report = desk.rows("A,2024-01-02,10,11,9,-10,100")
    assert (report.counts.read, report.counts.quarantined) == (1, 1)
    assert report.quarantine["reason"].to_list() == ["close is -10.0: a price is above 0"]
    assert report.version is None


def test_a_file_of_the_whole_market_has_its_day_in_its_name(desk):
    desk.write(
        "data_20241002.csv", "종목코드,종목명,종가,시가,고가,저가,거래량\n005930,삼성전자,61300,61000,61500,60900,100\n"
    )
    report = desk.ingest()
    assert desk.closes() == {"005930 2024-10-02": 61300.0}
    assert report.files["note"].to_list() == ["its day, 2024-10-02, is that of its name"]


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("20241002.csv", "시가,고가,저가,종가,거래량", "it has no column of dates"),  # whose day, and whose prices?
        ("A.csv", "2024-01-02,10,11,9,10.5,100", "it seems to have no header: its first line is 2024-01-02, 10,"),
        ("2024-01-02_2024-02-02.csv", "code,close", "it has no column of dates"),
    ],
)
def test_a_file_whose_columns_cannot_be_known_says_why(desk, name, header, said):
    desk.csv("A,2024-01-02,1,1,1,1,1", name="good.csv")
    desk.write(name, f"{header}\n{header}\n")
    note = desk.ingest().files.filter(pl.col("file").str.ends_with(name))["note"].item()
    assert note.startswith(said)


def test_codes_that_lost_their_zeros_are_told(desk):
    desk.rows("005930,2024-01-02,1,1,1,1,1", "7,2024-01-02,1,1,1,1,1")
    notes = " ".join(desk.rows("5930,2024-01-03,1,1,1,1,1", "660,2024-01-03,1,1,1,1,1").notes)
    assert "5930 came beside 005930 (1)" in notes


def test_a_file_that_is_called_like_no_symbol_is_told(desk):
    desk.write("today nosym.csv", "date,close\n2024-01-02,1\n")
    assert any("'today nosym'" in note and "--symbol-pattern" in note for note in desk.ingest().notes)


def test_a_source_without_volume_beside_one_with_it(desk):
    desk.write("with.csv", text("A,2024-01-02,10,11,9,10,100", "A,2024-01-03,10,11,9,10,"))
    desk.write("without.csv", text("B,2024-01-02,10,11,9,10", header="symbol,date,open,high,low,close"))
    report = desk.ingest()
    assert desk.bars().select("symbol", "volume").rows() == [("A", 100.0), ("B", None)]
    assert reasons(report) == ["missing: volume"]


def test_closes_alone_will_do(desk):
    desk.rows("A,2024-01-02,10", header="symbol,date,close")
    assert desk.bars().columns == ["symbol", "timestamp", "close"]
    assert desk.store.quality().suspicious.height == 0


def test_files_of_one_symbol_and_of_many_come_together(desk):
    desk.write("005930.csv", "날짜,시가,고가,저가,종가,거래량\n2024-01-02,10,11,9,10,100\n")
    desk.write("all.csv", text("005930,2024-01-02,10,11,9,10,100", "AAPL,2024-01-02,1,1,1,1,1"))
    report = desk.ingest()
    assert (report.counts.bars, report.counts.duplicates) == (2, 1)
    assert (report.symbols, report.first, report.last) == (2, "2024-01-02", "2024-01-02")


def test_marcap_and_metastock_and_kaggle_lines(desk):
    desk.write("marcap-2024.csv", (
        "Code,Name,Market,Dept,Close,ChangeCode,Changes,ChagesRatio,Volume,Amount,Open,High,Low,Marcap,Stocks,MarketId,Rank,Date\n"
        "005930,삼성전자,KOSPI,,79600,1,1100,1.4,17142847,1.3565e12,78200,79800,78200,475193000000000,5969782550,STK,1,2024-01-02\n"
        "0004V0,신형,KOSDAQ,벤처기업부,1000,3,0,0.0,0,0,0,0,0,1000000,1000,KSQ,2,2024-01-02\n"
    ))  # fmt: skip
    desk.write(
        "wse.txt",
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nPKO,D,20240102,000000,50,51,49,50.5,1000,0\n",
    )
    desk.write("AAL_data.csv", "date,open,high,low,close,volume,Name\n2024-01-02,15.07,15.12,14.63,14.75,8407500,AAL\n")
    report = desk.ingest()
    assert desk.closes() == {"005930 2024-01-02": 79600.0, "PKO 2024-01-02": 50.5, "AAL 2024-01-02": 14.75}
    assert desk.closes("halts") == {"0004V0 2024-01-02": 1000.0}
    assert desk.bars().filter(symbol="005930")["marcap"].item() == 475193000000000
    assert report.counts.read == 4
    assert "Dept" in " ".join(report.notes)


@pytest.mark.parametrize("name", ["AAPL.csv", "many.csv"])
def test_the_header_of_three_lines_that_yfinance_writes(desk, name):
    desk.write(
        "AAPL.csv",
        "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n2024-01-02,10,11,9,10,100\n",
    )
    desk.write("many.csv", "Price,Close,Close,Open,Open\nTicker,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n2024-01-02,10,20,9,19\n")
    desk.ingest(desk.sources / name)
    assert desk.closes() == {"AAPL 2024-01-02": 10.0, **({"MSFT 2024-01-02": 20.0} if name == "many.csv" else {})}


# ---- Parquet


@pytest.mark.parametrize(
    "kind", [pl.Int64, pl.Float32, pl.Float64, pl.Decimal(10, 2), pl.UInt32, pl.String]
)  # fmt: skip
def test_prices_of_any_type_of_number(desk, kind):
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Series([10]).cast(kind))
    desk.ingest(pl.DataFrame({"symbol": ["A"], "date": [dt.date(2024, 1, 2)], **prices}))
    assert desk.closes() == {"A 2024-01-02": 10.0}
    assert desk.bars().schema["close"] == pl.Float64


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64])
def test_a_column_of_symbols_that_are_numbers_is_refused(desk, kind):
    frame = pl.DataFrame({"code": pl.Series([5930]).cast(kind), "date": [20240102], "close": [1.0]})
    with pytest.raises(
        jt.DataError,
        match=r"its column of symbols, 'code', is (BIGINT|DOUBLE); symbols are text, with their leading zeros \('005930'\)",
    ):
        desk.ingest(frame)


def test_symbols_of_a_parquet_file_stay_text_categorical_ones_too(desk):
    symbols = ["005930", "0012E0", "BRK.B", "00088K"]
    frame = pl.DataFrame({"symbol": symbols, "date": dt.date(2024, 1, 2), "close": 1.0})
    desk.write("plain.parquet", frame)
    desk.write("categories.parquet", frame.with_columns(pl.col("symbol").cast(pl.Categorical)))
    report = desk.ingest()
    assert desk.symbols() == sorted(symbols)
    assert report.counts.duplicates == 4


def test_a_parquet_file_without_rows_is_no_problem_and_one_without_columns_is_told(desk):
    frame = pl.DataFrame({"symbol": ["A"], "date": [dt.date(2024, 1, 2)], "close": [1.0]})
    desk.write("a.parquet", frame)
    desk.write("b.parquet", frame.clear())
    desk.write("c.parquet", pl.DataFrame({"x": [1]}))
    report = desk.ingest()
    assert report.files.select("rows", "unusable", "unread").rows() == [(1, False, 0), (0, False, 0), (0, True, 1)]


def test_nan_and_infinity_in_parquet_are_missing_prices(desk):
    frame = pl.DataFrame(
        {
            "symbol": "A",
            "date": [dt.date(2024, 1, day) for day in (2, 3, 4)],
            "close": [float("nan"), float("inf"), 5.0],
        }
    )
    report = desk.ingest(frame)
    assert reasons(report) == ["missing: close"] * 2
    assert desk.closes() == {"A 2024-01-04": 5.0}


def test_parquet_below_hive_folders_keeps_its_own_columns(desk):
    desk.write(
        "year=2024/symbol=WRONG/a.parquet",
        pl.DataFrame({"symbol": ["A"], "date": [dt.date(2024, 1, 2)], "close": [1.0]}),
    )
    desk.ingest()
    assert desk.closes() == {"A 2024-01-02": 1.0}
    assert desk.bars().columns == ["symbol", "timestamp", "close"]


def own(desk, **columns):
    """What a store has of further columns."""
    desk.ingest(pl.DataFrame({"symbol": ["A"], "date": [dt.date(2024, 1, 2)], "close": [1.0], **columns}))
    return {
        name: value
        for name, value in desk.bars().row(0, named=True).items()
        if name not in ("symbol", "timestamp", "close")
    }


def test_columns_of_strange_names_do_no_harm(desk):
    names = {'a"b': 6.0, "it's": 7.0, "select": 8.0, "file": 9.0, "#file": 2.0, "rows": 3.0}
    assert own(desk, **names) == {"a_b": 6.0, "it_s": 7.0, "select": 8.0, "rows": 3.0, "file": 9.0}


@pytest.mark.parametrize(
    "name", ["number", "source_symbol", "staged_symbol", "r0", "reason", "path", "file_row_number", "file_name"]
)
def test_a_further_column_may_be_called_as_one_of_our_inner_ones(desk, name):
    assert own(desk, **{name: 7.0}) == {name: 7.0}


# ---- Requests


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeframe": "3d"}, "timeframe: '3d' is not known"),
        ({"halts": "none"}, "halts: 'none' is unknown; write 'zero' or 'flat'"),
        ({"symbol_pattern": "krx_*"}, r"symbol_pattern: 'krx_\*' does not say where the symbol is"),
        ({"columns": {"px": "close"}}, "columns: 'px' is not one of ours"),
        (
            {"adjust": True},
            "adjust: .*prices.csv has no column of adjusted closes, such as 'Adj Close'; leave adjust out",
        ),
    ],
)
def test_an_argument_that_cannot_be_is_refused_and_nothing_is_written(desk, options, said):
    with pytest.raises(jt.RequestError, match=said):
        desk.rows("A,2024-01-02,10,11,9,10,100", **options)
    assert not (desk.root / "manifest.json").exists()


def test_progress_is_told(desk):
    heard = []
    desk.rows("A,2024-01-02,10,11,9,10,100", progress=lambda *said: heard.append(said))
    assert ("reading files", 1, 1) in heard
    assert ("writing symbols", 1, 1) in heard


def test_adjust_through_an_ingest(desk):
    header = "Date,Open,High,Low,Close,Adj Close,Volume"
    desk.write("AAPL.csv", text("2024-01-02,100,120,80,110,55,7", "2024-01-03,0,0,0,110,55,0", header=header))
    report = desk.ingest(adjust=True)
    assert desk.bars().select("open", "high", "low", "close", "volume", "raw_close").row(0) == (
        50.0,
        60.0,
        40.0,
        55.0,
        7.0,
        110.0,
    )
    assert (report.counts.bars, report.counts.halts) == (1, 1)
    assert desk.ingest(adjust=True).version is None


@pytest.mark.parametrize(("day", "told"), [("2024-01-03", True), (None, False)], ids=["bars", "only symbols"])
def test_closes_that_were_not_adjusted_are_told_beside_adjusted_ones(desk, day, told):
    header = "Date,Open,High,Low,Close,Adj Close,Volume"
    desk.ingest(desk.write("AAPL.csv", text("2024-01-02,100,120,80,110,55,7", header=header)), adjust=True)
    later = None if day is None else desk.write("AAPL.csv", text(f"{day},100,120,80,110,55,7", header=header))
    report = jt.ingest(later, desk.root, symbols=pl.DataFrame({"symbol": ["AAPL"]}))
    assert any("these were taken without adjust" in note for note in report.notes) == told


# ---- Any mixture adds up

KINDS = {
    "bar": "{symbol},2024-01-{day:02},10,12,8,{close},100",
    "halt": "{symbol},2024-01-{day:02},0,0,0,{close},0",
    "repair": "{symbol},2024-01-{day:02},10,10,8,10.03,100",
    "negative": "{symbol},2024-01-{day:02},10,12,8,-{close},100",
    "text": "{symbol},2024-01-{day:02},10,12,8,x{close},100",
    "short": "{symbol},2024-01-{day:02},10",
    "long": "{symbol},2024-01-{day:02},10,12,8,{close},100,1,1",
    "no day": "{symbol},2024-99-{day:02},10,12,8,{close},100",
    "no symbol": ",2024-01-{day:02},10,12,8,{close},100",
    "empty": ",,,,,,",
}
ROWS = st.lists(
    st.tuples(st.sampled_from([*KINDS, "bar", "bar", "bar", "halt"]), st.sampled_from("AB"), st.integers(2, 5), st.sampled_from([9, 11])),
    min_size=1, max_size=12,
)  # fmt: skip


def taken_in(known, pieces):
    """What a store should have after one ingest of some files, in plain Python: equal rows are one, others contradict."""
    values = {}
    for kind, symbol, day, close in [row for piece in pieces for row in piece]:
        if kind in ("bar", "halt", "repair"):
            value = (
                kind == "halt",
                10.03 if kind == "repair" else float(close),
                10.03 if kind == "repair" else 0.0 if kind == "halt" else 12.0,
            )
            values.setdefault(f"{symbol} 2024-01-{day:02}", set()).add(value)
    return {
        **known,
        **{key: value for key, (value, *more) in ((key, list(value)) for key, value in values.items()) if not more},
    }


@example([[[("negative", "A", 2, 9)]], [[("bar", "A", 2, 9), ("bar", "A", 2, 11)]]])  # nothing but quarantine
@given(st.lists(st.lists(ROWS, min_size=1, max_size=2), min_size=2, max_size=2))
def test_whatever_comes_in_the_counts_add_up_and_the_last_ingest_wins(new_desk, ingests):
    desk = new_desk()
    known = {}
    for pieces in [*ingests, ingests[-1]]:
        paths = [
            desk.write(f"{place}.csv", text(*(KINDS[kind].format(symbol=symbol, day=day, close=close) for kind, symbol, day, close in piece)))
            for place, piece in enumerate(pieces)
        ]  # fmt: skip
        report = desk.ingest(*paths)
        assert report.files["rows"].to_list() == [len(piece) for piece in pieces]
        known = taken_in(known, pieces)
        stored = {
            f"{symbol} {moment}": (halt, close, high)
            for kind, halt in (("bars", False), ("halts", True))
            for symbol, moment, close, high in (desk.of(kind).select("symbol", "timestamp", "close", "high").iter_rows() if desk.of(kind).height else ())
        }  # fmt: skip
        assert stored == known
    assert report.version is None
    if desk.root.joinpath("manifest.json").exists():
        assert desk.store.quality().balance["missing"].to_list() == ([0] if known else [])


def test_decimals_are_kept_to_the_last_digit(desk):
    desk.ingest(
        pl.DataFrame({"symbol": ["A"], "date": [dt.date(2024, 1, 2)], "close": pl.Series([Decimal("123.4567")])})
    )
    assert desk.closes() == {"A 2024-01-02": 123.4567}


def test_a_file_like_object_is_refused(desk):
    with pytest.raises(jt.RequestError, match="source: StringIO is neither a path nor a Polars, pandas or Arrow frame"):
        jt.ingest(io.StringIO("date,close"), desk.root)
