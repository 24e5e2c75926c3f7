"""In-memory doubles of the ports, for tests and for notebooks without files.

>>> import asyncio
>>> from jtscan import BatchScanRequest, BatchScanUseCase, DateRange, Formula, ProcessingEngine, SignalAggregator
>>> from jtscan import SymbolCriteria, Timeframe
>>> prices = InMemoryPriceRepository(make_bars({"005930": [10, 11, 12], "000660": [9, 8, 7]}))
>>> symbols = InMemorySymbolRepository.of("005930", "000660")
>>> use_case = BatchScanUseCase(ProcessingEngine(prices), symbols, SignalAggregator())
>>> request = BatchScanRequest(
...     symbol_criteria=SymbolCriteria(), timeframe=Timeframe.D1, date_range=DateRange(last=1),
...     formula=Formula(text="close > close[1]"))
>>> asyncio.run(use_case.execute(request)).signals.matches["symbol"].to_list()
['005930']
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import polars as pl

from jtscan.domain.bars import Bars, ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.jobs import ProcessingResult, RowCounts
from jtscan.domain.symbols import Names, SymbolCriteria, Where
from jtscan.domain.universe import MEMBER_SCHEMA, selected, values_of

_LABELS = {
    "symbol": pl.String, "name": pl.String, "market": pl.String, "sector": pl.String,
    "listed": pl.Date, "delisted": pl.Date,
}  # fmt: skip
_KEYS = ("symbol", "timestamp")
_PRICES = ("open", "high", "low", "close", "volume")


def make_bars(
    closes: Mapping[str, Sequence[float | None]], *, start: dt.date = dt.date(2024, 1, 1), volume: float = 1000
) -> pl.DataFrame:
    """Make daily bars from closes: the open is the close before, high and low hold both.

    One row per symbol and day from ``start``, weekends left out; a close of
    None is a day on which the symbol has no row.
    """
    longest = max((len(values) for values in closes.values()), default=0)
    span = start + dt.timedelta(days=2 * longest + 7)
    days = pl.date_range(start, span, "1d", eager=True)
    days = days.filter(days.dt.weekday() <= 5).head(longest)  # noqa: PLR2004 - Friday
    parts = [_bars_of(symbol, days.head(len(values)), values) for symbol, values in closes.items()]
    frame = pl.concat(parts).drop_nulls("close")
    before = pl.col("close").shift(1).over("symbol").fill_null(pl.col("close"))
    return frame.with_columns(
        open=before,
        high=pl.max_horizontal(before, "close"),
        low=pl.min_horizontal(before, "close"),
        volume=pl.lit(float(volume)),
    ).select(*_KEYS, *_PRICES)


def _bars_of(symbol: str, days: pl.Series, values: Sequence[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"symbol": [symbol] * len(values), "timestamp": days, "close": values},
        schema={"symbol": pl.String, "timestamp": pl.Date, "close": pl.Float64},
    )


class InMemorySymbolRepository:
    """Symbols from a frame, members of indices from another; it counts how often it was asked."""

    def __init__(self, table: pl.DataFrame, *, members: pl.DataFrame | None = None) -> None:
        self._table = _with_columns(table, _LABELS)
        self._members = _with_columns(pl.DataFrame(schema=MEMBER_SCHEMA) if members is None else members, MEMBER_SCHEMA)
        self.asked: Counter[str] = Counter()

    @classmethod
    def of(cls, *symbols: str, market: str | None = None, sector: str | None = None) -> InMemorySymbolRepository:
        """Make one of symbols that share a market and a sector."""
        return cls(pl.DataFrame({"symbol": symbols}).with_columns(market=pl.lit(market), sector=pl.lit(sector)))

    async def find_by_criteria(
        self,
        *,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        where: Where | None = None,
    ) -> list[str]:
        """Return the symbols that have all that is asked for."""
        self.asked["find_by_criteria"] += 1
        criteria = SymbolCriteria(market=market, sector=sector, index=index, where=where or ())
        members = None if criteria.index is None else await self.members(criteria.index)
        return selected(self._table, members, criteria)

    async def describe(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Return the rows of the symbols."""
        return self._table.select(*_LABELS).filter(pl.col("symbol").is_in(list(symbols)))

    async def markets(self) -> list[str]:
        """Return the markets there are."""
        return await self.values("market")

    async def sectors(self) -> list[str]:
        """Return the sectors there are."""
        return await self.values("sector")

    async def values(self, column: str) -> list[str]:
        """Return the values that a column of the table has."""
        return values_of(self._table, column)

    async def indices(self) -> list[str]:
        """Return the indices there are."""
        return values_of(self._members, "index")

    def pinned(self) -> InMemorySymbolRepository:
        """Return itself: it does not change."""
        return self

    async def members(self, index: Names) -> pl.DataFrame:
        """Return the spans of the members of an index, or of several."""
        return self._members.filter(pl.col("index").is_in([index] if isinstance(index, str) else list(index)))


