"""Bars out of raw rows: what is a bar, which range is read, and in whatever way the rows lie."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan.domain.dates import Timeframe
from jtscan.market.prices import DuckDBPriceRepository

MONDAY = dt.date(2024, 1, 1)
NAN, INF = float("nan"), float("inf")


def day(number):
    """Count days from Monday, 1 January 2024."""
    return MONDAY + dt.timedelta(days=number)


def bars(symbol, closes, *, first=0, **more):
    """Make one bar a day, all prices alike; a close of None is a day without a row."""
    rows = [(day(first + number), float(close)) for number, close in enumerate(closes) if close is not None]
    days, prices = [list(column) for column in zip(*rows, strict=True)]
    ohlc = dict.fromkeys(("open", "high", "low", "close"), prices)
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **ohlc, "volume": 100.0, **more})


def halted(symbol, *numbers, close=20.0, volume=0.0):
    """Make halts as KRX sources write them: the last close, the rest zero."""
    zeros = dict.fromkeys(("open", "high", "low"), 0.0)
    days = [day(number) for number in numbers]
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **zeros, "close": close, "volume": volume})


def write(path, *frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(frames).write_parquet(path)
    return path


def scan(prices, formula="close > 10", *, timeframe="1d", columns=None, **options):
    if not options.keys() & {"start", "end", "last"}:
        options["start"] = "1990-01-01"
    return jt.Scanner(prices=prices, timeframe=timeframe, columns=columns, raise_internal=True).scan(formula, **options)


def fired(result):
    """Tell what matched, once the account adds up."""
    assert result.account["symbols"].sum() == result.outcomes.height
    rows = result.signals.matches.sort("symbol", "timestamp").select("symbol", "timestamp")
    return [f"{symbol} {moment:%m-%d}" for symbol, moment in rows.iter_rows()]


def counts(result, *columns):
    rows = result.outcomes.sort("symbol").select("symbol", *columns).iter_rows()
    return {symbol: values[0] if len(columns) == 1 else tuple(values) for symbol, *values in rows}


def statuses(result):
    return counts(result, "status")


def reasons(result):
    return {symbol: error for symbol, error in counts(result, "error").items() if error is not None}


# ---- Which rows are bars

# Each is put in the place of the third of five rows (closes 11, 12, 13, 14, 15): what it is counted as.
NO_BARS = {
    "NaN close": ({"close": NAN}, "set_aside"),
    "infinite high": ({"high": INF}, "set_aside"),
    "minus infinite low": ({"low": -INF}, "set_aside"),
    "null open": ({"open": None}, "set_aside"),
    "null close": ({"close": None}, "set_aside"),
    "null volume": ({"volume": None}, "set_aside"),
    "NaN volume": ({"volume": NAN}, "set_aside"),
    "halt": ({"open": 0.0, "high": 0.0, "low": 0.0, "volume": 0.0}, "halts"),
    "halt with volume": ({"open": 0.0, "high": 0.0, "low": 0.0, "volume": 500.0}, "halts"),
    "halt without close": ({"open": 0.0, "high": 0.0, "low": 0.0, "close": None}, "halts"),
    "halt, minus zero": ({"open": -0.0, "high": -0.0, "low": -0.0}, "halts"),
    "null timestamp": ({"timestamp": None}, "set_aside"),
}
BARS = {
    "zero volume": {"volume": 0.0},
    "zero open": {"open": 0.0},
    "negative close": {"close": -3.0},
    "high below low": {"high": 1.0},
}


def with_third_row(change):
    frame = bars("A", [11, 12, 13, 14, 15])
    values = (pl.lit(value, dtype=frame.schema[name]).alias(name) for name, value in change.items())
    return pl.concat([frame[:2], frame[2:3].with_columns(values), frame[3:]])


@pytest.mark.parametrize(("change", "counted"), NO_BARS.values(), ids=NO_BARS.keys())
def test_a_row_that_is_no_bar_is_counted_and_the_bars_beside_it_are_neighbours(tmp_path, change, counted):
    path = write(tmp_path / "p.parquet", with_third_row(change), bars("B", [11, 12, 13, 14, 15]))
    result = scan(path, "before = close[1]\nmatch = volume >= 0")
    expected = {"bars": 4, "set_aside": 0, "halts": 0, counted: 1}
    assert counts(result, *expected)["A"] == tuple(expected.values())
    assert counts(result, *expected)["B"] == (5, 0, 0)
    found = result.signals.matches.filter(pl.col("symbol") == "A").select("close", "before").rows()
    assert found == [(11.0, None), (12.0, 11.0), (14.0, 12.0), (15.0, 14.0)]
    assert result.beside.filter(pl.col("count") == 1)["what"].to_list() == [
        {"set_aside": "rows set aside"}.get(counted, counted)
    ]


@pytest.mark.parametrize("change", BARS.values(), ids=BARS.keys())
def test_an_odd_row_that_is_a_bar_stays(tmp_path, change):
    result = scan(write(tmp_path / "p.parquet", with_third_row(change)), "volume >= 0")
    assert counts(result, "bars", "set_aside", "halts")["A"] == (5, 0, 0)


def test_rows_that_are_no_bars_are_so_whatever_the_formula_reads(tmp_path):
    path = write(tmp_path / "p.parquet", with_third_row({"open": NAN}))
    for formula in ("volume > 1", "close > 1", "bar_index >= 0"):
        assert counts(scan(path, formula), "bars", "set_aside")["A"] == (4, 1)


def test_a_price_that_the_data_lacks_is_not_missing(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", [9, 11]).select("symbol", "timestamp", "close"))
    result = scan(path)
    assert (fired(result), counts(result, "bars", "set_aside")["A"]) == (["A 01-02"], (2, 0))


def test_zero_prices_are_no_halts_where_one_of_them_is_not_in_the_data(tmp_path):
    frame = pl.concat([bars("A", [11]), halted("A", 1)]).drop("low")
    assert counts(scan(write(tmp_path / "p.parquet", frame)), "bars", "halts")["A"] == (2, 0)


def test_a_further_column_may_be_unknown_on_a_bar(tmp_path):
    per = [1.0, NAN, INF, None, -INF]
    path = write(tmp_path / "p.parquet", bars("A", [11, 12, 13, 14, 15], per=per))
    result = scan(path, "p = per\nmatch = close > 10")
    assert result.signals.matches["p"].to_list() == [1.0, None, None, None, None]
    assert counts(result, "bars", "set_aside")["A"] == (5, 0)
    assert fired(scan(path, "per > 0")) == ["A 01-01"]


ODD_TIMES = {"I": "'infinity'", "M": "'-infinity'", "Y": "'20000-01-01'", "C": "'0044-03-15 (BC)'", "N": "NULL"}
RANGES = [{"start": "1990-01-01"}, {"end": "2030-01-01"}, {"last": 1}, {"last": 3}, {"last": 250}]


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMP_MS"])
def test_a_row_of_no_possible_day_is_set_aside_in_every_range(tmp_path, kind):
    cases = " ".join(f"WHEN close = 13 AND symbol = '{symbol}' THEN {day}::DATE" for symbol, day in ODD_TIMES.items())
    wrong = f"(CASE {cases} WHEN symbol = 'Z' THEN NULL ELSE timestamp END)::{kind} AS timestamp"
    market = pl.concat(bars(symbol, [11, 12, 13, 14]) for symbol in [*ODD_TIMES, "Z"])
    with duckdb.connect() as connection:
        connection.register("bars", market.to_arrow())
        query = f"COPY (SELECT * REPLACE ({wrong}) FROM bars) TO $path (FORMAT parquet)"
        connection.execute(query, {"path": str(tmp_path / "p.parquet")})
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    for options in RANGES:
        days = ["01-04"] if options == {"last": 1} else ["01-01", "01-02", "01-04"]
        result = scanner.scan("close > 10", **options)
        assert fired(result) == [f"{symbol} {day}" for symbol in sorted(ODD_TIMES) for day in days]
        assert counts(result, "set_aside") == {**dict.fromkeys(ODD_TIMES, 1), "Z": 4}
        assert reasons(result) == {
            "Z": "no row of it is a bar: halts, or a price, the volume or the timestamp is missing"
        }
        assert result.data_date == day(3)


# ---- The same row twice


def twice(frame, **change):
    """Give a frame and its second row again, with other values."""
    again = (pl.lit(value, dtype=frame.schema[name]).alias(name) for name, value in change.items())
    return [frame, frame[1:2].with_columns(again)]


def test_equal_rows_are_read_once_and_counted(tmp_path):
    frame = bars("A", [11, 12, 13])
    path = write(tmp_path / "p.parquet", frame, frame, frame[:1], bars("B", [11, 12]))
    result = scan(path, "n = bar_index\nmatch = close > 10")
    assert result.signals.matches.select("symbol", "n").sort("symbol", "n").rows() == [
        ("A", 0), ("A", 1), ("A", 2), ("B", 0), ("B", 1),
    ]  # fmt: skip
    assert counts(result, "bars", "duplicates") == {"A": (3, 4), "B": (2, 0)}


CONFLICTS = {
    "close": ({"close": 99.0}, "close > 10"),
    "a price that the formula does not read": ({"high": 99.0}, "close > 10"),
    "a further column that the formula does not read": ({"per": 99.0}, "close > 10"),
    "a further column that is unknown once": ({"per": None}, "close > 10"),
}


@pytest.mark.parametrize(("change", "formula"), CONFLICTS.values(), ids=CONFLICTS.keys())
def test_other_values_on_one_day_fail_the_symbol_and_name_the_day(tmp_path, change, formula):
    frame = bars("A", [11, 12, 13], per=5.0)
    path = write(tmp_path / "p.parquet", *twice(frame, **change), bars("B", [11, 12], per=5.0))
    result = scan(path, formula)
    assert fired(result) == ["B 01-01", "B 01-02"]
    assert (statuses(result)["A"], reasons(result)["A"]) == ("failed", "2 rows with different values on 2024-01-02")
    assert counts(result, "duplicates") == {"A": 0, "B": 0}


def test_of_several_conflicts_the_first_day_is_named(tmp_path):
    frame = bars("A", [11, 12, 13, 14])
    higher = (frame.with_columns(pl.col("close") + number) for number in (1, 2))
    path = write(tmp_path / "p.parquet", frame, *higher)
    assert reasons(scan(path, start="2024-01-03")) == {"A": "3 rows with different values on 2024-01-03"}


def test_a_conflict_outside_of_what_is_read_does_not_matter(tmp_path):
    path = write(tmp_path / "p.parquet", *twice(bars("A", [11, 12, 13, 14]), close=99.0))
    assert fired(scan(path, start="2024-01-03")) == ["A 01-03", "A 01-04"]
    assert fired(scan(path, end="2024-01-01")) == ["A 01-01"]
    assert statuses(scan(path, "close > close[1]", start="2024-01-03")) == {"A": "failed"}


def test_a_bar_and_a_row_that_is_no_bar_on_one_day_are_no_conflict(tmp_path):
    path = write(tmp_path / "p.parquet", *twice(bars("A", [11, 12, 13]), close=NAN), halted("A", 2))
    result = scan(path)
    assert fired(result) == ["A 01-01", "A 01-02", "A 01-03"]
    assert counts(result, "bars", "set_aside", "halts", "duplicates")["A"] == (3, 1, 1, 0)


def test_duplicates_are_found_across_files(tmp_path):
    frame = bars("A", [11, 12, 13])
    write(tmp_path / "equal/1.parquet", frame)
    write(tmp_path / "equal/2.parquet", frame.cast({"close": pl.Int32}).select(sorted(frame.columns)))
    result = scan(tmp_path / "equal")
    assert (fired(result), counts(result, "duplicates")) == (["A 01-01", "A 01-02", "A 01-03"], {"A": 3})
    write(tmp_path / "conflict/1.parquet", frame)
    write(tmp_path / "conflict/2.parquet", frame.with_columns(pl.col("close") + 1))
    assert reasons(scan(tmp_path / "conflict")) == {"A": "2 rows with different values on 2024-01-01"}


def test_intraday_bars_taken_for_daily_ones_are_a_conflict(tmp_path):
    minutes = [dt.datetime.combine(MONDAY, dt.time(9, minute)) for minute in (0, 5, 10)]
    frame = bars("A", [11, 12, 13]).with_columns(timestamp=pl.Series(minutes))
    assert reasons(scan(write(tmp_path / "p.parquet", frame))) == {"A": "3 rows with different values on 2024-01-01"}


# ---- However the rows lie


def one_file(folder, market):
    market.write_parquet(folder / "p.parquet")


def by_date(folder, market):
    market.sort("timestamp", "symbol").write_parquet(folder / "p.parquet", row_group_size=50)


def shuffled(folder, market):
    market.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / "p.parquet", row_group_size=50)


def backwards(folder, market):
    market.reverse().write_parquet(folder / "p.parquet")


def by_year(folder, market):
    for (year,), part in market.group_by(pl.col("timestamp").dt.year()):
        write(folder / f"year={year}/part-0.parquet", part.sort("timestamp", "symbol"))


def by_symbol(folder, market):
    for (symbol,), part in market.group_by("symbol", maintain_order=True):
        write(folder / f"{symbol}.parquet", part.drop("symbol"))


def by_hive_symbol(folder, market):
    for (symbol, year), part in market.group_by("symbol", pl.col("timestamp").dt.year(), maintain_order=True):
        write(folder / f"symbol={symbol}/year={year}/part-0.parquet", part.drop("symbol").reverse())


def in_two_halves(folder, market):
    """Put every other row into another file, of other types, its columns in another order."""
    write(folder / "1.parquet", market[::2])
    write(folder / "2.parquet", market[1::2].cast({"volume": pl.Int64}).select(sorted(market.columns)))


def with_equal_rows(folder, market):
    write(folder / "1.parquet", market)
    write(folder / "2.parquet", market[::3])


LAYOUTS = [
    one_file, by_date, shuffled, backwards, by_year, by_symbol, by_hive_symbol, in_two_halves, with_equal_rows,
]  # fmt: skip


def called(layout):
    return getattr(layout, "__name__", None)


def some(*chosen):
    """Run a test with the chosen layouts; with the others when CI takes its time."""
    rest = [pytest.param(layout, marks=pytest.mark.slow) for layout in LAYOUTS if layout not in chosen]
    return pytest.mark.parametrize("layout", [*chosen, *rest], ids=called)


@pytest.mark.parametrize("layout", LAYOUTS, ids=called)
def test_the_matches_are_the_same_in_every_layout(tmp_path, layout):
    layout(tmp_path, pl.concat([bars("005930", [9, 11, None, 12]), bars("B", [11, 9, 13], first=-2), halted("B", 1)]))
    result = scan(tmp_path, "p = close[1]\nmatch = close > 10")
    assert result.signals.matches.select("symbol", "timestamp", "close", "p").rows() == [
        ("B", day(-2), 11.0, None), ("B", day(0), 13.0, 9.0), ("005930", day(1), 11.0, 9.0), ("005930", day(3), 12.0, 11.0),
    ]  # fmt: skip
    rows_of_the_halt = 2 if layout is with_equal_rows else 1
    assert counts(result, "bars", "halts") == {"005930": (3, 0), "B": (3, rows_of_the_halt)}


def long_market():
    """Some hundred days of symbols that are awkward just before a range: whole-number closes, three years.

    Seen from day 600 on: R trades every day; H was halted for 300 days, Q has only rows without a close for as
    long; S trades every 20th day; N is listed on day 590; X begins on day 650; E ended on day 610.
    """
    random = np.random.default_rng(5)
    closes = {symbol: (2000 + np.cumsum(random.integers(-30, 31, 900))).tolist() for symbol in "RHQSNXE"}
    closes["S"] = [close if number % 20 == 0 else None for number, close in enumerate(closes["S"])]
    closes["E"] = closes["E"][:611]
    frames = [bars(symbol, values) for symbol, values in closes.items() if symbol not in "HQNX"]
    for symbol in "HQ":
        frames += [bars(symbol, closes[symbol][:290]), bars(symbol, closes[symbol][590:], first=590)]
    frames += [bars("N", closes["N"][590:], first=590), bars("X", closes["X"][650:], first=650)]
    frames.append(halted("H", *range(290, 590)))
    frames.append(halted("Q", *range(290, 590)).with_columns(open=pl.lit(5.0), close=pl.lit(NAN)))
    return pl.concat(frames)


def bars_only(market):
    return market.filter((pl.col("open") > 0) & pl.col("close").is_not_nan()).sort("symbol", "timestamp")


def matches_by_polars(market, condition):
    """Answer by Polars alone, over the whole history of each symbol; prices are whole, so averages are exact."""
    found = bars_only(market).filter(condition.over("symbol"))
    return set(found.select("symbol", "timestamp").rows())


CLOSE = pl.col("close")
WINDOWS = {
    "close > sma(close, 20)": CLOSE.rolling_sum(20) / 20 < CLOSE,
    "close > highest(high, 50)[1]": pl.col("high").rolling_max(50).shift(1) < CLOSE,
    "close[30] < close and close[7] > close": (CLOSE.shift(30) < CLOSE) & (CLOSE.shift(7) > CLOSE),
    "bar_index % 7 == 3": (CLOSE.cum_count() - 1) % 7 == 3,
}


@some(by_date, by_hive_symbol, with_equal_rows)
def test_a_range_in_the_middle_gives_what_the_whole_history_gives_there(tmp_path, layout):
    market = long_market()
    layout(tmp_path, market)
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    for formula, condition in WINDOWS.items():
        answer = matches_by_polars(market, condition)
        for begin, end in ((600, 700), (295, 610)):
            result = scanner.scan(formula, start=day(begin), end=day(end))
            expected = {(symbol, moment) for symbol, moment in answer if day(begin) <= moment <= day(end)}
            assert set(result.signals.matches.select("symbol", "timestamp").rows()) == expected
            assert result.account["symbols"].sum() == 7


RECURSIVE = {
    "rsi": "rsi(close, 5) > 52.3717",
    "macd": "macd(close, 3, 6, 3).hist > 0.1234567",
    "memory": "barssince(close > close[1] + 25) == 3",
    "adx": "adx(4) > 21.7391",
}


@pytest.mark.parametrize("formula", RECURSIVE.values(), ids=RECURSIVE.keys())
@some(by_hive_symbol)
def test_a_range_in_the_middle_gives_what_a_scan_of_all_gives_there(tmp_path, layout, formula):
    layout(tmp_path, long_market())
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    whole = scanner.scan(formula, start="1990-01-01").signals.matches
    full = scanner.scan(formula, start=day(600), end=day(700), warmup="full").signals.matches
    part = scanner.scan(formula, start=day(600), end=day(700)).signals.matches
    inside = whole.filter(pl.col("timestamp").is_between(day(600), day(700)))
    assert inside.height > 20
    assert_frame_equal(part, inside)
    assert_frame_equal(full, inside)


def test_equal_rows_do_not_pass_for_enough_warm_up(tmp_path):
    sparse = bars("S", [20 + number % 3 if number % 10 == 0 else None for number in range(300)])
    path = write(tmp_path / "p.parquet", sparse, sparse, sparse, sparse, bars("R", [20] * 300))
    formula = "m = sma(close, 8)\nmatch = close > 0"
    whole = scan(path, formula, symbols=["S"]).signals.matches
    part = scan(path, formula, symbols=["S"], start=day(280)).signals.matches
    assert whole["m"].null_count() == 7
    assert_frame_equal(part, whole.filter(pl.col("timestamp") >= day(280)))


@st.composite
def partitions(draw):
    """Draw a seed, a number of files, and how rows are dealt out to them."""
    return draw(st.integers(0, 10**6)), draw(st.integers(1, 6)), draw(st.sampled_from(["rows", "symbols", "runs"]))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(partition=partitions())
def test_no_shuffling_of_rows_and_no_partition_into_files_changes_anything(partition):
    seed, files, dealt = partition
    market = long_market().filter(pl.col("timestamp") > day(500))
    formula = "a = sma(close, 20)\nb = rsi(close, 5)\nmatch = close > a and b > 40"
    random = np.random.default_rng(seed)
    owner = {
        "rows": random.integers(0, files, market.height),
        "symbols": market["symbol"].rank("dense").to_numpy() % files,
        "runs": np.sort(random.integers(0, files, market.height)),
    }[dealt]
    with tempfile.TemporaryDirectory() as folder:
        market.write_parquet(Path(folder) / "whole.parquet")
        for (_,), part in market.with_columns(owner=owner).group_by("owner"):
            mixed = part.drop("owner").sample(fraction=1, shuffle=True, seed=seed)
            write(Path(folder) / f"parts/{random.integers(10**9)}.parquet", mixed)
        whole = scan(Path(folder) / "whole.parquet", formula, start=day(600), end=day(650))
        parts = scan(Path(folder) / "parts", formula, start=day(600), end=day(650))
    assert whole.signals.matches.height > 50
    assert_frame_equal(parts.signals.matches, whole.signals.matches)
    assert_frame_equal(parts.outcomes.drop("processing_time_ms"), whole.outcomes.drop("processing_time_ms"))


# ---- Ranges


@pytest.fixture
def week(tmp_path):
    """A trades from Monday to Friday and on the next Monday; B stopped on Wednesday; C began on Friday."""
    a = bars("A", [11, 12, 13, 14, 15, None, None, 16])
    return write(tmp_path / "p.parquet", a, bars("B", [11, 12, 13]), bars("C", [11, None, None, 12], first=4))


DAYS = [
    # start, end, the days that match of A, of B, of C
    ("2024-01-01", "2024-01-08", "01-01 01-02 01-03 01-04 01-05 01-08", "01-01 01-02 01-03", "01-05 01-08"),
    ("2024-01-03", "2024-01-03", "01-03", "01-03", ""),
    ("2024-01-04", None, "01-04 01-05 01-08", "", "01-05 01-08"),
    (None, "2024-01-02", "01-01 01-02", "01-01 01-02", ""),
    (dt.date(2024, 1, 2), dt.datetime(2024, 1, 3, 9), "01-02 01-03", "01-02 01-03", ""),
    (" 2024-01-05 ", "2024-01-07T23:59", "01-05", "", "01-05"),
    ("2024-01-06", "2024-01-07", "", "", ""),  # the weekend
    ("2024-01-09", None, "", "", ""),
    (None, "2023-12-31", "", "", ""),
    ("2050-01-01", "2060-01-01", "", "", ""),
    ("0001-01-01", "9999-12-31", "01-01 01-02 01-03 01-04 01-05 01-08", "01-01 01-02 01-03", "01-05 01-08"),
]


def test_both_ends_of_a_range_are_included(week):
    scanner = jt.Scanner(prices=week, raise_internal=True)
    for start, end, *expected in DAYS:
        days = dict(zip("ABC", map(str.split, expected), strict=True))
        result = scanner.scan("close > 10", start=start, end=end)
        assert fired(result) == [f"{symbol} {each}" for symbol in days for each in days[symbol]], (start, end)
        assert statuses(result) == {symbol: "matched" if days[symbol] else "no_data" for symbol in days}
        assert counts(result, "bars") == {symbol: len(days[symbol]) for symbol in days}


def test_no_data_says_where_the_bars_are(week):
    assert reasons(scan(week, start="2024-01-06", end="2024-01-07")) == {
        "A": "no bars in the range; its bars are from 2024-01-01 to 2024-01-08",
        "B": "no bars in the range; its bars are from 2024-01-01 to 2024-01-03",
        "C": "no bars in the range; its bars are from 2024-01-05 to 2024-01-08",
    }
    assert reasons(scan(week, "close > close[2]", start="2024-01-06", end="2024-01-07"))["A"] == (
        "no bars in the range; its last bar before is of 2024-01-05"
    )
    assert reasons(scan(week, symbols=["A", "005930"])) == {"005930": "it is not in the prices"}


def test_the_data_date_is_the_newest_bar_that_the_scan_saw(week):
    assert scan(week).data_date == day(7)
    assert scan(week, end="2024-01-06").data_date == day(4)
    assert scan(week, symbols=["B"]).data_date == day(2)
    assert scan(week, end="2023-12-31").data_date is None


WRONG_RANGES = [
    ({"start": "2024-01-03", "end": "2024-01-02"}, "start: 2024-01-03 is after the end, 2024-01-02"),
    ({"start": "2024-13-01"}, "start: '2024-13-01' is not a date"),
    ({"end": "yesterday"}, "end: 'yesterday' is not a date"),
    ({"start": 20240101}, "start: 20240101 is not a date"),
    ({"start": "2024-01-01T00:00+09:00"}, "start: 2024-01-01T00:00:00.09:00 has a time zone"),
    ({"last": 0}, "last: 0 is not a number of bars"),
    ({"last": 1, "start": "2024-01-01"}, "last: give either last= or start= and end=, not both"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_RANGES, ids=[message for _, message in WRONG_RANGES])
def test_a_range_that_cannot_be_is_an_error(week, options, message):
    with pytest.raises(jt.RequestError, match=message):
        scan(week, **options)


def test_the_last_bar_is_the_newest_of_the_symbols_asked_for(week):
    result = scan(week, last=1)
    assert fired(result) == ["A 01-08", "C 01-08"]
    assert statuses(result) == {"A": "matched", "B": "no_data", "C": "matched"}
    assert reasons(result)["B"] == "no bars in the range; its bars are from 2024-01-01 to 2024-01-03"
    assert result.stale.rows() == [("B", dt.datetime(2024, 1, 3))]
    assert dict(result.beside.select("what", "count").rows())["symbols behind"] == 1
    assert fired(scan(week, last=1, symbols=["B"])) == ["B 01-03"]


def test_the_last_bars_are_days_on_which_any_of_the_symbols_has_a_bar(week):
    assert fired(scan(week, last=2)) == ["A 01-05", "A 01-08", "C 01-05", "C 01-08"]
    assert fired(scan(week, last=4, symbols=["A", "B"])) == ["A 01-03", "A 01-04", "A 01-05", "A 01-08", "B 01-03"]
    assert fired(scan(week, last=99)) == fired(scan(week))


def test_symbols_that_nobody_knows_do_not_move_the_last_bars(week):
    result = scan(week, last=2, symbols=["B", "X", "Y", "Z"])
    assert fired(result) == ["B 01-02", "B 01-03"]
    assert statuses(result) == {"B": "matched", "X": "no_data", "Y": "no_data", "Z": "no_data"}


@pytest.mark.parametrize(
    "options",
    [{"last": 10**6}, {"last": 10**10}, {"last": 10**400}, {"start": "0001-01-01", "end": "9999-12-31"}],
    ids=str,
)
def test_more_bars_than_there_is_time_are_all_bars(week, options):
    assert fired(scan(week, "close > sma(close, 2)", **options)) == fired(scan(week, "close > sma(close, 2)"))


def test_bars_at_the_ends_of_the_calendar_are_bars(tmp_path):
    ends = [bars(symbol, [11, 12, 13]) for symbol in "AB"]
    first = ends[0].with_columns(timestamp=pl.Series([dt.date(1, 1, number) for number in (1, 2, 3)]))
    last = ends[1].with_columns(timestamp=pl.Series([dt.date(9999, 12, number) for number in (29, 30, 31)]))
    path = write(tmp_path / "p.parquet", first, last)
    for options in ({"start": "0001-01-01"}, {"last": 250}, {"last": 6}):
        assert fired(scan(path, "close > sma(close, 2)", **options)) == ["A 01-02", "A 01-03", "B 12-30", "B 12-31"]


def test_halts_and_rows_without_prices_are_no_last_bars(tmp_path):
    empty = halted("A", 7).with_columns(open=pl.lit(1.0), close=pl.lit(NAN))
    path = write(tmp_path / "p.parquet", bars("A", [11, 12, 13]), bars("B", [11, 12]), halted("B", 2, 3, 6), empty)
    result = scan(path, last=1)
    assert fired(result) == ["A 01-03"]
    assert statuses(result) == {"A": "matched", "B": "no_data"}
    assert result.data_date == day(2)
    assert result.stale.rows() == [("B", dt.datetime(2024, 1, 2))]
    assert counts(result, "halts", "set_aside") == {"A": (0, 1), "B": (3, 0)}
    assert fired(scan(path, last=2)) == ["A 01-02", "A 01-03", "B 01-02"]


def test_a_scan_without_a_range_is_of_the_last_250_bars(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", [11] * 300), bars("B", [11] * 40))
    result = jt.Scanner(prices=path, raise_internal=True).scan("close > 10")
    assert counts(result, "bars") == {"A": 250, "B": 0}
    assert reasons(result)["B"] == "no bars in the range; its bars are from 2024-01-01 to 2024-02-09"


# ---- Intraday


def intraday(symbol, moments):
    stamps = [dt.datetime.fromisoformat(f"2024-01-{moment}") for moment in moments]
    return bars(symbol, [11] * len(stamps)).with_columns(timestamp=pl.Series(stamps, dtype=pl.Datetime("us")))


MOMENTS = ["02T09:00", "02T15:25", "03T09:00", "03T15:25", "03T23:59:59.999999", "04T00:00", "04T09:00"]
INTRADAY = [
    ("2024-01-02", "2024-01-02", MOMENTS[:2]),
    ("2024-01-02", "2024-01-03", MOMENTS[:5]),  # a date as the end is that whole day
    (dt.date(2024, 1, 3), dt.date(2024, 1, 3), MOMENTS[2:5]),
    ("2024-01-03T09:00", "2024-01-03T15:25", MOMENTS[2:4]),
    ("2024-01-03T09:00:01", "2024-01-03T15:24:59", []),
    (None, "2024-01-03T00:00", MOMENTS[:2]),
    ("2024-01-04", None, MOMENTS[5:]),
    ("2024-01-06", "2024-01-07", []),
]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_intraday_ranges_include_both_ends_and_whole_days(tmp_path, unit):
    path = write(tmp_path / "p.parquet", intraday("A", MOMENTS).cast({"timestamp": pl.Datetime(unit)}))
    scanner = jt.Scanner(prices=path, timeframe="5m", raise_internal=True)
    for start, end, expected in INTRADAY:
        found = scanner.scan("close > 10", start=start, end=end).signals.matches["timestamp"].to_list()
        stamps = [dt.datetime.fromisoformat(f"2024-01-{moment}") for moment in expected]
        assert found == [
            each.replace(microsecond=each.microsecond // 1000 * 1000) if unit == "ms" else each for each in stamps
        ]


# Bars that are stored by symbol; the timeframe that is asked for, of which symbol: the reason.
ELSEWHERE = [
    ("5m", "DAYS", "it is not in the 5m prices; it has 1d"),
    ("1d", "MINUTES", "it is not in the 1d prices; it has 5m"),
    ("1w", "MINUTES", "it is not in the 1d prices; it has 5m"),  # weeks are made of days
    ("15m", "DAYS", "it is not in the 5m prices; it has 1d"),
    ("5m", "NOBODY", "it is not in the prices"),
]


@pytest.mark.parametrize(("timeframe", "symbol", "reason"), ELSEWHERE)
def test_a_symbol_that_has_bars_of_another_timeframe_only_is_told_which(tmp_path, timeframe, symbol, reason):
    write(tmp_path / "prices/1d/a.parquet", bars("DAYS", [11]), bars("BOTH", [11]))
    write(tmp_path / "prices/5m/a.parquet", intraday("MINUTES", MOMENTS), intraday("BOTH", MOMENTS))
    result = jt.Scanner(tmp_path, raise_internal=True).scan(
        "close > 10", timeframe=timeframe, symbols=[symbol, "BOTH"], start=MONDAY
    )
    assert reasons(result)[symbol] == reason


def test_the_last_intraday_bars_are_bars_and_not_days(tmp_path):
    path = write(tmp_path / "p.parquet", intraday("A", MOMENTS), intraday("B", MOMENTS[:3]))
    found = scan(path, timeframe="5m", last=2)
    assert found.signals.matches["timestamp"].to_list() == [
        dt.datetime(2024, 1, 4, 0, 0),
        dt.datetime(2024, 1, 4, 9, 0),
    ]
    assert found.data_date == dt.datetime(2024, 1, 4, 9, 0)
    assert statuses(found) == {"A": "matched", "B": "no_data"}


@some(shuffled)
def test_an_intraday_range_in_the_middle_gives_what_the_whole_history_gives_there(tmp_path, layout):
    random = np.random.default_rng(3)
    stamps = [dt.datetime(2024, 1, 2, 9) + dt.timedelta(days=d, minutes=5 * m) for d in range(12) for m in range(78)]
    frames = [bars(symbol, random.integers(1000, 1100, len(stamps))).with_columns(timestamp=pl.Series(stamps))
              for symbol in "AB"]  # fmt: skip
    market = pl.concat([frames[0], frames[1].filter(pl.col("timestamp").dt.hour() == 9)])
    layout(tmp_path, market)
    answer = matches_by_polars(market, CLOSE.rolling_sum(50) / 50 < CLOSE)
    begin, end = dt.datetime(2024, 1, 9, 9, 30), dt.datetime(2024, 1, 11, 10)
    found = scan(tmp_path, "close > sma(close, 50)", timeframe="5m", start=begin, end=end).signals.matches
    assert set(found.select("symbol", "timestamp").rows()) == {each for each in answer if begin <= each[1] <= end}


# ---- Several scans at once


def test_eight_threads_may_share_one_scanner(tmp_path):
    in_two_halves(tmp_path, long_market())
    formulas = [*list(WINDOWS)[:2], RECURSIVE["rsi"]]
    alone = [scan(tmp_path, formula, start=day(600)).signals.matches for formula in formulas]
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)

    def several(shift):
        order = formulas[shift:] + formulas[:shift]
        return {formula: scanner.scan(formula, start=day(600)).signals.matches for formula in order}

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(several, range(8)))
    for answer in answers:
        for formula, expected in zip(formulas, alone, strict=True):
            assert_frame_equal(answer[formula], expected)


def test_a_scan_inside_a_running_loop_waits_and_one_beside_it_does_not_block(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", [9, 11, 12]))
    scanner = jt.Scanner(prices=path, raise_internal=True)

    async def main():
        inside = scanner.scan("close > 10", start=MONDAY)  # as in a notebook's cell
        beside = await asyncio.gather(*(scanner.scan_async("close > 10", start=MONDAY) for _ in range(3)))
        return [inside, *beside]

    assert [fired(result) for result in asyncio.run(main())] == [["A 01-02", "A 01-03"]] * 4


def test_the_span_of_a_symbol_is_from_its_first_to_its_last_bar_and_a_halt_is_none(tmp_path):
    write(tmp_path / "prices/1d/a.parquet", bars("A", [1, 2, 3]), halted("A", 3), halted("HALTED", 1, 2))
    write(tmp_path / "prices/1d/b.parquet", bars("A", [4], first=7), bars("B", [5], first=2))
    spans = DuckDBPriceRepository(tmp_path).snapshot(Timeframe.D1).spans()
    assert spans == {"A": (day(0), day(7)), "B": (day(2), day(2))}
