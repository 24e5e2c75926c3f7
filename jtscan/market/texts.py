"""How texts are packed and encoded, told from their bytes: what Korean sources and spreadsheets write."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TRIED = ("utf-8", "cp949")
_GZIP = b"\x1f\x8b"


def is_gzipped(head: bytes) -> bool:
    """Whether bytes begin as gzip does."""
    return head.startswith(_GZIP)


def encoding_of(blocks: Callable[[], Iterable[bytes]]) -> str | None:
    """Tell the encoding of a text: UTF-16 by its mark alone, otherwise UTF-8 or CP949, whichever can read all of it.

    ``blocks`` gives the text anew, piece by piece, each time that it is
    called. None where it is none of them.

    Examples
    --------
    >>> encoding_of(lambda: ["종목코드".encode("cp949")])
    'cp949'
    """
    if next(iter(blocks()), b"").startswith(_MARKS):
        return "utf-16"
    return next((encoding for encoding in _TRIED if _decodes(blocks(), encoding)), None)


def _decodes(blocks: Iterable[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
