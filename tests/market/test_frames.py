"""Frames of Polars, pandas and Arrow as frames of Polars: the same rows, or a refusal that names the culprit."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jtscan as jt
from jtscan.market.frames import as_polars

DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
INDEX = pd.DatetimeIndex(["2024-01-02", "2024-01-03"]).as_unit("ns")
PLAIN = {"symbol": ["A", "A"], "date": DAYS, "close": [10.0, 11.0], "volume": [1, 2]}
MOMENT = dt.datetime(2024, 1, 2, 9, 30)

FRAMES = {
    "polars": lambda: pl.DataFrame(PLAIN),
    "lazy": lambda: pl.LazyFrame(PLAIN),
    "pandas": lambda: pd.DataFrame(PLAIN),
    "pandas with timestamps": lambda: pd.DataFrame(PLAIN).assign(date=INDEX),
    "pandas with an index": lambda: pd.DataFrame(PLAIN).set_index("date"),
    "pandas with an index of two levels": lambda: pd.DataFrame(PLAIN).set_index(["symbol", "date"]),
    "pandas with categories": lambda: pd.DataFrame(PLAIN).astype({"symbol": "category"}),
    "pandas with objects": lambda: pd.DataFrame(PLAIN).astype(object),
    "pandas with whole numbers that may be missing": lambda: pd.DataFrame(PLAIN).astype({"volume": "Int64"}),
    "pandas of arrow": lambda: pd.DataFrame(PLAIN).convert_dtypes(dtype_backend="pyarrow"),
    "arrow": lambda: pa.table(PLAIN),
    "arrow batch": lambda: pa.record_batch(PLAIN),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_of_any_library_is_the_same_rows(make):
    found = as_polars(make())
    rows = found.select(
        pl.col("symbol").cast(pl.String),
        pl.col("date").cast(pl.Date),
        pl.col("close").cast(pl.Float64),
        pl.col("volume").cast(pl.Int64),
    )
    assert rows.rows() == list(zip(*PLAIN.values(), strict=True))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_pandas_may_be_of_any_unit(unit):
    found = as_polars(pd.DataFrame(PLAIN).assign(date=INDEX.as_unit(unit)))
    assert found["date"].cast(pl.Date).to_list() == DAYS


def objects(*values):
    return pd.Series(values, dtype=object)


COLUMNS = {
    "numbers": (objects(1.5, None), [1.5, None]),
    "whole numbers beside others": (objects(10, 1.5), [10.0, 1.5]),
    "numbers of numpy": (objects(np.float64(1.5), np.int64(2)), [1.5, 2.0]),
    "moments of numpy": (objects(np.datetime64("2024-01-02")), [DAYS[0]]),
    "texts and numbers": (objects(10.0, "x", None), ["10.0", "x", None]),
    "truths and numbers": (objects(True, 1), ["True", "1"]),
    "days and moments": (objects(DAYS[0], pd.Timestamp(MOMENT)), ["2024-01-02", "2024-01-02 09:30:00"]),
    "moments with nanoseconds": (objects(pd.Timestamp("2024-01-02 09:30:00.000000001")), [MOMENT]),
    "moments that may be missing": (pd.Series([MOMENT, None], dtype="datetime64[ns]"), [MOMENT, None]),
    "moments of arrow": (pd.Series([MOMENT], dtype="timestamp[ns][pyarrow]"), [MOMENT]),
    "days of arrow": (pd.Series(DAYS, dtype="date32[pyarrow]"), DAYS),
    "truths that may be missing": (pd.Series([True, None], dtype="boolean"), [True, None]),
    "decimals": (objects(Decimal("1.5"), None), [Decimal("1.5"), None]),
    "periods": (pd.Series(pd.PeriodIndex(DAYS, freq="D")), ["2024-01-02", "2024-01-03"]),
    "lists": (objects([1, 2]), ["[1, 2]"]),
    "nothing": (objects(None), [None]),
}


@pytest.mark.parametrize(("column", "values"), COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_of_pandas_is_its_values_or_their_text(column, values):
    assert as_polars(pd.DataFrame({"x": column}))["x"].to_list() == values


def test_a_moment_of_a_zone_keeps_its_wall_time():
    found = as_polars(pd.DataFrame({"x": pd.Series([MOMENT]).dt.tz_localize("Asia/Seoul")}))
    assert found["x"].dt.replace_time_zone(None).to_list() == [MOMENT]
    assert found.schema["x"] == pl.Datetime("us", "Asia/Seoul")


LEVELS = pd.MultiIndex.from_tuples([("Close", "A"), ("Close", "A")])
UNION = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
REFUSED = {
    "an index called as a column": (lambda: pd.DataFrame(PLAIN).set_index("date", drop=False), "the frame has 'date' 2 times"),
    "two columns of one name": (lambda: pd.DataFrame([[1.0, 2.0]], columns=["close", "close"]), "the frame has 'close' 2 times"),
    "two columns of one text": (lambda: pd.DataFrame({1: [1], "1": [2]}), "the frame has '1' 2 times"),
    "a ticker twice": (lambda: pd.DataFrame([[1.0, 2.0]], columns=LEVELS), r"the frame has \('Close', 'A'\) 2 times"),
    "a number that is too large": (lambda: pd.DataFrame({"x": objects(10**60)}), "column 'x' of the frame cannot be read: int value too large"),
    "a column of arrow that polars has not": (lambda: pa.table({"u": UNION}), "Table cannot be read as a frame: "),
    "a lazy frame of nothing": (lambda: pl.scan_parquet("nowhere.parquet"), "LazyFrame cannot be read as a frame: "),
    "a lazy frame that fails": (lambda: pl.LazyFrame({"a": [1]}).select("b"), "LazyFrame cannot be read as a frame: .*b"),
    "one column of pandas": (lambda: pd.Series([1.0]), "Series cannot be read as a frame: "),
    "a dict": (lambda: {"close": [1.0]}, "dict is neither a path nor a Polars, pandas or Arrow frame"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_named(make, said):
    with pytest.raises(jt.RequestError, match=f"source: {said}"):
        as_polars(make())


def test_a_fault_of_ours_is_no_bad_frame(monkeypatch):
    def slip(_):
        raise KeyError("ours")

    monkeypatch.setattr("jtscan.market.frames._values", slip)
    with pytest.raises(KeyError, match="ours"):
        as_polars(pd.DataFrame(PLAIN))


def test_frames_of_others_are_read_without_pandas():
    code = "import polars, sys; from jtscan.market.frames import as_polars; as_polars(polars.LazyFrame({'a': [1]})); print('pandas' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
