"""Every function and every formula of the library: nothing looks ahead, and a range starts where it likes.

No look-ahead: the data cut after a bar gives the same answers up to that bar, to the bit.
Warm-up: what a scan finds from a day on is what ``warmup="full"`` finds there, within 1e-9.

Both compare jtscan with itself on other data, so there is no answer to work out outside.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.formula import compile_formula
from jtscan.formula.rows import Arg, Want
from jtscan.formula.rows import Function as Row
from jtscan.formula.table import rows

PRICES = ("open", "high", "low", "close", "volume")
COLUMNS = (*PRICES, "per", "other", "lengths")
SHARES = ("A", "B", "C", "D", "E", "F")
INDEX = "KOSPI200"
CUTS = 25

# ── a formula for each output of each function ───────────────────────────────

_UNIT = "((close - low) / (high - low + 1))"
TEXTS: dict[str, tuple[str, ...]] = {
    "acos": (f"acos({_UNIT})",),
    "asin": (f"asin({_UNIT})",),
    "cosh": ("cosh(close / 10000)",),
    "sinh": ("sinh(close / 10000)",),
    "exp": ("exp(close / 10000)",),
    "beta": ("beta(close, other, 5)", "beta(per, other, 21)"),
    "mavp": ("mavp(close, lengths, 2, 30, 0)", "mavp(close, lengths, 2, 20, 1)"),
    "ma": tuple(f"ma(close, 12, {kind})" for kind in range(14)),
    "macdext": ("macdext(close, 12, 1, 26, 1, 9, 1)", "macdext(close, 6, 3, 13, 4, 5, 8)"),
    "bbands": ("bbands(close, 20, 2, 2, 0)", "bbands(close, 10, 2, 2, 1)"),
    "stoch": ("stoch(14, 3, 3)",),
    "ta_stoch": ("ta_stoch(5, 3, 1, 3, 1)", "ta_stoch(9, 3, 13, 3, 13)"),
    "nz": ("nz(per, close)",),
    "isna": ("isna(per)",),
    "ffill": ("ffill(per)",),
    "streak": ("streak(close > open)", "streak(per > 0)"),
    "barssince": ("barssince(close > highest(high, 20)[1])",),
    "valuewhen": ("valuewhen(close > open, close)", "valuewhen(close > open, high, 3)", "valuewhen(per > 0, close, 1)"),
    "sequence": ("sequence(10, close > open, low < low[1])", "sequence(9, per > 0, close < open, close > high[1])"),
    "within": ("within(close > highest(high, 20)[1], 5)", "within(per > 0, 4)"),
    "every": ("every(close > close[3], 3)", "every(per > 0, 4)"),
    "pivothigh": ("pivothigh(high, 5, 5)", "pivothigh(per, 3, 2)"),
    "pivotlow": ("pivotlow(low, 5, 5)", "pivotlow(per, 2, 4)"),
    "rank": ("rank(roc(close, 20))", "rank(rsi(close, 5), by=sector)", "rank(close, where=volume > sma(volume, 20))"),
    "top": ("top(roc(close, 20), 2)", "top(ema(close, 10) / close, 1, by=sector)"),
    "bottom": ("bottom(per, 2)",),
    "zscore": ("zscore(close / close[20])", "zscore(per)"),
    "demean": ("demean(rsi(close, 14))", "demean(per, by=sector)"),
    "universe_mean": ("universe_mean(close > sma(close, 50))", "universe_mean(per)"),
    "universe_median": ("universe_median(close / ema(close, 12))",),
    "universe_std": ("universe_std(roc(close, 5))",),
    "universe_sum": ("universe_sum(close > open)",),
    "universe_count": ("universe_count(sma(close, 100))",),
    "ref": ('close / ref("KOSPI200", close)', 'ref("KOSPI200", ema(close, 10))', 'ref("KOSPI200", close > sma(close, 20))',
            'rank(roc(close, 20) - ref("KOSPI200", roc(close, 20)))'),
    "weekly": ("weekly(close)", "weekly(sma(close, 10))", "weekly(ema(close, 8))", "weekly(highest(high, 5)[1])",
               "weekly(rsi(close, 5))", "weekly(close > close[1])", "weekly(sma(close, 4), developing=True)"),
    "monthly": ("monthly(close)", "monthly(sma(close, 4))", "monthly(high - low)", "monthly(close[1], developing=True)"),
    "tf": ('tf("1w", lowest(low, 4))', 'tf("1mo", volume)', 'tf("1w", atr(3))'),
}  # fmt: skip
"""Functions whose formula cannot be written from their row alone, or that deserve more than one."""

BEYOND_FUNCTIONS = (
    "close[7]", "ema(close, 10)[3]", "bar_index", "hl2", "close / 7 - open ** 0.5", "close if per > 0 else open",
    "sma(ema(close, 5), 10)", "ema(rsi(close, 5), 5)", "highest(adx(5), 10)", "kama(per, 5)",
    "ema(per, 5)", "rsi(per, 7)", "dayofweek", "trix(per, 5)", "streak(rsi(close, 3) > 50)",
)  # fmt: skip

_ARGUMENTS = {
    Want.SERIES: "close", Want.CONDITION: "close > open", Want.VALUE: "close", Want.ANY: "close", Want.LENGTH: "14",
}  # fmt: skip
_SECOND = {"b": "sma(close, 20)", "y": "other", "real1": "other", "price1": "other", "c2": "close > close[1]"}


def argument(arg: Arg) -> str | None:
    if arg.optional or arg.keyword_only:
        return None
    if arg.name in _SECOND:
        return _SECOND[arg.name]
    return f"{arg.default:g}" if arg.default is not None else _ARGUMENTS[arg.want]


def with_outputs(row: Row, call: str) -> list[str]:
    return [f"{call}.{output}" if output else call for output in row.outputs]


def texts_of(row: Row) -> tuple[str, ...]:
    """Write a formula for each output of a function."""
    calls = TEXTS.get(row.name) or (f"{row.name}({', '.join(each for each in map(argument, row.args) if each)})",)
    return tuple(text for call in calls for text in with_outputs(row, call))


@cache
def all_texts() -> tuple[str, ...]:
    return (*dict.fromkeys(text for row in rows() for text in texts_of(row)), *BEYOND_FUNCTIONS)


ACROSS = ("rank(", "top(", "bottom(", "zscore(", "demean(", "universe_", "ref(")


def crosses_symbols(text: str) -> bool:
    return any(word in text for word in ACROSS) and not text.startswith(("percentrank(", "ta_percentrank("))


# ── invented bars ────────────────────────────────────────────────────────────


def walk(dice: np.random.Generator, count: int, start: float = 20_000.0) -> np.ndarray:
    return np.maximum(np.round(start * np.exp(np.cumsum(dice.normal(0, 0.02, count))) / 10) * 10, 100)


def history(count: int, seed: int) -> pl.DataFrame:
    """Prices in whole tens; ``per`` and ``other`` have a few unknown stretches."""
    dice = np.random.default_rng(seed)
    close = walk(dice, count)
    start = np.round(close * (1 + dice.normal(0, 0.01, count)) / 10) * 10
    per = np.round(dice.normal(0, 0.3, count).cumsum() + dice.normal(0, 1, count), 2)
    holes = dice.random(count) < 0.004
    days = pl.date_range(dt.date(2010, 1, 1), dt.date(2010, 1, 1) + dt.timedelta(days=2 * count), eager=True)
    return pl.DataFrame({
        "timestamp": days.filter(days.dt.weekday() <= 5).head(count),
        "open": start,
        "high": np.maximum(start, close) + 10 * np.floor(dice.exponential(10, count)),
        "low": np.maximum(np.minimum(start, close) - 10 * np.floor(dice.exponential(10, count)), 10),
        "close": close,
        "volume": np.floor(dice.lognormal(10, 1, count)),
        "per": pl.Series(np.where(holes, np.nan, per)).fill_nan(None),
        "other": np.round(50 + dice.normal(0, 1, count).cumsum(), 2),
        "lengths": np.floor(dice.uniform(2, 31, count)),
    })  # fmt: skip


def flat(frame: pl.DataFrame, begin: int, length: int, *, traded: bool = True) -> pl.DataFrame:
    """One price for some bars, as if nobody wanted another."""
    inside = pl.int_range(pl.len()).is_between(begin, begin + length - 1)
    price = frame["close"][begin]
    stands = [pl.when(inside).then(pl.lit(price)).otherwise(name).alias(name) for name in PRICES[:4]]
    return frame.with_columns(stands).with_columns(
        volume=pl.when(inside & pl.lit(not traded)).then(0.0).otherwise("volume")
    )


def halted(frame: pl.DataFrame, begin: int, length: int) -> pl.DataFrame:
    """Rows as KRX sources mark a halt: open, high, low and volume are 0."""
    inside = pl.int_range(pl.len()).is_between(begin, begin + length - 1)
    zeros = [pl.when(inside).then(0.0).otherwise(name).alias(name) for name in ("open", "high", "low", "volume")]
    return frame.with_columns(zeros)


def market(count: int, seed: int) -> pl.DataFrame:
    """Six shares and an index: A plain, B with flat stretches, C with halts, D with absent days, E listed midway, F all of it."""
    a, b, c, d, e, f, index = (history(count, 10 * seed + n) for n in range(7))
    for begin, length in ((count // 10, 30), (count // 3, 90), (count - 330, 120), (count - 60, 15)):
        b = flat(b, begin, length)
    for begin, length in ((50, 3), (count // 2, 40), (count - 250, 12), (count - 40, 1)):
        c = halted(c, begin, length)
    dice = np.random.default_rng(seed)
    d = d.filter(
        pl.Series(dice.random(count) > 0.1) & ~pl.int_range(count, eager=True).is_between(count - 400, count - 340)
    )
    e = e.tail(count // 4)
    f = halted(flat(flat(f, count - 500, 200, traded=False), count - 90, 8), count - 200, 5)
    f = f.filter(pl.Series(dice.random(count) > 0.02))
    named = zip((*SHARES, INDEX), (a, b, c, d, e, f, index), strict=True)
    return pl.concat([frame.select(pl.lit(name).alias("symbol"), pl.all()) for name, frame in named])


SYMBOLS = pl.DataFrame(
    {
        "symbol": [*SHARES, INDEX],
        "name": [*SHARES, INDEX],
        "market": ["KOSPI"] * 6 + ["INDEX"],
        "sector": ["x", "y", "x", "y", "x", "y", None],
        "listed": [None] * 7,
        "delisted": [None] * 7,
    },
    schema_overrides={"listed": pl.Date, "delisted": pl.Date},
)


def scanner_of(frame: pl.DataFrame, folder: Path) -> jt.Scanner:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "prices.parquet")
    SYMBOLS.write_parquet(folder / "symbols.parquet")
    return jt.Scanner(prices=folder / "prices.parquet", symbols=folder / "symbols.parquet", raise_internal=True)


def scanned(scanner: jt.Scanner, formula: str, **options) -> pl.DataFrame:
    result = scanner.scan(formula, symbols=SHARES, **options)
    assert result.errors_count == 0, result.outcomes
    return result.signals.matches.drop("name").sort("symbol", "timestamp", maintain_order=True)


def script_of(texts: Sequence[str]) -> str:
    return "\n".join([*(f"x_{n} = {text}" for n, text in enumerate(texts)), "match = close > 0"])


def batches(texts: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (texts[begin : begin + size] for begin in range(0, len(texts), size))


def differing(now: pl.DataFrame, before: pl.DataFrame, texts: Mapping[str, str]) -> list[str]:
    """Columns that are not the same to the bit."""
    if now.height != before.height:
        return [f"{now.height} rows, not {before.height}"]
    return [texts.get(name, name) for name in now.columns if not now[name].equals(before[name], null_equal=True)]


# ── no look-ahead ────────────────────────────────────────────────────────────


def bars_alone(count: int, seed: int) -> pl.DataFrame:
    """Bars as the engine receives them, halts left out."""
    return market(count, seed).filter(pl.col("high") > 0, pl.col("symbol").is_in(["A", "B", "D", "E"]))


def random_days(frame: pl.DataFrame, seed: int) -> list[dt.date]:
    days = frame["timestamp"].unique().sort()
    return sorted(np.random.default_rng(seed).choice(days.to_list()[5:-1], CUTS, replace=False))


def looking_ahead(texts: Sequence[str], frame: pl.DataFrame, days: Sequence[dt.date]) -> list[str]:
    plan = compile_formula(jt.Formula(text=script_of(texts)), dict.fromkeys(COLUMNS, "number"))
    names = {column: texts[n] for n, column in enumerate(plan.columns.values())}

    def values(bars: pl.DataFrame) -> pl.DataFrame:
        made = evaluate(plan.steps, bars)
        assert made.failures == {}
        return made.frame.select("timestamp", *names)

    full = values(frame)
    found = []
    for day in days:
        until = values(frame.filter(pl.col("timestamp") <= day)).drop("timestamp")
        found += [
            f"{text} on {day}"
            for text in differing(until, full.filter(pl.col("timestamp") <= day).drop("timestamp"), names)
        ]
    return found


def test_every_function_has_a_formula_for_each_output():
    texts = all_texts()
    assert len(rows()) >= 271
    assert all(texts_of(row) for row in rows())
    assert set(TEXTS) <= {row.name for row in rows()}
    assert len(texts) >= 370


@pytest.mark.slow
def test_no_function_changes_its_answers_when_later_bars_come():
    frame = bars_alone(600, 1)
    texts = [text for text in all_texts() if not crosses_symbols(text)]
    days = random_days(frame, 2)
    found = [each for batch in batches(texts, 50) for each in looking_ahead(batch, frame, days)]
    assert found == []
    assert len(texts) >= 345
    assert len(days) == 25


@pytest.mark.slow
def test_no_function_across_symbols_changes_its_answers_when_later_bars_come(tmp_path):
    frame = market(450, 3)
    texts = [text for text in all_texts() if crosses_symbols(text)]
    days = random_days(frame, 4)
    full = scanned(scanner_of(frame, tmp_path / "full"), script_of(texts), start="2000-01-01")
    names = {f"x_{n}": text for n, text in enumerate(texts)}
    found = []
    for day in days:
        cut = scanner_of(frame.filter(pl.col("timestamp") <= day), tmp_path / "cut")
        until = scanned(cut, script_of(texts), start="2000-01-01")
        found += [f"{each} on {day}" for each in differing(until, full.filter(pl.col("timestamp") <= day), names)]
    assert found == []
    assert len(texts) >= 20


@pytest.mark.slow
def test_no_formula_of_the_library_changes_its_answers_when_later_bars_come(tmp_path):
    frame = market(700, 5)
    days = random_days(frame.filter(pl.col("timestamp") > dt.date(2011, 1, 1)), 4)
    scanner = scanner_of(frame, tmp_path / "full")
    full = {name: scanned(scanner, seen(name), start="2000-01-01") for name in jt.library}
    found = []
    for day in days:
        cut = scanner_of(frame.filter(pl.col("timestamp") <= day), tmp_path / "cut")
        for name, answers in full.items():
            until = scanned(cut, seen(name), start="2000-01-01")
            found += [
                f"{name} {each} on {day}" for each in differing(until, answers.filter(pl.col("timestamp") <= day), {})
            ]
    assert found == []
    assert len(full) >= 24


def seen(name: str) -> str:
    """A formula of the library with a signal on every bar, so that all its columns are seen."""
    return f'{jt.library[name].text}\nsignal("every_bar", close > 0)'


# ── warm-up ──────────────────────────────────────────────────────────────────

BARS = 1700
STARTS = tuple(dt.date(2010, 1, 1) + dt.timedelta(days=7 * (BARS - back) // 5) for back in (390, 310, 211, 40))

LOOSER = {
    "ema": "its seed still weighs 5.5e-9",
    "rma": "its seed still weighs 3e-9",
    "atr": "an RMA",
    "rsi": "a ratio of RMAs",
    "adx": "an RMA of ratios of RMAs",
    "macd": "a difference of EMAs",
}
"""FORMULA section 4 gives these a round number of bars that leaves a little more than 1e-9, and tests quote it."""
DIFFERENCES = {
    **dict.fromkeys(("apo", "macd", "macdext", "macdfix", "eri", "mom", "change", "stddev", "stdev", "linearreg_slope",
                     "slope", "qstick", "dpo", "ao", "ac"), "prices"),
    "demean": "what they are taken from",
}  # fmt: skip
"""Function -> its values are small differences of these, so their errors are measured against these."""
_WORD = re.compile(r"(?:ta_)?(\w+)\(")


def tolerance(text: str) -> float:
    return 1e-8 if LOOSER.keys() & set(_WORD.findall(text)) else 1e-9


def sizes(full: pl.DataFrame, name: str, text: str) -> pl.Series:
    """What an error is measured against: the value, or a thousandth of its symbol's largest, or of the price."""
    match DIFFERENCES.get(_WORD.match(text).group(1)) if _WORD.match(text) else None:
        case "prices":
            least = 1e-3 * full["close"]
        case None:
            least = full.select(1e-3 * pl.col(name).abs().max().over("symbol")).to_series()
        case _:
            least = full.select(pl.col(name).abs().max()).to_series().new_from_index(0, full.height)
    return pl.select(pl.max_horizontal(full[name].abs(), least, 1e-300)).to_series()


