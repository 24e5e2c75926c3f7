"""The use case: bring the bars of some symbols up to date, in these steps.

Each says where it lives.

recover   what an earlier run fetched goes to the store first          (depot, spool)
list      the symbols of the market, or those that were named           (the source)
plan      where each goes on: what the store holds, how far it has come (held, depot)
ask       symbol by symbol, at a pace, with patience                    (rate, the source)
judge     new, known, or adjusted anew: then all of its history again   (held)
keep      in the spool, and batch by batch in the store                 (depot)
report    each symbol with what became of it                            (report)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from jtscan import market
from jtscan.domain.control import ProgressCallback
from jtscan.domain.dates import parse_moment
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import RequestError, SourceError, first_line
from jtscan.sources.base import Fetched, Source, Wanted, check_market
from jtscan.sources.depot import TIMEFRAME, Depot
from jtscan.sources.financedatareader import FinanceDataReader
from jtscan.sources.held import Held, held_of
from jtscan.sources.krx import Krx
from jtscan.sources.rate import Pace, Patience
from jtscan.sources.report import OUTCOMES, FetchReport, Outcome
from jtscan.sources.spool import Reach, Spool
from jtscan.sources.yahoo import Yahoo

SOURCES: Mapping[str, Callable[..., Source]] = {"fdr": FinanceDataReader, "pykrx": Krx, "yfinance": Yahoo}
REFUSED_AFTER = 10
SURVIVORS = (
    "the list has only the symbols listed today, so a scan of the past would know survivors alone; "
    "fdr also fetches those that left the Korean exchange: --delisted"
)
_EARLIEST_ZONE = dt.timezone(dt.timedelta(hours=14))


def fetch(  # noqa: PLR0913 - what a user can say of a run
    source: str | Source,
    into: str | Path,
    *,
    since: str | dt.date,
    market: str | None = None,
    symbols: Sequence[str] | None = None,
    until: str | dt.date | None = None,
    rate: float | None = None,
    adjust: bool = True,
    delisted: bool = False,
    progress: ProgressCallback | None = None,
    ingest: Callable[..., object] | None = None,
    patience: Patience | None = None,
) -> FetchReport:
    """Fetch daily bars into a data folder, for each symbol from where the store ends.

    The last five sessions come again, so that corrections come in; a symbol
    whose closes of those days have changed was adjusted anew, and all of its
    history is fetched again. What is fetched survives an interruption; the
    same call goes on.

    Parameters
    ----------
    source
        ``fdr``, ``pykrx``, ``yfinance``, or an object like them.
    into
        The data folder.
    since
        First day of symbols that are new; an earlier one than before brings
        what is before.
    market
        All symbols of a market; or where ``symbols`` trade.
    symbols
        These instead.
    until
        Last day; by default the newest there is.
    rate
        Calls a second at the most; each source has a default.
    adjust
        False for prices as they were traded.
    delisted
        Also the symbols that left the market since then.
    progress
        Called with (completed, total) after each symbol.
    ingest
        Takes frame, folder, ``timeframe=`` and ``symbols=``; by default the
        store's own.
    patience
        How calls are spaced and tried again, instead of ``rate``.

    Raises
    ------
    SourceError
        The list of symbols cannot be fetched. A symbol that fails is counted;
        ten in a row end the run.
    """
    origin = _source(source, adjust=adjust)
    days = _Days.of(since, until)
    _check(origin, market, symbols, delisted=delisted)
    patience = patience or Patience(Pace(origin.calls_per_second if rate is None else rate))
    folder = Path(into).expanduser()
    depot = Depot(Spool(folder, origin.name, TIMEFRAME), folder, until=days.until, ingest=ingest or _ingest)
    recovered = depot.recover()
    if symbols is None:
        depot.table = table = _listed(origin, str(market), patience, days.since if delisted else None)
    else:
        table = _named(origin, symbols, market)
    plans = _plans(table, days, depot, held_of(folder, table["symbol"].to_list()))
    run = _Run(origin, depot, patience)
    run.execute(plans, progress)
    return FetchReport(
        source=origin.name,
        market=market,
        since=days.since,
        outcomes=run.outcomes(plans),
        stopped=run.stopped,
        interrupted=run.interrupted,
        recovered=recovered,
        notes=(SURVIVORS,) if symbols is None and not delisted and any(plan.held is None for plan in plans) else (),
        ingested=tuple(depot.ingested),
    )


# ── what is asked ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """Both belong to the range."""

    since: dt.date
    until: dt.date

    @classmethod
    def of(cls, since: str | dt.date, until: str | dt.date | None) -> _Days:
        newest = dt.datetime.now(_EARLIEST_ZONE).date()  # where a day begins first: no exchange is ahead of it
        first, last = _day("since", since), newest if until is None else min(_day("until", until), newest)
        if first > last:
            raise RequestError("since", f"{first} is after the last day, {last}")
        return cls(since=first, until=last)


def _day(field: str, value: str | dt.date) -> dt.date:
    moment = parse_moment(field, value)
    if moment is None:
        raise RequestError(field, "no day was given; write '2015-01-01'")
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _source(source: str | Source, *, adjust: bool) -> Source:
    if not isinstance(source, str):
        return source
    if source not in SOURCES:
        raise RequestError("source", f"{source!r} is not known; there are: {', '.join(SOURCES)}")
    return SOURCES[source](adjust=adjust)


def _check(source: Source, market: str | None, symbols: Sequence[str] | None, *, delisted: bool) -> None:
    if market is None and symbols is None:
        raise RequestError("market", f"name a market ({', '.join(source.markets)}) or symbols")
    if market is not None:
        check_market(source, market)
    if delisted and symbols is not None:
        raise RequestError("delisted", "goes with a market; symbols that are named are asked for in any case")


def _named(source: Source, symbols: Sequence[str], market: str | None) -> pl.DataFrame:
    codes = SymbolCriteria(symbols=symbols).symbols or ()
    rows = dict(source.identify(code, market) for code in codes)
    if not rows:
        raise RequestError("symbols", "there are none to fetch")
    schema = {"symbol": pl.String, "market": pl.String, "delisted": pl.Date}
    return pl.DataFrame([(symbol, where, None) for symbol, where in rows.items()], schema=schema, orient="row")


def _listed(source: Source, market: str, patience: Patience, delisted_since: dt.date | None) -> pl.DataFrame:
    """List a market; those that have left it come last."""
    try:
        table = patience.call(lambda: source.symbols(market))
        if delisted_since is not None:
            gone = patience.call(lambda: source.delisted(market, delisted_since))
            table = pl.concat([table, gone.join(table, on="symbol", how="anti")], how="diagonal_relaxed")
    except SourceError as error:
        raise SourceError(f"{source.name}: the list of {market} cannot be fetched: {first_line(error)}") from error
    return table if "delisted" in table.columns else table.with_columns(pl.lit(None, pl.Date).alias("delisted"))


# ── where each symbol goes on ─────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """What to ask for a symbol; ``since`` is where its whole history begins, ``wanted.since`` where it goes on."""

    wanted: Wanted
    since: dt.date
    held: Held | None
    reach: Reach | None
    skipped: Outcome | None = None

    @property
    def goes_on(self) -> bool:
        return self.wanted.since > self.since

    def count_new(self, frame: pl.DataFrame) -> int:
        """Count the rows that the store does not have."""
        if self.held is None:
            return frame.height
        return frame.filter(~pl.col("timestamp").is_between(self.held.first, self.newest)).height

    @property
    def newest(self) -> dt.date:
        """The newest row known, which may be a halt."""
        ends = [each for each in (self.held and self.held.last, self.reach and self.reach.newest) if each]
        return max(ends, default=dt.date.min)


def _plans(table: pl.DataFrame, days: _Days, depot: Depot, held: Mapping[str, Held]) -> list[_Plan]:
    rows = table.select("symbol", "market", "delisted").iter_rows()
    return [
        _plan(Wanted(symbol=symbol, market=market, delisted=gone, since=days.since, until=days.until), depot, held)
        for symbol, market, gone in rows
    ]


def _plan(wanted: Wanted, depot: Depot, holding: Mapping[str, Held]) -> _Plan:
    symbol = wanted.symbol
    held, reach = holding.get(symbol), depot.reach(symbol)
    begin = min([wanted.since, *([held.first] if held else []), *([reach.since] if reach else [])])
    plan = _Plan(wanted=replace(wanted, since=begin), since=begin, held=held, reach=reach)
    if depot.is_done(symbol, wanted.since):
        return replace(plan, skipped=Outcome(symbol=symbol, status="done_before"))
    if held is None or reach is None or wanted.since < reach.since:
        return plan
    if wanted.delisted is not None:
        return replace(plan, skipped=_known(symbol, f"delisted on {wanted.delisted}, and fetched before"))
    if held.resume > wanted.until:
        return replace(plan, skipped=_known(symbol, f"the store goes on to {held.last}"))
    return replace(plan, wanted=replace(wanted, since=max(begin, held.resume)))


def _known(symbol: str, reason: str) -> Outcome:
    return Outcome(symbol=symbol, status="unchanged", reason=reason)


# ── asking ────────────────────────────────────────────────────────────────────


class _Run:
    """Asks for one symbol after the other, and knows what became of each."""

    def __init__(self, source: Source, depot: Depot, patience: Patience) -> None:
        self.stopped: str | None = None
        self.interrupted = False
        self._source = source
        self._depot = depot
        self._patience = patience
        self._outcomes: dict[str, Outcome] = {}
        self._failures = 0

    def execute(self, plans: Sequence[_Plan], progress: ProgressCallback | None) -> None:
        """Ask until the end, Ctrl-C or a source that refuses; in each case what is fetched goes to the store."""
        try:
            for count, plan in enumerate(plans, 1):
                self._note(plan.skipped or self._fetch(plan))
                if progress is not None:
                    progress(count, len(plans))
                if self.stopped:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
            self.stopped = "interrupted; what is fetched is kept, and the same command goes on"
        self._depot.finish(complete=self.stopped is None)

    def outcomes(self, plans: Sequence[_Plan]) -> pl.DataFrame:
        """Return one row per symbol, also of those whose turn did not come."""
        symbols = [plan.wanted.symbol for plan in plans]
        found = [self._outcomes.get(symbol, Outcome(symbol=symbol, status="not_asked")) for symbol in symbols]
        rows = [(each.symbol, each.status, each.rows, each.new_rows, each.anew, each.reason) for each in found]
        return pl.DataFrame(rows, schema=OUTCOMES, orient="row")

    def _note(self, outcome: Outcome) -> None:
        self._outcomes[outcome.symbol] = outcome
        self._failures = self._failures + 1 if outcome.status == "failed" else 0
        if self._failures >= REFUSED_AFTER:
            name, reason = self._source.name, outcome.reason
            kept = "what is fetched is kept; run the same command again to go on"
            self.stopped = f"{name} refuses: {self._failures} symbols in a row failed, at last with {reason}; {kept}"

    def _fetch(self, plan: _Plan) -> Outcome:
        symbol = plan.wanted.symbol
        try:
            fetched, anew = self._ask(plan)
        except SourceError as error:
            return Outcome(symbol=symbol, status="failed", reason=first_line(error))
        frame = fetched.frame
        if frame.height and not (plan.goes_on and not anew and _holds(plan, frame)):
            self._depot.take(symbol, frame, plan.since)
            count = plan.count_new(frame)
            return Outcome(symbol=symbol, status="fetched", rows=frame.height, new_rows=count, anew=anew)
        self._depot.pass_over(symbol)
        if frame.height:
            return Outcome(symbol=symbol, status="unchanged")
        return Outcome(symbol=symbol, status="no_data", reason=fetched.reason)

    def _ask(self, plan: _Plan) -> tuple[Fetched, bool]:
        """Ask where the symbol goes on, and if its prices were adjusted meanwhile, for all of its history."""
        fetched = self._call(plan.wanted)
        held, frame = plan.held, fetched.frame
        if plan.goes_on and held and frame.height and held.is_adjusted_anew(frame, plan.wanted.until):
            return self._call(replace(plan.wanted, since=plan.since)), True
        return fetched, False

    def _call(self, wanted: Wanted) -> Fetched:
        return self._patience.call(lambda: self._source.bars(wanted))


def _holds(plan: _Plan, frame: pl.DataFrame) -> bool:
    return plan.held is not None and plan.held.says_nothing_new(frame, plan.newest)


def _ingest(frame: pl.DataFrame, into: Path, *, timeframe: str, symbols: pl.DataFrame | None) -> object:
    """Hand a batch to the store."""
    return market.ingest(frame, into, timeframe=timeframe, symbols=symbols)
