"""Cases: an old version, one action, a new version."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults_kit.contents import Content, content
from faults_kit.invented import DAYS, bars
from jtscan.market.intake.ingesting import ingest
from jtscan.market.store import layout
from jtscan.market.store.store import Store


@dataclass(frozen=True)
class Case:
    """What one writer does: a store before it, its source, and what is there before and after it."""

    kind: str
    action: str
    old: Path
    source: Path
    before: Content
    after: Content

    def run(self, root, **options):
        """Do in this process what the killed one was to do."""
        if self.action == "compact":
            Store(root).compact(**options)
        else:
            ingest(self.source, root, **options)


BASE, CORRECTION = {"days": DAYS}, {"days": 5, "first": DAYS - 4, "volume": 2000.0}
ONE_DAY_EACH = [{"days": 1, "first": DAYS + number} for number in range(8)]
KINDS = {
    # name: ingests before it, its own source; no source is a compaction
    "first ingest": ([], BASE),
    "append": ([BASE, *ONE_DAY_EACH[:7]], ONE_DAY_EACH[7]),
    "correction": ([BASE, *ONE_DAY_EACH[:2]], CORRECTION),
    "compaction": ([BASE, *ONE_DAY_EACH[:5]], None),
}


def make_case(folder, kind, *, symbols=200):
    """Lay a case out in a folder."""
    before, own = KINDS[kind]
    place = folder / kind.replace(" ", "_")
    old, source = place / "old", place / "source.parquet"
    old.mkdir(parents=True)
    with small_files():
        for each in before:
            ingest(bars(**each, symbols=symbols), old)
        bars(**(own or BASE), symbols=symbols).write_parquet(source)
        draft = Case(kind, "ingest" if own else "compact", old, source, content(old), content(old))
        new = place / "new"
        shutil.copytree(old, new)
        draft.run(new)
    case = Case(kind, draft.action, old, source, draft.before, content(new))
    assert case.after.number == case.before.number + 1, kind
    assert (case.after.sums == case.before.sums) == (own is None), kind
    return case


@contextmanager
def small_files(rows=1500):
    """Files of few rows, so that a short ingest writes many of them, one after another."""
    sizes, defaults = layout.ROWS_PER_FILE, layout.split.__defaults__
    layout.ROWS_PER_FILE, layout.split.__defaults__ = rows, (rows,)
    try:
        yield
    finally:
        layout.ROWS_PER_FILE, layout.split.__defaults__ = sizes, defaults
