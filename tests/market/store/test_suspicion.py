"""What looks wrong: hand-made bars of each kind, and those just on the right side of the boundary."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.duck import Duck
from jtscan.market.store.suspicion import read_suspicions

MONDAY = dt.date(2024, 1, 1)
WEEKDAYS = [day for day in (MONDAY + dt.timedelta(days=number) for number in range(120)) if day.weekday() < 5]


def bars(symbol, closes, days=None, **prices):
    days = WEEKDAYS[: len(closes)] if days is None else days
    frame = pl.DataFrame({"symbol": symbol, "timestamp": days, "close": [float(close) for close in closes]})
    close = pl.col("close")
    made = frame.with_columns(open=close, high=close * 1.001, low=close * 0.999, volume=pl.lit(100.0))
    return made.with_columns(
        pl.lit(value).alias(name) if not isinstance(value, list) else pl.Series(name, value)
        for name, value in prices.items()
    )


def steady(count, start=100):
    """Closes that move by a little and are never twice the same in a row."""
    return [start + number % 7 + number / 100 for number in range(count)]


@pytest.fixture
def find(tmp_path):
    def find(*parts, halts=(), quarantine=(), timeframe="1d", **options):
        paths = {}
        for name, frames in (("bars", parts), ("halts", halts), ("quarantine", quarantine)):
            paths[name] = [str(tmp_path / f"{name}-{number}.parquet") for number, _ in enumerate(frames)]
            for path, frame in zip(paths[name], frames, strict=True):
                frame.write_parquet(path)
        duck = Duck([tmp_path / "any"])
        found = read_suspicions(duck, *paths.values(), jt.Timeframe(timeframe), **options)
        return [
            (symbol, kind, f"{first:%m-%d}", f"{last:%m-%d}", count)
            for symbol, kind, first, last, count in found.select("symbol", "kind", "first", "last", "bars").iter_rows()
        ]

    return find


def test_steady_bars_are_not_suspicious(find):
    assert find(bars("A", steady(30)), bars("B", steady(30, 50))) == []


# ---- Bars that are broken


@pytest.mark.parametrize(
    ("prices", "broken"),
    [
        ({"high": 99.4}, True), ({"high": 99.51}, False), ({"low": 100.6, "high": 101.0}, True), ({"low": 100.49, "high": 101.0}, False),
        ({"open": 103.0, "high": 102.0}, True), ({"high": 99.0, "low": 101.0}, True), ({"high": 100.0, "low": 100.0}, False),
    ],
)  # fmt: skip
def test_a_bar_is_broken_beyond_rounding(find, prices, broken):
    assert find(bars("A", [100], **prices)) == ([("A", "broken bar", "01-01", "01-01", 1)] if broken else [])


# ---- Jumps and spikes


@pytest.mark.parametrize(
    ("closes", "found"),
    [
        ([100, 131, 132], [("jump", "01-02")]),
        ([100, 129.9, 130], []),
        ([100, 69, 68], [("jump", "01-02")]),
        ([100, 70.1, 70], []),
        ([100, 200, 101], [("spike", "01-02")]),
        ([100, 200, 109.9], [("spike", "01-02")]),  # back within 10 %
        ([100, 200, 111], [("jump", "01-02"), ("jump", "01-03")]),
        ([100, 50, 99], [("spike", "01-02")]),
        ([100, 200], [("jump", "01-02")]),  # nobody knows yet whether it comes back
        ([200, 100, 101], [("jump", "01-02")]),
    ],
)
def test_a_jump_stays_and_a_spike_comes_back(find, closes, found):
    assert find(bars("A", closes)) == [("A", kind, day, day, 1) for kind, day in found]


@pytest.mark.parametrize("closes", [[100, 130, 131], [1000, 700, 701], [10, 13, 13.1]])
def test_thirty_per_cent_is_not_beyond_thirty_per_cent(find, closes):
    assert find(bars("A", closes)) == []


def test_the_close_of_a_halt_is_the_one_before(find):
    days = WEEKDAYS
    halt = bars("A", [100], [days[1]], open=0.0, high=0.0, low=0.0, volume=0.0)
    assert find(bars("A", [50, 100.5], [days[0], days[2]]), halts=[halt]) == [("A", "jump", "01-02", "01-02", 1)]


def test_two_symbols_are_not_compared_with_each_other(find):
    assert find(bars("A", [100, 101]), bars("B", [1000, 1001])) == []


# ---- Gaps


def market(*symbols, count=10, without=()):
    return [bars(symbol, steady(count, 100 * (number + 1)), WEEKDAYS[:count]) for number, symbol in enumerate(symbols)]


def lacking(symbol, *places, count=10):
    days = [day for place, day in enumerate(WEEKDAYS[:count]) if place not in places]
    return bars(symbol, steady(len(days), 70 * ord(symbol)), days)


def test_a_gap_is_sessions_of_the_market_without_a_row(find):
    assert find(*market("A", "B", "C"), lacking("D", 4, 5)) == [("D", "gap", "01-04", "01-09", 2)]


def test_a_holiday_of_all_is_no_gap_and_neither_is_a_late_start_or_an_early_end(find):
    assert find(*(lacking(symbol, 3, 4) for symbol in "ABC"), lacking("D", 0, 1, 3, 4, 8, 9)) == []


def test_halts_and_rows_in_quarantine_are_no_gap(find):
    halt = bars("D", [4760], [WEEKDAYS[4]], open=0.0, high=0.0, low=0.0, volume=0.0)
    bad = pl.DataFrame({"symbol": ["D", None], "timestamp": [WEEKDAYS[5], None], "reason": "x"}, schema={"symbol": pl.String, "timestamp": pl.Date, "reason": pl.String})  # fmt: skip
    assert find(*market("A", "B", "C"), lacking("D", 4, 5), halts=[halt], quarantine=[bad]) == []


def test_where_too_few_tell_the_calendar_only_very_long_holes_are_gaps(find):
    holes = {7: [], 8: [("A", "gap", "01-05", "01-18", 8)]}  # weekdays between the fifth bar and the next
    for size, found in holes.items():
        assert find(lacking("A", *range(5, 5 + size), count=20)) == found


def test_markets_have_calendars_of_their_own(find):
    korea = dict.fromkeys("ABC", "KRX")
    here = [lacking(symbol, 4) for symbol in "ABC"]  # a holiday there
    assert find(*here, *market("D", "E", "F"), markets={**korea, **dict.fromkeys("DEF", "NYSE")}) == []
    assert {row[:2] for row in find(*here, *market("D", "E", "F"))} == {(symbol, "gap") for symbol in "ABC"}


def test_weeks_have_no_gaps(find):
    assert find(*market("A", "B", "C"), lacking("D", 4, 5), timeframe="1w") == []


# ---- Constant series, and the same prices twice


@pytest.mark.parametrize(
    ("closes", "found"),
    [
        ([100] * 20 + [101], 20), ([100] * 19 + [101], None), ([101] + [100] * 25, 25),
        ([100] * 5, 5), ([100] * 4, None),  # a whole history
    ],
)  # fmt: skip
def test_one_close_on_and_on_is_constant(find, closes, found):
    rows = find(bars("A", closes))
    assert [(kind, count) for _, kind, _, _, count in rows] == ([] if found is None else [("constant", found)])


def session(day, count):
    """So many 5-minute bars from nine o'clock on."""
    return [dt.datetime.combine(day, dt.time(9)) + number * dt.timedelta(minutes=5) for number in range(count)]


