"""Scanner: the one place that puts the parts together."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from jtscan import render
from jtscan.aggregate import SignalAggregator
from jtscan.code import scan_code
from jtscan.domain.checks import CheckReport
from jtscan.domain.control import CancellationToken, ProgressCallback, ScanObserver
from jtscan.domain.dates import DateRange, Timeframe, parse_moment
from jtscan.domain.formulas import Formula, FormulaLike, as_formula
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Warmup
from jtscan.domain.opened import Opened
from jtscan.domain.scans import BatchScanRequest, BatchScanResult
from jtscan.domain.symbols import Names, SymbolCriteria, Where, as_criteria
from jtscan.engines.places.where import Sequential, Workplace
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import DataError, RequestError, StoreError, first_line
from jtscan.formula import (
    Explanation,
    FormulaDescription,
    FunctionTable,
    OwnFunction,
    describe,
    explain,
    function_table,
    registered,
)
from jtscan.handing import Handed, Put
from jtscan.market import Store
from jtscan.market.addresses import Place, place_of
from jtscan.market.listing import read_watchlist
from jtscan.market.prices import DuckDBPriceRepository, Snapshot
from jtscan.market.symbols import DuckDBSymbolRepository
from jtscan.progress import scan_bar
from jtscan.scan import BatchScanUseCase
from jtscan.turns import PROCESS, most_at_once
from jtscan.universe import InRange, in_range
from jtscan.waiting import apart, asking, blocking, check_token, run

if TYPE_CHECKING:
    from jtscan.notebook.form import ScanForm

logger = logging.getLogger("jtscan")

_REPLAYED = 5
_UNLISTED = "all that have prices, indices too: there is no table of symbols"


def _listed_by_hand(symbols: Sequence[str] | None, watchlist: str | Path | None) -> Sequence[str] | None:
    """Take the explicit list, or read it from a file."""
    if watchlist is None:
        return symbols
    if symbols is not None:
        raise RequestError("watchlist", "give either symbols= or watchlist=, not both")
    return read_watchlist(watchlist)


def _tell_if_nothing_was_asked(result: BatchScanResult) -> None:
    """Log why no symbol was asked: those who go on with the matches never see the result's own warnings."""
    if result.outcomes.is_empty() and not result.cancelled:
        for warning in result.warnings:
            logger.warning("%s", warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A scan that is asked for, and who listens to it."""

    request: BatchScanRequest
    progress: bool | None
    callback: ProgressCallback | None
    observer: ScanObserver | None
    token: CancellationToken | None


def _priced(prices: DuckDBPriceRepository) -> Sequence[str]:
    """Every symbol that has bars of any timeframe: whichever is scanned, none is missing silently."""
    return sorted({symbol for each in prices.timeframes() for symbol in prices.snapshot(each).symbols})


class Scanner:
    """Scans the symbols of a data folder, or of any Parquet files of prices.

    Parameters
    ----------
    data
        A folder with ``prices/<timeframe>/**/*.parquet`` and, if there are
        any, ``symbols.parquet`` and ``members.parquet``. Addresses of fsspec
        will do here and below: ``s3://bucket/data``.
    prices
        Instead: a Parquet file, a folder, a glob, or a list of those.
    symbols
        A Parquet file with the table of symbols (symbol, name, market,
        sector, listed, delisted, and any other columns); without one the
        universe is the symbols in the prices, indices among them: nothing
        tells them apart.
    members
        A Parquet file of who belonged to which index when (index, symbol,
        start, end); ``end`` is the first day without it, null is open.
    timeframe
        The timeframe of ``prices``; the default of scans. A longer one that is
        not stored is made of a shorter one when it is read.
    columns
        Our column names to those of the files: ``{"timestamp": "date"}``.
    functions
        Functions of your own, made with ``jt.function``.
    version
        An older version of the store, by its number (``scanner.store.history()``).
    verify
        Compare the store's files with their SHA-256 sums before they are read.
    max_concurrent_scans
        How many scans of this process, whichever scanners and forms they come
        from, may be at work when one of this scanner begins: 1 for one at a
        time, by default one for each core. Others wait in line, first come,
        first served, and say so; long scans let those who wait in between.
    engine
        Where symbols are processed: ``jt.engines.threads(2)``,
        ``processes(4)`` or ``dask(client)``, or the same as text,
        "processes:4"; in one thread if not given. The results are the same,
        to the bit. Its workers are kept for the next scan, until ``close()``.
    raise_internal
        Raise what is a fault of jtscan's own, instead of failing the symbol.

    Raises
    ------
    DataNotFoundError
        There are no price files at all.

    Examples
    --------
    >>> scanner = Scanner("data")
    >>> result = scanner.scan("cross_above(sma(close, 5), sma(close, 20))", symbols=["005930"], last=250)
    >>> result.signals.matches.columns
    ['symbol', 'name', 'timestamp', 'signal_type', 'close']
    """

    def __init__(  # noqa: PLR0913 - what a user can say of the data
        self,
        data: str | Path | None = None,
        *,
        prices: str | Path | Sequence[str | Path] | None = None,
        symbols: str | Path | None = None,
        members: str | Path | None = None,
        timeframe: str = "1d",
        columns: Mapping[str, str] | None = None,
        functions: Sequence[OwnFunction] = (),
        version: int | None = None,
        verify: bool = False,
        max_concurrent_scans: int | None = None,
        engine: Workplace | str | None = None,
        raise_internal: bool = False,
    ) -> None:
        for name, given in (("data", data), ("symbols", symbols), ("members", members)):
            if given is not None and not isinstance(given, str | Path):
                raise RequestError(name, f"{type(given).__name__} is not a path")
        if (data is None) == (prices is None):
            raise RequestError("data", "give a data folder, or prices= with Parquet files")
        self._timeframe = Timeframe.parse(timeframe)
        self._prices = DuckDBPriceRepository(
            data, prices=prices, timeframe=self._timeframe, columns=columns, version=version, verify=verify
        )
        if data is None or not self._prices.timeframes():
            self._prices.snapshot(self._timeframe)  # raises: there is nothing
        self._symbols = DuckDBSymbolRepository(
            symbols or self._beside(data, "symbols", verify=verify),
            members=members or self._beside(data, "members", verify=verify),
            priced=partial(_priced, self._prices),  # not self: a result would keep the scanner, and its workers
        )
        self._functions = registered(functions or ())
        self._engine = ProcessingEngine(
            self._prices, functions=self._functions, where=engine, raise_internal=raise_internal
        )
        turn = partial(PROCESS.turn, most=most_at_once(max_concurrent_scans))
        self._use_case = BatchScanUseCase(self._engine, self._symbols, SignalAggregator(), turn=turn)
        self._last_result: BatchScanResult | None = None
        self.opened = Opened(
            data=data,
            prices=prices,
            symbols=symbols,
            members=members,
            timeframe=timeframe,
            columns=columns or {},
            functions=tuple(each.name for each in functions or ()),
            max_concurrent_scans=max_concurrent_scans,
            version=version,
            verify=verify,
            engine=None if self._engine.where == Sequential() else repr(self._engine.where),
            raise_internal=raise_internal,
        )

    def close(self) -> None:
        """Let the workers of the engine go; a later scan starts new ones."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(  # noqa: PLR0913 - what a user can say of a scan
        self,
        formula: FormulaLike,
        *,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        where: Where | None = None,
        symbols: Sequence[str] | None = None,
        watchlist: str | Path | None = None,
        exclude: Sequence[str] = (),
        timeframe: str | None = None,
        start: str | date | None = None,
        end: str | date | None = None,
        last: int | None = None,
        parameters: Mapping[str, float] | None = None,
        lookback: int | None = None,
        sort_by: str = "timestamp",
        top: int | None = None,
        first: bool = False,
        warmup: Warmup = "auto",
        universe: SymbolCriteria | Mapping[str, Any] | None = None,
        strict_universe: bool = False,
        allow_lookahead: bool = False,
        timeout: float | None = None,
        symbol_timeout: float | None = None,
        checkpoint: str | Path | None = None,
        progress: bool | None = None,
        progress_callback: ProgressCallback | None = None,
        observer: ScanObserver | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> _Asked:
        """Make the request, and name those who listen: what ``scan``, ``scan_async`` and ``stream`` are given.

        Parameters
        ----------
        formula
            Text in the formula language, a Polars expression, or a dict of
            those by signal; expressions need ``lookback=``.
        market, sector
            Filters of the table of symbols: a name, or a list of which any will do.
        index
            An index, or a list: a symbol matches on the days on which it was a
            member, and only members of a day are compared on it.
        where
            Filters of other columns of the table: ``{"kind": ["stock", "etf"],
            "managed": False}``; None is unknown.
        symbols
            An explicit list; wins over market, sector, index and where.
        watchlist
            The same from a file: one symbol a line, or with commas between
            them, a list of TradingView, a CSV file with a column of symbols.
        exclude
            Symbols to leave out, last of all.
        timeframe
            "1d", "5m", …; the scanner's own if not given.
        start, end
            Both included: ISO text, a date or a datetime. A date as the end
            of an intraday range is that whole day.
        last
            Instead: the newest so many bars; 1 is the daily routine. Without
            any range it is 250.
        parameters
            Values of the formula's parameters.
        lookback
            How many earlier bars the Polars expressions look at, all together.
        sort_by, top
            Order of the matches (numbers largest first, ``"-x"`` turns it
            round), and how many to keep.
        first
            Only the first bar of each run of matches.
        warmup
            "full" reads all history before the range.
        universe
            The symbols that ``rank`` and its kin compare, if not those of the
            scan: ``{"market": "KOSPI"}``, ``{"index": "KOSPI200"}``, or a SymbolCriteria.
        strict_universe
            Refuse to compare when a symbol of the universe failed.
        allow_lookahead
            Polars expressions and your own functions are replayed on a few
            symbols first, and refused if they look ahead; True leaves that out.
        timeout
            Seconds that the scan may take, also while it waits for others.
            The result has what was done until then, and says so; the symbols
            that are left are ``cancelled``.
        symbol_timeout
            Seconds that one symbol may take, then it is ``failed``. That is
            hard only where a worker can be killed: with
            ``jt.engines.processes``. Elsewhere a symbol runs to its end, and a
            warning says so.
        checkpoint
            A file that keeps each chunk of symbols once it is finished. The
            same scan, begun again with the same file after a crash, a
            timeout or a cancellation, goes on where it was, and its result
            is the one that it would have had; symbols that failed are tried
            again. "The same" is the same formula, parameters, symbols, range,
            timeframe, warm-up, functions of your own, data, and versions of
            jtscan, Python and the libraries; another scan is refused, and the
            difference named. The file stays: when all is done, the same scan
            is read from it. Delete it to begin anew.
        progress
            True shows a bar, False none. None shows one after a second, in a
            notebook or a terminal, if nobody else listens. There is never a
            second bar: beside another, the scan is quiet.
        progress_callback
            Called with (completed, total) after each symbol, in the scan's thread.
        observer
            Hears of phases, of each symbol's result, and of warnings: a ``ScanObserver``.
        cancellation_token
            Its ``cancel()`` stops the scan after the symbol at work; the
            result has what is done until then.

        Raises
        ------
        FormulaError
            The formula cannot be understood.
        RequestError
            Another argument cannot be used.
        DataError
            There are no usable prices at all.
        """
        request = BatchScanRequest(
            symbol_criteria=SymbolCriteria(
                symbols=_listed_by_hand(symbols, watchlist),
                market=market,
                sector=sector,
                index=index,
                where=where or (),
                exclude=exclude,
            ),
            timeframe=Timeframe.parse(timeframe or self._timeframe),
            date_range=DateRange(start=parse_moment("start", start), end=parse_moment("end", end), last=last),
            formula=as_formula(formula, lookback=lookback),
            parameters=parameters or {},
            sort_by=sort_by,
            top=top,
            first=first,
            warmup=warmup,
            universe=as_criteria("universe", universe),
            strict_universe=strict_universe,
            allow_lookahead=allow_lookahead,
            timeout=timeout,
            symbol_timeout=symbol_timeout,
            checkpoint=checkpoint,
        )
        return _Asked(
            request=request,
            progress=progress,
            callback=progress_callback,
            observer=observer,
            token=None if cancellation_token is None else check_token(cancellation_token),
        )

    async def _scan_async(self, ask: Callable[[], _Asked]) -> BatchScanResult:
        """Scan without blocking the loop.

        Returns
        -------
        BatchScanResult
            Also when symbols failed or the scan was cancelled: its account tells.

        Examples
        --------
        >>> scanner = Scanner("data")
        >>> result = scanner.scan("close > highest(high, 20)[1]", market="KOSPI", last=5)
        >>> result.signals.matches.columns
        ['symbol', 'name', 'timestamp', 'signal_type', 'close']
        """
        asked = ask()
        async with scan_bar(asked.progress, asked.callback, asked.observer) as (callback, hearing):
            result = await self.execute(
                asked.request, progress_callback=callback, observer=hearing, cancellation_token=asked.token
            )
        _tell_if_nothing_was_asked(result)
        return result

    async def _stream(self, ask: Callable[[], _Asked]) -> AsyncIterator[ProcessingResult]:
        """Scan, and give each symbol's result as soon as it is there: ``async for result in scanner.stream(…)``.

        Nothing is kept of what was given, so memory stays the same however
        many symbols there are. The scan waits for those who are slow to
        take, and stops when they stop: after a ``break``, and when the task
        is cancelled. Cancelled or out of time it ends early, and the
        observer hears why. ``sort_by`` and ``top`` say nothing here.

        Returns
        -------
        async iterator of ProcessingResult
            One per symbol, in the order of the scan.

        Examples
        --------
        >>> import asyncio
        >>> async def first_match(scanner):
        ...     async for result in scanner.stream("close > sma(close, 20)", last=1):
        ...         if result.matches.height:
        ...             return result.status
        >>> print(asyncio.run(first_match(Scanner("data"))))
        matched
        """
        asked = ask()
        token = CancellationToken(parent=asked.token)
        async with Handed(token, partial(self._hand_on, asked, token)) as results:
            async for result in results:
                yield result

    async def _hand_on(self, asked: _Asked, token: CancellationToken, put: Put[ProcessingResult]) -> None:
        async with scan_bar(asked.progress, asked.callback, asked.observer) as (callback, hearing):
            await self._use_case.hand_on(
                asked.request, put, progress_callback=callback, cancellation_token=token, observer=hearing
            )

    scan_async = asking(_ask, _scan_async)
    stream = asking(_ask, _stream)
    scan = blocking(scan_async, "Scan, and wait for the result; Ctrl-C gives what is done until then.")

    @property
    def last_result(self) -> BatchScanResult | None:
        """The result of the newest scan that has ended, whole or cancelled; None before.

        It is also there when the call that asked for it was interrupted, and
        for a scan of the form.
        """
        return self._last_result

    async def execute(self, request: BatchScanRequest, **listeners: Any) -> BatchScanResult:
        """Run a request that is made already, such as ``result.request``.

        Parameters
        ----------
        request
            What is asked.
        listeners
            ``progress_callback=``, ``observer=``, ``cancellation_token=``, as in ``scan``.
        """
        token = CancellationToken(parent=listeners.pop("cancellation_token", None))
        return await apart(self._kept(request, token, listeners), token)

    async def _kept(
        self, request: BatchScanRequest, token: CancellationToken, listeners: Mapping[str, Any]
    ) -> BatchScanResult:
        """Keep the result where it is found also when nobody waits for it any more."""
        result = await self._use_case.execute(request, cancellation_token=token, **listeners)
        self._last_result = result
        return result

    def code(self, request: BatchScanRequest, *, data_version: str | None = None) -> str:
        """Write the Python that opens this scanner and repeats a scan: ``print(scanner.code(result.request))``.

        Parameters
        ----------
        request
            What a scan was asked.
        data_version
            The data that it read, named in a remark.
        """
        return scan_code(request, self.opened, data_version=data_version)

    def symbols(
        self,
        *,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        where: Where | None = None,
        watchlist: str | Path | None = None,
    ) -> pl.DataFrame:
        """Return the rows of a universe in the table of symbols, with all its columns, one row per symbol.

        The universe is what a scan would be asked with, whatever its range:
        of an index all that ever were members.

        Parameters
        ----------
        market, sector, index, where
            As in ``scan``.
        watchlist
            Instead: the symbols in this file.
        """
        if watchlist is None:
            found = run(self._symbols.find_by_criteria(market=market, sector=sector, index=index, where=where))
        else:
            found = list(read_watchlist(watchlist))
        table = self._symbols.table()
        return pl.DataFrame({"symbol": found}, schema={"symbol": pl.String}).join(
            table, on="symbol", how="left", maintain_order="left"
        )

    def in_range(self, criteria: SymbolCriteria, *, date_range: DateRange, timeframe: str | None = None) -> InRange:
        """Tell which symbols a scan of a range would ask, and which it takes out as not listed, or no members, in it.

        Parameters
        ----------
        criteria, date_range
            As in a ``BatchScanRequest``.
        timeframe
            The scanner's own if not given.

        Raises
        ------
        RequestError, DataError
        """
        chosen = Timeframe.parse(timeframe or self._timeframe)
        return run(in_range(criteria, date_range, chosen, self._symbols, self._engine))

    def markets(self) -> list[str]:
        """Return the markets there are."""
        return run(self._symbols.markets())

    def sectors(self) -> list[str]:
        """Return the sectors there are."""
        return run(self._symbols.sectors())

    def indices(self) -> list[str]:
        """Return the indices whose members are known."""
        return run(self._symbols.indices())

    def timeframes(self, *, resampled: bool = False) -> list[str]:
        """Return the timeframes that are stored, shortest first; also those made of them at read, if asked."""
        made = self._prices.resampled_timeframes() if resampled else []
        both = {*self._prices.timeframes(), *made}
        return [str(each) for each in Timeframe if each in both]

    def span(self, *, last: int | None = None, timeframe: str | None = None) -> tuple[date, date] | None:
        """Return the first and the newest bar that any symbol has; None without bars.

        Parameters
        ----------
        last
            Only of the newest so many bars.
        timeframe
            The scanner's own if not given. Dates come back, or datetimes for minutes.
        """
        snapshot = self._snapshot(timeframe)
        newest = snapshot.newest(snapshot.symbols, 1)
        first = snapshot.first() if last is None else snapshot.newest(snapshot.symbols, last)
        return None if newest is None or first is None else (first, newest)

    def columns(self, *, timeframe: str | None = None) -> dict[str, str]:
        """Return the columns of the price files beyond symbol and timestamp, and what they are."""
        return dict(self._snapshot(timeframe).columns)

    def describe(
        self,
        formula: FormulaLike,
        *,
        parameters: Mapping[str, float] | None = None,
        timeframe: str | None = None,
        lookback: int | None = None,
    ) -> FormulaDescription:
        """Tell what a formula gives and needs, checked against the columns of the data.

        Parameters
        ----------
        formula
            As in ``scan``.
        parameters
            Values of the formula's parameters.
        timeframe
            "1d", "5m", …; the scanner's own if not given.
        lookback
            How many earlier bars the Polars expressions look at.

        Raises
        ------
        FormulaError, RequestError, DataError
        """
        return describe(
            formula,
            columns=self._snapshot(timeframe).columns,
            parameters=parameters,
            lookback=lookback,
            timeframe=Timeframe.parse(timeframe or self._timeframe),
            functions=self._functions,
        )

    def explain(
        self,
        formula: FormulaLike,
        *,
        parameters: Mapping[str, float] | None = None,
        timeframe: str | None = None,
    ) -> Explanation:
        """Show how a formula is evaluated, what it reads, and what each part asks of the warm-up.

        Parameters
        ----------
        formula
            Text in the formula language.
        parameters
            Values of the formula's parameters.
        timeframe
            "1d", "5m", …; the scanner's own if not given.

        Raises
        ------
        FormulaError, RequestError, DataError
        """
        return explain(
            formula,
            columns=self._snapshot(timeframe).columns,
            parameters=parameters,
            timeframe=timeframe or self._timeframe,
            functions=self._functions,
        )

    def check(
        self,
        formula: FormulaLike,
        *,
        symbols: Sequence[str] | None = None,
        parameters: Mapping[str, float] | None = None,
        timeframe: str | None = None,
        lookback: int | None = None,
        bars: int = 250,
    ) -> CheckReport:
        """Prove that a formula does not look ahead: replay bars as if each were the newest.

        The last ``bars`` bars of a few symbols are replayed, and every bar
        that fired (seconds on daily bars, long on many minutes); the report
        names the first bar of each symbol whose answer changes.

        Parameters
        ----------
        formula
            As in ``scan``.
        symbols
            The symbols to replay; five of those with the longest history, if not given.
        parameters
            Values of the formula's parameters.
        timeframe
            "1d", "5m", …; the scanner's own if not given.
        lookback
            How many earlier bars the Polars expressions look at.
        bars
            How many of the newest bars are replayed.

        Raises
        ------
        FormulaError, RequestError, DataError
        """
        if not isinstance(bars, int) or isinstance(bars, bool) or bars < 1:
            raise RequestError("bars", f"{bars!r} is not a number of bars")
        chosen = Timeframe.parse(timeframe or self._timeframe)
        asked = SymbolCriteria(symbols=symbols).symbols or self._snapshot(timeframe).longest(_REPLAYED)
        job = ProcessingJob(
            id="check",
            symbols=asked,
            timeframe=chosen,
            date_range=DateRange(start=date.min),
            formula=as_formula(formula, lookback=lookback),
            parameters=parameters or {},
            labels=run(self._symbols.describe(asked)),
        )
        return self._engine.check(job, last=bars)

    def functions(self, search: str | None = None) -> FunctionTable:
        """Return the functions that formulas can use, this scanner's own among them.

        ``search`` keeps those with the text in their name, meaning or group;
        Korean words such as 이동평균 find the common ones too.
        """
        return function_table(self._functions, search=search)

    def form(  # noqa: PLR0913 - what a form can begin with
        self,
        state: Mapping[str, Any] | str | Path | None = None,
        *,
        formula: str | Formula | None = None,
        market: Names | None = None,
        sector: Names | None = None,
        index: Names | None = None,
        symbols: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        timeframe: str | None = None,
        start: str | date | None = None,
        end: str | date | None = None,
        last: int | str | None = None,
        parameters: Mapping[str, float] | None = None,
        sort_by: str | None = None,
        top: int | None = None,
        first: bool | None = None,
        warmup: Warmup | None = None,
    ) -> ScanForm:
        """Make the scan form, for a notebook.

        Parameters
        ----------
        state
            What an earlier form's ``state`` was, or the file that it was saved
            to; what cannot be used of it is told in the form.
        formula
            What stands in the editor: text, or a formula of ``jt.library``.
        market, sector, index, symbols, exclude, timeframe, start, end, parameters, sort_by, top, first, warmup
            As in a scan: what the controls begin with.
        last
            So many bars, "1 month", "3 months", "1 year", "3 years" or "all".

        Raises
        ------
        RequestError
            A control cannot begin with what was given.
        MissingExtraError
            The extra ``notebook`` is not installed.
        """
        # The first look at much data takes as long as to import and make the widgets.
        threading.Thread(target=self._look, name="jtscan-look", daemon=True).start()
        from jtscan.notebook.form import ScanForm  # noqa: PLC0415 - needs the extra "notebook"

        form = ScanForm(self)
        if state is not None:
            form.restore(state)
        form.begin_with(
            formula=formula,
            market=market,
            sector=sector,
            index=index,
            symbols=symbols,
            exclude=exclude or None,
            timeframe=timeframe,
            start=start,
            end=end,
            last=last,
            parameters=parameters,
            sort_by=sort_by,
            top=top,
            first=first,
            warmup=warmup,
        )
        return form

    @property
    def store(self) -> Store:
        """The store of the data folder: its history, quality and versions.

        Raises
        ------
        StoreError
            The prices are files that no ingest has written.
        """
        if self._prices.store is None:
            raise StoreError("these prices are not in a store: jtscan ingest SOURCE --into DIR makes one")
        return self._prices.store

    def _beside(
        self, data: str | Path | None, kind: Literal["symbols", "members"], *, verify: bool
    ) -> Callable[[], Place | None]:
        """Make the function that finds the table of the store's version, or the file of that name in a data folder."""
        path = None if data is None else place_of(data) / f"{kind}.parquet"
        there = path if path is not None and path.is_file() else None
        prices = self._prices

        def find() -> Place | None:
            store = prices.store
            return (None if store is None else store.table(kind, verify=verify)) or there

        return find

    def _snapshot(self, timeframe: str | None = None) -> Snapshot:
        return self._prices.snapshot(Timeframe.parse(timeframe or self._timeframe))

    def _look(self) -> None:
        """Look at the prices ahead of those who need it, who are told what is wrong with them."""
        with suppress(DataError):
            _priced(self._prices)

    def __repr__(self) -> str:
        return f"Scanner({', '.join(self.timeframes()) or 'no prices'})"

    def _repr_html_(self) -> str:
        stored = self.timeframes()
        made = [each for each in self.timeframes(resampled=True) if each not in stored]
        rows = [
            ("timeframes", ", ".join(stored) or "none"),
            *([("made of them", ", ".join(made))] if made else []),
            *self._seen(),
        ]
        return render.card_html("Scanner", rows, note=self._prices.where)

    def _seen(self) -> list[tuple[str, str]]:
        """What the symbols and the catalog of prices tell; the catalog is made once, and scans need it too."""
        try:
            snapshot = self._snapshot()
            table = self._symbols.table()
        except DataError as error:
            return [("problem", first_line(error))]
        newest = snapshot.newest(snapshot.symbols, 1)
        markets = table.drop_nulls("market").group_by("market").len("symbols").sort("market")
        counted = ", ".join(f"{name} {count:,}" for name, count in markets.iter_rows())
        return [
            ("symbols", f"{table.height:,}" if table.height else f"{len(_priced(self._prices)):,}, {_UNLISTED}"),
            *([("markets", counted)] if counted else []),
            (f"newest {self._timeframe} bar", "none" if newest is None else str(newest)),
            ("version", snapshot.version),
            *(("note", note) for note in snapshot.notes),
        ]
