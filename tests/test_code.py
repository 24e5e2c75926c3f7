"""The Python of a scan, run again, asks for exactly the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jtscan as jt
from jtscan.code import scan_code
from jtscan.domain.opened import Opened

SAMPLE = Path(__file__).parent.parent / "data"
DATA = Opened(data="data")


class Asked(jt.Scanner):
    """Keeps what it is opened with and asked for, and reads nothing."""

    def __init__(self, data: Any = None, **given: Any) -> None:
        self.given = {"data": data, **given}
        self._timeframe = jt.Timeframe.parse(given.get("timeframe", "1d"))

    async def execute(self, request: jt.BatchScanRequest, **_listeners: Any) -> Any:
        return SimpleNamespace(request=request, outcomes=pl.DataFrame({"symbol": ["A"]}))


def run(code: str, **names: Any) -> dict[str, Any]:
    with mock.patch.object(jt, "Scanner", Asked):
        exec(code, names)  # noqa: S102 - the code that jtscan wrote
    return names


def parts(request: jt.BatchScanRequest) -> dict[str, Any]:
    return {each.name: getattr(request, each.name) for each in fields(request)}


def request_of(formula: Any = "close > open", **asked: Any) -> jt.BatchScanRequest:
    with mock.patch.object(jt, "Scanner", Asked):
        return Asked(timeframe=asked.pop("opened", "1d")).scan(formula, **asked).request


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, 'result = scanner.scan("close > open")'),
        ({"last": 250}, 'result = scanner.scan("close > open")'),
        ({"last": 1}, 'result = scanner.scan("close > open", last=1)'),
        ({"timeout": 60, "checkpoint": "kept"}, 'result = scanner.scan("close > open", timeout=60, checkpoint="kept")'),
        ({"market": ["KOSPI"]}, 'result = scanner.scan("close > open", market="KOSPI")'),
        ({"market": ["A", "B"]}, 'result = scanner.scan("close > open", market=["A", "B"])'),
        ({"symbols": []}, 'result = scanner.scan("close > open", symbols=[])'),
        ({"start": "2024-01-01"}, 'result = scanner.scan("close > open", start="2024-01-01")'),
        ({"end": dt.datetime(2024, 1, 2, 9, 30)}, 'result = scanner.scan("close > open", end="2024-01-02T09:30:00")'),
        ({"timeframe": "daily"}, 'result = scanner.scan("close > open")'),
        ({"timeframe": "1h"}, 'result = scanner.scan("close > open", timeframe="60m")'),
        ({"where": {"kind": "etf", "held": None}}, 'result = scanner.scan("close > open", where={"kind": "etf", "held": None})'),
        ({"universe": {}}, 'result = scanner.scan("close > open", universe={})'),
        ({"parameters": {"n": 5, "x": 0.5}}, 'result = scanner.scan("close > open", parameters={"n": 5, "x": 0.5})'),
        ({"first": True, "sort_by": "-close", "top": 3}, 'result = scanner.scan("close > open", sort_by="-close", top=3, first=True)'),
        ({"formula": jt.library["turtle"]}, 'result = scanner.scan(jt.library["turtle"])'),
        (
            {"formula": 'a = "x"\nb = close > 1'},
            'formula = """\\\na = "x"\nb = close > 1"""\nresult = scanner.scan(formula)',
        ),
        (
            {"formula": 'close > open\n# """'},
            'formula = """\\\nclose > open\n# ""\\""""\nresult = scanner.scan(formula)',
        ),
        (
            {"formula": jt.Formula(text="close > n", name="over", parameters={"n": 1})},
            'formula = jt.Formula(text="close > n", name="over", parameters={"n": 1})\nresult = scanner.scan(formula)',
        ),
        (
            {"market": "KOSPI", "exclude": ["005935"], "start": "2024-01-01", "end": "2024-12-31"},
            'result = scanner.scan(\n    "close > open",\n    market="KOSPI",\n    exclude=["005935"],\n'
            '    start="2024-01-01",\n    end="2024-12-31",\n)',
        ),
    ],
)  # fmt: skip
def test_only_what_differs_from_the_defaults_is_written(asked: dict[str, Any], code: str) -> None:
    request = request_of(**asked)
    assert scan_code(request, DATA) == f'import jtscan as jt\n\nscanner = jt.Scanner("data")\n{code}\nresult'


@pytest.mark.parametrize(
    ("opened", "call"),
    [
        ({"data": Path("my") / "data"}, 'jt.Scanner("my/data")'),
        ({"prices": ["a.parquet", Path("b.parquet")]}, 'jt.Scanner(prices=["a.parquet", "b.parquet"])'),
        ({"data": "d", "symbols": "s.parquet", "members": "m.parquet"}, 'jt.Scanner("d", symbols="s.parquet", members="m.parquet")'),
        ({"prices": "p", "timeframe": "1h", "columns": {"timestamp": "날짜"}}, 'jt.Scanner(prices="p", timeframe="1h", columns={"timestamp": "날짜"})'),
        ({"data": "d", "timeframe": "daily"}, 'jt.Scanner("d")'),
        ({"data": "d", "max_concurrent_scans": 1}, 'jt.Scanner("d", max_concurrent_scans=1)'),
        ({"data": "d", "version": 3, "verify": True}, 'jt.Scanner("d", version=3, verify=True)'),
        ({"data": "d", "engine": "processes(4)"}, 'jt.Scanner("d", engine=jt.engines.processes(4))'),
        ({"data": 'it\'s "mine"'}, 'jt.Scanner(\'it\\\'s "mine"\')'),
    ],
)  # fmt: skip
def test_the_scanner_is_opened_as_it_was(opened: dict[str, Any], call: str) -> None:
    request = request_of(timeframe=opened.get("timeframe", "1d"))
    assert scan_code(request, Opened(**opened)).splitlines()[2:] == [
        f"scanner = {call}",
        'result = scanner.scan("close > open")',
        "result",
    ]


