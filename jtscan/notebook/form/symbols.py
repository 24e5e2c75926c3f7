"""Finding symbols as people type them: by code, by name, by the initial consonants of a Korean name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.domain.words import nearest
from jtscan.notebook.typed import pattern_of

HITS = 20
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What was typed or pasted: symbols that there are, and pieces that are none."""

    symbols: tuple[str, ...]
    unknown: tuple[str, ...]


class SymbolTable:
    """The symbols of the data, to be found by code or name.

    ``frame`` has a column ``symbol``; every other text column with "name" in
    its name is searched.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._names = [name for name, kind in frame.schema.items() if kind == pl.String and "name" in name.lower()]
        shown = [name for name in ("name", "market") if name in frame.columns]
        label = pl.concat_str(["symbol", *shown], separator=" ", ignore_nulls=True)
        called = pl.concat_str(["symbol", *shown[:1]], separator=" ", ignore_nulls=True)
        self._frame = frame.select("symbol", *self._names, label.alias("#hit"), called.alias("#called"))
        self.codes: tuple[str, ...] = tuple(frame["symbol"])
        self._known = frozenset(self.codes)
        self._called = dict(zip(self.codes, frame["name"], strict=True)) if "name" in frame.columns else {}
        self._exactly = self._exact()
        self._beside = self._said_beside(frame)
        self._markets = frozenset(frame["market"].drop_nulls()) if "market" in frame.columns else frozenset()
        self._longest = max((len(said.split()) for each in self._beside.values() for said in each), default=1)

    def __contains__(self, code: object) -> bool:
        return code in self._known

    def _exact(self) -> dict[str, str | None]:
        """Codes, then names, then both in any case, to their code; None where it could be several."""
        known: dict[str, str | None] = {code: code for code in self.codes}
        for code in self.codes:
            known.setdefault(code.casefold(), code)
        names: dict[str, str | None] = {}
        for column in self._names:
            for code, name in zip(self.codes, self._frame[column], strict=True):
                if name:
                    key = name.casefold()
                    names[key] = code if names.get(key, code) == code else None
        return {**names, **known}

    def _said_beside(self, frame: pl.DataFrame) -> dict[str, set[str]]:
        """What a list may say of each code beside it: its names, and its names with its market."""
        markets = frame["market"] if "market" in frame.columns else [None] * frame.height
        beside: dict[str, set[str]] = {code: set() for code in self.codes}
        for column in self._names:
            for code, name, market in zip(self.codes, self._frame[column], markets, strict=True):
                if name:
                    beside[code] |= {_plain(name), _plain(f"{name} {market}")}
        return beside

    def label(self, code: str) -> str:
        """Write a code with its name."""
        name = self._called.get(code)
        return f"{code} {name}" if name else code

    def hits(self, text: str, limit: int = HITS) -> list[tuple[str, str]]:
        """Find symbols: as (text to show, code), codes and beginnings first, then in the order of the table."""
        wanted = pattern_of(text)
        if not wanted:
            return []
        labels = ["#called"] if len(text.split()) > 1 else []
        found = self._frame.filter(pl.any_horizontal(_has(name, wanted) for name in ("symbol", *self._names, *labels)))
        begins = (
            pl.any_horizontal(_has(name, f"^{wanted}") for name in self._names) if self._names else pl.lit(value=False)
        )
        rank = (
            pl.when(_has("symbol", f"^{wanted}$")).then(0).when(_has("symbol", f"^{wanted}")).then(1)
            .when(begins).then(2).otherwise(3)
        )  # fmt: skip
        return found.sort(rank, maintain_order=True).head(limit).select("#hit", "symbol").rows()

    def read(self, text: str) -> Entered:
        """Read codes, whole names, or codes with their names, with commas, semicolons, tabs or line ends between them.

        Spaces are enough between words that are all known, and after a code.
        """
        found = list(self._pieces(unicodedata.normalize("NFC", text)))
        return Entered(
            symbols=tuple(dict.fromkeys(code for _, code in found if code is not None)),
            unknown=tuple(dict.fromkeys(part for part, code in found if code is None)),
        )

    def _pieces(self, text: str) -> Iterator[tuple[str, str | None]]:
        """Each part with its code; what only says more about the code before it is no part of its own."""
        before = None
        for piece in filter(None, map(str.strip, re.split(r"[,;\t\r\n]", text))):
            for part, code in self._parts(piece):
                if code is not None or before is None or not self._says_more(before, part):
                    yield part, code
                before = code or before

    def _says_more(self, code: str, part: str) -> bool:
        return part in self._markets or _plain(part) in self._beside[code]

    def _parts(self, piece: str) -> list[tuple[str, str | None]]:
        words = piece.split()
        whole = self._code(piece)
        if whole is not None or len(words) == 1:
            return [(piece, whole)]
        parts = list(self._walk(words))
        split = words[0] in self or all(code is not None for _, code in parts)
        return parts if split else [(piece, None)]

    def _walk(self, words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """Go through words, taking as many at a time as make a code or a name."""
        place, before = 0, None
        while place < len(words):
            for end in range(min(place + self._longest, len(words)), place, -1):
                run = " ".join(words[place:end])
                if before is not None and _plain(run) in self._beside[before]:
                    break
                if (code := self._code(run)) is not None:
                    yield run, code
                    before = code
                    break
            else:
                end = place + 1
                yield words[place], None
            place = end

    def _code(self, part: str) -> str | None:
        return self._exactly.get(part) or self._exactly.get(part.casefold())

    def strangers(self, codes: Sequence[str]) -> list[str]:
        """Name the codes that the data does not have."""
        return [code for code in codes if code not in self._known]

    def nearest(self, unknown: Sequence[str]) -> str:
        """Quote what is unknown, each with what it was perhaps meant to be."""
        shown = ", ".join(nearest(word, self.codes) for word in unknown[:_SHOWN])
        more = len(unknown) - _SHOWN
        return f"{shown} and {more:,} more" if more > 0 else shown


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _has(column: str, pattern: str) -> pl.Expr:
    return pl.col(column).str.contains(f"(?i){pattern}").fill_null(value=False)
