"""Ctrl-C: a real SIGINT to a real process, at different moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from jtscan.testing import make_bars

NAMES = [f"{number:04d}" for number in range(3000)]
PLAIN, COMPARED = "close > sma(close, 3)", "rank(close) > 0.5 and close > sma(close, 3)"
LATEST = 3.0  # one second, and room for a machine that has other things to do

SCRIPT = """
    import sys, time, threading, jtscan as jt
    wanted = sys.argv[3]

    class Observer:
        count = 0
        def go(self, moment):
            if moment == wanted:
                print("GO", flush=True)
                time.sleep(0.2)  # Ctrl-C comes now
        def on_phase(self, phase):
            self.go(phase.partition(":")[0])
        def on_result(self, result):
            self.count += 1
            self.go(f"symbol {self.count}")

    scanner = jt.Scanner(prices=sys.argv[1], max_concurrent_scans=1)
    result = scanner.scan(sys.argv[2], observer=Observer())
    print(result.cancelled, scanner.last_result is result, "Ctrl-C stopped the scan" in result.warnings)
    counts = dict(result.account.select("status", "symbols").rows())
    print(sum(counts.values()), result.outcomes["error"].drop_nulls().unique().to_list())
    print([each.name for each in threading.enumerate() if each.name.startswith("jtscan")])
"""

TWICE = """
    import sys, time, jtscan as jt
    scanner = jt.Scanner(prices=sys.argv[1])
    def slow(completed, total):
        if completed == 5:
            print("GO", flush=True)
            time.sleep(0.6)
    try:
        scanner.scan("close > 1", progress_callback=slow)
    except KeyboardInterrupt:
        until = time.monotonic() + 5
        while scanner.last_result is None and time.monotonic() < until:
            time.sleep(0.01)
        print(scanner.last_result.cancelled, scanner.last_result.account["symbols"].to_list())
"""

IN_A_LOOP = """
    import asyncio, sys, time, jtscan as jt
    scanner = jt.Scanner(prices=sys.argv[1])
    def slow(completed, total):
        if completed == 5:
            print("GO", flush=True)
            time.sleep(0.3)
    try:
        asyncio.run(scanner.scan_async("close > 1", progress_callback=slow))
    except KeyboardInterrupt:
        print(scanner.last_result.cancelled, scanner.last_result.account["symbols"].to_list())
"""

STREAMED = """
    import asyncio, sys, time, jtscan as jt
    scanner = jt.Scanner(prices=sys.argv[1])
    async def main():
        count = 0
        async for result in scanner.stream("close > 1"):
            count += 1
            if count == 5:
                print("GO", flush=True)
                await asyncio.sleep(30)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("out")
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    path = tmp_path_factory.mktemp("prices") / "prices.parquet"
    make_bars({name: [10.0 + (place + int(name)) % 7 for place in range(40)] for name in NAMES}).write_parquet(path)
    return path


