from __future__ import annotations

import datetime as dt
from itertools import pairwise

import polars as pl
import pytest

pytest.importorskip("matplotlib")

from jtscan.notebook.charts.ticks import labels_of, number, price, price_places, short, time_ticks, value_ticks


def every(start, end, step):
    made = pl.date_range if isinstance(start, dt.date) and not isinstance(start, dt.datetime) else pl.datetime_range
    return made(start, end, step, eager=True)


D, M = dt.date, dt.datetime


@pytest.mark.parametrize(
    ("moments", "labels"),
    [
        (every(D(2023, 11, 15), D(2024, 3, 15), "1d"), ["Dec", "2024", "Feb", "Mar"]),
        (every(D(2024, 1, 1), D(2024, 1, 5), "1d"), ["Jan 2", "3", "4", "5"]),
        (every(D(2024, 1, 30), D(2024, 2, 3), "1d"), ["Jan 31", "Feb", "2", "3"]),
        (every(D(2017, 11, 10), D(2018, 1, 12), "1w"), ["Nov 17", "24", "Dec", "8", "15", "22", "29", "2018", "12"]),
        (every(D(2010, 1, 1), D(2016, 12, 1), "1mo"), ["Jul", "2011", "Jul", "2012", "Jul", "2013", "Jul", "2014", "Jul", "2015", "Jul", "2016", "Jul"]),
        (every(D(1950, 1, 1), D(2020, 1, 1), "1mo"), ["1955", "1960", "1965", "1970", "1975", "1980", "1985", "1990", "1995", "2000", "2005", "2010", "2015", "2020"]),
        (every(M(2024, 3, 4, 9, 0), M(2024, 3, 4, 10, 0), "5m"), ["09:05", "09:10", "09:15", "09:20", "09:25", "09:30", "09:35", "09:40", "09:45", "09:50", "09:55", "10:00"]),
        (every(M(2024, 3, 4, 23, 0), M(2024, 3, 5, 2, 0), "30m"), ["23:30", "Mar 5", "00:30", "01:00", "01:30", "02:00"]),
        (pl.Series([D(2024, 5, 6)]), ["2024-05-06"]),
        (pl.Series([M(2024, 5, 6, 9, 30)]), ["2024-05-06 09:30"]),
    ],
)  # fmt: skip
def test_the_beginnings_of_periods_are_labelled(moments, labels):
    assert [tick.label for tick in time_ticks(moments, most=14, apart=0.5)] == labels


def test_ticks_are_never_more_than_asked_nor_nearer():
    moments = every(D(2020, 1, 1), D(2024, 12, 31), "1d")
    for most, apart in ((3, 10), (8, 200), (14, 40)):
        ticks = time_ticks(moments, most=most, apart=apart)
        assert len(ticks) <= most
        assert all(later.bar - earlier.bar >= apart for earlier, later in pairwise(ticks))


def test_of_two_ticks_that_are_near_the_rarer_stays():
    moments = pl.Series([D(2023, 11, 1), D(2023, 12, 1), D(2024, 1, 2), D(2024, 2, 1)])
    assert [tick.label for tick in time_ticks(moments, most=9, apart=2)] == ["2024"]


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([70000, 72500, 75000], ["70,000", "72,500", "75,000"]), ([1, 1.5, 2], ["1.0", "1.5", "2.0"]),
        ([0.00012, 0.00014], ["0.00012", "0.00014"]), ([1e8, 2e8], ["100M", "200M"]), ([-1, 0, 1], ["-1", "0", "1"]),
        ([0.0], ["0"]), ([], []), ([1e-9, 2e-9], ["1e-09", "2e-09"]),
    ],
)  # fmt: skip
def test_ticks_have_the_decimals_that_tell_them_apart(ticks, labels):
    assert labels_of(ticks) == labels


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (12_345_678, "12.3M"), (4.2e9, "4.2B"), (7e12, "7T"), (9e15, "9e+15"), (-2500, "-2.5K")],
)  # fmt: skip
def test_counts_are_short(value, text):
    assert short(value) == text


@pytest.mark.parametrize(
    ("closes", "last"),
    [
        ([71000, 71500.0], "71,500"), ([10.5, 11.25], "11.25"), ([159.123, 159.54], "159.54"), ([1.0834, 1.0835], "1.0835"),
        ([0.00001234], "0.00001234"), ([0.5, 0.25], "0.2500"), ([3e12], "3e+12"),
    ],
)  # fmt: skip
def test_prices_have_the_decimals_of_their_closes(closes, last):
    assert price(closes[-1], price_places(pl.Series(closes, dtype=pl.Float64))) == last


@pytest.mark.parametrize(
    ("value", "text"),
    [(70, "70"), (61.237, "61.24"), (0.5, "0.5000"), (1234.5, "1,234"), (250.25, "250.2"), (0, "0"), (3e8, "3e+08"), (-2.5, "-2.50")],
)  # fmt: skip
def test_numbers_of_unknown_size_have_four_digits(value, text):
    assert number(value) == text


def test_ticks_lie_within_the_limits():
    assert value_ticks(29_000, 47_000, most=6) == [30_000, 35_000, 40_000, 45_000]
    assert value_ticks(5.0, 5.0, most=3) in ([5.0], [])
