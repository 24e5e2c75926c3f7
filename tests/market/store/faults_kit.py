"""Faults on purpose: writers killed, disks filled, bits flipped, readers beside a writer.

test_faults.py uses it with small numbers, tests/benchmarks/faults.py with large
ones. Run as a script it is the process that writes, reads or is killed:

    python tests/market/store/faults_kit.py ingest|compact|hold|write|read|answer STORE …
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

import jtscan
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.errors import DataNotFoundError, JtscanError, StoreError
from jtscan.market.intake import ingesting
from jtscan.market.intake.ingesting import ingest
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store import layout
from jtscan.market.store.manifest import NAME, OLD
from jtscan.market.store.reading import current, is_store
from jtscan.market.store.store import Store
from jtscan.market.store.sweeping import sweep
from jtscan.market.store.writing import FOLDERS, LOCK, WORK, Draft

FIRST_DAY = dt.date(2020, 1, 1)
NOW = dt.timedelta(0)
PRICES = ["open", "high", "low", "close", "volume"]
NOTHING = "nothing"


# ---- Invented bars: some of them halts, repairs and rows for the quarantine.


def bars(days, *, symbols=200, first=0, volume=1000.0):
    """One row per symbol and day; the same arguments give the same rows."""
    rows = pl.DataFrame({"number": range(symbols)}).join(
        pl.DataFrame({"day": range(first, first + days)}), how="cross", maintain_order="left_right"
    )
    dice = pl.col("number") * 7919 + pl.col("day") * 104_729
    close = (1000 + dice % 997).cast(pl.Float64)
    halt, lost, rounded = dice % 97 == 5, dice % 131 == 7, dice % 61 == 3
    return rows.select(
        pl.format("S{}", pl.col("number").cast(pl.String).str.zfill(4)).alias("symbol"),
        pl.lit(FIRST_DAY).dt.offset_by(pl.format("{}d", "day")).alias("timestamp"),
        pl.when(halt).then(0.0).otherwise(close * 0.99).alias("open"),
        pl.when(halt).then(0.0).when(rounded).then(close * 0.999).otherwise(close * 1.02).alias("high"),
        pl.when(halt).then(0.0).otherwise(close * 0.97).alias("low"),
        pl.when(lost & ~halt).then(None).otherwise(close).alias("close"),
        pl.when(halt).then(0.0).otherwise(volume).alias("volume"),
    )


def clean_bars(days, *, symbols, first=0, volume=1000.0):
    """Bars and nothing else: what is written shows which version is read."""
    rows = bars(days, symbols=symbols, first=first, volume=volume)
    close = pl.lit(1000.0) + pl.int_range(pl.len()) % 7
    return rows.with_columns(open=close, high=close + 1, low=close - 1, close=close, volume=pl.lit(volume))


# ---- What is in a store, and whether that is all there is.


@dataclass(frozen=True)
class Content:
    """The number of a version, and the checksum of every row that it holds."""

    number: int
    sums: str


def content(root):
    """Read a version as a scan does, and what is kept beside the bars; ``NOTHING`` where there are no bars."""
    number = current(root).number
    repository = DuckDBPriceRepository(root, verify=is_store(root))
    try:
        snapshot = repository.snapshot(Timeframe.D1)
    except DataNotFoundError:
        return Content(number, NOTHING)
    if is_store(root):
        assert snapshot.version == current(root).name
    parts = [snapshot.read(snapshot.symbols, PRICES, ReadWindow()).frame.select("symbol", "timestamp", *PRICES)]
    for kind in ("halts", "quarantine", "repairs"):
        frames = [pl.read_parquet(root / file.path) for file in current(root).of(kind, Timeframe.D1)]
        if frames:
            parts.append(pl.concat(frames, how="diagonal"))
    return Content(number, " ".join(map(_sum, parts)))


def _sum(frame):
    rows = frame.select(sorted(set(frame.columns) - {"source"})).sort("symbol", "timestamp", nulls_last=True)
    return hashlib.sha256(rows.write_csv().encode()).hexdigest()[:12]


def left_over(root):
    """The files that belong to no version."""
    store = Store(root)
    known = {file.path for file in store.manifest.files} | {LOCK, NAME}
    numbers = [number for number, there in store.history().select("version", "can_be_opened").iter_rows() if there]
    for number in numbers:
        known |= {f"{OLD}/{number:06}.json", *(file.path for file in Store(root, version=number).manifest.files)}
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return sorted(there - known)


def faults_of(root):
    """What is wrong with a store that should be whole and be the old or the new version."""
    if not is_store(root):
        return [f"{path} beside no manifest" for path in root.rglob("*.parquet") if WORK not in path.parts]
    report = Store(root).verify()
    return [] if report.whole else [str(report)]


# ---- Cases: an old version, one action, a new version.


@dataclass(frozen=True)
class Case:
    """What one writer does: a store before it, its source, and what is there before and after it."""

    kind: str
    action: str
    old: Path
    source: Path
    before: Content
    after: Content

    def run(self, root, **options):
        """Do in this process what the killed one was to do."""
        if self.action == "compact":
            Store(root).compact(**options)
        else:
            ingest(self.source, root, **options)


DAYS = 100
BASE, CORRECTION = {"days": DAYS}, {"days": 5, "first": DAYS - 4, "volume": 2000.0}
ONE_DAY_EACH = [{"days": 1, "first": DAYS + number} for number in range(8)]
KINDS = {
    # name: ingests before it, its own source; no source is a compaction
    "first ingest": ([], BASE),
    "append": ([BASE, *ONE_DAY_EACH[:7]], ONE_DAY_EACH[7]),
    "correction": ([BASE, *ONE_DAY_EACH[:2]], CORRECTION),
    "compaction": ([BASE, *ONE_DAY_EACH[:5]], None),
}


def make_case(folder, kind, *, symbols=200):
    """Lay a case out in a folder."""
    before, own = KINDS[kind]
    place = folder / kind.replace(" ", "_")
    old, source = place / "old", place / "source.parquet"
    old.mkdir(parents=True)
    with _small_files():
        for each in before:
            ingest(bars(**each, symbols=symbols), old)
        bars(**(own or BASE), symbols=symbols).write_parquet(source)
        draft = Case(kind, "ingest" if own else "compact", old, source, content(old), content(old))
        new = place / "new"
        shutil.copytree(old, new)
        draft.run(new)
    case = Case(kind, draft.action, old, source, draft.before, content(new))
    assert case.after.number == case.before.number + 1, kind
    assert (case.after.sums == case.before.sums) == (own is None), kind
    return case


@contextmanager
def _small_files(rows=1500):
    """Files of few rows, so that a short ingest writes many of them, one after another."""
    sizes, defaults = layout.ROWS_PER_FILE, layout.split.__defaults__
    layout.ROWS_PER_FILE, layout.split.__defaults__ = rows, (rows,)
    try:
        yield
    finally:
        layout.ROWS_PER_FILE, layout.split.__defaults__ = sizes, defaults


# ---- Processes of their own: this file, run as a script.


def start(*words):
    """Start this file with the jtscan of this process; it says on its standard output how far it is."""
    path = os.pathsep.join([str(Path(jtscan.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": path},
    )


def wait_for(process, word):
    """Read on until the process says a word; False if it ended before."""
    return any(line.strip() == word for line in iter(process.stdout.readline, ""))


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def _tell_of_the_writing():
    """Say when the lock is held and a draft begins, when its first file is written, and when it is committed."""
    begin, add, commit = Draft.__init__, Draft.add, Draft.commit

    def telling_begin(draft, *given):
        begin(draft, *given)
        say("writing")

    def telling_add(draft, *given):
        if not draft._made:
            say("adding")
        return add(draft, *given)

    def telling_commit(draft, *given, **named):
        say("committing")
        manifest = commit(draft, *given, **named)
        say("committed")
        return manifest

    Draft.__init__, Draft.add, Draft.commit = telling_begin, telling_add, telling_commit


def _write_once(action, root, source):
    _tell_of_the_writing()
    with _small_files():
        if action == "compact":
            Store(root).compact()
        else:
            ingest(source, root)
    say("done")


def _hold(root, source):
    """An ingest that stands still in its middle until it is told to go on."""

    def stand_still(phase, done, total):
        if phase == "writing symbols" and not told:
            told.append(phase)
            say("standing")
            sys.stdin.readline()

    told = []
    ingest(source, root, progress=stand_still)
    say("done")


# ---- Kills.


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


# ---- Readers beside a writer.

READ_SYMBOLS, READ_DAYS = 40, 60


def _write_on(root):
    """Append a day and correct the first one, in turn, until standard input ends; sweep as any ingest does."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    swept = []

    def sweep_soon(place, newest):
        swept.extend(sweep(place, newest, keep=5, grace=dt.timedelta(seconds=10)))

    ingesting.sweep = sweep_soon
    say("writing")
    number = current(root).number
    while not ended.is_set():
        number += 1
        last, _ = expected(number)
        rows = (
            clean_bars(1, symbols=READ_SYMBOLS, first=last)
            if number % 2 == 0
            else clean_bars(1, symbols=READ_SYMBOLS, volume=number)
        )
        ingest(rows, root)
    say(json.dumps({"versions": number, "swept": len(swept)}))


