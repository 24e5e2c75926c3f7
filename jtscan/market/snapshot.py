"""The price files of one timeframe, as they were when they were listed."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from jtscan.domain.bars import NOT_IN, Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import NO_ROWS
from jtscan.errors import DataError, DataNotFoundError
from jtscan.market.addresses import MISSING
from jtscan.market.catalog import Catalog
from jtscan.market.duck import Duck, shown
from jtscan.market.files import FileStates, changed_of
from jtscan.market.loaded import Loaded
from jtscan.market.reader import BarReader, Extent
from jtscan.market.store.aside import Aside

_SCATTERED = 8
Timeframes = Mapping[str, Sequence[Timeframe]]
"""Of symbols, those that have bars of them."""
_Moment = TypeVar("_Moment", dt.date, dt.datetime)


class PriceSnapshot:
    """The price files of one timeframe as they were when they were listed."""

    def __init__(
        self,
        files: FileStates,
        version: str,
        timeframe: Timeframe,
        look: Callable[[Duck], Catalog],
        *,
        aside: Aside | None = None,
        elsewhere: Callable[[Sequence[str]], Timeframes] = lambda _: {},
    ) -> None:
        self._files = files
        self._aside = aside or Aside()
        self._elsewhere = elsewhere
        self.version = version
        self.timeframe = timeframe
        self._duck = Duck(files)
        self._look = look
        self._lock = threading.Lock()
        self._made: Catalog | None = None

    def part(self, symbols: Collection[str]) -> PriceSnapshot:
        """Return what it is for some symbols: another process reads the same bars of them."""
        catalog = self.catalog.part(symbols)
        there = {file.path for file in catalog.files}
        part = PriceSnapshot(
            {path.absolute(): state for path, state in self._files.items() if path.absolute() in there},
            self.version,
            self.timeframe,
            partial(_known, catalog),
            aside=self._aside.part(symbols),
            elsewhere=partial(_told, self._others_of(symbols)),
        )
        part.chunk_factor = self.chunk_factor
        if self.timeframe.intraday:  # a pass over all prices; of days nobody asks for more than their own
            part._sessions = self._sessions
        return part

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; it has a lock and a reader of its own."""
        return {name: value for name, value in vars(self).items() if name not in {"_lock", "_reader"}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    @property
    def catalog(self) -> Catalog:
        """What the files hold; made on first use."""
        with self._lock:
            if self._made is None:
                self._made = self._look(self._duck)
            return self._made

    @property
    def entries(self) -> int:
        """How large the catalog is; 0 before it is made."""
        return 0 if self._made is None else self._made.entries.height

    @cached_property
    def _reader(self) -> BarReader:
        return BarReader(self._duck, self.catalog, self.timeframe, self._files)

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the files beyond symbol and timestamp, and what they are."""
        return self.catalog.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with files and concerns no symbol alone."""
        return self.catalog.notes

    @cached_property
    def symbols(self) -> list[str]:
        """Every symbol in the files, in rising order."""
        return sorted({*self.catalog.symbols, *self._aside.symbols})

    @property
    def changed(self) -> tuple[str, ...]:
        """The files that are not those that were listed, and what is the matter with each."""
        return tuple(
            f"{shown(path)} is {'not there' if now == MISSING else 'another file'}"
            for path, now in changed_of(self._files).items()
        )

    def _refuse_changed(self, symbols: Collection[str]) -> None:
        """Refuse files of symbols that a part was not made for: what they hold was seen where it was made."""
        changed = {} if self.catalog.whole else changed_of(self._files)
        theirs = {file.path for file in self.catalog.part(symbols).files} if changed else set()
        for path in changed:
            if path in theirs:
                if not path.exists():
                    raise DataNotFoundError(
                        f"{shown(path)}: it is not there any more, or not where this is worked on: "
                        "every worker must see it under this path"
                    )
                name = shown(Path(path.name))
                raise DataError(f"{name}: it is no longer the file that the scan began with; scan again")

    def _refuse_mixed(self, symbols: Sequence[str]) -> None:
        """Refuse what was read of files that have changed meanwhile: it is of another version, or of two."""
        for path in changed_of({path: self._files[path] for path in self._reader.paths_of(symbols)}):
            raise DataError(f"{shown(Path(path.name))}: it is no longer the file that the scan began with; scan again")

    @cached_property
    def chunk_factor(self) -> int:
        """How much larger than usual a chunk should be: rows of a symbol that are scattered cost a pass each time."""
        return _SCATTERED if self._reader.is_scattered else 1

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:
        """Return how many rows each known symbol has in the window at the most."""
        known, reach = self._reader.by_symbol, self._reach(window)
        if reach is None:
            return {symbol: known[symbol][0] for symbol in symbols if symbol in known}
        per_day = self.timeframe.bars_per_day * 2 if self.timeframe.intraday else 1
        most = partial(self._most_rows, reach=reach, end=window.end, per_day=per_day)
        return {symbol: most(known[symbol]) for symbol in symbols if symbol in known}

    def spans(self) -> dict[str, tuple[dt.date, dt.date]]:
        """Return the first and the last bar of each symbol that has bars."""
        known = self._reader.by_symbol.items()
        ends = ((symbol, [self._reader.moment(end) for end in row[2:]]) for symbol, row in known)
        return {symbol: (first, last) for symbol, (first, last) in ends if first is not None and last is not None}

    def first(self) -> dt.date | None:
        """Return the first bar of whatever symbol."""
        return min((first for first, _ in self.spans().values()), default=None)

    def longest(self, count: int) -> list[str]:
        """Name the symbols with the most rows."""
        known = self._reader.by_symbol
        return sorted(known, key=lambda symbol: (-known[symbol][0], symbol))[:count]

    def _most_rows(self, extent: Extent, *, reach: dt.date, end: dt.date | None, per_day: float) -> int:
        """How many rows can be between two dates, of what a symbol has."""
        rows, _, _, last = extent
        newest = self._reader.moment(last)
        if newest is None:
            return rows
        until = newest if end is None else min(end, newest)
        return min(max(int(((until - reach).days + 1) * per_day), 1), rows)

    def sessions(self) -> pl.DataFrame:
        """Return day and start of each session: the day's first bar of whatever symbol."""
        return self._sessions

    @cached_property
    def _sessions(self) -> pl.DataFrame:
        return self._reader.sessions()

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        """Return the count-th newest timestamp among the symbols, or the oldest."""
        found = self.moments(symbols, count)
        return found[-1] if found else None

    def moments(self, symbols: Sequence[str], count: int, *, days: bool = False) -> list[dt.date]:
        """List the newest timestamps, or days, among the symbols, in falling order: so many, or all there are."""
        kind = Timeframe.D1 if days else self.timeframe
        lasts = {symbol: self._reader.by_symbol[symbol][3] for symbol in symbols if symbol in self._reader.by_symbol}
        newest = max((last for last in lasts.values() if last is not None), default=None)
        if newest is None:
            return []
        if count == 1:
            return [newest if kind.intraday else newest.date()]
        self._refuse_changed(symbols)
        for since in (earlier(newest, count, kind), None):
            found = self._reader.timestamps(list(lasts), since, count, kind)
            if len(found) == count:
                break
        return found

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:
        """Return the bars of the symbols in the window; first a generous range of dates, then short ones again."""
        self._refuse_changed(symbols)
        known, broken = self._reader.by_symbol, self.catalog.problems
        wanted = [symbol for symbol in symbols if symbol in known and symbol not in broken]
        names = [name for name in dict.fromkeys(columns) if name in self.columns]
        reach = self._reach(window)
        loaded = self._reader.load(wanted, names, ReadWindow(start=reach, end=window.end))
        short = self._short(loaded, wanted, window, reach)
        if short:
            loaded = loaded.without(short).beside(self._reader.load(short, names, ReadWindow(end=window.end)))
        clean, conflicts = self._reader.without_duplicates(loaded)
        rows = dict(clean.rows)
        for symbol, apart in self._aside.counts(symbols, ReadWindow(start=reach, end=window.end), clean).items():
            rows[symbol] = rows.get(symbol, NO_ROWS) + apart
        present = {symbol for symbol, _ in loaded.runs if symbol not in conflicts}
        problems = {symbol: broken[symbol] for symbol in symbols if symbol in broken}
        self._refuse_mixed(symbols)
        return Bars(
            values=clean.frame.rechunk(),
            runs=clean.runs,
            rows=rows,
            problems={**problems, **conflicts},
            absent=self._why_absent([symbol for symbol in symbols if symbol not in present]),
            from_first=frozenset(symbol for symbol in present if symbol in short or self._begins(symbol, reach)),
            last_seen=self._last_seen(symbols, present, window),
        )

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:
        """Return the timestamps of a symbol's halts between the ends of a window, in no order."""
        self._refuse_changed([symbol])
        found = self._reader.halts([symbol] if symbol in self._reader.by_symbol else [], window)
        if symbol not in self._aside.symbols:
            return found
        return pl.concat([found, self._aside.halts(symbol, window).cast(found.dtype)])

    def _reach(self, window: ReadWindow) -> dt.date | None:
        """How far back the first reading goes; None is everything."""
        if window.start is None or window.warmup is None:
            return None
        if window.warmup == 0:
            return window.start
        reach = earlier(window.start, window.warmup, self.timeframe)
        # Whole sessions: minutes are counted from a session's first bar.
        return dt.datetime.combine(reach, dt.time.min) if self.timeframe.intraday and reach is not None else reach

    def _begins(self, symbol: str, reach: dt.date | None) -> bool:
        first = self._reader.by_symbol[symbol][2]
        return reach is None or (first is not None and self._reader.moment(first) >= reach)  # type: ignore[operator]

    def _short(self, loaded: Loaded, wanted: Sequence[str], window: ReadWindow, reach: dt.date | None) -> list[str]:
        """Name the symbols that have earlier rows but came out with too few bars before the range."""
        if window.start is None or reach is None or not window.warmup:
            return []
        warm = {symbol for symbol, count in loaded.before(window.start).items() if count >= window.warmup}
        return [symbol for symbol in wanted if symbol not in warm and not self._begins(symbol, reach)]

    def _others_of(self, symbols: Iterable[str]) -> Timeframes:
        """Ask which other timeframes have the symbols of which there is nothing here."""
        known = (self._reader.by_symbol, self.catalog.rowless, self._aside.symbols)
        unknown = [symbol for symbol in symbols if not any(symbol in each for each in known)]
        return self._elsewhere(unknown) if unknown else {}

    def _why_absent(self, symbols: Sequence[str]) -> dict[str, str]:
        elsewhere = self._others_of(symbols)
        return {symbol: self._why(symbol, elsewhere.get(symbol, ())) for symbol in symbols}

    def _why(self, symbol: str, elsewhere: Sequence[Timeframe]) -> str:
        """Say why a symbol has no bars here; ``elsewhere`` are the timeframes that have some."""
        if symbol in self.catalog.rowless:
            return self.catalog.rowless[symbol]
        if symbol not in self._reader.by_symbol:
            apart = self._aside.why_no_bars(symbol)
            if apart is not None:
                return apart
            lost = f", as far as they can be read (not: {self.catalog.lost})" if self.catalog.lost else ""
            others = ", ".join(elsewhere)
            return f"{NOT_IN} {self.timeframe} prices{lost}; it has {others}" if others else f"{NOT_IN} prices{lost}"
        _, _, first, last = self._reader.by_symbol[symbol]
        if first is None:
            return "no row of it is a bar: halts, or a price, the volume or the timestamp is missing"
        return f"no bars in the range; its bars are from {self._reader.moment(first)} to {self._reader.moment(last)}"

    def _last_seen(self, symbols: Sequence[str], present: set[str], window: ReadWindow) -> dict[str, dt.date]:
        """The last bar of symbols that ended before the range."""
        gone = (symbol for symbol in symbols if symbol in self._reader.by_symbol and symbol not in present)
        lasts = ((symbol, self._reader.moment(self._reader.by_symbol[symbol][3])) for symbol in gone)
        end = window.end
        return {symbol: last for symbol, last in lasts if last is not None and (end is None or last <= end)}


def _known(catalog: Catalog, _duck: Duck) -> Catalog:
    return catalog


def _told(timeframes: Timeframes, _symbols: Sequence[str]) -> Timeframes:
    return timeframes


def earlier(moment: _Moment, bars: int, timeframe: Timeframe) -> _Moment | None:
    """Go back so many calendar days that they hold the bars of a symbol that trades; None is the beginning of time."""
    try:
        return moment - dt.timedelta(days=math.ceil(bars / timeframe.bars_per_day) + 15)
    except OverflowError:
        return None
