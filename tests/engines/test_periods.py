"""Longer periods: the calendar of FORMULA 3 ("Completed"), by hand.

The tables name each bar's day or time and its close, and what is seen on it. 2024 began on a Monday; its Fridays are
the 5th, 12th, 19th, 26th of January, the 29th of March is the last weekday of its month, the 31st of December a Tuesday.
"""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import ProcessingJob
from jtscan.engines.processing import ProcessingEngine
from jtscan.engines.steps.evaluate import evaluate
from jtscan.engines.steps.periods import Clock
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder

COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume", "per"), "number")
NO = None


def moment(text, timeframe):
    return dt.datetime.fromisoformat(text) if timeframe.intraday else dt.date.fromisoformat(text)


def bars_of(symbol, moments, closes, timeframe):
    """The open is a tenth below the close, high and low one beside it; volume counts from 1."""
    kind = pl.Datetime("us") if timeframe.intraday else pl.Date
    frame = pl.DataFrame(
        {"symbol": [symbol] * len(moments), "timestamp": pl.Series(moments, dtype=kind), "close": closes}
    )
    return frame.with_columns(
        pl.col("close").cast(pl.Float64),
        open=pl.col("close") - 0.1,
        high=pl.col("close") + 1.0,
        low=pl.col("close") - 1.0,
        volume=pl.int_range(1, pl.len() + 1).cast(pl.Float64),
        per=pl.col("close") * 2.0,
    )


def seen(frame, text, timeframe, *, whole=None):
    """The values of an expression, bar by bar, of a reading whose symbols ``whole`` (None: all) begin in it."""
    plan = compile_formula(jt.Formula(text=f"x = {text}\nbuy = close > 0"), COLUMNS, timeframe=timeframe)
    made = evaluate(plan.steps, frame, clock=Clock(timeframe=timeframe, whole=whole))
    assert made.failures == {}
    return made.frame[plan.columns["x"]].to_list()


def days(*texts):
    """``"2024-01-01 2 3"``: a day, and further days of its month."""
    found = []
    for text in texts:
        first, *others = text.split()
        start = dt.date.fromisoformat(first)
        found += [start, *(start.replace(day=int(day)) for day in others)]
    return found


# ── weeks and months of daily bars ────────────────────────────────────────────

