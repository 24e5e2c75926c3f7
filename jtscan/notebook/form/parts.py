"""Rows, chips, folds and texts that the form is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from jtscan.notebook.closing import close_all
from jtscan.notebook.showing import Tell, guarded
from jtscan.render.cells import clean

_MOST_CHIPS = 24


def quiet(text: str, strong: str = "") -> str:
    """Write a line of secondary text, its last words stronger."""
    end = f"<b>{escape(clean(strong))}</b>" if strong else ""
    return f'<span class="jt-quiet">{escape(clean(text))}{end}</span>'


def caution(text: str) -> str:
    """Write a line that asks for attention."""
    return f'<div class="jt-caution" role="note">{escape(clean(text))}</div>'


def html(*names: str, value: str = "") -> Any:
    """Make a place for text."""
    return named(widgets.HTML(value=value), *names)


def named(widget: Any, *names: str) -> Any:
    """Give a widget its classes: how the style and the tests find it."""
    for name in names:
        widget.add_class(name)
    return widget


def shown_if(widget: Any, condition: object) -> None:
    """Show a widget, or leave no space for it."""
    widget.layout.display = None if condition else "none"


def row(label: str, *cells: Any) -> Any:
    """Lay a label and what belongs to it beside each other."""
    return named(widgets.HBox([_label(label), named(widgets.HBox(cells), "jt-cells")]), "jt-row")


def pair(label: str, control: Any) -> Any:
    """Lay a label directly before its control."""
    control.tooltip = label
    return named(widgets.HBox([_label(label), control]), "jt-pair")


def _label(text: str) -> Any:
    return html("jt-label", value=escape(text))


def button(text: str, *names: str, press: Callable[..., None], **traits: Any) -> Any:
    """Make a button with a text: icons need the network in Voila."""
    made = named(widgets.Button(**{"description": text, "tooltip": "", **traits}), *names)
    made.on_click(press)
    return made


class Chips(widgets.HBox):  # type: ignore[misc]
    """Words that can be taken away by a click; of very many the first, and how many more."""

    def __init__(self, remove: Callable[[str], None], clear: Callable[[], None], tell: Tell) -> None:
        self._remove, self._tell = remove, tell
        self._buttons: dict[str, Any] = {}
        self._more = html("jt-more")
        self._clear = button("clear all", "jt-link", press=guarded(clear, tell))
        super().__init__()
        self.add_class("jt-chips")

    def show(self, words: Sequence[tuple[str, str]], *, strange: Iterable[str] = (), disabled: bool = False) -> None:
        """Have a chip for each key and its text; ``strange`` keys look like a warning."""
        shown = dict(words[:_MOST_CHIPS])
        odd = set(strange)
        gone = [key for key in self._buttons if key not in shown]
        for key, text in shown.items():
            chip = self._buttons.setdefault(key, self._made(key)) if key not in self._buttons else self._buttons[key]
            chip.description, chip.disabled = f"{text}  ×", disabled
            (chip.add_class if key in odd else chip.remove_class)("jt-strange")
        self._more.value = quiet(f"… and {len(words) - len(shown):,} more") if len(words) > len(shown) else ""
        many = [self._more, self._clear] if len(words) > 2 else []  # noqa: PLR2004 - two are soon taken away
        self.children = (*(self._buttons[key] for key in shown), *many)
        shown_if(self, words)
        for key in gone:
            close_all(self._buttons.pop(key))

    def _made(self, key: str) -> Any:
        return button("", "jt-chip", tooltip="take away", press=guarded(lambda: self._remove(key), self._tell))


class Fold(widgets.VBox):  # type: ignore[misc]
    """Something that is seldom needed, folded away below a word."""

    def __init__(self, title: str, content: Any, tell: Tell) -> None:
        self._title, self._content, self._said = title, content, ""
        self.handle = button("", "jt-link", press=guarded(self.turn, tell))
        self.opened = True
        super().__init__([self.handle, content])
        named(self, "jt-fold")
        self.turn()

    def turn(self) -> None:
        """Open it, or close it."""
        self.opened = not self.opened
        self._name_handle()
        shown_if(self._content, self.opened)

    def say(self, text: str) -> None:
        """Say behind the title what is set within, which nobody sees while it is closed."""
        self._said = text
        self._name_handle()

    def _name_handle(self) -> None:
        said = f" · {self._said}" if self._said else ""
        self.handle.description = f"{'▾' if self.opened else '▸'} {self._title}{said}"
