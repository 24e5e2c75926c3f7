"""Progress bars: tqdm, in a terminal and in a notebook.

A bar appears where somebody looks and only if the work takes a while; it
disappears when the work is done. There is never a second one: a scan beside
another, or inside a loop that has a bar, is quiet.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import cache
from typing import Any

from jtscan.domain.control import ProgressCallback, ScanObserver
from jtscan.domain.jobs import ProcessingResult, Status
from jtscan.errors import RequestError

PhaseCallback = Callable[[str, int, int], object]
"""Hears what an ingest does, how much of it is done, and how much there is (0: not known)."""

PATIENCE = 1.0
_WORTH_A_BAR = 0.5
_SECONDS_BETWEEN = 0.1
_NOT_KNOWN = "{desc}{elapsed}"
_ALL_DONE = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"  # what comes now has no pace
_ONE_BAR = threading.Lock()  # there is one terminal and one cell to draw in
logger = logging.getLogger(__name__)


def is_wanted(progress: bool | None, *, heard: bool = False) -> bool:  # noqa: FBT001 - what the user wrote
    """Whether there may be a bar; without a word it is for those who look, if nothing else tells them.

    tqdm's own switch, ``TQDM_DISABLE`` in the environment, keeps every bar away.
    """
    if progress is not None and not isinstance(progress, bool):
        raise RequestError("progress", f"{progress!r} is unknown; write True, False, or None for a bar where it pays")
    if os.environ.get("TQDM_DISABLE"):
        return False
    return (not heard and _somebody_looks()) if progress is None else progress


def _somebody_looks() -> bool:
    """Whether this is a terminal or the kernel of a notebook."""
    return _in_terminal() or _in_notebook()


def _in_terminal() -> bool:
    """Whether there is a terminal; a service or a windowed Python has no stderr, or a closed one."""
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()


def _in_notebook() -> bool:
    shell = sys.modules.get("ipykernel.zmqshell")
    return shell is not None and shell.ZMQInteractiveShell.initialized()


class Bar:
    """A tqdm that appears once the work has taken a while, unless it is all but done; and leaves nothing behind."""

    def __init__(self, *, at_once: bool, unit: str = "") -> None:
        self._at_once = at_once
        self._unit = unit
        self._started = time.time()
        self._drawn = 0.0
        self._phase = ""
        self._bar: Any = None
        self._take_away: Callable[[], None] = _nothing

    def show(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Draw so much of so much (0: not known), at most ten times a second."""
        now = time.time()
        if phase == self._phase and now - self._drawn < _SECONDS_BETWEEN:
            return
        self._phase, self._drawn = phase, now
        if self._bar is None and self._is_time(done, total, now - self._started):
            self._bar = self._opened(total)
        if self._bar is not None:
            self._draw(done, total, note)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.total = None  # tqdm leaves an unfinished bar of a notebook standing, in red
            self._bar.close()
            self._bar = None
            self._take_away()
            _ONE_BAR.release()

    def _is_time(self, done: int, total: int, taken: float) -> bool:
        left = taken * (total - done) / done if done else taken
        return self._at_once or (taken >= PATIENCE and left >= _WORTH_A_BAR)

    def _opened(self, total: int) -> Any:
        """Make the bar; None beside another."""
        if not _ONE_BAR.acquire(blocking=False):
            return None
        with ExitStack() as unless_made:
            unless_made.callback(_ONE_BAR.release)
            tqdm = _tqdm()
            if _is_busy(tqdm):
                return None
            look = {"display": False} if _is_widget(tqdm) else {"dynamic_ncols": _in_terminal()}
            bar = tqdm(total=total or None, unit=self._unit, leave=False, **look)
            bar.start_t = self._started
            if _is_widget(tqdm):
                from jtscan.notebook.bars import shown  # noqa: PLC0415 - only where a notebook is

                self._take_away = shown(bar.container)
            unless_made.pop_all()
            return bar

    def _draw(self, done: int, total: int, note: str) -> None:
        if total and total != self._bar.total:
            self._bar.reset(total=total)
            self._bar.start_t = self._started
        self._bar.total, self._bar.n = total or None, done
        self._bar.bar_format = _NOT_KNOWN if not total else _ALL_DONE if done >= total else None
        self._bar.set_description(self._phase, refresh=False)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()


