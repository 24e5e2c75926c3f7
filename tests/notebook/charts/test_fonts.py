from __future__ import annotations

import os
import shutil

import pytest

pytest.importorskip("matplotlib")

from matplotlib import font_manager

from jtscan.notebook.charts import fonts


@pytest.fixture
def installed(monkeypatch):
    """Say which font files are installed."""

    def say(*paths):
        monkeypatch.setattr(fonts.font_manager, "findSystemFonts", lambda: [str(path) for path in paths])
        fonts.forget()

    yield say
    fonts.forget()


def base_file():
    return font_manager.fontManager.findfont(fonts.BASE)


def nanum():
    found = [path for path in font_manager.findSystemFonts() if path.endswith("NanumGothic.ttf")]
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("NanumGothic is not installed")
    return found[0]


def test_a_font_without_hangul_and_a_damaged_file_are_passed_over(installed, tmp_path):
    damaged = tmp_path / "NanumGothic.ttf"
    damaged.write_bytes(b"no font")
    plain = tmp_path / "malgun.ttf"
    shutil.copy(base_file(), plain)
    installed(damaged, plain)
    assert fonts.hangul_family() is None
    assert fonts.families() == [fonts.BASE]


def test_a_font_installed_since_is_found_by_its_file(installed, tmp_path):
    font = tmp_path / "some-font.ttf"
    shutil.copy(nanum(), font)
    installed(base_file(), font)
    assert fonts.families() == [fonts.BASE, fonts.HANGUL]
    assert fonts.can_draw("삼성전자 abc")
    assert fonts.hint_for(["삼성전자"]) is None


def test_the_bold_file_beside_a_font_is_used(installed):
    path = nanum()
    bold = path.replace("NanumGothic.ttf", "NanumGothicBold.ttf")
    installed(path)
    fonts.families()
    entries = [
        each for each in font_manager.fontManager.ttflist if each.name == fonts.HANGUL and each.fname in {path, bold}
    ]
    assert {(each.weight, each.fname) for each in entries} >= {(400, path), (700, bold)}


def test_without_hangul_letters_are_replaced_and_the_hint_is_given_only_if_needed(no_hangul):
    assert not fonts.can_draw("삼성")
    assert fonts.shown("삼성 A·한") == "?? A·?"
    assert fonts.hint_for(["Samsung", None]) is None
    assert "fonts-nanum" in fonts.hint_for(["Samsung", "삼성"])


def test_what_no_font_has_is_replaced():
    assert fonts.shown("a\U00020000b") == "a?b"
    assert fonts.shown("▲ – € é") == "▲ – € é"