def _with_columns(table: pl.DataFrame, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Put the columns of a schema first; one that is not there is unknown."""
    absent = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in table.columns]
    others = [name for name in table.columns if name not in schema]
    return table.with_columns(absent).cast(dict(schema)).select(*schema, *others)  # type: ignore[arg-type]


class InMemoryPriceRepository:
    """Bars from a frame of symbol, timestamp and columns of numbers.

    ``broken`` gives symbols whose bars cannot be used: a reason, or an
    exception that reading them raises. ``read_calls`` keeps what was read.
    """

    def __init__(self, frame: pl.DataFrame, *, broken: Mapping[str, str | BaseException] | None = None) -> None:
        self._frame = _cleaned(frame)
        self._broken = dict(broken or {})
        self._rows = _rows_set_aside(frame)
        self._halts = frame.filter(_is_halt(frame)).select(*_KEYS)
        self.read_calls: list[tuple[str, ...]] = []
        self.version = "memory"
        self.notes: tuple[str, ...] = ()
        self.chunk_factor = 1
        self.changed: tuple[str, ...] = ()
        self._sessions = _sessions_of(self._frame)

    def snapshot(self, timeframe: Timeframe) -> InMemoryPriceRepository:  # noqa: ARG002 - one for all
        """Return itself: it does not change."""
        return self

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns beyond symbol and timestamp."""
        return {name: "number" for name in self._frame.columns if name not in _KEYS}

    def sizes(self, symbols: Sequence[str], window: ReadWindow) -> Mapping[str, int]:  # noqa: ARG002 - at the most
        """Return how many bars each known symbol has."""
        counted = self._frame.filter(pl.col("symbol").is_in(list(symbols))).group_by("symbol").len()
        return dict(counted.iter_rows())

    def sessions(self) -> pl.DataFrame:
        """Return the first bar of each day, of whatever symbol."""
        return self._sessions

    def newest(self, symbols: Sequence[str], count: int) -> dt.date | None:
        """Return the count-th newest timestamp among the symbols, or the oldest."""
        moments = self._frame.filter(pl.col("symbol").is_in(list(symbols)))["timestamp"].unique().sort(descending=True)
        return moments.head(count).to_list()[-1] if moments.len() else None

    def halts(self, symbol: str, window: ReadWindow) -> pl.Series:
        """Return the timestamps of the rows with open = high = low = 0."""
        found = self._halts.filter(pl.col("symbol") == symbol)["timestamp"]
        after = found if window.start is None else found.filter(found >= window.start)
        return after if window.end is None else after.filter(after <= window.end)

    def read(self, symbols: Sequence[str], columns: Iterable[str], window: ReadWindow) -> Bars:
        """Return the bars of the symbols up to the end of the window, all history."""
        self.read_calls.append(tuple(symbols))
        for symbol in symbols:
            if isinstance(raised := self._broken.get(symbol), BaseException):
                raise raised
        frame = self._frame.filter(pl.col("symbol").is_in(list(symbols)))
        if window.end is not None:
            frame = frame.filter(pl.col("timestamp") <= window.end)
        present = frozenset(frame["symbol"].unique())
        return Bars.of(
            frame.select(*_KEYS, *dict.fromkeys(columns)),
            rows={symbol: self._rows[symbol] for symbol in symbols if symbol in self._rows},
            problems={symbol: str(self._broken[symbol]) for symbol in symbols if symbol in self._broken},
            absent={symbol: "no bars in memory" for symbol in symbols if symbol not in present},
            from_first=present,
        )

    def part(self, symbols: Collection[str]) -> InMemoryPriceRepository:
        """Return the bars of some symbols; what is read of them is kept in the same ``read_calls``."""
        part = copy(self)
        part._frame = self._frame.filter(pl.col("symbol").is_in(list(symbols)))  # noqa: SLF001 - its own copy
        return part


def _sessions_of(frame: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("timestamp").dt.date().alias("day")
    return frame.group_by(day).agg(pl.col("timestamp").min().alias("start")).sort("day")


def _is_bar(frame: pl.DataFrame) -> pl.Expr:
    known = [
        pl.col(name).cast(pl.Float64).is_finite().fill_null(value=False) for name in _PRICES if name in frame.columns
    ]
    return pl.all_horizontal(*known, ~_is_halt(frame))


def _is_halt(frame: pl.DataFrame) -> pl.Expr:
    if not {"open", "high", "low"} <= set(frame.columns):
        return pl.lit(value=False)
    return pl.all_horizontal((pl.col(name) == 0).fill_null(value=False) for name in ("open", "high", "low"))


def _cleaned(frame: pl.DataFrame) -> pl.DataFrame:
    numbers = [name for name in frame.columns if name not in _KEYS]
    finite = (pl.col(name).cast(pl.Float64) for name in numbers)
    kept = frame.filter(_is_bar(frame)).with_columns(finite)
    known = (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers)
    return kept.with_columns(known).sort(*_KEYS)


def _rows_set_aside(frame: pl.DataFrame) -> dict[str, RowCounts]:
    counted = frame.group_by("symbol").agg(
        halts=_is_halt(frame).sum(), set_aside=(~_is_bar(frame) & ~_is_halt(frame)).sum()
    )
    return {
        symbol: RowCounts(halts=halts, set_aside=other) for symbol, halts, other in counted.iter_rows() if halts + other
    }


@dataclass(slots=True)
class ProgressRecorder:
    """A progress callback and observer that keeps what it heard."""

    calls: list[tuple[int, int]] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    results: list[ProcessingResult] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __call__(self, completed: int, total: int, /) -> None:
        """Keep one call of the progress callback."""
        self.calls.append((completed, total))

    def on_phase(self, phase: str) -> None:
        """Keep a phase."""
        self.phases.append(phase)

    def on_result(self, result: ProcessingResult) -> None:
        """Keep a result."""
        self.results.append(result)

    def on_warning(self, warning: str) -> None:
        """Keep a warning."""
        self.warnings.append(warning)
