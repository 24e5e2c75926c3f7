from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest

pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex

from jtscan.domain.dates import Timeframe
from jtscan.domain.history import Scale
from jtscan.errors import RequestError
from jtscan.notebook.charts import symbol_chart
from jtscan.notebook.charts.themes import THEMES

OWN, PRICE, VOLUME = Scale.OWN, Scale.PRICE, Scale.VOLUME
AUTO = THEMES["auto"]


def collections(axes, kind):
    return [each for each in axes.collections if type(each) is kind]


def bodies(axes):
    """(bar, bottom, top, colour) of each candle."""
    return sorted(
        (
            round(path.vertices[:4, 0].mean()),
            path.vertices[:, 1].min(),
            path.vertices[:, 1].max(),
            to_hex(part.get_edgecolor()[0]),
        )
        for part in collections(axes, PolyCollection)
        for path in part.get_paths()
        if len(part.get_edgecolor())
    )


def wicks(axes):
    lines = [each for each in collections(axes, LineCollection) if each.get_capstyle() == "butt"]
    return sorted(tuple(map(tuple, segment)) for each in lines for segment in each.get_segments())


def spots(axes, name):
    """The bars and heights that a signal is marked at."""
    found = [each for each in collections(axes, PathCollection) if each.get_label() == f"_{name}"]
    return sorted(tuple(map(float, offset)) for each in found for offset in each.get_offsets())


def curves(axes):
    return {
        line.get_label().removeprefix("_"): line for line in axes.lines if not line.get_label().startswith("_child")
    }


def test_each_bar_is_a_candle_between_open_and_close(kit):
    chart = symbol_chart(kit.history(kit.bars([10, 12, 11], opens=[9, 10, 12])))
    red, blue = AUTO.korean.up, AUTO.korean.down
    assert bodies(kit.pane(chart, "price")) == [(0, 9, 10, red), (1, 10, 12, red), (2, 11, 12, blue)]


def test_wicks_leave_the_body_free_so_that_rising_candles_are_hollow(kit):
    chart = symbol_chart(kit.history(kit.bars([12], opens=[10])))
    axes = kit.pane(chart, "price")
    assert wicks(axes) == [((0, 9), (0, 10)), ((0, 12), (0, 13))]
    rising, falling = [part for part in collections(axes, PolyCollection) if part.get_joinstyle() == "miter"]
    assert rising.get_facecolor()[0][3] < 0.5
    assert falling.get_joinstyle() == "miter"


@pytest.mark.parametrize(
    ("colors", "market", "rising"),
    [
        ("auto", "KOSPI", "korean"), ("auto", "KOSDAQ", "korean"), ("auto", "KONEX", "korean"),
        ("auto", "NASDAQ", "western"), ("auto", None, "western"),
        ("western", "KOSPI", "western"), ("korean", "NASDAQ", "korean"),
    ],
)  # fmt: skip
def test_the_market_says_which_colour_rises_unless_told(kit, colors, market, rising):
    chart = symbol_chart(kit.history(kit.bars([10, 12], opens=[9, 10]), market=market), colors=colors)
    assert bodies(kit.pane(chart, "price"))[1][3] == getattr(AUTO, rising).up


@pytest.mark.parametrize(
    ("count", "kind", "drawn"), [(400, "auto", 400), (401, "auto", 0), (401, "candles", 401), (5, "line", 0)]
)
def test_many_bars_are_a_line_unless_told(kit, count, kind, drawn):
    chart = symbol_chart(kit.history(kit.bars([100 + bar % 7 for bar in range(count)])), kind=kind)
    axes = kit.pane(chart, "price")
    assert len(bodies(axes)) == drawn
    longest = max((len(line.get_xdata()) for line in axes.lines), default=0)
    assert longest == (2 if drawn else count)


def test_closes_alone_are_a_line(kit):
    bars = kit.bars([10, 11, 12]).with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name) for name in ("open", "high", "low")
    )
    chart = symbol_chart(kit.history(bars, matches=[(bars["timestamp"][1], "buy")]))
    assert bodies(kit.pane(chart, "price")) == []
    assert spots(kit.pane(chart, "price"), "buy") == [(1, 11)]


def test_weekends_leave_no_gap(kit):
    bars = kit.bars([10, 11, 12, 13, 14, 15, 16])
    axes = kit.pane(symbol_chart(kit.history(bars)), "price")
    assert [bar for bar, *_ in bodies(axes)] == list(range(7))


