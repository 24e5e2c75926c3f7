"""What a chart of one symbol shows, in one theme: its bars, the signs on them, the halts between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from jtscan.domain.history import SymbolHistory
from jtscan.notebook.charts import markers, ticks
from jtscan.notebook.charts.themes import Colors, Convention, Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How it is drawn, as far as the user says; without a ``size`` it is as high as its panes need.

    ``mark`` is the moment of a bar to be pointed out.
    """

    candles: bool
    colors: Colors
    volume: bool
    size: tuple[float, float] | None
    mark: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A history, and what follows from it in one theme.

    ``spots`` has the bar of each match, and the low and high beside which its
    marker stands; ``halts`` is what `markers.halts_between` gives; ``places``
    are the decimals of a price.
    """

    history: SymbolHistory
    options: Options
    theme: Theme
    colors: Convention
    spots: pl.DataFrame
    signs: Mapping[str, markers.Sign]
    halts: Mapping[int, int]
    places: int

    @property
    def bars(self) -> pl.DataFrame:
        """The bars, with a column per series."""
        return self.history.bars

    @property
    def moments(self) -> pl.Series:
        """When they are."""
        return self.bars["timestamp"]

    @property
    def marked(self) -> int | None:
        """The bar that is pointed out, if it is among them."""
        if self.options.mark is None:
            return None
        moment = pl.Series([self.options.mark]).cast(self.moments.dtype)[0]
        return self.moments.index_of(moment)

    @property
    def last_closes(self) -> list[float]:
        """The last two closes, or fewer."""
        return self.bars["close"].drop_nulls().tail(2).to_list()

    @property
    def before_start(self) -> int:
        """How many of the first bars were not scanned."""
        start = self.history.start
        if start is None:
            return 0
        return int((self.moments < pl.Series([start]).cast(self.moments.dtype)[0]).sum())


def view_of(history: SymbolHistory, options: Options, theme: Theme) -> View:
    """Find out what is shown of a history."""
    colors = theme.convention(options.colors, history.market)
    spots = _spots(history, candles=options.candles)
    return View(
        history=history,
        options=options,
        theme=theme,
        colors=colors,
        spots=spots,
        signs=markers.signs_of(spots["signal_type"].unique().to_list(), theme, colors),
        halts=markers.halts_between(history.bars["timestamp"], history.halts),
        places=ticks.price_places(history.bars["close"]),
    )


def _spots(history: SymbolHistory, *, candles: bool) -> pl.DataFrame:
    """Find the bar of each match; low and high are where its marker stands."""
    moment = history.bars.schema["timestamp"]
    matches = history.matches.select(pl.col("timestamp").cast(moment), "signal_type")
    low, high = ("low", "high") if candles else ("close", "close")
    bars = history.bars.with_row_index("bar").select(
        "timestamp", "bar",
        low=pl.coalesce(low, "close"), high=pl.coalesce(high, "close"),
    )  # fmt: skip
    return matches.join(bars, on="timestamp", how="inner").drop_nulls(["low", "high"])
