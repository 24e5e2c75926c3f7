"""The universe of a scan: which symbols are asked, which were taken out, and what to warn of."""

from jtscan.universe.finding import find
from jtscan.universe.resolving import nothing_left, resolve
from jtscan.universe.unknown import unasked
from jtscan.universe.values import Universe

__all__ = ["Universe", "find", "nothing_left", "resolve", "unasked"]
