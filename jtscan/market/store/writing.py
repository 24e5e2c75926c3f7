"""Writing a version: one writer at a time, new files beside the old ones, and one rename that makes them the version.

lock       one writer; the next waits, or fails clearly
add        a new immutable file, complete on the disk before anybody can know it
drop       leave a file out of the next version; one of an older version stays until it is swept
commit     the manifest under its number, then, by one rename, as the one that counts
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from filelock import FileLock, Timeout
from polars.exceptions import PolarsError

from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import Counts, Version
from jtscan.errors import StoreError
from jtscan.market.duck import refuse_names, shown
from jtscan.market.store.catalogs import keep_catalogs
from jtscan.market.store.manifest import NAME, OLD, Kind, Manifest, StoredFile, sha256_of
from jtscan.market.store.reading import current, is_store

LOCK = ".lock"
WORK = "tmp"
WAIT_SECONDS = 60.0
_ROW_GROUP = 1 << 17
_PAGE = 1 << 18  # bytes; what a reader of some symbols can skip, at a hundredth of the size
_KEPT_VERSIONS = 500
_NO_ROOM = 1 << 16
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota of this name
FOLDERS: Mapping[Kind, str] = {
    "bars": "prices", "halts": "halts", "quarantine": "quarantine", "repairs": "repairs", "symbols": "symbols",
    "members": "members", "catalog": "catalog",
}  # fmt: skip


@contextmanager
def writing(root: Path, *, wait: float = WAIT_SECONDS) -> Iterator[Draft]:
    """Be the one writer of a store; what was not committed leaves nothing behind.

    Raises
    ------
    StoreError
        Another writer is at work and does not end in time, the folder holds
        prices that no ingest wrote, or the disk is full.
    """
    with _on_full_disk(root):
        if root.is_file():
            raise StoreError(f"{shown(root)}: it is a file; the folder of the store comes second: ingest(source, into)")
        for reason in refuse_names([root.absolute()]).values():
            raise StoreError(f"{shown(root)}: {reason}")
        root.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(root)
        lock = FileLock(root / LOCK)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise StoreError(
                f"{shown(root)}: another ingest is writing there (waited {wait:g} seconds); try again when it is done"
            ) from None
        try:
            shutil.rmtree(root / WORK, ignore_errors=True)  # of writers that were killed: the lock is ours
            draft = Draft(root, current(root))
            draft.work.mkdir(parents=True)
            try:
                with _on_full_disk(root, draft):
                    yield draft
            finally:
                draft.clean()
        finally:
            lock.release()


def _refuse_foreign(root: Path) -> None:
    """Raw price files in the place of a store's would be hidden by its manifest."""
    raw = [] if is_store(root) else [*root.glob("*.parquet"), *(root / "prices").rglob("*.parquet")]
    if raw:
        raise StoreError(
            f"{shown(root)}: there are prices in it that no ingest wrote ({shown(raw[0].relative_to(root))}); choose "
            f"another folder, and give this one as the source: jtscan ingest {shown(root)} --into DIR"
        )


@contextmanager
def _on_full_disk(root: Path, draft: Draft | None = None) -> Iterator[None]:
    """Say that a disk is full, whichever library met it, or that the folder cannot be written."""
    try:
        yield
    except (OSError, PolarsError, duckdb.Error) as error:
        free = shutil.disk_usage(root).free if root.exists() else 0
        if not _is_full(error, free):
            if isinstance(error, OSError) and error.filename and Path(error.filename).is_relative_to(root):
                raise StoreError(f"{shown(Path(error.filename))}: it cannot be written: {error.strerror}") from error
            raise
        state = "nothing has changed, the version before is whole. Make room and run the same again"
        if draft is not None and draft.committed:
            state = f"version {draft.number} is written and counts, only the tidying after it is not done. Make room"
        raise StoreError(f"{shown(root)}: the disk is full ({free:,} bytes left); {state}") from error


def _is_full(error: Exception, free: int) -> bool:
    """Whether that is what an error says; Polars may say "transport error" and lose what the system said."""
    if isinstance(error, OSError):
        return error.errno in FULL or "os error 28" in str(error)
    return free < _NO_ROOM or "No space left" in str(error) or "os error 28" in str(error)


