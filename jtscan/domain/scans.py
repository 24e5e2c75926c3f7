"""A scan as it is asked for, and what it gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import polars as pl

from jtscan.domain.control import check_seconds
from jtscan.domain.dates import DEFAULT_BARS, DateRange, Timeframe
from jtscan.domain.formulas import AnyFormula, as_formula, check_parameters
from jtscan.domain.history import HistoryRequest, HistorySource, SymbolHistory
from jtscan.domain.jobs import Status, Warmup
from jtscan.domain.signals import AggregatedSignals, SignalStatistics, named_pivot
from jtscan.domain.symbols import SymbolCriteria
from jtscan.domain.tables import Exports
from jtscan.domain.words import given
from jtscan.errors import RequestError

if TYPE_CHECKING:
    from jtscan.notebook.charts import Chart, Look, ThemeName
    from jtscan.notebook.results.matches import MatchesTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BatchScanRequest:
    """One formula over one universe and range.

    Attributes
    ----------
    symbol_criteria
        Which symbols are asked.
    timeframe
        The length of a bar.
    date_range
        The bars that are reported, both ends included.
    formula
        Text or Polars expressions.
    parameters
        Values of the formula's parameters by name.
    sort_by, top
        Order of the matches: a column of numbers largest first, any other
        rising, ``"-x"`` the other way round; and how many to keep, None = all.
    first
        Only the first bar of each run of matches.
    warmup
        "auto" reads what the formula needs before the range, "full" all history.
    universe
        The symbols that ``rank`` and its kin compare; None = those of the scan.
    strict_universe
        Refuse to compare when a symbol of the universe failed.
    allow_lookahead
        Run what jtscan cannot see into without a replay.
    timeout
        Seconds that the scan may take, also while it waits for others; None is no limit.
    symbol_timeout
        Seconds that one symbol may take, where a worker can be killed; None is no limit.
    checkpoint
        The file that keeps finished symbols, so that the same scan goes on where it was.
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
    timeout: float | None = None
    symbol_timeout: float | None = None
    checkpoint: str | Path | None = None

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
        for name in ("timeout", "symbol_timeout"):
            check_seconds(name, getattr(self, name))
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", _as_path("checkpoint", self.checkpoint))
        if self.universe is not None and not isinstance(self.universe, SymbolCriteria):
            raise RequestError("universe", f"{self.universe!r} is not a SymbolCriteria")
        if self.warmup not in {"auto", "full"}:
            raise RequestError("warmup", f"{self.warmup!r} is neither 'auto' nor 'full'")

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.request_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.request_html(self)