@pytest.mark.parametrize(
    ("sizes", "volume", "found"),
    [
        ([78], 100.0, None),  # the daily limit, from the opening to the close
        ([1, 30], 100.0, None),  # two days, neither of them whole
        ([1, 5, 1], 100.0, None),  # hardly traded
        ([1, 18, 1], 100.0, 20),
        ([78, 78, 78], 100.0, 234),
        ([78, 78, 78], 0.0, None),  # filled up by the source: nobody traded
    ],
)
def test_minutes_of_one_close_are_constant_over_a_whole_session_with_trade(find, sizes, volume, found):
    moments = [moment for day, size in zip(WEEKDAYS, sizes, strict=False) for moment in session(day, size)]
    before, after = (
        session(WEEKDAYS[place], 1)[0] + dt.timedelta(hours=hours) for place, hours in ((0, -1), (len(sizes) - 1, 9))
    )
    frame = bars("A", [99, *[100] * len(moments), 101], [before, *moments, after], volume=volume)
    rows = [(kind, count) for _, kind, _, _, count in find(frame, timeframe="5m")]
    assert rows == ([] if found is None else [("constant", found)])


def test_two_symbols_with_five_equal_bars_have_the_same_prices(find):
    first = bars("A", steady(8))
    for equal, found in ((5, [("B", "same prices", "01-01", "01-05", 5)]), (4, [])):
        second = bars("B", [*steady(8)[:equal], *(close * 1.05 for close in steady(8)[equal:])])
        assert find(first, second) == found


def test_bars_of_one_price_or_without_volume_are_not_the_same_prices(find):
    assert (
        find(bars("A", steady(8), high=steady(8), low=steady(8)), bars("B", steady(8), high=steady(8), low=steady(8)))
        == []
    )
    assert find(bars("A", steady(8), volume=0.0), bars("B", steady(8), volume=0.0)) == []


# ---- What is new


def test_only_what_is_seen_from_a_day_on_is_told(find):
    closes = [100, 200, 201, 202, 401, 402]
    assert [row[2] for row in find(bars("A", closes))] == ["01-02", "01-05"]
    assert [row[2] for row in find(bars("A", closes), since=WEEKDAYS[3])] == ["01-05"]


def test_an_ingest_tells_of_its_own_days(desk):
    desk.rows("A,2024-01-02,10,10,10,10,1", "A,2024-01-03,20,20,20,20,1")
    report = desk.rows("A,2024-01-04,41,41,41,41,1", "A,2024-01-05,41,41,35,41,1")
    assert report.suspicious.select("kind", pl.col("first").dt.day()).rows() == [("jump", 4)]
    assert desk.store.quality().suspicious["kind"].to_list() == ["jump", "jump"]


MINUTES = ["A,2024-01-02 09:00,10,10,10,10,1", "A,2024-01-02 09:05,20,20,20,20,1", "A,2024-01-02 09:10,21,21,21,21,1"]
DAYS = ["A,2024-01-02,10,10,10,10,1", "A,2024-01-03,20,20,20,20,1", "A,2024-01-04,21,21,21,21,1"]


def test_daily_bars_are_told_by_dates_and_minutes_by_moments(desk):
    report = desk.rows(*DAYS)
    quality = desk.store.quality()
    for found in (report.suspicious, quality.suspicious):
        assert found.select("first", "last").rows() == [(dt.date(2024, 1, 3), dt.date(2024, 1, 3))]
    assert quality.halts.schema["timestamp"] == quality.quarantine.schema["timestamp"] == pl.Date
    minutes = desk.rows(*MINUTES, timeframe="5m").suspicious
    assert minutes["first"].to_list() == [dt.datetime(2024, 1, 2, 9, 5)]
    assert desk.store.quality().suspicious["first"].to_list() == [
        dt.datetime(2024, 1, 2, 9, 5),
        dt.datetime(2024, 1, 3),
    ]
