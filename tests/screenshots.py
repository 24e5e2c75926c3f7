"""Pictures of everything that shows itself in JupyterLab, in light and dark, to be looked at.

    python tests/screenshots.py [--out screenshots]

The form: fresh, with a mistake, at work, stopped, finished with each of its
tabs, and in a narrow window. In cells: a result, its statistics, its charts,
the quality of a store. What cannot be shown is told and left out, and the exit
code is then 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from browser import servers
from browser.pages import FormPage, NotebookPage, ResultTabs, write_notebook

from jtscan.market.synthetic import MarketRecipe, write_market

if TYPE_CHECKING:
    from playwright.sync_api import Locator

WIDE, NARROW, HEIGHT = 1300, 800, 2200
TABS = ("matches", "statistics", "chart", "account", "code")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
MISTAKE = "fast = param(5, 2, 60)\nbuy = cross_abov(sma(close, fast), sma(close, 20)) and rsi(14) > 50"
FORMULA = """fast = param(5, 2, 60)
slow = param(20, 5, 250)
buy = cross_above(sma(close, fast), sma(close, slow)) and rsi(14) > 50
sell = cross_below(sma(close, fast), sma(close, slow))
vol_ratio = volume / sma(volume, 20)"""
LONG = " + ".join(f"percentrank(close, {n})" for n in range(100, 700, 4)) + " > 6000"
FORM = """import jtscan as jt
scanner = jt.Scanner("market")
form = scanner.form()
form"""
SCAN = f'result = scanner.scan("""{FORMULA}""", market="KOSPI", start="2023-01-01")'
QUALITY = """from pathlib import Path
_ = Path("faulty.csv").write_text('''symbol,date,open,high,low,close,volume
005930,2025-01-02,70000,71000,69000,70500,1000000
005930,2025-01-03,70000,71000,-69000,70500,1000000
005930,2025-01-06,0,0,0,70500,0
005930,2025-01-07,71000,70000,69000,70500,1000000
000660,2025-01-02,180000,180500,180200,180400,500000
000660,2025-01-03,180000,,180200,180400,500000
000660,2025-13-45,180000,181000,179000,180400,500000
000660,2025-01-06,910000,911000,909000,910400,500000
''')
_ = jt.ingest("market/prices/1d", "store"), jt.ingest("faulty.csv", "store")
jt.Scanner("store").store.quality()"""
# Each is a cell of its own, after the form and the scan.
CELLS = {
    "result": "result",
    "statistics": "result.statistics",
    "signals": "result.signals",
    "result-none": "scanner.scan('close < 0', last=5)",
    "chart": "result.plot('005930')",
    "chart-calendar": "result.plot_calendar()",
    "chart-heatmap": "result.plot_heatmap()",
    "chart-statistics": "result.statistics.plot()",
    "symbols": "scanner.symbols(market='KOSPI').head(10)",
    "quality": QUALITY,
}


class Camera:
    """Takes a notebook's pictures in both themes."""

    def __init__(self, notebook: NotebookPage, folder: Path) -> None:
        self.notebook = notebook
        self.folder = folder
        self.failed: list[str] = []

    def shoot(self, name: str, what: Locator) -> None:
        for theme, title in THEMES.items():
            self.notebook.command("apputils:change-theme", theme=title)
            self.notebook.page.locator(f'body[data-jp-theme-name="{title}"]').wait_for(state="attached")
            path = self.folder / f"{name}-{theme}.png"
            what.screenshot(path=path, animations="disabled")
            print(path)

    def attempt(self, name: str, take: Callable[[], None]) -> None:
        """Go on without a picture that cannot be taken."""
        from playwright.sync_api import Error

        try:
            take()
        except (Error, RuntimeError) as error:
            self.failed.append(name)
            print(f"{name}: {str(error).splitlines()[0]}", file=sys.stderr)


def shoot_form(camera: Camera) -> None:
    form = FormPage(camera.notebook.page)
    camera.shoot("form-fresh", form.root)
    form.write(MISTAKE)
    form.says("cross_abov")
    camera.shoot("form-mistake", form.root)
    form.write(LONG)
    form.says("signals:")
    form.start()
    form.share(above=10)
    camera.shoot("form-running", form.root)
    form.stop()
    camera.shoot("form-stopped", form.root)
    form.write(FORMULA)
    form.says("signals:")
    form.choose("market", "KOSPI")
    form.scan()
    camera.shoot("form-finished", form.root)


def shoot_tabs(camera: Camera) -> None:
    page = camera.notebook.page
    form, tabs = FormPage(page), ResultTabs(page)
    page.set_default_timeout(10_000)
    for name in TABS:

        def take(name: str = name) -> None:
            tabs.open(name)
            if name == "chart":
                tabs.charted()
            camera.shoot(f"form-tab-{name}", form.root)

        camera.attempt(f"form-tab-{name}", take)


def shoot_narrow(camera: Camera) -> None:
    page = camera.notebook.page
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    camera.shoot("form-finished-800", FormPage(page).root)
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})


def shoot_cells(camera: Camera) -> None:
    camera.notebook.run(1)
    for cell, name in enumerate(CELLS, 2):

        def take(cell: int = cell, name: str = name) -> None:
            camera.notebook.run(cell)
            camera.shoot(name, camera.notebook.cell(cell).locator(".jp-OutputArea-output").last)

        camera.attempt(name, take)


@contextmanager
def desk() -> Iterator[NotebookPage]:
    """A notebook of all the cells, open in JupyterLab beside a market."""
    with tempfile.TemporaryDirectory() as name, servers.chromium() as browser:
        folder = Path(name) / "desk"
        write_market(folder / "market", MarketRecipe(symbols=1_500, bars=1_000))
        notebook = write_notebook(folder / "screenshots.ipynb", [FORM, SCAN, *CELLS.values()])
        with servers.jupyterlab(folder, Path(name) / "state") as server:
            page = NotebookPage(browser, server, notebook, width=WIDE, height=HEIGHT)
            page.command("application:toggle-left-area")
            yield page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="folder of the pictures")
    folder = parser.parse_args().out
    if lacking := servers.missing():
        parser.error(lacking)
    folder.mkdir(parents=True, exist_ok=True)
    with desk() as notebook:
        camera = Camera(notebook, folder)
        notebook.run(0)
        for part in (shoot_form, shoot_tabs, shoot_narrow, shoot_cells):
            camera.attempt(part.__name__, lambda part=part: part(camera))
    return 1 if camera.failed else 0


if __name__ == "__main__":
    sys.exit(main())
