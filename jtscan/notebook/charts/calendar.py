"""Matches per day as a calendar: a column per week, a row per weekday, a block per year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from jtscan.domain.signals import SignalStatistics
from jtscan.domain.words import counted
from jtscan.errors import RequestError
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.counting import counts_of, facts_of, shade
from jtscan.notebook.charts.sheet import NOTE, SMALL, Color, Sheet, width_of
from jtscan.notebook.charts.themes import Theme, ThemeName
from jtscan.notebook.charts.ticks import MONTHS

_WIDTH, _LEFT, _TOP = 960.0, 12.0, 16.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORKDAYS, _WEEK = 5, 7
_PITCH, _CELL, _GRID_LEFT = 16.8, 14.0, 54.0
_HEADER, _MONTHS, _APART, _LEGEND = 26.0, 18.0, 16.0, 22.0
_STEPS = 5
_NONE, _OUTSIDE = 0.15, 0.06


def calendar_chart(statistics: SignalStatistics, *, years: int = 5, theme: ThemeName = "auto") -> Chart:
    """Draw the matches per day as a calendar, a block per year.

    Saturdays and Sundays are shown only where something fired on one; intraday
    matches count for their day.

    Parameters
    ----------
    statistics
        The counts of a scan.
    years
        How many of the newest years are drawn; what lies before is counted
        below.
    theme
        ``"light"`` or ``"dark"`` give a ground; ``"auto"`` has none.
    """
    if not isinstance(years, int) or isinstance(years, bool) or years < 1:
        raise RequestError("years", f"{years!r} is not a number of years")
    counts = counts_of(statistics)
    days = dict(counts.group_by("date").agg(pl.col("matches").sum()).sort("date").iter_rows())
    calendar = _Calendar(days, facts_of(counts), years)
    return Chart(calendar.draw, title="matches per day", theme=theme)


class _Calendar:
    """The days of the newest years and their counts."""

    def __init__(self, days: Mapping[dt.date, int], facts: str, years: int) -> None:
        self.begin, self.end = min(days), max(days)
        self.facts = facts
        self.years = range(max(self.begin.year, self.end.year - years + 1), self.end.year + 1)
        self.days = {day: count for day, count in days.items() if day.year in self.years}
        self.earlier = sum(days.values()) - sum(self.days.values())
        self.rows = _WEEK if any(day.weekday() >= _WORKDAYS for day in self.days) else _WORKDAYS
        self.steps = steps_of(list(self.days.values()))

    def draw(self, theme: Theme) -> Figure:
        """Draw a block per year, and what the shades mean."""
        block = _MONTHS + self.rows * _PITCH + _APART
        notes = self._notes()
        foot = _TOP + _HEADER + block * len(self.years)
        sheet = Sheet(_WIDTH, foot + _LEGEND + NOTE * len(notes), theme)
        sheet.heading("Matches per day", self.facts, left=_LEFT, top=_TOP, width=_WIDTH - 2 * _LEFT)
        canvas = sheet.canvas()
        for number, year in enumerate(self.years):
            self._draw_year(sheet, canvas, year, _TOP + _HEADER + block * number)
        self._draw_legend(sheet, canvas, foot)
        sheet.notes(notes, left=_LEFT, top=foot + _LEGEND - 4)
        return sheet.figure

    def _notes(self) -> list[str]:
        if not self.earlier:
            return []
        wanted = self.end.year - self.begin.year + 1
        matches = counted(self.earlier, "match", "matches")
        return [f"{matches} before {self.years[0]} not drawn; years={wanted} draws all."]

    def _draw_year(self, sheet: Sheet, canvas: Axes, year: int, top: float) -> None:
        """Draw a year: its name, months above, weekdays to the left, a cell per day."""
        grid = top + _MONTHS
        sheet.text(_LEFT, top + 6, str(year), weight="bold", color=sheet.theme.strong)
        for row in range(0, min(self.rows, _WORKDAYS), 2):
            sheet.text(_LEFT, grid + row * _PITCH + _CELL / 2, _DAYS[row], size=SMALL)
        for month in range(1, 13):
            sheet.text(_left_of(dt.date(year, month, 1)), top + 6, MONTHS[month - 1], size=SMALL)
        first = dt.date(year, 1, 1)
        every = [first + dt.timedelta(days=number) for number in range((dt.date(year + 1, 1, 1) - first).days)]
        days = [day for day in every if day.weekday() < self.rows]
        boxes = [(_left_of(day), grid + day.weekday() * _PITCH, _CELL, _CELL) for day in days]
        sheet.boxes(canvas, boxes, [self._color(sheet.theme, day) for day in days], label=str(year))

    def _color(self, theme: Theme, day: dt.date) -> Color:
        if not self.begin <= day <= self.end:
            return to_rgba(theme.text, _OUTSIDE)
        return _shade(theme, sum(step <= self.days.get(day, 0) for step in self.steps), len(self.steps))

    def _draw_legend(self, sheet: Sheet, canvas: Axes, top: float) -> None:
        """Say what each shade counts, from none to many."""
        ends = [*(later - 1 for _, later in pairwise(self.steps)), max(self.days.values())]
        spans = zip(self.steps, ends, strict=True)
        labels = ["0", *(f"{low:,}" if low == high else f"{low:,}–{high:,}" for low, high in spans)]
        left = _GRID_LEFT
        for level, label in enumerate(labels):
            sheet.boxes(canvas, [(left, top, _CELL, _CELL)], [_shade(sheet.theme, level, len(self.steps))])
            sheet.text(left + _CELL + 5, top + _CELL / 2, label, size=SMALL)
            left += _CELL + 5 + width_of(label, size=SMALL) + 14


def _left_of(day: dt.date) -> float:
    """Return where the column of a day's week begins."""
    first = dt.date(day.year, 1, 1)
    return _GRID_LEFT + ((day - first).days + first.weekday()) // _WEEK * _PITCH


def _shade(theme: Theme, level: int, levels: int) -> Color:
    """Return a shade; on an unknown ground the shades let it through, so that few is faint on any."""
    if level == 0:
        return to_rgba(theme.text, _NONE)
    share = (level - 1) / (levels - 1) if levels > 1 else 0.6
    return shade(theme, share) if theme.ground else to_rgba(theme.accent, 0.3 + 0.7 * share)


def steps_of(counts: Sequence[int]) -> list[int]:
    """Choose where each shade begins, so that the days are shared out evenly among them."""
    values = sorted(set(counts))
    if len(values) <= _STEPS:
        return values
    ordered = sorted(counts)
    return sorted({values[0], *(ordered[len(ordered) * part // _STEPS] for part in range(1, _STEPS))})
