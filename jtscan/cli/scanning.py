"""The commands around a scan: ``scan``, ``symbols``, ``check``, ``explain``, ``functions``, ``library``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from jtscan import render
from jtscan.cli.options import (
    INTERRUPTED,
    WRITERS,
    data_options,
    filter_options,
    formula_argument,
    parameter_option,
    range_options,
    result_options,
    scanner_of,
    timeframe_option,
    universe_options,
)
from jtscan.domain.words import counted

if TYPE_CHECKING:
    from jtscan.domain.scans import BatchScanResult
    from jtscan.scanner import Scanner

LOOKS_AHEAD = 2
NOTHING_ASKED = 2  # a market that is not there: a quiet day looks otherwise


@click.command()
@formula_argument
@data_options
@universe_options
@range_options
@parameter_option
@result_options
@click.pass_context
def scan(context: click.Context, /, *, formula: str, **options: Any) -> None:
    """Scan the symbols with FORMULA, or with the one in @FILE, or - for the standard input.

    \b
    jtscan scan "cross_above(sma(close, 5), sma(close, 20))" --market KOSPI --last 5
    jtscan scan @breakout.jts --start 2024-01-01 --out matches.parquet
    """  # noqa: D301 - click's mark for lines to keep is a backspace
    out, quiet, verbose = (options.pop(name) for name in ("out", "quiet", "verbose"))
    _log(context, verbose=verbose)
    scanner = scanner_of(options)
    result = scanner.scan(formula, progress=False if quiet or verbose else None, **options)
    _print_result(result, quiet=quiet)
    if out is not None:
        _write(result, out)
    if result.cancelled:
        context.exit(INTERRUPTED)
    if result.outcomes.is_empty():
        context.exit(NOTHING_ASKED)


@click.command()
@data_options
@filter_options
@click.option("--search", metavar="TEXT", help="Only symbols with this in their code or name.")
def symbols(*, search: str | None, **options: Any) -> None:
    """List the symbols of the data."""
    scanner = scanner_of(options)
    table = scanner.symbols(**options)
    found = table if search is None else table.filter(_contains(search))
    if found.height:
        click.echo(render.frame_text(found, rows=None, width=200))
    click.echo(_counted(found.height, scanner, by_index=options["index"] is not None), err=True)


@click.command()
@formula_argument
@data_options
@timeframe_option
@parameter_option
@click.option("--replay", is_flag=True, help="Replay the last 250 bars of five symbols as if each were the newest.")
def check(*, formula: str, parameters: Mapping[str, float], **options: Any) -> None:
    """Check FORMULA without scanning: its signals, columns, parameters, what it reads, its warm-up.

    Without --data or --prices the columns of the files are not known, and an
    unknown name may be a column. --replay proves on data that it does not look ahead.
    """
    if options.pop("replay"):
        timeframe = options["timeframe"]
        report = scanner_of(options).check(formula, parameters=parameters, timeframe=timeframe)
        click.echo(str(report))
        click.get_current_context().exit(0 if report.passed else LOOKS_AHEAD)
    if options["data"] or options["prices"]:
        description = scanner_of(options).describe(formula, parameters=parameters, timeframe=options["timeframe"])
    else:
        from jtscan.formula import describe  # noqa: PLC0415 - the other commands start without it

        description = describe(formula, parameters=parameters)
    click.echo(str(description))


@click.command()
@formula_argument
@timeframe_option
@parameter_option
def explain(*, formula: str, timeframe: str | None, parameters: Mapping[str, float]) -> None:
    """Show how FORMULA is evaluated: its stages, what they read, and what each part asks of the warm-up."""
    from jtscan.formula import explain as explained  # noqa: PLC0415 - the other commands start without it

    click.echo(str(explained(formula, parameters=parameters, timeframe=timeframe or "1d")))


@click.command()
@click.argument("search", required=False)
@click.option("--markdown", is_flag=True, help="Write the reference page instead.")
def functions(*, search: str | None, markdown: bool) -> None:
    """List the functions of formulas, or those with SEARCH in their name, meaning or group."""
    from jtscan.formula import function_table  # noqa: PLC0415 - the other commands start without it

    table = function_table(search=search)
    click.echo(table.markdown() if markdown else str(table), nl=not markdown)
    if not len(table):
        click.echo(f"no function with {search!r} in its name or meaning", err=True)


@click.command()
@click.argument("name", required=False)
def library(*, name: str | None) -> None:
    """List the formulas of the library, or print the one called NAME; scan with it as @NAME."""
    from jtscan.formula import library as formulas  # noqa: PLC0415 - the other commands start without it

    click.echo(repr(formulas) if name is None else formulas[name].text.rstrip())


# ── what the commands are made of ─────────────────────────────────────────────


def _log(context: click.Context, *, verbose: bool) -> None:
    """The account shows what failed; the log of each symbol is for those who ask."""
    logger = logging.getLogger("jtscan")
    handler = logging.StreamHandler() if verbose else logging.NullHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else level)

    def as_before() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    context.call_on_close(as_before)


def _print_result(result: BatchScanResult, *, quiet: bool) -> None:
    if not quiet:
        click.echo(render.scan_text(result))
        return
    click.echo(result.summary)
    for warning in result.warnings:
        click.echo(f"! {warning}", err=True)


def _write(result: BatchScanResult, out: Path) -> None:
    WRITERS[out.suffix.lower()](result, out)
    partly = "; the scan was stopped, so these are not all" if result.cancelled else ""
    click.echo(f"\nWrote {counted(result.signals.matches.height, 'match', 'matches')} to {out}{partly}")


def _contains(text: str) -> pl.Expr:
    return pl.any_horizontal(pl.col("symbol", "name").str.to_lowercase().str.contains(text.lower(), literal=True))


def _counted(count: int, scanner: Scanner, *, by_index: bool) -> str:
    if count:
        return f"{count:,} symbol{'s' if count != 1 else ''}"
    indices = f"; indices: {_listed(scanner.indices())}" if by_index else ""
    return f"no symbols; markets: {_listed(scanner.markets())}; sectors: {_listed(scanner.sectors())}{indices}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
