"""What a replay for look-ahead found."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAhead:
    """A bar whose answer changes when later bars become known; None is unknown."""

    symbol: str
    timestamp: dt.date
    name: str
    on_the_day: bool | float | str | None
    afterwards: bool | float | str | None

    def in_words_short(self) -> str:
        """Say it of a lookback that is too short."""
        return (
            f"{self.symbol} on {self.timestamp}: {self.name} is {_shown(self.on_the_day)} on so many bars alone, "
            f"and {_shown(self.afterwards)} with the bars before them"
        )

    def __str__(self) -> str:
        return (
            f"{self.symbol} on {self.timestamp}: {self.name} was {_shown(self.on_the_day)} on the day, "
            f"and is {_shown(self.afterwards)} with the bars after it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a replay found: which bars were replayed, and the first bar of each symbol whose answer changes.

    ``short`` is a bar on which the lookback that was given does not suffice,
    ``left_out`` names symbols that could not be replayed.
    """

    symbols: tuple[str, ...]
    bars: int
    found: tuple[LookAhead, ...] = ()
    short: LookAhead | None = None
    left_out: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether bars were replayed and nothing was found."""
        return bool(self.bars) and not self.found and self.short is None

    @property
    def looks_ahead(self) -> bool:
        """Whether any answer changed."""
        return bool(self.found)

    def __str__(self) -> str:
        lost = f"\nnot replayed: {', '.join(self.left_out)}" if self.left_out else ""
        if not self.bars:
            return f"nothing could be replayed{lost}"
        symbols = f"{len(self.symbols):,} symbol{'s' if len(self.symbols) != 1 else ''}"
        what = f"{self.bars:,} bars of {symbols} were replayed as if each were the newest"
        if self.short is not None and not self.found:
            return f"lookback= is too short: {self.short.in_words_short()}{lost}"
        if not self.found:
            return f"no look-ahead: {what}, and no answer changed{lost}"
        shown = "\n  ".join(str(each) for each in self.found)
        return f"the formula looks ahead: {what}, and answers changed:\n  {shown}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.check_html(self)


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)
