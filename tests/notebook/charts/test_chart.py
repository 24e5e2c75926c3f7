from __future__ import annotations

import builtins
import subprocess
import sys
import threading

import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from jtscan.errors import RequestError
from jtscan.notebook.charts import symbol_chart


@pytest.fixture
def chart(kit):
    return symbol_chart(kit.history(kit.bars([10, 12, 11])))


def size_of(png):
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def corner_of(path):
    from PIL import Image

    return Image.open(path).convert("RGBA").getpixel((0, 0))


def test_a_chart_shows_itself_twice_as_dense_as_large(chart):
    data, metadata = chart._repr_mimebundle_(include=None, exclude=None)
    assert data["text/plain"] == repr(chart) == "Chart(005930, 3 bars, 0 matches)"
    assert size_of(data["image/png"]) == (2 * chart.width, 2 * chart.height)
    assert metadata == {"image/png": {"width": chart.width, "height": chart.height}}
    assert chart._repr_png_() == data["image/png"]


def test_a_notebook_shows_the_picture_in_its_size(chart):
    formatters = pytest.importorskip("IPython.core.formatters")
    data, metadata = formatters.DisplayFormatter().format(chart)
    assert set(data) == {"text/plain", "image/png"}
    assert metadata["image/png"]["width"] == chart.width


def test_what_is_added_to_the_figure_is_shown(chart):
    before = chart.png()
    assert isinstance(chart.figure, Figure)
    chart.figure.text(0.5, 0.5, "mine")
    assert chart.png() != before


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_the_suffix_says_the_kind_of_picture(chart, tmp_path, name, begins):
    path = chart.save(tmp_path / name)
    assert path == tmp_path / name
    assert path.read_bytes().startswith(begins)
    first = path.read_bytes()
    assert chart.save(str(path)) == path
    assert name.endswith("SVG") or path.read_bytes() == first  # an SVG has random names inside


@pytest.mark.parametrize(
    ("drawn", "saved", "corner"),
    [
        ("auto", None, (255, 255, 255, 255)), ("auto", "auto", (255, 255, 255, 0)), ("auto", "dark", (17, 17, 17, 255)),
        ("dark", None, (17, 17, 17, 255)), ("light", None, (255, 255, 255, 255)),
    ],
)  # fmt: skip
def test_a_saved_picture_has_a_ground_unless_told(kit, tmp_path, drawn, saved, corner):
    chart = symbol_chart(kit.history(kit.bars([10, 12])), theme=drawn)
    assert corner_of(chart.save(tmp_path / "a.png", theme=saved)) == corner


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.gif"])
def test_other_kinds_are_refused(chart, tmp_path, name):
    with pytest.raises(RequestError, match=r"end it in \.png, \.svg or \.pdf"):
        chart.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_picture_is_written_whole_or_not_at_all(chart, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert chart.save("~/a.png") == tmp_path / "a.png"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    with pytest.raises(RequestError, match="there is no folder .*nowhere; make it first"):
        chart.save(tmp_path / "nowhere" / "a.png")
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        chart.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_charts_are_drawn_in_threads(kit):
    history = kit.history(kit.bars([10 + bar % 5 for bar in range(40)], x=list(range(40))), series=[kit.series("x")])
    expected = symbol_chart(history).png()
    made = []
    threads = [threading.Thread(target=lambda: made.append(symbol_chart(history).png())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


def test_drawing_touches_no_pyplot():
    code = (
        "import sys; import jtscan.notebook.charts; "
        "print('matplotlib.pyplot' in sys.modules, 'ipywidgets' in sys.modules, 'IPython' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False"] * 3


def test_without_matplotlib_a_chart_says_what_to_install(kit, monkeypatch):
    from jtscan.errors import MissingExtraError

    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("jtscan.notebook.charts")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.delattr("jtscan.notebook.charts", raising=False)
    with pytest.raises(
        MissingExtraError, match=r"a chart needs packages that are not installed: pip install 'jtscan\[notebook\]'"
    ):
        kit.history(kit.bars([1, 2])).plot()
