"""How the bars of a longer period are joined, when it is over and while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What a field of a period is: of all its bars, and of those until now; ``row`` where it is that of one bar."""

    whole: Callable[[pl.Expr], pl.Expr]
    so_far: Callable[[pl.Expr], pl.Expr]
    row: Literal["first", "last"] | None = None


_JOININGS = {
    "open": Joining(whole=lambda x: x.first(), so_far=lambda x: x.first(), row="first"),
    "high": Joining(whole=lambda x: x.max(), so_far=lambda x: x.cum_max()),
    "low": Joining(whole=lambda x: x.min(), so_far=lambda x: x.cum_min()),
    "volume": Joining(whole=lambda x: x.sum(), so_far=lambda x: x.cum_sum()),
}
_LAST = Joining(whole=lambda x: x.last(), so_far=lambda x: x, row="last")


def joining(field: str) -> Joining:
    """Tell how a field is joined; the close and further columns take their last value."""
    return _JOININGS.get(field, _LAST)
