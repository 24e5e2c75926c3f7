"""What is in a store, and whether that is all there is."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import polars as pl

from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store.manifest import NAME, OLD
from jtscan.market.store.reading import current, is_store
from jtscan.market.store.store import Store
from jtscan.market.store.writing import LOCK, WORK

NOW = dt.timedelta(0)
PRICES = ["open", "high", "low", "close", "volume"]
NOTHING = "nothing"


@dataclass(frozen=True)
class Content:
    """The number of a version, and the checksum of every row that it holds."""

    number: int
    sums: str


def content(root):
    """Read a version as a scan does, and what is kept beside the bars; ``NOTHING`` where there are no bars."""
    number = current(root).number
    repository = DuckDBPriceRepository(root, verify=is_store(root))
    try:
        snapshot = repository.snapshot(Timeframe.D1)
    except DataNotFoundError:
        return Content(number, NOTHING)
    if is_store(root):
        assert snapshot.version == current(root).name
    parts = [snapshot.read(snapshot.symbols, PRICES, ReadWindow()).frame.select("symbol", "timestamp", *PRICES)]
    for kind in ("halts", "quarantine", "repairs"):
        frames = [pl.read_parquet(root / file.path) for file in current(root).of(kind, Timeframe.D1)]
        if frames:
            parts.append(pl.concat(frames, how="diagonal"))
    return Content(number, " ".join(map(checksum, parts)))


def checksum(frame):
    rows = frame.select(sorted(set(frame.columns) - {"source"})).sort("symbol", "timestamp", nulls_last=True)
    return hashlib.sha256(rows.write_csv().encode()).hexdigest()[:12]


def left_over(root):
    """The files that belong to no version."""
    store = Store(root)
    known = {file.path for file in store.manifest.files} | {LOCK, NAME}
    numbers = [number for number, there in store.history().select("version", "can_be_opened").iter_rows() if there]
    for number in numbers:
        known |= {f"{OLD}/{number:06}.json", *(file.path for file in Store(root, version=number).manifest.files)}
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return sorted(there - known)


def faults_of(root):
    """What is wrong with a store that should be whole and be the old or the new version."""
    if not is_store(root):
        return [f"{path} beside no manifest" for path in root.rglob("*.parquet") if WORK not in path.parts]
    report = Store(root).verify()
    return [] if report.whole else [str(report)]
