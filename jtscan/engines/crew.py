"""Who processes the chunks of a pass: the seam between the loop and where the work is done.

Inline          this thread, the next chunk read ahead      (here)
Pooled          workers: chunks sent ahead, collected in order, tried again where they are lost      (places/pooled.py)
  ThreadCrew    threads of this process, on the same Work      (places/in_threads.py)
  ProcessCrew   processes of this machine, which are sent tasks (tasks.py)      (places/in_processes.py, worker.py)
  ClusterCrew   the workers of a Dask cluster, which are sent the same tasks      (places/in_cluster.py)

Whoever it is, chunks come back in the order of the symbols.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from jtscan.domain.bars import Bars
from jtscan.domain.control import CancellationToken
from jtscan.domain.jobs import ProcessingResult
from jtscan.engines.chunks import cut_evenly, cut_growing, read_ahead
from jtscan.engines.gathered import Piece, pieces
from jtscan.engines.results import empty_matches
from jtscan.engines.work import EXPECTED, Work
from jtscan.errors import first_line

logger = logging.getLogger("jtscan")

ResultOf = Callable[[str], ProcessingResult]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandedIn:
    """What symbols hand in to a pass before the last: rows, who failed and why, who has no bars and why."""

    pieces: Sequence[Piece]
    failures: Mapping[str, str]
    absent: Mapping[str, str]

    @classmethod
    def together(cls, several: Iterable[HandedIn]) -> HandedIn:
        """Put what several chunks handed in one after the other."""
        taken: list[Piece] = []
        failures: dict[str, str] = {}
        absent: dict[str, str] = {}
        for each in several:
            taken += each.pieces
            failures |= each.failures
            absent |= each.absent
        return cls(pieces=taken, failures=failures, absent=absent)


class Crew(Protocol):
    """Processes the symbols of a pass, chunk by chunk, in order, until the token is set."""

    @property
    def stops_symbols(self) -> bool:
        """Whether a symbol that takes too long can be stopped."""

    def process(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], ResultOf]]:
        """Yield symbols, and what gives the result of each."""

    def gather(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], HandedIn]]:
        """Yield symbols, and what they hand in to a pass before the last."""


class Inline:
    """In this thread; chunks grow, so that the first results come at once."""

    stops_symbols = False

    def __init__(self, chunk_bars: int) -> None:
        self._chunk_bars = chunk_bars

    def process(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], ResultOf]]:
        """Process each chunk when it is asked for."""
        with closing(read_ahead(work, self._chunks(work, symbols), token)) as chunks:
            for names, reading in chunks:
                yield names, _result_of(work, names, reading.result)

    def gather(
        self, work: Work, symbols: Sequence[str], token: CancellationToken
    ) -> Generator[tuple[Sequence[str], HandedIn]]:
        """Evaluate each chunk when it is asked for."""
        with closing(read_ahead(work, self._chunks(work, symbols), token)) as chunks:
            for names, reading in chunks:
                yield names, _handed_in(work, names, reading.result, token)

    def _chunks(self, work: Work, symbols: Sequence[str]) -> Iterator[list[str]]:
        return cut_growing(work, symbols, self._chunk_bars)


Done = Mapping[str, ProcessingResult] | HandedIn
"""What becomes of some symbols in a pass: results in the last one, what is handed in before it."""


def do(work: Work, symbols: Sequence[str], chunk_bars: int, token: CancellationToken) -> Done:
    """Do all that a pass does with some symbols, chunk by chunk; once the token is set the rest is left out."""
    handed_in: list[HandedIn] = []
    results: dict[str, ProcessingResult] = {}
    with closing(read_ahead(work, cut_evenly(work, symbols, chunk_bars), token)) as chunks:
        for names, reading in chunks:
            done = finish(work, names, reading.result, token)
            if isinstance(done, HandedIn):
                handed_in.append(done)
            else:
                results.update(done)
    return HandedIn.together(handed_in) if work.this.gathers else results


def finish(work: Work, symbols: Sequence[str], read: Callable[[], Bars], token: CancellationToken) -> Done:
    """Do all that a pass does with a chunk; ``read`` gives its bars."""
    if work.this.gathers:
        return _handed_in(work, symbols, read, token)
    result_of = _result_of(work, symbols, read)
    return {symbol: result_of(symbol) for symbol in symbols if not token.is_cancelled}


def _result_of(work: Work, symbols: Sequence[str], read: Callable[[], Bars]) -> ResultOf:
    """Process a chunk; if it cannot be read, or fails as a whole, each symbol alone when its turn comes."""
    try:
        made = work.process_chunk(symbols, read())
    except EXPECTED as error:
        logger.debug("chunk of %d symbols: %s", len(symbols), first_line(error))
        return work.read_and_process
    except Exception:
        if work.raise_internal:
            raise
        logger.exception("chunk of %d symbols: internal error", len(symbols))
        return work.read_and_process
    return made.__getitem__


def _handed_in(work: Work, symbols: Sequence[str], read: Callable[[], Bars], token: CancellationToken) -> HandedIn:
    """Evaluate a chunk; if it cannot be read, or fails as a whole, each symbol alone."""
    try:
        return _evaluated(work, symbols, read())
    except EXPECTED as error:
        logger.debug("chunk of %d symbols: %s", len(symbols), first_line(error))
    except Exception:
        if work.raise_internal:
            raise
        logger.exception("chunk of %d symbols: internal error", len(symbols))
    return HandedIn.together(_alone(work, symbol) for symbol in symbols if not token.is_cancelled)


def _alone(work: Work, symbol: str) -> HandedIn:
    taken: list[HandedIn] = []

    def take() -> ProcessingResult:
        taken.append(_evaluated(work, [symbol], work.read([symbol])))
        return ProcessingResult(symbol=symbol, matches=empty_matches(work.plan, work.job.timeframe))

    error = work.guarded(symbol, take).error
    return taken[0] if error is None else HandedIn(pieces=(), failures={symbol: error}, absent={})


def _evaluated(work: Work, symbols: Sequence[str], bars: Bars) -> HandedIn:
    found = [*work.evaluated(symbols, bars)]
    taken: list[Piece] = []
    failures: dict[str, str] = {}
    absent: dict[str, str] = {}
    for part in found:
        inside = part.chunk if len(found) == 1 else part.chunk.only(part.symbols)
        wanted = set(part.symbols)
        failed = {**part.chunk.failures, **part.bars.problems}
        taken += pieces(
            work.this.gathers, inside, start=work.window.start, without=failed, members=work.compared_members
        )
        failures |= {symbol: reason for symbol, reason in failed.items() if symbol in wanted}
        absent |= {symbol: reason for symbol, reason in part.bars.absent.items() if symbol in wanted}
    # Whose reasons a warning shows must not depend on where bars stand, nor on how chunks are cut.
    ordered = {symbol: failures[symbol] for symbol in symbols if symbol in failures}
    return HandedIn(pieces=taken, failures=ordered, absent=absent)
