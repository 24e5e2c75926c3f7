"""Everything public explains itself, completes, and has types that an editor can follow."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jtscan as jt
from jtscan.formula.library import LibraryFormula

ROOT = Path(__file__).parents[1]
CLASSES = {name: value for name in jt.__all__ if inspect.isclass(value := getattr(jt, name))}
FUNCTIONS = [name for name in jt.__all__ if inspect.isfunction(getattr(jt, name))]
UNTOLD = {"misplaced": "jt.function takes it only to say what is missing"}
SECTIONS = ("Parameters", "Attributes", "Returns", "Raises", "Examples")


def members_of(kind):
    """Public methods and properties that are ours, with the function that holds their docstring."""
    for name in dir(kind):
        owner = next((each for each in kind.__mro__ if name in vars(each)), object)
        if name.startswith("_") or not owner.__module__.startswith("jtscan"):
            continue
        found = inspect.getattr_static(kind, name)
        found = getattr(found, "fget", None) or getattr(found, "func", None) or getattr(found, "__func__", found)
        if inspect.isfunction(found):
            yield name, found


METHODS = {f"{name}.{member}": (member, found) for name, kind in CLASSES.items() for member, found in members_of(kind)}


def sections_of(doc: str) -> dict[str, list[str]]:
    """The names under each heading of a NumPy-style docstring."""
    lines = inspect.cleandoc(doc).split("\n")
    heads = [place for place in range(len(lines) - 1) if lines[place] in SECTIONS and set(lines[place + 1]) == {"-"}]
    ends = [*heads[1:], len(lines)]
    return {
        lines[head]: [
            name.strip().lstrip("*")
            for line in lines[head + 2 : end]
            if line and not line.startswith(" ")
            for name in line.split(",")
        ]
        for head, end in zip(heads, ends, strict=True)
    }


def test_the_parser_of_this_file_reads_headings_and_names():
    doc = "One line.\n\nParameters\n----------\na, b\n    Both: one, two.\n*rest\n    Others.\n\nRaises\n------\nValueError\n"
    assert sections_of(doc) == {"Parameters": ["a", "b", "rest"], "Raises": ["ValueError"]}


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS, *METHODS, "library"])
def test_everything_public_has_a_docstring_that_begins_with_a_sentence(name):
    documented = METHODS[name][1] if name in METHODS else getattr(jt, name)
    first = (inspect.getdoc(documented) or "").split("\n")[0]
    assert re.match(r"[\"'A-Z`].*[.:]$", first), first


def test_the_walk_finds_what_people_use():
    assert {"Scanner.scan", "Scanner.store", "BatchScanResult.to_csv", "BatchScanResult.account", "Store.sweep"} < set(
        METHODS
    )
    assert {"describe", "explain", "function", "ingest"} == set(FUNCTIONS)


def parameters_of(function):
    given = inspect.signature(function).parameters
    return [name for name in given if name not in {"self", "cls", *UNTOLD}]


@pytest.mark.parametrize(
    "name", [*(name for name, (_, found) in METHODS.items() if len(parameters_of(found)) > 1), *FUNCTIONS]
)
def test_a_docstring_speaks_of_every_argument(name):
    function = METHODS[name][1] if name in METHODS else getattr(jt, name)
    doc = inspect.getdoc(function)
    assert [each for each in parameters_of(function) if not re.search(rf"\b{each}\b", doc)] == []


@pytest.mark.parametrize("name", [name for name, kind in CLASSES.items() if dataclasses.is_dataclass(kind)])
def test_a_docstring_speaks_of_every_field(name):
    doc = inspect.getdoc(CLASSES[name])
    fields = [field.name for field in dataclasses.fields(CLASSES[name])]
    assert [each for each in fields if not re.search(rf"\b{each}s?\b", doc)] == []


@pytest.mark.parametrize("method", ["scan", "scan_async"])
def test_scan_lists_every_argument_under_parameters_and_nothing_else(method):
    scan = getattr(jt.Scanner, method)
    sections = sections_of(scan.__doc__)
    assert sorted(sections["Parameters"]) == sorted(parameters_of(scan))
    assert {"Returns", "Raises", "Examples"} < set(sections)
    assert sections["Raises"] == ["FormulaError", "RequestError", "DataError"]


def test_scan_shows_its_own_name_and_sentence():
    assert jt.Scanner.scan.__name__ == "scan"
    assert jt.Scanner.scan.__qualname__ == "Scanner.scan"
    assert inspect.getdoc(jt.Scanner.scan).startswith("Scan, and wait for the result")
    assert not inspect.iscoroutinefunction(jt.Scanner.scan)
    assert inspect.signature(jt.Scanner.scan).return_annotation == "BatchScanResult"


def test_the_scanner_lists_every_argument_too():
    assert sorted(sections_of(jt.Scanner.__doc__)["Parameters"]) == sorted(parameters_of(jt.Scanner))


def test_the_library_completes_its_names_between_brackets():
    keys = jt.library._ipython_key_completions_()
    assert "turtle" in keys
    assert all(isinstance(jt.library[key], LibraryFormula) for key in keys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("scanner.sc", {"scan", "scan_async"}),
        ("result.st", {"statistics", "stale"}),
        ("result.to_", {"to_csv", "to_excel", "to_pandas", "to_parquet"}),
        ("result.signals.ma", {"matches"}),
        ("result.signals.matches.filt", {"filter"}),
    ],
)
def test_an_editor_completes_without_running_anything(typed, offered):
    import jedi

    lines = "import jtscan as jt\nscanner = jt.Scanner('data')\nresult = scanner.scan('close > 1')\n"
    assert offered <= {each.name for each in jedi.Script(lines + typed).complete()}


@pytest.mark.slow
def test_types_are_precise_enough_for_an_editor(tmp_path):
    script = tmp_path / "typed.py"
    script.write_text(
        "import jtscan as jt\n"
        "result = jt.Scanner('data').scan('close > 1', market='KOSPI', last=1)\n"
        "reveal_type(result)\n"
        "reveal_type(result.signals.matches)\n"
        "reveal_type(result.statistics.by_symbol)\n"
        "reveal_type(result.to_csv('m.csv'))\n"
        "reveal_type(jt.library['turtle'].text)\n"
        "jt.Scanner('data').scan('close > 1', markt='KOSPI')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert re.findall(r'Revealed type is "(?:builtins\.)?([^"]+)"', done.stdout) == [
        "jtscan.domain.scans.BatchScanResult",
        "polars.dataframe.frame.DataFrame",
        "typing.Mapping[str, int]",
        "pathlib.Path",
        "str",
    ]
    assert 'Unexpected keyword argument "markt"' in done.stdout
