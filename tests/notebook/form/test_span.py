"""Timeframe and range: presets are counted back from the newest bar of the data."""

from __future__ import annotations

import datetime as dt

import pytest

from jtscan.domain.dates import DateRange
from jtscan.errors import RequestError
from jtscan.notebook.form.span import SpanPicker, _months_before


@pytest.fixture
def span(sample, told):
    return SpanPicker(sample, lambda: None, told.append)


def day(text):
    return dt.date.fromisoformat(text)


# The sample's daily bars are from 2022-01-03 to 2024-12-30 (data/README.md), its minutes of the last month.
@pytest.mark.parametrize(
    ("chosen", "asked", "said"),
    [
        (("1d", 1), {"last": 1}, "2024-12-30"),
        (("1d", 5), {"last": 5}, "2024-12-23 to 2024-12-30"),
        (("5m", 1), {"last": 1}, "2024-12-30 15:25"),
        (("1d", "1 month"), {"start": "2024-11-30", "end": "2024-12-30"}, "2024-11-30 to 2024-12-30"),
        (("1d", "3 months"), {"start": "2024-09-30", "end": "2024-12-30"}, "2024-09-30 to 2024-12-30"),
        (("1d", "1 year"), {"start": "2023-12-30", "end": "2024-12-30"}, "2023-12-30 to 2024-12-30"),
        (("1w", "1 year"), {"start": "2023-12-30", "end": "2024-12-30"}, "2023-12-30 to 2024-12-30"),
        (("1d", "3 years"), {"start": "2021-12-30", "end": "2024-12-30"}, "2021-12-30 to 2024-12-30"),
        (("5m", "1 month"), {"start": "2024-11-30", "end": "2024-12-30"}, "2024-11-30 to 2024-12-30"),
        (("1d", "all"), {"start": "2022-01-03", "end": "2024-12-30"}, "2022-01-03 to 2024-12-30"),
    ],
)
def test_a_preset_becomes_plain_dates_that_are_shown(span, text_of, told, chosen, asked, said):
    span.timeframe.value, span.last.value = chosen
    assert span.date_range == DateRange(**asked)
    assert text_of(span.said.value) == said
    assert (span.problem, told) == ("", [])


@pytest.mark.parametrize(
    ("newest", "months", "first"),
    [
        ("2024-03-31", 1, "2024-02-29"),
        ("2023-03-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2024-01-15", 3, "2023-10-15"),
        ("2024-12-30", 36, "2021-12-30"),
    ],
)
def test_a_month_back_is_the_same_day_or_the_months_last(newest, months, first):
    assert _months_before(day(newest), months) == day(first)


def test_two_dates_begin_with_those_of_the_range_before(span, text_of):
    boxes = [box.layout.display for box in span._dates]
    assert boxes == ["none", "none"]
    span.last.value = "1 month"
    span.last.value = "dates"
    assert [box.layout.display for box in span._dates] == [None, None]
    assert (span.start.value, span.end.value) == (day("2024-11-30"), day("2024-12-30"))
    assert text_of(span.said.value) == "the data is from 2022-01-03 to 2024-12-30"
    span.start.value = day("2024-12-01")
    span.last.value = 5
    span.last.value = "dates"
    assert (span.start.value, span.end.value) == (day("2024-12-01"), day("2024-12-30"))


def test_an_end_can_be_left_open(span, text_of):
    span.last.value = "dates"
    span.start.value = None
    assert span.date_range == DateRange(end=day("2024-12-30"))
    span.end.value = None
    assert span.date_range == DateRange(last=250)
    assert text_of(span.said.value).startswith("without a date: the last 250 bars; ")


def test_a_date_may_be_text_and_what_is_none_is_refused(span):
    span.last.value, span.start.value = "dates", "2024-03-01"
    assert span.start.value == day("2024-03-01")
    assert span.state["start"] == "2024-03-01"
    with pytest.raises(RequestError, match="'soon' is not a date"):
        span.start.value = "soon"
    assert span.start.value == day("2024-03-01")


def test_dates_the_wrong_way_round_are_a_problem(span):
    span.last.value = "dates"
    span.start.value, span.end.value = day("2024-02-01"), day("2024-01-01")
    assert span.problem == "start: 2024-02-01 is after the end, 2024-01-01"
    with pytest.raises(RequestError, match="start"):
        _ = span.date_range
    span.end.value = day("2024-03-01")
    assert span.problem == ""


def test_every_range_can_be_chosen_again(span, told):
    for index in [*range(len(span.last.options)), 0]:
        span.last.set_state({"index": index})  # as the browser does
        assert span.last.index == index
    assert told == []


def test_timeframes_are_those_stored_and_those_made_of_them(span):
    assert span.timeframe.options == ("5m", "15m", "30m", "60m", "1d", "1w", "1mo")
    assert span.timeframe.value == "1d"
