"""An invented market in which symbols have faults on purpose, and what a scan must say of each.

KINDS      kinds of fault that a scan reports: how each is made, its status and its reason
MENDED     kinds that the reader mends: such a symbol is as right as a clean one
Market     a folder of prices, who has which fault in it, and beside it the folder of those who are right

What is made is the same in every process and run; user functions fail on what the prices say.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

import jtscan as jt
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import as_formula
from jtscan.domain.jobs import ProcessingJob, RowCounts, Status
from jtscan.formula import registered

BARS = 300
FIRST = dt.date(2020, 1, 1)
EACH = 5
PRICES = ["open", "high", "low", "close"]
EVER = DateRange(start=dt.date(1900, 1, 1))

# What the user functions below fail on; no clean close comes near these.
RAISED = 777_777.0
REFUSED = -5.0
PANICKED = 2e9
KILLED = 666_666.0


# ── functions of a user that fail on one symbol's prices ──────────────────────


@jt.function(lookback=0)
def touchy(x: pl.Expr = "close") -> pl.Expr:
    """Raise in Python."""

    def touched(values: pl.Series) -> pl.Series:
        if (values == RAISED).any():
            raise ValueError("not this price")
        return values

    return x.map_batches(touched, return_dtype=pl.Float64)


@jt.function(lookback=0)
def strict(x: pl.Expr = "close") -> pl.Expr:
    """Raise in Polars: a negative price is no unsigned number."""
    return x + x.cast(pl.UInt32).cast(pl.Float64) * 0


@jt.function(lookback=0)
def panicky(x: pl.Expr = "close") -> pl.Expr:
    """Panic in Polars: a price that is no day of any calendar."""
    return x + x.cast(pl.Int64).cast(pl.Date).dt.month_end().cast(pl.Float64) * 0


@jt.function(lookback=0)
def deadly(x: pl.Expr = "close") -> pl.Expr:
    """End the process that evaluates it."""

    def killed(values: pl.Series) -> pl.Series:
        if (values == KILLED).any():
            os.kill(os.getpid(), 9)
        return values

    return x.map_batches(killed, return_dtype=pl.Float64)


FUNCTIONS = [touchy, strict, panicky, deadly]
FORMULA = """
r = rsi(touchy(close), 14)
width = atr(14) / panicky(close)
buy = cross_above(sma(strict(close), 5), sma(close, 20)) and r > 50
sell = cross_below(sma(close, 3), ema(close, 10)) and width < 0.2
"""


# ── bars, and what is done to them ────────────────────────────────────────────


def clean(number: int) -> pl.DataFrame:
    """Bars of a random walk in whole cents, without a symbol."""
    dice = np.random.default_rng(number)
    close = np.round(100 * np.exp(np.cumsum(dice.normal(0, 0.02, BARS))), 2)
    spread = np.round(close * 0.01, 2)
    days = [FIRST + dt.timedelta(days=day) for day in range(BARS)]
    return pl.DataFrame(
        {"timestamp": days, "open": close, "high": (close + spread).round(2), "low": (close - spread).round(2), "close": close,
         "volume": dice.integers(1, 1000, BARS).astype(float)}
    )  # fmt: skip


def prices(frame: pl.DataFrame, value: float | None, columns: Sequence[str] = ("close",)) -> pl.DataFrame:
    return frame.with_columns(pl.lit(value, dtype=pl.Float64).alias(name) for name in columns)


def last_close(frame: pl.DataFrame, value: float) -> pl.DataFrame:
    last = pl.int_range(pl.len()) == pl.len() - 1
    return frame.with_columns(close=pl.when(last).then(value).otherwise("close"))


def twice(frame: pl.DataFrame, **changed: float) -> pl.DataFrame:
    return pl.concat([frame, frame.head(3).with_columns(pl.lit(value).alias(name) for name, value in changed.items())])


def before_the_calendar(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("timestamp").dt.offset_by("-2500y"))


def as_decimals(frame: pl.DataFrame) -> pl.DataFrame:
    """Four columns of four scales, none of them the others'."""
    scales = zip(PRICES, (2, 9, 20, 30), strict=True)
    return frame.with_columns(
        pl.Series(name, [Decimal(repr(value)) for value in frame[name]]).cast(pl.Decimal(38, scale))
        for name, scale in scales
    )


def link_to_nothing(path: Path, frame: pl.DataFrame) -> None:
    path.symlink_to(path.parent / "nowhere.parquet")


