"""A checkpoint: the same job goes on where it was, to the bit; another one is refused."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import re
import signal
import subprocess
import sys
import textwrap

import polars as pl
import pytest

import jtscan as jt
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, as_formula
from jtscan.domain.jobs import ProcessingJob, ProcessingResult, RowCounts, Status
from jtscan.engines import checkpoint
from jtscan.engines.packing import packed, unpacked
from jtscan.engines.places import probe
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import RequestError
from jtscan.testing import InMemoryPriceRepository, ProgressRecorder, make_bars

CLOSES = {
    "A": [10.0, 11, 12, 11, 13],
    "B": [9.0, 8, 7, 8, 9],
    "C": [5.0],
    "D": [1.0, 2, 1, 2, 3],
    "E": [4.0, 4, 4, 4, 4],
    "F": [7.0, 6, 7, 8, 9],
}
SYMBOLS = ["A", "gone", "B", "C", "D", "E", "F"]
PLAIN = "up = close > close[1]\nchange = close - close[1]\nmatch = up"
COMPARED = "r = rank(close)\nmatch = r > 0.5"


def job(path, *, symbols=SYMBOLS, formula=PLAIN, **given):
    asked = {"timeframe": Timeframe.D1, "date_range": DateRange(start=dt.date(2024, 1, 2)), **given}
    return ProcessingJob(id="job", symbols=symbols, formula=as_formula(formula), checkpoint=path, **asked)


def engine(*, broken=None, closes=CLOSES, chunk_bars=6, functions=()):
    prices = InMemoryPriceRepository(make_bars(closes), broken=broken)
    return ProcessingEngine(prices, chunk_bars=chunk_bars, functions=functions, raise_internal=True), prices


def run(made, asked, *, until=None, observer=None):
    """Run a job, cancelled after so many symbols."""
    token = CancellationToken()
    return made.process_batch(asked, lambda done, _: token.cancel() if done == until else None, token, observer)


def told(results):
    """What must be the same; how long it took is the chunk's share."""
    return [
        (
            each.symbol,
            each.status,
            each.error,
            each.bars,
            each.rows,
            each.last_bar,
            each.matches.schema,
            each.matches.rows(),
        )
        for each in results
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept"


# ── going on ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("chunk_bars", [1, 6, 1000])
@pytest.mark.parametrize("until", range(1, len(SYMBOLS) + 1))
@pytest.mark.parametrize("formula", [PLAIN, COMPARED])
def test_a_job_that_is_stopped_anywhere_goes_on_to_the_same_result(path, formula, until, chunk_bars):
    whole = told(run(engine()[0], job(None, formula=formula)))
    first = run(engine(chunk_bars=chunk_bars)[0], job(path, formula=formula), until=until)
    assert told(first) == whole[:until]
    heard = ProgressRecorder()
    made, prices = engine()
    assert told(run(made, job(path, formula=formula), observer=heard)) == whole
    assert [result.symbol for result in heard.results] == SYMBOLS
    if formula == PLAIN:
        assert not {symbol for read in prices.read_calls for symbol in read} & set(SYMBOLS[:until])


def test_a_job_that_is_done_is_read_from_its_checkpoint_alone(path):
    whole = run(engine()[0], job(path))
    made, prices = engine()
    again = run(made, job(path))
    assert told(again) == told(whole)
    assert [each.processing_time_ms for each in again] == [each.processing_time_ms for each in whole]
    assert prices.read_calls == []


def test_a_comparison_that_is_done_is_not_made_again_and_its_warnings_are_told(path):
    heard, again = ProgressRecorder(), ProgressRecorder()
    asked = job(path, formula="r = rank(close, by=sector)\nmatch = r > 0.5")
    whole = run(engine()[0], asked, observer=heard)
    made, prices = engine()
    assert told(run(made, asked, observer=again)) == told(whole)
    assert heard.warnings
    assert again.warnings == heard.warnings
    assert prices.read_calls == []


def test_a_job_may_be_stopped_many_times(path):
    whole = told(run(engine()[0], job(None)))
    for until in (1, 3, 4, 6):
        run(engine()[0], job(path), until=until)
    assert told(run(engine()[0], job(path))) == whole


def test_who_stops_taking_from_a_stream_keeps_what_was_taken(path):
    stream = engine(chunk_bars=1000)[0].stream(job(path))
    taken = [next(stream).symbol for _ in range(3)]
    stream.close()
    made, prices = engine()
    run(made, job(path))
    assert taken == SYMBOLS[:3]
    assert not {symbol for read in prices.read_calls for symbol in read} & set(taken)


def test_symbols_that_failed_are_tried_again(path):
    failed = run(engine(broken={"B": "torn page"})[0], job(path))
    assert [each.symbol for each in failed if each.status is Status.FAILED] == ["B"]
    made, prices = engine()
    assert told(run(made, job(path))) == told(run(engine()[0], job(None)))
    assert prices.read_calls == [("B",)]


def test_where_other_symbols_can_be_compared_than_before_everything_is_done_again(path, caplog):
    asked = job(path, formula=COMPARED)
    run(engine(broken={"F": "torn page"})[0], asked, until=4)
    whole = told(run(engine()[0], job(None, formula=COMPARED)))
    assert told(run(engine()[0], asked)) == whole
    assert "other symbols can be compared now; the scan begins anew" in caplog.text
    assert told(run(engine()[0], asked)) == whole


# ── another scan ──────────────────────────────────────────────────────────────

OTHERS = {
    "formula": ({"formula": "match = close > 3"}, "formula: 'up = close > close[1]\\nchange = close - close[1]\\nmatch = up' there, 'match = close > 3' here"),
    "parameters": ({"parameters": {"n": 3}}, "parameters: {'n': 2} there, {'n': 3} here"),
    "one symbol less": ({"symbols": SYMBOLS[:-1]}, "symbols: 7 there, 6 here (only there: F)"),
    "other symbols": ({"symbols": [*SYMBOLS[:-1], "X"]}, "symbols: 7 there, 7 here (only there: F; only here: X)"),
    "another order": ({"symbols": SYMBOLS[::-1]}, "symbols: 7 there, 7 here (in another order)"),
    "range": ({"date_range": DateRange(start=dt.date(2024, 1, 3))}, "range: '2024-01-02 to the newest bar' there, '2024-01-03 to the newest bar' here"),
    "warm-up": ({"warmup": "full"}, "warm-up: 'auto' there, 'full' here"),
    "first": ({"first": True}, "first bars only: False there, True here"),
    "two things": ({"first": True, "warmup": "full"}, "warm-up: 'auto' there, 'full' here; first bars only: False there, True here"),
    "members": ({"members": pl.DataFrame({"symbol": ["A"], "start": [None], "end": [None]})}, "members of the index: they were changed"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), OTHERS.values(), ids=OTHERS)
def test_another_scan_is_refused_with_the_difference_named(path, given, said):
    before = {"formula": "n = param(9)\nmatch = close > n", "parameters": {"n": 2}} if "parameters" in given else {}
    run(engine()[0], job(path, **before))
    kept = path.read_bytes()
    with pytest.raises(RequestError) as error:
        run(engine()[0], job(path, **{**before, **given}))
    assert str(error.value) == (
        f"checkpoint: {path} is of another scan: {said}; delete the file to begin anew, or name another one"
    )
    assert path.read_bytes() == kept


def test_of_a_long_formula_the_place_is_shown_at_which_it_is_another(path):
    one, other = (f"x = {' + '.join(['close'] * 40)}\nmatch = x > {number}" for number in (1, 2))
    run(engine()[0], job(path, formula=one))
    with pytest.raises(RequestError, match=re.escape(r"close\nmatch = x > 1' there, …'")):
        run(engine()[0], job(path, formula=other))


def test_other_data_is_another_scan(path):
    made, prices = engine()
    run(made, job(path))
    prices.version = "of today"
    with pytest.raises(RequestError, match="data version: 'memory' there, 'of today' here"):
        run(made, job(path))


def test_the_same_file_under_other_names_of_columns_is_other_data(path):
    prices = path.with_suffix(".parquet")
    make_bars(CLOSES).with_columns(adjusted=-pl.col("close")).write_parquet(prices)
    jt.Scanner(prices=prices).scan(PLAIN, checkpoint=path)
    with pytest.raises(RequestError, match="checkpoint: .* data version"):
        jt.Scanner(prices=prices, columns={"close": "adjusted"}).scan(PLAIN, checkpoint=path)


def test_another_version_of_whatever_computes_is_another_scan(path, monkeypatch):
    run(engine()[0], job(path))
    other = {**probe.versions(), "ta-lib": "0.0"}
    monkeypatch.setattr(checkpoint, "versions", lambda: other)
    with pytest.raises(RequestError, match=r"ta-lib: '.*' there, '0\.0' here"):
        run(engine()[0], job(path))


def test_names_and_sectors_count_where_the_formula_reads_them(path, tmp_path):
    labels = pl.DataFrame({"symbol": SYMBOLS, "name": None, "market": None, "sector": "x"}).cast(pl.String)
    other = labels.with_columns(sector=pl.lit("y"))
    run(engine()[0], job(path, labels=labels))
    run(engine()[0], job(path, labels=other))
    read = {"path": tmp_path / "read", "formula": 'match = sector == "x"'}
    run(engine()[0], job(**read, labels=labels))
    with pytest.raises(RequestError, match="names, markets and sectors: they were changed"):
        run(engine()[0], job(**read, labels=other))


def test_what_says_nothing_of_the_results_may_be_another(path):
    run(engine()[0], job(path, symbol_timeout=5), until=3)
    again = ProcessingJob(
        id="another", symbols=SYMBOLS, formula=Formula(text=PLAIN, name="called"), timeframe="1d", checkpoint=path,
        date_range=DateRange(start=dt.date(2024, 1, 2)), allow_lookahead=True,
    )  # fmt: skip
    assert told(run(engine(chunk_bars=1000)[0], again)) == told(run(engine()[0], job(None)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pl.col("close") > 3, pl.col("close") > 4),
        (pl.col("close").rolling_mean(2) > 3, pl.col("close").rolling_mean(3) > 3),
    ],
)
def test_expressions_are_told_apart_by_what_they_are(path, one, other):
    asked = {"lookback": 3}
    run(engine()[0], job(path, formula=as_formula(one, **asked)), until=3)
    assert len(run(engine()[0], job(path, formula=as_formula(one, **asked)))) == len(SYMBOLS)
    with pytest.raises(RequestError, match="expressions and functions of your own: they were changed"):
        run(engine()[0], job(path, formula=as_formula(other, **asked)))


