"""The loop over a job's symbols: whoever processes them, results are published in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from jtscan.domain.control import CTRL_C, CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.jobs import ProcessingResult, Status
from jtscan.engines.checkpoint import Checkpoint
from jtscan.engines.crew import Crew
from jtscan.engines.passes import Passes
from jtscan.engines.work import Work

logger = logging.getLogger("jtscan")


@dataclass(slots=True, kw_only=True, eq=False)
class Batch:
    """One run of the loop; once the token is set, nothing more is published."""

    work: Work
    crew: Crew
    listeners: Listeners
    token: CancellationToken
    checkpoint: Checkpoint | None = None
    published: int = field(init=False, default=0)

    def stream(self) -> Generator[ProcessingResult]:
        """Process the symbols, in order, and yield each result once it is published; it is not kept here."""
        try:
            if len(self.work.plan.passes) > 1:
                self._gather()
            with closing(self._made(self._left())) as made:
                for symbol in self.work.job.symbols:
                    if self.token.is_cancelled:
                        return
                    result = self._kept(symbol) or next(made, None)
                    if result is None:
                        return
                    self._publish(result)
                    yield result
        except KeyboardInterrupt:
            # Polars raises Ctrl-C out of whatever thread it computes in: what is done is kept.
            self.token.cancel(CTRL_C)

    def _left(self) -> list[str]:
        """Name the symbols that are not done already."""
        symbols = self.work.job.symbols
        return [symbol for symbol in symbols if self.checkpoint is None or symbol not in self.checkpoint]

    def _kept(self, symbol: str) -> ProcessingResult | None:
        return None if self.checkpoint is None or symbol not in self.checkpoint else self.checkpoint[symbol]

    def _made(self, symbols: Sequence[str]) -> Generator[ProcessingResult]:
        """Process symbols chunk by chunk; what is done of a chunk is kept, also if nobody wants the rest."""
        with closing(self.crew.process(self.work, symbols, self.token)) as chunks:
            for names, result_of in chunks:
                done: list[ProcessingResult] = []
                try:
                    for result in self._results(names, result_of):
                        done.append(result)
                        yield result
                finally:
                    if self.checkpoint is not None:
                        self.checkpoint.keep(done)

    def _results(
        self, symbols: Sequence[str], result_of: Callable[[str], ProcessingResult]
    ) -> Iterator[ProcessingResult]:
        for symbol in symbols:
            if self.token.is_cancelled:
                return
            result = result_of(symbol)
            if result.status is Status.FAILED and self._is_stopped():
                return  # perhaps because its reading was stopped
            yield result

    def _is_stopped(self) -> bool:
        return self.token.is_cancelled

    def _gather(self) -> None:
        """Run what comes before the last pass: nothing is published until all symbols are there."""
        if self.checkpoint is not None and not self._left():
            for warning in self.checkpoint.warnings:
                self.listeners.warn(warning)
            return
        self.listeners.phase("comparing symbols" if self.work.plan.compares else "reading other symbols")
        passes = Passes(work=self.work, crew=self.crew, token=self.token, tell=self.listeners.phase)
        self.work = passes.run()
        if self.token.is_cancelled:
            return
        for warning in passes.warnings:
            self.listeners.warn(warning)
        if self.checkpoint is not None:
            self.checkpoint.compare(list(self.work.failed), self.work.missing, passes.warnings)
        self.listeners.phase("scanning")

    def _publish(self, result: ProcessingResult) -> None:
        self.published += 1
        _log_result(result)
        self.listeners.hear(result, self.published, len(self.work.job.symbols))


class Listeners:
    """The progress callback and the observer; one that raises is told of once, and the scan goes on."""

    def __init__(self, callback: ProgressCallback | None, observer: ScanObserver | None) -> None:
        self._callback = callback
        self._observer = observer
        self._told: set[str] = set()

    def hear(self, result: ProcessingResult, completed: int, total: int) -> None:
        """Tell of one published result."""
        if self._observer is not None:
            self._call("observer", self._observer.on_result, result)
        if self._callback is not None:
            self._call("progress callback", self._callback, completed, total)

    def phase(self, phase: str) -> None:
        """Tell what begins."""
        if self._observer is not None:
            self._call("observer", self._observer.on_phase, phase)

    def warn(self, warning: str) -> None:
        """Tell of something that concerns the whole scan."""
        logger.info("%s", warning)
        hear = getattr(self._observer, "on_warning", None)  # observers of before have no ear for it
        if hear is not None:
            self._call("observer", hear, warning)

    def _call(self, who: str, listener: Callable[..., Any], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception:
            if who not in self._told:
                self._told.add(who)
                logger.exception("the %s raised; the scan goes on, later errors of it are not shown", who)


def _log_result(result: ProcessingResult) -> None:
    if result.status is Status.FAILED:
        logger.warning("symbol %s failed: %s", result.symbol, result.error)
    elif logger.isEnabledFor(logging.DEBUG):
        logger.debug("symbol %s: %s, %d matches", result.symbol, result.status, result.matches.height)
