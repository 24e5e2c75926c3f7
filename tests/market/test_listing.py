"""Tables of symbols, members and watchlists as people have them; heads are those of the sources, rows are made up."""

from __future__ import annotations

import datetime as dt
import gzip

import pandas as pd
import polars as pl
import pytest

from jtscan.errors import DataError, DataNotFoundError, RequestError
from jtscan.market.listing import read_members, read_symbols, read_watchlist

DAY = dt.date(2024, 1, 31)


def file(folder, text, *, name="list.csv", encoding="utf-8", pack=False):
    path = folder / name
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if pack else data)
    return path


def rows(source, *columns, mapping=None):
    table, notes = read_symbols(source, mapping)
    assert notes == ()
    return table.select(columns).rows()


# ── the lists of known sources ────────────────────────────────────────────────

KRX_DELISTING = """Symbol,Name,Market,SecuGroup,Kind,ListingDate,DelistingDate,Reason,ArrantEnforceDate,ArrantEndDate,Industry,ParValue,ListingShares,ToSymbol,ToName
900030,가상연합과기,KOSPI,외국주권,보통주,2008-11-28,2012-09-14 00:00:00,감사의견 거절,2012-09-05,2012-09-13,전자부품,0,39810000,,
012E00,가상옛회사,KOSDAQ,주권,보통주,2001.05.02,20131231,합병,,,화학,500.5,100,005930,가상전자
"""
STOCK_LISTING = """Code,ISU_CD,Name,Market,Dept,Close,ChangeCode,Changes,ChagesRatio,Open,High,Low,Volume,Amount,Marcap,Stocks,MarketId
005930,KR7005930003,가상전자,KOSPI,,70000,1,100,0.14,69900,70100,69800,1000,70000000,417890000000,5969782550,STK
247540,KR7247540008,가상비엠,KOSDAQ,우량기업부,200000,2,-500,-0.25,201000,202000,199000,10,2000000,19560000000,97801344,KSQ
"""
SP500 = "Symbol,Name,Sector,Industry\nBRK.B,Hathaway,Financials,Insurance\nTRUE,TrueCar,Communication,Media\n"
KRX_BASICS = (
    '"표준코드","단축코드","한글 종목명","한글 종목약명","영문 종목명","상장일","시장구분","증권구분","소속부","주식종류","액면가"\n'
    '"KR7005930003","005930","가상전자보통주","가상전자","Imaginary","1975/06/11","KOSPI","주권","","보통주","100"\n'
    '"KR7005931001","00593K","가상전자1우선주","가상전자우","Imaginary(1P)","1989/09/25","KOSPI","주권","","구형우선주","무액면"\n'
)
KIND = "회사명\t종목코드\t업종\t상장일\n가상전자\t005930\t통신 및 방송 장비\t1975-06-11\n"
OURS = ["symbol", "name", "market", "sector", "listed", "delisted"]


@pytest.mark.parametrize(
    ("text", "expected", "others"),
    [
        (
            KRX_DELISTING,
            [
                ("900030", "가상연합과기", "KOSPI", "전자부품", dt.date(2008, 11, 28), dt.date(2012, 9, 14)),
                ("012E00", "가상옛회사", "KOSDAQ", "화학", dt.date(2001, 5, 2), dt.date(2013, 12, 31)),
            ],
            {"Kind": ["보통주", "보통주"], "ParValue": [0.0, 500.5], "ToSymbol": [None, "005930"],
             "ArrantEnforceDate": ["2012-09-05", None]},
        ),
        (
            STOCK_LISTING,
            [("005930", "가상전자", "KOSPI", None, None, None), ("247540", "가상비엠", "KOSDAQ", None, None, None)],
            {"Dept": [None, "우량기업부"], "ISU_CD": ["KR7005930003", "KR7247540008"], "Changes": [100.0, -500.0],
             "Marcap": [417890000000.0, 19560000000.0], "MarketId": ["STK", "KSQ"]},
        ),
        (
            SP500,
            [("BRK.B", "Hathaway", None, "Financials", None, None), ("TRUE", "TrueCar", None, "Communication", None, None)],
            {"Industry": ["Insurance", "Media"]},
        ),
        (
            KRX_BASICS,
            [
                ("005930", "가상전자", "KOSPI", None, dt.date(1975, 6, 11), None),
                ("00593K", "가상전자우", "KOSPI", None, dt.date(1989, 9, 25), None),
            ],
            {"증권구분": ["주권", "주권"], "액면가": ["100", "무액면"], "한글 종목명": ["가상전자보통주", "가상전자1우선주"]},
        ),
        (KIND, [("005930", "가상전자", None, "통신 및 방송 장비", dt.date(1975, 6, 11), None)], {}),
    ],
    ids=["KRX-DELISTING", "StockListing", "S&P500", "KRX", "KIND"],
)  # fmt: skip
@pytest.mark.parametrize(
    "write", [{}, {"encoding": "utf-8-sig"}, {"encoding": "cp949"}, {"pack": True, "name": "a.csv.gz"}], ids=str
)
def test_the_lists_of_known_sources_are_read_in_every_encoding(tmp_path, text, expected, others, write):
    table, notes = read_symbols(file(tmp_path, text.replace("\n", "\r\n"), **write))
    assert table.columns[:6] == OURS
    assert table.select(OURS).rows() == expected
    assert {name: table[name].to_list() for name in others} == others
    assert notes == ()