def cut_off(path: Path, frame: pl.DataFrame) -> None:
    frame.write_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def damage(path: Path, frame: pl.DataFrame) -> None:
    """Flip one bit in the header of a page of closes, where it cannot be read over."""
    frame.write_parquet(path, compression="zstd")
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        chunks = [group.column(number) for number in range(group.num_columns)]
    chunk = next(each for each in chunks if each.path_in_schema == "close")
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset] ^= 1 << 3
    path.write_bytes(content)


# ── the table ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault: made in the rows, or in the file; ``reason`` is a pattern, of which {symbol} is filled in."""

    status: Status
    reason: str
    spoiled: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    file: Callable[[Path, pl.DataFrame], object] | None = None
    bars: int = 0
    rows: RowCounts = field(default_factory=RowCounts)


FAILED, NO_DATA = Status.FAILED, Status.NO_DATA
NO_BAR = r"no row of it is a bar: halts, or a price, the volume or the timestamp is missing"
ASIDE = RowCounts(set_aside=BARS)

KINDS = {
    "missing": Kind(status=NO_DATA, reason="it is not in the prices", file=lambda path, frame: None),
    "an empty file": Kind(
        status=FAILED, reason=r"{symbol}.parquet: the file is empty \(0 bytes\)", file=lambda path, frame: path.touch()
    ),
    "no rows": Kind(status=NO_DATA, reason="{symbol}.parquet: it has no rows", spoiled=lambda frame: frame.clear()),
    "cut off": Kind(status=FAILED, reason=r"{symbol}.parquet: not a Parquet file, or cut off \([0-9,]+ bytes\)", file=cut_off),
    "garbage": Kind(
        status=FAILED,
        reason=r"{symbol}.parquet: not a Parquet file, or cut off \(3,000 bytes\)",
        file=lambda path, frame: path.write_bytes(random.Random(path.stem).randbytes(3000)),
    ),
    "a link to nothing": Kind(status=FAILED, reason="{symbol}.parquet: the link leads to no file", file=link_to_nothing),
    "a flipped bit": Kind(status=FAILED, reason="{symbol}.parquet: the file is damaged: .+", file=damage),
    "closes are text": Kind(
        status=FAILED,
        reason="{symbol}.parquet: its column 'close' is VARCHAR, not numbers",
        spoiled=lambda frame: frame.with_columns(pl.col("close").cast(pl.String)),
    ),
    "timestamps are text": Kind(
        status=FAILED,
        reason="{symbol}.parquet: its timestamps are VARCHAR; they must be dates or timestamps",
        spoiled=lambda frame: frame.with_columns(pl.col("timestamp").cast(pl.String)),
    ),
    "no timestamps": Kind(
        status=FAILED,
        reason="{symbol}.parquet: it has no column 'timestamp'; it has: open, high, low, close, volume.*",
        spoiled=lambda frame: frame.drop("timestamp"),
    ),
    "two closes of a day": Kind(
        status=FAILED, reason="2 rows with different values on 2020-01-01", spoiled=lambda frame: twice(frame, close=1.0)
    ),
    "nulls": Kind(status=NO_DATA, reason=NO_BAR, spoiled=lambda frame: prices(frame, None), rows=ASIDE),
    "NaN": Kind(status=NO_DATA, reason=NO_BAR, spoiled=lambda frame: prices(frame, float("nan"), PRICES), rows=ASIDE),
    "infinity": Kind(status=NO_DATA, reason=NO_BAR, spoiled=lambda frame: prices(frame, float("inf")), rows=ASIDE),
    "all halts": Kind(
        status=NO_DATA,
        reason=NO_BAR,
        spoiled=lambda frame: prices(frame, 0.0, ["open", "high", "low", "volume"]),
        rows=RowCounts(halts=BARS),
    ),
    "before the calendar": Kind(status=NO_DATA, reason=NO_BAR, spoiled=before_the_calendar, rows=ASIDE),
    "one row": Kind(
        status=Status.TOO_LITTLE_HISTORY,
        reason="1 bars; the formula needs 21",
        spoiled=lambda frame: frame.head(1),
        bars=1,
    ),
    "a function raises": Kind(
        status=FAILED,
        reason=r"touchy\(close\): it raises ValueError: not this price",
        spoiled=lambda frame: last_close(frame, RAISED),
    ),
    "an expression raises": Kind(
        status=FAILED,
        reason=r"strict\(close\): conversion from `f64` to `u32` failed .*",
        spoiled=lambda frame: last_close(frame, REFUSED),
    ),
    "an expression panics": Kind(
        status=FAILED,
        reason=r"panicky\(close\): invalid or out-of-range datetime",
        spoiled=lambda frame: last_close(frame, PANICKED),
    ),
}  # fmt: skip

