"""ScanForm puts the parts of the form together."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from jtscan.domain.dates import Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.scans import BatchScanRequest, BatchScanResult
from jtscan.errors import JtscanError, RequestError
from jtscan.notebook.closing import close_all
from jtscan.notebook.form.editor import FormulaEditor
from jtscan.notebook.form.functions import FunctionFinder
from jtscan.notebook.form.options import Options
from jtscan.notebook.form.parts import caution, html, named, row
from jtscan.notebook.form.progress import RunBar, ended
from jtscan.notebook.form.runs import ScanRun
from jtscan.notebook.form.span import SpanPicker
from jtscan.notebook.form.state import KIND, VERSION, State, as_state, read_state, write_state
from jtscan.notebook.form.style import STYLE
from jtscan.notebook.form.universe import UniversePicker
from jtscan.notebook.results import ResultTabs
from jtscan.notebook.showing import guarded, message_of

if TYPE_CHECKING:
    from jtscan.scanner import Scanner


class ScanForm(widgets.VBox):  # type: ignore[misc]
    """A form for scanning; ``result`` is what the last scan gave, ``request`` what the controls ask for.

    Every control is an attribute: ``form.market.value = ["KOSPI"]``,
    ``form.formula.value = "close > 1"``, ``form.run.click()``, then
    ``form.wait()``. ``state`` is all of them as a dict for JSON, which
    ``save`` writes to a file and ``restore`` takes back.
    """

    def __init__(self, scanner: Scanner) -> None:
        self.result: BatchScanResult | None = None
        self._scanner = scanner
        self._work: ScanRun | None = None
        self._ready = False
        self._make()
        super().__init__(self._rows())
        named(self, "jt-form")
        self._ready = True
        self.formula.check()

    def __repr__(self) -> str:
        return "ScanForm()" if self.result is None else f"ScanForm({self.result.summary})"

    # ── the controls ──────────────────────────────────────────────────────────

    def _make(self) -> None:
        tell, changed = self._tell, self._changed
        self.notice = html("jt-notice")
        self.span = span = SpanPicker(self._scanner, self._spanned, tell)
        self.timeframe, self.last, self.start, self.end = span.timeframe, span.last, span.start, span.end
        self.universe = universe = UniversePicker(self._scanner, span, changed, tell)
        self.market, self.sector, self.index = universe.market, universe.sector, universe.index
        self.symbols, self.exclude, self.count = universe.symbols, universe.exclude, universe.count
        self.formula = FormulaEditor(self._scanner, lambda: str(self.timeframe.value), self._checked, tell)
        self.library, self.checked, self.parameters = (
            self.formula.library,
            self.formula.checked,
            self.formula.parameters,
        )
        self.functions = FunctionFinder(self._scanner, tell)
        self.options = Options(changed, tell)
        self.running = running = RunBar(self._start, self._stop, tell)
        self.run, self.cancel, self.bar, self.status = running.run, running.cancel, running.bar, running.status
        self.output = named(ResultTabs(self._scanner), "jt-output")
        self.timeframe.observe(guarded(self.formula.check, tell), "value")

    def _rows(self) -> list[Any]:
        folds = [self.functions, self.options]
        return [
            html("jt-styles", value=STYLE),
            self.universe,
            self.span,
            row("Formula", self.formula),
            *(named(row("", fold), "jt-folded") for fold in folds),
            named(row("", self.running), "jt-gap"),
            row("", self.notice),
            self.output,
        ]

    def _checked(self) -> None:
        """Hear that the formula was checked."""
        if self.formula.description is not None:
            self.options.offer(self.formula.description.columns)
        self._changed()

    def _spanned(self) -> None:
        """Hear of another range: others are listed in it."""
        if self._ready:
            self.universe.recount()
        self._changed()

    def _changed(self) -> None:
        """Hear of any change: only what can be asked can be run."""
        if self._ready:
            self.running.allow(self.formula.problem or self.universe.problem or self.span.problem)

    def _tell(self, message: str) -> None:
        self.notice.value = caution(message) if message else ""

    # ── what is asked ─────────────────────────────────────────────────────────

    @property
    def request(self) -> BatchScanRequest:
        """What the controls ask for.

        Raises
        ------
        FormulaError, RequestError, DataError
            They cannot be used so.
        """
        return BatchScanRequest(
            symbol_criteria=self.universe.criteria,
            timeframe=Timeframe.parse(self.timeframe.value),
            date_range=self.span.date_range,
            formula=self.formula.formula,
            parameters=self.parameters.values,
            **self.options.asked,
        )

    @property
    def state(self) -> dict[str, Any]:
        """All controls, as a dict that JSON can hold."""
        return {KIND: VERSION, **self.universe.state, **self.span.state, **self.formula.state, **self.options.state}

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the state to a file and return its path; ``scanner.form("file.json")`` opens a form with it.

        Raises
        ------
        RequestError
            There is no such folder.
        DataError
            The file cannot be written.
        """
        written = Path(path)
        write_state(self.state, written)
        return written

    def restore(self, state: State | str | PathLike[str]) -> list[str]:
        """Set the controls as a state, or a file of one, says; return and show what could not be set."""
        try:
            problems = [*self._put(read_state(state)), *self.universe.strangers()]
        except JtscanError as error:
            problems = [str(error)]
        self.notice.value = "".join(map(caution, problems))
        return problems

    def begin_with(self, *, formula: str | Formula | None = None, **choices: Any) -> None:
        """Set the controls that are given, as arguments of a scan; None is not given.

        Raises
        ------
        RequestError
            A control cannot take what is given for it; names it.
        """
        given = {name: value for name, value in choices.items() if value is not None}
        if formula is not None:
            self.formula.take(formula)
        if isinstance(formula, Formula) and formula.parameters:
            given["parameters"] = {**formula.parameters, **given.get("parameters", {})}
        problems = self._put(as_state(given))
        if problems:
            field, _, reason = problems[0].partition(": ")
            raise RequestError(field, reason)

    def _put(self, state: Mapping[str, Any]) -> list[str]:
        """Set the controls that a state names; tell what could not be set."""
        parts = (self.universe, self.span, self.formula, self.options)
        problems = [problem for part in parts for problem in part.restore(state)]
        return [*problems, *(f"{name}: no control has this name" for name in state if name not in self.state)]

    # ── the scan ──────────────────────────────────────────────────────────────

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the scan at work; False if it has not ended after so many seconds."""
        return self._work is None or self._work.wait(timeout)

    def close(self) -> None:
        """Stop the scan at work, and take the form away."""
        if self._work is not None:
            self._work.cancel()
        close_all(self)

    def _start(self) -> None:
        if self.running.busy:
            return
        self._tell(self.running.reason)
        if self.running.reason:
            return
        scan = functools.partial(_scan, self._scanner, self.request)
        label = self.universe.table.label
        self._work = ScanRun(scan, on_progress=self._progressed, on_end=self._ended, label=label)
        self.result = None
        self.output.clear()
        self.output.prepare()
        self.running.begin()
        self._work.start()

    def _stop(self) -> None:
        if self._work is not None and self.running.busy:
            self._work.cancel()
            self.running.stopping()

    def _progressed(self, work: ScanRun) -> None:
        guarded(lambda: self._show_progress(work), self._tell)()

    def _show_progress(self, work: ScanRun) -> None:
        self.running.show(work.progress)
        if work.token.is_cancelled:
            self.running.stopping()

    def _ended(self, work: ScanRun) -> None:
        """Runs in the scan's thread, at its very end."""
        self.result = result = work.result
        if result is None:
            self.output.problem(message_of(work.error or RuntimeError("the scan gave no result")))
            self.running.end("danger", "failed")
            return
        guarded(lambda: self.output.show(result), self.output.problem)()
        self.running.end("warning" if result.cancelled else "success", ended(result))


def _scan(scanner: Scanner, request: BatchScanRequest, **listeners: Any) -> BatchScanResult:
    return asyncio.run(scanner.execute(request, **listeners))
