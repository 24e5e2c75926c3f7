"""Readers beside a writer."""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

import jtscan
from faults_kit.contents import faults_of
from faults_kit.invented import FIRST_DAY, clean_bars
from faults_kit.processes import say, start, wait_for
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.market.intake import ingesting
from jtscan.market.intake.ingesting import ingest
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store.reading import current
from jtscan.market.store.sweeping import sweep

READ_SYMBOLS, READ_DAYS = 40, 60


def write_on(root):
    """Append a day and correct the first one, in turn, until standard input ends; sweep as any ingest does."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    swept = []

    def sweep_soon(place, newest):
        swept.extend(sweep(place, newest, keep=5, grace=dt.timedelta(seconds=10)))

    ingesting.sweep = sweep_soon
    say("writing")
    number = current(root).number
    while not ended.is_set():
        number += 1
        last, _ = expected(number)
        rows = (
            clean_bars(1, symbols=READ_SYMBOLS, first=last)
            if number % 2 == 0
            else clean_bars(1, symbols=READ_SYMBOLS, volume=number)
        )
        ingest(rows, root)
    say(json.dumps({"versions": number, "swept": len(swept)}))


def expected(number):
    """What version ``number`` shows: its last day, and the volume of every symbol's first day."""
    return READ_DAYS - 1 + number // 2, float(number - 1 + number % 2)


def read_on(root, count, threads, seed):
    """Read so many times in some threads, and say what was seen."""
    repository, scanner = DuckDBPriceRepository(root), jtscan.Scanner(root)
    seen, faults = Counter(), []

    def read_some(part):
        dice = random.Random(seed * 101 + part)
        for turn in range(part, count, threads):
            chosen = dice.sample([f"S{number:04}" for number in range(READ_SYMBOLS)], 5)
            try:
                number = _scan(scanner, chosen) if turn % 50 == 0 else _read(repository, chosen)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted as a failed read
                faults.append(f"{type(error).__name__}: {error}")
            else:
                seen[number] += 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read_some, range(threads)))
    say(json.dumps({"reads": seen.total(), "versions": sorted(seen), "faults": faults}))


def _read(repository, symbols):
    snapshot = repository.snapshot(Timeframe.D1)
    frame = snapshot.read(symbols, ["volume"], ReadWindow()).frame
    number = _number(snapshot.version)
    last, marker = expected(number)
    found = frame.group_by("symbol").agg(
        pl.len(), pl.col("timestamp").max(), pl.col("volume").first().alias("marker"), pl.col("volume").last()
    )
    alike = (last + 1, FIRST_DAY + dt.timedelta(days=last), marker, 1000.0)
    wrong = found.rows() != [(each, *alike) for each in found["symbol"]] or set(found["symbol"]) != set(symbols)
    if wrong:
        raise AssertionError(f"version {number} should have {alike} of {symbols}: {found.rows()}")
    return number


def _scan(scanner, symbols):
    result = scanner.scan("close > 0", symbols=symbols, last=1)
    number = _number(result.data_version)
    last, _ = expected(number)
    found = result.signals.matches.select("symbol", "timestamp").sort("symbol").rows()
    if found != [(symbol, FIRST_DAY + dt.timedelta(days=last)) for symbol in sorted(symbols)]:
        raise AssertionError(f"version {number} should end on day {last}: {found}")
    return number


def _number(version):
    return int(version.split("-")[0].removeprefix("v"))


@dataclass(frozen=True)
class Reads:
    """What readers saw while a writer made versions."""

    reads: int
    made: int
    seen: int
    swept: int
    faults: list[str]


def read_many(folder, count, *, processes=2, threads=2):
    """Read so many times, in several processes and threads, while another process ingests."""
    root = folder / "read"
    ingest(clean_bars(READ_DAYS, symbols=READ_SYMBOLS, volume=1000.0), root)
    ingest(clean_bars(1, symbols=READ_SYMBOLS, first=READ_DAYS), root)
    ingest(clean_bars(1, symbols=READ_SYMBOLS, volume=3.0), root)
    writer = start("write", root)
    assert wait_for(writer, "writing")
    readers = [start("read", root, count // processes, threads, seed) for seed in range(processes)]
    told = [json.loads(reader.communicate()[0]) for reader in readers]
    made = json.loads(writer.communicate()[0])
    seen = set().union(*(each["versions"] for each in told))
    return Reads(
        reads=sum(each["reads"] for each in told),
        made=made["versions"] - 3,
        seen=len(seen),
        swept=made["swept"],
        faults=[fault for each in told for fault in each["faults"]] + faults_of(root),
    )
