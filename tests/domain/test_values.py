"""Values are checked where they are made, and the error names the field."""

from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import FrozenInstanceError, replace

import polars as pl
import pytest

from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula, as_formula
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import BatchScanRequest
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import FormulaError, RequestError

DAY = dt.date(2024, 5, 13)


def request(**changes):
    given = {
        "symbol_criteria": SymbolCriteria(), "timeframe": "1d", "date_range": DateRange(), "formula": "close > 1",
    }  # fmt: skip
    return BatchScanRequest(**{**given, **changes})


@pytest.mark.parametrize(
    ("make", "field", "fragment"),
    [
        (lambda: Timeframe.parse("2d"), "timeframe", "there are: 1m, 5m, 15m, 30m, 60m, 1d, 1w, 1mo"),
        (lambda: Timeframe.parse(5), "timeframe", "5 is not known"),
        (lambda: DateRange(start="13.05.2024"), "start", "write it as '2024-01-31'"),
        (lambda: DateRange(end=20240513), "end", "20240513 is not a date"),
        (lambda: DateRange(start="2024-05-13", end="2024-05-12"), "start", "2024-05-13 is after the end, 2024-05-12"),
        (lambda: DateRange(start=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)), "start", "has a time zone"),
        (lambda: DateRange(last=0), "last", "0 is not a number of bars"),
        (lambda: DateRange(last=True), "last", "True is not a number of bars"),
        (lambda: DateRange(last=5, end=DAY), "last", "either last= or start= and end="),
        (lambda: SymbolCriteria(symbols="005930"), "symbols", "write a list: ['005930']"),
        (lambda: SymbolCriteria(symbols=[5930]), "symbols", "5930 is not text"),
        (lambda: SymbolCriteria(symbols=7), "symbols", "7 is not a list of symbols"),
        (lambda: SymbolCriteria(exclude="005930"), "exclude", "write a list"),
        (lambda: SymbolCriteria(exclude=[" "]), "exclude", "holds an empty symbol"),
        (lambda: SymbolCriteria(market=""), "market", "'' is not the name of a market"),
        (lambda: SymbolCriteria(sector=3), "sector", "3 is not the name of a sector"),
        (lambda: SymbolCriteria(sector=["IT", 3]), "sector", "3 is not the name of a sector"),
        (lambda: SymbolCriteria(market=[]), "market", "the list is empty; leave it out for every market"),
        (lambda: SymbolCriteria(index=["K", " "]), "index", "' ' is not the name of an index"),
        (
            lambda: SymbolCriteria(where="kind=stock"),
            "where",
            "write a dict of columns and values, such as {'kind': 'stock'}",
        ),
        (lambda: SymbolCriteria(where=5), "where", "5 is not a dict"),
        (lambda: SymbolCriteria(where={1: "stock"}), "where", "1 is not the name of a column"),
        (lambda: SymbolCriteria(where={"": "stock"}), "where", "'' is not the name of a column"),
        (lambda: SymbolCriteria(where={"kind": []}), "where", "kind: the list of values is empty"),
        (
            lambda: SymbolCriteria(where={"kind": {"a": 1}}),
            "where",
            "kind: {'a': 1} is no text, number, date, True, False or None",
        ),
        (lambda: SymbolCriteria(where={"par": float("nan")}), "where", "par: nan is no text, number"),
        (lambda: Formula(text=3), "formula", "int is not a formula"),
        (
            lambda: Formula(text="close > n", parameters={"n": float("nan")}),
            "parameters",
            "n = nan is not a finite number",
        ),
        (
            lambda: Formula(text="close > n", parameters={"n": "5"}),
            "parameters",
            "n = '5' is not a finite number below 1e15; write a number without quotes",
        ),
        (lambda: Formula(text="close > n", parameters={"n": True}), "parameters", "n = True is not a finite number"),
        (lambda: Formula(text="close > n", parameters=[1]), "parameters", "[1] is not a dict"),
        (lambda: PolarsFormula(signals={}, lookback=0), "formula", "the dict of expressions is empty"),
        (lambda: PolarsFormula(signals={"a": 1}, lookback=0), "formula", "signal 'a' is int"),
        (lambda: PolarsFormula(signals={"a": pl.col("x")}, lookback=-1), "lookback", "-1 is not a number of bars"),
        (lambda: as_formula(pl.col("close") > 1), "lookback", "needs lookback="),
        (lambda: as_formula("close > 1", lookback=3), "lookback", "only for Polars expressions"),
        (lambda: request(symbol_criteria=["005930"]), "symbol_criteria", "is not a SymbolCriteria"),
        (lambda: request(date_range="2024"), "date_range", "'2024' is not a DateRange"),
        (lambda: request(top=0), "top", "0 is not a number of matches"),
        (lambda: request(sort_by=""), "sort_by", "is not the name of a column"),
        (lambda: request(warmup="none"), "warmup", "'none' is neither 'auto' nor 'full'"),
        (
            lambda: ProcessingJob(id="", symbols=[], timeframe="1d", date_range=DateRange(), formula="c > 1"),
            "id",
            "needs an id",
        ),
        (
            lambda: ProcessingJob(
                id="1",
                symbols=[],
                timeframe="1d",
                date_range=DateRange(),
                formula="c > 1",
                members=pl.DataFrame({"symbol": ["A"]}),
            ),
            "members",
            "needs the columns symbol, start, end; it has: symbol",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_field(make, field, fragment):
    with pytest.raises(RequestError) as error:
        make()
    assert error.value.field == field
    assert str(error.value).startswith(f"{field}: ")
    assert fragment in str(error.value)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_formula_is_refused(text):
    with pytest.raises(FormulaError, match="the formula is empty; write a condition"):
        Formula(text=text)


def test_symbols_keep_their_order_and_lose_duplicates():
    assert SymbolCriteria(symbols=["B", "A", " B", "C"]).symbols == ("B", "A", "C")
    assert SymbolCriteria(symbols=[]).symbols == ()
    assert SymbolCriteria().symbols is None


@pytest.mark.parametrize(
    ("text", "timeframe"), [("1d", "1d"), ("Daily", "1d"), ("1h", "60m"), (" 5M ", "5m"), ("1mo", "1mo"), ("w", "1w")]
)
def test_timeframes_are_read_as_people_write_them(text, timeframe):
    assert Timeframe.parse(text) == timeframe


@pytest.mark.parametrize(
    ("given", "timeframe", "bounds"),
    [
        ({"start": "2024-05-13"}, Timeframe.D1, (DAY, None)),
        ({"start": "20240513", "end": "2024-05-13T10:00"}, Timeframe.D1, (DAY, DAY)),
        (
            {"start": DAY, "end": DAY},
            Timeframe.M5,
            (dt.datetime(2024, 5, 13), dt.datetime(2024, 5, 13, 23, 59, 59, 999999)),
        ),
        ({"end": "2024-05-13T10:00"}, Timeframe.M1, (None, dt.datetime(2024, 5, 13, 10))),
    ],
)
def test_ranges_include_both_ends_in_the_type_of_the_timeframe(given, timeframe, bounds):
    assert DateRange(**given).bounds(timeframe) == bounds


def test_without_anything_a_range_is_the_last_250_bars():
    assert DateRange().last == 250
    assert DateRange(start=DAY).last is None
    assert [str(DateRange()), str(DateRange(last=1)), str(DateRange(start=DAY))] == [
        "the last 250 bars", "the newest bar", "2024-05-13 to the newest bar"]  # fmt: skip


def test_values_are_frozen_and_a_change_is_a_new_object():
    formula = Formula(text="close > n", parameters={"n": 5})
    assert replace(formula, parameters={"n": 6}).parameters == {"n": 6}
    assert formula.parameters == {"n": 5}
    with pytest.raises(FrozenInstanceError):
        formula.text = "open > n"


def test_a_result_knows_its_status_from_what_it_holds():
    none = pl.DataFrame({"symbol": []})
    assert ProcessingResult(symbol="A", matches=none).status is Status.NO_MATCH
    assert ProcessingResult(symbol="A", matches=pl.DataFrame({"symbol": ["A"]})).status is Status.MATCHED
    assert ProcessingResult(symbol="A", matches=none, error="torn").status is Status.FAILED


def test_a_token_is_cancelled_once_and_for_all():
    token = CancellationToken()
    assert not token.is_cancelled
    token.cancel()
    token.cancel()
    assert token.is_cancelled


FULL = SymbolCriteria(
    market="KOSPI",
    sector=["IT", "Chips", "IT"],
    index=["K2"],
    where={"kind": ["stock", None], "managed": False},
    exclude=["A"],
)


def test_names_and_values_are_kept_as_tuples():
    assert (FULL.market, FULL.sector, FULL.index) == (("KOSPI",), ("IT", "Chips"), ("K2",))
    assert FULL.where == (("kind", ("stock", None)), ("managed", (False,)))
    assert FULL.filters == (("market", ("KOSPI",)), ("sector", ("IT", "Chips")), ("index", ("K2",)), *FULL.where)
    assert replace(FULL, symbols=["A"]).filters == ()


def test_criteria_are_equal_hashable_and_can_be_sent():
    again = SymbolCriteria(
        market=("KOSPI",), sector=("IT", "Chips"), index="K2", where=dict(FULL.where), exclude=("A",)
    )
    assert again == FULL == replace(FULL) == pickle.loads(pickle.dumps(FULL))  # noqa: S301 - our own
    assert hash(again) == hash(FULL)
    assert again != replace(FULL, where={"kind": "stock"})


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        (SymbolCriteria(), "every symbol"),
        (FULL, "KOSPI · IT or Chips · K2 · kind stock or unknown · managed False, without 1"),
        (SymbolCriteria(market=list("ABCDEFG")), "A or B or C or D or E and 2 more"),
        (SymbolCriteria(symbols=list("ABCDEFG"), market="X"), "A, B, C, D, E and 2 more"),
        (SymbolCriteria(symbols=[], exclude=["A"]), "no symbols, without 1"),
    ],
)
def test_criteria_in_words_stay_short(criteria, text):
    assert str(criteria) == text
