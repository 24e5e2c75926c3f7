"""Politeness: at most so many calls a second, and another try, later each time, when the network fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from jtscan.errors import MissingExtraError, RequestError, SourceError

TRIES = 5
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0

T = TypeVar("T")


class Pace:
    """Spaces calls evenly.

    Parameters
    ----------
    rate
        Calls a second at the most.
    clock, sleep
        Seconds that only rise, and how to let some pass.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if not 0 < rate < float("inf"):
            raise RequestError("rate", f"{rate!r} is not a number of calls a second, such as 0.5")
        self._gap = 1 / rate
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def wait(self) -> None:
        """Return when the next call is due."""
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._gap


class Patience:
    """Makes calls at a pace, and again after failures that may pass: five tries, 2, 4, 8, 16 seconds apart and jitter.

    Raises MissingExtraError when made without ``tenacity``.
    """

    def __init__(self, pace: Pace, *, sleep: Callable[[float], None] = time.sleep) -> None:
        try:
            import tenacity  # noqa: PLC0415 - comes with the extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("fetching", "sources") from error
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT) + tenacity.wait_random(0, 1),
            retry=tenacity.retry_if_exception(_may_pass),
            before=lambda _: pace.wait(),
            sleep=sleep,
            reraise=True,
        )

    def call(self, call: Callable[[], T]) -> T:
        """Call, and return what it returns; the last failure is raised."""
        answer: T = self._retrying(call)
        return answer


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, SourceError) and error.passing