@cache
def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where ipywidgets is missing, tqdm says so and draws with letters
        from tqdm.auto import tqdm  # noqa: PLC0415 - looks for a notebook when imported
    return tqdm


def _nothing() -> None:
    """What there is to take away of a bar in a terminal."""


def _is_widget(tqdm: Any) -> bool:
    return any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


def _is_busy(tqdm: Any) -> bool:
    """Whether somebody else, such as a loop around the scan, has a bar at work."""
    return any(not bar.disable for bar in getattr(tqdm, "_instances", ()))


class Watch:
    """Counts what a scan does, for a bar, and tells those who listen besides."""

    def __init__(self, callback: ProgressCallback | None, observer: ScanObserver | None) -> None:
        self.done, self.total, self.errors = 0, 0, 0
        self.phase = ""
        self._callback = callback
        self._observer = observer

    def __call__(self, completed: int, total: int, /) -> None:
        """Hear that so many symbols are done."""
        self.done, self.total = completed, total
        if self._callback is not None:
            self._callback(completed, total)

    def on_phase(self, phase: str) -> None:
        """Hear what begins."""
        self.phase = phase
        if self._observer is not None:
            self._observer.on_phase(phase)

    def on_result(self, result: ProcessingResult) -> None:
        """Hear of one symbol."""
        self.errors += result.status is Status.FAILED
        if self._observer is not None:
            self._observer.on_result(result)

    def on_warning(self, warning: str) -> None:
        """Hear of something that concerns the whole scan."""
        hear = getattr(self._observer, "on_warning", None)
        if hear is not None:
            hear(warning)


@asynccontextmanager
async def scan_bar(
    progress: bool | None,  # noqa: FBT001 - what the user wrote
    callback: ProgressCallback | None,
    observer: ScanObserver | None,
) -> AsyncIterator[tuple[ProgressCallback | None, ScanObserver | None]]:
    """Give the listeners of a scan, with a bar among them where one is wanted.

    The scan only counts; the bar is drawn by a task beside it, never in the
    scan's own threads.
    """
    if not is_wanted(progress, heard=not (callback is None and observer is None)):
        yield callback, observer
        return
    watch = Watch(callback, observer)
    drawing = asyncio.create_task(_drawn(watch, Bar(at_once=bool(progress), unit=" symbols")))
    try:
        yield watch, watch
    finally:
        drawing.cancel()
        await asyncio.wait([drawing])


async def _drawn(watch: Watch, bar: Bar) -> None:
    try:
        while True:
            note = f"{watch.errors:,} failed" if watch.errors else ""
            bar.show(watch.done, watch.total, watch.phase, note)
            await asyncio.sleep(_SECONDS_BETWEEN)
    except Exception:
        logger.exception("the progress bar failed; the scan goes on")
    finally:
        bar.close()


@contextmanager
def count_bar(progress: bool | None) -> Iterator[ProgressCallback | None]:  # noqa: FBT001 - what the user wrote
    """Give a callback of (completed, total) that draws a bar, or None."""
    if not is_wanted(progress):
        yield None
        return
    with closing(Bar(at_once=bool(progress), unit=" symbols")) as bar:
        yield bar.show


@contextmanager
def phase_bar(progress: bool | None) -> Iterator[PhaseCallback | None]:  # noqa: FBT001 - as above
    """Give a callback of (what is done, how much, of how much) that draws a bar, or None."""
    if not is_wanted(progress):
        yield None
        return
    with closing(Bar(at_once=bool(progress))) as bar:
        yield lambda phase, done, total: bar.show(done, total, phase)
