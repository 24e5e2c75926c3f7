"""Values as HTML for a notebook, readable on light and on dark ground.

Colours are mixed from the text's own, so that any theme works; where styles
are stripped (an untrusted notebook, a page on GitHub) plain tables remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

import polars as pl

from jtscan.domain.scans import BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.render import pivots, words
from jtscan.render.cells import Column, clean, columns_of, cut, width_of
from jtscan.render.style import STYLE, heat

_CELL = 80
_COLUMNS = 30
_ROWS = 20
_SYMBOLS = 15
_MONTHS = 240
_TOKEN = re.compile(
    r"""(?P<remark>\#.*)|(?P<text>"[^"]*"|'[^']*')|(?P<call>[^\W\d]\w*(?=\())|(?P<given>^\s*[^\W\d]\w*(?=\s*=[^=]))"""
)
_LISTED = 20_000
_HEADED = 3


def scan_html(result: BatchScanResult) -> str:
    """Show a scan: summary, warnings, account, first matches, most frequent symbols, matches per month."""
    return _block(
        _summary(result.summary),
        _note(words.asked(result)),
        _formula(words.formula_lines(result.request.formula, result.request.parameters)),
        _warnings(words.warnings(result)),
        _side_by_side(
            _section("Account", _counted([*words.account(result), words.total(result)], total=True), "jt-half"),
            _section("Beside the account", _counted(words.beside(result)), "jt-half"),
        ),
        _errors(result),
        _matches(result),
        _statistics(result.statistics),
    )


def signals_html(signals: AggregatedSignals) -> str:
    """Show how many matches there are, and the first of them."""
    return _block(_summary(words.signals_summary(signals)), _matches_table(signals) if signals.matches.height else "")


def statistics_html(statistics: SignalStatistics) -> str:
    """Show how many matches there are by signal, by the most frequent symbols, and per month."""
    return _block(_summary(words.statistics_summary(statistics)), _statistics(statistics))


def headline_html(result: BatchScanResult) -> str:
    """Show what must be seen above any table: summary, what was asked, the first warnings."""
    shown = words.warnings(result)
    more = len(shown) - _HEADED
    rest = [f"and {more:,} more warnings: see the account"] if more > 0 else []
    return _block(_summary(result.summary), _note(words.asked(result)), _warnings([*shown[:_HEADED], *rest]))


def nothing_html(result: BatchScanResult) -> str:
    """Say why there is no match."""
    return _block(f'<div class="jt-nothing">{escape(words.nothing(result))}</div>')


def account_html(result: BatchScanResult) -> str:
    """Show, below the headline, the formula, the account, every error, and the warnings if there are more."""
    shown = words.warnings(result)
    errors, behind = result.errors, result.stale
    if not result.request.timeframe.intraday:
        behind = behind.with_columns(pl.col("last_bar").dt.date())
    return _block(
        _formula(words.formula_lines(result.request.formula, result.request.parameters)),
        _warnings(shown if len(shown) > _HEADED else []),
        _side_by_side(
            _section("Account", _counted([*words.account(result), words.total(result)], total=True), "jt-half"),
            _section("Beside the account", _counted(words.beside(result)), "jt-half"),
        ),
        _listed(words.errors_title(result, _LISTED), errors, opened=True),
        _listed(f"Behind the newest bar: {behind.height:,}", behind),
    )


def _listed(title: str, frame: pl.DataFrame, *, opened: bool = False) -> str:
    """Every row of a table, in a box that scrolls."""
    if frame.is_empty():
        return ""
    return _details(title, f'<div class="jt-scroll">{_table(columns_of(frame.head(_LISTED)))}</div>', opened=opened)


def pivot_html(statistics: SignalStatistics, index: str, columns: str) -> str:
    """Show matches counted by two keys, with heat colours; what does not fit is counted together.

    Raises
    ------
    RequestError
        A key is unknown, or both are the same.
    """
    table, said = pivots.pivot_table(statistics, index, columns)
    return _block(_note(said) if said else "", table)


