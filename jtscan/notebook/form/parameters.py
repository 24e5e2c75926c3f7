"""A control for each ``param(…)`` that a formula declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from jtscan.domain.formulas import check_parameters
from jtscan.errors import RequestError
from jtscan.formula.parameters import Parameter
from jtscan.notebook.closing import close_all
from jtscan.notebook.form.parts import button, named
from jtscan.notebook.showing import Tell, guarded

_FAR = 10**15 - 1


def control_of(parameter: Parameter, value: float) -> Any:
    """Make the control: a list for choices, a slider between two bounds, otherwise a field for a number."""
    look = {
        "description": parameter.label or parameter.name,
        "tooltip": str(replace(parameter, value=None)),
        "style": {"description_width": "initial"},
        "layout": {"width": "auto", "min_width": "150px", "margin": "2px 0"},
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

    def __init__(self, on_change: Callable[[], None], tell: Tell) -> None:
        self.controls: dict[str, Any] = {}
        self._declared: dict[str, Parameter] = {}
        self._waiting: dict[str, float] = {}  # values for parameters that are not declared yet
        self._laid: tuple[Any, ...] = ()
        self._quiet = False
        self._on_change, self._tell = on_change, tell
        self.defaults = button("defaults", "jt-link", "jt-defaults", press=guarded(self.reset, tell))
        super().__init__()
        named(self, "jt-parameters")

    @property
    def values(self) -> dict[str, float]:
        """The number in each control."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def kept(self) -> dict[str, float]:
        """The values, and those that wait for their parameter."""
        return {**self._waiting, **self.values}

    def show(self, parameters: Sequence[Parameter]) -> None:
        """Have exactly the controls of these parameters, in their order."""
        declared = {parameter.name: replace(parameter, value=None) for parameter in parameters}
        before = tuple(self.controls.values())
        if declared != self._declared or list(declared) != list(self._declared):
            made = {name: self._kept(parameter) or self._made(parameter) for name, parameter in declared.items()}
            self.controls, self._declared = made, declared
        self._waiting.clear()
        self._lay()
        for control in before:
            if control not in self.children:
                close_all(control)

    def begin(self, values: Mapping[str, float]) -> None:
        """Forget the controls: the formula is another one; these values wait for its parameters."""
        self.show(())
        self._waiting = dict(values)

    def reset(self) -> None:
        """Give every parameter its default."""
        self._set({name: parameter.default for name, parameter in self._declared.items()})

    def restore(self, values: object) -> Iterator[str]:
        """Take values by name; tell those that their parameters refuse.

        Without any parameter, as where the formula is wrong, they wait until they are declared.
        """
        try:
            numbers = check_parameters(values)  # type: ignore[arg-type]
        except RequestError as error:
            yield str(error)
            return
        known = {name: number for name, number in numbers.items() if name in self._declared}
        refused = {name: self._declared[name].refuses(number) for name, number in known.items()}
        if known:
            self._set({name: number for name, number in known.items() if refused[name] is None})
        yield from (f"parameters: {reason}" for reason in refused.values() if reason)
        self._waiting = {name: number for name, number in numbers.items() if name not in known}

    def unclaimed(self) -> list[str]:
        """Name the values that wait for their parameter."""
        return list(self._waiting)

    def _set(self, values: Mapping[str, float]) -> None:
        self._quiet = True
        try:
            for name, number in values.items():
                whole = _whole(self._declared[name]) and not self._declared[name].choices
                self.controls[name].value = int(number) if whole else number
        finally:
            self._quiet = False
        self._on_change()

    def _lay(self) -> None:
        changed = any(self.controls[name].value != each.default for name, each in self._declared.items())
        laid = (*self.controls.values(), *([self.defaults] if changed else []))
        if laid != self._laid:
            self.children = self._laid = laid

    def _kept(self, parameter: Parameter) -> Any:
        return self.controls[parameter.name] if self._declared.get(parameter.name) == parameter else None

    def _made(self, parameter: Parameter) -> Any:
        earlier = self.kept.get(parameter.name, parameter.default)
        usable = isinstance(earlier, int) or not _whole(parameter)
        value = earlier if usable and parameter.refuses(earlier) is None else parameter.default
        control = control_of(parameter, value)
        control.add_class(f"jt-param-{parameter.name}")
        control.observe(guarded(self._changed, self._tell), "value")
        return control

    def _changed(self) -> None:
        if not self._quiet:
            self._on_change()

    def __repr__(self) -> str:
        return f"ParameterBox({', '.join(f'{name}={value:g}' for name, value in self.values.items())})"
