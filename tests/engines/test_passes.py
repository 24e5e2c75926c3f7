"""Passes: what compares symbols, or reads another one, before anything is published.

Expected ranks are worked out by hand from FORMULA 3, (rank - 1) / (n - 1), or by the few lines of plain Python
below (``rank_of``, ``brute``), which know nothing of Polars.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import statistics

import polars as pl
import pytest
from polars.exceptions import ComputeError, PanicException

import jtscan as jt
from jtscan.aggregate import SignalAggregator
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.engines import gathered, passes
from jtscan.engines.crew import Inline
from jtscan.engines.gathered import Gatherer
from jtscan.engines.passes import Passes
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import DataError, FormulaError, RequestError
from jtscan.formula import registered
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.scan import BatchScanUseCase
from jtscan.testing import InMemoryPriceRepository, InMemorySymbolRepository, ProgressRecorder, make_bars

OPEN = DateRange(start=dt.date(1990, 1, 1))
THREE = {"A": [1.0, 2, 3], "B": [3.0, 2, 1], "C": [2.0, 2, 2]}
SHOWN = "x = {}\nnz(x, -9) > -10"


def engine(closes, *, functions=(), chunk_bars=250_000, raise_internal=True, **options):
    frame = closes if isinstance(closes, pl.DataFrame) else make_bars(closes)
    prices = InMemoryPriceRepository(frame, **options)
    return ProcessingEngine(
        prices, functions=registered(functions), chunk_bars=chunk_bars, raise_internal=raise_internal
    )


def job(symbols, formula, *, date_range=OPEN, timeframe=Timeframe.D1, **options):
    return ProcessingJob(
        id="job", symbols=tuple(symbols), timeframe=timeframe, date_range=date_range, formula=Formula(text=formula),
        **options,
    )  # fmt: skip


def values(results, name="x"):
    """The column by symbol."""
    return {result.symbol: result.matches[name].to_list() for result in results}


def ranks(closes, formula, symbols=None, **options):
    """The values of an expression on every bar."""
    made = {key: options.pop(key) for key in ("broken", "functions", "chunk_bars") if key in options}
    return values(engine(closes, **made).process_batch(job(symbols or closes, SHOWN.format(formula), **options)))


def use_case(closes, request_options, *, token=None, observer=None, callback=None, engine_options=None):
    frame = closes if isinstance(closes, pl.DataFrame) else make_bars(closes)
    made = engine(frame, **(engine_options or {}))
    symbols = InMemorySymbolRepository.of(*frame["symbol"].unique().sort())
    request = BatchScanRequest(
        **{"symbol_criteria": SymbolCriteria(), "timeframe": Timeframe.D1, "date_range": OPEN, **request_options}
    )
    scan = BatchScanUseCase(made, symbols, SignalAggregator()).execute(
        request, cancellation_token=token, observer=observer, progress_callback=callback
    )
    return asyncio.run(scan)


def counts(result):
    return {status: count for status, count, _ in result.account.rows() if count}


# ── comparisons by hand ───────────────────────────────────────────────────────

# expression; its values on three days of A 1 2 3, B 3 2 1, C 2 2 2, where not by symbol the same for all
COMPARED = [
    ("rank(close)", {"A": [0, 0.5, 1], "B": [1, 0.5, 0], "C": [0.5, 0.5, 0.5]}),
    ("rank(-close)", {"A": [1, 0.5, 0], "B": [0, 0.5, 1], "C": [0.5, 0.5, 0.5]}),
    ("1 if top(close, 1) else 0", {"A": [0, 1, 1], "B": [1, 1, 0], "C": [0, 1, 0]}),
    ("1 if top(close, 2) else 0", {"A": [0, 1, 1], "B": [1, 1, 0], "C": [1, 1, 1]}),
    ("1 if top(close, 99) else 0", {"A": [1, 1, 1], "B": [1, 1, 1], "C": [1, 1, 1]}),
    ("1 if bottom(close, 1) else 0", {"A": [1, 1, 0], "B": [0, 1, 1], "C": [0, 1, 0]}),
    ("demean(close)", {"A": [-1, 0, 1], "B": [1, 0, -1], "C": [0, 0, 0]}),
    ("zscore(close) * sqrt(2 * abs(close) / close / 3)",
     {"A": [-1, None, 1], "B": [1, None, -1], "C": [0, None, 0]}),
    ("universe_mean(close)", [2, 2, 2]),
    ("universe_median(close > 1)", [1, 1, 1]),
    ("universe_sum(close)", [6, 6, 6]),
    ("universe_count(close)", [3, 3, 3]),
    ("universe_mean(close >= 2) * 3", [2, 3, 2]),
    ("universe_std(close)", [statistics.pstdev([1, 2, 3]), 0, statistics.pstdev([1, 2, 3])]),
    ("rank(close, where=close >= 2)", {"A": [None, 0.5, 1], "B": [1, 0.5, None], "C": [0, 0.5, 0]}),
    ("rank(close, where=close < 0)", [None] * 3),
    ("universe_mean(close, where=close >= 2)", [2.5, 2, 2.5]),
    ("universe_mean(close, where=close < 0)", [None] * 3),
    ("universe_count(close, where=close < 0)", [0, 0, 0]),
    ("rank(close, by=log(-close))", [None] * 3),
    ("universe_count(close, by=log(-close))", [None] * 3),
    ("universe_count(close, by=close)", {"A": [1, 3, 1], "B": [1, 3, 1], "C": [1, 3, 1]}),
    ("universe_count(close, by=close >= 2)", {"A": [1, 3, 2], "B": [2, 3, 1], "C": [2, 3, 2]}),
    ("universe_sum(close, by=symbol)", {"A": [1, 2, 3], "B": [3, 2, 1], "C": [2, 2, 2]}),
    ("rank(close * 0)", [0.5] * 3),
    ("rank(0 * (close - 2))", [0.5] * 3),  # -0 ties with 0
    ("rank(log(close - 1))", {"A": [None, 0.5, 1], "B": [1, 0.5, None], "C": [0, 0.5, 0]}),
    ("rank(close[1])", {"A": [None, 0, 0.5], "B": [None, 1, 0.5], "C": [None, 0.5, 0.5]}),
    ("rank(close)[1]", {"A": [None, 0, 0.5], "B": [None, 1, 0.5], "C": [None, 0.5, 0.5]}),
    ("rank(close - universe_mean(close))", {"A": [0, 0.5, 1], "B": [1, 0.5, 0], "C": [0.5, 0.5, 0.5]}),
    ('rank(close / ref("A", close))', {"A": [0, 0.5, 1], "B": [1, 0.5, 0], "C": [0.5, 0.5, 0.5]}),
    ('ref("A", close)', [1, 2, 3]),
    ('ref("A", close) - close', {"A": [0, 0, 0], "B": [-2, 0, 2], "C": [-1, 0, 1]}),
    ('ref("A", close[1])', [None, 1, 2]),
    ('ref("A", close)[1]', [None, 1, 2]),
    ('ref("A", close + ref("B", close))', [4, 4, 4]),
    ('universe_sum(ref("A", close))', [3, 6, 9]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COMPARED)
def test_symbols_are_compared_at_each_timestamp(text, expected):
    wanted = expected if isinstance(expected, dict) else dict.fromkeys(THREE, expected)
    assert {symbol: pytest.approx(known) for symbol, known in wanted.items()} == ranks(THREE, text)


def test_only_symbols_with_a_bar_at_the_timestamp_are_compared():
    closes = {"A": [1.0, 2, 3, 4], "B": [3.0, None, 1, 5], "C": [2.0, 1]}
    assert ranks(closes, "rank(close)") == {"A": [0, 1, 1, 0], "B": [1, 0, 1], "C": [0.5, 0]}
    assert ranks(closes, "universe_count(close)")["A"] == [3, 2, 2, 2]


def test_groups_come_from_the_table_of_symbols():
    table = pl.DataFrame(
        {"symbol": list("ABCD"), "name": [None] * 4, "market": ["K", "K", "Q", None], "sector": ["금융"] * 4}
    )
    closes = {**THREE, "D": [9.0, 9, 9]}
    made = ranks(closes, "universe_mean(close, by=market)", labels=table)
    assert made == {"A": [2, 2, 2], "B": [2, 2, 2], "C": [2, 2, 2], "D": [None] * 3}


def test_without_a_table_of_symbols_no_symbol_has_a_group():
    assert ranks(THREE, "universe_count(close, by=sector)") == dict.fromkeys("ABC", [None] * 3)


def test_odd_labels_are_groups_like_others():
    markets = ["", "a'b\"; DROP", "", "KOSPI\n"]
    table = pl.DataFrame({"symbol": list("ABCD"), "name": [None] * 4, "market": markets, "sector": [None] * 4},
                         schema=dict.fromkeys(("symbol", "name", "market", "sector"), pl.String))  # fmt: skip
    closes = {**THREE, "D": [9.0, 9, 9]}
    assert ranks(closes, "universe_sum(close, by=market)", labels=table) == {
        "A": [3, 4, 5], "B": [3, 2, 1], "C": [3, 4, 5], "D": [9, 9, 9],
    }  # fmt: skip


# ── nothing is published before the last comparison ───────────────────────────


class Events(ProgressRecorder):
    """Everything that is heard, in order."""

    def __init__(self):
        super().__init__()
        self.events = []

    def __call__(self, completed, total, /):
        self.events.append(("progress", completed))

    def on_phase(self, phase):
        self.events.append(("phase", phase))

    def on_result(self, result):
        self.events.append(("result", result.symbol))

    def on_warning(self, warning):
        self.events.append(("warning", warning))


# formula, the phase in which other symbols are read
PHASES = [
    ("rank(close) > 0.5", "comparing symbols"),
    ("rank(sma(rank(close), 2)) > 0.5", "comparing symbols"),
    ('close > ref("A", close)', "reading other symbols"),
    ('rank(close / ref("A", close)) > 0.5', "comparing symbols"),
]


@pytest.mark.parametrize(("formula", "phase"), PHASES)
def test_nothing_is_published_before_the_last_comparison_is_done(formula, phase, monkeypatch):
    monkeypatch.setattr(passes, "_TOLD_SECONDS", 60)  # importing TA-Lib may take long enough to be told of
    heard = Events()
    engine(THREE, chunk_bars=1).process_batch(job("ABC", formula), heard, observer=heard)
    assert heard.events == [
        ("phase", phase),
        ("phase", "scanning"),
        *(each for number, symbol in enumerate("ABC", 1) for each in (("result", symbol), ("progress", number))),
    ]


def test_every_symbol_is_read_before_the_first_progress():
    prices = InMemoryPriceRepository(make_bars(THREE))
    read = []
    made = ProcessingEngine(prices, chunk_bars=1, raise_internal=True)
    made.process_batch(job("ABC", "rank(close) > 0.5"), lambda *_: read.append(list(prices.read_calls)))
    assert read[0][:3] == [("A",), ("B",), ("C",)]


def test_a_formula_without_comparisons_has_no_phases_of_its_own():
    heard = Events()
    engine(THREE).process_batch(job("ABC", "close > 2"), observer=heard)
    assert [each for each in heard.events if each[0] == "phase"] == []


def test_the_use_case_tells_the_phases_in_order():
    heard = Events()
    use_case(THREE, {"formula": Formula(text="rank(close) > 0.5")}, observer=heard)
    assert [each for kind, each in heard.events if kind == "phase"] == [
        "resolving", "scanning", "comparing symbols", "scanning", "aggregating",
    ]  # fmt: skip


# ── cancelled ─────────────────────────────────────────────────────────────────


class Cancelling(InMemoryPriceRepository):
    """Cancels when a symbol is read for the n-th time."""

    def __init__(self, frame, token, symbol, times=1):
        super().__init__(frame)
        self.token, self.symbol, self.times = token, symbol, times

    def read(self, symbols, columns, window):
        if self.symbol in symbols:
            self.times -= 1
            if not self.times:
                self.token.cancel()
        return super().read(symbols, columns, window)


@pytest.mark.parametrize("symbol", ["A", "B", "C"])
@pytest.mark.parametrize("formula", ["rank(close) > 0.5", "rank(sma(rank(close), 2)) > 0.5"])
def test_cancelled_before_the_comparison_every_symbol_is_cancelled(formula, symbol):
    token, heard = CancellationToken(), Events()
    prices = Cancelling(make_bars(THREE), token, symbol)
    made = ProcessingEngine(prices, chunk_bars=1, raise_internal=True)
    request = BatchScanRequest(
        symbol_criteria=SymbolCriteria(symbols=tuple("ABC")), timeframe=Timeframe.D1, date_range=OPEN,
        formula=Formula(text=formula),
    )  # fmt: skip
    scan = BatchScanUseCase(made, InMemorySymbolRepository.of(*"ABC"), SignalAggregator())
    result = asyncio.run(scan.execute(request, cancellation_token=token, observer=heard, progress_callback=heard))
    assert result.cancelled
    assert counts(result) == {"cancelled": 3}
    assert result.outcomes["symbol"].to_list() == ["A", "B", "C"]
    assert result.signals.matches.is_empty()
    assert [each for each in heard.events if each[0] in {"result", "progress"}] == []


def test_cancelled_while_comparing_warns_of_nothing_that_is_not_so():
    token = CancellationToken()
    prices = Cancelling(make_bars(THREE), token, "B")
    heard = Events()
    ProcessingEngine(prices, chunk_bars=1, raise_internal=True).process_batch(
        job("ABC", "rank(close) > 0.5"), cancellation_token=token, observer=heard
    )
    assert [each for each in heard.events if each[0] == "warning"] == []


def test_cancelled_after_the_comparison_published_symbols_are_kept():
    token = CancellationToken()
    result = use_case(
        THREE,
        {"formula": Formula(text="rank(close) >= 0")},
        token=token,
        callback=lambda completed, _: token.cancel() if completed == 2 else None,
    )
    assert counts(result) == {"matched": 2, "cancelled": 1}
    assert result.signals.matches["symbol"].unique().sort().to_list() == ["A", "B"]
    assert result.outcomes["symbol"].to_list() == ["A", "B", "C"]


def interrupted_batch(made, wanted):
    """Run a batch; an interrupt that gets out would end pytest."""
    token = CancellationToken()
    try:
        return made.process_batch(wanted, cancellation_token=token), token.is_cancelled
    except KeyboardInterrupt:
        return "the interrupt got out", token.is_cancelled


def test_a_keyboard_interrupt_while_symbols_are_read_cancels():
    """Polars raises Ctrl-C in whatever thread it computes in."""
    made = engine(THREE, broken={"B": KeyboardInterrupt()}, chunk_bars=1)
    assert interrupted_batch(made, job("ABC", "rank(close) > 0.5")) == ([], True)


def test_a_keyboard_interrupt_while_the_beginning_is_sought_cancels():
    made = engine(THREE, broken={"B": KeyboardInterrupt()}, chunk_bars=1)
    start = DateRange(start=dt.date(2024, 1, 3))
    assert interrupted_batch(made, job("ABC", "sma(rank(close), 2) > 0.5", date_range=start)) == ([], True)


def test_a_keyboard_interrupt_while_symbols_are_compared_cancels(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(gathered, "compare", interrupted)
    assert interrupted_batch(engine(THREE), job("ABC", "rank(close) > 0.5")) == ([], True)


# ── a symbol that fails ───────────────────────────────────────────────────────

WITHOUT_B = {"A": [0, 0.5, 1], "C": [1, 0.5, 0]}

FAILURES = [
    ("two rows of one day", "two rows of one day"),
    (DataError("the file broke"), "the file broke"),
    (ComputeError("the file broke"), "the file broke"),
    (PanicException("the file broke"), "the file broke"),
    (ZeroDivisionError("ours"), "internal error: ZeroDivisionError: ours"),
]


@pytest.mark.parametrize("chunk_bars", [1, 250_000])
@pytest.mark.parametrize(("broken", "reason"), FAILURES)
def test_a_symbol_that_fails_is_out_of_the_cross_section_and_the_others_are_compared(broken, reason, chunk_bars):
    heard = Events()
    made = engine(THREE, broken={"B": broken}, chunk_bars=chunk_bars, raise_internal=False)
    results = made.process_batch(job("ABC", SHOWN.format("rank(close)")), observer=heard)
    assert values([results[0], results[2]]) == WITHOUT_B
    assert (results[1].symbol, results[1].status, results[1].error) == ("B", Status.FAILED, reason)
    assert [each for each in heard.events if each[0] == "warning"] == [
        ("warning", f"cross-section: 2 of 3 symbols; failed: B: {reason}")
    ]


@jt.function(lookback=0)
def no_threes(x: pl.Expr = "close") -> pl.Expr:
    """Fail where the first price is 3."""
    return pl.when(x.first() == 3).then(pl.lit("three")).otherwise(x.cast(pl.String)).cast(pl.Float64)


# where the indicator that fails is read: before the comparison, after it
@pytest.mark.parametrize("formula", [
    "x = rank(no_threes(close))\nnz(x, -9) > -10",
    "x = rank(close)\ny = no_threes(close)\nnz(x, -9) > -10",
    "x = rank(no_threes(close))\ny = no_threes(close)\nnz(x, -9) > -10",
])  # fmt: skip
def test_a_symbol_whose_indicator_fails_is_failed_wherever_it_is_read(formula):
    made = engine(THREE, functions=[no_threes])
    results = made.process_batch(job("ABC", formula, allow_lookahead=True))
    assert [result.status for result in results] == [Status.MATCHED, Status.FAILED, Status.MATCHED]
    assert results[1].matches.is_empty()
    assert results[1].error.startswith("no_threes(close): ")


def test_a_symbol_whose_indicator_fails_before_the_comparison_is_out_of_it():
    heard = Events()
    made = engine(THREE, functions=[no_threes])
    results = made.process_batch(
        job("ABC", SHOWN.format("rank(no_threes(close))"), allow_lookahead=True), observer=heard
    )
    assert {symbol: values(results)[symbol] for symbol in "AC"} == WITHOUT_B
    assert heard.events[1][1].startswith("cross-section: 2 of 3 symbols; failed: B: no_threes(close): ")


@pytest.mark.parametrize("chunk_bars", [1, 250_000])
def test_those_that_fail_are_named_in_the_order_of_the_scan_wherever_their_bars_stand(chunk_bars, tmp_path):
    heard = Events()
    make_bars({symbol: [3.0, 2, 1] for symbol in "ABC"}).write_parquet(tmp_path / "bars.parquet")
    prices = DuckDBPriceRepository(prices=tmp_path / "bars.parquet")
    made = ProcessingEngine(prices, functions=registered([no_threes]), chunk_bars=chunk_bars)
    made.process_batch(job("CBA", SHOWN.format("rank(no_threes(close))"), allow_lookahead=True), observer=heard)
    (said,) = (said for kind, said in heard.events if kind == "warning" and "failed: " in said)
    assert [reason.split(":")[0] for reason in said.split("failed: ")[1].split("; ")] == ["C", "B", "A"]


def test_the_warning_is_in_the_result():
    result = use_case(THREE, {"formula": Formula(text="rank(close) > 0.9")}, engine_options={"broken": {"B": "torn"}})
    assert result.warnings == ("cross-section: 2 of 3 symbols; failed: B: torn",)
    assert result.errors_count == 1
    assert counts(result)["failed"] == 1


def test_many_failures_are_counted_and_the_first_are_shown():
    closes = {f"S{number}": [1.0, 2, 3] for number in range(9)}
    result = use_case(
        closes,
        {"formula": Formula(text="rank(close) > 0.9")},
        engine_options={"broken": {f"S{number}": "torn" for number in range(5)}},
    )
    assert result.warnings == ("cross-section: 4 of 9 symbols; failed: S0: torn; S1: torn; S2: torn and 2 more",)


@pytest.mark.parametrize("broken", ["torn", DataError("torn")])
def test_a_strict_universe_refuses_to_leave_one_out(broken):
    with pytest.raises(DataError, match=r"strict_universe: 2 of 3 symbols; failed: B: torn"):
        use_case(
            THREE,
            {"formula": Formula(text="rank(close) > 0.9"), "strict_universe": True},
            engine_options={"broken": {"B": broken}},
        )


def test_a_strict_universe_without_failures_is_compared():
    result = use_case(THREE, {"formula": Formula(text="rank(close) > 0.9"), "strict_universe": True})
    assert counts(result) == {"matched": 2, "no_match": 1}


def test_a_failing_symbol_outside_the_universe_leaves_the_comparison_whole():
    heard = Events()
    results = engine(THREE, broken={"C": "torn"}).process_batch(
        job("ABC", SHOWN.format("rank(close)"), universe=("A", "B")), observer=heard
    )
    assert [result.status for result in results] == [Status.MATCHED, Status.MATCHED, Status.FAILED]
    assert [each for each in heard.events if each[0] == "warning"] == []


# ── universe= ─────────────────────────────────────────────────────────────────


def test_a_universe_of_its_own_compares_others_than_the_scans():
    assert ranks(THREE, "rank(close)", ["B"], universe=("A", "B", "C")) == {"B": [1, 0.5, 0]}


def test_a_symbol_outside_the_universe_has_no_rank_but_the_universes_mean():
    assert ranks(THREE, "rank(close)", universe=("B", "C")) == {"A": [None] * 3, "B": [1, 0.5, 0], "C": [0, 0.5, 1]}
    assert ranks(THREE, "universe_mean(close)", ["A"], universe=("B", "C")) == {"A": [2.5, 2, 1.5]}
    assert ranks(THREE, "close - universe_mean(close)", ["A"], universe=("B", "C")) == {"A": [-1.5, 0, 1.5]}


@pytest.mark.parametrize("universe", [SymbolCriteria(symbols=("B", "C")), {"symbols": ["B", "C"]}, {"market": "Q"}])
def test_a_scanner_takes_criteria_or_a_dict_for_the_universe(universe, tmp_path):
    make_bars(THREE).write_parquet(tmp_path / "prices.parquet")
    pl.DataFrame({"symbol": list("ABC"), "market": ["K", "Q", "Q"]}).write_parquet(tmp_path / "symbols.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", symbols=tmp_path / "symbols.parquet", raise_internal=True)
    found = scanner.scan(SHOWN.format("rank(close)"), symbols=["A", "B"], universe=universe).signals.matches
    assert found.filter(pl.col("symbol") == "A")["x"].to_list() == [None] * 3
    assert found.filter(pl.col("symbol") == "B").sort("timestamp")["x"].to_list() == [1, 0.5, 0]


@pytest.mark.parametrize(("universe", "message"), [
    ({"market": "nowhere"}, "universe: no symbols in market 'nowhere'; the markets there are: "),
    ({"symbols": ["B"], "exclude": ["B"]}, "universe: no symbol is left: 1 excluded"),
    ({"markt": "Q"}, "universe: 'markt' is unknown; give a dict of market, sector, index, where, symbols, exclude"),
])  # fmt: skip
def test_a_universe_with_nobody_in_it_is_refused(universe, message, tmp_path):
    make_bars(THREE).write_parquet(tmp_path / "prices.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", raise_internal=True)
    with pytest.raises(RequestError, match=message):
        scanner.scan("rank(close) > 0.5", universe=universe)


def test_exclusions_of_the_scan_are_out_of_its_comparisons():
    result = use_case(
        THREE, {"formula": Formula(text=SHOWN.format("rank(close)")), "symbol_criteria": SymbolCriteria(exclude=("B",))}
    )
    assert result.signals.matches.filter(pl.col("symbol") == "C").sort("timestamp")["x"].to_list() == [1, 0.5, 0]


# ── alone, missing, too short ─────────────────────────────────────────────────


@pytest.mark.parametrize(("formula", "label"), [
    ("rank(close) > 0.5", "rank(close)"), ("zscore(close) > 0.5", "zscore(close)"),
])  # fmt: skip
def test_one_symbol_alone_has_no_rank_and_a_warning_says_so(formula, label):
    heard = Events()
    (result,) = engine({"A": [1.0, 2, 3]}).process_batch(job("A", formula), observer=heard)
    assert (result.status, result.matches.height) == (Status.NO_MATCH, 0)
    warnings = [each for kind, each in heard.events if kind == "warning"]
    assert [warning.startswith(f"{label}: on 3 ") and "unknown" in warning for warning in warnings] == [True]


def test_a_missing_reference_symbol_is_told_and_is_not_too_little_history():
    result = use_case(THREE, {"formula": Formula(text='close > ref("KOSPI200", close)')})
    assert [warning.startswith('ref("KOSPI200"): ') for warning in result.warnings] == [True]
    assert counts(result) == {"no_match": 3}
    assert set(result.outcomes["error"]) == {'ref("KOSPI200"): no bars in memory'}


def test_a_broken_reference_symbol_is_told():
    heard = Events()
    results = engine(THREE, broken={"B": "torn"}).process_batch(job("AC", 'close > ref("B", close[1])'), observer=heard)
    # the double gives the bars of a broken symbol all the same; what a reader gives of it is its own affair
    assert ("warning", 'ref("B"): torn') in heard.events
    assert len(results) == 2


def test_a_reference_symbol_with_too_short_a_history_is_not_missing():
    heard = Events()
    results = engine(THREE).process_batch(job("BC", 'close > ref("A", sma(close, 9))'), observer=heard)
    assert [(each.status, each.error) for each in results] == [
        (Status.NO_MATCH, "the formula is unknown on every bar of the range")
    ] * 2
    assert [each for each in heard.events if each[0] == "warning"] == []


@pytest.mark.parametrize("formula", ['not ref("ZZ", close > 1)', 'close > 1 and ref("ZZ", close > 1)',
                                     'streak(ref("ZZ", close > open)) > 1', 'weekly(not ref("ZZ", close > 1))'])  # fmt: skip
def test_an_unknown_condition_of_a_missing_symbol_is_unknown(formula):
    """Every symbol failed with "dtype Float64 not supported in 'not' operation"."""
    results = engine(THREE).process_batch(job("ABC", formula))
    assert [result.status for result in results] == [Status.NO_MATCH] * 3


def test_a_condition_of_a_symbol_without_bars_in_the_range_is_unknown():
    results = engine({"A": [1.0] * 9, "B": [1.0] * 3}).process_batch(
        job("A", 'not ref("B", close > 1)', date_range=DateRange(start=dt.date(2024, 1, 10)))
    )
    assert [result.status for result in results] == [Status.NO_MATCH]


@pytest.mark.parametrize("formula", ["rank(sma(close, 9)) > 0.5", "weekly(rank(sma(close, 9))) > 0.5"])
def test_too_few_bars_for_what_is_compared_is_too_little_history(formula):
    """FORMULA 4: unknown on every bar of the range for lack of bars is too little history, not no match."""
    longer = {**THREE, "D": [float(10 + number % 7) for number in range(80)]}
    results = engine(longer).process_batch(job("ABCD", formula))
    assert [result.status for result in results[:3]] == [Status.TOO_LITTLE_HISTORY] * 3


# text, the column that the files lack
@pytest.mark.parametrize(("text", "column"), [
    ("atr(2) > 0", "high"), ("rank(atr(2)) > 0", "high"), ('ref("A", atr(2)) > 0', "high"), ("weekly(atr(2)) > 0", "high"),
    ("rank(volume) > 0", "volume"), ("weekly(vwma(2)) > 0", "volume"), ("cdldoji() == 100", "open"),
])  # fmt: skip
def test_a_price_that_the_files_lack_is_told_before_anything_is_read(text, column):
    prices = make_bars(THREE).select("symbol", "timestamp", "close")
    with pytest.raises(FormulaError, match=f"the price files have no column '{column}'"):
        engine(prices).process_batch(job("ABC", text))


def minutes(symbol, first, count, close):
    """5-minute bars from 09:00, the first ones left out."""
    moments = [dt.datetime(2024, 1, 2, 9) + dt.timedelta(minutes=5 * (first + number)) for number in range(count)]
    frame = pl.DataFrame({"symbol": symbol, "timestamp": pl.Series(moments, dtype=pl.Datetime("us")), "close": close})
    return frame.with_columns(open=pl.col("close"), high=pl.col("close"), low=pl.col("close"), volume=pl.lit(1.0))


def test_hours_of_symbols_that_begin_to_trade_later_in_the_session_are_compared():
    """B's first trade is at 09:05; its first hour is that of A, or they are never compared on hours at all."""
    frame = pl.concat([minutes("A", 0, 24, 10.0), minutes("B", 1, 23, 20.0)])
    results = engine(frame).process_batch(
        job("AB", SHOWN.format('tf("60m", rank(close))'), timeframe=Timeframe.M5,
            date_range=DateRange(start=dt.datetime(2024, 1, 2, 10, 55)))
    )  # fmt: skip
    assert values(results) == {"A": [0], "B": [1]}


