"""SQL that reads a value of whatever type or text as the number or the moment that it means; null if it means none."""

from __future__ import annotations

from dataclasses import dataclass

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import quoted
from jtscan.market.files import MOMENTS, is_number

_DATES = ("%Y%m%d", "%Y.%m.%d", "%Y. %m. %d", "%Y.%m.%d.", "%Y년 %m월 %d일", "%Y/%m/%d")
_TIMES = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y%m%d %H:%M:%S",
          "%Y%m%d %H:%M", "%Y%m%d %H%M%S")  # fmt: skip
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
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
        grouped = (
            f"CASE WHEN regexp_matches({column}, '{_THOUSANDS}') THEN CAST(replace({column}, ',', '') AS DOUBLE) END"
        )
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
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        moment = f"timezone('{moments.zone or moments.stored}', {quoted(name)})"
    elif kind in MOMENTS:
        moment = f"CAST({quoted(name)} AS TIMESTAMP)"
    else:
        moment = _from_text(_as_text(name, kind), moments, None if time is None else _as_text(*time))
    known = f"CASE WHEN {moment} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31' THEN {moment} END"
    return f"CAST({known} AS {'TIMESTAMP' if moments.timeframe.intraday else 'DATE'})"


def _as_text(name: str, kind: str) -> str:
    whole = f"CAST(TRY_CAST({quoted(name)} AS BIGINT) AS VARCHAR)"
    return f"trim({quoted(name)})" if kind == TEXT else whole if is_number(kind) else f"CAST({quoted(name)} AS VARCHAR)"


def _from_text(text: str, moments: Moments, time: str | None) -> str:
    if time is not None:
        clock = f"regexp_replace({time}, '\\D', '', 'g')"
        padded = f"CASE WHEN length({clock}) <= 4 THEN lpad({clock}, 4, '0') ELSE lpad({clock}, 6, '0') END"
        digits = f"regexp_replace({text}, '\\D', '', 'g') || {padded}"
        return f"try_strptime({digits}, {list(_TIMES[:2])})"
    if moments.date_format is not None:
        return f"try_strptime({text}, '{moments.date_format.replace(chr(39), chr(39) * 2)}')"
    zoned = f"timezone('{moments.zone}', TRY_CAST({text} AS TIMESTAMPTZ))" if moments.zone else "NULL"
    iso = f"TRY_CAST({text} AS TIMESTAMP)"
    offset = f"regexp_matches({text}, '\\d([+-]\\d\\d(:?\\d\\d)?|Z)$') AND length({text}) > 12"
    iso = f"CASE WHEN {offset} THEN {zoned} ELSE {iso} END" if moments.zone else iso
    # Words that DuckDB knows as moments (infinity, epoch, today) are none here.
    dated = f"CASE WHEN {text}[1] BETWEEN '0' AND '9' THEN {iso} END"
    return f"coalesce({dated}, try_strptime({text}, {[*_DATES, *_TIMES]}))"
