"""Each of TA-Lib's 201 functions through the table gives what the ``talib`` package gives, also on hostile bars.

The expected values come from the ``talib`` package (another binding, built apart): names, order of
inputs and parameters, lookbacks and values. Holes are worked out by brute force in plain Python: each
run of bars on which all inputs are known and finite is handed to ``talib`` as if it were the whole
history, its first lookback values are dropped, and what is not finite is unknown.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, reduce
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from talib import abstract

import jtscan as jt
from jtscan.engines.steps.evaluate import evaluate
from jtscan.formula import compile_formula
from jtscan.formula.table import rows

UNKNOWN = np.nan
PRICES = ("open", "high", "low", "close", "volume")
SERIES = ("per", "other", "lengths")
COLUMNS = (*PRICES, *SERIES)
NAMES = sorted(name.lower() for name in talib.get_functions())
FIELDS = {"obv": ("close", "volume")}
"""Inputs that ``talib`` calls a series although the function is about a bar's own price."""
SEVERAL_SERIES = {"price0": "per", "price1": "other", "periods": "lengths"}

Columns = Mapping[str, np.ndarray]


# ── what talib says and gives ────────────────────────────────────────────────


@cache
def info(name: str) -> Mapping:
    return abstract.Function(name.upper()).info


@cache
def inputs_of(name: str) -> tuple[str, ...]:
    """The columns that a function is given here: price fields as they are, one series is ``per``."""
    if name in FIELDS:
        return FIELDS[name]
    found: list[str] = []
    for key, given in info(name)["input_names"].items():
        found += given if isinstance(given, list) else [SEVERAL_SERIES.get(key, "per")]
    return tuple(found)


def lookback_of(name: str, parameters: Sequence[float]) -> int:
    function = abstract.Function(name.upper())
    given = zip(info(name)["parameters"].items(), parameters, strict=True)
    function.parameters = {each: type(default)(value) for (each, default), value in given}
    return function.lookback


@cache
def outputs_of(name: str) -> list[str]:
    names = list(info(name)["output_names"])
    return names if len(names) > 1 else [""]


@dataclass(frozen=True)
class Case:
    """A function with parameters."""

    name: str
    parameters: tuple[float, ...]
    lookback: int = field(compare=False)

    @classmethod
    def of(cls, name: str, parameters: Iterable[float] | None = None) -> Case:
        values = tuple(info(name)["parameters"].values() if parameters is None else parameters)
        return cls(name, values, lookback_of(name, values))

    @cached_property
    def texts(self) -> list[str]:
        """One formula per output, the function under its own name with ta_ before it."""
        series = [each for each in inputs_of(self.name) if each in SERIES]
        call = f"ta_{self.name}({', '.join([*series, *(f'{each:g}' for each in self.parameters)])})"
        return [f"{call}.{output}" if output else call for output in outputs_of(self.name)]

    def on(self, columns: Columns) -> list[np.ndarray]:
        """Run talib over each run of bars on which all inputs are known and finite."""
        inputs = [columns[each] for each in inputs_of(self.name)]
        values = [np.full(len(inputs[0]), UNKNOWN) for _ in outputs_of(self.name)]
        known = reduce(np.logical_and, map(np.isfinite, inputs))
        for begin, end in runs(known):
            made = getattr(talib, self.name.upper())(*(each[begin:end].copy() for each in inputs), *self.parameters)
            for value, each in zip(values, made if isinstance(made, tuple | list) else [made], strict=True):
                value[begin + self.lookback : end] = each[self.lookback :]
        return [np.where(np.isfinite(value), value, UNKNOWN) for value in values]


def runs(known: np.ndarray) -> Iterable[tuple[int, int]]:
    begin = 0
    for is_known, members in groupby(known.tolist()):
        end = begin + len(list(members))
        if is_known:
            yield begin, end
        begin = end


# ── what jtscan gives ────────────────────────────────────────────────────────


def frame_of(symbols: Mapping[str, Columns]) -> pl.DataFrame:
    """Bars of some symbols as the engine receives them: unknown is null."""
    parts = []
    for symbol, columns in symbols.items():
        count = len(columns["close"])
        days = pl.date_range(dt.date(2000, 1, 1), dt.date(2000, 1, 1) + dt.timedelta(days=count), eager=True)
        parts.append(
            pl.DataFrame(
                {"symbol": [symbol] * count, "timestamp": days.head(count)}
                | {name: pl.Series(columns[name], dtype=pl.Float64).fill_nan(None) for name in COLUMNS},
                schema_overrides={"symbol": pl.String},
            )
        )
    return pl.concat(parts)


