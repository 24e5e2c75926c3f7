"""Files that cannot be read: the file is named, its symbols fail, the others are exactly right."""

from __future__ import annotations

import datetime as dt
import os
import random
import re

import polars as pl
import pyarrow.parquet as pq
import pytest

import jtscan as jt
from jtscan.market.prices import DuckDBPriceRepository

MONDAY = dt.date(2024, 1, 1)
CLOSES = {"A": [9, 10, 11, 12, 8], "B": [11, 9, 12, 13, 7], "C": [1, 2, 3, 4, 50]}
# By hand: the days of the first week of 2024 on which the close is above 10.
HITS = {"A": ["A 01-03", "A 01-04"], "B": ["B 01-01", "B 01-03", "B 01-04"], "C": ["C 01-05"]}


def bars(symbol, closes=None, **more):
    closes = [float(close) for close in CLOSES[symbol]] if closes is None else closes
    days = [MONDAY + dt.timedelta(days=number) for number in range(len(closes))]
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    return pl.DataFrame({"symbol": symbol, "timestamp": days, **prices, "volume": 100.0, **more})


def market(*symbols):
    return pl.concat(bars(symbol) for symbol in symbols)


def write(path, frame, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, **options)
    return path


def scan(prices, formula="close > 10", **options):
    return jt.Scanner(prices=prices, raise_internal=True).scan(formula, start=MONDAY, **options)


def fired(result):
    """Tell what matched, once the account adds up."""
    assert result.account["symbols"].sum() == result.outcomes.height
    assert result.outcomes["symbol"].is_unique().all()
    rows = result.signals.matches.sort("symbol", "timestamp").select("symbol", "timestamp")
    return [f"{symbol} {moment:%m-%d}" for symbol, moment in rows.iter_rows()]


def statuses(result):
    return dict(result.outcomes.select("symbol", "status").iter_rows())


def reasons(result):
    return dict(result.outcomes.filter(pl.col("error").is_not_null()).select("symbol", "error").iter_rows())


# ---- Files that are no Parquet files


def cut_off(path):
    content = write(path, market("B")).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def link_to_nothing(path):
    path.symlink_to(path.parent / "nowhere.parquet")


def link_to_itself(path):
    path.symlink_to(path)


NO_PARQUET = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty (0 bytes)"),
    "garbage": (lambda path: path.write_bytes(b"x" * 5000), "not a Parquet file, or cut off (5,000 bytes)"),
    "a CSV": (lambda path: path.write_text("symbol,close\nB,1\n"), "not a Parquet file, or cut off (17 bytes)"),
    "only the magic letters": (lambda path: path.write_bytes(b"PAR1"), "not a Parquet file, or cut off (4 bytes)"),
    "garbage in magic letters": (
        lambda path: path.write_bytes(b"PAR1" + b"x" * 992 + b"PAR1"), "not a Parquet file, or cut off (1,000 bytes)"
    ),
    "cut off": (cut_off, r"not a Parquet file, or cut off \([0-9,]+ bytes\)"),
    "a link to nothing": (link_to_nothing, "the link leads to no file"),
    "a link to itself": (link_to_itself, "the link leads to no file"),
}  # fmt: skip


def pattern(reason):
    return reason if "\\(" in reason else re.escape(reason)


@pytest.fixture(params=NO_PARQUET.values(), ids=NO_PARQUET.keys())
def broken(request):
    make, reason = request.param
    return make, pattern(reason)


def test_a_broken_file_alone_is_an_error_that_names_it(tmp_path, broken):
    make, reason = broken
    make(tmp_path / "B.parquet")
    with pytest.raises(jt.DataError, match=f"B.parquet(: {reason})?$"):
        scan(tmp_path)


def test_several_broken_files_alone_name_the_first_and_count_the_others(tmp_path):
    for name in ("B", "C", "D"):
        (tmp_path / f"{name}.parquet").write_bytes(b"")
    with pytest.raises(jt.DataError, match=r"B.parquet: the file is empty \(0 bytes\) \(and 2 more\)"):
        scan(tmp_path)


