from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from jtscan.notebook.charts.themes import THEMES, contrast, ink_on, mixed

WHITE, NIGHT = "#ffffff", "#111111"
GROUNDS = {"auto": (WHITE, NIGHT), "light": (WHITE,), "dark": (NIGHT,)}
READ_ON = [(name, ground) for name, grounds in GROUNDS.items() for ground in grounds]


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#ffffff", "#ffffff", 1.0),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(first, second, ratio):  # answers of webaim.org's contrast checker
    assert contrast(first, second) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize(("name", "ground"), READ_ON)
def test_text_can_be_read_on_the_ground(name, ground):
    theme = THEMES[name]
    least = 4.0 if name == "auto" else 4.5
    for color in (theme.text, theme.strong):
        assert contrast(color, ground) >= least


@pytest.mark.parametrize(("name", "ground"), READ_ON)
def test_bars_can_be_seen_on_the_ground(name, ground):
    for convention in (THEMES[name].korean, THEMES[name].western):
        assert contrast(convention.up, ground) >= 3.9
        assert contrast(convention.down, ground) >= 3.9


@pytest.mark.parametrize(("name", "ground"), READ_ON)
def test_lines_and_signals_can_be_seen_on_the_ground(name, ground):
    theme = THEMES[name]
    signals = [color for each in (theme.korean, theme.western) for color in (each.buy, each.sell)]
    for color in (*theme.lines, *signals, theme.accent):
        assert contrast(color, ground) >= 3.0, color


@pytest.mark.parametrize("name", THEMES)
def test_signals_have_other_colours_than_the_bars(name):
    for each in (THEMES[name].korean, THEMES[name].western):
        assert len({each.up, each.down, each.buy, each.sell}) == 4


@pytest.mark.parametrize("name", THEMES)
def test_no_other_signal_nearly_has_the_colour_of_buying_or_selling(name):
    for each in (THEMES[name].korean, THEMES[name].western):
        assert {each.buy, each.sell} <= set(THEMES[name].lines)  # those are taken out for the others


@pytest.mark.parametrize("name", THEMES)
def test_numbers_can_be_read_on_every_shade(name):
    for step in range(21):
        color = mixed(*THEMES[name].ramp, step / 20)
        assert contrast(ink_on(color), color) >= 4.2


def test_colours_mix_from_the_first_to_the_second():
    assert [mixed("#000000", "#ff8040", share) for share in (0, 0.5, 1)] == ["#000000", "#804020", "#ff8040"]