# ── nested, by plain Python ───────────────────────────────────────────────────


def rank_of(values_by_symbol):
    """(rank - 1) / (n - 1), ties averaged, of the known values; one alone has none."""
    known = {symbol: value for symbol, value in values_by_symbol.items() if value is not None}
    if len(known) < 2:
        return dict.fromkeys(values_by_symbol)
    below = {s: sum(other < v for other in known.values()) for s, v in known.items()}
    same = {s: sum(other == v for other in known.values()) for s, v in known.items()}
    return {s: (below[s] + (same[s] - 1) / 2) / (len(known) - 1) if s in known else None for s in values_by_symbol}


def brute_rank(columns):
    """Rank at each day: {symbol: {day: value}} in and out."""
    days = sorted({day for column in columns.values() for day in column})
    found = {symbol: {} for symbol in columns}
    for day in days:
        there = {symbol: column[day] for symbol, column in columns.items() if day in column}
        for symbol, value in rank_of(there).items():
            found[symbol][day] = value
    return found


def brute_window(columns, n, of):
    """A function of the last n values, all known."""
    found = {}
    for symbol, column in columns.items():
        days = sorted(column)
        windows = [[column[day] for day in days[max(at - n + 1, 0) : at + 1]] for at in range(len(days))]
        found[symbol] = {
            day: of(last) if len(last) == n and None not in last else None
            for day, last in zip(days, windows, strict=True)
        }
    return found


