"""The manifest: which files make up one version of a store, and what must be true of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import Counts, Version
from jtscan.errors import StoreError

FORMAT = 1
NAME = "manifest.json"
OLD = "manifests"
_BLOCK = 1 << 20

Kind = Literal["bars", "halts", "quarantine", "repairs", "symbols", "members", "catalog"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One immutable file: where it is below the store, and what must be true of it.

    ``timeframe`` is None for the table of symbols and the memberships;
    ``first`` and ``last`` are ISO texts, ``lowest`` and ``highest`` symbols;
    None without rows.
    """

    path: str
    kind: Kind
    timeframe: Timeframe | None
    rows: int
    size: int
    sha256: str
    columns: Mapping[str, str]
    first: str | None = None
    last: str | None = None
    lowest: str | None = None
    highest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One version of a store, whole.

    ``totals`` sums up by timeframe what all ingests counted; ``versions``
    are the newest ones, this one last.
    """

    versions: tuple[Version, ...] = ()
    files: tuple[StoredFile, ...] = ()
    totals: Mapping[Timeframe, Counts] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The number of the version; 0 is an empty store."""
        return self.versions[-1].number if self.versions else 0

    @cached_property
    def name(self) -> str:
        """What a scan records: the number, and the start of the checksum."""
        return f"v{self.number}-{_checksum(self._body)[:8]}"

    @property
    def timeframes(self) -> list[Timeframe]:
        """The timeframes that have bars, shortest first."""
        there = {file.timeframe for file in self.files if file.kind == "bars"}
        return [each for each in Timeframe if each in there]

    def of(self, kind: Kind, timeframe: Timeframe | None = None) -> list[StoredFile]:
        """The files of one kind."""
        return [file for file in self.files if file.kind == kind and file.timeframe == timeframe]

    @cached_property
    def _body(self) -> str:
        body = {
            "format": FORMAT,
            "versions": [{**_fields(each), "counts": _fields(each.counts)} for each in self.versions],
            "totals": {str(name): _fields(counts) for name, counts in self.totals.items()},
            "files": [_fields(each) for each in self.files],
        }
        return json.dumps(body, ensure_ascii=False, indent=1)

    def to_bytes(self) -> bytes:
        """Write it down as JSON, with a checksum of the rest at its head."""
        return f"{_HEAD}{_checksum(self._body)}{_NECK}{self._body[1:]}".encode()

    @classmethod
    def from_bytes(cls, raw: bytes, where: str) -> Manifest:
        """Read what ``to_bytes`` wrote; every byte of it must be as it was.

        Raises
        ------
        StoreError
            It is damaged, or of a later jtscan.
        """
        start = len(_HEAD) + _DIGITS
        body = b"{" + raw[start + len(_NECK) :]
        written = raw[:start].decode("ascii", "replace"), raw[start : start + len(_NECK)]
        if written != (_HEAD + hashlib.sha256(body).hexdigest(), _NECK.encode()):
            raise StoreError(f"{where}: the manifest is damaged: its checksum does not fit{_CURE}")
        read = json.loads(body)
        if read["format"] != FORMAT:
            raise StoreError(f"{where}: written by another version of jtscan (format {read['format']!r}, not {FORMAT})")
        return cls(
            versions=tuple(_version(each) for each in read["versions"]),
            files=tuple(_file(each) for each in read["files"]),
            totals={Timeframe(name): Counts(**counts) for name, counts in read["totals"].items()},
        )


def _fields(value: StoredFile | Version | Counts) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


_HEAD = '{\n "checksum": "'
_DIGITS = 64
_NECK = '",'
_CURE = f"; an older version is kept in {OLD}/ and can be opened by its number, or ingest again into a new folder"


def _version(read: Mapping[str, Any]) -> Version:
    return Version(**{**read, "timeframe": _timeframe(read), "counts": Counts(**read["counts"])})


def _file(read: Mapping[str, Any]) -> StoredFile:
    return StoredFile(**{**read, "timeframe": _timeframe(read)})


def _timeframe(read: Mapping[str, Any]) -> Timeframe | None:
    return None if read["timeframe"] is None else Timeframe(read["timeframe"])


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Sum up a file."""
    sums = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sums.update(block)
    return sums.hexdigest()


def refuse_damage(root: Path, files: Iterable[StoredFile], *, content: bool) -> None:
    """Refuse files that are not what the manifest says; ``content``: sum them up, not only their size.

    Raises
    ------
    StoreError
        Names the first file, and what can be done.
    """
    wrong = damaged(root, files, content=content)
    if wrong:
        path, problem = next(iter(wrong.items()))
        more = f" (and {len(wrong) - 1:,} more files)" if len(wrong) > 1 else ""
        raise StoreError(
            f"{root / path}: {problem}{more}. The store is damaged: jtscan verify {root} lists all that is; go back "
            "to an older version (jtscan restore), ingest again into a new folder, or copy the file back"
        )


def damaged(root: Path, files: Iterable[StoredFile], *, content: bool = True) -> dict[str, str]:
    """Name the files that are not what the manifest says, and why; ``content``: sum them up, not only their size."""
    found = {}
    for file in files:
        path = root / file.path
        try:
            size = path.stat().st_size
            if size != file.size:
                found[file.path] = f"it has {size:,} bytes, not {file.size:,}"
            elif content and sha256_of(path) != file.sha256:
                found[file.path] = "its content has changed: the SHA-256 sum is another"
        except FileNotFoundError:
            found[file.path] = "it is missing"
        except OSError as error:
            found[file.path] = f"it cannot be read: {error.strerror}"
    return found
