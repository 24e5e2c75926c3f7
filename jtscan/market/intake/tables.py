"""The table of symbols and the memberships of a store: what is given, what sources tell, and what was known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from jtscan.market.listing import read_members, read_symbols
from jtscan.market.store.manifest import Kind
from jtscan.market.store.writing import Draft
from jtscan.market.symbols import SCHEMA


def write_symbols(draft: Draft, given: Any, labels: Sequence[pl.DataFrame], newest: str | None) -> tuple[str, ...]:
    """Write the table of symbols anew, if there is anything new in it.

    What is given wins over what was known, column by column; names and
    markets that price files tell beside their prices (``labels``) win where
    they are newer than the ``newest`` bar of the store, and fill what is
    unknown otherwise. No symbol leaves the table.
    """
    table, notes = (None, ()) if given is None else read_symbols(given)
    told = _told(labels)
    known = _known(draft, "symbols")
    is_newer = told is not None and (newest is None or str(told["seen"].max()) > newest)
    names = None if told is None else told.drop("seen")
    parts = [table, names, known] if is_newer else [table, known, names]
    merged = _merged([part for part in parts if part is not None])
    _replace(draft, "symbols", known, merged)
    return tuple(notes)


def write_members(draft: Draft, given: Any) -> tuple[str, ...]:
    """Write the memberships anew; those of an index that is given replace all that were known of it."""
    if given is None:
        return ()
    table, notes = read_members(given)
    known = _known(draft, "members")
    others = [] if known is None else [known.join(table, on="index", how="anti", maintain_order="left")]
    _replace(draft, "members", known, pl.concat([*others, table], how="vertical_relaxed"))
    return tuple(notes)


def _told(labels: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    """Put together what sources tell of symbols: the newest of each."""
    if not labels:
        return None
    whole = pl.concat([part.with_columns(pl.col("seen").cast(pl.String)) for part in labels], how="diagonal")
    return whole.sort("seen", descending=True).unique("symbol", keep="first").sort("symbol")


def _known(draft: Draft, kind: Kind) -> pl.DataFrame | None:
    files = draft.of(kind)
    return pl.read_parquet(draft.path(files[0])) if files else None


def _merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    """Take each value from the first table that knows it; symbols in the order of the tables."""
    if not parts:
        return None
    merged, *others = parts
    for other in others:
        both = [name for name in other.columns if name in merged.columns and name != "symbol"]
        joined = merged.join(
            other, on="symbol", how="full", coalesce=True, suffix="#known", maintain_order="left_right"
        )
        merged = joined.with_columns(pl.coalesce(name, f"{name}#known").alias(name) for name in both).drop(
            f"{name}#known" for name in both
        )
    absent = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in merged.columns]
    return merged.with_columns(absent).select(*SCHEMA, pl.exclude(*SCHEMA))


def _replace(draft: Draft, kind: Kind, known: pl.DataFrame | None, table: pl.DataFrame | None) -> None:
    if table is None or (known is not None and table.equals(known)):
        return
    for file in draft.of(kind):
        draft.drop(file)
    draft.add(kind, None, table)