def overview_html(statistics: SignalStatistics) -> str:
    """Show the matches by signal in one line, and per month."""
    months = words.months(statistics)[-_MONTHS:]
    return _block(
        _summary(words.statistics_summary(statistics)), _section("Matches per month", _months(months), "jt-grow")
    )


def frame_html(frame: pl.DataFrame, rows: int = 20) -> str:
    """Show the first rows of a frame, numbers to the right."""
    shown = f"the first {rows:,} of {frame.height:,} rows" if frame.height > rows else f"{frame.height:,} rows"
    return _block(_table(columns_of(frame.head(rows))), _note(shown))


def page_html(page: words.Page) -> str:
    """Show a report, part by part; long tables are folded."""
    return _block(
        _summary(page.summary),
        _note(page.note) if page.note else "",
        _warnings(map(clean, page.warnings)),
        *map(_part, page.parts),
    )


def _part(part: words.Part) -> str:
    if part.frame is not None:
        return _details(part.title, _table(columns_of(part.frame)), opened=part.frame.height <= _ROWS)
    if part.rows:
        return _section(part.title, _labelled(part.rows))
    if part.formula:
        return _section(part.title, _formula(part.formula))
    if part.total is None:
        return ""
    return _section(part.title, _counted([*part.counts, part.total], total=True) + _counted(part.after))


def functions_html(frame: pl.DataFrame) -> str:
    """Show the table of functions, one fold per group; the first is open."""
    groups = frame.partition_by("group", maintain_order=True)
    shown = (
        _details(
            f"{group['group'][0]} ({group.height:,})",
            _table(columns_of(group.select("usage", "gives", "meaning", "source"))),
            opened=number == 0,
        )
        for number, group in enumerate(groups)
    )
    return _block(_summary(f"{frame.height:,} functions"), *shown)


def plain_html(text: str) -> str:
    """Show a text as it is set in a terminal."""
    return _block(f"<pre>{escape(text)}</pre>")


def problem_html(message: str) -> str:
    """Show the message of an error, with its lines and its caret kept."""
    lines = "\n".join(_even(clean(line)) for line in message.splitlines())
    return _block(f'<pre class="jt-problem" role="alert">{lines}</pre>')


def note_html(text: str) -> str:
    """Show a short text beside a control; light, as it changes many times a second."""
    return f'<span style="opacity: .75; line-height: 1.4">{escape(clean(text))}</span>'


def _even(line: str) -> str:
    """Give letters of double width exactly two columns, whatever their font: the caret must stay below its place."""
    return "".join(f'<span class="jt-double">{sign}</span>' if width_of(sign) > 1 else escape(sign) for sign in line)


def _block(*parts: str) -> str:
    return f'<div class="jt-scan">{STYLE}{"".join(parts)}</div>'


def _summary(text: str) -> str:
    return f'<div class="jt-summary">{escape(clean(text))}</div>'


def _note(text: str) -> str:
    return f'<div class="jt-note">{escape(text)}</div>'


def _formula(lines: Iterable[str]) -> str:
    coloured = chr(10).join(map(_coloured, lines))
    return f'<pre class="jt-formula">{coloured}</pre>'


def _coloured(line: str) -> str:
    """Mark remarks, texts, functions and names that are given; all of it escaped."""
    parts, end = [], 0
    for found in _TOKEN.finditer(line):
        parts += [escape(line[end : found.start()]), f'<span class="jt-{found.lastgroup}">{escape(found[0])}</span>']
        end = found.end()
    return "".join([*parts, escape(line[end:])])


def _warnings(texts: Iterable[str]) -> str:
    return "".join(f'<div class="jt-warning" role="note">{escape(text)}</div>' for text in texts)


def _section(title: str, content: str, names: str = "") -> str:
    head = f'<div class="jt-title">{escape(title)}</div>' if title else ""
    return f"<section{_class(names)}>{head}{content}</section>" if content else ""