def _as_path(field: str, given: object) -> Path:
    """Take the path of a file."""
    if not isinstance(given, str | Path) or not str(given):
        raise RequestError(field, f"{given!r} is not the path of a file")
    return Path(given).expanduser()


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
class BatchScanResult(Exports):
    """The matches of a scan, and the account of every symbol asked for.

    It shows itself in a notebook; ``to_parquet``, ``to_csv``, ``to_excel`` and
    ``to_pandas`` give its matches (the workbook also the account, errors and
    counts, and what was asked).

    Attributes
    ----------
    job_id
        A name for this scan, found nowhere else.
    request
        What was asked; ``await scanner.execute(request)`` asks it again.
    signals
        The matches, as the frame ``signals.matches``.
    statistics
        How many there are, by symbol, date and signal.
    processing_time_ms
        How long it took, in milliseconds; 0 where no symbol was asked for.
    errors_count
        How many symbols failed.
    outcomes
        One row per symbol asked for: its status, the reason, its bars (null
        ``last_bar``: none in the range), rows set aside, time.
    excluded, not_listed, not_members
        Symbols that were taken out before, of the index those that belong to
        it on no day of the range.
    warnings
        What concerns the whole scan.
    cancelled
        Whether it was stopped; then matches and counts are of what was done.
    data_version
        The version of the data, None if none was read.
    source
        Reaches the data that it was made from, for ``history`` and ``plot``; not pickled.
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
    source: HistorySource | None = field(default=None, repr=False)

    def history(
        self,
        symbol: str,
        *,
        bars: int | Literal["auto"] | None = "auto",
        start: str | dt.date | None = None,
        end: str | dt.date | None = None,
    ) -> SymbolHistory:
        """Return one symbol as the formula saw it: its bars, the formula's own series, its matches.

        The data is that of the scan, whatever was written since, and so are
        the values: on the bars of the scan's range they are the same numbers.

        Parameters
        ----------
        symbol
            Its code, or its name if no other has it; also one that was not scanned.
        bars
            So many of the newest bars, up to the end of the range: earlier ones
            are added before a shorter range, and a longer one is cut. "auto" is
            the whole range, and at least 250; None is all that there are.
        start, end
            Another range, both included: ISO text, a date or a datetime.

        Raises
        ------
        RequestError
            There is no such symbol, or no bar of it in the range.
        DataError
            The symbol's data cannot be used, or is not there any more.

        Examples
        --------
        >>> import jtscan as jt
        >>> result = jt.Scanner("data").scan("cross_above(close, sma(close, 20)) and rsi(14) > 50", last=1)
        >>> result.history("005930")
        SymbolHistory(005930 가상전자: 250 1d bars; sma(close, 20), rsi(close, 14))
        """
        enough = DEFAULT_BARS if bars == "auto" else bars
        asked = HistoryRequest(symbol=symbol, bars=enough, start=start, end=end)
        if self.source is None:
            raise RequestError(
                "source",
                "this result does not know its data: it was made by hand, restored, or of no symbols; scan again",
            )
        seen = self.source.history(asked)
        whole = replace(seen, matches=self._matches_on(seen))
        return whole.newest(bars) if isinstance(bars, int) else whole

    def plot(
        self,
        symbol: str | None = None,
        *,
        bars: int | Literal["auto"] | None = "auto",
        start: str | dt.date | None = None,
        end: str | dt.date | None = None,
        **look: Unpack[Look],
    ) -> Chart:
        """Draw one symbol as the formula saw it: its bars, the formula's own series, its matches.

        Parameters
        ----------
        symbol
            Its code or name; None is the symbol with the most matches.
        bars
            So many of the newest bars, up to the end of the range; "auto" draws
            the whole range, and at least 250; None draws all.
        start, end
            Another range, both included: ISO text, a date or a datetime.
        look
            ``kind``: ``"candles"`` or ``"line"``. ``colors``: ``"korean"`` or
            ``"western"``. ``theme``: ``"light"`` or ``"dark"``, for a ground of its
            own. ``volume``: False leaves its pane out. ``size``: width and
            height in pixels. ``mark``: the date or time of a bar that a thin
            line points out.

        Raises
        ------
        RequestError
            There is no such symbol, no bar of it in the range, or, without a
            symbol, no match.
        MissingExtraError
            matplotlib is not installed.
        """
        chosen = self._most_matched() if symbol is None else symbol
        return self.history(chosen, bars=bars, start=start, end=end).plot(**look)

    def _most_matched(self) -> str:
        if not self.statistics.by_symbol:
            raise RequestError("symbol", "nothing matched; say which symbol is to be drawn: plot('005930')")
        return next(iter(self.statistics.by_symbol))

    def plot_calendar(self, *, years: int = 5, theme: ThemeName = "auto") -> Chart:
        """Draw the matches per day as a calendar, a block for each of the newest years.

        Parameters
        ----------
        years
            How many years to draw at the most; the picture says how many matches lie before them.
        theme
            ``"auto"`` reads on light and on dark ground, ``"light"`` and ``"dark"`` have a ground of their own.
        """
        from jtscan.notebook import charts  # noqa: PLC0415 - matplotlib is asked for by those who draw

        return charts.calendar_chart(self.statistics, years=years, theme=theme)

    def plot_heatmap(self, index: str = "sector", columns: str = "month", *, theme: ThemeName = "auto") -> Chart:
        """Draw the matches by any two keys as a map of shades.

        Parameters
        ----------
        index, columns
            Keys of `SignalStatistics.pivot`, down and across; the largest 30 rows are drawn and the others summed.
        theme
            ``"auto"`` reads on light and on dark ground, ``"light"`` and ``"dark"`` have a ground of their own.
        """
        from jtscan.notebook import charts  # noqa: PLC0415 - matplotlib is asked for by those who draw

        return charts.heatmap_chart(self.statistics, index=index, columns=columns, theme=theme)

    def _matches_on(self, seen: SymbolHistory) -> pl.DataFrame:
        """All matches that were found on the bars of a symbol."""
        found = self.signals.found.filter(pl.col("symbol") == seen.symbol).select(
            pl.col("timestamp").cast(seen.bars.schema["timestamp"]), "signal_type"
        )
        return seen.bars.select("timestamp").join(found, on="timestamp", how="inner", maintain_order="left_right")

    @property
    def matches(self) -> pl.DataFrame:
        """The matches: the frame ``signals.matches``, one row per match."""
        return self.signals.matches

    @property
    def account(self) -> pl.DataFrame:
        """Status, symbols, reason: one row per status; the symbols add up to those asked for.

        The reason is the commonest one, null where there is none to tell.
        Polars cuts long texts when it shows a frame; the result itself shows
        them whole, and so does ``pl.Config(fmt_str_lengths=200)``.
        """
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
        """Symbol, status, error of every symbol that failed or had no data.

        Long texts are cut where Polars shows them: see ``account``.
        """
        wanted = pl.col("status").is_in([Status.FAILED, Status.NO_DATA])
        return self.outcomes.filter(wanted).select("symbol", "status", "error")

    @property
    def data_date(self) -> dt.date | dt.datetime | None:
        """The newest bar that the scan saw, so never one after its range; a datetime for intraday bars.

        How far the data itself goes is ``scanner.span()``.
        """
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

    @property
    def _table(self) -> pl.DataFrame:
        return self.signals.matches

    @property
    def _sheets(self) -> dict[str, pl.DataFrame]:
        return {
            "matches": self.signals.matches,
            "by symbol": named_pivot(self.statistics),
            "account": self.account,
            "beside the account": self.beside,
            "errors": self.errors,
            "about": pl.DataFrame(
                list(self._about.items()), schema={"what": pl.String, "value": pl.String}, orient="row"
            ),
        }

    @property
    def _about(self) -> dict[str, str]:
        """What was asked, of which data."""
        request, formula = self.request, self.request.formula
        said = {
            "result": self.summary,
            "formula": str(formula),
            "name": formula.name,
            "parameters": given(request.parameters),
            "universe": str(request.symbol_criteria),
            "compared among": None if request.universe is None else str(request.universe),
            "timeframe": str(request.timeframe),
            "range": str(request.date_range),
            "newest bar": None if self.data_date is None else str(self.data_date),
            "data version": self.data_version,
            "warnings": "\n".join(self.warnings),
        }
        return {what: value for what, value in said.items() if value}

    def table(self) -> MatchesTable:
        """Make the table of all matches for a notebook: sorted by a click on a header, searched above it."""
        from jtscan.notebook.results.matches import MatchesTable  # noqa: PLC0415 - needs the extra "notebook"

        table = MatchesTable()
        table.show(self)
        return table

    def __repr__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        return render.scan_text(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

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
