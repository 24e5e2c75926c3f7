"""A progress bar as a progress callback: tqdm, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jtscan.domain.control import ProgressCallback


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
