"""SQL that reads a value of whatever type or text as the number or the moment that it means; null if it means none."""

from __future__ import annotations

from dataclasses import dataclass

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import literal, quoted
from jtscan.market.files import MOMENTS, is_number

_DATES = ("%Y%m%d", "%Y.%m.%d", "%Y. %m. %d", "%Y.%m.%d.", "%Y년 %m월 %d일", "%Y/%m/%d")
_TIMES = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y%m%d %H:%M:%S",
          "%Y%m%d %H:%M", "%Y%m%d %H%M%S")  # fmt: skip
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
# Four digits of a year, then others; or 8, 12 or 14 digits. Not 24-01-31, nor infinity, epoch or milliseconds.
_WRITTEN = r"^(\d{4}\D|\d{8}($|\D|\d{4}($|\d\d$)))"
TEXT = "VARCHAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """How timestamps are written: a format where it cannot be guessed, and the zone of the exchange.

    ``zone`` is the zone whose wall time is meant; ``stored`` the one that a
    typed column carries, None if it carries none.
    """

    timeframe: Timeframe
    date_format: str | None = None
    zone: str | None = None
    stored: str | None = None


def number_of(name: str, kind: str) -> str:
    """Write a column as a finite double."""
    column = quoted(name)
    if kind != TEXT:
        number = f"TRY_CAST({column} AS DOUBLE)" if is_number(kind) or kind == "BOOLEAN" else "CAST(NULL AS DOUBLE)"
    else:
        text = f"trim({column})"
        grouped = f"CASE WHEN regexp_matches({text}, '{_THOUSANDS}') THEN CAST(replace({text}, ',', '') AS DOUBLE) END"
        number = f"coalesce(TRY_CAST({column} AS DOUBLE), {grouped})"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def is_no_number(name: str, kind: str, number: str) -> str:
    """Write the condition that a text is there and is not a number; NaN and the like are nothing."""
    if kind != TEXT:
        return "false"
    nothing = "('', 'nan', 'null', 'none', 'n/a', 'na', '-', 'inf', '-inf')"
    return f"({number} IS NULL AND lower(trim(coalesce({quoted(name)}, ''))) NOT IN {nothing})"


def moment_of(name: str, kind: str, moments: Moments, time: tuple[str, str] | None = None) -> str:
    """Write a column as a date, or a timestamp for intraday bars; ``time`` is a second column, with the time of day."""
    if time is not None:
        moment = _from_two(_day_of(name, kind), _as_text(*time))
    elif kind.startswith("TIMESTAMP WITH TIME ZONE"):
        moment = f"timezone('{moments.zone or moments.stored}', {quoted(name)})"
    elif kind in MOMENTS:
        moment = f"CAST({quoted(name)} AS TIMESTAMP)"
    else:
        moment = _from_text(_as_text(name, kind), moments)
    known = f"CASE WHEN {moment} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31' THEN {moment} END"
    return f"CAST({known} AS {'TIMESTAMP' if moments.timeframe.intraday else 'DATE'})"


def _as_text(name: str, kind: str) -> str:
    whole = f"CAST(TRY_CAST({quoted(name)} AS BIGINT) AS VARCHAR)"
    return f"trim({quoted(name)})" if kind == TEXT else whole if is_number(kind) else f"CAST({quoted(name)} AS VARCHAR)"


def _day_of(name: str, kind: str) -> str:
    return f"strftime({quoted(name)}, '%Y%m%d')" if kind in MOMENTS else _as_text(name, kind)


def _from_two(day: str, time: str) -> str:
    """Put a day and a time of day together, by their digits: 9:00, 900 and 90000 are nine o'clock."""
    clock = f"regexp_replace({time}, '\\D', '', 'g')"
    padded = f"CASE WHEN length({clock}) <= 4 THEN lpad({clock}, 4, '0') ELSE lpad({clock}, 6, '0') END"
    digits = f"regexp_replace({day}, '\\D', '', 'g') || {padded}"
    return f"CASE WHEN {clock} <> '' THEN try_strptime({digits}, {list(_TIMES[:2])}) END"


def _from_text(text: str, moments: Moments) -> str:
    if moments.date_format is not None:
        return f"try_strptime({text}, {literal(moments.date_format)})"
    zoned = f"timezone('{moments.zone}', TRY_CAST({text} AS TIMESTAMPTZ))" if moments.zone else "NULL"
    iso = f"TRY_CAST({text} AS TIMESTAMP)"
    offset = f"regexp_matches({text}, '\\d([+-]\\d\\d(:?\\d\\d)?|Z)$') AND length({text}) > 12"
    iso = f"CASE WHEN {offset} THEN {zoned} ELSE {iso} END" if moments.zone else iso
    moment = f"coalesce({iso}, try_strptime({text}, {[*_DATES, *_TIMES]}))"
    return f"CASE WHEN regexp_matches({text}, '{_WRITTEN}') THEN {moment} END"