def test_a_broken_file_of_one_symbol_fails_that_symbol(tmp_path, broken):
    make, reason = broken
    for symbol in ("A", "C"):
        write(tmp_path / f"{symbol}.parquet", market(symbol).drop("symbol"))
    make(tmp_path / "B.parquet")
    result = scan(tmp_path)
    assert fired(result) == [*HITS["A"], *HITS["C"]]
    assert statuses(result) == {"A": "matched", "B": "failed", "C": "matched"}
    assert re.fullmatch(f"B.parquet: {reason}", reasons(result)["B"])
    assert result.errors_count == 1


def test_a_broken_file_of_many_symbols_is_a_warning_and_its_symbols_have_no_data(tmp_path, broken):
    make, reason = broken
    write(tmp_path / "prices/1d/kospi.parquet", market("A", "B"))
    make(tmp_path / "prices/1d/kosdaq.parquet")
    write(tmp_path / "symbols.parquet", pl.DataFrame({"symbol": ["A", "B", "C"]}))
    result = jt.Scanner(tmp_path, raise_internal=True).scan("close > 10", start=MONDAY)
    assert fired(result) == [*HITS["A"], *HITS["B"]]
    assert statuses(result) == {"A": "matched", "B": "matched", "C": "no_data"}
    assert "as far as they can be read (not: kosdaq.parquet)" in reasons(result)["C"]
    (warning,) = result.warnings
    assert re.fullmatch(f"kosdaq.parquet: {reason}", warning)


def test_a_broken_file_in_a_hive_folder_fails_the_symbol_of_the_folder(tmp_path, broken):
    make, _ = broken
    write(tmp_path / "symbol=A/part-0.parquet", market("A").drop("symbol"))
    for year in (2023, 2024):
        write(tmp_path / f"symbol=B/year={year}/part-0.parquet", market("B").drop("symbol"))
    (tmp_path / "symbol=B/year=2023/part-0.parquet").unlink()
    make(tmp_path / "symbol=B/year=2023/part-0.parquet")
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert statuses(result) == {"A": "matched", "B": "failed"}  # its other year alone would give wrong bars


def test_a_broken_file_does_not_matter_for_other_symbols_asked_for(tmp_path):
    write(tmp_path / "A.parquet", market("A").drop("symbol"))
    (tmp_path / "B.parquet").write_bytes(b"")
    result = scan(tmp_path, symbols=["A"])
    assert (fired(result), result.warnings) == (HITS["A"], ())


def test_of_many_broken_files_the_warnings_name_five(tmp_path):
    write(tmp_path / "good.parquet", market("A"))
    for number in range(8):
        (tmp_path / f"bad{number}.parquet").write_bytes(b"")
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert [warning.split(":")[0] for warning in result.warnings] == [
        *(f"bad{number}.parquet" for number in range(5)), "cannot be used either",
    ]  # fmt: skip
    assert reasons(scan(tmp_path, symbols=["Z"]))["Z"] == (
        "it is not in the prices, as far as they can be read "
        "(not: bad0.parquet, bad1.parquet, bad2.parquet, bad3.parquet, bad4.parquet, …)"
    )


# ---- Files and folders that are not there

DATA_FOLDERS = {
    "no folder": (
        "nothing",
        "there is no folder .*nothing; jtscan ingest SOURCE --into DIR makes a store .* holds prices/<timeframe>/",
    ),
    "a file": ("file.parquet", "there is no folder .*file.parquet;"),
    "an empty folder": ("empty", r"there are no 1d bars in .*empty \(timeframes there: none\); jtscan ingest SOURCE"),
    "no Parquet in it": ("texts", r"there are no 1d bars in .*texts \(timeframes there: 1d\);"),
    "another timeframe": ("weeks", r"there are no 1d bars in .*weeks \(timeframes there: 1w\)$"),
}


