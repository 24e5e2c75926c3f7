"""Which version of a store counts, and which older ones there are."""

from __future__ import annotations

from pathlib import Path

from jtscan.errors import StoreError
from jtscan.market.duck import shown
from jtscan.market.store.manifest import NAME, OLD, Manifest


def is_store(root: Path) -> bool:
    """Whether an ingest has written there."""
    return (root / NAME).exists() or any((root / OLD).glob("*.json"))


def current(root: Path) -> Manifest:
    """Read the manifest that counts; of a folder without one it is empty.

    Raises
    ------
    StoreError
        It is damaged, missing though there are older ones, or cannot be read.
    """
    if not is_store(root):
        return Manifest()
    return read_manifest(root / NAME)


def at_version(root: Path, number: int) -> Manifest:
    """Read the manifest of one version.

    Raises
    ------
    StoreError
        There is no such version, or it has been swept.
    """
    path = root / OLD / f"{number:06}.json"
    newest = None
    try:
        newest = current(root)
    except StoreError:
        if not path.exists():
            raise
    if newest is not None and newest.number == number:
        return newest
    if not path.exists() or (newest is not None and number > newest.number):
        there = ", ".join(map(str, kept(root))) or "none"
        raise StoreError(f"{shown(root)}: there is no version {number}; those that can be opened: {there}")
    manifest = read_manifest(path)
    if manifest.number != number:
        raise StoreError(f"{shown(path)}: it is the manifest of version {manifest.number}, not of {number}")
    return manifest


def kept(root: Path) -> list[int]:
    """The numbers of the versions whose manifests are there, in rising order, up to the one that counts."""
    newest = current(root).number
    numbers = sorted(int(path.stem) for path in (root / OLD).glob("*.json") if path.stem.isdecimal())
    return [number for number in numbers if number <= newest]


def read_manifest(path: Path) -> Manifest:
    """Read one manifest; StoreError where it is damaged or cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{shown(path)}: the manifest cannot be read: {error.strerror}; older versions are in {OLD}/"
        ) from error
    return Manifest.from_bytes(raw, shown(path))
