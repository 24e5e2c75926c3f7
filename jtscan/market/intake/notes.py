"""What a user should know of how the sources of an ingest were read, and what was perhaps meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from jtscan.market.intake.columns import looks_like_code
from jtscan.market.intake.judging import OTHER_VALUES, UNREADABLE_MOMENT
from jtscan.market.intake.keeping import Keeper
from jtscan.market.intake.sources import Sources
from jtscan.market.intake.staging import Source

_KRX_DIGITS = 6
_SHOWN = 5


def notes_of(sources: Sources, keeper: Keeper, *, adjust: bool) -> Iterator[str]:
    """Tell of odd symbols, of closes of another kind, of many rows that cannot be used, and of what was left out."""
    yield from _called_by_file_names(sources.all, keeper.symbols)
    yield from _lost_zeros(keeper)
    yield from [] if adjust else _other_closes(keeper)
    yield from _symbols_in_file_names(sources.all)
    yield from _perhaps_meant(keeper)
    yield from _lost_values(sources.staged.lost)
    yield from _left_out(sources.all)


def _called_by_file_names(sources: Sequence[Source], symbols: set[str]) -> Iterator[str]:
    """Symbols that are perhaps none: the names of files."""
    names = sorted({each.symbol for each in sources if each.symbol and not looks_like_code(each.symbol)})
    taken = [name for name in names if name in symbols]
    if taken:
        more = f" and {len(taken) - 1:,} more" if len(taken) > 1 else ""
        yield (
            f"files without a column of symbols are called by their names: {taken[0]!r}{more}; where the name has "
            "more than the symbol, say where it is: symbol_pattern='prices_{symbol}', or "
            "--symbol-pattern 'prices_{symbol}'"
        )


def _lost_zeros(keeper: Keeper) -> Iterator[str]:
    """Symbols that are perhaps others: codes that a spreadsheet took the zeros from."""
    short = {each for each in keeper.symbols if each.isdecimal() and len(each) < _KRX_DIGITS}
    known = _known_symbols(keeper) if short else set()
    lost = sorted(each for each in short if each.zfill(_KRX_DIGITS) in known)
    if lost:
        whole = ", ".join(each.zfill(_KRX_DIGITS) for each in lost[:_SHOWN])
        yield (
            f"symbols that lost their zeros? {', '.join(lost[:_SHOWN])} came beside {whole} "
            f"({len(lost):,}); a spreadsheet takes them away: write them as text"
        )


def _known_symbols(keeper: Keeper) -> set[str]:
    """The symbols of this ingest and of the store."""
    paths = [str(keeper.draft.path(file)) for file in keeper.draft.base.of("bars", keeper.timeframe)]
    if not paths:
        return keeper.symbols
    distinct = pl.scan_parquet(paths, missing_columns="insert", extra_columns="ignore").select("symbol")
    return {*keeper.symbols, *distinct.unique().collect()["symbol"]}


def _other_closes(keeper: Keeper) -> Iterator[str]:
    """Closes as they were traded, beside adjusted ones."""
    before = keeper.draft.base.of("bars", keeper.timeframe)
    if keeper.symbols and any("raw_close" in file.columns for file in before):
        yield "the store's closes are adjusted (it keeps raw_close), and these were taken without adjust"


def _symbols_in_file_names(sources: Sequence[Source]) -> Iterator[str]:
    """Whose rows a file's are, where its name has more than the symbol."""
    named = next((each for each in sources if each.symbol and each.symbol != each.file.stem), None)
    if named is not None:
        yield f"symbols are taken from the names of files: {named.file.stem} is {named.symbol}"


def _perhaps_meant(keeper: Keeper) -> Iterator[str]:
    """What could be meant where many rows cannot be used."""
    reasons = keeper.quarantine.new.group_by("reason", maintain_order=True).agg(pl.len(), pl.col("text").first())
    for reason, count, text in reasons.iter_rows():
        if reason == UNREADABLE_MOMENT:
            cure = "say how they are written: date_format='%d/%m/%Y', or --date-format '%d/%m/%Y'"
            yield f"timestamps that cannot be read: {count:,}, such as {text!r}; {cure}"
        elif str(reason).endswith(OTHER_VALUES) and count > keeper.tally.total().read / 2:
            yield (
                "most rows share their timestamp with others; are these shorter bars (timeframe='1m', or "
                "--timeframe 1m), or several symbols without a column of symbols?"
            )


def _lost_values(lost: Counter[str]) -> Iterator[str]:
    if lost:
        values = ", ".join(f"{name} {count:,}" for name, count in lost.items())
        yield f"values that are no numbers, left unknown: {values}"


def _left_out(sources: Sequence[Source]) -> Iterator[str]:
    columns = dict.fromkeys(name for source in sources if source.problem is None for name in source.layout.left_out)
    if columns:
        yield f"columns left out, which are no numbers: {', '.join(columns)}"