def script_of(texts: Sequence[str]) -> str:
    return "\n".join([*(f"x_{n} = {text}" for n, text in enumerate(texts)), "match = close >= 0 or close < 0"])


@cache
def plan_of(texts: tuple[str, ...]):
    return compile_formula(jt.Formula(text=script_of(texts)), dict.fromkeys(COLUMNS, "number"))


def batches(cases: Sequence[Case]) -> Iterable[tuple[tuple[Case, ...], tuple[str, ...]]]:
    for begin in range(0, len(cases), 30):
        batch = tuple(cases[begin : begin + 30])
        yield batch, tuple(text for case in batch for text in case.texts)


def evaluated(texts: tuple[str, ...], frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """What the expressions give, and the C functions on views of the chunk to the bit."""
    plan = plan_of(texts)
    made, natively = evaluate(plan.steps, frame, reference=True), evaluate(plan.steps, frame)
    assert made.failures == natively.failures == {}
    for n, text in enumerate(texts):
        assert natively.frame[plan.columns[f"x_{n}"]].equals(made.frame[plan.columns[f"x_{n}"]]), text
    return {text: as_array(made.frame[plan.columns[f"x_{n}"]], text) for n, text in enumerate(texts)}


def as_array(answer: pl.Series, text: str) -> np.ndarray:
    assert answer.dtype == pl.Float64, text
    assert answer.is_finite().all(), f"{text}: NaN or infinity instead of unknown"
    return answer.fill_null(UNKNOWN).to_numpy()


# ── comparing ────────────────────────────────────────────────────────────────


@dataclass
class Compared:
    """Counts of what was compared, and what differs."""

    pairs: int = 0
    values: int = 0
    known: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def compare(self, case: Case, where: str, answers: Sequence[np.ndarray], columns: Columns) -> None:
        self.pairs += 1
        for text, got, expected in zip(case.texts, answers, case.on(columns), strict=True):
            self.values += len(got)
            self.known[case.name] = self.known.get(case.name, 0) + int(np.isfinite(expected).sum())
            differs = ~same(got, expected)
            if differs.any():
                at = int(differs.argmax())
                self.wrong.append(
                    f"{text} on {where}: {differs.sum()} values, bar {at}: {got[at]!r}, not {expected[at]!r}"
                )


def same(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Whether each is the other's bits, or both are unknown: no function needs a tolerance."""
    return (np.isnan(got) & np.isnan(expected)) | (got.view(np.int64) == expected.view(np.int64))


def compare_all(cases: Sequence[Case], symbols: Mapping[str, Columns], *, alone: bool = False) -> Compared:
    """Evaluate over one chunk of all symbols, or over one chunk after the other, and compare each symbol."""
    found = Compared()
    chunks = [{symbol: columns} for symbol, columns in symbols.items()] if alone else [symbols]
    frames = [(chunk, frame_of(chunk)) for chunk in chunks]
    with np.errstate(all="ignore"):
        for batch, texts in batches(cases):
            for chunk, frame in frames:
                answers = evaluated(texts, frame)
                begin = 0
                for symbol, columns in chunk.items():
                    count = len(columns["close"])
                    for case in batch:
                        parts = [answers[text][begin : begin + count] for text in case.texts]
                        found.compare(case, symbol, parts, columns)
                    begin += count
    return found


# ── bars ─────────────────────────────────────────────────────────────────────


def bars(count: int, seed: int, *, unit: float = 0.01) -> dict[str, np.ndarray]:
    """A clean invented history; ``per`` has three decimals and both signs, ``lengths`` are 2 to 30."""
    dice = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(dice.normal(0, 0.02, count))) / unit) * unit
    start = np.round(close * (1 + dice.normal(0, 0.01, count)) / unit) * unit
    high = np.maximum(start, close) + np.round(np.abs(dice.normal(0, 1, count)) / unit) * unit
    low = np.minimum(start, close) - np.round(np.abs(dice.normal(0, 1, count)) / unit) * unit
    return {
        "open": start, "high": high, "low": low, "close": close,
        "volume": np.floor(dice.lognormal(10, 1, count)),
        "per": np.round(dice.normal(0, 1, count).cumsum(), 3),
        "other": np.round(50 + dice.normal(0, 2, count).cumsum(), 2),
        "lengths": np.floor(dice.uniform(2, 31, count)),
    }  # fmt: skip


