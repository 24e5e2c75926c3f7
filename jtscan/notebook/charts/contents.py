"""What stands inside the panes of a chart of one symbol: grid, price, volume, series, and their scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.transforms import Transform

from jtscan.notebook.charts import candles, markers, ticks
from jtscan.notebook.charts.panes import Pane
from jtscan.notebook.charts.sheet import GRID, SMALL, text_style
from jtscan.notebook.charts.themes import ink_on
from jtscan.notebook.charts.view import View

_FAR = 0.7  # zero is out of reach of what lies far above it, and 70 in reach of an RSI about 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Draws a view into panes; ``bar_width`` is the room of a bar in pixels, ``time`` where periods begin."""

    view: View
    bar_width: float
    time: Sequence[ticks.TimeTick]

    def draw(self, axes: Axes, pane: Pane) -> None:
        """Draw what a pane holds."""
        self._draw_grid(axes)
        {"price": self._draw_price, "volume": self._draw_volume, "own": self._draw_own}[pane.kind](axes, pane)

    def _draw_grid(self, axes: Axes) -> None:
        """Draw beginnings of periods, halts, the bar that is marked, and what was not scanned."""
        view = self.view
        self._draw_lines(axes, [((tick.bar, 0), (tick.bar, 1)) for tick in self.time], axes.get_xaxis_transform())
        markers.draw_halts(axes, view.halts, view.theme.text, cross=axes.get_label() == "price")
        if view.marked is not None:
            axes.axvline(view.marked, color=view.theme.strong, alpha=0.6, linewidth=1.0, marker="none", linestyle="-",
                         zorder=1.2, label="_mark")  # fmt: skip
        before = view.before_start
        if before:
            axes.axvspan(
                axes.get_xlim()[0], before - 0.5, facecolor=view.theme.text, alpha=0.10, linewidth=0, zorder=0.4
            )
            axes.axvline(
                before - 0.5,
                color=view.theme.text,
                alpha=0.8,
                linewidth=0.9,
                marker="none",
                linestyle=(0, (3, 3)),
                zorder=1,
            )

    def _draw_price(self, axes: Axes, pane: Pane) -> None:
        view = self.view
        columns = ("high", "low", "close") if view.options.candles else ("close",)
        own = candles.limits_of([view.bars[name] for name in columns])
        low, high = candles.limits_of([view.bars[each.column] for each in pane.series], within=own)
        above = 0.10 if any(sign.above for sign in view.signs.values()) else 0.05
        below = 0.10 if any(not sign.above for sign in view.signs.values()) else 0.06
        limits = candles.padded(low, high, below=below, above=above)
        axes.set_ylim(*limits)
        if view.options.candles:
            candles.draw_candles(axes, view.bars, view.colors, bar_width=self.bar_width)
        else:
            candles.draw_closes(axes, view.bars, view.theme.accent, floor=limits[0])
        self._draw_series(axes, pane)
        markers.draw_signs(axes, view.spots, view.signs)
        self._label_start(axes)
        tagged = self._draw_tag(axes)
        apart = (limits[1] - limits[0]) * 20 / pane.height
        levels = ticks.value_ticks(*limits, most=max(int(pane.height / 45), 2))
        free = [(tick, label) for tick, label in zip(levels, ticks.labels_of(levels), strict=True)
                if tagged is None or abs(tick - tagged) > apart]  # fmt: skip
        self._draw_levels(axes, levels, [label for _, label in free], [tick for tick, _ in free])

    def _label_start(self, axes: Axes) -> None:
        before = self.view.before_start
        if before and before < self.view.bars.height:
            late = before > self.view.bars.height / 2
            style = text_style(self.view.theme.text, size=SMALL)
            axes.text(before - 0.5, 0.985, " scanned from here ", transform=axes.get_xaxis_transform(), va="top",
                      ha="right" if late else "left", zorder=7, **style)  # fmt: skip

    def _draw_tag(self, axes: Axes) -> float | None:
        """Write the last close on the scale, and draw a thin line to it."""
        view, closes = self.view, self.view.last_closes
        if not closes:
            return None
        color = view.theme.accent
        if view.options.candles:
            color = view.colors.up if closes[-1] >= closes[0] else view.colors.down
        axes.axhline(closes[-1], color=color, linewidth=0.8, marker="none", linestyle=(0, (1, 2)), zorder=1.5)
        axes.annotate(
            ticks.price(closes[-1], view.places), (1, closes[-1]), xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0), textcoords="offset points", va="center", ha="left", annotation_clip=False, zorder=8,
            bbox={"boxstyle": "square,pad=0.25", "facecolor": color, "edgecolor": "none"},
            **text_style(ink_on(color), weight="bold"),
        )  # fmt: skip
        return float(closes[-1])

    def _draw_volume(self, axes: Axes, pane: Pane) -> None:
        bars = self.view.bars
        columns = [bars["volume"], *(bars[each.column] for each in pane.series)]
        high = max(candles.limits_of(columns)[1], 0.0) or 1.0
        axes.set_ylim(0, high * 1.05)
        candles.draw_volume(axes, bars, self.view.colors, bar_width=self.bar_width)
        self._draw_series(axes, pane)
        marks = [tick for tick in ticks.value_ticks(0, high, most=2) if tick]
        self._draw_levels(axes, marks, [ticks.short(tick) for tick in marks])

    def _draw_own(self, axes: Axes, pane: Pane) -> None:
        levels = sorted({level for each in pane.series for level in each.levels})
        values = [self.view.bars[each.column] for each in pane.series]
        if any(each.histogram for each in pane.series):
            values.append(pl.Series([0.0]))
        own = candles.limits_of(values)
        low, high = candles.limits_of([pl.Series([level]) for level in levels], within=own, far=_FAR)
        limits = candles.padded(low, high, below=0.08, above=0.08)
        axes.set_ylim(*limits)
        self._draw_series(axes, pane)
        inside = [level for level in levels if limits[0] <= level <= limits[1]]
        color = self.view.theme.text
        for level in inside:
            axes.axhline(level, color=color, alpha=0.9, linewidth=0.8, marker="none", linestyle=(0, (4, 3)), zorder=1)
        apart = (limits[1] - limits[0]) * 14 / pane.height
        round_ones = [tick for tick in ticks.value_ticks(*limits, most=3)
                      if all(abs(tick - level) >= apart for level in inside)]  # fmt: skip
        marks = sorted([*_apart(inside, apart), *round_ones])
        self._draw_levels(axes, round_ones, ticks.labels_of(marks), marks)

    def _draw_series(self, axes: Axes, pane: Pane) -> None:
        width = 1.2 if self.bar_width >= 2 else 0.95  # noqa: PLR2004 - pixels
        for place, each in enumerate(pane.series):
            color = pane.color_of(place)
            if each.histogram:
                pairs = self.view.bars.with_row_index("bar").select("bar", each.column).drop_nulls().iter_rows()
                candles.draw_columns(axes, pairs, to_rgba(color, 0.6))
            else:
                line = candles.draw_line(axes, self.view.bars[each.column], color, width=width)
                line.set_label(f"_{each.label}")

    def _draw_levels(
        self, axes: Axes, lines: Sequence[float], labels: Sequence[str], marks: Sequence[float] | None = None
    ) -> None:
        """Draw faint lines across the pane, and write the scale on the right."""
        self._draw_lines(axes, [((0, level), (1, level)) for level in lines], axes.get_yaxis_transform())
        axes.tick_params(axis="y", length=0, pad=7, labelright=True, labelleft=False, right=False, left=False)
        axes.set_yticks(lines if marks is None else marks, labels, **text_style(self.view.theme.text))
        axes.set_xticks([])

    def _draw_lines(self, axes: Axes, lines: Sequence[tuple[candles.Point, candles.Point]], where: Transform) -> None:
        """Draw the faint lines of the grid."""
        color = to_rgba(self.view.theme.text, GRID)
        axes.add_collection(
            LineCollection(lines, colors=[color], linewidths=0.8, transform=where, zorder=0.5), autolim=False
        )


def _apart(levels: Sequence[float], distance: float) -> list[float]:
    """Leave out levels whose labels would lie on one another."""
    kept: list[float] = []
    for level in levels:
        if not kept or level - kept[-1] >= distance:
            kept.append(level)
    return kept
