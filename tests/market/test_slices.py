"""Bars as slices of files: the same as SQL finds, without a question to SQL where all is as the catalog says."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Duck
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.slices import Slices

MONDAY = dt.date(2024, 1, 1)
NAN, INFINITY = float("nan"), float("inf")
SYMBOLS = list("ABCDE")


def bars(symbol, count, *, first=0, **more):
    days = [MONDAY + dt.timedelta(days=first + number) for number in range(count)]
    close = [10.0 + (7 * number) % 5 for number in range(count)]
    prices = {"open": close, "high": [each + 1 for each in close], "low": [each - 1 for each in close], "close": close}
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 100, "per": 1.5, **more})


def market():
    return pl.concat(bars(symbol, 40 - 9 * number, first=number) for number, symbol in enumerate(SYMBOLS))


def write(path, frame, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, **options)
    return path


def snapshot(path, timeframe="1d"):
    return DuckDBPriceRepository(prices=path, timeframe=Timeframe(timeframe)).snapshot(Timeframe(timeframe))


def found(bars):
    return (
        bars.frame.sort("symbol", maintain_order=True),
        bars.rows,
        bars.problems,
        bars.absent,
        bars.from_first,
        bars.last_seen,
    )


WINDOWS = [
    ReadWindow(),
    ReadWindow(start=MONDAY + dt.timedelta(days=20), warmup=5),
    ReadWindow(start=MONDAY + dt.timedelta(days=30), end=MONDAY + dt.timedelta(days=33), warmup=30),
    ReadWindow(end=MONDAY + dt.timedelta(days=2)),
    ReadWindow(start=MONDAY + dt.timedelta(days=35), warmup=0),
]


def as_in(timeframe, window):
    if timeframe == "1d":
        return window
    start, end = (each and dt.datetime.combine(each, dt.time()) for each in (window.start, window.end))
    return ReadWindow(start=start, end=end, warmup=window.warmup)


# ---- The same as SQL finds


def by_symbol(folder, frame):
    for (symbol,), part in frame.group_by("symbol"):
        write(folder / f"{symbol}.parquet", part.drop("symbol"))


def in_two(folder, frame):
    """Cut in time, as a source that is appended to."""
    write(folder / "1.parquet", frame.filter(pl.col("timestamp") < MONDAY + dt.timedelta(days=19)))
    write(folder / "2.parquet", frame.filter(pl.col("timestamp") >= MONDAY + dt.timedelta(days=19)).drop("per"))


CLEAN = {
    "one file": lambda folder, frame: write(folder / "p.parquet", frame),
    "small row groups": lambda folder, frame: write(folder / "p.parquet", frame, row_group_size=7),
    "symbols in no order": lambda folder, frame: write(folder / "p.parquet", pl.concat([frame[71:], frame[:71]])),
    "a file per symbol": by_symbol,
    "appended": in_two,
    "names of all kinds": lambda folder, frame: write(folder / "주 식 100%25 #1&+.parquet", frame),
}


@pytest.mark.parametrize("layout", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("columns", [["close"], ["per", "volume", "open"], []])
def test_clean_files_are_read_without_sql_and_give_what_sql_gives(layout, columns, tmp_path, monkeypatch):
    layout(tmp_path, market())
    sliced = snapshot(tmp_path)
    asked = [SYMBOLS, ["D", "B"], ["E", "A", "C", "NONE"]]
    with monkeypatch.context() as patch:
        patch.setattr(Slices, "pieces", {})
        sql = snapshot(tmp_path)
        wanted = [found(sql.read(symbols, columns, window)) for symbols in asked for window in WINDOWS]
    assert sliced.symbols == SYMBOLS
    monkeypatch.setattr(Duck, "frame", None)
    answers = iter(wanted)
    for symbols in asked:
        for window in WINDOWS:
            read, expected = found(sliced.read(symbols, columns, window)), next(answers)
            assert_frame_equal(read[0], expected[0])
            assert read[1:] == expected[1:]


def minutes(unit="us"):
    frame = market()
    moments = pl.Series(
        [dt.datetime.combine(MONDAY, dt.time(9)) + dt.timedelta(hours=6 * each) for each in range(frame.height)]
    )
    return frame.with_columns(timestamp=moments.cast(pl.Datetime(unit)))


def days_as(kind):
    return market().with_columns(pl.col("timestamp").cast(kind))


KINDS = {
    "small numbers": (market().with_columns(close=pl.col("close").cast(pl.Int16), volume=pl.col("volume").cast(pl.UInt32)), "1d"),
    "large whole numbers": (market().with_columns(volume=pl.lit(2**53 + 1)), "1d"),
    "single precision": (market().with_columns(pl.col("close").cast(pl.Float32) + 0.1), "1d"),
    "decimals": (market().with_columns(close=pl.lit(Decimal("10.05"), dtype=pl.Decimal(10, 2))), "1d"),
    "not finite beside": (market().with_columns(per=pl.Series([1.0, NAN, INFINITY, None] * 28)[:110]), "1d"),
    "days as moments": (days_as(pl.Datetime("us")), "1d"),
    "days as milliseconds": (days_as(pl.Datetime("ms")), "1d"),
    "days as nanoseconds": (days_as(pl.Datetime("ns")), "1d"),
    "days before 1970": (days_as(pl.Datetime("us")).with_columns(pl.col("timestamp").dt.offset_by("-60y").dt.offset_by("5h")), "1d"),
    "minutes": (minutes(), "60m"),
    "minutes in nanoseconds": (minutes("ns"), "60m"),
    "parts of microseconds": (minutes("ns").with_columns((pl.col("timestamp").cast(pl.Int64) + 501).cast(pl.Datetime("ns"))), "60m"),
    "minutes in milliseconds": (minutes("ms"), "60m"),
    "halts": (pl.concat([market(), bars("A", 1, first=50, open=0.0, high=0.0, low=0.0)]).sort("symbol", maintain_order=True), "1d"),
    "a missing price": (market().with_columns(close=pl.when(pl.int_range(pl.len()) != 45).then("close")), "1d"),
    "out of order": (pl.concat([market()[:20].reverse(), market()[20:]]), "1d"),
    "a day twice": (pl.concat([market()[:3], market()[2:]]), "1d"),
    "other values on a day": (pl.concat([market(), market()[-1:].with_columns(pl.col("close") + 1)]), "1d"),
    "other case": (market().rename({"close": "close", "per": "PER"}), "1d"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "timeframe"), KINDS.values(), ids=KINDS)
def test_whatever_the_types_and_the_rows_slices_give_what_sql_gives(frame, timeframe, tmp_path, monkeypatch):
    path = write(tmp_path / "p.parquet", frame, row_group_size=16)
    sliced = snapshot(path, timeframe)
    columns = list(sliced.columns)
    read = [found(sliced.read(SYMBOLS, columns, as_in(timeframe, window))) for window in WINDOWS]
    monkeypatch.setattr(Slices, "pieces", {})
    sql = snapshot(path, timeframe)
    for window, each in zip(WINDOWS, read, strict=True):
        expected = found(sql.read(SYMBOLS, columns, as_in(timeframe, window)))
        assert_frame_equal(each[0], expected[0])
        assert each[1:] == expected[1:]


def test_only_symbols_that_are_not_clean_are_asked_of_sql(tmp_path, monkeypatch):
    frame = pl.concat([market(), bars("F", 1, open=0.0, high=0.0, low=0.0), bars("G", 3), bars("G", 3)[2:]])
    made = snapshot(write(tmp_path / "p.parquet", frame))
    asked = []
    ask = Duck.frame
    made.catalog  # noqa: B018 - made with SQL
    monkeypatch.setattr(
        Duck, "frame", lambda self, query, given: (asked.append(given.get("symbols")), ask(self, query, given))[1]
    )
    made.read([*SYMBOLS, "F"], ["close"], ReadWindow())
    assert asked == [["F"], ["F"]]  # its bars and its halts
    asked.clear()
    read = made.read([*SYMBOLS, "G"], ["close"], ReadWindow())
    assert read.counts("G").duplicates == 1
    assert [symbols for symbols in asked if symbols != ["G"]] == []


@pytest.mark.parametrize(
    ("window", "asked"),
    [
        (ReadWindow(), 0),
        (ReadWindow(start=MONDAY + dt.timedelta(days=28), warmup=0), 0),
        (ReadWindow(start=MONDAY + dt.timedelta(days=38), warmup=0), 1),
        (ReadWindow(end=MONDAY + dt.timedelta(days=2)), 1),
    ],
)
def test_a_little_of_many_rows_is_asked_of_sql_which_skips_the_rest(window, asked, tmp_path, monkeypatch):
    made = snapshot(write(tmp_path / "p.parquet", market(), row_group_size=7))
    made.catalog  # noqa: B018 - made with SQL
    monkeypatch.setattr("jtscan.market.slices._LONG", 30)
    questions, ask = [], Duck.frame
    monkeypatch.setattr(Duck, "frame", lambda self, *given: (questions.append(given), ask(self, *given))[1])
    days = made.read(["A"], ["close"], window).frame["timestamp"]
    assert len(questions) == asked
    assert days.to_list() == [each for each in (MONDAY + dt.timedelta(days=number) for number in range(40))
                              if (window.start or each) <= each <= (window.end or each)]  # fmt: skip


# ---- Where things are not as they were


def rewritten(path):
    write(path, market().reverse())


def other_rows(path):
    write(path, bars("B", 5))


def of_the_same_size(path):
    raw = path.read_bytes()
    write(path, market().reverse().sort("symbol", maintain_order=True), compression="uncompressed")
    assert path.read_bytes() != raw


@pytest.mark.parametrize("change", [rewritten, other_rows, of_the_same_size])
def test_a_file_that_has_changed_since_is_refused(change, tmp_path):
    path = write(tmp_path / "p.parquet", market(), compression="uncompressed")
    made = snapshot(path)
    made.catalog  # noqa: B018 - of what was there
    change(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(jt.DataError, match=r"^p\.parquet: it is no longer the file that the scan began with"):
        made.read(["B", "D"], ["close"], ReadWindow())


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-200])


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(cut_off, "not a Parquet file, or cut off"), (emptied, "the file is empty"), (removed, "the file is missing")],
)
@pytest.mark.parametrize("unnoticed", [True, False])
def test_a_file_that_is_damaged_since_is_told_as_sql_tells_it(damage, reason, unnoticed, tmp_path, monkeypatch):
    path = write(tmp_path / "p.parquet", market())
    made = snapshot(path)
    made.catalog  # noqa: B018 - of what was there
    damage(path)
    if unnoticed:
        monkeypatch.setattr("jtscan.market.slices.changed_of", lambda _: [])
    with pytest.raises(jt.DataError, match=rf"^p\.parquet: {reason}"):
        made.read(["A"], ["close"], ReadWindow())


def test_a_damaged_file_costs_its_own_symbols(tmp_path):
    by_symbol(tmp_path, market())
    raw = bytearray((tmp_path / "B.parquet").read_bytes())
    raw[40:400] = b"\xff" * 360
    (tmp_path / "B.parquet").write_bytes(raw)
    result = jt.Scanner(prices=tmp_path, raise_internal=True).scan("close > 0", start=MONDAY)
    statuses = dict(result.outcomes.select("symbol", "status").iter_rows())
    assert statuses == {**dict.fromkeys("ACDE", "matched"), "B": "failed"}


def test_files_are_not_mapped_into_memory(tmp_path, monkeypatch):
    """Measured: who cuts off a file that Polars has mapped ends the process; files named as addresses it reads."""
    by_symbol(tmp_path, market())
    made, named, scan = snapshot(tmp_path), [], pl.scan_parquet
    monkeypatch.setattr(pl, "scan_parquet", lambda files, **options: (named.extend(files), scan(files, **options))[1])
    made.read(SYMBOLS, ["close"], ReadWindow())
    assert sorted(named) == [f"file://{tmp_path}/{symbol}.parquet" for symbol in SYMBOLS]