def brute_sma(columns, n):
    return brute_window(columns, n, lambda last: sum(last) / n)


def brute_highest(columns, n):
    return brute_window(columns, n, max)


def week_of(day):
    """The Friday of a week from Saturday to Friday."""
    return day + dt.timedelta(days=(4 - day.weekday()) % 7)


def brute_weekly(columns, inside):
    """The value of the last completed week: of a week on its Friday, otherwise that of the week before."""
    weeks = {}
    for symbol, column in columns.items():
        weeks[symbol] = {}
        for day in sorted(column):
            weeks[symbol][week_of(day)] = column[day]
    weeks = inside(weeks)
    found = {}
    for symbol, column in columns.items():
        found[symbol] = {}
        for day in column:
            own = week_of(day)
            past = [week for week in weeks[symbol] if week < own or week == day]
            found[symbol][day] = weeks[symbol][max(past)] if past else None
    return found


def market(symbols=6, days=70, seed=5):
    """Closes of whole numbers with ties and missing days; some are listed late, some delisted early."""
    dice = random.Random(seed)
    closes = {}
    for number in range(symbols):
        first, last = (0, days) if number < 3 else (dice.randrange(0, days // 2), dice.randrange(days // 2, days))
        price, column = 20.0, []
        for day in range(days):
            price = max(price + dice.randrange(-2, 3), 1.0)
            column.append(price if first <= day < last and dice.random() > 0.08 else None)
        closes[f"S{number}"] = column
    return closes


MARKET = market()
FRAME = make_bars(MARKET)
CLOSES = {
    symbol: dict(FRAME.filter(pl.col("symbol") == symbol).select("timestamp", "close").iter_rows()) for symbol in MARKET
}

NESTED = [
    ("rank(close)", lambda: brute_rank(CLOSES)),
    ("sma(rank(close), 5)", lambda: brute_sma(brute_rank(CLOSES), 5)),
    ("rank(highest(rank(close), 5))", lambda: brute_rank(brute_highest(brute_rank(CLOSES), 5))),
    ("weekly(close)", lambda: brute_weekly(CLOSES, lambda weeks: weeks)),
    ("weekly(rank(close))", lambda: brute_weekly(CLOSES, brute_rank)),
    ("rank(weekly(close))", lambda: brute_rank(brute_weekly(CLOSES, lambda weeks: weeks))),
    ("rank(weekly(rank(close)))", lambda: brute_rank(brute_weekly(CLOSES, brute_rank))),
    ("weekly(sma(rank(close), 3))", lambda: brute_weekly(CLOSES, lambda weeks: brute_sma(brute_rank(weeks), 3))),
    (
        'weekly(rank(close / ref("S0", close)))',
        lambda: brute_weekly(
            CLOSES,
            lambda weeks: brute_rank(
                {
                    s: {w: v / weeks["S0"][w] if w in weeks["S0"] else None for w, v in c.items()}
                    for s, c in weeks.items()
                }
            ),
        ),
    ),
]


@pytest.mark.parametrize(("text", "brute"), NESTED)
def test_nested_comparisons_are_those_of_plain_python(text, brute):
    expected = brute()
    made = engine(FRAME).process_batch(job(MARKET, SHOWN.format(text)))
    for result in made:
        days, found = result.matches["timestamp"].to_list(), result.matches["x"].to_list()
        known = [expected[result.symbol][day] for day in days]
        assert days == sorted(CLOSES[result.symbol])
        assert found == [None if each is None else pytest.approx(each, abs=1e-12) for each in known], result.symbol


# ── the same bits, however it is run ──────────────────────────────────────────

FORMULAS = [
    "rank(close)",
    "rank(close / sma(close, 3))",
    "zscore(close / 3)",
    "demean(close / 7)",
    "universe_mean(close / 7)",
    "universe_std(close / 7, by=close > 20)",
    "universe_median(roc(close, 3))",
    "1 if top(roc(close, 3), 2) else 0",
    "sma(rank(close), 5)",
    "rank(sma(rank(close), 5))",
    "rank(ema(close, 3))",
    "rank(rsi(close, 2))",
    "rank(weekly(rank(close)))",
    "weekly(rank(close) - rank(close)[1])",
    "monthly(zscore(close))",
    'rank(weekly(close / ref("S0", close)))',
    'sma(close / ref("S1", sma(close, 3)), 4)',
    "rank(close) - rank(close)[1] + weekly(sma(rank(close), 2))",
    "rank(close, where=weekly(close > close[1]))",
    "rank(streak(close > close[1]))",
]


def bits(results):
    """Everything that must not depend on how the scan is run."""
    return {
        result.symbol: (result.status, result.error, result.bars, result.last_bar, result.matches.rows())
        for result in results
    }


@pytest.mark.parametrize("text", FORMULAS)
def test_chunks_and_order_change_no_bit(text):
    formula = f"x = {text}\nbuy = x > 0.5\nnz(x, -9) > -10"
    symbols = list(MARKET)
    expected = bits(engine(FRAME).process_batch(job(symbols, formula)))
    assert any(value is not None for rows in expected.values() for *_, value in rows[4])
    for chunk_bars in (1, 40):
        assert bits(engine(FRAME, chunk_bars=chunk_bars).process_batch(job(symbols, formula))) == expected
    for order in (symbols[::-1], symbols[3:] + symbols[:3]):
        for chunk_bars in (1, 250_000):
            made = engine(FRAME, chunk_bars=chunk_bars).process_batch(job(order, formula))
            assert [result.symbol for result in made] == order
            assert bits(made) == expected


@pytest.mark.parametrize("text", FORMULAS)
def test_alone_with_the_universe_given_is_the_same_as_together(text):
    formula = f"x = {text}\nnz(x, -9) > -10"
    symbols = list(MARKET)
    expected = bits(engine(FRAME).process_batch(job(symbols, formula)))
    for symbol in symbols:
        made = engine(FRAME).process_batch(job([symbol], formula, universe=symbols))
        assert bits(made) == {symbol: expected[symbol]}


@pytest.mark.parametrize("text", FORMULAS)
def test_process_symbol_gives_what_the_batch_gives(text):
    formula = job(list(MARKET), f"x = {text}\nnz(x, -9) > -10")
    made = engine(FRAME)
    expected = {result.symbol: result.matches.rows() for result in made.process_batch(formula)}
    for symbol in ("S0", "S4"):
        bars = made._work(formula).read([symbol])
        assert made._process_symbol(formula, symbol, bars).matches.rows() == expected[symbol]


@pytest.fixture(scope="module")
def long_scanner(tmp_path_factory):
    """Four years, so that readings begin inside of histories; the last symbol stands still for a year."""
    closes = market(symbols=7, days=1000, seed=8)
    flat = closes["S2"]
    flat[600:860] = [20.0] * 260
    path = tmp_path_factory.mktemp("long") / "prices.parquet"
    make_bars(closes, start=dt.date(2020, 1, 1)).write_parquet(path)
    return jt.Scanner(prices=path, raise_internal=True)


@pytest.mark.parametrize("text", FORMULAS)
def test_where_the_range_starts_and_how_much_is_read_changes_nothing(text, long_scanner):
    """FORMULA 4: up to 1e-9, for what is recursive; otherwise to the bit."""
    formula = SHOWN.format(text)
    whole = long_scanner.scan(formula, start="2020-01-01", warmup="full").signals.matches.sort("symbol", "timestamp")
    for start, end in (("2021-02-03", "2021-03-31"), ("2023-05-10", "2023-05-12")):
        ends = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
        expected = whole.filter(pl.col("timestamp").is_between(*ends))
        for warmup in ("auto", "full"):
            made = long_scanner.scan(formula, start=start, end=end, warmup=warmup).signals.matches
            made = made.sort("symbol", "timestamp")
            assert made.drop("x").equals(expected.drop("x"))
            assert made["x"].is_null().equals(expected["x"].is_null())
            assert ((made["x"] - expected["x"]).abs().max() or 0) < 1e-9


def test_symbols_delisted_before_the_range_take_part_in_its_warm_up(tmp_path):
    """A 1…9, B 9…1 until the fifth day only: on the sixth, A's average rank of 5 days has 4 days with B."""
    closes = {"A": [1.0] * 8, "B": [2.0] * 5, "C": [3.0] * 8}
    make_bars(closes).write_parquet(tmp_path / "prices.parquet")
    table = pl.DataFrame({"symbol": list("ABC"), "delisted": [None, dt.date(2024, 1, 8), None]})
    table.write_parquet(tmp_path / "symbols.parquet")
    scanner = jt.Scanner(prices=tmp_path / "prices.parquet", symbols=tmp_path / "symbols.parquet", raise_internal=True)
    result = scanner.scan(SHOWN.format("sma(universe_count(close), 5)"), start="2024-01-08")
    assert result.not_listed == ("B",)
    found = result.signals.matches.filter(pl.col("symbol") == "A").sort("timestamp")["x"].to_list()
    assert found == [(4 * 3 + 2) / 5, (3 * 3 + 2 * 2) / 5, (2 * 3 + 3 * 2) / 5]


def test_the_newest_bar_alone_has_the_rank_of_the_whole_history(long_scanner):
    formula = SHOWN.format("rank(weekly(rank(close)))")
    whole = long_scanner.scan(formula, start="2020-01-01", warmup="full").signals.matches
    made = long_scanner.scan(formula, last=1).signals.matches
    assert made.height
    assert made.sort("symbol").rows() == whole.filter(pl.col("timestamp") == made["timestamp"][0]).sort("symbol").rows()


def test_the_first_bar_of_a_run_is_found_across_the_beginning_of_the_range():
    closes = {"A": [1.0, 3, 3, 1, 3], "B": [2.0, 2, 2, 2, 2]}
    results = engine(closes).process_batch(
        job("A", "rank(close) > 0.5", universe=("A", "B"), first=True, date_range=DateRange(start=dt.date(2024, 1, 3)))
    )
    assert results[0].matches["timestamp"].to_list() == [dt.date(2024, 1, 5)]


# ── what is kept ──────────────────────────────────────────────────────────────


def test_between_passes_only_what_is_compared_is_kept(monkeypatch):
    kept = []
    finish = Gatherer.finish

    def spy(gatherer):
        kept.append([part.rows.columns for parts in gatherer.parts.values() for part in parts])
        return finish(gatherer)

    monkeypatch.setattr(Gatherer, "finish", spy)
    text = "x = rank(roc(close, 3) + volume, by=open > 1)\nx > 0.5 and high > low"
    engine(FRAME, chunk_bars=1).process_batch(job(MARKET, text))
    (parts,) = kept
    assert len(parts) > 1
    assert all(columns[0] == "#time" and len(columns) == 3 for columns in parts)
    assert not {"open", "high", "low", "close", "volume", "symbol"} & {name for part in parts for name in part}


def test_what_is_equal_is_compared_once():
    text = "x = rank(close)\ny = 2 * rank(close)\nrank(close) > 0.5"
    assert [len(each.gathers) for each in engine(THREE)._work(job("ABC", text)).plan.passes] == [1, 0]


# formula; for each pass what it gathers (over the universe or a symbol)
ORDERS = [
    ("rank(close) > rank(volume)", [(None, 2), (None, 0)]),
    ("rank(sma(rank(close), 5)) > 0", [(None, 1), (None, 1), (None, 0)]),
    ('ref("A", close) > ref("B", close)', [("A", 1), ("B", 1), (None, 0)]),
    ('ref("A", close) > ref("A", open)', [("A", 2), (None, 0)]),
    ('rank(close / ref("A", close)) > 0', [("A", 1), (None, 1), (None, 0)]),
    ('ref("A", close / ref("B", close)) > 0', [("B", 1), ("A", 1), (None, 0)]),
]


@pytest.mark.parametrize(("text", "expected"), ORDERS)
def test_passes_come_in_the_order_in_which_they_are_read(text, expected):
    plan = engine(THREE)._work(job("ABC", text)).plan
    assert [(each.symbol, len(each.gathers)) for each in plan.passes] == expected


def test_a_token_that_is_set_leaves_the_rest_of_the_passes_out():
    token = CancellationToken()
    token.cancel()
    work = engine(THREE)._work(job("ABC", "rank(close) > 0.5"))
    passes = Passes(work=work, crew=Inline(1), token=token)
    assert passes.run().made == ()
    assert passes.warnings == []