@pytest.fixture
def folders(tmp_path):
    write(tmp_path / "file.parquet", market("A"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts/prices/1d").mkdir(parents=True)
    (tmp_path / "texts/prices/1d/readme.txt").write_text("none")
    write(tmp_path / "weeks/prices/1w/bars.parquet", market("A"))
    return tmp_path


@pytest.mark.parametrize(("folder", "message"), DATA_FOLDERS.values(), ids=DATA_FOLDERS.keys())
@pytest.mark.parametrize("options", [{"symbols": ["A"]}, {"symbols": ["A"], "start": MONDAY}, {}], ids=str)
def test_a_data_folder_without_bars_is_an_error_that_says_how_to_get_some(folders, folder, message, options):
    with pytest.raises(jt.DataNotFoundError, match=message):
        jt.Scanner(folders / folder, raise_internal=True).scan("close > 10", **options)


PLACES = {
    "no file": ("nothing.parquet", "there are no Parquet files at .*nothing.parquet$"),
    "no match": ("*.nothing", r"there are no Parquet files at .*\*.nothing$"),
    "a folder without": ("empty", "there are no Parquet files at .*empty$"),
}


@pytest.mark.parametrize(("place", "message"), PLACES.values(), ids=PLACES.keys())
def test_prices_at_a_place_without_files_are_an_error_that_names_it(folders, place, message):
    with pytest.raises(jt.DataNotFoundError, match=message):
        scan(folders / place)


@pytest.mark.parametrize(
    "look",
    [
        lambda: jt.Scanner("nowhere"),
        lambda: jt.Scanner(prices="nowhere/*.parquet"),
        lambda: jt.Scanner(prices="file.parquet").scan("close > 1", watchlist="nowhere.txt"),
        lambda: jt.Scanner(prices="file.parquet", symbols="nowhere.parquet").symbols(),
        lambda: jt.ingest("nowhere/*.csv", into="store"),
    ],
)
def test_what_is_not_at_a_relative_path_is_told_with_the_folder_of_the_search(folders, monkeypatch, look):
    monkeypatch.chdir(folders)
    with pytest.raises(jt.DataNotFoundError, match=rf"nowhere\S* \(looked in {re.escape(str(folders))}\)"):
        look()


def test_an_empty_list_of_files_is_an_error():
    with pytest.raises(jt.DataNotFoundError, match="the list of Parquet files is empty"):
        scan([])


def test_a_list_of_which_no_file_is_there_is_an_error_that_names_them(tmp_path):
    with pytest.raises(jt.DataNotFoundError, match=r"there are no Parquet files at .*A.parquet, .*B.parquet"):
        scan([tmp_path / "A.parquet", tmp_path / "B.parquet"])


@pytest.mark.parametrize("place", ["*.nothing", "empty"])
def test_a_glob_or_folder_without_files_is_an_error_also_among_others(folders, place):
    with pytest.raises(jt.DataNotFoundError, match=f"there are no Parquet files at .*{re.escape(place)}$"):
        scan([folders / "file.parquet", folders / place])


def test_a_missing_file_of_a_list_fails_its_symbol(tmp_path):
    write(tmp_path / "A.parquet", market("A").drop("symbol"))
    result = scan([tmp_path / "A.parquet", tmp_path / "B.parquet"])
    assert fired(result) == HITS["A"]
    assert reasons(result) == {"B": "B.parquet: the file is missing"}


def test_a_timeframe_that_the_prices_are_not_is_an_error(tmp_path):
    write(tmp_path / "A.parquet", market("A"))
    with pytest.raises(jt.DataNotFoundError, match=r"these prices are 1d bars; there are none of 5m \(only"):
        scan(tmp_path, timeframe="5m")


# ---- Files without rows, rows without a symbol


def test_a_file_without_rows_gives_its_symbol_no_data(tmp_path):
    write(tmp_path / "A.parquet", market("A").drop("symbol"))
    write(tmp_path / "B.parquet", market("B").drop("symbol").clear())
    result = scan(tmp_path)
    assert fired(result) == HITS["A"]
    assert (statuses(result)["B"], reasons(result)["B"]) == ("no_data", "B.parquet: it has no rows")


def test_a_part_without_rows_does_not_matter(tmp_path):
    write(tmp_path / "symbol=A/part-0.parquet", market("A").drop("symbol"))
    write(tmp_path / "symbol=A/part-1.parquet", market("A").drop("symbol").clear())
    result = scan(tmp_path)
    assert (fired(result), statuses(result), result.warnings) == (HITS["A"], {"A": "matched"}, ())


def test_rows_without_a_symbol_are_counted_in_a_warning(tmp_path):
    nobody = market("B", "C").with_columns(symbol=pl.lit(None, dtype=pl.String))
    write(tmp_path / "prices.parquet", pl.concat([market("A"), nobody]))
    for options in ({}, {"symbols": ["A"]}):
        result = scan(tmp_path, **options)
        assert (fired(result), statuses(result)) == (HITS["A"], {"A": "matched"})
        assert result.warnings == ("rows without a symbol, which belong to nobody: 10",)


def test_rows_of_which_none_has_a_symbol_are_an_error(tmp_path):
    write(tmp_path / "prices.parquet", market("A").with_columns(symbol=pl.lit(None, dtype=pl.String)))
    with pytest.raises(jt.DataError, match=r"prices.parquet: no row of it has a symbol"):
        scan(tmp_path)


# ---- Pages damaged in the middle of a file

LONG = 600
SPIKES = {"A": [100, 300], "B": [200], "C": [5, 400, 599]}


def long_market(*symbols):
    """Closes and capitals of noise, and a few far above it, one row group per symbol."""
    parts = []
    for symbol in symbols:
        noise = random.Random(symbol)
        closes = [5000.0 if day in SPIKES[symbol] else 10 + noise.random() for day in range(LONG)]
        parts.append(bars(symbol, closes, marcap=[noise.random() for _ in range(LONG)]))
    return pl.concat(parts)


def spikes(*symbols):
    return [f"{symbol} {MONDAY + dt.timedelta(days=day):%m-%d}" for symbol in symbols for day in SPIKES[symbol]]


def damage(path, column, group=0):
    """Put noise over the second half of one column's pages in one row group."""
    with pq.ParquetFile(path) as file:
        chunks = [file.metadata.row_group(group).column(number) for number in range(file.metadata.num_columns)]
    chunk = next(each for each in chunks if each.path_in_schema == column)
    begin = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)))
    end = begin + chunk.total_compressed_size
    content = bytearray(path.read_bytes())
    middle = (begin + end) // 2
    content[middle:end] = random.Random(column).randbytes(end - middle)
    path.write_bytes(content)


