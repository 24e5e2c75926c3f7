"""The engine's speed and memory, beside what a user would otherwise write: all tables by one command.

    python tests/benchmarks/engine.py [--data FOLDER] [--rounds 7] [--tables a,b] [--vectorbt PYTHON] [--save FILE.json]

split       where the time of a scan goes
peers       S1 and S2 beside seven other ways to write them
shapes      many short symbols, few long ones, beside the plain loop
growth      300 to 30,000 symbols
last_day    the newest bar alone, from a file and from a store
overhead    use case, aggregation and account; progress and logs
engines     sequential, threads, processes, a Dask cluster on this machine
memory      a stream over a billion minute bars: many minutes, only if asked for; ``--bars`` makes it shorter

Prices are invented, and kept in FOLDER for the next run. A machine that does
nothing else is asked for: figures move by a third from run to run, so read
ratios. ``--small --rounds 1`` only shows that everything runs. The peers need
the extra ``pandas``; vectorbt an environment of its own, with ``pip install
vectorbt ta-lib pyarrow``, whose Python is named by ``--vectorbt`` or VBT_PYTHON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine_tables.memory import memory
from engine_tables.overhead import overhead
from engine_tables.peers import peers, shapes
from engine_tables.ranges import engines, growth, last_day
from engine_tables.rounds import Setting
from engine_tables.split import split

import jtscan

TABLES = {each.__name__: each for each in (split, peers, shapes, growth, last_day, overhead, engines, memory)}
PACKAGES = ("polars", "polars-talib", "duckdb", "numpy", "ta-lib", "pandas", "distributed")
BUSY = 0.5


def machine():
    load = os.getloadavg()[0]
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "load before": round(load, 2),
        "Python": platform.python_version(),
        "jtscan": f"{jtscan.__version__} in {Path(jtscan.__file__).parent}",
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "jtscan-benchmarks")
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--tables", default=",".join(name for name in TABLES if name != "memory"))
    words.add_argument("--vectorbt", metavar="PYTHON", default=os.environ.get("VBT_PYTHON"))
    words.add_argument("--bars", type=int, default=Setting.bars, help="of the table memory")
    words.add_argument("--small", action="store_true", help="a hundredth of the bars")
    words.add_argument("--save", type=Path)
    given = words.parse_args()
    asked = given.tables.replace(" ", "_").split(",")
    unknown = set(asked) - set(TABLES)
    if unknown:
        words.error(f"--tables: {', '.join(unknown)}; there are: {', '.join(TABLES)}")
    given.data.mkdir(parents=True, exist_ok=True)
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if facts["load before"] > BUSY:
        print("The machine is busy: only ratios of neighbours mean something, and they less than usual.")
    setting = Setting(
        folder=given.data, rounds=given.rounds, small=given.small, vectorbt=given.vectorbt, bars=given.bars
    )
    tables = []
    for name in asked:
        for table in TABLES[name](setting):
            print(f"\n{table}", flush=True)
            tables.append(asdict(table))
            if given.save:
                given.save.write_text(json.dumps({"machine": facts, "tables": tables}, indent=1))


if __name__ == "__main__":
    main()
