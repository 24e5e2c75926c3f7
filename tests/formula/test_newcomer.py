"""What newcomers are told, word for word: tests/answers/newcomer.txt is a transcript that was read aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

import jtscan as jt

ROOT = Path(__file__).parents[2]
_, *BLOCKS = (ROOT / "tests" / "answers" / "newcomer.txt").read_text(encoding="utf-8").strip().split("\n\n")


@pytest.fixture(scope="module")
def scanner():
    return jt.Scanner(ROOT / "data", raise_internal=True)


def told(scanner, text):
    try:
        result = scanner.scan(text, last=5)
    except jt.JtscanError as error:
        return str(error)
    return f"! {result.warnings[0]}"


def test_there_are_ten_mistakes_at_the_least():
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_a_newcomer_is_told_so(block, scanner):
    _, written, *message = block.split("\n")
    assert told(scanner, written.removeprefix("> ")) == "\n".join(message)
