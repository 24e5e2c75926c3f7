"""Comparing the symbols of a universe at each timestamp, as Polars expressions.

The engine gives a frame of all symbols in (symbol, timestamp) order; every
expression runs within one timestamp, so that sums have the same bits whatever
the order of the scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

TIME = "#time"
SAME = "#same"
"""How many were compared at the timestamp, for telling where one was alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSection:
    """One comparison: ``n`` for top and bottom; whether it has groups (``by``) and a filter (``where``)."""

    kind: str
    n: int = 0
    by: bool = False
    where: bool = False

    def __str__(self) -> str:
        return self.kind

    @property
    def for_all(self) -> bool:
        """Whether every symbol gets the same number, also one that takes no part in it."""
        return self.kind.startswith("universe_") and not self.by

    @property
    def truth(self) -> bool:
        """Whether a condition comes out."""
        return self.kind in {"top", "bottom"}


def compare(section: CrossSection, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the result of a comparison.

    ``frame`` has ``#time``, ``x`` and, as the section has them, ``by`` and
    ``where``; the answer has ``#out`` and ``#same`` beside them. Unknown values,
    and those outside ``where`` or without a group, are left out and stay unknown.
    """
    x = pl.col("x").cast(pl.Float64)
    if section.where:
        x = pl.when(pl.col("where")).then(x)
    if section.by:
        x = pl.when(pl.col("by").is_not_null()).then(x)
    keys = [TIME, "by"] if section.by else [TIME]
    frame = frame.with_columns(x.alias("x"))
    frame = frame.with_columns(
        *(each.over(keys).alias(f"#{name}") for name, each in _parts(section).items()),
        pl.col("x").count().over(keys).cast(pl.Float64).alias(SAME),
    )
    out = _out(section)
    if section.by:
        out = pl.when(pl.col("by").is_not_null()).then(out)
    frame = frame.with_columns(out.alias("#out"))
    if section.truth:
        return frame
    return frame.with_columns(pl.when(pl.col("#out").is_finite()).then(pl.col("#out")).alias("#out"))


def _parts(section: CrossSection) -> dict[str, pl.Expr]:
    """What is computed within a timestamp; a division waits for a column, else Polars multiplies by the reciprocal."""
    x = pl.col("x")
    parts: dict[str, dict[str, pl.Expr]] = {
        "rank": {"place": x.rank("average")},
        "top": {"place": x.rank("min", descending=True)},
        "bottom": {"place": x.rank("min")},
        "zscore": {"mean": x.mean(), "std": x.std(ddof=0), "low": x.min(), "high": x.max()},
        "demean": {"mean": x.mean()},
        "universe_mean": {"mean": x.mean()},
        "universe_median": {"median": x.median()},
        "universe_std": {"std": x.std(ddof=0)},
        "universe_sum": {"sum": x.sum()},
        "universe_count": {},
    }
    return parts[section.kind]


def _out(section: CrossSection) -> pl.Expr:
    x, same = pl.col("x"), pl.col(SAME)
    match section.kind:
        case "rank":
            return pl.when(same > 1).then((pl.col("#place") - 1) / (same - 1))
        case "top" | "bottom":
            return pl.col("#place") <= section.n
        case "zscore":
            return pl.when(pl.col("#high") > pl.col("#low")).then((x - pl.col("#mean")) / pl.col("#std"))
        case "demean":
            return x - pl.col("#mean")
        case "universe_count":
            return same
    (part,) = _parts(section)
    return pl.when(same > 0).then(pl.col(f"#{part}"))
