"""The batch loop, how a plan is run over bars, and where: ``jt.engines.threads(4)``."""

from jtscan.engines.places.where import dask, processes, sequential, threads

__all__ = ["dask", "processes", "sequential", "threads"]
