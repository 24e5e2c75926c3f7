"""The table of symbols: what may be in it, and whom a scan without names is about."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time

import duckdb
import polars as pl
import pytest

import jtscan as jt
from jtscan.market.symbols import DuckDBSymbolRepository

MONDAY = dt.date(2024, 1, 1)


def prices(folder, *symbols, days=5):
    """Write bars of five days, close 11, for each symbol."""
    parts = [
        pl.DataFrame({"symbol": symbol, "timestamp": [MONDAY + dt.timedelta(days=number) for number in range(days)]})
        for symbol in symbols
    ]
    path = folder / "prices/1d/bars.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(parts).with_columns(close=pl.lit(11.0)).write_parquet(path)


def table(folder, **columns):
    pl.DataFrame(columns).write_parquet(folder / "symbols.parquet")


def copy(folder, query):
    """Write what DuckDB makes: it knows types that Polars does not."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO $path (FORMAT parquet)", {"path": str(folder / "symbols.parquet")})


def scan(folder, **options):
    if not options.keys() & {"start", "end", "last"}:
        options["start"] = MONDAY
    result = jt.Scanner(folder, raise_internal=True).scan("close > 10", **options)
    assert result.account["symbols"].sum() == result.outcomes.height
    return result


def statuses(result):
    return dict(result.outcomes.select("symbol", "status").iter_rows())


def asked(folder, **options):
    return scan(folder, **options).outcomes["symbol"].to_list()


# ---- Whom a scan is about


@pytest.fixture
def exchange(tmp_path):
    """Eight symbols with prices, of which NEW is not in the table; NONE is in the table and has no prices."""
    prices(tmp_path, "NEW", "005930", "000660", "035720", "247540", "KOSPI200", "069500", "900100")
    table(
        tmp_path,
        symbol=["005930", "NONE", "000660", "035720", "247540", "KOSPI200", "069500", "900100"],
        name=["Electronics", "Paper", "Chips", "Chat", "Cells", "Index", "Fund", None],
        market=["KOSPI", "KOSPI", "KOSPI", "KOSPI", "KOSDAQ", "INDEX", "KOSPI", None],
        sector=["Tech", None, "Tech", "Media", "Tech", None, "ETF", "Tech"],
    )
    return tmp_path


UNIVERSES = [
    ({}, "005930 NONE 000660 035720 247540 069500 900100 NEW"),
    ({"market": "KOSPI"}, "005930 NONE 000660 035720 069500"),
    ({"market": "KOSDAQ"}, "247540"),
    ({"market": "INDEX"}, "KOSPI200"),
    ({"sector": "Tech"}, "005930 000660 247540 900100"),
    ({"market": "KOSPI", "sector": "Tech"}, "005930 000660"),
    ({"market": "KOSPI", "exclude": ["000660", "NONE", "247540"]}, "005930 035720 069500"),
    ({"symbols": ["000660", "005930", "000660"]}, "000660 005930"),
    ({"symbols": ["000660", "247540"], "market": "KOSDAQ", "sector": "Media"}, "000660 247540"),
    ({"symbols": ["000660", "247540"], "exclude": ["247540"]}, "000660"),
    ({"symbols": ["KOSPI200"]}, "KOSPI200"),
    ({"symbols": ["NEW", "9999"]}, "NEW 9999"),
    ({"exclude": ["NEW"]}, "005930 NONE 000660 035720 247540 069500 900100"),
]


def test_the_universe_is_what_the_criteria_say_in_the_order_of_the_table(exchange):
    scanner = jt.Scanner(exchange, raise_internal=True)
    for options, expected in UNIVERSES:
        found = scanner.scan("close > 10", last=1, **options).outcomes["symbol"].to_list()
        assert found == expected.split(), options


def test_a_symbol_without_prices_has_no_data_and_one_that_the_table_lacks_is_scanned(exchange):
    result = scan(exchange)
    assert statuses(result) == {
        **dict.fromkeys(("005930", "000660", "035720", "247540", "069500", "900100", "NEW"), "matched"),
        "NONE": "no_data",
    }
    assert result.errors.rows() == [("NONE", "no_data", "it is not in the prices")]
    names = dict(result.signals.matches.select("symbol", "name").rows())
    assert (names["005930"], names["900100"], names["NEW"]) == ("Electronics", None, None)


