"""Bars as candles, as a line, and the volume below; x is the bar's number, so that weekends leave no gap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from jtscan.notebook.charts.themes import Convention

BODY = 0.7
_THIN = 2.0
_HOLLOW = 0.22

Point = tuple[float, float]
Box = tuple[Point, Point, Point, Point]


def draw_candles(axes: Axes, bars: pl.DataFrame, colors: Convention, *, bar_width: float) -> None:
    """Draw a candle for each bar with four prices: rising ones are hollow, falling ones filled.

    ``bar_width`` is the room of a bar in pixels.
    """
    whole = bars.with_row_index("bar").drop_nulls(["open", "high", "low", "close"])
    for color, fill, part in (
        (colors.up, _HOLLOW, whole.filter(pl.col("close") >= pl.col("open"))),
        (colors.down, 1.0, whole.filter(pl.col("close") < pl.col("open"))),
    ):
        _draw_side(axes, part, color, fill, stroke=min(1.0, max(0.5, bar_width * 0.16)))


def _draw_side(axes: Axes, part: pl.DataFrame, color: str, fill: float, *, stroke: float) -> None:
    rows = list(part.select("bar", "open", "high", "low", "close").iter_rows())
    wicks = [wick for row in rows for wick in _wicks(*row)]
    bodies = [box(bar, opened, closed) for bar, opened, _, _, closed in rows]
    axes.add_collection(
        LineCollection(wicks, colors=[color], linewidths=stroke, linestyles="solid", capstyle="butt", zorder=2),
        autolim=False,
    )
    axes.add_collection(
        PolyCollection(bodies, facecolors=[to_rgba(color, fill)], edgecolors=[color], linewidths=stroke,
                       joinstyle="miter", zorder=3),
        autolim=False,
    )  # fmt: skip


def _wicks(bar: int, opened: float, high: float, low: float, closed: float) -> list[tuple[Point, Point]]:
    """Draw the two ends outside the body, so that a hollow one stays hollow."""
    top, foot = max(opened, closed), min(opened, closed)
    ends = ((top, high), (low, foot))
    return [((bar, lower), (bar, upper)) for lower, upper in ends if upper > lower]


def box(bar: float, foot: float, top: float, room: float = BODY) -> Box:
    """Return the corners of a column over a bar, which takes a share of its room."""
    left, right = bar - room / 2, bar + room / 2
    return ((left, foot), (left, top), (right, top), (right, foot))


def draw_closes(axes: Axes, bars: pl.DataFrame, color: str, *, floor: float) -> Line2D:
    """Draw the closes as a line over a faint area."""
    line = draw_line(axes, bars["close"], color, width=1.3)
    closes = bars["close"].fill_null(math.nan).to_list()
    axes.fill_between(range(len(closes)), closes, floor, color=color, alpha=0.08, linewidth=0, zorder=1)
    return line


def draw_line(axes: Axes, values: pl.Series, color: str, *, width: float = 1.2) -> Line2D:
    """Draw a series: a null is a gap, and a value between two of them a dot."""
    (line,) = axes.plot(
        range(len(values)), values.fill_null(math.nan).to_list(), color=color, linewidth=width, linestyle="-",
        solid_joinstyle="round", solid_capstyle="round", scalex=False, scaley=False, zorder=4, marker="none",
    )  # fmt: skip
    known = values.is_not_null()
    lonely = (known & ~known.shift(1, fill_value=False) & ~known.shift(-1, fill_value=False)).arg_true().to_list()
    if lonely:
        line.set_marker(".")
        line.set_markersize(3.5)
        line.set_markevery(lonely)
    return line


def draw_volume(axes: Axes, bars: pl.DataFrame, colors: Convention, *, bar_width: float) -> None:
    """Draw the volume in the colours of the bars."""
    alpha, room = (0.5, BODY) if bar_width >= _THIN else (0.75, 1.0)
    rising = pl.col("close") >= pl.coalesce("open", pl.col("close").shift(1), "close")
    whole = bars.with_row_index("bar").with_columns(rising=rising.fill_null(value=True)).drop_nulls("volume")
    for color, part in (
        (colors.up, whole.filter(pl.col("rising"))),
        (colors.down, whole.filter(~pl.col("rising"))),
    ):
        draw_columns(axes, part.select("bar", "volume").iter_rows(), to_rgba(color, alpha), room=room)


def draw_columns(
    axes: Axes, pairs: Iterable[tuple[int, float]], color: tuple[float, ...], *, room: float = BODY
) -> None:
    """Draw columns from zero; ``room`` is their width in bars."""
    axes.add_collection(
        PolyCollection([box(bar, 0.0, value, room) for bar, value in pairs], facecolors=[color], edgecolors="none",
                       linewidths=0, zorder=2),
        autolim=False,
    )  # fmt: skip


def limits_of(
    columns: Sequence[pl.Series], *, within: tuple[float, float] | None = None, far: float = 0.2
) -> tuple[float, float]:
    """Return the lowest and highest value; those farther from ``within`` than its span do not count.

    Nor than a share ``far`` of its size, where its span is small; nor a
    column that is out there for the most part.
    """
    known = [values.drop_nulls() for values in columns]
    if within is not None:
        low, high = within
        room = max(high - low, max(abs(high), abs(low)) * far)
        near = [values.filter(values.is_between(low - room, high + room)) for values in known]
        known = [*(each for each, values in zip(near, known, strict=True) if len(each) * 2 >= len(values)),
                 pl.Series(within)]  # fmt: skip
    lows = [float(values.min()) for values in known if len(values)]  # type: ignore[arg-type]
    highs = [float(values.max()) for values in known if len(values)]  # type: ignore[arg-type]
    return (min(lows), max(highs)) if lows else (0.0, 1.0)


def padded(low: float, high: float, *, below: float, above: float) -> tuple[float, float]:
    """Widen limits by shares of their span; equal ones by a little of their size."""
    span = high - low
    if span <= abs(high) * 1e-9:
        span = abs(high) * 0.02 or 1.0
        low, high = low - span / 2, high + span / 2
    return low - span * below, high + span * above