def expected(number):
    """What version ``number`` shows: its last day, and the volume of every symbol's first day."""
    return READ_DAYS - 1 + number // 2, float(number - 1 + number % 2)


def _read_on(root, count, threads, seed):
    """Read so many times in some threads, and say what was seen."""
    repository, scanner = DuckDBPriceRepository(root), jtscan.Scanner(root)
    seen, faults = Counter(), []

    def read_some(part):
        dice = random.Random(seed * 101 + part)
        for turn in range(part, count, threads):
            chosen = dice.sample([f"S{number:04}" for number in range(READ_SYMBOLS)], 5)
            try:
                number = _scan(scanner, chosen) if turn % 50 == 0 else _read(repository, chosen)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted as a failed read
                faults.append(f"{type(error).__name__}: {error}")
            else:
                seen[number] += 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read_some, range(threads)))
    say(json.dumps({"reads": seen.total(), "versions": sorted(seen), "faults": faults}))


def _read(repository, symbols):
    snapshot = repository.snapshot(Timeframe.D1)
    frame = snapshot.read(symbols, ["volume"], ReadWindow()).frame
    number = _number(snapshot.version)
    last, marker = expected(number)
    found = frame.group_by("symbol").agg(
        pl.len(), pl.col("timestamp").max(), pl.col("volume").first().alias("marker"), pl.col("volume").last()
    )
    alike = (last + 1, FIRST_DAY + dt.timedelta(days=last), marker, 1000.0)
    wrong = found.rows() != [(each, *alike) for each in found["symbol"]] or set(found["symbol"]) != set(symbols)
    if wrong:
        raise AssertionError(f"version {number} should have {alike} of {symbols}: {found.rows()}")
    return number


