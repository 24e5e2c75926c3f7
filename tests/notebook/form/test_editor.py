"""The formula is checked at every change, and what was written is never lost."""

from __future__ import annotations

import time
from html import unescape

import pytest

from jtscan.errors import RequestError
from jtscan.formula import library
from jtscan.notebook.form.editor import EXAMPLE, FormulaEditor, plain_text


@pytest.fixture
def editor(sample, told):
    made = FormulaEditor(sample, lambda: "1d", lambda: None, told.append)
    made.check()
    return made


# ── the message ───────────────────────────────────────────────────────────────


def test_a_right_formula_tells_what_it_gives(editor, text_of):
    editor.text.value = "buy = close > sma(close, 20)\nratio = volume / sma(volume, 5)"
    assert text_of(editor.message) == "signals: buy · columns: ratio · warm-up: 19 bars before the range"
    assert editor.description.signals == ("buy",)
    assert editor.problem == ""


@pytest.mark.parametrize(
    "formula", ["", "close >", "buy = cross_abov(close, 2)", "clos > 1 and", "<b> & 1", "x" * 20_000, "nonsense > 1"]
)
def test_a_wrong_formula_tells_why(editor, formula, told):
    editor.value = formula
    assert 'class="jt-problem"' in editor.message
    assert "<b>" not in editor.message
    assert editor.problem == "mend the formula to run it"
    assert told == []


def test_the_caret_is_below_its_place(editor, text_of):
    editor.value = "buy = cross_abov(close, 2)"
    assert text_of(editor.message).splitlines()[1:] == ["  buy = cross_abov(close, 2)", "        ^^^^^^^^^^"]


def test_columns_of_the_data_are_known(editor):
    editor.value = "nonsense > 1"
    assert "unknown name 'nonsense'" in unescape(editor.message)


def test_what_repaints_stands_out(editor, text_of):
    editor.value = "buy = weekly(high, developing=True) > 1"
    caution = editor.message.partition('<div class="jt-caution"')[2]
    assert "weekly(high, developing=True) repaints: its newest value may still change" in text_of(caution)


def test_what_other_symbols_are_needed_is_told(editor, text_of):
    editor.value = 'rank(close) > 0.9 and close > ref("KOSPI200", close)'
    assert "reads KOSPI200 · compares the symbols with each other" in text_of(editor.message)


def test_a_keystroke_on_the_longest_formula_takes_less_than_50_ms(editor):
    editor.library.value = max(library, key=lambda name: len(library[name].text))
    seconds = []
    for _ in range(10):
        begun = time.process_time()
        editor.text.value += " "
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.05


# ── the library ───────────────────────────────────────────────────────────────


def test_choosing_a_formula_shows_its_text_what_it_finds_and_its_source(editor, text_of):
    editor.library.value = "golden_cross"
    assert editor.value == library["golden_cross"].text.split("\n", 3)[3].strip()
    assert editor.text.value == editor.value
    said = text_of(editor.about.value)
    assert said.startswith("The 50-day average")
    assert said.endswith("Source: common usage; no single author.")
    assert editor.formula.name == "Golden cross"
    assert list(editor.parameters.values) == ["fast", "slow"]


@pytest.mark.parametrize("name", library)
def test_every_formula_of_the_library_is_right_and_means_the_same_without_its_head(editor, sample, name):
    editor.library.value = name
    assert editor.description == sample.describe(library[name].text, parameters=editor.parameters.values)


def test_ones_own_text_comes_back(editor):
    editor.value = "close > 1"
    editor.library.value = "turtle"
    editor.library.value = ""
    assert editor.value == "close > 1"


def test_a_changed_formula_is_kept_and_can_be_undone(editor):
    editor.library.value = "golden_cross"
    original = editor.value
    editor.text.value += "\n# mine"
    assert editor.library.value == "golden_cross"
    assert ("Golden cross (changed)", "golden_cross") in editor.library.options
    assert editor.formula.name is None
    editor.library.value = "turtle"
    editor.library.value = "golden_cross"
    assert editor.value == original + "\n# mine"
    assert editor._undo.layout.display is None
    editor._undo.click()
    assert editor.value == original
    assert ("Golden cross", "golden_cross") in editor.library.options
    assert editor._undo.layout.display == "none"
    editor.library.value = ""
    assert editor.value == EXAMPLE


def test_values_belong_to_their_formula(editor):
    editor.parameters.controls["slow"].value = 30
    editor.library.value = "golden_cross"
    assert editor.parameters.values == {"fast": 50, "slow": 200}
    editor.parameters.controls["fast"].value = 40
    editor.library.value = ""
    assert editor.parameters.values == {"fast": 5, "slow": 30}
    editor.library.value = "golden_cross"
    assert editor.parameters.values == {"fast": 40, "slow": 200}


def test_every_entry_can_be_chosen_again(editor, told):
    for index in [*range(len(editor.library.options)), 0]:
        editor.library.set_state({"index": index})  # as the browser does
        assert editor.library.index == index
    assert told == []


def test_a_formula_of_the_library_is_taken_as_such_and_text_as_ones_own(editor):
    editor.take(library["turtle"])
    assert (editor.library.value, editor.value) == ("turtle", plain_text("turtle"))
    editor.take("close > 2")
    assert (editor.library.value, editor.value) == ("", "close > 2")
    with pytest.raises(RequestError, match="formula: the editor takes text"):
        editor.take({"buy": 1})