def test_what_was_read_is_what_the_repository_reads(tmp_path):
    import asyncio

    from jtscan.market.symbols import DuckDBSymbolRepository

    table, _ = read_symbols(file(tmp_path, STOCK_LISTING))
    table.write_parquet(tmp_path / "symbols.parquet")
    repository = DuckDBSymbolRepository(tmp_path / "symbols.parquet")
    assert repository.table().equals(table)
    assert asyncio.run(repository.find_by_criteria(where={"MarketId": "KSQ"})) == ["247540"]


MARCAP = """,Code,Name,Market,Dept,Close,Volume,Marcap,Stocks,Date
0,000660,가상반도체(구),KOSPI,,100,1,1000,10,2023-12-28
1,005930,가상전자,KOSPI,,70,1,700,10,2023-12-28
2,005930,가상전자,KOSPI,,71,1,710,10,2024-01-02
3,000660,가상반도체,KOSPI,대형,110,1,1100,10,2024-01-02
4,035720,가상톡,KOSDAQ,중견기업부,50,1,500,10,2023-12-28
"""


def test_daily_data_gives_each_symbol_as_on_its_newest_day(tmp_path):
    table, notes = read_symbols(file(tmp_path, MARCAP))
    assert table.select("symbol", "name", "Dept", "Close", "Date").rows() == [
        ("000660", "가상반도체", "대형", 110.0, dt.date(2024, 1, 2)),
        ("005930", "가상전자", None, 71.0, dt.date(2024, 1, 2)),
        ("035720", "가상톡", "중견기업부", 50.0, dt.date(2023, 12, 28)),
    ]
    assert notes == ("daily data: each symbol as on its newest day, 3 of 5 rows",)
    assert "" not in table.columns  # the row numbers of pandas


def test_daily_rows_without_a_symbol_or_a_day_are_counted():
    frame = pl.DataFrame(
        {"code": [" B", "B", None, "A", "A", ""], "close": [1, 2, 3, 4, 5, 6],
         "날짜": ["20240102", "20240103", "20240104", "soon", "20240101", "20240101"]}
    )  # fmt: skip
    table, notes = read_symbols(frame)
    assert table.select("symbol", "close", "날짜").rows() == [
        ("A", 5.0, dt.date(2024, 1, 1)),
        ("B", 2.0, dt.date(2024, 1, 3)),
    ]
    assert notes == ("daily data: each symbol as on its newest day, 2 of 6 rows", "rows left out, without a symbol: 2")


# ── columns ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "head", ["symbol", "CODE", "Ticker", "티커", "종목코드", "단축코드", "SHORT_CODE", "ISU_SRT_CD", " Symbol "]
)
def test_a_column_of_symbols_is_known_by_many_names(tmp_path, head):
    assert rows(file(tmp_path, f"{head},x\n0012E0,1\n000100,2\n"), "symbol", "x") == [("0012E0", 1.0), ("000100", 2.0)]


