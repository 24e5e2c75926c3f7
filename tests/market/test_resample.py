"""Longer bars out of shorter ones: by hand, and as pandas joins them.

2024 began on a Monday. A week runs from Saturday to Friday, a month to its last Monday-to-Friday day.
"""

from __future__ import annotations

import datetime as dt
import random

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jtscan.domain.dates import Timeframe
from jtscan.market.resample import make_periods, resample

OHLCV = ["open", "high", "low", "close", "volume"]
NO = None


def sessions_of(frame):
    """Day and start of the sessions, as a snapshot gives them."""
    day = pl.col("timestamp").cast(pl.Date).alias("day")
    return frame.group_by(day).agg(pl.col("timestamp").min().alias("start")).sort("day")


def resampled(frame, timeframe):
    return resample(frame, make_periods(sessions_of(frame), Timeframe(timeframe)))


def closes(frame):
    """Write bars as ``{symbol: ["2024-01-05 1.0", …]}``."""
    found = {}
    for symbol, moment, close in frame.select("symbol", "timestamp", "close").iter_rows():
        found.setdefault(symbol, []).append(f"{moment:%Y-%m-%d %H:%M} {close:g}".replace(" 00:00", ""))
    return found


def closing(rows, *, intraday=False):
    """Make bars of ``{symbol: {"2024-01-05": close}}``."""
    flat = [(symbol, moment, float(close)) for symbol, bars in rows.items() for moment, close in bars.items()]
    frame = pl.DataFrame(flat, schema=["symbol", "timestamp", "close"], orient="row")
    moment = pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M") if intraday else pl.col("timestamp").str.to_date()
    return frame.with_columns(moment)


# ── what becomes of each column ───────────────────────────────────────────────

# column: its values from Monday to Thursday, and what the week has
COLUMNS = {
    "open": ([5.0, 6.0, 7.0, 8.0], 5.0),
    "high": ([9.0, 11.0, 10.0, 8.5], 11.0),
    "low": ([4.0, 3.0, 5.0, 6.0], 3.0),
    "close": ([6.0, 7.0, 8.0, 7.5], 7.5),
    "volume": ([100.0, 0.0, 50.0, 7.0], 157.0),
    "amount": ([1.0, 2.0, NO, 4.0], 7.0),
    "Turnover": ([1.0, 2.0, 3.0, 4.0], 10.0),
    "VALUE": ([1.0, 2.0, 3.0, 4.0], 10.0),
    "trades": ([1.0, 2.0, 3.0, 4.0], 10.0),
    "거래대금": ([1.0, 2.0, 3.0, 4.0], 10.0),
    "marcap": ([1.0, 2.0, 3.0, 4.0], 4.0),
    "per": ([8.0, 9.0, 7.0, NO], 7.0),
    "values": ([1.0, 2.0, 3.0, 4.0], 4.0),
    "raw_open": ([50.0, 60.0, 70.0, 80.0], 50.0),
    "raw_high": ([90.0, 110.0, 100.0, 85.0], 110.0),
    "raw_low": ([40.0, 30.0, 50.0, 60.0], 30.0),
    "raw_close": ([60.0, 70.0, 80.0, 75.0], 75.0),
    "raw_volume": ([1.0, 2.0, 3.0, 4.0], 10.0),
}
HOLES = {
    "open": ([NO, 6.0, 7.0, 8.0], 6.0),
    "high": ([NO, NO, NO, NO], NO),
    "low": ([NO, 3.0, NO, 6.0], 3.0),
    "close": ([6.0, 7.0, NO, NO], 7.0),
    "volume": ([NO, NO, NO, NO], NO),
    "amount": ([NO, NO, NO, 0.0], 0.0),
    "per": ([NO, NO, NO, NO], NO),
}