def apart(now: pl.DataFrame, full: pl.DataFrame, name: str, text: str) -> str | None:
    """What differs by more than the tolerance."""
    ours, theirs = now[name], full[name]
    if not ours.is_null().equals(theirs.is_null()):
        return f"{text}: {(ours.is_null() != theirs.is_null()).sum()} bars are unknown in one only"
    if ours.dtype == pl.Boolean:
        return None if ours.equals(theirs) else f"{text}: {(ours != theirs).sum()} bars"
    error = ((ours - theirs).abs() / sizes(full, name, text)).max()
    return f"{text}: {error:.1e}" if error is not None and error > tolerance(text) else None


def needs(text: str) -> tuple:
    """How far back a formula reads: formulas that need the same share a script, so that none gets more than it asks for."""
    plan = compile_formula(jt.Formula(text=script_of([text])), dict.fromkeys(COLUMNS, "number"))
    settles = {(each.before, each.bars) for each in plan.last.settles}
    return str(plan.warmup), str(sorted(settles)), len(plan.passes), str(sorted(plan.periods.items()))


def alike(texts: Iterable[str]) -> list[list[str]]:
    groups: dict[tuple, list[str]] = {}
    for text in texts:
        groups.setdefault(needs(text), []).append(text)
    return [list(batch) for group in groups.values() for batch in batches(group, 15)]


