"""Faults on purpose: writers killed, disks filled, bits flipped, readers beside a writer.

invented    bars, some of them halts, repairs and rows for the quarantine
contents    what is in a store, and whether that is all there is
cases       an old version, one action, a new version
processes   processes of their own: this package, run as a script         (writing, __main__)
kills       writers killed at any moment
reads       readers beside a writer
flips       bits that flip
disks       disks that are full
writers     two writers at a time

test_faults.py uses it with small numbers, tests/benchmarks/faults.py with large
ones.
"""

from faults_kit.cases import KINDS, make_case
from faults_kit.contents import NOW, content, faults_of, left_over
from faults_kit.disks import FullDisks, fill_disks, no_space, why_no_mount
from faults_kit.flips import flip_many, flipped, make_flip_store, unverified, verified
from faults_kit.invented import bars
from faults_kit.kills import STAGES, kill_many
from faults_kit.reads import read_many
from faults_kit.writers import two_writers

__all__ = [
    "KINDS", "NOW", "STAGES", "FullDisks", "bars", "content", "faults_of", "fill_disks", "flip_many", "flipped",
    "kill_many", "left_over", "make_case", "make_flip_store", "no_space", "read_many", "two_writers", "unverified",
    "verified", "why_no_mount",
]  # fmt: skip
