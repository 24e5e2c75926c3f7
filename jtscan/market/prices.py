"""Prices from Parquet files: the needed columns, the range and each symbol's warm-up."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError, RequestError
from jtscan.market.duck import shown
from jtscan.market.files import find_files, version_of
from jtscan.market.snapshot import PriceSnapshot
from jtscan.market.store.aside import Aside
from jtscan.market.store.reading import is_store
from jtscan.market.store.store import Store

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
    version
        The version of the store below the data folder; the newest, if not given.
    verify
        Compare each file of the store with its SHA-256 sum before it is first
        read: a flipped bit is seldom noticed otherwise.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        prices: str | Path | Sequence[str | Path] | None = None,
        timeframe: Timeframe = Timeframe.D1,
        columns: Mapping[str, str] | None = None,
        version: int | None = None,
        verify: bool = False,
    ) -> None:
        self._data = None if data is None else Path(data).expanduser()
        self._prices = prices
        self._timeframe = timeframe
        self._columns = dict(columns or {})
        self._store = None if self._data is None or not is_store(self._data) else Store(self._data, version=version)
        if self._store is None and (version is not None or verify):
            raise RequestError(
                "version" if version is not None else "verify", "only a store that ingest wrote has this"
            )
        self._verify = verify
        self._snapshots: dict[Timeframe, PriceSnapshot] = {}
        self._lock = threading.Lock()

    def timeframes(self) -> list[Timeframe]:
        """Return the timeframes there are, shortest first."""
        if self._data is None:
            return [self._timeframe]
        if (store := self.store) is not None:
            return store.manifest.timeframes
        return [each for each in Timeframe if (self._data / "prices" / each).is_dir()]

    @property
    def store(self) -> Store | None:
        """The store below the data folder; None where no ingest has written. It may come into being later."""
        if self._store is None and self._data is not None and is_store(self._data):
            self._store = Store(self._data)
        return self._store

    def snapshot(self, timeframe: Timeframe) -> PriceSnapshot:
        """Take a snapshot; the one before, if no file has changed since."""
        if (store := self.store) is not None:
            return self._of_store(store, timeframe)
        paths = self._paths(timeframe)
        version = version_of(paths)
        with self._lock:
            known = self._snapshots.get(timeframe)
            if known is None or known.version != version:
                known = self._snapshots[timeframe] = PriceSnapshot(paths, version, timeframe, self._columns)
            return known

    def _of_store(self, store: Store, timeframe: Timeframe) -> PriceSnapshot:
        """Take one version of the store: its files stay as they are, whatever is ingested meanwhile."""
        manifest = store.manifest
        with self._lock:
            known = self._snapshots.get(timeframe)
            if known is not None and known.version == manifest.name:
                return known
        files = manifest.of("bars", timeframe)
        if not files:
            raise DataNotFoundError(
                f"there are no {timeframe} bars in {shown(store.root)} (timeframes there: "
                f"{', '.join(manifest.timeframes) or 'none'}); {HOW_TO_GET_DATA}"
            )
        apart = [manifest.of(kind, timeframe) for kind in ("halts", "quarantine")]
        store.check_files([file for group in (files, *apart) for file in group], whole=self._verify)
        paths, *others = ([store.root / file.path for file in group] for group in (files, *apart))
        snapshot = PriceSnapshot(paths, manifest.name, timeframe, {}, aside=Aside(*others))
        with self._lock:
            self._snapshots[timeframe] = snapshot
        return snapshot

    def _paths(self, timeframe: Timeframe) -> list[Path]:
        if self._data is None:
            if timeframe != self._timeframe:
                raise DataNotFoundError(f"these prices are {self._timeframe} bars; there are none of {timeframe}")
            return find_files(self._prices or ())
        if not self._data.is_dir():
            raise DataNotFoundError(f"there is no folder {shown(self._data)}; {HOW_TO_GET_DATA}")
        try:
            return find_files(self._data / "prices" / timeframe)
        except DataNotFoundError:
            there = ", ".join(self.timeframes()) or "none"
            raise DataNotFoundError(
                f"there are no {timeframe} bars in {shown(self._data)} (timeframes there: {there}); {HOW_TO_GET_DATA}"
            ) from None