def test_a_mapping_names_columns_and_wins(tmp_path):
    path = file(tmp_path, "ISIN,code,Sector,업종명,증권구분\nKR1,005930,Tech,반도체,ST\n")
    found = read_symbols(path, {"symbol": "ISIN", "sector": "업종명", "kind": "증권구분"})[0]
    assert found.columns == [*OURS, "kind", "code", "their_Sector"]
    assert found.select("symbol", "sector", "kind", "code", "their_Sector").rows() == [
        ("KR1", "반도체", "ST", "005930", "Tech")
    ]


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (
            {"sector": "Sectr"},
            r"mapping: .*list.csv has no column 'Sectr' \(did you mean 'Sector'\?\); it has: Code, Sector",
        ),
        ({"sector": "Sector", "market": "Sector"}, "mapping: 'Sector' is given for several of our columns"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(tmp_path, mapping, said):
    with pytest.raises(RequestError, match=said):
        read_symbols(file(tmp_path, "Code,Sector\n005930,Tech\n"), mapping)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2.5", "", "1e3", "+.5"], [1.0, -2.5, None, 1000.0, 0.5]),
        (["0", "0.5", "10"], [0.0, 0.5, 10.0]),
        (["007", "1"], ["007", "1"]),  # a code of some kind
        (["1", "n/a"], ["1", "n/a"]),
        (["nan", "inf"], ["nan", "inf"]),
        (["Y", "N", "", "y"], [True, False, None, True]),
        (["true", "FALSE"], [True, False]),
        (["예", "아니오"], [True, False]),
        (["Y", "X"], ["Y", "X"]),
        (["  a ", " "], ["a", None]),
    ],
    ids=str,
)
def test_other_columns_are_numbers_truths_or_text(tmp_path, values, expected):
    lines = "".join(f"S{at},{value}\n" for at, value in enumerate(values))
    assert [value for (value,) in rows(file(tmp_path, f"code,extra\n{lines}"), "extra")] == expected


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-01-31", DAY), ("2024/01/31", DAY), ("2024.01.31", DAY), ("20240131", DAY), ("20240131.0", DAY),
        ("2024-01-31 00:00:00", DAY), ("2024-01-31T00:00:00.000", DAY), (" 2024-01-31 ", DAY), ("", None),
    ],
)  # fmt: skip
def test_dates_are_read_as_people_write_them(tmp_path, text, date):
    assert rows(file(tmp_path, f"code,상장일\nA,{text}\n"), "listed") == [(date,)]


def test_dates_that_cannot_be_read_are_unknown_and_counted(tmp_path):
    path = file(tmp_path, "code,listed,delisted\nA,2024-13-01,\nB,-,2024-02-30\nC,20240131,9\n")
    table, notes = read_symbols(path)
    assert table.select("listed", "delisted").rows() == [(None, None), (None, None), (DAY, None)]
    assert notes == (
        "listed: dates that cannot be read, now unknown: 2, such as '2024-13-01'",
        "delisted: dates that cannot be read, now unknown: 2, such as '2024-02-30'",
    )


# ── rows ──────────────────────────────────────────────────────────────────────


def test_rows_without_a_symbol_and_repeated_ones_are_left_out_and_counted(tmp_path):
    table, notes = read_symbols(file(tmp_path, "code,name\nA,one\n,nobody\nB,two\nA,three\n \n"))
    assert table.select("symbol", "name").rows() == [("A", "one"), ("B", "two")]
    assert notes == ("rows left out, without a symbol: 2", "rows left out, with the symbol of an earlier row: 1")


def test_a_code_that_was_given_to_another_company_is_that_of_now(tmp_path):
    text = "code,name,delisted\n000300,old,2010-01-04\n000500,gone,2011-01-04\n000300,new,\n000500,earlier,2001-01-04\n"
    table, notes = read_symbols(file(tmp_path, text))
    assert table.select("symbol", "name").rows() == [("000500", "gone"), ("000300", "new")]
    assert notes == (
        "rows left out, with the symbol of an earlier row: 2",
        "symbols of delisted companies that others have now: 1; those of now are kept",
    )


