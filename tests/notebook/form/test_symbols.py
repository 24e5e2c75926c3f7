"""Symbols are found as people type them."""

from __future__ import annotations

import time
import unicodedata

import polars as pl
import pytest

from jtscan.notebook.form.symbols import Entered, SymbolTable

ROWS = [
    ("005930", "삼성전자", "Samsung Electronics", "KOSPI"),
    ("005935", "삼성전자우", "Samsung Electronics pref.", "KOSPI"),
    ("000660", "SK하이닉스", "SK hynix", "KOSPI"),
    ("035720", "카카오", "Kakao", "KOSPI"),
    ("068270", "셀트리온", "Celltrion", "KOSPI"),
    ("066570", "LG 전자", "LG Electronics", "KOSPI"),
    ("0004V0", "가상혀룬화학", None, "KOSDAQ"),
    ("BRK.B", None, "Berkshire Hathaway", None),
    ("X(", "괄호", "Bracket [1]", None),
]


@pytest.fixture(scope="module")
def table():
    schema = dict.fromkeys(("symbol", "name", "name_en", "market"), pl.String)
    return SymbolTable(pl.DataFrame(ROWS, schema=schema, orient="row"))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("005930", ["005930"]),
        ("0059", ["005930", "005935"]),
        ("5930", ["005930"]),  # anywhere in the code
        ("삼성", ["005930", "005935"]),
        ("성전", ["005930", "005935"]),  # anywhere in the name
        ("삼성 우", ["005935"]),  # each word, in order
        ("ㅅㅅㅈㅈ", ["005930", "005935"]),  # initial consonants
        ("ㅅㅅㅈㅈㅇ", ["005935"]),
        ("삼ㅅ", ["005930", "005935"]),
        ("삼서", ["005930", "005935"]),  # the syllable is not finished
        ("서전", []),  # only the last one can be unfinished
        ("ㅋㅋㅇ", ["035720"]),
        ("ㄳㅎ", ["0004V0"]),  # ㄱ and ㅅ joined by the input method
        ("하이닉", ["000660"]),
        ("sk 하이", ["000660"]),
        ("000660 SK하", ["000660"]),  # the code and its name
        ("lg전자", ["066570"]),  # with or without the space
        ("samsung pref", ["005935"]),
        ("HYNIX", ["000660"]),
        ("elec", ["005930", "005935", "066570"]),
        ("brk.b", ["BRK.B"]),
        ("brkxb", []),  # a dot is a dot
        ("x(", ["X("]),
        ("[1]", ["X("]),
        ("", []),
        ("   ", []),
        ("없는이름", []),
        ("\\", []),
        ("(?", []),
    ],
)
def test_symbols_are_found_by_code_name_and_initials(table, typed, found):
    assert [code for _, code in table.hits(typed)] == found


def test_decomposed_hangul_finds_the_same(table):
    assert table.hits(unicodedata.normalize("NFD", "카카오")) == [("035720 카카오 KOSPI", "035720")]


def test_a_code_comes_before_names_and_beginnings_before_middles():
    rows = [("AAB", "x C y"), ("BC", "zz"), ("XC", "Cat"), ("C", "nn"), ("CD", "mm")]
    table = SymbolTable(pl.DataFrame(rows, schema=["symbol", "name"], orient="row"))
    assert [code for _, code in table.hits("c")] == ["C", "CD", "XC", "AAB", "BC"]


def test_hits_are_shown_with_name_and_market_and_at_most_so_many(table):
    assert table.hits("0", 2) == [("005930 삼성전자 KOSPI", "005930"), ("005935 삼성전자우 KOSPI", "005935")]
    assert table.hits("brk") == [("BRK.B", "BRK.B")]


@pytest.mark.parametrize(
    ("text", "symbols", "unknown"),
    [
        ("005930", ["005930"], []),
        ("005930, 000660", ["005930", "000660"], []),
        ("005930\n000660\r\n\n035720\n", ["005930", "000660", "035720"], []),
        ("005930;000660\t035720", ["005930", "000660", "035720"], []),
        ("005930 000660", ["005930", "000660"], []),
        ("005930 999999", ["005930"], ["999999"]),
        ("005930 삼성전자", ["005930"], []),  # as hits and chips write it
        ("005930 삼성전자 KOSPI", ["005930"], []),
        ("066570  LG 전자 000660 sk HYNIX", ["066570", "000660"], []),
        ("005930 삼성전자, 000660 SK하이닉스", ["005930", "000660"], []),
        ("005930\t삼성전자\tKOSPI\r\n0004V0\t가상혀룬화학\tKOSDAQ", ["005930", "0004V0"], []),
        ("삼성전자\t005930\n카카오\t035720", ["005930", "035720"], []),
        ("BRK.B Berkshire Hathaway", ["BRK.B"], []),
        ("삼성전자 카카오", ["005930", "035720"], []),
        ("삼성전자 우", [], ["삼성전자 우"]),  # still being searched for
        ("005930 xx 카카오", ["005930", "035720"], ["xx"]),
        ("KOSPI, 005930", ["005930"], ["KOSPI"]),
        ("삼성전자, LG 전자", ["005930", "066570"], []),  # whole names
        ("samsung electronics,brk.b", ["005930", "BRK.B"], []),
        ("삼성", [], ["삼성"]),
        ("5930, 005930, 005930", ["005930"], ["5930"]),
        (" , ,\n", [], []),
    ],
)
def test_lists_are_read(table, text, symbols, unknown):
    read = table.read(text)
    assert (list(read.symbols), list(read.unknown)) == (symbols, unknown)


def test_a_name_of_two_symbols_means_neither():
    table = SymbolTable(pl.DataFrame({"symbol": ["A", "B"], "name": ["같은", "같은"]}))
    assert table.read("같은").unknown == ("같은",)
    assert table.read("B 같은") == table.read("B\t같은") == Entered(symbols=("B",), unknown=())


def test_what_is_unknown_is_named_with_what_is_near(table):
    assert table.nearest(["5930", "005936", "zzz", "y", "x"]) == (
        "'5930' (did you mean '005930'?), '005936' (did you mean '005935'?), 'zzz' and 2 more"
    )


def test_without_names_codes_are_found():
    table = SymbolTable(pl.DataFrame({"symbol": ["AA", "AB"]}))
    assert table.hits("ab") == [("AB", "AB")]
    assert table.label("AB") == "AB"


def test_12_000_symbols_are_searched_within_50_ms():
    names = [
        f"{a}{b}{c}전자"
        for a in "가나다라마바사아자차카타"
        for b in "고노도로모보소오조초"
        for c in "기니디리미비시이지치" * 10
    ]
    table = SymbolTable(pl.DataFrame({"symbol": [f"{n:06d}" for n in range(12_000)], "name": names}))
    seconds = []
    for typed in ("ㅅㅅㅈㅈ", "0059", "사소시", "없는") * 3:
        begun = time.process_time()
        table.hits(typed)
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.05
    assert len(table.hits("ㅅㅅㅅㅈ")) == 10


def test_a_pasted_list_of_3_000_codes_with_names_is_read_within_a_second():
    codes = [f"{n:06d}" for n in range(3_000)]
    table = SymbolTable(pl.DataFrame({"symbol": codes, "name": [f"가상 {code} 전자" for code in codes]}))
    begun = time.process_time()
    assert table.read(" ".join(map(table.label, codes))).symbols == tuple(codes)
    assert time.process_time() - begun < 1
