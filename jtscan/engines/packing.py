"""Results as Arrow bytes, and back: the same statuses, reasons, counts and matches, to the bit.

A frame of one row per symbol comes first; the matches of symbols whose columns
are of the same types follow together, each in a frame.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import polars as pl

from jtscan.domain.jobs import ProcessingResult, RowCounts

_LENGTH = struct.Struct(">Q")
_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "status": pl.String,
    "error": pl.String,
    "processing_time_ms": pl.Float64,
    "bars": pl.Int64,
    "set_aside": pl.Int64,
    "halts": pl.Int64,
    "duplicates": pl.Int64,
    "last_bar": pl.Datetime("us"),
    "dated": pl.Boolean,
    "part": pl.Int32,
    "start": pl.Int64,
    "matches": pl.Int64,
}


def packed(results: Sequence[ProcessingResult]) -> bytes:
    """Write some results."""
    parts = _Parts()
    rows = [
        (
            each.symbol, str(each.status), each.error, each.processing_time_ms, each.bars,
            each.rows.set_aside, each.rows.halts, each.rows.duplicates,
            each.last_bar, not isinstance(each.last_bar, dt.datetime), *parts.add(each.matches),
        )
        for each in results
    ]  # fmt: skip
    columns = zip(_ROW.items(), zip(*rows, strict=True), strict=True)
    table = pl.DataFrame({name: pl.Series(name, values).cast(kind) for (name, kind), values in columns})
    return b"".join(map(_written, [table, *parts.frames()]))


def unpacked(content: bytes) -> dict[str, ProcessingResult]:
    """Read results again, by symbol, in their order."""
    table, *parts = _frames(content)
    return {row["symbol"]: _result(row, parts[row["part"]]) for row in table.iter_rows(named=True)}


class _Parts:
    """Matches with the same columns, one after the other."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, pl.DataType], ...], int] = {}
        self._frames: list[list[pl.DataFrame]] = []
        self._heights: list[int] = []

    def add(self, matches: pl.DataFrame) -> tuple[int, int, int]:
        """Take the matches of one symbol; tell in which part, from which row, how many."""
        schema = tuple(matches.schema.items())
        part = self._known.setdefault(schema, len(self._frames))
        if part == len(self._frames):
            self._frames.append([matches.clear()])
            self._heights.append(0)
        start = self._heights[part]
        if matches.height:
            self._frames[part].append(matches)
            self._heights[part] += matches.height
        return part, start, matches.height

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give each part as one frame."""
        return (pl.concat(frames) for frames in self._frames)


def _written(frame: pl.DataFrame) -> bytes:
    written = BytesIO()
    frame.write_ipc_stream(written)
    return _LENGTH.pack(written.tell()) + written.getvalue()


def _frames(content: bytes) -> list[pl.DataFrame]:
    frames, place = [], 0
    while place < len(content):
        (length,) = _LENGTH.unpack_from(content, place)
        place += _LENGTH.size
        frames.append(pl.read_ipc_stream(BytesIO(content[place : place + length])))
        place += length
    return frames


def _result(row: dict[str, Any], part: pl.DataFrame) -> ProcessingResult:
    last = row["last_bar"]
    return ProcessingResult(
        symbol=row["symbol"],
        matches=part.slice(row["start"], row["matches"]),
        error=row["error"],
        processing_time_ms=row["processing_time_ms"],
        status=row["status"],
        bars=row["bars"],
        rows=RowCounts(set_aside=row["set_aside"], halts=row["halts"], duplicates=row["duplicates"]),
        last_bar=last.date() if row["dated"] and isinstance(last, dt.datetime) else last,
    )
