"""Two runs of one job that must be the same."""

from __future__ import annotations


def told(result):
    """All that a result says of its symbol, but how long it took."""
    return result.symbol, result.status, result.error, result.bars, result.rows, result.last_bar


def assert_same(results, expected):
    """The same symbols, accounts and matches, to the bit."""
    assert [told(each) for each in results] == [told(each) for each in expected]
    for one, other in zip(results, expected, strict=True):
        assert one.matches.schema == other.matches.schema, one.symbol
        assert one.matches.equals(other.matches, null_equal=True), one.symbol
