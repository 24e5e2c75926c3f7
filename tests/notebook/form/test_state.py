"""The state of a form: out, through JSON, and back; what cannot be used is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jtscan.notebook.form import ScanForm
from jtscan.notebook.form.editor import EXAMPLE
from jtscan.notebook.form.span import RANGES

CODES = st.lists(st.sampled_from(["005930", "000660", "999999", "KOSPI200", "한글"]), unique=True, max_size=3)
TEXTS = st.sampled_from(
    [EXAMPLE, "close > 1", "close >", "", "n = param(20, 5, 60)\nbuy = close > n\ngap = close - n", "삼 > '\"<&"]
)
PLAIN = {
    "market": st.lists(st.sampled_from(["KOSPI", "KOSDAQ", "INDEX"]), unique=True),
    "sector": st.lists(st.sampled_from(["반도체", "화학", "은행"]), unique=True),
    "symbols": CODES,
    "exclude": CODES,
    "timeframe": st.sampled_from(["5m", "1d", "1mo"]),
    "range": st.sampled_from([value for _, value in RANGES]),
    "start": st.none() | st.dates().map(str),
    "end": st.none() | st.dates().map(str),
    "top": st.integers(0, 100),
    "first": st.booleans(),
    "full": st.booleans(),
    "sort_by": st.sampled_from(["timestamp", "-close"]),
    "library": st.sampled_from(["", "turtle", "golden_cross"]),
    "formula": TEXTS,
    "drafts": st.dictionaries(st.sampled_from(["", "turtle", "squeeze_release"]), TEXTS),
    "parameters": st.dictionaries(st.sampled_from(["n", "fast"]), st.integers(5, 60)),
}
SCRAP = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)


@pytest.fixture(scope="module")
def forms(sample):
    """Two forms that are used again and again: what was before must not matter."""
    return ScanForm(sample), ScanForm(sample)


FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(state=st.fixed_dictionaries({}, optional=PLAIN))
def test_a_state_comes_back_through_json(forms, state):
    one, other = forms
    one.restore({"jtscan_form": 1, **state})
    kept = json.loads(json.dumps(one.state, allow_nan=False))
    problems = other.restore(kept)
    assert other.state == one.state
    assert all("not in the data" in problem for problem in problems)


@FEW
@given(
    state=st.dictionaries(
        st.sampled_from([*PLAIN, "other", "jtscan_form"]), SCRAP | st.dictionaries(st.text(max_size=2), SCRAP)
    )
)
def test_no_state_whatever_raises(forms, state):
    form, _ = forms
    problems = form.restore({"jtscan_form": 1, **state})
    assert all(problem.split(":")[0] in {*PLAIN, "other", "state"} for problem in problems)
    assert "internal error" not in form.notice.value
    json.dumps(form.state, allow_nan=False)


def test_a_form_is_saved_to_a_file_and_opened_from_it(sample, form, choose, tmp_path):
    choose(form, market=["KOSPI"], exclude=["000660"], last="1 year", timeframe="1w")
    form.library.value = "golden_cross"
    form.parameters.controls["fast"].value = 20
    assert form.save(str(tmp_path / "mine.json")) == tmp_path / "mine.json"
    again = sample.form(tmp_path / "mine.json")
    assert again.state == form.state
    assert again.notice.value == ""
    assert again.request.parameters == {"fast": 20, "slow": 200}
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"market": ["KOSPI", "KOSPY"]}, "market: 'KOSPY' (did you mean 'KOSPI'?) is not there; there are: INDEX, KOSDAQ, KOSPI"),
        ({"symbols": ["005930", "5930"]}, "symbols: not in the data: '5930' (did you mean '005930'?)"),
        ({"exclude": 5930}, "exclude: 5930 cannot be chosen here"),
        ({"timeframe": "2d"}, "timeframe: '2d' is not known; there are: 1m, 5m, 15m, 30m, 60m, 1d, 1w, 1mo"),
        ({"timeframe": "1m"}, "timeframe: '1m' cannot be chosen here"),
        ({"range": 33}, "range: 33 cannot be chosen here"),
        ({"range": None}, "range: None cannot be chosen here"),
        ({"library": None}, "library: None cannot be chosen here"),
        ({"start": "soon"}, "start: 'soon' is not a date; write it as '2024-01-31' or '2024-01-31T09:30'"),
        ({"library": "gone"}, "library: 'gone' cannot be chosen here"),
        ({"parameters": {"fast": 900}}, "parameters: fast = 900 is above its highest value, 60"),
        ({"parameters": {"fats": 5}}, "parameters: the formula has no fats"),
        ({"drafts": {"gone": "x"}}, "drafts: some are of formulas that the library does not have"),
        ({"colour": "red"}, "colour: no control has this name"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_the_rest_is_set(form, text_of, given, said):
    problems = form.restore({"jtscan_form": 1, **given, "top": 7})
    assert problems == [said]
    assert text_of(form.notice.value) == said
    assert form.options.top.value == 7


def test_of_several_names_those_that_there_are_are_chosen(form):
    form.restore({"jtscan_form": 1, "market": ["KOSPI", "GONE"]})
    assert form.market.value == ["KOSPI"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not the state of a form: Expecting value"),
        ('{"jtscan_form": 1, "market"', "is not the state of a form: Expecting"),
        ("[1]", "this is not the state of a form: [1]"),
        ("{}", "this is not the state of a form: {}"),
        ('{"jtscan_form": 99}', "it is of version 99; this form reads version 1"),
        ("[" * 100_000, "is not the state of a form: "),
        (b"\xff\xfe", "is not the state of a form: "),
    ],
)
def test_a_damaged_file_is_refused_and_changes_nothing(form, text_of, tmp_path, content, said):
    before = form.state
    path = tmp_path / "state.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (problem,) = form.restore(path)
    assert said in problem
    assert text_of(form.notice.value).startswith("state: ")
    assert form.state == before


def test_a_file_that_is_not_there_is_told(form, tmp_path):
    (problem,) = form.restore(tmp_path / "none.json")
    assert problem == f"state: {tmp_path / 'none.json'} cannot be read: No such file or directory"


def test_a_file_that_cannot_be_written_is_refused(form, tmp_path):
    with pytest.raises(ValueError, match="path: .*there is no folder .*no folder; make it first"):
        form.save(tmp_path / "no folder" / "state.json")


def test_the_text_of_ones_own_is_kept_beside_the_library(form, sample):
    form.formula.value = "close > 123"
    form.library.value = "turtle"
    again = sample.form(form.state)
    assert again.formula.value == form.formula.value
    again.library.value = ""
    assert again.formula.value == "close > 123"


def test_the_same_state_twice_keeps_the_text_of_a_changed_formula(form):
    form.library.value = "turtle"
    form.formula.value += "\n# mine"
    state = form.state
    form.restore(state)
    form.library.value = ""
    form.library.value = "turtle"
    assert form.formula.value.endswith("# mine")
    assert [name for text, name in form.library.options if text.endswith("(changed)")] == ["turtle"]
