"""Two writers at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from faults_kit.contents import NOTHING, content, faults_of
from faults_kit.invented import bars
from faults_kit.processes import end, start, wait_for
from jtscan.errors import StoreError
from jtscan.market.intake.ingesting import ingest
from jtscan.market.store.reading import current


def two_writers(folder, *, symbols=20):
    """A second writer fails clearly, or waits and then works; one that waits for a killed one goes on at once."""
    faults = []
    ours, theirs = folder / "ours.parquet", folder / "theirs.parquet"
    bars(5, symbols=symbols).write_parquet(theirs)
    bars(5, symbols=symbols, first=5).write_parquet(ours)
    root, alone = folder / "two", folder / "alone"
    for source in (theirs, ours):
        ingest(source, alone)
    first = start("hold", root, theirs)
    assert wait_for(first, "standing")
    try:
        ingest(ours, root, wait=0.2)
        faults.append("a second writer got in")
    except StoreError as error:
        if "another ingest is writing there (waited 0.2 seconds)" not in str(error):
            faults.append(f"unclear: {error}")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ingest, ours, root, wait=30.0)
        time.sleep(0.3)
        if waiting.done() or content(root).sums != NOTHING:
            faults.append("the second writer did not wait")
        first.stdin.write("go on\n")
        waiting.result()
    wait_for(first, "done")
    end(first)
    if content(root) != content(alone):
        faults.append("two writers give something else than one after the other")
    return faults + faults_of(root) + _waits_for_a_killed_one(folder / "killed", theirs, ours)


def _waits_for_a_killed_one(root, theirs, ours):
    first = start("hold", root, theirs)
    assert wait_for(first, "standing")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ingest, ours, root, wait=30.0)
        time.sleep(0.3)
        end(first)
        report = waiting.result()
    return faults_of(root) + (
        [] if report.version and current(root).number == 1 else ["the lock of a killed writer held"]
    )