def test_markers_stand_at_the_bars_that_fired_below_for_buying_and_above_for_selling(kit):
    bars = kit.bars([10, 12, 11, 14, 13])
    moment = bars["timestamp"]
    fired = [(moment[1], "buy"), (moment[3], "sell"), (moment[4], "squeeze"), (moment[0], "cover")]
    axes = kit.pane(symbol_chart(kit.history(bars, matches=fired)), "price")
    assert spots(axes, "buy") == [(1, 9)]
    assert spots(axes, "sell") == [(3, 15)]
    assert spots(axes, "squeeze") == [(4, 12)]
    assert spots(axes, "cover") == [(0, 9)]


def test_signals_at_one_bar_stand_in_a_stack(kit):
    bars = kit.bars([10, 12, 11])
    chart = symbol_chart(
        kit.history(bars, matches=[(bars["timestamp"][1], name) for name in ("buy", "cover", "match")])
    )
    marked = collections(kit.pane(chart, "price"), PathCollection)
    heights = {each.get_offset_transform().transform(each.get_offsets())[0][1] for each in marked}
    assert len(marked) == len(heights) == 3


def test_hundreds_of_markers_are_smaller(kit):
    bars = kit.bars([100 + bar % 9 for bar in range(350)])
    few = symbol_chart(kit.history(bars, matches=[(bars["timestamp"][3], "buy")]))
    many = symbol_chart(kit.history(bars, matches=[(moment, "buy") for moment in bars["timestamp"]]))
    sizes = [collections(kit.pane(chart, "price"), PathCollection)[0].get_sizes()[0] for chart in (few, many)]
    assert sizes[0] > 2 * sizes[1]
    assert len(spots(kit.pane(many, "price"), "buy")) == 350


def test_a_match_outside_the_bars_is_said(kit):
    bars = kit.bars([10, 11])
    chart = symbol_chart(kit.history(bars, matches=[(dt.date(2020, 1, 2), "buy"), (bars["timestamp"][0], "buy")]))
    assert "1 match lies outside the bars that are shown." in kit.texts(chart)


def marks(chart):
    return [[*line.get_xdata()] for axes in chart.figure.axes for line in axes.lines if line.get_label() == "_mark"]


@pytest.mark.parametrize("mark", ["2024-01-02", dt.date(2024, 1, 2), dt.datetime(2024, 1, 2)])
def test_a_bar_is_marked_through_all_panes(kit, mark):
    history = kit.history(kit.bars([10, 11, 12]))  # Monday to Wednesday
    assert marks(symbol_chart(history)) == []
    assert marks(symbol_chart(history, mark=mark)) == [[1, 1], [1, 1]]  # price and volume


def test_a_mark_on_bars_within_the_day_is_a_time(kit):
    moments = [dt.datetime(2024, 1, 2, 9, minute) for minute in (0, 5, 10)]
    chart = symbol_chart(kit.history(kit.bars([10, 11, 12], moments=moments)), mark="2024-01-02 09:05")
    assert marks(chart)[0] == [1, 1]


def test_a_mark_where_no_bar_is_is_said(kit):
    chart = symbol_chart(kit.history(kit.bars([10, 11, 12])), mark="2020-01-01")
    assert marks(chart) == []
    assert "No bar of 2020-01-01 is among these, so none is marked." in kit.texts(chart)
    with pytest.raises(RequestError, match="mark: 'soon' is not a date"):
        symbol_chart(kit.history(kit.bars([10, 11, 12])), mark="soon")


def test_each_group_has_its_pane_and_prices_lie_over_the_price(kit):
    names = ("fast", "slow", "flow", "rsi", "line", "signal")
    bars = kit.bars([10, 11, 12], **{name: [1, 2, 3] for name in names})
    series = [
        kit.series("fast", PRICE), kit.series("slow", PRICE), kit.series("flow", VOLUME), kit.series("rsi", levels=(30, 70)),
        kit.series("line", group="macd"), kit.series("signal", group="macd"),
    ]  # fmt: skip
    chart = symbol_chart(kit.history(bars, series=series))
    assert kit.panes(chart) == ["price", "volume", "own", "own"]
    drawn = [set(curves(axes)) & set(names) for axes in chart.figure.axes]
    assert drawn == [{"fast", "slow"}, {"flow"}, {"rsi"}, {"line", "signal"}]


