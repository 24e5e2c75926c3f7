"""Tokens: who sets whom, why, and what is stopped."""

from __future__ import annotations

import threading
import time

import pytest

from jtscan.domain.control import CancellationToken, check_seconds, deadline, reading_for, stoppable
from jtscan.errors import RequestError, StoppedError


def test_a_token_is_set_with_its_parent_and_not_the_other_way_round():
    parent = CancellationToken()
    child, sibling = CancellationToken(parent=parent), CancellationToken(parent=parent)
    sibling.cancel("one alone")
    assert (parent.is_cancelled, child.is_cancelled, sibling.reason) == (False, False, "one alone")
    parent.cancel("all")
    assert (child.is_cancelled, child.reason) == (True, "all")


def test_the_first_reason_is_kept():
    token = CancellationToken()
    token.cancel("first")
    token.cancel("second")
    assert token.reason == "first"


def test_a_reason_after_none_is_no_reason():
    token = CancellationToken()
    token.cancel()
    token.cancel("too late")
    assert token.reason is None


def test_a_deadline_sets_the_token_and_says_why():
    token = CancellationToken()
    with deadline(token, 0.01):
        until = time.monotonic() + 5
        while not token.is_cancelled and time.monotonic() < until:
            time.sleep(0.005)
    assert token.reason == "the scan's timeout of 0.01 s was over"


def test_a_deadline_is_gone_with_its_block():
    token = CancellationToken()
    with deadline(token, 0.03):
        pass
    time.sleep(0.1)
    assert not token.is_cancelled


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "5", 1e12])
def test_what_is_no_time_limit_is_refused_by_the_name_of_its_field(seconds):
    with pytest.raises(RequestError, match=r"^timeout: .* is not a number of seconds; write 30, or None"):
        check_seconds("timeout", seconds)


@pytest.mark.parametrize("seconds", [None, 1, 0.5])
def test_a_time_limit_is_a_positive_number_of_seconds_or_none(seconds):
    check_seconds("timeout", seconds)


@pytest.mark.parametrize("whose", ["its own token", "the parent"])
def test_a_long_reading_is_stopped_from_another_thread(whose):
    parent = CancellationToken()
    token = CancellationToken(parent=parent)
    stopped = threading.Event()

    def read():
        if not stopped.wait(5):
            pytest.fail("it was not stopped")
        raise ValueError("the query was interrupted")

    threading.Timer(0.02, (parent if whose == "the parent" else token).cancel).start()
    with pytest.raises(StoppedError), reading_for(token), stoppable(stopped.set):
        read()


def test_a_reading_that_fails_by_itself_keeps_its_error():
    with pytest.raises(ValueError, match="torn"), reading_for(CancellationToken()), stoppable(lambda: None):
        raise ValueError("torn")


def test_a_token_that_was_set_before_stops_no_reading():
    token = CancellationToken()
    token.cancel()
    with reading_for(token), stoppable(lambda: pytest.fail("stopped")):
        pass


def test_nothing_begins_to_be_read_once_the_token_is_set():
    token = CancellationToken()
    with reading_for(token):
        token.cancel()
        with pytest.raises(StoppedError), stoppable(lambda: None):
            pytest.fail("it was read")


def test_what_is_read_already_is_not_stopped_any_more():
    token = CancellationToken()
    with token.stopping(lambda: pytest.fail("it was closed before")):
        pass
    token.cancel()
    assert token.is_cancelled
