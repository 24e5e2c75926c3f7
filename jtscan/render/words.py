"""What text and HTML both say of a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.domain.formulas import AnyFormula, PolarsFormula
from jtscan.domain.jobs import Status
from jtscan.domain.scans import BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.words import counted, given
from jtscan.render.cells import Column, clean, cut, plain

_FORMULA_LINES = 12
_FORMULA_LINE = 200


@dataclass(frozen=True, slots=True)
class Count:
    """So many of something, and what that means."""

    what: str
    count: int
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A titled table, or counts with their total and what is counted beside; or labelled lines, or a formula.

    One without any of them is not shown.
    """

    title: str
    counts: Sequence[Count] = ()
    total: Count | None = None
    after: Sequence[Count] = ()
    frame: pl.DataFrame | None = None
    rows: Sequence[tuple[str, str]] = ()
    formula: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A report: its summary, a line below it, warnings, and parts."""

    summary: str
    note: str
    warnings: Sequence[str]
    parts: Sequence[Part]


def asked(result: BatchScanResult) -> str:
    """Say which symbols, timeframe and range the scan was about, and the newest bar that it saw."""
    request = result.request
    seen = f"bars up to {plain(result.data_date)}" if result.data_date else "no bar was seen"
    among = [] if request.universe is None else [f"compared among {request.universe}"]
    criteria = str(request.symbol_criteria)
    return clean(" · ".join([criteria, *among, str(request.timeframe), str(request.date_range), seen]))


def formula_lines(formula: AnyFormula, parameters: Mapping[str, float], *, most: int = _FORMULA_LINES) -> list[str]:
    """Write the formula, its name before it and the parameters that were given after it."""
    before = [f"# {formula.name}"] if formula.name else []
    after = [f"# with {given(parameters)}"] if parameters else []
    return [cut(clean(line), _FORMULA_LINE) for line in (*before, *shortened(source_lines(formula), most), *after)]


def source_lines(formula: AnyFormula) -> list[str]:
    """The lines of a formula as it is written; of expressions, one per signal."""
    if isinstance(formula, PolarsFormula):
        return str(formula).splitlines()
    return [line.rstrip() for line in formula.text.expandtabs(4).splitlines() if line.strip()]


def shortened(lines: Sequence[str], most: int) -> list[str]:
    """Keep the first lines, and say how many more there are."""
    more = len(lines) - most
    return [*lines[:most], f"… and {more:,} more lines"] if more > 0 else list(lines)


def warnings(result: BatchScanResult) -> list[str]:
    """The warnings of a scan; first of all that it was cancelled."""
    undone = result.outcomes.filter(pl.col("status") == Status.CANCELLED).height
    stopped = f"cancelled: {undone:,} of {result.outcomes.height:,} symbols are missing here, the rest was done before"
    return [*([stopped] if result.cancelled and result.outcomes.height else []), *map(clean, result.warnings)]


def account(result: BatchScanResult) -> list[Count]:
    """Every status that a symbol ended with."""
    return _counts(result.account)


def beside(result: BatchScanResult) -> list[Count]:
    """What is counted beside the account, if there is any."""
    return _counts(result.beside.select("what", "count", "meaning"))


def _counts(frame: pl.DataFrame) -> list[Count]:
    return [Count(clean(what), count, clean(meaning or "")) for what, count, meaning in frame.iter_rows() if count]


def total(result: BatchScanResult) -> Count:
    """What the account adds up to."""
    return Count("asked for", result.outcomes.height)


def nothing(result: BatchScanResult) -> str:
    """Say why there is no match: a market that was not looked at is not quiet."""
    answered = result.outcomes.filter(pl.col("status").is_in([Status.MATCHED, Status.NO_MATCH])).height
    unknown = result.outcomes.height - answered
    if not result.outcomes.height:
        return "No matches: no symbol was asked for."
    if not answered:
        return f"No matches: {_none_of(unknown)}."
    known = f"No matches: nothing fired in the {counted(answered, 'symbol')} scanned"
    return f"{known}; of {unknown:,} more nothing is known." if unknown else f"{known}."


def _none_of(symbols: int) -> str:
    return (
        "the one symbol asked for could not be scanned"
        if symbols == 1
        else f"none of the {symbols:,} symbols could be scanned"
    )


def matches_title(signals: AggregatedSignals, rows: int) -> str:
    """Say how many matches are shown, how many there are, how many were found."""
    count = signals.matches.height
    found = f", the top of {signals.total_matches:,} found" if count < signals.total_matches else ""
    return f"Matches: {_first(count, rows)}{found}"


def errors_title(result: BatchScanResult, rows: int) -> str:
    """Say how many symbols failed or had no data."""
    return f"Failed or without data: {_first(result.errors.height, rows)}"


def _first(count: int, shown: int) -> str:
    return f"the first {shown:,} of {count:,}" if count > shown else f"{count:,}"


def grid_title(statistics: SignalStatistics, rows: int) -> str:
    """Say how many symbols the grid shows."""
    count = len(statistics.by_symbol)
    return "By symbol and signal" if count <= rows else f"By symbol and signal: the {rows} with most of {count:,}"


def signals_summary(signals: AggregatedSignals) -> str:
    """All matches in one line."""
    return signals.in_words(signals.total_symbols)


def statistics_summary(statistics: SignalStatistics) -> str:
    """The matches by signal in one line."""
    by_signal = ", ".join(f"{clean(name)} {count:,}" for name, count in statistics.by_signal_type.items())
    return f"{counted(statistics.total, 'match', 'matches')}{': ' if by_signal else ''}{by_signal}"


def grid(statistics: SignalStatistics, rows: int) -> list[Column]:
    """Count by symbol and signal, the symbols with most matches first, their total before the signals."""
    if statistics.counts.is_empty():
        return []
    symbols = list(statistics.by_symbol)[:rows]
    signals = list(statistics.by_signal_type)
    table = _grid_counts(statistics.counts, symbols)
    most = max(table.values(), default=1)
    totals = _numbers("total", [statistics.by_symbol[symbol] for symbol in symbols])
    each = [_numbers(name, [table.get((symbol, name), 0) for symbol in symbols], most) for name in signals]
    return [*_symbol_columns(statistics.counts, symbols), *([totals] if len(each) > 1 else []), *each]


def _grid_counts(counts: pl.DataFrame, symbols: Sequence[str]) -> dict[tuple[str, str], int]:
    wanted = counts.filter(pl.col("symbol").is_in(symbols))
    summed = wanted.group_by("symbol", "signal_type").agg(pl.col("matches").sum())
    return {(symbol, signal): count for symbol, signal, count in summed.iter_rows()}


def _symbol_columns(counts: pl.DataFrame, symbols: Sequence[str]) -> list[Column]:
    names = dict(counts.select("symbol", "name").unique("symbol").iter_rows())
    named = [None if names.get(symbol) is None else clean(names[symbol]) for symbol in symbols]
    columns = [Column(name="symbol", cells=[clean(symbol) for symbol in symbols])]
    return [*columns, Column(name="name", cells=named)] if any(named) else columns


def _numbers(name: str, counts: Sequence[int], most: int | None = None) -> Column:
    shares = [count / most for count in counts] if most else ()
    return Column(
        name=clean(name), cells=[f"{count:,}" if count else None for count in counts], right=True, shares=shares
    )


def months(statistics: SignalStatistics) -> list[Count]:
    """The matches of every month from the first to the last, months without any too."""
    if statistics.counts.is_empty():
        return []
    dated = pl.col("date").dt.truncate("1mo").cast(pl.Date)
    counted = statistics.counts.group_by(month=dated).agg(pl.col("matches").sum()).drop_nulls().sort("month")
    every = counted.upsample("month", every="1mo").with_columns(pl.col("matches").fill_null(0))
    return [Count(f"{month:%Y-%m}", count) for month, count in every.iter_rows()]
