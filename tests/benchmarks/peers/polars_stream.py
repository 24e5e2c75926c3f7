"""Polars: the file scanned lazily, one expression .over the symbol, by the streaming engine."""

from __future__ import annotations

import polars as pl
from expressions import COLUMNS, OUT, SCANS
from timed import main


def scan(path, name):
    bars = pl.scan_parquet(path).select(COLUMNS[name])
    return bars.filter(SCANS[name]().over("symbol")).select(OUT).collect(engine="streaming")


if __name__ == "__main__":
    main(scan)