def write_long(path, frame):
    return write(path, frame, compression="zstd", row_group_size=LONG)


def test_a_damaged_page_alone_is_an_error_that_names_the_file(tmp_path):
    damage(write_long(tmp_path / "prices.parquet", long_market("A", "B", "C")), "close", group=1)
    with pytest.raises(jt.DataError, match=r"prices.parquet: the file is damaged: ZSTD Decompression failure"):
        scan(tmp_path, "close > 1000")


@pytest.mark.parametrize("column", ["timestamp", "open", "close"])
def test_a_damaged_page_of_a_file_per_symbol_fails_that_symbol(tmp_path, column):
    for symbol in SPIKES:
        write_long(tmp_path / f"{symbol}.parquet", long_market(symbol).drop("symbol"))
    damage(tmp_path / "B.parquet", column)
    result = scan(tmp_path, "close > 1000")
    assert fired(result) == spikes("A", "C")
    assert statuses(result) == {"A": "matched", "B": "failed", "C": "matched"}
    assert reasons(result)["B"].startswith("B.parquet: the file is damaged: ")


def test_a_damaged_page_of_a_column_that_only_the_formula_reads_fails_the_symbol_when_it_is_read(tmp_path):
    for symbol in SPIKES:
        write_long(tmp_path / f"{symbol}.parquet", long_market(symbol).drop("symbol"))
    damage(tmp_path / "B.parquet", "marcap")
    result = scan(tmp_path, "close > 1000 and marcap < 2")
    assert fired(result) == spikes("A", "C")
    assert reasons(result) == {"B": "B.parquet: the file is damaged: ZSTD Decompression failure"}
    assert fired(scan(tmp_path, "close > 1000")) == spikes("A", "B", "C")


