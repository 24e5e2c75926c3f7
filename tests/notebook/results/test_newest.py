"""Only the newest work counts."""

from __future__ import annotations

import threading
from typing import Any

import polars as pl

from jtscan.notebook.results.newest import NewestOnly


def listener() -> tuple[NewestOnly[str], list[Any]]:
    heard: list[Any] = []
    return NewestOnly[str](on_made=heard.append, on_error=heard.append), heard


def test_what_is_made_is_told() -> None:
    newest, heard = listener()
    newest.ask(lambda: "one")
    assert newest.wait(5)
    newest.ask(lambda: "two")
    assert newest.wait(5)
    assert heard == ["one", "two"]


def test_older_work_is_not_told_and_work_between_is_not_done() -> None:
    newest, heard = listener()
    began, go = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go.wait(5)
        return "old"

    newest.ask(slow)
    assert began.wait(5)
    done: list[str] = []
    newest.ask(lambda: done.append("between") or "between")
    newest.ask(lambda: "new")
    go.set()
    assert newest.wait(5)
    assert (heard, done) == (["new"], [])


def test_an_error_is_told_and_the_next_work_is_done() -> None:
    newest, heard = listener()
    newest.ask(lambda: str(1 / 0))
    assert newest.wait(5)
    newest.ask(lambda: "after")
    assert newest.wait(5)
    assert (type(heard[0]), heard[1:]) == (ZeroDivisionError, ["after"])


def test_dropped_work_is_not_told() -> None:
    newest, heard = listener()
    began, go = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go.wait(5)
        return "old"

    newest.ask(slow)
    assert began.wait(5)
    newest.drop()
    go.set()
    assert newest.wait(5)
    assert heard == []


def test_a_panic_of_polars_is_told_and_the_next_work_is_done() -> None:
    newest, heard = listener()

    def panic() -> str:
        raise pl.exceptions.PanicException("index out of bounds")

    newest.ask(panic)
    assert newest.wait(5)
    newest.ask(lambda: "after")
    assert newest.wait(5)
    assert (str(heard[0]), heard[1:]) == ("index out of bounds", ["after"])
