"""The quality of a store: its rows counted symbol by symbol, what was set aside, and what looks wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import QualityReport
from jtscan.market.duck import Duck
from jtscan.market.store.manifest import Kind, Manifest
from jtscan.market.store.suspicion import moment_of, read_suspicions, schema_of

_COUNTED: tuple[Kind, ...] = ("bars", "halts", "quarantine")
_SYMBOLS: dict[str, pl.DataType | type[pl.DataType]] = {
    "timeframe": pl.String, "symbol": pl.String, "bars": pl.Int64, "halts": pl.Int64, "quarantined": pl.Int64,
    "first": pl.Datetime("us"), "last": pl.Datetime("us"),
}  # fmt: skip


def quality_of(root: Path, manifest: Manifest, markets: Mapping[str, str]) -> QualityReport:
    """Read a version of a store from end to end."""
    timeframes = [each for each in Timeframe if any(manifest.of(kind, each) for kind in _COUNTED)]
    symbols = [pl.DataFrame(schema=_SYMBOLS), *(_symbols(root, manifest, each) for each in timeframes)]
    wrong = [suspicious(root, manifest, each, markets=markets) for each in timeframes]
    moment = moment_of(*timeframes)
    ends = pl.col("first", "last").cast(moment)
    return QualityReport(
        store=root,
        version=manifest.name,
        totals=manifest.totals,
        symbols=pl.concat(symbols).with_columns(ends),
        suspicious=pl.concat(
            [pl.DataFrame(schema=schema_of(*timeframes)), *(each.with_columns(ends) for each in wrong)]
        ),
        halts=_shelf(root, manifest, "halts", moment),
        quarantine=_shelf(root, manifest, "quarantine", moment),
        repairs=_shelf(root, manifest, "repairs", moment),
        balance=_balance(manifest),
    )


def suspicious(
    root: Path,
    manifest: Manifest,
    timeframe: Timeframe,
    *,
    markets: Mapping[str, str] | None = None,
    since: dt.date | None = None,
) -> pl.DataFrame:
    """List what looks wrong in the bars of one timeframe; ``since``: only what is seen from there on."""
    bars, halts, quarantine = (_paths(root, manifest, kind, timeframe) for kind in _COUNTED)
    if not bars and not halts:
        return pl.DataFrame(schema=schema_of(timeframe))
    duck = Duck(map(Path, [*bars, *halts, *quarantine]))
    return read_suspicions(duck, bars, halts, quarantine, timeframe, markets=markets, since=since)


def markets_of(table: pl.DataFrame | None) -> Mapping[str, str]:
    """The market of each symbol that has one."""
    if table is None or "market" not in table.columns:
        return {}
    return dict(table.select("symbol", "market").drop_nulls().iter_rows())


def _paths(root: Path, manifest: Manifest, kind: Kind, timeframe: Timeframe) -> list[str]:
    return [str(root / file.path) for file in manifest.of(kind, timeframe)]


def _symbols(root: Path, manifest: Manifest, timeframe: Timeframe) -> pl.DataFrame:
    """Count each symbol's rows."""
    counted = []
    for kind, name in zip(_COUNTED, ("bars", "halts", "quarantined"), strict=True):
        paths = _paths(root, manifest, kind, timeframe)
        if paths:
            frame = Duck(map(Path, paths)).frame(_COUNT, {"paths": paths})
            ends = ["first", "last"] if kind == "bars" else []
            counted.append(frame.select("symbol", pl.col("rows").alias(name), *ends))
    whole = pl.concat(counted, how="diagonal").group_by("symbol").agg(pl.exclude("symbol").drop_nulls().first())
    absent = [pl.lit(None).alias(name) for name in _SYMBOLS if name not in (*whole.columns, "timeframe")]
    filled = whole.with_columns(*absent, pl.lit(str(timeframe)).alias("timeframe"))
    zero = pl.col("bars", "halts", "quarantined").fill_null(0)
    return filled.with_columns(zero).select(pl.col(name).cast(kind) for name, kind in _SYMBOLS.items()).sort("symbol")


def _shelf(root: Path, manifest: Manifest, kind: Kind, moment: pl.DataType) -> pl.DataFrame:
    """Read all rows of one kind, of every timeframe."""
    parts = [
        pl.read_parquet(root / file.path, hive_partitioning=False).select(
            pl.lit(str(file.timeframe)).alias("timeframe"),
            pl.all().exclude("timestamp"),
            pl.col("timestamp").cast(moment),
        )
        for file in manifest.files
        if file.kind == kind and file.rows
    ]
    if not parts:
        return pl.DataFrame(
            schema={"timeframe": pl.String, "symbol": pl.String, "timestamp": moment, "reason": pl.String}
        )
    whole = pl.concat(parts, how="diagonal")
    heads = ["timeframe", "symbol", "timestamp"]
    return whole.select(*heads, pl.all().exclude(heads)).sort(*heads)


def _balance(manifest: Manifest) -> pl.DataFrame:
    """Compare what all ingests counted with the rows that are there."""
    rows = []
    for timeframe, counts in manifest.totals.items():
        there = [sum(file.rows for file in manifest.of(kind, timeframe)) for kind in _COUNTED]
        elsewhere = [counts.same, counts.duplicates, counts.corrected]
        rows.append((str(timeframe), counts.read, *there, *elsewhere, counts.read - sum(there) - sum(elsewhere)))
    names = ("read", "bars", "halts", "quarantined", "same", "duplicates", "corrected", "missing")
    return pl.DataFrame(rows, schema={"timeframe": pl.String, **dict.fromkeys(names, pl.Int64)}, orient="row")


_COUNT = """
    SELECT symbol, count(*) AS rows, min(timestamp) AS first, max(timestamp) AS last
    FROM read_parquet($paths, union_by_name = true, hive_partitioning = false) GROUP BY 1
"""
