"""jtscan's own scan, by its public API; the scanner is opened anew each time, unless it is to be kept."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import talib  # noqa: F401 - jtscan does at the first scan what the others do at their top
from formulas import EVERY_BAR, FORMULAS
from timed import main

import jtscan as jt


def opened(data, timeframe, engine):
    where = {"data": data} if Path(data).is_dir() else {"prices": data, "columns": {"timestamp": "date"}}
    return jt.Scanner(**where, timeframe=timeframe, **({"engine": made(engine)} if engine else {}))


def made(engine):
    """Read "threads:2", "processes:2" or "dask:2"; the last is a cluster on this machine."""
    kind, _, count = engine.partition(":")
    make = getattr(jt.engines, kind, None)
    if make is None:
        raise SystemExit("not there")
    return make(cluster(int(count)) if kind == "dask" else int(count))


@cache
def cluster(workers):
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise SystemExit("distributed is not installed") from None
    return Client(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))


KEPT = cache(opened)


def scan(data, name, engine, timeframe, last, *, keep):
    scanner = (KEPT if keep else opened)(data, timeframe, engine)
    result = scanner.scan(FORMULAS[name], progress=False, **({"last": last} if last else EVERY_BAR))
    if engine and not keep:
        scanner.close()
    return result.signals.matches.select("symbol", date="timestamp", close="close")


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--engine")
    words.add_argument("--keep", action="store_true")
    words.add_argument("--timeframe", default="1d")
    words.add_argument("--last", type=int)
    main(scan, words)
