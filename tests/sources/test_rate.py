from __future__ import annotations

import pytest

from jtscan.errors import MissingExtraError, RequestError, SourceError
from jtscan.sources.rate import Pace, Patience


def test_calls_are_spaced_evenly_and_time_that_passed_counts(clock):
    pace = Pace(2.0, clock=clock, sleep=clock.sleep)
    begun = []
    for work in (0.0, 0.1, 0.9, 0.0):  # seconds that each call takes
        pace.wait()
        begun.append(round(clock.now, 6))
        clock.now += work
    assert begun == [0.0, 0.5, 1.0, 1.9]
    pace.wait()
    assert clock.now == pytest.approx(2.4)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_is_a_positive_number(rate):
    with pytest.raises(RequestError, match="^rate: "):
        Pace(rate)


class Source:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def busy():
    return SourceError("busy", passing=True)


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_what_may_pass_is_tried_again_up_to_five_times(patience, failures):
    source = Source(*(busy() for _ in range(failures)), "bars")
    assert patience.call(source) == "bars"
    assert source.calls == failures + 1


def test_the_fifth_failure_is_raised(patience):
    source = Source(*(busy() for _ in range(5)))
    with pytest.raises(SourceError, match="busy"):
        patience.call(source)
    assert source.calls == 5


def test_the_waits_double_and_jitter_by_a_second(clock):
    patience = Patience(Pace(1e9, clock=clock, sleep=clock.sleep), sleep=clock.sleep)
    patience.call(Source(*(busy() for _ in range(4)), "bars"))
    waits = [wait for wait in clock.slept if wait > 1e-6]
    assert [2 ** (n + 1) <= wait <= 2 ** (n + 1) + 1 for n, wait in enumerate(waits)] == [True] * 4


def test_each_try_keeps_the_pace(clock):
    patience = Patience(Pace(0.01, clock=clock, sleep=clock.sleep), sleep=clock.sleep)
    patience.call(Source(busy(), "bars"))
    assert clock.now == pytest.approx(100.0)


@pytest.mark.parametrize("error", [SourceError("unknown"), ZeroDivisionError("a bug of ours")], ids=repr)
def test_what_does_not_pass_is_raised_at_once(patience, error):
    source = Source(error)
    with pytest.raises(type(error)):
        patience.call(source)
    assert source.calls == 1


def test_without_tenacity_the_extra_is_named(monkeypatch, clock):
    monkeypatch.setitem(__import__("sys").modules, "tenacity", None)
    with pytest.raises(MissingExtraError, match=r"jtscan\[sources\]"):
        Patience(Pace(1, clock=clock))