# days; their closes are 1, 2, 3, …; expression; what is seen on each
DAILY = [
    ("a Friday sees its own week", days("2024-01-01 2 3 4 5 8"), "weekly(close)", [NO, NO, NO, NO, 5, 5]),
    ("a week without its Friday is seen from the next one", days("2024-01-01 2 3 4 8 9"), "weekly(close)",
     [NO, NO, NO, NO, 4, 4]),
    ("a Saturday begins the next week", days("2024-01-04 5 6 8 12"), "weekly(close)", [NO, 2, 2, 2, 5]),
    ("its open is the week's", days("2024-01-04 5 6 8 12"), "weekly(open)", [NO, 0.9, 0.9, 0.9, 2.9]),
    ("a Sunday begins the next week too", days("2024-01-05 7 8 12"), "weekly(volume)", [1, 1, 1, 9]),
    ("a Saturday alone makes a week", days("2024-01-05 6 15"), "weekly(close)", [1, 1, 2]),
    ("weeks without bars are no periods", days("2024-01-05", "2024-01-26", "2024-02-09"), "weekly(close[1])", [NO, 1, 2]),
    ("the year's end is in the middle of a week", days("2024-12-27 30 31", "2025-01-02 3"), "weekly(close)",
     [1, 1, 1, 1, 5]),
    ("the high of a week", days("2024-01-01 2 5 8"), "weekly(high)", [NO, NO, 4, 4]),
    ("the low of a week", days("2024-01-01 2 5 8"), "weekly(low)", [NO, NO, 0, 0]),
    ("the volume of a week", days("2024-01-01 2 5 8"), "weekly(volume)", [NO, NO, 6, 6]),
    ("further columns take their last value", days("2024-01-01 2 5 8"), "weekly(per)", [NO, NO, 6, 6]),
    ("hl2 is of the week's high and low", days("2024-01-01 2 5 8"), "weekly(hl2)", [NO, NO, 2, 2]),
    ("a condition has the week's own answer", days("2024-01-01 5 8 12"), "1 if weekly(close - open > 1) else 0",
     [NO, 1, 1, 1]),
    ("[1] inside is one week ago", days("2024-01-05 8 12 15"), "weekly(close[1])", [NO, NO, 1, 1]),
    ("[1] outside is one bar ago", days("2024-01-05 8 12 15"), "weekly(close)[1]", [NO, 1, 1, 3]),
    ("a window counts weeks", days("2024-01-05 12 19 22 26"), "weekly(sum(close, 2))", [NO, 3, 5, 5, 8]),
    ("a recursion counts weeks", days("2024-01-05 12 19 22 26"), "weekly(ema(close, 3))", [NO, NO, 2, 2, 3.5]),
    ("a week is dated by its last bar", days("2024-01-03 4 8 12"), "weekly(date)", [NO, NO, 20240104, 20240112]),
    ("weeks are counted from 0", days("2024-01-05 12 19 22"), "weekly(bar_index)", [0, 1, 2, 2]),
    ("streak counts weeks", days("2024-01-05 12 19 22"), "weekly(streak(close > 1))", [0, 1, 2, 2]),
    ("within counts weeks", days("2024-01-05 12 19 22"), "1 if weekly(within(close > 2, 2)) else 0", [NO, 0, 1, 1]),
    ("a month sees itself on its last weekday", days("2024-01-30 31", "2024-02-01"), "monthly(close)", [NO, 2, 2]),
    ("a month that ends on a Sunday is complete on Friday", days("2024-03-28 29", "2024-04-01"), "monthly(close)",
     [NO, 2, 2]),
    ("a Saturday after it belongs to the next month", days("2024-03-29 30", "2024-04-01 30"), "monthly(open)",
     [0.9, 0.9, 0.9, 1.9]),
    ("a Sunday likewise", days("2024-06-28 30", "2024-07-31"), "monthly(volume)", [1, 1, 5]),
    ("a Saturday inside a month is of that month", days("2024-01-06 31", "2024-02-01"), "monthly(volume)", [NO, 3, 3]),
    ("a month that ends on a Monday", days("2024-09-27 28 29 30", "2024-10-01"), "monthly(volume)", [NO, NO, NO, 10, 10]),
    ("a month without its last weekday is seen from the next", days("2024-12-30", "2025-01-02"), "monthly(close)", [NO, 1]),
    ("the year's last day", days("2024-12-30 31", "2025-01-02"), "monthly(close)", [NO, 2, 2]),
    ("February of a leap year", days("2024-02-28 29", "2024-03-01"), "monthly(close)", [NO, 2, 2]),
    ("the last weekday of December on a weekend", days("2023-12-28 29 30", "2024-01-31"), "monthly(volume)",
     [NO, 3, 3, 7]),
    ("months and weeks beside each other", days("2024-01-30 31", "2024-02-01 2"), "monthly(close) * 10 + weekly(close)",
     [NO, NO, NO, 24]),
    ("tf is the same as its word", days("2024-01-05 8 12 15"), 'tf("1w", close) - weekly(close)', [0, 0, 0, 0]),
    ("before 1970", days("1969-12-25 26 29"), "weekly(close)", [NO, 2, 2]),
]  # fmt: skip


@pytest.mark.parametrize(("moments", "text", "expected"), [case[1:] for case in DAILY], ids=[case[0] for case in DAILY])
def test_days_make_weeks_and_months(moments, text, expected):
    frame = bars_of("A", moments, range(1, len(moments) + 1), Timeframe.D1)
    assert seen(frame, text, Timeframe.D1) == [each if each is None else pytest.approx(each) for each in expected]


WEEK = days("2024-01-03 4 5 8 12")

