"""Which column of a source is what: the names that pykrx, FinanceDataReader, yfinance, marcap and others use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jtscan.errors import RequestError
from jtscan.market.files import PRICES
from jtscan.market.names import MARKET_COLUMNS, NAME_COLUMNS, SYMBOL_COLUMNS

# Ours first; the names as they are written there, in small letters, without < > of MetaStock and stooq.
NAMES: Mapping[str, tuple[str, ...]] = {
    "timestamp": (
        "timestamp", "date", "datetime", "dt", "day", "trade_date", "tradedate", "trading_date", "base_date",
        "날짜", "일자", "일시", "거래일", "거래일자", "기준일", "기준일자", "영업일자",
        "stck_bsop_date", "date/time", "dtyyyymmdd", "", "unnamed: 0", "index",
    ),
    "time": ("time", "시간", "체결시간", "시각"),
    "symbol": SYMBOL_COLUMNS,
    "open": ("open", "o", "시가", "openprice", "open_price", "stck_oprc", "mkp", "tdd_opnprc"),
    "high": ("high", "h", "고가", "highprice", "high_price", "stck_hgpr", "hipr", "tdd_hgprc"),
    "low": ("low", "l", "저가", "lowprice", "low_price", "stck_lwpr", "lopr", "tdd_lwprc"),
    "close": ("close", "c", "종가", "현재가", "closeprice", "close_price", "stck_clpr", "clpr", "tdd_clsprc"),
    "volume": ("volume", "vol", "v", "거래량", "누적거래량", "acml_vol", "trqu", "acc_trdvol"),
    "adj_close": ("adj close", "adj_close", "adjclose", "adjusted close", "adjusted_close", "adj. close", "수정종가"),
    "name": NAME_COLUMNS,
    "market": MARKET_COLUMNS,
}  # fmt: skip
_EXTRAS: Mapping[str, str] = {
    "거래대금": "amount", "등락률": "change_pct", "대비": "changes", "시가총액": "marcap", "상장주식수": "stocks",
    "per": "per", "pbr": "pbr", "eps": "eps", "bps": "bps", "배당수익률": "dividend_yield",
    "외국인지분율": "foreign_ratio",
}  # fmt: skip
_OURS = {theirs: ours for ours, names in NAMES.items() for theirs in names}
LABELS = ("name", "market")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9.\-^=]{0,11}")
_PREFIXED = re.compile(r"A([0-9][0-9A-Z]{5})")
_KRX_CODE = re.compile(r"(?<![0-9A-Za-z])A?([0-9][0-9A-Z]{5})(?![0-9A-Za-z])")
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_TAIL = re.compile(
    r"[_\- ](data|daily|prices?|ohlcv?|eod|history|historical|hist|day|stock|1d|1w|1mo|(1|5|15|30|60)m(in)?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the columns of a file are: our name → theirs; ``problem`` says why the file holds no bars.

    ``extras`` are further columns that may be numbers, ``left_out`` what is
    not taken. Without ``symbol`` in ``columns`` the file's name is the symbol.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    problem: str | None = None


def layout_of(
    names: Sequence[str], mapping: Mapping[str, str], codes: frozenset[str] = frozenset(), *, dated: bool = False
) -> Layout:
    """Recognise the columns of a file.

    Parameters
    ----------
    names
        Its columns.
    mapping
        Our names to those of the file, which the user has given; they come first.
    codes
        Columns whose values look like symbols: ``Name`` is one of those in
        some files, where no other column has the symbol.
    dated
        Whether the file's name tells its day, so that a file of many symbols
        needs no column of dates.
    """
    there = f"it has: {', '.join(names) or 'no columns'}"
    if len({name.casefold() for name in names}) < len(names):
        twice = next(
            name for place, name in enumerate(names) if name.casefold() in {n.casefold() for n in names[:place]}
        )
        return Layout(problem=f"its column {twice!r} is there twice; {there}")
    given = {ours: theirs for ours, theirs in mapping.items() if theirs in names}
    found, rivals = _recognised([name for name in names if name not in given.values()], set(given))
    columns = {**found, **given}
    if "symbol" not in columns and columns.get("name") in codes:
        columns["symbol"] = columns.pop("name")
    if rivals:
        (ours, many), *_ = rivals.items()
        shown = " and ".join(map(repr, many))
        return Layout(problem=f"its columns {shown} could both be {ours}; say which: {_naming(ours, many[0])}")
    if "close" not in columns and any(map(_is_value, names)):
        first = ", ".join(names)
        return Layout(problem=f"it seems to have no header: its first line is {first}. Write the columns' names there")
    if "timestamp" not in columns and not (dated and "symbol" in columns):
        return Layout(problem=f"it has no column of dates; {there}. If one is, name it: {_naming('timestamp')}")
    if "close" not in columns:
        return Layout(problem=f"it has no column of closes; {there}. If one is, name it: {_naming('close')}")
    rest = [name for name in names if name not in columns.values() and plain(name)]
    extras: dict[str, str] = {}
    for name in rest:
        if extra_name(name) not in NAMES:  # another column has the part of this one
            extras.setdefault(extra_name(name), name)
    return Layout(columns=columns, extras=extras, left_out=tuple(name for name in rest if name not in extras.values()))


def _naming(ours: str, theirs: str = "…") -> str:
    """Write how a column is named, in Python and on the command line."""
    return f'columns={{"{ours}": "{theirs}"}}, or --map {ours}={theirs}'


def _recognised(names: Sequence[str], taken: set[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Find our columns by name; several that could be one price are rivals, of other columns the likeliest is taken."""
    candidates: dict[str, list[str]] = {}
    for name in names:
        ours = _OURS.get(plain(name))
        if ours is not None and ours not in taken:
            candidates.setdefault(ours, []).append(name)
    found = {ours: min(many, key=lambda name: NAMES[ours].index(plain(name))) for ours, many in candidates.items()}
    return found, {ours: many for ours, many in candidates.items() if len(many) > 1 and ours in PRICES}


