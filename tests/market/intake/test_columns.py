"""Which column is what: each source's own names, a mapping, ambiguity; and the symbol in a file's name."""

from __future__ import annotations

import pytest

import jtscan as jt
from jtscan.market.intake.columns import extra_name, layout_of, looks_like_code, symbol_of_name

OURS = ("timestamp", "open", "high", "low", "close", "volume")


def known(header, mapping=None, codes=()):
    """What each column is taken for: ours → theirs, further ones, those left out."""
    layout = layout_of(header.split(","), mapping or {}, frozenset(codes))
    assert layout.problem is None
    return dict(layout.columns), dict(layout.extras)


def same_order(names):
    return dict(zip(OURS, names.split(","), strict=True))


@pytest.mark.parametrize(
    ("header", "columns", "extras"),
    [
        (
            "날짜,시가,고가,저가,종가,거래량,거래대금,등락률",
            same_order("날짜,시가,고가,저가,종가,거래량"),
            {"amount": "거래대금", "change_pct": "등락률"},
        ),
        ("Date,Open,High,Low,Close,Volume,Change", same_order("Date,Open,High,Low,Close,Volume"), {"change": "Change"}),
        (
            "Date,Open,High,Low,Close,Adj Close,Volume",
            {**same_order("Date,Open,High,Low,Close,Volume"), "adj_close": "Adj Close"},
            {},
        ),
        (
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            same_order("Date,Open,High,Low,Close,Volume"),
            {"dividends": "Dividends", "stock_splits": "Stock Splits"},
        ),
        (
            "Datetime,Open,High,Low,Close,Volume",
            same_order("Datetime,Open,High,Low,Close,Volume"),
            {},
        ),
        (
            "Code,Name,Market,Dept,Close,ChangeCode,Changes,ChagesRatio,Volume,Amount,Open,High,Low,Marcap,Stocks,MarketId,Rank,Date",
            {**same_order("Date,Open,High,Low,Close,Volume"), "symbol": "Code", "name": "Name", "market": "Market"},
            {"dept": "Dept", "changecode": "ChangeCode", "changes": "Changes", "chagesratio": "ChagesRatio",
             "amount": "Amount", "marcap": "Marcap", "stocks": "Stocks", "marketid": "MarketId", "rank": "Rank"},
        ),
        ("symbol,timestamp,open,high,low,close,volume", {**same_order("timestamp,open,high,low,close,volume"), "symbol": "symbol"}, {}),
        ("date,open,high,low,close,volume", same_order("date,open,high,low,close,volume"), {}),
        ("티커,날짜,종가", {"symbol": "티커", "timestamp": "날짜", "close": "종가"}, {}),
        ("DATE,OPEN,HIGH,LOW,CLOSE,VOLUME", same_order("DATE,OPEN,HIGH,LOW,CLOSE,VOLUME"), {}),
        (" date , open , high , low , close , volume ", same_order(" date , open , high , low , close , volume "), {}),
        (
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            {**same_order("<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"), "symbol": "<TICKER>", "time": "<TIME>"},
            {"per": "<PER>", "openint": "<OPENINT>"},
        ),
        (
            "BAS_DD,ISU_SRT_CD,TDD_OPNPRC,TDD_HGPRC,TDD_LWPRC,TDD_CLSPRC,ACC_TRDVOL,MKT_NM",
            None, None,
        ),
        (
            "stck_bsop_date,stck_oprc,stck_hgpr,stck_lwpr,stck_clpr,acml_vol",
            same_order("stck_bsop_date,stck_oprc,stck_hgpr,stck_lwpr,stck_clpr,acml_vol"), {},
        ),
        ("일자,종목코드,종목명,시가,고가,저가,현재가,누적거래량",
         {**same_order("일자,시가,고가,저가,현재가,누적거래량"), "symbol": "종목코드", "name": "종목명"}, {}),
        (",Open,High,Low,Close,Volume", same_order(",Open,High,Low,Close,Volume"), {}),
        ("Unnamed: 0,Open,High,Low,Close,Volume", same_order("Unnamed: 0,Open,High,Low,Close,Volume"), {}),
        ("index,date,close", {"timestamp": "date", "close": "close"}, {"index": "index"}),
        ("date,close", {"timestamp": "date", "close": "close"}, {}),
    ],
)  # fmt: skip
def test_columns_are_known_by_the_names_that_sources_give_them(header, columns, extras):
    if columns is None:
        layout = layout_of(header.split(","), {})
        assert (
            layout.problem
            == f'it has no column of dates; it has: {header.replace(",", ", ")}. If one is, name it: columns={{"timestamp": "…"}}, or --map timestamp=…'
        )
        return
    assert known(header) == (columns, extras)