# expression, seen where the history begins on Wednesday, and where only the reading begins there
CUT = [
    ("weekly(close)", [NO, NO, 3, 3, 5], [NO, NO, NO, NO, 5]),
    ("weekly(volume)", [NO, NO, 6, 6, 9], [NO, NO, NO, NO, 9]),
    ("weekly(close[1])", [NO, NO, NO, NO, 3], [NO] * 5),
    ("weekly(volume, developing=True)", [1, 3, 6, 4, 9], [NO, NO, NO, 4, 9]),
    ("weekly(highest(close, 2), developing=True)", [NO, NO, NO, 4, 5], [NO] * 5),
    ("monthly(close)", [NO] * 5, [NO] * 5),
]


@pytest.mark.parametrize(("text", "whole", "cut"), CUT)
def test_a_period_cut_by_the_start_of_the_reading_is_not_used(text, whole, cut):
    frame = bars_of("A", WEEK, range(1, 6), Timeframe.D1)
    assert seen(frame, text, Timeframe.D1, whole=frozenset({"A"})) == whole
    assert seen(frame, text, Timeframe.D1, whole=frozenset()) == cut


@pytest.mark.parametrize("whole", [frozenset(), frozenset("A"), frozenset("B"), frozenset("AB")])
@pytest.mark.parametrize("text", ["weekly(close)", "weekly(close[1])", "monthly(close) + weekly(volume)",
                                  "weekly(highest(high, 2), developing=True)", "weekly(ema(close, 2))"])  # fmt: skip
def test_symbols_of_a_chunk_have_periods_of_their_own(text, whole):
    one = bars_of("A", days("2024-01-02 3 5 8 9", "2024-02-02"), range(1, 7), Timeframe.D1)
    other = bars_of("B", days("2024-01-03 4 12 15 19 31"), range(11, 17), Timeframe.D1)
    lone = bars_of("C", days("2024-02-02"), [7], Timeframe.D1)
    together = seen(pl.concat([one, other, lone]), text, Timeframe.D1, whole=whole)
    alone = [value for frame in (one, other, lone) for value in seen(frame, text, Timeframe.D1, whole=whole)]
    assert together == alone


# ── the running period ────────────────────────────────────────────────────────

# expression on the days 1 2 5 (Friday) 8 12 (Friday) of January, closes 1 5 3 4 9
DEVELOPING = [
    ("weekly(open, developing=True)", [0.9, 0.9, 0.9, 3.9, 3.9]),
    ("weekly(high, developing=True)", [2, 6, 6, 5, 10]),
    ("weekly(low, developing=True)", [0, 0, 0, 3, 3]),
    ("weekly(close, developing=True)", [1, 5, 3, 4, 9]),
    ("weekly(volume, developing=True)", [1, 3, 6, 4, 9]),
    ("weekly(per, developing=True)", [2, 10, 6, 8, 18]),
    ("weekly(hl2, developing=True)", [1, 3, 3, 4, 6.5]),
    ("weekly(close - open, developing=True)", [0.1, 4.1, 2.1, 0.1, 5.1]),
    ("weekly(close[1], developing=True)", [NO, NO, NO, 3, 3]),
    ("weekly(close - close[1], developing=True)", [NO, NO, NO, 1, 6]),
    ("weekly(highest(high, 2), developing=True)", [NO, NO, NO, 6, 10]),
    ("weekly(highest(high, 1), developing=True)", [2, 6, 6, 5, 10]),
    ("weekly(lowest(low, 2), developing=True)", [NO, NO, NO, 0, 0]),
    ("weekly(sum(volume, 2), developing=True)", [NO, NO, NO, 10, 15]),
    ("weekly(sma(close, 2), developing=True)", [NO, NO, NO, 3.5, 6]),
    ("weekly(highest(high, 2)[1], developing=True)", [NO] * 5),
    ("1 if weekly(close > open + 2, developing=True) else 0", [0, 1, 1, 0, 1]),
    ("monthly(volume, developing=True)", [1, 3, 6, 10, 15]),
]


