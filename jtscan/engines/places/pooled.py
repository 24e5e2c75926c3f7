"""Chunks sent to workers, a bounded number at once, and collected in order.

A symbol that fails is data, which comes back in the answer; a future that
raises means that its chunk was lost. It is sent again, then each of its
symbols alone: halves would blame innocents, and each wrong guess costs a worker.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

from jtscan.domain.control import CancellationToken
from jtscan.domain.words import counted
from jtscan.engines.chunks import cut_evenly, sizes_of
from jtscan.engines.crew import Done, HandedIn, ResultOf
from jtscan.engines.work import Work
from jtscan.errors import EngineError

logger = logging.getLogger("jtscan")

LET_GO = "the workers were let go while a scan was at work: scan again"
_POLL_SECONDS = 0.05
_AHEAD = 2
_ROUNDS = 4


class Lost(Exception):  # noqa: N818 - a chunk is lost, which is no error of anybody yet
    """A chunk did not come back.

    ``hopeless`` says that sending it again would be the same again,
    ``internal`` that the task itself raised, which no task should.
    """

    def __init__(self, reason: str, *, hopeless: bool = False, internal: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless
        self.internal = internal


class Order(Protocol):
    """One pass, as a pool sends it to its workers."""

    def send(self, symbols: Sequence[str]) -> Future[Any]:
        """Send some symbols."""

    def receive(self, answer: Any) -> Done:
        """Unpack what came back."""

    def lost(self, error: Exception) -> Lost:
        """Say how a chunk was lost, from what its future raised."""


@dataclass(slots=True, eq=False)
class _Sent:
    """A chunk at work."""

    symbols: Sequence[str]
    future: Future[Any]


class Pooled(ABC):
    """A crew of workers."""

    stops_symbols = False
    shares_fate = False

    def __init__(self, chunk_bars: int) -> None:
        self.chunk_bars = chunk_bars

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many chunks can be at work at the same time."""

    @abstractmethod
    def chunk_sizes(self, work: Work) -> tuple[int, int]:
        """How many bars are worth sending at once at the least, and at the most."""

    @abstractmethod
    def order(self, work: Work, token: CancellationToken) -> Order:
        """Prepare a pass; raises EngineError where it cannot be sent."""

    @abstractmethod
    def drop(self, future: Future[Any]) -> None:
        """Let go of a chunk that nobody waits for any more."""

    @abstractmethod
    def close(self) -> None:
        """Let the workers go."""

    def check(self) -> None:  # noqa: B027 - threads and processes always are
        """Look whether there is anybody at work; raises EngineError where nobody will ever answer."""

    def process(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], ResultOf]]:
        """Yield symbols, and what gives the result of each."""
        for names, done in self._run(work, symbols, token):
            if not isinstance(done, HandedIn):
                yield names, done.__getitem__

    def gather(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], HandedIn]]:
        """Yield symbols, and what they hand in to a pass before the last."""
        for names, done in self._run(work, symbols, token):
            if isinstance(done, HandedIn):
                yield names, done

    def _run(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Iterator[tuple[Sequence[str], Done]]:
        run = _Run(crew=self, work=work, order=self.order(work, token), token=token)
        yield from run.through(self._cut(work, symbols), alone=False)

    def _cut(self, work: Work, symbols: Sequence[str]) -> Iterator[list[str]]:
        """Cut chunks that keep every worker busy to the end."""
        least, most = self.chunk_sizes(work)
        bars = sum(sizes_of(work, symbols).values())
        fair = bars // (self.workers * _ROUNDS)
        return cut_evenly(work, symbols, _shared_out(bars, min(max(fair, least), most)))


def _shared_out(bars: int, size: int) -> int:
    """Make chunks as many, but of one size: beside a full one and a rest somebody would wait."""
    return ceil(bars / ceil(bars / size)) if bars > size else size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """One pass over its symbols."""

    crew: Pooled
    work: Work
    order: Order
    token: CancellationToken

    def through(self, chunks: Iterable[Sequence[str]], *, alone: bool) -> Iterator[tuple[Sequence[str], Done]]:
        """Send chunk after chunk, and give back what they become, in order; ends early when the token is set."""
        coming = iter(chunks)
        waiting: deque[_Sent] = deque()
        try:
            while not self.token.is_cancelled:
                ahead = 1 if alone and self.crew.shares_fate else _AHEAD * max(self.crew.workers, 1)
                while len(waiting) < ahead and (symbols := next(coming, None)) is not None:
                    waiting.append(_Sent(symbols, self.order.send(symbols)))
                if not waiting:
                    return
                yield from self._collected(waiting[0], list(waiting)[1:], alone=alone)
                waiting.popleft()
        finally:
            for each in waiting:
                self.crew.drop(each.future)

    def _collected(self, sent: _Sent, others: Sequence[_Sent], *, alone: bool) -> Iterator[tuple[Sequence[str], Done]]:
        """Wait for a chunk; one that is lost for good is gone through symbol by symbol."""
        try:
            done = self._done(sent, others, alone=alone)
        except _Cancelled:
            self.crew.drop(sent.future)
            return
        if done is None:
            yield from self.through([[symbol] for symbol in sent.symbols], alone=True)
        else:
            yield sent.symbols, done

    def _done(self, sent: _Sent, others: Sequence[_Sent], *, alone: bool) -> Done | None:
        """Tell what became of a chunk; None is that each symbol must be tried alone."""
        try:
            return self.order.receive(self._answer(sent))
        except Lost as lost:
            if len(sent.symbols) == 1 and (alone or not self.crew.shares_fate):
                return self._failed(sent.symbols[0], str(lost))
            logger.info("a chunk of %s was lost: %s; each alone", counted(len(sent.symbols), "symbol"), lost)
        if self.crew.shares_fate:  # whoever is suspected must have nobody beside him
            for each in others:
                self._wait(each.future)
        return None

    def _answer(self, sent: _Sent) -> Any:
        """Wait for what a chunk becomes; one that is lost is sent again, once."""
        try:
            return self._outcome(sent)
        except Lost as lost:
            if lost.hopeless:
                raise
            logger.info("a chunk of %s was lost: %s; sent again", counted(len(sent.symbols), "symbol"), lost)
            sent.future = self.order.send(sent.symbols)
            try:
                return self._outcome(sent)
            except Lost as again:
                raise (again if again.hopeless else Lost(f"{again} twice")) from None

    def _outcome(self, sent: _Sent) -> Any:
        self._wait(sent.future)
        try:
            return sent.future.result(timeout=0)
        except (Lost, EngineError):
            raise
        except Exception as error:
            lost = self.order.lost(error)
            if lost.internal and self.work.raise_internal:
                raise
            logger.debug("a chunk raised", exc_info=True)
            raise lost from error

    def _wait(self, future: Future[Any]) -> None:
        while not wait([future], timeout=_POLL_SECONDS).done:
            if self.token.is_cancelled:
                raise _Cancelled
            self.crew.check()
        if self.token.is_cancelled:
            raise _Cancelled

    def _failed(self, symbol: str, reason: str) -> Done:
        if self.work.this.gathers:
            return HandedIn(pieces=(), failures={symbol: reason}, absent={})
        return {symbol: self.work.failed_result(symbol, reason)}


class _Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """The token was set while a chunk was at work."""
