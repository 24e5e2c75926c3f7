"""Columns of text, made from frames; and how wide text is on a terminal."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

_HUGE, _TINY = 1e15, 1e-3  # beyond these a number is written with its power of ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The cells of a column as clean text; None is unknown.

    ``shares`` are between 0 and 1: how strongly each cell is coloured.
    """

    name: str
    cells: Sequence[str | None]
    right: bool = False
    shares: Sequence[float] = ()


Writers = Mapping[str, Callable[[Any], str]]


def columns_of(frame: pl.DataFrame, writers: Writers | None = None) -> list[Column]:
    """Write every column of a frame, numbers to the right; as ``writers`` do, those of a larger frame."""
    known = writers_of(frame) if writers is None else writers
    return [_column_of(series, known[series.name]) for series in frame.iter_columns()]


def writers_of(frame: pl.DataFrame) -> Writers:
    """Choose how the values of each column are written, numbers with the same decimals all the way down."""
    return {series.name: _writer(series) for series in frame.iter_columns()}


def _column_of(series: pl.Series, write: Callable[[Any], str]) -> Column:
    cells = [None if value is None else write(value) for value in series.to_list()]
    return Column(name=clean(series.name), cells=cells, right=series.dtype.is_numeric())


def _writer(series: pl.Series) -> Callable[[Any], str]:
    if series.dtype.is_float():
        return _float_format(series.filter(series.is_finite())).format
    return "{:,}".format if series.dtype.is_numeric() else plain


def _float_format(values: pl.Series) -> str:
    """As many decimals as the values have, or enough to tell them apart."""
    largest = float(values.abs().max() or 0.0)  # type: ignore[arg-type]
    if largest >= _HUGE or 0 < largest < _TINY:
        return "{:.4g}"
    exact = (places for places in range(5) if (values == values.round(places)).all())
    return f"{{:,.{next(exact, 2 if largest >= 1 else 4)}f}}"


def plain(value: object) -> str:
    """Write one value that is not a number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "seconds" if value.second else "minutes")
    return clean(str(value))


def clean(text: str) -> str:
    """Replace what does not print: line ends, orders to a terminal, marks that turn text round."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in composed)


def width_of(text: str) -> int:
    """Count the columns that a text takes on a terminal: Hangul takes two, a combining mark none."""
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def head_of(text: str, width: int) -> str:
    """Return the beginning of a text that fits into a width."""
    taken = 0
    for place, letter in enumerate(text):
        taken += _letter_width(letter)
        if taken > width:
            return text[:place]
    return text


def cut(text: str, width: int) -> str:
    """Shorten a text that is too wide, with a sign that it was."""
    return text if width_of(text) <= width else f"{head_of(text, width - 1)}…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill a text up to a width with spaces."""
    space = " " * (width - width_of(text))
    return f"{space}{text}" if right else f"{text}{space}"


def wrap(text: str, width: int) -> list[str]:
    """Break a text between words, and inside a word that is wider than a line; at least one line."""
    width = max(width, 2)
    lines = [""]
    for word in text.split():
        for piece in _pieces(word, width):
            joined = f"{lines[-1]} {piece}".lstrip()
            if width_of(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, width: int) -> list[str]:
    pieces = []
    while width_of(word) > width:
        pieces.append(head_of(word, width))
        word = word[len(pieces[-1]) :]
    return [*pieces, word]
