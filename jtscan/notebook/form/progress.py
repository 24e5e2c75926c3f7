"""Run and Cancel, the bar, and what is said beside it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from jtscan.domain.scans import BatchScanResult
from jtscan.notebook.form.parts import button, html, named, quiet
from jtscan.notebook.form.runs import Progress
from jtscan.notebook.showing import Tell, guarded

_MILLI = 1000


class RunBar(widgets.HBox):  # type: ignore[misc]
    """Two buttons and a bar; ``reason`` is why nothing can be run now."""

    def __init__(self, run: Callable[[], None], cancel: Callable[[], None], tell: Tell) -> None:
        self.run = button("Run", "jt-run", press=guarded(run, tell), button_style="primary")
        self.cancel = button("Cancel", "jt-cancel", press=guarded(cancel, tell), disabled=True)
        self.bar = named(widgets.IntProgress(value=0, max=1, layout={"display": "none"}), "jt-bar")
        self.status = html("jt-status")
        self.reason = ""
        self.busy = False
        self._said = ""
        super().__init__([self.run, self.cancel, self.bar, self.status])
        named(self, "jt-running")

    def allow(self, reason: str) -> None:
        """Let Run be pressed, or say the reason why not."""
        self.reason = reason
        self._show()

    def say(self, text: str) -> None:
        """Say how far the scan is, or how it ended."""
        self._said = text
        self._show()

    def begin(self) -> None:
        """A scan begins."""
        self.busy = True
        self.bar.value, self.bar.max, self.bar.bar_style = 0, 1, ""
        self.bar.layout.display = None
        self.cancel.disabled = False
        self.add_class("jt-busy")  # on one line, which does not jump while numbers change
        self.say("starting …")

    def stopping(self) -> None:
        """The scan was asked to stop."""
        self.cancel.disabled = True
        self.say("stopping …")

    def show(self, progress: Progress) -> None:
        """Show how far the scan is."""
        self.bar.max = max(progress.total, 1)
        self.bar.value = progress.completed
        self.say(str(progress))

    def end(self, style: str, text: str) -> None:
        """The scan has ended; so it is said until the next begins."""
        self.busy = False
        self.bar.bar_style = style
        self.cancel.disabled = True
        self.remove_class("jt-busy")
        self.say(text)

    def _show(self) -> None:
        self.run.disabled = self.busy or bool(self.reason)
        self.status.value = quiet(self._said if self.busy or not self.reason else self.reason)


def ended(result: BatchScanResult) -> str:
    """Say in one line how a scan ended."""
    asked = result.outcomes.height
    found = result.signals.in_words(asked)
    failed = f" · {result.errors_count:,} failed" if result.errors_count else ""
    if not result.cancelled:
        return f"{found}{failed} · {result.processing_time_ms / _MILLI:.1f} s"
    undone = int((result.outcomes["status"] == "cancelled").sum())
    return f"stopped after {asked - undone:,} of {asked:,} symbols · {found}{failed}"