def test_a_damaged_page_of_one_symbol_in_a_file_of_many_fails_that_symbol_alone(tmp_path):
    damage(write_long(tmp_path / "prices.parquet", long_market("A", "B", "C")), "marcap", group=1)
    result = scan(tmp_path, "close > 1000 and marcap < 2")
    assert fired(result) == spikes("A", "C")
    assert reasons(result) == {"B": "prices.parquet: the file is damaged: ZSTD Decompression failure"}


def test_a_damaged_file_of_many_symbols_fails_those_that_it_names(tmp_path):
    write_long(tmp_path / "kospi.parquet", long_market("A"))
    damage(write_long(tmp_path / "kosdaq.parquet", long_market("B", "C")), "close", group=1)
    result = scan(tmp_path, "close > 1000")
    reason = "kosdaq.parquet: the file is damaged: ZSTD Decompression failure"
    assert fired(result) == spikes("A")
    assert reasons(result) == {"B": reason, "C": reason}
    assert result.warnings == (reason,)


def test_a_damaged_file_that_cannot_say_its_symbols_leaves_them_without_data(tmp_path):
    write_long(tmp_path / "kospi.parquet", long_market("A"))
    damage(write_long(tmp_path / "kosdaq.parquet", long_market("B", "C")), "symbol", group=0)
    result = scan(tmp_path, "close > 1000", symbols=["A", "B"])
    assert fired(result) == spikes("A")
    assert statuses(result) == {"A": "matched", "B": "no_data"}
    assert "(not: kosdaq.parquet)" in reasons(result)["B"]


def noise_over(content, seed):
    """Change some bytes, a bit of the metadata, or a whole stretch."""
    noise = random.Random(seed)
    made = bytearray(content)
    last = len(made) - 8
    begin = noise.randrange(4, last - 100)
    match seed % 3:
        case 0:
            for _ in range(noise.choice([1, 5, 50, 500])):
                made[noise.randrange(4, last)] = noise.randrange(256)
        case 1:
            for _ in range(noise.choice([1, 3, 20])):
                made[noise.randrange(last - 2500, last)] ^= 1 << noise.randrange(8)
        case 2:
            end = noise.randrange(begin + 10, last)
            made[begin:end] = noise.randbytes(end - begin)
    return made


def assert_survives(path, content, seed):
    path.write_bytes(noise_over(content, seed))
    try:
        result = scan(path.parent, "close > 1000 and marcap < 2", end="2030-12-31")
    except jt.JtscanError:
        return
    fired(result)


COMPRESSIONS = ["zstd", "uncompressed", "snappy"]
SEEDS = {"few": range(6), "many": pytest.param(range(6, 150), marks=pytest.mark.slow)}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("seeds", SEEDS.values(), ids=SEEDS.keys())
def test_no_noise_in_a_file_gives_more_than_an_error_of_ours(tmp_path, compression, seeds):
    path = write(tmp_path / "prices.parquet", long_market("A", "B"), compression=compression, row_group_size=LONG)
    content = path.read_bytes()
    for seed in seeds:
        assert_survives(path, content, seed)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("seeds", SEEDS.values(), ids=SEEDS.keys())
def test_no_noise_in_one_file_touches_the_symbols_of_others(tmp_path, compression, seeds):
    for symbol in ("A", "B"):
        frame = long_market(symbol).drop("symbol")
        write(tmp_path / f"{symbol}.parquet", frame, compression=compression)
    path = tmp_path / "B.parquet"
    content = path.read_bytes()
    for seed in seeds:
        path.write_bytes(noise_over(content, seed))
        result = scan(tmp_path, "close > 1000 and marcap < 2")
        assert [each for each in fired(result) if each.startswith("A")] == spikes("A")
        assert statuses(result)["A"] == "matched"


# ---- Data that change


def test_changed_files_are_another_version_and_are_read_again(tmp_path):
    path = write(tmp_path / "prices.parquet", market("A"))
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    before = scanner.scan("close > 10", start=MONDAY)
    again = scanner.scan("close > 10", start=MONDAY)
    write(path, market("A", "B"))
    after = scanner.scan("close > 10", start=MONDAY)
    assert before.data_version == again.data_version != after.data_version
    assert (fired(before), fired(after)) == (HITS["A"], [*HITS["A"], *HITS["B"]])


