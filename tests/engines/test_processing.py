"""The batch loop: order, progress, isolation, cancellation, logging."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging

import polars as pl
import pytest
from polars.exceptions import PanicException

from jtscan.domain.bars import ReadWindow
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.engines import work
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import DataError, FormulaError, RequestError
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder, make_bars

UP = [10.0, 11, 12, 13]
DOWN = [10.0, 9, 8, 7]
OPEN = DateRange(start=dt.date(1990, 1, 1))


def job(*symbols, formula="close > close[1]", date_range=OPEN, **options):
    value = Formula(text=formula) if isinstance(formula, str) else formula
    return ProcessingJob(
        id="job", symbols=symbols, timeframe=Timeframe.D1, date_range=date_range, formula=value, **options
    )


def engine(closes, **options):
    return ProcessingEngine(InMemoryPriceRepository(make_bars(closes), **options), raise_internal=True)


def test_batch_processing_sequential():
    results = engine({"A": UP, "B": DOWN, "C": UP}).process_batch(job("C", "A", "B"))
    assert [result.symbol for result in results] == ["C", "A", "B"]
    assert [result.matches.height for result in results] == [3, 3, 0]
    assert [result.status for result in results] == [Status.MATCHED, Status.MATCHED, Status.NO_MATCH]


def test_batch_progress_callback():
    progress = ProgressRecorder()
    engine(dict.fromkeys("ABCD", UP)).process_batch(job(*"ABCD"), progress_callback=progress)
    assert progress.calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_batch_continues_on_error():
    results = engine({"A": UP, "B": UP, "C": UP}, broken={"B": "two rows of one day"}).process_batch(job(*"ABC"))
    assert [(result.symbol, result.status, result.error) for result in results] == [
        ("A", Status.MATCHED, None),
        ("B", Status.FAILED, "two rows of one day"),
        ("C", Status.MATCHED, None),
    ]


def test_batch_summary_logging(caplog):
    with caplog.at_level(logging.DEBUG, logger="jtscan"):
        engine({"A": UP, "B": DOWN, "C": UP}, broken={"C": "torn"}).process_batch(job(*"ABC"))
    by_level = {level: [each.getMessage() for each in caplog.records if each.levelname == level]
                for level in ("INFO", "DEBUG", "WARNING")}  # fmt: skip
    assert by_level["INFO"][0].startswith("scan job: 3 symbols, 1d")
    assert by_level["INFO"][-1].startswith("scan job: processed 3 of 3, errors 1, matches 3, total time ")
    assert by_level["DEBUG"] == ["symbol A: matched, 3 matches", "symbol B: no_match, 0 matches"]
    assert by_level["WARNING"] == ["symbol C failed: torn"]


@pytest.mark.parametrize(
    "error",
    [DataError("the file broke"), pl.exceptions.ComputeError("the file broke"), PanicException("the file broke")],
)
def test_a_chunk_that_cannot_be_read_is_read_symbol_by_symbol(error):
    results = engine(dict.fromkeys("ABCDEFGH", UP), broken={"F": error}).process_batch(job(*"ABCDEFGH"))
    assert {result.symbol: result.status for result in results} == {
        **dict.fromkeys("ABCDEGH", Status.MATCHED),
        "F": Status.FAILED,
    }
    assert results[5].error == "the file broke"


def test_an_internal_error_fails_the_symbol_alone_with_a_traceback_in_the_log(caplog):
    prices = InMemoryPriceRepository(make_bars(dict.fromkeys("ABC", UP)), broken={"B": ZeroDivisionError("ours")})
    results = ProcessingEngine(prices).process_batch(job(*"ABC"))
    assert [result.status for result in results] == [Status.MATCHED, Status.FAILED, Status.MATCHED]
    assert results[1].error == "internal error: ZeroDivisionError: ours"
    assert "Traceback" in caplog.text


def test_an_internal_error_comes_out_when_asked_for():
    with pytest.raises(ZeroDivisionError, match="ours"):
        engine({"A": UP}, broken={"A": ZeroDivisionError("ours")}).process_batch(job("A"))


def test_a_keyboard_interrupt_in_the_batch_cancels_and_keeps_what_is_done():
    """Polars raises Ctrl-C in whatever thread it computes in."""
    token = CancellationToken()
    made = engine(dict.fromkeys("ABCDE", UP), broken={"B": KeyboardInterrupt()})
    results = made.process_batch(job(*"ABCDE"), cancellation_token=token)
    assert [result.symbol for result in results] == ["A"]
    assert token.is_cancelled


def test_nothing_is_published_after_cancellation():
    token, progress = CancellationToken(), ProgressRecorder()

    def cancel_at_two(completed, total):
        progress(completed, total)
        if completed == 2:
            token.cancel()

    results = engine(dict.fromkeys("ABCDE", UP)).process_batch(job(*"ABCDE"), cancel_at_two, token)
    assert [result.symbol for result in results] == ["A", "B"]
    assert progress.calls == [(1, 5), (2, 5)]


def test_a_batch_cancelled_before_it_starts_gives_nothing():
    token = CancellationToken()
    token.cancel()
    assert engine({"A": UP}).process_batch(job("A"), cancellation_token=token) == []


def test_cancelling_the_awaiting_task_cancels_the_token():
    token = CancellationToken()

    async def main():
        closes = {f"{number:03}": UP for number in range(200)}
        task = asyncio.create_task(engine(closes).process_batch_async(job(*closes), cancellation_token=token))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert token.is_cancelled


def test_a_callback_that_raises_is_logged_once_and_the_scan_goes_on(caplog):
    def callback(completed, total):
        raise RuntimeError("the bar fell over")

    results = engine(dict.fromkeys("ABC", UP)).process_batch(job(*"ABC"), callback)
    assert len(results) == 3
    assert caplog.text.count("RuntimeError: the bar fell over") == 1


def test_the_observer_hears_each_result_in_order():
    heard = ProgressRecorder()
    results = engine(dict.fromkeys("CAB", UP)).process_batch(job(*"CAB"), observer=heard)
    assert heard.results == results


def test_a_symbol_without_bars_has_no_data():
    (result,) = engine({"A": UP}).process_batch(job("Z"))
    assert (result.status, result.error) == (Status.NO_DATA, "no bars in memory")


def test_too_little_history_is_not_no_match():
    closes = {"SHORT": [1.0, 2, 3], "LONG": [9.0, 8, 7, 6, 5]}
    short, long = engine(closes).process_batch(job("SHORT", "LONG", formula="close > sma(close, 4)"))
    assert (short.status, short.error) == (Status.TOO_LITTLE_HISTORY, "3 bars; the formula needs 4")
    assert long.status is Status.NO_MATCH


def test_unknown_for_missing_values_is_told_apart_from_too_little_history():
    bars = make_bars({"A": UP}).with_columns(per=pl.lit(None, dtype=pl.Float64))
    made = ProcessingEngine(InMemoryPriceRepository(bars), raise_internal=True)
    (result,) = made.process_batch(job("A", formula="per > 1"))
    assert result.status is Status.NO_MATCH
    assert result.error == "the formula is unknown on every bar of the range"


def test_a_formula_that_cannot_be_compiled_stops_the_scan():
    with pytest.raises(FormulaError, match="unknown name 'clos'"):
        engine({"A": UP}).process_batch(job("A", formula="clos > 1"))


def test_two_signals_on_one_bar_are_two_rows_in_order_of_definition():
    (result,) = engine({"A": UP}).process_batch(
        job("A", formula="sell = close > 11\nbuy = close > 10\ngain = close - close[1]")
    )
    assert result.matches.select("timestamp", "signal_type", "close", "gain").rows() == [
        (dt.date(2024, 1, 2), "buy", 11.0, 1.0),
        (dt.date(2024, 1, 3), "sell", 12.0, 1.0),
        (dt.date(2024, 1, 3), "buy", 12.0, 1.0),
        (dt.date(2024, 1, 4), "sell", 13.0, 1.0),
        (dt.date(2024, 1, 4), "buy", 13.0, 1.0),
    ]


def test_two_signals_may_be_the_same_condition():
    (result,) = engine({"A": UP}).process_batch(job("A", formula="buy = close > 12\nclose > 12"))
    assert result.error is None
    assert result.matches["signal_type"].to_list() == ["buy", "match"]


def test_last_is_counted_on_the_calendar_of_the_symbols():
    """A suspended symbol's old bar is not the newest bar of the market."""
    made = engine({"A": UP, "GONE": [10.0, 11, None, None]})
    results = made.process_batch(job("A", "GONE", date_range=DateRange(last=1)))
    assert [(result.symbol, result.status) for result in results] == [("A", Status.MATCHED), ("GONE", Status.NO_DATA)]
    assert results[0].matches["timestamp"].to_list() == [dt.date(2024, 1, 4)]
    assert results[1].last_bar == dt.date(2024, 1, 2)


