"""Faults on purpose, counted: kills, readers beside a writer, bit flips, full disks, two writers.

    python tests/benchmarks/faults.py [--kills 200] [--reads 10000] [--flips 1000] [--unverified 100]

Everything happens on invented bars in a temporary folder. It ends with an
error if anything is not as expected. Full disks are small ones mounted for
this, which takes root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "market" / "store"))

import faults_kit as kit

KINDS_OF_DISK = ("first ingest", "append", "correction", "compaction")
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SHOWN = 20


def kills(folder, given):
    found = kit.kill_many(folder, given.kills)
    print(f"kill -9 of a writer at work: {found.counted:,} of {given.kills:,}")
    row("", *kit.STAGES, "old", "new")
    for kind, counter in found.stages.items():
        row(kind, *(counter[stage] for stage in kit.STAGES), *(found.versions[kind][each] for each in ("old", "new")))
    row("together", *(found.at(stage) for stage in kit.STAGES),
        *(sum(each[name] for each in found.versions.values()) for name in ("old", "new")))  # fmt: skip
    print(f"  {found.repeated} more came before the writing or after the end: not counted, repeated")
    print(f"  {found.left} left files behind, all swept; after each the next ingest was run, and read again")
    yield from found.faults
    if found.counted != given.kills:
        yield f"only {found.counted} kills counted"
    yield from (f"no kill hit: {stage}" for stage in kit.STAGES if given.kills >= 100 and not found.at(stage))


def reads(folder, given):
    found = kit.read_many(folder, given.reads)
    print(f"reads while another process ingests: {found.reads:,} of {given.reads:,} saw one version, whole; "
          f"{len(found.faults)} failed")  # fmt: skip
    print(f"  {found.made} versions were made meanwhile, {found.seen} of them seen, {found.swept} files swept")
    yield from found.faults
    if found.reads != given.reads or found.seen < min(found.made, 2):
        yield f"{found.reads} reads of {found.seen} versions"


def flips(folder, given):
    root = kit.make_flip_store(folder)
    found = kit.flip_many(root, given.flips)
    print(f"single bits flipped: {found.flipped.total():,}, noticed by verify: {found.verify.total():,}")
    row("", "flipped", "by verify", "by a scan with verify=True")
    for kind in sorted(found.flipped):
        row(kind, found.flipped[kind], found.verify[kind], found.reading[kind])
    print("  (a scan does not read repairs, older versions and the manifests kept under their numbers)")
    seen = kit.unverified(root, given.unverified)
    said = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    print(f"  for information, {given.unverified} flips in bars read without verification: {said}")
    yield from (f"unnoticed: {each}" for each in found.unnoticed)
    yield from found.faults
    if found.flipped.total() != found.verify.total():
        yield f"{found.flipped.total() - found.verify.total()} flips went unnoticed"


def disks(folder, given):
    reason = kit.why_no_mount()
    if reason:
        print(f"full disks: skipped: cannot mount: {reason}")
        return
    found = kit.FullDisks()
    needed = {kind: kit.fill_disks(kit.make_case(folder / "disks", kind), found, SHARES) for kind in KINDS_OF_DISK}
    print(f"full disks: {found.steps.total()} writers met one; each said so, left the old version whole and "
          f"{found.left} files beside it, and worked once there was room")  # fmt: skip
    print("  full at: " + ", ".join(f"{step} {count}" for step, count in found.steps.most_common()))
    print("  bytes needed: " + ", ".join(f"{kind} {size:,}" for kind, size in needed.items()))
    print(f"  said: {min(found.texts)}")
    yield from found.faults
    yield from (f"no disk was full at: {step}" for step in ("staging", "new file", "manifest") if not found.steps[step])


def writers(folder, given):
    faults = kit.two_writers(folder / "writers")
    print("two writers: the second failed after wait=0.2, waited and then worked; it went on when the first was killed")
    yield from faults


def row(name, *cells):
    print(f"  {name:20}" + "".join(f"{cell if isinstance(cell, str) else format(cell, ',')!s:>27}" for cell in cells))


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("kills", 200), ("reads", 10_000), ("flips", 1_000), ("unverified", 100)):
        words.add_argument(f"--{name}", type=int, default=count)
    given = words.parse_args()
    faults = []
    for part in (kills, reads, flips, disks, writers):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for name in ("disks", "writers"):
                (place / name).mkdir()
            found = list(part(place, given))
        print(f"  {len(found)} not as expected, {time.perf_counter() - started:.0f} s\n", flush=True)
        faults += [f"{part.__name__}: {fault}" for fault in found]
    for fault in faults[:SHOWN]:
        print(fault)
    if faults:
        raise SystemExit(f"{len(faults)} not as expected")
    print("all as expected")


if __name__ == "__main__":
    main()