def test_panes_are_aligned(kit):
    bars = kit.bars([10, 11, 12], rsi=[40, 50, 60])
    axes = symbol_chart(kit.history(bars, series=[kit.series("rsi")])).figure.axes
    assert len({(each.get_position().x0, each.get_position().x1) for each in axes}) == 1
    assert len({each.get_xlim() for each in axes}) == 1


def test_levels_are_dashed_lines_and_ticks_of_their_pane(kit):
    bars = kit.bars([10, 11, 12], rsi=[40, 50, 60])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("rsi", levels=(30.0, 70.0))])), "own")
    dashed = [line.get_ydata()[0] for line in axes.lines if line.is_dashed() and len(line.get_xdata()) == 2]
    assert dashed == [30, 70]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["30", "40", "60", "70"]


def test_a_level_out_of_reach_of_a_series_above_zero_does_not_flatten_it(kit):
    bars = kit.bars([10, 11, 12], index=[380, 400, 510])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("index", levels=(0.0,))])), "own")
    assert axes.get_ylim()[0] > 350


def test_a_level_has_the_decimals_of_its_neighbours(kit):
    bars = kit.bars([10, 11, 12], ratio=[0.85, 0.9, 0.97])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("ratio", levels=(0.9,))])), "own")
    assert "0.90" in [label.get_text() for label in axes.get_yticklabels()]


def test_a_level_far_away_does_not_squeeze_its_pane(kit):
    bars = kit.bars([10, 11, 12], ratio=[1, 2, 3])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("ratio", levels=(1e9,))])), "own")
    assert axes.get_ylim()[1] < 10


def test_a_series_far_from_the_price_does_not_squeeze_the_candles(kit):
    bars = kit.bars([100, 101, 102], off=[0.5, 0.5, 0.5])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("off", PRICE)])), "price")
    assert axes.get_ylim()[0] > 70


def test_a_null_is_a_gap_and_a_value_alone_is_a_dot(kit):
    bars = kit.bars([10] * 6, x=[1, None, 3, 4, None, 6])
    line = curves(kit.pane(symbol_chart(kit.history(bars, series=[kit.series("x")])), "own"))["x"]
    assert [None if math.isnan(value) else value for value in line.get_ydata()] == [1, None, 3, 4, None, 6]
    assert line.get_markevery() == [0, 5]


def test_legends_name_each_series_with_its_last_value(kit):
    bars = kit.bars(
        [70000, 71000, 71500], s=[None, 70500, 71500], v=[None, None, 1_234_567], r=[1, 2, 61.237], n=[1, 2, None]
    )
    series = [
        kit.series("s", PRICE, label="sma(close, 2)"), kit.series("v", VOLUME, label="sma(volume, 3)"),
        kit.series("r", label="rsi(14)"), kit.series("n", label="roc(3)"),
    ]  # fmt: skip
    texts = kit.texts(symbol_chart(kit.history(bars, series=series)))
    for label, value in (
        ("sma(close, 2)", "71,500"),
        ("sma(volume, 3)", "1.23M"),
        ("rsi(14)", "61.24"),
        ("roc(3)", "–"),
        ("volume", "1K"),
    ):
        assert texts[texts.index(label) + 1] == value


def test_the_legend_counts_signals_and_the_days_without_trade(kit):
    bars = kit.bars([10, 11, 12, 13, 14])
    moment = bars["timestamp"]
    shown = bars.filter(~pl.col("timestamp").is_in([moment[2], moment[3]]))
    history = kit.history(shown, matches=[(moment[0], "buy"), (moment[4], "buy")], halts=[moment[2], moment[3]])
    texts = kit.texts(symbol_chart(history))
    assert texts[texts.index("buy") + 1] == "2"
    assert "halt (2 days)" in texts


@pytest.mark.parametrize(
    ("halted", "crosses"),
    [([2], [1.5]), ([2, 3], [1.5]), ([1, 3], [0.5, 1.5]), ([0], [-0.5]), ([5], [4.5]), ([], [])],
)
def test_halts_are_crosses_between_the_bars(kit, halted, crosses):
    bars = kit.bars([10, 11, 12, 13, 14, 15])
    moments = [bars["timestamp"][place] for place in halted]
    axes = kit.pane(symbol_chart(kit.history(bars.filter(~pl.col("timestamp").is_in(moments)), halts=moments)), "price")
    assert [left for left, _ in spots(axes, "halts")] == crosses