def plain(name: str) -> str:
    """Write a column's name as the table has it."""
    return name.strip().strip("<>").strip().casefold()


def _is_value(name: str) -> bool:
    """Whether what should be a column's name is a number or a date."""
    return bool(re.fullmatch(r"[+-]?\d[\d.,/-]*", name.strip()))


def day_of_name(stem: str) -> str | None:
    """Read the day out of a file's name, if there is one and only one: data_20241002."""
    days = {"-".join(day) for day in _DAY.findall(stem)}
    return days.pop() if len(days) == 1 else None


def extra_name(name: str) -> str:
    """Name a further column as formulas can write it: ``Adj Close`` is adj_close, ``거래대금`` amount."""
    known = _EXTRAS.get(plain(name))
    return known or re.sub(r"\W+", "_", plain(name)).strip("_") or "column"


def check_mapping(mapping: Mapping[str, str], all_names: Sequence[Sequence[str]]) -> None:
    """Refuse a mapping that names a column which no file has."""
    there = {name for names in all_names for name in names}
    for ours, theirs in mapping.items():
        if theirs in there:
            continue
        turned = f"; our name comes first: {theirs}={ours}" if ours in there and theirs in NAMES else ""
        raise RequestError(
            "columns", f"no file has a column {theirs!r} for {ours}; there are: {', '.join(sorted(there))}{turned}"
        )


def looks_like_code(value: str) -> bool:
    """Whether a text can be a symbol: capital letters and digits, such as BRK.B or 005930."""
    return _CODE.fullmatch(value) is not None


def symbol_of_name(stem: str, pattern: str | None = None) -> str | None:
    """Read the symbol out of a file's name.

    A pattern says where it is: ``krx_*_{symbol}``; None if the name does not
    fit. Otherwise the Korean code in the name, if there is one and only one,
    or the name without endings such as ``_data``.
    """
    if pattern is not None:
        wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\{symbol\}", "(?P<symbol>.+)")
        fits = re.fullmatch(wild, stem)
        return fits["symbol"] if fits else None
    if (prefixed := _PREFIXED.fullmatch(stem)) is not None:
        return prefixed[1]
    codes = set(_KRX_CODE.findall(stem))
    if len(codes) == 1 and not looks_like_code(stem):
        return str(codes.pop())
    while (shorter := _TAIL.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem or None
