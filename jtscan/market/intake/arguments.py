"""What a user says of the sources, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from jtscan.domain.dates import Timeframe
from jtscan.errors import RequestError
from jtscan.market.intake.columns import NAMES
from jtscan.market.intake.judging import Halts
from jtscan.market.intake.staging import Reading
from jtscan.market.intake.values import Moments


def make_reading(
    timeframe: str,
    columns: Mapping[str, str] | None,
    *,
    symbol_pattern: str | None,
    date_format: str | None,
    timezone: str | None,
) -> Reading:
    """Say how sources are read; the arguments are those of ``ingest``.

    Raises
    ------
    RequestError
        One of them cannot be used.
    """
    moments = Moments(timeframe=Timeframe.parse(timeframe), date_format=date_format, zone=_zone(timezone))
    _check_format(date_format)
    return Reading(moments=moments, mapping=_mapping(columns), symbol_pattern=_pattern(symbol_pattern))


def check_halts(halts: Halts) -> None:
    """Refuse what says of no row that it is a halt."""
    if halts not in ("zero", "flat"):
        raise RequestError("halts", f"{halts!r} is unknown; write 'zero' or 'flat'")


def _mapping(columns: Mapping[str, str] | None) -> Mapping[str, str]:
    given = dict(columns or {})
    for ours in given:
        if ours not in NAMES:
            raise RequestError(
                "columns", f"{ours!r} is not one of ours: {', '.join(NAMES)}. Ours comes first: ours=theirs"
            )
    return given


def _zone(name: str | None) -> str | None:
    try:
        return None if name is None else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError("timezone", f"{name!r} is no time zone; write one such as 'Asia/Seoul'") from None


def _check_format(text: str | None) -> None:
    if text is None:
        return
    try:
        if "%" not in text:
            raise duckdb.InvalidInputException(text)
        duckdb.connect().execute("SELECT strftime(TIMESTAMP '2024-01-31', $text)", {"text": text})
    except duckdb.Error:
        raise RequestError("date_format", f"{text!r} is no format of dates; write one such as '%d/%m/%Y'") from None


def _pattern(pattern: str | None) -> str | None:
    if pattern is not None and pattern.count("{symbol}") != 1:
        raise RequestError("symbol_pattern", f"{pattern!r} does not say where the symbol is; write 'prices_{{symbol}}'")
    return pattern
