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
from jtscan.errors import RequestError
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.counting import counts_of, facts_of, in_words, shade
from jtscan.notebook.charts.sheet import NOTE, SMALL, Box, Color, Sheet, width_of
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
    return Chart(
        lambda chosen: _draw(days, facts_of(counts), years, chosen), title="matches per day", theme=theme
    )  # fmt: skip


def _draw(days: Mapping[dt.date, int], facts: str, years: int, theme: Theme) -> Figure:
    newest = max(days).year
    shown = [year for year in range(min(days).year, newest + 1) if year > newest - years]
    earlier = sum(count for day, count in days.items() if day.year < shown[0])
    notes = (
        [
            f"{in_words(earlier, 'match', 'matches')} before {shown[0]} not drawn; years={newest - min(days).year + 1} draws all."
        ]
        if earlier
        else []
    )  # noqa: E501
    rows = _WEEK if any(day.weekday() >= _WORKDAYS for day in days if day.year >= shown[0]) else _WORKDAYS
    block = _MONTHS + rows * _PITCH + _APART
    sheet = Sheet(_WIDTH, _TOP + _HEADER + block * len(shown) + _LEGEND + NOTE * len(notes), theme)
    sheet.heading("Matches per day", facts, left=_LEFT, top=_TOP, width=_WIDTH - 2 * _LEFT)
    canvas = sheet.canvas()
    steps = steps_of([count for day, count in days.items() if day.year >= shown[0]])
    for number, year in enumerate(shown):
        _draw_year(sheet, canvas, year, days, steps, rows, _TOP + _HEADER + block * number)
    foot = _TOP + _HEADER + block * len(shown)
    _draw_legend(sheet, canvas, steps, max(days.values()), foot)
    sheet.notes(notes, left=_LEFT, top=foot + _LEGEND - 4)
    return sheet.figure


def steps_of(counts: Sequence[int]) -> list[int]:
    """Choose where each shade begins, so that the days are shared out evenly among them."""
    values = sorted(set(counts))
    if len(values) <= _STEPS:
        return values
    ordered = sorted(counts)
    return sorted({values[0], *(ordered[len(ordered) * part // _STEPS] for part in range(1, _STEPS))})


def _draw_year(
    sheet: Sheet, canvas: Axes, year: int, days: Mapping[dt.date, int], steps: Sequence[int], rows: int, top: float
) -> None:  # fmt: skip
    """Draw a year: its name, months above, weekdays to the left, a cell per day."""
    grid = top + _MONTHS
    sheet.text(_LEFT, top + 6, str(year), weight="bold", color=sheet.theme.strong)
    for row in range(0, min(rows, _WORKDAYS), 2):
        sheet.text(_LEFT, grid + row * _PITCH + _CELL / 2, _DAYS[row], size=SMALL)
    first = dt.date(year, 1, 1)
    boxes: list[Box] = []
    colors: list[Color] = []
    begin, end = min(days), max(days)
    for number in range((dt.date(year + 1, 1, 1) - first).days):
        day = first + dt.timedelta(days=number)
        left = _GRID_LEFT + (number + first.weekday()) // _WEEK * _PITCH
        if day.day == 1:
            sheet.text(left, top + 6, MONTHS[day.month - 1], size=SMALL)
        if day.weekday() < rows:
            level = sum(step <= days[day] for step in steps) if day in days else 0
            boxes.append((left, grid + day.weekday() * _PITCH, _CELL, _CELL))
            colors.append(_color(sheet.theme, level, len(steps), outside=not begin <= day <= end))
    sheet.boxes(canvas, boxes, colors, label=str(year))


def _color(theme: Theme, level: int, levels: int, *, outside: bool = False) -> Color:
    """Return the colour of a day; on an unknown ground the shades let it through, so that few is faint on any."""
    if level == 0:
        return to_rgba(theme.text, _OUTSIDE if outside else _NONE)
    share = (level - 1) / (levels - 1) if levels > 1 else 0.6
    return shade(theme, share) if theme.ground else to_rgba(theme.accent, 0.3 + 0.7 * share)


def _draw_legend(sheet: Sheet, canvas: Axes, steps: Sequence[int], most: int, top: float) -> None:
    """Say what each shade counts, from none to many."""
    ends = [*(later - 1 for _, later in pairwise(steps)), max(most, steps[-1])]
    labels = ["0", *(f"{low:,}" if low == high else f"{low:,}–{high:,}" for low, high in zip(steps, ends, strict=True))]
    left = _GRID_LEFT
    for level, label in enumerate(labels):
        sheet.boxes(canvas, [(left, top, _CELL, _CELL)], [_color(sheet.theme, level, len(steps))])
        sheet.text(left + _CELL + 5, top + _CELL / 2, label, size=SMALL)
        left += _CELL + 5 + width_of(label, size=SMALL) + 14