def interrupted(script, *args, times=1):
    """Run a script, send SIGINT when it says so; what it wrote, on both, and how long it lived on."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "GO\n"
        begun = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1 if times > 1 else 0)
        out, err = process.communicate(timeout=60)
        return out.splitlines(), err, time.monotonic() - begun, process.returncode


@pytest.mark.parametrize(
    ("formula", "moment"),
    [
        (PLAIN, "resolving"),
        (PLAIN, "scanning"),
        (PLAIN, "symbol 1"),
        (PLAIN, "symbol 1500"),
        (COMPARED, "comparing symbols"),
        (COMPARED, "symbol 10"),
    ],
)
def test_ctrl_c_ends_a_scan_within_a_second_with_what_is_done(prices, formula, moment):
    out, err, seconds, code = interrupted(SCRIPT, prices, formula, moment)
    assert (code, err) == (0, "")
    assert out[0] == "True True True"
    # While the symbols are looked for, nobody knows which they are.
    known = ["0 []"] if moment == "resolving" else []
    assert out[1] in {"3000 ['Ctrl-C stopped the scan before its turn']", *known}
    assert out[2] == "[]"
    assert seconds < LATEST


def test_ctrl_c_while_the_matches_are_gathered_leaves_a_whole_result(prices):
    out, err, seconds, code = interrupted(SCRIPT, prices, PLAIN, "aggregating")
    assert (code, err, out[0]) == (0, "", "False True False")
    assert seconds < LATEST


@pytest.mark.parametrize(("script", "times"), [(TWICE, 2), (IN_A_LOOP, 1)], ids=["twice", "in a loop"])
def test_an_interrupt_that_gets_out_leaves_the_partial_result(prices, script, times):
    out, err, seconds, code = interrupted(script, prices, times=times)
    assert (code, err) == (0, "")
    assert out[0].startswith("True [5, 0, 0, 0, 0, 2995]")
    assert seconds < LATEST


def test_ctrl_c_ends_a_stream_and_its_thread(prices):
    out, err, seconds, code = interrupted(STREAMED, prices)
    assert (code, err, out) == (0, "", ["out"])
    assert seconds < LATEST


def test_ctrl_c_in_a_terminal_prints_and_writes_what_is_done(prices, tmp_path):
    code = """
        import sys
        from jtscan import scanner
        from jtscan.cli import main
        given = scanner.Scanner.scan
        def slow(completed, total):
            if completed == 5:
                print("GO", flush=True)
                __import__("time").sleep(0.3)
        scanner.Scanner.scan = lambda self, formula, **options: given(self, formula, progress_callback=slow, **options)
        main()
    """
    given = [
        "scan",
        "close > 1",
        "--prices",
        prices,
        "--quiet",
        "--out",
        tmp_path / "m.csv",
        "--checkpoint",
        tmp_path / "kept",
    ]
    out, err, seconds, exit_code = interrupted(code, *given)
    assert exit_code == 130
    assert out[0].startswith("cancelled: ")
    assert out[-1].endswith("the scan was stopped, so these are not all")
    assert err == "! Ctrl-C stopped the scan\n"
    assert (tmp_path / "m.csv").read_text().count("\n") > 5
    again = subprocess.run(
        [sys.executable, "-c", "from jtscan.cli import main; main()", *given],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.startswith("120,000 matches in 3,000 of 3,000 symbols")
    assert seconds < LATEST


@pytest.mark.parametrize(
    ("cell", "raised"),
    [
        ("result = scanner.scan('close > 1', progress_callback=slow)", None),
        ("result = await scanner.scan_async('close > 1', progress_callback=slow)", "CancelledError"),
    ],
    ids=["scan", "await"],
)
def test_an_interrupted_cell_leaves_the_partial_result(prices, kernel, cell, raised):
    execute, interrupt = kernel
    setup = f"""
        import time, jtscan as jt
        scanner = jt.Scanner(prices={str(prices)!r})
        def slow(completed, total):
            if completed == 5:
                print("GO", flush=True)
                time.sleep(0.5)
    """
    execute(textwrap.dedent(setup))
    begun = []

    def when_it_says_so(text):
        if "GO" in text:
            begun.append(time.monotonic())
            interrupt()

    _, error = execute(cell, hear=when_it_says_so)
    seconds = time.monotonic() - begun[0]
    said, _ = execute("print(scanner.last_result.cancelled, scanner.last_result.account['symbols'].to_list())")
    assert error == raised
    assert said.startswith("True [5, 0, 0, 0, 0, 2995]")
    assert seconds < LATEST
    assert execute("print(scanner.scan('close > 1', symbols=['0001']).cancelled)") == ("False\n", None)


@pytest.fixture(scope="module")
def kernel():
    """A kernel: run a cell, which gives what it printed and what it raised; and interrupt it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})

    def execute(code, hear=lambda text: None):
        asked, said, error = client.execute(code), [], None
        while True:
            message = client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "stream":
                said.append(content["text"])
                hear(content["text"])
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(said), error

    yield execute, manager.interrupt_kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)
