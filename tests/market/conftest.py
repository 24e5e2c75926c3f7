"""A desk for tests of a store: where small sources lie, and a store that is checked after every ingest."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl
import pytest

import jtscan as jt

HEADER = "symbol,date,open,high,low,close,volume"


def lines(*rows, header=HEADER, end="\n"):
    return end.join([header, *rows, ""])


class Desk:
    """Sources in one folder, a store in another."""

    def __init__(self, folder):
        self.sources = folder / "sources"
        self.root = folder / "store"

    def write(self, name, content, encoding="utf-8"):
        path = self.sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def csv(self, *rows, name="prices.csv", header=HEADER):
        return self.write(name, lines(*rows, header=header))

    def ingest(self, *sources, **options):
        report = jt.ingest(list(sources) or self.sources, self.root, **options)
        self.check(report)
        return report

    def rows(self, *rows, header=HEADER, **options):
        """Ingest one file of these rows."""
        return self.ingest(self.csv(*rows, header=header), **options)

    @property
    def store(self):
        return jt.Store(self.root)

    def check(self, report):
        """Nothing uncounted, and no symbol and timestamp twice in a version."""
        files = report.files
        parts = ("bars", "halts", "same", "duplicates", "quarantined")
        assert (files["rows"] == files.select(pl.sum_horizontal(parts)).to_series()).all()
        assert files["rows"].sum() == report.counts.read
        assert {part: files[part].sum() for part in parts} == {part: asdict(report.counts)[part] for part in parts}
        if report.version is None and not (self.root / "manifest.json").exists():
            return
        self.check_store()

    def check_store(self):
        manifest = self.store.manifest
        for timeframe, counts in manifest.totals.items():
            there = sum(file.rows for kind in ("bars", "halts", "quarantine") for file in manifest.of(kind, timeframe))
            assert counts.read == there + counts.same + counts.duplicates + counts.corrected
            keys = [self.of(kind, timeframe).select("symbol", "timestamp") for kind in ("bars", "halts")]
            assert not pl.concat([key for key in keys if key.width and key.height] or keys[:1]).is_duplicated().any()

    def of(self, kind, timeframe="1d"):
        """All rows of one kind, in order."""
        files = self.store.manifest.of(kind, jt.Timeframe(timeframe))
        parts = [pl.read_parquet(self.root / file.path, hive_partitioning=False) for file in files]
        if not parts:
            return pl.DataFrame(schema={"symbol": pl.String, "timestamp": pl.Date})
        return pl.concat(parts, how="diagonal").sort("symbol", "timestamp", nulls_last=True)

    def bars(self, timeframe="1d"):
        return self.of("bars", timeframe)

    def closes(self, kind="bars", timeframe="1d"):
        """``{"A 2024-01-02": 10.0}``."""
        frame = self.of(kind, timeframe)
        if not frame.height:
            return {}
        rows = frame.select("symbol", "timestamp", "close").iter_rows()
        return {f"{symbol} {moment}": close for symbol, moment, close in rows}

    def reasons(self):
        """``{"A 2024-01-02": "close is -1.0: a price is above 0"}`` of the newest version's quarantine."""
        frame = self.of("quarantine")
        return [] if not frame.height else frame.select("symbol", "timestamp", "reason").rows()

    def symbols(self):
        return self.bars()["symbol"].unique().sort().to_list()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def new_desk(tmp_path_factory):
    """Make a desk that outlives a test."""
    return lambda: Desk(tmp_path_factory.mktemp("desk"))
