"""A pivot of the matches as a map of shades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from jtscan.domain.signals import SignalStatistics
from jtscan.domain.words import counted
from jtscan.notebook.charts import fonts
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.counting import OTHERS, counts_of, facts_of, label_of, shade
from jtscan.notebook.charts.sheet import NOTE, SMALL, Box, Color, Sheet, cut, folded, text_style, width_of
from jtscan.notebook.charts.themes import Theme, ThemeName, ink_on

_WIDTH, _LEFT, _TOP, _HEADER = 960.0, 12.0, 16.0, 22.0
_MOST_ROWS, _MOST_COLUMNS = 30, 36
_ROW, _WIDEST, _LABEL, _UPRIGHT, _GAP = 22.0, 66.0, 190.0, 110.0, 2.0
_TIMES = ("date", "month")
_NONE, _SUM = 0.10, 0.28
_SCALE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Counts by row and column, and what was put together to make it fit."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[int]]
    notes: Sequence[str]
    sum_row: int | None
    sum_column: int | None

    def summed(self, row: int, column: int) -> bool:
        """Tell whether a cell holds what was put together."""
        return row == self.sum_row or column == self.sum_column

    @property
    def shaded(self) -> list[int]:
        """The numbers that the scale of shades is made for."""
        return [
            value
            for row, values in enumerate(self.values)
            for column, value in enumerate(values)
            if not self.summed(row, column)
        ]

    @property
    def most(self) -> int:
        """The largest of them."""
        return max(self.shaded)


def heatmap_chart(
    statistics: SignalStatistics, *, index: str = "sector", columns: str = "month", theme: ThemeName = "auto"
) -> Chart:
    """Draw the matches by any two keys as a map: the darker, the more.

    At most 30 rows and 36 columns are drawn: the rest of the rows is summed as
    ``others``, and so are the oldest months or days, which the chart says.

    Parameters
    ----------
    statistics
        The counts of a scan.
    index, columns
        Two of symbol, name, market, sector, date, month, signal_type; see
        `SignalStatistics.pivot`.
    theme
        ``"light"`` or ``"dark"`` give a ground; ``"auto"`` has none.
    """
    counts = counts_of(statistics)
    table = _table_of(statistics, index, columns)
    title = f"Matches by {index.replace('_', ' ')} and {columns.replace('_', ' ')}"
    return Chart(lambda chosen: _draw(table, title, facts_of(counts), chosen), title=title.lower(), theme=theme)


def _table_of(statistics: SignalStatistics, index: str, columns: str) -> _Table:
    pivot = statistics.pivot(index, columns)
    keys = ["(none)" if key is None else str(key) for key in pivot.to_series(0).to_list()]
    names = pivot.columns[1:-1]
    values = [list(row[1:-1]) for row in pivot.iter_rows()]
    order = _chosen([sum(row) for row in values], index, _MOST_ROWS)
    keys, values, sum_row, row_note = _gathered(keys, values, order, index)
    turned = [list(column) for column in zip(*values, strict=True)]
    order = _chosen([sum(column) for column in turned], columns, _MOST_COLUMNS)
    names, turned, sum_column, column_note = _gathered(names, turned, order, columns)
    labels = _symbol_labels(statistics.counts) if index == "symbol" else {}
    return _Table(
        rows=[labels.get(key, key) for key in keys], columns=names, values=list(zip(*turned, strict=True)),
        notes=[note for note in (row_note, column_note) if note], sum_row=sum_row, sum_column=sum_column,
    )  # fmt: skip


def _chosen(totals: Sequence[int], key: str, most: int) -> list[int]:
    """Choose which places are drawn by themselves: the newest times, or the largest of all else."""
    places = range(len(totals))
    if len(totals) <= most:
        return list(places)
    if key in _TIMES:
        return list(places)[-most + 1 :]
    return sorted(places, key=lambda place: (-totals[place], place))[: most - 1]


def _gathered(
    keys: Sequence[str], values: Sequence[Sequence[int]], kept: Sequence[int], key: str
) -> tuple[list[str], list[list[int]], int | None, str | None]:
    """Sum what is not kept: in front, if it is earlier, else at the end; say where the sum stands."""
    rest = [place for place in range(len(keys)) if place not in set(kept)]
    names, rows = [keys[place] for place in kept], [list(values[place]) for place in kept]
    if not rest:
        return names, rows, None, None
    summed = [sum(numbers) for numbers in zip(*(values[place] for place in rest), strict=True)]
    if key in _TIMES:
        note = f"'earlier' sums {counted(len(rest), key)} before {names[0]}."
        return ["earlier", *names], [summed, *rows], 0, note
    plural = key.replace("_", " ") + "s"
    note = f"'{OTHERS}' sums the {len(rest):,} {plural} with the fewest matches."
    return [*names, OTHERS], [*rows, summed], len(rows), note


def _symbol_labels(counts: pl.DataFrame) -> Mapping[str, str]:
    pairs = counts.select("symbol", "name").unique("symbol").iter_rows()
    return {symbol: label_of(symbol, name) for symbol, name in pairs}


def _draw(table: _Table, title: str, facts: str, theme: Theme) -> Figure:
    """Draw the map, the sums beside and below it, and what the shades mean."""
    hint = fonts.hint_for((*table.rows, *table.columns))
    notes = [line for note in (*table.notes, hint) if note for line in folded(note, _WIDTH - 2 * _LEFT)]
    label = min(max(width_of(cut(row, _LABEL)) for row in table.rows) + 12, _LABEL + 12)
    total = width_of(f"{sum(map(sum, table.values)):,}", weight="bold") + 14
    cell = min((_WIDTH - 2 * _LEFT - label - total) / len(table.columns), _WIDEST)
    upright = any(width_of(name, size=SMALL) + 4 > cell for name in table.columns)
    names = [cut(name, _UPRIGHT if upright else cell, size=SMALL) for name in table.columns]
    head = max(width_of(name, size=SMALL) for name in names) + 10 if upright else 20.0
    left, top = _LEFT + label, _TOP + _HEADER + head
    foot = top + _ROW * (len(table.rows) + 1) + 6
    sheet = Sheet(_WIDTH, foot + 26 + NOTE * len(notes), theme)
    sheet.heading(title, facts, left=_LEFT, top=_TOP, width=_WIDTH - 2 * _LEFT)
    canvas = sheet.canvas()
    for place, name in enumerate(names):
        sheet.text(left + cell * (place + 0.5), top - 6, name, size=SMALL, ha="center", va="bottom",
                   rotation=90 if upright else 0)  # fmt: skip
    for place, row in enumerate(table.rows):
        sheet.text(_LEFT, top + _ROW * (place + 0.5), cut(row, _LABEL))
    _draw_cells(canvas, sheet, table, (left, top), cell)
    _draw_sums(sheet, table, (left, top), cell, left + cell * len(names) + total)
    _draw_scale(sheet, canvas, table.most, foot + 6)
    sheet.notes(notes, left=_LEFT, top=foot + 24)
    return sheet.figure


def _draw_sums(sheet: Sheet, table: _Table, corner: tuple[float, float], cell: float, edge: float) -> None:
    """Write the sum of each row at its end, and of each column below it where all have room."""
    left, top = corner
    sums = [sum(row) for row in table.values]
    for place, value in enumerate(sums):
        sheet.text(edge, top + _ROW * (place + 0.5), f"{value:,}", weight="bold", ha="right")
    foot = top + _ROW * (len(sums) + 0.5)
    sheet.text(edge, foot, f"{sum(sums):,}", weight="bold", color=sheet.theme.strong, ha="right")
    below = [f"{sum(column):,}" for column in zip(*table.values, strict=True)]
    if all(width_of(text, size=SMALL) + 2 <= cell for text in below):
        for place, text in enumerate(below):
            sheet.text(left + cell * (place + 0.5), foot, text, size=SMALL, ha="center")


def _draw_cells(canvas: Axes, sheet: Sheet, table: _Table, corner: tuple[float, float], cell: float) -> None:
    """Fill the cells, and write their numbers where all of them have room."""
    boxes: list[Box] = []
    colors: list[Color] = []
    numbers = _have_room(table.shaded, cell)
    for row, values in enumerate(table.values):
        whole = row != table.sum_row or _have_room(values, cell)
        for column, value in enumerate(values):
            left, top = corner[0] + cell * column, corner[1] + _ROW * row
            color = _color(sheet.theme, table, row, column)
            boxes.append((left, top, cell - _GAP, _ROW - _GAP))
            colors.append(color)
            if value and numbers and whole and _have_room([value], cell):
                ink = ink_on(color) if isinstance(color, str) else sheet.theme.text
                canvas.text(left + (cell - _GAP) / 2, top + (_ROW - _GAP) / 2, f"{value:,}", ha="center",
                            va="center_baseline", zorder=3, **text_style(ink, size=SMALL))  # fmt: skip
    sheet.boxes(canvas, boxes, colors, label="cells")


def _have_room(values: Sequence[int], cell: float) -> bool:
    """Tell whether the longest of these numbers can be written into a cell."""
    return width_of(f"{max(values, default=0):,}", size=SMALL) + _GAP + 2 <= cell


def _color(theme: Theme, table: _Table, row: int, column: int) -> Color:
    """Return the colour of a cell; sums of what was put together are not on the scale."""
    value = table.values[row][column]
    if value == 0:
        return to_rgba(theme.text, _NONE)
    if table.summed(row, column):
        return to_rgba(theme.text, _SUM)
    most = table.most
    return shade(theme, (value - 1) / (most - 1) if most > 1 else 0.5)


def _draw_scale(sheet: Sheet, canvas: Axes, most: int, top: float) -> None:
    """Draw the shades from one match to the most."""
    sheet.text(_LEFT, top + 6, "1", size=SMALL)
    left = _LEFT + width_of("1", size=SMALL) + 6
    steps = min(most, 24)
    width = _SCALE / steps
    boxes = [(left + width * step, top, width + 0.5, 12.0) for step in range(steps)]
    shares = [step / (steps - 1) if steps > 1 else 0.5 for step in range(steps)]
    sheet.boxes(canvas, boxes, [shade(sheet.theme, share) for share in shares], label="scale")
    if most > 1:
        sheet.text(left + _SCALE + 6, top + 6, f"{most:,}", size=SMALL)
