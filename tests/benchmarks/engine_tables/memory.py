"""The peak of a stream over a billion minute bars: one file of a symbol under very many names."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import made
import polars as pl
from timing import Table

from engine_tables.rounds import PEERS, met

BARS_OF_A_SYMBOL = 98_000
PEAK_AT_MOST = 1_024.0


def memory(setting):
    rows = []
    with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
        count = -(-setting.bars // BARS_OF_A_SYMBOL)
        _one_under_many_names(Path(folder), count)
        for scan in ("S1", "S2"):
            command = [sys.executable, PEERS / "jtscan_stream.py", folder, scan]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            peak = told["peak"]
            rows.append([
                scan, told["bars"], told["symbols"], told["matches"], told["seconds"], told["bars"] / told["seconds"] / 1e6,
                told["imported"], *told["on the way"], peak, PEAK_AT_MOST, met(peak, PEAK_AT_MOST),
            ])  # fmt: skip
    return [Table(
        title="memory: engine.stream over minute bars, nothing kept; MiB of the whole process",
        columns=["", "bars", "symbols", "matches", "s", "million bars/s", "imports", "at 10 %", "50 %", "100 %", "peak", "mark", "met"],
        rows=rows,
    )]  # fmt: skip


def _one_under_many_names(folder, count):
    first = folder / "S00000.parquet"
    made.frame(1, BARS_OF_A_SYMBOL, minutes=True).select(pl.exclude("symbol")).write_parquet(first, compression="zstd")
    for number in range(1, count):
        (folder / f"S{number:05d}.parquet").hardlink_to(first)
