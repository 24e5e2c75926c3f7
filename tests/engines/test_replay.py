"""No look-ahead, proved by replay (FORMULA 5): what sees later bars, and the first bar on which it shows."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from polars.exceptions import ComputeError

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import ProcessingJob
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import DataError, FormulaError, RequestError
from jtscan.testing import InMemoryPriceRepository, make_bars

close, high = pl.col("close"), pl.col("high")


def wave(length, phase):
    """Prices that go up and down, so that every formula below fires now and then."""
    swing = [((number * 7 + phase) % 11) - ((number * 3 + phase) % 5) + number % 3 for number in range(length)]
    return [50.0 + up + (number if number < length // 2 else length - number) // 5 for number, up in enumerate(swing)]


MARKET = {"A": wave(90, 0), "B": wave(80, 3), "C": wave(12, 5), "D": wave(1, 1)}


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "prices.parquet"
    make_bars(MARKET).write_parquet(path)
    return jt.Scanner(prices=path, raise_internal=True)


@pytest.fixture(scope="module")
def intraday(tmp_path_factory):
    moments = [
        dt.datetime(2024, 1, day, 9) + dt.timedelta(minutes=5 * bar) for day in (2, 3, 4, 5, 8, 9) for bar in range(20)
    ]
    frames = [
        pl.DataFrame(
            {
                "symbol": symbol,
                "timestamp": pl.Series(moments, dtype=pl.Datetime("us")),
                "close": wave(len(moments), phase),
            }
        )
        for phase, symbol in enumerate("AB")
    ]
    frame = pl.concat(frames).with_columns(
        open=pl.col("close"), high=pl.col("close") + 1, low=pl.col("close") - 1, volume=pl.lit(100.0)
    )
    path = tmp_path_factory.mktemp("replay5m") / "prices.parquet"
    frame.write_parquet(path)
    return jt.Scanner(prices=path, timeframe="5m", raise_internal=True)


# ── formulas in text cannot look ahead ────────────────────────────────────────

TEXTS = [
    "close > sma(close, 5)",
    "cross_above(ema(close, 3), close)",
    "x = rsi(3)\nx < 40",
    "barssince(close > 55) == 3",
    "pivothigh(2, 2) > 0",
    "x = pivotlow(2, 2)\nnot isna(x)",
    "x = ichimoku(3, 5, 9).span_a\nclose > x",
    "sequence(6, close > close[1], close < close[1])",
    "x = supertrend(3, 2).direction\nx == 1",
    "x = weekly(close)\nclose > x",
    "x = monthly(sma(close, 2))\nclose > x",
    "x = weekly(high, developing=True)\nclose == x",
    "x = rank(close)\nx > 0.5",
    "x = weekly(rank(close) - rank(close)[1])\nx > 0",
    "x = sma(universe_mean(close > sma(close, 3)), 3)\nx > 0.4",
    'x = close / ref("B", sma(close, 3))\nx > 1',
    'x = weekly(ref("C", close))\nclose > x',
    "x = highestbars(9)\nx == 0",
    "n = param(3, 1, 9)\nclose > sma(close, n)",
]


@pytest.mark.parametrize("text", TEXTS)
def test_formulas_in_text_do_not_look_ahead(text, scanner):
    report = scanner.check(text, symbols=list(MARKET), bars=20)
    assert not report.looks_ahead, str(report)
    assert report.symbols == tuple(MARKET)
    assert report.bars >= 20 + 20 + 12 + 1
    assert str(report).startswith("no look-ahead: ")


@pytest.mark.parametrize("text", ['x = tf("15m", close)\nclose > x', 'x = tf("60m", high)[1]\nclose > x', "x = weekly(close)\nclose > x",
                                  'x = tf("1d", close[1])\nclose > x', "x = rank(close)\nx > 0.5",
                                  'x = tf("15m", volume, developing=True)\nx > 100'])  # fmt: skip
def test_formulas_on_intraday_bars_do_not_look_ahead(text, intraday):
    report = intraday.check(text, bars=30)
    assert not report.looks_ahead, str(report)
    assert report.bars >= 60


def test_a_check_takes_parameters(scanner):
    text = "close > sma(close, n)"
    assert not scanner.check(text, parameters={"n": 4}, bars=10).looks_ahead
    with pytest.raises(FormulaError, match="unknown name 'n'"):
        scanner.check(text, bars=10)


def test_symbols_that_are_not_there_leave_nothing_to_replay(scanner):
    report = scanner.check("close > 1", symbols=["ZZ"])
    assert (report.bars, report.looks_ahead) == (0, False)


def test_the_number_of_bars_counts_for_each_symbol_and_what_fired_is_added(scanner):
    assert scanner.check("close < 0", symbols=["A"], bars=7).bars == 7
    assert scanner.check("close > 0", symbols=["A"], bars=7).bars == 90
    assert scanner.check("close < 0", symbols=["C"], bars=7).bars == 7


def test_without_symbols_those_with_the_longest_history_are_replayed(scanner):
    assert scanner.check("close > 0", bars=1).symbols == ("A", "B", "C", "D")


# ── Polars expressions that look ahead ────────────────────────────────────────

# name, expression of a condition, lookback
AHEAD = [
    ("the next bar", close.shift(-1) > close, 0),
    ("five bars on", close.shift(-5).fill_null(0) > close, 0),
    ("a centred average", close.rolling_mean(5, center=True) > close, 5),
    ("the highest of all", close == close.max(), 0),
    ("the mean of all", close > close.mean(), 0),
    ("the rank among all", close.rank() > pl.len() / 2, 0),
    ("normalised by all", (close - close.mean()) / close.std() > 0.5, 0),
    ("scaled by all", (close - close.min()) / (close.max() - close.min()) > 0.8, 0),
    ("reversed", close.reverse() > close, 0),
    ("backward fill", pl.when(close > close.shift(1)).then(close).backward_fill() > close, 1),
    ("interpolated", pl.when(pl.int_range(pl.len()) % 7 == 0).then(close).interpolate() > close, 0),
    ("the last close of all", close < close.last(), 0),
    ("a later peak", (high.shift(1) < high) & (high.shift(-1) < high), 1),
    ("bars until the end", pl.len() - pl.int_range(pl.len()) > 10, 0),
    ("sorted", close.sort() > close, 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "lookback"), [case[1:] for case in AHEAD], ids=[case[0] for case in AHEAD])
def test_expressions_that_look_ahead_are_found_and_refused(expression, lookback, scanner):
    report = scanner.check(expression, lookback=lookback, symbols=["A", "B"], bars=60)
    assert report.looks_ahead
    assert {each.symbol for each in report.found} <= {"A", "B"}
    assert {each.name for each in report.found} == {"match"}
    with pytest.raises(jt.LookAheadError, match="the formula looks ahead: [ABC] on 2024-") as caught:
        scanner.scan(expression, lookback=lookback)
    assert "allow_lookahead=True" in str(caught.value)
    assert scanner.scan(expression, lookback=lookback, allow_lookahead=True).errors_count == 0


def test_the_first_bar_of_each_symbol_is_reported(tmp_path):
    """The close is known one bar early: the answer of the 3rd of January changes when the 4th is there."""
    make_bars({"A": [5.0, 4, 3, 9, 8], "B": [5.0, 4, 3, 2, 1]}).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)
    report = scanner.check((close.shift(-1) > close).fill_null(value=False), lookback=0)
    (found,) = report.found
    assert (found.symbol, found.timestamp, found.on_the_day, found.afterwards) == (
        "A",
        dt.date(2024, 1, 3),
        False,
        True,
    )
    assert "A on 2024-01-03: match was False on the day, and is True with the bars after it" in str(report)


def test_a_look_ahead_in_one_signal_of_several_is_named(scanner):
    report = scanner.check({"fine": close > 52, "early": close.shift(-1) > close}, lookback=1, symbols=["A"])
    assert {each.name for each in report.found} == {"early"}


def test_a_look_ahead_that_only_shows_where_it_fired_long_ago_is_found_by_the_check(tmp_path):
    """Only the first ten bars look ahead, a year before the last 250: check replays every bar that fired."""
    closes = {"A": [10.0 + number % 3 for number in range(10)] + [1.0] * 400}
    make_bars(closes).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)
    expression = (close > 5) & (close.shift(-1) < close)
    assert scanner.check(expression, lookback=0, bars=20).looks_ahead
    with pytest.raises(jt.LookAheadError):
        scanner.scan(expression, lookback=0, last=5)


# ── expressions that do not ───────────────────────────────────────────────────

# expression, lookback, the same in text
SAME = [
    (close > close.shift(1), 1, "close > close[1]"),
    (close > close.rolling_mean(5), 4, "close > sma(close, 5)"),
    (close >= high.rolling_max(10), 9, "close >= highest(high, 10)"),
    ((close > 52) & (close.shift(1) <= 52), 1, "cross_above(close, 52)"),
    (close - close.shift(3) > 1, 3, "change(close, 3) > 1"),
    (pl.col("timestamp").dt.weekday() == 5, 0, "dayofweek == 5"),
    (pl.col("symbol") == "A", 0, 'symbol == "A"'),
    (close > 52, 0, "close > 52"),
]


@pytest.mark.parametrize(("expression", "lookback", "text"), SAME)
def test_expressions_that_see_no_later_bar_scan_like_text(expression, lookback, text, scanner):
    assert not scanner.check(expression, lookback=lookback, bars=30).looks_ahead
    for given in ({"start": "2024-02-01", "end": "2024-03-15"}, {"last": 3}, {}):
        made = scanner.scan(expression, lookback=lookback, **given)
        expected = scanner.scan(text, **given)
        assert made.warnings == ()
        assert made.signals.matches.equals(expected.signals.matches)
    assert expected.signals.matches.height


def test_expressions_on_intraday_bars(intraday):
    assert not intraday.check(close > close.shift(1), lookback=1, bars=25).looks_ahead
    assert intraday.check(close.shift(-1) > close, lookback=1, bars=25).looks_ahead
    with pytest.raises(jt.LookAheadError, match="A on 2024-01-"):
        intraday.scan(close.shift(-1) > close, lookback=1)


def test_expressions_that_fail_on_short_histories_fail_only_there(tmp_path):
    """Polars refuses to gather bar 3 of one bar: those symbols fail, the others are scanned, and nobody looks ahead."""
    closes = {"A": wave(40, 0), "B": [5.0]}
    make_bars(closes).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)
    expression = pl.when(close.gather([3]).first() > 0).then(close > close.shift(1))
    report = scanner.check(expression, lookback=1, bars=10)
    assert not report.looks_ahead, str(report)
    result = scanner.scan(expression, lookback=1)
    assert dict(result.outcomes.select("symbol", "status").iter_rows()) == {"A": "matched", "B": "failed"}


TOO_SHORT = [
    (close > close.shift(1), 0),
    (close > close.rolling_mean(20), 3),
    (close >= close.cum_max(), 0),
    (close > close.ewm_mean(span=200), 1),
]


@pytest.mark.parametrize(("expression", "lookback"), TOO_SHORT, ids=str)
def test_a_lookback_that_is_too_short_is_refused(expression, lookback, scanner):
    with pytest.raises(jt.RequestError, match=r"lookback: is too short: .* on so many bars alone"):
        scanner.scan(expression, lookback=lookback, last=1)
    report = scanner.check(expression, lookback=lookback)
    assert not report.passed
    assert not report.looks_ahead
    assert str(report).startswith("lookback= is too short: ")


def test_a_lookback_that_suffices_is_not_refused(scanner):
    assert scanner.check(close > close.rolling_mean(20), lookback=19).passed


# ── symbols that cannot be read, or fail ──────────────────────────────────────


TORN = {"A": wave(40, 0), "B": wave(90, 1), "C": wave(70, 2)}


def engine_of(broken, *, raise_internal=True):
    prices = InMemoryPriceRepository(make_bars(TORN), broken={"B": broken})
    return ProcessingEngine(prices, raise_internal=raise_internal)


def job_of(formula):
    return ProcessingJob(
        id="job",
        symbols=tuple("ABC"),
        timeframe=Timeframe.D1,
        date_range=DateRange(start=dt.date(1990, 1, 1)),
        formula=formula,
    )


@pytest.mark.parametrize("broken", ["two rows of one day", DataError("the file broke"), ComputeError("the file broke")])
def test_a_symbol_that_cannot_be_read_does_not_stop_a_scan_of_expressions(broken):
    """In text, B fails and the others are scanned; in expressions, which are replayed first, it must be no different."""
    text = engine_of(broken).process_batch(job_of(jt.Formula(text="close > close[1]")))
    assert [result.status for result in text] == ["matched", "failed", "matched"]
    formula = jt.PolarsFormula(signals={"match": close > close.shift(1)}, lookback=1)
    made = engine_of(broken).process_batch(job_of(formula))
    assert [(each.symbol, each.status, each.error) for each in made] == [
        (each.symbol, each.status, each.error) for each in text
    ]


@pytest.mark.parametrize("broken", [DataError("the file broke"), ComputeError("the file broke")])
def test_a_symbol_that_cannot_be_read_does_not_stop_a_check(broken):
    report = engine_of(broken).check(job_of(jt.Formula(text="close > close[1]")), last=5)
    assert report.bars >= 10


def raising(values):
    raise ValueError("a bug of the user's own")


def test_an_expression_whose_own_code_raises_fails_symbols_not_the_scan():
    expression = close.map_batches(raising, return_dtype=pl.Boolean)
    formula = jt.PolarsFormula(signals={"match": expression}, lookback=0)
    made = engine_of("torn", raise_internal=False).process_batch(job_of(formula))
    assert [result.status for result in made] == ["failed"] * 3


def breaks(bars):
    """A condition that fails on histories with a price of 666."""
    return pl.when(close == 666).then(pl.lit("x")).otherwise(close.cast(pl.String)).cast(pl.Float64) > bars


def test_a_symbol_on_which_the_expression_fails_is_failed_and_no_look_ahead(tmp_path):
    """Today B fails; without its last bar it would not have. That is a failure, not a later bar that was seen."""
    make_bars({"A": wave(40, 0), "B": [*wave(40, 2), 666.0, 50.0]}).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)
    assert not scanner.check(breaks(52), lookback=0, bars=10).looks_ahead
    result = scanner.scan(breaks(52), lookback=0)
    assert dict(result.outcomes.select("symbol", "status").iter_rows()) == {"A": "matched", "B": "failed"}


# ── what a check cannot do ────────────────────────────────────────────────────

REFUSED = [
    ({"formula": close > 1}, "lookback"),
    ({"formula": "close >", "bars": 5}, "line 1"),
    ({"formula": "clos > 1"}, "did you mean 'close'"),
    ({"formula": close > 1, "lookback": -1}, "lookback"),
    ({"formula": pl.col("nothing") > 1, "lookback": 1}, "have no column 'nothing'"),
    ({"formula": close.max() > 1, "lookback": 1}, "gives one value for all bars"),
    ({"formula": close, "lookback": 1}, "not a condition"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_cannot_be_checked_is_refused(given, message, scanner):
    with pytest.raises((FormulaError, RequestError)) as caught:
        scanner.check(**given)
    assert message in str(caught.value)


@pytest.mark.parametrize("bars", [0, -1, 2.5])
def test_a_check_of_no_bars_is_refused(bars, scanner):
    with pytest.raises(RequestError, match="bars"):
        scanner.check("close > 1", bars=bars)
