"""Several names out of a list, nothing chosen meaning all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import ipywidgets as widgets
import traitlets

from jtscan.domain.words import first_few, nearest
from jtscan.errors import RequestError
from jtscan.notebook.form.parts import Chips, named
from jtscan.notebook.showing import Tell, guarded

_FEW = 6
_SHOWN = 3


class Choices(widgets.HBox):  # type: ignore[misc]
    """A button for each of a few names, a drop-down with chips for many; ``value`` is the list chosen.

    Raises
    ------
    RequestError
        A name is set that is not offered.
    """

    value = traitlets.List(traitlets.Unicode())
    disabled = traitlets.Bool(default_value=False)

    def __init__(self, field: str, options: Sequence[str], tell: Tell) -> None:
        self.field, self.options = field, tuple(options)
        self._tell = tell
        self._showing = False
        self._toggles: dict[str, Any] = {}
        self._make = self._buttons if len(options) <= _FEW else self._drop_down
        super().__init__()
        named(self, "jt-choices", f"jt-{field}")
        self._make()
        self.observe(guarded(self._show, tell), ["value", "disabled"])
        self._show()

    @traitlets.validate("value")
    def _offered(self, proposal: dict[str, Any]) -> list[str]:
        chosen = list(dict.fromkeys(proposal["value"]))
        for problem in self.missing(chosen):
            raise RequestError(self.field, problem.removeprefix(f"{self.field}: "))
        return chosen

    def offered(self, names: object) -> object:
        """Leave out the names that are not offered."""
        return [name for name in names if name in self.options] if _is_list(names) else names

    def missing(self, names: object) -> Iterator[str]:
        """Tell which names are not offered."""
        strange = [name for name in names if name not in self.options] if _is_list(names) else []
        if strange:
            shown = ", ".join(nearest(name, self.options) for name in strange[:_SHOWN])
            yield f"{self.field}: {shown} is not there; there are: {first_few(self.options) or 'none'}"

    # ── a few ─────────────────────────────────────────────────────────────────

    def _buttons(self) -> None:
        self._all = _toggle("all")
        self._all.observe(guarded(self._press_all, self._tell), "value")
        for name in self.options:
            self._toggles[name] = _toggle(name)
            self._toggles[name].observe(guarded(self._press, self._tell), "value")
        self.children = (self._all, *self._toggles.values())

    def _press_all(self) -> None:
        if not self._showing:
            self.value = []
            self._show()  # pressed again it stays down

    def _press(self) -> None:
        if not self._showing:
            self.value = [name for name, toggle in self._toggles.items() if toggle.value]

    # ── many ──────────────────────────────────────────────────────────────────

    def _drop_down(self) -> None:
        self._list = widgets.Dropdown(options=[""], layout={"width": "200px"})
        self._list.observe(guarded(self._add, self._tell), "value")
        self._chips = Chips(self._remove, self._clear, self._tell)
        self.children = (self._chips, self._list)

    def _add(self) -> None:
        if not self._showing and self._list.value:
            self.value = [*self.value, self._list.value]

    def _remove(self, name: str) -> None:
        self.value = [each for each in self.value if each != name]

    def _clear(self) -> None:
        self.value = []

    # ── both ──────────────────────────────────────────────────────────────────

    def _show(self) -> None:
        self._showing = True
        try:
            self._show_buttons() if self._toggles or not self.options else self._show_list()
        finally:
            self._showing = False
        (self.add_class if self.disabled else self.remove_class)("jt-off")

    def _show_buttons(self) -> None:
        for name, toggle in self._toggles.items():
            toggle.value, toggle.disabled = name in self.value, self.disabled
        self._all.value, self._all.disabled = not self.value, self.disabled

    def _show_list(self) -> None:
        left = [name for name in self.options if name not in self.value]
        prompt = f"or … ({len(left)})" if self.value else f"all {len(left)}"
        self._list.options = [(prompt, ""), *((name, name) for name in left)]
        self._list.value, self._list.disabled = "", self.disabled
        self._chips.show([(name, name) for name in self.value], disabled=self.disabled)


def _is_list(names: object) -> TypeGuard[list[str]]:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _toggle(name: str) -> Any:
    return named(widgets.ToggleButton(description=name, tooltip=""), "jt-toggle")  # None is shown as "null"