def test_the_excluded_are_counted_only_where_they_would_have_been_asked_for(exchange):
    assert scan(exchange, market="KOSPI", exclude=["000660", "247540", "?"]).excluded == ("000660",)


NOBODY = [
    ({"market": "NYSE"}, "no symbols in market 'NYSE'; the markets there are: INDEX, KOSDAQ, KOSPI"),
    (
        {"market": "kospi"},
        "no symbols in market 'kospi' (did you mean 'KOSPI'?); the markets there are: INDEX, KOSDAQ, KOSPI",
    ),
    ({"sector": "Steel"}, "no symbols in sector 'Steel'; the sectors there are: ETF, Media, Tech"),
    pytest.param(
        {"market": "KOSDAQ", "sector": "ETF"},
        "no symbols in market 'KOSDAQ' and sector 'ETF'; the markets there are: INDEX, KOSDAQ, KOSPI; "
        "the sectors there are: ETF, Media, Tech",
    ),
    ({"symbols": []}, "the list of symbols is empty: nothing was scanned"),
]


@pytest.mark.parametrize(("options", "warning"), NOBODY, ids=str)
def test_nobody_is_an_empty_result_with_a_warning(exchange, options, warning):
    result = scan(exchange, **options)
    assert (result.signals.total_symbols, result.processing_time_ms) == (0, 0)
    assert result.warnings == (warning,)


def test_without_a_table_the_universe_is_the_symbols_in_the_prices(tmp_path):
    prices(tmp_path, "B", "A", "KOSPI200")
    assert statuses(scan(tmp_path)) == dict.fromkeys(("A", "B", "KOSPI200"), "matched")
    (warning,) = scan(tmp_path, market="KOSPI").warnings
    assert warning.startswith("no symbols in market 'KOSPI'; the markets there are: none")
    assert jt.Scanner(tmp_path).symbols()["symbol"].to_list() == ["A", "B", "KOSPI200"]


def test_columns_that_the_table_lacks_are_unknown(tmp_path):
    prices(tmp_path, "A", "B")
    table(tmp_path, symbol=["B", "A"])
    assert asked(tmp_path) == ["B", "A"]
    assert asked(tmp_path, market="KOSPI") == []
    assert jt.Scanner(tmp_path).symbols().rows() == [("B", *[None] * 5), ("A", *[None] * 5)]


# ---- Listed and delisted

DATES = {
    # listed, delisted: the first day without the symbol
    "ALWAYS": (None, None),
    "OLD": (dt.date(1975, 6, 11), None),
    "WED": (dt.date(2024, 1, 3), None),
    "UNTIL": (dt.date(2000, 1, 1), dt.date(2024, 1, 3)),
    "FUTURE": (dt.date(2024, 2, 1), None),
    "GONE": (None, dt.date(2023, 12, 29)),
}
LISTED = [
    ({"start": "2024-01-01", "end": "2024-01-05"}, "FUTURE GONE"),
    ({"start": "2024-01-01", "end": "2024-01-02"}, "WED FUTURE GONE"),
    ({"start": "2024-01-02", "end": "2024-01-02"}, "WED FUTURE GONE"),
    ({"start": "2024-01-03", "end": "2024-01-03"}, "UNTIL FUTURE GONE"),
    ({"start": "2024-01-03"}, "UNTIL GONE"),
    ({"end": "2024-01-05"}, "FUTURE"),
    ({"start": "2023-12-28", "end": "2023-12-28"}, "WED FUTURE"),
    ({"start": "2023-12-29", "end": "2023-12-29"}, "WED FUTURE GONE"),
    ({"last": 1}, "UNTIL GONE"),
    ({"last": 250}, "GONE"),
]


@pytest.mark.parametrize("kind", [pl.Date, pl.Datetime("us"), pl.Datetime("ns"), pl.String])
def test_symbols_that_were_not_listed_in_the_range_are_counted_beside_the_account(tmp_path, kind):
    prices(tmp_path, *DATES)
    listed, delisted = (pl.Series(values, dtype=pl.Date).cast(kind) for values in zip(*DATES.values(), strict=True))
    table(tmp_path, symbol=list(DATES), listed=listed, delisted=delisted)
    scanner = jt.Scanner(tmp_path, raise_internal=True)
    for options, gone in LISTED:
        result = scanner.scan("close > 10", **options)
        assert list(result.not_listed) == gone.split(), options
        assert result.outcomes["symbol"].to_list() == [symbol for symbol in DATES if symbol not in gone.split()]


