"""The scan form in JupyterLab, as someone uses it who never saw it."""

from __future__ import annotations

import polars as pl
import pytest
from browser.pages import FormPage, ResultTabs

from jtscan.market.synthetic import MarketRecipe, make_market

pytestmark = pytest.mark.browser

HOSTILE = """<img src=x onerror="window.ran = 'ours'">"""
FORM = """import jtscan as jt
form = jt.Scanner("market").form()
form"""
QUICK = "n = param(20, 2, 60)\nbuy = cross_above(close, sma(close, n))"
# Takes a machine of today ten seconds or more, and is cancelled long before.
LONG = " + ".join(f"percentrank(close, {n})" for n in range(100, 700, 4)) + " > 6000"
# Yes if what _repr_html_ gives can run at all in this notebook: otherwise the test below would prove nothing.
CONTROL = """from IPython.display import HTML
HTML('<img src=x onerror="window.control = 1">')"""
COUNTS = (
    "(form.result.cancelled, dict(form.result.account.group_by('status').agg(pl.col('symbols').sum()).iter_rows()))"
)


def test_a_mistake_is_shown_where_it_is_mended_and_the_scan_runs_to_the_end(open_notebook):
    notebook = open_notebook(FORM, "form.result.signals.total_matches")
    notebook.run(0)
    form = FormPage(notebook.page)
    notebook.errors.clear()  # what JupyterLab writes while it starts is its own

    form.write("buy = rsi(14) > 50 and clos > sma(close, 20)")
    message, line, carets = form.says("unknown name 'clos'").splitlines()[:3]
    assert "did you mean 'close'?" in message
    assert line.index("clos ") == carets.index("^^^^")
    assert form.run.is_disabled()

    form.write(QUICK)
    form.says("signals: buy")
    form.choose("market", "KOSPI")
    form.scan()

    found = notebook.value(1)
    assert found > 0
    assert f"{found:,} matches" in form.tells(f"{found:,} matches")
    assert notebook.errors == []


def test_a_long_scan_shows_its_progress_lets_other_cells_answer_and_keeps_what_it_has_when_it_is_cancelled(
    open_notebook,
):
    notebook = open_notebook(FORM, "form.result is None", f"import polars as pl\n{COUNTS}")
    notebook.run(0)
    form = FormPage(notebook.page)
    notebook.errors.clear()
    form.write(LONG)
    form.says("signals:")

    form.start()
    early = form.share()
    assert 0 < early < form.share(above=early) < 100
    assert notebook.value(1) is True, "another cell did not answer before the end of the scan"

    form.stop()
    cancelled, counts = notebook.value(2)
    assert cancelled
    assert counts["cancelled"] > 0
    assert counts["matched"] > 0
    assert "cancelled" in form.tells("matches in")
    assert notebook.errors == []


@pytest.fixture
def hostile_market(desk):
    """A market with a symbol, a name and a sector that would run if they were not text."""
    market = make_market(MarketRecipe(symbols=4, bars=120))
    hostile = pl.col("symbol").replace("005930", HOSTILE)
    folder = desk / "hostile"
    (folder / "prices" / "1d").mkdir(parents=True)
    name, sector = pl.lit("<script>window.ran = 'ours'</script>"), pl.lit(HOSTILE)
    market.symbols.with_columns(hostile, name=name, sector=sector).write_parquet(folder / "symbols.parquet")
    bars = market.daily.with_columns(hostile).sort("symbol", "timestamp")
    bars.write_parquet(folder / "prices" / "1d" / "bars.parquet")
    return folder


def test_a_symbol_that_looks_like_a_script_is_text_in_the_form_and_in_a_cell(open_notebook, hostile_market):
    notebook = open_notebook(FORM.replace("market", hostile_market.name), "form.result", CONTROL)
    notebook.run(0)
    form = FormPage(notebook.page)
    form.write("close > 0")
    form.says("signals:")
    form.scan()
    form.tells("onerror")
    notebook.run(1)
    notebook.cell(1).locator(".jp-OutputArea-output").filter(has_text="onerror").first.wait_for()
    notebook.run(2)
    notebook.page.wait_for_function("window.control === 1")
    assert notebook.page.evaluate("window.ran") is None


def test_what_goes_wrong_in_a_callback_is_told_in_the_form_which_then_goes_on(open_notebook, desk):
    notebook = open_notebook(
        FORM,
        "import pathlib; _ = pathlib.Path('market').rename('gone')",
        "_ = pathlib.Path('gone').rename('market')",
    )
    notebook.run(0)
    form = FormPage(notebook.page)
    form.write(QUICK)
    form.says("signals: buy")
    notebook.errors.clear()
    notebook.run(1)
    try:
        form.scan()
        form.tells("the table of symbols is missing")
    finally:
        notebook.run(2)
    form.scan()
    form.tells("matches in")
    assert notebook.errors == []
    assert "Traceback" not in form.root.inner_text()


def test_matches_are_sorted_a_chart_is_opened_and_the_code_gives_the_same_result(open_notebook):
    same = "result.signals.matches.equals(form.result.signals.matches), result.signals.matches.height > 0"
    notebook = open_notebook(FORM, "", same)
    notebook.run(0)
    form, tabs = FormPage(notebook.page), ResultTabs(notebook.page)
    notebook.errors.clear()
    form.write(QUICK)
    form.says("signals: buy")
    form.choose("market", "KOSDAQ")
    form.scan()

    tabs.open("matches")
    closes = [float(each.replace(",", "")) for each in tabs.sort_by("close")]
    assert len(closes) > 5
    assert closes == sorted(closes, reverse=True), "numbers are sorted with the largest first"
    assert closes[0] > closes[-1]

    symbol = tabs.open_row(2)
    assert notebook.page.locator(".jt-chart-symbol input").input_value().startswith(symbol)
    width, height = tabs.charted()
    assert width > height > 200

    tabs.open("code")
    notebook.write(1, tabs.code.input_value())
    notebook.run(1)
    assert notebook.value(2) == (True, True)
    assert notebook.errors == []
