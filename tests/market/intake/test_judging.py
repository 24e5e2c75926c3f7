"""What a row is: a bar, a halt, a repair, or nothing that can be a bar; the answers are written by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.intake.judging import REASON, Rules, judge

PRICES = ("open", "high", "low", "close", "volume")


def staged(*rows, file=0, **more):
    """Rows of symbol, day of January 2024, open, high, low, close, volume."""
    columns = dict(zip(("symbol", "timestamp", *PRICES), zip(*rows, strict=True), strict=True))
    days = [day if day is None or isinstance(day, dt.date) else dt.date(2024, 1, day) for day in columns["timestamp"]]
    types = {"symbol": pl.String, "timestamp": pl.Date, **dict.fromkeys(PRICES, pl.Float64)}
    frame = pl.DataFrame({**columns, "timestamp": days}, schema=types, strict=False)
    files = pl.Series("#file", [file] * len(rows), pl.Int32)
    extras = [pl.Series(name, values, pl.Float64) for name, values in more.items()]
    return frame.with_columns(
        files, *extras, pl.lit(None, pl.String).alias("#raw"), pl.lit(None, pl.String).alias("#no_number"), pl.lit(0).alias("#lost")
    )  # fmt: skip


def judged(frame, timeframe="1d", closes=None, lacking=None, **rules):
    found = judge(frame, Rules(timeframe=jt.Timeframe(timeframe), lacking=lacking or {}, **rules), closes)
    kept, quarantined, duplicates = found.rows.height, found.quarantine.height, found.duplicates.height
    assert kept + quarantined + duplicates == frame.height
    assert not found.rows.select("symbol", "timestamp").is_duplicated().any()
    return found


def kinds(found):
    """``["bar", "halt"]`` of the rows that are kept, in order."""
    return ["halt" if halt else "bar" for halt in found.rows["#halt"]]


def only(row, **rules):
    """What one row is: bar, halt, or the reason why it is neither."""
    found = judged(staged(row), **rules)
    return found.quarantine[REASON][0] if found.quarantine.height else kinds(found)[0]


NAN = None  # staging makes null of NaN and infinity

# A row alone: open, high, low, close, volume


@pytest.mark.parametrize(
    ("prices", "what"),
    [
        ((10, 11, 9, 10, 100), "bar"),
        ((10, 10, 10, 10, 0), "bar"),
        ((10, 10, 10, 10, 100), "bar"),
        ((0, 0, 0, 10, 0), "halt"),
        ((0, 0, 0, 10, 5), "halt"),
        ((0, 0, 0, 0, 0), "halt"),
        ((0, 0, 0, None, None), "halt"),
        ((0, 11, 9, 10, 100), "open is 0.0: a price is above 0"),
        ((0, 0, 9, 10, 100), "open is 0.0: a price is above 0"),
        ((10, 11, 0, 10, 100), "low is 0.0: a price is above 0"),
        ((10, 11, 9, 0, 100), "close is 0.0: a price is above 0"),
        ((-10, 11, 9, 10, 100), "open is -10.0: a price is above 0"),
        ((10, 11, 9, -1.5, 100), "close is -1.5: a price is above 0"),
        ((10, 11, 9, 10, -1), "volume is -1.0: it cannot be negative"),
        ((None, 11, 9, 10, 100), "missing: open"),
        ((10, 11, 9, None, 100), "missing: close"),
        ((10, 11, 9, 10, None), "missing: volume"),
        ((None, None, None, None, None), "missing: open, high, low, close, volume"),
        ((None, 11, 9, 10, None), "missing: open, volume"),
        ((10, 9, 11, 10, 100), "bar"),  # kept, and called suspicious
    ],
)
def test_a_row_is_a_bar_a_halt_or_has_a_reason_why_not(prices, what):
    assert only(("A", 2, *prices)) == what


def test_a_row_without_symbol_or_day_is_set_aside():
    assert only((None, 2, 1, 1, 1, 1, 1)) == "it has no symbol"
    assert only(("A", None, 1, 1, 1, 1, 1)) == "its timestamp cannot be read"


@pytest.mark.parametrize(
    ("wrong", "reason"), [("close", "close is not a number"), ("open and close", "open and close is not a number")]
)
def test_a_text_that_is_no_number_is_called_so(wrong, reason):
    frame = staged(("A", 2, 1, 1, 1, None, 1)).with_columns(pl.lit(wrong).alias("#no_number"))
    assert judged(frame).quarantine[REASON].to_list() == [reason]


def test_a_price_is_not_missing_in_a_file_that_has_no_such_column():
    without = staged(("A", 2, 10, 11, 9, 10, None), file=0)
    beside = staged(("B", 2, 10, 11, 9, 10, None), ("B", 3, 10, 11, 9, 10, 7), file=1)
    found = judged(pl.concat([without, beside]), lacking={"volume": [0]})
    assert found.rows.select("symbol", "volume").rows() == [("A", None), ("B", 7.0)]
    assert found.quarantine.select("symbol", REASON).rows() == [("B", "missing: volume")]


# ---- Halts that are flat

FLAT = [
    ("A", 2, 10, 11, 9, 10, 5),
    ("A", 3, 10, 10, 10, 10, 0),  # the close before, without volume
    ("A", 4, 10, 10, 10, 10, 0),
    ("A", 5, 10, 10, 10, 10, 1),  # traded
    ("A", 8, 11, 11, 11, 11, 0),  # another price
    ("A", 9, 11, 12, 11, 11, 0),  # not flat
    ("B", 2, 11, 11, 11, 11, 0),  # nothing before
]


def test_flat_halts_are_asked_for_and_are_the_close_before_without_volume():
    assert kinds(judged(staged(*FLAT))) == ["bar"] * 7
    assert kinds(judged(staged(*FLAT), halts="flat")) == ["bar", "halt", "halt", "bar", "bar", "bar", "bar"]


def test_the_first_row_is_compared_with_the_last_close_before():
    assert kinds(judged(staged(*FLAT[1:3], FLAT[6]), halts="flat", closes={"A": 10.0, "B": 10.0})) == [
        "halt",
        "halt",
        "bar",
    ]


def test_a_halt_without_prices_hides_no_close_before_it():
    rows = [("A", 2, 10, 11, 9, 10, 5), ("A", 3, 0, 0, 0, 10, 0), ("A", 4, 10, 10, 10, 10, 0)]
    assert kinds(judged(staged(*rows), halts="flat")) == ["bar", "halt", "halt"]


def test_the_same_flat_bar_twice_is_a_duplicate():
    rows = [("A", 2, 10, 11, 9, 10, 5), ("A", 3, 11, 11, 11, 11, 0), ("A", 3, 11, 11, 11, 11, 0)]
    found = judged(staged(*rows), halts="flat")
    assert kinds(found) == ["bar", "bar"]
    assert found.duplicates.height == 1


def test_a_row_that_is_no_bar_is_not_the_close_before():
    rows = [("A", 2, 10, 11, 9, 10, 5), ("A", 3, 10, 10, 10, -10, 5), ("A", 4, 10, 10, 10, 10, 0)]
    assert kinds(judged(staged(*rows), halts="flat")) == ["bar", "halt"]


# ---- Repairs


@pytest.mark.parametrize(
    ("row", "high", "low"),
    [
        ((1000, 1000, 990, 1005, 1), 1005, 990),  # 0.5 %: the last that is rounding
        ((1000, 1000, 990, 1005.01, 1), 1000, 990),
        ((1005, 1000, 990, 1000, 1), 1005, 990),
        ((1000, 1010, 1005, 1005, 1), 1010, 1000),
        ((1000, 1010, 1005.01, 1005.01, 1), 1010, 1005.01),
        ((1000, 1010, 1005, 1000, 1), 1010, 1000),
        pytest.param(
            (10, 10, 9, 10.05, 1),
            10.05,
            9,
        ),
        ((200, 200, 190, 201, 1), 201, 190),
        ((1004, 1000, 1003, 1001, 1), 1004, 1001),
        ((72300, 72299.99, 72000, 72300, 1), 72300, 72000),
    ],
)
def test_high_and_low_are_widened_where_they_miss_by_rounding(row, high, low):
    found = judged(staged(("A", 2, *row)))
    assert found.rows.select("high", "low").row(0) == (high, low)
    changed = (row[1], row[2]) != (high, low)
    assert found.repairs.select("high", "high_was", "low", "low_was").rows() == (
        [(high, row[1], low, row[2])] if changed else []
    )


def test_a_halt_is_not_repaired_and_a_source_without_highs_needs_none():
    assert judged(staged(("A", 2, 0, 0, 0, 10, 0))).repairs.height == 0
    frame = staged(("A", 2, 10, 11, 9, 10, 1)).drop("high", "low", "open", "volume")
    assert judged(frame).repairs.height == 0


# ---- Rows of the same symbol and timestamp

ROW = ("A", 2, 10, 11, 9, 10, 100)


def test_equal_rows_are_one_and_the_others_duplicates():
    found = judged(pl.concat([staged(ROW, ROW, file=0), staged(ROW, file=1)]))
    assert found.rows.height == 1
    assert sorted(found.duplicates["#file"]) == [0, 1]


def test_rows_of_other_values_are_all_set_aside():
    found = judged(staged(ROW, ("A", 2, 10, 11, 9, 10.5, 100), ROW, ("A", 3, 1, 1, 1, 1, 1)))
    assert found.rows["timestamp"].to_list() == [dt.date(2024, 1, 3)]
    assert found.quarantine[REASON].to_list() == ["3 rows of this symbol and timestamp have other values"] * 3


def test_a_bar_and_a_halt_of_one_day_contradict_each_other():
    found = judged(staged(ROW, ("A", 2, 0, 0, 0, 10, 0)))
    assert (found.rows.height, found.quarantine.height) == (0, 2)


def test_a_bad_row_beside_a_good_one_leaves_the_good_one():
    found = judged(staged(ROW, ("A", 2, 10, 11, 9, -10, 100)))
    assert (found.rows.height, found.quarantine.height) == (1, 1)


def test_what_one_row_does_not_say_another_says():
    frame = pl.concat([staged(ROW, file=0, amount=[None]), staged(ROW, file=1, amount=[5.0])])
    found = judged(frame)
    assert found.rows["amount"].to_list() == [5.0]
    assert found.duplicates.height == 1
    torn = pl.concat([staged(ROW, file=0, amount=[4.0]), staged(ROW, file=1, amount=[5.0])])
    assert judged(torn).quarantine.height == 2


# ---- Adjusted closes


def test_adjusted_closes_take_the_place_of_closes_and_the_other_prices_follow():
    found = judged(staged(("A", 2, 100, 120, 80, 110, 7), adj_close=[55.0]), adjust=True)
    assert found.rows.select(*PRICES, "raw_close").row(0) == (50.0, 60.0, 40.0, 55.0, 7.0, 110.0)
    assert "adj_close" not in found.rows.columns


def test_without_being_asked_both_closes_are_kept_as_they_are():
    found = judged(staged(("A", 2, 100, 120, 80, 110, 7), adj_close=[55.0]))
    assert found.rows.select("close", "adj_close").row(0) == (110.0, 55.0)


@pytest.mark.parametrize("close", [3.3, 7.7, 0.1, 123.45, 99.99])
@pytest.mark.parametrize("factor", [0.333333, 0.1, 0.7, 0.9999999])
def test_the_last_bits_of_a_product_push_no_close_out_of_its_bar(close, factor):
    found = judged(staged(("A", 2, close, close, close, close, 7), adj_close=[close * factor]), adjust=True)
    opened, high, low, closed = found.rows.select("open", "high", "low", "close").row(0)
    assert low <= min(opened, closed) <= max(opened, closed) <= high
    assert closed == close * factor
    assert found.repairs.height == 0


def test_a_halt_keeps_its_zeros_when_prices_are_adjusted():
    found = judged(staged(("A", 2, 0, 0, 0, 110, 0), adj_close=[55.0]), adjust=True)
    assert kinds(found) == ["halt"]
    assert found.rows.select("open", "high", "low").row(0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("adjusted", "reason"),
    [
        (-5.0, "adj_close is -5.0: a price is above 0"),
        (0.0, "adj_close is 0.0: a price is above 0"),
        (None, "missing: adj_close"),
    ],
)
def test_an_adjusted_close_that_is_no_price_sets_the_row_aside(adjusted, reason):
    found = judged(staged(ROW, adj_close=[adjusted]), adjust=True)
    assert found.quarantine[REASON].to_list() == [reason]


# ---- Weeks and months


@pytest.mark.parametrize(
    ("timeframe", "labels", "expected"),
    [
        ("1w", ["2024-01-01", "2024-01-08"], ["2024-01-05", "2024-01-12"]),  # Mondays become Fridays
        ("1w", ["2024-01-05", "2024-01-12"], ["2024-01-05", "2024-01-12"]),
        ("1w", ["2024-01-05", "2024-01-11", "2024-01-15"], ["2024-01-05", "2024-01-11", "2024-01-15"]),
        (
            "1mo",
            ["2024-01-01", "2024-02-01", "2024-03-01", "2024-06-01"],
            ["2024-01-31", "2024-02-29", "2024-03-29", "2024-06-28"],
        ),
        ("1mo", ["2024-01-31", "2024-02-29"], ["2024-01-31", "2024-02-29"]),
        ("1mo", ["2023-12-01"], ["2023-12-29"]),
        ("1d", ["2024-01-01", "2024-01-08"], ["2024-01-01", "2024-01-08"]),
    ],
)
def test_weeks_and_months_are_labelled_by_their_last_weekday(timeframe, labels, expected):
    rows = [("A", dt.date.fromisoformat(label), 1, 1, 1, 1, 1) for label in labels]
    found = judged(staged(*rows), timeframe)
    assert [f"{label}" for label in found.rows["timestamp"]] == expected


def test_each_file_of_weeks_has_labels_of_its_own():
    mondays = staged(("A", 1, 1, 1, 1, 1, 1), ("A", 8, 1, 1, 1, 1, 1), file=0)
    fridays = staged(*(("B", each, 1, 1, 1, 1, 1) for each in (5, 12, 19)), file=1)
    found = judged(pl.concat([mondays, fridays]), "1w")
    assert [label.day for label in found.rows["timestamp"]] == [5, 12, 5, 12, 19]


def test_nothing_is_judged_as_nothing():
    found = judged(staged(ROW).clear(), halts="flat")
    assert (found.rows.height, found.quarantine.height, found.duplicates.height, found.repairs.height) == (0, 0, 0, 0)
