"""Bars as slices of files: where a symbol's rows stand together and all are bars, none is looked for.

The catalog knows where a symbol's rows begin in a file and how many there
are, so the rows of a chunk of symbols are a few stretches of files. What does
not turn out as the catalog says (rows out of order, a file that has changed
or cannot be read, a file on another machine) is left to SQL, which finds rows
wherever they are and tells what is wrong.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.addresses import Address, Place
from jtscan.market.catalog import Catalog
from jtscan.market.duck import Duck
from jtscan.market.files import PRICES, FileStates, PriceFile, changed_of
from jtscan.market.groups import ROW, RowGroups
from jtscan.market.loaded import Loaded
from jtscan.market.plain import NUMBERS, UNREADABLE, as_moments, open_files, type_of

_MOST_ROWS = 1 << 20
_MOST_TO_FILTER = 1 << 22
_NEAR = 1 << 14
_SHORT_PIECE = 16
_LONG = 1 << 18
_LITTLE = 0.25
_SCANS = 64


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
class _Stretch:
    """Pieces that one reading brings: so many rows from a row of a file on, or all of several files.

    ``offsets`` are the rows of the reading with which the pieces begin.
    """

    files: Sequence[PriceFile]
    start: int
    rows: int
    pieces: Sequence[Piece]
    offsets: Sequence[int]


class Slices:
    """Reads the symbols whose place in the files is known."""

    def __init__(self, duck: Duck, catalog: Catalog, timeframe: Timeframe, states: FileStates) -> None:
        self._duck = duck
        self._catalog = catalog
        self._timeframe = timeframe
        self._states = states
        self._scans: dict[tuple[Place, ...], pl.LazyFrame] = {}

    @cached_property
    def _groups(self) -> RowGroups:
        ends = self._catalog.entries.group_by("file").agg((pl.col("start") + pl.col("rows")).max().fill_null(0))
        asked = self._duck if self._catalog.whole else None  # DuckDB takes longer to start than a part to read
        return RowGroups(asked, {self._catalog.files[file].path: end for file, end in ends.iter_rows()})

    @cached_property
    def pieces(self) -> dict[str, list[Piece]]:
        """The pieces of each symbol that has nothing else, in rising time."""
        placed = pl.col("together") & (pl.col("no_bars") == 0)
        elsewhere = [place for place, file in enumerate(self._catalog.files) if isinstance(file.path, Address)]
        placed &= ~pl.col("file").is_in(elsewhere)
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

    def read(self, symbols: Sequence[str], names: Sequence[str], window: ReadWindow) -> tuple[Loaded, list[str]]:
        """Read the bars between two dates, and name the symbols that are left to SQL."""
        ends = _moment(window.start, dt.time.min), _moment(window.end, dt.time.max)
        left = {symbol for symbol in symbols if symbol not in self.pieces or self._is_little(symbol, *ends)}
        wanted = [piece for symbol in symbols if symbol not in left for piece in self._between(symbol, *ends)]
        if all(_is_covered(piece, *ends) for piece in wanted):
            window = ReadWindow()  # to filter would cost as much as to read
        frames: list[pl.DataFrame] = [pl.DataFrame(schema=self._schema(names))]
        counted: Counted = []
        for stretch in self._stretches(wanted, window):
            read = self._rows(stretch, names, window)
            if read is None:
                left.update(piece.symbol for piece in stretch.pieces)
                continue
            frame, rows = read
            left.update(stretch.pieces[place].symbol for place in _falling(frame["timestamp"], rows))
            frames.append(frame)
            counted += zip(stretch.pieces, rows, strict=True)
        return _joined(pl.concat(frames), counted, left), [symbol for symbol in symbols if symbol in left]

    def _schema(self, names: Sequence[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
        return {"timestamp": type_of(self._timeframe), **dict.fromkeys(names, pl.Float64)}

    def _is_little(self, symbol: str, start: dt.datetime | None, end: dt.datetime | None) -> bool:
        """Whether a window is a small part of long pieces: SQL leaves out what the file says is of other times."""
        return any(piece.rows > _LONG and _share(piece, start, end) < _LITTLE for piece in self.pieces[symbol])

    def _between(self, symbol: str, start: dt.datetime | None, end: dt.datetime | None) -> Iterator[Piece]:
        """The pieces of a symbol that can have bars between two dates."""
        for piece in self.pieces[symbol]:
            if (start is None or piece.last >= start) and (end is None or piece.first <= end):
                yield piece

    def _stretches(self, pieces: Sequence[Piece], window: ReadWindow) -> Iterator[_Stretch]:
        """Join pieces that stand near each other, and small files that have one each."""
        held: defaultdict[int, list[Piece]] = defaultdict(list)
        for piece in pieces:
            held[piece.file].append(piece)
        most = _MOST_TO_FILTER if _is_bounded(window) else _MOST_ROWS
        alone: defaultdict[tuple[object, ...], list[Piece]] = defaultdict(list)
        for place in sorted(held):
            file = self._catalog.files[place]
            if file.has("symbol"):
                yield from _near([file], sorted(held[place], key=lambda piece: piece.start), most)
            else:
                alone[file.signature] += held[place]
        for group in alone.values():
            for part in _batches(group, most):
                files = [self._catalog.files[piece.file] for piece in part]
                *offsets, rows = accumulate((piece.rows for piece in part), initial=0)
                yield _Stretch(files=files, start=0, rows=rows, pieces=part, offsets=offsets)

    def _rows(
        self, stretch: _Stretch, names: Sequence[str], window: ReadWindow
    ) -> tuple[pl.DataFrame, list[int]] | None:
        """Read the rows of the pieces, and count those of each; None where they are not what the catalog says."""
        states = {file.path: self._states[file.path] for file in stretch.files}
        if changed_of(states):
            return None
        file = stretch.files[0]
        kinds = {name: file.columns[name][1] for name in names if file.has(name)}
        columns = [pl.col(file.columns[name][0]).alias(name) for name in ("timestamp", *kinds)]
        scan = self._scan(stretch.files).select(columns)

        def collect(start: int, rows: int) -> pl.DataFrame:
            part = scan.slice(start, rows)
            if _is_bounded(window):
                part = part.with_row_index(ROW, offset=start).filter(self._is_inside(window))
            return part.collect()

        try:
            if file.has("symbol"):
                end = stretch.start + stretch.rows
                read = self._groups.read(file.path, stretch.start, end, (tuple(kinds), window), collect)
            else:
                read = collect(stretch.start, stretch.rows)
            places = _places(read, stretch)
            if places is None or changed_of(states):
                return None
            typed = self._typed(_only(read, places), kinds, names)
        except UNREADABLE:
            return None
        return None if typed is None else (typed, [count for _, count in places])

    def _is_inside(self, window: ReadWindow) -> pl.Expr:
        moment = pl.col("timestamp").cast(type_of(self._timeframe))
        after = pl.lit(value=True) if window.start is None else moment >= window.start
        return after if window.end is None else after & (moment <= window.end)

    def _scan(self, files: Sequence[PriceFile]) -> pl.LazyFrame:
        """Open files once: what their ends tell is read again otherwise."""
        key = tuple(file.path for file in files)
        scan = self._scans.get(key)
        if scan is None:
            if len(self._scans) >= _SCANS:
                self._scans.clear()
            scan = self._scans[key] = open_files(key)
        return scan

    def _typed(self, read: pl.DataFrame, kinds: Mapping[str, str], names: Sequence[str]) -> pl.DataFrame | None:
        """Bring columns into our types; None where SQL would give others."""
        moments = as_moments(read["timestamp"], self._timeframe)
        numbers = [name for name in names if name in kinds]
        if moments is None or any(read.schema[name] != NUMBERS.get(kinds[name]) for name in numbers):
            return None
        if any(read[name].null_count() for name in numbers if name in PRICES):
            return None
        absent = pl.Series([], dtype=pl.Float64).extend_constant(None, read.height)
        return pl.DataFrame(
            [moments, *(_number(read[name]) if name in kinds else absent.alias(name) for name in names)]
        )


def _number(values: pl.Series) -> pl.Series:
    """Take a column as finite doubles, otherwise null; the prices of a bar are finite already."""
    number = values.cast(pl.Float64)
    if values.name in PRICES or not values.dtype.is_float():
        return number
    return number.to_frame().select(pl.when(pl.col(values.name).is_finite()).then(values.name)).to_series()


def _moment(end: dt.date | None, time: dt.time) -> dt.datetime | None:
    return end if end is None or isinstance(end, dt.datetime) else dt.datetime.combine(end, time)


def _share(piece: Piece, start: dt.datetime | None, end: dt.datetime | None) -> float:
    """Which part of a piece is between two dates, if its bars are spread evenly."""
    inside = min(piece.last, end or piece.last) - max(piece.first, start or piece.first)
    return inside / max(piece.last - piece.first, dt.timedelta.resolution)


def _is_covered(piece: Piece, start: dt.datetime | None, end: dt.datetime | None) -> bool:
    """Whether all of a piece is between two dates."""
    return (start is None or start <= piece.first) and (end is None or piece.last <= end)


def _is_bounded(window: ReadWindow) -> bool:
    return window.start is not None or window.end is not None


def _near(files: Sequence[PriceFile], pieces: Sequence[Piece], most: int) -> Iterator[_Stretch]:
    """Join the pieces of a file, in their order there, over small gaps."""
    part: list[Piece] = []
    for piece in pieces:
        end = part[-1].start + part[-1].rows if part else piece.start
        if part and (piece.start > end + _NEAR or piece.start + piece.rows > part[0].start + most):
            yield _stretch(files, part)
            part = []
        part.append(piece)
    yield _stretch(files, part)


def _stretch(files: Sequence[PriceFile], part: list[Piece]) -> _Stretch:
    start, last = part[0].start, part[-1]
    rows = last.start + last.rows - start
    return _Stretch(files=files, start=start, rows=rows, pieces=part, offsets=[piece.start - start for piece in part])


def _batches(pieces: Sequence[Piece], most: int) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    rows = 0
    for piece in pieces:
        if part and rows + piece.rows > most:
            yield part
            part, rows = [], 0
        part.append(piece)
        rows += piece.rows
    if part:
        yield part


def _places(read: pl.DataFrame, stretch: _Stretch) -> list[tuple[int, int]] | None:
    """Where the rows of each piece are among those that were read, and how many; None if some are missing."""
    if ROW in read.columns:
        return list(_found(read[ROW], stretch))
    if read.height != stretch.rows:
        return None
    return [(offset, piece.rows) for offset, piece in zip(stretch.offsets, stretch.pieces, strict=True)]


def _found(rows: pl.Series, stretch: _Stretch) -> Iterator[tuple[int, int]]:
    """Where the rows of each piece are among rows of the stretch, and how many."""
    begins = [stretch.start + offset for offset in stretch.offsets]
    ends = [begin + piece.rows for begin, piece in zip(begins, stretch.pieces, strict=True)]
    starts, stops = (rows.to_numpy().searchsorted(each).tolist() for each in (begins, ends))
    yield from ((start, stop - start) for start, stop in zip(starts, stops, strict=True))


def _only(read: pl.DataFrame, places: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """Leave out the rows between the pieces."""
    if sum(count for _, count in places) == read.height:
        return read
    return pl.concat(read.slice(start, count) for start, count in places)


def _falling(moments: pl.Series, rows: Sequence[int]) -> set[int]:
    """Name the pieces in which time does not rise."""
    starts = list(accumulate(rows, initial=0))
    found = (moments <= moments.shift(1)).arg_true().to_list()
    borders = set(starts)
    return {bisect_right(starts, row) - 1 for row in found if row not in borders}


def _joined(frame: pl.DataFrame, counted: Counted, left: set[str]) -> Loaded:
    """Put the pieces of each symbol one after the other, without those of symbols that are left."""
    if not left and len({piece.symbol for piece, _ in counted}) == len(counted):  # one piece of each: mostly so
        return Loaded(frame=frame, runs=[(piece.symbol, rows) for piece, rows in counted if rows], strict=True)
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
    return Loaded(frame=frame, runs=list(runs.items()), strict=True)
