"""The pages that a browser test drives: a notebook in JupyterLab, an app, and the scan form in either.

What a method waits for is an element or a state, never a time.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browser.servers import KEY, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

MILLISECONDS = 60_000
_IDLE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.content?.widgets?.length > 0 && panel.sessionContext?.session?.kernel?.status === 'idle';
}"""
_RUN = """async index => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_OUTPUTS = "index => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"
_WRITE = """([index, text]) =>
  window.jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.setSource(text)"""
_COMMAND = "([name, options]) => window.jupyterapp.commands.execute(name, options)"
# A scan may be over before anyone looks: what the line of the state said before the click is marked.
_MARK = "() => document.querySelector('.jt-status').querySelectorAll('*').forEach(each => each.dataset.before = '')"
_ENDED = """() => {
  const [run, status] = ['button.jt-run', '.jt-status'].map(each => document.querySelector(each));
  return !run.disabled && status.innerText.trim() !== '' && !status.querySelector('.widget-html-content [data-before]');
}"""
_SHARE = "bar => parseFloat(bar.style.width) || 0"


def write_notebook(path: Path, cells: list[str]) -> Path:
    """Write a notebook of code cells."""
    code = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": cell,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, cell in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


class Tab:
    """One page of a browser, and the errors of its console."""

    def __init__(self, browser: Browser, *, width: int = 1300, height: int = 1400) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(MILLISECONDS)
        self.errors: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def go(self, url: str) -> None:
        """Go to an address, and leave the waiting to those who know for what."""
        self.page.goto(url, wait_until="commit")

    def close(self) -> None:
        """Leave."""
        self.page.close()


class NotebookPage(Tab):
    """A notebook in JupyterLab, its kernel idle, no cell run."""

    def __init__(self, browser: Browser, server: Server, notebook: Path, **size: int) -> None:
        super().__init__(browser, **size)
        # A workspace of its own, otherwise JupyterLab opens what the page before left open.
        self.go(f"{server.url}/lab/workspaces/{notebook.stem}/tree/{notebook.name}?token={KEY}")
        self.page.wait_for_function(_IDLE)

    def run(self, cell: int) -> str:
        """Run a cell to its end; return the text of its outputs, and raise what the cell raised."""
        self.page.evaluate(_RUN, cell)
        outputs = self.page.evaluate(_OUTPUTS, cell)
        for output in outputs:
            if output["output_type"] == "error":
                raise RuntimeError(f"{output['ename']}: {output['evalue']}")
        return "".join(map(_text, outputs))

    def value(self, cell: int) -> Any:
        """Run a cell that ends in a plain value, and return the value."""
        return ast.literal_eval(self.run(cell))

    def write(self, cell: int, text: str) -> None:
        """Write a cell anew."""
        self.page.evaluate(_WRITE, [cell, text])

    def command(self, name: str, **options: Any) -> None:
        """Carry out a command of JupyterLab's."""
        self.page.evaluate(_COMMAND, [name, options])

    def cell(self, index: int) -> Locator:
        """A cell with its outputs."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)


def _text(output: dict[str, Any]) -> str:
    text = output["text"] if output["output_type"] == "stream" else output["data"].get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)


class FormPage:
    """The scan form on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".jt-form")
        self.formula = page.locator(".jt-formula-text textarea")
        self.message = page.locator(".jt-checked")
        self.run = page.locator("button.jt-run")
        self.cancel = page.locator("button.jt-cancel")
        self.bar = self.root.locator(".widget-hprogress .progress-bar")
        self.status = page.locator(".jt-status")
        self.output = page.locator(".jt-output")
        self.run.wait_for()

    def choose(self, name: str, value: str) -> None:
        """Press the button of a choice: ``choose("market", "KOSPI")``."""
        self.page.locator(f".jt-{name}").get_by_role("button", name=value, exact=True).click()

    def write(self, text: str) -> None:
        """Write the formula."""
        self.formula.fill(text)

    def says(self, text: str) -> str:
        """Wait until the message under the formula has the text; return all of it."""
        return _holding(self.message, text)

    def tells(self, text: str) -> str:
        """Wait until the form has the text anywhere; return all that it says."""
        return _holding(self.root, text)

    def start(self) -> None:
        """Run, and wait until the scan is at work."""
        self._click_run()
        self.page.locator("button.jt-cancel:enabled").wait_for()

    def stop(self) -> None:
        """Cancel the scan at work, and wait for its end."""
        self.cancel.click()
        self.page.wait_for_function(_ENDED)

    def scan(self) -> None:
        """Run to the end."""
        self._click_run()
        self.page.wait_for_function(_ENDED)

    def _click_run(self) -> None:
        self.page.locator("button.jt-run:enabled").wait_for()
        self.page.evaluate(_MARK)
        self.run.click()

    def share(self, *, above: float = 0.0) -> float:
        """Wait until the bar is beyond a share; return where it is then, in per cent."""
        self.page.wait_for_function(
            f"([bar, above]) => ({_SHARE})(bar) > above", arg=[self.bar.element_handle(), above]
        )
        return float(self.bar.evaluate(_SHARE))


class ResultTabs:
    """What the form shows of a result, in tabs."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.titles = page.locator(".jt-tabs .lm-TabBar-tab")
        self.chart = page.locator(".jt-tab-chart img")
        self.code = page.locator(".jt-tab-code textarea")
        self.table = page.locator(
            ".jt-tab-matches table.dataTable"
        ).last  # DataTables may put the head in a table of its own

    def open(self, name: str) -> Locator:
        """Open a tab: matches, statistics, chart, account or code."""
        self.titles.filter(has_text=re.compile(name, re.IGNORECASE)).click()
        tab = self.page.locator(f".jt-tab-{name}")
        tab.wait_for()
        return tab

    def sort_by(self, column: str) -> list[str]:
        """Click on the head of a column of the matches; return what the column shows when it is sorted."""
        heads = self.page.locator(".jt-tab-matches thead th")
        heads.filter(has_text=re.compile(rf"^{column}$")).click()
        heads.filter(has_text=re.compile(rf"^{column} [▲▼]$")).wait_for()
        number = next(place for place, head in enumerate(heads.all_inner_texts(), 1) if head.startswith(f"{column} "))
        return self.page.locator(f".jt-tab-matches tbody tr td:nth-child({number})").all_inner_texts()

    def open_row(self, row: int) -> str:
        """Click on a row of the matches, which opens the chart of its symbol; return the symbol."""
        cell = self.page.locator(".jt-tab-matches tbody tr").nth(row).locator("td").first
        symbol = cell.inner_text()
        cell.click()
        self.page.locator(".jt-tab-chart .jt-chart-symbol").wait_for()
        return symbol

    def charted(self) -> tuple[int, int]:
        """Wait until the chart is drawn; return its width and height in pixels."""
        self.chart.first.wait_for()
        self.page.wait_for_function(
            "image => image.complete && image.naturalWidth > 0", arg=self.chart.first.element_handle()
        )
        return tuple(self.chart.first.evaluate("image => [image.naturalWidth, image.naturalHeight]"))


def _holding(place: Locator, text: str) -> str:
    place.filter(has_text=text).wait_for()
    return str(place.inner_text())