@pytest.mark.parametrize("columns", [COLUMNS, HOLES], ids=["known", "holes"])
def test_each_column_is_joined_in_its_own_way(columns):
    week = pl.date_range(dt.date(2024, 1, 1), dt.date(2024, 1, 4), eager=True)
    values = {name: pl.Series(daily, dtype=pl.Float64) for name, (daily, _) in columns.items()}
    made = resampled(pl.DataFrame({"symbol": ["A"] * 4, "timestamp": week, **values}), "1w")
    expected = {"symbol": "A", "timestamp": dt.date(2024, 1, 4), **{name: week for name, (_, week) in columns.items()}}
    assert made.rows(named=True) == [expected]
    assert made.columns == list(expected)


# ── weeks and months ──────────────────────────────────────────────────────────


def test_a_week_is_labelled_by_the_last_day_on_which_anything_traded():
    """A trades from Monday on, B is delisted on Wednesday, C was listed on Thursday; Friday is a holiday."""
    frame = closing({
        "A": {"2024-01-01": 1, "2024-01-02": 2, "2024-01-04": 3, "2024-01-08": 4},
        "B": {"2024-01-02": 5, "2024-01-03": 6},
        "C": {"2024-01-04": 7, "2024-01-09": 8, "2024-01-12": 9},
    })  # fmt: skip
    assert closes(resampled(frame, "1w")) == {
        "A": ["2024-01-04 3", "2024-01-12 4"],
        "B": ["2024-01-04 6"],
        "C": ["2024-01-04 7", "2024-01-12 9"],
    }


def test_a_bar_of_the_weekend_belongs_to_the_coming_week_and_after_the_last_weekday_to_the_coming_month():
    """31 August 2024 is a Saturday."""
    frame = closing({"A": {"2024-08-29": 1, "2024-08-30": 2, "2024-08-31": 3, "2024-09-01": 4, "2024-09-02": 5}})
    assert closes(resampled(frame, "1w")) == {"A": ["2024-08-30 2", "2024-09-02 5"]}
    assert closes(resampled(frame, "1mo")) == {"A": ["2024-08-30 2", "2024-09-02 5"]}


def test_weeks_do_not_end_with_the_year():
    frame = closing({"A": {"2024-12-30": 1, "2024-12-31": 2, "2025-01-02": 3, "2025-01-03": 4}})
    assert closes(resampled(frame, "1w")) == {"A": ["2025-01-03 4"]}
    assert closes(resampled(frame, "1mo")) == {"A": ["2024-12-31 2", "2025-01-03 4"]}


def test_the_same_day_of_two_symbols_is_not_one_bar():
    frame = closing({"A": {"2024-01-05": 1}, "B": {"2024-01-05": 2}, "C": {"2024-01-05": 3}})
    assert closes(resampled(frame, "1w")) == {"A": ["2024-01-05 1"], "B": ["2024-01-05 2"], "C": ["2024-01-05 3"]}


def test_no_bars_give_no_bars():
    none = closing({"A": {"2024-01-05": 1}}).clear()
    for timeframe in ("1w", "1mo", "1d"):
        assert_frame_equal(resampled(none, timeframe), none)


