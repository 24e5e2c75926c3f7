"""Invented markets: a universe that looks like the Korean exchange's, with prices drawn from a seed.

    MarketRecipe    how large, until when, from which seed
    make_market     the market in memory, for tests and notebooks
    write_market    the same market as a folder that Scanner reads, made block by block
    intraday_bars   intraday bars that add up to given daily bars

No company and no price here is real. A symbol's return is its share of the
market's and its sector's, a part of its own whose volatility clusters, now and
then a jump, and a weak pull to where its price began. Prices then obey the
exchange: whole ticks, at most 30 % a day, halts.

From a shell: ``python -m jtscan.market.synthetic FOLDER --symbols 3000 --bars 2500``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from jtscan.errors import DataError, RequestError


class _LazyNumpy:
    """Stands for numpy until an attribute is asked for: importing jtscan must not wait for it."""

    def __getattr__(self, name: str) -> object:
        value = getattr(importlib.import_module("numpy"), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
else:
    np = _LazyNumpy()

INDEX = "KOSPI200"
MARK = {"jtscan.invented": "every symbol, name and price in this file is invented by jtscan.market.synthetic"}

_SYMBOL_SCHEMA = {
    "symbol": pl.String, "name": pl.String, "market": pl.String, "sector": pl.String, "kind": pl.String,
    "listed": pl.Date, "delisted": pl.Date,
}  # fmt: skip
_FIELDS = ("open", "high", "low", "close", "volume")

# Days of the year without trading; the lunar holidays are left out.
_HOLIDAYS = ("01-01", "03-01", "05-01", "05-05", "06-06", "08-15", "10-03", "10-09", "12-25", "12-31")
_DAILY_LIMIT = 0.3
_TICK_BOUNDS = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
_TICKS = (1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0)

_FIXED_CODES = ("005930", "000660", "0004V0", "00088K")
_RESERVED_STEMS = (593, 66, 88)
_CODE_LETTERS = "BCDFGHJLMN"
_FIXED_SECTORS = ("전기전자", "반도체")
_FIXED_NAMES = ("가상전자", "가상반도체")
_SUFFIXES = {
    "전기전자": "전자", "반도체": "칩스", "은행": "은행", "바이오": "바이오", "자동차": "모터스", "화학": "화학",
    "철강": "제강", "조선": "중공업", "건설": "건설", "유통": "상사", "게임": "게임즈", "ETF": "ETF",
}  # fmt: skip
_SECTORS = tuple(_SUFFIXES)[:-1]
_FIRST_SYLLABLES = "가나다라마사아자차타고노도로모보소오조코누두루무부수우주추후벼려여겨혀큐뉴류휴뮤"
_LAST_SYLLABLES = "란빈솔담온린늘름별길찬람울샘봄결돌말숲들산손철림윤뜰튼곤본룬엘탄힐멘델론센텔룸펄"

_MOST_SYMBOLS = 10_000
_BLOCK = 256  # symbols made at once: about 150 MB at work for 2,500 bars
_ROW_GROUP = 125_000
_INDEX_MEMBERS = 200
_INDEX_START = 350.0

_ALPHA, _BETA = 0.10, 0.88  # GARCH(1, 1): weight of the last shock, of the last variance
_VARIANCE_CAP = 16.0
_PULL = 0.0005
_JUMPS_PER_BAR, _JUMP_SIZE = 0.002, 0.18

_SESSION_START, _SESSION_MINUTES = dt.time(9), 390
_POINTS_PER_BAR = 6


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        raise RequestError(field, f"{value!r} is not a whole number from {least:,} to {most:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRecipe:
    """How to invent a market; equal recipes give equal markets.

    ``symbols`` counts stocks and ETFs, from 4 to 10,000; the index comes on
    top. ``bars`` are trading days, the last one on or before ``end``.
    ``intraday`` is how many symbols, from the first, get 5-minute bars in the
    month of ``end``. With fewer than about 20 symbols there may be no ETF,
    halt, listing or delisting.
    """

    symbols: int = 3_000
    bars: int = 2_500
    end: dt.date = dt.date(2024, 12, 30)
    seed: int = 1
    intraday: int = 0

    def __post_init__(self) -> None:
        _check_range("symbols", self.symbols, len(_FIXED_CODES), _MOST_SYMBOLS)
        _check_range("bars", self.bars, 2, 20_000)
        _check_range("seed", self.seed, 0, 2**63 - 1)
        _check_range("intraday", self.intraday, 0, self.symbols)

    @property
    def options(self) -> str:
        """The recipe as options of the command line."""
        names = ("symbols", "bars", "end", "seed", "intraday")
        return " ".join(f"--{name} {getattr(self, name)}" for name in names)


SAMPLE = MarketRecipe(symbols=60, bars=760, end=dt.date(2024, 12, 30), seed=1, intraday=4)
"""The market in the folder ``data`` of the repository."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """An invented market in memory.

    ``symbols`` has one row per symbol, 005930 and 000660 first and the index
    last: symbol, name, market, sector (null for the index), kind ("stock",
    "etf", "index"), listed and delisted (null if not within the span).
    ``daily`` and ``intraday`` have symbol, timestamp, open, high, low, close
    (won) and volume (shares), sorted by symbol and timestamp. A halted day
    has open, high, low and volume 0 and the last close.
    """

    symbols: pl.DataFrame
    daily: pl.DataFrame
    intraday: pl.DataFrame


def make_market(recipe: MarketRecipe) -> Market:
    """Invent a market in memory.

    7.5 million bars take about 0.5 GB; :func:`write_market` needs a third of that.

    Examples
    --------
    >>> market = make_market(MarketRecipe(symbols=20, bars=40))
    >>> market.symbols["symbol"].head(4).to_list()
    ['005930', '000660', '0004V0', '00088K']
    """
    days = _trading_days(recipe)
    universe = _universe(recipe, days)
    frames = list(_daily_frames(recipe, universe, days))
    return Market(
        symbols=_symbol_table(universe, days),
        daily=pl.concat(frames),
        intraday=_month_of_intraday(recipe, [_for_intraday(recipe, universe, frame) for frame in frames]),
    )


def write_market(folder: str | Path, recipe: MarketRecipe) -> None:
    """Invent a market and write it as a folder that Scanner reads.

    Writes ``symbols.parquet``, ``prices/1d/*.parquet``, ``prices/5m/*.parquet``
    if the recipe has intraday symbols, and a README.md that says that all of
    it is invented (so does the metadata of each file). A market written here
    before is replaced; a folder that holds anything else raises DataError.
    """
    folder = Path(folder)
    _remove_earlier_market(folder)
    days = _trading_days(recipe)
    universe = _universe(recipe, days)
    chosen = []
    for number, frame in enumerate(_daily_frames(recipe, universe, days)):
        chosen.append(_for_intraday(recipe, universe, frame))
        _write(frame, folder / "prices" / "1d" / f"bars-{number:03d}.parquet")
    if recipe.intraday:
        _write(_month_of_intraday(recipe, chosen), folder / "prices" / "5m" / "bars-000.parquet")
    _write(_symbol_table(universe, days), folder / "symbols.parquet")
    (folder / "README.md").write_text(_readme(folder.resolve().name, recipe, days), encoding="utf-8")


def intraday_bars(daily: pl.DataFrame, *, minutes: int = 5, seed: int = 1) -> pl.DataFrame:
    """Invent intraday bars that add up to daily bars.

    A day's first open, highest high, lowest low, last close and summed volume
    are those of its daily bar. Timestamps are naive and mark the start of a
    bar, from 09:00; the session ends at 15:30. Halted days have no bars.
    """
    _check_range("minutes", minutes, 1, _SESSION_MINUTES)
    rng = np.random.default_rng([seed, 3])
    days = daily.filter(pl.col("open") > 0)
    count = -(-_SESSION_MINUTES // minutes)
    points = _points_within(rng, days, count * _POINTS_PER_BAR).reshape(len(days), count, _POINTS_PER_BAR)
    values = (points[:, :, 0], points.max(axis=2), points.min(axis=2), points[:, :, -1], _shares(rng, days, count))
    opening = pl.col("timestamp").dt.combine(_SESSION_START, time_unit="us")
    last = opening + dt.timedelta(minutes=minutes * (count - 1))
    keys = days.select("symbol", pl.datetime_ranges(opening, last, f"{minutes}m").alias("timestamp"))
    columns = [pl.Series(name, rows.ravel()) for name, rows in zip(_FIELDS, values, strict=True)]
    return keys.explode("timestamp").with_columns(columns)


# ---- The universe: one row per symbol, with what the public table does not show.


def _trading_days(recipe: MarketRecipe) -> pl.Series:
    start = recipe.end - dt.timedelta(days=15 + recipe.bars * 3 // 2)
    days = pl.date_range(start, recipe.end, eager=True).alias("timestamp")
    open_days = (days.dt.weekday() <= 5) & ~days.dt.strftime("%m-%d").is_in(_HOLIDAYS)  # noqa: PLR2004  Friday
    return days.filter(open_days).tail(recipe.bars)


def _universe(recipe: MarketRecipe, days: pl.Series) -> pl.DataFrame:
    rng = np.random.default_rng([recipe.seed, 0])
    sectors = _sectors(rng, recipe.symbols)
    table = pl.DataFrame({
        "symbol": _codes(rng, recipe.symbols),
        "name": _names(rng, sectors),
        "market": _markets(rng, sectors),
        "sector": sectors,
        "kind": ["etf" if sector == "ETF" else "stock" for sector in sectors],
    })  # fmt: skip
    indexed = (pl.col("market") == "KOSPI") & (pl.col("kind") == "stock")
    table = table.with_columns(member=indexed & (indexed.cum_sum() <= _INDEX_MEMBERS))
    return table.with_columns(_traits(rng, table["kind"] == "etf") + _lives(rng, table["kind"] == "stock", len(days)))


def _codes(rng: Generator, count: int) -> list[str]:
    stems = np.setdiff1d(np.arange(1, 50_000), _RESERVED_STEMS)
    picked = rng.choice(stems, count - len(_FIXED_CODES), replace=False)
    forms = rng.choice(3, len(picked), p=(0.97, 0.015, 0.015))
    return [*_FIXED_CODES, *sorted(map(_code, picked.tolist(), forms.tolist()))]


def _code(stem: int, form: int) -> str:
    """Write a code as common shares have it, as preferred shares do, or in the newer form with a letter."""
    return (f"{stem:05d}0", f"{stem:05d}K", f"{stem // 10:04d}{_CODE_LETTERS[stem % 10]}0")[form]


def _sectors(rng: Generator, count: int) -> list[str]:
    sectors = [*_FIXED_SECTORS, *rng.choice(_SECTORS, count - len(_FIXED_SECTORS)).tolist()]
    free = np.arange(len(_FIXED_CODES), count)
    for place in rng.choice(free, min(max(2, count // 20), len(free)), replace=False):
        sectors[place] = "ETF"
    return sectors


def _names(rng: Generator, sectors: Sequence[str]) -> list[str]:
    """Put 가상 ("imaginary") before two syllables and the sector's word; no name comes twice."""
    pairs = [first + last for first in _FIRST_SYLLABLES for last in _LAST_SYLLABLES]
    left = {sector: iter(rng.permutation(pairs).tolist()) for sector in _SUFFIXES}
    names = [f"가상{next(left[sector])}{_SUFFIXES[sector]}" for sector in sectors]
    return [*_FIXED_NAMES, *names[len(_FIXED_NAMES) :]]


def _markets(rng: Generator, sectors: Sequence[str]) -> list[str]:
    kospi = (rng.permutation(len(sectors)) < len(sectors) / 3) | (np.array(sectors) == "ETF")
    kospi[: len(_FIXED_SECTORS)] = True
    return ["KOSPI" if large else "KOSDAQ" for large in kospi.tolist()]


def _traits(rng: Generator, etfs: pl.Series) -> list[pl.Series]:
    """Draw the start in won, own volatility per day, share of the market's return, and won traded per day."""
    etf = etfs.to_numpy()
    start = np.exp(rng.normal(np.log(12_000), 1.0, len(etf))).clip(800, 600_000)
    start[:2] = (60_000, 110_000)
    turnover = np.exp(rng.normal(np.log(3e9), 1.3, len(etf)))
    turnover[:2] = (8e11, 4e11)
    volatility = np.where(etf, 0.003, np.exp(rng.normal(np.log(0.020), 0.3, len(etf))))
    beta = np.where(etf, 1.0, rng.normal(1.0, 0.3, len(etf)))
    drift = np.where(etf, 0.0, rng.normal(0.0, 0.0002, len(etf)))
    traits = {"start": start, "turnover": turnover, "volatility": volatility, "beta": beta, "drift": drift}
    return [pl.Series(name, values) for name, values in traits.items()]


def _lives(rng: Generator, stocks: pl.Series, bars: int) -> list[pl.Series]:
    """Draw each symbol's first and last bar; ``lasting`` tells those that may be halted."""
    free = rng.permutation(np.flatnonzero(stocks)[len(_FIXED_CODES) :])
    changes = min(max(1, len(stocks) // 40), len(free) // 4)
    first, last, lasting = (np.full(len(stocks), value) for value in (0, bars - 1, 0))
    first[free[:changes]] = rng.integers(bars // 4, bars * 3 // 4, changes)
    last[free[changes : 2 * changes]] = rng.integers(bars // 4, bars * 3 // 4, changes)
    lasting[free[2 * changes :]] = 1
    return [pl.Series("first", first), pl.Series("last", last), pl.Series("lasting", lasting == 1)]


def _symbol_table(universe: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """Give the public columns; a symbol is delisted on the first trading day without it, as KRX counts."""
    listed = universe["first"].replace(0, None)
    delisted = (universe["last"] + 1).replace(len(days), None)
    table = universe.with_columns(listed=days.gather(listed), delisted=days.gather(delisted)).select(*_SYMBOL_SCHEMA)
    index = pl.DataFrame([(INDEX, "가상200지수", "INDEX", None, "index", None, None)], _SYMBOL_SCHEMA, orient="row")
    return pl.concat([table, index])


# ---- Daily bars: arrays with one row per trading day and one column per symbol.


def _daily_frames(recipe: MarketRecipe, universe: pl.DataFrame, days: pl.Series) -> Iterator[pl.DataFrame]:
    """Give the bars of one block of symbols after the other, in the order of their codes, the index last."""
    factors = _factors(recipe)
    halted = _halts(recipe, universe)
    growth = np.zeros((len(_FIELDS) + 1, recipe.bars))
    for number, block in enumerate(halted.iter_slices(_BLOCK)):
        rng = np.random.default_rng([recipe.seed, 2, number])
        live = _live(block, recipe.bars)
        returns, volatility = _returns(rng, block, factors)
        closes = _walk(returns, block["start"].to_numpy(), live)
        bars = _bars(rng, block, closes, volatility, live)
        growth += _index_growth(block, closes[:-1], bars, live)
        yield _frame(block, days, bars)
    yield _index_frame(days, growth)


def _factors(recipe: MarketRecipe) -> Floats:
    """Draw the returns of the market, of each sector, and a column of zeros for what has no sector."""
    rng = np.random.default_rng([recipe.seed, 1])
    daily = np.array([0.009] + [0.006] * len(_SECTORS))
    returns, _ = _clustered(rng, recipe.bars, daily)
    return np.column_stack([returns, np.zeros(recipe.bars)])


def _clustered(rng: Generator, bars: int, volatility: Floats) -> tuple[Floats, Floats]:
    """Draw returns whose variance follows a GARCH(1, 1) recursion, and their volatility on each day."""
    returns = rng.standard_t(8, (bars, len(volatility))) * np.sqrt(6 / 8)
    levels = np.empty_like(returns)
    usual = volatility**2
    variance = usual.copy()
    for day, level in enumerate(levels):
        np.sqrt(variance, out=level)
        returns[day] *= level
        variance = (1 - _ALPHA - _BETA) * usual + _ALPHA * returns[day] ** 2 + _BETA * variance
        np.minimum(variance, _VARIANCE_CAP * usual, out=variance)
    return returns, levels


def _halts(recipe: MarketRecipe, universe: pl.DataFrame) -> pl.DataFrame:
    """Sort the universe by code and give some symbols one stretch without trading."""
    rng = np.random.default_rng([recipe.seed, 4])
    table = universe.sort("symbol")
    places = np.flatnonzero(table["lasting"])
    picked = rng.choice(places, min(max(3, len(table) * recipe.bars // 15_000), len(places)), replace=False)
    start, days = np.full(len(table), recipe.bars), np.zeros(len(table), dtype=int)
    start[picked] = rng.integers(1, recipe.bars, len(picked))
    days[picked] = rng.integers(1, min(20, 1 + recipe.bars // 4) + 1, len(picked))
    return table.with_columns(pl.Series("halt", start), pl.Series("halt_end", start + days))


def _live(block: pl.DataFrame, bars: int) -> Flags:
    day = np.arange(bars)[:, None]
    return (day < block["halt"].to_numpy()) | (day >= block["halt_end"].to_numpy())


def _returns(rng: Generator, block: pl.DataFrame, factors: Floats) -> tuple[Floats, Floats]:
    """Add up each symbol's returns, before the exchange's rules, and give its own volatility on each day."""
    returns, volatility = _clustered(rng, len(factors), block["volatility"].to_numpy())
    sectors = block["sector"].replace_strict({name: place for place, name in enumerate(_SUFFIXES, start=1)})
    returns += block["drift"].to_numpy() + block["beta"].to_numpy() * factors[:, :1] + factors[:, sectors.to_numpy()]
    jumps = rng.integers(0, returns.size, int(returns.size * _JUMPS_PER_BAR))
    jumping = (block["kind"] != "etf").to_numpy()[jumps % len(block)]
    returns.flat[jumps] += rng.normal(0, _JUMP_SIZE, len(jumps)) * jumping
    return returns, volatility


def _walk(returns: Floats, start: Floats, live: Flags) -> Floats:
    """Follow the returns from the price before the first bar; each close is on a tick and within the day's limit."""
    closes = np.empty((len(returns) + 1, len(start)))
    closes[0] = _on_tick(start)
    anchor = level = np.log(closes[0])
    for day, change in enumerate(returns):
        lowest, highest = _limits(closes[day])
        level = level + (change + _PULL * (anchor - level)) * live[day]
        level = level.clip(np.log(lowest), np.log(highest))
        closes[day + 1] = _on_tick(np.exp(level)).clip(lowest, highest)
    return closes


def _tick(prices: Floats) -> Floats:
    return np.asarray(_TICKS)[np.searchsorted(_TICK_BOUNDS, prices, side="right")]


def _on_tick(prices: Floats) -> Floats:
    tick = _tick(prices)
    return np.rint(prices / tick) * tick


def _limits(before: Floats) -> tuple[Floats, Floats]:
    """Give the lowest and the highest price of the day after these closes, both on a tick."""
    low, high = before * (1 - _DAILY_LIMIT), before * (1 + _DAILY_LIMIT)
    low_tick, high_tick = _tick(low), _tick(high)
    return np.ceil(low / low_tick) * low_tick, np.floor(high / high_tick) * high_tick


def _bars(rng: Generator, block: pl.DataFrame, closes: Floats, volatility: Floats, live: Flags) -> list[Floats]:
    """Put open, high, low and volume around the closes; a halted day keeps only its close."""
    before, close = closes[:-1], closes[1:]
    lowest, highest = _limits(before)
    change = np.log(close / before)
    spread = partial(_spread, rng, volatility)
    first = _on_tick(before * np.exp(0.4 * change + spread(0.35))).clip(lowest, highest)
    high = _on_tick(np.maximum(first, close) * np.exp(np.abs(spread(0.6)))).clip(lowest, highest)
    low = _on_tick(np.minimum(first, close) * np.exp(-np.abs(spread(0.6)))).clip(lowest, highest)
    unrest = (0.4 * volatility + 0.6 * np.abs(change)) / block["volatility"].to_numpy()
    shares = block["turnover"].to_numpy() / close * unrest * np.exp(rng.normal(0, 0.4, close.shape))
    return [first * live, high * live, low * live, close, np.rint(shares).clip(1) * live]


def _spread(rng: Generator, volatility: Floats, share: float) -> Floats:
    return share * volatility * rng.standard_normal(volatility.shape)


def _frame(block: pl.DataFrame, days: pl.Series, bars: Sequence[Floats]) -> pl.DataFrame:
    """Lay the arrays out as rows: a symbol's days together, only those on which it was listed."""
    day = np.arange(len(days))
    listed = (day >= block["first"].to_numpy()[:, None]) & (day <= block["last"].to_numpy()[:, None])
    symbols, places = np.nonzero(listed)
    columns = {name: np.ascontiguousarray(values.T)[listed] for name, values in zip(_FIELDS, bars, strict=True)}
    return pl.DataFrame({"symbol": block["symbol"].gather(symbols), "timestamp": days.gather(places), **columns})


# ---- The index: the mean of its members' returns.


def _index_growth(block: pl.DataFrame, before: Floats, bars: Sequence[Floats], live: Flags) -> Floats:
    """Sum the members' prices over their last close, their volumes and their number, for each day."""
    day = np.arange(len(before))[:, None]
    known = (day > block["first"].to_numpy()) | (block["first"].to_numpy() == 0)
    counted = known & (day <= block["last"].to_numpy()) & live & block["member"].to_numpy()
    prices = [(values / before * counted).sum(axis=1) for values in bars[:4]]
    return np.stack([*prices, (bars[4] * counted).sum(axis=1), counted.sum(axis=1)])


def _index_frame(days: pl.Series, growth: Floats) -> pl.DataFrame:
    """Turn the sums into bars; highs and lows lie nearer than the members', which peak at different times."""
    first, high, low, close = growth[:4] / growth[5]
    top, bottom = np.maximum(first, close), np.minimum(first, close)
    high, low = top + 0.4 * (high - top), bottom + 0.4 * (low - bottom)
    before = _INDEX_START * np.cumprod(close) / close
    prices = [np.round(before * ratio, 2) for ratio in (first, high, low, close)]
    columns = dict(zip(_FIELDS, [*prices, growth[4]], strict=True))
    return pl.DataFrame({"symbol": [INDEX] * len(days), "timestamp": days, **columns})


# ---- Intraday bars: arrays with one row per symbol and day.


def _for_intraday(recipe: MarketRecipe, universe: pl.DataFrame, daily: pl.DataFrame) -> pl.DataFrame:
    chosen = universe["symbol"].head(recipe.intraday).to_list()
    return daily.filter(pl.col("symbol").is_in(chosen), pl.col("timestamp") >= recipe.end.replace(day=1))


def _month_of_intraday(recipe: MarketRecipe, daily: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return intraday_bars(pl.concat(daily), seed=recipe.seed)


def _points_within(rng: Generator, days: pl.DataFrame, count: int) -> Floats:
    """Draw a path of prices per day, from its open to its close, that touches its high and its low."""
    first, high, low, close = (days[name].to_numpy()[:, None] for name in _FIELDS[:4])
    steps = rng.standard_normal((len(days), count)).cumsum(axis=1)
    share = np.linspace(0, 1, count)
    bridge = steps - steps[:, :1] * (1 - share) - steps[:, -1:] * share
    bridge *= (high - low) / np.ptp(bridge, axis=1, keepdims=True)
    path = first + (close - first) * share + bridge
    path = high - np.abs(high - path)  # what would leave the day's range turns back into it
    path = low + np.abs(path - low)
    points = _on_tick(path.clip(low, high))
    row = np.arange(len(days))
    points[row, 1 + path[:, 1:-1].argmax(axis=1)] = high[:, 0]
    points[row, 1 + path[:, 1:-1].argmin(axis=1)] = low[:, 0]
    return points


def _shares(rng: Generator, days: pl.DataFrame, count: int) -> Floats:
    """Split each day's volume over its bars, more of it at the open and the close."""
    weights = (1 + 2 * np.linspace(-1, 1, count) ** 2) * np.exp(rng.normal(0, 0.5, (len(days), count)))
    until = weights.cumsum(axis=1) / weights.sum(axis=1, keepdims=True)
    until[:, -1] = 1.0
    return np.diff(np.floor(until * days["volume"].to_numpy()[:, None]), axis=1, prepend=0)


# ---- Files.


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, compression="zstd", row_group_size=_ROW_GROUP, metadata=MARK)


def _remove_earlier_market(folder: Path) -> None:
    """Remove what was written here before, after a look that all of it is ours."""
    found = [path for path in (folder / "symbols.parquet", folder / "README.md") if path.exists()]
    found += (folder / "prices").rglob("*.parquet")
    for path in found:
        if not _is_ours(path):
            raise DataError(f"{path}: was not written by this generator; choose another folder, or remove the file")
    for path in found:
        path.unlink()


def _is_ours(path: Path) -> bool:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8", errors="replace").startswith(_README_TITLE)
    try:
        return MARK.keys() <= pl.read_parquet_metadata(path).keys()
    except pl.exceptions.PolarsError:
        return False


_README_TITLE = "# An invented market"
_README = """\
{title}

**Everything in this folder is invented.** No company, name, price or volume is real, and none may be taken for
one: the codes only look like those of the Korean exchange (005930 here is "가상전자", "imaginary electronics"), the
prices are random numbers. They show how jtscan works and say nothing about any market.

Made by

    python -m jtscan.market.synthetic {folder} {options}
{sample}
The same command gives the same numbers.

| file | what |
|---|---|
| `symbols.parquet` | symbol, name, market (KOSPI, KOSDAQ, INDEX), sector, kind (stock, etf, index), listed, delisted |
| `prices/1d/*.parquet` | symbol, timestamp (date), open, high, low, close (won), volume (shares) |
{intraday}
{symbols:,} stocks and ETFs and the index KOSPI200 (the mean of the returns of up to 200 KOSPI stocks),
{bars:,} trading days from {start} to {end}. Rows are sorted by symbol and timestamp; an intraday
timestamp is the start of its bar. `listed` is the first day of a symbol that came during the span, `delisted` the
first trading day without one that went; both are null otherwise.

What is like the Korean exchange: tick sizes, the limit of 30 % a day, days without trading at weekends and on fixed
holidays (the lunar ones are left out), and halts: open, high, low and volume are 0 and close is the last close.
Volatility clusters, and volume rises with it.
"""
_README_INTRADAY = """\
| `prices/5m/*.parquet` | the same for {intraday} symbols in the last month; the bars of a day add up to its daily bar |
"""


def _readme(folder: str, recipe: MarketRecipe, days: pl.Series) -> str:
    return _README.format(
        title=_README_TITLE,
        folder=folder,
        options=recipe.options,
        sample=f"\nor `python -m jtscan.market.synthetic {folder} --sample`.\n" if recipe == SAMPLE else "",
        intraday=_README_INTRADAY.format(intraday=recipe.intraday) if recipe.intraday else "",
        symbols=recipe.symbols,
        bars=recipe.bars,
        start=days[0],
        end=days[-1],
    )


# ---- The command line.


def main(arguments: Sequence[str] | None = None) -> None:
    """Write an invented market into a folder."""
    parser = argparse.ArgumentParser(prog="python -m jtscan.market.synthetic", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    for name in ("symbols", "bars", "seed", "intraday"):
        parser.add_argument(f"--{name}", type=int, default=getattr(MarketRecipe(), name), help="default: %(default)s")
    parser.add_argument("--end", type=dt.date.fromisoformat, default=MarketRecipe().end, help="default: %(default)s")
    parser.add_argument("--sample", action="store_true", help="the market in jtscan's own folder data, nothing else")
    chosen = vars(parser.parse_args(arguments))
    folder, sample = chosen.pop("folder"), chosen.pop("sample")
    recipe = SAMPLE if sample else MarketRecipe(**chosen)
    write_market(folder, recipe)
    sys.stdout.write(f"{folder}: an invented market, {recipe.options}\n")


if __name__ == "__main__":
    main()
