"""What a process does that writes and is killed, or stands still."""

from __future__ import annotations

import sys

from faults_kit.cases import small_files
from faults_kit.processes import say
from jtscan.market.intake.ingesting import ingest
from jtscan.market.store.store import Store
from jtscan.market.store.writing import Draft


def _tell_of_the_writing():
    """Say when the lock is held and a draft begins, when its first file is written, and when it is committed."""
    begin, add, commit = Draft.__init__, Draft.add, Draft.commit

    def telling_begin(draft, *given):
        begin(draft, *given)
        say("writing")

    def telling_add(draft, *given, **named):
        if not draft._made:
            say("adding")
        return add(draft, *given, **named)

    def telling_commit(draft, *given, **named):
        say("committing")
        manifest = commit(draft, *given, **named)
        say("committed")
        return manifest

    Draft.__init__, Draft.add, Draft.commit = telling_begin, telling_add, telling_commit


def write_once(action, root, source):
    _tell_of_the_writing()
    with small_files():
        if action == "compact":
            Store(root).compact()
        else:
            ingest(source, root)
    say("done")


def hold(root, source):
    """An ingest that stands still in its middle until it is told to go on."""

    def stand_still(phase, done, total):
        if phase == "writing symbols" and not told:
            told.append(phase)
            say("standing")
            sys.stdin.readline()

    told = []
    ingest(source, root, progress=stand_still)
    say("done")
