"""What is seldom asked for: the order of the matches, how many, first bars only, all history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from jtscan.errors import RequestError
from jtscan.notebook.form.parts import Fold, named, pair
from jtscan.notebook.form.state import put
from jtscan.notebook.showing import Tell, guarded

_USUAL = "timestamp"
_ALWAYS = [
    ("oldest first", _USUAL), ("newest first", "-timestamp"), ("symbol", "symbol"), ("name", "name"),
    ("close, highest first", "close"), ("close, lowest first", "-close"),
]  # fmt: skip


class Options(Fold):
    """How the matches are ordered and cut, and how much history warms the formula up."""

    def __init__(self, on_change: Callable[[], None], tell: Tell) -> None:
        self.sort_by = named(widgets.Dropdown(options=_ALWAYS, layout={"width": "190px"}), "jt-sort")
        self.top = named(widgets.BoundedIntText(min=0, max=10**9, layout={"width": "80px"}), "jt-top")
        self.first = _check("only the first bar of each run of matches", "jt-first")
        self.full = _check("warm up on all history", "jt-full")
        ordered = widgets.HBox([pair("Order", self.sort_by), pair("Keep (0 = all)", self.top)])
        lines = [named(each, "jt-choices", "jt-options") for each in (ordered, widgets.HBox([self.first, self.full]))]
        super().__init__("more options", widgets.VBox(lines), tell)
        for control in self._parts.values():
            control.observe(guarded(self._name_choices, tell), "value")
            control.observe(guarded(on_change, tell), "value")

    @property
    def _parts(self) -> dict[str, Any]:
        return {"sort_by": self.sort_by, "top": self.top, "first": self.first, "full": self.full}

    def _name_choices(self) -> None:
        """Say in the title what is not as usual."""
        order = next((text for text, value in self.sort_by.options if value == self.sort_by.value), "")
        chosen = {
            order: self.sort_by.value != _USUAL,
            f"keep {self.top.value:,}": self.top.value,
            "first bars only": self.first.value,
            "all history": self.full.value,
        }
        self.say(" · ".join(text for text, there in chosen.items() if there))

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of a request."""
        return {
            "sort_by": self.sort_by.value,
            "top": self.top.value or None,
            "first": self.first.value,
            "warmup": "full" if self.full.value else "auto",
        }

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen."""
        return {name: control.value for name, control in self._parts.items()}

    def restore(self, state: Mapping[str, Any]) -> Iterator[str]:
        """Choose what a state says; tell what cannot be chosen."""
        yield from put(state, "sort_by", self.sort_by)
        yield from put(state, "top", self.top, _count)
        for name in ("first", "full"):
            yield from put(state, name, self._parts[name])

    def offer(self, columns: Sequence[str]) -> None:
        """Offer to order by the columns of a formula as well; one that is gone is not asked any more."""
        more = [(f"{name}, {way} first", f"{sign}{name}") for name in columns for way, sign in _WAYS]
        options = (*_ALWAYS, *more)
        if options != tuple(self.sort_by.options):
            chosen = self.sort_by.value
            self.sort_by.options = options
            self.sort_by.value = chosen if chosen in dict(options).values() else _USUAL


_WAYS = [("highest", ""), ("lowest", "-")]


def _check(text: str, name: str) -> Any:
    return named(widgets.Checkbox(description=text, indent=False, layout={"width": "auto"}), name)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestError("top", f"{value!r} is not a number of matches")
    return value
