"""Prices from Parquet files: the needed columns, the range and each symbol's warm-up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from jtscan.domain.dates import Timeframe
from jtscan.domain.words import first_few
from jtscan.errors import DataError, DataNotFoundError, RequestError, StoreError
from jtscan.market.addresses import Address, Place, place_of
from jtscan.market.catalog import make_catalog
from jtscan.market.duck import shown, sought
from jtscan.market.files import find_files, states_of, version_of
from jtscan.market.recent import RecentSnapshots
from jtscan.market.resampled import ResampledSnapshot, made_from, made_of
from jtscan.market.snapshot import PriceSnapshot
from jtscan.market.store.aside import Aside
from jtscan.market.store.catalogs import stored_catalog
from jtscan.market.store.manifest import NAME, Kind, refuse_damage
from jtscan.market.store.reading import is_store
from jtscan.market.store.store import Store

Snapshot = PriceSnapshot | ResampledSnapshot

_RECENT = RecentSnapshots()  # of the process: a scanner that is made anew need not look at the same files again
_READ: tuple[Kind, ...] = ("bars", "halts", "quarantine")
HOW_TO_GET_DATA = (
    "jtscan ingest SOURCE --into DIR makes a store of CSV and Parquet files; otherwise a data folder holds "
    "prices/<timeframe>/*.parquet and, if there is one, symbols.parquet. "
    "Any Parquet files of prices can be scanned with Scanner(prices='path/*.parquet') or --prices. "
    "To try with invented prices: python -m jtscan.market.synthetic data --sample"
)


class DuckDBPriceRepository:
    """Prices below a data folder, or in any Parquet files.

    Parameters
    ----------
    data
        A folder with ``prices/<timeframe>/**/*.parquet``; as a path, or an
        address of fsspec (``s3://bucket/data``), which must not be a store.
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
        self._data = None if data is None else place_of(data)
        _refuse_store(self._data)
        self._prices = prices
        self._timeframe = timeframe
        self._columns = dict(columns or {})
        root = self._root
        self._store = None if root is None or not is_store(root) else Store(root, version=version)
        if self._store is None and (version is not None or verify):
            field = "version" if version is not None else "verify"
            raise RequestError(field, "only a store, as jtscan ingest writes it, can do this")
        self._verify = verify
        self._snapshots: dict[Timeframe, PriceSnapshot] = {}
        self._made: dict[Timeframe, ResampledSnapshot] = {}
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """The folder or the files, for people."""
        given = self._prices if self._data is None else self._data
        paths = [given] if isinstance(given, str | Path | Address) else list(given or ())
        return first_few([shown(place_of(path)) for path in paths])

    def timeframes(self) -> list[Timeframe]:
        """Return the timeframes that are stored, shortest first."""
        if self._data is None:
            return [self._timeframe]
        if (store := self.store) is not None:
            return store.manifest.timeframes
        prices = self._data / "prices"
        if isinstance(prices, Address):  # one question rather than one for each
            there = {folder.name for folder in prices.folders()}
            return [each for each in Timeframe if each in there]
        return [each for each in Timeframe if (prices / each).is_dir()]

    @property
    def store(self) -> Store | None:
        """The store below the data folder; None where no ingest has written. It may come into being later."""
        root = self._root
        if self._store is None and root is not None and is_store(root):
            self._store = Store(root)
        return self._store

    @property
    def _root(self) -> Path | None:
        """Where a store may be."""
        return self._data if isinstance(self._data, Path) else None

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
        return self._of_files(timeframe) if self.store is None else self._of_store(self.store, timeframe)

    def _of_files(self, timeframe: Timeframe) -> PriceSnapshot:
        states = states_of(self._paths(timeframe))
        version = version_of(states, self._columns)

        def make() -> PriceSnapshot:
            look = partial(make_catalog, paths=list(states), timeframe=timeframe, renamed=self._columns)
            return PriceSnapshot(states, version, timeframe, look, elsewhere=self._with_bars_of)

        def recent() -> PriceSnapshot:
            # The path as it was given too: a relative one leads elsewhere once the folder of work is another.
            files = tuple((path, path.absolute(), state) for path, state in states.items())
            return _RECENT.get((self._data, files, timeframe, tuple(sorted(self._columns.items()))), make)

        return self._known(timeframe, version, recent)

    def _of_store(self, store: Store, timeframe: Timeframe) -> PriceSnapshot:
        """Take one version of the store: its files stay as they are, whatever is ingested meanwhile."""
        manifest = store.manifest
        files, *apart = (manifest.of(kind, timeframe) for kind in _READ)
        if not files:
            raise self._none_of(timeframe)

        def make() -> PriceSnapshot:
            refuse_damage(store.root, [*files, *chain(*apart)], content=self._verify)
            paths, *others = ([store.root / file.path for file in group] for group in (files, *apart))
            look = partial(stored_catalog, root=store.root, manifest=manifest, timeframe=timeframe)
            return PriceSnapshot(
                dict.fromkeys(paths),
                manifest.name,
                timeframe,
                look,
                aside=Aside(*others),
                elsewhere=self._with_bars_of,
            )

        return self._known(timeframe, manifest.name, make)

    def _with_bars_of(self, symbols: Sequence[str]) -> dict[str, list[Timeframe]]:
        """List the stored timeframes that have each symbol; those that cannot be read have none."""
        found: dict[str, list[Timeframe]] = {symbol: [] for symbol in symbols}
        for each in self.timeframes():
            with suppress(DataError):
                for symbol in found.keys() & self._stored(each).symbols:
                    found[symbol].append(each)
        return found

    def _known(self, timeframe: Timeframe, version: str, make: Callable[[], PriceSnapshot]) -> PriceSnapshot:
        """Return the snapshot of a version; a new one is made once."""
        with self._lock:
            known = self._snapshots.get(timeframe)
            if known is None or known.version != version:
                known = self._snapshots[timeframe] = make()
            return known

    def _resampled(self, base: PriceSnapshot, timeframe: Timeframe) -> ResampledSnapshot:
        with self._lock:
            known = self._made.get(timeframe)
            if known is None or known.base is not base:
                known = self._made[timeframe] = ResampledSnapshot(base, timeframe)
            return known

    def _paths(self, timeframe: Timeframe) -> list[Place]:
        if self._data is None:
            if timeframe != self._timeframe:
                made = ", ".join(made_from([self._timeframe]))
                longer = f" (only longer ones are made of them: {made})" if made else ""
                raise DataNotFoundError(
                    f"these prices are {self._timeframe} bars; there are none of {timeframe}{longer}"
                )
            return find_files(self._prices or ())
        if not self._data.is_dir():
            raise DataNotFoundError(f"there is no folder {sought(self._data)}; {HOW_TO_GET_DATA}")
        try:
            return find_files(self._data / "prices" / timeframe)
        except DataNotFoundError:
            raise self._none_of(timeframe) from None

    def _none_of(self, timeframe: Timeframe) -> DataNotFoundError:
        """Say that there are no such bars, and which there are."""
        stored = self.timeframes()
        there = ", ".join(stored) or "none"
        made = ", ".join(made_from([each for each in stored if each is not timeframe]))
        longer = f"; made of them: {made}" if made else ""
        where = shown(self._data) if self._data else "these files"
        cure = "" if any(each is not timeframe for each in stored) else f"; {HOW_TO_GET_DATA}"
        return DataNotFoundError(f"there are no {timeframe} bars in {where} (timeframes there: {there}{longer}){cure}")


def _refuse_store(data: Place | None) -> None:
    """Refuse a store at an address: it is read as a folder of this machine."""
    if isinstance(data, Address) and (data / NAME).is_file():
        raise StoreError(
            f"{data}: it is a store, which is read from a folder; copy it to one, or mount it, "
            "or keep Parquet files there that are scanned as they are"
        )
