"""Errors: what they are, what they say, and where the caret stands."""

from __future__ import annotations

import pytest

import jtscan as jt
from jtscan.errors import MissingExtraError

TREE = [
    (jt.RequestError, (jt.JtscanError, ValueError)),
    (jt.FormulaError, (jt.JtscanError, ValueError)),
    (jt.DataError, (jt.JtscanError,)),
    (jt.DataNotFoundError, (jt.DataError, FileNotFoundError)),
    (MissingExtraError, (jt.JtscanError, ImportError)),
]

# text, line, column, width; the source line and the caret below it
SHOWN = {
    "under the place": ("close > clos", 1, 9, 4, ["  close > clos", "          ^^^^"]),
    "in its own line": ("a = 1\nb = clos\nc = 2", 2, 5, 4, ["  b = clos", "      ^^^^"]),
    "at least one": ("close >", 1, 8, 0, ["  close >", "         ^"]),
    "not past the end": ("close > (", 1, 9, 50, ["  close > (", "          ^"]),
    "behind the end": ("close >", 1, 8, 1, ["  close >", "         ^"]),
    "under Hangul, which is two cells wide": ("종가 > clos", 1, 6, 4, ["  종가 > clos", "         ^^^^"]),
    "as wide as Hangul": ("종가 > 1", 1, 1, 2, ["  종가 > 1", "  ^^^^"]),
    "with tabs as spaces": ("a\t>\tclos", 1, 5, 4, ["  a > clos", "      ^^^^"]),
    "nowhere in an empty line": ("a\n\nb", 2, 1, 1, []),
    "nowhere outside of the text": ("a", 7, 1, 1, []),
}


@pytest.mark.parametrize(("error", "bases"), TREE)
def test_errors_are_builtin_errors_too(error, bases):
    assert error.__bases__ == bases


@pytest.mark.parametrize(("text", "line", "column", "width", "shown"), SHOWN.values(), ids=SHOWN)
def test_caret_stands(text, line, column, width, shown):
    error = jt.FormulaError("no", text=text, line=line, column=column, width=width)
    assert str(error).split("\n") == [f"line {line}, column {column}: no", *shown]


def test_long_line_is_cut_around_the_place():
    text = "x + " * 100 + "clos" + " + y" * 100
    head, source, caret = str(jt.FormulaError("no", text=text, line=1, column=401, width=4)).split("\n")
    assert head == "line 1, column 401: no"
    assert len(source) == 102
    assert source[caret.index("^") : caret.rindex("^") + 1] == "clos"


def test_cure_is_in_the_message_and_alone():
    error = jt.FormulaError("unknown name 'clos'", text="clos", line=1, column=1, hint="did you mean 'close'?")
    assert str(error).split("\n")[0] == "line 1, column 1: unknown name 'clos'; did you mean 'close'?"
    assert (error.message, error.hint) == ("unknown name 'clos'", "did you mean 'close'?")
    assert (error.text, error.line, error.column) == ("clos", 1, 1)


def test_error_of_the_whole_formula_has_no_place():
    error = jt.FormulaError("unknown parameter 'm'", text="close > 1", hint="the formula has: fast")
    assert str(error) == "unknown parameter 'm'; the formula has: fast"
    assert (error.line, error.column) == (None, None)


def test_a_notebook_shows_what_is_wrong_and_the_calls_of_the_user_alone():
    def find(formula):
        return jt.describe(formula)

    def daily():
        return find("cross_abov(close, 3)")

    with pytest.raises(jt.FormulaError) as caught:
        daily()
    message, *calls = caught.value._render_traceback_()
    assert message == f"FormulaError: {caught.value}"
    assert calls == ["  in find: return jt.describe(formula)", '  in daily: return find("cross_abov(close, 3)")']


def test_request_error_names_the_field():
    error = jt.RequestError("last", "0 is not a number of bars")
    assert (str(error), error.field) == ("last: 0 is not a number of bars", "last")


def test_missing_data_says_what_and_no_number():
    assert str(jt.DataNotFoundError("there is no folder x")) == "there is no folder x"
    assert str(jt.DataNotFoundError()) == ""


def test_missing_extra_says_how_to_get_it():
    error = MissingExtraError("the scan form", "notebook")
    assert str(error) == "the scan form needs packages that are not installed: pip install 'jtscan[notebook]'"
    assert error.extra == "notebook"
