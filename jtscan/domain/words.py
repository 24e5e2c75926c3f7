"""Words for what was not found, and for what there is."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence

_FEW = 12


def nearest(word: str, known: Sequence[str]) -> str:
    """Quote a word, with the one that it was perhaps meant to be: other case, lost zeros, a slip."""
    if word in known:
        return repr(word)
    padded = {symbol.lstrip("0"): symbol for symbol in known if symbol.startswith("0")}
    same = next((each for each in known if each.casefold() == word.casefold()), padded.get(word.lstrip("0")))
    near = same or next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.75)), None)
    return f"{word!r} (did you mean {near!r}?)" if near else repr(word)


def written(value: str | float | dt.date | None) -> str:
    """Write a value of a column as lists of its values have it."""
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else str(value)


def counted(count: int, what: str, many: str | None = None) -> str:
    """Say so many of something: 1 file, 2 files; ``many`` where the plural is another."""
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"


def given(parameters: Mapping[str, float]) -> str:
    """Write the parameters that were given: fast = 5, slow = 20."""
    return ", ".join(f"{name} = {value:g}" for name, value in parameters.items())


def first_few(names: Sequence[str]) -> str:
    """List names, the first twelve of many."""
    return f"{', '.join(names[:_FEW])}{' …' if len(names) > _FEW else ''}"
