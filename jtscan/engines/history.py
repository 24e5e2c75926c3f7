"""One symbol as a formula saw it, by the path of the scan.

The scan's range is evaluated as the scan did, from the same first bar, so that
its values are the same to the last bit; what is shown before and after it is
evaluated as ranges of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.control import CancellationToken
from jtscan.domain.history import HistoryRequest, SymbolHistory
from jtscan.engines.crew import Inline
from jtscan.engines.passes import Passes
from jtscan.engines.work import Work
from jtscan.errors import DataError, RequestError
from jtscan.formula import SeriesPlan
from jtscan.formula.fields import PRICES

_MATCHES = {"timestamp": pl.Date, "signal_type": pl.String}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looking:
    """One look at a symbol: the work of the scan with the plan of its series, and what is asked for."""

    work: Work
    plan: SeriesPlan
    asked: HistoryRequest
    chunk_bars: int

    def run(self) -> SymbolHistory:
        """Evaluate the formula on what is to be seen of the symbol.

        Raises
        ------
        RequestError
            There is no such symbol, or no bar of it.
        DataError
            The symbol's data cannot be used, the formula fails on it, or the
            files are not those of the scan any more.
        """
        if self.work.snapshot.changed:
            raise DataError("the price files have changed since the scan, so it cannot be seen any more: scan again")
        symbol = self.asked.symbol
        start, end = self._shown()
        seen = [self._evaluated(window) for window in self._windows(start, end)]
        bars = pl.concat(seen).filter(_between(start, end))
        if bars.is_empty():
            raise RequestError("symbol", f"{symbol!r}: {self._why_absent(start, end)}")
        name, market = self._labels()
        return SymbolHistory(
            symbol=symbol,
            name=name,
            market=market,
            timeframe=self.work.job.timeframe,
            bars=bars,
            series=self.plan.series,
            matches=pl.DataFrame(schema={**_MATCHES, "timestamp": bars.schema["timestamp"]}),
            halts=self._halts(bars, start, end),
            start=self.work.window.start,
            left_out=self.plan.left_out,
        )

    def _shown(self) -> tuple[dt.date | None, dt.date | None]:
        """Which bars are to be seen: the range asked for, or the scan's with enough bars up to its end."""
        begins, ends = self.work.window.start, self.work.window.end
        start, end = self.asked.bounds(self.work.job.timeframe)
        if end is None and (start is None or ends is None or start <= ends):
            end = ends
        if begins is None or start is not None or self.asked.bars is None:
            return start, end
        begin = begins if end is None else min(begins, end)
        window = ReadWindow(start=begin, end=end, warmup=self.asked.bars)
        times = self.work.snapshot.read([self.asked.symbol], [], window).frame["timestamp"]
        enough = times.tail(self.asked.bars)
        return (min(begin, enough[0]) if enough.len() else begin), end

    def _windows(self, start: dt.date | None, end: dt.date | None) -> Iterator[ReadWindow]:
        """The scan's range as it was, and what is seen before and after it."""
        scanned = self.work.window
        if scanned.start is not None and (start is None or start < scanned.start):
            before = scanned.start - self._least
            yield replace(scanned, start=start, end=before if end is None else min(before, end))
        inside = scanned.start is None or end is None or end >= scanned.start
        if inside and (scanned.end is None or start is None or start <= scanned.end):
            yield scanned
        if scanned.end is not None and (end is None or end > scanned.end):
            after = scanned.end + self._least
            yield replace(scanned, start=after if start is None else max(after, start), end=end)

    @property
    def _least(self) -> dt.timedelta:
        """The least that two timestamps can be apart."""
        return dt.timedelta(microseconds=1) if self.work.job.timeframe.intraday else dt.timedelta(days=1)

    def _evaluated(self, window: ReadWindow) -> pl.DataFrame:
        """Evaluate a range: what crosses symbols over all of them, the last pass of the symbol alone."""
        work = self._last_pass(window)
        symbol = self.asked.symbol
        columns = [pl.col(self.plan.plan.columns[each.column]).alias(each.column) for each in self.plan.series]
        frames = []
        for part in work.evaluated([symbol], work.read([symbol])):
            failures = {**part.bars.problems, **part.chunk.failures, **work.failed}
            if symbol in failures:
                raise DataError(f"{symbol}: {failures[symbol]}")
            inside = part.chunk.frame.filter(_between(window.start, window.end))
            absent = [pl.lit(None).alias(name) for name in PRICES if name not in inside.columns]
            numbers = (each.cast(pl.Float64) for each in (*(pl.col(name) for name in PRICES), *columns))
            frames.append(inside.with_columns(absent).select("timestamp", *numbers))
        return pl.concat(frames)

    def _last_pass(self, window: ReadWindow) -> Work:
        """Gather what crosses symbols in a range; the last pass reads the prices beside what it needs."""
        token = CancellationToken()
        work = Passes(work=replace(self.work, window=window), crew=Inline(self.chunk_bars), token=token).run()
        if token.is_cancelled:
            raise KeyboardInterrupt  # Polars raised it while symbols were compared
        numbers = [name for name in PRICES if work.snapshot.columns.get(name) == "number"]
        return replace(work, this=replace(work.this, reads=tuple(dict.fromkeys([*work.this.reads, *numbers]))))

    def _halts(self, bars: pl.DataFrame, start: dt.date | None, end: dt.date | None) -> pl.DataFrame:
        """The days without trade in what is seen; where there is a bar after all there was trade."""
        found = self.work.snapshot.halts(self.asked.symbol, ReadWindow(start=start, end=end))
        days = pl.DataFrame({"timestamp": found.cast(bars.schema["timestamp"]).unique().sort()})
        return days.join(bars, on="timestamp", how="anti", maintain_order="left")

    def _why_absent(self, start: dt.date | None, end: dt.date | None) -> str:
        symbol = self.asked.symbol
        absent = self.work.snapshot.read([symbol], [], ReadWindow(start=start, end=end)).absent
        return absent.get(symbol, "no bars in the range")

    def _labels(self) -> tuple[str | None, str | None]:
        """The symbol's name and market, where they are known."""
        labels = self.work.job.labels
        rows = (
            []
            if labels is None
            else labels.filter(pl.col("symbol") == self.asked.symbol).select("name", "market").rows()
        )
        return rows[0] if rows else (None, None)


def _between(start: dt.date | None, end: dt.date | None) -> pl.Expr:
    inside = pl.lit(value=True)
    if start is not None:
        inside &= pl.col("timestamp") >= start
    if end is not None:
        inside &= pl.col("timestamp") <= end
    return inside
