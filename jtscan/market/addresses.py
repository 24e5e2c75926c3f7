"""Addresses of files on other machines, as fsspec reads them: ``s3://bucket/prices/2024.parquet``.

place_of         what a user gave → a path, or an address
Address          answers what is asked of a path
filesystem_of    what reads a protocol; credentials and servers are those of its process's environment

An address is a text, so that it travels to other processes; credentials never
do. Listings that fsspec keeps are not believed: files are looked at anew.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jtscan.errors import DataError, MissingExtraError, first_line

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(://|::)")
_HERE = frozenset({"file", "local"})
_OF_THE_EXTRA = frozenset({"s3", "s3a"})
MISSING = "missing"
_MARKS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""What filesystems say of a file's content or its time of change, the surest first."""
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A file or folder on another machine, written as its filesystem and DuckDB write it.

    Its methods are those of a path, and raise DataError where the filesystem
    does not answer.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self.text}/{name}")

    @property
    def protocol(self) -> str:
        """What stands before ``://``."""
        return self.text.partition("://")[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands between the slashes."""
        return tuple(self.text.split("/"))

    @property
    def parent(self) -> Address:
        """The folder that it is in."""
        return Address(self.text.rpartition("/")[0])

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return Path(self.name).stem

    def absolute(self) -> Address:
        """Itself."""
        return self

    def as_uri(self) -> str:
        """Return its text."""
        return self.text

    def resolve(self) -> Address:
        """Itself: what a link leads to is the filesystem's own affair."""
        return self

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def is_absolute(self) -> bool:
        """Always."""
        return True

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return _info(self) is not None

    def is_file(self) -> bool:
        """Whether there is a file."""
        return (_info(self) or {}).get("type") == "file"

    def is_dir(self) -> bool:
        """Whether there is a folder; on many filesystems these are only beginnings of names."""
        return (_info(self) or {}).get("type") == "directory"

    def folders(self) -> list[Address]:
        """List the folders in it."""
        return [place for place, about in _listed(self).items() if about["type"] == "directory"]

    def size(self) -> int:
        """Return its bytes; FileNotFoundError where it is missing."""
        found = _info(self)
        if found is None:
            raise FileNotFoundError(self.text)
        return int(found["size"])


Place = Path | Address
"""Where a file or a folder is."""
AnyPlace = TypeVar("AnyPlace", Path, Address, Place)


def place_of(given: str | Place) -> Place:
    """Make an address of a text with a protocol, otherwise a path; those of this machine (``file://``) are paths.

    Raises
    ------
    DataError
        There is no such protocol, or the address leads through another one.
    MissingExtraError
        The packages that read it are not installed.
    """
    if isinstance(given, Address):
        return given
    if isinstance(given, Path) or (found := _ADDRESS.match(given)) is None:
        return Path(given).expanduser()
    protocol = found[1].lower()
    if "::" in given:
        raise DataError(f"{given}: an address that leads through another ('::') cannot be read; name the files' own")
    text = f"{protocol}{given[len(protocol) :]}"
    filesystem = filesystem_of(protocol)
    path = filesystem._strip_protocol(text)  # noqa: SLF001 - so fsspec calls what filesystems must have
    return Path(path) if protocol in _HERE else Address(filesystem.unstrip_protocol(path.rstrip("/")))


def filesystem_of(protocol: str) -> Any:
    """Make what reads a protocol, or take the one that was made for it.

    Raises
    ------
    DataError
        There is no such protocol, or it cannot be opened without being told more.
    MissingExtraError
        The packages that read it are not installed.
    """
    try:
        import fsspec  # noqa: PLC0415 - few need it

        return fsspec.filesystem(protocol)
    except ImportError as error:
        if protocol in _OF_THE_EXTRA or getattr(error, "name", None) == "fsspec":
            raise MissingExtraError(f"reading {protocol}://", "remote") from error
        raise DataError(f"{protocol}://: {first_line(error)}") from error
    except Exception as error:  # each filesystem raises its own
        raise DataError(
            f"{protocol}://: it cannot be opened: {first_line(error)}; an address is like s3://bucket/prices/*.parquet"
        ) from error


def files_at(place: Address) -> list[Address]:
    """List a file, the Parquet files below a folder, or those that a glob finds."""
    kind = (_info(place) or {}).get("type")
    if kind == "file":
        return [place]
    if kind == "directory":
        found = _asked(place, lambda filesystem: filesystem.find(place.text))
        return [each for each in _addresses(place, found) if each.name.endswith(".parquet")]
    found = _asked(place, lambda filesystem: filesystem.glob(place.text, detail=True))
    return _addresses(place, (path for path, about in found.items() if about["type"] == "file"))


def states_at(places: Iterable[Address]) -> dict[Address, str]:
    """Take each file's size and its mark, or its time of change; MISSING if it is not there."""
    folders: defaultdict[Address, list[Address]] = defaultdict(list)
    for place in places:
        folders[place.parent].append(place)
    states = {}
    for folder, inside in folders.items():
        found = {inside[0]: _info(inside[0])} if len(inside) == 1 else _listed(folder)
        states.update({place: _state(found.get(place)) for place in inside})
    return states


def _state(about: Mapping[str, Any] | None) -> str:
    if about is None or about["type"] != "file":
        return MISSING
    mark: Any = next((about[name] for name in _MARKS if about.get(name) is not None), None)
    # Some filesystems give a moment in one answer and its number in another.
    return f"{about['size']}\0{mark.timestamp() if hasattr(mark, 'timestamp') else mark}"


def _info(place: Address) -> Mapping[str, Any] | None:
    """What the filesystem says of a file or folder; None if there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found: Mapping[str, Any] = _asked(place, lambda filesystem: filesystem.info(place.text))
        return found
    return None


def _listed(folder: Address) -> Mapping[Address, Mapping[str, Any]]:
    """What the filesystem says of the files and folders in a folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = _asked(folder, lambda filesystem: filesystem.ls(folder.text, detail=True))
        return dict(zip(_addresses(folder, (each["name"] for each in found)), found, strict=True))
    return {}


def _addresses(beside: Address, paths: Iterable[str]) -> list[Address]:
    filesystem = filesystem_of(beside.protocol)
    return [Address(filesystem.unstrip_protocol(path)) for path in paths]


def _asked(place: Address, ask: Callable[[Any], _Answer]) -> _Answer:
    """Ask a filesystem, whatever it knew from before; DataError where it does not answer."""
    filesystem = filesystem_of(place.protocol)
    try:
        filesystem.invalidate_cache()
        return ask(filesystem)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:  # each filesystem raises its own
        raise DataError(
            f"{place}: it cannot be read: {first_line(error)}; look at the address, the network, and the credentials "
            f"that {place.protocol}:// finds in the environment of the process that reads it"
        ) from error
