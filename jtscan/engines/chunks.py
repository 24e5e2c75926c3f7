"""Reading ahead: the bars of the next chunk are read while this one is evaluated."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from jtscan.domain.bars import Bars
from jtscan.domain.control import CancellationToken
from jtscan.engines.work import Work

_SECOND_BARS = 2_500
_GROWTH = 4

Chunk = tuple[list[str], "Future[Bars]"]


def read_ahead(work: Work, chunks: Iterator[list[str]], token: CancellationToken) -> Generator[Chunk]:
    """Yield chunks of symbols with their bars, one reading ahead, until the token is set."""
    context = copy_context()  # it tells whom the reading is for
    with ThreadPoolExecutor(1, thread_name_prefix="jtscan-read") as reader:
        ahead: Future[Bars] | None = None
        following = next(chunks, None)
        try:
            while following is not None and not token.is_cancelled:
                names, reading = following, ahead or reader.submit(context.run, work.read, following)
                following = next(chunks, None)
                ahead = None if following is None else reader.submit(context.run, work.read, following)
                yield names, reading
        finally:
            if ahead is not None:
                ahead.cancel()


def cut_growing(work: Work, symbols: Sequence[str], chunk_bars: int) -> Iterator[list[str]]:
    """Cut the symbols into chunks: the first of one symbol, then growing, so that progress starts at once."""
    factor = work.snapshot.chunk_factor
    return _cut(symbols, sizes_of(work, symbols), chunk_bars * factor if factor > 1 else 1, chunk_bars * factor)


def cut_evenly(work: Work, symbols: Sequence[str], chunk_bars: int) -> Iterator[list[str]]:
    """Cut the symbols into chunks of about so many bars."""
    most = chunk_bars * work.snapshot.chunk_factor
    return _cut(symbols, sizes_of(work, symbols), most, most)


def sizes_of(work: Work, symbols: Sequence[str]) -> Mapping[str, int]:
    """Tell about how many bars of each symbol are read."""
    return work.snapshot.sizes(symbols, work.window)


def _cut(symbols: Sequence[str], sizes: Mapping[str, int], first: int, most: int) -> Iterator[list[str]]:
    """Cut chunks of ``most`` bars, the first of them into growing parts: borders stay where rows are put together."""
    budget = first
    chunk: list[str] = []
    bars = done = 0
    for symbol in symbols:
        chunk.append(symbol)
        bars += max(sizes.get(symbol, 0), 1)
        if bars >= budget:
            yield chunk
            done += bars
            grown = min(max(budget * _GROWTH, _SECOND_BARS), most - done)
            chunk, bars, budget = [], 0, grown if done < most else most
    if chunk:
        yield chunk
