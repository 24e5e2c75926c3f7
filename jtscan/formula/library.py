"""A small library of formulas that traders use, as text files: ``jt.library["golden_cross"]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from jtscan.domain.formulas import Formula
from jtscan.errors import RequestError
from jtscan.formula.dialects import suggest

_FOLDER = Path(__file__).parent.parent / "library"
_SUFFIX = ".jts"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LibraryFormula(Formula):
    """A formula of the library: what it is called, what it finds, and where the rule comes from."""

    title: str
    about: str
    source: str

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - drawn there, when it is looked at

        return render.formula_html(self, title=self.title, about=self.about, source=self.source)


class Library(Mapping[str, LibraryFormula]):
    """The formulas of the library by name; pass one to ``scan``, or start your own from its ``text``.

    Examples
    --------
    >>> import jtscan as jt
    >>> jt.library["golden_cross"].title
    'Golden cross'
    >>> jt.Scanner("data").scan(jt.library["turtle"], last=1).signals.matches.columns[-1]
    'stop'
    """

    def __getitem__(self, name: str) -> LibraryFormula:
        if name not in _names():
            hint = suggest(str(name), _names(), {}) or f"there are: {', '.join(_names())}"
            raise RequestError("library", f"{name!r} is not there; {hint}")
        return _read(name)

    def __contains__(self, name: object) -> bool:
        return name in _names()

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())

    @property
    def table(self) -> pl.DataFrame:
        """Name, title, about, source: one row per formula."""
        rows = [(name, each.title, each.about, each.source) for name, each in self.items()]
        return pl.DataFrame(rows, schema=["name", "title", "about", "source"], orient="row")

    def __repr__(self) -> str:
        width = max(map(len, _names()))
        return "\n".join(f"{name:<{width}}  {each.title}" for name, each in self.items())

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - render knows the values, not the other way round

        rows = [(name, f"{each.title}: {each.about}") for name, each in self.items()]
        return render.card_html(f"{len(rows)} formulas", rows, note='jt.library["turtle"] shows one, scan takes it')

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _FOLDER.glob(f"*{_SUFFIX}")))


@cache
def _read(name: str) -> LibraryFormula:
    text = (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    title, about, source, _ = text.split("\n", 3)
    said = [line.removeprefix("# ") for line in (title, about, source)]
    return LibraryFormula(text=text, name=name, title=said[0], about=said[1], source=said[2].removeprefix("Source: "))


library = Library()
