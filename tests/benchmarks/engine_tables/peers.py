"""Against what a user would otherwise write, on the same work, the same matches verified."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
from made import named
from timing import Table

from engine_tables.rounds import LOOP, MEMORY, PROCESSES, SEQUENTIAL, THREADS, Peer, in_turn, met

STREAM = Peer(name="Polars streaming panel", script="polars_stream")
PANEL = Peer(name="Polars panel .over", script="polars_panel")
PANDAS = Peer(name="pandas groupby + ta-lib", script="pandas_groupby")
VECTORBT = Peer(name="vectorbt (ta-lib)", script="vectorbt_wide", absent="not installed: --vectorbt PYTHON")
POLARS_LOOP = Peer(name="Polars partition_by + filter loop", script="polars_loop")
DUCKDB = Peer(name="DuckDB SQL windows", script="duckdb_windows")
OTHERS = (LOOP, STREAM, PANEL, PANDAS, VECTORBT, POLARS_LOOP, DUCKDB)
OURS = (SEQUENTIAL, THREADS, PROCESSES)

# The peer's time over jtscan's, at least: (sequential, two threads).
MARKS = {
    "S1": {LOOP: (1 / 3, 1 / 2), STREAM: (1 / 1.3, 1 / 0.8), PANEL: (1.3, 2), PANDAS: (3, 5), VECTORBT: (4, 6),
           POLARS_LOOP: (5, 8), DUCKDB: (6, 10)},
    "S2": {LOOP: (1 / 3, 1 / 2), STREAM: (1 / 1.3, 1 / 0.8), PANEL: (1.3, 2), PANDAS: (2.2, 3.5), VECTORBT: (10, 16),
           POLARS_LOOP: (4, 6), DUCKDB: (6, 10)},
}  # fmt: skip
LOOP_AT_MOST = {(10_000, 500): 3.0, (200, 98_000): 1.5}


def peers(setting):
    data = setting.prices(3_000, 2_500)
    every = [*OURS, *(replace(peer, python=setting.vectorbt) if peer is VECTORBT else peer for peer in OTHERS)]
    for scan in ("S1", "S2"):
        with tempfile.TemporaryDirectory() as folder:
            runs = in_turn(every, data, scan, setting, out=Path(folder))
            yield _taken(scan, runs, Path(folder), data)
        yield _ratios(scan, runs)


def _taken(scan, runs, folder, data):
    right = _keys(folder / f"{LOOP.name}.parquet")
    memory = {peer.name: mark for peer, mark in MEMORY[scan].items()}
    rows = []
    for name, each in runs.items():
        if each.problem:
            rows.append([name, each.problem, *[None] * 9])
            continue
        over, mark, found = each.median("memory"), memory.get(name), _keys(folder / f"{name}.parquet")
        extra, missing = (a.join(b, on=a.columns, how="anti").height for a, b in ((found, right), (right, found)))
        rows.append([
            name, None, each.median("first"), each.median("wall"), each.median("cpu"), over, mark, met(over, mark),
            found.height, extra, missing,
        ])  # fmt: skip
    return Table(
        title=f"peers, {scan}, {named(data)}: medians of whole processes, in turn; a first scan, then warm ones",
        columns=["", "", "first s", "warm s", "CPU s", "+MiB", "mark", "met", "matches", "extra", "missing"],
        rows=rows,
        notes=["jtscan's scanner is opened anew for each scan, as the others read the file anew; so its processes start anew",
               "+MiB: the peak of the first scan over imports; extra and missing: beside the plain loop's matches"],
    )  # fmt: skip


def _ratios(scan, runs):
    rows = []
    for peer in OTHERS:
        its, cells = runs[peer.name], []
        for ours, mark in zip((SEQUENTIAL, THREADS), MARKS[scan][peer], strict=True):
            wall, cpu = (its.over(runs[ours.name], figure) for figure in ("wall", "cpu"))
            cells += [wall, cpu, float(mark), met(wall, mark, least=True)]
        rows.append([peer.name, len(its.taken), *cells])
    return Table(
        title=f"peers, {scan}: the peer's time over jtscan's, median of the rounds' ratios, and the least that it shall be",
        columns=["", "n", "sequential: wall", "CPU", "mark", "met", "two threads: wall", "CPU", "mark", "met"],
        rows=rows,
    )


def shapes(setting):
    rows = []
    for (symbols, bars), mark in LOOP_AT_MOST.items():
        minutes = bars > 10_000
        data = setting.prices(symbols, bars, minutes=minutes)
        ours = [
            replace(each, options=(*each.options, "--timeframe", "1m" if minutes else "1d"))
            for each in (SEQUENTIAL, THREADS)
        ]
        for scan in ("S1", "S2"):
            runs = in_turn([LOOP, *ours], data, scan, setting)
            loop = runs.pop(LOOP.name)
            for name, each in runs.items():
                wall = each.over(loop, "wall")
                rows.append([
                    named(data), scan, name, each.problem, each.median("wall"), loop.median("wall"), wall, mark, met(wall, mark),
                    each.over(loop, "cpu"), each.median("memory"), each.median("matches"), loop.median("matches"),
                ])  # fmt: skip
    return [Table(
        title="shapes: jtscan's time over the plain loop's",
        columns=["", "", "", "", "warm s", "loop s", "ratio", "mark", "met", "CPU ratio", "+MiB", "matches", "loop's"],
        rows=rows,
    )]  # fmt: skip


def _keys(path):
    bars = pl.read_parquet(path, columns=["symbol", "date"])
    return bars.select(pl.col("symbol").cast(pl.String), pl.col("date").cast(pl.Datetime("us")))
