"""The commands around a store: what they print, and how they exit."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from jtscan import cli

HEADER = "symbol,date,open,high,low,close,volume"
ROWS = [
    "A,2024-01-02,10,12,8,10,100",
    "A,2024-01-03,0,0,0,10,0",
    "B,2024-01-02,10,12,8,x,1",
    "B,2024-01-03,10,10,8,10.03,1",
]


def plain(said):
    """Lines that were broken to fit, in one."""
    return " ".join(said.split())


class Shell:
    """Runs commands on a store below a folder."""

    def __init__(self, folder):
        self.file, self.root = folder / "prices.csv", folder / "store"

    def write(self, *rows, header=HEADER):
        self.file.write_text("\n".join([header, *rows, ""]))
        return str(self.file)

    def run(self, *words, code=0):
        result = CliRunner().invoke(cli.main, [str(word) for word in words])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    def ingest(self, *words, code=0):
        return self.run("ingest", self.file, "--into", self.root, *words, code=code)


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    shell.write(*ROWS)
    return shell


def test_ingest_tells_what_became_of_every_row_and_what_to_do_next(shell):
    said = plain(shell.ingest())
    assert re.match(r"4 rows of 1 file read into .*store in [\d.]+ s: version v1-[0-9a-f]{8} ", said)
    for part in ("1d · 2 symbols, 2024-01-02 to 2024-01-03", " 2 bars ", " 1 halts ", " 1 quarantined ", " 4 rows read ", " 1 repaired ",
                 "close is not a number 1 1 B 2024-01-02", "prices.csv 4 2 1 1", f"--data {shell.root} --last 5"):  # fmt: skip
        assert part in said, part


def test_ingest_again_says_that_nothing_is_new(shell):
    shell.ingest()
    said = shell.ingest()
    assert "nothing new: no version was made" in plain(said)
    assert "Scan it" not in said


def test_quiet_is_one_line(shell):
    said = shell.ingest("--quiet")
    assert len(said.strip().splitlines()) == 1
    assert said.startswith("4 rows of 1 file read into ")


def test_what_was_ingested_can_be_scanned_by_the_command_that_is_told(shell):
    said = shell.ingest()
    formula, rest = said[said.index("jtscan scan '") :].split("'")[1:]
    assert f"--data {shell.root} --last 5" in rest
    told = shell.run("scan", formula, "--data", shell.root, "--last", "5")
    assert told.startswith("0 matches in 0 of 2 symbols, 0 failed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--map", "close=px"],
            "columns: no file has a column 'px' for close; there are: close, date, high, low, open, symbol, volume",
        ),
        (["--map", "px=close"], "columns: 'px' is not one of ours"),
        (["--map", "close"], "is not of the form name=value"),
        (["--timeframe", "3d"], "timeframe: '3d' is not known"),
        (["--halts", "none"], "'none' is not one of 'zero', 'flat'"),
        (["--adjust"], "adjust: .*prices.csv has no column of adjusted closes"),
        (["--symbol-pattern", "x"], "symbol_pattern: 'x' does not say where the symbol is"),
    ],
)
def test_a_wrong_request_exits_with_2(shell, words, said):
    assert re.search(said, plain(shell.ingest(*words, code=2)))
    assert not (shell.root / "manifest.json").exists()


def test_nothing_at_the_source_exits_with_1(shell):
    shell.file.unlink()
    assert "Error: there is nothing at " in shell.ingest(code=1)


def test_sources_of_which_none_can_be_used_exit_with_1(shell):
    shell.write("1", header="x")
    assert re.search(r"prices\.csv: it has no column of dates; it has: x", shell.ingest(code=1))
    shell.file.write_bytes(b"")
    assert "prices.csv: the file is empty" in shell.ingest(code=1)


def test_sources_of_which_some_can_be_used_exit_with_0_and_name_the_others(shell):
    bad = shell.file.with_name("bad.csv")
    bad.write_text("x\n1\n2\n")
    single = shell.file.with_name("single.csv")
    single.write_text("x\n1\n")
    said = shell.run("ingest", shell.file, bad, single, "--into", shell.root)
    assert re.search(r"not used: .*single\.csv \(1 row\): it has", plain(said))
    assert re.search(r"not used: .*bad\.csv \(2 rows\): it has no column of dates", plain(said))


def test_options_are_handed_on(shell):
    shell.write("02/01/2024,10,5,A", "03/01/2024,0,5,A", header="TRD_DD,px,Adj Close,Code")
    shell.ingest("--map", "timestamp=TRD_DD", "--map", "close=px", "--date-format", "%d/%m/%Y", "--adjust")
    said = shell.run("doctor", shell.root)
    assert "2024-01-02 to 2024-01-02" in said
    assert "close is 0.0: a price is above 0" in said


# ---- doctor, verify, history, sweep, compact


def test_doctor_shows_rows_quarantine_repairs_and_suspicions(shell):
    shell.write(*ROWS, "A,2024-01-04,30,30,30,30,1")
    shell.ingest()
    said = shell.run("doctor", shell.root)
    for part in (
        "Rows of 1d, 2 symbols, 2024-01-02 to 2024-01-04",
        "rows read in all ingests",
        "Quarantine",
        "close is not a number",
        "Repaired",
        "Suspicious",
        "jump",
    ):
        assert part in said, part


def test_verify_exits_with_1_where_something_is_damaged(shell):
    shell.ingest()
    assert "whole, every SHA-256 sum fits" in shell.run("verify", shell.root)
    path = next((shell.root / "prices").rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"x")
    said = shell.run("verify", shell.root, code=1)
    assert "DAMAGED, 1" in said
    assert re.search(r"prices/1d/v000001-.*: it has [\d,]+ bytes, not [\d,]+", said)


def test_history_lists_versions_and_sweep_and_compact_say_what_they_did(shell):
    shell.ingest()
    shell.write("A,2024-01-04,10,12,8,10,100")
    shell.ingest()
    history = shell.run("history", shell.root)
    assert history.index(" 2 ") < history.index(" 1 ")
    assert "ingest" in history
    assert re.match(r"version v3-[0-9a-f]{8}$", shell.run("compact", shell.root).strip())
    assert shell.run("sweep", shell.root, "--keep", "1").strip() == "removed: 0 files"  # younger than an hour


def test_history_shows_from_what_each_version_is_and_whether_it_can_be_opened(shell):
    shell.ingest()
    history = shell.run("history", shell.root)
    assert "prices.csv" in history
    assert "can_be_opened" in history.splitlines()[0]


@pytest.mark.parametrize("command", ["doctor", "verify", "history", "sweep", "compact"])
def test_a_folder_without_a_store_exits_with_1(tmp_path, command):
    said = CliRunner().invoke(cli.main, [command, str(tmp_path)])
    assert said.exit_code == 1
    assert "no ingest has written there; jtscan ingest SOURCE --into DIR makes a store" in said.output.replace(
        "\n", " "
    )
    assert not list(tmp_path.iterdir())


def test_a_damaged_manifest_exits_with_1(shell):
    shell.ingest()
    (shell.root / "manifest.json").write_text("{}")
    for command in ("doctor", "verify", "history", "compact"):
        assert "manifest.json: the manifest is damaged" in shell.run(command, shell.root, code=1)


def test_sweep_keeps_one_version_at_least(shell):
    shell.ingest()
    assert "--keep" in shell.run("sweep", shell.root, "--keep", "0", code=2)
