"""A scan of the sample, and results of one's own matches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import polars as pl
import pytest

import jtscan as jt

SAMPLE = Path(__file__).parent.parent.parent.parent / "data"


@pytest.fixture(autouse=True)
def _widgets_end_with_their_test() -> Iterator[None]:
    """Let go of what ipywidgets holds for ever: a scanner's connections should not outlive Python."""
    yield
    widgets.Widget.close_all()


@pytest.fixture(scope="session")
def scanner() -> jt.Scanner:
    return jt.Scanner(SAMPLE)


@pytest.fixture(scope="session")
def result(scanner: jt.Scanner) -> jt.BatchScanResult:
    """Matches of two signals in 59 symbols, with a column that is unknown at first."""
    formula = (
        "buy = cross_above(close, sma(close, 60))\nsell = cross_below(close, sma(close, 60))\nfar = close[200] / close"
    )
    return scanner.scan(formula, start="2024-06-01")


@pytest.fixture
def with_matches(result: jt.BatchScanResult) -> Callable[[pl.DataFrame], jt.BatchScanResult]:
    """Make a result of these matches."""

    def make(matches: pl.DataFrame, **more: Any) -> jt.BatchScanResult:
        signals = replace(
            result.signals, matches=matches, found=matches, total_matches=more.pop("found", matches.height),
            symbols_with_matches=matches["symbol"].n_unique(),
        )  # fmt: skip
        statistics = jt.SignalAggregator().get_statistics(signals)
        return replace(result, signals=signals, statistics=statistics, **more)

    return make
