"""Rounds of processes in turn: each peer once a round, so that a ratio is of two neighbours."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import made

PEERS = Path(__file__).parent.parent / "peers"
HOPELESS_SECONDS, HOPELESS_ROUNDS = 10.0, 2
TIMEOUT = 900


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What was asked: where the data is kept, how many rounds, and of which size."""

    folder: Path
    rounds: int
    small: bool = False
    vectorbt: str | None = None
    bars: int = 1_000_000_000

    def prices(self, symbols, bars, *, minutes=False):
        if self.small:
            symbols, bars = symbols // 20, bars // 5 if bars > 1_500 else bars
        return made.prices(self.folder, symbols, bars, minutes=minutes)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A script of the folder ``peers``, and how it is run."""

    name: str
    script: str
    options: Sequence[str] = ()
    python: str | None = sys.executable
    absent: str = "not installed"
    needed: bool = False


@dataclass(frozen=True)
class Taken:
    """What one process tells: seconds of its first scan; median seconds and CPU of the warm ones; MiB over imports."""

    first: float
    wall: float
    cpu: float
    memory: float
    matches: int


@dataclass
class Runs:
    """A peer's processes, one a round."""

    taken: list[Taken] = field(default_factory=list)
    problem: str | None = None

    def median(self, figure):
        return statistics.median(getattr(each, figure) for each in self.taken) if self.taken else None

    def over(self, other, figure):
        """Median of the ratios to another peer's, of the same rounds."""
        pairs = zip(self.taken, other.taken, strict=False)
        ratios = [getattr(mine, figure) / max(getattr(its, figure), 1e-9) for mine, its in pairs]
        return statistics.median(ratios) if ratios else None

    @property
    def is_hopeless(self):
        """Whether it is so slow that a few rounds tell enough."""
        return self.median("wall") > HOPELESS_SECONDS


def in_turn(peers, data, scan, setting, *, out=None):
    """Run the peers in turn, round after round; the first round keeps the matches in the folder ``out``."""
    runs = {peer.name: Runs() for peer in peers}
    for number in range(setting.rounds):
        for peer in peers:
            mine = runs[peer.name]
            if mine.problem or (number >= HOPELESS_ROUNDS and mine.is_hopeless):
                continue
            _tell(f"round {number + 1} of {setting.rounds}: {peer.name}, {scan}, {made.named(data)}")
            keep = ["--out", out / f"{peer.name}.parquet"] if out and not number else []
            try:
                mine.taken.append(one(peer, data, scan, keep))
            except UnableError as error:
                if peer.needed:
                    raise SystemExit(f"{peer.name}: {error}") from None
                mine.problem = str(error)
    return runs


def _tell(what):
    """Say what is going on to those who wait before a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what:<90}", end="", file=sys.stderr, flush=True)


class UnableError(Exception):
    """A peer that cannot be run here, and why."""


def one(peer, data, scan, more):
    if peer.python is None:
        raise UnableError(peer.absent)
    command = [peer.python, PEERS / f"{peer.script}.py", data, scan, *peer.options, *more]
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnableError(f"longer than {TIMEOUT} s") from None
    if done.returncode:
        raise UnableError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    told = json.loads(done.stdout.splitlines()[-1])
    wall, cpu = (statistics.median(told[name]) for name in ("walls", "cpus"))
    return Taken(told["first"], wall, cpu, told["memory"], told["matches"])


SEQUENTIAL = Peer(name="jtscan sequential", script="jtscan_scan", needed=True)
THREADS, PROCESSES, DASK = (
    Peer(name=f"jtscan {engine}", script="jtscan_scan", options=("--engine", engine))
    for engine in ("threads:2", "processes:2", "dask:2")
)
MEMORY = {"S1": {SEQUENTIAL: 200, THREADS: 350}, "S2": {SEQUENTIAL: 350, THREADS: 500}}
LOOP = Peer(name="numpy + TA-Lib C loop", script="talib_loop", needed=True)


def met(value, mark, *, least=False):
    """Say whether a figure is within its mark: at most, or at least."""
    if value is None or mark is None:
        return None
    return "yes" if (value >= mark if least else value <= mark) else "NO"
