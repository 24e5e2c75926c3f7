"""Loose files are looked at once in a process, however often they are opened; changed ones again."""

from __future__ import annotations

import datetime as dt
import os

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.dates import Timeframe
from jtscan.market import prices as module
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.recent import RecentSnapshots


@pytest.fixture
def looked(monkeypatch):
    """The files of each look."""
    seen, look = [], module.make_catalog
    monkeypatch.setattr(module, "_RECENT", RecentSnapshots(most=3))
    monkeypatch.setattr(
        module, "make_catalog", lambda *given, paths, **more: (seen.append([path.name for path in paths]), look(*given, paths=paths, **more))[1]
    )  # fmt: skip
    return seen


def write(path, *symbols, close=1.0, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"symbol": symbols, "timestamp": dt.date(2024, 1, 1), "close": close, **more}).write_parquet(path)
    return path


def symbols(prices, **options):
    return DuckDBPriceRepository(prices=prices, **options).snapshot(options.get("timeframe", Timeframe.D1)).symbols


def test_files_are_looked_at_once(tmp_path, looked):
    path = write(tmp_path / "p.parquet", "A", "B")
    for _ in range(3):
        assert jt.Scanner(prices=path).scan("close > 0").signals.total_matches == 2
    assert symbols(tmp_path) == symbols(str(path)) == ["A", "B"]
    assert looked == [["p.parquet"]]


def test_a_changed_file_is_looked_at_again(tmp_path, looked):
    path = write(tmp_path / "p.parquet", "A")
    assert symbols(path) == ["A"]
    write(path, "B")
    os.utime(path, ns=(1, 1))
    assert symbols(path) == ["B"]
    write(tmp_path / "q.parquet", "C")
    assert symbols(tmp_path) == ["B", "C"]
    assert looked == [["p.parquet"], ["p.parquet"], ["p.parquet", "q.parquet"]]


def test_other_columns_and_timeframes_are_other_snapshots(tmp_path, looked):
    path = write(tmp_path / "p.parquet", "A", code="Z")
    assert symbols(path) == ["A"]
    assert symbols(path, columns={"symbol": "code"}) == ["Z"]
    assert symbols(path, timeframe=Timeframe.W1) == ["A"]
    assert len(looked) == 3


def test_a_folder_of_data_and_its_files_are_two(tmp_path, looked):
    """One knows other timeframes, the other does not."""
    write(tmp_path / "prices/1d/p.parquet", "A")
    write(tmp_path / "prices/1w/p.parquet", "B")
    folder, files = DuckDBPriceRepository(tmp_path), DuckDBPriceRepository(prices=tmp_path / "prices/1d")
    reasons = [each.snapshot(Timeframe.D1)._why_absent(["B"])["B"] for each in (folder, files)]
    assert reasons == ["it is not in the 1d prices; it has 1w", "it is not in the prices"]


def test_a_relative_path_is_one_of_its_folder(tmp_path, looked, monkeypatch):
    for name in ("x", "y"):
        write(tmp_path / name / "p.parquet", name)
        os.utime(tmp_path / name / "p.parquet", ns=(1, 1))
        monkeypatch.chdir(tmp_path / name)
        assert symbols("p.parquet") == [name]
    assert len(looked) == 2


def test_who_names_a_file_from_the_root_does_not_depend_on_the_folder_of_work(tmp_path, looked, monkeypatch):
    path = write(tmp_path / "x/p.parquet", "A")
    monkeypatch.chdir(tmp_path)
    jt.Scanner(prices="x/p.parquet")
    monkeypatch.chdir(tmp_path / "x")
    assert jt.Scanner(prices=path).scan("close > 0").signals.total_matches == 1


def test_only_a_few_are_kept_and_those_used_last(tmp_path, looked):
    paths = [write(tmp_path / f"{name}.parquet", name) for name in "ABCD"]
    for number in (0, 1, 2, 0, 3, 0, 1):
        symbols(paths[number])
    assert [names[0][0] for names in looked] == ["A", "B", "C", "D", "B"]
    assert len(module._RECENT) == 3


def test_large_ones_make_room_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_RECENT", RecentSnapshots(most_entries=2))
    for name in ("1", "2", "3"):
        symbols(write(tmp_path / f"{name}.parquet", *"ABC"[: int(name) + 1]))
    assert len(module._RECENT) == 1
