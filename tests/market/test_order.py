"""The order of bars: pieces of files put in their places, scattered rows sorted."""

from __future__ import annotations

from itertools import groupby

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jtscan as jt
from jtscan.domain.bars import ReadWindow
from jtscan.market.order import in_order


def frame_of(rows):
    kinds = {"symbol": pl.String, "timestamp": pl.Int64, "row": pl.Int64}
    return pl.DataFrame([(*key, row) for row, key in enumerate(rows)], schema=kinds, orient="row")


KEYS = st.tuples(st.sampled_from(["A", "B", "C", None]), st.one_of(st.none(), st.integers(0, 40)))


@given(st.lists(KEYS, max_size=60))
def test_any_rows_come_out_as_python_sorts_them(rows):
    last = ("~", 99)
    wanted = sorted(
        enumerate(rows),
        key=lambda each: tuple(end if key is None else key for key, end in zip(each[1], last, strict=True)),
    )
    made = in_order(frame_of(rows))
    assert len(list(groupby(made["symbol"]))) == made["symbol"].n_unique(), "rows of a symbol are apart"
    turns = sorted(made.rows(), key=lambda row: row[0] or last[0])  # symbols may come in any order
    assert [row for *_, row in turns] == [row for row, _ in wanted]


@given(st.permutations(range(8)), st.integers(17, 40))
def test_pieces_out_of_turn_are_put_in_their_places(turn, length):
    pieces = [[("AB"[piece // 4], piece * 100 + row) for row in range(length)] for piece in range(8)]
    shuffled = [key for piece in turn for key in pieces[piece]]
    whole = [key for piece in pieces for key in piece]
    assert in_order(frame_of(shuffled)).select("symbol", "timestamp").rows() == whole


def test_reading_symbols_of_a_store_sorts_no_rows(tmp_path, monkeypatch):
    """Pieces of a file come from DuckDB out of turn; only their runs are sorted."""
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2023, 12, 31), eager=True)
    symbols = pl.DataFrame({"symbol": [f"S{number:03}" for number in range(300)]})
    bars = symbols.join(pl.DataFrame({"timestamp": days}), how="cross").with_columns(
        close=pl.lit(1.0), volume=pl.lit(1.0)
    )
    jt.ingest(bars, tmp_path / "store")
    snapshot = jt.DuckDBPriceRepository(tmp_path / "store").snapshot(jt.Timeframe.D1)
    names = snapshot.symbols
    sorted_rows, sort = [], pl.DataFrame.sort

    def counted(frame, *by, **options):
        sorted_rows.append(frame.height)
        return sort(frame, *by, **options)

    monkeypatch.setattr(pl.DataFrame, "sort", counted)
    found = snapshot.read(names[20:276], ["close"], ReadWindow()).frame
    assert found.height == 256 * days.len()
    assert max(sorted_rows, default=0) < 2_000
    assert (
        found.select("symbol", "timestamp").rows()
        == sort(found, "symbol", "timestamp").select("symbol", "timestamp").rows()
    )


@pytest.mark.parametrize("rows", [[], [("A", 1)], [("A", 1), ("A", 1)]])
def test_what_is_in_order_is_given_back(rows):
    frame = frame_of(rows)
    assert in_order(frame) is frame
