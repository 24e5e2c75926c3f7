"""Records in a file that only grows: each with its length and checksum, so that a half-written one shows.

The file begins with a line that says what it is. A record is its kind (one
byte), the length of its content (eight bytes), the CRC-32 of both and the
content (four bytes), and the content.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jtscan.errors import RequestError

_MAGIC = b"jtscan checkpoint 1\n"
_FAMILY = b"jtscan checkpoint "
_HEAD = struct.Struct(">cQI")


class Records:
    """The records of one file, which is open for as long as this is.

    ``lost`` is how many bytes at its end were half written, and are gone.

    Raises
    ------
    RequestError
        The file cannot be read or written, is none of ours, or is damaged before its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        try:
            # Without a buffer: what could not be written must not be tried again when the file is closed.
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        except OSError as error:
            raise RequestError("checkpoint", f"{path} cannot be written: {error.strerror}") from error

    def read(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Give place, kind and content of each record; what is half written at the end is cut off."""
        size = self._file.seek(0, os.SEEK_END)
        place = self._begin(size)
        while place < size:
            record = self._record(place, size)
            if record is None:
                self._cut(place, size)
                return
            kind, content = record
            yield place, kind, content
            place += _HEAD.size + len(content)

    def content(self, place: int) -> bytes:
        """Read the content of the record at a place once more."""
        self._file.seek(place)
        _, length, _ = _HEAD.unpack(self._file.read(_HEAD.size))
        return self._file.read(length)

    def append(self, kind: bytes, content: bytes) -> int:
        """Add a record at the end, and tell its place; raises OSError where there is no room for it."""
        place = self._file.seek(0, os.SEEK_END)
        left = memoryview(_HEAD.pack(kind, len(content), _sum(kind, content)) + content)
        while left:
            left = left[self._file.write(left) :]
        return place

    def clear(self) -> None:
        """Take every record away."""
        self._file.truncate(len(_MAGIC))

    def close(self) -> None:
        """Let go of the file; what was added is on the disk then, where there is one."""
        with self._file, suppress(OSError):
            os.fsync(self._file.fileno())

    def _begin(self, size: int) -> int:
        """Check the first line; a file without any content is a new one."""
        self._file.seek(0)
        line = self._file.read(len(_MAGIC))
        if line == _MAGIC:
            return len(_MAGIC)
        if not _MAGIC.startswith(line):
            said = "of another version of jtscan" if line.startswith(_FAMILY) else "no checkpoint of jtscan"
            raise RequestError("checkpoint", f"{self.path} is {said}; it is left as it is: name another file")
        self._file.seek(0)
        self._file.write(_MAGIC)
        return size if not line else len(_MAGIC)

    def _record(self, place: int, size: int) -> tuple[bytes, bytes] | None:
        """Read one record; None if it is the last and half written."""
        self._file.seek(place)
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        kind, length, expected = _HEAD.unpack(head)
        end = place + _HEAD.size + length
        if end > size:
            return None
        content = self._file.read(length)
        if expected == _sum(kind, content):
            return kind, content
        if end == size or not any(self._rest(place)):
            return None
        damaged = f"{self.path} is damaged at byte {place:,}: delete it, and the scan begins anew"
        raise RequestError("checkpoint", damaged)

    def _rest(self, place: int) -> bytes:
        """What a machine that lost its power may leave: nothing but zeros."""
        self._file.seek(place)
        return self._file.read()

    def _cut(self, place: int, size: int) -> None:
        self.lost = size - place
        self._file.truncate(place)


def _sum(kind: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(kind + len(content).to_bytes(8, "big")))
