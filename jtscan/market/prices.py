"""Prices from Parquet files: the needed columns, the range and each symbol's warm-up."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError
from jtscan.market.duck import shown
from jtscan.market.files import find_files, version_of
from jtscan.market.resampled import ResampledSnapshot, made_from, made_of
from jtscan.market.snapshot import PriceSnapshot

Snapshot = PriceSnapshot | ResampledSnapshot

HOW_TO_GET_DATA = (
    "a data folder holds prices/<timeframe>/*.parquet and, if there is one, symbols.parquet. "
    "Any Parquet files of prices can be scanned with Scanner(prices='path/*.parquet') or --prices. "
    "To try with invented prices: python -m jtscan.market.synthetic data --sample"
)


class DuckDBPriceRepository:
    """Prices below a data folder, or in any Parquet files.

    Parameters
    ----------
    data
        A folder with ``prices/<timeframe>/**/*.parquet``.
    prices
        Instead: a Parquet file, a folder, a glob, or a list of those.
    timeframe
        The timeframe of ``prices``.
    columns
        Our column names to those of the files: ``{"timestamp": "date"}``.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        prices: str | Path | Sequence[str | Path] | None = None,
        timeframe: Timeframe = Timeframe.D1,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self._data = None if data is None else Path(data).expanduser()
        self._prices = prices
        self._timeframe = timeframe
        self._columns = dict(columns or {})
        self._snapshots: dict[Timeframe, PriceSnapshot] = {}
        self._made: dict[Timeframe, ResampledSnapshot] = {}
        self._lock = threading.Lock()

    def timeframes(self) -> list[Timeframe]:
        """Return the timeframes that are stored, shortest first."""
        if self._data is None:
            return [self._timeframe]
        return [each for each in Timeframe if (self._data / "prices" / each).is_dir()]

    def resampled_timeframes(self) -> list[Timeframe]:
        """Return the timeframes that are made at read, from stored ones that are shorter; shortest first."""
        return made_from(self.timeframes())

    def snapshot(self, timeframe: Timeframe) -> Snapshot:
        """Take a snapshot; the one before, if no file has changed since.

        Bars that are not stored are made at read, of the longest stored ones
        that are shorter.

        Raises
        ------
        DataNotFoundError
            There are no such bars, nor any that they can be made of.
        """
        errors = []
        for each in (timeframe, *made_of(timeframe, self.timeframes())):
            try:
                stored = self._stored(each)
            except DataNotFoundError as error:
                errors.append(error)
            else:
                return stored if each is timeframe else self._resampled(stored, timeframe)
        raise errors[-1]

    def _stored(self, timeframe: Timeframe) -> PriceSnapshot:
        paths = self._paths(timeframe)
        version = version_of(paths)
        with self._lock:
            known = self._snapshots.get(timeframe)
            if known is None or known.version != version:
                known = self._snapshots[timeframe] = PriceSnapshot(paths, version, timeframe, self._columns)
            return known

    def _resampled(self, base: PriceSnapshot, timeframe: Timeframe) -> ResampledSnapshot:
        with self._lock:
            known = self._made.get(timeframe)
            if known is None or known.base is not base:
                known = self._made[timeframe] = ResampledSnapshot(base, timeframe)
            return known

    def _paths(self, timeframe: Timeframe) -> list[Path]:
        if self._data is None:
            if timeframe != self._timeframe:
                made = ", ".join(made_from([self._timeframe]))
                longer = f" (only longer ones are made of them: {made})" if made else ""
                raise DataNotFoundError(
                    f"these prices are {self._timeframe} bars; there are none of {timeframe}{longer}"
                )
            return find_files(self._prices or ())
        if not self._data.is_dir():
            raise DataNotFoundError(f"there is no folder {shown(self._data)}; {HOW_TO_GET_DATA}")
        try:
            return find_files(self._data / "prices" / timeframe)
        except DataNotFoundError:
            stored = self.timeframes()
            there = ", ".join(stored) or "none"
            made = ", ".join(made_from([each for each in stored if each is not timeframe]))
            longer = f"; made of them: {made}" if made else ""
            raise DataNotFoundError(
                f"there are no {timeframe} bars in {shown(self._data)} (timeframes there: {there}{longer}); "
                f"{HOW_TO_GET_DATA}"
            ) from None
