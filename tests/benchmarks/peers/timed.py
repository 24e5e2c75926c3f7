"""What every peer does: one scan in this process, first cold, then warm; one line of JSON tells what it took.

A peer calls ``main`` with a function from a file and a scan ("S1", "S2") to
the frame of matches: symbol, date, close. Memory is read from /proc (Linux).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from functools import partial
from pathlib import Path

PATIENCE = 10.0
TICK = os.sysconf("SC_CLK_TCK")


def main(scan, words=None):
    words = words or argparse.ArgumentParser()
    words.add_argument("data")
    words.add_argument("scan")
    words.add_argument("--repeats", type=int, default=2)
    words.add_argument("--out", help="where the matches are kept")
    given = vars(words.parse_args())
    data, name, repeats, out = (given.pop(each) for each in ("data", "scan", "repeats", "out"))
    again = partial(once, partial(scan, data, name, **given))
    imported = memory("VmRSS")
    first, _, found = again()
    peak = memory("VmHWM")
    if out:
        getattr(found, "write_parquet" if hasattr(found, "write_parquet") else "to_parquet")(out)
    matches = len(found)
    del found
    warm = [again()[:2]]
    while len(warm) < repeats and sum(wall for wall, _ in warm) < PATIENCE:
        warm.append(again()[:2])
    walls, cpus = zip(*warm, strict=True)
    print(json.dumps({"first": first, "walls": walls, "cpus": cpus, "memory": peak - imported, "matches": matches}))


def once(scan):
    wall, used = time.perf_counter(), cpu()
    found = scan()
    return time.perf_counter() - wall, cpu() - used, found


def cpu():
    """Seconds of this process and of those that it has started."""
    return time.process_time() + sum(map(cpu_of, children(os.getpid())))


def cpu_of(process):
    with contextlib.suppress(OSError):
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:15])) / TICK
    return 0.0


def memory(name):
    """VmRSS or VmHWM (the peak), in MiB, of this process and of those that it has started."""
    return sum(memory_of(process, name) for process in ("self", *children(os.getpid())))


def memory_of(process, name):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    return 0.0


def children(process):
    for each in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in each.read_text().split():
                yield child
                yield from children(child)
