"""The chart of one symbol: what a formula saw of it.

_Picture.draw      header, legend, price, volume, a pane per group of series, time, notes
_panes_of          which panes there are, and what stands in their legends
_draw_price …      what each pane holds
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from jtscan.domain.history import Scale, Series, SymbolHistory
from jtscan.errors import RequestError
from jtscan.notebook.charts import candles, fonts, markers, ticks
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.legends import ROW, Entry, draw_rows, rows_of
from jtscan.notebook.charts.sheet import GRID, LARGE, NOTE, SMALL, Sheet, folded, text_style, width_of
from jtscan.notebook.charts.themes import OWN_FIRST, Colors, Convention, Kind, Theme, ThemeName, ink_on

MOST_CANDLES = 400
_WIDTH, _LEAST = 960.0, (320.0, 240.0)
_LEFT, _TOP, _HEADER, _FOOT = 12.0, 8.0, 26.0, 24.0
_PRICE, _VOLUME, _OWN, _GAP = 300.0, 62.0, 84.0, 6.0
_LEAST_PRICE, _LEAST_PANE = 120.0, 20.0
_WITHOUT_TRADE = "x"


def symbol_chart(
    history: SymbolHistory,
    *,
    kind: Kind = "auto",
    colors: Colors = "auto",
    theme: ThemeName = "auto",
    volume: bool = True,
    size: tuple[float, float] | None = None,
) -> Chart:
    """Draw one symbol as a formula saw it: price, volume, the formula's series, its matches, halts.

    Bars stand side by side, so that nights, weekends and holidays leave no
    gap. Rising candles are hollow, falling ones filled.

    Parameters
    ----------
    history
        What is drawn; see `BatchScanResult.history`.
    kind
        ``"candles"`` or ``"line"``; ``"auto"`` draws candles up to 400 bars, and a
        line where there are more or the files have closes only.
    colors
        ``"korean"``: red rises, blue falls; ``"western"``: teal rises, vermilion
        falls; ``"auto"`` goes by the market.
    theme
        ``"light"`` or ``"dark"`` give a ground; ``"auto"`` has none and can be read
        on either.
    volume
        False leaves the volume's pane out, with the series on its scale.
    size
        Width and height in pixels; else 960, and as high as the panes need.
    """
    if history.bars.is_empty():
        raise RequestError("history", f"there are no bars of {history.symbol} in the range; ask for an earlier one")
    if kind not in {"auto", "candles", "line"}:
        raise RequestError("kind", f"{kind!r} is not known; there are: auto, candles, line")
    if size is not None and (len(size) != 2 or any(each < least for each, least in zip(size, _LEAST, strict=True))):  # noqa: PLR2004
        raise RequestError("size", f"{size!r} is not a width and height in pixels, of at least {_LEAST}")
    options = _Options(candles=_takes_candles(history, kind), colors=colors, volume=volume, size=size)
    return Chart(
        lambda chosen: _Picture(history, options, chosen).draw(), title=_repr_title(history), theme=theme
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    candles: bool
    colors: Colors
    volume: bool
    size: tuple[float, float] | None


@dataclass(slots=True, kw_only=True)
class _Pane:
    """A strip of the chart: its height without the legend, its series and legend."""

    kind: Literal["price", "volume", "own"]
    height: float
    series: Sequence[Series]
    colors: Sequence[str]
    entries: list[Entry] = field(default_factory=list)
    rows: list[list[Entry]] = field(default_factory=list)


def _takes_candles(history: SymbolHistory, kind: Kind) -> bool:
    whole = history.bars.select("open", "high", "low", "close").drop_nulls().height
    return kind == "candles" or (kind == "auto" and history.bars.height <= MOST_CANDLES and whole > 0)


def _repr_title(history: SymbolHistory) -> str:
    return f"{history.symbol}, {history.bars.height:,} bars, {history.matches.height:,} matches"


class _Picture:
    """One drawing of a history in one theme."""

    def __init__(self, history: SymbolHistory, options: _Options, theme: Theme) -> None:
        self.history = history
        self.options = options
        self.theme = theme
        self.bars = history.bars
        self.colors: Convention = theme.convention(options.colors, history.market)
        self.moments = self.bars["timestamp"]
        self.places = ticks.price_places(self.bars["close"])
        self.spots = self._spots()
        self.signs = markers.signs_of(self.spots["signal_type"].unique().to_list(), theme, self.colors)
        self.halts = markers.halts_between(self.moments, history.halts)
        self.right = 0.0
        self.width = options.size[0] if options.size else _WIDTH

    def draw(self) -> Figure:
        """Draw everything from the top down."""
        panes = self._panes_of()
        self.right = self._right()
        notes = self._notes()
        for pane in panes:
            pane.rows = rows_of(pane.entries, self.width - _LEFT - self.right)
        self._fit(panes, notes)
        sheet = Sheet(self.width, self._height(panes, notes), self.theme)
        self._draw_header(sheet)
        top = _TOP + _HEADER
        time = ticks.time_ticks(self.moments, most=self._most_ticks, apart=40 / self._bar_width)
        for pane in panes:
            top = self._draw_pane(sheet, pane, top, time)
        self._draw_time(sheet, top - _GAP, time)
        sheet.notes(notes, left=_LEFT, top=top - _GAP + _FOOT)
        return sheet.figure

    # ---- what there is to draw

    def _spots(self) -> pl.DataFrame:
        """Find the bar of each match; low and high are where its marker stands."""
        matches = self.history.matches.select(pl.col("timestamp").cast(self.moments.dtype), "signal_type")
        low, high = ("low", "high") if self.options.candles else ("close", "close")
        bars = self.bars.with_row_index("bar").select(
            "timestamp", "bar",
            low=pl.coalesce(low, "close"), high=pl.coalesce(high, "close"),
        )  # fmt: skip
        return matches.join(bars, on="timestamp", how="inner").drop_nulls(["low", "high"])

    def _panes_of(self) -> list[_Pane]:
        series = self.history.series
        price = [each for each in series if each.scale is Scale.PRICE]
        panes = [_Pane(kind="price", height=_PRICE, series=price, colors=self._cycle(range(len(self.theme.lines))))]
        panes[0].entries = [*self._series_entries(panes[0]), *self._sign_entries()]
        traded = [each for each in series if each.scale is Scale.VOLUME]
        if self.options.volume and (traded or self.bars["volume"].drop_nulls().len()):
            pane = _Pane(kind="volume", height=_VOLUME, series=traded, colors=self._cycle(OWN_FIRST[1:]))
            last = self.bars["volume"].drop_nulls().tail(1).to_list()
            head = Entry(label="volume", color=self.theme.text, value=ticks.short(last[0]) if last else "", sign=False)
            pane.entries = [head, *self._series_entries(pane)]
            panes.append(pane)
        own = [each for each in series if each.scale is Scale.OWN]
        for group in dict.fromkeys(each.group for each in own):
            members = [each for each in own if each.group == group]
            pane = _Pane(kind="own", height=_OWN, series=members, colors=self._cycle(OWN_FIRST))
            pane.entries = self._series_entries(pane)
            panes.append(pane)
        return panes

    def _cycle(self, order: Sequence[int]) -> list[str]:
        return [self.theme.lines[place % len(self.theme.lines)] for place in order]

    def _series_entries(self, pane: _Pane) -> list[Entry]:
        return [
            Entry(label=each.label, color=pane.colors[place % len(pane.colors)], value=self._last(each))
            for place, each in enumerate(pane.series)
        ]

    def _last(self, series: Series) -> str:
        """Write a series' value at the last bar."""
        value = self.bars[series.column].tail(1).to_list()[0]
        if value is None:
            return "–"
        if series.scale is Scale.PRICE:
            return ticks.price(value, self.places)
        return ticks.short(value) if series.scale is Scale.VOLUME else ticks.number(value)

    def _sign_entries(self) -> list[Entry]:
        counts = markers.counts_of(self.spots)
        entries = [
            Entry(label=name, color=sign.color, value=f"{counts[name]:,}", marker=sign.shape)
            for name, sign in self.signs.items()
        ]
        if self.halts:
            days = sum(self.halts.values())
            label = f"halt ({days:,} {'day' if days == 1 else 'days'})"
            entries.append(Entry(label=label, color=self.theme.text, marker=_WITHOUT_TRADE))
        return entries

    def _notes(self) -> list[str]:
        """Say below the chart what could not be drawn."""
        outside = self.history.matches.height - self.spots.height
        one = "match lies" if outside == 1 else "matches lie"
        texts = (
            f"{outside:,} {one} outside the bars that are shown." if outside else None,
            _left_out(self.history.left_out),
            fonts.hint_for((self.history.name, *(each.label for each in self.history.series))),
        )
        return [line for text in texts if text for line in folded(text, self.width - 2 * _LEFT)]

    # ---- where it stands

    @property
    def _plot_width(self) -> float:
        return self.width - _LEFT - self.right

    @property
    def _bar_width(self) -> float:
        return self._plot_width / self._slots

    @property
    def _slots(self) -> float:
        """Bars, with some air on either side; a few bars are not blown up over the whole width."""
        return max(self.bars.height + 1.0, 12.0)

    @property
    def _most_ticks(self) -> int:
        return max(int(self._plot_width / 62), 2)

    def _right(self) -> float:
        """Return the room that the labels of the price need."""
        low, high = candles.limits_of([self.bars["close"]])
        labels = (*(ticks.price(value, self.places) for value in (low, high)), "000.0M")
        return max(width_of(label, weight="bold") for label in labels) + 20

    def _fit(self, panes: Sequence[_Pane], notes: Sequence[str]) -> None:
        """Give the price what the wanted height leaves; where that is too little, all become lower alike."""
        if self.options.size is None:
            return
        room = self.options.size[1] - self._height(panes, notes)
        panes[0].height += room
        if panes[0].height >= _LEAST_PRICE:
            return
        panes[0].height -= room
        drawn = sum(pane.height for pane in panes)
        if drawn + room < _LEAST_PANE * len(panes):
            needed = math.ceil(self.options.size[1] - drawn - room + _LEAST_PANE * len(panes))
            raise RequestError("size", f"{len(panes)} panes need a height of {needed} pixels at the least")
        for pane in panes:
            pane.height *= (drawn + room) / drawn

    def _height(self, panes: Sequence[_Pane], notes: Sequence[str]) -> float:
        inner = sum(pane.height + ROW * len(pane.rows) + _GAP for pane in panes) - _GAP
        return _TOP + _HEADER + inner + _FOOT + NOTE * len(notes) + (4 if notes else 0)

    # ---- drawing

    def _draw_header(self, sheet: Sheet) -> None:
        """Write who it is and what is shown on the left, the last close on the right."""
        middle = _TOP + 8
        last, change, color = self._last_close()
        edge = self.width - 12
        sheet.text(edge, middle, change, color=color, ha="right")
        edge -= width_of(change) + 8 if change else 0
        sheet.text(edge, middle, last, color=self.theme.strong, size=LARGE, weight="bold", ha="right")
        room = edge - width_of(last, size=LARGE, weight="bold") - 24 - _LEFT
        sheet.heading(self._title(), self._facts(), left=_LEFT, top=middle, width=room)

    def _title(self) -> str:
        """Symbol and name; the symbol alone where no font has the name's letters."""
        name = self.history.name
        return f"{self.history.symbol}  {name}" if name and fonts.can_draw(name) else self.history.symbol

    def _facts(self) -> str:
        first, last = (ticks.full(moment) for moment in (self.moments[0], self.moments[-1]))
        shown = first if first == last else f"{first} – {last}"
        count = f"{self.bars.height:,} {'bar' if self.bars.height == 1 else 'bars'}"
        return " · ".join(part for part in (self.history.market, str(self.history.timeframe), shown, count) if part)

    def _last_close(self) -> tuple[str, str, str]:
        closes = self.bars["close"].drop_nulls().tail(2).to_list()
        if not closes:
            return "", "", self.theme.text
        last = ticks.price(closes[-1], self.places)
        if len(closes) == 1 or not closes[0]:
            return last, "", self.theme.text
        change = closes[1] / closes[0] - 1
        sign, color = ("▲", self.colors.up) if change > 0 else ("▼", self.colors.down)
        return (last, f"{sign} {abs(change):.2%}", color) if change else (last, "0.00%", self.theme.text)

    def _draw_pane(self, sheet: Sheet, pane: _Pane, top: float, time: Sequence[ticks.TimeTick]) -> float:
        """Draw one pane under the one before, and return where the next begins."""
        draw_rows(sheet, pane.rows, _LEFT, top)
        top += ROW * len(pane.rows)
        axes = sheet.axes(_LEFT, top, self._plot_width, pane.height, label=pane.kind)
        spare = self._slots - self.bars.height
        axes.set_xlim(-0.5 - spare / 2, self.bars.height - 0.5 + spare / 2)
        self._draw_grid(axes, time)
        {"price": self._draw_price, "volume": self._draw_volume, "own": self._draw_own}[pane.kind](axes, pane)
        foot = top + pane.height
        sheet.stroke((_LEFT, _LEFT + self._plot_width), (foot, foot), color=self.theme.text, alpha=0.5, linewidth=0.8,
                     linestyle="-", marker="none")  # fmt: skip
        return foot + _GAP

    def _draw_grid(self, axes: Axes, time: Sequence[ticks.TimeTick]) -> None:
        """Draw beginnings of periods, halts, and what was not scanned."""
        self._draw_lines(axes, [((tick.bar, 0), (tick.bar, 1)) for tick in time], axes.get_xaxis_transform())
        markers.draw_halts(axes, self.halts, self.theme.text, cross=axes.get_label() == "price")
        before = self._before_start()
        if before:
            axes.axvspan(
                axes.get_xlim()[0], before - 0.5, facecolor=self.theme.text, alpha=0.10, linewidth=0, zorder=0.4
            )
            axes.axvline(
                before - 0.5,
                color=self.theme.text,
                alpha=0.8,
                linewidth=0.9,
                marker="none",
                linestyle=(0, (3, 3)),
                zorder=1,
            )

    def _before_start(self) -> int:
        """Count the bars that were not scanned."""
        start = self.history.start
        if start is None:
            return 0
        return int((self.moments < pl.Series([start]).cast(self.moments.dtype)[0]).sum())

    def _draw_price(self, axes: Axes, pane: _Pane) -> None:
        columns = ("high", "low", "close") if self.options.candles else ("close",)
        own = candles.limits_of([self.bars[name] for name in columns])
        low, high = candles.limits_of([self.bars[each.column] for each in pane.series], within=own)
        above = 0.10 if any(sign.above for sign in self.signs.values()) else 0.05
        below = 0.10 if any(not sign.above for sign in self.signs.values()) else 0.06
        limits = candles.padded(low, high, below=below, above=above)
        axes.set_ylim(*limits)
        if self.options.candles:
            candles.draw_candles(axes, self.bars, self.colors, bar_width=self._bar_width)
        else:
            candles.draw_closes(axes, self.bars, self.theme.accent, floor=limits[0])
        self._draw_series(axes, pane)
        markers.draw_signs(axes, self.spots, self.signs)
        self._label_start(axes)
        tagged = self._draw_tag(axes)
        apart = (limits[1] - limits[0]) * 15 / pane.height
        levels = ticks.value_ticks(*limits, most=max(int(pane.height / 45), 2))
        free = [(tick, label) for tick, label in zip(levels, ticks.labels_of(levels), strict=True)
                if tagged is None or abs(tick - tagged) > apart]  # fmt: skip
        self._draw_levels(axes, levels, [label for _, label in free], [tick for tick, _ in free])

    def _label_start(self, axes: Axes) -> None:
        before = self._before_start()
        if before and before < self.bars.height:
            late = before > self.bars.height / 2
            axes.text(before - 0.5, 0.985, " scanned from here ", transform=axes.get_xaxis_transform(), va="top",
                      ha="right" if late else "left", zorder=7, **text_style(self.theme.text, size=SMALL))  # fmt: skip

    def _draw_tag(self, axes: Axes) -> float | None:
        """Write the last close on the scale, and draw a thin line to it."""
        closes = self.bars["close"].drop_nulls().tail(2).to_list()
        if not closes:
            return None
        color = self.theme.accent
        if self.options.candles:
            color = self.colors.up if closes[-1] >= closes[0] else self.colors.down
        axes.axhline(closes[-1], color=color, linewidth=0.8, marker="none", linestyle=(0, (1, 2)), zorder=1.5)
        axes.annotate(
            ticks.price(closes[-1], self.places), (1, closes[-1]), xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0), textcoords="offset points", va="center", ha="left", annotation_clip=False, zorder=8,
            bbox={"boxstyle": "square,pad=0.25", "facecolor": color, "edgecolor": "none"},
            **text_style(ink_on(color), weight="bold"),
        )  # fmt: skip
        return float(closes[-1])

    def _draw_volume(self, axes: Axes, pane: _Pane) -> None:
        columns = [self.bars["volume"], *(self.bars[each.column] for each in pane.series)]
        high = max(candles.limits_of(columns)[1], 0.0) or 1.0
        axes.set_ylim(0, high * 1.05)
        candles.draw_volume(axes, self.bars, self.colors, bar_width=self._bar_width)
        self._draw_series(axes, pane)
        marks = [tick for tick in ticks.value_ticks(0, high, most=2) if tick]
        self._draw_levels(axes, marks, [ticks.short(tick) for tick in marks])

    def _draw_own(self, axes: Axes, pane: _Pane) -> None:
        levels = sorted({level for each in pane.series for level in each.levels})
        values = [self.bars[each.column] for each in pane.series]
        if any(_is_histogram(each) for each in pane.series):
            values.append(pl.Series([0.0]))
        own = candles.limits_of(values)
        low, high = candles.limits_of([pl.Series(levels, dtype=pl.Float64)], within=own, far=1.0) if levels else own
        limits = candles.padded(low, high, below=0.08, above=0.08)
        axes.set_ylim(*limits)
        self._draw_series(axes, pane)
        inside = [level for level in levels if limits[0] <= level <= limits[1]]
        for level in inside:
            axes.axhline(
                level, color=self.theme.text, alpha=0.9, linewidth=0.8, marker="none", linestyle=(0, (4, 3)), zorder=1
            )
        apart = (limits[1] - limits[0]) * 14 / pane.height
        marks = _apart(inside, apart) or ticks.value_ticks(*limits, most=3)
        labels = [ticks.number(mark) for mark in marks] if inside else ticks.labels_of(marks)
        self._draw_levels(axes, [] if inside else marks, labels, marks)

    def _draw_series(self, axes: Axes, pane: _Pane) -> None:
        width = 1.2 if self._bar_width >= 2 else 0.95  # noqa: PLR2004 - pixels
        for place, each in enumerate(pane.series):
            color = pane.colors[place % len(pane.colors)]
            if _is_histogram(each):
                pairs = self.bars.with_row_index("bar").select("bar", each.column).drop_nulls().iter_rows()
                candles.draw_columns(axes, pairs, to_rgba(color, 0.6))
            else:
                candles.draw_line(axes, self.bars[each.column], color, width=width).set_label(f"_{each.label}")

    def _draw_levels(
        self, axes: Axes, lines: Sequence[float], labels: Sequence[str], marks: Sequence[float] | None = None
    ) -> None:
        """Draw faint lines across the pane, and write the scale on the right."""
        self._draw_lines(axes, [((0, level), (1, level)) for level in lines], axes.get_yaxis_transform())
        axes.tick_params(axis="y", length=0, pad=7, labelright=True, labelleft=False, right=False, left=False)
        axes.set_yticks(lines if marks is None else marks, labels, **text_style(self.theme.text))
        axes.set_xticks([])

    def _draw_lines(self, axes: Axes, lines: Sequence[tuple[candles.Point, candles.Point]], where: Transform) -> None:
        """Draw the faint lines of the grid."""
        color = to_rgba(self.theme.text, GRID)
        axes.add_collection(
            LineCollection(lines, colors=[color], linewidths=0.8, transform=where, zorder=0.5), autolim=False
        )

    def _draw_time(self, sheet: Sheet, top: float, time: Sequence[ticks.TimeTick]) -> None:
        """Write the time below the last pane; years are bold."""
        spare = (self._slots - self.bars.height) / 2
        for tick in time:
            left = _LEFT + (tick.bar + 0.5 + spare) * self._bar_width
            half = width_of(tick.label) / 2
            left = min(max(left, _LEFT + half), self.width - half - 4)
            strong = tick.rank == 3  # noqa: PLR2004 - a year
            sheet.text(left, top + 13, tick.label, ha="center", weight="bold" if strong else "normal",
                       color=self.theme.strong if strong else None)  # fmt: skip


def _left_out(labels: Sequence[str]) -> str | None:
    return f"Not drawn, there are too many: {', '.join(labels)}." if labels else None


def _is_histogram(series: Series) -> bool:
    return series.label.endswith(".hist")


def _apart(levels: Sequence[float], distance: float) -> list[float]:
    """Leave out levels whose labels would lie on one another."""
    kept: list[float] = []
    for level in levels:
        if not kept or level - kept[-1] >= distance:
            kept.append(level)
    return kept