@pytest.mark.parametrize(("text", "expected"), DEVELOPING)
def test_the_running_period_is_known_so_far(text, expected):
    frame = bars_of("A", days("2024-01-01 2 5 8 12"), [1, 5, 3, 4, 9], Timeframe.D1)
    assert seen(frame, text, Timeframe.D1) == [each if each is None else pytest.approx(each) for each in expected]


def test_what_repaints_is_told():
    heard = ProgressRecorder()
    frame = bars_of("A", days("2024-01-01 2 5 8 12"), [1, 5, 3, 4, 9], Timeframe.D1)
    job = ProcessingJob(id="job", symbols=("A",), timeframe=Timeframe.D1, date_range=DateRange(start=dt.date(2024, 1, 1)),
                        formula=jt.Formula(text="weekly(high, developing=True) > 5"))  # fmt: skip
    ProcessingEngine(InMemoryPriceRepository(frame), raise_internal=True).process_batch(job, observer=heard)
    assert heard.warnings == ["weekly(high, developing=True) repaints: it changes until its period ends"]


# ── periods of intraday bars ──────────────────────────────────────────────────


def times(day, *texts):
    return [f"{day}T{text}" for text in texts]


def session(day, first, count, minutes):
    start = dt.datetime.fromisoformat(f"{day}T{first}")
    return [(start + dt.timedelta(minutes=minutes * number)).isoformat() for number in range(count)]


MON, TUE, FRI, SAT, NEXT = "2024-01-08", "2024-01-09", "2024-01-12", "2024-01-13", "2024-01-15"

