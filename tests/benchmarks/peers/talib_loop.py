"""numpy and TA-Lib's C functions: one decoded file, a plain loop over the slices of the symbols."""

from __future__ import annotations

import numpy as np
import polars as pl
from masks import COLUMNS, MASKS
from timed import main


def scan(path, name):
    bars = pl.read_parquet(path, columns=["symbol", "date", *dict.fromkeys(["close", *COLUMNS[name]])]).rechunk()
    arrays = [bars[each].cast(pl.Float64).to_numpy() for each in COLUMNS[name]]
    ends = np.cumsum(bars["symbol"].rle().struct.field("len").to_numpy()).tolist()
    fires = np.zeros(bars.height, dtype=bool)
    for start, end in zip([0, *ends], ends, strict=False):
        fires[start:end] = MASKS[name](*(array[start:end] for array in arrays))
    return bars.filter(pl.Series(fires)).select("symbol", "date", "close")


if __name__ == "__main__":
    main(scan)
