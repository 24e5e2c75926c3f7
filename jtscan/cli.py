"""The command line: ``jtscan scan``, ``symbols``, ``check``, ``explain``, ``functions``, ``library``.

Exit codes: 0 done, also when single symbols failed; 1 the data cannot be read;
2 the command, the request or the formula is wrong, or no symbol is left to ask;
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import polars as pl

from jtscan import render
from jtscan.errors import FormulaError, JtscanError, RequestError
from jtscan.progress import progress_bar

if TYPE_CHECKING:
    from jtscan.domain.control import ProgressCallback
    from jtscan.domain.scans import BatchScanResult
    from jtscan.scanner import Scanner

INTERRUPTED = 130
LOOKS_AHEAD = 2
NOTHING_ASKED = 2  # a market that is not there: a quiet day looks otherwise
_LONGEST_FILE = 100_000
_NO_DATA = (
    "there is no folder ./data here. Name one with --data DIR (it holds symbols.parquet and prices/1d/*.parquet), or "
    "Parquet files of your own with --prices 'FILES/*.parquet'. To try jtscan on an invented market: "
    "python -m jtscan.market.synthetic data --sample"
)
_WRITERS: Mapping[str, Callable[[pl.DataFrame, Path], object]] = {
    ".parquet": pl.DataFrame.write_parquet,
    ".csv": pl.DataFrame.write_csv,
}

Command = TypeVar("Command", bound=Callable[..., object])


class _Refused(click.ClickException):
    """What was asked cannot be; unlike data that cannot be read, which has the code 1."""

    exit_code = 2


class _Group(click.Group):
    """Turns our errors into a message and an exit code, for every command."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except JtscanError as error:
            kind = _Refused if isinstance(error, RequestError | FormulaError) else click.ClickException
            raise kind(str(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            context.exit(INTERRUPTED)


# ── what options hold ─────────────────────────────────────────────────────────


def _codes(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> list[str] | None:
    """Read ``A,B`` given any number of times; nothing given is None, an empty text is an empty list."""
    if not values:
        return None
    return [code.strip() for value in values for code in value.split(",") if code.strip()]


def _excluded(context: click.Context, option: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    return _codes(context, option, values) or ()


def _pairs(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, sign, value in pairs:
        if not (name.strip() and sign and value.strip()):
            raise click.BadParameter(f"{name + sign + value!r} is not of the form name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _numbers(context: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, float]:
    return {name: _number(name, value) for name, value in _pairs(context, option, values).items()}


def _number(name: str, text: str) -> float:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    raise click.BadParameter(f"{name} = {text!r} is not a number")


def _formula(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Read ``@FILE`` from the file or the library, ``-`` from the standard input; otherwise it is the formula."""
    if value != "-" and not value.startswith("@"):
        return value
    from jtscan.formula import library  # noqa: PLC0415 - the other commands start without it

    name = value.removeprefix("@")
    if name in library and not Path(name).exists():
        return library[name].text
    try:
        with click.open_file(value.removeprefix("@"), encoding="utf-8-sig") as file:
            return str(file.read(_LONGEST_FILE))
    except FileNotFoundError:
        raise click.BadParameter(
            f"there is no file {name}, and no such formula in the library (jtscan library)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value} cannot be read: {error}") from None


def _output(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    if path is None:
        return None
    if path.suffix.lower() not in _WRITERS:
        raise click.BadParameter(f"{path}: the name must end with {' or '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise click.BadParameter(f"{path}: there is no folder {path.parent}")
    return path


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Make one decorator of several options."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_data_options = _together(
    click.option("--data", metavar="DIR", help="Folder of the data, or one Parquet file of prices.  [default: ./data]"),
    click.option("--prices", metavar="PATTERN", help="Parquet files of prices instead: a file, a folder or a glob."),
    click.option("--symbol-table", metavar="FILE", help="Parquet file with symbol, name, market, sector."),
    click.option(
        "--column", "columns", metavar="OURS=THEIRS", multiple=True, callback=_pairs,
        help="What a column is called in the files, such as timestamp=date; may be repeated.",
    ),
)  # fmt: skip
_formula_argument = click.argument("formula", callback=_formula)
_parameter_option = click.option(
    "--param", "parameters", metavar="NAME=NUMBER", multiple=True, callback=_numbers,
    help="Set a parameter of the formula; may be repeated.",
)  # fmt: skip
_timeframe_option = click.option("--timeframe", metavar="LENGTH", help="Length of a bar: 1m 5m 15m 30m 60m 1d 1w 1mo.")
_market_option = click.option("--market", metavar="NAME", help="Only symbols of this market.")
_sector_option = click.option("--sector", metavar="NAME", help="Only symbols of this sector.")


def _criteria(context: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, Any] | None:
    """Read ``market=KOSPI``, ``symbols=A,B``: the fields of a universe."""
    pairs = _pairs(context, option, values)
    lists = {"symbols", "exclude"}
    return {name: _codes(context, option, [value]) if name in lists else value for name, value in pairs.items()} or None


_universe_options = _together(
    _market_option,
    _sector_option,
    click.option(
        "--symbols", metavar="A,B", multiple=True, callback=_codes, help="These, whatever the market and sector."
    ),
    click.option("--exclude", metavar="A,B", multiple=True, callback=_excluded, help="Leave these symbols out."),
    click.option(
        "--universe", metavar="NAME=VALUE", multiple=True, callback=_criteria,
        help="What rank and its kin compare, if not the symbols of the scan: market=KOSPI, sector=…, symbols=A,B.",
    ),
    click.option("--strict-universe", is_flag=True, help="Refuse to compare when a symbol of the universe failed."),
)  # fmt: skip
_range_options = _together(
    _timeframe_option,
    click.option("--start", metavar="DATE", help="First bar, such as 2024-01-31; it belongs to the range."),
    click.option("--end", metavar="DATE", help="Last bar; it belongs to the range too."),
    click.option("--last", type=int, metavar="N", help="The newest N bars instead.  [default: 250]"),
)
_result_options = _together(
    click.option("--sort-by", metavar="COLUMN", default="timestamp", help="Order of the matches; -COLUMN reverses it."),
    click.option("--top", type=int, metavar="N", help="Keep the first N matches."),
    click.option("--first", is_flag=True, help="Keep only the first bar of each run of matches."),
    click.option("--warmup", type=click.Choice(["auto", "full"]), default="auto", help="full: read all history."),
    click.option(
        "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), callback=_output,
        help="Write the matches to a .parquet or .csv file.",
    ),
    click.option("--quiet", is_flag=True, help="Print only the summary; no progress bar."),
    click.option("--verbose", is_flag=True, help="Log what happens to each symbol."),
)  # fmt: skip


# ── the commands ──────────────────────────────────────────────────────────────


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="jtscan", prog_name="jtscan")
def main() -> None:
    """Scan a whole market with one formula."""


@main.command()
@_formula_argument
@_data_options
@_universe_options
@_range_options
@_parameter_option
@_result_options
@click.pass_context
def scan(context: click.Context, /, *, formula: str, **options: Any) -> None:
    """Scan the symbols with FORMULA, or with the one in @FILE, or - for the standard input.

    \b
    jtscan scan "cross_above(sma(close, 5), sma(close, 20))" --market KOSPI --last 5
    jtscan scan @breakout.jts --start 2024-01-01 --out matches.parquet
    """  # noqa: D301 - click's mark for lines to keep is a backspace
    out, quiet, verbose = (options.pop(name) for name in ("out", "quiet", "verbose"))
    _log(context, verbose=verbose)
    scanner = _scanner(options)
    with _progress(shown=not (quiet or verbose)) as progress:
        result = scanner.scan(formula, progress_callback=progress, **options)
    _print_result(result, quiet=quiet)
    if out is not None:
        _write(result, out)
    if result.cancelled:
        context.exit(INTERRUPTED)
    if result.outcomes.is_empty():
        context.exit(NOTHING_ASKED)


@main.command()
@_data_options
@_market_option
@_sector_option
@click.option("--search", metavar="TEXT", help="Only symbols with this in their code or name.")
def symbols(*, market: str | None, sector: str | None, search: str | None, **options: Any) -> None:
    """List the symbols of the data."""
    scanner = _scanner(options)
    table = scanner.symbols(market=market, sector=sector)
    found = table if search is None else table.filter(_contains(search))
    if found.height:
        click.echo(render.frame_text(found, rows=None, width=200))
    click.echo(_counted(found.height, scanner), err=True)


@main.command()
@_formula_argument
@_data_options
@_timeframe_option
@_parameter_option
@click.option("--replay", is_flag=True, help="Replay the last 250 bars of five symbols as if each were the newest.")
def check(*, formula: str, parameters: Mapping[str, float], **options: Any) -> None:
    """Check FORMULA without scanning: its signals, columns, parameters, what it reads, its warm-up.

    Without --data or --prices the columns of the files are not known, and an
    unknown name may be a column. --replay proves on data that it does not look ahead.
    """
    if options.pop("replay"):
        timeframe = options["timeframe"]
        report = _scanner(options).check(formula, parameters=parameters, timeframe=timeframe)
        click.echo(str(report))
        click.get_current_context().exit(0 if report.passed else LOOKS_AHEAD)
    if options["data"] or options["prices"]:
        description = _scanner(options).describe(formula, parameters=parameters, timeframe=options["timeframe"])
    else:
        from jtscan.formula import describe  # noqa: PLC0415 - the other commands start without it

        description = describe(formula, parameters=parameters)
    click.echo(str(description))


@main.command()
@_formula_argument
@_timeframe_option
@_parameter_option
def explain(*, formula: str, timeframe: str | None, parameters: Mapping[str, float]) -> None:
    """Show how FORMULA is evaluated: its stages, what they read, and what each part asks of the warm-up."""
    from jtscan.formula import explain as explained  # noqa: PLC0415 - the other commands start without it

    click.echo(str(explained(formula, parameters=parameters, timeframe=timeframe or "1d")))


@main.command()
@click.argument("search", required=False)
@click.option("--markdown", is_flag=True, help="Write the reference page instead.")
def functions(*, search: str | None, markdown: bool) -> None:
    """List the functions of formulas, or those with SEARCH in their name, meaning or group."""
    from jtscan.formula import function_table  # noqa: PLC0415 - the other commands start without it

    table = function_table(search=search)
    click.echo(table.markdown() if markdown else str(table), nl=not markdown)
    if not len(table):
        click.echo(f"no function with {search!r} in its name or meaning", err=True)


@main.command()
@click.argument("name", required=False)
def library(*, name: str | None) -> None:
    """List the formulas of the library, or print the one called NAME; scan with it as @NAME."""
    from jtscan.formula import library as formulas  # noqa: PLC0415 - the other commands start without it

    click.echo(repr(formulas) if name is None else formulas[name].text.rstrip())


# ── what the commands are made of ─────────────────────────────────────────────


def _scanner(options: dict[str, Any]) -> Scanner:
    """Take the options of the data out, and make the scanner that they describe."""
    from jtscan.scanner import Scanner  # noqa: PLC0415 - keeps --help and --version quick

    data, prices = options.pop("data"), options.pop("prices")
    table, columns = options.pop("symbol_table"), options.pop("columns")
    if data and prices:
        raise click.UsageError("give either --data or --prices, not both")
    if data and Path(data).is_file():
        data, prices = None, data
    if not prices:
        data = data or _default_data()
    timeframe = options.get("timeframe") or "1d"
    return Scanner(data, prices=prices, symbols=table, timeframe=timeframe, columns=columns or None)


def _default_data() -> str:
    if not Path("data").is_dir():
        raise click.UsageError(_NO_DATA)
    return "data"


def _log(context: click.Context, *, verbose: bool) -> None:
    """The account shows what failed; the log of each symbol is for those who ask."""
    logger = logging.getLogger("jtscan")
    handler = logging.StreamHandler() if verbose else logging.NullHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.NOTSET)
    context.call_on_close(lambda: logger.removeHandler(handler))


def _progress(*, shown: bool) -> AbstractContextManager[ProgressCallback | None]:
    """Make a bar, on a terminal only."""
    if not shown or not sys.stderr.isatty():
        return nullcontext()
    return progress_bar(leave=False, dynamic_ncols=True, file=sys.stderr)


def _print_result(result: BatchScanResult, *, quiet: bool) -> None:
    if not quiet:
        click.echo(render.scan_text(result))
        return
    click.echo(result.summary)
    for warning in result.warnings:
        click.echo(f"! {warning}", err=True)


def _write(result: BatchScanResult, out: Path) -> None:
    """Write the matches beside the file first: nobody reads half of it."""
    matches = result.signals.matches
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        _WRITERS[out.suffix.lower()](matches, unfinished)
        unfinished.replace(out)
    except (OSError, pl.exceptions.PolarsError) as error:
        unfinished.unlink(missing_ok=True)
        raise click.ClickException(f"{out} cannot be written: {error}") from None
    partly = "; the scan was stopped, so these are not all" if result.cancelled else ""
    click.echo(f"\nWrote {matches.height:,} matches to {out}{partly}")


def _contains(text: str) -> pl.Expr:
    return pl.any_horizontal(pl.col("symbol", "name").str.to_lowercase().str.contains(text.lower(), literal=True))


def _counted(count: int, scanner: Scanner) -> str:
    if count:
        return f"{count:,} symbol{'s' if count != 1 else ''}"
    return f"no symbols; markets: {_listed(scanner.markets())}; sectors: {_listed(scanner.sectors())}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
