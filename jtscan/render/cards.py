"""Small values as pages: a title, a line below it, labelled lines, a formula as it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from jtscan.domain.checks import CheckReport
from jtscan.domain.formulas import AnyFormula, Formula
from jtscan.domain.history import SymbolHistory
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.stores import VerifyReport
from jtscan.domain.words import counted, given
from jtscan.render import words
from jtscan.render.cells import plain
from jtscan.render.html import page_html
from jtscan.render.text import page_text
from jtscan.render.words import Page, Part

_LINES = 60
_BARS = 10


def card_html(title: str, rows: Sequence[tuple[str, str]], *, note: str = "", warnings: Sequence[str] = ()) -> str:
    """Show a title, a line below it, warnings, and labelled lines."""
    return page_html(Page(summary=title, note=note, warnings=warnings, parts=[Part(title="", rows=rows)]))


def formula_text(formula: AnyFormula) -> str:
    """Write a formula: its name, its text, the values of its parameters."""
    return "\n".join(words.formula_lines(formula, _parameters(formula), most=_LINES))


def formula_html(formula: AnyFormula, *, title: str | None = None, about: str = "", source: str = "") -> str:
    """Show a formula: what it is called and finds, its text, where the rule comes from."""
    text = words.shortened(words.source_lines(formula), _LINES)
    said = {"finds": about, "source": source, "with": given(_parameters(formula))}
    shown = Part(title="", formula=[line for line in text if not (about and line.startswith("#"))])
    below = Part(title="", rows=[(label, line) for label, line in said.items() if line])
    named = " · ".join(dict.fromkeys(filter(None, (title, formula.name))))
    return page_html(Page(summary=named or "Formula", note="", warnings=[], parts=[shown, below]))


def request_text(request: BatchScanRequest) -> str:
    """Write what a scan is asked."""
    return page_text(_request(request))


def request_html(request: BatchScanRequest) -> str:
    """Show what a scan is asked."""
    return page_html(_request(request))


def check_html(report: CheckReport) -> str:
    """Show what a replay found."""
    head, *lines = str(report).split("\n")
    return page_html(Page(summary=head, note="", warnings=[line.strip() for line in lines], parts=[]))


def history_html(history: SymbolHistory) -> str:
    """Show whose bars they are, from when to when, and the last of them with the formula's series and signals."""
    who = (history.symbol, history.name, history.market, str(history.timeframe))
    first, last = history.bars.select(pl.col("timestamp").min().alias("first"), pl.col("timestamp").max()).row(0)
    span = [] if first is None else [f"{plain(first)} to {plain(last)}"]
    facts = [*span, counted(history.bars.height, "bar"), counted(history.matches.height, "match", "matches")]
    further = [f"further series: {', '.join(history.left_out)}"] if history.left_out else []
    shown = _last_bars(history)
    title = f"The last {shown.height:,}; all are .bars, and .plot() draws them"
    table = Part(title=title, frame=shown if shown.height else None)
    summary = " · ".join(filter(None, who))
    return page_html(Page(summary=summary, note=" · ".join([*facts, *further]), warnings=[], parts=[table]))


def _last_bars(history: SymbolHistory) -> pl.DataFrame:
    """The last bars, without columns that the files do not have; beside them what fired."""
    fired = history.matches.group_by("timestamp").agg(pl.col("signal_type").str.join(", "))
    there = [series.name for series in history.bars.iter_columns() if series.null_count() < len(series)]
    return history.bars.select(there).tail(_BARS).join(fired, on="timestamp", how="left", maintain_order="left")


def verify_html(report: VerifyReport) -> str:
    """Show whether the files of a store are whole, and those that are not."""
    state = "whole" if report.whole else f"DAMAGED, {counted(report.problems.height, 'file')}"
    compared = f"{counted(report.files, 'file')}, {report.size:,} bytes, compared with the SHA-256 sums"
    damaged = Part(title="Damaged", frame=None if report.whole else report.problems)
    summary = f"{report.store}, version {report.version}: {state}"
    return page_html(Page(summary=summary, note=compared, warnings=[], parts=[damaged]))


def _request(request: BatchScanRequest) -> Page:
    asked = (request.symbol_criteria, request.timeframe, request.date_range)
    shown = Part(title="", formula=words.formula_lines(request.formula, request.parameters))
    return Page(summary=" · ".join(map(str, asked)), note="", warnings=[], parts=[shown])


def _parameters(formula: AnyFormula) -> Mapping[str, float]:
    return formula.parameters if isinstance(formula, Formula) else {}