def test_an_explicit_symbol_is_scanned_listed_or_not(tmp_path):
    prices(tmp_path, *DATES)
    table(tmp_path, symbol=list(DATES), delisted=[MONDAY] * 6)
    assert asked(tmp_path) == []
    assert statuses(scan(tmp_path, symbols=["GONE"])) == {"GONE": "matched"}


def test_dates_beyond_the_calendar_are_none(tmp_path):
    prices(tmp_path, "A", "B")
    copy(tmp_path, "SELECT 'A' AS symbol, '-infinity'::DATE AS listed, 'infinity'::DATE AS delisted UNION ALL "
                   "SELECT 'B', '20000-01-01'::DATE, '0044-03-15 (BC)'::DATE ORDER BY symbol")  # fmt: skip
    assert asked(tmp_path) == ["A", "B"]
    assert jt.Scanner(tmp_path).symbols().select("listed", "delisted").rows() == [(None, None)] * 2


# ---- Tables that cannot be used

WRONG_TABLES = {
    "no symbols": (
        "'005930' AS code, 'KOSPI' AS market",
        "the table of symbols has no column 'symbol'; it has: code, market",
    ),
    "numbers": ("5930 AS symbol", "the symbols are INTEGER; they must be text, with their leading zeros ('005930')"),
    "binary": ("'A'::BLOB AS symbol", "the symbols are BLOB; they must be text"),
    "digits": (
        "'A' AS symbol, '20240101' AS listed",
        "its column 'listed' has '20240101', which is not a date like 2024",
    ),
    "words": ("'A' AS symbol, '-' AS delisted", "its column 'delisted' has '-', which is not a date like 2024-01-31"),
    "whole": ("'A' AS symbol, 20240101 AS listed", "its column 'listed' is INTEGER; it must be dates"),
    "zone": ("'A' AS symbol, now() AS listed", "its column 'listed' is TIMESTAMP WITH TIME ZONE; it must be dates"),
}


@pytest.mark.parametrize(("select", "message"), WRONG_TABLES.values(), ids=WRONG_TABLES.keys())
def test_a_table_that_cannot_be_used_is_an_error_that_names_file_and_column(tmp_path, select, message):
    prices(tmp_path, "A")
    copy(tmp_path, f"SELECT {select}")
    with pytest.raises(jt.DataError, match=re.escape(f"symbols.parquet: {message}")):
        scan(tmp_path)


BROKEN = {
    b"": "the file is empty (0 bytes)",
    b"x" * 1000: "not a Parquet file, or cut off (1,000 bytes)",
    b"PAR1": "not a Parquet file, or cut off (4 bytes)",
}


@pytest.mark.parametrize(("content", "message"), BROKEN.items(), ids=BROKEN.values())
def test_a_broken_table_is_an_error_also_for_explicit_symbols(tmp_path, content, message):
    prices(tmp_path, "A")
    (tmp_path / "symbols.parquet").write_bytes(content)
    for options in ({}, {"symbols": ["A"]}):
        with pytest.raises(jt.DataError, match=re.escape(f"symbols.parquet: {message}")):
            scan(tmp_path, **options)


def test_a_table_that_is_named_must_be_there(tmp_path):
    prices(tmp_path, "A")
    for place in (tmp_path / "nothing.parquet", tmp_path):
        with pytest.raises(jt.DataNotFoundError, match=re.escape(f"{place}: the table of symbols is missing")):
            jt.Scanner(tmp_path, symbols=place, raise_internal=True).scan("close > 10")


def test_a_table_whose_path_duckdb_reads_as_a_pattern_is_told(tmp_path):
    folder = tmp_path / "a[b]"
    folder.mkdir()
    prices(tmp_path, "A")
    table(folder, symbol=["A"])
    with pytest.raises(jt.DataError, match=r"a\[b\]/symbols.parquet: its path has one of \* \? \[ \]"):
        jt.Scanner(tmp_path, symbols=folder / "symbols.parquet", raise_internal=True).scan("close > 10")


