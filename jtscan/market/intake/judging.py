"""What each staged row is: a bar, a halt, or nothing that can be a bar; and which bars are repaired.

A row is judged alone first (symbol, timestamp, prices), then among the rows of
the same symbol and timestamp, then its high and low are widened where they
miss open or close by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.files import PRICES
from jtscan.market.intake.staging import FILE, LOST, NO_NUMBER, RAW, REASON
from jtscan.market.order import in_order

ROUNDING = 0.005
HALT = "#halt"
KEYS = ("symbol", "timestamp")
UNREADABLE_MOMENT = "its timestamp cannot be read"
OTHER_VALUES = "rows of this symbol and timestamp have other values"
_OHLC = ("open", "high", "low", "close")
_MONDAY = 1
_MOSTLY = 0.5
_EXACTLY = 1e-9

Halts = Literal["zero", "flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows are judged.

    ``lacking`` names for each price the sources that have no such column:
    there it is not missing. ``adjust`` puts adjusted closes in the place of
    closes, which become ``raw_close``.
    """

    timeframe: Timeframe
    halts: Halts = "zero"
    adjust: bool = False
    lacking: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Staged rows, judged: none is in two of these, none in none.

    ``rows`` are bars and halts (``#halt``), one per symbol and timestamp, in
    order; ``quarantine`` has a reason each; ``duplicates`` are the equal rows
    left out, by file; ``repairs`` what was widened, with high and low before.
    """

    rows: pl.DataFrame
    quarantine: pl.DataFrame
    duplicates: pl.DataFrame
    repairs: pl.DataFrame


def judge(staged: pl.DataFrame, rules: Rules, closes: Mapping[str, float] | None = None) -> Judged:
    """Judge the staged rows of some symbols; ``closes`` are the last ones before, for halts that are flat."""
    frame = in_order(_relabelled(staged, rules.timeframe))
    # Polars 2.1 panics when it writes columns of different chunks into one text.
    frame = frame.with_columns(_is_halt(frame).alias(HALT)).rechunk()
    frame = frame.with_columns(_reason(frame, rules).alias(REASON))
    alone = frame.filter(pl.col(REASON).is_not_null())
    kept = frame.filter(pl.col(REASON).is_null()) if alone.height else frame
    kept, conflicts, duplicates = _one_per_moment(kept.drop(REASON, RAW, NO_NUMBER, LOST))
    if rules.halts == "flat":
        kept = _with_flat_halts(kept, closes or {})
    kept, repairs = _repaired(_adjusted(kept) if rules.adjust else kept)
    quarantine = pl.concat([alone.drop(NO_NUMBER, LOST, HALT), conflicts.drop(HALT)], how="diagonal")
    return Judged(rows=kept, quarantine=quarantine, duplicates=duplicates, repairs=repairs)


def _relabelled(frame: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Label weeks and months by their last weekday, where the source labels them by their first day."""
    moment = pl.col("timestamp")
    if timeframe is Timeframe.W1:
        starts, last = moment.dt.weekday() == _MONDAY, moment.dt.offset_by("4d")
    elif timeframe is Timeframe.MO1:
        end = moment.dt.month_end()
        starts = moment.dt.day() == 1
        last = end.dt.offset_by("-" + (end.dt.weekday() - 5).clip(0).cast(pl.String) + "d")
    else:
        return frame
    by_first_day = starts & (starts.mean().over(FILE) > _MOSTLY)  # of the rows of a file
    return frame.with_columns(pl.when(by_first_day).then(last).otherwise(moment).alias("timestamp"))


def _is_halt(frame: pl.DataFrame) -> pl.Expr:
    """Whether open, high and low are 0."""
    if not set(_OHLC[:3]) <= set(frame.columns):
        return pl.lit(value=False)
    return pl.all_horizontal(pl.col(name) == 0 for name in _OHLC[:3]).fill_null(value=False)


def _with_flat_halts(frame: pl.DataFrame, closes: Mapping[str, float]) -> pl.DataFrame:
    """Take for halts the bars whose prices are all the close before, without volume; ``closes``: before the first."""
    if not {*_OHLC, "volume"} <= set(frame.columns):
        return frame
    known = pl.col("symbol").replace_strict(closes, default=None, return_dtype=pl.Float64)
    before = pl.when(pl.col("symbol") == pl.col("symbol").shift()).then(pl.col("close").shift()).otherwise(known)
    flat = pl.all_horizontal(*(pl.col(name) == before for name in _OHLC), pl.col("volume") == 0)
    return frame.with_columns((pl.col(HALT) | flat.fill_null(value=False)).alias(HALT))


def _reason(frame: pl.DataFrame, rules: Rules) -> pl.Expr:
    """Say why a row can be neither bar nor halt; null where it can."""
    there = [name for name in PRICES if name in frame.columns]
    needed = [*there, "adj_close"] if rules.adjust else there
    missing = {name: _is_missing(name, rules) for name in needed}
    listed = pl.concat_str(
        *(pl.when(is_missing).then(pl.lit(name)) for name, is_missing in missing.items()),
        separator=", ",
        ignore_nulls=True,
    )
    below = [(name, pl.col(name) <= 0) for name in needed if name != "volume"]
    negative = [(name, pl.col(name) < 0) for name in there if name == "volume"]
    reason = (
        pl.when(pl.col("symbol").is_null())
        .then(pl.lit("it has no symbol"))
        .when(pl.col("timestamp").is_null())
        .then(pl.lit(UNREADABLE_MOMENT))
        .when((pl.col(NO_NUMBER) != "").fill_null(value=False))
        .then(pl.format("{} is not a number", NO_NUMBER))
        .when(pl.col(HALT))
        .then(None)
        .when(pl.any_horizontal(*missing.values()))
        .then(pl.format("missing: {}", listed))
    )
    for name, wrong in below:
        reason = reason.when(wrong).then(pl.format(f"{name} is {{}}: a price is above 0", pl.col(name)))
    for name, wrong in negative:
        reason = reason.when(wrong).then(pl.format(f"{name} is {{}}: it cannot be negative", pl.col(name)))
    return reason.otherwise(None)


def _is_missing(name: str, rules: Rules) -> pl.Expr:
    missing = pl.col(name).is_null()
    lacking = rules.lacking.get(name, ())
    return missing & ~pl.col(FILE).is_in(list(lacking)) if lacking else missing


def _one_per_moment(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Leave one row per symbol and timestamp: equal ones are duplicates, of others nobody knows which is right."""
    again = frame.select(
        ((pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("timestamp") == pl.col("timestamp").shift()))
        .fill_null(value=False)
        .alias("again")
    )["again"]
    nothing = frame.select(FILE).clear()
    if not again.any():
        return frame, frame.clear().with_columns(pl.lit(None, pl.String).alias(REASON)), nothing
    doubtful = frame.join(frame.filter(again).select(KEYS).unique(), on=KEYS, how="semi", maintain_order="left")
    values = [name for name in frame.columns if name not in {*KEYS, FILE, HALT}]
    known = [pl.col(name).drop_nulls() for name in values]
    groups = doubtful.group_by(KEYS, maintain_order=True).agg(
        pl.max_horizontal(*(each.n_unique() for each in known), pl.col(HALT).n_unique()).alias("#different"),
        pl.len().alias("#rows"),
        pl.col(FILE).first(),
        pl.col(HALT).first(),
        *(each.first() for each in known),
    )
    merged = groups.filter(pl.col("#different") <= 1)
    torn = groups.filter(pl.col("#different") > 1).select(*KEYS, "#rows")
    conflicts = doubtful.join(torn, on=KEYS, maintain_order="left").with_columns(
        pl.format("{} " + OTHER_VALUES, "#rows").alias(REASON)
    )
    equal = doubtful.join(merged.select(KEYS), on=KEYS, how="semi", maintain_order="left")
    extra = equal.filter(~equal.select(pl.struct(KEYS).is_first_distinct()).to_series()).select(FILE)
    single = frame.join(doubtful.select(KEYS).unique(), on=KEYS, how="anti", maintain_order="left")
    kept = pl.concat([single, merged.select(frame.columns)]).sort(*KEYS)
    return kept, conflicts.drop("#rows"), extra


def _adjusted(frame: pl.DataFrame) -> pl.DataFrame:
    """Put adjusted closes in the place of closes, and scale the other prices alike; a halt has none to scale."""
    there = [name for name in _OHLC[:3] if name in frame.columns]
    factor = pl.when(HALT).then(1.0).otherwise(pl.col("adj_close") / pl.col("close"))
    scaled = frame.with_columns(
        *(pl.col(name) * factor for name in there),
        close=pl.coalesce("adj_close", "close"),
        raw_close=pl.col("close"),
    ).drop("adj_close")
    return _widened(scaled, 0)  # of the products: they must not push an open or close out of its bar


def _repaired(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Widen high and low to hold open and close where they miss them by rounding; list what they were."""
    widened = _widened(frame, ROUNDING)
    ends = [name for name in ("high", "low") if name in frame.columns]
    schema = {name: frame.schema[name] for name in (*KEYS, FILE)}
    empty = pl.DataFrame(schema={**schema, **dict.fromkeys(("high", "high_was", "low", "low_was"), pl.Float64)})
    if not ends:
        return frame, empty
    before = pl.DataFrame({f"{name}_was": frame[name] for name in ends})
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_was")) for name in ends)
    repairs = widened.select(*KEYS, FILE, *ends).hstack(before).filter(changed)
    return widened, pl.concat([empty, repairs], how="diagonal")


def _widened(frame: pl.DataFrame, most: float) -> pl.DataFrame:
    """Widen high and low where they miss open or close by at most so much of the price."""
    ends = [name for name in ("open", "close") if name in frame.columns]
    highest, lowest = pl.max_horizontal(*ends), pl.min_horizontal(*ends)
    high, low = pl.col("high"), pl.col("low")
    wide = {
        "high": pl.when(~pl.col(HALT) & (highest > high) & (highest / high - 1 <= most + _EXACTLY))
        .then(highest)
        .otherwise(high),
        "low": pl.when(~pl.col(HALT) & (lowest < low) & (low / lowest - 1 <= most + _EXACTLY))
        .then(lowest)
        .otherwise(low),
    }
    return frame.with_columns(expression.alias(name) for name, expression in wide.items() if name in frame.columns)
