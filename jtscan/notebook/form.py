"""The scan form: pick the symbols, write the formula, run, watch, stop.

    _make_…    the controls, and how they lie
    request    what the controls ask for, as the value that the command line makes too
    _check     validates the formula at every change
    _start     runs the scan in a thread (runs.py); _progressed and _ended hear of it

An exception in a widget's callback is shown nowhere, so that every callback
here shows its own in the form.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from jtscan import render
from jtscan.domain.dates import DEFAULT_BARS, DateRange, Timeframe
from jtscan.domain.scans import BatchScanRequest, BatchScanResult
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import JtscanError, MissingExtraError

try:
    import ipywidgets as widgets
except ImportError as error:
    raise MissingExtraError("the scan form", "notebook") from error

from jtscan.notebook.parameters import ParameterBox
from jtscan.notebook.runs import ScanRun

if TYPE_CHECKING:
    from jtscan.formula import FormulaDescription
    from jtscan.scanner import Scanner

EXAMPLE = """fast = param(5, 2, 60)
slow = param(20, 5, 250)
buy = cross_above(sma(close, fast), sma(close, slow)) and rsi(14) > 50
vol_ratio = volume / sma(volume, 20)"""
_ALL = ""  # not None: ipywidgets shows a chosen None as an empty list
_DATES = 0
_RANGES = [
    ("the newest bar", 1),
    ("the last 5 bars", 5),
    ("the last 20 bars", 20),
    ("the last 60 bars", 60),
    (f"the last {DEFAULT_BARS} bars", DEFAULT_BARS),
    ("from … to …", _DATES),
]
_WIDTH = {"width": "260px"}
_WIDE = {"width": "530px"}

Arguments = ParamSpec("Arguments")


def _shown(
    method: Callable[Concatenate[ScanForm, Arguments], None],
) -> Callable[Concatenate[ScanForm, Arguments], None]:
    """Show what goes wrong in a callback, in the form."""

    @functools.wraps(method)
    def call(form: ScanForm, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            method(form, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nobody else would show it
            form.output.value = render.problem_html(_message(error))

    return call


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "the kernel was interrupted"
    return str(error) if isinstance(error, JtscanError) else f"internal error: {type(error).__name__}: {error}"


class ScanForm(widgets.VBox):  # type: ignore[misc]
    """A form for scanning; ``result`` is what the last scan gave.

    Every control is an attribute: ``form.market.value = "KOSPI"``,
    ``form.run.click()``, then ``form.wait()``.
    """

    def __init__(self, scanner: Scanner, *, formula: str = EXAMPLE) -> None:
        self.result: BatchScanResult | None = None
        self._scanner = scanner
        self._work: ScanRun | None = None
        self._busy = False
        self._usable = False
        self._make_universe()
        self._make_range()
        self._make_formula(formula)
        self._make_run()
        super().__init__(self._rows())
        self.add_class("jt-form")
        self._listen()
        self._choose_range()
        self._check()

    def __repr__(self) -> str:
        return "ScanForm()" if self.result is None else f"ScanForm({self.result.summary})"

    # ── the controls ──────────────────────────────────────────────────────────

    def _make_universe(self) -> None:
        markets, sectors = self._scanner.markets(), self._scanner.sectors()
        self.market = _control(widgets.Dropdown, "Market", "jt-market", options=_options(markets))
        self.sector = _control(widgets.Dropdown, "Sector", "jt-sector", options=_options(sectors))
        self.symbols = _control(
            widgets.Text,
            "Symbols",
            "jt-symbols",
            _WIDE,
            placeholder="005930, 000660 (empty: all of the market and sector)",
        )
        self.exclude = _control(widgets.Text, "Without", "jt-exclude", _WIDE, placeholder="symbols to leave out")

    def _make_range(self) -> None:
        stored = self._scanner.timeframes() or [str(Timeframe.D1)]
        usual = str(Timeframe.D1) if Timeframe.D1 in stored else stored[-1]
        offered = self._scanner.timeframes(resampled=True) or stored
        self.timeframe = _control(widgets.Dropdown, "Bars", "jt-timeframe", options=offered, value=usual)
        self.last = _control(widgets.Dropdown, "Range", "jt-last", options=_RANGES, value=DEFAULT_BARS)
        self.start = _control(widgets.DatePicker, "From", "jt-start")
        self.end = _control(widgets.DatePicker, "To", "jt-end")

    def _make_formula(self, formula: str) -> None:
        self.formula = _control(
            widgets.Textarea,
            "Formula",
            "jt-formula-text",
            {"width": "800px"},
            value=formula,
            rows=7,
            continuous_update=True,
        )
        self.checked = widgets.HTML(layout={"margin": "0 0 0 88px", "max_width": "712px"})
        self.checked.add_class("jt-checked")
        self.parameters = ParameterBox(self._check)
        self.parameters.layout.margin = "0 0 0 86px"

    def _make_run(self) -> None:
        self.run = _button("Run", "jt-run", "primary")
        self.cancel = _button("Cancel", "jt-cancel", "", disabled=True)
        self.bar = widgets.IntProgress(value=0, max=1, layout={"width": "220px", "visibility": "hidden"})
        self.status = widgets.HTML(layout={"margin": "2px 0 2px 10px"})
        self.status.add_class("jt-status")
        self.output = widgets.HTML()
        self.output.add_class("jt-output")

    def _rows(self) -> list[Any]:
        return [
            widgets.HBox([self.market, self.sector], layout={"flex_flow": "row wrap"}),
            self.symbols,
            self.exclude,
            widgets.HBox([self.timeframe, self.last, self.start, self.end], layout={"flex_flow": "row wrap"}),
            self.formula,
            self.checked,
            self.parameters,
            widgets.HBox([self.run, self.cancel, self.bar, self.status], layout={"margin": "6px 0 6px 86px"}),
            self.output,
        ]

    def _listen(self) -> None:
        for control in (self.formula, self.timeframe):
            control.observe(lambda _change: self._check(), "value")
        self.last.observe(lambda _change: self._choose_range(), "value")
        self.run.on_click(lambda _button: self._start())
        self.cancel.on_click(lambda _button: self._stop())

    @_shown
    def _choose_range(self) -> None:
        for date in (self.start, self.end):
            date.layout.display = "none" if self.last.value != _DATES else ""

    # ── the formula ───────────────────────────────────────────────────────────

    @_shown
    def _check(self) -> None:
        """Say what the formula gives, or what is wrong with it."""
        try:
            described = self._describe({})
            self.parameters.show(described.parameters)
            if self.parameters.values:
                described = self._describe(self.parameters.values)
        except JtscanError as error:
            self._checked(render.problem_html(str(error)), usable=False)
        else:
            self._checked(render.note_html(_gives(described)), usable=True)

    def _describe(self, parameters: dict[str, float]) -> FormulaDescription:
        return self._scanner.describe(self.formula.value, parameters=parameters, timeframe=self.timeframe.value)

    def _checked(self, html: str, *, usable: bool) -> None:
        self.checked.value = html
        self._usable = usable
        self.run.disabled = self._busy or not usable

    # ── the scan ──────────────────────────────────────────────────────────────

    @property
    def request(self) -> BatchScanRequest:
        """What the controls ask for; raises RequestError or FormulaError where they cannot be used."""
        return BatchScanRequest(
            symbol_criteria=SymbolCriteria(
                symbols=_codes(self.symbols.value) or None,
                market=self.market.value or None,
                sector=self.sector.value or None,
                exclude=_codes(self.exclude.value),
            ),
            timeframe=Timeframe.parse(self.timeframe.value),
            date_range=self._range(),
            formula=self.formula.value,
            parameters=self.parameters.values,
        )

    def _range(self) -> DateRange:
        if self.last.value != _DATES:
            return DateRange(last=self.last.value)
        return DateRange(start=self.start.value, end=self.end.value)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the scan at work; False if it has not ended after so many seconds."""
        return self._work is None or self._work.wait(timeout)

    @_shown
    def _start(self) -> None:
        if self._busy:
            return
        scan = functools.partial(_scan, self._scanner, self.request)
        self._work = ScanRun(scan, on_progress=self._progressed, on_end=self._ended)
        self.result = None
        self.output.value = ""
        self._show_state(running=True, style="")
        self._work.start()

    @_shown
    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self.cancel.disabled = True
            self._say("stopping …")

    @_shown
    def _progressed(self, work: ScanRun) -> None:
        self.bar.max = max(work.progress.total, 1)
        self.bar.value = work.progress.completed
        self._say("stopping …" if work.token.is_cancelled else str(work.progress))

    def _ended(self, work: ScanRun) -> None:
        """Runs in the scan's thread, at its very end."""
        self._show_result(work)
        style = "danger" if work.result is None else "warning" if work.result.cancelled else "success"
        self._show_state(running=False, style=style)

    @_shown
    def _show_result(self, work: ScanRun) -> None:
        if work.result is None:
            self._say("failed")
            self.output.value = render.problem_html(_message(work.error or RuntimeError("the scan gave no result")))
            return
        self.result = work.result
        self._say("stopped" if work.result.cancelled else "done")
        self.output.value = render.scan_html(work.result)

    def _show_state(self, *, running: bool, style: str) -> None:
        self._busy = running
        self.run.disabled, self.cancel.disabled = running or not self._usable, not running
        self.bar.bar_style = style
        self.bar.layout.visibility = "visible"
        if running:
            self.bar.value = 0
            self._say("starting …")

    def _say(self, text: str) -> None:
        self.status.value = render.note_html(text)


