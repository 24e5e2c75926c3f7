"""The commands around a store: ``ingest``, ``doctor``, ``verify``, ``history``, ``sweep``, ``compact``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import polars as pl

from jtscan import render
from jtscan.cli.options import pairs

DAMAGED = 1
NOTHING_USABLE = 1
_store_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the store; made if it is not there.",
)
@click.option(
    "--timeframe",
    metavar="LENGTH",
    default="1d",
    show_default=True,
    help="Length of a bar: 1m 5m 15m 30m 60m 1d 1w 1mo.",
)
@click.option("--symbols", metavar="FILE", help="Table of symbols: name, market, sector, listed, delisted, …")
@click.option("--members", metavar="FILE", help="Members of indices, CSV or Parquet: index, symbol, start, end.")
@click.option(
    "--map",
    "columns",
    metavar="OURS=THEIRS",
    multiple=True,
    callback=pairs,
    help="What a column is called in the sources, where it is not recognised: timestamp=날짜; may be repeated.",
)
@click.option("--adjust", is_flag=True, help="Adjusted closes for closes, the other prices alike; keeps raw_close.")
@click.option(
    "--halts",
    type=click.Choice(["zero", "flat"]),
    default="zero",
    help="flat: unchanged prices without volume are a halt too.",
)
@click.option("--symbol-pattern", metavar="PATTERN", help="Where the symbol is in the files' names: 'krx_*_{symbol}'.")
@click.option("--date-format", metavar="FORMAT", help="How dates are written, where it is not clear: %d/%m/%Y.")
@click.option("--timezone", metavar="ZONE", help="Zone of the exchange, for timestamps in UTC: Asia/Seoul.")
@click.option("--quiet", is_flag=True, help="No progress bar; only what went wrong.")
def ingest(*, sources: Sequence[str], into: Path | None, quiet: bool, **options: Any) -> None:
    """Take bars from CSV and Parquet files, folders, globs or archives into a store.

    \b
    jtscan ingest prices/*.csv --into data
    jtscan ingest today.csv --into data            # adds what is new, corrects what has changed
    """  # noqa: D301 - click's mark for lines to keep is a backspace
    from jtscan.market import ingest as take_in  # noqa: PLC0415 - keeps --help quick

    if into is None:
        raise click.UsageError("say where the store is, or is to be: --into data")
    if not (sources or options["symbols"] or options["members"]):
        raise click.UsageError("name a SOURCE: CSV or Parquet files, folders, globs or archives")
    report = take_in(list(sources) or None, into, progress=False if quiet else None, **options)
    click.echo(report.summary if quiet else str(report))
    if not quiet and report.counts.bars:
        length = "" if report.timeframe == "1d" else f" --timeframe {report.timeframe}"
        click.echo(f"\nScan it:  jtscan scan 'close > highest(high, 20)[1]' --data {into}{length} --last 5")
    if report.version is None and report.counts.quarantined:
        click.get_current_context().exit(NOTHING_USABLE)


@click.command()
@_store_argument
def doctor(*, folder: Path) -> None:
    """Tell what the store in DIR holds, what was set aside, and what looks wrong."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    report = Store(folder).quality()
    click.echo(str(report))
    if (report.balance["missing"] != 0).any():
        click.get_current_context().exit(DAMAGED)


@click.command()
@_store_argument
def verify(*, folder: Path) -> None:
    """Compare every file of the store in DIR with its SHA-256 sum."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    report = Store(folder).verify()
    click.echo(str(report))
    click.get_current_context().exit(0 if report.whole else DAMAGED)


@click.command()
@_store_argument
def history(*, folder: Path) -> None:
    """List the versions of the store in DIR, newest first."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    shown = ("version", "created", "action", "timeframe", "bars", "halts", "quarantined", "corrected", "can_be_opened")
    source = pl.col("sources").str.split("/").list.last()
    click.echo(render.frame_text(Store(folder).history().select(*shown, source), rows=30, width=160))


@click.command()
@_store_argument
@click.option("--version", "number", metavar="N", type=int, required=True, help="The version that is to count again.")
def restore(*, folder: Path, number: int) -> None:
    """Make an older version of the store in DIR count again, as a new one."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    click.echo(f"version {Store(folder).restore(number)}: what version {number} was")


@click.command()
@_store_argument
@click.option("--keep", type=click.IntRange(min=1), default=10, show_default=True, help="How many versions stay.")
def sweep(*, folder: Path, keep: int) -> None:
    """Remove old versions of the store in DIR and leftovers, older than an hour; an ingest does it too."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    click.echo(f"removed: {len(Store(folder).sweep(keep=keep)):,} files")


@click.command()
@_store_argument
def compact(*, folder: Path) -> None:
    """Lay the bars of the store in DIR out anew; an ingest does it where it pays."""
    from jtscan.market import Store  # noqa: PLC0415 - keeps --help quick

    click.echo(f"version {Store(folder).compact()}")
