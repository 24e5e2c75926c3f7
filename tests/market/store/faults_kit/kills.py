"""Writers killed at any moment, and what is there after them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults_kit.cases import KINDS, make_case
from faults_kit.contents import NOW, content, faults_of, left_over
from faults_kit.processes import end, start, wait_for
from jtscan.errors import JtscanError
from jtscan.market.store.manifest import OLD
from jtscan.market.store.reading import current, is_store
from jtscan.market.store.store import Store
from jtscan.market.store.writing import WORK

STAGES = ("before new files", "new files there", "manifest under its number", "after the commit")


def stage_of(root, case):
    """How far a killed writer was, by what it left; None: it had not begun, so that the kill proves nothing."""
    number = case.after.number
    if current(root).number >= number:
        return STAGES[3]
    if (root / OLD / f"{number:06}.json").exists():
        return STAGES[2]
    if any(root.glob(f"*/*/v{number:06}-*.parquet")):
        return STAGES[1]
    return STAGES[0] if any((root / WORK).glob("*")) else None


@dataclass
class Kills:
    """How many kills hit which stage of which kind of ingest, and what was wrong after them."""

    stages: defaultdict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    versions: defaultdict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    repeated: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def counted(self):
        return sum(counter.total() for counter in self.stages.values())

    def at(self, stage):
        return sum(counter[stage] for counter in self.stages.values())


@dataclass(frozen=True)
class Times:
    """Seconds of a writer that is let live: from its draft to its end, to its first new file, and of the commit."""

    whole: float
    first: float
    commit: float

    def draw(self, dice):
        """After which word to kill, and how long after it: at any moment, before the first file, around the commit."""
        word, longest = dice.choice([("writing", self.whole), ("writing", self.first), ("committing", self.commit)])
        return word, dice.uniform(0, longest)


def measure(case, folder, rounds):
    """Let some writers live."""
    found = []
    for _ in range(rounds):
        with _copy(case, folder) as root:
            process = start(case.action, root, case.source)
            times = []
            for word in ("writing", "adding", "committing", "committed", "done"):
                assert wait_for(process, word), f"{case.kind}: it ended before {word!r}"
                times.append(time.perf_counter())
            end(process)
            assert content(root) == case.after, case.kind
            found.append((times[4] - times[0], times[1] - times[0], times[3] - times[2]))
    return Times(*(statistics.mean(each) for each in zip(*found, strict=True)))


@contextmanager
def _copy(case, folder):
    with tempfile.TemporaryDirectory(dir=folder) as place:
        root = Path(place) / "store"
        shutil.copytree(case.old, root)
        yield root


def kill_once(case, times, folder, dice, kills):
    """Kill one writer at work, and look what is there; False if the kill came too late or too early."""
    with _copy(case, folder) as root:
        process = start(case.action, root, case.source)
        word, seconds = times.draw(dice)
        begun = wait_for(process, word)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        said = process.stdout.read()
        end(process)
        assert begun, f"{case.kind}: the writer failed by itself"
        if process.returncode != -signal.SIGKILL or "done" in said:
            return False
        try:
            stage, is_new, left, faults = _after_kill(case, root)
        except (AssertionError, JtscanError) as error:
            stage, is_new, left, faults = STAGES[0], False, 0, [f"{type(error).__name__}: {error}"]
        if stage is None:
            return False
    kills.stages[case.kind][stage] += 1
    kills.versions[case.kind]["new" if is_new else "old"] += 1
    kills.left += bool(left)
    kills.faults += [f"kill of {case.kind}, {stage}: {fault}" for fault in faults]
    return True


def _after_kill(case, root):
    """What must hold after a kill: the old or the new version, whole; the next ingest works; leftovers go."""
    stage = stage_of(root, case)
    faults = faults_of(root)
    found = content(root)
    is_new = found == case.after
    if found != (case.after if stage == STAGES[3] else case.before):
        faults.append(f"a mixture: {found}, neither {case.before} nor {case.after}")
    left = left_over(root) if is_store(root) else []
    case.run(root, wait=5.0)
    again = content(root)
    if again.sums != case.after.sums:
        faults.append(f"the next ingest gives {again}, not {case.after}")
    Store(root).sweep(keep=1, grace=NOW)
    faults += [f"{path} is left after sweeping" for path in left_over(root)]
    faults += faults_of(root)
    if content(root) != again:
        faults.append("sweeping changed what is read")
    return stage, is_new, left, faults


def kill_many(folder, count, *, kinds=tuple(KINDS), symbols=200, rounds=3, seed=1):
    """Kill so many writers, the kinds in turn, two at a time."""
    cases = [make_case(folder, kind, symbols=symbols) for kind in kinds]
    times = [measure(case, folder, rounds) for case in cases]
    kills = Kills()

    def kill(number):
        dice = random.Random(seed * 1_000_003 + number)
        for _ in range(20):
            if kill_once(cases[number % len(cases)], times[number % len(cases)], folder, dice, kills):
                return
            kills.repeated += 1
        kills.faults.append(f"20 kills of {cases[number % len(cases)].kind} came too late or too early")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, range(count)))
    return kills
