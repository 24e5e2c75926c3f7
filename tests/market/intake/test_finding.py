"""What a user points at: folders, globs, archives, compression and encodings; every file is read or named."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest

import jtscan as jt
from jtscan.market.intake.finding import SourceFile, find_sources

HEADER = "symbol,date,open,high,low,close,volume"
TWO = f"{HEADER}\nA,2024-01-02,10,11,9,10,100\nA,2024-01-03,10,12,9,11,200\n"
CLOSES = {"A 2024-01-02": 10.0, "A 2024-01-03": 11.0}
KOREAN = "날짜,시가,고가,저가,종가,거래량\n2024-01-02,10,11,9,10,100\n2024-01-03,10,12,9,11,200\n"


def of(symbol, *days):
    return "".join([f"{HEADER}\n", *(f"{symbol},2024-01-{day:02},10,11,9,10,100\n" for day in days)])


def tar_of(members, mode="w:gz"):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as files:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            files.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def zip_of(members):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members.items():
            files.writestr(name, content)
    return raw.getvalue()


def note_of(report, name):
    return report.files.filter(pl.col("file").str.contains(name, literal=True)).row(0, named=True)


# ---- Encodings


def test_a_text_is_read_whatever_its_encoding_line_ends_and_delimiter(desk):
    crlf = KOREAN.replace("\n", "\r\n")
    cases = [
        ("utf-8", KOREAN, ""),
        ("utf-8-sig", KOREAN, ""),
        ("cp949", KOREAN, "read as CP949"),
        ("utf-16", KOREAN, "read as UTF-16"),
        ("utf-8", crlf, ""),
        ("utf-8-sig", crlf, ""),
        ("cp949", crlf, "read as CP949"),
        ("utf-16", crlf, "read as UTF-16"),
        ("utf-8", KOREAN.rstrip("\n"), ""),
        ("utf-8", KOREAN + "\n\n", ""),
        ("utf-8", KOREAN.replace(",", "\t"), ""),
        ("utf-8", KOREAN.replace(",", ";"), ""),
        ("utf-8", KOREAN.replace(",", "|"), ""),
    ]
    for number, (encoding, text, _) in enumerate(cases):
        desk.write(f"0000{number:02}.csv", text, encoding)
    report = desk.ingest()
    found = {
        symbol: list(frame["close"]) for (symbol,), frame in desk.bars().partition_by("symbol", as_dict=True).items()
    }
    assert found == {f"0000{number:02}": [10.0, 11.0] for number in range(len(cases))}
    assert report.counts.read == 2 * len(cases)
    assert report.files["note"].to_list() == [note for _, _, note in cases]


def test_a_line_with_bytes_that_are_no_letters_is_set_aside_and_the_others_are_read(desk):
    head, first, second = TWO.splitlines()
    desk.write(
        "prices.csv",
        b"\n".join([head.encode(), first.encode(), b"A,2024-01-04,\xff\xfe,1,1,1,1", second.encode(), b""]),
    )
    report = desk.ingest()
    assert desk.closes() == CLOSES
    assert (report.counts.bars, report.counts.quarantined) == (2, 1)
    assert report.quarantine["reason"][0].startswith("the line cannot be read")


def test_korean_names_in_cp949_come_through(desk):
    desk.write(
        "krx.csv", "종목코드,종목명,날짜,시가,고가,저가,종가,거래량\n005930,삼성전자,2024-01-02,10,11,9,10,1\n", "cp949"
    )
    desk.ingest()
    assert desk.closes() == {"005930 2024-01-02": 10.0}


def test_lines_may_end_as_on_old_macs(desk):
    desk.write("mac.csv", TWO.replace("\n", "\r"))
    assert desk.ingest().counts.read == 2
    assert desk.closes() == CLOSES


def test_lines_may_end_in_two_ways_in_one_file(desk):
    head, first, second = TWO.splitlines()
    desk.write("mixed.csv", f"{head}\r\n{first}\n{second}\r\n")
    assert desk.ingest().counts.read == 2
    assert desk.closes() == CLOSES


def test_an_empty_first_line_costs_the_file_at_the_most(desk):
    desk.write("good.csv", TWO)
    desk.write("blank.csv", "\n" + TWO.replace("A,", "B,"))
    report = desk.ingest()
    assert {key: close for key, close in desk.closes().items() if key.startswith("A")} == CLOSES
    assert note_of(report, "blank.csv")["rows"] + note_of(report, "blank.csv")["unread"] >= 2


# ---- Folders, globs, names


def test_a_folder_is_read_with_its_folders_and_hidden_and_other_files_are_left(desk):
    for name in ("a/A.csv", "a/b/B.txt", "C.tsv"):
        desk.write(name, of(name[-5], 2))
    for name in (".hidden.csv", "a/README.md", "__MACOSX_D.csv", "notes.xlsx"):
        desk.write(name, of("HIDDEN", 2))
    report = desk.ingest()
    assert desk.symbols() == ["A", "B", "C"]
    assert report.files.height == 3


def test_a_glob_names_files(desk):
    desk.write("A.csv", of("A", 2))
    desk.write("B.csv", of("B", 2))
    desk.write("C.txt", of("C", 2))
    for pattern in ("*.csv", "**/*.csv", "[AB].csv", "?.csv"):
        found = find_sources([desk.sources / pattern], desk.root, without=Path("elsewhere"))
        assert [file.stem for file in found] == ["A", "B"]


def test_any_name_of_a_file_will_do(desk):
    names = ["A*.csv", "A[1].csv", "A?.csv", "삼성전자.csv", "with space.csv", "it's.csv", 'a "quote".csv', "[x]/A.csv",
             "$paths.csv", "a:b.csv", "a,b.csv", "{a}.csv", "%d.csv"]  # fmt: skip
    paths = [desk.write(name, of(f"S{number}", 2, 3)) for number, name in enumerate(names)]
    frame = pl.read_csv(io.StringIO(of("P", 2, 3)), try_parse_dates=True)
    paths += [desk.write("B[1]*.parquet", frame)]
    report = desk.ingest()
    assert report.counts.bars == report.counts.read == 2 * len(paths)
    assert desk.symbols() == sorted(["P", *(f"S{number}" for number in range(len(names)))])
    again = desk.ingest(*paths)
    assert again.counts.same == again.counts.read == 2 * len(paths)


def test_a_name_that_is_no_text_will_do(desk):
    desk.write(os.fsdecode(b"\xbb\xef\xbc\xba.csv"), TWO)
    report = desk.ingest()
    assert desk.closes() == CLOSES
    assert "\\xbb" in report.files["file"][0]


def test_a_store_below_the_folder_of_sources_is_no_source(desk):
    desk.write("prices.csv", TWO + "A,2024-01-04,10,12,9,-1,1\n")
    desk.root = desk.sources / "store"
    first = desk.ingest()
    again = desk.ingest()
    assert (first.counts.read, again.counts.read) == (3, 3)
    assert again.version is None


def test_one_file_in_two_places_is_duplicates_and_nothing_else(desk):
    desk.write("a/prices.csv", TWO)
    desk.write("b/prices.csv", TWO)
    report = desk.ingest()
    assert (report.counts.bars, report.counts.duplicates, report.counts.read) == (2, 2, 4)
    assert desk.closes() == CLOSES


def test_a_file_that_is_named_twice_has_its_rows_as_often_as_it_is_listed(desk):
    path = desk.write("prices.csv", TWO)
    report = desk.ingest(path, path)
    assert report.counts.read == 2 * report.files.height
    assert report.counts.bars == 2


def test_a_folder_and_a_file_of_it_are_read_without_a_row_too_many(desk):
    path = desk.write("prices.csv", TWO)
    report = desk.ingest(desk.sources, path)
    assert report.counts.read == 2 * report.files.height


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nothing.csv", "there is nothing at .*nothing.csv"),
        ("*.parquet", r"there is nothing at .*\*\.parquet"),
        ("empty", r"there are no CSV or Parquet files at .*empty \(read are \.csv, \.txt"),
    ],
)
def test_a_place_without_files_is_refused_by_name(desk, place, said):
    (desk.sources / "empty").mkdir(parents=True)
    with pytest.raises(jt.DataNotFoundError, match=said):
        desk.ingest(desk.sources / place)
    assert not (desk.root / "manifest.json").exists()


def test_one_place_of_several_that_is_not_there_is_refused(desk):
    with pytest.raises(jt.DataNotFoundError, match="there is nothing at .*gone.csv"):
        desk.ingest(desk.write("A.csv", TWO), desk.sources / "gone.csv")


def test_an_empty_list_of_sources_is_refused(desk):
    with pytest.raises(jt.RequestError, match="the list of sources is empty"):
        jt.ingest([], desk.root)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/005930.csv", "005930"), ("BRK.B_data.csv.gz", "BRK.B_data"), ("BRK.B.parquet", "BRK.B"),
        ("all.tar.gz:x/AAPL.csv", "AAPL"), ("c:\\data\\AAPL.TXT", "AAPL"), ("삼성전자.tsv", "삼성전자"), ("0012E0", "0012E0"),
    ],
)  # fmt: skip
def test_the_stem_is_the_name_without_folders_and_endings(tmp_path, name, stem):
    assert SourceFile(name=name, path=tmp_path).stem == stem


# ---- Files without rows, and damaged ones


UNUSABLE = {
    "empty.csv": (b"", "the file is empty"),
    "empty.csv.gz": (gzip.compress(b""), "the file is empty"),
    "blank.csv": (b"\n \r\n\n", "the file has only empty lines"),
    "empty.parquet": (b"", "the file is empty (0 bytes)"),
    "none.parquet": (b"date,close\n", "not a Parquet file"),
    "short.parquet": (b"PAR1" + bytes(100), "not a Parquet file, or cut off (104 bytes)"),
    "cut.csv.gz": (gzip.compress(random.Random(1).randbytes(5000))[:2000], "the file is damaged or cannot be read"),
    "noise.csv.gz": (b"\x1f\x8b" + random.Random(2).randbytes(500), "the file is damaged or cannot be read"),
    "letter.csv": (b"Dear Sir\nthere are no prices here.\n", "it has no column of dates; it has: Dear Sir"),
    "noise.zip": (b"PK\x03\x04" + bytes(50), "the archive is damaged after 0 files"),
    "noise.tar.gz": (b"nonsense", "the archive is damaged after 0 files"),
    "noise.csv": (random.Random(3).randbytes(500), "it has no column"),
}


def test_files_that_cannot_be_used_are_named_and_the_others_are_taken(desk):
    desk.write("good.csv", TWO)
    for name, (content, _) in UNUSABLE.items():
        desk.write(name, content)
    report = desk.ingest()
    told = {row["file"].rpartition("/")[2]: row for row in report.files.filter("unusable").iter_rows(named=True)}
    assert told.keys() == UNUSABLE.keys()
    for name, (_, note) in UNUSABLE.items():
        assert note in told[name]["note"]
        assert told[name]["rows"] == 0
    assert desk.closes() == CLOSES
    said = " ".join(str(report).split())
    assert "blank.csv: the file has only empty lines" in said
    assert "not used either: 2 more files" in said


def test_a_file_of_a_header_alone_has_no_rows_and_is_no_problem(desk):
    content = f"{HEADER}\n".encode("utf-8-sig")
    desk.write("good.csv", TWO)
    desk.write("header.csv", content)
    desk.write("packed.csv.gz", gzip.compress(content))
    report = desk.ingest()
    assert report.files.select("rows", "unusable").rows() == [(2, False), (0, False), (0, False)]


def test_a_header_alone_makes_no_version(desk):
    desk.write("header.csv", f"{HEADER}\n")
    report = desk.ingest()
    assert (report.version, report.counts.read) == (None, 0)
    assert not (desk.root / "manifest.json").exists()


def test_nothing_usable_is_an_error_that_says_why(desk):
    desk.write("a.csv", b"")
    desk.write("b.csv", "x,y\n1,2\n")
    with pytest.raises(jt.DataError, match=r"a\.csv: the file is empty \(and 1 more that cannot be used\)"):
        desk.ingest()
    assert not (desk.root / "manifest.json").exists()


def test_rows_of_a_file_that_cannot_be_used_are_told(desk):
    desk.write("good.csv", TWO)
    desk.write("bad.csv", "date,price\n2024-01-02,1\n2024-01-03,2\n")
    report = desk.ingest()
    assert note_of(report, "bad.csv")["unread"] == 2
    assert "bad.csv (2 rows)" in " ".join(str(report).split())


def test_a_parquet_file_named_csv_is_read_as_what_it_is(desk):
    raw = io.BytesIO()
    pl.read_csv(io.StringIO(TWO), try_parse_dates=True).write_parquet(raw)
    desk.write("prices.csv", raw.getvalue())
    desk.write("packed.parquet.gz", gzip.compress(raw.getvalue()))
    report = desk.ingest()
    assert (report.counts.bars, report.counts.duplicates) == (2, 2)


def test_a_damaged_page_of_parquet_costs_its_file_alone(desk):
    desk.write("good.csv", TWO)
    noise = random.Random(7)
    days = pl.date_range(pl.date(2000, 1, 1), pl.date(2009, 1, 1), eager=True)
    closes = pl.Series([noise.randint(1, 999) / 10 for _ in days])
    path = desk.write("bad.parquet", pl.DataFrame({"symbol": "B", "date": days, "close": closes}))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)
    path.write_bytes(content)
    report = desk.ingest()
    told = note_of(report, "bad.parquet")
    assert told["unusable"]
    assert "the file is damaged" in told["note"]
    assert desk.closes() == CLOSES


# ---- Archives


def test_archives_are_read_member_by_member(desk):
    archives = {
        "a.zip": zip_of({"x/A1.csv": of("A1", 2), "x/y/A2.csv": of("A2", 2), "x/.c.csv": of("C", 2), "x/d.md": "d"}),
        "b.tar.gz": tar_of({"x/B1.csv": of("B1", 2).encode(), "B2.csv.gz": gzip.compress(of("B2", 2).encode())}),
        "c.tgz": tar_of(
            {"C1.csv": of("C1", 2).encode(), "__MACOSX/A.csv": b"", "C2.csv": of("C2", 2).encode("utf-16")}
        ),
        "d.tar": tar_of(
            {"삼성/D1.csv": of("D1", 2).encode(), "D2.csv": (of("D2", 2) + "가,,,,,,\n").encode("cp949")}, "w"
        ),
        "e.tar.bz2": tar_of({"E1.csv": of("E1", 2).encode(), "E2.csv": of("E2", 2).encode()}, "w:bz2"),
        "f.tar.xz": tar_of({"F1.csv": of("F1", 2).encode(), "F2.csv": of("F2", 2).encode()}, "w:xz"),
    }
    for name, content in archives.items():
        desk.write(name, content)
    report = desk.ingest()
    assert desk.symbols() == [f"{letter}{number}" for letter in "ABCDEF" for number in (1, 2)]
    assert (report.counts.bars, report.counts.quarantined) == (12, 1)
    assert report.files["file"].str.split(":").list.first().unique().sort().to_list() == list(archives)


def test_the_members_that_were_whole_before_a_damage_are_taken_and_the_damage_is_told(desk):
    noise = random.Random(5)
    rows = "".join(f"B,2024-01-02,{noise.random()},1,1,1,1\n" for _ in range(20_000))
    whole = tar_of({"A.csv": of("A", 2).encode(), "B.csv": f"{HEADER}\n{rows}".encode()})
    desk.write("all.tar.gz", whole[: len(whole) // 2])
    report = desk.ingest()
    assert desk.symbols() == ["A"]
    damaged = report.files.filter("unusable")
    assert damaged["file"].to_list() == [str(desk.sources / "all.tar.gz")]
    assert "the archive is damaged after 1 file:" in damaged["note"][0]


def test_archives_of_the_same_name_do_not_get_into_each_other(desk):
    desk.write("2023/prices.zip", zip_of({"A.csv": of("A", 2)}))
    desk.write("2024/prices.zip", zip_of({"A.csv": of("A", 3)}))
    desk.write("2024/prices.tar.gz", tar_of({"B.csv": of("B", 4).encode()}))
    report = desk.ingest()
    assert report.counts.bars == report.counts.read == 3
    assert desk.closes() == {"A 2024-01-02": 10.0, "A 2024-01-03": 10.0, "B 2024-01-04": 10.0}


def test_an_archive_beside_its_own_files_adds_nothing(desk):
    desk.write("A.csv", of("A", 2))
    desk.write("all.zip", zip_of({"A.csv": of("A", 2)}))
    report = desk.ingest()
    assert (report.counts.bars, report.counts.duplicates) == (1, 1)


def test_an_archive_of_nothing_that_is_ours_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(zip_of({"readme.md": "x"}))
    with pytest.raises(jt.DataNotFoundError, match=r"no CSV or Parquet files at .*x\.zip"):
        find_sources([tmp_path / "x.zip"], tmp_path / "work", without=Path("elsewhere"))
