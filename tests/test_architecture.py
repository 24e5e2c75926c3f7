"""Who may import whom, what is public, and what importing jtscan costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jtscan

PACKAGE = Path(jtscan.__file__).parent

# A layer may import those that stand above it.
LAYERS = (
    "errors", "domain", "waiting", "turns", "handing", "render", "export", "ports", "progress", "formula", "market", "engines", "aggregate",
    "universe", "history", "scan", "code", "scanner", "notebook", "testing", "sources", "cli",
)  # fmt: skip

# What a layer may not import although it stands above, and the reason.
FORBIDDEN = {
    ("market", "formula"): "prices know no formulas",
    ("formula", "ports"): "formulas know no symbols, files or batches",
    ("engines", "render"): "results show themselves",
    **{
        ("universe", each): "the universe is resolved through the ports"
        for each in ("render", "formula", "market", "engines", "aggregate")
    },
    ("scan", "render"): "results show themselves",
    ("engines", "market"): "the engine reads through the port",
    ("aggregate", "engines"): "results are values",
    ("history", "engines"): "a result looks through the port",
    ("history", "market"): "a result looks through the port",
    ("history", "formula"): "the engine knows the formula's series",
    ("scan", "engines"): "the use case runs through the port",
    ("scan", "market"): "the use case reads through the port",
    **{
        ("sources", each): "fetching prices knows no scans"
        for each in (
            "render",
            "ports",
            "formula",
            "engines",
            "aggregate",
            "scan",
            "code",
            "progress",
            "scanner",
            "notebook",
            "testing",
        )
    },
    ("cli", "notebook"): "a terminal needs no widgets",
}

# Imports against the order, made when called.
EXEMPT = {
    ("domain", "render"): "values show themselves by one call into the renderer",
    ("domain", "export"): "results write themselves by one call into the exporter",
    ("formula", "render"): "the table of functions and explanations show themselves by one call into the renderer",
    ("market", "render"): "a store shows itself by one call into the renderer",
    ("progress", "notebook"): "a bar in a notebook is a widget",
    ("scanner", "notebook"): "scanner.form() needs the extra 'notebook'",
    ("domain", "notebook"): "plot() and its kin and result.table() need the extra 'notebook'",
}

ONLY_HERE = {
    "ipywidgets": {"notebook"},
    "IPython": {"notebook"},
    "matplotlib": {"notebook"},
    "itables": {"notebook"},
    "anywidget": {"notebook"},
    "click": {"cli"},
    "tenacity": {"sources"},
    "xlsxwriter": {"export"},
    "duckdb": {"market", "engines"},
    "numpy": {"market", "formula", "engines"},
    "polars_talib": {"formula"},
    "talib": {"formula"},
    "cloudpickle": {"engines"},
    "distributed": {"engines"},
    "fsspec": {"market"},
}


def layer_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py") if relative.parts[0] != "__init__.py" else None


def imports(path):
    """Every module that a file imports, and whether at its top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.names[0].name != "*", f"{path}: star import"
            names = [f"{node.module}.{each.name}" if node.module == "jtscan" else node.module for each in node.names]
        for name in names:
            yield name, id(node) in top


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if layer_of(path))


def test_every_module_has_its_layer():
    assert {layer_of(path) for path in SOURCES} == set(LAYERS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_point_up(path):
    layer = layer_of(path)
    for name, _ in imports(path):
        if not name.startswith("jtscan."):
            continue
        other = name.split(".")[1]
        if other == layer or (layer, other) in EXEMPT:
            continue
        assert other in LAYERS[: LAYERS.index(layer)], f"{layer} imports {other}"
        assert (layer, other) not in FORBIDDEN, FORBIDDEN[layer, other]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_library_is_used_in_its_own_room(path):
    for name, _ in imports(path):
        rooms = ONLY_HERE.get(name.split(".")[0])
        assert rooms is None or layer_of(path) in rooms, f"{layer_of(path)} imports {name}"


def test_the_exemptions_are_made_when_called():
    for path in SOURCES:
        for name, at_top in imports(path):
            if name.startswith("jtscan.") and (layer_of(path), name.split(".")[1]) in EXEMPT:
                assert not at_top, f"{path} imports {name} at its top"


def test_all_is_what_is_public():
    names = [name for name in vars(jtscan) if not name.startswith("_") and not hasattr(vars(jtscan)[name], "__path__")]
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert sorted(jtscan.__all__) == sorted(name for name in names if name not in modules)
    assert jtscan.__all__ == sorted(set(jtscan.__all__))
    assert dir(jtscan) == sorted([*jtscan.__all__, "__version__"])  # what completion offers


def test_importing_jtscan_imports_no_notebook_and_no_package_that_fetches():
    code = "import jtscan, jtscan.cli, jtscan.sources, jtscan.testing, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "IPython", "ipywidgets", "matplotlib", "itables", "anywidget", "numpy", "pandas", "xlsxwriter", "talib", "cloudpickle",
        "distributed", "fsspec",
    }  # fmt: skip
    fetching = {"FinanceDataReader", "pykrx", "yfinance", "tenacity"}
    assert not (heavy | fetching) & set(found.stdout.split())
    assert found.stderr == ""


def test_importing_jtscan_does_nothing():
    code = (
        "import threading, logging, jtscan; "
        "print(threading.active_count(), logging.getLogger('jtscan').handlers, logging.getLogger().handlers)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "1 [] []"