def _scan(scanner, symbols):
    result = scanner.scan("close > 0", symbols=symbols, last=1)
    number = _number(result.data_version)
    last, _ = expected(number)
    found = result.signals.matches.select("symbol", "timestamp").sort("symbol").rows()
    if found != [(symbol, FIRST_DAY + dt.timedelta(days=last)) for symbol in sorted(symbols)]:
        raise AssertionError(f"version {number} should end on day {last}: {found}")
    return number


def _number(version):
    return int(version.split("-")[0].removeprefix("v"))


@dataclass(frozen=True)
class Reads:
    """What readers saw while a writer made versions."""

    reads: int
    made: int
    seen: int
    swept: int
    faults: list[str]


def read_many(folder, count, *, processes=2, threads=2):
    """Read so many times, in several processes and threads, while another process ingests."""
    root = folder / "read"
    ingest(clean_bars(READ_DAYS, symbols=READ_SYMBOLS, volume=1000.0), root)
    ingest(clean_bars(1, symbols=READ_SYMBOLS, first=READ_DAYS), root)
    ingest(clean_bars(1, symbols=READ_SYMBOLS, volume=3.0), root)
    writer = start("write", root)
    assert wait_for(writer, "writing")
    readers = [start("read", root, count // processes, threads, seed) for seed in range(processes)]
    told = [json.loads(reader.communicate()[0]) for reader in readers]
    made = json.loads(writer.communicate()[0])
    seen = set().union(*(each["versions"] for each in told))
    return Reads(
        reads=sum(each["reads"] for each in told),
        made=made["versions"] - 3,
        seen=len(seen),
        swept=made["swept"],
        faults=[fault for each in told for fault in each["faults"]] + faults_of(root),
    )


# ---- Bit flips.


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
    with _small_files():
        ingest(bars(DAYS, symbols=symbols), root)
        ingest(bars(1, symbols=symbols, first=DAYS), root)
        ingest(bars(2, symbols=symbols, first=DAYS - 2, volume=2000.0), root)
    assert {file.kind for file in current(root).files} == {"bars", "halts", "quarantine", "repairs"}
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


def flip_many(root, count, *, seed=1):
    """Flip so many bits, one at a time; each must be noticed by verifying, and by a verified read of that file."""
    dice = random.Random(seed)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != LOCK)
    newest = {root / NAME, *(root / file.path for file in current(root).files if file.kind != "repairs")}
    held = Store(root)
    flips = Flips()
    for _ in range(count):
        path = dice.choice(files)
        name = path.relative_to(root).as_posix()
        kind = "manifest" if path.name == NAME else name.split("/")[0]
        kind += " (older)" if path not in newest and kind in FOLDERS.values() and kind != "repairs" else ""
        with flipped(path, dice) as bit:
            flips.flipped[kind] += 1
            noticed, by_reading = _verified(Store(root)) and _verified(held), _refused(root)
        flips.verify[kind] += noticed
        flips.reading[kind] += by_reading
        if not noticed or (path in newest and not by_reading):
            flips.unnoticed.append(f"{name}, bit {bit}")
        if path not in newest and by_reading:
            flips.faults.append(f"{name} is not read by a scan, which was refused")
    return flips


def _verified(store):
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


def _answer(root):
    """Read everything each time a line comes, without verification, and say what was seen."""
    for _ in sys.stdin:
        try:
            snapshot = DuckDBPriceRepository(root).snapshot(Timeframe.D1)
            found = snapshot.read(snapshot.symbols, PRICES, ReadWindow())
            say(
                f"problem {snapshot.notes or found.problems}" if snapshot.notes or found.problems else _sum(found.frame)
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


# ---- A full disk.


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
            with _small_files():
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


# ---- Two writers.


def two_writers(folder, *, symbols=20):
    """A second writer fails clearly, or waits and then works; one that waits for a killed one goes on at once."""
    faults = []
    ours, theirs = folder / "ours.parquet", folder / "theirs.parquet"
    bars(5, symbols=symbols).write_parquet(theirs)
    bars(5, symbols=symbols, first=5).write_parquet(ours)
    root, alone = folder / "two", folder / "alone"
    for source in (theirs, ours):
        ingest(source, alone)
    first = start("hold", root, theirs)
    assert wait_for(first, "standing")
    try:
        ingest(ours, root, wait=0.2)
        faults.append("a second writer got in")
    except StoreError as error:
        if "another ingest is writing there (waited 0.2 seconds)" not in str(error):
            faults.append(f"unclear: {error}")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ingest, ours, root, wait=30.0)
        time.sleep(0.3)
        if waiting.done() or content(root).sums != NOTHING:
            faults.append("the second writer did not wait")
        first.stdin.write("go on\n")
        waiting.result()
    wait_for(first, "done")
    end(first)
    if content(root) != content(alone):
        faults.append("two writers give something else than one after the other")
    return faults + faults_of(root) + _waits_for_a_killed_one(folder / "killed", theirs, ours)


def _waits_for_a_killed_one(root, theirs, ours):
    first = start("hold", root, theirs)
    assert wait_for(first, "standing")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ingest, ours, root, wait=30.0)
        time.sleep(0.3)
        end(first)
        report = waiting.result()
    return faults_of(root) + (
        [] if report.version and current(root).number == 1 else ["the lock of a killed writer held"]
    )


def main(words):
    match words:
        case ["ingest" | "compact" as action, root, source]:
            _write_once(action, Path(root), source)
        case ["hold", root, source]:
            _hold(Path(root), source)
        case ["write", root]:
            _write_on(Path(root))
        case ["read", root, count, threads, seed]:
            _read_on(Path(root), int(count), int(threads), int(seed))
        case ["answer", root]:
            _answer(Path(root))


if __name__ == "__main__":
    main(sys.argv[1:])
