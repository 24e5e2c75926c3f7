"""A market with faults on purpose: whoever is sound is right, whoever is not is named, on every engine."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.jobs import ProcessingJob, Status
from jtscan.engines.processing import ProcessingEngine
from jtscan.formula import registered
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.testing import make_bars

pytestmark = pytest.mark.slow

SYMBOLS, EACH, BARS = 1000, 5, 40
RAISES, PANICS = 777.0, 778.0


@jt.function(lookback=0)
def brittle(x: pl.Expr = "close") -> pl.Expr:
    """Itself, but on two prices."""

    def tried(values):
        if (values == RAISES).any():
            raise ValueError("no such price")
        if (values == PANICS).any():
            raise pl.exceptions.PanicException("the library panicked")
        return values

    return x.map_batches(tried, return_dtype=pl.Float64)


def _write(change):
    return lambda bars, path: change(bars).write_parquet(path)


def _last(value):
    return _write(
        lambda bars: bars.with_columns(close=pl.when(pl.int_range(pl.len()) < BARS - 1).then("close").otherwise(value))
    )


def _bytes(cut):
    def write(bars, path):
        bars.write_parquet(path)
        path.write_bytes(cut(path.read_bytes()))

    return write


CLOSE = pl.col("close")
KINDS = {
    # what is written, and how such a symbol ends
    "missing": (lambda bars, path: None, "no_data"),
    "empty": (_bytes(lambda _: b""), "failed"),
    "truncated": (_bytes(lambda content: content[: len(content) // 2]), "failed"),
    "without its end": (_bytes(lambda content: content[:-4]), "failed"),
    "garbage": (_bytes(lambda content: bytes(reversed(content))), "failed"),
    "text": (_write(lambda bars: bars.with_columns(CLOSE.cast(pl.String))), "failed"),
    "no close": (_write(lambda bars: bars.drop("close")), "no_match"),
    "no timestamp": (_write(lambda bars: bars.drop("timestamp")), "failed"),
    "rowless": (_write(lambda bars: bars.clear()), "no_data"),
    "one row": (_write(lambda bars: bars.head(1)), "too_little_history"),
    "all null": (_write(lambda bars: bars.with_columns(close=pl.lit(None, dtype=pl.Float64))), "no_data"),
    "all infinite": (_write(lambda bars: bars.with_columns(close=pl.lit(float("inf")))), "no_data"),
    "all halts": (_write(lambda bars: bars.with_columns(open=0.0, high=0.0, low=0.0)), "no_data"),
    "conflicting": (_write(lambda bars: pl.concat([bars, bars.with_columns(CLOSE + 1)])), "failed"),
    "raises": (_last(RAISES), "failed"),
    "panics": (_last(PANICS), "failed"),
    # these can be mended, and are: the symbol is as good as any
    "unsorted": (_write(lambda bars: bars.reverse()), "matched"),
    "twice": (_write(lambda bars: pl.concat([bars, bars])), "matched"),
    "decimal": (_write(lambda bars: bars.with_columns(CLOSE.cast(pl.Decimal(20, 6)).cast(pl.Decimal(30, 12)))), "matched"),
    "small floats": (_write(lambda bars: bars.with_columns(CLOSE.cast(pl.Float32))), "matched"),
}  # fmt: skip


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A file per symbol; five of each kind of fault among them, and what becomes of each symbol."""
    folder = tmp_path_factory.mktemp("market")
    dice = random.Random(11)
    names = [f"S{number:04}" for number in range(SYMBOLS)]
    kinds = dict(zip(dice.sample(names, len(KINDS) * EACH), [kind for kind in KINDS for _ in range(EACH)], strict=True))
    for name in names:
        closes = [float(dice.choice([90, 100, 110, 120])) for _ in range(BARS)]
        bars = make_bars({name: closes}).drop("symbol")
        write = KINDS[kinds[name]][0] if name in kinds else _write(lambda bars: bars)
        write(bars, folder / f"{name}.parquet")
    return folder, names, kinds


def risen(folder, name):
    """How often the close rose, counted without jtscan."""
    closes = pl.read_parquet(folder / f"{name}.parquet").unique().sort("timestamp")["close"].cast(pl.Float64)
    return int((closes > closes.shift(1)).sum())


@pytest.mark.parametrize("where", ["sequential", "threads:2", "processes:2"])
def test_whoever_is_sound_is_right_and_whoever_is_not_is_named(where, market):
    folder, names, kinds = market
    job = ProcessingJob(
        id="faults", symbols=names, timeframe=Timeframe.D1, date_range=DateRange(start=dt.date(1990, 1, 1)),
        formula=Formula(text="brittle() > close[1]"), allow_lookahead=True,
    )  # fmt: skip
    engine = ProcessingEngine(
        DuckDBPriceRepository(prices=folder), functions=registered([brittle]), chunk_bars=2_000, where=where
    )
    results = engine.process_batch(job)
    engine.close()
    assert [each.symbol for each in results] == names
    by_symbol = {each.symbol: each for each in results}
    endings = {kind: {str(by_symbol[name].status) for name in names if kinds.get(name) == kind} for kind in KINDS}
    assert endings == {kind: {status} for kind, (_, status) in KINDS.items()}
    assert all(by_symbol[name].error for name, kind in kinds.items() if KINDS[kind][1] != "matched")
    mended = {name for name, kind in kinds.items() if KINDS[kind][1] == "matched"}
    sound = [name for name in names if name not in kinds or name in mended]
    assert {name: by_symbol[name].matches.height for name in sound} == {name: risen(folder, name) for name in sound}
    assert {by_symbol[name].status for name in sound} == {Status.MATCHED}
