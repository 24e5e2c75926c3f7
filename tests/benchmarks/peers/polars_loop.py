"""Polars: partition_by, then filter(expression) symbol by symbol."""

from __future__ import annotations

import polars as pl
from expressions import COLUMNS, OUT, SCANS
from timed import main


def scan(path, name):
    parts = pl.read_parquet(path, columns=COLUMNS[name]).partition_by("symbol", maintain_order=True)
    fires = SCANS[name]()
    return pl.concat(part.filter(fires).select(OUT) for part in parts)


if __name__ == "__main__":
    main(scan)
