"""How long a researcher waits in a notebook, with the mark that each wait is held against.

    python tests/benchmarks/notebook.py [--symbols 3000] [--rounds 5] [--browser]

The market is invented, 2,500 bars a symbol. ``--browser`` also opens
JupyterLab and times the cell until the form is seen. Times are medians; the
last rows are how late a timer of the main thread came while a scan ran in the
form's thread, as a cell would that someone runs meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from timing import median_of

import jtscan as jt
from jtscan.market.synthetic import MarketRecipe, write_market

sys.path.insert(0, str(Path(__file__).parent.parent))

BARS = 2_500
FORMULA = """fast = param(5, 2, 60)
slow = param(20, 5, 250)
buy = cross_above(sma(close, fast), sma(close, slow)) and rsi(14) > 50
vol_ratio = volume / sma(volume, 20)"""
LONG = " + ".join(f"percentrank(close, {n})" for n in range(100, 300, 10)) + " > 900"
MATCHES = 200_000
TICK = 0.01


def line(what, seconds, mark):
    beside = f"< {mark:,.0f} ms" if mark else ""
    print(f"{what:<48} {seconds * 1000:>10,.1f} ms   {beside}", flush=True)


def keystroke(form):
    """Type a letter, and take it back."""
    texts = iter([FORMULA + "\n# n", FORMULA] * 1_000)

    def call():
        form.formula.value = next(texts)

    return call


async def lateness(form):
    """How late each tick came while the form's scan ran."""
    late = []
    form.run.click()
    while not form.wait(0):
        started = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - started - TICK)
    return late


def seen_after(folder, *, looked):
    """From the cell's start until the form is on the page; the kernel has imported jtscan before."""
    from browser import servers
    from browser.pages import FormPage, NotebookPage, write_notebook

    opening = "import jtscan as jt\nscanner = jt.Scanner('market')"
    notebook = write_notebook(folder / "form.ipynb", [opening, "scanner.form()", "scanner.symbols()"])
    with servers.chromium() as browser, servers.jupyterlab(folder, folder / f"state-{looked}") as server:
        page = NotebookPage(browser, server, notebook)
        page.run(0)
        if looked:
            page.run(2)
        started = time.perf_counter()
        page.run(1)
        FormPage(page.page)
        return time.perf_counter() - started


def measure(folder, rounds):
    from jtscan.notebook.results import ResultTabs

    scanner = jt.Scanner(folder / "market")
    line("the form is made", median_of(rounds, scanner.form), 1_000)
    form = scanner.form()
    line("a keystroke is validated", median_of(4 * rounds, keystroke(form)), 50)

    symbols = len(scanner.symbols())
    result = scanner.scan("close > 0", last=-(-MATCHES // symbols))
    found = f"{result.signals.total_matches:,} matches"
    line(f"{found} shown in a cell", median_of(rounds, result._repr_html_), 500)
    tabs = ResultTabs(scanner)
    line(f"{found} shown in the form's tabs", median_of(rounds, lambda: tabs.show(result)), 500)

    symbol = scanner.symbols()["symbol"][0]
    history = scanner.scan(FORMULA, symbols=[symbol], start="1900-01-01")
    line(f"a chart of {BARS:,} bars", median_of(rounds, lambda: history.plot(symbol)._repr_png_()), 700)

    form.formula.value = LONG
    late = asyncio.run(lateness(form))
    took = f"{form.result.processing_time_ms / 1000:,.1f} s"
    line(f"the kernel's answer during a scan of {took}: median", statistics.median(late), 0)
    line("… 99 of 100", statistics.quantiles(late, n=100)[-1], 0)
    line("… the latest", max(late), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--browser", action="store_true", help="also time the form in JupyterLab")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_market(folder / "market", MarketRecipe(symbols=options.symbols, bars=BARS))
        if options.browser:
            line("the first form of a kernel is seen in JupyterLab", seen_after(folder, looked=True), 1_000)
            line("… with the first look at all prices", seen_after(folder, looked=False), 1_000)
        measure(folder, options.rounds)


if __name__ == "__main__":
    main()
