"""Members match, and are compared, on the days of their spans; what they are computed from is their whole history.

Expected values are worked out by hand on six days (1 to 5 and 8 January 2024) on which A leaves and comes back and B
comes late; ``brute`` is plain Python.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random

import polars as pl
import pytest

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.jobs import ProcessingJob
from jtscan.domain.universe import on_member_days, overlapping
from jtscan.engines.processing import ProcessingEngine
from jtscan.testing import InMemoryPriceRepository, make_bars

OPEN = DateRange(start=dt.date(1990, 1, 1))
SHOWN = "x = {}\nnz(x, -9) > -10"
CLOSES = {"A": [1.0, 2, 3, 4, 5, 6], "B": [6.0, 5, 4, 3, 2, 1], "C": [3.0] * 6}
DAYS = make_bars(CLOSES).filter(pl.col("symbol") == "A")["timestamp"].to_list()


def day(number):
    return DAYS[number - 1]


def spans(*rows):
    return pl.DataFrame(rows, schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date}, orient="row")


MEMBERS = spans(
    ("A", None, day(3)),  # the first day without it
    ("A", day(5), None),
    ("B", day(2), None),
    ("C", None, None),
    ("Z", None, None),
)


def engine(closes=CLOSES, *, chunk_bars=250_000):
    frame = closes if isinstance(closes, pl.DataFrame) else make_bars(closes)
    return ProcessingEngine(InMemoryPriceRepository(frame), chunk_bars=chunk_bars, raise_internal=True)


def job(formula, symbols="ABC", **options):
    text = formula if isinstance(formula, PolarsFormula) else Formula(text=formula)
    given = {"members": MEMBERS, "universe_members": MEMBERS, "timeframe": Timeframe.D1, "date_range": OPEN, **options}
    return ProcessingJob(id="job", symbols=tuple(symbols), formula=text, **given)


def shown(formula, *, made=None, **options):
    """Day and value of each match, by symbol."""
    results = (made or engine()).process_batch(job(SHOWN.format(formula), **options))
    return {
        each.symbol: [(DAYS.index(moment) + 1, x) for moment, x in each.matches.select("timestamp", "x").rows()]
        for each in results
    }


# on the days on which each is a member: A 1 2 5 6, B 2 3 4 5 6, C all
COMPARED = [
    ("rank(close)", {"A": [0, 0, 1, 1], "B": [1, 1, 0.5, 0, 0], "C": [1, 0.5, 0, 0.5, 0.5, 0.5]}),
    ("1 if top(close, 1) else 0", {"A": [0, 0, 1, 1], "B": [1, 1, 1, 0, 0], "C": [1, 0, 0, 1, 0, 0]}),
    ("universe_count(close)", {"A": [2, 3, 3, 3], "B": [3, 2, 2, 3, 3], "C": [2, 3, 2, 2, 3, 3]}),
    ("universe_sum(close)", {"A": [4, 10, 10, 10], "B": [10, 7, 6, 10, 10], "C": [4, 10, 7, 6, 10, 10]}),
    ("universe_mean(close > 2) * 6", {"A": [3, 4, 4, 4], "B": [4, 6, 6, 4, 4], "C": [3, 4, 6, 6, 4, 4]}),
    ("demean(close, by=close > 2)", {"A": [0, 0, 1, 1.5], "B": [1, 0.5, 0, 0, 0], "C": [0, -1, -0.5, 0, -1, -1.5]}),
    ("rank(close, where=close != 5)", {"A": [0, 0, None, 1], "B": [None, 1, 0.5, 0, 0], "C": [1, 1, 0, 0.5, 1, 0.5]}),
    ("sma(close, 2)", {"A": [None, 1.5, 4.5, 5.5], "B": [5.5, 4.5, 3.5, 2.5, 1.5], "C": [None, 3, 3, 3, 3, 3]}),
    ("sum(universe_count(close), 2)", {"A": [None, 5, 5, 6], "B": [5, 5, 4, 5, 6], "C": [None, 5, 5, 4, 5, 6]}),
    ("sum(rank(close), 2)", {"A": [None, 0, None, 2], "B": [None, 2, 1.5, 0.5, 0], "C": [None, 1.5, 0.5, 0.5, 1, 1]}),
    ('close - ref("A", close)', {"A": [0, 0, 0, 0], "B": [3, 1, -1, -3, -5], "C": [2, 1, 0, -1, -2, -3]}),
]  # fmt: skip
MATCHED = {"A": [1, 2, 5, 6], "B": [2, 3, 4, 5, 6], "C": [1, 2, 3, 4, 5, 6]}


def expected(by_symbol):
    return {symbol: list(zip(MATCHED[symbol], by_symbol[symbol], strict=True)) for symbol in by_symbol}


@pytest.mark.parametrize("chunk_bars", [1, 7, 250_000])
@pytest.mark.parametrize(("formula", "by_symbol"), COMPARED)
def test_members_match_and_are_compared_on_their_days_alone(formula, by_symbol, chunk_bars):
    assert shown(formula, made=engine(chunk_bars=chunk_bars)) == expected(by_symbol)


@pytest.mark.parametrize(("formula", "by_symbol"), COMPARED)
def test_one_symbol_alone_gives_what_the_batch_gives(formula, by_symbol):
    made, prices = engine(), InMemoryPriceRepository(make_bars(CLOSES))
    for symbol in CLOSES:
        bars = prices.read([symbol], ["open", "high", "low", "close", "volume"], ReadWindow())
        result = made._process_symbol(job(SHOWN.format(formula)), symbol, bars)
        assert result.matches["x"].to_list() == by_symbol[symbol]


def test_the_compared_may_be_members_of_what_is_not_scanned():
    found = shown("rank(close)", members=None, universe="ABC", symbols="ACD", made=engine({**CLOSES, "D": [9.0] * 6}))
    assert found["A"] == list(enumerate([0, 0, None, None, 1, 1], start=1))
    assert found["C"] == list(enumerate([1, 0.5, 0, 0.5, 0.5, 0.5], start=1))
    assert found["D"] == [(number, None) for number in range(1, 7)]


def test_the_scanned_may_be_members_and_the_compared_all():
    found = shown("universe_count(close)", universe="ABC", universe_members=None)
    assert found["A"] == [(1, 3), (2, 3), (5, 3), (6, 3)]


def test_history_before_a_membership_is_read_however_short_the_range():
    members = spans(("B", day(5), None))
    made = engine(chunk_bars=1)
    for start in (1, 5):
        found = shown("sma(close, 4)", made=made, symbols="B", members=members, date_range=DateRange(start=day(start)))
        assert found == {"B": [(5, 3.5), (6, 2.5)]}


def test_those_who_left_before_the_range_are_compared_in_its_warm_up():
    """On day 2 there are three members; B, which leaves then, is asked by nobody."""
    members = spans(("A", None, None), ("B", None, day(3)), ("C", None, None))
    found = shown(
        "universe_count(close)[1]", symbols="AC", universe="ABC", members=members, universe_members=members,
        date_range=DateRange(start=day(3), end=day(4)),
    )  # fmt: skip
    assert found == {"A": [(3, 3), (4, 2)], "C": [(3, 3), (4, 2)]}


# membership on the last bar of the week decides: A 5, B 2, C 3 on Friday the 5th, seen from then on
WEEKLY = [
    (MEMBERS, {"A": [None, None, 1, 1], "B": [None, None, None, 0, 0], "C": [None] * 4 + [0.5, 0.5]}),
    (spans(("A", None, None), ("B", None, day(5)), ("C", None, None)),
     {"A": [None] * 4 + [1, 1], "B": [None] * 4, "C": [None] * 4 + [0, 0]}),
]  # fmt: skip


@pytest.mark.parametrize(("members", "by_symbol"), WEEKLY)
def test_a_longer_period_is_compared_among_the_members_of_its_last_bar(members, by_symbol):
    found = shown("weekly(rank(close))", members=members, universe_members=members)
    assert {symbol: [x for _, x in values] for symbol, values in found.items()} == by_symbol


# ── the first bar of a run ────────────────────────────────────────────────────


def days_of(results):
    return {each.symbol: [DAYS.index(moment) + 1 for moment in each.matches["timestamp"]] for each in results}


FIRST = [
    ("close > 0", {}, {"A": [1, 5], "B": [2], "C": [1]}),
    ("close > 0", {"date_range": DateRange(start=day(2))}, {"A": [5], "B": [2], "C": []}),
    ("close > 0", {"date_range": DateRange(start=day(6))}, {"A": [], "B": [], "C": []}),
    ("close != 2", {}, {"A": [1, 5], "B": [2, 6], "C": [1]}),
    ("rank(close) >= 0.5", {}, {"A": [5], "B": [2], "C": [1, 4]}),
    ("sma(close, 3) > 0", {}, {"A": [5], "B": [3], "C": [3]}),
    ("close > 0", {"members": None}, {"A": [1], "B": [1], "C": [1]}),
]


@pytest.mark.parametrize(("formula", "options", "firsts"), FIRST)
@pytest.mark.parametrize("chunk_bars", [1, 250_000])
def test_a_run_begins_no_earlier_than_the_membership(formula, options, firsts, chunk_bars):
    results = engine(chunk_bars=chunk_bars).process_batch(job(formula, first=True, **options))
    assert days_of(results) == firsts


# ── the account ───────────────────────────────────────────────────────────────


def test_every_member_has_a_status_and_a_reason():
    closes = {**CLOSES, "D": [5.0, None, None, 5, 5, 5], "E": [5.0, 6]}
    members = spans(
        ("A", None, None), ("B", day(6), None), ("C", day(5), None), ("D", day(2), day(4)), ("E", None, None)
    )
    results = engine(closes).process_batch(job("close < sma(close, 3)", "ABCDEZ", members=members))
    assert {each.symbol: (str(each.status), each.error) for each in results} == {
        "A": ("no_match", None),
        "B": ("matched", None),
        "C": ("no_match", None),
        "D": ("no_match", "no bar in the range on a day on which it is in the index"),
        "E": ("too_little_history", "2 bars; the formula needs 3"),
        "Z": ("no_data", "no bars in memory"),
    }
    assert days_of(results)["B"] == [6]
    assert [each.bars for each in results] == [6, 6, 6, 4, 2, 0]


def test_a_formula_of_expressions_matches_on_the_days_of_members_and_is_replayed_without_them():
    results = engine().process_batch(job(PolarsFormula(signals={"buy": pl.col("close") > 0}, lookback=0)))
    assert days_of(results) == MATCHED


# ── intraday bars, random spans ───────────────────────────────────────────────


def test_spans_are_days_also_for_intraday_bars():
    moments = [dt.datetime(2024, 1, number, hour) for number in (1, 2, 3) for hour in (9, 15)]
    frame = pl.concat(
        pl.DataFrame({"symbol": symbol, "timestamp": moments}).with_columns(close=pl.lit(float(price)))
        for symbol, price in (("A", 1), ("B", 2), ("C", 3))
    )
    members = spans(("A", None, dt.date(2024, 1, 3)), ("B", dt.date(2024, 1, 2), None), ("C", None, None))
    results = engine(frame).process_batch(
        job(SHOWN.format("rank(close)"), timeframe=Timeframe.M60, members=members, universe_members=members)
    )
    found = {
        each.symbol: [(at.day, at.hour, x) for at, x in each.matches.select("timestamp", "x").rows()]
        for each in results
    }
    assert found == {
        "A": [(1, 9, 0), (1, 15, 0), (2, 9, 0), (2, 15, 0)],
        "B": [(2, 9, 0.5), (2, 15, 0.5), (3, 9, 0), (3, 15, 0)],
        "C": [(1, 9, 1), (1, 15, 1), (2, 9, 1), (2, 15, 1), (3, 9, 1), (3, 15, 1)],
    }


def _inside(moment, ranges):
    return any((start is None or start <= moment) and (end is None or moment < end) for start, end in ranges)


def brute(closes, moments, held):
    """The rank of each symbol among the members of each day."""
    answers = {symbol: [] for symbol in closes}
    for at, moment in enumerate(moments):
        there = {symbol: values[at] for symbol, values in closes.items() if _inside(moment, held[symbol])}
        for symbol, mine in there.items():
            below, same = sum(each < mine for each in there.values()), sum(each == mine for each in there.values())
            rank = (below + (same + 1) / 2 - 1) / (len(there) - 1) if len(there) > 1 else None
            answers[symbol].append((moment, rank))
    return answers


@pytest.mark.parametrize("seed", range(5))
def test_ranks_among_random_members_are_those_of_plain_python(seed):
    dice = random.Random(seed)
    closes = {f"S{number}": [float(dice.randint(1, 6)) for _ in range(30)] for number in range(8)}
    frame = make_bars(closes)
    moments = frame.filter(pl.col("symbol") == "S0")["timestamp"].to_list()
    held = {}
    for symbol in closes:
        cuts = [
            dice.choice([None, dice.choice(moments)]),
            *sorted(dice.sample(moments, 2)),
            dice.choice([None, moments[-1]]),
        ]
        held[symbol] = [(cuts[0], cuts[1]), (cuts[2], cuts[3])][: dice.randint(0, 2)]
    members = spans(*((symbol, *each) for symbol, ranges in held.items() for each in ranges))
    made = engine(frame, chunk_bars=dice.choice([1, 50, 10_000]))
    results = made.process_batch(job(SHOWN.format("rank(close)"), closes, members=members, universe_members=members))
    found = {
        each.symbol: each.matches.select("timestamp", "x").rows() if each.matches.height else [] for each in results
    }
    for symbol, answers in brute(closes, moments, held).items():
        assert [moment for moment, _ in found[symbol]] == [moment for moment, _ in answers]
        assert [x for _, x in found[symbol]] == pytest.approx([x for _, x in answers], nan_ok=True)


# ── the days of members ───────────────────────────────────────────────────────


def test_days_of_members_follow_the_rows_of_the_bars():
    bars = make_bars(CLOSES)
    mask = on_member_days(MEMBERS.vstack(spans(("B", None, day(1)), ("B", day(3), day(4)))), bars)
    assert bars.filter(mask)["symbol"].value_counts().sort("symbol").rows() == [("A", 4), ("B", 5), ("C", 6)]
    assert on_member_days(MEMBERS.clear(), bars).to_list() == [False] * 18
    assert on_member_days(MEMBERS, bars.clear()).to_list() == []


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (day(3), day(4), "BCZ"), (day(2), day(2), "ABCZ"), (day(1), day(1), "ACZ"),
        (day(4), None, "ABCZ"), (None, day(1), "ACZ"),
    ],
)  # fmt: skip
def test_a_span_overlaps_a_range_whose_ends_are_included(start, end, found):
    assert overlapping(MEMBERS, DateRange(start=start, end=end)) == set(found)


def test_a_batch_in_a_thread_gives_the_same():
    made = engine()
    asked = job("rank(close) > 0.9")
    again = asyncio.run(made.process_batch_async(asked))
    assert days_of(again) == days_of(made.process_batch(asked)) == {"A": [5, 6], "B": [2, 3], "C": [1]}