Change = Callable[[dict[str, np.ndarray], np.random.Generator], Mapping[str, np.ndarray]]
COUNT = 260


def everywhere(function: Callable[[np.ndarray], np.ndarray], names: Sequence[str] = COLUMNS) -> Change:
    return lambda b, _: {name: function(b[name].astype(float)) for name in names}


def unknown_at(*where: int | slice, names: Sequence[str] = COLUMNS) -> Change:
    def holes(values: np.ndarray) -> np.ndarray:
        for at in where:
            values[at] = UNKNOWN
        return values

    return everywhere(holes, names)


def unknown_by_chance(share: float, *, together: bool) -> Change:
    def change(b, dice):
        same_bars = dice.random(COUNT) < share
        return {n: np.where(same_bars if together else dice.random(COUNT) < share, UNKNOWN, b[n]) for n in COLUMNS}

    return change


def closes(function: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Prices that stand where the function of the bar's number says, all four the same."""

    def change(b, _):
        line = function(np.arange(COUNT, dtype=float))
        return dict.fromkeys(("open", "high", "low", "close", "per"), line) | {"other": line[::-1].copy()}

    return change


def flat(begin: int, end: int) -> Change:
    def hold(values: np.ndarray) -> np.ndarray:
        values[begin:end] = values[begin]
        return values

    return everywhere(hold, ("open", "high", "low", "close", "per", "other"))


def one_price_from(begin: int) -> Change:
    def change(b, _):
        return {n: np.concatenate([b[n][:begin], np.full(COUNT - begin, b["close"][begin])]) for n in PRICES[:4]}

    return change


def only(first: int) -> Change:
    return lambda b, _: {name: b[name][:first] for name in COLUMNS}


def scaled(factor: float, names: Sequence[str] = (*PRICES[:4], "per", "other")) -> Change:
    return everywhere(lambda values: values * factor, names)


HOSTILE: dict[str, Change] = {
    "clean": lambda b, _: b,
    "one row": only(1),
    "two rows": only(2),
    "three rows": only(3),
    "unknown at the start": unknown_at(slice(0, 10)),
    "unknown in the middle, one bar": unknown_at(130),
    "unknown in the middle, ten bars": unknown_at(slice(120, 130)),
    "unknown in the middle, one field": unknown_at(slice(120, 125), names=("high", "per")),
    "unknown at the end": unknown_at(slice(-5, None)),
    "unknown last bar": unknown_at(-1),
    "unknown first bar": unknown_at(0),
    "unknown scattered": unknown_by_chance(0.02, together=True),
    "unknown scattered by field": unknown_by_chance(0.01, together=False),
    "unknown often": unknown_by_chance(0.3, together=True),
    "unknown volume scattered": unknown_at(40, 41, 90, 200, names=("volume", "other")),
    "unknown lengths": unknown_at(100, 180, names=("lengths",)),
    "alternating": unknown_at(slice(0, None, 2)),
    "two known, one unknown": unknown_at(slice(0, None, 3)),
    "all unknown": unknown_at(slice(None)),
    "one known": unknown_at(slice(0, 100), slice(101, None)),
    "close all unknown": unknown_at(slice(None), names=("close",)),
    "flat": flat(0, COUNT),
    "flat, one price": closes(lambda n: 0 * n + 100),
    "flat in the middle": flat(60, 200),
    "flat, then moves": flat(0, 150),
    "moves, then flat": flat(100, COUNT),
    "one price a bar": one_price_from(0),
    "one price a bar from the middle": one_price_from(120),
    "no volume": everywhere(lambda v: 0 * v, ("volume",)),
    "no volume at the start": lambda b, _: {"volume": np.where(np.arange(COUNT) < 60, 0, b["volume"])},
    "no volume now and then": lambda b, dice: {"volume": np.where(dice.random(COUNT) < 0.3, 0, b["volume"])},
    "flat without volume": closes(lambda n: 0 * n + 7),
    "rising": closes(lambda n: 10 + n),
    "falling": closes(lambda n: 1000 - n),
    "steps": closes(lambda n: 100 + np.floor(n / 17)),
    "two prices in turn": closes(lambda n: 100 + n % 2),
    "huge": scaled(1e12),
    "overflowing squares": scaled(1e160),
    "overflowing sums": scaled(2e305),
    "huge volume": scaled(1e295, ("volume",)),
    "tiny": scaled(1e-12),
    "denormal": scaled(1e-312),
    "one huge bar": lambda b, _: {n: np.where(np.arange(COUNT) == 90, 1e15, b[n]) for n in COLUMNS[:-1]},
    "one overflowing bar": lambda b, _: {n: np.where(np.arange(COUNT) == 90, 1e308, b[n]) for n in COLUMNS[:-1]},
    "negative": scaled(-1),
    "zero": everywhere(lambda v: 0 * v, PRICES + SERIES[:2]),
    "zero now and then": lambda b, dice: {n: np.where(dice.random(COUNT) < 0.1, 0, b[n]) for n in COLUMNS[:-1]},
    "high below low": lambda b, _: {"high": b["low"], "low": b["high"]},
    "lengths out of range": lambda b, dice: {"lengths": dice.choice([-1e18, -3, 0, 1, 2.7, 31, 1e9, 1e300], COUNT)},
    "in the unit interval": lambda b, dice: {"per": dice.uniform(-1, 1, COUNT), "other": dice.uniform(0, 1, COUNT)},
}

MANY_RUNS = {"alternating", "two known, one unknown", "unknown often"}
"""Nothing but time keeps them out of the fast tests."""


@cache
def hostile_frames() -> dict[str, dict[str, np.ndarray]]:
    """Each by its name, and one of every length at which a function gives nothing yet, or its first value."""
    frames = {}
    for seed, (name, change) in enumerate(HOSTILE.items()):
        made = bars(COUNT, seed)
        frames[name] = made | change(made, np.random.default_rng(1000 + seed))
    lookbacks = {case.lookback for case in default_cases()}
    for count in sorted({*lookbacks, *(each + 1 for each in lookbacks)} - {0}):
        frames[f"{count} bars"] = bars(count, count)
    return frames


@cache
def default_cases() -> tuple[Case, ...]:
    return tuple(map(Case.of, NAMES))


# ── parameters ───────────────────────────────────────────────────────────────

OTHER_PARAMETERS: dict[str, tuple[tuple[float, ...], ...]] = {
    "mama": ((0.6, 0.02), (0.3, 0.1)),
    "sar": ((0.01, 0.1), (0.05, 0.4)),
    "sarext": ((0, 0.01, 0.03, 0.03, 0.3, 0.02, 0.01, 0.15), (90, 0, 0.02, 0.02, 0.2, 0.05, 0.05, 0.5)),
    "beta": ((7,), (21,)),
    "fosc": ((7,), (21,)),
    "mavp": ((3, 21, 1), (5, 12, 2)),
    "t3": ((8, 0.6), (21, 0.9)),
    "bbands": ((5, 1.5, 2.5, 1), (21, 3, 1, 2)),
    "percentile": ((5, 10), (21, 87.5)),
    "stddev": ((5, 2), (21, 0.5)),
    "var": ((7, 1), (21, 1)),
    "supertrend": ((5, 1.5), (21, 4)),
    "kc": ((5, 21, 1.5), (21, 5, 3)),
    "macd": ((5, 21, 4), (26, 12, 9)),
    "macdext": ((5, 1, 21, 2, 4, 3), (10, 4, 20, 5, 6, 8)),
    "ultosc": ((3, 5, 21), (21, 5, 9)),
}
"""Where periods of 5 and 21, their neighbours, and other kinds of averages are not it."""
_LENGTHS = ("period", "bars")


def other_parameters(name: str) -> list[tuple[float, ...]]:
    """Two more sets: of lengths 5, 6, 7… and 21, 19, 17…; of kinds EMA and WMA; of other numbers half and double."""
    if name in OTHER_PARAMETERS:
        return list(OTHER_PARAMETERS[name])
    sets: list[list[float]] = [[], []]
    lengths = 0
    for parameter, default in info(name)["parameters"].items():
        if "matype" in parameter:
            pair = (1, 2) if default != 1 else (0, 3)
        elif any(word in parameter for word in _LENGTHS):
            pair = (5 + lengths, 21 - 2 * lengths)
            lengths += 1
        else:
            pair = (default / 2, default * 1.5)
        for values, value in zip(sets, pair, strict=True):
            values.append(value)
    return [tuple(values) for values in sets if values]


KINDS = range(14)
"""TA-Lib's kinds of averages, SMA to RMA."""


def kinds() -> list[Case]:
    """Every kind of average, wherever one can be chosen."""
    found = []
    for name in NAMES:
        defaults = dict(info(name)["parameters"])
        chosen = [each for each in defaults if "matype" in each]
        found += [Case.of(name, {**defaults, each: kind}.values()) for each in chosen for kind in KINDS]
    return found


# ── tests ────────────────────────────────────────────────────────────────────


def test_the_table_has_each_of_talibs_functions_with_its_outputs():
    ours = {name: row for row in rows() for name in (row.name, *row.aliases)}
    assert len(NAMES) == 201
    assert [name for name in NAMES if f"ta_{name}" not in ours] == []
    assert [name for name in NAMES if list(ours[f"ta_{name}"].outputs) != outputs_of(name)] == []
    assert {name for name in ours if name.startswith("ta_")} == {f"ta_{name}" for name in NAMES}


def test_each_function_gives_talibs_values_with_three_sets_of_parameters():
    cases = [Case.of(name, values) for name in NAMES for values in (None, *other_parameters(name))]
    found = compare_all(cases, {"A": bars(400, 1), "B": bars(333, 2, unit=1)})
    assert found.wrong == []
    with_parameters = sum(bool(info(name)["parameters"]) for name in NAMES)
    assert len(set(cases)) == len(cases) == 201 + 2 * with_parameters
    assert found.pairs == 2 * len(cases)
    assert [name for name in NAMES if not found.known[name]] == []


def test_each_kind_of_average_is_talibs():
    cases = kinds()
    found = compare_all(cases, {"A": bars(400, 3), "B": bars(333, 4)})
    assert found.wrong == []
    assert found.pairs == 2 * len(cases) == 2 * 15 * 14
    assert [name for name, known in found.known.items() if not known] == []


def check_hostile(frames: Mapping[str, Columns], *, alone: bool) -> None:
    found = compare_all(default_cases(), frames, alone=alone)
    assert found.wrong == []
    assert found.pairs == 201 * len(frames) >= 201 * 30
    assert [name for name in NAMES if not found.known[name]] == []


def test_no_function_gives_a_false_value_on_hostile_bars_in_one_chunk():
    assert len(MANY_RUNS) == 3
    check_hostile({name: each for name, each in hostile_frames().items() if name not in MANY_RUNS}, alone=False)


@pytest.mark.slow
def test_no_function_gives_a_false_value_on_hostile_bars_of_one_symbol():
    assert len(HOSTILE) >= 48
    assert len(hostile_frames()) >= 98
    check_hostile(hostile_frames(), alone=True)


# ── through Parquet files of every type of number, in a process of its own ───

PROGRAM = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    import jtscan as jt
    folder = Path(sys.argv[1])
    scanner = jt.Scanner(prices=folder / "prices.parquet", raise_internal=True)
    for n, script in enumerate(json.loads((folder / "scripts.json").read_text())):
        result = scanner.scan(script, start="1900-01-01")
        assert result.errors_count == 0, result.outcomes
        result.signals.matches.write_parquet(folder / f"answers_{n}.parquet")
""")
FORMS_OF_UNKNOWN = (None, np.nan, np.inf, -np.inf)


def as_numbers(kind: pl.DataType) -> Callable[[np.ndarray], pl.Series]:
    """Whole numbers in the type, within its limits, holes as null."""
    least, most = pl.select(kind.min(), most=kind.max()).row(0)
    return lambda values: pl.Series(values).fill_nan(None).round(0).clip(least, most).cast(kind)


def as_decimals(digits: int) -> Callable[[np.ndarray], pl.Series]:
    return lambda values: pl.Series(values).fill_nan(None).cast(pl.Decimal(38, digits))


def as_floats(values: np.ndarray) -> pl.Series:
    """Holes in turn as null, NaN, infinity and minus infinity."""
    forms = [FORMS_OF_UNKNOWN[n % 4] if np.isnan(value) else value for n, value in enumerate(values.tolist())]
    return pl.Series(forms, dtype=pl.Float64, strict=False)


TYPES: dict[str, dict[str, Callable[[np.ndarray], pl.Series]]] = {
    "Float64": dict.fromkeys(COLUMNS, as_floats),
    "Float32": dict.fromkeys(COLUMNS, lambda values: as_floats(values).cast(pl.Float32)),
    "Decimal": dict.fromkeys(COLUMNS, as_decimals(3)),
    "wide and narrow Decimal": dict.fromkeys(COLUMNS, as_decimals(10)) | {"lengths": as_decimals(0)},
    "Int64": dict.fromkeys(COLUMNS, as_numbers(pl.Int64())),
    "small and unsigned integers": {
        **dict.fromkeys(PRICES[:4], as_numbers(pl.Int16())), "volume": as_numbers(pl.UInt64()),
        "per": as_numbers(pl.Int8()), "other": as_numbers(pl.Int32()), "lengths": as_numbers(pl.UInt8()),
    },
}  # fmt: skip
OF_ALL_TYPES = (
    "clean", "one row", "two rows", "unknown at the start", "unknown in the middle, ten bars", "unknown at the end",
    "unknown in the middle, one field", "unknown scattered", "unknown scattered by field", "unknown lengths", "all unknown",
    "flat", "flat in the middle", "one price a bar", "no volume", "no volume now and then", "rising", "falling", "steps",
    "two prices in turn", "zero", "zero now and then",
)  # fmt: skip
"""Frames whose values every type can hold."""
WITHOUT_BARS = {"all unknown", "close all unknown", "zero"}
"""Frames of which a scan sees nothing."""


def bars_of(frame: pl.DataFrame) -> dict[str, Columns]:
    """What a file says, as numbers: rows with a price unknown, and halts, are no bars."""
    numbers = frame.with_columns(pl.col(COLUMNS).cast(pl.Float64))
    finite = pl.all_horizontal(pl.col(name).is_finite().fill_null(value=False) for name in PRICES)
    halt = pl.all_horizontal(pl.col(name) == 0 for name in PRICES[:3])
    parts = numbers.filter(finite & ~halt).partition_by("symbol", as_dict=True, maintain_order=True)
    return {
        str(symbol): {name: part[name].fill_null(UNKNOWN).to_numpy() for name in COLUMNS}
        for (symbol,), part in parts.items()
    }


def compare_file(folder: Path, kind: str, names: Sequence[str], cases: Sequence[Case]) -> Compared:
    """Write the frames as a file of some type, scan it in a process of its own, and compare each symbol."""
    frames = {name: hostile_frames()[name] for name in names}
    written = frame_of(frames).with_columns(
        pl.concat([TYPES[kind][name](columns[name]) for columns in frames.values()]).alias(name) for name in COLUMNS
    )
    written.write_parquet(folder / "prices.parquet")
    scripts = [(batch, texts) for batch, texts in batches(cases)]
    (folder / "scripts.json").write_text(json.dumps([script_of(texts) for _, texts in scripts]))
    ended = subprocess.run([sys.executable, "-c", PROGRAM, folder], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = Compared()
    expected = bars_of(written)
    for n, (batch, texts) in enumerate(scripts):
        answers = pl.read_parquet(folder / f"answers_{n}.parquet").sort("symbol", "timestamp")
        assert set(answers["symbol"]) == set(expected)
        for (symbol,), part in answers.partition_by("symbol", as_dict=True).items():
            got = {text: as_array(part[f"x_{at}"], text) for at, text in enumerate(texts)}
            with np.errstate(all="ignore"):
                for case in batch:
                    found.compare(case, str(symbol), [got[text] for text in case.texts], expected[str(symbol)])
    return found


def check_file(folder: Path, kind: str, names: Sequence[str]) -> None:
    found = compare_file(folder, kind, names, default_cases())
    assert found.wrong == []
    assert found.pairs == 201 * len(set(names) - WITHOUT_BARS)
    assert [name for name in NAMES if not found.known[name]] == []


def test_decimals_in_a_file_give_talibs_values_and_do_not_kill_the_process(tmp_path):
    check_file(tmp_path, "Decimal", ("clean", "one row", "unknown scattered by field", "no volume now and then"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPES)
def test_files_of_any_type_of_number_give_talibs_values(kind, tmp_path):
    check_file(tmp_path, kind, OF_ALL_TYPES)


@pytest.mark.slow
def test_a_file_of_every_hostile_symbol_gives_talibs_values(tmp_path):
    """Huge, tiny and denormal prices too, with unknown as null, NaN and infinity."""
    check_file(tmp_path, "Float64", tuple(hostile_frames()))
