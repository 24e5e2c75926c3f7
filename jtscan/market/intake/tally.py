"""What became of the rows of an ingest, counted by the file that they came from."""

from __future__ import annotations

from collections import Counter

import polars as pl

from jtscan.domain.stores import FILE_COUNTS, Counts
from jtscan.market.intake.staging import FILE

_COUNTED = (*FILE_COUNTS, "corrected", "repaired")


class Tally:
    """Counts of rows, by what became of them and by number of the source file."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {name: Counter() for name in _COUNTED}

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """Count rows by their file."""
        for file, count in rows.group_by(FILE).len().iter_rows():
            self._counts[name][file] += count

    def of(self, file: int) -> tuple[int, ...]:
        """What became of the rows of one file, as ``FILE_COUNTS`` has it."""
        return tuple(self._counts[name][file] for name in FILE_COUNTS)

    def total(self) -> Counts:
        """Sum up."""
        return Counts(**{name: counter.total() for name, counter in self._counts.items()})
