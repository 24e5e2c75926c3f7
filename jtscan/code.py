"""The Python that repeats a scan.

scan_code    the whole: imports, the scanner, the formula, the scan
_formula     text as it is, a formula of the library by its name; expressions cannot be written
_criteria    which symbols
_literal     one value, so that it evaluates to the same
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from jtscan.domain.dates import DEFAULT_BARS, DateRange, Timeframe
from jtscan.domain.formulas import AnyFormula, PolarsFormula
from jtscan.domain.opened import Opened
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.formula.library import library

_WIDTH = 88
_INDENT = "    "
Arguments = Iterator[tuple[str, str]]


def scan_code(request: BatchScanRequest, opened: Opened, *, data_version: str | None = None) -> str:
    """Write the Python that opens the scanner and repeats the scan; only what differs from the defaults.

    What cannot be written, users' own functions and formulas of Polars
    expressions, is named in a comment at its place. ``data_version`` is what
    the scan was made on, for a comment.
    """
    before, formula = _formula(request.formula)
    arguments = [("", formula), *_scan_arguments(request, Timeframe.parse(opened.timeframe))]
    seen = f"  # scanned on data version {data_version}" if data_version is not None else ""
    lines = [
        *(["import datetime as dt", ""] if any("dt.date" in text for name, text in arguments if name) else []),
        "import jtscan as jt",
        "",
        *_functions(opened),
        f"{_call('scanner = jt.Scanner', list(_scanner_arguments(opened)))}{seen}",
        *before,
        _call("result = scanner.scan", arguments),
        "result",
    ]
    return "\n".join(lines)


def _functions(opened: Opened) -> list[str]:
    if not opened.functions:
        return []
    return [f"# {', '.join(opened.functions)}: functions of your own, made with jt.function; define them here"]


def _scanner_arguments(opened: Opened) -> Arguments:
    if opened.data is not None:
        yield "", _literal(opened.data)
    for name in ("prices", "symbols", "members"):
        if getattr(opened, name) is not None:
            yield name, _literal(getattr(opened, name))
    if Timeframe.parse(opened.timeframe) != Timeframe.D1:
        yield "timeframe", _literal(opened.timeframe)
    if opened.columns:
        yield "columns", _literal(opened.columns)
    if opened.functions:
        yield "functions", f"[{', '.join(opened.functions)}]"
    for name in ("max_concurrent_scans", "version"):
        if getattr(opened, name) is not None:
            yield name, _literal(getattr(opened, name))
    if opened.engine is not None:
        yield "engine", f"jt.engines.{opened.engine}"
    yield from ((name, "True") for name in ("verify", "raise_internal") if getattr(opened, name))


# ── the formula ───────────────────────────────────────────────────────────────


def _formula(formula: AnyFormula) -> tuple[list[str], str]:
    """The lines before the scan, and what the scan is given."""
    if isinstance(formula, PolarsFormula):
        return _expressions(formula)
    if formula.name is not None and formula.name in library and library[formula.name] == formula:
        return [], f"jt.library[{_literal(formula.name)}]"
    if formula.name is None and not formula.parameters:
        return ([f"formula = {_text(formula.text)}"], "formula") if "\n" in formula.text else ([], _text(formula.text))
    named = [("text", _text(formula.text))]
    if formula.name is not None:
        named.append(("name", _literal(formula.name)))
    if formula.parameters:
        named.append(("parameters", _literal(formula.parameters)))
    return [_call("formula = jt.Formula", named)], "formula"


def _expressions(formula: PolarsFormula) -> tuple[list[str], str]:
    signals = "{" + ", ".join(f"{_literal(name)}: ..." for name in formula.signals) + "}"
    hint = "# your Polars expressions, which cannot be written here: put each in the place of its ..."
    if formula.name is None:
        return [hint, f"formula = {signals}"], "formula"
    named = [("signals", signals), ("lookback", _literal(formula.lookback)), ("name", _literal(formula.name))]
    return [hint, _call("formula = jt.PolarsFormula", named)], "formula"


def _text(text: str) -> str:
    """Write a text: over as many lines as it has, letter for letter."""
    if "\n" not in text:
        return _literal(text)
    lines = (_escaped(line) for line in text.split("\n"))
    body = "\n".join(lines)
    body = f'{body[:-1]}\\"' if body.endswith('"') else body
    body = body.replace('"""', '\\"\\"\\"')
    return f'"""{"" if body.startswith(chr(10)) else chr(92) + chr(10)}{body}"""'


