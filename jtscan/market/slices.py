"""Bars as slices of files: where a symbol's rows stand together and all are bars, none is looked for.

The catalog knows where a symbol's rows begin in a file and how many there
are, so the rows of a chunk of symbols are a few stretches of files. What does
not turn out as the catalog says (rows out of order, a file that has changed
or cannot be read) is left to SQL, which finds rows wherever they are and
tells what is wrong.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.catalog import Catalog, is_in_calendar
from jtscan.market.files import PRICES, FileStates, PriceFile, changed_of

_MOST_ROWS = 1 << 18
_NEAR = 1 << 14
_SHORT_PIECE = 16
_SCANS = 64
_NANOSECONDS = 1000
_UNREADABLE = (PolarsError, PanicException, OSError)
_KINDS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "DOUBLE": pl.Float64, "FLOAT": pl.Float32, "TINYINT": pl.Int8, "SMALLINT": pl.Int16, "INTEGER": pl.Int32,
    "BIGINT": pl.Int64, "UTINYINT": pl.UInt8, "USMALLINT": pl.UInt16, "UINTEGER": pl.UInt32, "UBIGINT": pl.UInt64,
}  # fmt: skip
"""The types of DuckDB whose numbers Polars turns into the same doubles."""


class Piece(NamedTuple):
    """Rows of one symbol that stand together in one file, all of them bars."""

    symbol: str
    file: int
    start: int
    rows: int
    first: dt.datetime
    last: dt.datetime


Counted = list[tuple[Piece, int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lot:
    """Bars of some symbols: how many rows each has, one after the other, in rising time."""

    frame: pl.DataFrame
    runs: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stretch:
    """Pieces that one reading brings: so many rows from a row of a file on, or all of several files."""

    files: Sequence[PriceFile]
    start: int
    rows: int
    pieces: Sequence[Piece]


class Slices:
    """Reads the symbols whose place in the files is known."""

    def __init__(self, catalog: Catalog, timeframe: Timeframe, states: FileStates) -> None:
        self._catalog = catalog
        self._timeframe = timeframe
        self._states = states
        self._scans: dict[tuple[str, ...], pl.LazyFrame] = {}

    @cached_property
    def pieces(self) -> dict[str, list[Piece]]:
        """The pieces of each symbol that has nothing else, in rising time."""
        placed = pl.col("together") & (pl.col("no_bars") == 0)
        placed &= pl.all_horizontal(pl.col("start", "first", "last").is_not_null())
        apart = ~(pl.col("first") <= pl.col("last").shift(1)).any()
        long = (pl.len() <= _SHORT_PIECE) | (pl.col("rows").mean() >= _SHORT_PIECE)
        ordered = self._catalog.entries.sort("symbol", "first").group_by("symbol", maintain_order=True)
        found = ordered.agg((placed.all() & apart & long).alias("tidy"), *Piece._fields[1:])
        rows = found.filter("tidy").drop("tidy").explode(Piece._fields[1:]).iter_rows()
        pieces: defaultdict[str, list[Piece]] = defaultdict(list)
        for piece in map(Piece._make, rows):
            pieces[piece.symbol].append(piece)
        return dict(pieces)

    def read(self, symbols: Sequence[str], names: Sequence[str], window: ReadWindow) -> tuple[Lot, list[str]]:
        """Read the bars between two dates, and name the symbols that are left to SQL.

        The frame has timestamp and the columns, but no symbols: ``runs`` tell.
        """
        left = {symbol for symbol in symbols if symbol not in self.pieces}
        wanted = [piece for symbol in symbols if symbol not in left for piece in self._between(symbol, window)]
        frames: list[pl.DataFrame] = [pl.DataFrame(schema=self._schema(names))]
        counted: Counted = []
        for stretch in self._stretches(wanted):
            frame = self._frame(stretch, names)
            if frame is None:
                left.update(piece.symbol for piece in stretch.pieces)
                continue
            starts = list(accumulate((piece.rows for piece in stretch.pieces), initial=0))
            left.update(stretch.pieces[place].symbol for place in _falling(frame["timestamp"], starts))
            frame, rows = _inside(frame, starts, window)
            frames.append(frame)
            counted += zip(stretch.pieces, rows, strict=True)
        return _joined(pl.concat(frames), counted, left), [symbol for symbol in symbols if symbol in left]

    def _schema(self, names: Sequence[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
        moment = pl.Datetime("us") if self._timeframe.intraday else pl.Date
        return {"timestamp": moment, **dict.fromkeys(names, pl.Float64)}

    def _between(self, symbol: str, window: ReadWindow) -> Iterator[Piece]:
        """The pieces of a symbol that can have bars between two dates."""
        start, end = (_moment(window.start, dt.time.min), _moment(window.end, dt.time.max))
        for piece in self.pieces[symbol]:
            if (start is None or piece.last >= start) and (end is None or piece.first <= end):
                yield piece

    def _stretches(self, pieces: Sequence[Piece]) -> Iterator[_Stretch]:
        """Join pieces that stand near each other, and small files that have one each."""
        held: defaultdict[int, list[Piece]] = defaultdict(list)
        for piece in pieces:
            held[piece.file].append(piece)
        alone: defaultdict[tuple[object, ...], list[Piece]] = defaultdict(list)
        for place in sorted(held):
            file = self._catalog.files[place]
            if file.has("symbol"):
                yield from _near([file], sorted(held[place], key=lambda piece: piece.start))
            else:
                alone[file.signature] += held[place]
        for group in alone.values():
            for part in _batches(group):
                files = [self._catalog.files[piece.file] for piece in part]
                yield _Stretch(files=files, start=0, rows=sum(piece.rows for piece in part), pieces=part)

    def _frame(self, stretch: _Stretch, names: Sequence[str]) -> pl.DataFrame | None:
        """Read the rows of the pieces; None where they are not what the catalog says."""
        states = {file.path: self._states[file.path] for file in stretch.files}
        file = stretch.files[0]
        columns = {
            "timestamp": file.columns["timestamp"],
            **{name: file.columns[name] for name in names if file.has(name)},
        }
        if changed_of(states):
            return None
        try:
            scan = self._scan(stretch.files).select(pl.col(theirs).alias(ours) for ours, (theirs, _) in columns.items())
            read = scan.slice(stretch.start, stretch.rows).collect()
            if read.height != stretch.rows or changed_of(states):
                return None
            return self._typed(_only(read, stretch), {name: kind for name, (_, kind) in columns.items()}, names)
        except _UNREADABLE:
            return None

    def _scan(self, files: Sequence[PriceFile]) -> pl.LazyFrame:
        """Open files for reading.

        As addresses: files that are named by their path are mapped into
        memory, and whoever cuts one off while it is read ends the process.
        """
        key = tuple(file.path.absolute().as_uri() for file in files)
        if key not in self._scans:
            if len(self._scans) >= _SCANS:
                self._scans.clear()
            self._scans[key] = pl.scan_parquet(list(key), glob=False, hive_partitioning=False)
        return self._scans[key]

    def _typed(self, read: pl.DataFrame, kinds: Mapping[str, str], names: Sequence[str]) -> pl.DataFrame | None:
        """Bring columns into our types; None where SQL would give others."""
        moment = read["timestamp"]
        kind = moment.dtype
        if moment.null_count() or not (kind == pl.Date or (isinstance(kind, pl.Datetime) and kind.time_zone is None)):
            return None
        if kind == pl.Datetime("ns") and (moment.to_physical() % _NANOSECONDS).any():
            return None  # which are rounded
        numbers = [name for name in names if name in kinds]
        if any(read.schema[name] != _KINDS.get(kinds[name]) for name in numbers):
            return None
        if any(read[name].null_count() for name in numbers if name in PRICES):
            return None
        schema = self._schema(names)
        typed = read.select(
            pl.col("timestamp").cast(schema["timestamp"]),
            *(_number(name, read.schema) if name in kinds else pl.lit(None, pl.Float64).alias(name) for name in names),
        )
        return typed if is_in_calendar(typed) else None


def _number(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """A column as finite doubles, otherwise null; the prices of a bar are finite already."""
    number = pl.col(name).cast(pl.Float64)
    return (
        pl.when(number.is_finite()).then(number).alias(name)
        if name not in PRICES and schema[name].is_float()
        else number
    )


def _moment(end: dt.date | None, time: dt.time) -> dt.datetime | None:
    return end if end is None or isinstance(end, dt.datetime) else dt.datetime.combine(end, time)


def _near(files: Sequence[PriceFile], pieces: Sequence[Piece]) -> Iterator[_Stretch]:
    """Join the pieces of a file, in their order there, over small gaps."""
    part: list[Piece] = []
    for piece in pieces:
        end = part[-1].start + part[-1].rows if part else piece.start
        if part and (piece.start > end + _NEAR or piece.start + piece.rows > part[0].start + _MOST_ROWS):
            yield _stretch(files, part)
            part = []
        part.append(piece)
    yield _stretch(files, part)


def _stretch(files: Sequence[PriceFile], part: list[Piece]) -> _Stretch:
    start, last = part[0].start, part[-1]
    return _Stretch(files=files, start=start, rows=last.start + last.rows - start, pieces=part)


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    rows = 0
    for piece in pieces:
        if part and rows + piece.rows > _MOST_ROWS:
            yield part
            part, rows = [], 0
        part.append(piece)
        rows += piece.rows
    if part:
        yield part


def _only(read: pl.DataFrame, stretch: _Stretch) -> pl.DataFrame:
    """Leave out the rows between the pieces."""
    if sum(piece.rows for piece in stretch.pieces) == stretch.rows:
        return read
    return pl.concat(read.slice(piece.start - stretch.start, piece.rows) for piece in stretch.pieces)


def _falling(moments: pl.Series, starts: Sequence[int]) -> set[int]:
    """Name the pieces in which time does not rise."""
    rows = (moments <= moments.shift(1)).arg_true().to_list()
    if len(rows) > len(starts):
        borders = set(starts)
        rows = [row for row in rows if row not in borders]
    return {place for row in rows if starts[place := bisect_right(starts, row) - 1] != row}


def _inside(frame: pl.DataFrame, starts: Sequence[int], window: ReadWindow) -> tuple[pl.DataFrame, list[int]]:
    """Keep the bars between two dates, and count those of each piece."""
    if window.start is None and window.end is None:
        return frame, [end - start for start, end in pairwise(starts)]
    moment = frame["timestamp"]
    inside = moment >= window.start if window.start is not None else moment <= window.end
    if window.start is not None and window.end is not None:
        inside &= moment <= window.end
    before = [0, *inside.cast(pl.UInt32).cum_sum().gather([start - 1 for start in starts[1:]])]
    return frame.filter(inside), [after - count for count, after in pairwise(before)]


def _joined(frame: pl.DataFrame, counted: Counted, left: set[str]) -> Lot:
    """Put the pieces of each symbol one after the other, without those of symbols that are left."""
    order = {symbol: place for place, symbol in reversed(list(enumerate(piece.symbol for piece, _ in counted)))}
    offsets = accumulate((rows for _, rows in counted), initial=0)
    placed = [(piece, offset, rows) for (piece, rows), offset in zip(counted, offsets, strict=False)]
    kept = [each for each in placed if each[2] and each[0].symbol not in left]
    wanted = sorted(kept, key=lambda each: (order[each[0].symbol], each[0].first))
    runs: defaultdict[str, int] = defaultdict(int)
    for piece, _, rows in wanted:
        runs[piece.symbol] += rows
    if wanted != kept or sum(runs.values()) < frame.height:
        frame = pl.concat([frame.clear(), *(frame.slice(offset, rows) for _, offset, rows in wanted)])
    return Lot(frame=frame, runs=list(runs.items()))
