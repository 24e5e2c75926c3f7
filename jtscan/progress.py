"""Progress bars as progress callbacks: tqdm, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jtscan.domain.control import ProgressCallback

PhaseCallback = Callable[[str, int, int], object]
"""Hears what an ingest does, how much of it is done, and how much there is (0: not known)."""


@contextmanager
def progress_bar(also: ProgressCallback | None = None, **options: Any) -> Iterator[ProgressCallback]:
    """Show a bar while the scan runs; ``also`` is called as well, ``options`` are tqdm's."""
    from tqdm.auto import tqdm  # noqa: PLC0415 - looks for a notebook when imported

    with tqdm(unit=" symbols", **options) as bar:

        def callback(completed: int, total: int, /) -> None:
            bar.total = total
            bar.update(completed - bar.n)
            if also is not None:
                also(completed, total)

        yield callback


@contextmanager
def phase_bar(**options: Any) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar while an ingest runs, which says what is done; ``options`` are tqdm's."""
    from tqdm.auto import tqdm  # noqa: PLC0415 - looks for a notebook when imported

    with tqdm(**options) as bar:

        def tell(phase: str, done: int, total: int, /) -> None:
            bar.set_description(phase, refresh=False)
            bar.total = total or None
            bar.n = done
            bar.refresh()

        yield tell
