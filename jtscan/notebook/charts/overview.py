"""The matches of a scan at a glance: in time by signal, and the symbols with the most."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from jtscan.domain.signals import SignalStatistics
from jtscan.domain.words import counted
from jtscan.notebook.charts import fonts, ticks
from jtscan.notebook.charts.candles import box
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.counting import (
    OTHERS,
    counts_of,
    facts_of,
    label_of,
    main_signals,
    signal_colors,
    span_of,
)
from jtscan.notebook.charts.legends import ROW, Entry, draw_rows, rows_of
from jtscan.notebook.charts.sheet import GRID, NOTE, Sheet, cut, folded, text_style, width_of
from jtscan.notebook.charts.themes import Theme, ThemeName

_WIDTH, _LEFT, _TOP, _HEADER, _BODY, _FOOT = 960.0, 12.0, 16.0, 20.0, 264.0, 24.0
_TIME_WIDTH, _SYMBOLS_LEFT, _NAME = 520.0, 604.0, 150.0
_MOST_SYMBOLS = 12
_UNITS: Mapping[str, tuple[str, str]] = {"1d": ("day", "%Y-%m-%d"), "1mo": ("month", "%Y-%m"), "1y": ("year", "%Y")}
_SHORT, _LONG = 62, 366 * 6


def statistics_chart(statistics: SignalStatistics, *, theme: ThemeName = "auto") -> Chart:
    """Draw the matches in time by signal, and the twelve symbols with the most.

    The columns are days, months or years, as the range asks for.
    """
    counts = counts_of(statistics)
    return Chart(lambda chosen: _draw(counts, chosen), title="matches at a glance", theme=theme)


def _draw(counts: pl.DataFrame, theme: Theme) -> Figure:
    signals, rare = main_signals(counts)
    falling = (
        signals.group_by("signal_type")
        .agg(pl.col("matches").sum())
        .sort("matches", "signal_type", descending=[True, False])
    )
    totals = dict(falling.iter_rows())
    colors = signal_colors(list(totals), theme)
    entries = [Entry(label=name, color=colors[name], value=f"{totals[name]:,}", marker="s") for name in totals]
    rows = rows_of(entries, _TIME_WIDTH)
    symbols = _most(counts)
    notes = _notes(counts, rare)
    top = _TOP + _HEADER
    sheet = Sheet(_WIDTH, top + ROW * (len(rows) + 1) + _BODY + _FOOT + NOTE * len(notes) + 4, theme)
    unit = _unit_of(counts)
    sheet.heading("Matches", facts_of(counts), left=_LEFT, top=_TOP, width=_WIDTH - 2 * _LEFT)
    sheet.text(_LEFT, top + ROW / 2, f"per {_UNITS[unit][0]}", weight="bold", color=theme.strong)
    sheet.text(_SYMBOLS_LEFT, top + ROW / 2, "symbols with the most", weight="bold", color=theme.strong)
    draw_rows(sheet, rows, _LEFT, top + ROW)
    body = top + ROW * (len(rows) + 1)
    _draw_time(sheet, signals, colors, unit, body)
    _draw_symbols(sheet, symbols, top + ROW + 4, _BODY + ROW * len(rows))
    sheet.notes(notes, left=_LEFT, top=body + _BODY + _FOOT)
    return sheet.figure


def _notes(counts: pl.DataFrame, rare: int) -> list[str]:
    symbols = counts["symbol"].n_unique()
    texts = (
        f"'{OTHERS}' sums {rare:,} more signals." if rare else None,
        f"{counted(symbols - _MOST_SYMBOLS, 'more symbol')} matched." if symbols > _MOST_SYMBOLS else None,
        fonts.hint_for(counts["name"].to_list()),
    )
    return [line for text in texts if text for line in folded(text, _WIDTH - 2 * _LEFT)]


def _unit_of(counts: pl.DataFrame) -> str:
    first, last = span_of(counts)
    days = (last - first).days
    return "1d" if days < _SHORT else "1mo" if days < _LONG else "1y"


def _periods(counts: pl.DataFrame, unit: str) -> pl.Series:
    """Return every period of the range, also those without matches; weekends only where something fired."""
    first, last = span_of(counts)
    days = pl.date_range(first, last, "1d", eager=True).alias("period")
    if unit != "1d":
        return days.dt.truncate(unit).unique().sort()
    return days.filter((days.dt.weekday() <= 5) | days.is_in(counts["date"].unique().implode()))  # noqa: PLR2004 - Friday


def _draw_time(sheet: Sheet, counts: pl.DataFrame, colors: Mapping[str, str], unit: str, top: float) -> None:
    """Draw the columns of each period, the signals on one another."""
    periods = _periods(counts, unit)
    most = _heights(counts, periods, unit)
    slots = max(periods.len() + 0.4, 8.0)
    axes = sheet.axes(_LEFT, top, _TIME_WIDTH, _BODY, label="time")
    spare = (slots - periods.len()) / 2
    axes.set_xlim(-0.5 - spare, periods.len() - 0.5 + spare)
    high = max(most) * 1.06
    axes.set_ylim(0, high)
    _draw_stacks(axes, counts, periods, unit, colors)
    levels = [tick for tick in ticks.value_ticks(0, high, most=5) if tick and tick == round(tick)]
    axes.add_collection(
        LineCollection([((0, level), (1, level)) for level in levels], colors=[to_rgba(sheet.theme.text, GRID)],
                       linewidths=0.8, transform=axes.get_yaxis_transform(), zorder=0.5),
        autolim=False,
    )  # fmt: skip
    axes.yaxis.tick_right()
    axes.tick_params(axis="y", length=0, pad=7, labelright=True, labelleft=False, right=False, left=False)
    axes.set_yticks(levels, ticks.labels_of(levels), **text_style(sheet.theme.text))
    axes.set_xticks([])
    foot = top + _BODY
    sheet.stroke((_LEFT, _LEFT + _TIME_WIDTH), (foot, foot), color=sheet.theme.text, alpha=0.5, linewidth=0.8)
    for bar, label in _time_labels(periods, unit, _TIME_WIDTH / slots):
        sheet.text(_LEFT + (bar + 0.5 + spare) * _TIME_WIDTH / slots, foot + 13, label, ha="center")


def _time_labels(periods: pl.Series, unit: str, width: float) -> list[tuple[int, str]]:
    """Label the columns: each one if there is room, else the beginnings of months or years."""
    texts = periods.dt.strftime(_UNITS[unit][1]).to_list()
    if all(width_of(text) + 8 <= width for text in texts):
        return list(enumerate(texts))
    marks = ticks.time_ticks(periods, most=int(_TIME_WIDTH / 40), apart=40 / width)
    return [(mark.bar, mark.label if len(marks) > 1 else texts[mark.bar]) for mark in marks]


def _by_period(counts: pl.DataFrame, unit: str) -> pl.DataFrame:
    periods = counts.with_columns(period=pl.col("date").dt.truncate(unit))
    return periods.group_by("period", "signal_type").agg(pl.col("matches").sum())


def _heights(counts: pl.DataFrame, periods: pl.Series, unit: str) -> list[int]:
    sums = _by_period(counts, unit).group_by("period").agg(pl.col("matches").sum())
    return periods.to_frame("period").join(sums, on="period", how="left")["matches"].fill_null(0).to_list()


def _draw_stacks(
    axes: Axes, counts: pl.DataFrame, periods: pl.Series, unit: str, colors: Mapping[str, str]
) -> None:  # fmt: skip
    places: Mapping[dt.date, int] = {period: place for place, period in enumerate(periods.to_list())}
    feet = [0] * periods.len()
    table = _by_period(counts, unit)
    for name, color in colors.items():
        columns = []
        for period, value in (
            table.filter(pl.col("signal_type") == name).select("period", "matches").sort("period").iter_rows()
        ):
            place = places[period]
            columns.append(box(place, feet[place], feet[place] + value, 0.78))
            feet[place] += value
        axes.add_collection(
            PolyCollection(columns, facecolors=[color], edgecolors="none", linewidths=0, zorder=2, label=f"_{name}"),
            autolim=False,
        )


def _most(counts: pl.DataFrame) -> list[tuple[str, int]]:
    """Return the symbols with the most matches, with their names."""
    falling = (
        counts.group_by("symbol").agg(pl.col("matches").sum(), pl.col("name").first())
        .sort("matches", "symbol", descending=[True, False]).head(_MOST_SYMBOLS)
    )  # fmt: skip
    return [(label_of(symbol, name), matches) for symbol, matches, name in falling.iter_rows()]


def _draw_symbols(sheet: Sheet, symbols: list[tuple[str, int]], top: float, height: float) -> None:
    """Draw a bar for each symbol, its number behind it."""
    canvas = sheet.canvas()
    row = min(height / len(symbols), 26.0)
    labels = [cut(name, _NAME) for name, _ in symbols]
    left = _SYMBOLS_LEFT + max(map(width_of, labels)) + 10
    most = max(count for _, count in symbols)
    room = _WIDTH - _LEFT - left - width_of(f"{most:,}", weight="bold") - 8
    for place, (label, (_, count)) in enumerate(zip(labels, symbols, strict=True)):
        middle = top + row * (place + 0.5)
        sheet.text(_SYMBOLS_LEFT, middle, label)
        sheet.boxes(canvas, [(left, middle - row * 0.34, room * count / most, row * 0.68)], [sheet.theme.accent])
        sheet.text(left + room * count / most + 6, middle, f"{count:,}", weight="bold")