def _escaped(line: str) -> str:
    return "".join(letter if letter in "'\"" else repr(letter)[1:-1] for letter in line)


# ── the scan ──────────────────────────────────────────────────────────────────


def _scan_arguments(request: BatchScanRequest, timeframe: Timeframe) -> Arguments:
    yield from _criteria(request.symbol_criteria)
    if request.timeframe != timeframe:
        yield "timeframe", _literal(str(request.timeframe))
    yield from _range(request.date_range)
    if request.parameters:
        yield "parameters", _literal(request.parameters)
    if isinstance(request.formula, PolarsFormula) and request.formula.name is None:
        yield "lookback", _literal(request.formula.lookback)
    defaults = {each.name: each.default for each in fields(BatchScanRequest)}
    for name in ("sort_by", "top", "first", "warmup"):
        if getattr(request, name) != defaults[name]:
            yield name, _literal(getattr(request, name))
    if request.universe is not None:
        yield "universe", "{" + ", ".join(f'"{name}": {text}' for name, text in _criteria(request.universe)) + "}"
    yield from ((name, "True") for name in ("strict_universe", "allow_lookahead") if getattr(request, name))
    for name in ("timeout", "symbol_timeout", "checkpoint"):
        if getattr(request, name) is not None:
            yield name, _literal(getattr(request, name))


def _criteria(criteria: SymbolCriteria) -> Arguments:
    for name in ("market", "sector", "index"):
        if getattr(criteria, name) is not None:
            yield name, _one_or_list(getattr(criteria, name))
    if criteria.where:
        asked = (f"{_literal(column)}: {_one_or_list(values)}" for column, values in dict(criteria.where).items())
        yield "where", "{" + ", ".join(asked) + "}"
    if criteria.symbols is not None:
        yield "symbols", _literal(criteria.symbols)
    if criteria.exclude:
        yield "exclude", _literal(criteria.exclude)


def _one_or_list(values: Any) -> str:
    return _literal(values[0] if len(values) == 1 else values)


def _range(span: DateRange) -> Arguments:
    if span.last is not None and span.last != DEFAULT_BARS:
        yield "last", _literal(span.last)
    for name in ("start", "end"):
        moment = getattr(span, name)
        if moment is not None:
            yield name, _literal(moment.isoformat())


# ── values and calls ──────────────────────────────────────────────────────────


def _literal(value: Any) -> str:
    """Write a value; texts in double quotes where they can be."""
    if isinstance(value, str | Path):
        return _quoted(str(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return _list(value)
    if isinstance(value, dt.date):
        return repr(value).replace("datetime.", "dt.")
    if isinstance(value, float):
        return repr(float(value)) if abs(value) < float("inf") else f'float("{float(value)}")'
    return repr(value)


def _list(values: Sequence[Any]) -> str:
    """Write a list, over several lines where it is long."""
    lines = [""]
    for each in map(_literal, values):
        if lines[-1] and len(lines[-1]) + len(each) > _WIDTH - 10:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{each},"
    if len(lines) == 1:
        return f"[{lines[0].removesuffix(',')}]"
    return "\n".join(["[", *(f"{2 * _INDENT}{line}" for line in lines), f"{_INDENT}]"])


def _quoted(text: str) -> str:
    written = repr(text)
    return f'"{written[1:-1]}"' if written.startswith("'") and '"' not in text else written


def _call(head: str, arguments: Sequence[tuple[str, str]]) -> str:
    """Write a call on one line, or with a line for each argument where it is long."""
    each = [f"{name}={text}" if name else text for name, text in arguments]
    short = f"{head}({', '.join(each)})"
    if len(short) <= _WIDTH and "\n" not in short:
        return short
    return "\n".join([f"{head}(", *(f"{_INDENT}{argument}," for argument in each), ")"])
