"""A scan as it is asked for, and what it gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import AnyFormula, as_formula, check_parameters
from jtscan.domain.jobs import Status, Warmup
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import RequestError

if TYPE_CHECKING:
    from jtscan.notebook.results import MatchesTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchScanRequest:
    """One formula over one universe and range.

    ``sort_by`` orders the matches: a column of numbers largest first, any
    other rising, ``"-x"`` the other way round. ``top`` keeps the first so many.
    """

    symbol_criteria: SymbolCriteria
    timeframe: Timeframe
    date_range: DateRange
    formula: AnyFormula
    parameters: Mapping[str, float] = field(default_factory=dict)
    sort_by: str = "timestamp"
    top: int | None = None
    first: bool = False
    warmup: Warmup = "auto"
    universe: SymbolCriteria | None = None
    strict_universe: bool = False
    allow_lookahead: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "timeframe", Timeframe.parse(self.timeframe))
        object.__setattr__(self, "formula", as_formula(self.formula))
        object.__setattr__(self, "parameters", check_parameters(self.parameters))
        for name, kind in (("symbol_criteria", SymbolCriteria), ("date_range", DateRange)):
            if not isinstance(getattr(self, name), kind):
                raise RequestError(name, f"{getattr(self, name)!r} is not a {kind.__name__}")
        if not isinstance(self.sort_by, str) or not self.sort_by.strip("-"):
            raise RequestError("sort_by", f"{self.sort_by!r} is not the name of a column")
        if self.top is not None and (not isinstance(self.top, int) or isinstance(self.top, bool) or self.top < 1):
            raise RequestError("top", f"{self.top!r} is not a number of matches")
        if self.universe is not None and not isinstance(self.universe, SymbolCriteria):
            raise RequestError("universe", f"{self.universe!r} is not a SymbolCriteria")
        if self.warmup not in {"auto", "full"}:
            raise RequestError("warmup", f"{self.warmup!r} is neither 'auto' nor 'full'")


OUTCOME_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "status": pl.String,
    "error": pl.String,
    "bars": pl.Int64,
    "set_aside": pl.Int64,
    "halts": pl.Int64,
    "duplicates": pl.Int64,
    "last_bar": pl.Datetime("us"),
    "processing_time_ms": pl.Float64,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchScanResult:
    """The matches of a scan, and the account of every symbol asked for.

    ``outcomes`` has one row per symbol asked for. ``excluded``, ``not_listed``
    and ``not_members`` (of the index on no day of the range) name the symbols
    that were taken out before. ``data_date`` is the newest bar that the scan
    saw.
    """

    job_id: str
    request: BatchScanRequest
    signals: AggregatedSignals
    statistics: SignalStatistics
    processing_time_ms: float
    errors_count: int
    outcomes: pl.DataFrame
    excluded: tuple[str, ...] = ()
    not_listed: tuple[str, ...] = ()
    not_members: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    cancelled: bool = False
    data_version: str | None = None

    @property
    def account(self) -> pl.DataFrame:
        """Status, symbols, reason: one row per status; the symbols add up to those asked for."""
        order = pl.DataFrame({"status": [str(status) for status in Status]})
        counted = self.outcomes.group_by("status").agg(
            pl.len().cast(pl.Int64).alias("symbols"), pl.col("error").drop_nulls().alias("reasons")
        )
        return order.join(counted, on="status", how="left", maintain_order="left").select(
            "status",
            pl.col("symbols").fill_null(0),
            pl.col("reasons").map_elements(_main_reason, return_dtype=pl.String).alias("reason"),
        )

    @property
    def beside(self) -> pl.DataFrame:
        """What is counted beside the account: symbols taken out before, rows that are no bars."""
        total = self.outcomes.select(pl.col("bars", "set_aside", "halts", "duplicates").sum()).row(0, named=True)
        rows = [
            ("symbols excluded", len(self.excluded), "taken out by exclude="),
            ("symbols not listed", len(self.not_listed), "not listed in the range"),
            *self._outside_the_index,
            ("symbols behind", self.stale.height, "their last bar is older than the data's newest"),
            ("bars in the range", total["bars"], "rows that the formula was asked about"),
            ("rows set aside", total["set_aside"], "a price or the volume is missing, or the timestamp"),
            ("halts", total["halts"], "open = high = low = 0: no trade on that day; warm-up included"),
            ("equal duplicates", total["duplicates"], "the same row more than once, read once"),
        ]
        return pl.DataFrame(rows, schema={"what": pl.String, "count": pl.Int64, "meaning": pl.String}, orient="row")

    @property
    def _outside_the_index(self) -> list[tuple[str, int, str]]:
        """The row of symbols that are no members in the range, where an index was asked for."""
        if self.request.symbol_criteria.index is None:
            return []
        return [("symbols not in the index", len(self.not_members), "members on no day of the range")]

    @property
    def errors(self) -> pl.DataFrame:
        """Symbol, status, error of every symbol that failed or had no data."""
        wanted = pl.col("status").is_in([Status.FAILED, Status.NO_DATA])
        return self.outcomes.filter(wanted).select("symbol", "status", "error")

    @property
    def data_date(self) -> dt.date | dt.datetime | None:
        """The newest bar that the scan saw; a datetime for intraday bars."""
        newest = self.outcomes["last_bar"].max()
        if not isinstance(newest, dt.datetime):
            return None
        return newest if self.request.timeframe.intraday else newest.date()

    @property
    def stale(self) -> pl.DataFrame:
        """Symbol and last_bar of the symbols whose last bar is older than the data's newest."""
        behind = pl.col("last_bar") < pl.col("last_bar").max()
        return self.outcomes.filter(behind).select("symbol", "last_bar")

    @property
    def summary(self) -> str:
        """The scan in one line."""
        state = "cancelled: " if self.cancelled else ""
        found = self.signals.in_words(self.outcomes.height)
        return f"{state}{found}, {self.errors_count:,} failed, {self.processing_time_ms:,.0f} ms"

    def table(self) -> MatchesTable:
        """Make the table of all matches for a notebook: sorted by a click on a header, searched above it."""
        from jtscan.notebook.results import MatchesTable  # noqa: PLC0415 - needs the extra "notebook"

        table = MatchesTable()
        table.show(self)
        return table

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.scan_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415

        return render.scan_html(self)


def _main_reason(reasons: pl.Series) -> str | None:
    """The commonest reason, in the words of the first symbol that has it; numbers and dates tell no two apart."""
    if not len(reasons):
        return None
    kinds = reasons.str.replace_all(r"\d", "#").str.replace_all(r"#[#,.:-]*", "#")
    commonest = kinds.mode().sort()[0]
    others = int((kinds != commonest).sum())
    first = reasons.filter(kinds == commonest)[0]
    return f"{first}{f' (and {others:,} for other reasons)' if others else ''}"