def test_text_fields_are_read_from_the_labels():
    labels = pl.DataFrame(
        {"symbol": ["A", "B"], "name": ["a", "b"], "market": ["KOSPI", "KOSDAQ"], "sector": [None, "x"]}
    )
    made = engine({"A": UP, "B": UP})
    for formula, expected in {
        'market == "KOSPI"': ["A"],
        'market in ("KOSDAQ", "KONEX")': ["B"],
        'market != "KOSPI"': ["B"],
        'sector != "x"': [],
        'symbol == "B" and close > 11': ["B"],
    }.items():
        results = made.process_batch(job("A", "B", formula=formula, labels=labels))
        assert [result.symbol for result in results if result.matches.height] == expected, formula


def test_polars_expressions_are_evaluated_on_one_symbol_alone():
    formula = PolarsFormula(
        signals={"up": pl.col("close") > pl.col("close").shift(1), "start": pl.col("close") == 10}, lookback=1
    )
    results = engine({"A": UP, "B": UP}).process_batch(job("A", "B", formula=formula))
    assert results[1].matches.select("signal_type", "close").rows() == [
        ("start", 10.0), ("up", 11.0), ("up", 12.0), ("up", 13.0)]  # fmt: skip


def test_an_expression_that_gives_one_value_is_refused():
    formula = PolarsFormula(signals={"up": pl.col("close").max() > 5}, lookback=0)
    with pytest.raises(RequestError, match="signal 'up' gives one value for all bars"):
        engine({"A": UP}).process_batch(job("A", formula=formula))


