"""What passes gather over all symbols: comparisons at each timestamp, and another symbol's values.

A pass hands in, chunk by chunk, the columns that cross symbols; nothing else
is kept. When all are there they are compared, and later passes attach the
answers to their own bars.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import polars as pl

from jtscan.domain.universe import on_member_days
from jtscan.engines.steps.evaluate import Evaluated
from jtscan.engines.steps.periods import LABEL
from jtscan.engines.steps.table import Table
from jtscan.formula.cross import SAME, TIME, compare
from jtscan.formula.plan import MEMBER, Gathered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByTime:
    """One value per timestamp, the same for every symbol."""

    column: str
    period: str
    values: pl.DataFrame

    def attach(self, table: Table) -> pl.Series:
        """Find the value of each row's timestamp; null where there is none."""
        keys = table.frame.select(_key(self.period).alias(TIME))
        return keys.join(self.values, on=TIME, how="left", maintain_order="left")["#out"].alias(self.column)

    def part(self, symbols: Iterable[str]) -> ByTime:  # noqa: ARG002 - it is everybody's
        """Return what some symbols need of it."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BySymbol:
    """One value per symbol and timestamp: the rows of a symbol are one stretch, up to its last bar."""

    column: str
    period: str
    times: pl.Series
    values: pl.Series
    stretches: Mapping[str, tuple[int, int]]

    def attach(self, table: Table) -> pl.Series:
        """Find the value of each row; a symbol's rows and ours end with the same bar."""
        frame, spans = table.frame, table.spans
        held = [self.stretches.get(name, (0, 0)) for name in spans.names]
        begins = pl.Series([begin for begin, _ in held], dtype=pl.Int64).to_numpy()
        ends = pl.Series([begin + length for begin, length in held], dtype=pl.Int64).to_numpy()
        at = frame["#x"].cast(pl.Int64) + spans.spread(ends - spans.ends)
        known = pl.DataFrame({"at": at, "begin": spans.spread(begins)})
        rows = known.select(pl.when(pl.col("at") >= pl.col("begin")).then(pl.col("at"))).to_series()
        _check_same(self.times.gather(rows), frame.select(_key(self.period)).to_series(), self.column)
        return self.values.gather(rows).alias(self.column)

    def part(self, symbols: Iterable[str]) -> BySymbol:
        """Return what some symbols need of it."""
        held = {symbol: self.stretches[symbol] for symbol in symbols if symbol in self.stretches}
        ends = [0, *accumulate(length for _, length in held.values())]
        return replace(
            self,
            times=_stretched(self.times, held.values()),
            values=_stretched(self.values, held.values()),
            stretches={name: (begin, length) for (name, (_, length)), begin in zip(held.items(), ends, strict=False)},
        )


def _stretched(values: pl.Series, stretches: Iterable[tuple[int, int]]) -> pl.Series:
    return pl.concat([values.clear(), *(values.slice(*each) for each in stretches)])


def _check_same(held: pl.Series, here: pl.Series, column: str) -> None:
    if (held.is_not_null() & (held != here)).any():
        msg = f"{column}: the rows of two passes differ"
        raise AssertionError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nothing:
    """What nobody has a value for is unknown."""

    column: str
    period: str
    kind: pl.DataType

    def attach(self, table: Table) -> pl.Series:
        """Make a column of unknowns."""
        return pl.Series(self.column, [None], dtype=self.kind).clear(table.frame.height)

    def part(self, symbols: Iterable[str]) -> Nothing:  # noqa: ARG002 - it is everybody's
        """Return what some symbols need of it."""
        return self


Made = ByTime | BySymbol | Nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """What a chunk gave of a period: rows of its symbols, one after the other."""

    period: str
    symbols: list[str]
    lengths: list[int]
    rows: pl.DataFrame


def attach(made: Iterable[Made], period: str, table: Table) -> pl.DataFrame:
    """Add the columns that earlier passes made for the bars of a period."""
    return table.frame.hstack([each.attach(table) for each in made if each.period == period])


def _key(period: str) -> pl.Expr:
    return pl.col(LABEL) if period else pl.col("timestamp")


