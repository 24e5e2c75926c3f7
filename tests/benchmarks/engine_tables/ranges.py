"""Growth with the number of symbols, the last day alone, and where a scan runs."""

from __future__ import annotations

import shutil
from dataclasses import replace

from made import named, size_of
from timing import Table

import jtscan as jt
from engine_tables.rounds import DASK, MEMORY, PROCESSES, SEQUENTIAL, THREADS, in_turn, met

GROWING = ((300, 300), (3_000, 300), (30_000, 300), (300, 2_500), (3_000, 2_500))
LAST_DAY_AT_MOST = 1 / 3


def growth(setting):
    rows = []
    for scan in ("S1", "S2"):
        for symbols, bars in GROWING:
            data = setting.prices(symbols, bars)
            (runs,) = in_turn([SEQUENTIAL], data, scan, setting).values()
            wall, count = runs.median("wall"), size_of(data)[0]
            over, mark = runs.median("memory"), MEMORY[scan][SEQUENTIAL]
            rows.append(
                [scan, named(data), wall, wall / count * 1e6, runs.median("first"), over, mark, met(over, mark)]
            )
    return [Table(
        title="growth: time per symbol, and memory, shall not grow with the number of symbols",
        columns=["", "symbols x bars", "warm s", "µs/symbol", "first s", "+MiB", "mark", "met"],
        rows=rows,
    )]  # fmt: skip


def last_day(setting):
    file, rows = setting.prices(3_000, 2_500), []
    for where, data in (("a file", file), ("a store", _store(file))):
        for scan in ("S1", "S2"):
            day = replace(SEQUENTIAL, name="last day", options=("--last", "1"))
            whole, last = in_turn([SEQUENTIAL, day], data, scan, setting).values()
            ratio = last.over(whole, "wall")
            rows.append([
                where, scan, last.problem, whole.median("wall"), last.median("wall"), ratio, LAST_DAY_AT_MOST,
                met(ratio, LAST_DAY_AT_MOST), last.over(whole, "cpu"), last.median("memory"), last.median("matches"),
            ])  # fmt: skip
    return [Table(
        title=f"last day alone beside the full range, {named(file)}, the scanner opened anew each time",
        columns=["from", "", "", "full s", "last s", "ratio", "mark", "met", "CPU ratio", "+MiB", "matches"],
        rows=rows,
    )]  # fmt: skip


def _store(file):
    """Ingest a file once; the store is kept beside it."""
    root = file.with_suffix("")
    if not root.exists():
        unfinished = file.with_suffix(".ingesting")
        shutil.rmtree(unfinished, ignore_errors=True)
        jt.ingest(file, unfinished, columns={"timestamp": "date"})
        unfinished.rename(root)
    return root


def engines(setting):
    data, rows = setting.prices(3_000, 2_500), []
    for scan in ("S1", "S2", "heavy"):
        kept = [replace(each, options=(*each.options, "--keep")) for each in (SEQUENTIAL, THREADS, PROCESSES, DASK)]
        runs = in_turn(kept, data, scan, setting)
        alone = runs[SEQUENTIAL.name]
        for name, each in runs.items():
            start = each.median("first") - each.median("wall") if each.taken else None
            rows.append([
                scan, name, each.problem, start, each.median("wall"), each.over(alone, "wall"), each.median("cpu"),
                each.over(alone, "cpu"), each.median("memory"), each.median("matches"),
            ])  # fmt: skip
    return [Table(
        title=f"engines, {named(data)}, the scanner kept; start: what the first scan, which looks at the file and starts the workers, takes more",
        columns=["", "", "", "start s", "warm s", "ratio", "CPU s", "ratio", "+MiB", "matches"],
        rows=rows,
    )]  # fmt: skip
