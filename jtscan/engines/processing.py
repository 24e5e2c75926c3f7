"""The batch loop: every symbol of a job, in order, whatever becomes of each.

    process_batch     entry: snapshot, plan, loop, summary
      _Batch.run      order, chunks read ahead, progress, cancellation
        _Chunk        one chunk of symbols: evaluate, settle, cut into results
          _process_symbol   one symbol alone: what a failing chunk falls back to
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.domain.bars import Bars, DataState, ReadWindow
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.engines.results import Outcome, cut, empty_matches, unsettled
from jtscan.engines.evaluate import evaluate
from jtscan.errors import JtscanError
from jtscan.formula import Plan, compile_formula
from jtscan.ports import IPriceRepository, IPriceSnapshot

logger = logging.getLogger("jtscan")

CHUNK_BARS = 250_000
_SECOND_BARS = 2_500
_GROWTH = 4
EXPECTED = (JtscanError, PolarsError, PanicException, duckdb.Error)


class ProcessingEngine:
    """Processes a job's symbols one after the other, in this thread.

    Parameters
    ----------
    prices
        Where bars come from.
    chunk_bars
        About how many bars are evaluated at once.
    raise_internal
        Let an error that is neither the data's nor the formula's out of the
        batch, instead of failing the symbol. For tests.
    """

    def __init__(self, prices: IPriceRepository, *, chunk_bars: int = CHUNK_BARS, raise_internal: bool = False) -> None:
        self._prices = prices
        self._chunk_bars = chunk_bars
        self._raise_internal = raise_internal

    def data_state(self, timeframe: Timeframe) -> DataState:
        """Tell which data a batch reads now, and what is wrong with it as a whole."""
        snapshot = self._prices.snapshot(timeframe)
        return DataState(version=snapshot.version, notes=snapshot.notes)

    def resolve_range(self, date_range: DateRange, symbols: Sequence[str], timeframe: Timeframe) -> DateRange:
        """Turn ``last=n`` into the dates that it means for these symbols; without bars it stays."""
        if date_range.last is None:
            return date_range
        start = self._prices.snapshot(timeframe).newest(symbols, date_range.last)
        return date_range if start is None else DateRange(start=start)

    def process_batch(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Process every symbol, in order; blocks.

        Returns
        -------
        list of ProcessingResult
            One per symbol, in the job's order; if cancelled, those published until then.

        Raises
        ------
        FormulaError, RequestError
            The formula cannot be compiled with the columns of the price files.
        DataError
            There are no usable prices at all.
        """
        return self._process_batch_sync(job, progress_callback, cancellation_token, observer)

    async def process_batch_async(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        observer: ScanObserver | None = None,
    ) -> list[ProcessingResult]:
        """Do the same in a thread; cancelling the task that awaits it cancels the batch."""
        token = cancellation_token or CancellationToken()
        try:
            return await asyncio.to_thread(self._process_batch_sync, job, progress_callback, token, observer)
        except asyncio.CancelledError:
            token.cancel()
            raise

    def _process_batch_sync(
        self,
        job: ProcessingJob,
        progress_callback: ProgressCallback | None,
        cancellation_token: CancellationToken | None,
        observer: ScanObserver | None,
    ) -> list[ProcessingResult]:
        started = time.perf_counter()
        logger.info("scan %s: %d symbols, %s, %s", job.id, len(job.symbols), job.timeframe, job.date_range)
        batch = _Batch(
            work=self._work(job),
            chunk_bars=self._chunk_bars,
            listeners=_Listeners(progress_callback, observer),
            token=cancellation_token or CancellationToken(),
        )
        results = batch.run()
        _log_summary(job, results, time.perf_counter() - started)
        return results

    def _work(self, job: ProcessingJob) -> _Work:
        snapshot = self._prices.snapshot(job.timeframe)
        plan = compile_formula(job.formula, snapshot.columns, job.parameters, first=job.first)
        start, end = self.resolve_range(job.date_range, job.symbols, job.timeframe).bounds(job.timeframe)
        warmup = None if job.warmup == "full" else plan.warmup
        window = ReadWindow(start=start, end=end, warmup=warmup)
        return _Work(job=job, plan=plan, snapshot=snapshot, window=window, raise_internal=self._raise_internal)

    def _process_symbol(self, job: ProcessingJob, symbol: str, bars: Bars) -> ProcessingResult:
        """Process one symbol alone: the complete path from bars to a result."""
        return self._work(job).process_symbol(symbol, bars)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Work:
    """What every symbol of a job shares, and how symbols become results."""

    job: ProcessingJob
    plan: Plan
    snapshot: IPriceSnapshot
    window: ReadWindow
    raise_internal: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns to read: the formula's, and the close for the matches."""
        close = ["close"] if self.snapshot.columns.get("close") == "number" else []
        return list(dict.fromkeys([*self.plan.reads, *close]))

    def read(self, symbols: Sequence[str]) -> Bars:
        return self.snapshot.read(symbols, self.columns, self.window)

    def process_chunk(self, symbols: Sequence[str], bars: Bars) -> dict[str, ProcessingResult]:
        """Process the symbols of a chunk together; one by one if that fails."""
        started = time.perf_counter()
        try:
            outcomes = self._outcomes(symbols, bars)
        except (Exception, PanicException):
            if len(symbols) == 1:
                raise
            return {symbol: self.process_symbol(symbol, _only(bars, symbol)) for symbol in symbols}
        share = (time.perf_counter() - started) * 1000 / len(symbols)
        return {symbol: outcomes[symbol].result(symbol, share) for symbol in symbols}

    def process_symbol(self, symbol: str, bars: Bars) -> ProcessingResult:
        """Process one symbol; whatever goes wrong is its own status and reason."""
        return self.guarded(symbol, lambda: self.process_chunk([symbol], bars)[symbol])

    def read_and_process(self, symbol: str) -> ProcessingResult:
        """Read and process one symbol alone."""
        return self.guarded(symbol, lambda: self.process_chunk([symbol], self.read([symbol]))[symbol])

    def guarded(self, symbol: str, make: Callable[[], ProcessingResult]) -> ProcessingResult:
        """The one place where a symbol's failure is caught."""
        try:
            return make()
        except EXPECTED as error:
            return self._failed(symbol, _first_line(error))
        except Exception as error:
            if self.raise_internal:
                raise
            logger.exception("symbol %s: internal error", symbol)
            return self._failed(symbol, f"internal error: {type(error).__name__}: {_first_line(error)}")

    def _failed(self, symbol: str, reason: str) -> ProcessingResult:
        matches = empty_matches(self.plan, self.job.timeframe)
        return ProcessingResult(symbol=symbol, matches=matches, error=reason, status=Status.FAILED)

    def _outcomes(self, symbols: Sequence[str], bars: Bars) -> dict[str, Outcome]:
        """Evaluate the chunk, and once more with all history for symbols whose warm-up has not settled."""
        partial = self.window.start is not None and self.window.warmup is not None and self.plan.settles
        steps = self.plan.settling if partial else self.plan.steps
        chunk = evaluate(steps, self._labelled(bars.frame))
        outcomes = cut(self.plan, self.job.timeframe, chunk, bars, symbols, self.window)
        again = unsettled(self.plan.settles, chunk, bars, self.window.start) if partial else []
        if again:
            full = ReadWindow(start=self.window.start, end=self.window.end, warmup=None)
            longer = self.snapshot.read(again, self.columns, full)
            evaluated = evaluate(self.plan.steps, self._labelled(longer.frame))
            outcomes.update(cut(self.plan, self.job.timeframe, evaluated, longer, again, full))
        return outcomes

    def _labelled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the name, market and sector of each symbol, where the formula reads them."""
        wanted = [name for name in self.plan.texts if name != "symbol"]
        if not wanted:
            return frame
        if self.job.labels is None:
            return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in wanted)
        return frame.join(self.job.labels.select("symbol", *wanted), on="symbol", how="left", maintain_order="left")


@dataclass(slots=True, kw_only=True, eq=False)
class _Batch:
    """The loop over a job's symbols: chunks read ahead, results published in order."""

    work: _Work
    chunk_bars: int
    listeners: _Listeners
    token: CancellationToken
    results: list[ProcessingResult] = field(default_factory=list)

    def run(self) -> list[ProcessingResult]:
        chunks = self._chunks()
        with ThreadPoolExecutor(1, thread_name_prefix="jtscan-read") as reader:
            ahead: Future[Bars] | None = None
            following = next(chunks, None)
            while following is not None and not self.token.is_cancelled:
                symbols, reading = following, ahead or reader.submit(self.work.read, following)
                following = next(chunks, None)
                ahead = None if following is None else reader.submit(self.work.read, following)
                self._publish_all(symbols, self._process(symbols, reading))
            if ahead is not None:
                ahead.cancel()
        return self.results

    def _process(self, symbols: Sequence[str], reading: Future[Bars]) -> Callable[[str], ProcessingResult]:
        """Process a chunk; if it cannot be read, or fails as a whole, each symbol alone when its turn comes."""
        try:
            made = self.work.process_chunk(symbols, reading.result())
        except EXPECTED as error:
            logger.debug("chunk of %d symbols: %s", len(symbols), _first_line(error))
            return self.work.read_and_process
        except Exception:
            if self.work.raise_internal:
                raise
            logger.exception("chunk of %d symbols: internal error", len(symbols))
            return self.work.read_and_process
        return made.__getitem__

    def _publish_all(self, symbols: Sequence[str], result_of: Callable[[str], ProcessingResult]) -> None:
        for symbol in symbols:
            if self.token.is_cancelled:
                return
            result = result_of(symbol)
            self.results.append(result)
            _log_result(result)
            self.listeners.hear(result, len(self.results), len(self.work.job.symbols))

    def _chunks(self) -> Iterator[list[str]]:
        """Cut the symbols into chunks: the first of one symbol, then growing, so that progress starts at once."""
        factor = self.work.snapshot.chunk_factor
        most = self.chunk_bars * factor
        budget = most if factor > 1 else 1
        sizes = self.work.snapshot.sizes(self.work.job.symbols, self.work.window)
        chunk: list[str] = []
        bars = 0
        for symbol in self.work.job.symbols:
            chunk.append(symbol)
            bars += max(sizes.get(symbol, 0), 1)
            if bars >= budget:
                yield chunk
                chunk, bars, budget = [], 0, min(max(budget * _GROWTH, _SECOND_BARS), most)
        if chunk:
            yield chunk


