from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import polars as pl
import pytest

from jtscan.aggregate import LABELS, SignalAggregator
from jtscan.domain.dates import Timeframe
from jtscan.domain.history import Scale, Series, SymbolHistory
from jtscan.domain.jobs import ProcessingResult

pytest.importorskip("matplotlib")


def days(count, start=dt.date(2024, 1, 1)):
    every = pl.date_range(start, start + dt.timedelta(days=2 * count + 7), "1d", eager=True)
    return every.filter(every.dt.weekday() <= 5).head(count)


def bars_of(closes, *, moments=None, opens=None, volume=1000.0, **columns):
    """Bars from closes; the open is the close before, unless given."""
    close = pl.Series("close", closes, dtype=pl.Float64)
    frame = pl.DataFrame({"timestamp": days(len(closes)) if moments is None else moments, "close": close})
    before = pl.col("close").shift(1).fill_null(pl.col("close"))
    opened = before if opens is None else pl.Series("open", opens, dtype=pl.Float64)
    return (
        frame.with_columns(open=opened)
        .with_columns(
            high=pl.max_horizontal("open", "close") + 1,
            low=pl.min_horizontal("open", "close") - 1,
            volume=pl.lit(volume, dtype=pl.Float64),
        )
        .select("timestamp", "open", "high", "low", "close", "volume")
        .with_columns(**{name: pl.Series(values, dtype=pl.Float64) for name, values in columns.items()})
    )


def history_of(bars, *, matches=(), halts=(), series=(), **labels):
    moment = bars.schema["timestamp"]
    told = {"symbol": "005930", "name": None, "market": "KOSPI", "timeframe": Timeframe.D1} | labels
    return SymbolHistory(
        bars=bars,
        series=tuple(series),
        matches=pl.DataFrame(list(matches), schema={"timestamp": moment, "signal_type": pl.String}, orient="row"),
        halts=pl.DataFrame({"timestamp": list(halts)}, schema={"timestamp": pl.Date}),
        **told,
    )


def series_of(column, scale=Scale.OWN, *, group=None, levels=(), label=None, histogram=False):
    kinds = {"scale": scale, "group": group or column, "histogram": histogram}
    return Series(column=column, label=label or column, levels=levels, **kinds)


def statistics_of(fired, labels=()):
    """Statistics of (symbol, moment, signal) rows; labels are (symbol, name, market, sector) rows."""
    schema = {"symbol": pl.String, "timestamp": pl.Datetime("us"), "signal_type": pl.String, "close": pl.Float64}
    rows = pl.DataFrame([(*row, 1.0) for row in fired], schema=schema, orient="row")
    results = [
        ProcessingResult(symbol=symbol, matches=part, processing_time_ms=0.0)
        for (symbol,), part in rows.partition_by("symbol", as_dict=True).items()
    ]
    aggregator = SignalAggregator()
    known = pl.DataFrame(list(labels), schema=LABELS, orient="row")
    return aggregator.get_statistics(aggregator.aggregate(results, labels=known))


def texts_of(chart):
    """Every text of a chart, in the order in which it was written."""
    return [text.get_text() for text in chart.figure.texts if text.get_text()]


def pane(chart, label):
    (found,) = [axes for axes in chart.figure.axes if axes.get_label() == label]
    return found


def panes(chart):
    return [axes.get_label() for axes in chart.figure.axes]


@pytest.fixture
def no_hangul(monkeypatch):
    """A computer without a font that has Hangul."""
    from jtscan.notebook.charts import fonts

    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", list)
    fonts.forget()
    yield
    fonts.forget()


@pytest.fixture
def kit():
    """What the tests of charts make and read."""
    return SimpleNamespace(
        days=days, bars=bars_of, history=history_of, series=series_of, statistics=statistics_of, texts=texts_of,
        pane=pane, panes=panes,
    )  # fmt: skip
