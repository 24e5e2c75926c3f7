"""Prices and symbols: DuckDB over Parquet files."""
