"""A part of a snapshot: pickled, it gives of its symbols what the whole gives, and looks for nothing."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import pickle
import random
import re
from concurrent.futures import ProcessPoolExecutor
from operator import methodcaller

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market import prices as prices_module
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.reader import BarReader
from jtscan.market.store import catalogs
from jtscan.testing import InMemoryPriceRepository

MONDAY = dt.date(2024, 1, 1)
NAN = float("nan")
COLUMNS = ["close", "volume", "per"]


def bars(symbol, count, *, first=0, **more):
    days = [MONDAY + dt.timedelta(days=first + number) for number in range(count)]
    close = [10.0 + (7 * number) % 5 for number in range(count)]
    prices = {"open": close, "high": [each + 1 for each in close], "low": [each - 1 for each in close], "close": close}
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 100, "per": 1.5, **more})


def halted(symbol, number):
    return bars(symbol, 1, first=number, open=0.0, high=0.0, low=0.0, volume=0)


def market():
    """Symbols that are clean (A), halted (B), short and later (C), with a row twice (D) and other values (E), null (F)."""
    return pl.concat(
        [
            bars("A", 60), bars("B", 40), halted("B", 40), bars("B", 10, first=41), bars("C", 7, first=53),
            bars("D", 50), bars("D", 1, first=3), bars("E", 30), bars("E", 1, first=4, volume=7),
            bars("F", 20).with_columns(close=pl.lit(NAN)), bars("F", 9, first=20),
        ]
    )  # fmt: skip


def minutes():
    moments = [
        dt.datetime.combine(MONDAY + dt.timedelta(days=number // 40), dt.time(9, 0)) + dt.timedelta(minutes=5 * (number % 40))
        for number in range(200)
    ]  # fmt: skip
    return pl.concat(bars(symbol, 200 - skip).with_columns(timestamp=pl.Series(moments[skip:])) for symbol, skip in (("A", 0), ("B", 7), ("C", 90)))  # fmt: skip


def write(path, frame, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, **options)
    return path


def one_file(folder):
    return DuckDBPriceRepository(prices=write(folder / "p.parquet", market(), row_group_size=30))


def shuffled(folder):
    frame = market().sample(fraction=1, shuffle=True, seed=1)
    return DuckDBPriceRepository(prices=write(folder / "p.parquet", frame, row_group_size=30))


def by_year(folder):
    for number, part in enumerate((market()[:90], market()[90:].cast({"volume": pl.Float64}))):
        write(folder / f"{number}.parquet", part)
    return DuckDBPriceRepository(prices=folder)


def by_symbol(folder):
    for (symbol,), part in market().group_by("symbol"):
        write(folder / f"{symbol}.parquet", part.drop("symbol"))
    write(folder / "Z.parquet", market().drop("symbol").clear())
    (folder / "Y.parquet").write_bytes(b"PAR1 is no Parquet file")
    whole = (folder / "A.parquet").read_bytes()
    (folder / "X.parquet").write_bytes(whole[: len(whole) // 2])
    write(folder / "W.parquet", bars("W", 3).drop("symbol").cast({"close": pl.String}))
    return DuckDBPriceRepository(prices=folder)


def other_names(folder):
    frame = market().rename({"timestamp": "date", "symbol": "code"}).with_columns(note=pl.lit("text"))
    return DuckDBPriceRepository(
        prices=write(folder / "p.parquet", frame), columns={"timestamp": "date", "symbol": "code"}
    )


def store(folder):
    write(folder / "in/1.parquet", market())
    jt.ingest(folder / "in", folder / "store")
    write(folder / "in/2.parquet", pl.concat([bars("A", 3, first=60), bars("G", 5, close=-1.0)]))
    jt.ingest(folder / "in/2.parquet", folder / "store")
    write(folder / "weeks/1.parquet", bars("V", 2, first=4))
    jt.ingest(folder / "weeks", folder / "store", timeframe="1mo")
    return DuckDBPriceRepository(folder / "store")


def in_minutes(folder):
    return DuckDBPriceRepository(prices=write(folder / "p.parquet", minutes()), timeframe=Timeframe("5m"))


def in_memory(folder):
    return InMemoryPriceRepository(market().drop("per").filter(~pl.struct("symbol", "timestamp").is_duplicated()))


CASES = [
    (one_file, "1d"), (shuffled, "1d"), (by_year, "1d"), (by_symbol, "1d"), (other_names, "1d"), (store, "1d"),
    (in_minutes, "5m"), (store, "1w"), (by_symbol, "1w"), (in_minutes, "60m"), (in_minutes, "1d"), (in_memory, "1d"),
]  # fmt: skip
WINDOWS = {
    "all history": ReadWindow(start=MONDAY + dt.timedelta(days=50), warmup=None),
    "warm-up": ReadWindow(start=MONDAY + dt.timedelta(days=45), end=MONDAY + dt.timedelta(days=56), warmup=9),
    "long warm-up": ReadWindow(start=MONDAY + dt.timedelta(days=55), warmup=40),
    "later": ReadWindow(start=MONDAY + dt.timedelta(days=500)),
}
ASKED = [[], ["A"], ["C", "F", "D", "B", "E"], ["V", "A", "NONE", "W", "X", "Y", "Z"], list("ABCDEFGZ")]


def assert_same(part, whole):
    frames = (each.frame.sort("symbol", maintain_order=True) for each in (part, whole))
    assert_frame_equal(*frames)
    for name in ("rows", "problems", "absent", "from_first", "last_seen"):
        assert getattr(part, name) == getattr(whole, name), name


def in_time_of(window, timeframe):
    """The same window in the type of the timeframe."""
    if not timeframe.intraday:
        return window
    ends = (end and dt.datetime.combine(end, dt.time()) for end in (window.start, window.end))
    start, end = ((end - dt.timedelta(days=45)) if end else None for end in ends)
    return ReadWindow(start=start, end=end, warmup=window.warmup)


@pytest.mark.parametrize(("make", "timeframe"), CASES)
def test_a_part_gives_of_its_symbols_what_the_whole_gives(make, timeframe, tmp_path, monkeypatch):
    timeframe = Timeframe(timeframe)
    whole = make(tmp_path).snapshot(timeframe)
    columns = [name for name in COLUMNS if name in whole.columns]
    parts = [(symbols, pickle.dumps(whole.part(symbols))) for symbols in ASKED]
    wanted = [
        (whole.sizes(symbols, window), whole.newest(symbols, 3), [whole.halts(symbol, window).sort() for symbol in symbols],
         whole.read(symbols, columns, window))
        for symbols in ASKED for window in (in_time_of(each, timeframe) for each in WINDOWS.values())
    ]  # fmt: skip
    sessions = whole.sessions()
    for module in (prices_module, catalogs):
        monkeypatch.setattr(module, "make_catalog", None)
    monkeypatch.setattr(DuckDBPriceRepository, "snapshot", None)
    answers = iter(wanted)
    for symbols, pickled in parts:
        part = pickle.loads(pickled)  # noqa: S301 - our own
        assert (part.version, part.columns, part.notes) == (whole.version, whole.columns, whole.notes)
        assert (part.changed, part.chunk_factor) == ((), whole.chunk_factor)
        if timeframe.intraday:
            assert_frame_equal(part.sessions(), sessions)
        for window in (in_time_of(each, timeframe) for each in WINDOWS.values()):
            sizes, newest, halts, read = next(answers)
            assert part.sizes(symbols, window) == sizes
            assert part.newest(symbols, 3) == newest
            for symbol, found in zip(symbols, halts, strict=True):
                assert_series_equal(part.halts(symbol, window).sort(), found)
            assert_same(part.read(symbols, columns, window), read)


def test_a_part_of_a_part_is_a_part_of_the_whole(tmp_path):
    whole = store(tmp_path).snapshot(Timeframe.D1)
    part = whole.part(["A", "B", "G", "V"]).part(["B", "V"])
    assert_same(part.read(["B", "V"], COLUMNS, ReadWindow()), whole.read(["B", "V"], COLUMNS, ReadWindow()))
    assert part.read(["V"], [], ReadWindow()).absent == {"V": "it is not in the 1d prices; it has 1mo"}


def test_a_part_knows_no_other_symbols(tmp_path):
    part = one_file(tmp_path).snapshot(Timeframe.D1).part(["A"])
    assert part.symbols == ["A"]
    assert part.sizes(["A", "B"], ReadWindow()) == {"A": 60}
    assert part.read(["A", "B"], [], ReadWindow()).frame["symbol"].unique().to_list() == ["A"]


def test_a_part_is_small(tmp_path):
    names = [f"S{number:04}" for number in range(2000)]
    frame = pl.DataFrame({"symbol": names, "timestamp": MONDAY, "close": 1.0})
    whole = DuckDBPriceRepository(prices=write(tmp_path / "p.parquet", frame)).snapshot(Timeframe.D1)
    assert len(pickle.dumps(whole.part(names[:10]))) < 8000


def test_of_daily_bars_a_part_is_made_without_a_pass_over_all_prices(tmp_path, monkeypatch):
    whole = by_symbol(tmp_path).snapshot(Timeframe.D1)
    monkeypatch.setattr(BarReader, "sessions", None)
    assert whole.part(["A"]).symbols == ["A"]


def test_another_process_reads_the_same(tmp_path):
    symbols, window = ["B", "A", "NONE"], WINDOWS["warm-up"]
    wholes = [make(tmp_path / make.__name__).snapshot(Timeframe.W1) for make in (one_file, by_symbol, store)]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        read = pool.map(methodcaller("read", symbols, COLUMNS, window), [whole.part(symbols) for whole in wholes])
        for found, whole in zip(read, wholes, strict=True):
            assert_same(found, whole.read(symbols, COLUMNS, window))


CHANGES = {
    "touched": lambda path: os.utime(path, ns=(1, 1)),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
}
ASKING = {
    "read": lambda part: part.read(["A"], ["close"], ReadWindow()),
    "halts": lambda part: part.halts("A", ReadWindow()),
    "newest": lambda part: part.newest(["A"], 2),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_is_no_longer_what_it_was_is_refused_by_name(change, ask, tmp_path):
    part = one_file(tmp_path).snapshot(Timeframe.D1).part(["A"])
    change(tmp_path / "p.parquet")
    assert part.changed == (f"{tmp_path}/p.parquet is another file",)
    with pytest.raises(jt.DataError, match=r"^p\.parquet: it is no longer the file that the scan began with"):
        ask(part)


def test_a_file_that_is_no_longer_what_it_was_is_refused_by_the_whole_as_well(tmp_path):
    whole = one_file(tmp_path).snapshot(Timeframe.D1)
    assert whole.symbols
    os.utime(tmp_path / "p.parquet", ns=(1, 1))
    with pytest.raises(jt.DataError, match=r"^p\.parquet: it is no longer the file that the scan began with"):
        whole.read(["A"], ["close"], ReadWindow())


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_file_that_is_not_there_is_told_with_its_path(ask, tmp_path):
    part = one_file(tmp_path).snapshot(Timeframe.D1).part(["A"])
    (tmp_path / "p.parquet").unlink()
    assert part.changed == (f"{tmp_path}/p.parquet is not there",)
    path = re.escape(str(tmp_path / "p.parquet"))
    with pytest.raises(jt.DataNotFoundError, match=f"^{path}: it is not there any more, or not where this is worked"):
        ask(part)


def test_a_file_that_holds_none_of_its_symbols_may_change(tmp_path):
    part = by_symbol(tmp_path).snapshot(Timeframe.D1).part(["A", "B"])
    (tmp_path / "C.parquet").unlink()
    assert not part.changed
    assert part.read(["A"], ["close"], ReadWindow()).frame.height == 60


def test_what_was_read_of_a_part_in_memory_is_known_to_the_whole():
    whole = InMemoryPriceRepository(market().drop("per"))
    whole.part(["A"]).read(["A"], ["close"], ReadWindow())
    assert whole.read_calls == [("A",)]


def test_random_parts_of_random_files_are_parts_of_the_whole(tmp_path):
    dice = random.Random(7)
    names = [f"{number:06}" for number in range(30)]
    rows = pl.concat([bars(name, dice.randrange(1, 40), first=dice.randrange(30)) for name in names])
    for number in range(5):
        kept = rows.filter(pl.Series([dice.random() < 0.3 for _ in range(rows.height)]))
        write(tmp_path / f"{number}.parquet", kept, row_group_size=dice.randrange(5, 60))
    whole = DuckDBPriceRepository(prices=tmp_path).snapshot(Timeframe.D1)
    for _ in range(8):
        symbols = dice.sample([*names, "x", "y"], dice.randrange(1, 20))
        window = ReadWindow(start=MONDAY + dt.timedelta(days=dice.randrange(70)), warmup=dice.choice([None, 0, 3, 20]))
        assert_same(whole.part(symbols).read(symbols, ["close"], window), whole.read(symbols, ["close"], window))