def _details(title: str, content: str, *, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>{content}</details>"


def _side_by_side(*sections: str) -> str:
    return f'<div class="jt-row">{"".join(sections)}</div>' if any(sections) else ""


def _counted(counts: Sequence[words.Count], *, total: bool = False) -> str:
    """A table of counts; with ``total`` its last line is their sum."""
    if not counts:
        return ""
    names = [""] * (len(counts) - 1) + ["jt-total" if total else ""]
    rows = "".join(map(_count_row, counts, names))
    return f'<table class="jt-table jt-counts"><tbody>{rows}</tbody></table>'


def _labelled(rows: Sequence[tuple[str, str]]) -> str:
    """A table of labelled lines."""
    lines = "".join(
        f'<tr><th scope="row">{escape(clean(each))}</th><td>{escape(clean(said))}</td></tr>' for each, said in rows
    )
    return f'<table class="jt-table jt-card"><tbody>{lines}</tbody></table>'


def _count_row(count: words.Count, names: str) -> str:
    return (
        f'<tr{_class(names)}><td class="jt-right">{count.count:,}</td><td>{escape(count.what)}</td>'
        f'<td class="jt-meaning">{escape(count.meaning)}</td></tr>'
    )


def _errors(result: BatchScanResult) -> str:
    errors = result.errors
    if errors.is_empty():
        return ""
    return _details(words.errors_title(result, _ROWS), _table(columns_of(errors.head(_ROWS))))


def _matches(result: BatchScanResult) -> str:
    if result.signals.matches.is_empty():
        return f'<div class="jt-nothing">{escape(words.nothing(result))}</div>'
    return _matches_table(result.signals)


def _matches_table(signals: AggregatedSignals) -> str:
    return _details(words.matches_title(signals, _ROWS), _table(columns_of(signals.matches.head(_ROWS))), opened=True)


def _statistics(statistics: SignalStatistics) -> str:
    grid = words.grid(statistics, _SYMBOLS)
    return _side_by_side(
        _section(words.grid_title(statistics, _SYMBOLS), _table(grid) if grid else ""),
        _section("Matches per month", _months(words.months(statistics)[-_MONTHS:]), "jt-grow"),
    )


def _months(months: Sequence[words.Count]) -> str:
    """A bar for each month, with the numbers of the highest, the first and the last; one month alone says nothing."""
    if not months[1:]:
        return ""
    most = max(months, key=lambda month: month.count)
    bars = "".join(_bar(month, most.count) for month in months)
    return (
        f'<div class="jt-note">most: {most.count:,} in {most.what}</div><div class="jt-bars">{bars}</div>'
        f'<div class="jt-ends"><span>{months[0].what}</span><span>{months[-1].what}</span></div>'
    )


def _bar(month: words.Count, most: int) -> str:
    return f'<i title="{month.what}: {month.count:,}" style="height:{100 * month.count / max(most, 1):.0f}%"></i>'


def _table(columns: Sequence[Column]) -> str:
    shown = columns[:_COLUMNS]
    head = "".join(f"<th{_class(_side(column))}>{escape(cut(column.name, _CELL))}</th>" for column in shown)
    count = len(shown[0].cells) if shown else 0
    body = "".join(f"<tr>{''.join(_cell(column, place) for column in shown)}</tr>" for place in range(count))
    table = f'<table class="jt-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="jt-wide">{table}</div>{_left_out(columns[_COLUMNS:])}'


def _left_out(columns: Sequence[Column]) -> str:
    if not columns:
        return ""
    return _note(cut(f"… and {len(columns)} more columns: {', '.join(column.name for column in columns)}", 3 * _CELL))


def _cell(column: Column, place: int) -> str:
    text = column.cells[place]
    if text is None:
        return f'<td class="jt-null{" jt-right" if column.right else ""}">&ndash;</td>'
    short = cut(text, _CELL)
    whole = f' title="{escape(text[:2000])}"' if short != text else ""
    return f"<td{_class(_side(column))}{whole}{_heat(column, place)}>{escape(short)}</td>"


def _heat(column: Column, place: int) -> str:
    return heat(column.shares[place]) if column.shares else ""


def _side(column: Column) -> str:
    return " ".join(name for name, given in (("jt-right", column.right), ("jt-heat", column.shares)) if given)


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
