"""What is seldom asked for."""

from __future__ import annotations

import pytest

from jtscan.notebook.form.options import Options


@pytest.fixture
def options(told):
    return Options(lambda: None, told.append)


def test_without_a_choice_a_request_is_as_usual(options):
    assert options.asked == {"sort_by": "timestamp", "top": None, "first": False, "warmup": "auto"}


def test_choices_become_fields_of_a_request(options):
    options.offer(["gap"])
    options.sort_by.value, options.top.value, options.first.value, options.full.value = "-gap", 10, True, True
    assert options.asked == {"sort_by": "-gap", "top": 10, "first": True, "warmup": "full"}


def test_matches_can_be_ordered_by_the_formulas_columns_while_it_has_them(options):
    options.offer(["gap", "ratio"])
    options.sort_by.value = "gap"
    options.offer(["gap"])
    assert options.sort_by.value == "gap"
    assert options.sort_by.options[-2:] == (("gap, highest first", "gap"), ("gap, lowest first", "-gap"))
    options.offer([])
    assert options.sort_by.value == "timestamp"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"sort_by": "-close", "top": 5, "first": True, "full": False}, []),
        ({"sort_by": "gone"}, ["sort_by: 'gone' cannot be chosen here"]),
        ({"sort_by": ["close"]}, ["sort_by: ['close'] cannot be chosen here"]),
        ({"top": -1}, ["top: -1 is not a number of matches"]),
        ({"top": "5"}, ["top: '5' is not a number of matches"]),
        ({"first": "yes"}, ["first: 'yes' cannot be chosen here"]),
    ],
)
def test_a_state_is_taken_or_refused_by_name(options, state, said):
    before = options.state
    assert list(options.restore(state)) == said
    assert options.state == (before if said else {**before, **state})


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ({}, "more options"),
        ({"sort_by": "-close", "top": 7}, "more options · close, lowest first · keep 7"),
        ({"top": 1000, "first": True, "full": True}, "more options · keep 1,000 · first bars only · all history"),
    ],
)
def test_the_title_says_what_is_set_open_or_closed(options, state, title):
    assert list(options.restore(state)) == []
    assert options.handle.description == f"▸ {title}"
    options.handle.click()
    assert options.handle.description == f"▾ {title}"


def test_the_title_forgets_an_order_that_is_gone(options):
    options.offer(["gap"])
    options.sort_by.value = "gap"
    assert options.handle.description == "▸ more options · gap, highest first"
    options.offer([])
    assert options.handle.description == "▸ more options"
