"""The calendar, the heatmap and the overview."""

from __future__ import annotations

import datetime as dt
from itertools import cycle

import pytest

pytest.importorskip("matplotlib")

from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from jtscan.errors import RequestError
from jtscan.notebook.charts import calendar_chart, heatmap_chart, statistics_chart
from jtscan.notebook.charts.calendar import steps_of
from jtscan.notebook.charts.themes import THEMES

MON, SAT = dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 6)
LABELS = [("A", "가전", "KOSPI", "전기"), ("B", None, "KOSPI", None)]
LIGHT = THEMES["light"]


def boxes(chart, label):
    """The rectangles of a part of a chart: (left, top, width, height, colour), by row and column."""
    (found,) = [part for axes in chart.figure.axes for part in axes.collections
                if isinstance(part, PolyCollection) and part.get_label() == f"_{label}"]  # fmt: skip
    corners = [path.get_extents() for path in found.get_paths()]
    colors = cycle(found.get_facecolor())
    return [(box.x0, box.y0, box.width, box.height, tuple(color)) for box, color in zip(corners, colors, strict=False)]


def test_the_calendar_has_a_cell_for_each_weekday(kit):
    chart = calendar_chart(kit.statistics([("A", MON, "buy")]))
    assert len(boxes(chart, "2024")) == 262  # the Mondays to Fridays of 2024


def test_weekends_are_shown_only_where_something_fired(kit):
    chart = calendar_chart(kit.statistics([("A", SAT, "buy")]))
    assert len(boxes(chart, "2024")) == 366


def test_intraday_matches_count_for_their_day(kit):
    fired = [("A", MON.replace(hour=hour), "buy") for hour in (9, 10, 11)] + [("A", MON.replace(day=2), "buy")]
    chart = calendar_chart(kit.statistics(fired), theme="light")
    first, second, third = boxes(chart, "2024")[:3]
    assert (to_hex(first[4]), to_hex(second[4])) == (LIGHT.ramp[1], LIGHT.ramp[0].lower())
    assert third[4][3] < 0.2


def test_weeks_are_columns_and_weekdays_rows(kit):
    cells = boxes(calendar_chart(kit.statistics([("A", MON, "buy")])), "2024")
    assert len({round(cell[0]) for cell in cells}) == 53
    assert len({round(cell[1]) for cell in cells}) == 5
    assert cells[0][0] == cells[4][0] < cells[5][0]  # from the first Monday to the next


def test_only_the_newest_years_are_drawn_and_the_chart_says_so(kit):
    fired = [("A", MON.replace(year=year), "buy") for year in range(2016, 2025)]
    texts = kit.texts(calendar_chart(kit.statistics(fired), years=2))
    assert [text for text in texts if text.isdigit() and len(text) == 4] == ["2023", "2024"]
    assert "7 matches before 2023 not drawn; years=9 draws all." in texts


@pytest.mark.parametrize(
    ("counts", "steps"),
    [([1], [1]), ([3, 1, 3, 2], [1, 2, 3]), (list(range(1, 11)), [1, 3, 5, 7, 9]), ([1] * 50 + [2, 3, 4, 5, 6, 7], [1]), ([7, 7], [7])],
)  # fmt: skip
def test_the_days_are_shared_out_among_the_shades(counts, steps):
    assert steps_of(counts) == steps


def test_the_heatmap_has_the_counts_and_their_sums(kit):
    fired = [("A", MON, "buy"), ("A", MON.replace(month=2), "buy"), ("A", MON, "sell"), ("B", MON, "buy")]
    chart = heatmap_chart(kit.statistics(fired, LABELS), theme="light")
    numbers = [text.get_text() for axes in chart.figure.axes for text in axes.texts]
    assert sorted(numbers) == ["1", "1", "2"]
    texts = kit.texts(chart)
    assert texts[:4] == ["Matches by sector and month", "4 matches · 2024-01-01 – 2024-02-01", "2024-01", "2024-02"]
    assert "(none)" in texts
    assert texts.count("3") == 2  # of the sector, and of January
    colors = [to_hex(cell[4]) for cell in boxes(chart, "cells") if cell[4][3] == 1]
    assert sorted(colors) == sorted([LIGHT.ramp[0].lower()] * 2 + [LIGHT.ramp[1]])


