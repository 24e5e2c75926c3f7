"""What people type, as a pattern for names: also the initial consonants of a Korean one.

ㅅㅅㅈㅈ finds 삼성전자, and so does 삼서, which is what stands there while
삼성 is being typed.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 60
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FIRST, _LAST = ord("가"), ord("힣")
_PER_INITIAL, _PER_VOWEL = 588, 28
# An input method joins consonants that are typed one after the other.
_CLUSTERS = str.maketrans(
    {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
     "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ"}
)  # fmt: skip


def pattern_of(text: str) -> str:
    """Write what people type as a regular expression for names."""
    words = unicodedata.normalize("NFC", text[:_LONGEST]).translate(_CLUSTERS).split()
    return ".*".join(_word(word, last=place == len(words) - 1) for place, word in enumerate(words))


def _word(word: str, *, last: bool) -> str:
    letters = [_letter(letter) for letter in word]
    if last:
        letters[-1] = _unfinished(word[-1])
    return r"\s*".join(letters)


def _letter(letter: str) -> str:
    if letter not in _INITIALS:
        return re.escape(letter)
    start = _FIRST + _INITIALS.index(letter) * _PER_INITIAL
    return f"[{letter}{chr(start)}-{chr(start + _PER_INITIAL - 1)}]"


def _unfinished(letter: str) -> str:
    """A syllable without a final consonant may still get one."""
    code = ord(letter)
    if _FIRST <= code <= _LAST and (code - _FIRST) % _PER_VOWEL == 0:
        return f"[{letter}-{chr(code + _PER_VOWEL - 1)}]"
    return _letter(letter)