MENDED = {
    "unsorted": lambda frame: frame.sample(fraction=1, shuffle=True, seed=1),
    "equal rows": twice,
    "decimals": as_decimals,
}


# ── a market ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Symbols in the order of the scan; ``faults`` and ``mended`` say who has which."""

    prices: Path
    right_prices: Path
    symbols: list[str]
    faults: dict[str, str]
    mended: dict[str, str]

    @property
    def right(self) -> list[str]:
        """Symbols of which a scan gives what it gives of clean files."""
        return [symbol for symbol in self.symbols if symbol not in self.faults]


def make_folder(folder: Path, count: int, *, each: int = EACH) -> Market:
    """A file per symbol; ``each`` symbols of every kind, spread over the market."""
    market = _cast(folder / "market", folder / "right", count, list(KINDS), each)
    for place in (market.prices, market.right_prices):
        place.mkdir(parents=True)
    for number, symbol in enumerate(sorted(market.symbols)):
        frame, name = clean(number), f"{symbol}.parquet"
        if symbol in market.faults:
            _spoil(KINDS[market.faults[symbol]], market.prices / name, frame)
            continue
        frame.write_parquet(market.right_prices / name)
        if symbol in market.mended:
            MENDED[market.mended[symbol]](frame).write_parquet(market.prices / name)
        else:
            (market.prices / name).hardlink_to(market.right_prices / name)
    return market


def make_file(folder: Path, count: int, *, each: int = EACH) -> Market:
    """One file of all symbols, sorted by symbol: only what is wrong with rows can be wrong."""
    kinds = [name for name, kind in KINDS.items() if kind.file is None and name not in OF_FILES] + ["missing"]
    market = _cast(
        folder / "market.parquet", folder / "right.parquet", count, kinds, each, mended=["unsorted", "equal rows"]
    )
    both: tuple[list[pl.DataFrame], list[pl.DataFrame]] = ([], [])
    for number, symbol in enumerate(sorted(market.symbols)):
        frame, fault = clean(number), market.faults.get(symbol)
        mended = MENDED[market.mended[symbol]](frame) if symbol in market.mended else frame
        if fault is None:
            both[1].append(frame.insert_column(0, pl.lit(symbol).alias("symbol")))
        if fault != "missing":
            spoiled = mended if fault is None else KINDS[fault].spoiled(frame)
            both[0].append(spoiled.select(pl.lit(symbol).alias("symbol"), *frame.columns[-6:]))
    for path, frames in zip((market.prices, market.right_prices), both, strict=True):
        pl.concat(frames).write_parquet(path, row_group_size=5_000)
    return market


OF_FILES = {"no rows", "closes are text", "timestamps are text", "no timestamps"}


def _cast(
    prices: Path, right: Path, count: int, kinds: list[str], each: int, mended: Sequence[str] = tuple(MENDED)
) -> Market:
    """Say who has which fault, and in which order they are asked."""
    symbols = [f"S{number:04}" for number in range(count)]
    dice = random.Random(count)
    chosen = iter(dice.sample(symbols, each * (len(kinds) + len(mended))))
    faults = {next(chosen): kind for kind in kinds for _ in range(each)}
    others = {next(chosen): kind for kind in mended for _ in range(each)}
    dice.shuffle(symbols)
    return Market(prices=prices, right_prices=right, symbols=symbols, faults=faults, mended=others)


def _spoil(kind: Kind, path: Path, frame: pl.DataFrame) -> None:
    if kind.file is not None:
        kind.file(path, frame)
    elif kind.spoiled is not None:
        kind.spoiled(frame).write_parquet(path)


def job(symbols: Sequence[str], formula: object = FORMULA, **options: object) -> ProcessingJob:
    """A job over all history; its functions are not replayed first."""
    options = {"date_range": EVER, "allow_lookahead": True, **options}
    return ProcessingJob(id="faults", symbols=symbols, timeframe=Timeframe.D1, formula=as_formula(formula), **options)


ROWS = registered(FUNCTIONS)
