"""The catalog that a store keeps: what a pass over its prices would give, in every version, and without the pass."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import Counts
from jtscan.market import catalog as catalog_module
from jtscan.market.catalog import make_catalog
from jtscan.market.duck import Duck
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.store import catalogs
from jtscan.market.store.writing import writing

D1 = Timeframe.D1


def row(symbol, day, close=10, volume=100):
    return f"{symbol},2024-01-{day:02},{close},{close + 2},{close - 2},{close},{volume}"


FIRST = [*(row(symbol, day) for symbol in "BAC" for day in range(1, 9)), "A,2024-01-09,0,0,0,10,0", "B,2024-01-10,1,2,0,x,1"]  # fmt: skip


def made_anew(root, version=None, timeframe=D1):
    paths = [root / file.path for file in jt.Store(root, version=version).manifest.of("bars", timeframe)]
    return make_catalog(Duck(paths), paths, timeframe, {})


def opened(root, version=None, timeframe=D1):
    return DuckDBPriceRepository(root, version=version).snapshot(timeframe)


def assert_same(catalog, other):
    entries = (each.entries.sort("file", "symbol") for each in (catalog, other))
    assert_frame_equal(*entries)
    for name in ("files", "columns", "problems", "rowless", "notes", "lost", "whole"):
        assert getattr(catalog, name) == getattr(other, name), name


def appended(desk):
    desk.rows(row("A", 11), row("D", 11), row("C", 12))


def corrected(desk):
    desk.rows(row("B", 3, 11), row("A", 5, 12))


def of_more_columns(desk):
    desk.rows(row("A", 13) + ",7.5", header="symbol,date,open,high,low,close,volume,per")


def without_volume(desk):
    desk.rows("E,2024-01-02,10,12,8,10", header="symbol,date,open,high,low,close")


def laid_anew(desk):
    desk.store.compact()


def taken_back(desk):
    desk.store.restore(1)


def many_days(desk):
    for day in range(14, 24):
        desk.rows(row("A", day), row("B", day))


def of_symbols(desk):
    jt.ingest(None, desk.root, symbols=pl.DataFrame({"symbol": ["A"], "name": ["Alpha"]}))


STEPS = [appended, corrected, of_more_columns, without_volume, many_days, of_symbols, laid_anew, taken_back]


def test_a_version_has_the_catalog_of_its_files_whatever_made_it(desk, monkeypatch):
    desk.rows(*FIRST)
    for step in [None, *STEPS, appended]:
        if step is not None:
            step(desk)
        anew = made_anew(desk.root)
        with monkeypatch.context() as patch:
            patch.setattr(catalogs, "make_catalog", None)
            assert_same(opened(desk.root).catalog, anew)
    for version in range(1, desk.store.manifest.number + 1):
        if version in set(desk.store.history().filter("can_be_opened")["version"]):
            assert_same(opened(desk.root, version).catalog, made_anew(desk.root, version))
    assert desk.store.verify().whole


def test_timeframes_have_their_own(desk):
    desk.rows(*FIRST)
    desk.ingest(desk.csv(*(f"A,2024-01-02 09:{minute:02},10,12,8,10,1" for minute in range(0, 60, 5))), timeframe="5m")
    for timeframe in (D1, Timeframe("5m")):
        assert_same(opened(desk.root, timeframe=timeframe).catalog, made_anew(desk.root, timeframe=timeframe))


def test_files_that_the_version_before_had_are_not_read_again(desk, monkeypatch):
    desk.rows(*FIRST)
    counted, count = [], catalog_module._count
    monkeypatch.setattr(
        catalog_module, "_count", lambda duck, group, *rest: (counted.extend(group), count(duck, group, *rest))[1]
    )
    appended(desk)
    assert len(desk.store.manifest.of("bars", D1)) == 2
    assert [file.path.name[:7] for file in counted] == ["v000002"]


def read(root):
    snapshot = opened(root)
    return snapshot.read(snapshot.symbols, ["close", "volume"], ReadWindow()).frame.sort("symbol", "timestamp")


def removed(path):
    path.unlink()


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-10])


def flipped(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 4
    path.write_bytes(raw)


@pytest.mark.parametrize("damage", [removed, cut_off, flipped])
def test_a_damaged_catalog_costs_a_pass_and_nothing_else(damage, desk):
    desk.rows(*FIRST)
    whole = read(desk.root)
    (kept,) = desk.store.manifest.of("catalog", D1)
    damage(desk.root / kept.path)
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    assert_frame_equal(read(desk.root), whole)
    assert desk.store.verify().problems["file"].to_list() == [kept.path]
    appended(desk)
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    assert desk.store.manifest.of("catalog", D1) != [kept]


def test_a_catalog_of_a_jtscan_that_counts_otherwise_is_made_anew(desk, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(catalogs, "_KEY", "jtscan.catalog 0")
        desk.rows(*FIRST)
    made = []
    monkeypatch.setattr(catalogs, "make_catalog", lambda *given, **more: made.append(1) or make_catalog(*given, **more))
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    assert made == [1]
    appended(desk)
    made.clear()
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    assert made == []


def test_a_store_of_before_has_none_until_the_next_ingest(desk, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("jtscan.market.store.writing.keep_catalogs", lambda _: None)
        desk.rows(*FIRST)
    assert desk.store.manifest.of("catalog", D1) == []
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    appended(desk)
    assert_same(opened(desk.root).catalog, made_anew(desk.root))
    assert len(desk.store.manifest.of("catalog", D1)) == 1


def test_bars_that_cannot_be_used_have_none(tmp_path):
    nobody = pl.DataFrame({"symbol": [None], "timestamp": [None], "close": [1.0]}, schema={"symbol": pl.String, "timestamp": pl.Date, "close": pl.Float64})  # fmt: skip
    with writing(tmp_path) as draft:
        draft.add("bars", D1, nobody)
        manifest = draft.commit("ingest", timeframe=D1, sources="x", counts=Counts(bars=1))
    assert manifest.of("catalog", D1) == []
