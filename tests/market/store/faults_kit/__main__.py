"""The process that writes, reads or is killed: python -m faults_kit ingest|compact|hold|write|read|answer STORE …"""

from __future__ import annotations

import sys
from pathlib import Path

from faults_kit.flips import answer
from faults_kit.reads import read_on, write_on
from faults_kit.writing import hold, write_once


def main(words):
    match words:
        case ["ingest" | "compact" as action, root, source]:
            write_once(action, Path(root), source)
        case ["hold", root, source]:
            hold(Path(root), source)
        case ["write", root]:
            write_on(Path(root))
        case ["read", root, count, threads, seed]:
            read_on(Path(root), int(count), int(threads), int(seed))
        case ["answer", root]:
            answer(Path(root))


if __name__ == "__main__":
    main(sys.argv[1:])
