"""What a browser test starts: JupyterLab or Voila on a free port, and Debian's Chromium.

    missing     what this machine lacks, in one line
    jupyterlab  a server of the notebooks in a folder, with no settings of the user's
    voila       one notebook as an app
    chromium    a browser that finds nothing but this machine

Playwright is imported where it is used: a machine without it still collects the tests.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jtscan

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PACKAGES = ("playwright", "jupyterlab", "voila")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the tests need no network, and must not wait for one
)
KEY = "jtscan"
_NO_NEWS = '{"fetchNews": "false", "checkForUpdates": false}'  # otherwise JupyterLab asks, over the page
_SECONDS_TO_START = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers; ``log`` is what it wrote."""

    url: str
    log: Path


def missing() -> str:
    """What a browser test needs and this machine lacks; empty where nothing is missing."""
    lacking = [f"the Python package {name}" for name in PACKAGES if importlib.util.find_spec(name) is None]
    if _executable() is None:
        lacking.append("Chromium (Debian: apt-get install chromium)")
    return f"no {', no '.join(lacking)}" if lacking else ""


def _executable() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_executable(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def jupyterlab(folder: Path, state: Path) -> Iterator[Server]:
    """Serve the notebooks in a folder; ``state`` takes the settings and the log."""
    options = [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={KEY}",
        "--LabApp.expose_app_in_browser=True",
    ]
    settings = state / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(_NO_NEWS, encoding="utf-8")
    with _started(["jupyterlab", "--allow-root", *options], "--ServerApp.port", folder, state) as server:
        yield server


@contextmanager
def voila(notebook: Path, state: Path) -> Iterator[Server]:
    """Serve one notebook as an app, as ``voila NOTEBOOK`` does."""
    options = ["--Voila.ip=127.0.0.1", "--Voila.port_retries=0"]
    with _started(["voila", str(notebook), *options], "--Voila.port", notebook.parent, state) as server:
        yield server


@contextmanager
def _started(command: list[str], port_option: str, folder: Path, state: Path) -> Iterator[Server]:
    port = _free_port()
    server = Server(url=f"http://127.0.0.1:{port}", log=state / f"{command[0]}.log")
    state.mkdir(parents=True, exist_ok=True)
    with server.log.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--no-browser", f"{port_option}={port}"],
            cwd=folder,
            env=_environment(state),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(port, process, server.log)
        yield server
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(state: Path) -> dict[str, str]:
    """Nothing of the user's settings; kernels import the jtscan that is tested."""
    own = {f"JUPYTER_{kind}_DIR": str(state / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    paths = [str(Path(jtscan.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **own,
        "IPYTHONDIR": str(state / "ipython"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{_end_of(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no server on port {port} in {_SECONDS_TO_START} s:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-3000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # the server shuts its kernels down
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
