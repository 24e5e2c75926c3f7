"""The command line: what it asks of the scanner, what it prints, how it exits."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from jtscan import cli
from jtscan.aggregate import LABELS
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.scans import OUTCOME_SCHEMA, BatchScanRequest, BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.symbols import SymbolCriteria
from jtscan.errors import DataError, DataNotFoundError, FormulaError, JtscanError, RequestError
from jtscan.render.cells import width_of

SAMPLE = Path(__file__).parent.parent / "data"
MATCHES = pl.DataFrame({"symbol": ["005930", "000660"], "name": ["가상전자", None], "close": [71500.0, 1.5]})
SYMBOLS = pl.DataFrame(
    {"symbol": ["005930", "000660"], "name": ["가상전자", "Imaginary Chips"], "market": ["KOSPI", "KOSDAQ"]}
)
FOUND = pl.DataFrame(schema={"symbol": pl.String, "date": pl.Date, "signal_type": pl.String})


def result_of(**more: Any) -> BatchScanResult:
    row = {"symbol": "005930", "status": "matched", "bars": 9, "set_aside": 0, "halts": 0, "duplicates": 0}
    return BatchScanResult(
        job_id="job",
        request=BatchScanRequest(
            symbol_criteria=SymbolCriteria(), timeframe=Timeframe.D1, date_range=DateRange(last=1), formula="close > 1"
        ),
        signals=AggregatedSignals(
            total_symbols=2,
            symbols_with_matches=2,
            total_matches=2,
            matches=MATCHES,
            found=MATCHES,
            labels=MATCHES.clear(),
        ),
        statistics=SignalStatistics(total=2, found=FOUND, labels=pl.DataFrame(schema=LABELS)),
        processing_time_ms=1.0,
        errors_count=more.pop("errors_count", 0),
        outcomes=pl.DataFrame([row], schema=OUTCOME_SCHEMA),
        **more,
    )


class ScannerDouble:
    """Notes how it is made and asked; answers what it was told to."""

    made: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
    asked: dict[str, Any]
    progress: bool | None
    answer: BatchScanResult | BaseException

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        type(self).made = (args, kwargs)

    def scan(self, formula: str, *, progress: bool | None = None, **asked: Any) -> BatchScanResult:
        type(self).progress = progress
        type(self).asked = {"formula": formula, **asked}
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def symbols(self, *, market: str | None = None, **asked: Any) -> pl.DataFrame:
        type(self).asked = {"market": market, **asked}
        return SYMBOLS if market is None else SYMBOLS.filter(pl.col("market") == market)

    def markets(self) -> list[str]:
        return ["KOSDAQ", "KOSPI"]

    def sectors(self) -> list[str]:
        return []

    def indices(self) -> list[str]:
        return ["KOSPI200"]


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[ScannerDouble]:
    """A double in the place of the scanner, and a folder ./data."""
    module = ModuleType("jtscan.scanner")
    double = type("Scanner", (ScannerDouble,), {"answer": result_of()})
    monkeypatch.setattr(module, "Scanner", double, raising=False)
    monkeypatch.setitem(sys.modules, "jtscan.scanner", module)
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return double


def run(*args: str, **more: Any) -> Result:
    return CliRunner().invoke(cli.main, args, prog_name="jtscan", **more)


# ── what is asked ─────────────────────────────────────────────────────────────

NOTHING = {
    "formula": "close > 1", "market": None, "sector": None, "symbols": None, "exclude": (), "timeframe": None,
    "start": None, "end": None, "last": None, "parameters": {}, "sort_by": "timestamp", "top": None, "first": False,
    "warmup": "auto", "universe": None, "strict_universe": False, "index": None, "where": None, "watchlist": None,
    "timeout": None, "checkpoint": None, "symbol_timeout": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ("", {}),
        ("--market KOSPI --sector IT", {"market": "KOSPI", "sector": "IT"}),
        ("--symbols 005930,000660 --symbols 035720", {"symbols": ["005930", "000660", "035720"]}),
        ("--symbols=", {"symbols": []}),
        ("--exclude 005935, --exclude 1", {"exclude": ["005935", "1"]}),
        ("--start 2024-01-01 --end 2024-12-31", {"start": "2024-01-01", "end": "2024-12-31"}),
        ("--last 1 --timeframe 5m", {"last": 1, "timeframe": "5m"}),
        ("--param fast=5 --param k=2.5 --param low=-1e3", {"parameters": {"fast": 5, "k": 2.5, "low": -1000.0}}),
        (
            "--sort-by -close --top 7 --first --warmup full",
            {"sort_by": "-close", "top": 7, "first": True, "warmup": "full"},
        ),
        (
            "--universe market=KOSPI --universe symbols=A,B --strict-universe",
            {"universe": {"market": "KOSPI", "symbols": ["A", "B"]}, "strict_universe": True},
        ),
        ("--timeout 2.5 --checkpoint kept", {"timeout": 2.5, "checkpoint": Path("kept")}),
        ("--universe index=KOSPI200", {"universe": {"index": "KOSPI200"}}),
        ("--universe index=KOSPI200,KOSDAQ150", {"universe": {"index": ["KOSPI200", "KOSDAQ150"]}}),
        ("--market KOSPI,KOSDAQ --sector A --sector B,C", {"market": ["KOSPI", "KOSDAQ"], "sector": ["A", "B", "C"]}),
        ("--symbol-timeout 2.5", {"symbol_timeout": 2.5}),
        ("--index KOSPI200 --watchlist mine.txt", {"index": "KOSPI200", "watchlist": "mine.txt"}),
        (
            "--where kind=stock,etf --where managed=false --where kind=reit --where delisted=null",
            {"where": {"kind": ["stock", "etf", "reit"], "managed": ["false"], "delisted": [None]}},
        ),
    ],
)
def test_options_become_the_request(scanner: type[ScannerDouble], options: str, asked: dict[str, Any]) -> None:
    assert run("scan", "close > 1", *options.split()).exit_code == 0
    assert scanner.asked == {**NOTHING, **asked}


@pytest.mark.parametrize(
    ("text", "sector"),
    [("Oil, Gas & Fuels", "Oil, Gas & Fuels"), ("A\\,B,C", ["A,B", "C"]), ("A,", "A"), (" A ,B", ["A", "B"])],
)
def test_a_comma_before_a_blank_or_behind_a_backslash_belongs_to_the_name(
    scanner: type[ScannerDouble], text: str, sector: str | list[str]
) -> None:
    assert run("scan", "close > 1", "--sector", text).exit_code == 0
    assert scanner.asked["sector"] == sector


def test_a_market_without_a_name_is_refused(scanner: type[ScannerDouble]) -> None:
    done = run("scan", "close > 1", "--market", " ")
    assert done.exit_code == 2
    assert "--market names nothing" in done.stderr


def test_an_engine_is_the_scanners(scanner: type[ScannerDouble]) -> None:
    assert run("scan", "close > 1", "--engine", "processes:4").exit_code == 0
    assert scanner.made[1]["engine"] == "processes:4"


def test_symbols_takes_the_filters_of_a_scan(scanner: type[ScannerDouble]) -> None:
    options = "--market KOSPI --sector IT --index KOSPI200 --where kind=stock --watchlist mine.txt"
    assert run("symbols", *options.split()).exit_code == 0
    assert scanner.asked == {
        "market": "KOSPI", "sector": "IT", "index": "KOSPI200", "where": {"kind": ["stock"]}, "watchlist": "mine.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "data", "made"),
    [
        ("", "data", {}),
        ("--data elsewhere", "elsewhere", {}),
        ("--data bars.parquet", None, {"prices": "bars.parquet"}),
        ("--prices x/*.parquet --symbol-table s.parquet", None, {"prices": "x/*.parquet", "symbols": "s.parquet"}),
        ("--member-table m.parquet", "data", {"members": "m.parquet"}),
        ("--prices x --timeframe 1h", None, {"prices": "x", "timeframe": "1h"}),
        ("--prices x --prices-timeframe 5m --timeframe 1h", None, {"prices": "x", "timeframe": "5m"}),
        ("--prices x --column timestamp=date --column close=Adj_Close", None,
         {"prices": "x", "columns": {"timestamp": "date", "close": "Adj_Close"}}),
    ],
)  # fmt: skip
def test_options_say_where_the_data_is(
    scanner: type[ScannerDouble], options: str, data: str | None, made: dict[str, Any]
) -> None:
    Path("bars.parquet").touch()
    for command in (["scan", "close > 1"], ["symbols"] if "timeframe" not in options else []):
        if command:
            assert run(*command, *options.split()).exit_code == 0
            assert scanner.made == (
                (data,),
                {"prices": None, "symbols": None, "members": None, "timeframe": "1d", "columns": None, **made},
            )


@pytest.mark.parametrize(
    ("name", "content", "formula"),
    [
        ("f.jts", b"buy = close > 1\n", "buy = close > 1\n"),
        ("f.jts", "\ufeff종가 = close\n종가 > 1".encode(), "종가 = close\n종가 > 1"),
        ("f.jts", b"a = 1\r\nclose > a", "a = 1\nclose > a"),
    ],
)
def test_a_formula_may_come_from_a_file(scanner: type[ScannerDouble], name: str, content: bytes, formula: str) -> None:
    Path(name).write_bytes(content)
    assert run("scan", f"@{name}").exit_code == 0
    assert scanner.asked["formula"] == formula


def test_a_formula_may_come_from_the_standard_input(scanner: type[ScannerDouble]) -> None:
    assert run("scan", "-", input="close > 2").exit_code == 0
    assert scanner.asked["formula"] == "close > 2"


# ── what is wrong ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["scan"], "Missing argument 'FORMULA'"),
        (["scan", "x", "--nonsense"], "No such option"),
        (["scan", "x", "--last", "many"], "'many' is not a valid integer"),
        (["scan", "x", "--param", "fast"], "'fast' is not of the form name=value"),
        (["scan", "x", "--param", "=5"], "'=5' is not of the form name=value"),
        (["scan", "x", "--param", "fast=many"], "fast = 'many' is not a number"),
        (["scan", "x", "--column", "close="], "'close=' is not of the form name=value"),
        (["scan", "x", "--out", "matches.xls"], "must end with .parquet, .csv, .xlsx"),
        (["scan", "x", "--out", "matches"], "must end with .parquet, .csv, .xlsx"),
        (["scan", "x", "--out", "no/where/m.csv"], "there is no folder no/where"),
        (["scan", "x", "--data", "data", "--prices", "p"], "give either --data or --prices, not both"),
        (["scan", "x", "--prices-timeframe", "5m"], "--prices-timeframe is about --prices; in a data folder, folders"),
        (["scan", "x", "--warmup", "some"], "'some' is not one of"),
        (["scan", "@missing.jts"], "there is no file missing.jts, and no such formula in the library"),
        (["nonsense"], "No such command"),
    ],
)
def test_a_wrong_command_says_so_before_scanning(scanner: type[ScannerDouble], args: list[str], said: str) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert said in re.sub(r"\s+", " ", done.stderr)
    assert done.stdout == ""
    assert not hasattr(scanner, "asked")


@pytest.mark.usefixtures("scanner")
def test_a_file_that_is_no_text_is_refused() -> None:
    Path("f.jts").write_bytes(b"\xff\xfe\x00")
    done = run("scan", "@f.jts")
    assert done.exit_code == 2
    assert "@f.jts cannot be read" in done.stderr


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("command", [["scan", "close > 1"], ["symbols"]])
def test_without_data_it_says_how_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = run(*command)
    assert done.exit_code == 2
    for said in ("no folder ./data", "--data DIR", "--prices", "python -m jtscan.market.synthetic data --sample"):
        assert said in re.sub(r"\s+", " ", done.stderr)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RequestError("start", "'soon' is not a date"), 2, "Error: start: 'soon' is not a date\n"),
        (
            FormulaError(
                "unknown name 'clos'", text="clos > 1", line=1, column=1, width=4, hint="did you mean 'close'?"
            ),
            2,
            "Error: line 1, column 1: unknown name 'clos'; did you mean 'close'?\n  clos > 1\n  ^^^^\n",
        ),
        (DataError("bars.parquet: not a Parquet file"), 1, "Error: bars.parquet: not a Parquet file\n"),
        (DataNotFoundError("elsewhere: there is no such folder"), 1, "Error: elsewhere: there is no such folder\n"),
        (JtscanError("something else"), 1, "Error: something else\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_errors_have_a_message_and_a_code_and_no_traceback(
    scanner: type[ScannerDouble], error: BaseException, code: int, message: str
) -> None:
    scanner.answer = error
    done = run("scan", "close > 1")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", message)


# ── what comes out ────────────────────────────────────────────────────────────


def test_a_scan_prints_its_text(scanner: type[ScannerDouble]) -> None:
    done = run("scan", "close > 1")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{scanner.answer!r}\n", "")


def test_failed_symbols_are_no_failure_of_the_command(scanner: type[ScannerDouble]) -> None:
    scanner.answer = result_of(errors_count=7)
    done = run("scan", "close > 1")
    assert done.exit_code == 0
    assert "7 failed" in done.stdout


def test_quiet_prints_the_summary_and_the_warnings_beside(scanner: type[ScannerDouble]) -> None:
    scanner.answer = result_of(warnings=("the prices are invented",))
    done = run("scan", "close > 1", "--quiet")
    assert done.stdout == f"{scanner.answer.summary}\n"
    assert done.stderr == "! the prices are invented\n"


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize(("name", "read"), [("m.parquet", pl.read_parquet), ("m.CSV", pl.read_csv)])
def test_out_writes_the_matches(name: str, read: Callable[..., pl.DataFrame]) -> None:
    Path(name).write_text("something old")
    done = run("scan", "close > 1", "--out", name)
    assert done.exit_code == 0
    assert done.stdout.endswith(f"\nWrote 2 matches to {name}\n")
    more = {"schema": MATCHES.schema} if read is pl.read_csv else {}
    assert read(name, **more).equals(MATCHES)
    assert sorted(path.name for path in Path().iterdir()) == sorted(["data", name])


@pytest.mark.usefixtures("scanner")
def test_a_file_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pl.DataFrame, "write_csv", refuse)
    done = run("scan", "close > 1", "--out", "m.csv")
    assert done.exit_code == 1
    assert "m.csv cannot be written: [Errno 13] Permission denied" in done.stderr
    assert not Path("m.csv").exists()


def test_a_stopped_scan_shows_and_writes_what_it_has(scanner: type[ScannerDouble]) -> None:
    scanner.answer = result_of(cancelled=True)
    done = run("scan", "close > 1", "--out", "m.csv")
    assert done.exit_code == 130
    assert "cancelled: 2 matches" in done.stdout
    assert "Wrote 2 matches to m.csv; the scan was stopped, so these are not all" in done.stdout


@pytest.mark.parametrize(("options", "progress"), [([], None), (["--quiet"], False), (["--verbose"], False)])
def test_the_bar_is_left_to_the_scan_unless_quiet_or_a_log_is_asked_for(
    scanner: type[ScannerDouble], options: list[str], progress: object
) -> None:
    run("scan", "close > 1", *options)
    assert scanner.progress is progress


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize(
    ("options", "codes", "said"),
    [
        ("", ["005930", "000660"], "2 symbols"),
        ("--market KOSPI", ["005930"], "1 symbol"),
        ("--search chips", ["000660"], "1 symbol"),
        ("--search 전자", ["005930"], "1 symbol"),
        ("--search 0593", ["005930"], "1 symbol"),
        ("--search .*", [], "no symbols; markets: KOSDAQ, KOSPI; sectors: none"),
        ("--market NASDAQ", [], "no symbols; markets: KOSDAQ, KOSPI; sectors: none"),
        ("--market X --index Y", [], "no symbols; markets: KOSDAQ, KOSPI; sectors: none; indices: KOSPI200"),
    ],
)
def test_symbols_lists_what_there_is(options: str, codes: list[str], said: str) -> None:
    done = run("symbols", *options.split())
    assert (done.exit_code, done.stderr) == (0, f"{said}\n")
    assert re.findall(r"^\d+", done.stdout, flags=re.MULTILINE) == codes


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["close > sma(close, 20)"], ["signals       match", "columns read  close"]),
        (["n = param(5, 2, 9)\nbuy = close > sma(close, n)"], ["parameters    n = 5 (2 to 9)", "4 bars before"]),
        (["n = param(5, 2, 9)\nbuy = close > sma(close, n)", "--param", "n=9"], ["n = 9 (2 to 9)", "8 bars before"]),
    ],
)
def test_check_describes_a_formula_without_data(args: list[str], said: list[str]) -> None:
    done = run("check", *args)
    assert done.exit_code == 0
    for part in said:
        assert part in done.stdout


def test_check_points_at_the_error() -> None:
    done = run("check", "buy = cross_abov(close, 2)")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[1:] == ["  buy = cross_abov(close, 2)", "        ^^^^^^^^^^"]


# ── with the sample ───────────────────────────────────────────────────────────


def test_a_scan_of_the_sample(tmp_path: Path) -> None:
    out = tmp_path / "matches.parquet"
    formula = "buy = cross_above(sma(close, fast), sma(close, slow))\nratio = volume / sma(volume, 20)"
    done = run(
        "scan", formula, "--data", str(SAMPLE), "--market", "KOSPI", "--exclude", "005930", "--start", "2024-01-01",
        "--param", "fast=5", "--param", "slow=20", "--sort-by", "ratio", "--top", "12", "--out", str(out),
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert "! the prices are invented" in done.stdout
    assert re.search(r"^ +\d+  asked for$", done.stdout, flags=re.MULTILINE)
    assert "Matches: the first 10 of 12, the top of" in done.stdout
    assert max(map(width_of, done.stdout.splitlines()[:-1])) <= 100
    matches = pl.read_parquet(out)
    assert matches.columns == ["symbol", "name", "timestamp", "signal_type", "close", "ratio"]
    assert matches.height == 12
    assert matches["ratio"].is_sorted(descending=True)
    assert "005930" not in matches["symbol"]


def test_symbols_and_check_of_the_sample() -> None:
    listed = run("symbols", "--data", str(SAMPLE), "--market", "KOSDAQ")
    assert listed.exit_code == 0
    assert listed.stdout.count("KOSDAQ") == int(listed.stderr.split()[0])
    funds = run("symbols", "--data", str(SAMPLE), "--market", "KOSPI,KOSDAQ", "--where", "kind=etf,index")
    assert {line.split()[-1] for line in funds.stdout.splitlines()[1:]} == {"etf"}
    wrong = run("check", "clos > 1", "--data", str(SAMPLE))
    assert wrong.exit_code == 2
    assert "unknown name 'clos'; did you mean 'close'?" in wrong.stderr
    assert run("check", "close > 1", "--data", str(SAMPLE), "--timeframe", "5m").exit_code == 0


def test_a_timeframe_that_is_not_stored_is_made_at_read() -> None:
    """The last Fridays of the sample, and the running week."""
    folder = run("scan", "close > 0", "--data", str(SAMPLE), "--timeframe", "1w", "--symbols", "005930", "--last", "3")
    assert re.findall(r"005930 +\S+ +(2024-\d\d-\d\d)", folder.stdout) == ["2024-12-20", "2024-12-27", "2024-12-30"]
    assert "the newest 1w bar, of 2024-12-30, may not be complete" in folder.stdout + folder.stderr
    files = ("--prices", str(SAMPLE / "prices/5m"), "--prices-timeframe", "5m", "--timeframe", "60m")
    hours = run("scan", "close > 0", *files, "--symbols", "005930", "--last", "2").stdout
    assert re.findall(r"005930 +(?:\S+ +)?(2024-\d\d-\d\d \d\d:\d\d)", hours) == [
        "2024-12-30 14:00",
        "2024-12-30 15:00",
    ]


def test_a_scan_of_an_index_in_a_file(tmp_path: Path) -> None:
    """The member joined on the newest day of the sample; the watchlist is the same symbol on every day."""
    members, mine = tmp_path / "members.parquet", tmp_path / "mine.txt"
    rows = {"index": ["K"], "symbol": ["005930"], "start": ["2024-12-30"]}
    pl.DataFrame(rows).write_parquet(members)
    mine.write_text("KRX:005930")
    found = []
    for options in (["--index", "K", "--member-table", str(members)], ["--watchlist", str(mine)]):
        done = run("scan", "close > 0", "--data", str(SAMPLE), "--last", "5", "--quiet", *options)
        assert done.exit_code == 0
        found.append(done.stdout.split(",")[0])
    assert found == ["1 match in 1 of 1 symbol", "5 matches in 1 of 1 symbol"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--prices", "nowhere/*.parquet"], 1, "nowhere/*.parquet"),
        (["--data", "garbage.parquet"], 1, "garbage.parquet"),
        (["--timeframe", "1m"], 1, "there are no 1m bars"),
        (["--timeframe", "7m"], 2, "timeframe: '7m' is not known"),
        (["--start", "2024-02-01", "--end", "2024-01-01"], 2, "start: 2024-02-01 is after the end"),
        (["--last", "0"], 2, "last: 0 is not a number of bars"),
        (["--param", "x=1"], 2, "unknown parameter 'x'"),
        (["--sort-by", "nothing"], 2, "there is no column 'nothing'"),
    ],
)
def test_what_is_wrong_with_data_or_request_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("garbage.parquet").write_bytes(b"PAR1 nothing of the kind")
    source = [] if {"--prices", "--data"} & set(args) else ["--data", str(SAMPLE)]
    done = run("scan", "close > 1", *source, *args)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr


# ── itself ────────────────────────────────────────────────────────────────────


def test_version_and_help() -> None:
    assert re.fullmatch(r"jtscan, version \d+\.\d+\.\d+\n", run("--version").stdout)
    assert {"scan", "symbols", "check"} <= set(run("--help").stdout.split())


def test_the_command_line_imports_nothing_of_a_notebook() -> None:
    code = "import sys, jtscan.cli; print(sorted({'IPython', 'ipywidgets', 'matplotlib', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
