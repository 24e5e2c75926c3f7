"""Finding symbols as people type them: by code, by name, by the initial consonants of a Korean name."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
        self._frame = frame.select("symbol", *self._names, label.alias("#hit"))
        self.codes: tuple[str, ...] = tuple(frame["symbol"])
        self._known = frozenset(self.codes)
        self._called = dict(zip(self.codes, frame["name"], strict=True)) if "name" in frame.columns else {}
        self._exactly = self._exact()

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

    def label(self, code: str) -> str:
        """Write a code with its name."""
        name = self._called.get(code)
        return f"{code} {name}" if name else code

    def hits(self, text: str, limit: int = HITS) -> list[tuple[str, str]]:
        """Find symbols: as (text to show, code), codes and beginnings first, then in the order of the table."""
        wanted = pattern_of(text)
        if not wanted:
            return []
        found = self._frame.filter(pl.any_horizontal(_has(name, wanted) for name in ("symbol", *self._names)))
        begins = (
            pl.any_horizontal(_has(name, f"^{wanted}") for name in self._names) if self._names else pl.lit(value=False)
        )
        rank = (
            pl.when(_has("symbol", f"^{wanted}$")).then(0).when(_has("symbol", f"^{wanted}")).then(1)
            .when(begins).then(2).otherwise(3)
        )  # fmt: skip
        return found.sort(rank, maintain_order=True).head(limit).select("#hit", "symbol").rows()

    def read(self, text: str) -> Entered:
        """Read codes, or whole names, with commas, semicolons or line ends between them; between codes also spaces."""
        pieces = [piece.strip() for piece in re.split(r"[,;\t\r\n]", text) if piece.strip()]
        every = [part for piece in pieces for part in self._parts(piece)]
        found = [(part, self._exactly.get(part) or self._exactly.get(part.casefold())) for part in every]
        return Entered(
            symbols=tuple(dict.fromkeys(code for _, code in found if code is not None)),
            unknown=tuple(dict.fromkeys(part for part, code in found if code is None)),
        )

    def _parts(self, piece: str) -> list[str]:
        parts = piece.split()
        return parts if len(parts) > 1 and all(part in self for part in parts) else [piece]

    def strangers(self, codes: Sequence[str]) -> list[str]:
        """Name the codes that the data does not have."""
        return [code for code in codes if code not in self._known]

    def nearest(self, unknown: Sequence[str]) -> str:
        """Quote what is unknown, each with what it was perhaps meant to be."""
        shown = ", ".join(nearest(word, self.codes) for word in unknown[:_SHOWN])
        more = len(unknown) - _SHOWN
        return f"{shown} and {more:,} more" if more > 0 else shown


def _has(column: str, pattern: str) -> pl.Expr:
    return pl.col(column).str.contains(f"(?i){pattern}").fill_null(value=False)