def test_a_table_may_lie_anywhere_and_be_called_anything(tmp_path):
    prices(tmp_path, "A", "B")
    folder = tmp_path / "market=X/한글 \"'"
    folder.mkdir(parents=True)
    table(folder, symbol=["B"], market=["KOSPI"])
    (folder / "symbols.parquet").rename(folder / "표 1.pq")
    (tmp_path / "link.parquet").symlink_to(folder / "표 1.pq")
    for path in (folder / "표 1.pq", tmp_path / "link.parquet"):
        scanner = jt.Scanner(tmp_path, symbols=path, raise_internal=True)
        assert scanner.markets() == ["KOSPI"]  # and not the X of the folder
        assert scanner.scan("close > 10", market="KOSPI", last=1).outcomes["symbol"].to_list() == ["B"]


def test_rows_without_a_symbol_or_with_one_of_before_are_left_out_and_told(tmp_path, caplog):
    prices(tmp_path, "A", "B")
    table(tmp_path, symbol=["B", None, "A", "B", None], market=["KOSPI", "KOSPI", "KOSDAQ", "KOSDAQ", None])
    assert asked(tmp_path) == ["B", "A"]
    assert asked(tmp_path, market="KOSDAQ") == ["A"]
    said = [record.message for record in caplog.records if record.levelname == "WARNING"][:2]
    assert [each.split("symbols.parquet: ")[1] for each in said] == [
        "rows left out, without a symbol: 2", "rows left out, with the symbol of an earlier row: 1",
    ]  # fmt: skip


def test_an_empty_table_leaves_the_symbols_in_the_prices(tmp_path):
    prices(tmp_path, "A")
    table(tmp_path, symbol=pl.Series([], dtype=pl.String))
    assert asked(tmp_path) == ["A"]


def test_a_changed_table_is_read_again(tmp_path):
    prices(tmp_path, "A", "B")
    table(tmp_path, symbol=["A"], market=["KOSPI"])
    scanner = jt.Scanner(tmp_path, raise_internal=True)
    assert scanner.symbols(market="KOSPI")["symbol"].to_list() == ["A"]
    table(tmp_path, symbol=["B", "A"], market=["KOSPI", "KOSPI"])
    assert scanner.symbols(market="KOSPI")["symbol"].to_list() == ["B", "A"]
    (tmp_path / "symbols.parquet").unlink()
    with pytest.raises(jt.DataNotFoundError, match=r"symbols.parquet: the table of symbols is missing"):
        scanner.symbols()


# ---- Many symbols


def test_a_hundred_thousand_symbols_are_found_fast(tmp_path):
    symbols = [f"{number:06d}" for number in range(100_000)]
    markets = ["KOSPI", "KOSDAQ", "INDEX", None]
    table(
        tmp_path,
        symbol=symbols,
        market=[markets[number % 4] for number in range(100_000)],
        sector=[f"S{number % 50}" for number in range(100_000)],
    )
    repository = DuckDBSymbolRepository(tmp_path / "symbols.parquet", priced=lambda: ["NEW", *symbols[::2]])

    def find(**criteria):
        return asyncio.run(repository.find_by_criteria(**criteria))

    assert find(market="KOSPI") == symbols[::4]
    assert find(sector="S7") == [
        symbol for number, symbol in enumerate(symbols) if number % 50 == 7 and number % 4 != 2
    ]
    assert find(market="KOSDAQ", sector="S1") == symbols[1::100]
    assert find() == [*(symbol for number, symbol in enumerate(symbols) if number % 4 != 2), "NEW"]
    assert asyncio.run(repository.describe(symbols[5::7]))["symbol"].to_list() == symbols[5::7]
    started = time.perf_counter()
    for _ in range(10):
        find(market="KOSPI")
    assert (time.perf_counter() - started) / 10 < 0.25  # measured: 0.003 s


@pytest.mark.slow
def test_a_hundred_thousand_symbols_of_which_few_have_prices_are_accounted_for(tmp_path):
    symbols = [f"{number:06d}" for number in range(100_000)]
    prices(tmp_path, *symbols[:3])
    table(tmp_path, symbol=symbols, market=["KOSPI"] * 100_000)
    result = scan(tmp_path, market="KOSPI", last=1)
    assert dict(result.account.select("status", "symbols").rows())["matched"] == 3
    assert dict(result.account.select("status", "symbols").rows())["no_data"] == 99_997


