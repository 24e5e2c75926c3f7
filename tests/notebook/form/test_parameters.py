"""A control for each parameter of a formula."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from jtscan.formula.parameters import Parameter
from jtscan.notebook.form.parameters import ParameterBox, control_of


@pytest.fixture
def box(told):
    return ParameterBox(lambda: None, told.append)


@pytest.mark.parametrize(
    ("declared", "kind", "bounds"),
    [
        ({"default": 5, "lowest": 2, "highest": 50}, widgets.IntSlider, (2, 50, 1)),
        ({"default": 5, "lowest": 2, "highest": 50, "step": 3}, widgets.IntSlider, (2, 50, 3)),
        ({"default": 0.5, "lowest": 0, "highest": 1}, widgets.FloatSlider, (0, 1, 0.01)),
        ({"default": 2.5, "lowest": 1, "highest": 90}, widgets.FloatSlider, (1, 90, 1.0)),
        ({"default": 1, "lowest": 0, "highest": 2, "step": 0.25}, widgets.FloatSlider, (0, 2, 0.25)),
        ({"default": 2.5, "lowest": 2.5, "highest": 2.5}, widgets.FloatSlider, (2.5, 2.5, 0.1)),
        ({"default": 5, "lowest": 2}, widgets.BoundedIntText, (2, 10**15 - 1, 1)),
        ({"default": -5.5}, widgets.BoundedFloatText, (-(10**15) + 1, 10**15 - 1, 0.1)),
    ],
)
def test_a_parameter_is_a_slider_between_bounds_and_a_field_otherwise(declared, kind, bounds):
    parameter = Parameter(name="n", **declared)
    control = control_of(parameter, parameter.default)
    assert type(control) is kind
    assert (control.min, control.max, control.step) == bounds
    assert control.value == parameter.default


def test_choices_are_a_list():
    control = control_of(Parameter(name="n", default=10, choices=(5, 10, 20)), 10)
    assert type(control) is widgets.Dropdown
    assert control.options == (("5", 5), ("10", 10), ("20", 20))


def test_the_label_is_shown(box):
    box.show([Parameter(name="n", default=20, lowest=5, highest=60, label="Days")])
    assert box.controls["n"].description == "Days"


INT = {"default": 20, "lowest": 5, "highest": 60}


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        (INT, INT, 40),
        (INT, {**INT, "highest": 90}, 40),
        (INT, {**INT, "highest": 30}, 20),
        (INT, {"default": 20, "choices": (20, 40)}, 40),
        (INT, {"default": 20, "choices": (20, 30)}, 20),
        (INT, {"default": 2.5, "lowest": 1, "highest": 90}, 40),
        ({**INT, "default": 20.5}, INT, 20),
    ],
)
def test_a_value_stays_while_its_parameter_allows_it(box, before, after, value):
    box.show([Parameter(name="n", **before)])
    box.controls["n"].value = 40
    box.show([Parameter(name="n", **after)])
    assert box.values == {"n": value}


def test_defaults_come_back_by_a_button_that_is_there_when_it_is_needed(told):
    heard = []
    box = ParameterBox(lambda: heard.append(box.values), told.append)
    declared = [Parameter(name="n", **INT), Parameter(name="k", default=1.5, lowest=1, highest=2)]
    box.show(declared)
    assert box.defaults not in box.children
    box.controls["n"].value = 40
    box.show(declared)
    assert box.children[-1] is box.defaults
    heard.clear()
    box.defaults.click()
    box.show(declared)
    assert box.values == {"n": 20, "k": 1.5}
    assert heard == [{"n": 20, "k": 1.5}]  # one change, not one per control
    assert box.defaults not in box.children


@pytest.mark.parametrize(
    ("given", "value", "said"),
    [
        ({"n": 40}, 40, []),
        ({"n": 41.0}, 41, []),
        ({}, 20, []),
        ({"n": 900}, 20, ["parameters: n = 900 is above its highest value, 60"]),
        ({"n": "x"}, 20, ["parameters: n = 'x' is not a finite number below 1e15"]),
        ({"n": float("nan")}, 20, ["parameters: n = nan is not a finite number below 1e15"]),
        ([1], 20, ["parameters: [1] is not a dict of names and numbers"]),
    ],
)
def test_values_are_restored_or_refused_by_name(box, given, value, said):
    box.show([Parameter(name="n", **INT)])
    assert list(box.restore(given)) == said
    assert box.values == {"n": value}


def test_a_value_waits_for_its_parameter(box):
    assert list(box.restore({"n": 40, "k": 7})) == []
    assert (box.values, box.kept, box.unclaimed()) == ({}, {"n": 40, "k": 7}, ["n", "k"])
    box.show([Parameter(name="n", **INT)])
    assert (box.values, box.unclaimed()) == ({"n": 40}, [])


def test_its_repr_is_short(box):
    assert repr(box) == "ParameterBox()"
    box.show([Parameter(name="n", **INT)])
    assert repr(box) == "ParameterBox(n=20)"


def test_a_control_that_is_gone_is_closed(told):
    box = ParameterBox(lambda: None, told.append)
    box.show([Parameter(name="n", default=5)])
    gone = box.controls["n"]
    box.show([Parameter(name="m", default=5)])
    assert [each.comm for each in (gone, gone.style, gone.layout)] == [None, None, None]
    assert box.controls["m"].comm is not None
