"""What must hold whatever the data: ranges, row order, chunks, unknowns."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.domain.jobs import ProcessingJob
from jtscan.engines.processing import ProcessingEngine
from jtscan.market.prices import DuckDBPriceRepository

FIRST = dt.date(2020, 1, 1)
ALL = jt.DateRange(start=dt.date(1990, 1, 1))

# No comparison here is closer to a tie than 1e-9 on whole-number prices (FORMULA 4): thresholds are odd numbers.
FORMULAS = {
    "averages": "buy = cross_above(sma(close, 3), sma(close, 8))\nsell = cross_below(sma(close, 3), sma(close, 8))",
    "rsi": "r = rsi(close, 5)\nmatch = r > 52.3717",
    "adx": "a = adx(4)\nmatch = a > 21.7391",
    "macd": "h = macd(close, 3, 6, 3).hist\nmatch = h > 0.1234567",
    "nested": "x = rsi(sma(close, 3), 4)\nmatch = x[2] > 49.1237 and ema(x, 4) < 71.3391",
    "bands": "match = close > bb(close, 6, 1.2345).upper or stoch(7, 3, 3).k < 11.2323",
    "wilder": "match = atr(4) / close > 0.0212347 and rma(close, 5) < close",
    "holes": "e = ema(per, 4)\nmatch = e > 10.123 or isna(e)",
    "events": "match = within(close > close[1], 3) and every(high >= low, 2) and count(close > open, 5) >= 3",
    "memory": "n = barssince(close > close[1] * 1.01)\nv = valuewhen(close > open, close, 1)\nmatch = n >= 1 and v < close",
    "streak": "match = streak(close >= close[1]) == 3",
    "candles": "match = cdlengulfing() != 0 or cdldoji() != 0 or cdlmorningstar() != 0",
    "window": "match = close > highest(high, 20)[1] or close < lowest(low, 10)[1]",
}


@st.composite
def markets(draw):
    """A few symbols with flat stretches, halts, absent days, and a column with holes."""
    seed = draw(st.integers(0, 2**32 - 1))
    lengths = draw(st.lists(st.integers(1, 260), min_size=1, max_size=4))
    flat = draw(st.integers(0, 80))
    parts = [
        _symbol(np.random.default_rng([seed, number]), f"S{number}", length, flat)
        for number, length in enumerate(lengths)
    ]
    return pl.concat(parts)


def _symbol(random, symbol, length, flat):
    steps = random.integers(-60, 61, length)
    if flat and length > flat + 5:
        begin = random.integers(1, length - flat)
        steps[begin : begin + flat] = 0
    close = np.maximum(2000 + np.cumsum(steps), 50).astype(float)
    still = steps == 0
    opening = np.where(still, close, close + random.integers(-20, 21, length))
    high = np.maximum(opening, close) + np.where(still, 0, random.integers(0, 30, length))
    low = np.minimum(opening, close) - np.where(still, 0, random.integers(0, 30, length))
    per = np.where(random.random(length) < 0.1, np.nan, random.integers(5, 30, length))
    frame = pl.DataFrame(
        {"symbol": symbol, "timestamp": [FIRST + dt.timedelta(days=int(day)) for day in range(length)], "open": opening,
         "high": high, "low": low, "close": close, "volume": random.integers(1, 1000, length).astype(float), "per": per}
    )  # fmt: skip
    halted = pl.Series(random.random(length) < 0.03)
    zero = (pl.when(halted).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "volume"))
    return frame.with_columns(zero).filter(pl.Series(random.random(length) > 0.05))


def write(folder, market):
    path = Path(folder) / "prices.parquet"
    market.write_parquet(path)
    return path


def scanned(path, formula, **options):
    return jt.Scanner(prices=path, raise_internal=True).scan(formula, **options)


def close_to(left, right):
    """Equal up to arithmetic, as FORMULA 4 promises for another start of the reading."""
    assert_frame_equal(left, right, check_exact=False, rel_tol=1e-9, abs_tol=1e-9)


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("name", FORMULAS)
@relaxed
@given(market=markets(), start=st.integers(0, 260), length=st.integers(0, 100))
def test_matches_do_not_depend_on_where_the_range_starts_or_ends(name, market, start, length):
    begin, end = FIRST + dt.timedelta(days=start), FIRST + dt.timedelta(days=start + length)
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, market)
        whole = scanned(path, FORMULAS[name], start=dt.date(1990, 1, 1)).signals.matches
        part = scanned(path, FORMULAS[name], start=begin, end=end).signals.matches
    inside = whole.filter(pl.col("timestamp").is_between(begin, end))
    assert part.height == inside.height
    if part.height:
        close_to(part, inside)


@relaxed
@given(market=markets(), seed=st.integers(0, 1000), files=st.integers(1, 3))
def test_matches_do_not_depend_on_the_order_of_rows_or_files(market, seed, files):
    with tempfile.TemporaryDirectory() as folder:
        expected = scanned(write(folder, market), FORMULAS["averages"], start=dt.date(1990, 1, 1))
    with tempfile.TemporaryDirectory() as folder:
        shuffled = market.sample(fraction=1, shuffle=True, seed=seed)
        for number in range(files):
            shuffled.gather_every(files, number).write_parquet(Path(folder) / f"{number}.parquet")
        found = scanned(folder, FORMULAS["averages"], start=dt.date(1990, 1, 1))
    assert_frame_equal(found.signals.matches, expected.signals.matches)
    assert_frame_equal(found.account, expected.account)


@pytest.mark.parametrize("name", FORMULAS)
@relaxed
@given(market=markets(), chunk=st.integers(1, 400), start=st.integers(0, 200))
def test_chunks_give_the_bits_of_each_symbol_alone(name, market, chunk, start):
    with tempfile.TemporaryDirectory() as folder:
        prices = DuckDBPriceRepository(prices=write(folder, market))
        symbols = sorted(market["symbol"].unique())
        job = ProcessingJob(
            id="job", symbols=symbols, timeframe=jt.Timeframe.D1, formula=FORMULAS[name],
            date_range=jt.DateRange(start=FIRST + dt.timedelta(days=start)), warmup="full",
        )  # fmt: skip
        engine = ProcessingEngine(prices, chunk_bars=chunk, raise_internal=True)
        together = engine.process_batch(job)
        window = ReadWindow(start=job.date_range.start, warmup=None)
        snapshot = prices.snapshot(jt.Timeframe.D1)
        alone = [
            engine._process_symbol(job, symbol, snapshot.read([symbol], snapshot.columns, window)) for symbol in symbols
        ]
    for one, other in zip(together, alone, strict=True):
        assert one.status == other.status
        assert_frame_equal(one.matches, other.matches, check_exact=True)


@relaxed
@given(market=markets())
def test_unknown_never_matches(market):
    formula = "u = sma(per, 5)\nmatch = u > 0 or u <= 0\nsignal('neither', not (u > 0) and not (u <= 0))"
    with tempfile.TemporaryDirectory() as folder:
        result = scanned(write(folder, market), formula, start=dt.date(1990, 1, 1))
    assert result.signals.matches["u"].null_count() == 0
    assert "neither" not in result.statistics.by_signal_type


@relaxed
@given(market=markets())
def test_the_account_adds_up(market):
    halts = market.filter(pl.col("open") == 0).height
    with tempfile.TemporaryDirectory() as folder:
        result = scanned(
            write(folder, market), "close > sma(close, 20)", start=dt.date(1990, 1, 1), symbols=["S0", "S1", "Z"]
        )
    asked = market.filter(pl.col("symbol").is_in(["S0", "S1"]))
    assert result.account["symbols"].sum() == 3
    beside = dict(result.beside.select("what", "count").rows())
    assert beside["bars in the range"] + beside["halts"] == asked.height
    assert beside["halts"] <= halts


def test_a_ratio_that_stood_still_before_the_range_is_read_again_from_further_back():
    """RSI and ADX forget nothing on flat bars: what came before 500 of them still decides (FORMULA 4)."""
    random = np.random.default_rng(1)
    steps = np.concatenate([random.integers(-50, 61, 300), np.zeros(500, dtype=int), random.integers(-50, 61, 20)])
    close = 5000.0 + np.cumsum(steps)
    market = pl.DataFrame(
        {"symbol": "S", "timestamp": [FIRST + dt.timedelta(days=day) for day in range(820)], "open": close,
         "high": close + 5 * (steps != 0), "low": close - 5 * (steps != 0), "close": close, "volume": 1.0}
    )  # fmt: skip
    formula = "r = rsi(14)\na = adx(14)\nmatch = r > 0"
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, market)
        whole = scanned(path, formula, start=dt.date(1990, 1, 1)).signals.matches
        part = scanned(path, formula, start=FIRST + dt.timedelta(days=790)).signals.matches
    assert part.height == 30
    close_to(part, whole.tail(30))
    assert part["r"][0] == pytest.approx(whole["r"][299])
