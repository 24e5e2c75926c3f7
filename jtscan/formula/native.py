"""TA-Lib's C functions on numpy views of a chunk: indicators for a third of what an expression costs.

The expressions of polars-talib stay the reference, which a symbol alone is
computed by; both call the same C code, and their bits are the same. What
cannot be held equal is left to the reference: candle patterns, whose settings
the ``talib`` package does not tell, and everything while somebody has changed
TA-Lib's settings for the whole process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from jtscan.formula.talib import TalibCall, signature

if TYPE_CHECKING:  # numpy and talib are imported by the first scan, not with jtscan
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

_PATTERNS = "cdl"
_RUNNING = {"highest_yet": "maximum", "lowest_yet": "minimum"}
_NO_SETTINGS = frozenset({"NONE", "ALL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """One output of a C function.

    ``name`` is TA-Lib's, or that of a ufunc of numpy that is accumulated;
    ``output`` the position of the output among several, None = the only one.
    """

    name: str
    parameters: tuple[float, ...] = ()
    output: int | None = None


def native(op: str, call: object) -> Native | None:
    """Find the C function of an indicator; None where only its expression can be used."""
    if op in _RUNNING:
        return Native(name=_RUNNING[op])
    if not isinstance(call, TalibCall) or call.name.startswith(_PATTERNS):
        return None
    known, given = signature(call.name), dict(call.options)
    return Native(
        name=call.name.upper(),
        parameters=tuple(_number(given.get(name, default)) for name, default in known.parameters),
        output=None if call.output is None else known.outputs.index(call.output),
    )


def _number(given: float) -> float:
    """Write a whole number as one: talib takes it for lengths and real numbers alike."""
    return int(given) if float(given).is_integer() else given


def is_plain() -> bool:
    """Whether TA-Lib's settings, which are the process's and not ours, are as they were at the start."""
    library = _library()
    settings = (name for name in library._ta_func_unst_ids if name not in _NO_SETTINGS)  # noqa: SLF001 - nothing public
    return not library._ta_get_compatibility() and not any(map(library._ta_get_unstable_period, settings))  # noqa: SLF001


def view(values: pl.Series) -> Array:
    """Look at a column of numbers; what is unknown is NaN. Nobody may write to it."""
    return (values.fill_null(float("nan")) if values.null_count() else values).to_numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The C functions that give some outputs, each called once: function, parameters, outputs.

    An output is the row that it is written to, its position, and its lookback.
    """

    calls: Sequence[tuple[Callable[..., Any], tuple[float, ...], Sequence[tuple[int, int | None, int]]]]

    @classmethod
    def of(cls, outputs: Sequence[tuple[Native, int]]) -> Calls:
        """Put together what one call gives, of outputs and their lookbacks; rows are their places among them."""
        wanted: dict[tuple[str, tuple[float, ...]], list[tuple[int, int | None, int]]] = {}
        for row, (each, lookback) in enumerate(outputs):
            wanted.setdefault((each.name, each.parameters), []).append((row, each.output, lookback))
        return cls(calls=[(_function(name), given, rows) for (name, given), rows in wanted.items()])

    def write(self, block: Array, inputs: Sequence[Array], start: int, end: int) -> None:
        """Compute one run of known bars, and write it to its stretch of each row; what is unknown is NaN."""
        bars = [each[start:end] for each in inputs]
        for function, parameters, outputs in self.calls:
            made = function(*bars, *parameters)
            for row, position, lookback in outputs:
                values = made if position is None else made[position]
                block[row, start:end] = values
                if values.dtype != block.dtype:  # among whole numbers what is unknown is 0
                    block[row, start : start + lookback] = math.nan


@cache
def _library() -> Any:
    from talib import _ta_lib  # noqa: PLC0415 - see above

    return _ta_lib


@cache
def _function(name: str) -> Callable[..., Any]:
    """Take the C function itself, out of the wrapper that looks for pandas and Polars at each call."""
    import numpy as np  # noqa: PLC0415 - see above

    if name in _RUNNING.values():
        return getattr(np, name).accumulate  # type: ignore[no-any-return]
    made = getattr(_library(), name)
    return getattr(made, "__wrapped__", made)  # type: ignore[no-any-return]