# ---- All columns of the table, and filters on them


def find(folder, **criteria):
    return asyncio.run(DuckDBSymbolRepository(folder / "symbols.parquet").find_by_criteria(**criteria))


OTHERS = """SELECT * FROM (VALUES
    ('X', 'A', 'stock', true, 1.5::DOUBLE, 10, DATE '2024-01-31', TIMESTAMP '2024-01-31 09:00:00', 2.50::DECIMAL(9, 2), ['a'], 'K'),
    ('Y', 'B', 'etf', false, 'nan', -3, 'infinity', 'infinity', NULL, NULL, NULL),
    ('Z', 'C', NULL, NULL, 'inf', NULL, NULL, NULL, 0, [], 'Q')
) AS t(name, symbol, "kind of", managed, ratio, shares, seen, checked, par, tags, market)"""


def test_every_column_of_the_table_is_kept_as_it_is(tmp_path):
    copy(tmp_path, OTHERS)
    prices(tmp_path, "A", "B", "C")
    shown = jt.Scanner(tmp_path).symbols()
    assert shown.columns == [
        "symbol", "name", "market", "sector", "listed", "delisted",
        "kind of", "managed", "ratio", "shares", "seen", "checked", "par", "tags",
    ]  # fmt: skip
    assert shown.rows() == [
        (
            "A",
            "X",
            "K",
            None,
            None,
            None,
            "stock",
            True,
            1.5,
            10,
            dt.date(2024, 1, 31),
            dt.datetime(2024, 1, 31, 9),
            2.5,
            "[a]",
        ),
        ("B", "Y", None, None, None, None, "etf", False, None, -3, None, None, None, None),
        ("C", "Z", "Q", None, None, None, None, None, None, None, None, None, 0.0, "[]"),
    ]
    described = asyncio.run(DuckDBSymbolRepository(tmp_path / "symbols.parquet").describe(["A"]))
    assert described.columns == ["symbol", "name", "market", "sector", "listed", "delisted"]


WHERE = [
    ({"kind of": "stock"}, "A"),
    ({"kind of": ["etf", None]}, "B C"),
    ({"managed": False}, "B"),
    ({"managed": ["true", "no"]}, "A B"),
    ({"managed": None}, "C"),
    ({"ratio": 1.5}, "A"),
    ({"ratio": "1.5"}, "A"),
    ({"shares": [10, -3.0]}, "A B"),
    ({"shares": 2.5}, ""),
    ({"par": "2.5"}, "A"),
    ({"seen": "2024-01-31"}, "A"),
    ({"seen": dt.datetime(2024, 1, 31, 9)}, "A"),
    ({"checked": dt.datetime(2024, 1, 31, 9)}, "A"),
    ({"delisted": None, "market": ["K", "Q"]}, "A C"),
    ({"symbol": ["C", "A"]}, "A C"),
    ({"managed": True, "kind of": "etf"}, ""),
]


def test_symbols_are_found_by_the_values_of_any_column(tmp_path):
    copy(tmp_path, OTHERS)
    for where, symbols in WHERE:
        assert find(tmp_path, where=where) == symbols.split(), where
    assert find(tmp_path, where={"kind of": ["stock", "etf"]}, market="K") == ["A"]
    assert find(tmp_path, where={"market": "Q"}, market="K") == []


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"Managed": True}, r"no column 'Managed' \(did you mean 'managed'\?\); it has: symbol, name, market, .*tags"),
        ({"managed": "perhaps"}, "managed: 'perhaps' is no value of this column, which is true or false"),
        ({"shares": "many"}, "shares: 'many' is no value of this column, which is numbers"),
        ({"shares": True}, "shares: True is no value of this column, which is numbers"),
        ({"kind of": 5}, "kind of: 5 is no value of this column, which is text: write it in quotes"),
        ({"seen": "soon"}, "'soon' is not a date"),
        ({"seen": 20240131}, "seen: 20240131 is no value of this column, which is dates"),
    ],
)
def test_values_that_a_column_cannot_have_are_refused(tmp_path, where, said):
    copy(tmp_path, OTHERS)
    with pytest.raises(jt.RequestError, match=f"where: .*{said}"):
        find(tmp_path, where=where)