@pytest.mark.parametrize(
    ("codes", "kept"),
    [
        (["A005930", "A00088K"], ["005930", "00088K"]),
        (["A005930", "000660"], None),
        (["A", "AAPL"], None),
        (["ABCDEF"], None),
    ],
    ids=str,
)
def test_the_a_of_brokers_is_taken_off_where_every_symbol_has_it(tmp_path, codes, kept):
    table, notes = read_symbols(file(tmp_path, "\n".join(["code", *codes])))
    assert table["symbol"].to_list() == (kept or codes)
    assert notes == (("every symbol began with A, as brokers write them; the A was taken off",) if kept else ())


# ── where it comes from ───────────────────────────────────────────────────────

FRAME = {"Code": ["005930", "0012E0"], "Name": ["가상전자", None], "Stocks": [10, None], "managed": [True, False]}
EXPECTED = [("005930", "가상전자", 10.0, True), ("0012E0", None, None, False)]


def _parquet(folder):
    pl.DataFrame(FRAME).write_parquet(folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize(
    "make",
    [
        _parquet,
        lambda _: pl.DataFrame(FRAME),
        lambda _: pl.LazyFrame(FRAME),
        lambda _: pl.DataFrame(FRAME).to_arrow(),
        lambda _: pd.DataFrame(FRAME),
        lambda _: pd.DataFrame(FRAME).set_index("Code"),
        lambda _: pd.DataFrame(FRAME).convert_dtypes(),
        lambda _: pd.DataFrame(FRAME).astype({"Name": "category"}),
    ],
    ids=["parquet", "polars", "lazy", "arrow", "pandas", "index", "nullable", "category"],
)
def test_files_and_frames_of_every_kind_give_the_same_table(tmp_path, make):
    assert rows(make(tmp_path), "symbol", "name", "Stocks", "managed") == EXPECTED


def test_dates_of_frames_stay_dates():
    moments = pd.to_datetime(["2024-01-31", None])
    frame = pd.DataFrame({"Symbol": ["A", "B"], "ListingDate": moments, "seen": moments, "mixed": [1, "x"]})
    assert rows(frame, "listed", "seen", "mixed") == [(DAY, DAY, "1"), (None, None, "x")]
    table = pl.DataFrame({"symbol": ["A"], "listed": [dt.datetime(2024, 1, 31, 9)], "seen": [DAY]})
    assert rows(table, "listed", "seen") == [(DAY, DAY)]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"Code": [5930]}), pl.DataFrame({"Code": [5930.0]})], ids=["pandas", "polars"]
)
def test_symbols_that_are_numbers_have_lost_their_zeros(frame):
    with pytest.raises(DataError, match="its symbols are numbers .*lost their leading zeros.*read them as text"):
        read_symbols(frame)


def test_sources_that_cannot_be_read_say_why(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1nothing")
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"code\nA\n" * 99)[:-9])
    (tmp_path / "other.csv").write_bytes(b"code\nA\xff\xff\n")
    (tmp_path / "torn.csv").write_bytes("code\nA\n".encode("utf-16")[:-1])
    for name, said in (
        ("broken.parquet", "cannot be read"),
        ("broken.csv.gz", "cannot be read"),
        ("other.csv", "neither UTF-8, UTF-16 nor CP949"),
        ("torn.csv", "it looks like UTF-16, but cannot be decoded"),
    ):
        with pytest.raises(DataError, match=f"{name}: .*{said}"):
            read_symbols(tmp_path / name)
    for name in ("no.csv", "no.parquet"):
        with pytest.raises(DataNotFoundError, match=f"{name}: the file is missing"):
            read_symbols(tmp_path / name)
    for text, said in (("", "the file is empty"), ("name\nA\n", r"no column of symbols; name it: mapping=\{'symbol': …\}; it has: name"),
                       ("code\nA,B,C\n", "cannot be read")):  # fmt: skip
        with pytest.raises(DataError, match=said):
            read_symbols(file(tmp_path, text))
    with pytest.raises(RequestError, match="source: int is neither a path nor a Polars, pandas or Arrow frame"):
        read_symbols(5)