@pytest.mark.parametrize(
    ("header", "mapping", "columns"),
    [
        ("TRD_DD,px,close", {"timestamp": "TRD_DD", "close": "px"}, {"timestamp": "TRD_DD", "close": "px"}),
        ("d,p", {"timestamp": "d", "close": "p"}, {"timestamp": "d", "close": "p"}),
        ("date,close,종가", {"close": "종가"}, {"timestamp": "date", "close": "종가"}),
        ("date,close,who", {"symbol": "who"}, {"timestamp": "date", "close": "close", "symbol": "who"}),
        # A mapping for other files of the folder leaves this one as it is.
        ("date,close", {"timestamp": "TRD_DD"}, {"timestamp": "date", "close": "close"}),
    ],
)
def test_a_mapping_comes_first(header, mapping, columns):
    assert known(header, mapping)[0] == columns


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        ("date,close,종가", {"close": "종가"}), ("date,timestamp,close", {"timestamp": "date"}),
        ("date,symbol,ticker,close", {"symbol": "ticker"}), ("date,close,volume,shares", {"volume": "shares"}),
    ],
)  # fmt: skip
def test_no_further_column_has_a_name_of_ours(header, mapping):
    columns, extras = known(header, mapping)
    assert not columns.keys() & extras.keys()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("open,high,low,close", "it has no column of dates; it has: open, high, low, close. If one is, name it: columns={\"timestamp\": \"…\"}, or --map timestamp=…"),
        ("date,price", "it has no column of closes; it has: date, price. If one is, name it: columns={\"close\": \"…\"}, or --map close=…"),
        ("date,close,종가", "its columns 'close' and '종가' could both be close; say which: columns={\"close\": \"close\"}, or --map close=close"),
        ("date,close,vol,volume", "its columns 'vol' and 'volume' could both be volume; say which: columns={\"volume\": \"vol\"}, or --map volume=vol"),
        ("date,close,close", "its column 'close' is there twice; it has: date, close, close"),
        ("Date,Close,close", "its column 'close' is there twice; it has: Date, Close, close"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused_and_the_way_out_told(header, said):
    assert layout_of(header.split(","), {}).problem == said


def test_the_columns_after_a_trailing_comma_are_nothing(desk):
    desk.csv("A,2024-01-02,1,1,1,1,5,", header="symbol,date,open,high,low,close,volume,")
    report = desk.ingest()
    assert report.counts.bars == 1
    assert desk.bars().columns == ["symbol", "timestamp", "open", "high", "low", "close", "volume"]


def test_name_is_the_symbol_only_where_it_holds_symbols_and_no_other_column_does():
    header = "date,open,high,low,close,volume,Name"
    assert known(header, codes=["Name"])[0]["symbol"] == "Name"
    assert "symbol" not in known(header)[0]
    assert known(f"code,{header}", codes=["Name", "code"])[0]["symbol"] == "code"


@pytest.mark.parametrize(
    ("name", "ours"),
    [("Adj Close", "adj_close"), ("거래대금", "amount"), ("52w high %", "52w_high"), ("<OPENINT>", "openint"), ("%", "column"), ("P/E", "p_e"), ("외국인 보유", "외국인_보유")],
)  # fmt: skip
def test_a_further_column_has_a_name_that_formulas_can_write(name, ours):
    assert extra_name(name) == ours


# ---- The symbol in the name of a file


@pytest.mark.parametrize(
    ("stem", "symbol"),
    [
        ("005930", "005930"), ("A005930", "005930"), ("005930_data", "005930"), ("prices_005930", "005930"),
        ("krx_005930_2024", "005930"), ("삼성전자_005930", "005930"), ("삼성전자(005930)", "005930"), ("005930.KS", "005930.KS"),
        ("0004V0", "0004V0"), ("00088K", "00088K"), ("0012E0", "0012E0"), ("A0012E0", "0012E0"), ("0012E0_data", "0012E0"),
        ("prices-0012E0", "0012E0"), ("BRK.B", "BRK.B"), ("BRK.B_data", "BRK.B"), ("BRK-B_1d", "BRK-B"), ("AAPL", "AAPL"),
        ("AAPL_daily_prices", "AAPL"), ("AAPL_5m", "AAPL"), ("AAPL 15min", "AAPL"), ("T_data", "T"), ("A", "A"), ("AA_data", "AA"),
        ("ADATA", "ADATA"), ("data", "data"), ("^GSPC", "^GSPC"), ("005930_20240131", "005930"), ("20240131_005930", "005930"),
        ("아무거나", "아무거나"),
    ],
)  # fmt: skip
def test_the_symbol_is_read_out_of_a_name(stem, symbol):
    assert symbol_of_name(stem) == symbol


@pytest.mark.parametrize(
    ("stem", "pattern", "symbol"),
    [
        ("krx_d_005930", "krx_*_{symbol}", "005930"), ("005930_x", "{symbol}_*", "005930"), ("005930", "krx_{symbol}", None),
        ("a.b-005930", "a.b-{symbol}", "005930"), ("aXb-005930", "a.b-{symbol}", None), ("005930", "{symbol}", "005930"),
        ("A005930", "A{symbol}", "005930"),
    ],
)  # fmt: skip
def test_a_pattern_says_where_the_symbol_is(stem, pattern, symbol):
    assert symbol_of_name(stem, pattern) == symbol


@pytest.mark.parametrize(
    ("text", "can_be"),
    [("005930", True), ("BRK.B", True), ("0012E0", True), ("NAVER", True), ("삼성", False), ("naver", False), ("", False), ("LG Chem", False), ("-", False), ("TOOLONGTOBEONE", False)],
)  # fmt: skip
def test_a_symbol_is_capital_letters_and_digits(text, can_be):
    assert looks_like_code(text) is can_be


# ---- Symbols through an ingest

ROWS = "date,open,high,low,close,volume{}\n2024-01-02,10,11,9,10,100{}\n2024-01-03,10,11,9,10,100{}\n"


def test_symbols_stay_text_from_a_column_and_from_names(desk):
    kept = ["005930", "0004V0", "00088K", "BRK.B", "0012E0", "1E5", "000001", "NaN", "NA", "null", "TRUE", "INF"]
    desk.csv(*(f"{symbol},2024-01-02,10,11,9,10,1" for symbol in kept))
    names = {
        "A005935.csv": "005935",
        "005940_data.csv": "005940",
        "prices_005950.csv": "005950",
        "0013E0.csv": "0013E0",
        "BF.B_data.csv": "BF.B",
    }
    for name in names:
        desk.write(name, ROWS.format("", "", ""))
    desk.ingest()
    assert desk.symbols() == sorted([*kept, *names.values()])


@pytest.mark.parametrize(
    ("name", "labels", "symbols"),
    [
        ("AAPL_data.csv", ("AAPL", "AAPL"), ["AAPL"]),  # Kaggle's S&P 500, a file per symbol
        ("all_stocks_5yr.csv", ("AAL", "BRK.B"), ["AAL", "BRK.B"]),  # and all in one
        ("035420.csv", ("NAVER", "NAVER"), ["035420"]),
        ("005930.csv", ("삼성전자", "삼성전자"), ["005930"]),
        pytest.param("NAVER_035420.csv", ("NAVER", "NAVER"), ["035420"]),
    ],
)  # fmt: skip
def test_a_column_name_is_the_symbol_or_the_name(desk, name, labels, symbols):
    desk.write(name, ROWS.format(",Name", *(f",{label}" for label in labels)))
    report = desk.ingest()
    assert desk.symbols() == symbols
    assert report.counts.bars == 2


def test_a_pattern_takes_the_symbol_and_tells_of_files_that_do_not_fit(desk):
    desk.write("krx_d_005930.csv", ROWS.format("", "", ""))
    desk.write("other.csv", ROWS.format("", "", ""))
    report = desk.ingest(symbol_pattern="krx_*_{symbol}")
    assert desk.symbols() == ["005930"]
    assert report.files.filter("unusable")["note"].to_list() == [
        "it has no column of symbols, and its name does not fit 'krx_*_{symbol}'"
    ]


def test_a_mapping_is_used_and_one_that_names_no_column_is_refused(desk):
    desk.write("005930.csv", "TRD_DD,px\n20240102,10\n")
    desk.ingest(columns={"timestamp": "TRD_DD", "close": "px"})
    assert desk.closes() == {"005930 2024-01-02": 10.0}
    with pytest.raises(
        jt.RequestError, match="columns: no file has a column 'TRD' for timestamp; there are: TRD_DD, px"
    ):
        desk.ingest(columns={"timestamp": "TRD"})
    with pytest.raises(jt.RequestError, match="our name comes first: timestamp=TRD_DD|'TRD_DD' is not one of ours"):
        desk.ingest(columns={"TRD_DD": "timestamp"})
    with pytest.raises(
        jt.RequestError, match="columns: 'price' is not one of ours: timestamp, time, symbol, .* Ours comes first"
    ):
        desk.ingest(columns={"price": "px"})


def test_a_file_whose_columns_are_not_clear_is_told_and_can_be_mapped(desk):
    desk.csv("A,2024-01-02,10,20", header="symbol,date,close,종가")
    with pytest.raises(
        jt.DataError,
        match=r"prices\.csv: its columns 'close' and '종가' could both be close; say which: columns={\"close\": \"close\"}, or --map close=close",
    ):
        desk.ingest()


def test_the_values_of_a_mapped_column_are_taken_where_another_has_our_name(desk):
    desk.csv("A,2024-01-02,10,20", header="symbol,date,close,종가")
    desk.ingest(columns={"close": "종가"})
    assert desk.closes() == {"A 2024-01-02": 20.0}


def test_a_mapped_timestamp_is_taken_where_another_column_is_called_timestamp(desk):
    desk.csv("A,2024-01-02,1704153600,20", header="symbol,date,timestamp,close")
    desk.ingest(columns={"timestamp": "date"})
    assert desk.closes() == {"A 2024-01-02": 20.0}
    assert desk.bars().columns == ["symbol", "timestamp", "close"]


def test_further_columns_are_kept_where_they_are_numbers_and_told_where_not(desk):
    desk.csv(
        "A,2024-01-02,1,1,1,1,5,7.5,x", 'A,2024-01-03,1,1,1,1,5,"8,000",y', "A,2024-01-04,1,1,1,1,5,,",
        header="symbol,date,open,high,low,close,volume,amount,Dept",
    )  # fmt: skip
    report = desk.ingest()
    assert desk.bars()["amount"].to_list() == [7.5, 8000.0, None]
    assert report.notes == ("columns left out, which are no numbers: Dept",)
    assert "Dept" not in desk.bars().columns


def test_values_of_a_further_column_that_are_no_numbers_are_told(desk):
    rows = [f"A,2024-01-{number:02},1,1,1,1,5,{number}" for number in range(1, 20)]
    desk.csv(*rows, "A,2024-01-20,1,1,1,1,5,many", header="symbol,date,open,high,low,close,volume,amount")
    report = desk.ingest()
    assert report.counts.bars == 20
    assert desk.bars()["amount"].null_count() == 1
    assert "amount" in " ".join(report.notes)
