"""The table of symbols and the memberships of a store: what is given, what sources tell, and what was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError
from jtscan.market.listing import read_members, read_symbols
from jtscan.market.store.manifest import Kind
from jtscan.market.store.writing import Draft
from jtscan.market.symbols import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told in the report: how much the tables brought, and what else is to be known."""

    counts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_tables(
    draft: Draft, symbols: Any, members: Any, labels: Sequence[pl.DataFrame], timeframe: Timeframe
) -> Told:
    """Write symbols and members anew, if they are given or sources tell of them (``labels``)."""
    newest = max((file.last or "" for file in draft.base.of("bars", timeframe)), default=None)
    both = write_symbols(draft, symbols, labels, newest), write_members(draft, members)
    return Told(counts=both[0].counts + both[1].counts, notes=both[0].notes + both[1].notes)


def write_symbols(draft: Draft, given: Any, labels: Sequence[pl.DataFrame], newest: str | None) -> Told:
    """Write the table of symbols anew, if there is anything new in it.

    A given table has the last word on its symbols, in the columns in which
    it says anything; no other symbol leaves the table. Names and markets that
    price files tell beside their prices (``labels``) count where they are
    newer than the ``newest`` bar of the store, and fill what is unknown.
    """
    known, beside = _known(draft, "symbols"), _beside(labels)
    merged = known
    if beside is not None:
        newer = newest is None or str(beside["seen"].max()) > newest
        names = beside.drop("seen")
        merged = _merged([part for part in ((names, known) if newer else (known, names)) if part is not None])
    told = Told()
    if given is not None:
        table, notes = read_symbols(given)
        if {"index", "start"} <= set(table.columns):
            raise DataError("the table of symbols has columns index and start: these are members; give them as members")
        count = 0 if merged is None else merged.join(table, on="symbol", how="semi").height
        read = f"table of symbols: {table.height:,} read, {table.height - count:,} of them new"
        told = Told(counts=(read,), notes=notes)
        merged = table if merged is None else _overwritten(merged, table)
    _replace(draft, "symbols", known, None if merged is None else _in_order(merged))
    return told


def write_members(draft: Draft, given: Any) -> Told:
    """Write the memberships anew; those of an index that is given replace all that were known of it."""
    if given is None:
        return Told()
    table, notes = read_members(given)
    known = _known(draft, "members")
    others = [] if known is None else [known.join(table, on="index", how="anti", maintain_order="left")]
    _replace(draft, "members", known, pl.concat([*others, table], how="vertical_relaxed"))
    indices = table["index"].unique(maintain_order=True)
    return Told(counts=tuple(_counted(index, table, known) for index in indices), notes=notes)


def _counted(index: str, table: pl.DataFrame, known: pl.DataFrame | None) -> str:
    now, before = (
        0 if frame is None else frame.filter(pl.col("index") == index)["symbol"].n_unique() for frame in (table, known)
    )
    return f"members of {index}: {now:,} symbols{f', where {before:,} were known' if before else ''}"


def _beside(labels: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    """Put together what sources tell of symbols: the newest of each."""
    if not labels:
        return None
    whole = pl.concat([part.with_columns(pl.col("seen").cast(pl.String)) for part in labels], how="diagonal")
    return whole.sort("seen", descending=True).unique("symbol", keep="first").sort("symbol")


def _known(draft: Draft, kind: Kind) -> pl.DataFrame | None:
    files = draft.of(kind)
    return pl.read_parquet(draft.path(files[0])) if files else None


def _merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Take each value from the first table that knows it; symbols in the order of the tables."""
    merged, *others = parts
    for other in others:
        both = [name for name in other.columns if name in merged.columns and name != "symbol"]
        joined = merged.join(
            other, on="symbol", how="full", coalesce=True, suffix="#known", maintain_order="left_right"
        )
        merged = joined.with_columns(pl.coalesce(name, f"{name}#known").alias(name) for name in both).drop(
            f"{name}#known" for name in both
        )
    return merged


def _overwritten(known: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Put a table's rows in the place of those known, in the columns in which it says anything."""
    saying = [name for name in table.columns if name == "symbol" or table[name].null_count() < table.height]
    said = table.select(saying)
    both = [name for name in saying if name in known.columns and name != "symbol"]
    differing = [name for name in both if said.schema[name] != known.schema[name]]
    known, said = (frame.with_columns(pl.col(differing).cast(pl.String)) for frame in (known, said))
    kept = known.join(said, on="symbol", how="anti", maintain_order="left")
    changed = said.join(known.drop(both), on="symbol", how="left", maintain_order="left")
    return pl.concat([kept, changed], how="diagonal_relaxed")


def _in_order(table: pl.DataFrame) -> pl.DataFrame:
    """Put our own columns first, all of them."""
    absent = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in table.columns]
    return table.with_columns(absent).select(*SCHEMA, pl.exclude(*SCHEMA))


def _replace(draft: Draft, kind: Kind, known: pl.DataFrame | None, table: pl.DataFrame | None) -> None:
    if table is None or (known is not None and table.equals(known)):
        return
    for file in draft.of(kind):
        draft.drop(file)
    draft.add(kind, None, table)
