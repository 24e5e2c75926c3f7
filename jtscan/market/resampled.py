"""The bars of a longer timeframe, made at read from those of a shorter one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.order import in_order
from jtscan.market.resample import Periods, make_periods, resample
from jtscan.market.snapshot import PriceSnapshot, earlier

_MOST_DAYS = {Timeframe.D1: 1, Timeframe.W1: 7, Timeframe.MO1: 35}


def made_of(longer: Timeframe, stored: Iterable[Timeframe]) -> list[Timeframe]:
    """List the stored timeframes that a longer one can be made of, the longest first: months not of weeks."""
    shorter = [each for each in stored if longer.longer_than(each) and each is not Timeframe.W1]
    return sorted(shorter, key=list(Timeframe).index, reverse=True)


def made_from(stored: Collection[Timeframe]) -> list[Timeframe]:
    """List the timeframes that are not stored and can be made of those that are, shortest first."""
    return [each for each in Timeframe if each not in stored and made_of(each, stored)]


class ResampledSnapshot:
    """The bars of a longer timeframe, made of a snapshot of shorter ones.

    A bar in a window is made of all bars of its period that the data has,
    also where the window starts within the period. Where the window ends
    within a period, the bar of that period is labelled after the end, so it
    is not in the window: the bar of an unfinished period is there only if the
    data itself ends in it, and then it is labelled by the newest day of the
    data. So the same window gives the same bars, whatever comes later, except
    for that newest one, which ``notes`` name.
    """

    def __init__(self, base: PriceSnapshot, timeframe: Timeframe) -> None:
        self.base = base
        self.timeframe = timeframe

    @property
    def version(self) -> str:
        """The version of the bars that these are made of."""
        return self.base.version

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the files beyond symbol and timestamp, and what they are."""
        return self.base.columns

    @property
    def symbols(self) -> list[str]:
        """Every symbol in the files, in rising order."""
        return self.base.symbols

    @property
    def changed(self) -> tuple[str, ...]:
        """The files that are not those that were listed, and what is the matter with each."""
        return self.base.changed

    @property
    def chunk_factor(self) -> int:
        """How much larger than usual a chunk should be."""
        return self.base.chunk_factor

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with files, and whether the newest bar may be unfinished."""
        return (*self.base.notes, *self._running())

    def _running(self) -> Iterable[str]:
        newest = self._periods.newest
        if newest is not None and newest[0] < newest[1]:
            day, end = newest
            yield f"the newest {self.timeframe} bar, of {day}, may not be complete: the data ends before {end}"

    @cached_property
    def _periods(self) -> Periods:
        return make_periods(self.base.sessions(), self.timeframe)

    def first(self) -> dt.date | None:
        """Return the first of the shorter bars."""
        return self.base.first()

    def longest(self, count: int) -> list[str]:
        """Name the symbols with the most rows."""
        return self.base.longest(count)

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:
        """Return how many of the shorter bars each known symbol has in the window at the most: those are read."""
        return self.base.sizes(symbols, self._base_window(window))

    def sessions(self) -> pl.DataFrame:
        """Return day and start of each session: the first bar of minutes starts with the session."""
        return self.base.sessions()

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        """Return the count-th newest timestamp among the symbols, or the oldest."""
        enough = count * self._most_in_one if count > 1 else 1
        moments = self.base.moments(symbols, enough, days=not self.timeframe.intraday)
        if not moments:
            return None
        labels = self._periods.labels(pl.Series(moments)).unique().sort(descending=True)
        found: dt.date = labels[min(count, labels.len()) - 1]
        return found

    @property
    def _most_in_one(self) -> int:
        """How many shorter bars, or days, can be in one longer bar."""
        if self.timeframe.minutes is None:
            return _MOST_DAYS[self.timeframe]
        return self.timeframe.minutes // (self.base.timeframe.minutes or 1)

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:
        """Return the bars of the symbols in the window; first a generous range of dates, then short ones again."""
        names = list(columns)
        asked = self._base_window(window)
        reading = self._read(symbols, names, asked, window.end)
        short = reading.short(window)
        if short:
            reading = reading.with_again(self._read(short, names, ReadWindow(end=asked.end), window.end), short)
        return reading.bars(self._periods)

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:
        """Return the labels of the bars that shorter bars without trade would be in, in no order."""
        days = self._periods.days["day"]
        halts = self.base.halts(symbol, self._base_window(window))
        traded = halts.filter(halts.cast(pl.Date).is_in(days.implode()))
        labels = self._periods.labels(traded).drop_nulls().alias("timestamp")
        begun = labels if window.start is None else labels.filter(labels >= window.start)
        return begun if window.end is None else begun.filter(begun <= window.end)

    def part(self, symbols: Collection[str]) -> ResampledSnapshot:
        """Return what it is for some symbols: another process makes the same bars of them."""
        part = ResampledSnapshot(self.base.part(symbols), self.timeframe)
        part._periods = self._periods
        return part

    def _read(
        self, symbols: Sequence[str], columns: Sequence[str], window: ReadWindow, end: dt.date | None
    ) -> _Reading:
        """Read shorter bars of whole periods, and join them; bars that are labelled after the end are put aside."""
        base = self.base.read(symbols, columns, window)
        frame = resample(base.frame, self._periods)
        inside = pl.lit(value=True) if end is None else pl.col("timestamp") <= end
        return _Reading(base=base, frame=frame.filter(inside), later=frame.filter(~inside))

    def _base_window(self, window: ReadWindow) -> ReadWindow:
        """The shorter bars of all periods that are in a window, with its warm-up."""
        return ReadWindow(start=self._base_start(window), end=self._base_end(window.end))

    def _base_start(self, window: ReadWindow) -> dt.date | None:
        if window.start is None or window.warmup is None:
            return None
        reach = earlier(window.start, window.warmup, self.timeframe) if window.warmup else window.start
        if reach is None:
            return None
        day = self._periods.begin(reach.date() if isinstance(reach, dt.datetime) else reach)
        return dt.datetime.combine(day, dt.time.min) if self.base.timeframe.intraday else day

    def _base_end(self, end: dt.date | None) -> dt.date | None:
        if end is None or not self.base.timeframe.intraday:
            return end
        if not isinstance(end, dt.datetime):
            return dt.datetime.combine(end, dt.time.max)
        try:
            return end + dt.timedelta(minutes=self.timeframe.minutes or 0, microseconds=-1)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reading:
    """What was read of the shorter bars, and the longer ones of it up to the end of the window and after it."""

    base: Bars
    frame: pl.DataFrame
    later: pl.DataFrame

    def short(self, window: ReadWindow) -> list[str]:
        """Name the symbols that have earlier bars but came out with too few before the range."""
        if window.start is None or not window.warmup:
            return []
        before = self.frame.filter(pl.col("timestamp") < window.start).group_by("symbol").len()
        enough = set(before.filter(pl.col("len") >= window.warmup)["symbol"]) | self.base.from_first
        return [symbol for symbol, _ in self.base.runs if symbol not in enough]

    def with_again(self, again: _Reading, symbols: Sequence[str]) -> _Reading:
        """Put what was read again of some symbols in its place."""
        old, new = self.base, again.base
        base = Bars.of(
            pl.concat([_without(old.frame, symbols), new.frame]),
            rows={**old.rows, **new.rows},
            problems={**old.problems, **new.problems},
            absent={**old.absent, **new.absent},
            from_first=old.from_first | new.from_first,
            last_seen={**old.last_seen, **new.last_seen},
        )
        frame = in_order(pl.concat([_without(self.frame, symbols), again.frame]))
        return _Reading(base=base, frame=frame, later=pl.concat([_without(self.later, symbols), again.later]))

    def bars(self, periods: Periods) -> Bars:
        """Give the longer bars, and what is known of symbols without any."""
        present = frozenset(self.frame["symbol"].unique())
        later = _without(self.later, list(present)).group_by("symbol").agg(pl.col("timestamp").min())
        reason = f"no {periods.timeframe} bar of it ends in the range; its next is of"
        beyond = {symbol: f"{reason} {moment}" for symbol, moment in later.iter_rows()}
        seen = self.base.last_seen
        labels = periods.labels(pl.Series(list(seen.values()))).to_list() if seen else []
        return Bars.of(
            self.frame,
            rows=self.base.rows,
            problems=self.base.problems,
            absent={**self.base.absent, **beyond},
            from_first=self.base.from_first & present,
            last_seen=dict(zip(seen, labels, strict=True)),
        )


def _without(frame: pl.DataFrame, symbols: Sequence[str]) -> pl.DataFrame:
    return frame.filter(~pl.col("symbol").is_in(list(symbols)))