def test_halts_between_intraday_bars_are_crosses_too(kit):
    moments = [dt.datetime(2024, 1, 2, 9, 0), dt.datetime(2024, 1, 2, 9, 5), dt.datetime(2024, 1, 4, 9, 0)]
    history = kit.history(kit.bars([10, 11, 12], moments=moments), halts=[dt.date(2024, 1, 3)], timeframe=Timeframe.M5)
    assert spots(kit.pane(symbol_chart(history), "price"), "halts") == [(1.5, 0.025)]


def test_what_was_not_scanned_is_shaded(kit):
    bars = kit.bars([10, 11, 12, 13])
    chart = symbol_chart(kit.history(bars, start=bars["timestamp"][2]))
    axes = kit.pane(chart, "price")
    assert [text.get_text().strip() for text in axes.texts if "scanned" in text.get_text()] == ["scanned from here"]
    assert 1.5 in [line.get_xdata()[0] for line in axes.lines]
    whole = symbol_chart(kit.history(bars, start=bars["timestamp"][0]))
    assert not [text for text in kit.pane(whole, "price").texts if "scanned" in text.get_text()]


@pytest.mark.parametrize(("first", "side"), [(1, "left"), (9, "right")])
def test_where_the_scan_begins_is_written_on_the_side_that_has_room(kit, first, side):
    bars = kit.bars([*range(10, 20)])
    axes = kit.pane(symbol_chart(kit.history(bars, start=bars["timestamp"][first])), "price")
    assert [text.get_ha() for text in axes.texts if "scanned" in text.get_text()] == [side]


def test_a_long_name_leaves_room_for_what_is_shown(kit):
    texts = kit.texts(symbol_chart(kit.history(kit.bars([70000, 71000]), name="A company with a name " * 10)))
    assert texts[2].endswith("…")
    assert texts[3] == "KOSPI · 1d · 2024-01-01 – 2024-01-02 · 2 bars"


def test_volume_has_a_column_for_each_bar_that_has_one(kit):
    bars = kit.bars([10, 11, 12]).with_columns(volume=pl.Series([5.0, None, 7.0]))
    axes = kit.pane(symbol_chart(kit.history(bars)), "volume")
    columns = [path.vertices[:, 1].max() for part in collections(axes, PolyCollection) for path in part.get_paths()]
    assert sorted(columns) == [5, 7]


@pytest.mark.parametrize(("volume", "wanted", "shown"), [(None, True, False), (5.0, False, False), (5.0, True, True)])
def test_there_is_no_pane_without_volume(kit, volume, wanted, shown):
    chart = symbol_chart(kit.history(kit.bars([10, 11], volume=volume)), volume=wanted)
    assert ("volume" in kit.panes(chart)) is shown


def test_a_histogram_is_drawn_as_columns(kit):
    bars = kit.bars([10, 11, 12], h=[-1, None, 2])
    axes = kit.pane(symbol_chart(kit.history(bars, series=[kit.series("h", histogram=True)])), "own")
    (columns,) = collections(axes, PolyCollection)
    assert [path.vertices[1, 1] for path in columns.get_paths()] == [-1, 2]


def test_the_header_says_what_is_shown_and_the_last_close(kit):
    texts = kit.texts(symbol_chart(kit.history(kit.bars([70000, 71000, 71500]), name="Samsung")))
    assert texts[0] == "▲ 0.70%"  # 71500 / 71000
    assert texts[1] == "71,500"
    assert texts[2] == "005930  Samsung"
    assert texts[3] == "KOSPI · 1d · 2024-01-01 – 2024-01-03 · 3 bars"


@pytest.mark.parametrize(
    "closes",
    [[100.0], [0.000012, 0.000013], [5e12, 6e12], [100.0, 100.0, 100.0], [None, 5.0, None], [0.0, 0.0], [-3.0, 4.0]],
)
def test_any_prices_can_be_drawn(kit, closes):
    for kind in ("candles", "line"):
        chart = symbol_chart(kit.history(kit.bars(closes)), kind=kind)
        assert chart.png().startswith(b"\x89PNG")


def test_bars_without_a_single_close_can_be_drawn(kit):
    bars = kit.bars([1.0, 2.0]).with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name) for name in ("open", "high", "low", "close")
    )
    assert symbol_chart(kit.history(bars)).png()