class Draft:
    """The next version while it is being made."""

    def __init__(self, root: Path, base: Manifest) -> None:
        self.root = root
        self.base = base
        self.number = base.number + 1
        self.work = root / WORK / secrets.token_hex(4)
        self.files = list(base.files)
        self._token = self.work.name
        self._made: list[Path] = []
        self.committed = False

    def of(self, kind: Kind, timeframe: Timeframe | None = None) -> list[StoredFile]:
        """The files of one kind, as the next version will have them."""
        return [file for file in self.files if file.kind == kind and file.timeframe == timeframe]

    def add(
        self, kind: Kind, timeframe: Timeframe | None, frame: pl.DataFrame, *, metadata: Mapping[str, str] | None = None
    ) -> StoredFile:
        """Write a frame as a new file; one without rows too, so that its columns are known."""
        folder = self.root / FOLDERS[kind] / (timeframe or "")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"v{self.number:06}-{self._token}-{len(self._made):04}.parquet"
        self._made.append(path)
        unfinished = self.work / path.name
        about = None if metadata is None else dict(metadata)
        frame.write_parquet(
            unfinished,
            compression="zstd",
            row_group_size=_ROW_GROUP,
            data_page_size=_PAGE,
            statistics=True,
            metadata=about,
        )
        _to_disk(unfinished)
        first, last = _ends(frame, "timestamp")
        lowest, highest = _ends(frame, "symbol")
        stored = StoredFile(
            path=path.relative_to(self.root).as_posix(),
            kind=kind,
            timeframe=timeframe,
            rows=frame.height,
            size=unfinished.stat().st_size,
            sha256=sha256_of(unfinished),
            columns={name: str(kind) for name, kind in frame.schema.items()},
            first=first,
            last=last,
            lowest=lowest,
            highest=highest,
        )
        self._claim()
        unfinished.replace(path)
        self.files.append(stored)
        return stored

    def drop(self, file: StoredFile) -> None:
        """Leave a file out of the next version; one that was made for it is of no version, and goes at once."""
        self.files.remove(file)
        if self.path(file) in self._made:
            self.path(file).unlink()

    def path(self, file: StoredFile) -> Path:
        """Where a file is."""
        return self.root / file.path

    def commit(
        self, action: Literal["ingest", "compact"], *, timeframe: Timeframe | None, sources: str, counts: Counts
    ) -> Manifest:
        """Make it the version that counts."""
        keep_catalogs(self)
        for folder in {path.parent for path in self._made}:
            _to_disk(folder)
        version = Version(
            number=self.number,
            created=_now(),
            action=action,
            timeframe=timeframe,
            sources=sources,
            counts=counts,
        )
        totals = dict(self.base.totals)
        if timeframe is not None:
            totals[timeframe] = totals.get(timeframe, Counts()) + counts
        manifest = replace(
            self.base,
            versions=(*self.base.versions, version)[-_KEPT_VERSIONS:],
            files=tuple(self.files),
            totals=totals,
        )
        self._publish(manifest)
        return manifest

    def _claim(self) -> None:
        """Make a new folder a store, though an empty one: what a killed writer leaves is not to be read as raw."""
        if not (self.root / NAME).exists():
            self._put(self.base, self.root / NAME)

    def restore(self, old: Manifest) -> Manifest:
        """Make an older version count again, as the next one."""
        version = Version(number=self.number, created=_now(), action="restore", sources=f"version {old.number}")
        versions = (*self.base.versions, version)[-_KEPT_VERSIONS:]
        manifest = Manifest(versions=versions, files=old.files, totals=old.totals)
        self._publish(manifest)
        return manifest

    def _publish(self, manifest: Manifest) -> None:
        under_its_number = self.root / OLD / f"{manifest.number:06}.json"
        under_its_number.parent.mkdir(exist_ok=True)
        self._made.append(under_its_number)
        for place in (under_its_number, self.root / NAME):
            self._put(manifest, place)

    def _put(self, manifest: Manifest, place: Path) -> None:
        unfinished = self.work / NAME
        unfinished.write_bytes(manifest.to_bytes())
        _to_disk(unfinished)
        self.committed = place.name == NAME and manifest is not self.base  # from here on readers may know the files
        try:
            unfinished.replace(place)
        except OSError:
            self.committed = False
            raise
        _to_disk(place.parent)

    def clean(self) -> None:
        """Remove what the work needed, and, without a commit, the files that nobody will know."""
        for path in [] if self.committed else self._made:
            with suppress(OSError):
                path.unlink()
        shutil.rmtree(self.work, ignore_errors=True)


def _now() -> str:
    """The time, in UTC: where the clock is put forward, a grace time stays what it is."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _ends(frame: pl.DataFrame, name: str) -> tuple[str | None, str | None]:
    """The least and the greatest value of a column, as text; moments in ISO form, which orders as they do."""
    if name not in frame.columns or frame[name].null_count() == frame.height:
        return None, None
    first, last = (end if isinstance(end, str) else end.isoformat() for end in (frame[name].min(), frame[name].max()))  # type: ignore[union-attr]
    return first, last


def _to_disk(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk; Windows cannot be asked for folders."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
