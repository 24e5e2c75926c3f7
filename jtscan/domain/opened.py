"""How a scanner was opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Location = str | Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The arguments that a Scanner was made with, as they were given.

    ``functions`` are given by their names, ``engine`` as it is written: ``processes(4)``.
    """

    data: Location | None = None
    prices: Location | Sequence[Location] | None = None
    symbols: Location | None = None
    members: Location | None = None
    timeframe: str = "1d"
    columns: Mapping[str, str] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    max_concurrent_scans: int | None = None
    version: int | None = None
    verify: bool = False
    engine: str | None = None
    raise_internal: bool = False
