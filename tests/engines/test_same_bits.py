"""Whatever the formula, the engine and the size of its chunks: the same bits, the same account."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from engines.same import assert_same, told
from formula.test_fuzz import LABELS, MANY_ENGINE, MARKET, REFUSED, SCANS, formulas, formulas_across, make_bars
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula
from jtscan.domain.jobs import ProcessingJob
from jtscan.errors import FormulaError

FEW = settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)  # fmt: skip
BARS = pl.concat([MARKET, *(make_bars(name, length, length) for name, length in (("F", 33), ("G", 2), ("H", 40)))])
SYMBOLS = ["H", "A", "Z", "C", "F", "B", "E", "G", "D"]
CHUNKS = st.sampled_from([1, 7, 40, 100, 250_000])
RANGES = st.sampled_from(
    [DateRange(start=dt.date(2024, 1, 1)), DateRange(start=dt.date(2024, 1, 24)), DateRange(last=3)]
)
ENGINES = ["threads:2", "processes:2", pytest.param("dask", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    BARS.write_parquet(path)
    return path


def job(text, date_range, universe, parameters):
    return ProcessingJob(
        id="bits", symbols=SYMBOLS, timeframe=Timeframe.D1, formula=Formula(text=text), date_range=date_range,
        labels=LABELS, universe=universe, parameters=parameters,
    )  # fmt: skip


def bits(frame):
    """Floats as the integers that their bits are: zero has two signs."""
    return frame.with_columns(pl.selectors.float().reinterpret(signed=False))


@pytest.fixture
def check(engine_on, prices):
    """Compare an engine with the sequential one, on chunks of other sizes."""

    def checked(where, text, chunks, date_range, universe, parameters=None):
        asked = job(text, date_range, universe, parameters or {})
        try:
            expected = engine_on(prices, chunk_bars=chunks[0]).process_batch(asked)
        except FormulaError as error:
            assume(not REFUSED.search(str(error)))
            raise
        results = engine_on(prices, where, chunk_bars=chunks[1]).process_batch(asked)
        assert_same(results, expected)
        for one, other in zip(results, expected, strict=True):
            assert bits(one.matches).equals(bits(other.matches)), told(one)
        return results

    return checked


GIVEN = given(
    text=formulas() | formulas_across(),
    chunks=st.tuples(CHUNKS, CHUNKS),
    date_range=RANGES,
    universe=st.sampled_from([None, ["A", "B", "C", "D", "E"]]),
)


@pytest.mark.parametrize("where", ENGINES)
@FEW
@GIVEN
def test_any_formula_has_the_same_bits_on_every_engine_and_chunk_size(check, where, text, chunks, date_range, universe):
    check(where, text, chunks, date_range, universe)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["threads:2", "processes:2", "dask"])
@MANY_ENGINE
@GIVEN
def test_many_formulas_have_the_same_bits_on_every_engine_and_chunk_size(
    check, where, text, chunks, date_range, universe
):
    check(where, text, chunks, date_range, universe)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["threads:2", "processes:2"])
@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: scan["name"])
def test_the_formulas_of_the_answers_have_the_same_bits(check, where, scan):
    check(where, scan["text"], (250_000, 40), DateRange(start=dt.date(2024, 1, 1)), None, scan["parameters"])