def test_indices_are_found_where_nothing_else_was_asked_for(tmp_path):
    table(tmp_path, symbol=["A", "K200"], market=["KOSPI", "INDEX"], kind=["stock", "index"], currency=["KRW", "KRW"])
    assert find(tmp_path, where={"currency": "KRW"}) == ["A"]
    assert find(tmp_path, where={"kind": "index"}) == ["K200"]
    assert find(tmp_path, market=["INDEX", "KOSPI"]) == ["A", "K200"]


# ---- Members of indices


def members(folder, *rows, name="members.parquet"):
    pl.DataFrame(
        rows, schema={"index": pl.String, "symbol": pl.String, "start": pl.Date, "end": pl.Date}, orient="row"
    ).write_parquet(folder / name)
    return folder / name


@pytest.fixture
def indexed(exchange):
    members(
        exchange,
        ("K2", "000660", None, None),
        ("K2", "005930", dt.date(2024, 1, 3), dt.date(2024, 1, 4)),
        ("K2", "NEW", dt.date(2024, 1, 5), None),
        ("K2", "035720", None, dt.date(2023, 12, 15)),
        ("Q", "247540", None, None),
        ("Q", "KOSPI200", None, None),
    )
    return exchange


def test_members_of_a_data_folder_match_on_their_days(indexed):
    result = scan(indexed, index="K2")
    days = result.signals.matches.group_by("symbol").agg(pl.col("timestamp").dt.day().sort()).sort("symbol")
    assert days.rows() == [("000660", [1, 2, 3, 4, 5]), ("005930", [3]), ("NEW", [5])]
    assert statuses(result) == dict.fromkeys(("005930", "000660", "NEW"), "matched")
    assert result.not_members == ("035720",)
    assert result.warnings == ()


def test_an_index_is_found_in_the_order_of_the_table_and_goes_with_other_filters(indexed):
    scanner = jt.Scanner(indexed)
    assert scanner.indices() == ["K2", "Q"]
    assert scanner.symbols(index="K2")["symbol"].to_list() == ["005930", "000660", "035720", "NEW"]
    assert scanner.symbols(index="K2", sector="Tech")["symbol"].to_list() == ["005930", "000660"]
    assert scanner.symbols(index=["Q", "K2"], market=["KOSDAQ"])["symbol"].to_list() == ["247540"]
    assert scanner.symbols(index="Q")["symbol"].to_list() == ["247540"]  # indices are for formulas
    assert scanner.symbols(index="?").height == 0


def test_members_may_be_in_any_file_and_change(indexed):
    path = members(indexed, ("K2", "247540", None, None), name="mine.parquet")
    scanner = jt.Scanner(indexed, members=path)
    assert scanner.symbols(index="K2")["symbol"].to_list() == ["247540"]
    members(indexed, ("K2", "NEW", None, None), ("K2", "005930", None, None), name="mine.parquet")
    assert scanner.symbols(index="K2")["symbol"].to_list() == ["005930", "NEW"]
    path.unlink()
    with pytest.raises(jt.DataNotFoundError, match="mine.parquet: the file of members is missing"):
        scanner.indices()


def test_without_a_file_of_members_an_index_says_what_it_needs(exchange):
    assert jt.Scanner(exchange).indices() == []
    assert scan(exchange, index="KOSPI200").warnings == (
        "no symbols in index 'KOSPI200'; the indices there are: none (give a file of members: index, symbol, start, end)",
    )


def test_which_file_it_is_may_change(tmp_path):
    """What a store does: each version has its own files."""
    paths = {}
    for version, symbol in ((1, "A"), (2, "B")):
        folder = tmp_path / str(version)
        folder.mkdir()
        table(folder, symbol=[symbol])
        paths[version] = (folder / "symbols.parquet", str(members(folder, ("K", symbol, None, None))))
    now = [1]
    repository = DuckDBSymbolRepository(
        lambda: None if now[0] is None else paths[now[0]][0],
        members=lambda: None if now[0] is None else paths[now[0]][1],
    )
    for version, found in ((1, ["A"]), (2, ["B"]), (1, ["A"]), (None, [])):
        now[0] = version
        assert asyncio.run(repository.find_by_criteria()) == found
        assert asyncio.run(repository.members("K"))["symbol"].to_list() == found


