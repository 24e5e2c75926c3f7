"""What all parts of the form are made of."""

from __future__ import annotations

import pytest

from jtscan.errors import RequestError
from jtscan.notebook.form.parts import caution, quiet
from jtscan.notebook.showing import guarded, message_of


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RequestError("start", "is wrong"), "start: is wrong"),
        (ZeroDivisionError("boom"), "internal error: ZeroDivisionError: boom"),
        (KeyboardInterrupt(), "the kernel was interrupted"),
    ],
)
def test_errors_are_said_for_people(error, said):
    assert message_of(error) == said


def test_a_callback_tells_what_goes_wrong_in_it(told):
    guarded(lambda: 1 / 0, told.append)("a change")
    assert told == ["internal error: ZeroDivisionError: division by zero"]


def test_texts_are_no_html():
    assert "<i>" not in quiet("<i>", "<i>") + caution("<i>")
