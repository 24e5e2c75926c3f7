"""jtscan's engine as a stream over a folder of files, one per symbol; nothing is kept but counts."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time

from formulas import FORMULAS
from timed import memory

import jtscan as jt

SHARES = (0.1, 0.5, 1.0)


def main(folder, scan):
    imported, started = memory("VmRSS"), time.perf_counter()
    prices = jt.DuckDBPriceRepository(prices=folder, timeframe=jt.Timeframe.M1, columns={"timestamp": "date"})
    job = jt.ProcessingJob(
        id=scan,
        symbols=prices.snapshot(jt.Timeframe.M1).symbols,
        timeframe=jt.Timeframe.M1,
        date_range=jt.DateRange(start=dt.date(1900, 1, 1)),
        formula=FORMULAS[scan],
    )
    due = [max(int(share * len(job.symbols)), 1) for share in SHARES]
    bars, matches, on_the_way = 0, 0, []
    for number, result in enumerate(jt.ProcessingEngine(prices, raise_internal=True).stream(job), start=1):
        bars += result.bars
        matches += result.matches.height
        on_the_way += [memory("VmRSS")] * due.count(number)
    print(json.dumps({
        "bars": bars, "symbols": len(job.symbols), "matches": matches, "seconds": time.perf_counter() - started,
        "imported": imported, "on the way": on_the_way, "peak": memory("VmHWM"),
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
