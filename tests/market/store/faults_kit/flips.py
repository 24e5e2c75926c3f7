"""Bits that flip, and who notices."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

from faults_kit.cases import small_files
from faults_kit.contents import PRICES, checksum
from faults_kit.invented import DAYS, bars
from faults_kit.processes import end, say, start
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.errors import StoreError
from jtscan.market.intake.ingesting import ingest
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store.manifest import NAME
from jtscan.market.store.reading import current
from jtscan.market.store.store import Store
from jtscan.market.store.writing import FOLDERS, LOCK


@dataclass
class Flips:
    """By kind of file: how many bits were flipped, and who noticed."""

    flipped: Counter = field(default_factory=Counter)
    verify: Counter = field(default_factory=Counter)
    reading: Counter = field(default_factory=Counter)
    unnoticed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def make_flip_store(folder, symbols=60):
    """A store with every kind of file, and older versions."""
    root = folder / "flips"
    with small_files():
        ingest(bars(DAYS, symbols=symbols), root)
        ingest(bars(1, symbols=symbols, first=DAYS), root)
        ingest(bars(2, symbols=symbols, first=DAYS - 2, volume=2000.0), root)
    assert {file.kind for file in current(root).files} == {"bars", "catalog", "halts", "quarantine", "repairs"}
    return root


@contextmanager
def flipped(path, dice):
    """One bit of a file is another for a while; its time stays, as with a medium that forgets."""
    whole, state = path.read_bytes(), path.stat()
    place = dice.randrange(len(whole) * 8)
    damaged = bytearray(whole)
    damaged[place // 8] ^= 1 << place % 8
    path.write_bytes(damaged)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    try:
        yield place
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


NOT_NEEDED = {"repairs", "catalog"}
"""What a scan does not read, or makes anew where it is not whole."""


def flip_many(root, count, *, seed=1):
    """Flip so many bits, one at a time; each must be noticed by verifying, and by a verified read of that file."""
    dice = random.Random(seed)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != LOCK)
    newest = {root / NAME, *(root / file.path for file in current(root).files if file.kind not in NOT_NEEDED)}
    held = Store(root)
    flips = Flips()
    for _ in range(count):
        path = dice.choice(files)
        name = path.relative_to(root).as_posix()
        kind = "manifest" if path.name == NAME else name.split("/")[0]
        kind += " (older)" if path not in newest and kind in {*FOLDERS.values()} - NOT_NEEDED else ""
        with flipped(path, dice) as bit:
            flips.flipped[kind] += 1
            noticed, by_reading = verified(Store(root)) and verified(held), _refused(root)
        flips.verify[kind] += noticed
        flips.reading[kind] += by_reading
        if not noticed or (path in newest and not by_reading):
            flips.unnoticed.append(f"{name}, bit {bit}")
        if path not in newest and by_reading:
            flips.faults.append(f"{name} is not read by a scan, which was refused")
    return flips


def verified(store):
    """Whether verifying notices that something is wrong."""
    try:
        return not store.verify().whole
    except StoreError:
        return True


def _refused(root):
    """Whether a verified read refuses to begin."""
    try:
        DuckDBPriceRepository(root, verify=True).snapshot(Timeframe.D1)
    except StoreError:
        return True
    return False


def answer(root):
    """Read everything each time a line comes, without verification, and say what was seen."""
    for _ in sys.stdin:
        try:
            snapshot = DuckDBPriceRepository(root).snapshot(Timeframe.D1)
            found = snapshot.read(snapshot.symbols, PRICES, ReadWindow())
            say(
                f"problem {snapshot.notes or found.problems}"
                if snapshot.notes or found.problems
                else checksum(found.frame)
            )
        except BaseException as error:  # noqa: BLE001 - a panic of a reader too is a way to notice
            say(f"{type(error).__name__}")


def unverified(root, count, *, seed=2):
    """Flip bits of bars and read them without verification: noticed, the same rows, or silently other rows."""
    dice = random.Random(seed)
    files = [root / file.path for file in current(root).of("bars", Timeframe.D1)]
    seen = Counter()
    reader, right = _reader(root)
    for _ in range(count):
        with flipped(dice.choice(files), dice):
            reader.stdin.write("read\n")
            said = reader.stdout.readline().strip()
        if not said:
            end(reader)
            reader, _ = _reader(root)
        is_sum = len(said) == len(right) and not said.endswith("Error")
        seen["unnoticed, the same rows" if said == right else "unnoticed, other rows" if is_sum else "noticed"] += 1
    end(reader)
    return seen


def _reader(root):
    process = start("answer", root)
    process.stdin.write("read\n")
    return process, process.stdout.readline().strip()
