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

    def __str__(self) -> str:
        return (
            f"{self.symbol} on {self.timestamp}: {self.name} was {_shown(self.on_the_day)} on the day, "
            f"and is {_shown(self.afterwards)} with the bars after it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a replay found: which bars were replayed, and the first bar of each symbol whose answer changes."""

    symbols: tuple[str, ...]
    bars: int
    found: tuple[LookAhead, ...] = ()

    @property
    def looks_ahead(self) -> bool:
        """Whether any answer changed."""
        return bool(self.found)

    def __str__(self) -> str:
        what = f"{self.bars:,} bars of {len(self.symbols):,} symbols were replayed as if each were the newest"
        if not self.found:
            return f"no look-ahead: {what}, and no answer changed"
        shown = "\n  ".join(str(each) for each in self.found)
        return f"the formula looks ahead: {what}, and answers changed:\n  {shown}"

    def __repr__(self) -> str:
        return str(self)


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)
