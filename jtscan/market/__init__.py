"""Prices and symbols: taken in, kept, and read by DuckDB from Parquet files."""

from jtscan.market.intake import ingest
from jtscan.market.store.store import Store

__all__ = ["Store", "ingest"]
