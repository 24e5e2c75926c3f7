"""Which version counts, older ones by their number, and a store as scans read it."""

from __future__ import annotations

import datetime as dt
import shutil

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.store.reading import at_version, current, is_store, kept


def row(day, close=10, symbol="A"):
    return f"{symbol},2024-01-{day:02},10,60,8,{close},100"


@pytest.fixture(scope="module")
def made(new_desk):
    """Version 1 has one bar, 2 two of them, 3 the first one corrected."""
    desk = new_desk()
    desk.rows(row(2))
    desk.rows(row(3, 11))
    desk.rows(row(2, 12))
    return desk.root


@pytest.fixture
def three(made, desk):
    shutil.copytree(made, desk.root)
    return desk


def closes_at(desk, number):
    store = jt.Store(desk.root, version=number)
    parts = [pl.read_parquet(desk.root / file.path) for file in store.manifest.of("bars", jt.Timeframe.D1)]
    return pl.concat(parts).sort("timestamp")["close"].to_list()


def read(repository, symbols=("A",)):
    snapshot = repository.snapshot(jt.Timeframe.D1)
    return snapshot.read(list(symbols), ["close"], jt.domain.bars.ReadWindow())


def test_a_folder_without_a_store_is_none(tmp_path):
    assert not is_store(tmp_path)
    assert current(tmp_path).number == 0
    with pytest.raises(
        jt.StoreError, match="no ingest has written there; jtscan ingest SOURCE --into DIR makes a store"
    ):
        jt.Store(tmp_path)


def test_versions_are_opened_by_number(three):
    assert kept(three.root) == [1, 2, 3]
    assert [closes_at(three, number) for number in (1, 2, 3)] == [[10], [10, 11], [12, 11]]
    assert jt.Store(three.root).manifest == jt.Store(three.root, version=3).manifest
    with pytest.raises(jt.StoreError, match="there is no version 9; those that can be opened: 1, 2, 3"):
        jt.Store(three.root, version=9)


def test_prices_are_read_of_a_version_by_number(three):
    for number, closes in ((1, [10]), (2, [10, 11]), (3, [12, 11]), (None, [12, 11])):
        repository = jt.DuckDBPriceRepository(three.root, version=number)
        assert read(repository).frame["close"].to_list() == closes


def test_a_swept_version_is_refused_and_the_others_named(three):
    three.store.sweep(keep=1, grace=dt.timedelta(0))
    for opened in (jt.Store, jt.DuckDBPriceRepository):
        with pytest.raises(jt.StoreError, match="there is no version 1; those that can be opened: 3"):
            opened(three.root, version=1)
    assert closes_at(three, 3) == [12, 11]


def test_a_missing_manifest_beside_older_ones_is_damage_and_an_older_version_opens(three):
    (three.root / "manifest.json").unlink()
    with pytest.raises(
        jt.StoreError,
        match="manifest.json: the manifest cannot be read: No such file or directory; older versions are in manifests/",
    ):
        _ = three.store.version
    with pytest.raises(jt.StoreError, match="the manifest cannot be read"):
        three.rows(row(4))
    assert closes_at(three, 2) == [10, 11]


def test_a_damaged_manifest_refuses_readers_and_writers_and_an_older_version_opens(three):
    (three.root / "manifest.json").write_bytes(b"{}")
    with pytest.raises(jt.StoreError, match="an older version is kept in manifests/ and can be opened by its number"):
        jt.Scanner(three.root).scan("close > 1")
    with pytest.raises(jt.StoreError, match="the manifest is damaged"):
        three.rows(row(4))
    assert closes_at(three, 2) == [10, 11]
    assert read(jt.DuckDBPriceRepository(three.root, version=2)).frame["close"].to_list() == [10, 11]


def test_a_numbered_manifest_that_never_came_to_count_is_not_listed(desk):
    desk.rows(row(2))
    older = (desk.root / "manifest.json").read_bytes()
    desk.rows(row(3))
    (desk.root / "manifest.json").write_bytes(older)  # as if killed between the two renames
    assert kept(desk.root) == [1]
    with pytest.raises(jt.StoreError, match="there is no version 2"):
        at_version(desk.root, 2)
    desk.rows(row(4, 12))
    assert desk.closes() == {"A 2024-01-02": 10.0, "A 2024-01-04": 12.0}


# ---- Scans


def scan(scanner, formula="close > 0", **options):
    return scanner.scan(formula, start="2024-01-01", end="2024-01-31", **options)


def outcome(result, symbol):
    return result.outcomes.filter(symbol=symbol).row(0, named=True)


def test_a_scan_counts_halts_and_quarantined_rows_and_records_the_version(desk):
    desk.rows(row(2), "A,2024-01-03,0,0,0,10,0", "A,2024-01-04,10,12,8,x,1", row(5), row(2, symbol="B"), "H,2024-01-02,0,0,0,10,0", "H,2024-01-03,0,0,0,10,0", "Q,2024-01-02,1,1,1,-1,1")  # fmt: skip
    result = scan(jt.Scanner(desk.root, raise_internal=True))
    assert result.data_version == desk.store.version
    a = outcome(result, "A")
    assert (a["status"], a["bars"], a["halts"], a["set_aside"]) == ("matched", 2, 1, 1)
    assert (outcome(result, "B")["halts"], outcome(result, "B")["set_aside"]) == (0, 0)
    h, q = outcome(result, "H"), outcome(result, "Q")
    assert (h["status"], h["error"]) == ("no_data", "no row of it is a bar: 2 halts")
    assert (q["status"], q["error"]) == ("no_data", "no row of it is a bar: 1 rows in quarantine")
    assert result.account["symbols"].sum() == 4


