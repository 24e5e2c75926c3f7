"""Staged rows, read back a group of symbols at a time: as many as fit into memory together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from jtscan.market.duck import Workbench, literal
from jtscan.market.intake.staging import FURTHER, STAGED_AS
from jtscan.market.store.layout import split
from jtscan.progress import PhaseCallback

_SCATTERED = 2_000_000


class StagedRows:
    """The staged rows of an ingest; those of one symbol come together."""

    def __init__(self, paths: Sequence[Path], duck: Workbench, work: Path, tell: PhaseCallback) -> None:
        self._paths = list(paths)
        self._duck = duck
        self._work = work
        self._tell = tell

    def groups(self, expect: Callable[[int], object]) -> Iterator[pl.DataFrame]:
        """Give the rows without a symbol, then those of group after group; ``expect`` hears how many have a symbol."""
        sizes = self._sizes()
        expect(sum(sizes.values()))
        done = 0
        for symbols in [[], *split(sizes)]:
            yield self._rows_of(symbols)
            done += len(symbols)
            self._tell("writing symbols", done, len(sizes))

    def _sizes(self) -> dict[str, int]:
        """Count each symbol's rows; rows that lie scattered over a large source are brought together first."""
        found = self._duck.frame(_SIZES, self._read())
        sizes = found.group_by("symbol").agg(pl.col("rows").sum())
        if found.filter(~pl.col("together"))["rows"].sum() > _SCATTERED:
            self._bring_together()
        return dict(sizes.filter(pl.col("symbol").is_not_null()).iter_rows())

    def _bring_together(self) -> None:
        self._tell("sorting rows", 0, 0)
        together = self._work / "together.parquet"
        ordered = f"{_STAGED} ORDER BY symbol, timestamp"
        self._duck.run(f"COPY ({ordered}) TO {literal(together)} {STAGED_AS}", self._read())
        for path in self._paths:
            path.unlink()
        self._paths = [together]

    def _rows_of(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Read the staged rows of a group of symbols; of none: the rows that have no symbol."""
        if not symbols:
            found = self._duck.frame(f"{_STAGED} WHERE symbol IS NULL", self._read())
        else:
            ends = {"first": symbols[0], "last": symbols[-1]}
            found = self._duck.frame(f"{_STAGED} WHERE symbol BETWEEN $first AND $last", {**self._read(), **ends})
        return found.rename(lambda name: name.removeprefix(FURTHER))

    def _read(self) -> dict[str, object]:
        return {"paths": [str(path) for path in self._paths]}


def firsts(rows: pl.DataFrame) -> pl.DataFrame:
    """Find the first timestamp of each symbol that has one."""
    return rows.drop_nulls(["symbol", "timestamp"]).group_by("symbol").agg(pl.col("timestamp").min())


_STAGED = "SELECT * FROM read_parquet($paths, union_by_name = true, hive_partitioning = false)"
_SIZES = """
    SELECT "#file_name", symbol, count(*) AS rows,
           max(file_row_number) - min(file_row_number) + 1 = count(*) AS together
    FROM read_parquet($paths, union_by_name = true, filename = '#file_name', file_row_number = true,
                      hive_partitioning = false)
    GROUP BY 1, 2
"""
