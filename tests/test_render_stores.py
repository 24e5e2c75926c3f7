"""Reports of a store as text and HTML: what was not used first, every count, and nothing that is a tag."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import jtscan as jt
from jtscan import render
from jtscan.domain.stores import FILE_COUNTS, Counts, IngestReport, VerifyReport

NAMES = ("rows", *FILE_COUNTS, "unread")


def files(*rows):
    schema = {"file": pl.String, **dict.fromkeys(NAMES, pl.Int64), "unusable": pl.Boolean, "note": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def report(*rows, **more):
    return IngestReport(**{
        "store": Path("data"), "timeframe": jt.Timeframe.D1, "version": "v3-0123abcd", "counts": Counts(bars=1200, halts=3, quarantined=1, repaired=2),
        "files": files(*rows), "quarantine": pl.DataFrame({"symbol": ["A"], "timestamp": [None], "reason": ["<b>bad</b>"], "text": ["x"]}, schema_overrides={"timestamp": pl.Date}),
        "symbols": 2, "first": "2024-01-02", "last": "2024-01-03", "notes": ("columns left out, which are no numbers: Dept",), "seconds": 1.25, **more,
    })  # fmt: skip


GOOD = ("a/good.csv", 1204, 1200, 3, 0, 0, 1, 0, False, "read as CP949")
BAD = ("a/<i>bad.csv", 0, 0, 0, 0, 0, 0, 2000, True, "it has no column of dates")


def test_a_report_says_everything_in_text():
    said = render.ingest_text(report(GOOD, BAD))
    for part in (
        "1,204 rows of 1 file read into data in 1.2 s: version v3-0123abcd", "1d · 2 symbols, 2024-01-02 to 2024-01-03",
        "not used: a/<i>bad.csv (2,000 rows): it has no column of dates", "columns left out, which are no numbers: Dept",
        "1,200", "rows read", "repaired", "Quarantine", "A ?", "good.csv", "read as CP949",
    ):  # fmt: skip
        assert part in said, part
    assert "duplicates" not in said


def test_what_a_table_brought_is_no_warning():
    brought = report(GOOD, tables=("table of symbols: 3 read, 3 of them new",), notes=())
    assert "2024-01-03 · table of symbols: 3 read, 3 of them new" in render.ingest_text(brought)
    assert 'class="jt-warning"' not in render.ingest_html(brought)


def test_html_holds_no_tag_of_a_name_or_reason():
    shown = render.ingest_html(report(GOOD, BAD))
    assert "&lt;i&gt;bad.csv" in shown
    assert "&lt;b&gt;bad" in shown
    assert "<i>bad" not in shown
    assert "<b>bad" not in shown
    assert shown == report(GOOD, BAD)._repr_html_()


def test_of_many_unusable_files_ten_are_named():
    said = render.ingest_text(report(GOOD, *[BAD] * 12))
    assert said.count("not used: ") == 10
    assert "not used either: 2 more files" in said


def test_of_many_files_only_those_with_more_to_tell_are_listed():
    plain = [(f"f{number}.csv", 5, 5, 0, 0, 0, 0, 0, False, "") for number in range(30)]
    said = render.ingest_text(report(GOOD, *plain))
    assert "good.csv" in said
    assert "f7.csv" not in said


@pytest.mark.parametrize("version", [None, "v1-00000000"])
def test_nothing_new_is_said(version):
    assert ("nothing new" in report(GOOD, version=version).summary) is (version is None)


def test_a_verification_is_one_line_or_one_per_damage():
    none = pl.DataFrame(schema={"file": pl.String, "in_newest": pl.Boolean, "problem": pl.String})
    whole = VerifyReport(store=Path("data"), version="v1-0", files=1200, size=10**6, problems=none)
    assert str(whole) == "data v1-0: 1,200 files, 1,000,000 bytes: whole, every SHA-256 sum fits"
    damage = pl.DataFrame(
        {"file": ["a", "b"], "in_newest": [True, False], "problem": ["it is missing", "it has 1 bytes, not 2"]}
    )
    broken = VerifyReport(store=Path("data"), version="v1-0", files=2, size=9, problems=damage)
    assert str(broken).splitlines() == ["data v1-0: 2 files, 9 bytes: DAMAGED, 2", "  a: it is missing", "  b: it has 1 bytes, not 2 (of an older version)"]  # fmt: skip


def test_a_store_of_halts_alone_can_be_examined(tmp_path):
    frame = pl.DataFrame(
        {"symbol": ["A"], "timestamp": ["2024-01-02"], "open": [0.0], "high": [0.0], "low": [0.0], "close": [1.0]}
    )
    jt.ingest(frame, tmp_path)
    quality = jt.Store(tmp_path).quality()
    assert "Rows of 1d" in render.quality_text(quality)
    assert "<table" in render.quality_html(quality)