def a_market(seed, *, days=500, symbols=4, weekends=0.1):
    """Random walks on days of which some are missing for one symbol, or for all."""
    dice = random.Random(seed)
    first = dt.date(2022, 3, 1) + dt.timedelta(days=dice.randrange(7))
    open_days = [day for number in range(days)
                 if dice.random() < (0.9 if (day := first + dt.timedelta(days=number)).weekday() < 5 else weekends)]  # fmt: skip
    rows = []
    for number in range(symbols):
        begin, end = sorted(dice.sample(range(len(open_days)), 2)) if number else (0, len(open_days))
        price = 1000
        for day in open_days[begin:end]:
            if dice.random() < 0.2 * number:
                continue
            low, price, high = sorted(price + dice.randrange(-30, 31) for _ in range(3))
            rows.append((f"S{number}", day, dice.randrange(low, high + 1), high, low, price, dice.randrange(1000)))
    schema = {"symbol": pl.String, "timestamp": pl.Date, **dict.fromkeys(OHLCV, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def joined_by_pandas(frame, timeframe):
    """Join by pandas: ``W-FRI`` weeks, or business month ends; relabelled by the newest day of any symbol."""
    table = frame.to_dict(as_series=False)
    bars = pd.DataFrame(table).astype({"timestamp": "datetime64[ns]"})
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    if timeframe == "1w":
        found = bars.set_index("timestamp").groupby("symbol").resample("W-FRI").agg(how).dropna().reset_index()
        bars["period"] = bars["timestamp"].dt.to_period("W-FRI").dt.end_time.dt.normalize()
    else:
        bars["period"] = bars["timestamp"].map(pd.offsets.BMonthEnd().rollforward)
        found = bars.groupby(["symbol", "period"]).agg(how).reset_index().rename(columns={"period": "timestamp"})
    labels = bars.groupby("period")["timestamp"].max()
    days = [labels[end].date() for end in found["timestamp"]]
    values = {name: found[name].to_list() for name in OHLCV}
    return pl.DataFrame({"symbol": found["symbol"].to_list(), "timestamp": days, **values}, strict=False).cast(
        dict.fromkeys(OHLCV, pl.Float64)
    )


@pytest.mark.parametrize("timeframe", ["1w", "1mo"])
@given(seed=st.integers(0, 10_000), weekends=st.sampled_from([0.0, 0.1, 0.9]))
def test_weeks_and_months_are_those_of_pandas(timeframe, seed, weekends):
    frame = a_market(seed, weekends=weekends)
    assert_frame_equal(resampled(frame, timeframe), joined_by_pandas(frame, timeframe))


@pytest.mark.parametrize("timeframe", ["1w", "1mo"])
@given(seed=st.integers(0, 10_000))
def test_no_bar_is_later_than_the_label_of_its_period_and_labels_are_the_same_for_all_symbols(timeframe, seed):
    frame = a_market(seed, weekends=0.2)
    periods = make_periods(sessions_of(frame), Timeframe(timeframe))
    labelled = frame.with_columns(label=periods.labels(frame["timestamp"]))
    assert (labelled["label"] >= labelled["timestamp"]).all()
    assert labelled.group_by("timestamp").agg(pl.col("label").n_unique())["label"].to_list() == [1] * (
        labelled["timestamp"].n_unique()
    )
    assert set(labelled["label"]) <= set(frame["timestamp"])


# ── minutes ───────────────────────────────────────────────────────────────────


def minutes(day, *times):
    """Make closes that count from 1: ``{"2024-01-02 09:00": 1, …}``."""
    return {f"{day} {time}": number for number, time in enumerate(times, start=1)}


def every(first, count, step=5):
    start = dt.datetime.combine(dt.date(2024, 1, 2), dt.time.fromisoformat(first))
    return [f"{start + dt.timedelta(minutes=step * number):%H:%M}" for number in range(count)]


# What opens the market, the bars of symbol B (its close counts from 1), and its longer bars.
SESSIONS = {
    "from nine": ("09:00", every("09:00", 14), ["2024-01-02 09:00 12", "2024-01-02 10:00 14"]),
    "from half past nine": ("09:30", every("09:30", 14), ["2024-01-02 09:30 12", "2024-01-02 10:30 14"]),
    "first trade five minutes late": ("09:00", every("09:05", 12), ["2024-01-02 09:00 11", "2024-01-02 10:00 12"]),
    "first trade in the second hour": ("09:00", every("10:35", 6), ["2024-01-02 10:00 5", "2024-01-02 11:00 6"]),
    "the market opens at ten on that day": ("10:00", every("10:00", 13), ["2024-01-02 10:00 12", "2024-01-02 11:00 13"]),
    "an hour without a trade": ("09:00", ["09:55", "11:00", "11:05"], ["2024-01-02 09:00 1", "2024-01-02 11:00 3"]),
    "a session of half an hour": ("09:00", every("09:00", 6), ["2024-01-02 09:00 6"]),
    "an odd minute": ("09:01", ["09:01", "10:00", "10:01"], ["2024-01-02 09:01 2", "2024-01-02 10:01 3"]),
}  # fmt: skip


@pytest.mark.parametrize(("opens", "times", "expected"), SESSIONS.values(), ids=SESSIONS.keys())
def test_hours_are_counted_from_the_first_bar_of_the_market(opens, times, expected):
    frame = closing({"A": minutes("2024-01-02", opens), "B": minutes("2024-01-02", *times)}, intraday=True)
    assert closes(resampled(frame, "60m"))["B"] == expected


def test_days_are_not_mixed_and_each_has_its_own_grid():
    """A half day that closes at 10:30, one that opens an hour late, one as usual."""
    frame = closing({
        "A": {
            **minutes("2024-01-02", *every("09:00", 18)),
            **minutes("2024-01-03", *every("10:00", 13)),
            **minutes("2024-01-04", "09:00", "09:05"),
        }
    }, intraday=True)  # fmt: skip
    assert closes(resampled(frame, "60m"))["A"] == [
        "2024-01-02 09:00 12", "2024-01-02 10:00 18",
        "2024-01-03 10:00 12", "2024-01-03 11:00 13",
        "2024-01-04 09:00 2",
    ]  # fmt: skip
    assert closes(resampled(frame, "1d"))["A"] == ["2024-01-02 18", "2024-01-03 13", "2024-01-04 2"]
    assert closes(resampled(frame, "1w"))["A"] == ["2024-01-04 2"]


def test_days_of_minutes_are_dates_and_hours_are_datetimes():
    frame = closing({"A": minutes("2024-01-02", *every("09:00", 18))}, intraday=True)
    kinds = {timeframe: resampled(frame, timeframe).schema["timestamp"] for timeframe in ("60m", "1d", "1w", "1mo")}
    assert kinds == {"60m": pl.Datetime("us"), "1d": pl.Date, "1w": pl.Date, "1mo": pl.Date}


@pytest.mark.parametrize("timeframe", ["5m", "15m", "30m", "60m", "1d"])
@given(seed=st.integers(0, 10_000))
def test_minutes_are_joined_as_pandas_joins_them_from_the_start_of_the_day(timeframe, seed):
    dice = random.Random(seed)
    rows = []
    for number in range(6):
        day = dt.datetime(2024, 1, 2) + dt.timedelta(days=number)
        start = day + dt.timedelta(minutes=540 + 5 * dice.randrange(20))
        for symbol in "AB":
            rows += [(symbol, start + dt.timedelta(minutes=minute), float(dice.randrange(1000, 2000)))
                     for minute in range(dice.randrange(200)) if dice.random() < 0.7]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["symbol", "timestamp", "close"], orient="row")
    frame = frame.sort("symbol", "timestamp").with_columns(volume=pl.col("close") * 2, high=pl.col("close"))
    bars = pd.DataFrame(frame.to_dict(as_series=False))
    bars["day"] = bars["timestamp"].dt.normalize()
    opens = bars.groupby("day")["timestamp"].min()
    parts = []
    for (symbol, day), part in bars.groupby(["symbol", "day"]):
        rule = timeframe.replace("m", "min") if timeframe != "1d" else "1D"
        origin = opens[day] if timeframe != "1d" else "start_day"
        how = {"close": "last", "volume": "sum", "high": "max"}
        joined = part.set_index("timestamp").resample(rule, origin=origin).agg(how).dropna().reset_index()
        parts += [(symbol, *row) for row in joined.itertuples(index=False)]
    expected = [(symbol, moment.to_pydatetime(), *rest) for symbol, moment, *rest in parts]
    made = resampled(frame, timeframe).with_columns(pl.col("timestamp").cast(pl.Datetime("us")))
    assert made.select("symbol", "timestamp", "close", "volume", "high").rows() == expected
