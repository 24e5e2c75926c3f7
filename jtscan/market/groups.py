"""Row groups: the least of a Parquet file that can be decoded.

Chunks of symbols seldom end where row groups do. What was decoded beyond the
rows of one reading is kept for the next one, which mostly goes on from there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import duckdb
import polars as pl

from jtscan.market.addresses import Place
from jtscan.market.duck import Duck

ROW = "#row"
"""The row of the file, in frames in which not all rows are."""

_SMALL = 1 << 19
_MOST_BEYOND = 1 << 20
_KEPT = 2
_GROUPS = "SELECT row_group_id, any_value(row_group_num_rows) FROM parquet_metadata($path) GROUP BY 1 ORDER BY 1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rest:
    """Rows of a file from one on up to another, or those of them that are wanted."""

    start: int
    end: int
    frame: pl.DataFrame

    def part(self, start: int, end: int) -> _Rest:
        """The rows of it that lie between two of its own."""
        if ROW in self.frame.columns:
            begin, until = self.frame[ROW].to_numpy().searchsorted([start, end]).tolist()
        else:
            begin, until = start - self.start, end - self.start
        return _Rest(start=start, end=end, frame=self.frame.slice(begin, until - begin))


class RowGroups:
    """Reads rows of files in whole row groups.

    Parameters
    ----------
    duck
        Tells of large files where their row groups end; without one, as where
        a worker reads what it was sent, a file is read on to the last row asked for.
    ends
        How many rows of each file may be asked for.
    """

    def __init__(self, duck: Duck | None, ends: Mapping[Place, int]) -> None:
        self._duck = duck
        self._ends = ends
        self._borders: dict[Place, list[int]] = {}
        self._rests: dict[tuple[Place, Hashable], _Rest] = {}

    def read(
        self, path: Place, start: int, end: int, what: Hashable, collect: Callable[[int, int], pl.DataFrame]
    ) -> pl.DataFrame:
        """Return the rows from ``start`` up to ``end``.

        Parameters
        ----------
        path, start, end
            Which rows of which file.
        what
            Which columns of them, and which rows: what was read beyond serves
            only who asks for the same.
        collect
            Reads so many rows from one on; the rows have their numbers (ROW)
            where some are left out.
        """
        rest = self._rests.pop((path, what), None)
        there = rest if rest is not None and rest.start <= start <= rest.end else None
        if there is None or there.end < end:
            there = self._read_on(path, start, end, there, collect)
        if there.end > end:
            if len(self._rests) >= _KEPT:
                self._rests.clear()
            self._rests[path, what] = there.part(end, there.end)
        return there.part(start, end).frame

    def _read_on(
        self, path: Place, start: int, end: int, rest: _Rest | None, collect: Callable[[int, int], pl.DataFrame]
    ) -> _Rest:
        """Read from where the rest ends to the end of a row group, and put it behind the rest."""
        begin = start if rest is None else rest.end
        until = max(end, min(self._border(path, end), begin + _MOST_BEYOND))
        frame = collect(begin, until - begin)
        if rest is not None and rest.end > start:
            frame = pl.concat([rest.part(start, rest.end).frame, frame])
        return _Rest(start=start, end=until, frame=frame)

    def _border(self, path: Place, row: int) -> int:
        """Where the row group of the row before ends."""
        last = self._ends[path]
        if last <= _SMALL or self._duck is None:
            return last
        borders = self._borders.get(path)
        if borders is None:
            borders = self._borders[path] = self._borders_of(path, self._duck)
        place = bisect_left(borders, row)
        return min(borders[place], last) if place < len(borders) else last

    def _borders_of(self, path: Place, duck: Duck) -> list[int]:
        try:
            groups = duck.frame(_GROUPS, {"path": str(path)})
        except duckdb.Error:
            return []  # it cannot be read: who reads it says so
        return list(accumulate(groups.to_series(1)))
