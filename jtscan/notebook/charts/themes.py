"""Colours: of a theme's ground and text, of rising and falling bars, of lines and signals.

The theme ``auto`` has no ground of its own: each of its colours can be read on
white and on #111. Lines and signals are the colours of Okabe and Ito, which
the colour-blind tell apart, as dark or as light as the ground asks for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from jtscan.errors import RequestError

ThemeName = Literal["auto", "light", "dark"]
Colors = Literal["auto", "korean", "western"]

Kind = Literal["auto", "candles", "line"]

WHITE, BLACK = "#ffffff", "#111111"
_KOREAN_MARKETS = ("KOSPI", "KOSDAQ", "KONEX", "KRX")


class Look(TypedDict, total=False):
    """How a symbol is drawn; see `symbol_chart`."""

    kind: Kind
    colors: Colors
    theme: ThemeName
    volume: bool
    size: tuple[float, float] | None
    mark: str | dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """The colours of rising and falling bars; and of what buys and what sells, which stand beside them."""

    up: str
    down: str
    buy: str
    sell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of a chart; ``ground`` None is the ground of whatever it lies on.

    ``ramp`` runs from few to many.
    """

    ground: str | None
    strong: str
    text: str
    accent: str
    lines: tuple[str, ...]
    ramp: tuple[str, str]
    korean: Convention
    western: Convention

    def convention(self, colors: Colors, market: str | None) -> Convention:
        """Choose red up and blue down for Korea, teal up and vermilion down elsewhere."""
        if colors not in {"auto", "korean", "western"}:
            raise RequestError("colors", f"{colors!r} is not known; there are: auto, korean, western")
        korean = colors == "korean" or (colors == "auto" and (market or "").upper().startswith(_KOREAN_MARKETS))
        return self.korean if korean else self.western


THEMES: dict[str, Theme] = {
    "auto": Theme(
        ground=None, strong="#7a7a7a", text="#7c7c7c", accent="#2e7cc4",
        lines=("#c48700", "#c15b94", "#009a70", "#1c93d6", "#d05c00", "#7f7f7f", "#207ad5"),
        ramp=("#93a3b3", "#0a5bd3"),
        korean=Convention(up="#e4313b", down="#207ad5", buy="#009a70", sell="#c15b94"),
        western=Convention(up="#00887a", down="#d05c00", buy="#207ad5", sell="#c15b94"),
    ),
    "light": Theme(
        ground=WHITE, strong="#1b1f24", text="#565c64", accent="#1f6fb8",
        lines=("#b57c00", "#b04a83", "#008562", "#0b85c8", "#c25200", "#6b6b6b", "#0b66b0"),
        ramp=("#dcE9f6", "#0d4480"),
        korean=Convention(up="#d81f2a", down="#1766c0", buy="#008562", sell="#b04a83"),
        western=Convention(up="#008073", down="#c25200", buy="#0b66b0", sell="#b04a83"),
    ),
    "dark": Theme(
        ground=BLACK, strong="#e8eaed", text="#a4abb3", accent="#58a6e8",
        lines=("#e69f00", "#e59ac2", "#2bb98f", "#56b4e9", "#ee8a3c", "#a0a0a0", "#5b9bf0"),
        ramp=("#16324d", "#8cc6ff"),
        korean=Convention(up="#f4545d", down="#4a9bf0", buy="#2bb98f", sell="#e59ac2"),
        western=Convention(up="#20b3a2", down="#ee7a2c", buy="#5b9bf0", sell="#e59ac2"),
    ),
}  # fmt: skip

OWN_FIRST = (6, 0, 1, 2, 3, 4, 5)
"""Lines in a pane of their own begin with blue, which over the price is a falling bar."""


def theme_of(name: str) -> Theme:
    """Return a theme by its name."""
    if name not in THEMES:
        raise RequestError("theme", f"{name!r} is not known; there are: {', '.join(THEMES)}")
    return THEMES[name]


def mixed(first: str, second: str, share: float) -> str:
    """Mix two colours; share 1 is the second."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(255 * (one + (other - one) * share)):02x}" for one, other in pairs)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours by WCAG 2: 1 is none, 21 is black on white."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """Return white or black, whichever is read better on a colour."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, color))


def _channels(color: str) -> Sequence[float]:
    return [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def _luminance(color: str) -> float:
    weights = (0.2126, 0.7152, 0.0722)
    return sum(weight * _linear(part) for weight, part in zip(weights, _channels(color), strict=True))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
