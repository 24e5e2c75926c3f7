"""Disks that are full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults_kit.cases import small_files
from faults_kit.contents import content, faults_of, left_over
from jtscan.errors import StoreError
from jtscan.market.store.reading import is_store


def why_no_mount():
    """Why no small disk can be mounted here; None if it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    with tempfile.TemporaryDirectory() as place:
        try:
            _mount(place, 1 << 20)
        except (OSError, subprocess.CalledProcessError) as error:
            return str(getattr(error, "stderr", "") or error).strip()
        _system("umount", place)
    return None


def _mount(place, size):
    _system("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)


def _system(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)


@contextmanager
def small_disk(size):
    """A disk of so many bytes."""
    with tempfile.TemporaryDirectory() as place:
        _mount(place, size)
        try:
            yield Path(place)
        finally:
            _system("umount", "--lazy", place)


PAGE = 4096


@dataclass
class FullDisks:
    """At which step disks of several sizes were full, and what was wrong after that."""

    steps: Counter = field(default_factory=Counter)
    sizes: list[tuple[int, str]] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    left: int = 0
    faults: list[str] = field(default_factory=list)


def fill_disks(case, disks, shares):
    """Run a case on disks that lack room at several steps: shares of what it needs, and the last page of it."""
    low, high = 0, 1 << 20
    while high - low > PAGE:
        middle = (low + high) // 2 // PAGE * PAGE
        full = _fill_one(case, middle, disks)
        low, high = (middle, high) if full else (low, middle)
    for share in shares:
        _fill_one(case, int(high * share) // PAGE * PAGE, disks)
    return high


def _fill_one(case, room, disks):
    """Whether a disk with so much room beside the old version was too small; look what is there after that."""
    with small_disk(1 << 30) as place:
        root = place / "store"
        shutil.copytree(case.old, root)
        used = sum(_blocks(place))
        _system("mount", "-o", f"remount,size={used + room}", place)
        try:
            with small_files():
                case.run(root)
        except StoreError as error:
            step = step_of(error)
            disks.steps[step] += 1
            disks.sizes.append((room, step))
            disks.texts.add(str(error))
            faults = after_full_disk(case, root, str(error), disks)
            _system("mount", "-o", f"remount,size={1 << 30}", place)
            faults += after_room(case, root)
            disks.faults += [f"{case.kind}, {room:,} bytes, {step}: {fault}" for fault in faults]
            return True
        if content(root) != case.after:
            disks.faults.append(f"{case.kind}, {room:,} bytes: it fits, but gives something else")
        return False


def _blocks(place):
    state = os.statvfs(place)
    yield (state.f_blocks - state.f_bfree) * state.f_frsize


def step_of(error):
    """At which step of the ingest the disk was full, by the names of the functions that were at work."""
    while error.__cause__ is not None:
        error = error.__cause__
    names = [each.name for each in traceback.extract_tb(error.__traceback__)]
    known = {"_put": "manifest", "add": "new file", "mkdir": "folder"}
    return next((known[name] for name in reversed(names) if name in known), "staging")


def after_full_disk(case, root, said, disks):
    """What must hold after a disk was full: a clear text, the old version, whole, and nothing that stays."""
    faults = faults_of(root)
    if "the disk is full" not in said or "the version before is whole" not in said:
        faults.append(f"unclear: {said}")
    if (found := content(root)) != case.before:
        faults.append(f"{found} is there, not {case.before}")
    if is_store(root):
        disks.left += len(left_over(root))
        faults += [f"{path} is left over" for path in left_over(root)]
    return faults


def after_room(case, root):
    """The same ingest works when there is room."""
    case.run(root)
    found = content(root)
    return faults_of(root) + ([] if found == case.after else [f"after making room: {found}, not {case.after}"])


def no_space(path="somewhere"):
    """What the operating system says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
