"""Timeframes and ranges of bars."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from jtscan.errors import RequestError

DEFAULT_BARS = 250

_ALIASES = {"1h": "60m", "60min": "60m", "h": "60m", "d": "1d", "day": "1d", "daily": "1d", "w": "1w", "weekly": "1w",
            "1mon": "1mo", "monthly": "1mo"}  # fmt: skip


class Timeframe(StrEnum):
    """The length of a bar."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    M60 = "60m"
    D1 = "1d"
    W1 = "1w"
    MO1 = "1mo"

    @classmethod
    def parse(cls, value: str) -> Timeframe:
        """Read a timeframe as people write it (``"1d"``, ``"1h"``, ``"daily"``)."""
        if isinstance(value, str):
            value = {"M": "1mo", "1M": "1mo"}.get(value.strip(), value)  # a small m is a minute
            name = _ALIASES.get(value.strip().lower(), value.strip().lower())
            if name in cls._value2member_map_:
                return cls(name)
        raise RequestError("timeframe", f"{value!r} is not known; there are: {', '.join(cls)}")

    @property
    def intraday(self) -> bool:
        """Whether bars carry a time of day (a naive, exchange-local start)."""
        return self in _MINUTES

    def longer_than(self, other: Timeframe) -> bool:
        """Whether its bars are longer."""
        order = list(Timeframe)
        return order.index(self) > order.index(other)

    @property
    def minutes(self) -> int | None:
        """The length of intraday bars; None for longer ones."""
        return _MINUTES.get(self)

    @property
    def bars_per_day(self) -> float:
        """How many bars a calendar day holds at the least, for choosing how far back to read."""
        if self.intraday:
            return 240 / _MINUTES[self] * 5 / 8
        return {Timeframe.D1: 0.6, Timeframe.W1: 0.125, Timeframe.MO1: 0.03}[self]


_MINUTES = {Timeframe.M1: 1, Timeframe.M5: 5, Timeframe.M15: 15, Timeframe.M30: 30, Timeframe.M60: 60}


def parse_moment(field: str, value: str | dt.date | dt.datetime | None) -> dt.date | dt.datetime | None:
    """Read one end of a range: ISO text, a date or a naive datetime."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _from_text(field, value.strip())
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise RequestError(
                field, f"{value.isoformat()} has a time zone; bars carry exchange-local times, so leave it out"
            )
        return value
    if isinstance(value, dt.date):
        return value
    raise RequestError(field, f"{value!r} is not a date; write '2024-01-31', a date or a datetime")


def _from_text(field: str, text: str) -> dt.date | dt.datetime:
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise RequestError(field, f"{text!r} is not a date; write it as '2024-01-31' or '2024-01-31T09:30'")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """The bars that a scan reports: from ``start`` to ``end``, both included.

    Either end may be None (open). ``last=n`` is the newest n bars of the
    symbols scanned instead; a range without anything is the last 250. A date
    as the end of an intraday range means that whole day.
    """

    start: dt.date | dt.datetime | None = None
    end: dt.date | dt.datetime | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", parse_moment("start", self.start))
        object.__setattr__(self, "end", parse_moment("end", self.end))
        if self.last is not None:
            self._check_last(self.last)
        elif self.start is None and self.end is None:
            object.__setattr__(self, "last", DEFAULT_BARS)
        elif self.start is not None and self.end is not None and _first(self.start) > _last(self.end):
            raise RequestError("start", f"{self.start} is after the end, {self.end}")

    def _check_last(self, last: int) -> None:
        if not isinstance(last, int) or isinstance(last, bool) or last < 1:
            raise RequestError("last", f"{last!r} is not a number of bars; write 1 for the newest bar")
        if self.start is not None or self.end is not None:
            raise RequestError("last", "give either last= or start= and end=, not both")

    def bounds(self, timeframe: Timeframe) -> tuple[dt.date | None, dt.date | None]:
        """Both ends in the type of the timeframe's timestamps, included.

        Dates for daily bars and longer, datetimes for intraday bars.
        """
        if timeframe.intraday:
            return (None if self.start is None else _first(self.start), None if self.end is None else _last(self.end))
        return (_date(self.start), _date(self.end))

    def __str__(self) -> str:
        if self.last is not None:
            return "the newest bar" if self.last == 1 else f"the last {self.last} bars"
        return f"{self.start or 'the beginning'} to {self.end or 'the newest bar'}"


def _date(moment: dt.date | dt.datetime | None) -> dt.date | None:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _first(moment: dt.date | dt.datetime) -> dt.datetime:
    return moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time.min)


def _last(moment: dt.date | dt.datetime) -> dt.datetime:
    return moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time.max)
