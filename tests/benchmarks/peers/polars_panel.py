"""Polars: the whole file read, one expression .over the symbol."""

from __future__ import annotations

import polars as pl
from expressions import COLUMNS, OUT, SCANS
from timed import main


def scan(path, name):
    return pl.read_parquet(path, columns=COLUMNS[name]).filter(SCANS[name]().over("symbol")).select(OUT)


if __name__ == "__main__":
    main(scan)