def test_a_list_without_rows_is_an_empty_table(tmp_path):
    table, notes = read_symbols(file(tmp_path, "Code,Name\n"))
    assert (table.columns, table.height, notes) == (OURS, 0, ())


# ── members ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "head",
    [
        "index,symbol,start,end",
        "Index,Code,in_date,out_date",
        "지수,종목코드,편입일,제외일",
        "INDEX,ticker,from,to",
        "index,symbol,added,removed",
    ],
)
def test_members_are_known_by_many_names(tmp_path, head):
    table, notes = read_members(
        file(tmp_path, f"{head}\nK,005930,,\nK,000660,2019-06-14,20200612\nK,000660,2021/06/11,\n")
    )
    assert table.schema == {"index": pl.String, "symbol": pl.String, "start": pl.Date, "end": pl.Date}
    assert table.rows() == [
        ("K", "005930", None, None),
        ("K", "000660", dt.date(2019, 6, 14), dt.date(2020, 6, 12)),
        ("K", "000660", dt.date(2021, 6, 11), None),
    ]
    assert notes == ()


def test_members_of_today_need_no_dates():
    table, _ = read_members(pd.DataFrame({"index": ["K", "K"], "symbol": ["A", "B"]}))
    assert table.rows() == [("K", "A", None, None), ("K", "B", None, None)]


def test_members_that_cannot_be_used_are_left_out_and_counted(tmp_path):
    lines = [
        "K,A,2019-01-01,",
        "K,A,2019-01-01,",
        "K,,,",
        ",A,,",
        "K,B,2020-01-01,2020-01-01",
        "K,C,whenever,",
        "K,D,,2020-02-30",
    ]
    table, notes = read_members(file(tmp_path, "\n".join(["index,symbol,start,end", *lines])))
    assert table.rows() == [("K", "A", dt.date(2019, 1, 1), None)]
    assert notes == (
        "rows left out, without a symbol: 1",
        "rows left out, with a date that cannot be read: 2",
        "rows left out, without an index: 1",
        "rows left out, that end before they start: 1",
        "rows left out, equal to an earlier row: 1",
    )


def test_members_without_an_index_are_refused(tmp_path):
    with pytest.raises(DataError, match="it has no column 'index'; it has: symbol, start"):
        read_members(file(tmp_path, "symbol,start\nA,\n"))


# ── watchlists ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("005930\n000660\n", ["005930", "000660"]),
        ("005930, 000660\t0012E0;BRK.B  AAPL", ["005930", "000660", "0012E0", "BRK.B", "AAPL"]),
        ("# mine\n005930 # the first, the best\n\n000660\n005930\n", ["005930", "000660"]),
        ("KRX:005930,###Section one,NASDAQ:AAPL", ["005930", "AAPL"]),
        ("###Chips\nKRX:005930\n###Banks, KRX:105560", ["005930", "105560"]),
        ("A005930\nA000660", ["005930", "000660"]),
        ("A005930\nAAPL", ["A005930", "AAPL"]),
        ("Name,Code\nfirst one,005930\n,\nsecond,KRX:000660\n", ["005930", "000660"]),
        ("# exported\nsymbol\n005930\n", ["005930"]),
        ('"종목명","종목코드"\n"가상, 전자","005930"\n', ["005930"]),
        ("종목코드\t종목명\n005930\t가상전자\n", ["005930"]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_watchlists_are_read_as_people_keep_them(tmp_path, text, symbols, encoding):
    for name in ("mine.txt", "mine.csv"):
        path = file(tmp_path, text.replace("\n", "\r\n"), name=name, encoding=encoding)
        assert read_watchlist(path) == tuple(symbols)
        assert read_watchlist(str(path)) == tuple(symbols)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "###Section\n", "code\n", " \n,,"])
def test_a_watchlist_without_symbols_is_refused(tmp_path, text):
    with pytest.raises(RequestError, match=r"watchlist: .*mine.txt has no symbols; write one on each line"):
        read_watchlist(file(tmp_path, text, name="mine.txt"))


def test_a_watchlist_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"mine.txt: the watchlist is missing"):
        read_watchlist(tmp_path / "mine.txt")
    with pytest.raises(RequestError, match="watchlist: list is not a path"):
        read_watchlist(["005930"])
