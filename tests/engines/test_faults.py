"""A thousand symbols of which a hundred have twenty kinds of fault: 900 right, 100 reported, none lost, everywhere."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from engines import faulty_market as kit
from engines.same import assert_same

from jtscan.domain.jobs import Status
from jtscan.testing import ProgressRecorder

ENGINES = ["sequential", "threads:2", "processes:2", "dask"]
CHUNKS = [1, 1_000, 250_000]


class Case:
    """A market, what the sequential engine gives of it, and of those alone who are right."""

    def __init__(self, market, engine_on):
        self.market = market
        self.sequential = engine_on(market.prices, functions=kit.ROWS).process_batch(kit.job(market.symbols))
        self.alone = {
            each.symbol: each
            for each in engine_on(market.right_prices, functions=kit.ROWS).process_batch(kit.job(market.right))
        }

    def check(self, results):
        """Check that everybody is there, once and in order, right or reported."""
        assert [each.symbol for each in results] == self.market.symbols
        for result in results:
            fault = self.market.faults.get(result.symbol)
            if fault is None:
                self._check_right(result)
            else:
                self._check_reported(result, kit.KINDS[fault])
        assert_same(results, self.sequential)

    def _check_right(self, result):
        expected = self.alone[result.symbol]
        assert (result.status, result.error, result.bars) == (expected.status, None, kit.BARS), result
        assert result.rows.duplicates == (3 if self.market.mended.get(result.symbol) == "equal rows" else 0)
        assert result.last_bar == expected.last_bar
        assert result.matches.equals(expected.matches, null_equal=True), result.symbol

    def _check_reported(self, result, kind):
        assert (result.status, result.bars, result.rows) == (kind.status, kind.bars, kind.rows), result
        assert re.fullmatch(kind.reason.replace("{symbol}", result.symbol), result.error, re.DOTALL), result
        assert result.matches.height == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory, place_at):
    return kit.make_folder(tmp_path_factory.mktemp("small"), 100, each=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return kit.make_folder(tmp_path_factory.mktemp("large"), 1_000)


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    return kit.make_file(tmp_path_factory.mktemp("file"), 1_000)


@pytest.fixture(scope="module")
def case_of():
    """Cases, made once each."""
    made = {}

    def of(market, engine_on):
        if market.prices not in made:
            made[market.prices] = Case(market, engine_on)
        return made[market.prices]

    return of


def run(case, engine_on, where, chunk_bars):
    heard = ProgressRecorder()
    engine = engine_on(case.market.prices, where, chunk_bars=chunk_bars, functions=kit.ROWS)
    results = engine.process_batch(kit.job(case.market.symbols), heard, observer=heard)
    case.check(results)
    count = len(case.market.symbols)
    assert heard.calls == [(number, count) for number in range(1, count + 1)]
    assert [each.symbol for each in heard.results] == case.market.symbols
    assert heard.warnings == []
    return results


def test_there_are_twenty_kinds_of_fault_and_900_symbols_without_one(large):
    assert Counter(large.faults.values()) == dict.fromkeys(kit.KINDS, 5)
    assert (len(large.symbols), len(large.right), len(kit.KINDS)) == (1_000, 900, 20)


@pytest.mark.parametrize("where", ENGINES[:3])
def test_the_right_are_right_and_each_fault_is_reported(small, case_of, engine_on, where):
    results = run(case_of(small, engine_on), engine_on, where, 1_000)
    assert sum(each.matches.height for each in results) > 500


@pytest.mark.slow
@pytest.mark.parametrize("chunk_bars", CHUNKS)
@pytest.mark.parametrize("where", ENGINES)
def test_of_a_thousand_symbols_900_are_right_and_100_are_reported(large, case_of, engine_on, where, chunk_bars):
    results = run(case_of(large, engine_on), engine_on, where, chunk_bars)
    assert Counter(each.status for each in results) == {
        Status.MATCHED: 900, Status.FAILED: 60, Status.NO_DATA: 35, Status.TOO_LITTLE_HISTORY: 5,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("chunk_bars", CHUNKS)
@pytest.mark.parametrize("where", ENGINES)
def test_so_it_is_in_one_file_of_all_symbols(large_file, case_of, engine_on, where, chunk_bars):
    run(case_of(large_file, engine_on), engine_on, where, chunk_bars)
