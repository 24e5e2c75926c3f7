"""Symbols become chips by typing, clicking and pasting."""

from __future__ import annotations

import polars as pl
import pytest

from jtscan.notebook.form.picker import SymbolPicker
from jtscan.notebook.form.symbols import SymbolTable

TABLE = SymbolTable(
    pl.DataFrame(
        {"symbol": ["005930", "005935", "000660"], "name": ["삼성전자", "삼성전자우", "<b>하이닉스"], "market": "KOSPI"}
    )
)


@pytest.fixture
def picker(told):
    return SymbolPicker(TABLE, "jt-symbols", prompt="", tell=told.append)


def chips(picker):
    return [chip.description for chip in picker.chips.children if "jt-chip" in chip._dom_classes]


def test_typing_lists_hits_and_a_click_picks_one(picker):
    assert picker.hits.layout.display == "none"
    picker.search.value = "ㅅㅅ"
    assert picker.hits.layout.display is None
    assert [text for text, _ in picker.hits.options] == ["005930 삼성전자 KOSPI", "005935 삼성전자우 KOSPI"]
    assert picker.hits.index is None  # or the first could not be clicked
    picker.hits.set_state({"index": 1})  # as the browser does
    assert picker.value == ["005935"]
    assert (picker.search.value, picker.hits.layout.display) == ("", "none")
    assert chips(picker) == ["005935 삼성전자우  ×"]


def test_the_first_hit_can_be_clicked_again_and_again(picker):
    for _ in range(2):
        picker.search.value = "ㅅㅅ"
        picker.hits.set_state({"index": 0})
        assert picker.value == ["005930"]
        picker.clear()


@pytest.mark.parametrize(
    ("typed", "picked", "left"),
    [
        ("ㅅㅅ\n", ["005930"], ""),  # Enter: the first
        ("삼성전자우\n", ["005935"], ""),
        ("005930,", ["005930"], ""),
        ("005930, 000660", ["005930", "000660"], ""),
        ("005930\n000660\n005935", ["005930", "000660", "005935"], ""),
        ("000660 005930\n", ["000660", "005930"], ""),
        ("005930, 5930, zzz\n", ["005930"], "5930, zzz"),
        ("zzz\n", [], "zzz"),
        ("005930 삼성전자\n", ["005930"], ""),
        ("005930\t삼성전자\n000660\t<b>하이닉스\n", ["005930", "000660"], ""),
        ("005930 xx\n", ["005930"], "xx"),
        ("삼성 우\n", ["005935"], ""),
        ("005930", [], "005930"),  # not finished
        ("\n", [], ""),
    ],
)
def test_enter_and_pasted_lists_pick_at_once(picker, typed, picked, left):
    picker.search.value = typed
    assert (picker.value, picker.search.value) == (picked, left)


def test_what_is_unknown_is_told_with_near_spellings_and_no_longer(picker, text_of):
    picker.search.value = "5930, <i>,"
    assert text_of(picker.said.value) == "not in the data: '5930' (did you mean '005930'?), '<i>'"
    assert "<i>" not in picker.said.value
    picker.search.value = "zz"
    assert text_of(picker.said.value) == "no symbol like 'zz'"
    picker.search.value = ""
    assert picker.said.value == ""


def test_a_chip_is_taken_away_by_a_click(picker):
    picker.value = ["005930", "000660"]
    picker.chips.children[0].click()
    assert picker.value == ["000660"]
    assert chips(picker) == ["000660 <b>하이닉스  ×"]  # a button's text is no HTML
    picker.chips.children[0].click()
    assert (picker.value, picker.chips.layout.display) == ([], "none")


def test_symbols_are_picked_once_in_their_order(picker):
    picker.value = ["000660", " 005930", "000660", " "]
    picker.search.value = "000660,"
    assert picker.value == ["000660", "005930"]


def test_code_may_give_a_text(picker):
    picker.value = "005930, 000660"
    assert picker.value == ["005930", "000660"]


def test_symbols_that_are_not_in_the_data_stand_out(picker):
    picker.value = ["005930", "999999"]
    assert ["jt-strange" in chip._dom_classes for chip in picker.chips.children] == [False, True]


def test_of_very_many_the_first_are_shown_and_all_can_be_cleared(picker, text_of):
    picker.value = [f"{number:06d}" for number in range(500)]
    assert len(chips(picker)) == 24
    *_, more, clear = picker.chips.children
    assert text_of(more.value) == "… and 476 more"
    picker.search.value = "zz,"
    assert text_of(picker.said.value) == "not in the data: 'zz'"
    clear.click()
    assert (picker.value, picker.search.value, picker.said.value) == ([], "", "")


def test_the_list_is_as_tall_as_there_are_hits_from_2_to_8(told):
    codes = [f"{n:02d}" for n in range(20)]
    picker = SymbolPicker(SymbolTable(pl.DataFrame({"symbol": codes})), "x", prompt="", tell=told.append)
    rows = {}
    for picker.search.value in ("01", "10", "5", "0"):
        rows[picker.search.value] = (len(picker.hits.options), picker.hits.rows)
    assert rows == {"01": (1, 2), "10": (1, 2), "5": (2, 2), "0": (11, 8)}
    picker.search.value = "zz"
    assert picker.hits.layout.display == "none"


def test_a_callback_that_fails_is_told(told, picker, monkeypatch):
    monkeypatch.setattr(SymbolTable, "hits", lambda *_: 1 / 0)
    picker.search.value = "x"
    assert told == ["internal error: ZeroDivisionError: division by zero"]