# name; timeframe; starts of bars, closes 1, 2, …; expression; what is seen
INTRADAY = [
    ("complete on the bar that ends with it", "5m", session(MON, "09:00", 7, 5), 'tf("15m", close)',
     [NO, NO, 3, 3, 3, 6, 6]),
    ("counted from the session's first bar", "5m", session(MON, "09:10", 4, 5), 'tf("15m", close)', [NO, NO, 3, 3]),
    ("where its last bar is missing, from the next one", "5m", times(MON, "09:00", "09:05", "09:15", "09:20"),
     'tf("15m", close)', [NO, NO, 2, 2]),
    ("where a bar inside is missing, on its last", "5m", times(MON, "09:00", "09:10", "09:15"), 'tf("15m", close)',
     [NO, 2, 2]),
    ("one cut short is seen from the next session", "5m", [*session(MON, "15:00", 5, 5), *session(TUE, "15:00", 4, 5)],
     'tf("15m", close)', [NO, NO, 3, 3, 3, 5, 5, 8, 8]),
    ("its volume is what was traded", "5m", [*session(MON, "15:00", 5, 5), *session(TUE, "15:00", 3, 5)],
     'tf("15m", volume)', [NO, NO, 6, 6, 6, 9, 9, 21]),
    ("periods without bars are no periods", "5m", times(MON, "09:00", "10:00", "11:00"), 'tf("15m", close[1])',
     [NO, NO, 1]),
    ("[1] reaches into the session before", "5m", [*session(MON, "09:00", 3, 5), *session(TUE, "09:00", 3, 5)],
     'tf("15m", close[1])', [NO, NO, NO, NO, NO, 3]),
    ("a session with other hours is counted from its own first bar", "15m",
     [*session(MON, "09:00", 4, 15), *session(TUE, "10:30", 5, 15)], 'tf("60m", close)',
     [NO, NO, NO, 4, 4, 4, 4, 8, 8]),
    ("minutes of one minute", "1m", session(MON, "09:00", 6, 1), 'tf("5m", volume)', [NO, NO, NO, NO, 15, 15]),
    ("half hours into hours", "30m", session(MON, "09:00", 3, 30), 'tf("60m", open)', [NO, 0.9, 0.9]),
    ("a day is seen from the next day", "60m", [*session(MON, "09:00", 3, 60), *session(TUE, "09:00", 2, 60)],
     'tf("1d", close)', [NO, NO, NO, 3, 3]),
    ("a Friday's bars do not know its week", "60m",
     [*session(FRI, "09:00", 2, 60), *session(NEXT, "09:00", 2, 60)], "weekly(close)", [NO, NO, 2, 2]),
    ("a Saturday's session sees the week before", "60m",
     [*session(FRI, "09:00", 2, 60), *session(SAT, "09:00", 1, 60), *session(NEXT, "09:00", 1, 60)], "weekly(close)",
     [NO, NO, 2, 2]),
    ("a month is seen from the next one", "60m", [*session("2024-01-31", "09:00", 2, 60), *session("2024-02-01", "09:00", 1, 60)],
     "monthly(volume)", [NO, NO, 3]),
    ("5m bars in weeks", "5m", [*session(FRI, "09:00", 2, 5), *session(NEXT, "09:00", 2, 5)], "weekly(high)",
     [NO, NO, 3, 3]),
    ("the running hour", "30m", session(MON, "09:00", 4, 30), 'tf("60m", volume, developing=True)', [1, 3, 3, 7]),
    ("the running day", "60m", [*session(MON, "09:00", 2, 60), *session(TUE, "09:00", 2, 60)],
     'tf("1d", open, developing=True)', [0.9, 0.9, 2.9, 2.9]),
    ("two periods beside each other", "5m", session(MON, "09:00", 6, 5), 'tf("15m", close) * 10 + tf("30m", close)',
     [NO, NO, NO, NO, NO, 66]),
    ("weeks into months: a Friday that is the month's last weekday", "1w", ["2024-03-22", "2024-03-29", "2024-04-05"],
     "monthly(close)", [NO, 2, 2]),
    ("weeks into months: a month that ends on a Wednesday", "1w", ["2024-01-26", "2024-02-02", "2024-02-23", "2024-03-01"],
     "monthly(close)", [NO, 1, 1, 3]),
    ("weeks into months: volume", "1w", ["2024-01-19", "2024-01-26", "2024-02-02"], "monthly(volume)", [NO, NO, 3]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("timeframe", "moments", "text", "expected"), [case[1:] for case in INTRADAY], ids=[case[0] for case in INTRADAY]
)
def test_bars_of_other_lengths_make_longer_ones(timeframe, moments, text, expected):
    known = Timeframe.parse(timeframe)
    frame = bars_of("A", [moment(each, known) for each in moments], range(1, len(moments) + 1), known)
    assert seen(frame, text, known) == [each if each is None else pytest.approx(each) for each in expected]


# ── by plain Python, on random calendars ──────────────────────────────────────


def label_of(at, period, first_of_session):
    """The last day of a week or month, the day, or the start of some minutes."""
    day = at.date() if isinstance(at, dt.datetime) else at
    if period == "1w":
        return day + dt.timedelta(days=(4 - day.weekday()) % 7)
    if period == "1mo":
        for month in (day, day + dt.timedelta(days=7)):
            following = (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
            end = following - dt.timedelta(days=1)
            while end.weekday() > 4:
                end -= dt.timedelta(days=1)
            if end >= day:
                return end
        raise AssertionError
    if period == "1d":
        return day
    minutes = int(period.removesuffix("m"))
    return first_of_session + (at - first_of_session) // dt.timedelta(minutes=minutes) * dt.timedelta(minutes=minutes)


def brute_closes(moments, closes, period, timeframe):
    """The close of the last completed period, on each bar."""
    firsts = {}
    for at in moments:
        firsts.setdefault(at.date() if timeframe.intraday else at, at)
    labels = [label_of(at, period, firsts[at.date() if timeframe.intraday else at]) for at in moments]
    found = []
    for number, at in enumerate(moments):
        own = labels[number]
        if timeframe.minutes and period.endswith("m"):
            ends = own + dt.timedelta(minutes=int(period.removesuffix("m")))
            complete = at + dt.timedelta(minutes=timeframe.minutes) >= ends
        else:
            complete = not timeframe.intraday and own == at
        last = number if complete else max((n for n in range(number) if labels[n] < own), default=None)
        found.append(None if last is None else closes[last])
    return found


def calendar(timeframe, seed):
    """A year of days of which some are missing, weekends among the others; a few sessions of random hours."""
    dice = random.Random(seed)
    if not timeframe.intraday:
        every = [dt.date(2023, 12, 20) + dt.timedelta(days=day) for day in range(420)]
        return [day for day in every if dice.random() < (0.85 if day.weekday() < 5 else 0.1)]
    found = []
    for number in range(40):
        day = dt.datetime(2024, 1, 2) + dt.timedelta(days=number)
        if dice.random() < 0.2:
            continue
        start = day + dt.timedelta(hours=9, minutes=timeframe.minutes * dice.randrange(3))
        bars = dice.randrange(1, 14)
        found += [
            start + dt.timedelta(minutes=timeframe.minutes * bar)
            for bar in range(bars)
            if bar == 0 or dice.random() < 0.8
        ]
    return found


RANDOM = [("1d", "1w"), ("1d", "1mo"), ("1m", "5m"), ("5m", "15m"), ("5m", "30m"), ("15m", "60m"), ("5m", "1d"),
          ("60m", "1w"), ("5m", "1mo")]  # fmt: skip


@pytest.mark.parametrize(("bars", "period"), RANDOM)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_last_completed_close_on_random_calendars(bars, period, seed):
    timeframe = Timeframe.parse(bars)
    moments = calendar(timeframe, seed)
    closes = [float(number) for number in range(1, len(moments) + 1)]
    frame = bars_of("A", moments, closes, timeframe)
    expected = brute_closes(moments, closes, period, timeframe)
    assert seen(frame, f'tf("{period}", close)', timeframe) == expected
    assert sum(each is not None for each in expected) > 5


@pytest.mark.parametrize(("bars", "period"), RANDOM)
def test_later_bars_change_nothing(bars, period):
    timeframe = Timeframe.parse(bars)
    moments = calendar(timeframe, 4)
    frame = bars_of("A", moments, [float(number) for number in range(1, len(moments) + 1)], timeframe)
    for text in (f'tf("{period}", close)', f'tf("{period}", sma(close, 2) + high[1])',
                 f'tf("{period}", highest(high, 2), developing=True)'):  # fmt: skip
        whole = seen(frame, text, timeframe)
        for length in range(1, min(len(moments), 60)):
            assert seen(frame.head(length), text, timeframe) == whole[:length]


# ── where the reading begins ──────────────────────────────────────────────────


def scanner_of(frame, path, timeframe):
    frame.drop("per").write_parquet(path / "prices.parquet")
    return jt.Scanner(prices=path / "prices.parquet", timeframe=timeframe, raise_internal=True)


@pytest.mark.parametrize("text", ["weekly(close)", "weekly(sma(close, 3))", "monthly(close[1])", "weekly(volume[2])",
                                  "weekly(highest(high, 2), developing=True)"])  # fmt: skip
@pytest.mark.parametrize("start", ["2024-06-03", "2024-06-05", "2024-06-07", "2024-07-01"])
def test_where_the_range_of_days_starts_changes_nothing(text, start, tmp_path):
    moments = calendar(Timeframe.D1, 5)
    scanner = scanner_of(bars_of("A", moments, range(1, len(moments) + 1), Timeframe.D1), tmp_path, "1d")
    formula = f"x = {text}\nclose > 0"
    made = [
        scanner.scan(formula, start=start, end="2024-07-10", warmup=warmup).signals.matches
        for warmup in ("auto", "full")
    ]
    assert made[0].height
    assert made[0].equals(made[1])


@pytest.mark.parametrize(
    "text", ['tf("15m", close)', 'tf("15m", sma(close, 3))', 'tf("60m", close[1])', 'tf("1d", close)']
)
@pytest.mark.parametrize("start", ["09:00", "09:05", "09:10", "10:25"])
def test_where_the_range_of_minutes_starts_changes_nothing(text, start, tmp_path):
    """A symbol that did not trade for two weeks: the warm-up is in a session whose first bars are not read."""
    moments = [
        dt.datetime.fromisoformat(each) for day in ("2024-01-02", "2024-01-18") for each in session(day, "09:00", 78, 5)
    ]
    dice = random.Random(3)
    scanner = scanner_of(bars_of("A", moments, [50 + dice.randrange(9) for _ in moments], Timeframe.M5), tmp_path, "5m")
    formula = f"x = {text}\nclose > 0"
    made = [
        scanner.scan(formula, start=f"2024-01-18T{start}", end="2024-01-18T11:00", warmup=warmup).signals.matches
        for warmup in ("auto", "full")
    ]
    assert made[0].height
    assert made[0].rows() == made[1].rows()


# ── refusals ──────────────────────────────────────────────────────────────────

# text, timeframe of the bars, message
REFUSED = [
    ('tf("1d", close) > 1', "1d", "the bars of this scan are 1d; the period must be longer, 1d is not"),
    ('tf("60m", close) > 1', "1d", "the bars of this scan are 1d; the period must be longer, 60m is not"),
    ("weekly(close) > 1", "1w", "weekly: the bars of this scan are 1w; the period must be longer, 1w is not"),
    ("weekly(close) > 1", "1mo", "weekly: the bars of this scan are 1mo"),
    ("monthly(close) > 1", "1mo", "monthly: the bars of this scan are 1mo"),
    ('tf("5m", close) > 1', "5m", "the period must be longer, 5m is not"),
    ('tf("1m", close) > 1', "5m", "the period must be longer, 1m is not"),
    ('tf("2w", close) > 1', "1d", "tf: '2w' is not known; there are: 1m, 5m, 15m"),
    ('tf("", close) > 1', "1d", "tf: '' is not known"),
    ("tf(5, close) > 1", "5m", "tf: period must be a text in quotes, this is a number"),
    ("tf(close) > 1", "1d", "tf: period is a text in quotes"),
    ("weekly(monthly(close)) > 1", "1d", "weekly: x is on bars of a longer period already; periods are not nested"),
    ("monthly(weekly(close)) > 1", "1d", "monthly: x is on bars of a longer period already"),
    ("weekly(weekly(close)) > 1", "1d", "weekly: x is on bars of a longer period already"),
    ('tf("60m", tf("15m", close)) > 1', "5m", "tf: x is on bars of a longer period already"),
    ("weekly(rank(monthly(close))) > 1", "1d", "weekly: x is on bars of a longer period already"),
    ("weekly(monthly(close, developing=True)) > 1", "1d", "periods are not nested"),
    ("weekly(5) > 1", "1d", "weekly: x must be a series or a condition, this is a number"),
    ('weekly("close") > 1', "1d", "weekly: x must be a series or a condition"),
    ("weekly(close[-1]) > 1", "1d", "looks into the future"),
    ("weekly(close)[-1] > 1", "1d", "looks into the future"),
    ("weekly(close, developing=close > 1) > 1", "1d", "developing must be True or False"),
    ("weekly(close, True) > 1", "1d", "weekly takes no more arguments"),
    *((f"weekly({inside}, developing=True) > 1", "1d", "developing=True cannot say what") for inside in (
        "ema(close, 5)", "rsi(14)", "streak(close > 1)", "barssince(close > 1)", "alltime_high(high)", "bar_index",
        "macd(close).line", "supertrend(10, 3).line", "rank(close)", "adx(14)",
    )),
    ('1 if weekly(ref("A", close), developing=True) > 1 else 0', "1d", "developing=True cannot say what"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "timeframe", "message"), REFUSED)
def test_what_cannot_be_a_period_is_refused(text, timeframe, message):
    with pytest.raises(FormulaError) as caught:
        compile_formula(jt.Formula(text=f"x = {text}\nclose > 1"), COLUMNS, timeframe=Timeframe.parse(timeframe))
    assert message in str(caught.value)
    assert caught.value.line == 1
