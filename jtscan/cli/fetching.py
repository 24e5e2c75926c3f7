"""The command that brings prices from the network: ``fetch``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jtscan.cli.options import INTERRUPTED, codes
from jtscan.progress import count_bar

STOPPED = 1


def _codes_of(_context: click.Context, _option: click.Parameter, path: Path | None) -> list[str] | None:
    """Read a file of codes: the first word of each line; # begins a remark."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read: {error}") from None
    words = (line.partition("#")[0].replace(",", " ").split() for line in lines)
    return [first for first, *_ in filter(None, words)]


@click.command()
@click.option("--source", required=True, metavar="NAME", help="fdr (FinanceDataReader), pykrx or yfinance.")
@click.option("--market", metavar="NAME", help="All symbols of a market: KOSPI, KOSDAQ, S&P500, …")
@click.option("--symbols", metavar="A,B", multiple=True, callback=codes, help="These symbols; may be repeated.")
@click.option(
    "--symbols-file",
    "listed",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_codes_of,
    help="These symbols: a text file, the first word of each line.",
)
@click.option("--since", required=True, metavar="DATE", help="First day of symbols that are new, such as 2015-01-01.")
@click.option("--until", metavar="DATE", help="Last day.  [default: the newest there is]")
@click.option("--into", required=True, metavar="DIR", help="Folder of the data.")
@click.option("--rate", type=float, metavar="N", help="Calls a second at the most.  [default: 2, 1 or 0.5 by source]")
@click.option("--raw", is_flag=True, help="Prices as they were traded, not adjusted.")
@click.option("--delisted", is_flag=True, help="Also the symbols that left the market since then.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def fetch(
    context: click.Context, /, *, symbols: Sequence[str] | None, listed: Sequence[str] | None, raw: bool, **options: Any
) -> None:
    """Fetch daily bars from the network, for each symbol from where the data ends.

    \b
    jtscan fetch --source fdr --market KOSPI --since 2015-01-01 --into data
    jtscan fetch --source yfinance --symbols AAPL,MSFT --since 2015-01-01 --into data

    What is fetched survives an interruption; the same command goes on.
    """  # noqa: D301 - click's mark for lines to keep is a backspace
    from jtscan.sources import fetch as fetched  # noqa: PLC0415 - the other commands start without it

    named = None if symbols is None and listed is None else [*(symbols or ()), *(listed or ())]
    quiet = options.pop("quiet")
    with count_bar(False if quiet else None) as progress:
        report = fetched(**options, symbols=named, adjust=not raw, progress=progress)
    click.echo(str(report))
    if report.interrupted:
        context.exit(INTERRUPTED)
    if report.stopped:
        context.exit(STOPPED)
