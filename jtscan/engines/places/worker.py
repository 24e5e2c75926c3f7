"""A worker process: it reads tasks from its standard input, and writes each answer to its standard output.

A message is its length in eight bytes, then a pickle. The worker ends when
its input does, which is also what happens when the process that started it
is killed; Ctrl-C is for that process to hear.
"""

from __future__ import annotations

import os
import pickle
import struct
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import BinaryIO

import cloudpickle

from jtscan.engines.places.tasks import run
from jtscan.errors import first_line

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Raised:
    """The answer of a task that raised: the error, where it can be sent, and what it says."""

    told: str
    error: BaseException | None = None


def write(stream: BinaryIO, message: bytes) -> None:
    """Write one message."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def read(stream: BinaryIO) -> bytes:
    """Read one message; raises EOFError where there is none any more."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def main() -> None:
    """Work until the input ends."""
    coming_in, going_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _leave_to_others()
    coming: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(coming_in, coming), daemon=True).start()
    write(going_out, b"")
    while True:
        write(going_out, _answer(coming.get()))


def _leave_to_others() -> None:
    """Have whoever prints print to the standard error, and whoever reads find nothing."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)


def _listen(stream: BinaryIO, coming: SimpleQueue[bytes]) -> None:
    """Hand tasks on; where there are no more, end at once, in the middle of a task as well."""
    try:
        while True:
            coming.put(read(stream))
    finally:
        os._exit(0)


def _answer(message: bytes) -> bytes:
    try:
        task = pickle.loads(message)  # noqa: S301 - from the process that started this one
        return pickle.dumps(run(task))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return _raised(error)


def _raised(error: Exception) -> bytes:
    told = f"{type(error).__name__}: {first_line(error)}"
    try:
        return bytes(cloudpickle.dumps(Raised(told, error)))
    except Exception:  # noqa: BLE001 - some errors cannot be pickled
        return pickle.dumps(Raised(told))
