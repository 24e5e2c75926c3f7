"""pandas: groupby, TA-Lib on the arrays of each group, the matching rows put together."""

from __future__ import annotations

import pandas as pd
from masks import COLUMNS, MASKS
from timed import main


def scan(path, name):
    bars = pd.read_parquet(path, columns=["symbol", "date", *dict.fromkeys(["close", *COLUMNS[name]])])
    found = []
    for _, group in bars.groupby("symbol", sort=False):
        fires = MASKS[name](*(group[each].to_numpy(dtype=float) for each in COLUMNS[name]))
        found.append(group.loc[fires, ["symbol", "date", "close"]])
    return pd.concat(found)


if __name__ == "__main__":
    main(scan)
