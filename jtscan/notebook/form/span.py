"""The timeframe and the range: so many bars, so long back from the newest bar, or two dates."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl
import traitlets

from jtscan.domain.dates import DEFAULT_BARS, DateRange, Timeframe, parse_moment
from jtscan.errors import JtscanError, RequestError
from jtscan.notebook.form.parts import html, named, pair, quiet, row, shown_if
from jtscan.notebook.form.state import put
from jtscan.notebook.showing import Tell, guarded

if TYPE_CHECKING:
    from jtscan.scanner import Scanner

DATES = "dates"
ALL = "all"
_MONTHS = {"1 month": 1, "3 months": 3, "1 year": 12, "3 years": 36}
_BARS = [5, 20, 60, DEFAULT_BARS]
RANGES: list[tuple[str, int | str]] = [
    ("the newest bar", 1),
    *((f"the last {bars} bars", bars) for bars in _BARS),
    *((name, name) for name in _MONTHS),
    ("all", ALL),
    ("from … to …", DATES),
]


class DayPicker(widgets.DatePicker):  # type: ignore[misc]
    """A day; from code also as text, as arguments of a scan."""

    @traitlets.validate("value")
    def _validate_value(self, proposal: Mapping[str, Any]) -> dt.date | None:
        return _read_day("date", proposal["value"])


class SpanPicker(widgets.VBox):  # type: ignore[misc]
    """Which bars are scanned. ``problem`` says why it cannot be used.

    A month or a year is counted back from the newest bar of the timeframe,
    not from today's clock, and the request holds the dates that it comes to.
    """

    def __init__(self, scanner: Scanner, on_change: Callable[[], None], tell: Tell) -> None:
        self._scanner, self._on_change = scanner, on_change
        self.problem = ""
        self._before: tuple[dt.date, dt.date] | None = None
        stored = scanner.timeframes() or [str(Timeframe.D1)]
        offered = scanner.timeframes(resampled=True) or stored
        usual = str(Timeframe.D1) if Timeframe.D1 in stored else stored[-1]
        self.timeframe = _narrow(widgets.Dropdown(options=offered, value=usual, tooltip="Bars"), "80px", "jt-timeframe")
        self.last = _narrow(widgets.Dropdown(options=RANGES, value=DEFAULT_BARS), "150px", "jt-last")
        self.start = _narrow(DayPicker(), "140px", "jt-start")
        self.end = _narrow(DayPicker(), "140px", "jt-end")
        self.said = html("jt-span", value="")
        self._dates = [pair("From", self.start), pair("to", self.end)]
        super().__init__([row("Bars", self.timeframe, pair("Range", self.last), *self._dates, self.said)])
        self.last.observe(guarded(self._fill, tell), "value")
        for control in self._parts.values():
            control.observe(guarded(self._changed, tell), "value")
        self._show()

    @property
    def _parts(self) -> dict[str, Any]:
        return {"timeframe": self.timeframe, "range": self.last, "start": self.start, "end": self.end}

    @property
    def date_range(self) -> DateRange:
        """The range as a request has it.

        Raises
        ------
        RequestError, DataError
            The dates are the wrong way round, or there are no bars to count back from.
        """
        chosen = self.last.value
        if chosen == DATES:
            return DateRange(start=self.start.value, end=self.end.value)
        if isinstance(chosen, int):
            return DateRange(last=chosen)
        first, newest = self._whole()
        return DateRange(start=first if chosen == ALL else _months_before(newest, _MONTHS[chosen]), end=newest)

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen."""
        dates = {name: None if picker.value is None else picker.value.isoformat() for name, picker in self._ends}
        return {"timeframe": self.timeframe.value, "range": self.last.value, **dates}

    @property
    def _ends(self) -> list[tuple[str, Any]]:
        return [("start", self.start), ("end", self.end)]

    def restore(self, state: Mapping[str, Any]) -> Iterator[str]:
        """Choose what a state says; tell what cannot be chosen."""
        yield from put(state, "timeframe", self.timeframe, lambda value: str(Timeframe.parse(value)))
        yield from put(state, "range", self.last)
        for name, picker in self._ends:
            yield from put(state, name, picker, functools.partial(_read_day, name))

    def _whole(self) -> tuple[dt.date, dt.date]:
        span = self._scanner.span(timeframe=self.timeframe.value)
        if span is None:
            raise RequestError("timeframe", f"there are no {self.timeframe.value} bars")
        return _day(span[0]), _day(span[1])

    def _fill(self) -> None:
        """Two dates begin with those of the range before."""
        if self.last.value == DATES and self.start.value is self.end.value is None and self._before is not None:
            self.start.value, self.end.value = self._before

    def _changed(self) -> None:
        self._show()
        self._on_change()

    def _show(self) -> None:
        for box in self._dates:
            shown_if(box, self.last.value == DATES)
        try:
            self.problem, text = "", self._in_dates(self.date_range)
        except JtscanError as error:
            self.problem, text = str(error), str(error)
        self.said.value = quiet(text)

    def _in_dates(self, date_range: DateRange) -> str:
        """Say which dates a range comes to in the data."""
        first, newest = self._whole()
        if self.last.value == DATES:
            given = "" if date_range.last is None else f"without a date: {date_range}; "
            return f"{given}the data is from {first} to {newest}"
        found = (date_range.start or first, date_range.end or newest)
        if date_range.last is not None:
            found = self._scanner.span(last=date_range.last, timeframe=self.timeframe.value) or found
        self._before = _day(found[0]), _day(found[1])
        return _minute(found[0]) if found[0] == found[1] else f"{_minute(found[0])} to {_minute(found[1])}"


def _narrow(control: Any, width: str, name: str) -> Any:
    control.layout.width = width
    return named(control, name)


def _minute(moment: dt.date) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, dt.datetime) else str(moment)


def _day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _read_day(field: str, value: str | dt.date | None) -> dt.date | None:
    moment = parse_moment(field, value)
    return None if moment is None else _day(moment)


def _months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month, or the last one of it."""
    found: dt.date = pl.Series([day]).dt.offset_by(f"-{months}mo")[0]
    return found
