"""Timeframes that are not stored: from which they are made, whole bars in any window, and the same as in formulas."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import RowCounts
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.snapshot import PriceSnapshot

D1, W1, MO1, M5, M60 = (Timeframe(name) for name in ("1d", "1w", "1mo", "5m", "60m"))
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def day(text):
    return dt.date.fromisoformat(text)


def bars(symbol, closes, **more):
    """Make daily bars of ``{"2024-01-05": close}``; the other prices lie beside the close."""
    days = [day(text) for text in closes]
    close = [float(each) for each in closes.values()]
    prices = {"open": [each - 0.5 for each in close], "high": [each + 1 for each in close],
              "low": [each - 1 for each in close], "close": close}  # fmt: skip
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 10.0, **more})


def weekdays(first, last, *, start=1):
    """Closes that count up over the Monday-to-Friday days."""
    days = pl.date_range(day(first), day(last), eager=True)
    return {f"{each}": start + number for number, each in enumerate(days.filter(days.dt.weekday() <= 5))}


def write(path, *frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(frames, how="diagonal").write_parquet(path)
    return path


def scanner(path, timeframe="1d"):
    return jt.Scanner(prices=path, timeframe=timeframe, raise_internal=True)


def snapshot(path, timeframe, stored=D1):
    return DuckDBPriceRepository(prices=path, timeframe=stored).snapshot(timeframe)


def found(result):
    """Tell what matched, once the account adds up."""
    assert result.account["symbols"].sum() == result.outcomes.height
    rows = result.signals.matches.sort("symbol", "timestamp").select("symbol", "timestamp", "close").iter_rows()
    return [f"{symbol} {moment:%m-%d} {close:g}" for symbol, moment, close in rows]


def random_market(seed, *, sessions=170):
    """Daily bars of symbols that trade every day, seldom, begin late, end early, or stop for a long time."""
    dice = random.Random(seed)
    first = dt.date(2023, 1, 1) + dt.timedelta(days=dice.randrange(14))
    days = [each for number in range(sessions * 7 // 5)
            if dice.random() < (0.93 if (each := first + dt.timedelta(days=number)).weekday() < 5 else 0.08)]  # fmt: skip
    kept = {
        "EVERY": lambda _: True,
        "SELDOM": lambda _: dice.random() < 0.12,
        "LATE": lambda number: number > 110,
        "ENDED": lambda number: number < 90,
        "PAUSED": lambda number: number < 40 or number > 130,
    }
    return pl.concat(
        bars(symbol, {f"{each}": dice.randrange(1000, 2000) for number, each in enumerate(days) if keep(number)})
        for symbol, keep in kept.items()
    )


def random_minutes(seed, *, sessions=30, step=5):
    """Intraday bars on sessions of various starts and lengths, with the same kinds of symbols."""
    dice = random.Random(seed)
    rows = []
    for number in range(sessions):
        date = dt.datetime(2024, 1, 2) + dt.timedelta(days=number)
        if date.weekday() > 4 or dice.random() < 0.1:
            continue
        opens = date + dt.timedelta(minutes=540 + step * dice.choice([0, 0, 0, 6, 12]))
        moments = [opens + dt.timedelta(minutes=step * bar) for bar in range(dice.choice([40, 78, 78]))]
        kept = {"EVERY": 1.0, "SELDOM": 0.02, "LATE": float(number > 22), "ENDED": float(number < 15)}
        for symbol, share in kept.items():
            rows += [(symbol, each, float(dice.randrange(1000, 2000))) for each in moments if dice.random() < share]
    frame = pl.DataFrame(rows, schema=["symbol", "timestamp", "close"], orient="row")
    return frame.sort("symbol", "timestamp").with_columns(volume=pl.col("close") - 900)


# ── from which it is made ─────────────────────────────────────────────────────

# asked, stored: what it is made of
SOURCES = [
    ("1w", ["1d"], "1d"),
    ("1mo", ["1d"], "1d"),
    ("1mo", ["1d", "1w"], "1d"),
    ("1mo", ["1w"], None),
    ("1d", ["1w"], None),
    ("1d", ["1m", "5m", "60m"], "60m"),
    ("1d", ["5m", "1d"], "1d"),
    ("1w", ["5m", "60m"], "60m"),
    ("1mo", ["1m"], "1m"),
    ("60m", ["1m", "15m", "30m", "1d"], "30m"),
    ("60m", ["5m"], "5m"),
    ("15m", ["1m", "5m", "30m"], "5m"),
    ("30m", ["60m", "1d"], None),
    ("5m", ["5m", "1m"], "5m"),
    ("1m", ["5m"], None),
]


@pytest.fixture
def store(tmp_path):
    """Make a data folder in which each timeframe has a symbol of its own."""

    def make(stored):
        for name in stored:
            frame = bars(f"OF-{name}", weekdays("2024-01-01", "2024-01-19"))
            timed = frame.with_columns(pl.col("timestamp").cast(pl.Datetime("us")) + pl.duration(hours=9))
            write(tmp_path / f"data/prices/{name}/bars.parquet", timed if Timeframe(name).intraday else frame)
        return jt.Scanner(tmp_path / "data", raise_internal=True)

    return make


@pytest.mark.parametrize(("asked", "stored", "source"), SOURCES)
def test_bars_are_those_stored_or_made_of_the_longest_that_are_shorter(store, asked, stored, source):
    scans = store(stored)
    if source is None:
        with pytest.raises(jt.DataNotFoundError, match=rf"there are no {asked} bars in .*\(timeframes there: "):
            scans.scan("close > 0", timeframe=asked)
        assert asked not in scans.timeframes(resampled=True)
        return
    made = scans.scan("close > 0", timeframe=asked, start="2024-01-01", symbols=[f"OF-{source}"])
    assert set(made.signals.matches["symbol"]) == {f"OF-{source}"}
    assert asked in scans.timeframes(resampled=True)
    assert scans.timeframes() == [each for each in Timeframe if each in stored]


def test_messages_list_what_can_be_made(store, tmp_path):
    with pytest.raises(jt.DataNotFoundError, match=r"timeframes there: 30m, 1d; made of them: 60m, 1w, 1mo\)"):
        store(["30m", "1d"]).scan("close > 0", timeframe="5m")
    path = write(tmp_path / "p.parquet", bars("A", {"2024-01-02": 1}))
    wanted = r"these prices are 1d bars; there are none of 5m \(only longer ones are made of them: 1w, 1mo\)"
    with pytest.raises(jt.DataNotFoundError, match=wanted):
        scanner(path).scan("close > 0", timeframe="5m")
    with pytest.raises(jt.DataNotFoundError, match="these prices are 1mo bars; there are none of 1d$"):
        scanner(path, "1mo").scan("close > 0", timeframe="1d")


def test_a_folder_without_files_is_passed_over(store, tmp_path):
    scans = store(["5m"])
    for name in ("60m", "1d"):
        (tmp_path / "data/prices" / name).mkdir()
    assert scans.scan("close > 0", timeframe="1d", last=1).signals.matches["symbol"].to_list() == ["OF-5m"]


def test_files_that_went_are_named_whatever_timeframe_is_asked(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", {"2024-01-02": 1}))
    scans = scanner(path)
    path.unlink()
    with pytest.raises(jt.DataNotFoundError, match=r"there are no Parquet files at .*p\.parquet"):
        scans.scan("close > 0", timeframe="1w")


def test_a_snapshot_is_kept_until_a_file_changes(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", weekdays("2024-01-01", "2024-01-05")))
    prices = DuckDBPriceRepository(prices=path)
    before = prices.snapshot(W1)
    assert prices.snapshot(W1) is before
    assert before.version == prices.snapshot(D1).version
    write(path, bars("A", weekdays("2024-01-01", "2024-01-12")))
    after = prices.snapshot(W1)
    assert after.version != before.version
    assert after.read(["A"], ["close"], ReadWindow()).frame["close"].to_list() == [5.0, 10.0]


# ── which bars are in a window ────────────────────────────────────────────────

# Three weeks of January 2024, in which the data ends on Wednesday the 17th; the close counts the weekdays.
ENDS_ON_WEDNESDAY = weekdays("2024-01-01", "2024-01-17")
WINDOWS = [
    ({"start": "2024-01-01"}, ["A 01-05 5", "A 01-12 10", "A 01-17 13"]),
    ({"start": "2024-01-05", "end": "2024-01-05"}, ["A 01-05 5"]),
    ({"start": "2024-01-04", "end": "2024-01-12"}, ["A 01-05 5", "A 01-12 10"]),
    ({"start": "2024-01-06", "end": "2024-01-11"}, []),
    ({"start": "2024-01-01", "end": "2024-01-11"}, ["A 01-05 5"]),
    ({"start": "2024-01-10", "end": "2024-01-16"}, ["A 01-12 10"]),
    ({"start": "2024-01-15", "end": "2024-01-17"}, ["A 01-17 13"]),
    ({"start": "2024-01-17"}, ["A 01-17 13"]),
    ({"end": "2024-02-01"}, ["A 01-05 5", "A 01-12 10", "A 01-17 13"]),
    ({"last": 1}, ["A 01-17 13"]),
    ({"last": 2}, ["A 01-12 10", "A 01-17 13"]),
    ({"last": 99}, ["A 01-05 5", "A 01-12 10", "A 01-17 13"]),
]


@pytest.mark.parametrize(("window", "expected"), WINDOWS, ids=str)
def test_a_bar_is_in_a_range_by_its_label_and_always_whole(tmp_path, window, expected):
    path = write(tmp_path / "p.parquet", bars("A", ENDS_ON_WEDNESDAY))
    result = scanner(path).scan("open > 0 and volume > 0", timeframe="1w", **window)
    assert found(result) == expected


def test_a_symbol_whose_bar_ends_after_the_range_is_told_so(tmp_path):
    path = write(tmp_path / "p.parquet", bars("A", ENDS_ON_WEDNESDAY), bars("B", {"2024-01-09": 1}))
    result = scanner(path).scan("close > 0", timeframe="1w", start="2024-01-05", end="2024-01-10")
    errors = dict(result.errors.select("symbol", "error").iter_rows())
    assert errors == {"B": "no 1w bar of it ends in the range; its next is of 2024-01-12"}


# The data ends on a day: the note of weeks, and of months.
NOTES = [
    ("2024-01-17", "1w", "the newest 1w bar, of 2024-01-17, may not be complete: the data ends before 2024-01-19"),
    ("2024-01-19", "1w", None),
    ("2024-01-20", "1w", "the newest 1w bar, of 2024-01-20, may not be complete: the data ends before 2024-01-26"),
    ("2024-03-28", "1mo", "the newest 1mo bar, of 2024-03-28, may not be complete: the data ends before 2024-03-29"),
    ("2024-03-29", "1mo", None),
    ("2024-03-28", "1d", None),
]


@pytest.mark.parametrize(("last", "timeframe", "note"), NOTES)
def test_a_running_period_is_noted(tmp_path, last, timeframe, note):
    path = write(tmp_path / "p.parquet", bars("A", {"2024-01-02": 1, last: 2}), bars("B", {"2024-01-02": 1}))
    result = scanner(path).scan("close > 0", timeframe=timeframe, last=5)
    assert result.warnings == (() if note is None else (note,))


@pytest.mark.parametrize("timeframe", ["1w", "1mo"])
@SAME_FOLDER
@given(seed=st.integers(0, 1_000), cut=st.integers(0, 200))
def test_later_days_change_no_bar_but_the_newest(tmp_path, timeframe, seed, cut):
    frame = random_market(seed)
    days = frame["timestamp"].unique().sort()
    today = days[min(cut, len(days) - 1)]
    everything = ReadWindow(end=today, warmup=None)
    now, then = (
        snapshot(write(tmp_path / f"{name}.parquet", part), Timeframe(timeframe)).read(["EVERY", "SELDOM"], ["close"], everything).frame
        for name, part in (("now", frame), ("then", frame.filter(pl.col("timestamp") <= today)))
    )  # fmt: skip
    finished = then.filter(pl.col("timestamp") < today)
    assert_frame_equal(now.filter(pl.col("timestamp") < today), finished)


# Of each: the bars, the longer timeframe, and windows to draw from.
MARKETS = {
    "weeks": (random_market, D1, W1),
    "months": (random_market, D1, MO1),
    "hours": (random_minutes, M5, M60),
    "days": (random_minutes, M5, D1),
    "weeks of minutes": (random_minutes, M5, W1),
}


@pytest.mark.parametrize("case", MARKETS.values(), ids=MARKETS.keys())
@SAME_FOLDER
@given(seed=st.integers(0, 1_000), warmup=st.sampled_from([0, 1, 3, 12]), data=st.data())
def test_a_window_has_the_bars_of_the_whole_history_and_its_warm_up(tmp_path, case, seed, warmup, data):
    market, stored, longer = case
    frame = market(seed)
    made = snapshot(write(tmp_path / "p.parquet", frame), longer, stored)
    symbols, names = made.symbols, [name for name in frame.columns if name not in {"symbol", "timestamp"}]
    whole = made.read(symbols, names, ReadWindow())
    assert whole.from_first == set(symbols)
    moments = frame["timestamp"].unique().sort()
    picked = sorted(data.draw(st.tuples(*[st.integers(0, len(moments) - 1)] * 2)))
    start, end = (moments[place] for place in picked)
    if stored.intraday and not longer.intraday:
        start, end = start.date(), end.date()
    part = made.read(symbols, names, ReadWindow(start=start, end=end, warmup=warmup))
    upto = whole.frame.filter(pl.col("timestamp") <= end)
    for symbol in symbols:
        expected, given_ = (each.filter(pl.col("symbol") == symbol) for each in (upto, part.frame))
        assert_frame_equal(given_, expected.tail(given_.height))
        before = expected.filter(pl.col("timestamp") < start).height
        in_range = expected.height - before
        if in_range:
            assert given_.height >= in_range + min(warmup, before)
            assert symbol not in part.from_first or given_.height == expected.height
        else:
            assert given_.filter(pl.col("timestamp") >= start).is_empty()
    sizes = made.sizes(symbols, ReadWindow(start=start, end=end))
    assert all(count <= sizes[symbol] for symbol, count in part.frame.filter(pl.col("timestamp") >= start)["symbol"].value_counts().iter_rows())  # fmt: skip


@pytest.mark.parametrize(("market", "stored", "longer"), MARKETS.values(), ids=MARKETS.keys())
@SAME_FOLDER
@given(seed=st.integers(0, 1_000), count=st.sampled_from([1, 2, 7, 30, 9999]))
def test_the_newest_are_counted_in_longer_bars(tmp_path, market, stored, longer, seed, count):
    made = snapshot(write(tmp_path / "p.parquet", market(seed)), longer, stored)
    whole = made.read(made.symbols, [], ReadWindow()).frame
    for symbols in (made.symbols, ["SELDOM"], ["ENDED", "SELDOM"], ["NOBODY"]):
        own = whole.filter(pl.col("symbol").is_in(symbols))["timestamp"].unique().sort(descending=True)
        assert made.newest(symbols, count) == (own[min(count, len(own)) - 1] if len(own) else None)


# ── what is no bar ────────────────────────────────────────────────────────────


def dirty(tmp_path):
    """In the second week: A has a halt and a row without a close, B an equal duplicate, C two different rows.

    D has halts only.
    """
    usual = weekdays("2024-01-01", "2024-01-19")
    frames = {symbol: bars(symbol, usual) for symbol in "ABCD"}
    on = pl.col("timestamp")
    halt = [pl.when(on == day("2024-01-10")).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low")]  # fmt: skip
    nothing = pl.when(on == day("2024-01-12")).then(None).otherwise(pl.col("close")).alias("close")
    frames["A"] = frames["A"].with_columns(*halt, nothing)
    again = frames["B"].filter(on == day("2024-01-09"))
    other = frames["C"].filter(on == day("2024-01-09")).with_columns(close=99.0)
    halts = frames["D"].with_columns(pl.lit(0.0).alias(name) for name in ("open", "high", "low"))
    return write(tmp_path / "p.parquet", frames["A"], frames["B"], again, frames["C"], other, halts)


def test_rows_that_are_no_bars_are_left_out_and_counted(tmp_path):
    result = scanner(dirty(tmp_path)).scan(
        "open > 0 and volume > 0", timeframe="1w", start="2024-01-09", end="2024-01-15"
    )
    assert found(result) == ["A 01-12 9", "B 01-12 10"]
    counted = result.outcomes.select("symbol", "status", "bars", "halts", "set_aside", "duplicates").rows()
    assert counted == [
        ("A", "matched", 1, 1, 1, 0), ("B", "matched", 1, 0, 0, 1), ("C", "failed", 0, 0, 0, 0), ("D", "no_data", 0, 6, 0, 0),
    ]  # fmt: skip
    assert dict(result.errors.select("symbol", "error").iter_rows()) == {
        "C": "2 rows with different values on 2024-01-09",
        "D": "no row of it is a bar: halts, or a price, the volume or the timestamp is missing",
    }


def test_what_is_read_again_is_counted_once(tmp_path):
    """The warm-up of a symbol that paused for half a year is read from its beginning: its halt then is counted."""
    early, late = weekdays("2023-01-02", "2023-02-03"), weekdays("2024-01-01", "2024-01-05", start=50)
    frame = bars("A", {**early, **late})
    zeros = [pl.when(pl.col("timestamp") == day("2023-01-10")).then(0.0).otherwise(pl.col(name)).alias(name)
             for name in ("open", "high", "low")]  # fmt: skip
    made = snapshot(write(tmp_path / "p.parquet", frame.with_columns(zeros)), W1)
    read = made.read(["A"], ["close"], ReadWindow(start=day("2024-01-05"), warmup=3))
    assert read.frame["close"].to_list() == [5.0, 10.0, 15.0, 20.0, 25.0, 54.0]
    assert read.rows == {"A": RowCounts(halts=1)}
    assert read.from_first == {"A"}


def test_a_conflict_that_only_the_second_reading_meets_fails_the_symbol(tmp_path):
    early, late = weekdays("2023-01-02", "2023-02-03"), weekdays("2024-01-01", "2024-01-05", start=50)
    path = write(tmp_path / "p.parquet", bars("A", {**early, **late}), bars("A", {"2023-01-04": 99}))
    read = snapshot(path, W1).read(["A"], ["close"], ReadWindow(start=day("2024-01-05"), warmup=3))
    assert read.problems == {"A": "2 rows with different values on 2023-01-04"}
    assert read.frame.is_empty()


def test_a_symbol_is_read_again_only_if_it_has_earlier_bars(tmp_path, monkeypatch):
    """NEW was listed within the warm-up, so there is nothing earlier; PAUSED did not trade for a year."""
    path = write(
        tmp_path / "p.parquet",
        bars("NEW", weekdays("2024-01-01", "2024-01-12")),
        bars("PAUSED", {**weekdays("2022-01-03", "2022-03-31"), **weekdays("2024-01-01", "2024-01-12")}),
    )
    made, asked = snapshot(path, W1), []
    read = PriceSnapshot.read
    monkeypatch.setattr(
        PriceSnapshot, "read", lambda self, names, *rest: asked.append([*names]) or read(self, names, *rest)
    )
    made.read(["NEW", "PAUSED"], ["close"], ReadWindow(start=day("2024-01-12"), warmup=5))
    assert asked == [["NEW", "PAUSED"], ["PAUSED"]]


def test_symbols_that_are_not_there_are_told_as_in_the_stored_bars(tmp_path):
    gone = bars("GONE", weekdays("2023-06-05", "2023-06-07"))
    other = bars("OTHER", weekdays("2023-06-05", "2024-01-19"))
    result = scanner(write(tmp_path / "p.parquet", gone, other)).scan(
        "close > 0", timeframe="1w", start="2024-01-01", symbols=["GONE", "NOBODY", "OTHER"]
    )
    assert dict(result.errors.select("symbol", "error").iter_rows()) == {
        "GONE": "no bars in the range; its bars are from 2023-06-05 to 2023-06-07",
        "NOBODY": "it is not in the prices",
    }
    assert result.stale.rows() == [("GONE", dt.datetime(2023, 6, 9))]  # the week's label, as its bar would have


def test_data_without_any_bar_gives_none(tmp_path):
    zeros = bars("A", {"2024-01-02": 1}).with_columns(open=0.0, high=0.0, low=0.0)
    result = scanner(write(tmp_path / "p.parquet", zeros)).scan("close > 0", timeframe="1w", last=5)
    assert (result.outcomes["status"].to_list(), result.warnings) == (["no_data"], ())


# ── the same as in formulas ───────────────────────────────────────────────────


@pytest.mark.parametrize(("timeframe", "function"), [("1w", "weekly"), ("1mo", "monthly")])
@SAME_FOLDER
@given(seed=st.integers(0, 1_000))
def test_a_daily_scan_sees_the_same_periods(tmp_path, timeframe, function, seed):
    """A daily bar on a Friday (a month's last weekday) sees its own period, any other the one before."""
    scans = scanner(write(tmp_path / "p.parquet", random_market(seed)))
    fields = ("open", "high", "low", "close", "volume")
    script = "".join(f"x{name} = {function}({name})\n" for name in fields)
    daily = scans.scan(f"{script}close > 0", start="1990-01-01").signals.matches
    longer = scans.scan("".join(f"x{name} = {name} + 0\n" for name in fields) + "close > 0", timeframe=timeframe,
                        start="1990-01-01").signals.matches  # fmt: skip
    bars_of = {symbol: part.rows(named=True) for (symbol,), part in longer.sort("timestamp").group_by("symbol", maintain_order=True)}  # fmt: skip
    compared = 0
    for row in daily.iter_rows(named=True):
        today = row["timestamp"]
        own = next(place for place, bar in enumerate(bars_of[row["symbol"]]) if bar["timestamp"] >= today)
        seen = own if today == _last_weekday(today, timeframe) else own - 1
        if seen >= 0:
            bar = bars_of[row["symbol"]][seen]
            assert [row[f"x{name}"] for name in fields] == [bar[f"x{name}"] for name in fields]
            compared += 1
    assert compared > 100


def _last_weekday(today, timeframe):
    """The last weekday of the week, or of the month, that has a Monday-to-Friday day; None at a weekend."""
    if timeframe == "1w":
        return today if today.weekday() == 4 else None
    later = [today + dt.timedelta(days=number) for number in range(1, 4)]
    rest = [each for each in later if each.month == today.month and each.weekday() < 5]
    return today if today.weekday() < 5 and not rest else None


SCRIPTS = [
    ("1w", "x = sma(close, 10)\nclose > 0"),
    ("1w", "x = ema(close, 3)\nclose > 0"),
    ("1w", "x = close[7]\nclose > 0"),
    ("1mo", "x = highest(high, 3)\nclose > 0"),
    ("1w", "x = rank(close)\nclose > 0"),
    ("1w", 'x = ref("EVERY", sma(close, 4))\nclose > 0'),
]


@pytest.mark.parametrize(("timeframe", "script"), SCRIPTS)
@pytest.mark.parametrize("start", ["2023-06-07", "2023-08-12"])
def test_where_the_range_starts_changes_nothing(tmp_path, timeframe, script, start):
    scans = scanner(write(tmp_path / "p.parquet", random_market(3)))
    short, full = (
        scans.scan(script, timeframe=timeframe, start=start, end="2023-09-08", warmup=warmup).signals.matches
        for warmup in ("auto", "full")
    )
    assert short["x"].count() > 1
    assert_frame_equal(short, full, check_exact=False, abs_tol=1e-6)


@pytest.mark.parametrize(
    "script", ['x = tf("1d", close)', 'x = tf("1d", sma(close, 3))', "x = weekly(close)", "x = sma(close, 9)"]
)
@pytest.mark.parametrize("start", ["2024-01-18T09:00", "2024-01-19T10:30"])
def test_longer_periods_within_hours_that_are_made_at_read(tmp_path, script, start):
    scans = scanner(write(tmp_path / "p.parquet", random_minutes(5)), "5m")
    short, full = (
        scans.scan(f"{script}\nclose > 0", timeframe="60m", start=start, warmup=warmup).signals.matches
        for warmup in ("auto", "full")
    )
    assert short["x"].count() > 1
    assert short.rows() == full.rows()


def test_an_hour_of_the_hours_is_an_hour_of_the_minutes(tmp_path):
    """``tf("60m")`` on stored minutes and on quarters of an hour that are made of them: what the next session sees."""
    scans = scanner(write(tmp_path / "p.parquet", random_minutes(6)), "5m")
    script = 'x = tf("60m", close)\ny = tf("60m", volume)\nclose > 0'
    made = [scans.scan(script, timeframe=timeframe, start="2024-01-01", symbols=["EVERY"]).signals.matches
            for timeframe in ("5m", "15m")]  # fmt: skip
    firsts = [each.group_by(pl.col("timestamp").dt.date()).agg(pl.col("timestamp", "x", "y").sort_by("timestamp").first().name.prefix("first ")).sort("timestamp") for each in made]  # fmt: skip
    assert firsts[0].height > 15
    assert_frame_equal(*firsts)


def test_symbols_are_compared_on_the_same_weeks(tmp_path):
    """The short week of a symbol that ended on Tuesday is ranked among the others'."""
    usual = weekdays("2024-01-01", "2024-01-12")
    path = write(tmp_path / "p.parquet", bars("A", usual), bars("B", {**usual, "2024-01-12": 99}),
                 bars("ENDED", weekdays("2024-01-01", "2024-01-09", start=20)))  # fmt: skip
    result = scanner(path).scan("n = universe_count(close > 0)\nclose > 0", timeframe="1w", start="2024-01-01")
    rows = result.signals.matches.sort("timestamp", "symbol").select("symbol", "timestamp", "n").rows()
    assert rows == [
        (symbol, day(label), 3.0) for label in ("2024-01-05", "2024-01-12") for symbol in ("A", "B", "ENDED")
    ]


def test_everything_around_a_scan_takes_the_longer_timeframe(tmp_path):
    scans = scanner(write(tmp_path / "p.parquet", random_market(8).with_columns(marcap=pl.col("close") * 1e6)))
    assert scans.columns(timeframe="1w") == scans.columns()
    assert "marcap" in scans.columns(timeframe="1w")
    assert scans.describe("marcap > sma(close, 5)", timeframe="1w").signals == ("match",)
    assert scans.explain("close > sma(close, 5)", timeframe="1mo")
    report = scans.check("cross_above(close, sma(close, 3))", timeframe="1w", bars=10)
    assert report.passed
    assert len(report.symbols) == 5
    with pytest.raises(jt.FormulaError, match="the bars of this scan are 1w; the period must be longer"):
        scans.scan("weekly(close) > 1", timeframe="1w")