def _scan(scanner: Scanner, request: BatchScanRequest, **control: Any) -> BatchScanResult:
    criteria, span = request.symbol_criteria, request.date_range
    return scanner.scan(
        request.formula,
        market=criteria.market,
        sector=criteria.sector,
        symbols=criteria.symbols,
        exclude=criteria.exclude,
        timeframe=request.timeframe,
        start=span.start,
        end=span.end,
        last=span.last,
        parameters=request.parameters,
        **control,
    )


def _gives(description: FormulaDescription) -> str:
    """What a formula gives and needs, in one line."""
    parts = [
        f"signals: {', '.join(description.signals)}",
        f"columns: {', '.join(description.columns)}" if description.columns else "",
        f"warm-up: {description.warmup_text}",
        *description.notes,
        *(f"{each} repaints" for each in description.repaints),
    ]
    return " · ".join(part for part in parts if part)


def _control(kind: Any, description: str, name: str, layout: dict[str, str] = _WIDTH, **traits: Any) -> Any:
    control = kind(description=description, layout=layout, style={"description_width": "80px"}, **traits)
    control.add_class(name)
    return control


def _button(description: str, name: str, style: str, *, disabled: bool = False) -> Any:
    button = widgets.Button(description=description, button_style=style, disabled=disabled, layout={"width": "90px"})
    button.add_class(name)
    return button


def _options(names: list[str]) -> list[tuple[str, str]]:
    return [("all", _ALL), *((name, name) for name in names)]


def _codes(text: str) -> list[str]:
    return [code.strip() for code in re.split(r"[,\n]", text) if code.strip()]
