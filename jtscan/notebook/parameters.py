"""A control for each ``param(…)`` that a formula declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from jtscan.formula.parameters import Parameter

_FAR = 10**15 - 1


def control_of(parameter: Parameter, value: float) -> Any:
    """Make the control: a list for choices, a slider between two bounds, otherwise a field for a number."""
    look = {
        "description": parameter.label or parameter.name,
        "tooltip": str(replace(parameter, value=None)),
        "style": {"description_width": "initial"},
        "layout": {"width": "auto", "min_width": "150px", "margin": "2px 18px 2px 2px"},
    }
    if parameter.choices:
        return widgets.Dropdown(options=[(f"{each:g}", each) for each in parameter.choices], value=value, **look)
    return _number(parameter, value, look)


def _number(parameter: Parameter, value: float, look: dict[str, Any]) -> Any:
    low, high = parameter.lowest, parameter.highest
    bounds = {"min": -_FAR if low is None else low, "max": _FAR if high is None else high, "step": _step(parameter)}
    if low is None or high is None:
        kind = widgets.BoundedIntText if _whole(parameter) else widgets.BoundedFloatText
        return kind(value=value, **bounds, **look)
    kind = widgets.IntSlider if _whole(parameter) else widgets.FloatSlider
    look["layout"] = {**look["layout"], "min_width": "280px"}
    decimals = max(map(_decimals, (bounds["step"], parameter.default)))
    return kind(value=value, readout_format=f".{decimals}f", continuous_update=False, **bounds, **look)


def _decimals(number: float) -> int:
    return len(f"{number:.6f}".rstrip("0").partition(".")[2])


def _whole(parameter: Parameter) -> bool:
    numbers = (parameter.default, parameter.lowest, parameter.highest, parameter.step)
    return not any(isinstance(number, float) for number in numbers)


def _step(parameter: Parameter) -> float:
    if parameter.step is not None or _whole(parameter):
        return parameter.step or 1
    if parameter.lowest is None or parameter.highest is None or parameter.lowest == parameter.highest:
        return 0.1
    return float(10.0 ** math.floor(math.log10((parameter.highest - parameter.lowest) / 20)))


class ParameterBox(widgets.HBox):  # type: ignore[misc]
    """The controls of a formula's parameters; a value stays while its parameter allows it."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.controls: dict[str, Any] = {}
        self._declared: dict[str, Parameter] = {}
        self._on_change = on_change
        super().__init__(layout={"flex_flow": "row wrap"})

    @property
    def values(self) -> dict[str, float]:
        """The number in each control."""
        return {name: control.value for name, control in self.controls.items()}

    def show(self, parameters: Sequence[Parameter]) -> None:
        """Have exactly the controls of these parameters, in their order."""
        declared = {parameter.name: replace(parameter, value=None) for parameter in parameters}
        if declared == self._declared and list(declared) == list(self._declared):
            return
        self.controls = {name: self._kept(parameter) or self._made(parameter) for name, parameter in declared.items()}
        self._declared = declared
        self.children = tuple(self.controls.values())

    def _kept(self, parameter: Parameter) -> Any:
        return self.controls[parameter.name] if self._declared.get(parameter.name) == parameter else None

    def _made(self, parameter: Parameter) -> Any:
        earlier = self.controls[parameter.name].value if parameter.name in self.controls else parameter.default
        usable = isinstance(earlier, int) or not _whole(parameter)
        value = earlier if usable and parameter.refuses(earlier) is None else parameter.default
        control = control_of(parameter, value)
        control.add_class(f"jt-param-{parameter.name}")
        control.observe(lambda _change: self._on_change(), "value")
        return control

    def __repr__(self) -> str:
        return f"ParameterBox({', '.join(f'{name}={value:g}' for name, value in self.values.items())})"
