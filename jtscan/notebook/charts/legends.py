"""Legends: a row of entries over a pane, each a sign, a label and its last value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jtscan.notebook.charts.sheet import Sheet, cut, width_of

ROW = 17.0
_SIGN, _SPACE, _APART = 16.0, 5.0, 16.0
_LONGEST = 420.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a line, a bar or a marker means; a line unless it has a ``marker``."""

    label: str
    color: str
    value: str = ""
    marker: str | None = None
    sign: bool = True

    @property
    def width(self) -> float:
        """How many pixels it takes, with the space behind it."""
        sign = _SIGN + _SPACE if self.sign else 0
        value = _SPACE + width_of(self.value, weight="bold") if self.value else 0
        return sign + width_of(self.shown) + value + _APART

    @property
    def shown(self) -> str:
        """Its label; a very long one is cut."""
        return cut(self.label, _LONGEST)


def rows_of(entries: Iterable[Entry], width: float) -> list[list[Entry]]:
    """Lay entries into rows of so many pixels."""
    rows: list[list[Entry]] = []
    room = 0.0
    for entry in entries:
        needed = entry.width
        if not rows or needed - _APART > room:
            rows.append([])
            room = width
        rows[-1].append(entry)
        room -= needed
    return rows


def draw_rows(sheet: Sheet, rows: Sequence[Sequence[Entry]], left: float, top: float) -> None:
    """Write rows of entries below each other."""
    for number, row in enumerate(rows):
        place = left
        for entry in row:
            _draw(sheet, entry, place, top + ROW * (number + 0.5))
            place += entry.width


def _draw(sheet: Sheet, entry: Entry, left: float, middle: float) -> None:
    if entry.sign:
        _draw_sign(sheet, entry, left, middle)
        left += _SIGN + _SPACE
    sheet.text(left, middle, entry.shown)
    if entry.value:
        left += width_of(entry.shown) + _SPACE
        sheet.text(left, middle, entry.value, weight="bold", color=sheet.theme.strong)


def _draw_sign(sheet: Sheet, entry: Entry, left: float, middle: float) -> None:
    if entry.marker is None:
        sheet.stroke((left, left + _SIGN), (middle, middle), color=entry.color, linewidth=2, linestyle="-",
                     marker="none", solid_capstyle="butt")  # fmt: skip
        return
    sheet.stroke((left + _SIGN / 2,), (middle,), color=entry.color, linestyle="none", marker=entry.marker,
                 markersize=6.5, markeredgewidth=1.2 if entry.marker == "x" else 0)  # fmt: skip