def test_a_file_of_equal_size_written_later_is_another_version(tmp_path):
    path = write(tmp_path / "A.parquet", market("A"), compression="uncompressed", statistics=False)
    scanner = jt.Scanner(prices=path, raise_internal=True)
    before = scanner.scan("close > 10", start=MONDAY)
    size, moment = path.stat().st_size, path.stat().st_mtime_ns
    higher = market("A").with_columns(pl.col("close") + 3)
    write(path, higher, compression="uncompressed", statistics=False)
    os.utime(path, ns=(moment + 1, moment + 1))
    after = scanner.scan("close > 10", start=MONDAY)
    assert path.stat().st_size == size
    assert before.data_version != after.data_version
    assert fired(after) == ["A 01-01", "A 01-02", "A 01-03", "A 01-04", "A 01-05"]


def test_files_that_come_and_go_are_seen_by_the_next_scan(tmp_path):
    write(tmp_path / "A.parquet", market("A").drop("symbol"))
    scanner = jt.Scanner(prices=tmp_path, raise_internal=True)
    assert fired(scanner.scan("close > 10", start=MONDAY)) == HITS["A"]
    write(tmp_path / "B.parquet", market("B").drop("symbol"))
    assert fired(scanner.scan("close > 10", start=MONDAY)) == [*HITS["A"], *HITS["B"]]
    (tmp_path / "A.parquet").unlink()
    assert fired(scanner.scan("close > 10", start=MONDAY)) == HITS["B"]


class LosingFiles(DuckDBPriceRepository):
    """Prices of which files vanish after the snapshot has looked into them."""

    lost = ()

    def snapshot(self, timeframe):
        snapshot = super().snapshot(timeframe)
        assert snapshot.columns
        for path in self.lost:
            path.unlink(missing_ok=True)
        return snapshot


def process(repository, symbols):
    job = jt.ProcessingJob(
        id="test", symbols=symbols, timeframe="1d", date_range=jt.DateRange(start=MONDAY),
        formula=jt.Formula(text="close > 10"),
    )  # fmt: skip
    return jt.ProcessingEngine(repository, raise_internal=True).process_batch(job)


def test_a_file_deleted_between_listing_and_reading_fails_its_symbol(tmp_path):
    for symbol in CLOSES:
        write(tmp_path / f"{symbol}.parquet", market(symbol).drop("symbol"))
    repository = LosingFiles(prices=tmp_path)
    repository.lost = [tmp_path / "B.parquet"]
    results = process(repository, ["A", "B", "C"])
    assert [(each.symbol, str(each.status), each.error) for each in results] == [
        ("A", "matched", None), ("B", "failed", "B.parquet: the file is missing"), ("C", "matched", None),
    ]  # fmt: skip


def test_a_file_of_many_symbols_deleted_between_listing_and_reading_fails_them(tmp_path):
    write(tmp_path / "kospi.parquet", market("A"))
    write(tmp_path / "kosdaq.parquet", market("B", "C"))
    repository = LosingFiles(prices=tmp_path)
    repository.lost = [tmp_path / "kosdaq.parquet"]
    results = process(repository, ["A", "B", "C"])
    assert [(each.symbol, str(each.status)) for each in results] == [("A", "matched"), ("B", "failed"), ("C", "failed")]
    assert {each.error for each in results[1:]} == {"kosdaq.parquet: the file is missing"}


def test_a_file_cut_off_after_it_was_listed_fails_its_symbol(tmp_path):
    class Cutting(LosingFiles):
        def snapshot(self, timeframe):
            snapshot = super().snapshot(timeframe)
            (tmp_path / "B.parquet").write_bytes(b"PAR1")
            return snapshot

    for symbol in CLOSES:
        write(tmp_path / f"{symbol}.parquet", market(symbol).drop("symbol"))
    results = process(Cutting(prices=tmp_path), ["A", "B", "C"])
    assert [str(each.status) for each in results] == ["matched", "failed", "matched"]
    assert results[1].error == "B.parquet: not a Parquet file, or cut off (4 bytes)"