def test_halts_outside_the_range_are_not_counted(desk):
    desk.rows(row(2), "A,2024-01-03,0,0,0,10,0", row(4), "A,2024-01-05,0,0,0,10,0")
    scanner = jt.Scanner(desk.root, raise_internal=True)
    result = scanner.scan("close > 0", start="2024-01-04", end="2024-01-04")
    assert outcome(result, "A")["halts"] == 0
    assert outcome(scan(scanner), "A")["halts"] == 2


def test_halts_of_the_last_day_of_minutes_are_counted(desk):
    moments = [dt.datetime(2024, 1, 2, 9, minute) for minute in (0, 1)]
    prices = {name: [10.0, 0.0] for name in ("open", "high", "low")}
    desk.ingest(pl.DataFrame({"symbol": "A", "timestamp": moments, **prices, "close": 10.0}), timeframe="1m")
    result = jt.Scanner(desk.root, timeframe="1m", raise_internal=True).scan(
        "close > 0", start="2024-01-02", end="2024-01-02"
    )
    assert (outcome(result, "A")["bars"], outcome(result, "A")["halts"]) == (1, 1)


def test_a_scanner_sees_what_was_ingested_after_it_was_made(desk):
    desk.rows(row(2))
    scanner = jt.Scanner(desk.root, raise_internal=True)
    before = scan(scanner)
    desk.rows(row(3, 11), row(2, symbol="B"))
    after = scan(scanner)
    assert (before.signals.total_matches, after.signals.total_matches) == (1, 3)
    assert before.data_version != after.data_version == desk.store.version


def test_a_snapshot_stays_as_it_was_while_the_store_goes_on(desk):
    desk.rows(row(2))
    snapshot = jt.DuckDBPriceRepository(desk.root).snapshot(jt.Timeframe.D1)
    desk.rows(row(2, 50), row(3))
    assert snapshot.read(["A"], ["close"], jt.domain.bars.ReadWindow()).frame["close"].to_list() == [10]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def test_with_verification_a_flipped_byte_is_noticed(desk):
    desk.rows(row(2), "A,2024-01-03,0,0,0,10,0")
    for kind in ("bars", "halts"):
        path = desk.root / desk.store.manifest.of(kind, jt.Timeframe.D1)[0].path
        whole = path.read_bytes()
        flip(path)
        said = rf"{path.name}: its content has changed: the SHA-256 sum is another. The store is damaged: jtscan verify"
        with pytest.raises(jt.StoreError, match=said):
            read(jt.DuckDBPriceRepository(desk.root, verify=True))
        path.write_bytes(whole)
    assert read(jt.DuckDBPriceRepository(desk.root, verify=True)).frame.height == 1


def test_a_file_that_is_gone_or_cut_is_noticed_without_verification(desk):
    desk.rows(row(2))
    path = desk.root / desk.store.manifest.files[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(jt.StoreError, match=r"it has [\d,]+ bytes, not [\d,]+\. The store is damaged"):
        jt.Scanner(desk.root).scan("close > 0")
    path.unlink()
    with pytest.raises(jt.StoreError, match="it is missing"):
        jt.Scanner(desk.root).scan("close > 0")


def test_a_timeframe_that_the_store_has_not_is_named(desk):
    desk.rows(row(2))
    with pytest.raises(
        jt.DataNotFoundError, match=r"there are no 5m bars in .* \(timeframes there: 1d; made of them: 1w, 1mo\)"
    ):
        jt.Scanner(desk.root).scan("close > 0", timeframe="5m")


def test_folders_of_raw_files_work_as_before_and_have_no_versions(tmp_path):
    (tmp_path / "prices" / "1d").mkdir(parents=True)
    days = [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
    prices = {name: [10.0, 11.0] for name in ("open", "high", "low", "close", "volume")}
    pl.DataFrame({"symbol": "A", "timestamp": days, **prices}).write_parquet(tmp_path / "prices" / "1d" / "a.parquet")
    result = scan(jt.Scanner(tmp_path, raise_internal=True))
    assert result.signals.total_matches == 2
    for options in ({"version": 1}, {"verify": True}):
        with pytest.raises(
            jt.RequestError, match=f"{next(iter(options))}: only a store, as jtscan ingest writes it, can do this"
        ):
            jt.DuckDBPriceRepository(tmp_path, **options)


@pytest.mark.parametrize("use", ["store", "version", "verify"])
def test_a_scanner_knows_its_store(three, use):
    scanner = jt.Scanner(three.root, **({use: True if use == "verify" else 1} if use != "store" else {}))
    assert scanner.store.quality().balance["missing"].to_list() == [0]
    assert scan(scanner).signals.total_matches == (1 if use == "version" else 2)