def pieces(
    gathers: Sequence[Gathered],
    chunk: Evaluated,
    *,
    start: dt.date | None,
    without: Collection[str],
    members: pl.DataFrame | None,
) -> Iterable[Piece]:
    """Take what is gathered out of a chunk, from the start of the pass's range, without some symbols.

    ``members`` says on which days symbols are compared, None = on all.
    """
    for period in sorted({each.period for each in gathers}):
        names = dict.fromkeys(name for each in gathers if each.period == period for name in each.inputs)
        table = chunk.tables[period]
        table = table if not without else table.only(frozenset(table.spans.names) - frozenset(without))
        rows = table.frame.select("timestamp", _key(period).alias(TIME), *names)
        if members is not None:
            rows = rows.with_columns(on_member_days(members, table.labelled).alias(MEMBER))
        spans, lengths = table.spans, table.spans.lengths.tolist()
        if start is not None:
            inside = rows["timestamp"] >= start
            rows, lengths = rows.filter(inside), spans.counts(inside)
        held = [(name, count) for name, count in zip(spans.names, lengths, strict=True) if count]
        yield Piece(
            period=period,
            symbols=[name for name, _ in held],
            lengths=[count for _, count in held],
            rows=rows.select(pl.exclude("timestamp")),
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Gatherer:
    """Keeps what one pass gathers until all of its symbols are there.

    ``members`` tells whether symbols are compared on some days only.
    ``filled`` tells whether anything is. ``alone`` counts, for each
    comparison, the timestamps on which a symbol had no other beside it;
    ``groupless`` are those whose groups are unknown for everybody.
    """

    gathers: tuple[Gathered, ...]
    members: bool = False
    parts: dict[str, list[Piece]] = field(default_factory=dict)
    filled: bool = False
    alone: dict[str, int] = field(default_factory=dict)
    groupless: list[str] = field(default_factory=list)

    def keep(self, piece: Piece) -> None:
        """Keep what a chunk gave."""
        self.filled |= bool(piece.rows.height)
        self.parts.setdefault(piece.period, []).append(piece)

    def finish(self) -> list[Made]:
        """Compare the symbols, or index the other symbol's values."""
        return [made for period in sorted({each.period for each in self.gathers}) for made in self._of_period(period)]

    def _of_period(self, period: str) -> list[Made]:
        wanted = [each for each in self.gathers if each.period == period]
        parts = [part for part in self.parts.pop(period, ()) if part.rows.height]
        if not parts:
            return [Nothing(column=each.column, period=period, kind=_kind(each)) for each in wanted]
        rows, stretches = _in_order(parts)
        return [self._made(each, rows, stretches) for each in wanted]

    def _made(self, each: Gathered, rows: pl.DataFrame, stretches: Mapping[str, tuple[int, int]]) -> Made:
        if each.section is None:
            values = rows.select(TIME, pl.col(each.inputs[0]).alias("#out"))
            return ByTime(column=each.column, period=each.period, values=values)
        named = dict(zip(_inputs(each), each.inputs, strict=True))
        columns = (pl.col(theirs).alias(ours) for ours, theirs in named.items())
        frame = rows.select(TIME, *columns)
        if self.members:
            frame = frame.with_columns(pl.when(rows[MEMBER]).then(pl.col("x")).alias("x"))
        if each.section.by and frame["by"].null_count() == frame.height:
            self.groupless.append(each.label)
        answer = compare(each.section, frame)
        if each.section.kind in {"rank", "zscore"}:
            self.alone[each.label] = answer.filter(pl.col(SAME) == 1)[TIME].n_unique()
        if each.section.for_all:
            values = answer.select(TIME, "#out").unique(TIME, keep="first", maintain_order=True)
            return ByTime(column=each.column, period=each.period, values=values)
        return BySymbol(
            column=each.column, period=each.period, times=answer[TIME], values=answer["#out"], stretches=stretches
        )


def _inputs(each: Gathered) -> list[str]:
    section = each.section
    groups = [name for name, there in (("by", section and section.by), ("where", section and section.where)) if there]
    return ["x", *groups]


def _kind(each: Gathered) -> pl.DataType:
    return pl.Boolean() if each.truth else pl.Float64()


def _in_order(parts: Sequence[Piece]) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
    """Put the symbols in rising order, so that sums have the same bits whatever the order of the scan."""
    names = [name for part in parts for name in part.symbols]
    lengths = [length for part in parts for length in part.lengths]
    rows = pl.concat([part.rows for part in parts])
    if names != sorted(names):
        begins = [0, *accumulate(lengths)]
        pieces = sorted(zip(names, begins, lengths, strict=False))
        rows = pl.concat([rows.slice(begin, length) for _, begin, length in pieces])
        names, lengths = [name for name, _, _ in pieces], [length for _, _, length in pieces]
    begins = [0, *accumulate(lengths)]
    return rows, {name: (begin, length) for name, begin, length in zip(names, begins, lengths, strict=False)}
