"""Every value shows itself: text is text, nothing is a wall, and no frame stands inside a line."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

import jtscan as jt
from jtscan import render
from jtscan.domain.checks import CheckReport, LookAhead
from jtscan.domain.jobs import ProcessingJob, ProcessingResult
from jtscan.domain.stores import VerifyReport
from jtscan.formula.library import LibraryFormula
from jtscan.render.cells import width_of
from jtscan.testing import make_bars

HOSTILE = "<script>alert(1)</script>"
FORMULA = f'n = param(2, 1, 5)\nbuy = close > sma(close, n)  # {HOSTILE}\nup = sector != "{HOSTILE}"'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """One of each, with a tag wherever a text from outside may stand."""
    folder = tmp_path_factory.mktemp("market")
    symbol = "<script>"
    symbols = pl.DataFrame({"symbol": [symbol, "B"], "name": HOSTILE, "market": HOSTILE, "sector": HOSTILE})
    bars = make_bars({symbol: [10.0, 11, 12, 11], "B": [5.0, 4, 6, 7]})
    ingested = jt.ingest(bars, folder / "<b>store", symbols=symbols, progress=False)
    scanner = jt.Scanner(folder / "<b>store")
    formula = jt.Formula(text=FORMULA, name=HOSTILE, parameters={"n": 2})
    result = scanner.scan(formula, market=HOSTILE, last=3)
    looks = LookAhead(symbol=symbol, timestamp=bars["timestamp"][0], name=HOSTILE, on_the_day=1.0, afterwards=None)
    problems = pl.DataFrame({"file": [HOSTILE], "in_newest": [True], "problem": ["other"]})
    return {
        "scanner": scanner,
        "store": scanner.store,
        "result": result,
        "signals": result.signals,
        "statistics": result.statistics,
        "request": result.request,
        "history": result.history(symbol),
        "formula": formula,
        "library formula": LibraryFormula(text=FORMULA, name=HOSTILE, title=HOSTILE, about=HOSTILE, source=HOSTILE),
        "expressions": jt.PolarsFormula(signals={HOSTILE: pl.col(HOSTILE) > 1}, lookback=0, name=HOSTILE),
        "description": scanner.describe(FORMULA),
        "explanation": scanner.explain(FORMULA),
        "functions": scanner.functions("average"),
        "library": jt.library,
        "check": CheckReport(symbols=(symbol,), bars=3, found=(looks,)),
        "ingest": ingested,
        "quality": scanner.store.quality(),
        "verify": VerifyReport(store=Path("<b>store"), version="v1", files=1, size=3, problems=problems),
    }


NAMES = (
    "scanner", "store", "result", "signals", "statistics", "request", "history", "formula", "library formula",
    "expressions", "description", "explanation", "functions", "library", "check", "ingest", "quality", "verify",
)  # fmt: skip
every_value = pytest.mark.parametrize("name", NAMES)


class Tags(HTMLParser):
    """What a browser would find: the tags, and whether each that is opened is closed."""

    def __init__(self, html):
        super().__init__()
        self.seen, self.open = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@every_value
def test_a_tag_from_outside_is_text(values, name):
    html = re.sub(r"<style>.*?</style>", "", values[name]._repr_html_(), flags=re.DOTALL)
    tags = Tags(html)
    assert not tags.open
    assert not tags.seen & {"script", "b"}
    assert len(html) < 20_000


@pytest.mark.parametrize(
    "name", ["result", "signals", "request", "formula", "library formula", "expressions", "check", "verify"]
)
def test_the_text_itself_is_there(values, name):
    html = values[name]._repr_html_()
    assert ESCAPED in re.sub(r"</?span[^>]*>", "", html)


@every_value
def test_a_terminal_gets_lines_and_no_frame_inside_one(values, name):
    shown = repr(values[name])
    assert "┌" not in shown
    assert "shape:" not in shown
    assert "<jtscan" not in shown
    assert len(shown) < 6_000


@pytest.mark.parametrize("name", ["result", "signals", "statistics", "request", "ingest", "quality"])
def test_a_terminal_of_100_columns_is_wide_enough(values, name):
    assert max(map(width_of, repr(values[name]).splitlines())) <= 100


def test_a_formula_is_its_text():
    formula = jt.Formula(text="n = param(20)\nclose > sma(close, n)", name="mine", parameters={"n": 5})
    assert str(formula) == formula.text
    assert repr(formula) == "# mine\nn = param(20)\nclose > sma(close, n)\n# with n = 5"
    expressions = jt.PolarsFormula(signals={"up": pl.col("close") > 1}, lookback=0)
    assert repr(expressions) == str(expressions) == 'up: [(col("close")) > (dyn int: 1)]'


def test_a_formula_of_the_library_says_what_it_finds_and_where_it_comes_from():
    html = jt.library["turtle"]._repr_html_()
    assert '<div class="jt-summary">Turtle · turtle</div>' in html
    assert '<th scope="row">finds</th><td>The close exceeds' in html
    assert '<th scope="row">source</th><td>after the Turtles' in html
    assert html.count("The close exceeds") == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("close > 1", "close &gt; 1"),
        ("buy = rsi(14) < 30", '<span class="jt-given">buy</span> = <span class="jt-call">rsi</span>(14) &lt; 30'),
        ("buy == 1", "buy == 1"),
        ("# a = b", '<span class="jt-remark"># a = b</span>'),
        ("sector == 'a # b'  # c", "sector == <span class=\"jt-text\">&#x27;a # b&#x27;</span>  <span class=\"jt-remark\"># c</span>"),
    ],
)  # fmt: skip
def test_colours_of_a_formula(line, shown):
    html = render.formula_html(jt.PolarsFormula(signals={"x": pl.lit(1) > 0}, lookback=0))
    assert "jt-formula" in html
    assert f'<pre class="jt-formula">{shown}</pre>' in render.formula_html(jt.Formula(text=line))


def test_a_scanner_shows_what_it_would_scan(values):
    text = re.sub(r"<[^>]+>", " ", values["scanner"]._repr_html_())
    assert re.search(r"timeframes\s+1d", text)
    assert re.search(r"symbols\s+2\b", text)
    assert re.search(rf"markets\s+{re.escape(ESCAPED)} 2\b", text)
    assert re.search(r"newest 1d bar\s+2024-01-0\d", text)
    assert values["scanner"].store.version in text


def test_a_scanner_without_a_table_of_symbols_says_what_it_would_scan(tmp_path):
    make_bars({"A": [1.0, 2], "KOSPI200": [1.0, 2], "B": [1.0, 2]}).write_parquet(tmp_path / "prices.parquet")
    text = re.sub(r"<[^>]+>", " ", jt.Scanner(prices=tmp_path)._repr_html_())
    assert re.search(r"symbols\s+3, all that have prices, indices too: there is no table of symbols", text)


def test_a_scanner_whose_files_went_away_says_so(tmp_path):
    path = tmp_path / "prices.parquet"
    make_bars({"A": [1.0, 2]}).write_parquet(path)
    scanner = jt.Scanner(prices=path)
    path.unlink()
    assert "problem" in scanner._repr_html_()
    assert repr(scanner) == "Scanner(1d)"


def test_a_store_shows_its_bars_and_versions(values):
    text = re.sub(r"<[^>]+>", " ", values["store"]._repr_html_())
    assert re.search(r"1d\s+8 bars in 1 file, 2024-01-0\d to 2024-01-\d\d\s", text)
    assert re.search(r"versions\s+1 can be opened", text)


def test_whole_files_are_told_in_one_line():
    report = VerifyReport(store=Path("data"), version="v2", files=3, size=1234, problems=pl.DataFrame({"file": []}))
    html = report._repr_html_()
    assert "data, version v2: whole" in html
    assert "3 files, 1,234 bytes" in html
    assert "Damaged" not in html


def test_criteria_jobs_and_results_of_one_symbol_are_one_line(values):
    many = [f"{number:06}" for number in range(3000)]
    criteria = jt.SymbolCriteria(symbols=many)
    assert repr(criteria) == "SymbolCriteria(000000, 000001, 000002, 000003, 000004 and 2,995 more)"
    request = values["request"]
    job = ProcessingJob(
        id="j",
        symbols=many,
        timeframe=request.timeframe,
        date_range=request.date_range,
        formula="close > 1",
        labels=pl.DataFrame(),
    )
    assert repr(job) == "ProcessingJob('j', 3,000 symbols, 1d, the last 3 bars)"
    failed = ProcessingResult(symbol="A", matches=make_bars({"A": [1.0]}).clear(), error="boom", bars=3)
    assert repr(failed) == "ProcessingResult('A', failed, boom, 0 of 3 bars)"


def test_a_history_shows_its_last_bars_with_the_series_and_the_signals(tmp_path):
    bars = make_bars({"A": [10.0, 9, 12, 8], "B": [1.0] * 4})
    bars.select("symbol", "timestamp", "close").write_parquet(tmp_path / "prices.parquet")
    result = jt.Scanner(prices=tmp_path).scan(
        "x = sma(close, 2)\nbuy = close > x\nsignal('up', close > 11)", symbols=["A"]
    )
    lines = re.sub(r"</tr>|</div>|</summary>", "\n", result.history("A")._repr_html_())
    shown = [
        re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", line)).strip() for line in lines.split("\n")
    ]
    assert "A · 1d" in shown
    assert "2024-01-01 to 2024-01-04 · 4 bars · 2 matches" in shown
    assert "timestamp close x signal_type" in shown
    assert "2024-01-03 12 10.5 buy, up" in shown
    assert "2024-01-04 8 10.0 &ndash;" in shown
