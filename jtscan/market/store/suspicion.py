"""What looks wrong in a store's bars and is kept as it is: found by reading everything once, group by group of symbols.

broken bar    high below open or close (or low above) by more than rounding
spike         a close that jumps and is back on the next bar
jump          a close more than 30 % away from the one before, halts included
gap           sessions of the market on which the symbol has neither bar nor halt
constant      one and the same close on and on
same prices   two symbols with equal bars on the same days
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Duck
from jtscan.market.files import PRICES
from jtscan.market.store.layout import split

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "kind": pl.String,
    "first": pl.Datetime("us"),
    "last": pl.Datetime("us"),
    "bars": pl.Int64,
    "seen": pl.String,
}
ROUNDING = 0.005
JUMP = 0.30
_BACK = 0.10
_SAME_BARS = 5
_CONSTANT_BARS = 20
_OFTEN = 0.5
_FEW_SYMBOLS = 3
_LONGEST_HOLIDAY = 7
_CONTEXT = dt.timedelta(days=45)
_MOST_HASHES = 20_000_000


class Suspicions:
    """Reads the bars and halts of one timeframe, and gathers what looks wrong.

    ``markets`` gives the market of symbols whose calendars differ; ``since``
    keeps to what is seen from there on.
    """

    def __init__(
        self,
        bars: Sequence[str],
        halts: Sequence[str],
        quarantine: Sequence[str],
        timeframe: Timeframe,
        *,
        markets: Mapping[str, str] | None = None,
        since: dt.date | None = None,
    ) -> None:
        self._bars = list(bars)
        self._halts = list(halts)
        self._quarantine = list(quarantine)
        self._timeframe = timeframe
        self._markets = markets or {}
        self._since = since
        self._days: list[pl.DataFrame] = []
        self._hashes: list[pl.DataFrame] = []

    def find(self, duck: Duck) -> pl.DataFrame:
        """List everything: symbol, kind, first and last timestamp, bars, what is seen; by kind and symbol."""
        found = [pl.DataFrame(schema=SCHEMA)]
        sizes = dict(duck.frame(_SIZES, self._window([*self._bars, *self._halts])).iter_rows())
        aside = duck.frame(_SET_ASIDE, self._window(self._quarantine)) if self._quarantine else None
        self._thinning = max(sum(sizes.values()) // _MOST_HASHES, 0) + 1
        for symbols in split(sizes):
            frame = self._read(duck, symbols)
            found += [_broken(frame), *_moves(frame), _constant(frame)]
            self._note(frame, aside)
        found += [self._gaps(), self._same()]
        whole = pl.concat([part.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()) for part in found])
        recent = whole if self._since is None else whole.filter(pl.col("last") >= self._since)
        order = pl.col("kind").replace_strict({kind: place for place, kind in enumerate(KINDS)})
        return recent.sort(order, "symbol", "first")

    def _window(self, paths: Sequence[str]) -> dict[str, object]:
        start = dt.date.min if self._since is None else self._since - _CONTEXT
        return {"paths": list(paths), "start": start}

    def _read(self, duck: Duck, symbols: Sequence[str]) -> pl.DataFrame:
        """Read bars and halts of some symbols, in order."""
        parts = []
        for paths, halt in ((self._bars, False), (self._halts, True)):
            if paths:
                ends = {**self._window(paths), "first": symbols[0], "last": symbols[-1]}
                part = duck.frame(_ROWS, ends)
                names = [name for name in PRICES if name in part.columns]
                parts.append(part.select("symbol", "timestamp", *names, pl.lit(halt).alias("halt")))
        frame = pl.concat(parts, how="diagonal")
        absent = [pl.lit(None, pl.Float64).alias(name) for name in PRICES if name not in frame.columns]
        return frame.with_columns(absent).sort("symbol", "timestamp")

    def _note(self, frame: pl.DataFrame, aside: pl.DataFrame | None) -> None:
        """Remember the days of each symbol, bars, halts or in quarantine, and a number for each bar's prices."""
        market = pl.col("symbol").replace_strict(self._markets, default=None, return_dtype=pl.String)
        rows = frame.select("symbol", pl.col("timestamp").cast(pl.Date).alias("day"))
        if aside is not None:
            ours = aside.filter(pl.col("symbol").is_in(frame["symbol"].unique().to_list()))
            rows = pl.concat([rows, ours.select("symbol", pl.col("timestamp").cast(pl.Date).alias("day"))])
        if self._timeframe.intraday or aside is not None:
            rows = rows.unique().sort("symbol", "day")
        self._days.append(rows.with_columns(market.alias("market")))
        traded = frame.filter(~pl.col("halt") & (pl.col("volume").fill_null(1) > 0) & (pl.col("high") != pl.col("low")))
        hashes = traded.select("symbol", "timestamp", pl.struct("timestamp", *PRICES).hash().alias("hash"))
        if self._thinning > 1:
            hashes = hashes.filter(pl.col("hash") % self._thinning == 0)
        self._hashes.append(hashes)

    def _gaps(self) -> pl.DataFrame:
        """Sessions without a row, by the market's own calendar; where too few symbols tell it, very long gaps only."""
        if not self._days or not self._timeframe_has_days():
            return pl.DataFrame(schema=SCHEMA)
        days = pl.concat(self._days)  # group after group of rising symbols, each in order
        known = days.join(_sessions(days), on=["market", "day"], nulls_equal=True, maintain_order="left")
        since = _before("day").alias("from")
        gaps = known.with_columns(since, (pl.col("number") - _before("number") - 1).alias("bars"))
        gaps = gaps.filter(pl.col("bars") > 0)
        far = days.with_columns(since).filter((pl.col("day") - pl.col("from")).dt.total_days() > _LONGEST_HOLIDAY)
        weekdays = pl.business_day_count("from", "day").cast(pl.Int64) - 1
        long = far.with_columns(weekdays.alias("bars")).filter(pl.col("bars") > _LONGEST_HOLIDAY)
        long = long.join(gaps, on=["symbol", "day"], how="anti")
        by_calendar = gaps.with_columns(pl.format("sessions of the market without a row: {}", "bars").alias("seen"))
        by_weekdays = long.with_columns(pl.format("weekdays without a row: {}", "bars").alias("seen"))
        return pl.concat([by_calendar.drop("number"), by_weekdays], how="diagonal").select(
            "symbol",
            pl.lit("gap").alias("kind"),
            pl.col("from").alias("first"),
            pl.col("day").alias("last"),
            "bars",
            "seen",
        )

    def _timeframe_has_days(self) -> bool:
        return self._timeframe not in (Timeframe.W1, Timeframe.MO1)

    def _same(self) -> pl.DataFrame:
        """Symbols that share bars with an earlier one, timestamp, prices and volume alike."""
        if not self._hashes:
            return pl.DataFrame(schema=SCHEMA)
        hashes = pl.concat(self._hashes)
        again = hashes.filter(pl.col("hash").is_duplicated()).sort("symbol", "timestamp")
        pairs = again.with_columns(pl.col("symbol").first().over("hash").alias("other"))
        counted = (
            pairs.filter(pl.col("symbol") != pl.col("other"))
            .group_by("symbol", "other")
            .agg(
                pl.len().alias("bars"),
                pl.col("timestamp").min().alias("first"),
                pl.col("timestamp").max().alias("last"),
            )
            .filter(pl.col("bars") >= max(_SAME_BARS // self._thinning, 2))
        )
        return counted.select(
            "symbol",
            pl.lit("same prices").alias("kind"),
            "first",
            "last",
            pl.col("bars") * self._thinning,
            pl.format("the same bars as {}", "other").alias("seen"),
        )


KINDS = ("broken bar", "spike", "jump", "gap", "constant", "same prices")


def _before(name: str, rows: int = 1) -> pl.Expr:
    """The value so many rows before, of the same symbol; rows of a symbol are together."""
    same = pl.col("symbol") == pl.col("symbol").shift(rows)
    return pl.when(same).then(pl.col(name).shift(rows))


def _row(kind: str, seen: pl.Expr, bars: pl.Expr | None = None) -> list[pl.Expr]:
    moment = pl.col("timestamp")
    return [
        pl.col("symbol"),
        pl.lit(kind).alias("kind"),
        moment.alias("first"),
        moment.alias("last"),
        (bars if bars is not None else pl.lit(1)).alias("bars"),
        seen.alias("seen"),
    ]


def _broken(frame: pl.DataFrame) -> pl.DataFrame:
    highest, lowest = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    above = (highest / pl.col("high") - 1).fill_null(0)
    below = (pl.col("low") / lowest - 1).fill_null(0)
    wrong = frame.filter(~pl.col("halt") & ((above > ROUNDING) | (below > ROUNDING))).rechunk()
    said = pl.format("open {} high {} low {} close {}", "open", "high", "low", "close")
    return wrong.select(_row("broken bar", said))


def _moves(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Closes far from the one before: those that come back on the next bar, and those that stay."""
    close = pl.col("close")
    moved = frame.filter(close > 0).with_columns(_before("close").alias("before"), _before("close", -1).alias("after"))
    moved = moved.with_columns((close / pl.col("before") - 1).alias("move"))
    far = pl.col("move").abs() > JUMP
    back = (pl.col("after") / pl.col("before") - 1).abs() <= _BACK
    moved = moved.with_columns((far & back).fill_null(value=False).alias("spike"))
    moved = moved.with_columns(_before("spike").fill_null(value=False).alias("returned"))
    # Polars 2.1 panics when it writes columns of different chunks into one text.
    spikes = moved.filter("spike").rechunk()
    jumps = moved.filter(far.fill_null(value=False) & ~pl.col("spike") & ~pl.col("returned")).rechunk()
    told = pl.format("close {} after {}", "close", "before")
    there = pl.format("close {} between {} and {}", "close", "before", "after")
    per_cent = pl.format("{} % : {}", (pl.col("move") * 100).round(1), told)
    return spikes.select(_row("spike", there)), jumps.select(_row("jump", per_cent))


def _constant(frame: pl.DataFrame) -> pl.DataFrame:
    """Runs of one close: 20 bars and more, or a whole history of at least five."""
    bars = frame.filter(~pl.col("halt"))
    runs = bars.with_columns(pl.struct("symbol", "close").rle_id().alias("run"))
    counted = runs.group_by("run", maintain_order=True).agg(
        pl.col("symbol").first(),
        pl.col("close").first(),
        pl.col("timestamp").first().alias("first"),
        pl.col("timestamp").last().alias("last"),
        pl.len().alias("bars"),
    )
    only = pl.len().over("symbol") == 1
    still = counted.filter((pl.col("bars") >= _CONSTANT_BARS) | (only & (pl.col("bars") >= _SAME_BARS))).rechunk()
    seen = pl.format("close is {} on {} bars", "close", "bars")
    return still.select("symbol", pl.lit("constant").alias("kind"), "first", "last", "bars", seen.alias("seen"))


def _sessions(days: pl.DataFrame) -> pl.DataFrame:
    """Number the sessions of each market: days on which at least half of its living symbols have a row."""
    present = days.group_by("market", "day").len("present")
    spans = days.group_by("symbol").agg(
        pl.col("market").first(), pl.col("day").min().alias("from"), pl.col("day").max().alias("to")
    )
    born = spans.select("market", pl.col("from").alias("day"), pl.lit(1).alias("change"))
    gone = spans.select("market", pl.col("to").dt.offset_by("1d").alias("day"), pl.lit(-1).alias("change"))
    marks = pl.concat([born, gone, present.select("market", "day", pl.lit(0).alias("change"))])
    alive = marks.group_by("market", "day").agg(pl.col("change").sum()).sort("market", "day", nulls_last=True)
    alive = alive.with_columns(pl.col("change").cum_sum().over("market").alias("alive"))
    counted = present.join(alive.drop("change"), on=["market", "day"], how="left", nulls_equal=True)
    open_days = counted.filter(pl.col("present") >= pl.col("alive") * _OFTEN, pl.col("alive") >= _FEW_SYMBOLS)
    return open_days.sort("market", "day").select(
        "market", "day", pl.int_range(pl.len()).over("market").cast(pl.Int64).alias("number")
    )


def summary(found: pl.DataFrame) -> Iterable[tuple[str, int, int]]:
    """Give kind, cases and symbols of each kind that was found."""
    for kind in KINDS:
        cases = found.filter(pl.col("kind") == kind)
        if cases.height:
            yield kind, cases.height, cases["symbol"].n_unique()


_SOURCE = "FROM read_parquet($paths, union_by_name = true, hive_partitioning = false)"
_SIZES = f"SELECT symbol, count(*) {_SOURCE} WHERE timestamp >= $start GROUP BY 1"
_SET_ASIDE = f"SELECT symbol, timestamp {_SOURCE} WHERE symbol IS NOT NULL AND timestamp >= $start"
_ROWS = f"SELECT * {_SOURCE} WHERE symbol BETWEEN $first AND $last AND timestamp >= $start"