def test_process_symbol_is_the_complete_path_for_one_symbol():
    prices = InMemoryPriceRepository(make_bars({"A": UP, "B": DOWN}))
    made = ProcessingEngine(prices)
    result = made._process_symbol(job("A", "B"), "A", prices.read(["A"], ["close"], ReadWindow()))
    assert (result.symbol, result.status, result.bars) == ("A", Status.MATCHED, 4)
    assert result.matches["close"].to_list() == [11.0, 12.0, 13.0]


def test_chunks_start_with_one_symbol_and_grow_so_that_the_first_are_one_whole_together():
    prices = InMemoryPriceRepository(make_bars({f"{number:03}": [1.0] * 1000 for number in range(40)}))
    ProcessingEngine(prices, chunk_bars=12_000).process_batch(job(*(f"{number:03}" for number in range(40))))
    assert [len(call) for call in prices.read_calls] == [1, 3, 8, 12, 12, 4]


def test_a_bug_of_ours_that_only_chunks_have_comes_out(monkeypatch, caplog):
    cut = work.cut

    def broken(how, chunk, bars, symbols):
        if len(symbols) > 1:
            raise ZeroDivisionError("chunk bug")
        return cut(how, chunk, bars, symbols)

    monkeypatch.setattr(work, "cut", broken)
    closes = dict.fromkeys("ABCDE", UP)
    with pytest.raises(ZeroDivisionError, match="chunk bug"):
        engine(closes).process_batch(job(*"ABCDE"))
    results = ProcessingEngine(InMemoryPriceRepository(make_bars(closes))).process_batch(job(*"ABCDE"))
    assert [result.status for result in results] == [Status.MATCHED] * 5
    assert "chunk bug" in caplog.text