def test_no_bars_are_refused(kit):
    with pytest.raises(RequestError, match="there are no bars of 005930 in the range"):
        symbol_chart(kit.history(kit.bars([])))


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"kind": "renko"}, "kind: 'renko' is not known; there are: auto, candles, line"),
        ({"colors": "blue"}, "colors: 'blue' is not known; there are: auto, korean, western"),
        ({"theme": "pink"}, "theme: 'pink' is not known; there are: auto, light, dark"),
        ({"size": (10, 10)}, r"size: \(10, 10\) is not a width and height in pixels"),
        ({"size": (900,)}, r"size: \(900,\) is not a width and height in pixels"),
    ],
)
def test_a_look_that_there_is_not_is_refused(kit, look, message):
    with pytest.raises(RequestError, match=message):
        symbol_chart(kit.history(kit.bars([1, 2])), **look)


@pytest.mark.parametrize("size", [(960, 700), (640, 320), (320, 300), (1600, 400)])
def test_the_size_is_kept_whatever_the_panes(kit, size):
    bars = kit.bars([10, 11, 12], **{name: [1, 2, 3] for name in "abc"})
    chart = symbol_chart(kit.history(bars, series=[kit.series(name) for name in "abc"]), size=size)
    assert chart.width == size[0]
    assert all(0 <= axes.get_position().y0 < axes.get_position().y1 <= 1 for axes in chart.figure.axes)
    assert chart.height == size[1]


def test_a_size_too_low_for_the_panes_is_refused(kit):
    bars = kit.bars([10, 11, 12], **{name: [1, 2, 3] for name in "abc"})
    with pytest.raises(RequestError, match=r"size: 5 panes need a height of \d+ pixels at the least"):
        symbol_chart(kit.history(bars, series=[kit.series(name) for name in "abc"]), size=(320, 240))


def test_dangerous_names_are_text(kit):
    bars = kit.bars([10, 11], x=[1, 2])
    history = kit.history(
        bars, symbol="A$B$_{x}", name="$\\frac{1}$\n<b>x</b>\u202e", series=[kit.series("x", PRICE, label="$x^2$")],
        matches=[(bars["timestamp"][0], "_hidden$"), (bars["timestamp"][1], "$\\bad{")],
    )  # fmt: skip
    chart = symbol_chart(history)
    assert chart.png()
    texts = kit.texts(chart)
    assert "$x^2$" in texts
    assert not any("\n" in text or "\u202e" in text for text in texts)
    assert all(
        not text.get_parse_math()
        for text in chart.figure.findobj(lambda each: hasattr(each, "get_parse_math"))
        if text.get_text()
    )


def test_korean_names_are_drawn_where_there_is_a_font(kit):
    from jtscan.notebook.charts import fonts

    chart = symbol_chart(kit.history(kit.bars([1, 2]), name="삼성전자"))
    chart.png()
    wanted = "005930  삼성전자" if fonts.hangul_family() else "005930"
    assert wanted in kit.texts(chart)


def test_without_a_font_the_code_stands_for_the_name_and_the_chart_says_what_to_install(kit, no_hangul):
    chart = symbol_chart(
        kit.history(kit.bars([1, 2], 평균=[1, 2]), name="삼성전자", series=[kit.series("평균", PRICE)])
    )
    chart.png()
    texts = kit.texts(chart)
    assert "005930" in texts
    assert not any("삼성" in text or "평균" in text for text in texts)
    assert "fonts-nanum" in " ".join(texts)


def test_a_name_with_letters_that_no_font_has_is_left_out(kit):
    chart = symbol_chart(kit.history(kit.bars([1, 2]), name="rocket \U0001f680 \U00020000"))
    chart.png()
    assert "005930" in kit.texts(chart)
    assert "fonts-nanum" not in " ".join(kit.texts(chart))


def test_two_drawings_are_the_same_to_the_byte_whatever_the_settings(kit):
    import matplotlib as mpl

    bars = kit.bars([10, 12, 11], x=[1, None, 2])
    history = kit.history(bars, series=[kit.series("x", levels=(1.5,))], matches=[(bars["timestamp"][1], "buy")])
    first = symbol_chart(history).png()
    odd = {"axes.grid": True, "font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight", "axes.facecolor": "red",
           "font.family": ["serif"], "savefig.transparent": True, "figure.autolayout": True, "lines.marker": "o",
           "xtick.major.size": 20, "axes.spines.top": True, "patch.force_edgecolor": True, "hatch.linewidth": 5}  # fmt: skip
    with mpl.rc_context(odd):
        before = dict(mpl.rcParams)
        again = symbol_chart(history).png()
        assert dict(mpl.rcParams) == before
    assert again == first
