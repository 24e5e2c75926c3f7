"""Notebook 05 as an app: ``voila notebooks/05_scan_form.ipynb``, no option needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import servers
from browser.pages import FormPage, Tab

pytestmark = pytest.mark.browser

NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "05_scan_form.ipynb"


@pytest.fixture(scope="module")
def app(chromium, tmp_path_factory):
    with servers.voila(NOTEBOOK, tmp_path_factory.mktemp("voila")) as server:
        yield server


@pytest.fixture
def tab(chromium):
    tab = Tab(chromium)
    yield tab
    tab.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_is_an_app_that_scans_the_sample(tab, app, theme):
    tab.go(f"{app.url}/?theme={theme}")
    form = FormPage(tab.page)
    tab.errors.clear()  # the fonts that Voila would fetch from the network

    assert tab.page.title() == "jtscan"
    assert tab.page.locator(f"body.theme-{theme}").count() == 1
    assert tab.page.get_by_text("import jtscan").count() == 0
    form.write("buy = close > 0")
    form.says("signals: buy")
    form.choose("market", "KOSDAQ")
    form.scan()
    form.tells("matches in")
    assert tab.errors == []