def test_a_function_of_one_s_own_that_was_changed_is_another_scan(path):
    def functions(times):
        @jt.function(lookback=0)
        def scaled(x: pl.Expr = "close") -> pl.Expr:
            return x * times

        return jt.Scanner(prices=prices, functions=[scaled])

    prices = path.with_suffix(".parquet")
    make_bars(CLOSES).write_parquet(prices)
    functions(2).scan("scaled() > 8", checkpoint=path)
    functions(2).scan("scaled() > 8", checkpoint=path)
    with pytest.raises(RequestError, match="checkpoint: .* functions of your own: they were changed"):
        functions(3).scan("scaled() > 8", checkpoint=path)


def test_a_function_in_a_module_that_was_changed_is_another_scan(path, tmp_path, monkeypatch):
    prices = path.with_suffix(".parquet")
    make_bars(CLOSES).write_parquet(prices)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def scan(times):
        (tmp_path / "of_mine.py").write_text(
            textwrap.dedent(f"""
                import jtscan as jt, polars as pl
                def times(values):
                    return values * {times}
                @jt.function(lookback=0)
                def scaled(x: pl.Expr = "close") -> pl.Expr:
                    return x.map_batches(times, return_dtype=pl.Float64)
            """)
        )
        monkeypatch.delitem(sys.modules, "of_mine", raising=False)
        scaled = importlib.import_module("of_mine").scaled
        return jt.Scanner(prices=prices, functions=[scaled]).scan("scaled() > 8", checkpoint=path, allow_lookahead=True)

    scan(2)
    scan(2)
    with pytest.raises(RequestError, match="checkpoint: .* functions of your own: they were changed"):
        scan(3)


