"""The manifest: written and read back, and no changed byte of it goes unnoticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

import jtscan as jt
from jtscan.domain.stores import Counts, Version
from jtscan.market.store.manifest import Manifest, StoredFile, damaged, sha256_of

FILE = StoredFile(
    path="prices/1d/v000001-00000000-0000.parquet", kind="bars", timeframe=jt.Timeframe.D1, rows=2, size=3, sha256="0" * 64,
    columns={"symbol": "String", "거래대금": "Float64"}, first="2024-01-02", last="2024-01-03", lowest="A", highest="가",
)  # fmt: skip
MANIFEST = Manifest(
    versions=(
        Version(number=1, created="2024-01-02T09:00:00", action="ingest", timeframe=jt.Timeframe.D1, sources="a.csv", counts=Counts(bars=2)),
        Version(number=2, created="2024-01-02T09:00:01", action="compact"),
    ),
    files=(FILE, replace(FILE, path="symbols/x.parquet", kind="symbols", timeframe=None, first=None, last=None, lowest=None, highest=None)),
    totals={jt.Timeframe.D1: Counts(bars=2)},
)  # fmt: skip


def read(raw):
    return Manifest.from_bytes(raw, "store/manifest.json")


def test_a_manifest_is_read_back_as_it_was_written():
    assert read(MANIFEST.to_bytes()) == MANIFEST
    assert read(Manifest().to_bytes()) == Manifest()
    assert (MANIFEST.number, Manifest().number) == (2, 0)
    assert MANIFEST.timeframes == [jt.Timeframe.D1]


def test_every_changed_bit_of_every_byte_is_noticed():
    raw = MANIFEST.to_bytes()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        with pytest.raises(jt.StoreError, match=r"^store/manifest\.json: "):
            read(bytes(changed))


def test_every_cut_and_every_byte_too_many_is_noticed():
    raw = MANIFEST.to_bytes()
    for changed in (
        *(raw[:end] for end in range(0, len(raw), 7)),
        raw + b" ",
        raw + b"\n",
        b"\n" + raw,
        raw * 2,
        b"[]",
        b"null",
        b"[" * 100_000,
    ):
        with pytest.raises(jt.StoreError, match="the manifest is damaged"):
            read(changed)


def test_a_later_format_is_called_so():
    whole = json.loads(MANIFEST.to_bytes())
    body = json.dumps({**{name: whole[name] for name in whole if name != "checksum"}, "format": 2}, indent=1)
    raw = f'{{\n "checksum": "{hashlib.sha256(body.encode()).hexdigest()}",{body[1:]}'.encode()
    with pytest.raises(jt.StoreError, match=r"written by another version of jtscan \(format 2, not 1\)"):
        read(raw)


def test_the_name_of_a_version_is_of_its_content():
    assert MANIFEST.name.startswith("v2-")
    assert MANIFEST.name != replace(MANIFEST, files=MANIFEST.files[:1]).name


def test_a_changed_a_longer_and_a_missing_file_are_named(tmp_path):
    files = []
    for name in ("whole", "changed", "longer", "gone"):
        path = tmp_path / name
        path.write_bytes(b"abc")
        files.append(replace(FILE, path=name, sha256=sha256_of(path)))
    (tmp_path / "changed").write_bytes(b"abd")
    (tmp_path / "longer").write_bytes(b"abcd")
    (tmp_path / "gone").unlink()
    found = {
        "changed": "its content has changed: the SHA-256 sum is another",
        "longer": "it has 4 bytes, not 3",
        "gone": "it is missing",
    }
    assert damaged(tmp_path, files) == found
    assert damaged(tmp_path, files, content=False).keys() == {"longer", "gone"}


def test_the_sum_is_that_of_others(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