class _Listeners:
    """The progress callback and the observer; one that raises is told of once, and the scan goes on."""

    def __init__(self, callback: ProgressCallback | None, observer: ScanObserver | None) -> None:
        self._callback = callback
        self._observer = observer
        self._told: set[str] = set()

    def hear(self, result: ProcessingResult, completed: int, total: int) -> None:
        if self._observer is not None:
            self._call("observer", self._observer.on_result, result)
        if self._callback is not None:
            self._call("progress callback", self._callback, completed, total)

    def _call(self, who: str, listener: Callable[..., Any], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception:
            if who not in self._told:
                self._told.add(who)
                logger.exception("the %s raised; the scan goes on, later errors of it are not shown", who)


def _only(bars: Bars, symbol: str) -> Bars:
    """The bars of one symbol out of a chunk."""
    return Bars(
        frame=bars.frame.filter(pl.col("symbol") == symbol),
        rows=bars.rows,
        problems=bars.problems,
        absent=bars.absent,
        from_first=bars.from_first,
        last_seen=bars.last_seen,
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _log_result(result: ProcessingResult) -> None:
    if result.status is Status.FAILED:
        logger.warning("symbol %s failed: %s", result.symbol, result.error)
    elif logger.isEnabledFor(logging.DEBUG):
        logger.debug("symbol %s: %s, %d matches", result.symbol, result.status, result.matches.height)


def _log_summary(job: ProcessingJob, results: Sequence[ProcessingResult], seconds: float) -> None:
    errors = sum(result.status is Status.FAILED for result in results)
    matches = sum(result.matches.height for result in results)
    logger.info(
        "scan %s: processed %d of %d, errors %d, matches %d, total time %.3f s",
        job.id, len(results), len(job.symbols), errors, matches, seconds,
    )  # fmt: skip
