"""What the language costs: comparisons across symbols, compiling, staging, hostile text; ratios of one run.

    python tests/benchmarks/language.py [FILE] [--rounds 5] [--texts 10000]

FILE is one Parquet file of daily bars (symbol, timestamp or date, open … volume);
without it a synthetic market of 500 symbols × 1,250 bars is made. Figures are medians.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
import tracemalloc
from functools import partial
from pathlib import Path

import polars as pl
import polars_talib as plta
from hypothesis import HealthCheck, given, settings
from scans import synthetic
from timing import Table, median_of

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.engines.steps.table import Spans
from jtscan.errors import FormulaError
from jtscan.formula import compile_formula

HERE = Path(__file__).parent
COLUMNS = dict.fromkeys(("open", "high", "low", "close", "volume"), "number")
BASE = "_r = roc(close, 60)\nmatch = close > sma(close, 200) and {}"
RANKED = {
    "without rank": BASE.format("_r > 10"),
    "rank(roc(close, 60)) > 0.9": BASE.format("rank(_r) > 0.9"),
    "universe_mean(close > sma(close, 200)) > 0.6": BASE.format("universe_mean(close > sma(close, 200)) > 0.6"),
    "rank(sma(rank(roc(close, 60)), 5)) > 0.9": BASE.format("rank(sma(rank(_r), 5)) > 0.9"),
    "close / ref(…, close) rises": BASE.format('_r > 10 and close / ref("{symbol}", close) > 0'),
    "weekly(close > sma(close, 10))": BASE.format("_r > 10 and weekly(close > sma(close, 10))"),
}
TEN = """match = (close > sma(close, 5) and sma(close, 5) > sma(close, 20) and ema(close, 12) > ema(close, 26)
  and rsi(close, 14) > 50 and wma(close, 10) > close * 0.9 and stdev(close, 20) > 0.1 and roc(close, 10) > 0
  and linreg(close, 14) > close * 0.9 and trix(close, 5) > 0)"""


def show(title, columns, rows):
    print(f"\n{Table(title=title, columns=columns, rows=rows)}")


# ── across symbols ────────────────────────────────────────────────────────────


def across(scanner, rounds):
    symbol = scanner.symbols()["symbol"][0]
    for title, options in {"every bar": {"start": "1900-01-01", "end": "2100-01-01"}, "the last 250 bars": {}}.items():
        rows, alone = [], None
        for name, text in RANKED.items():
            formula = text.replace("{symbol}", symbol)
            seconds = median_of(rounds, partial(scanner.scan, formula, **options))
            alone = alone or seconds
            matches = scanner.scan(formula, **options).signals.total_matches
            rows.append((name, seconds, seconds / alone, matches))
        show(f"across symbols, {title}", ("formula", "s", "ratio", "matches"), rows)


# ── compiling ─────────────────────────────────────────────────────────────────


def doublings(count):
    return "\n".join(["_x0 = close"] + [f"_x{n + 1} = _x{n} + _x{n}" for n in range(count)] + [f"_x{count} > 1"])


def thousand_nodes():
    return " and ".join(f"close > {n}" for n in range(245))


def compiling(rounds, bars):
    rows = []
    texts = {name: each.text for name, each in jt.library.items()}
    for name, text in {**texts, "b = a + a, 60 times": doublings(60), "about 1,000 nodes": thousand_nodes()}.items():
        formula = jt.Formula(text=text)
        seconds = median_of(rounds, lambda formula=formula: compile_formula(formula, COLUMNS))
        plan = compile_formula(formula, COLUMNS)
        made = sum(len(getattr(step, "expressions", ())) or 1 for each in plan.passes for step in each.steps)
        rows.append((name, seconds * 1000, made))
    show("compiling", ("formula", "compile ms", "nodes in steps"), rows)
    rows = []
    plans = {"close > 1": "close > 1", "b = a + a, 60 times": doublings(60), "about 1,000 nodes": thousand_nodes()}
    alone = None
    for name, text in plans.items():
        plan = compile_formula(jt.Formula(text=text), COLUMNS)
        seconds = median_of(rounds, lambda plan=plan: evaluate(plan.steps, bars))
        alone = alone or seconds
        rows.append((name, seconds * 1000, seconds / alone))
    show(f"evaluating {bars.height:,} bars", ("formula", "ms", "ratio to close > 1"), rows)


# ── the same stages by hand ───────────────────────────────────────────────────


def by_hand(bars):
    """Ten indicators once per symbol, the lookbacks nulled, the rest once for all: what TEN says, in Polars."""
    c = pl.col("close")
    indicators = {
        "sma5": (plta.sma(c, 5), 4), "sma20": (plta.sma(c, 20), 19), "ema12": (plta.ema(c, 12), 11),
        "ema26": (plta.ema(c, 26), 25), "rsi": (plta.rsi(c, 14), 14), "wma": (plta.wma(c, 10), 9),
        "stdev": (plta.stddev(c, 20, 1.0), 19), "roc": (plta.roc(c, 10), 10), "linreg": (plta.linearreg(c, 14), 13),
        "trix": (plta.trix(c, 5), 13),
    }  # fmt: skip
    lengths = bars["symbol"].rle().struct.field("len").cast(pl.Int64)
    starts = lengths.cum_sum() - lengths
    position = pl.int_range(bars.height, eager=True) - starts.gather(bars["symbol"].rle_id())
    inputs = bars.select("close")
    expressions = [expression.alias(name) for name, (expression, _) in indicators.items()]
    pieces = [
        inputs.slice(start, length).select_seq(expressions) for start, length in zip(starts, lengths, strict=True)
    ]
    frame = bars.hstack(pl.concat(pieces)).with_columns(position.alias("at"))
    frame = frame.with_columns(
        pl.when(pl.col("at") >= back).then(pl.col(name)) for name, (_, back) in indicators.items()
    )
    n = {name: pl.col(name) for name in indicators}
    return frame.with_columns(
        match=(c > n["sma5"]) & (n["sma5"] > n["sma20"]) & (n["ema12"] > n["ema26"]) & (n["rsi"] > 50)
        & (n["wma"] > c * 0.9) & (n["stdev"] > 0.1) & (n["roc"] > 0) & (n["linreg"] > c * 0.9) & (n["trix"] > 0)
    )  # fmt: skip


def staging(rounds, bars):
    plan = compile_formula(jt.Formula(text=TEN), COLUMNS)
    ours = evaluate(plan.steps, bars).frame[plan.signals["match"]]
    assert ours.fill_null(value=False).sum() == by_hand(bars)["match"].fill_null(value=False).sum()
    hand, made = median_of(rounds, lambda: by_hand(bars)), median_of(rounds, lambda: evaluate(plan.steps, bars))
    symbols = len(Spans.of_symbols(bars).starts)
    show(
        f"ten indicators, {symbols:,} symbols, {bars.height:,} bars in memory",
        ("", "s", "ratio"),
        [("Polars by hand", hand, 1.0), ("jtscan", made, made / hand)],
    )


# ── hostile text ──────────────────────────────────────────────────────────────


def hostile(count):
    spec = importlib.util.spec_from_file_location("test_fuzz", HERE.parent / "formula" / "test_fuzz.py")
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    worst = {"ms": (0.0, ""), "MiB": (0.0, "")}
    seen = {"valid": 0, "refused": 0}

    def one(text):
        for measure, so_far in worst.items():
            if measure == "MiB":
                tracemalloc.start()
            started = time.perf_counter()
            try:
                jt.describe(text, columns=COLUMNS)
                seen["valid"] += measure == "ms"
            except FormulaError:
                seen["refused"] += measure == "ms"
            taken = (time.perf_counter() - started) * 1000
            if measure == "MiB":
                taken = tracemalloc.get_traced_memory()[1] / 2**20
                tracemalloc.stop()
            worst[measure] = max(so_far, (taken, text))

    plain = settings(max_examples=count // 2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    for texts in (fuzz.soups, fuzz.mutations()):
        plain(given(texts)(one))()
    bombs = ["(" * 9_999, "not " * 2_400 + "x", "x" * 10_001, "-" * 9_999, "[" * 9_999, "a." * 4_999 + "a", "1" * 9_999,
             " and ".join(["x"] * 1_600), "+".join(["1"] * 4_999), "x=" * 4_999 + "1", "f(" * 3_000 + ")" * 3_000,
             "\n".join(["a = close"] * 900), "close" + "[1]" * 3_000, "9**" * 2_000 + "9"]  # fmt: skip
    for text in bombs:
        one(text)
    rows = [(measure, value, repr(text[:60])) for measure, (value, text) in worst.items()]
    told = f"{sum(seen.values()):,} texts: {seen['valid']:,} valid, {seen['refused']:,} refused"
    show(told, ("", "worst", "text"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or synthetic(folder)
        names = pl.read_parquet_schema(path)
        time_column = "timestamp" if "timestamp" in names else "date"
        scanner = jt.Scanner(prices=path, columns={"timestamp": time_column})
        bars = pl.scan_parquet(path).select("symbol", pl.col(time_column).alias("timestamp"), *COLUMNS).head(1_000_000)
        bars = bars.collect().drop_nulls().sort("symbol", "timestamp").with_columns(pl.col(*COLUMNS).cast(pl.Float64))
        across(scanner, arguments.rounds)
        compiling(arguments.rounds, bars.head(250_000))
        staging(arguments.rounds, bars.head(250_000))
        hostile(arguments.texts)


if __name__ == "__main__":
    main()
