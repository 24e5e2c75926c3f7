"""Whose bars a part of a formula is computed on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """The bars of ``symbol`` (None: each symbol's own), joined into bars of ``period`` (None: as they are)."""

    symbol: str | None = None
    period: str | None = None


BASE = Frame()
