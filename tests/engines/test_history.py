"""One symbol as a formula saw it: the scan's own numbers, enough bars to be read, halts, and where it fired."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import polars as pl
import pytest
import talib

import jtscan as jt
from jtscan.domain.history import Scale
from jtscan.testing import make_bars

MONDAY = dt.date(2024, 1, 1)
RECURSIVE = """
momentum = ema(close, 9) / ema(close, 30)
strength = rsi(14)
trend = weekly(ema(close, 4))
place = rank(rsi(7))
against = close / ref("A", ema(close, 20))
buy = cross_above(close, ema(close, 12)) and adx(5) > 1
"""


def walk(seed, length):
    dice = random.Random(seed)
    closes = [100.0]
    for _ in range(length - 1):
        closes.append(max(closes[-1] + dice.choice([-2, -1, -0.5, 0, 0.5, 1, 2]), 5.0))
    return closes


@pytest.fixture(scope="module")
def daily(tmp_path_factory):
    """Three symbols of 400 days; B is halted now and then, C begins late."""
    folder = tmp_path_factory.mktemp("daily")
    bars = make_bars({"A": walk(1, 400), "B": walk(2, 400), "C": [None] * 300 + walk(3, 100)})
    days = bars.filter(pl.col("symbol") == "B")["timestamp"]
    halted = (pl.col("symbol") == "B") & pl.col("timestamp").is_in([days[5], days[200], days[399]])
    zeros = [
        pl.when(halted).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "volume")
    ]
    bars.with_columns(zeros).write_parquet(folder / "prices.parquet")
    table = pl.DataFrame({"symbol": ["A", "B"], "name": ["가", "나"], "market": ["KOSPI", "KOSDAQ"]})
    table.write_parquet(folder / "symbols.parquet")
    return jt.Scanner(prices=folder / "prices.parquet", symbols=folder / "symbols.parquet", raise_internal=True)


def minutes(days, *, symbol="A", seed=1):
    """Half-hour bars of whole sessions."""
    starts = [dt.datetime.combine(MONDAY + dt.timedelta(days=n), dt.time(9)) for n in range(days) if n % 7 < 5]
    moments = [start + dt.timedelta(minutes=30 * bar) for start in starts for bar in range(13)]
    return pl.DataFrame({"symbol": symbol, "timestamp": moments, "close": walk(seed, len(moments))}).with_columns(
        open=pl.col("close"), high=pl.col("close") + 1, low=pl.col("close") - 1, volume=pl.lit(10.0)
    )


# --- the numbers


def test_series_are_what_numpy_gives(daily):
    result = daily.scan(
        "cross_above(sma(close, 5), sma(close, 20)) and close > highest(high, 10)[1]", start="2024-06-03"
    )
    seen = result.history("A", start="2024-06-03")
    bars = daily.scan("close > 0", symbols=["A"], start="2000-01-01").history("A").bars
    close, high = bars["close"].to_numpy(), bars["high"].to_numpy()
    shown = seen.bars.height
    windows = np.lib.stride_tricks.sliding_window_view
    expected = {
        "sma(close, 5)": windows(close, 5).mean(axis=1)[-shown:],
        "sma(close, 20)": windows(close, 20).mean(axis=1)[-shown:],
        "highest(high, 10)[1]": windows(high, 10).max(axis=1)[-shown - 1 : -1],
    }
    assert [each.column for each in seen.series] == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(seen.bars[name].to_numpy(), values, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("rsi(14) > 50", lambda close, *_: talib.RSI(close, 14)),
        ("rsi(14)[3] > 50", lambda close, *_: np.roll(talib.RSI(close, 14), 3)),
        ("kc(20, 1.5).upper < close", lambda close, high, low: talib.EMA(close, 20) + 1.5 * talib.ATR(high, low, close, 20)),
        ("close < 0.98 * lowest(low, 9)", lambda _, __, low: 0.98 * talib.MIN(low, 9)),
        ("stoch(14, 3, 3).k < 20", lambda close, high, low: talib.STOCH(high, low, close, 14, 3, 0, 3, 0)[0]),
    ],
)  # fmt: skip
def test_series_are_what_talib_gives(daily, text, answer):
    seen = daily.scan(text, symbols=["A"], start="2024-01-01").history("A")
    close, high, low = (seen.bars[name].to_numpy() for name in ("close", "high", "low"))
    (series,) = seen.series
    np.testing.assert_allclose(seen.bars[series.column].tail(350), answer(close, high, low)[-350:], rtol=1e-12)


def test_a_macd_is_seen_whole(daily):
    seen = daily.scan("macd(close, 12, 26, 9).hist > 0", symbols=["A"], start="2024-01-01").history("A")
    expected = talib.MACD(seen.bars["close"].to_numpy(), 12, 26, 9)
    for series, values in zip(seen.series, expected, strict=True):
        np.testing.assert_array_equal(seen.bars[series.column].tail(350), values[-350:])


@pytest.mark.parametrize("symbol", ["A", "B", "C"])
@pytest.mark.parametrize(
    "given", [{"last": 1}, {"last": 40}, {"start": "2024-08-01", "end": "2025-02-28"}, {"start": "2024-01-01"}]
)
def test_values_have_the_bits_of_the_scan(daily, symbol, given):
    always = RECURSIVE.replace("buy = ", "match = close > 0\nbuy = ")
    result = daily.scan(always, **given)
    seen = result.history(symbol)
    matches = result.signals.found.filter(pl.col("symbol") == symbol)
    assert seen.matches.rows() == matches.select("timestamp", "signal_type").rows()
    columns = ["timestamp", "close", "momentum", "strength", "trend", "place", "against"]
    there = matches.filter(pl.col("signal_type") == "match").select(columns)
    inside = (
        seen.bars.filter(pl.col("timestamp") >= seen.start).select(columns) if seen.start else seen.bars.select(columns)
    )
    assert inside.rows() == there.rows()
    assert seen.bars["timestamp"].is_sorted()
    assert seen.bars["timestamp"].is_unique().all()


def test_another_range_within_the_scans_has_its_bits_too(daily):
    result = daily.scan(RECURSIVE, start="2024-06-03", end="2025-03-31")
    whole, part = result.history("B"), result.history("B", start="2024-09-02", end="2024-09-30")
    days = whole.bars.filter(pl.col("timestamp").is_between(dt.date(2024, 9, 2), dt.date(2024, 9, 30)))
    assert part.bars.rows() == days.rows()
    assert part.bars.height


def test_what_lies_around_the_scans_range_is_what_a_scan_there_gives(daily):
    result = daily.scan(RECURSIVE, start="2024-06-03", end="2024-06-28")
    seen = result.history("A", start="2024-05-27", end="2024-07-05").bars
    for start, end in (("2024-05-27", "2024-05-31"), ("2024-06-03", "2024-06-28"), ("2024-07-01", "2024-07-05")):
        there = daily.scan(f"{RECURSIVE}\nmatch = close > 0", start=start, end=end).signals.found
        there = there.filter((pl.col("symbol") == "A") & (pl.col("signal_type") == "match"))
        columns = ["timestamp", "momentum", "strength", "trend", "place", "against"]
        inside = pl.col("timestamp").is_between(dt.date.fromisoformat(start), dt.date.fromisoformat(end))
        assert seen.filter(inside).select(columns).rows() == there.select(columns).rows()
    assert seen.height == 30


# --- which bars


@pytest.mark.parametrize(
    ("given", "asked", "height", "first", "start"),
    [
        ({"last": 1}, {}, 250, "2024-07-29", "2025-07-11"),
        ({"last": 1}, {"bars": 5}, 5, "2025-07-07", "2025-07-11"),
        ({"last": 60}, {"bars": 5}, 5, "2025-07-07", "2025-04-21"),
        ({"start": "2025-07-01"}, {"bars": 3}, 3, "2025-07-09", "2025-07-01"),
        ({"start": "2024-01-01"}, {}, 400, "2024-01-01", "2024-01-01"),
        ({"start": "2024-01-10", "end": "2024-01-10"}, {}, 8, "2024-01-01", "2024-01-10"),
        ({"end": "2024-01-10"}, {"bars": 3}, 3, "2024-01-08", None),
        ({"last": 1}, {"bars": None}, 400, "2024-01-01", "2025-07-11"),
        ({"last": 1}, {"bars": None, "end": "2024-01-10"}, 8, "2024-01-01", "2025-07-11"),
        ({"last": 1}, {"bars": None, "start": "2025-07-08"}, 4, "2025-07-08", "2025-07-11"),
        (
            {"start": "2024-01-08", "end": "2024-01-09"},
            {"bars": None, "end": "2024-01-12"},
            10,
            "2024-01-01",
            "2024-01-08",
        ),
        ({"last": 1}, {"start": "2025-07-08"}, 4, "2025-07-08", "2025-07-11"),
        ({"last": 1}, {"end": "2024-01-10", "bars": 3}, 3, "2024-01-08", "2025-07-11"),
        ({"last": 1}, {"start": "2024-01-02", "end": "2024-01-04"}, 3, "2024-01-02", "2025-07-11"),
        ({"start": "2024-01-01", "end": "2024-01-05"}, {"start": "2025-07-10"}, 2, "2025-07-10", "2024-01-01"),
        ({"start": "2024-01-01", "end": "2024-01-05"}, {"end": "2024-01-09", "bars": 2}, 2, "2024-01-08", "2024-01-01"),
    ],
)
def test_a_short_range_gets_earlier_bars_a_long_one_is_cut_and_says_where_it_began(
    daily, given, asked, height, first, start
):
    seen = daily.scan("close > sma(close, 3)", **given).history("A", **asked)
    assert (seen.bars.height, f"{seen.bars['timestamp'][0]}") == (height, first)
    assert seen.start == (None if start is None else dt.date.fromisoformat(start))


def test_a_symbol_that_began_late_has_all_that_there_is(daily):
    assert daily.scan("close > sma(close, 3)", last=1).history("C").bars.height == 100


def test_matches_are_all_that_were_found_on_the_bars_that_are_shown(daily):
    result = daily.scan("close > close[1]", start="2024-01-01", top=2, sort_by="-close")
    found = result.signals.found.filter(pl.col("symbol") == "A").sort("timestamp")
    assert result.history("A").matches["timestamp"].to_list() == found["timestamp"].to_list()
    part = result.history("A", start="2024-02-01", end="2024-02-29")
    assert (
        part.matches["timestamp"].to_list()
        == found.filter(pl.col("timestamp").is_between(dt.date(2024, 2, 1), dt.date(2024, 2, 29)))[
            "timestamp"
        ].to_list()
    )


def test_first_changes_matches_and_no_series(daily):
    once = daily.scan("x = rsi(5)\nx > 50", first=True, start="2024-03-01").history("A")
    always = daily.scan("x = rsi(5)\nx > 50", start="2024-03-01").history("A")
    assert 0 < once.matches.height < always.matches.height
    assert once.bars.rows() == always.bars.rows()


# --- halts


def test_halts_are_told_and_are_no_bars(daily):
    result = daily.scan("close > sma(close, 3)", start="2024-01-01")
    seen = result.history("B")
    days = daily.scan("close > 0", symbols=["A"], start="2024-01-01").history("A").bars["timestamp"]
    assert seen.halts["timestamp"].to_list() == [days[5], days[200], days[399]]
    assert seen.bars["timestamp"].to_list() == [day for number, day in enumerate(days) if number not in {5, 200, 399}]
    (counted,) = result.outcomes.filter(pl.col("symbol") == "B")["halts"]
    assert seen.halts.height == counted
    assert result.history("A").halts.schema == {"timestamp": pl.Date}
    assert not result.history("A").halts.height
    assert result.history("B", start=days[6], end=days[300]).halts["timestamp"].to_list() == [days[200]]


# --- other bars


def test_weekly_bars_made_of_days(daily):
    seen = daily.scan("close > sma(close, 4)", timeframe="1w", last=1).history("B", bars=10)
    assert seen.bars.height == 10
    assert set(seen.bars["timestamp"].dt.weekday()) == {5}
    assert not seen.halts.height  # there was trade on other days of those weeks


def test_a_week_without_trade_is_a_halt_of_weekly_bars(tmp_path):
    bars = make_bars({"A": [10.0] * 15, "B": [10.0] * 15})
    week = (pl.col("symbol") == "B") & pl.col("timestamp").is_between(dt.date(2024, 1, 8), dt.date(2024, 1, 12))
    zeros = [pl.when(week).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "volume")]
    bars.with_columns(zeros).write_parquet(tmp_path / "prices.parquet")
    seen = jt.Scanner(prices=tmp_path / "prices.parquet").scan("close > 1", timeframe="1w", last=1).history("B")
    assert seen.bars["timestamp"].to_list() == [dt.date(2024, 1, 5), dt.date(2024, 1, 19)]
    assert seen.halts["timestamp"].to_list() == [dt.date(2024, 1, 12)]


@pytest.mark.parametrize("timeframe", ["30m", "60m"])
def test_intraday_bars(tmp_path, timeframe):
    minutes(40).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", timeframe="30m", raise_internal=True)
    result = scanner.scan(
        'x = tf("1d", ema(close, 3))\ny = ema(close, 9)\nclose > 0',
        timeframe=timeframe,
        start="2024-02-01",
        end="2024-02-05",
    )
    seen = result.history("A", bars=100)
    assert seen.bars.height == 100
    assert seen.bars.schema["timestamp"] == seen.halts.schema["timestamp"] == pl.Datetime("us")
    assert (seen.start, seen.bars["timestamp"][-1].date()) == (dt.datetime(2024, 2, 1), dt.date(2024, 2, 5))
    inside = seen.bars.filter(pl.col("timestamp") >= seen.start).select("timestamp", "x", "y")
    assert inside.rows() == result.signals.found.select("timestamp", "x", "y").rows()


# --- kinds of formulas and files


def test_files_without_all_prices_have_unknown_ones(tmp_path):
    make_bars({"A": walk(1, 30)}).select("symbol", "timestamp", "close").write_parquet(tmp_path / "a.parquet")
    seen = jt.Scanner(prices=tmp_path / "a.parquet").scan("close > sma(close, 3)").history("A")
    assert seen.bars.columns == ["timestamp", "open", "high", "low", "close", "volume", "sma(close, 3)"]
    assert seen.bars["high"].dtype == pl.Float64
    assert seen.bars["high"].null_count() == 30
    assert not seen.halts.height


def test_polars_expressions_give_bars_and_matches(daily):
    seen = daily.scan(pl.col("close") > pl.col("close").shift(1), lookback=1, start="2024-03-01").history("A")
    assert (seen.series, seen.bars.width) == ((), 6)
    assert seen.matches.height


def test_a_users_own_function_is_a_series(tmp_path):
    @jt.function(lookback=1)
    def step(x: pl.Expr) -> pl.Expr:
        return x - x.shift(1)

    make_bars({"A": [10.0, 12, 15, 11]}).write_parquet(tmp_path / "a.parquet")
    seen = jt.Scanner(prices=tmp_path / "a.parquet", functions=[step]).scan("step(close) > 2").history("A")
    assert seen.bars["step(close)"].to_list() == [None, 2.0, 3.0, -4.0]
    assert seen.series[0].levels == (2.0,)
    assert seen.matches["timestamp"].to_list() == [dt.date(2024, 1, 3)]


def test_unknown_values_are_null(daily):
    seen = daily.scan("close > sma(close, 3)", start="2024-01-01").history("A")
    assert seen.bars["sma(close, 3)"].to_list()[:3] == [None, None, pytest.approx(seen.bars["close"].head(3).mean())]
    assert (seen.series[0].scale, seen.name, seen.market, seen.timeframe) == (Scale.PRICE, "가", "KOSPI", "1d")


def test_a_symbol_on_which_the_formula_fails_says_so(tmp_path):
    bars = make_bars({"A": walk(1, 30)})
    again = bars.head(1).with_columns(close=pl.lit(7.0))
    pl.concat([bars, again]).write_parquet(tmp_path / "a.parquet")
    result = jt.Scanner(prices=tmp_path / "a.parquet").scan("close > sma(close, 3)", start="2024-01-01")
    assert result.errors_count == 1
    with pytest.raises(jt.DataError, match="A: 2 rows with different values on 2024-01-01"):
        result.history("A")
