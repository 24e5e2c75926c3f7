"""Coroutines that are waited for on a loop of their own."""

from __future__ import annotations

import gc
import logging

import pytest

from jtscan.domain.control import CancellationToken
from jtscan.waiting import apart, run


async def fails():
    raise ZeroDivisionError("theirs")


async def awaits():
    await apart(fails(), CancellationToken())


@pytest.mark.parametrize("work", [fails, awaits])
def test_an_error_is_raised_once_and_not_logged_again_by_asyncio(work, caplog):
    with caplog.at_level(logging.DEBUG, logger="asyncio"):
        with pytest.raises(ZeroDivisionError, match="theirs"):
            run(work())
        gc.collect()
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []
