"""The universe of one scan."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import DateRange


@dataclass(frozen=True, slots=True, kw_only=True)
class InRange:
    """The symbols of a universe that a scan of a range asks, and what it takes out."""

    symbols: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    not_listed: tuple[str, ...] = ()
    not_members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Universe:
    """The symbols of a scan, what was taken out, and what is known of them.

    ``members`` are the spans of an index that was asked for, ``compared_members``
    those of the compared; None is always.
    """

    symbols: tuple[str, ...]
    date_range: DateRange
    labels: pl.DataFrame
    compared: tuple[str, ...] = ()
    members: pl.DataFrame | None = None
    compared_members: pl.DataFrame | None = None
    excluded: tuple[str, ...] = ()
    not_listed: tuple[str, ...] = ()
    not_members: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
