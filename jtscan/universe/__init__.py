"""The universe of a scan: which symbols are asked, which were taken out, and what to warn of."""

from jtscan.universe.finding import find
from jtscan.universe.resolving import in_range, nothing_left, resolve
from jtscan.universe.unknown import unasked
from jtscan.universe.values import InRange, Universe

__all__ = ["InRange", "Universe", "find", "in_range", "nothing_left", "resolve", "unasked"]
