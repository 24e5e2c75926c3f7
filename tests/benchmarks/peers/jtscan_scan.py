"""jtscan's own scan, by its public API; the engine, if one is named, is started once and kept."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

from formulas import EVERY_BAR, FORMULAS
from timed import main

import jtscan as jt


@cache
def started(text):
    """Start the engine "threads:2", "processes:2" or "dask:2"; the last with a cluster on this machine."""
    kind, _, count = text.partition(":")
    make = getattr(jt.engines, kind, None)
    if make is None:
        raise SystemExit("not there")
    return make(cluster(int(count)) if kind == "dask" else int(count))


def cluster(workers):
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise SystemExit("distributed is not installed") from None
    return Client(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))


def scan(data, name, engine, timeframe, last):
    where = {"data": data} if Path(data).is_dir() else {"prices": data, "columns": {"timestamp": "date"}}
    runs = {"engine": started(engine)} if engine else {}
    scanner = jt.Scanner(**where, timeframe=timeframe, **runs)
    result = scanner.scan(FORMULAS[name], progress=False, **({"last": last} if last else EVERY_BAR))
    return result.signals.matches.select("symbol", date="timestamp", close="close")


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--engine")
    words.add_argument("--timeframe", default="1d")
    words.add_argument("--last", type=int)
    main(scan, words)
