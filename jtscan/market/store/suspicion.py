"""What looks wrong in a store's bars and is kept as it is: found by reading everything once, group by group of symbols.

broken bar    high below open or close (or low above) by more than rounding
spike         a close that jumps and is back on the next bar
jump          a close more than 30 % away from the one before, halts included
gap           sessions of the market on which the symbol has neither bar nor halt
constant      one and the same close on and on; of minutes over a whole session, with volume traded
same prices   two symbols with equal bars on the same days
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Duck
from jtscan.market.files import PRICES
from jtscan.market.store.layout import split

ROUNDING = 0.005
JUMP = 0.30
_BACK = 0.10
_EXACTLY = 1e-9
_SAME_BARS = 5
_CONSTANT_BARS = 20
_CONSTANT_DAYS = 3
_OFTEN = 0.5
_FEW_SYMBOLS = 3
_LONGEST_HOLIDAY = 7
_CONTEXT = dt.timedelta(days=45)
_MOST_HASHES = 10_000_000


def moment_of(*timeframes: Timeframe) -> pl.DataType:
    """Return the type of their timestamps: days, unless one of them is intraday."""
    return pl.Datetime("us") if any(each.intraday for each in timeframes) else pl.Date()


def schema_of(*timeframes: Timeframe) -> dict[str, pl.DataType]:
    """Return the columns of what looks wrong in bars of these timeframes."""
    moment = moment_of(*timeframes)
    return {
        "symbol": pl.String(),
        "kind": pl.String(),
        "first": moment,
        "last": moment,
        "bars": pl.Int64(),
        "seen": pl.String(),
    }


class Suspicions:
    """Is given the bars of symbol after symbol, and gathers what looks wrong.

    ``rows`` is about how many there will be, ``markets`` the market of symbols
    whose calendars differ; ``since`` keeps to what is seen from there on.
    """

    def __init__(
        self,
        timeframe: Timeframe,
        *,
        rows: int = 0,
        markets: Mapping[str, str] | None = None,
        since: dt.date | None = None,
    ) -> None:
        self._timeframe = timeframe
        self._markets = markets or {}
        self._since = since
        self._thinning = rows // _MOST_HASHES + 1
        self._schema = schema_of(timeframe)
        self._found = [pl.DataFrame(schema=self._schema)]
        self._days: list[_Days] = []
        self._hashes: list[pl.DataFrame] = []
        self._symbols: list[str] = []

    def add(self, frame: pl.DataFrame, aside: pl.DataFrame | None = None) -> None:
        """Look at the bars and halts (``halt``) of some symbols, in order; ``aside`` are their rows in quarantine."""
        absent = [pl.lit(None, pl.Float64).alias(name) for name in PRICES if name not in frame.columns]
        frame = frame.with_columns(absent)
        self._found += [_broken(frame), *_moves(frame), _constant(frame, self._timeframe)]
        if self._timeframe not in (Timeframe.W1, Timeframe.MO1):
            self._days.append(_days_of(frame, aside, self._markets, once=self._timeframe.intraday))
        self._note_bars(frame)

    def found(self) -> pl.DataFrame:
        """List everything: symbol, kind, first and last timestamp, bars, what is seen; by kind and symbol."""
        parts = [*self._found, _gaps(self._days), self._same()]
        whole = pl.concat(
            [part.select(pl.col(name).cast(kind) for name, kind in self._schema.items()) for part in parts]
        )
        recent = whole if self._since is None else whole.filter(pl.col("last") >= self._since)
        order = pl.col("kind").replace_strict({kind: place for place, kind in enumerate(KINDS)})
        return recent.sort(order, "symbol", "first")

    def _note_bars(self, frame: pl.DataFrame) -> None:
        """Remember a number for each traded bar: its timestamp, prices and volume."""
        code = (pl.col("symbol").rle_id() + len(self._symbols)).cast(pl.UInt32).alias("code")
        self._symbols += frame["symbol"].rle().struct.field("value").to_list()
        traded = ~pl.col("halt") & (pl.col("volume").fill_null(1) > 0) & (pl.col("high") != pl.col("low"))
        coded = frame.select(
            code, "timestamp", traded.alias("traded"), pl.struct("timestamp", *PRICES).hash().alias("hash")
        )
        kept = pl.col("traded") if self._thinning == 1 else pl.col("traded") & (pl.col("hash") % self._thinning == 0)
        self._hashes.append(coded.filter(kept).drop("traded"))

    def _same(self) -> pl.DataFrame:
        """Symbols that share bars with an earlier one, timestamp, prices and volume alike."""
        if not self._hashes:
            return pl.DataFrame(schema=self._schema)
        hashes = pl.concat(self._hashes).sort("hash", "code")
        number = pl.col("hash")
        again = hashes.filter((number == number.shift(1)) | (number == number.shift(-1)))
        pairs = again.with_columns(pl.col("code").first().over("hash").alias("other"))
        moment = pl.col("timestamp")
        counted = (
            pairs.filter(pl.col("code") != pl.col("other"))
            .group_by("code", "other")
            .agg(pl.len().alias("bars"), moment.min().alias("first"), moment.max().alias("last"))
            .filter(pl.col("bars") >= max(_SAME_BARS // self._thinning, 2))
        )
        names = dict(enumerate(self._symbols)) if counted.height else {}
        symbol, other = (
            pl.col(name).replace_strict(names, default=None, return_dtype=pl.String) for name in ("code", "other")
        )
        return counted.select(
            symbol.alias("symbol"),
            pl.lit("same prices").alias("kind"),
            "first",
            "last",
            pl.col("bars") * self._thinning,
            pl.format("the same bars as {}", other).alias("seen"),
        )


def read_suspicions(  # noqa: PLR0913 - the shelves of one timeframe, and what is known of its symbols
    duck: Duck,
    bars: Sequence[str],
    halts: Sequence[str],
    quarantine: Sequence[str],
    timeframe: Timeframe,
    *,
    markets: Mapping[str, str] | None = None,
    since: dt.date | None = None,
) -> pl.DataFrame:
    """Read the files of a store, group by group of symbols, and list what looks wrong."""
    start = dt.date.min if since is None else since - _CONTEXT
    sizes = dict(duck.frame(_SIZES, {"paths": [*bars, *halts], "start": start}).iter_rows())
    aside = duck.frame(_SET_ASIDE, {"paths": list(quarantine), "start": start}) if quarantine else None
    suspicions = Suspicions(timeframe, rows=sum(sizes.values()), markets=markets, since=since)
    for symbols in split(sizes):
        ends = {"start": start, "first": symbols[0], "last": symbols[-1]}
        parts = [
            duck.frame(_ROWS, {**ends, "paths": list(paths)}).with_columns(pl.lit(halt).alias("halt"))
            for paths, halt in ((bars, False), (halts, True))
            if paths
        ]
        frame = pl.concat(parts, how="diagonal").sort("symbol", "timestamp")
        first, last = pl.lit(symbols[0]), pl.lit(symbols[-1])
        ours = None if aside is None else aside.filter(pl.col("symbol").is_between(first, last))
        suspicions.add(frame, ours)
    return suspicions.found()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """The days of some symbols: how many have a row on each, their first and last ones, and where days are missing."""

    present: pl.DataFrame
    spans: pl.DataFrame
    leaps: pl.DataFrame


def _days_of(frame: pl.DataFrame, aside: pl.DataFrame | None, markets: Mapping[str, str], *, once: bool) -> _Days:
    """Sum up on which days there are rows, be they bars, halts or in quarantine."""
    day = pl.col("timestamp").cast(pl.Date).alias("day")
    rows = frame.select("symbol", day)
    if aside is not None and aside.height:
        rows = pl.concat([rows, aside.select("symbol", day)])
        once = True
    if once:
        rows = rows.unique().sort("symbol", "day")
    market = pl.col("symbol").replace_strict(markets, default=None, return_dtype=pl.String).alias("market")
    spans = rows.group_by("symbol").agg(pl.col("day").min().alias("from"), pl.col("day").max().alias("to"))
    leaps = rows.with_columns(_before("day").alias("from")).filter((pl.col("day") - pl.col("from")).dt.total_days() > 1)
    if markets:
        present = rows.with_columns(market).group_by("market", "day").len("present")
    else:
        present = rows.group_by("day").len("present").with_columns(pl.lit(None, pl.String).alias("market"))
    return _Days(
        present=present.select("market", "day", "present"),
        spans=spans.with_columns(market),
        leaps=leaps.with_columns(market),
    )


def _gaps(days: Sequence[_Days]) -> pl.DataFrame:
    """Sessions without a row, by the market's own calendar; where too few symbols tell it, very long gaps only."""
    if not days:
        return pl.DataFrame(schema=schema_of())
    leaps = pl.concat([each.leaps for each in days])
    sessions = _sessions(pl.concat([each.present for each in days]), pl.concat([each.spans for each in days]))
    numbered = pl.concat(
        [_numbered(part, sessions) for part in leaps.partition_by("market")]
        or [leaps.with_columns(pl.lit(0, pl.Int64).alias("sessions"))]
    )
    weekdays = pl.business_day_count("from", "day").cast(pl.Int64) - 1
    counted = numbered.with_columns(weekdays.alias("weekdays"))
    by_calendar = pl.col("sessions") > 0
    gaps = counted.filter(by_calendar | (pl.col("weekdays") > _LONGEST_HOLIDAY)).rechunk()
    told = pl.format("sessions of the market without a row: {}", "sessions")
    untold = pl.format("weekdays without a row: {}", "weekdays")
    return gaps.select(
        "symbol",
        pl.lit("gap").alias("kind"),
        pl.col("from").alias("first"),
        pl.col("day").alias("last"),
        pl.when(by_calendar).then("sessions").otherwise("weekdays").alias("bars"),
        pl.when(by_calendar).then(told).otherwise(untold).alias("seen"),
    )


