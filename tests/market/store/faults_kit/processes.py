"""Processes of their own, which say on their standard output how far they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jtscan


def start(*words):
    """Start a process of the kit with the jtscan of this one; it says on its standard output how far it is."""
    roots = [Path(jtscan.__file__).parents[1], Path(__file__).parents[1]]
    path = os.pathsep.join([*map(str, roots), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "faults_kit", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": path},
    )


def wait_for(process, word):
    """Read on until the process says a word; False if it ended before."""
    return any(line.strip() == word for line in iter(process.stdout.readline, ""))


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
