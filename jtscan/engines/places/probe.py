"""What must be the same here and where work is sent to, so that the bits are."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jtscan.errors import first_line
from jtscan.formula import OwnFunction
from jtscan.ports import IPriceSnapshot

_PACKAGES = ("jtscan", "polars", "polars-talib", "duckdb", "numpy", "ta-lib")
_NONE = "not installed"


@cache
def versions() -> Mapping[str, str]:
    """Tell the versions that matter in this process; Python by its minor version, which pickles depend on."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = _NONE
    return found


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Name what differs; nothing where nothing does."""
    names = [name for name in {**here, **there} if here.get(name, _NONE) != there.get(name, _NONE)]
    told = (f"{name} is {here.get(name, _NONE)} here and {there.get(name, _NONE)} there" for name in names)
    return f"a worker differs: {'; '.join(told)}. Install the same versions on both sides" if names else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A user's function by the place where it can be imported."""

    module: str
    qualified: str
    name: str

    def found(self) -> OwnFunction:
        """Import it; raises ImportError where it is not there."""
        there: Any = import_module(self.module)
        for each in self.qualified.split("."):
            there = getattr(there, each, None)
        if not isinstance(there, OwnFunction) or there.name != self.name:
            raise ImportError(f"{self.module}.{self.qualified} is no function of jt.function called {self.name}")
        return there


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a worker has: its versions, which functions are not there, and how price files differ there."""

    versions: Mapping[str, str]
    missing: Sequence[str] = ()
    unseen: Sequence[str] = ()


def probe(here: Mapping[str, str], functions: Sequence[Named], prices: bytes) -> Found:
    """Look around, where work is sent to; what is pickled is touched only where the versions are those of here."""
    if differences(here, versions()):
        return Found(versions=versions())
    missing = []
    for each in functions:
        try:
            each.found()
        except Exception as error:  # noqa: BLE001 - a module of a user's own may raise anything
            missing.append(f"{each.module}.{each.qualified} ({type(error).__name__}: {first_line(error)})")
    snapshot: IPriceSnapshot = pickle.loads(prices)  # noqa: S301 - from the process that scans
    return Found(versions=versions(), missing=missing, unseen=tuple(snapshot.changed))
