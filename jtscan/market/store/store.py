"""A store as a user holds it: its versions, what is in it, and whether it is whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from jtscan.domain.stores import FILE_COUNTS, Counts, QualityReport, VerifyReport
from jtscan.domain.words import counted
from jtscan.errors import StoreError
from jtscan.market.duck import shown
from jtscan.market.store.layout import compact
from jtscan.market.store.manifest import NAME, OLD, Manifest, StoredFile, damaged, refuse_damage
from jtscan.market.store.quality import markets_of, quality_of
from jtscan.market.store.reading import at_version, current, is_store, kept, read_manifest
from jtscan.market.store.sweeping import GRACE, KEEP, sweep
from jtscan.market.store.writing import WAIT_SECONDS, writing


class Store:
    """A folder that ``ingest`` writes: immutable files and a manifest that says which of them count.

    Parameters
    ----------
    root
        The folder.
    version
        The number of an older version; the newest at each moment, if not given.

    Raises
    ------
    StoreError
        No ingest has written there, or there is no such version.
    """

    def __init__(self, root: str | Path, *, version: int | None = None) -> None:
        self.root = Path(root).expanduser()
        if not is_store(self.root):
            raise StoreError(
                f"{shown(self.root)}: no ingest has written there; jtscan ingest SOURCE --into DIR makes a store"
            )
        self._known: tuple[tuple[int, int, int], Manifest] | None = None
        self._pinned = None if version is None else at_version(self.root, version)

    @property
    def manifest(self) -> Manifest:
        """The version that counts now, or the one that was asked for."""
        if self._pinned is not None:
            return self._pinned
        state = self._state()
        if state is None or self._known is None or self._known[0] != state:
            manifest = current(self.root)
            if state is None:
                return manifest
            self._known = (state, manifest)
        return self._known[1]

    def _state(self) -> tuple[int, int, int] | None:
        """What is another for any other manifest; asked before it is read, so that it is never newer than it."""
        try:
            state = (self.root / NAME).stat()
        except OSError:
            return None
        return state.st_ino, state.st_size, state.st_mtime_ns

    @property
    def version(self) -> str:
        """What a scan records of this version."""
        return self.manifest.name

    def history(self) -> pl.DataFrame:
        """List the versions, newest first: when and why made, from what, counts, and whether it can be opened."""
        there = set(kept(self.root))
        rows = [
            (
                each.number, dt.datetime.fromisoformat(each.created), each.action, each.timeframe, each.sources,
                *(getattr(each.counts, name) for name in _HISTORY), each.number in there,
            )
            for each in reversed(self.manifest.versions)
        ]  # fmt: skip
        schema: dict[str, pl.DataType | type[pl.DataType]] = {
            "version": pl.Int64,
            "created": pl.Datetime("us"),
            "action": pl.String,
            "timeframe": pl.String,
            "sources": pl.String,
            **dict.fromkeys(_HISTORY, pl.Int64),
            "can_be_opened": pl.Boolean,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def verify(self) -> VerifyReport:
        """Compare every file of every version that can be opened with its SHA-256 sum."""
        files = {file.path: file for file in self.manifest.files}
        problems: dict[str, str] = {}
        for number in kept(self.root):
            try:
                manifest = read_manifest(self.root / OLD / f"{number:06}.json")
            except StoreError as error:
                problems[f"version {number}"] = str(error)
                continue
            files |= {file.path: file for file in manifest.files}
        problems |= damaged(self.root, files.values())
        newest = {file.path for file in self.manifest.files}
        return VerifyReport(
            store=self.root,
            version=self.version,
            files=len(files),
            size=sum(file.size for file in files.values()),
            problems=pl.DataFrame(
                [(path, path in newest, problem) for path, problem in problems.items()],
                schema={"file": pl.String, "in_newest": pl.Boolean, "problem": pl.String},
                orient="row",
            ),
        )

    def quality(self) -> QualityReport:
        """Read everything, and tell what is there, what was set aside, and what looks wrong."""
        manifest = self.manifest
        refuse_damage(self.root, manifest.files, content=False)
        table = self.table("symbols")
        markets = {} if table is None else markets_of(pl.read_parquet(table))
        return quality_of(self.root, manifest, markets)

    def table(self, kind: Literal["symbols", "members"], *, verify: bool = False) -> Path | None:
        """Where this version keeps its symbols or members, whichever ``kind``; None if it has none.

        ``verify`` compares the file with its SHA-256 sum.
        """
        files = self.manifest.of(kind)
        refuse_damage(self.root, files, content=verify)
        return self.root / files[0].path if files else None

    def compact(self, *, wait: float = WAIT_SECONDS) -> str:
        """Lay all bars out anew, as after one ingest of everything; return the version.

        ``wait`` is how many seconds to wait for another writer.
        """
        with writing(self.root, wait=wait) as draft:
            changed = [compact(draft, timeframe, whole=True) for timeframe in draft.base.timeframes]
            if not any(changed):
                return draft.base.name
            return draft.commit("compact", timeframe=None, sources="", counts=Counts()).name

    def restore(self, version: int, *, wait: float = WAIT_SECONDS) -> str:
        """Make an older version count again, as a new one, so that nothing of the history is lost; return its name.

        Parameters
        ----------
        version
            The number of the older one, as in ``history()``.
        wait
            How many seconds to wait for another writer.

        Raises
        ------
        StoreError
            There is no such version, or one of its files is damaged.
        """
        with writing(self.root, wait=wait) as draft:
            old = at_version(self.root, version)
            refuse_damage(self.root, old.files, content=True)
            return draft.restore(old).name

    def sweep(self, *, keep: int = KEEP, grace: dt.timedelta = GRACE, wait: float = WAIT_SECONDS) -> Sequence[Path]:
        """Remove versions beyond the newest ``keep``, and leftovers, that are older than the grace time.

        Parameters
        ----------
        keep
            How many versions stay.
        grace
            How long files stay that somebody may still read.
        wait
            How many seconds to wait for another writer.

        Returns
        -------
        sequence of Path
            The files that were removed.
        """
        with writing(self.root, wait=wait) as draft:
            return sweep(self.root, draft.base, keep=keep, grace=grace)

    def __repr__(self) -> str:
        return f"Store({shown(self.root)!r}, {self.version})"

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - drawn there, when it is looked at

        manifest = self.manifest
        newest = manifest.versions[-1:]
        rows = [
            *((str(timeframe), _shelf(manifest.of("bars", timeframe))) for timeframe in manifest.timeframes),
            *((f"made by {each.action}", each.created.replace("T", " ")[:16]) for each in newest),
            ("versions", f"{len(kept(self.root)):,} can be opened: .history()"),
        ]
        return render.card_html(f"Store, version {self.version}", rows, note=shown(self.root))


def _shelf(files: Sequence[StoredFile]) -> str:
    """Say how many bars of a timeframe there are, and from when to when; the manifest knows."""
    firsts, lasts = (
        [end for end in ends if end] for ends in zip(*((each.first, each.last) for each in files), strict=True)
    )
    span = f", {min(firsts)} to {max(lasts)}" if firsts and lasts else ""
    return f"{sum(each.rows for each in files):,} bars in {counted(len(files), 'file')}{span}"


_HISTORY = (*FILE_COUNTS, "corrected", "repaired")