def test_an_expression_that_calls_a_function_of_a_module_that_was_changed_is_another_scan(path, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def scan(times):
        (tmp_path / "helping.py").write_text(f"def times(values):\n    return values * {times}\n")
        (tmp_path / "called.py").write_text(
            "from helping import times\ndef over(values):\n    return times(values) > 8\n"
        )
        for name in ("helping", "called"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        over = importlib.import_module("called").over
        called = pl.col("close").map_batches(over, return_dtype=pl.Boolean)
        run(engine()[0], job(path, formula=as_formula(called, lookback=0), allow_lookahead=True))

    scan(2)
    scan(2)
    with pytest.raises(RequestError, match="checkpoint: .* functions of your own: they were changed"):
        scan(3)


# ── the file ──────────────────────────────────────────────────────────────────


def test_a_file_that_was_cut_off_anywhere_goes_on(path):
    whole = told(run(engine()[0], job(path)))
    full = path.read_bytes()
    for length in [0, 1, 7, 19, 20, 21, 33, *range(40, len(full), len(full) // 25), len(full) - 1]:
        path.write_bytes(full[:length])
        assert told(run(engine()[0], job(path))) == whole, length
    assert told(run(engine()[0], job(path))) == whole


def test_what_was_half_written_is_told(path, caplog):
    run(engine()[0], job(path))
    path.write_bytes(path.read_bytes()[:-5])
    run(engine()[0], job(path))
    assert re.search(r"kept: the last \d+ bytes were half written, and are left out", caplog.text)


def test_zeros_at_the_end_are_what_a_power_cut_leaves(path):
    whole = told(run(engine()[0], job(path)))
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert told(run(engine()[0], job(path))) == whole


def test_a_flipped_bit_never_gives_other_results(path):
    whole = told(run(engine()[0], job(path)))
    full = path.read_bytes()
    refused = []
    for place in range(20, len(full), len(full) // 30):
        path.write_bytes(full[:place] + bytes([full[place] ^ 1]) + full[place + 1 :])
        try:
            again = told(run(engine()[0], job(path)))
        except RequestError as error:
            refused.append(str(error))
        else:
            assert again == whole, place
    assert len(refused) > 3
    assert all(f"{path} is damaged at byte" in each for each in refused)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1 something else", "is no checkpoint of jtscan; it is left as it is: name another file"),
        (b"jtscan checkpoint 9\nabc", "is of another version of jtscan; it is left as it is: name another file"),
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(path, content, said):
    path.write_bytes(content)
    with pytest.raises(RequestError, match="checkpoint: .*kept") as error:
        run(engine()[0], job(path))
    assert str(error.value).endswith(said)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_one(path):
    path.touch()
    assert len(run(engine()[0], job(path))) == len(SYMBOLS)
    assert path.stat().st_size


def test_a_folder_that_is_not_there_is_named(path):
    with pytest.raises(RequestError, match="there is no folder .*nowhere; make it first"):
        run(engine()[0], job(path.parent / "nowhere" / "kept"))
    assert not (path.parent / "nowhere").exists()


def test_a_folder_is_no_file(path):
    path.mkdir()
    with pytest.raises(RequestError, match="kept cannot be written: Is a directory"):
        run(engine()[0], job(path))


def test_two_scans_at_once_cannot_share_a_file(path):
    with_it = engine()[0].stream(job(path))
    next(with_it)
    with pytest.raises(RequestError, match="kept is in use by another scan; name another file"):
        run(engine()[0], job(path))
    with_it.close()
    assert len(run(engine()[0], job(path))) == len(SYMBOLS)
    assert [each.name for each in path.parent.iterdir()] == ["kept"]


def test_a_disk_that_is_full_is_told_and_the_scan_goes_on(path, monkeypatch, caplog):
    def full(self, kind, content):
        raise OSError(28, "No space left on device")

    whole = told(run(engine()[0], job(None)))
    run(engine()[0], job(path), until=1)
    monkeypatch.setattr("jtscan.engines.records.Records.append", full)
    assert told(run(engine()[0], job(path))) == whole
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert said == [
        f"checkpoint {path} cannot be written any more: No space left on device; the scan goes on without it"
    ]


# ── results as bytes ──────────────────────────────────────────────────────────

DAY, MINUTE = dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 9, 1)
KINDS = pl.DataFrame(
    {"symbol": ["A"], "x": [float("nan")], "n": [None], "b": [True], "i": [7], "t": ["가"], "m": [MINUTE]}
)


@pytest.mark.parametrize(
    "results",
    [
        [ProcessingResult(symbol="A", matches=KINDS, bars=3, last_bar=DAY, processing_time_ms=0.1)],
        [ProcessingResult(symbol="A", matches=KINDS.clear(), error="torn", last_bar=None)],
        [ProcessingResult(symbol="A", matches=KINDS.clear(), status="no_match", last_bar=MINUTE,
                          rows=RowCounts(set_aside=1, halts=2, duplicates=3))],
        [ProcessingResult(symbol=name, matches=frame) for name, frame in
         [("A", KINDS), ("B", KINDS.clear()), ("C", KINDS.select("symbol")), ("D", pl.concat([KINDS, KINDS]))]],
    ],
)  # fmt: skip
def test_results_come_back_as_they_were(results):
    back = unpacked(packed(results))
    assert list(back) == [each.symbol for each in results]
    for each in results:
        again = back[each.symbol]
        assert repr(again) == repr(each)
        assert (again.status, again.error, again.rows, again.last_bar, again.processing_time_ms) == (
            each.status, each.error, each.rows, each.last_bar, each.processing_time_ms,
        )  # fmt: skip
        assert type(again.last_bar) is type(each.last_bar)
        assert again.matches.schema == each.matches.schema
        assert again.matches.equals(each.matches)


# ── a process that dies ───────────────────────────────────────────────────────

KILLED = """
    import sys, time, jtscan as jt
    def slow(completed, total):
        print(completed, flush=True)
        time.sleep(0.002)
    scanner = jt.Scanner(prices=sys.argv[1])
    result = scanner.scan("close > sma(close, 3)", checkpoint=sys.argv[2], progress_callback=slow)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_it_had_done(tmp_path):
    names = [f"{number:04d}" for number in range(1500)]
    prices, kept = tmp_path / "prices.parquet", tmp_path / "kept"
    make_bars({name: [10.0 + (place + int(name)) % 7 for place in range(30)] for name in names}).write_parquet(prices)
    whole = jt.Scanner(prices=prices).scan("close > sma(close, 3)")
    sizes = [0]
    for symbols in (200, 600, 1100):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), prices, kept]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            while int(process.stdout.readline()) < symbols:
                pass
            process.kill()
        assert process.returncode == -signal.SIGKILL
        sizes.append(kept.stat().st_size)
    assert sizes == sorted(set(sizes)), "each of them goes on, and adds to it"
    result = jt.Scanner(prices=prices).scan("close > sma(close, 3)", checkpoint=kept)
    columns = [name for name in whole.outcomes.columns if name != "processing_time_ms"]
    assert result.matches.equals(whole.matches)
    assert result.outcomes.select(columns).equals(whole.outcomes.select(columns))
    assert jt.Scanner(prices=prices).scan("close > sma(close, 3)", checkpoint=kept).outcomes.equals(result.outcomes)
