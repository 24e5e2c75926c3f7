"""Values as text for a terminal of 100 columns, or as many as it has."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence

import polars as pl

from jtscan.domain.scans import BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.render import words
from jtscan.render.cells import Column, clean, columns_of, cut, pad, width_of, wrap

_WIDEST, _NARROWEST = 100, 60
_CELL = 32
_WIDE_CELL = 56
_ROWS = 10


def _width() -> int:
    """How wide lines may be; a file, a pipe and a notebook have no width of their own."""
    if not sys.stdout.isatty():
        return _WIDEST
    return min(max(shutil.get_terminal_size((_WIDEST, 24)).columns, _NARROWEST), _WIDEST)


def scan_text(result: BatchScanResult) -> str:
    """Write a scan: summary, what was asked, warnings, account, first matches, most frequent symbols."""
    parts = [
        [
            clean(result.summary),
            *_wrapped(words.formula_lines(result.request.formula, result.request.parameters)),
            *_wrapped([words.asked(result)]),
        ],
        [line for warning in words.warnings(result) for line in _hanging(warning, "! ")],
        ["Account", *_counted([*words.account(result), words.total(result)])],
        _titled("Beside the account", _counted(words.beside(result))),
        _titled(words.errors_title(result, 5), _error_lines(result, 5)),
        _matches_part(result),
        _grid_part(result.statistics),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def signals_text(signals: AggregatedSignals) -> str:
    """Write how many matches there are, and the first of them."""
    table = _inner_table(columns_of(signals.matches.head(_ROWS))) if signals.matches.height else []
    return "\n".join([words.signals_summary(signals), *table])


def statistics_text(statistics: SignalStatistics) -> str:
    """Write how many matches there are by signal, and by the most frequent symbols."""
    return "\n".join([words.statistics_summary(statistics), *_grid_part(statistics)])


def page_text(page: words.Page) -> str:
    """Write a report, part by part."""
    parts = [
        _wrapped([clean(page.summary), *([clean(page.note)] if page.note else [])]),
        [line for warning in page.warnings for line in _hanging(clean(warning), "! ")],
        *map(_part, page.parts),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _part(part: words.Part) -> list[str]:
    if part.frame is not None:
        return _titled(part.title, _inner_table(columns_of(part.frame), _WIDE_CELL))
    if part.rows or part.formula:
        return _titled(part.title, [*_labelled(part.rows), *_wrapped(part.formula)])
    counts = [*part.counts, *([part.total] if part.total is not None else []), *part.after]
    return _titled(part.title, _counted(counts))


def frame_text(frame: pl.DataFrame, rows: int | None = 10, *, width: int | None = None) -> str:
    """Write the first rows of a frame, all with ``rows=None``; aligned also where letters are double width."""
    shown = frame if rows is None else frame.head(rows)
    more = frame.height - shown.height
    return "\n".join([*_table(columns_of(shown), width or _width()), *([f"… and {more:,} more rows"] if more else [])])


def _matches_part(result: BatchScanResult) -> list[str]:
    matches = result.signals.matches
    if matches.is_empty():
        return wrap(words.nothing(result), _width())
    return _titled(words.matches_title(result.signals, _ROWS), _inner_table(columns_of(matches.head(_ROWS))))


def _grid_part(statistics: SignalStatistics) -> list[str]:
    return _titled(words.grid_title(statistics, _ROWS), _inner_table(words.grid(statistics, _ROWS)))


def _error_lines(result: BatchScanResult, rows: int) -> list[str]:
    cells = [
        (cut(clean(symbol), _CELL), status, clean(error or ""))
        for symbol, status, error in result.errors.head(rows).rows()
    ]
    wide = [max((width_of(row[place]) for row in cells), default=0) for place in range(2)]
    heads = [f"  {pad(symbol, wide[0])}  {pad(status, wide[1])}  " for symbol, status, _ in cells]
    return [line for head, (_, _, error) in zip(heads, cells, strict=True) for line in _hanging(error, head)]


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [*([title] if title else []), *lines] if lines else []


def _wrapped(lines: Iterable[str]) -> list[str]:
    width = _width()
    return [piece for line in lines for piece in ([line] if width_of(line) <= width else wrap(line, width))]


def _hanging(text: str, head: str) -> list[str]:
    """Break a text over lines, after a head and below itself."""
    taken = width_of(head)
    first, *others = wrap(text, _width() - taken)
    return [f"{head}{first}".rstrip(), *(f"{' ' * taken}{line}" for line in others)]


def _counted(counts: Sequence[words.Count]) -> list[str]:
    """Lines such as ``12  failed  the reason, going on below itself``."""
    named = max((width_of(count.what) for count in counts), default=0)
    heads = [f"{count.count:>11,}  {pad(count.what, named)}  " for count in counts]
    return [line for head, count in zip(heads, counts, strict=True) for line in _hanging(count.meaning, head)]


def _labelled(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lines such as ``timeframes  1d, 5m``."""
    named = max((width_of(label) for label, _ in rows), default=0)
    return [line for label, said in rows for line in _hanging(clean(said), f"{pad(clean(label), named)}  ")]


def _inner_table(columns: Sequence[Column], cell: int = _CELL) -> list[str]:
    return [f"  {line}" for line in _table(columns, _width() - 2, cell)]


def _table(columns: Sequence[Column], width: int, cell: int = _CELL) -> list[str]:
    written = [_written(column, cell) for column in columns]
    widths = [max(map(width_of, cells)) for cells in written]
    fitting = _fitting(widths, width)
    rights = [column.right for column in columns]
    lines = [_row(row, widths, rights) for row in zip(*written[:fitting], strict=True)]
    return [*lines, *_left_out([column.name for column in columns[fitting:]], width)]


def _written(column: Column, widest: int) -> list[str]:
    return [cut(column.name, widest), *("-" if cell is None else cut(cell, widest) for cell in column.cells)]


def _row(cells: Sequence[str], widths: Sequence[int], rights: Sequence[bool]) -> str:
    padded = (pad(cell, width, right=right) for cell, width, right in zip(cells, widths, rights, strict=False))
    return "  ".join(padded).rstrip()


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns fit, two spaces apart; at least one."""
    ends = [sum(widths[: count + 1]) + 2 * count for count in range(len(widths))]
    return max(sum(end <= width for end in ends), 1)


def _left_out(names: Sequence[str], width: int) -> list[str]:
    if not names:
        return []
    return [cut(f"… and {len(names)} more column{'s' if len(names) > 1 else ''}: {', '.join(names)}", width)]