def dependent(scanner: jt.Scanner, script: str, names: Mapping[str, str]) -> list[str]:
    """What depends on where the range starts."""
    everything = scanned(scanner, script, start=STARTS[0], warmup="full")
    found = []
    for start in STARTS:
        now, full = scanned(scanner, script, start=start), everything.filter(pl.col("timestamp") >= start)
        keys = ["symbol", "timestamp", "signal_type"]
        if not now.select(keys).equals(full.select(keys)):
            found.append(f"from {start}: {now.height} matches, not {full.height}: {list(names.values())}")
            continue
        columns = [name for name in now.columns if name not in {*keys, "close"}]
        found += [
            f"from {start}: {each}" for name in columns if (each := apart(now, full, name, names.get(name, name)))
        ]
    return found


def check_ranges(texts: Sequence[str], folder: Path, seed: int) -> None:
    scanner = scanner_of(market(BARS, seed), folder)
    groups = alike(texts)
    found = [each for group in groups
             for each in dependent(scanner, script_of(group), {f"x_{n}": text for n, text in enumerate(group)})]  # fmt: skip
    assert found == []
    assert sum(map(len, groups)) == len(texts)


@pytest.mark.slow
def test_no_functions_values_depend_on_where_the_range_starts(tmp_path):
    assert len(all_texts()) >= 370
    check_ranges(all_texts(), tmp_path, 1)


@pytest.mark.slow
def test_a_ratio_of_an_average_does_not_depend_on_where_the_range_starts(tmp_path):
    check_ranges(["rsi(ema(close, 5), 5)"], tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", jt.library)
def test_no_formula_of_the_library_depends_on_where_the_range_starts(name, tmp_path):
    scanner = scanner_of(market(BARS, 3), tmp_path)
    assert dependent(scanner, seen(name), {}) == []
