"""The table of functions, for people: as a frame, in a notebook, as a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from jtscan.formula import korean
from jtscan.formula.dialects import FUNCTIONS
from jtscan.formula.rows import Function
from jtscan.formula.table import rows

_COLUMNS = ("name", "usage", "gives", "meaning", "group", "source", "aliases")


@dataclass(frozen=True, slots=True, eq=False)
class FunctionTable:
    """The functions of the language: one row each."""

    functions: tuple[Function, ...]

    @property
    def frame(self) -> pl.DataFrame:
        """Name, usage, gives, meaning, group, source, aliases: one row per function."""
        data = [
            (each.name, each.usage, each.gives, each.doc, each.group, each.source, ", ".join(each.aliases))
            for each in self.functions
        ]
        return pl.DataFrame(data, schema=dict.fromkeys(_COLUMNS, pl.String), orient="row")

    def __len__(self) -> int:
        return len(self.functions)

    def __str__(self) -> str:
        lines: list[str] = []
        for group in dict.fromkeys(each.group for each in self.functions):
            members = [each for each in self.functions if each.group == group]
            width = min(max(len(each.usage) for each in members), 44)
            lines += ["", group.upper(), *(f"  {each.usage:<{width}}  {each.doc}" for each in members)]
        return "\n".join(lines).strip("\n")

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - drawn there, when it is looked at

        return render.functions_html(self.frame)

    def markdown(self) -> str:
        """Write the reference page."""
        lines = [_HEAD.format(count=len(self.functions))]
        for group in dict.fromkeys(each.group for each in self.functions):
            lines += ["", f"## {group[0].upper()}{group[1:]}", "", _COLUMN_HEADS, "|---|---|---|---|"]
            lines += [_line(each) for each in self.functions if each.group == group]
        return "\n".join(lines) + "\n"


def function_table(own: Sequence[Function] = (), *, search: str | None = None) -> FunctionTable:
    """Return the functions of the language, a user's own among them; ``search`` is a text in name, meaning or group."""
    every = (*rows(), *own)
    wanted = unicodedata.normalize("NFC", search or "").lower().removeprefix("ta.").split()
    return FunctionTable(tuple(each for each in every if _is_meant(each, wanted)))


def _is_meant(each: Function, wanted: Sequence[str]) -> bool:
    """Whether each word begins a word of the function: of its names, its meaning, or what others call it."""
    names = {each.name, *each.aliases}
    elsewhere = [word for word, here in FUNCTIONS.items() if here.split("(")[0] in names]
    elsewhere += [word for word, here in korean.WORDS.items() if not names.isdisjoint(here.split())]
    there = re.findall(r"\w+", " ".join((*names, each.doc, each.group, *elsewhere)).lower())
    parts = [part for word in there for part in (word, *word.split("_"))]
    return all(any(part.startswith(word) for part in parts) for word in wanted)


def _line(each: Function) -> str:
    also = f" (also {', '.join(f'`{name}`' for name in each.aliases)})" if each.aliases else ""
    doc = each.doc.replace("|", "\\|")
    return f"| `{each.usage}`{also} | {each.gives} | {doc} | {each.source} |"


_COLUMN_HEADS = "| write | gives | meaning | source |"

_HEAD = """# Functions

{count} functions, generated from the table that the compiler reads (`jtscan functions --markdown`). `x` is a series,
`c` a condition, `n` a whole number of bars. A lone length takes the natural field: `rsi(14)` and `sma(20)` the close,
`highest(20)` the high, `lowest(20)` the low. Every TA-Lib function is also there with `ta_` before its name."""
