"""Matches counted by two keys as a table with heat colours; what is left out is counted in it too.

_Axis    the values of one key that are shown, and the words for the others
_grid    the counts; every row and column adds up
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import polars as pl

from jtscan.domain.signals import SignalStatistics, counts_by
from jtscan.render.cells import clean, cut
from jtscan.render.style import heat

_TIMES = ("date", "month")
_PLURALS = {
    "symbol": "symbols", "name": "names", "market": "markets", "sector": "sectors", "date": "dates",
    "month": "months", "signal_type": "signals",
}  # fmt: skip
_NONE = "(none)"
_TEXT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The values of a key, newest first for dates, otherwise those with most matches first."""

    key: str
    shown: Sequence[str]
    totals: Mapping[str, int]
    names: Mapping[str, str]

    @property
    def timed(self) -> bool:
        return self.key in _TIMES

    @property
    def left_out(self) -> int:
        return len(self.totals) - len(self.shown)

    @property
    def others(self) -> str:
        """What the last line is called, that holds the values that are not shown."""
        return f"{'earlier' if self.timed else 'others'} ({self.left_out:,} {_PLURALS[self.key]})"

    def title(self, value: str) -> str:
        """The value as people read it: a symbol with its name."""
        return cut(clean(f"{value} {self.names.get(value, '')}".rstrip()), _TEXT)


def pivot_table(
    statistics: SignalStatistics, index: str, columns: str, *, rows: int = 50, wide: int = 24
) -> tuple[str, str]:
    """Write the table of counts, and a sentence that says what it leaves out.

    Raises
    ------
    RequestError
        A key is unknown, or both are the same.
    """
    counts = counts_by(statistics, index, columns)
    counted = counts.group_by(_text(index, "#row"), _text(columns, "#column")).agg(pl.col("matches").sum())
    down = _axis(statistics, counted, index, "#row", rows)
    across = _forwards(_axis(statistics, counted, columns, "#column", wide))
    return _table(down, across, _cells(counted, down, across)), _said(down, across)


def _text(key: str, name: str) -> pl.Expr:
    return pl.col(key).cast(pl.String).fill_null(_NONE).alias(name)


def _axis(statistics: SignalStatistics, counted: pl.DataFrame, key: str, column: str, most: int) -> _Axis:
    totals = counted.group_by(column).agg(pl.col("matches").sum())
    by, falling = ([column], [True]) if key in _TIMES else (["matches", column], [True, False])
    ordered = dict(totals.sort(by, descending=falling).iter_rows())
    shown = list(ordered) if len(ordered) <= most else list(ordered)[: most - 1]
    names = statistics.counts.select("symbol", "name").unique("symbol").drop_nulls() if key == "symbol" else None
    return _Axis(key=key, shown=shown, totals=ordered, names={} if names is None else dict(names.iter_rows()))


def _forwards(across: _Axis) -> _Axis:
    """Let time run from left to right, as everywhere else."""
    return replace(across, shown=across.shown[::-1]) if across.timed else across


def _beside(across: _Axis, shown: Sequence[str], rest: Sequence[str]) -> str:
    """Join the cells of a line: what is not shown is earlier, so on the left, or smaller, so on the right."""
    return "".join([*rest, *shown] if across.timed else [*shown, *rest])


def _cells(counted: pl.DataFrame, down: _Axis, across: _Axis) -> Mapping[tuple[str, str], int]:
    wanted = pl.col("#row").is_in(down.shown) & pl.col("#column").is_in(across.shown)
    return {(row, column): count for row, column, count in counted.filter(wanted).iter_rows()}


def _table(down: _Axis, across: _Axis, cells: Mapping[tuple[str, str], int]) -> str:
    most = max(cells.values(), default=1)
    body = "".join(_row(value, down, across, cells, most) for value in down.shown)
    heads = [_head(across.title(value)) for value in across.shown]
    head = _head("total") + _beside(across, heads, [_head(across.others)] if across.left_out else [])
    return (
        f'<div class="jt-pivot"><table class="jt-table"><thead><tr><th>{escape(down.key)}</th>{head}</tr></thead>'
        f"<tbody>{body}{_others(down, across, cells)}{_total(across)}</tbody></table></div>"
    )


def _head(text: str) -> str:
    return f'<th class="jt-right">{escape(text)}</th>'


def _row(value: str, down: _Axis, across: _Axis, cells: Mapping[tuple[str, str], int], most: int) -> str:
    counts = [cells.get((value, column), 0) for column in across.shown]
    rest = [_count(down.totals[value] - sum(counts))] if across.left_out else []
    heated = [_heat(count, most) for count in counts]
    return (
        f"<tr><th>{escape(down.title(value))}</th>{_count(down.totals[value], 'jt-sum')}"
        f"{_beside(across, heated, rest)}</tr>"
    )


def _others(down: _Axis, across: _Axis, cells: Mapping[tuple[str, str], int]) -> str:
    """The line of the rows that are not shown."""
    if not down.left_out:
        return ""
    whole = sum(down.totals.values()) - sum(down.totals[value] for value in down.shown)
    counts = [across.totals[column] - sum(cells.get((row, column), 0) for row in down.shown) for column in across.shown]
    rest = [_count(whole - sum(counts))] if across.left_out else []
    return (
        f'<tr class="jt-others"><th>{escape(down.others)}</th>{_count(whole, "jt-sum")}'
        f"{_beside(across, list(map(_count, counts)), rest)}</tr>"
    )


def _total(across: _Axis) -> str:
    whole = sum(across.totals.values())
    counts = [across.totals[column] for column in across.shown]
    rest = [_count(whole - sum(counts))] if across.left_out else []
    cells = _beside(across, list(map(_count, counts)), rest)
    return f'<tr class="jt-total"><th>total</th>{_count(whole)}{cells}</tr>'


def _heat(count: int, most: int) -> str:
    if not count:
        return _count(0)
    return f'<td class="jt-right jt-heat"{heat(count / most)}>{count:,}</td>'


def _count(count: int, names: str = "") -> str:
    if not count:
        return '<td class="jt-right jt-null">&ndash;</td>'
    return f'<td class="{f"jt-right {names}".rstrip()}">{count:,}</td>'


def _said(down: _Axis, across: _Axis) -> str:
    parts = " and ".join(_part(axis) for axis in (down, across) if axis.left_out)
    return f"Shown: {parts}; all others are counted together." if parts else ""


def _part(axis: _Axis) -> str:
    which = "newest" if axis.timed else "largest"
    return f"the {len(axis.shown):,} {which} of {len(axis.totals):,} {_PLURALS[axis.key]}"
