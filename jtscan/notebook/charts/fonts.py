"""Fonts: one that has Hangul is looked for among those installed, beside the one that matplotlib brings.

matplotlib keeps a list of fonts from the day it was first used, so that a font
installed since is found here by its file. What no font can draw is never
asked for: ``shown`` puts a sign in its place.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from pathlib import Path

from matplotlib import font_manager

BASE, HANGUL = "DejaVu Sans", "jtscan Hangul"
HINT = (
    "no font with Hangul is installed: 'apt install fonts-nanum' on Debian and Ubuntu, NanumGothic or Noto Sans CJK KR "
    "elsewhere; then restart the kernel"
)
_PREFERRED = (
    "nanumgothic.", "nanumgothicbold.", "nanumbarungothic", "notosanskr", "notosanscjk", "pretendard", "applesdgothic",
    "malgun", "applegothic", "nanum", "gulim", "batang", "un",
)  # fmt: skip
_HANGUL = ord("가")
_UNKNOWN = "?"
_LOCK = threading.Lock()


def families() -> list[str]:
    """Return the fonts that texts are drawn with, in the order in which letters are looked up."""
    korean = hangul_family()
    return [BASE] if korean is None else [BASE, korean]


def hangul_family() -> str | None:
    """Return the name of an installed font that has Hangul, or None."""
    with _LOCK:
        return _found()


def can_draw(text: str) -> bool:
    """Tell whether every letter of a text is in one of the fonts."""
    return text.isascii() or all(ord(letter) in _letters() for letter in text)


def shown(text: str) -> str:
    """Return a text with a sign in place of each letter that no font has."""
    return text if can_draw(text) else "".join(letter if ord(letter) in _letters() else _UNKNOWN for letter in text)


def hint_for(texts: Iterable[str | None]) -> str | None:
    """Say how to install a font, if these texts need one that is not there."""
    needed = hangul_family() is None and any(_is_hangul(letter) for text in texts for letter in text or "")
    return HINT if needed else None


def forget() -> None:
    """Look for fonts anew at the next chart."""
    _found.cache_clear()
    _letters.cache_clear()


def _is_hangul(letter: str) -> bool:
    return "\uac00" <= letter <= "\ud7a3" or "\u1100" <= letter <= "\u11ff" or "\u3130" <= letter <= "\u318f"


@functools.cache
def _found() -> str | None:
    """Find the font that is preferred most, and make its files known to matplotlib."""
    for path in sorted(font_manager.findSystemFonts(), key=_rank):
        if _has_hangul(path):
            return _added(path)
    return None


def _rank(path: str) -> tuple[int, str]:
    name = Path(path).name.lower().replace("-", "").replace("_", "")
    places = (place for place, start in enumerate(_PREFERRED) if name.startswith(start))
    return next(places, len(_PREFERRED)), path


def _has_hangul(path: str) -> bool:
    try:
        return bool(font_manager.get_font(path).get_char_index(_HANGUL))
    except (RuntimeError, OSError, ValueError):  # a damaged file among the system's fonts
        return False


def _added(path: str) -> str:
    """Make a font and its bold known under a name of ours.

    Under its own name matplotlib may hold another weight than the file says,
    and tells so at every bold text.
    """
    for weight, file in ((400, path), (700, _bold_of(path))):
        entry = font_manager.FontEntry(
            fname=file, name=HANGUL, style="normal", variant="normal", weight=weight, stretch="normal", size="scalable"
        )
        font_manager.fontManager.ttflist.append(entry)
    return HANGUL


def _bold_of(path: str) -> str:
    """Find the bold file beside a font; the font itself where there is none."""
    file = Path(path)
    plain = file.stem.removesuffix("-Regular")
    found = (file.with_name(f"{plain}{ending}{file.suffix}") for ending in ("Bold", "-Bold", "bd"))
    return next((str(bold) for bold in found if bold.exists()), path)


@functools.cache
def _letters() -> frozenset[int]:
    """Every letter that the fonts have between them."""
    fonts = (font_manager.get_font(font_manager.fontManager.findfont(family)) for family in families())
    return frozenset(letter for font in fonts for letter in font.get_charmap())
