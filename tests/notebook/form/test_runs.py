"""A scan in its own thread, and what it says of its progress."""

from __future__ import annotations

import time

import pytest

from jtscan.notebook.form.runs import Progress, ScanRun


def run_of(scan, shown, **more):
    run = ScanRun(scan, on_progress=lambda run: shown.append(str(run.progress)), on_end=lambda _run: None, **more)
    run.start()
    assert run.wait(30)
    return run


def test_progress_is_shown_at_most_20_times_a_second_and_at_the_end():
    def scan(*, progress_callback, observer, **_):
        for place in range(30_000):
            observer.on_phase(f"comparing symbols: {place} of 30,000")
            progress_callback(place + 1, 30_000)

    shown = []
    begun = time.monotonic()
    run = run_of(scan, shown)
    assert run.progress.completed == 30_000
    assert shown[-1].startswith("comparing symbols")
    assert len(shown) <= 3 + (time.monotonic() - begun) * 20


def test_a_new_phase_is_shown_at_once():
    def scan(*, observer, **_):
        for phase in ("resolving", "replaying for look-ahead", "comparing symbols: 1 of 3", "scanning"):
            observer.on_phase(phase)

    shown = []
    run_of(scan, shown)
    assert shown == ["resolving …", "replaying for look-ahead …", "comparing symbols: 1 of 3 …", "scanning …"]


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(), "starting …"),
        (Progress(phase="scanning", total=40), "scanning …"),
        (Progress(phase="aggregating", completed=40, total=40), "aggregating …"),
        (
            Progress(completed=1234, total=3000, symbol="005930 삼성전자", matches=7, errors=2, seconds=2.0),
            "1,234 of 3,000 symbols (41 %) · 617 a second · 3 s left · 7 matches · 2 failed · 005930 삼성전자",
        ),
        (Progress(completed=1, total=3000, matches=1, seconds=0.1), "1 of 3,000 symbols (0 %) · 1 match"),
        (
            Progress(completed=10, total=100, seconds=20.0),
            "10 of 100 symbols (10 %) · 30 a minute · 3 min left · 0 matches",
        ),
        (
            Progress(completed=100, total=9100, seconds=100.0),
            "100 of 9,100 symbols (1 %) · 1 a second · 2 h 30 min left · 0 matches",
        ),
    ],
)
def test_progress_reads(progress, text):
    assert str(progress) == text


def test_what_a_scan_raises_is_kept():
    def scan(**_):
        raise KeyboardInterrupt

    run = run_of(scan, [])
    assert isinstance(run.error, KeyboardInterrupt)
    assert run.result is None
