"""What must be the same here and where work is sent to, so that the bits are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

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
