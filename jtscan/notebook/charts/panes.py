"""Which panes a chart of one symbol has, and what stands in their legends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from jtscan.domain.history import Scale, Series
from jtscan.notebook.charts import markers, ticks
from jtscan.notebook.charts.legends import Entry
from jtscan.notebook.charts.themes import OWN_FIRST, Theme
from jtscan.notebook.charts.view import View

_PRICE, _VOLUME, _OWN = 300.0, 62.0, 84.0
_WITHOUT_TRADE = "x"


@dataclass(slots=True, kw_only=True)
class Pane:
    """A strip of the chart: its height without the legend, its series and legend."""

    kind: Literal["price", "volume", "own"]
    height: float
    series: Sequence[Series]
    colors: Sequence[str]
    entries: list[Entry] = field(default_factory=list)
    rows: list[list[Entry]] = field(default_factory=list)

    def color_of(self, place: int) -> str:
        """Return the colour of a series by its place."""
        return self.colors[place % len(self.colors)]


def panes_of(view: View) -> list[Pane]:
    """List the panes from the top down: price, volume, one for each group of series on a scale of its own."""
    series = view.history.series
    price = [each for each in series if each.scale is Scale.PRICE]
    traded = [each for each in series if each.scale is Scale.VOLUME]
    own = [each for each in series if each.scale is Scale.OWN]
    groups = ([each for each in own if each.group == group] for group in dict.fromkeys(each.group for each in own))
    volume = view.options.volume and (traded or view.bars["volume"].drop_nulls().len())
    return [
        _price_pane(view, price),
        *([_volume_pane(view, traded)] if volume else []),
        *(_own_pane(view, members) for members in groups),
    ]


def _price_pane(view: View, series: Sequence[Series]) -> Pane:
    pane = Pane(kind="price", height=_PRICE, series=series, colors=_cycle(view.theme, range(len(view.theme.lines))))
    pane.entries = [*_series_entries(view, pane), *_sign_entries(view)]
    return pane


def _volume_pane(view: View, series: Sequence[Series]) -> Pane:
    pane = Pane(kind="volume", height=_VOLUME, series=series, colors=_cycle(view.theme, OWN_FIRST[1:]))
    last = view.bars["volume"].drop_nulls().tail(1).to_list()
    head = Entry(label="volume", color=view.theme.text, value=ticks.short(last[0]) if last else "", sign=False)
    pane.entries = [head, *_series_entries(view, pane)]
    return pane


def _own_pane(view: View, series: Sequence[Series]) -> Pane:
    pane = Pane(kind="own", height=_OWN, series=series, colors=_cycle(view.theme, OWN_FIRST))
    pane.entries = _series_entries(view, pane)
    return pane


def _cycle(theme: Theme, order: Sequence[int]) -> list[str]:
    return [theme.lines[place % len(theme.lines)] for place in order]


def _series_entries(view: View, pane: Pane) -> list[Entry]:
    return [
        Entry(label=each.label, color=pane.color_of(place), value=_last(view, each))
        for place, each in enumerate(pane.series)
    ]


def _last(view: View, series: Series) -> str:
    """Write a series' value at the last bar."""
    value = view.bars[series.column].tail(1).to_list()[0]
    if value is None:
        return "–"
    if series.scale is Scale.PRICE:
        return ticks.price(value, view.places)
    return ticks.short(value) if series.scale is Scale.VOLUME else ticks.number(value)


def _sign_entries(view: View) -> list[Entry]:
    counts = markers.counts_of(view.spots)
    entries = [
        Entry(label=name, color=sign.color, value=f"{counts[name]:,}", marker=sign.shape)
        for name, sign in view.signs.items()
    ]
    if view.halts:
        days = sum(view.halts.values())
        label = f"halt ({days:,} {'day' if days == 1 else 'days'})"
        entries.append(Entry(label=label, color=view.theme.text, marker=_WITHOUT_TRADE))
    return entries