def test_too_many_rows_are_summed_and_the_chart_says_so(kit):
    fired = [(f"S{number:03}", MON, "buy") for number in range(50) for _ in range(1 + (number < 3))]
    fired = [
        (symbol, moment + dt.timedelta(days=place % 3), name) for place, (symbol, moment, name) in enumerate(fired)
    ]
    texts = kit.texts(heatmap_chart(kit.statistics(fired), index="symbol", columns="month"))
    assert texts.count("others") == 1
    assert "'others' sums the 21 symbols with the fewest matches." in texts
    assert texts.index("S000") < texts.index("S002") < texts.index("S003")
    assert str(len(fired)) in texts


def test_too_many_months_are_summed_in_front(kit):
    fired = [("A", dt.datetime(2018 + number // 12, number % 12 + 1, 2), "buy") for number in range(60)]
    chart = heatmap_chart(kit.statistics(fired, LABELS))
    assert "'earlier' sums 25 months before 2020-02." in kit.texts(chart)
    assert len(boxes(chart, "cells")) == 36


def test_the_overview_stacks_the_signals_of_each_period(kit):
    fired = [("A", MON.replace(month=month), "buy") for month in (1, 1, 4)] + [("B", MON, "sell")]
    fired = [(symbol, moment + dt.timedelta(days=place), name) for place, (symbol, moment, name) in enumerate(fired)]
    chart = statistics_chart(kit.statistics(fired, LABELS))
    buys, sells = boxes(chart, "buy"), boxes(chart, "sell")
    assert [(round(box[0] + box[2] / 2), box[1], box[3]) for box in buys] == [(0, 0, 2), (3, 0, 1)]
    assert [(round(box[0] + box[2] / 2), box[1], box[3]) for box in sells] == [(0, 2, 1)]
    texts = kit.texts(chart)
    assert "per month" in texts
    assert {"2024-01", "2024-02", "2024-03", "2024-04"} <= set(texts)


@pytest.mark.parametrize(
    ("last", "unit"), [((2024, 1, 20), "per day"), ((2024, 6, 1), "per month"), ((2034, 1, 1), "per year")]
)
def test_the_range_says_how_long_a_column_is(kit, last, unit):
    assert unit in kit.texts(statistics_chart(kit.statistics([("A", MON, "buy"), ("A", dt.datetime(*last), "buy")])))


def test_the_symbols_with_the_most_come_first_and_the_rest_are_counted(kit):
    fired = [
        (f"S{number:02}", MON + dt.timedelta(days=day), "buy") for number in range(15) for day in range(number + 1)
    ]
    texts = kit.texts(statistics_chart(kit.statistics(fired)))
    assert texts.index("S14") < texts.index("S13") < texts.index("S03")
    assert "S02" not in texts
    assert "3 more symbols matched." in texts


def test_rare_signals_are_summed(kit):
    fired = [("A", MON + dt.timedelta(days=day), f"s{number}") for number in range(10) for day in range(10 - number)]
    texts = kit.texts(statistics_chart(kit.statistics(fired)))
    assert texts[texts.index("others") + 1] == "10"  # 4 + 3 + 2 + 1
    assert "'others' sums 4 more signals." in texts


@pytest.mark.parametrize("draw", [calendar_chart, heatmap_chart, statistics_chart])
def test_no_matches_are_refused(kit, draw):
    with pytest.raises(RequestError, match="there are no matches to draw"):
        draw(kit.statistics([]))


@pytest.mark.parametrize("years", [0, -1, 2.5, True])
def test_years_are_a_number(kit, years):
    with pytest.raises(RequestError, match="years"):
        calendar_chart(kit.statistics([("A", MON, "buy")]), years=years)


@pytest.mark.parametrize("draw", [calendar_chart, heatmap_chart, statistics_chart])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_dangerous_labels_are_text_in_every_theme(kit, draw, theme):
    labels = [("$A_{", "$\\frac{\n1$\U0001f680", "K$", "$\\x{")]
    assert draw(kit.statistics([("$A_{", MON, "$b_{"), ("$A_{", SAT, "_s")], labels), theme=theme).png()


@pytest.mark.parametrize("draw", [heatmap_chart, statistics_chart])
def test_without_a_font_the_chart_says_what_to_install(kit, no_hangul, draw):
    chart = draw(kit.statistics([("A", MON, "buy")], LABELS))
    assert chart.png()
    assert "fonts-nanum" in " ".join(kit.texts(chart))