def test_an_unchanged_file_is_read_once(tmp_path, monkeypatch):
    from jtscan.market import symbols as module

    read, made = [], module.Duck
    monkeypatch.setattr(module, "Duck", lambda paths: (read.append(paths), made(paths))[1])
    table(tmp_path, symbol=["A"])
    repository = DuckDBSymbolRepository(lambda: tmp_path / "symbols.parquet")
    for _ in range(3):
        asyncio.run(repository.find_by_criteria())
    assert len(read) == 1


def test_rows_of_members_that_say_nothing_are_left_out(tmp_path, caplog):
    table(tmp_path, symbol=["A"])
    path = members(
        tmp_path, ("K", None, None, None), (None, "A", None, None), ("K", "B", MONDAY, MONDAY), ("K", "A", None, MONDAY)
    )
    repository = DuckDBSymbolRepository(None, members=path)
    assert asyncio.run(repository.members("K")).rows() == [("K", "A", None, MONDAY)]
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "rows left out, without an index or a symbol: 2", "rows left out, that end before they start: 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"symbol": ["A"]}, "the file of members has no column 'index'; it has: symbol"),
        ({"index": ["K"]}, "the file of members has no column 'symbol'; it has: index"),
        ({"index": ["K"], "symbol": [5930]}, "the symbols are BIGINT; they must be text"),
        ({"index": ["K"], "symbol": ["A"], "end": ["soon"]}, "its column 'end' has 'soon', which is not a date"),
        ({"index": ["K"], "symbol": ["A"], "start": [20240131]}, "its column 'start' is BIGINT; it must be dates"),
    ],
)
def test_files_of_members_that_cannot_be_used_say_why(tmp_path, columns, said):
    pl.DataFrame(columns).write_parquet(tmp_path / "members.parquet")
    with pytest.raises(jt.DataError, match=said):
        asyncio.run(DuckDBSymbolRepository(None, members=tmp_path / "members.parquet").indices())


def test_dates_of_members_may_be_text_or_left_out(tmp_path):
    pl.DataFrame({"index": ["K"], "symbol": ["A"], "start": ["2024-01-31"]}).write_parquet(tmp_path / "m.parquet")
    repository = DuckDBSymbolRepository(None, members=tmp_path / "m.parquet")
    assert asyncio.run(repository.members(["K", "?"])).rows() == [("K", "A", dt.date(2024, 1, 31), None)]


def test_long_scans_warn_of_survivors_where_there_is_a_table_alone(tmp_path):
    prices(tmp_path, "A", days=500)
    assert scan(tmp_path).warnings == ()  # what has prices
    table(tmp_path, symbol=["A"])
    (warning,) = scan(tmp_path).warnings
    assert warning.startswith("survivorship: the table of symbols knows no delisted symbol of this universe")
    assert scan(tmp_path, last=250).warnings == ()


# ---- Watchlists


def test_a_watchlist_is_the_explicit_list(indexed):
    mine = indexed / "mine.txt"
    mine.write_text("KRX:247540,###Others,005930,GONE")
    result = scan(indexed, watchlist=mine, market="KOSPI", index="K2")
    assert statuses(result) == {"247540": "matched", "005930": "matched", "GONE": "no_data"}
    assert result.request.symbol_criteria.symbols == ("247540", "005930", "GONE")
    assert jt.Scanner(indexed).symbols(watchlist=mine).select("symbol", "market").rows() == [
        ("247540", "KOSDAQ"), ("005930", "KOSPI"), ("GONE", None),
    ]  # fmt: skip
    assert asked(indexed, watchlist=str(mine), exclude=["005930"]) == ["247540", "GONE"]


def test_a_watchlist_beside_a_list_is_refused(exchange):
    with pytest.raises(jt.RequestError, match="watchlist: give either symbols= or watchlist=, not both"):
        scan(exchange, watchlist="mine.txt", symbols=["005930"])
    with pytest.raises(jt.DataNotFoundError, match=r"mine.txt: the watchlist is missing"):
        scan(exchange, watchlist=exchange / "mine.txt")
