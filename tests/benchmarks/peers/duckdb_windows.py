"""DuckDB: S1 and S2 as SQL windows.

An average that remembers, e = a x + (1 - a) e, is no window. Divided by
(1 - a) ** i it is a running sum, whose weights ``share`` gives: as in TA-Lib it
begins with the mean of n values from bar ``first``. It fits a double for some
thousand bars. Sums of windows differ in the last bits from TA-Lib's, so
matches at ties do.
"""

from __future__ import annotations

import duckdb
from timed import main

MACROS = """
CREATE MACRO share(i, first, n, a) AS CASE
    WHEN i < first THEN 0
    WHEN i < first + n THEN (1 - a) ** (1 - first - n) / n
    ELSE a * (1 - a) ** -i END
"""
NUMBERED = """numbered AS (
    SELECT *, row_number() OVER bars - 1 AS i, lag(close) OVER bars AS before FROM read_parquet('{path}')
    WINDOW bars AS (PARTITION BY symbol ORDER BY date))"""
WINDOWS = """
    until AS (PARTITION BY symbol ORDER BY date ROWS UNBOUNDED PRECEDING),
    five AS (PARTITION BY symbol ORDER BY date ROWS 4 PRECEDING),
    twenty AS (PARTITION BY symbol ORDER BY date ROWS 19 PRECEDING),
    year AS (PARTITION BY symbol ORDER BY date ROWS BETWEEN 252 PRECEDING AND 1 PRECEDING),
    bars AS (PARTITION BY symbol ORDER BY date)"""
S1 = f"""
WITH {NUMBERED}, averaged AS (
    SELECT symbol, date, close, i, avg(close) OVER five AS fast, avg(close) OVER twenty AS slow,
        sum(greatest(close - before, 0) * share(i, 1, 14, 1 / 14)) OVER until AS gains,
        sum(greatest(before - close, 0) * share(i, 1, 14, 1 / 14)) OVER until AS losses
    FROM numbered WINDOW {WINDOWS})
SELECT symbol, date, close FROM averaged WINDOW {WINDOWS}
QUALIFY i >= 20 AND fast > slow AND lag(fast) OVER bars <= lag(slow) OVER bars AND gains > losses
"""
S2 = f"""
WITH {NUMBERED}, averaged AS (
    SELECT symbol, date, close, volume, i, max(high) OVER year AS highest, avg(volume) OVER twenty AS usual,
        avg(close) OVER twenty + 2 * stddev_pop(close) OVER twenty AS upper,
        (13 / 14) ** i * sum(greatest(high - low, abs(high - before), abs(low - before)) * share(i, 1, 14, 1 / 14))
            OVER until AS atr,
        (11 / 13) ** i * sum(close * share(i, 14, 12, 2 / 13)) OVER until
            - (25 / 27) ** i * sum(close * share(i, 0, 26, 2 / 27)) OVER until AS line
    FROM numbered WINDOW {WINDOWS}), signalled AS (
    SELECT *, 0.8::DOUBLE ** i * sum(line * share(i, 25, 9, 0.2::DOUBLE)) OVER until AS signal
    FROM averaged WINDOW {WINDOWS})
SELECT symbol, date, close FROM signalled
WHERE i >= 252 AND close >= highest AND volume > 2 * usual AND line > signal AND atr / close < 0.05 AND upper < close
"""
SCANS = {"S1": S1, "S2": S2}


def scan(path, name):
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        return connection.sql(SCANS[name].format(path=path)).pl()


if __name__ == "__main__":
    main(scan)
