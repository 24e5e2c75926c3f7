"""The encodings of texts, told from their bytes."""

from __future__ import annotations

import pytest

from jtscan.market.listing import read_symbols
from jtscan.market.texts import encoding_of

TEXT = "종목코드,종목명\n005930,가상전자\n"
ENCODED = {
    "utf-8": (TEXT.encode(), "utf-8"),
    "utf-8 with a mark": (TEXT.encode("utf-8-sig"), "utf-8"),
    "utf-16 of little ends": (b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16"),
    "utf-16 of big ends": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16"),
    "cp949": (TEXT.encode("cp949"), "cp949"),
}


@pytest.mark.parametrize("size", [2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "encoding"), [*ENCODED.values(), (b"", "utf-8"), (b"A\xff\xff\n", None), (b"A\x81", None)]
)
def test_the_encoding_is_told_from_the_whole_text(data, encoding, size):
    assert encoding_of(lambda: (data[start : start + size] for start in range(0, len(data), size))) == encoding


@pytest.mark.parametrize("name", ENCODED)
def test_a_list_of_symbols_is_the_same_in_every_encoding(tmp_path, name):
    (tmp_path / "list.csv").write_bytes(ENCODED[name][0])
    table, _ = read_symbols(tmp_path / "list.csv")
    assert table.select("symbol", "name").rows() == [("005930", "가상전자")]
