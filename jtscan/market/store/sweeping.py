"""Sweeping: old versions, and files that no version knows, are removed after a grace time.

A reader holds the files of the version it began with, so that nothing goes
while it may still be read. Whoever sweeps is the one writer.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jtscan.errors import StoreError
from jtscan.market.store.manifest import OLD, Manifest
from jtscan.market.store.reading import kept, read_manifest
from jtscan.market.store.writing import FOLDERS

KEEP = 10
GRACE = dt.timedelta(hours=1)
_OURS = re.compile(r"v\d{6,}-[0-9a-f]{8}-\d{4,}\.parquet")


def sweep(root: Path, newest: Manifest, *, keep: int = KEEP, grace: dt.timedelta = GRACE) -> list[Path]:
    """Remove what is neither of the newest ``keep`` versions nor younger than the grace time; return what went."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    there = kept(root)
    old = {number for number in there if number <= newest.number - keep and _ended(newest, number, now) > grace}
    going = [root / OLD / f"{number:06}.json" for number in sorted(old)]
    try:
        staying = [read_manifest(root / OLD / f"{number:06}.json") for number in there if number not in old]
    except StoreError:
        return []  # which files a damaged manifest needs is not known; ``verify`` tells that it is damaged
    known = {root / file.path for manifest in (newest, *staying) for file in manifest.files}
    beyond = [path for path in (root / OLD).glob("*.json") if path.stem.isdecimal() and int(path.stem) > newest.number]
    left_over = [*beyond, *(path for path in _files(root) if path not in known)]
    going += [path for path in left_over if _age(path, now) > grace]
    for path in going:
        with suppress(FileNotFoundError):
            path.unlink()
    return going


def _ended(newest: Manifest, number: int, now: dt.datetime) -> dt.timedelta:
    """How long ago a version was followed by the next one."""
    after = next((version.created for version in newest.versions if version.number == number + 1), None)
    return dt.timedelta.max if after is None else now - dt.datetime.fromisoformat(after)


def _files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS.values():
        yield from (path for path in (root / folder).rglob("*.parquet") if _OURS.fullmatch(path.name))


def _age(path: Path, now: dt.datetime) -> dt.timedelta:
    try:
        return now - dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None)
    except FileNotFoundError:
        return dt.timedelta(0)
