"""What text and HTML both show of an ingest and of a store's quality: parts with counts or a table each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict

import polars as pl

from jtscan.domain.stores import Counts, IngestReport, QualityReport
from jtscan.domain.words import counted
from jtscan.render.html import page_html
from jtscan.render.text import page_text
from jtscan.render.words import Count, Page, Part

_FIRST = 10
_WHOLE = ".suspicious .quarantine .halts .repairs .symbols"
_MEANINGS = {
    "bars": "new or changed rows of the store",
    "halts": "no trading: open = high = low = 0 (or flat, as asked for); kept apart, never scanned",
    "same": "in the store already, value for value",
    "duplicates": "the same row once more in these sources",
    "quarantined": "cannot be bars; kept with their reasons",
    "corrected": "rows of the store that were replaced",
    "repaired": "high or low widened by at most 0.5 % to hold open and close",
}


def ingest_text(report: IngestReport) -> str:
    """Write what became of every row of an ingest."""
    return page_text(_ingest(report))


def ingest_html(report: IngestReport) -> str:
    """Show what became of every row of an ingest."""
    return page_html(_ingest(report))


def quality_text(report: QualityReport) -> str:
    """Write what a store holds, what was set aside, and what looks wrong."""
    return page_text(_quality(report))


def quality_html(report: QualityReport) -> str:
    """Show what a store holds, what was set aside, and what looks wrong."""
    return page_html(_quality(report))


def _ingest(report: IngestReport) -> Page:
    span = f", {report.first} to {report.last}" if report.first else ""
    return Page(
        summary=report.summary,
        note=" · ".join([report.timeframe, f"{counted(report.symbols, 'symbol')}{span}", *report.tables]),
        warnings=[*_of_files(report.files), *report.notes],
        parts=[
            _rows(report.counts),
            _reasons(report.quarantine),
            _table("Suspicious, and kept as they are", _kinds(report.suspicious)),
            _table("Files", _files(report.files)),
        ],
    )


def _quality(report: QualityReport) -> Page:
    lost = report.balance.filter(pl.col("missing") != 0)
    warnings = [
        f"{timeframe}: {missing:,} rows that were read are not accounted for: jtscan verify {report.store}"
        for timeframe, missing in lost.select("timeframe", "missing").iter_rows()
    ]
    symbols = report.symbols
    shelves = [
        _rows(counts, f"Rows of {timeframe}, {_spans(symbols.filter(pl.col('timeframe') == timeframe))}", ever=True)
        for timeframe, counts in report.totals.items()
    ]
    kinds = report.suspicious["kind"].unique(maintain_order=True)
    return Page(
        summary=f"{report.store}, version {report.version}",
        note=f"{counted(symbols['symbol'].n_unique(), 'symbol')}; whole lists: {_WHOLE}",
        warnings=warnings,
        parts=[
            *shelves,
            _reasons(report.quarantine),
            _first("Repaired", report.repairs),
            _table("Suspicious, and kept as they are", _kinds(report.suspicious)),
            *(_first(kind, report.suspicious.filter(pl.col("kind") == kind).drop("kind")) for kind in kinds),
        ],
    )


def _spans(symbols: pl.DataFrame) -> str:
    ends = _as_days(symbols.select(pl.col("first").min(), pl.col("last").max())).row(0)
    return f"{counted(symbols.height, 'symbol')}, {ends[0]} to {ends[1]}"


def _rows(counts: Counts, title: str = "Rows", *, ever: bool = False) -> Part:
    """Count what became of the rows: the first five add up to what was read."""
    named = asdict(counts)
    read = [
        Count(name, named[name], _MEANINGS[name]) for name in ("bars", "halts", "same", "duplicates", "quarantined")
    ]
    shown = [count for count in read if count.count]
    rest = [
        Count(name, named[name], f"of these bars and halts: {_MEANINGS[name]}")
        for name in ("corrected", "repaired")
        if named[name]
    ]
    what = "rows read in all ingests" if ever else "rows read"
    return Part(title=title, counts=shown, total=Count("", counts.read, what), after=rest)


def _of_files(files: pl.DataFrame) -> Iterator[str]:
    """Name the files that could not be used, first of all."""
    unusable = files.filter("unusable")
    for name, rows, note in unusable.select("file", "unread", "note").head(_FIRST).iter_rows():
        read = f" ({counted(rows, 'row')})" if rows else ""
        yield f"not used: {name}{read}: {note}"
    if unusable.height > _FIRST:
        yield f"not used either: {unusable.height - _FIRST:,} more files"


def _files(files: pl.DataFrame) -> pl.DataFrame:
    """List files that have more to tell than their bars; a few files are listed whole."""
    usable = files.filter(~pl.col("unusable"))
    told = (
        usable.filter((pl.col("rows") != pl.col("bars")) | (pl.col("note") != ""))
        if usable.height > 2 * _FIRST
        else usable
    )
    name = pl.col("file").str.split("/").list.last()
    shown = told.drop("unusable", "unread").with_columns(name)
    empty = [name for name in ("halts", "same", "duplicates", "quarantined") if not shown[name].sum()]
    return shown.drop(*empty, *(["note"] if (shown["note"] == "").all() else []))


def _reasons(quarantine: pl.DataFrame) -> Part:
    if quarantine.is_empty():
        return Part(title="")
    grouped = (
        _as_days(quarantine)
        .group_by("reason")
        .agg(
            pl.len().alias("rows"),
            pl.col("symbol").n_unique().alias("symbols"),
            pl.format("{} {}", pl.col("symbol").fill_null("?"), pl.col("timestamp").cast(pl.String).fill_null("?"))
            .first()
            .alias("such as"),
        )
    )
    return _table("Quarantine", grouped.sort("rows", "reason", descending=[True, False]).head(2 * _FIRST))


def _kinds(suspicious: pl.DataFrame) -> pl.DataFrame:
    if suspicious.is_empty():
        return suspicious
    return suspicious.group_by("kind", maintain_order=True).agg(
        pl.len().alias("cases"),
        pl.col("symbol").n_unique().alias("symbols"),
        pl.format("{}: {}", pl.col("symbol").first(), pl.col("seen").first()).alias("such as"),
    )


def _first(title: str, frame: pl.DataFrame) -> Part:
    more = f", the first {_FIRST} of {frame.height:,}" if frame.height > _FIRST else ""
    return _table(f"{title}{more}", _as_days(frame.head(_FIRST)))


def _as_days(frame: pl.DataFrame) -> pl.DataFrame:
    """Write moments without a time of day as dates."""
    moments = [name for name, kind in frame.schema.items() if kind == pl.Datetime and frame.height]
    days = [name for name in moments if (frame[name].dt.time() == dt.time()).all()] if moments else []
    return frame.with_columns(pl.col(name).dt.date() for name in days)


def _table(title: str, frame: pl.DataFrame) -> Part:
    return Part(title=title, frame=None if frame.is_empty() else frame)
