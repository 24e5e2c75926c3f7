"""DuckDB as a locked reader of Parquet files.

The connection is in memory, may read only the folders it was given, sees no
Python variables and takes values only as parameters. Each query runs on a
cursor of its own, so threads may share one ``Duck``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
from polars.exceptions import PolarsError

from jtscan.domain.control import stoppable

_WORKING_MEMORY = "500MB"
_PATTERN_LETTERS = frozenset("*?[]")
_DAMAGE = (duckdb.InvalidInputException, duckdb.ConversionException)
_PREFIX = re.compile(r"""^(got external error: )?([A-Z]\w*( \w+)* Error: )?(Failed to read file ".*?": )?""")


class Duck:
    """A locked DuckDB that can read what is in the folders of some files."""

    def __init__(self, files: Iterable[Path]) -> None:
        paths = [path for file in files for path in (file, Path(os.path.realpath(file)) if file.is_symlink() else file)]
        folders = {path for each in {path.parent for path in paths} for path in (each.absolute(), each.resolve())}
        self._allowed = sorted({f"{folder}/" for folder in folders if is_text(folder)})

    def __getstate__(self) -> dict[str, Any]:
        """What another process makes a connection of its own with."""
        return {"_allowed": self._allowed}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The connection; made for the first query, and locked before it."""
        connection = duckdb.connect(":memory:")
        self._prepare(connection)
        connection.execute("SET allowed_directories = ?", [self._allowed])
        connection.execute("SET enable_progress_bar = false")  # it would be drawn on the standard output
        for setting in ("python_enable_replacements", "enable_external_access"):
            connection.execute(f"SET {setting} = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Set what cannot be set once it is locked."""

    def _session(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._connection.cursor()

    def frame(self, query: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run one query; the answer is a Polars frame.

        Raises
        ------
        duckdb.Error
            As DuckDB says it; who asks knows which file or symbol it is about.
        """
        try:
            with self._session() as cursor, stoppable(cursor.interrupt):
                relation = cursor.sql(query, params=dict(parameters or {}))
                # Polars caches the type of what it is given; DuckDB's own would be reported as leaked at exit.
                return pl.DataFrame(SimpleNamespace(__arrow_c_stream__=relation.__arrow_c_stream__))
        except PolarsError as error:  # DuckDB's own, met while Polars takes the rows
            raise duckdb.InvalidInputException(str(error)) from error
        except UnicodeDecodeError as error:  # what a damaged file calls its columns
            raise duckdb.InvalidInputException(
                f"it has a name that is not valid UTF-8: {error.object!r:.60}"
            ) from error


class Workbench(Duck):
    """A locked DuckDB for one thread, which may also write below a folder.

    It keeps to half a gigabyte of memory: what is more goes to that folder.
    """

    def __init__(self, files: Iterable[Path], work: Path) -> None:
        super().__init__([*files, work / "anything"])
        self._spill = work / "spill"

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("SET memory_limit = ?", [_WORKING_MEMORY])
        connection.execute("SET temp_directory = ?", [str(self._spill)])

    def _session(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Temporary tables belong to a connection, so that all statements share it."""
        return nullcontext(self._connection)

    def run(self, query: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that gives nothing back, such as COPY."""
        self._connection.execute(query, dict(parameters or {}))

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()


def quoted(name: str) -> str:
    """Quote a column's name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Write a text between quotes, where DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"


def unreadable(path: Path, error: Exception) -> str:
    """Say in one line why a Parquet file cannot be read."""
    try:
        size = path.stat().st_size
    except OSError:
        return "the link leads to no file" if path.is_symlink() else "the file is missing"
    if size == 0:
        return "the file is empty (0 bytes)"
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if "magic bytes" in said or "too small" in said or "Footer length" in said:
        return f"not a Parquet file, or cut off ({size:,} bytes)"
    damaged = isinstance(error, _DAMAGE) or type(error) is duckdb.Error or "Could not read enough bytes" in said
    reason = _PREFIX.sub("", said).replace(str(path), shown(Path(path.name)))
    return f"the file is damaged: {reason}" if damaged else reason


def refuse_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Name the files that DuckDB cannot be asked for."""
    refused = {path: "its path is not valid UTF-8; rename it" for path in paths if not is_text(path)}
    for path in paths:
        if _PATTERN_LETTERS & set(str(path)):
            refused[path] = "its path has one of * ? [ ], which DuckDB reads as a pattern; rename it"
    return refused


def is_text(path: Path) -> bool:
    """Whether a path can be written as UTF-8: a file from elsewhere may be named in another encoding."""
    return shown(path) == str(path)


def shown(path: Path) -> str:
    """Write a path so that it can be printed."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def sought(path: Path) -> str:
    """Write a path where nothing was found; a relative one with the folder in which it was looked for."""
    return shown(path) if path.is_absolute() else f"{shown(path)} (looked in {shown(Path.cwd())})"
