"""A scanner of the sample whose scans publish 40 symbols, and forms of it."""

from __future__ import annotations

import asyncio
import re
import threading
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from jtscan.aggregate import LABELS
from jtscan.domain.jobs import ProcessingResult
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.notebook.form import ScanForm
from jtscan.scanner import Scanner

SAMPLE = Path(__file__).parent.parent.parent.parent / "data"
MATCHES = pl.DataFrame({"symbol": ["<b>1"], "name": ["가상전자"], "close": [71500.0]})
FOUND = pl.DataFrame(schema={"symbol": pl.String, "date": pl.Date, "signal_type": pl.String})
SYMBOLS = 40


def result_of(request, *, done=SYMBOLS):
    """A result with one match; the symbols beyond ``done`` were cancelled."""
    states = ["matched"] + ["no_match"] * (done - 1) + ["cancelled"] * (SYMBOLS - done)
    numbers = {"bars": 9, "set_aside": 0, "halts": 0, "duplicates": 0}
    rows = [{"symbol": f"{place:06d}", "status": status, **numbers} for place, status in enumerate(states)]
    signals = AggregatedSignals(
        total_symbols=done, symbols_with_matches=1, total_matches=1, matches=MATCHES, found=MATCHES, labels=MATCHES.clear()
    )  # fmt: skip
    return BatchScanResult(
        job_id="job",
        request=request,
        signals=signals,
        statistics=SignalStatistics(total=1, found=FOUND, labels=pl.DataFrame(schema=LABELS)),
        processing_time_ms=1234.0,
        errors_count=1,
        outcomes=pl.DataFrame(rows, schema=OUTCOME_SCHEMA),
        cancelled=done < SYMBOLS,
    )


class ScannerDouble(Scanner):
    """Publishes 40 symbols with a pause after each, and notes what it was asked."""

    def __init__(self, sample, failure=None):
        vars(self).update(vars(sample))  # read once
        self.asked = []
        self.failure = failure
        self.pause = 0.0
        self.began = threading.Event()

    async def execute(self, request, *, progress_callback, observer, cancellation_token):
        self.asked.append(request)
        observer.on_phase("comparing symbols")
        self.began.set()
        if self.failure:
            raise self.failure
        observer.on_phase("scanning")
        for place in range(SYMBOLS):
            if cancellation_token.is_cancelled:
                return result_of(request, done=place)
            error = "x" if place == 3 else None
            observer.on_result(ProcessingResult(symbol=f"{place:06d}", matches=MATCHES, error=error))
            progress_callback(place + 1, SYMBOLS)
            await asyncio.sleep(self.pause)
        return result_of(request)


@pytest.fixture
def scanner(sample):
    return ScannerDouble(sample)


@pytest.fixture
def failing(sample):
    """A form whose scans fail so."""
    return lambda failure: ScanForm(ScannerDouble(sample, failure))


@pytest.fixture
def form(scanner):
    return ScanForm(scanner)


@pytest.fixture(scope="session")
def sample():
    return Scanner(SAMPLE)


@pytest.fixture
def told():
    """What a part told the form."""
    return []


@pytest.fixture(scope="session")
def text_of():
    """The text of HTML as people read it."""

    def read(html):
        lines = (
            re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
            .replace("<br>", "\n")
            .replace("</div><div", "</div>\n<div")
        )
        return unescape(re.sub(r"<[^>]*>", "", lines))

    return read


@pytest.fixture(scope="session")
def scan_with():
    """Click Run and wait for the end."""

    def run(form):
        form.run.click()
        assert form.wait(10)

    return run


@pytest.fixture(scope="session")
def choose():
    """Set controls by their name."""

    def set_them(form, **values):
        for name, value in values.items():
            getattr(form, name).value = value

    return set_them