def test_the_data_version_is_a_comment() -> None:
    assert 'jt.Scanner("data")  # scanned on data version 9ea0' in scan_code(request_of(), DATA, data_version="9ea0")


def test_functions_of_ones_own_are_named_where_they_are_needed() -> None:
    code = scan_code(request_of(), Opened(data="data", functions=("middle", "edge")))
    assert "# middle, edge: functions of your own, made with jt.function; define them here" in code
    middle, edge = object(), object()
    assert run(code, middle=middle, edge=edge)["scanner"].given["functions"] == [middle, edge]


@pytest.mark.parametrize(
    "formula",
    [
        jt.PolarsFormula(signals={"up": pl.col("close") > 1}, lookback=3),
        jt.PolarsFormula(signals={"up": pl.col("close") > 1}, lookback=3, name="mine"),
    ],
)
def test_polars_expressions_leave_a_place_that_says_so(formula: jt.PolarsFormula) -> None:
    code = scan_code(request_of(formula), DATA)
    assert "# your Polars expressions, which cannot be written here" in code
    with pytest.raises(jt.RequestError, match="signal 'up' is ellipsis, not a Polars expression"):
        run(code)
    again = run(code.replace('{"up": ...}', "signals"), signals=formula.signals)["result"].request
    assert (again.formula.lookback, again.formula.name) == (3, formula.name)
    assert again.formula.signals is formula.signals


# ── any request at all ────────────────────────────────────────────────────────

texts = st.text(st.sampled_from("a=> \n\r\t\\\"'{}삼\u2028\x00\ud800"), min_size=1).filter(
    lambda text: bool(text.strip())
)
words = texts | st.sampled_from(["KOSPI", "삼성전자", '"""', "x\\", "'\"", "dt.date"])
codes = words.filter(lambda text: text == text.strip())
names = words | st.lists(words, min_size=1, max_size=3)
moments = st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)) | st.datetimes(
    dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)
).map(lambda moment: moment.replace(fold=0))
numbers = st.integers(-(10**14), 10**14) | st.floats(-1e14, 1e14)
values = words | st.booleans() | numbers | st.none() | moments | st.just(float("inf"))
criteria = st.fixed_dictionaries(
    {},
    optional={
        "market": names,
        "sector": names,
        "index": names,
        "where": st.dictionaries(words, values | st.lists(values, min_size=1, max_size=3), max_size=2),
        "symbols": st.lists(codes, max_size=40),
        "exclude": st.lists(codes, max_size=3),
    },
)
parameters = st.dictionaries(words, numbers, max_size=3)
formulas = texts | st.builds(jt.Formula, text=texts, name=st.none() | words, parameters=parameters)
ranges = st.fixed_dictionaries({}, optional={"last": st.integers(1, 500)}) | st.lists(
    moments, min_size=1, max_size=2
).map(lambda ends: dict(zip(("start", "end"), sorted(ends, key=lambda each: str(each)[:10]), strict=False))).filter(
    lambda ends: len({str(end)[:10] for end in ends.values()}) == len(ends)
)
more = st.fixed_dictionaries(
    {},
    optional={
        "timeframe": st.sampled_from(["1d", "5m", "1h", "M"]),
        "parameters": parameters,
        "sort_by": st.sampled_from(["timestamp", "-close", "값"]),
        "top": st.integers(1, 9),
        "first": st.booleans(),
        "warmup": st.sampled_from(["auto", "full"]),
        "universe": st.none() | criteria,
        "strict_universe": st.booleans(),
        "allow_lookahead": st.booleans(),
        "timeout": st.none() | st.floats(0.1, 1e6) | st.integers(1, 1000),
        "symbol_timeout": st.none() | st.floats(0.1, 1e6),
        "checkpoint": st.none() | st.sampled_from(["kept", "a folder/kept.cp", 'with "quotes"']),
    },
)


@settings(max_examples=150, deadline=None)
@given(formula=formulas, universe=criteria, span=ranges, other=more, opened=st.sampled_from(["1d", "1h", "5m"]))
def test_the_code_asks_for_the_same(formula: Any, universe: dict, span: dict, other: dict, opened: str) -> None:
    request = request_of(formula, opened=opened, **universe, **span, **other)
    names = run(scan_code(request, Opened(data="data", timeframe=opened)))
    again = names["result"].request
    assert parts(again) == parts(request)
    assert repr(parts(again)) == repr(parts(request))  # 1 is no 1.0 and no True
    assert names["scanner"].given.get("timeframe", "1d") in {opened, "1d"}


def test_a_real_scanner_gives_the_same_matches_again() -> None:
    scanner = jt.Scanner(SAMPLE)
    result = scanner.scan(
        "n = param(5, 2, 60)\nbuy = cross_above(close, sma(close, n))", market="KOSPI", parameters={"n": 7}
    )
    names: dict[str, Any] = {}
    exec(scanner.code(result.request, data_version=result.data_version), names)  # noqa: S102 - the code that jtscan wrote
    assert result.signals.total_matches > 0
    assert names["result"].signals.matches.equals(result.signals.matches)
