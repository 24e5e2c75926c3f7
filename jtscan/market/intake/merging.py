"""Judged rows beside what the store has: new ones, equal ones, and those that correct it.

A symbol and timestamp are in one file of a version at most, so that readers
need no rule of who wins: a corrected row is taken out of its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Duck
from jtscan.market.intake.judging import HALT, KEYS
from jtscan.market.intake.staging import FILE
from jtscan.market.store.manifest import StoredFile, refuse_damage
from jtscan.market.store.writing import Draft

_WHERE = "#where"
_OLD = "#old_"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """What is to be written, and, by file of the source, the rows that were in the store or replace some of it."""

    rows: pl.DataFrame
    same: pl.DataFrame
    corrected: pl.DataFrame


class Stored:
    """The bars and halts that a store has of one timeframe, and the keys that corrections take out of its files."""

    def __init__(self, draft: Draft, timeframe: Timeframe) -> None:
        self._draft = draft
        self._files = [file for kind in ("bars", "halts") for file in draft.of(kind, timeframe)]
        refuse_damage(draft.root, self._files, content=False)
        self._by_path = {str(draft.path(file)): file for file in self._files}
        self._duck = Duck([draft.path(file) for file in self._files])
        self._gone: dict[str, list[pl.DataFrame]] = {}

    def merge(self, rows: pl.DataFrame) -> Merged:
        """Compare judged rows with those of the same symbol and timestamp in the store."""
        before = self._rows_of(rows)
        nothing = rows.select(FILE).clear()
        if before is None or not before.height:
            return Merged(rows=rows, same=nothing, corrected=nothing)
        joined = rows.join(before, on=KEYS, how="left", maintain_order="left")
        values = [name for name in rows.columns if name not in {*KEYS, FILE, HALT}]
        old = {name for name in before.columns if name.startswith(_OLD)}
        # What this source does not know of a row, the store goes on knowing.
        further = [name for name in values if _OLD + name in old]
        absent = [name.removeprefix(_OLD) for name in old if name.removeprefix(_OLD) not in rows.columns]
        joined = joined.with_columns(
            *(pl.coalesce(name, _OLD + name).alias(name) for name in further),
            *(pl.col(_OLD + name).alias(name) for name in absent),
        )
        equal = [
            pl.col(name).eq_missing(pl.col(_OLD + name) if _OLD + name in old else pl.lit(None))
            for name in [*values, HALT]
        ]
        known = pl.col(_WHERE).is_not_null()
        same = joined.select((known & pl.all_horizontal(equal)).alias("same"))["same"]
        changed = joined.filter(known & ~same)
        for (path,), keys in changed.select(_WHERE, *KEYS).partition_by(_WHERE, as_dict=True).items():
            self._gone.setdefault(str(path), []).append(keys.select(KEYS))
        kept = joined.filter(~same).drop(_WHERE, *old)
        return Merged(rows=kept, same=joined.filter(same).select(FILE), corrected=changed.select(FILE))

    def _rows_of(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        """Read the store's rows of the symbols between the first and the last timestamp."""
        if not rows.height:
            return None
        first, last = rows["timestamp"].min(), rows["timestamp"].max()
        touched = [file for file in self._files if _overlaps(file, first.isoformat(), last.isoformat())]  # type: ignore[union-attr]
        parts = []
        for kind in ("bars", "halts"):
            paths = [str(self._draft.path(file)) for file in touched if file.kind == kind]
            if paths:
                found = self._duck.frame(_QUERY, {"paths": paths, "symbols": rows["symbol"].unique().to_list(),
                                                  "first": first, "last": last})  # fmt: skip
                parts.append(found.with_columns(pl.lit(kind == "halts").alias(HALT)))
        if not parts:
            return None
        found = pl.concat(parts, how="diagonal")
        renamed = {name: _OLD + name for name in found.columns if name not in {*KEYS, _WHERE}}
        return found.rename(renamed).with_columns(pl.col(name).cast(rows.schema[name]) for name in KEYS)

    def rewrite(self) -> None:
        """Write the files again from which rows are gone."""
        for path, parts in self._gone.items():
            file = self._by_path[path]
            refuse_damage(self._draft.root, [file], content=True)  # what is copied gets a sum of its own
            whole = pl.read_parquet(path, hive_partitioning=False)
            left = whole.join(pl.concat(parts), on=KEYS, how="anti", maintain_order="left")
            self._draft.drop(file)
            if left.height:
                self._draft.add(file.kind, file.timeframe, left)
        self._gone = {}

    def closes_before(self, firsts: pl.DataFrame) -> Mapping[str, float]:
        """The traded close, bar or halt, before each symbol's first timestamp; ``firsts`` has both."""
        found = []
        for file in self._files:
            close = "coalesce(raw_close, close)" if "raw_close" in file.columns else "close"
            ends = {"symbols": firsts["symbol"].to_list(), "firsts": firsts["timestamp"].to_list()}
            found.append(self._duck.frame(_BEFORE.format(close=close), {**ends, "path": str(self._draft.path(file))}))
        if not found:
            return {}
        newest = pl.concat(found).sort("timestamp").group_by("symbol").last()
        return dict(newest.select("symbol", "close").drop_nulls().iter_rows())


def _overlaps(file: StoredFile, first: str, last: str) -> bool:
    return file.first is not None and file.last is not None and file.first <= last and first <= file.last


_SOURCE = "FROM read_parquet($paths, union_by_name = true, filename = '#where', hive_partitioning = false)"
_QUERY = f"SELECT * {_SOURCE} WHERE symbol = any($symbols) AND timestamp BETWEEN $first AND $last"
_BEFORE = """
    SELECT symbol, arg_max({close}, timestamp) AS close, max(timestamp) AS timestamp
    FROM read_parquet($path, hive_partitioning = false)
    JOIN (SELECT unnest($symbols) AS symbol, unnest($firsts) AS first) USING (symbol)
    WHERE timestamp < first GROUP BY 1
"""
