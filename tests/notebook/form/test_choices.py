"""Several names out of a list; none means all."""

from __future__ import annotations

import pytest

from jtscan.errors import RequestError
from jtscan.notebook.form.choices import Choices

FEW = ["KOSDAQ", "KOSPI"]
MANY = [f"sector {number}" for number in range(30)]


def pressed(choices):
    return [toggle.description for toggle in choices.children if toggle.value]


def test_a_few_are_buttons_and_none_pressed_is_all(told):
    choices = Choices("market", FEW, told.append)
    every, kosdaq, kospi = choices.children
    assert pressed(choices) == ["all"]
    kospi.value = True
    assert (choices.value, pressed(choices)) == (["KOSPI"], ["KOSPI"])
    kosdaq.value = True
    assert choices.value == ["KOSDAQ", "KOSPI"]
    every.value = True
    assert (choices.value, pressed(choices)) == ([], ["all"])
    every.value = False
    assert pressed(choices) == ["all"]
    kospi.value = True
    kospi.value = False
    assert (choices.value, pressed(choices), told) == ([], ["all"], [])


def test_many_are_a_list_with_chips(told):
    choices = Choices("sector", MANY, told.append)
    chips, names = choices.children
    assert (names.options[0][0], len(names.options)) == ("all 30", 31)
    for name in ("sector 3", "sector 1"):
        names.value = name
    assert choices.value == ["sector 3", "sector 1"]
    assert names.options[0] == ("or … (28)", "")
    assert names.value == ""
    chips.children[0].click()
    assert (choices.value, told) == (["sector 1"], [])


@pytest.mark.parametrize("names", [FEW, MANY])
def test_a_value_from_code_is_shown(told, names):
    choices = Choices("market", names, told.append)
    choices.value = [names[1], names[0], names[1]]
    assert choices.value == [names[1], names[0]]
    choices.value = []
    assert choices.value == []


def test_a_name_that_is_not_offered_is_refused_by_name(told):
    choices = Choices("market", FEW, told.append)
    with pytest.raises(
        RequestError, match=r"market: 'KOSPY' \(did you mean 'KOSPI'\?\) is not there; there are: KOSDAQ, KOSPI"
    ):
        choices.value = ["KOSPY"]
    assert choices.value == []


@pytest.mark.parametrize("names", [FEW, MANY])
def test_disabled_is_grey_and_dead(told, names):
    choices = Choices("market", names, told.append)
    choices.value = [names[0]]
    choices.disabled = True
    controls = choices.children if names is FEW else [*choices.children[0].children, choices.children[1]]
    assert all(control.disabled for control in controls)
    assert "jt-off" in choices._dom_classes
    choices.disabled = False
    assert not any(control.disabled for control in controls)
