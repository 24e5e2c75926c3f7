"""The finder of functions."""

from __future__ import annotations

import pytest

from jtscan.notebook.form.functions import FunctionFinder


@pytest.fixture
def finder(sample, told):
    return FunctionFinder(sample, told.append)


def test_it_is_folded_away_until_it_is_asked_for(finder):
    field = finder.children[1]
    assert field.layout.display == "none"
    finder.handle.click()
    assert field.layout.display is None
    finder.handle.click()
    assert field.layout.display == "none"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cross_ab", ["cross_above(a, b, strict=False)", "a rises above b"]),
        ("upwards", ["crosses(a, b, strict=False)"]),  # by its meaning
        ("이동평균", ["sma(", "ema(", "wma("]),
        ("<zzz>", ["no function has '<zzz>' in its name or meaning"]),
        ("", []),
    ],
)
def test_functions_are_found_with_usage_and_meaning(finder, text_of, told, typed, found):
    finder.search.value = "x"
    finder.search.value = typed
    said = text_of(finder.found.value)
    assert all(text in said for text in found)
    assert bool(said) == bool(found)
    assert "<zzz>" not in finder.found.value
    assert told == []
