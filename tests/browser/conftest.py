"""A browser, a JupyterLab and an invented market large enough that a scan of it can be watched and stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import servers
from browser.pages import NotebookPage, write_notebook

from jtscan.market.synthetic import MarketRecipe, write_market


@pytest.fixture(scope="session")
def chromium():
    lacking = servers.missing()
    if lacking and os.environ.get("CI"):
        pytest.fail(f"CI tests in a browser: {lacking}")
    if lacking:
        pytest.skip(lacking)
    with servers.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """A folder with notebooks and a market."""
    folder = tmp_path_factory.mktemp("desk")
    write_market(folder / "market", MarketRecipe(symbols=1_500, bars=1_000))
    return folder


@pytest.fixture(scope="session")
def lab(chromium, desk, tmp_path_factory):
    with servers.jupyterlab(desk, tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def open_notebook(chromium, lab, desk, request) -> Iterator[Callable[..., NotebookPage]]:
    """Write a notebook of these cells, and open it."""
    opened = []

    def call(*cells: str) -> NotebookPage:
        notebook = write_notebook(Path(desk) / f"{request.node.name}.ipynb", list(cells))
        opened.append(NotebookPage(chromium, lab, notebook))
        return opened[-1]

    yield call
    for tab in opened:
        print("console:", *tab.errors, sep="\n")  # pytest shows it beside a failure
        tab.close()
