"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from jtscan.domain.scans import BatchScanResult
    from jtscan.scanner import Scanner

_NO_DATA = (
    "there is no folder ./data here. Name one with --data DIR (it holds symbols.parquet and prices/1d/*.parquet), or "
    "Parquet files of your own with --prices 'FILES/*.parquet'. To try jtscan on an invented market: "
    "python -m jtscan.market.synthetic data --sample"
)
_OF_A_STORE = {"version": "store_version", "verify": "verify"}
_LONGEST_FILE = 100_000
INTERRUPTED = 130
WRITERS: Mapping[str, Callable[[BatchScanResult, Path], object]] = {
    ".parquet": lambda result, path: result.to_parquet(path),
    ".csv": lambda result, path: result.to_csv(path),
    ".xlsx": lambda result, path: result.to_excel(path),
}

Command = TypeVar("Command", bound=Callable[..., object])


def codes(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> list[str] | None:
    """Read ``A,B`` given any number of times; nothing given is None, an empty text is an empty list."""
    if not values:
        return None
    return [code.strip() for value in values for code in value.split(",") if code.strip()]


def _excluded(context: click.Context, option: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    return codes(context, option, values) or ()


def pairs(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Read ``name=value`` given any number of times."""
    split = [value.partition("=") for value in values]
    for name, sign, value in split:
        if not (name.strip() and sign and value.strip()):
            raise click.BadParameter(f"{name + sign + value!r} is not of the form name=value")
    return {name.strip(): value.strip() for name, _, value in split}


_BETWEEN = re.compile(r"(?<!\\),(?!\s)")


def names(text: str) -> str | list[str]:
    """Read ``A,B``; a comma before a blank, or behind a backslash, belongs to the name."""
    found = [name.replace("\\,", ",").strip() for name in _BETWEEN.split(text) if name.strip()]
    return found[0] if len(found) == 1 else found


def _names(_context: click.Context, option: click.Parameter, values: Sequence[str]) -> str | list[str] | None:
    """Read ``A,B`` given any number of times: one name is a text; nothing given is None."""
    if not values:
        return None
    found = names(",".join(value.strip() for value in values))
    if not found:
        raise click.BadParameter(f"{option.opts[0]} names nothing")
    return found


def _where(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, Any] | None:
    """Read ``column=A,B`` given any number of times; null is unknown."""
    found: dict[str, list[str | None]] = {}
    for value in values:
        for column, text in pairs(_context, _option, [value]).items():
            wanted = names(text)
            found.setdefault(column, []).extend([wanted] if isinstance(wanted, str) else wanted)
    return {column: [None if each == "null" else each for each in wanted] for column, wanted in found.items()} or None


def _numbers(context: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, float]:
    return {name: _number(name, value) for name, value in pairs(context, option, values).items()}


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
    if path.suffix.lower() not in WRITERS:
        raise click.BadParameter(f"{path}: the name must end with {', '.join(WRITERS)}")
    if not path.parent.is_dir():
        raise click.BadParameter(f"{path}: there is no folder {path.parent}")
    return path


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Make one decorator of several options."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


data_options = together(
    click.option("--data", metavar="DIR", help="Folder of the data, or one Parquet file of prices.  [default: ./data]"),
    click.option("--prices", metavar="PATTERN", help="Parquet files of prices instead: a file, a folder, a glob, s3://…"),
    click.option(
        "--prices-timeframe", metavar="LENGTH",
        help="Length of the bars in --prices, where --timeframe asks for longer ones, made of them.",
    ),
    click.option("--store-version", metavar="N", type=int, help="An older version of the store (jtscan history)."),
    click.option("--verify", is_flag=True, help="Compare the store's files with their SHA-256 sums first."),
    click.option("--symbol-table", metavar="FILE", help="Parquet file with symbol, name, market, sector."),
    click.option("--member-table", metavar="FILE", help="Parquet file with index, symbol, start, end."),
    click.option(
        "--column", "columns", metavar="OURS=THEIRS", multiple=True, callback=pairs,
        help="What a column is called in the files, such as timestamp=date; may be repeated.",
    ),
)  # fmt: skip
formula_argument = click.argument("formula", callback=_formula)
parameter_option = click.option(
    "--param", "parameters", metavar="NAME=NUMBER", multiple=True, callback=_numbers,
    help="Set a parameter of the formula; may be repeated.",
)  # fmt: skip
timeframe_option = click.option("--timeframe", metavar="LENGTH", help="Length of a bar: 1m 5m 15m 30m 60m 1d 1w 1mo.")
filter_options = together(
    click.option(
        "--market", metavar="A,B", multiple=True, callback=_names, help="Only symbols of this market, or of these."
    ),
    click.option(
        "--sector", metavar="A,B", multiple=True, callback=_names, help="Only symbols of this sector, or of these."
    ),
    click.option(
        "--index", metavar="A,B", multiple=True, callback=_names,
        help="Only members of this index, or of these, on the days on which they were.",
    ),
    click.option(
        "--where", metavar="COLUMN=A,B", multiple=True, callback=_where,
        help="Only symbols with this in another column of the table, such as kind=stock; null is unknown.",
    ),
    click.option("--watchlist", metavar="FILE", help="The symbols in this file, whatever the filters."),
)  # fmt: skip


def _criteria(context: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, Any] | None:
    """Read ``market=KOSPI``, ``symbols=A,B``: the fields of a universe."""
    given = pairs(context, option, values)
    lists = {"symbols", "exclude"}
    return {
        name: codes(context, option, [value]) if name in lists else names(value) for name, value in given.items()
    } or None


universe_options = together(
    filter_options,
    click.option(
        "--symbols", metavar="A,B", multiple=True, callback=codes, help="These, whatever the filters."
    ),
    click.option("--exclude", metavar="A,B", multiple=True, callback=_excluded, help="Leave these symbols out."),
    click.option(
        "--universe", metavar="NAME=VALUE", multiple=True, callback=_criteria,
        help="What rank and its kin compare, if not the symbols of the scan: market=KOSPI, index=…, symbols=A,B.",
    ),
    click.option("--strict-universe", is_flag=True, help="Refuse to compare when a symbol of the universe failed."),
)  # fmt: skip
range_options = together(
    timeframe_option,
    click.option("--start", metavar="DATE", help="First bar, such as 2024-01-31; it belongs to the range."),
    click.option("--end", metavar="DATE", help="Last bar; it belongs to the range too."),
    click.option("--last", type=int, metavar="N", help="The newest N bars instead.  [default: 250]"),
)
result_options = together(
    click.option("--sort-by", metavar="COLUMN", default="timestamp", help="Order of the matches; -COLUMN reverses it."),
    click.option("--top", type=int, metavar="N", help="Keep the first N matches."),
    click.option("--first", is_flag=True, help="Keep only the first bar of each run of matches."),
    click.option("--warmup", type=click.Choice(["auto", "full"]), default="auto", help="full: read all history."),
    click.option(
        "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), callback=_output,
        help="Write the matches to a .parquet, .csv or .xlsx file.",
    ),
    click.option("--timeout", type=float, metavar="S", help="Stop after S seconds, and print what is done until then."),
    click.option(
        "--checkpoint", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
        help="Keep finished symbols in FILE: the same command goes on where it was, after a crash or Ctrl-C.",
    ),
    click.option(
        "--engine", metavar="WHERE",
        help="Where to scan: threads:2, processes:4 or dask:tcp://HOST:8786.  [default: one thread]",
    ),
    click.option(
        "--symbol-timeout", type=float, metavar="S",
        help="A symbol that takes longer than S seconds fails; only processes can stop one.",
    ),
    click.option("--quiet", is_flag=True, help="Print only the summary; no progress bar."),
    click.option("--verbose", is_flag=True, help="Log what happens to each symbol."),
)  # fmt: skip


def scanner_of(options: dict[str, Any]) -> Scanner:
    """Take the options of the data out, and make the scanner that they describe."""
    from jtscan.market.addresses import place_of  # noqa: PLC0415 - keeps --help and --version quick
    from jtscan.scanner import Scanner  # noqa: PLC0415 - the same

    data, prices = options.pop("data"), options.pop("prices")
    table, members, columns = (options.pop(name) for name in ("symbol_table", "member_table", "columns"))
    stored = options.pop("prices_timeframe")
    if data and prices:
        raise click.UsageError("give either --data or --prices, not both")
    if data and place_of(data).is_file():
        data, prices = None, data
    if not prices:
        if stored:
            raise click.UsageError("--prices-timeframe is about --prices; in a data folder, folders tell the timeframe")
        data = data or _default_data()
    timeframe = stored or options.get("timeframe") or "1d"
    store = {name: options.pop(option) for name, option in _OF_A_STORE.items()}
    given = {name: value for name, value in {**store, "engine": options.pop("engine", None)}.items() if value}
    return Scanner(
        data, prices=prices, symbols=table, members=members, timeframe=timeframe, columns=columns or None, **given
    )


def _default_data() -> str:
    if not Path("data").is_dir():
        raise click.UsageError(_NO_DATA)
    return "data"
