"""Signs on the bars: what fired, and the halts between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from jtscan.notebook.charts.themes import Convention, Theme

_BUYS = frozenset({"buy", "match", "cover", "long", "entry"})
_SELLS = frozenset({"sell", "short", "exit"})
_ARROWS = ("^", "v")
_OTHERS = ("D", "s", "o", "P", "p", "h")
_SMALL = 5  # points; smaller ones stand close together, so they let through what is behind them


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How a signal is marked: its shape, its colour, and on which side of the bar."""

    shape: str
    color: str
    above: bool


def signs_of(names: Sequence[str], theme: Theme, colors: Convention) -> dict[str, Sign]:
    """Give each signal its sign: what buys points up from below, what sells down from above."""
    free = [color for color in theme.lines if color not in {colors.buy, colors.sell}]
    shapes = list(_OTHERS)
    signs: dict[str, Sign] = {}
    for name in sorted(names):
        side = _side(name)
        taken = {sign.color for sign in signs.values()}
        own = {"buy": colors.buy, "sell": colors.sell}.get(side)
        color = own if own is not None and own not in taken else _turn(free)
        shape = {"buy": "^", "sell": "v"}.get(side) or _turn(shapes)
        signs[name] = Sign(shape=shape, color=color, above=side == "sell")
    return signs


def _side(name: str) -> str:
    word = name.lower().split("_")[0]
    return "buy" if word in _BUYS else "sell" if word in _SELLS else "other"


def _turn(values: list[str]) -> str:
    """Take the first of a list and put it at the end."""
    values.append(values.pop(0))
    return values[-1]


def draw_signs(axes: Axes, spots: pl.DataFrame, signs: Mapping[str, Sign]) -> None:
    """Mark the matches: ``spots`` has bar, signal_type, low and high; several at a bar stand in a stack."""
    size = _size(spots.height)
    stacked = _stacked(spots, signs)
    for (name, level), part in stacked.partition_by("signal_type", "level", as_dict=True).items():
        sign = signs[str(name)]
        area = size**2 if sign.shape in _ARROWS else 0.55 * size**2
        points = (0.75 * size + 3 + (size + 1.5) * int(level)) * (1 if sign.above else -1)
        shift = ScaledTranslation(0, points / 72, axes.figure.dpi_scale_trans)
        alpha = 1.0 if size > _SMALL else 0.8
        axes.scatter(
            part["bar"].to_list(), part["high" if sign.above else "low"].to_list(), marker=sign.shape, s=area,
            c=[sign.color], linewidths=0, alpha=alpha, transform=axes.transData + shift, zorder=6,
            clip_on=True, label=f"_{name}", plotnonfinite=False,
        )  # fmt: skip


def _size(count: int) -> float:
    """Return the size of a marker in points: smaller the more there are."""
    return next(size for most, size in ((24, 8.0), (60, 6.5), (150, 5.5), (400, 4.5), (10**9, 3.5)) if count <= most)


def _stacked(spots: pl.DataFrame, signs: Mapping[str, Sign]) -> pl.DataFrame:
    """Count, at each bar and side, the signals before."""
    above = pl.col("signal_type").replace_strict(
        {name: sign.above for name, sign in signs.items()}, return_dtype=pl.Boolean
    )
    level = pl.int_range(pl.len()).over("bar", "above").alias("level")
    return spots.sort("bar", "signal_type").with_columns(above=above).with_columns(level)


def counts_of(spots: pl.DataFrame) -> Counter[str]:
    """Count the matches by signal."""
    return Counter(spots["signal_type"].to_list())


def halts_between(moments: pl.Series, halts: pl.DataFrame) -> dict[int, int]:
    """Return, for each bar that halts lie before, how many days; the number of bars stands for those after the last."""
    days = halts.select(pl.col("timestamp").cast(moments.dtype)).drop_nulls().unique().sort("timestamp")["timestamp"]
    places = moments.search_sorted(days, side="left")
    return dict(sorted(Counter(places.to_list()).items()))


def draw_halts(axes: Axes, places: Mapping[int, int], color: str, *, cross: bool) -> None:
    """Draw a soft band between two bars, and a cross at its foot."""
    for place in places:
        axes.axvspan(place - 0.85, place - 0.15, facecolor=color, alpha=0.28, linewidth=0, zorder=0.6)
    if cross and places:
        axes.scatter(
            [place - 0.5 for place in places], [0.025] * len(places), marker="x", s=26, linewidths=1.2, c=[color],
            transform=axes.get_xaxis_transform(), zorder=6, label="_halts",
        )  # fmt: skip
