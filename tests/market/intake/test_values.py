"""Texts and typed values as numbers and moments: what they mean is written by hand, null is none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import Timeframe
from jtscan.market.intake.values import Moments, is_no_number, moment_of, number_of

DAY, MINUTES = Timeframe.D1, Timeframe.M1
JAN2, JAN31 = dt.date(2024, 1, 2), dt.date(2024, 1, 31)
NINE = dt.datetime(2024, 1, 2, 9)


def sql(expression, values, kind="VARCHAR"):
    with duckdb.connect() as connection:
        table = f"(SELECT unnest(CAST(? AS {kind}[])) AS r0, unnest(range(?)) AS place)"
        rows = connection.execute(f"SELECT {expression} FROM {table} ORDER BY place", [list(values), len(values)])
        return [value for (value,) in rows.fetchall()]


NUMBERS = {
    "10": 10, "10.5": 10.5, "1,234": 1234, "1,234.5": 1234.5, "1,234,567": 1234567, "1.5e3": 1500, "+72300": 72300, "-72300": -72300,
    "-1,234": -1234, "+1,234": 1234, " 10 ": 10, "0": 0, ".5": 0.5, "5.": 5, "007": 7, "1E5": 1e5,
    "abc": None, "-": None, "": None, " ": None, "NaN": None, "nan": None, "inf": None, "-inf": None, "Infinity": None, "1e999": None,
    "1,23": None, "1.234,5": None, "12,34": None, "10원": None, "₩10": None, "10%": None, "0x10": None, "--1": None, "true": None, None: None,
}  # fmt: skip


def test_a_text_is_the_number_that_it_means_or_none():
    found = dict(zip(NUMBERS, sql(number_of("r0", "VARCHAR"), NUMBERS), strict=True))
    assert found == NUMBERS


def test_blanks_around_a_number_with_thousands_are_nothing():
    assert sql(number_of("r0", "VARCHAR"), [" 1,234", "1,234 ", " 12,345.5 "]) == [1234, 1234, 12345.5]


def test_a_text_that_is_there_and_no_number_is_known_from_nothing():
    cases = {
        "abc": True, "10%": True, "1,23": True, "true": True, "--1": True, "Infinity": True,
        "": False, " ": False, None: False, "-": False, "NaN": False, "N/A": False, "null": False, "None": False, "inf": False, "10": False, "1,234": False,
    }  # fmt: skip
    number = number_of("r0", "VARCHAR")
    assert dict(zip(cases, sql(is_no_number("r0", "VARCHAR", number), cases), strict=True)) == cases


@pytest.mark.parametrize(
    ("kind", "values", "numbers"),
    [
        ("INTEGER", [1, -2, None], [1, -2, None]),
        ("DOUBLE", [1.5, float("nan"), float("inf"), None], [1.5, None, None, None]),
        ("DECIMAL(10,2)", [Decimal("1.25"), None], [1.25, None]),
        ("HUGEINT", [10**20], [1e20]),
        ("DATE", [JAN2], [None]),
        ("BLOB", [b"1"], [None]),
    ],
)
def test_typed_values_are_numbers_as_far_as_they_are_finite(kind, values, numbers):
    assert sql(number_of("r0", kind), values, kind) == numbers


DATES = {
    "2024-01-31": JAN31, "2024/01/31": JAN31, "2024.01.31": JAN31, "20240131": JAN31, "2024. 01. 31": JAN31, "2024.01.31.": JAN31,
    "2024년 01월 31일": JAN31, "2024-01-31 00:00:00": JAN31, "2024-01-31T00:00:00": JAN31, "2024-01-31 15:30:00": JAN31,
    "2024-01-31 15:30:00.123456": JAN31, " 2024-01-31 ": JAN31, "2024.01.31 15:30": JAN31, "2024-1-31": JAN31,
    "19980117": dt.date(1998, 1, 17), "0001-01-01": dt.date(1, 1, 1), "9999-12-31": dt.date(9999, 12, 31),
    "": None, "abc": None, "2024-02-30": None, "2024-13-01": None, "20241301": None, "0": None, "99999999": None,
    "0000-01-01": None, "10000-01-01": None, "today": None, "now": None, "-1": None,
    "31/01/2024": None, "01/31/2024": None, None: None, "1704153600": None, "12": None, "2024": None,
}  # fmt: skip


def test_a_text_is_the_date_that_it_means_or_none():
    found = sql(moment_of("r0", "VARCHAR", Moments(timeframe=DAY)), DATES)
    assert dict(zip(DATES, found, strict=True)) == DATES


@pytest.mark.parametrize("text", ["24-01-31", "24/01/31", "01-02-24"])
def test_a_year_of_two_digits_is_no_year_of_the_romans(text):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=DAY)), [text]) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "1704121100",
        "1704153600000",
        pytest.param(
            "1704121100000",
        ),
    ],
)
def test_milliseconds_since_1970_are_no_dates(text):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=DAY)), [text]) == [None]


@pytest.mark.parametrize(
    ("text", "date_format", "date"),
    [
        ("31/01/2024", "%d/%m/%Y", JAN31), ("01/31/2024", "%m/%d/%Y", JAN31), ("31-Jan-2024", "%d-%b-%Y", JAN31), ("24/01/31", "%y/%m/%d", JAN31),
        ("2024-01-31", "%d/%m/%Y", None), ("", "%d/%m/%Y", None), ("31'01'2024", "%d'%m'%Y", JAN31),
    ],
)  # fmt: skip
def test_a_format_says_what_day_and_month_are(text, date_format, date):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=DAY, date_format=date_format)), [text]) == [date]


@pytest.mark.parametrize(
    ("kind", "values", "dates"),
    [
        ("BIGINT", [20240131, 19980117, 0, None, 202401021530], [JAN31, dt.date(1998, 1, 17), None, None, JAN2]),
        ("DOUBLE", [20240131.0, float("nan")], [JAN31, None]),
        ("DATE", [JAN31, None, dt.date(9999, 12, 31)], [JAN31, None, dt.date(9999, 12, 31)]),
        ("TIMESTAMP", ["2024-01-31 15:30:00", "infinity", "0001-01-01", "10000-01-01"], [JAN31, None, dt.date(1, 1, 1), None]),
        ("TIMESTAMP_NS", ["2024-01-31 00:00:00"], [JAN31]),
    ],
)  # fmt: skip
def test_typed_values_are_dates(kind, values, dates):
    assert sql(moment_of("r0", kind, Moments(timeframe=DAY)), values, kind) == dates


MOMENTS = {
    "2024-01-02 09:00": NINE, "2024-01-02 09:00:00": NINE, "2024-01-02T09:00:00": NINE, "202401020900": NINE, "20240102090000": NINE,
    "2024.01.02 09:00": NINE, "2024/01/02 09:00:00": NINE, "20240102 090000": NINE, "20240102 09:00": NINE, "2024-01-02 9:00": NINE,
    "2024-01-02 09:00:00.5": NINE.replace(microsecond=500000), "abc": None, "": None, "2024-01-02 25:00": None,
}  # fmt: skip


def test_a_text_is_the_moment_that_it_means_or_none():
    found = sql(moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES)), MOMENTS)
    assert dict(zip(MOMENTS, found, strict=True)) == MOMENTS


OFFSETS = ["2024-01-02 09:00:00+09:00", "2024-01-02T09:00:00+09:00", "2024-01-02 09:00:00+09"]


@pytest.mark.parametrize("text", OFFSETS)
def test_an_offset_leaves_the_time_on_the_wall(text):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES)), [text]) == [NINE]
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES, zone="Asia/Seoul")), [text]) == [NINE]


@pytest.mark.parametrize("text", ["2024-01-02 00:00:00+09:00", "2024-01-02T00:00:00+09:00"])
def test_midnight_with_an_offset_is_the_day_on_the_wall(text):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=DAY)), [text]) == [JAN2]


@pytest.mark.parametrize(
    "text",
    ["2024-01-02 00:00:00Z", "2024-01-02T00:00:00+00:00", "2024-01-02 00:00:00+0000", "2024-01-02 00:00:00.000Z"],
)
def test_utc_is_turned_into_the_time_of_the_exchange(text):
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES, zone="Asia/Seoul")), [text]) == [NINE]


def test_a_plain_time_is_on_the_wall_whatever_the_zone():
    assert sql(moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES, zone="Asia/Seoul")), ["2024-01-02 09:00"]) == [
        NINE
    ]


@pytest.mark.parametrize(
    ("date", "time", "moment"),
    [
        ("20240102", "90000", NINE), ("20240102", "090000", NINE), ("2024-01-02", "0900", NINE), ("2024-01-02", "900", NINE),
        ("2024/01/02", "09:00:00", NINE), ("2024.01.02", "09:00", NINE), ("2024년 01월 02일", "9:00", NINE), ("2024-01-02", "153000", dt.datetime(2024, 1, 2, 15, 30)),
        ("2024-01-02", "0", dt.datetime(2024, 1, 2)), ("2024-01-02", None, None), ("", "0900", None), ("2024-01-02", "2500", None),
    ],
)  # fmt: skip
def test_date_and_time_are_read_from_two_columns(date, time, moment):
    expression = moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES), ("r1", "VARCHAR"))
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {expression} FROM (SELECT ?::VARCHAR AS r0, ?::VARCHAR AS r1)", [date, time]
        )
        assert found.fetchall() == [(moment,)]


def test_without_a_time_there_is_no_moment():
    expression = moment_of("r0", "VARCHAR", Moments(timeframe=MINUTES), ("r1", "VARCHAR"))
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {expression} FROM (SELECT '20240102' AS r0, '' AS r1)")
        assert found.fetchall() == [(None,)]


# ---- Through an ingest

INTRADAY = "symbol,timestamp,open,high,low,close,volume"


def minutes(desk, *texts, header=INTRADAY, rest=",1,1,1,1,5", **options):
    options = {"timeframe": "1m", **options}
    report = desk.ingest(desk.csv(*(f"A,{text}{rest}" for text in texts), header=header), **options)
    assert report.counts.bars == len(texts)
    return [f"{moment:%Y-%m-%d %H:%M}" for moment in desk.bars("1m")["timestamp"]]


def test_minutes_in_utc_are_refused_without_the_zone_and_right_with_it(desk):
    with pytest.raises(
        jt.DataError, match="its timestamps are in UTC; say where the exchange is: --timezone Asia/Seoul"
    ):
        minutes(desk, "2024-01-02T00:00:00Z")
    assert minutes(desk, "2024-01-02T00:00:00Z", "2024-01-02T00:01:00Z", timezone="Asia/Seoul") == [
        "2024-01-02 09:00",
        "2024-01-02 09:01",
    ]


def test_minutes_without_a_time_of_day_are_refused(desk):
    with pytest.raises(jt.DataError, match="its timestamps are dates without a time of day; 1m bars need both"):
        minutes(desk, "2024-01-02")
    frame = pl.DataFrame({"symbol": ["A"], "timestamp": [JAN2], "close": [1.0]})
    with pytest.raises(jt.DataError, match="its timestamps are dates without a time of day; 1m bars need both"):
        desk.ingest(frame, timeframe="1m")


def test_minutes_come_from_two_columns_of_a_text(desk):
    found = minutes(desk, "20240102,90000", "20240102,90100", header=INTRADAY.replace("timestamp", "date,time"))
    assert found == ["2024-01-02 09:00", "2024-01-02 09:01"]


@pytest.mark.parametrize("date", [JAN2, dt.datetime(2024, 1, 2)])
def test_minutes_come_from_two_columns_of_a_frame(desk, date):
    frame = pl.DataFrame({"symbol": "A", "date": date, "time": [90000, 90100], "close": [1.0, 2.0]})
    desk.ingest(frame, timeframe="1m")
    assert desk.bars("1m")["timestamp"].to_list() == [NINE, NINE.replace(minute=1)]


def test_a_typed_zone_keeps_the_wall_and_utc_needs_the_exchange(desk):
    seoul = pl.Series("timestamp", [NINE]).dt.replace_time_zone("Asia/Seoul")
    frame = pl.DataFrame({"symbol": ["A"], "timestamp": seoul, "close": [1.0]})
    utc = frame.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC"))
    with pytest.raises(jt.DataError, match="its timestamps are in UTC"):
        desk.ingest(utc, timeframe="1m")
    desk.ingest(frame, timeframe="1m")
    assert desk.ingest(utc, timeframe="1m", timezone="Asia/Seoul").counts.same == 1
    assert desk.bars("1m")["timestamp"].to_list() == [NINE]


def test_days_that_cannot_be_read_are_set_aside_with_their_text(desk):
    texts = ["2024-02-30", "0000-01-01", "10000-01-01", "", "31/01/2024"]
    report = desk.rows("A,2024-01-02,1,1,1,1,5", *(f"A,{text},1,1,1,1,5" for text in texts))
    assert (report.counts.bars, report.counts.quarantined) == (1, len(texts))
    assert set(report.quarantine["reason"]) == {"its timestamp cannot be read"}
    assert "31/01/2024" in report.quarantine["text"].to_list()[-1]


def test_a_day_first_date_is_read_by_its_format(desk):
    desk.rows("A,02/01/2024,1,1,1,1,5", date_format="%d/%m/%Y")
    assert desk.closes() == {"A 2024-01-02": 1.0}


@pytest.mark.parametrize("options", [{"date_format": "%Q"}, {"timezone": "Mars/Olympus"}])
def test_a_format_or_zone_that_is_none_is_refused_as_the_users(desk, options):
    with pytest.raises(jt.RequestError, match=next(iter(options))):
        desk.rows("A,2024-01-02 00:00:00+00:00,1,1,1,1,5", **options)