def _numbered(leaps: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Count the sessions between the two days of each leap, all of one market."""
    ours = sessions.filter(pl.col("market").eq_missing(pl.lit(leaps["market"][0], pl.String)))
    days = ours["day"].to_physical()
    start, end = (leaps[name].to_physical() for name in ("from", "day"))
    between = days.search_sorted(end, side="left").cast(pl.Int64) - days.search_sorted(start, side="right").cast(
        pl.Int64
    )
    return leaps.with_columns(between.alias("sessions"))


def _sessions(present: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """List the sessions of each market: days on which at least half of its living symbols have a row."""
    present = present.group_by("market", "day").agg(pl.col("present").sum())
    born = spans.select("market", pl.col("from").alias("day"), pl.lit(1).alias("change"))
    gone = spans.select("market", pl.col("to").dt.offset_by("1d").alias("day"), pl.lit(-1).alias("change"))
    marks = pl.concat([born, gone, present.select("market", "day", pl.lit(0).alias("change"))])
    alive = marks.group_by("market", "day").agg(pl.col("change").sum()).sort("market", "day", nulls_last=True)
    alive = alive.with_columns(pl.col("change").cum_sum().over("market").alias("alive"))
    counted = present.join(alive.drop("change"), on=["market", "day"], how="left", nulls_equal=True)
    open_days = counted.filter(pl.col("present") >= pl.col("alive") * _OFTEN, pl.col("alive") >= _FEW_SYMBOLS)
    return open_days.select("market", "day").sort("market", "day")


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
    wrong = frame.filter(~pl.col("halt") & ((above > ROUNDING + _EXACTLY) | (below > ROUNDING + _EXACTLY))).rechunk()
    said = pl.format("open {} high {} low {} close {}", "open", "high", "low", "close")
    return wrong.select(_row("broken bar", said))


def _moves(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Closes far from the one before: those that come back on the next bar, and those that stay."""
    close = pl.col("close")
    moved = frame.filter(close > 0).with_columns(_before("close").alias("before"), _before("close", -1).alias("after"))
    moved = moved.with_columns((close / pl.col("before") - 1).alias("move"))
    far = pl.col("move").abs() > JUMP + _EXACTLY
    back = (pl.col("after") / pl.col("before") - 1).abs() <= _BACK
    moved = moved.with_columns((far & back).fill_null(value=False).alias("spike"))
    moved = moved.with_columns((pl.col("spike") & ~_before("spike").fill_null(value=False)).alias("spike"))
    moved = moved.with_columns(_before("spike").fill_null(value=False).alias("returned"))
    # Polars 2.1 panics when it writes columns of different chunks into one text.
    spikes = moved.filter("spike").rechunk()
    jumps = moved.filter(far.fill_null(value=False) & ~pl.col("spike") & ~pl.col("returned")).rechunk()
    told = pl.format("close {} after {}", "close", "before")
    there = pl.format("close {} between {} and {}", "close", "before", "after")
    per_cent = pl.format("{}: {} %", told, (pl.col("move") * 100).round(1))
    return spikes.select(_row("spike", there)), jumps.select(_row("jump", per_cent))


def _constant(frame: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Runs of one close: 20 bars and more, or a whole history of at least five.

    A quiet symbol trades at one price for many minutes, and one at its daily
    limit all day: intraday a run counts if it was traded in on three days, so
    that the one in the middle is a whole session.
    """
    bars = frame.filter(~pl.col("halt"))
    if timeframe.intraday:
        bars = bars.filter(pl.col("volume").fill_null(1) > 0)
    day = pl.col("timestamp").cast(pl.Date).rle_id()
    runs = bars.with_columns(pl.struct("symbol", "close").rle_id().alias("run"), day.alias("day"))
    counted = runs.group_by("run", maintain_order=True).agg(
        pl.col("symbol").first(),
        pl.col("close").first(),
        pl.col("timestamp").first().alias("first"),
        pl.col("timestamp").last().alias("last"),
        pl.len().alias("bars"),
        (pl.col("day").last() - pl.col("day").first() + 1).alias("days"),
    )
    long = pl.col("bars") >= _CONSTANT_BARS
    only = (pl.len().over("symbol") == 1) & (pl.col("bars") >= _SAME_BARS)
    still = counted.filter(long & (pl.col("days") >= _CONSTANT_DAYS) if timeframe.intraday else long | only).rechunk()
    seen = pl.format("close is {} on {} bars", "close", "bars")
    return still.select("symbol", pl.lit("constant").alias("kind"), "first", "last", "bars", seen.alias("seen"))


_SOURCE = "FROM read_parquet($paths, union_by_name = true, hive_partitioning = false)"
_SIZES = f"SELECT symbol, count(*) {_SOURCE} WHERE timestamp >= $start GROUP BY 1"
_SET_ASIDE = f"SELECT symbol, timestamp {_SOURCE} WHERE symbol IS NOT NULL AND timestamp >= $start"
_ROWS = f"SELECT * {_SOURCE} WHERE symbol BETWEEN $first AND $last AND timestamp >= $start"
