"""The formula: picked from the library or written, checked at every change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets

from jtscan import render
from jtscan.domain.formulas import Formula
from jtscan.errors import JtscanError, RequestError
from jtscan.formula import FormulaDescription, library
from jtscan.formula.library import LibraryFormula
from jtscan.notebook.form.parameters import ParameterBox
from jtscan.notebook.form.parts import button, caution, html, named, quiet, shown_if
from jtscan.notebook.form.state import put
from jtscan.notebook.showing import Tell, guarded

if TYPE_CHECKING:
    from jtscan.scanner import Scanner

EXAMPLE = """fast = param(5, 2, 60)
slow = param(20, 5, 250)
buy = cross_above(sma(close, fast), sma(close, slow)) and rsi(14) > 50
vol_ratio = volume / sma(volume, 20)"""
MINE = ""
_HEAD = 3  # title, about and source stand above a formula of the library


def plain_text(name: str) -> str:
    """A formula of the library without its head, which is shown beside it."""
    return library[name].text.split("\n", _HEAD)[_HEAD].strip("\n")


class FormulaEditor(widgets.VBox):  # type: ignore[misc]
    """A formula's text; the form knows only ``value``, ``description``, ``problem`` and ``parameters``.

    ``value`` is the text, ``description`` what it gives, None while it is
    wrong; ``message`` is what is shown below it. What is written is kept: each
    entry of the library has its own edited text, and so has "my formula".
    """

    value = traitlets.Unicode()
    message = traitlets.Unicode()

    def __init__(
        self, scanner: Scanner, timeframe: Callable[[], str], on_change: Callable[[], None], tell: Tell
    ) -> None:
        self._scanner, self._timeframe, self._on_change = scanner, timeframe, on_change
        self.description: FormulaDescription | None = None
        self._drafts = {MINE: EXAMPLE}
        self._values: dict[str, Mapping[str, float]] = {}
        self._entry = MINE
        self._switching = False
        look = {"layout": {"width": "360px"}, "tooltip": "library of formulas"}
        self.library = named(widgets.Dropdown(options=self._entries(), **look), "jt-library")
        self._undo = button("undo my changes", "jt-link", press=guarded(self._forget, tell))
        self.about = html("jt-about")
        self.text = named(widgets.Textarea(rows=7, tooltip="formula"), "jt-formula-text")
        self.checked = html("jt-checked")
        self.parameters = ParameterBox(self.check, tell)
        head = named(widgets.HBox([self.library, self._undo]), "jt-choices")
        super().__init__([head, self.about, self.text, self.checked, self.parameters], value=EXAMPLE)
        named(self, "jt-editor")
        traitlets.link((self, "value"), (self.text, "value"))
        traitlets.link((self, "message"), (self.checked, "value"))
        self.observe(guarded(self._edited, tell), "value")
        self.library.observe(guarded(self._switch, tell), "value")
        self._show_entry()

    @property
    def problem(self) -> str:
        """Why the formula cannot be used."""
        return "" if self.description is not None else "mend the formula to run it"

    @property
    def formula(self) -> Formula:
        """The formula as a request has it; one of the library, as it is, with its title.

        Raises
        ------
        FormulaError
            It is empty.
        """
        name = self.library.value
        return Formula(text=self.value, name=library[name].title if name and self._is_original() else None)

    def take(self, formula: str | Formula) -> None:
        """Show a formula: one of the library as such, any other as one's own.

        Raises
        ------
        RequestError
            It is no text.
        """
        if not isinstance(formula, str | Formula):
            raise RequestError("formula", "the editor takes text; scan Polars expressions with scanner.scan")
        text = formula.text if isinstance(formula, Formula) else formula
        name = formula.name if isinstance(formula, LibraryFormula) else None
        self.library.value = MINE if name is None else name
        self.value = text if name is None else plain_text(name)

    @property
    def state(self) -> dict[str, Any]:
        """What is written and chosen."""
        drafts = {name: text for name, text in self._drafts.items() if name != self.library.value}
        return {
            "library": self.library.value, "formula": self.value, "drafts": drafts, "parameters": self.parameters.kept,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> Iterator[str]:
        """Take what a state says; tell what cannot be taken."""
        if "drafts" in state:
            yield from self._restore_drafts(state["drafts"])
        yield from put(state, "library", self.library)
        yield from put(state, "formula", self)
        if "drafts" in state:
            self._edited()  # also where the text is as before: its draft, and what the entries say
        if "parameters" in state:
            if self.description is None:
                self.parameters.begin({})
            yield from self.parameters.restore(state["parameters"])
            if self.description is not None and (idle := self.parameters.unclaimed()):
                yield f"parameters: the formula has no {', '.join(idle)}"
                self.check()

    def _restore_drafts(self, drafts: object) -> Iterator[str]:
        given = dict(drafts) if isinstance(drafts, Mapping) else {}
        known = {name: text for name, text in given.items() if isinstance(text, str) and name in {MINE, *library}}
        self._drafts = {MINE: self._drafts[MINE], **known}
        if not isinstance(drafts, Mapping) or len(known) < len(given):
            yield "drafts: some are of formulas that the library does not have"

    # ── the library ───────────────────────────────────────────────────────────

    def _entries(self) -> list[tuple[str, str]]:
        titles = sorted((each.title, name) for name, each in library.items())
        listed = ((f"{title} (changed)" if name in self._drafts else title, name) for title, name in titles)
        return [("my formula", MINE), *listed]

    def _switch(self) -> None:
        if self._switching:
            return
        self._values[self._entry] = self.parameters.values
        self._entry = name = self.library.value
        self.parameters.begin(self._values.get(name, {}))
        text = self._drafts[name] if name in self._drafts else plain_text(name)
        if text == self.value:
            self._edited()
        self.value = text

    def _forget(self) -> None:
        """Bring back the library's own text."""
        self.value = plain_text(self.library.value)

    def _edited(self) -> None:
        name = self.library.value
        if self._is_original():
            self._drafts.pop(name, None)
        else:
            self._drafts[name] = self.value
        self._show_entry()
        self.check()

    def _is_original(self) -> bool:
        name = self.library.value
        return name != MINE and self.value == plain_text(name)

    def _show_entry(self) -> None:
        name, entries = self.library.value, tuple(self._entries())
        if entries != tuple(self.library.options):
            self._switching = True
            try:
                self.library.options, self.library.value = entries, name
            finally:
                self._switching = False
        shown_if(self._undo, name != MINE and not self._is_original())
        shown_if(self.about, name != MINE)
        self.about.value = quiet(f"{library[name].about} Source: {library[name].source}") if name != MINE else ""

    # ── what it gives ─────────────────────────────────────────────────────────

    def check(self) -> None:
        """Say what the formula gives, or what is wrong with it."""
        try:
            described = self._describe({})
            self.parameters.show(described.parameters)
            if self.parameters.values:
                described = self._describe(self.parameters.values)
        except JtscanError as error:
            self.description, self.message = None, render.problem_html(str(error))
        else:
            self.description, self.message = described, gives(described)
        self._on_change()

    def _describe(self, parameters: Mapping[str, float]) -> FormulaDescription:
        return self._scanner.describe(self.value, parameters=parameters, timeframe=self._timeframe())


def gives(description: FormulaDescription) -> str:
    """Say what a formula gives and needs; what is hardly meant so stands out."""
    parts = [
        f"signals: {', '.join(description.signals)}",
        f"columns: {', '.join(description.columns)}" if description.columns else "",
        f"warm-up: {description.warmup_text}",
        f"reads {', '.join(description.references)}" if description.references else "",
        "compares the symbols with each other" if description.compares else "",
    ]
    cautions = [
        *(f"{each} repaints: its newest value may still change" for each in description.repaints),
        *description.notes,
    ]
    return quiet(" · ".join(part for part in parts if part)) + "".join(map(caution, cautions))
