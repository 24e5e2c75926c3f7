"""Charts of symbols and of matches, drawn with matplotlib and without its global state.

symbol      candles, volume, the formula's series, signals, halts
calendar    matches per day
heatmap     any pivot of the matches
overview    matches in time by signal, and the symbols with the most
chart       what they return: shows itself, can be saved
sheet       a figure in pixels; themes, fonts, ticks, legends: what they share
"""

from __future__ import annotations

from jtscan.errors import MissingExtraError

try:
    import matplotlib as mpl  # noqa: F401 - so that the error says what to install
except ImportError as error:
    raise MissingExtraError("a chart", "notebook") from error

from jtscan.notebook.charts.calendar import calendar_chart
from jtscan.notebook.charts.chart import Chart
from jtscan.notebook.charts.heatmap import heatmap_chart
from jtscan.notebook.charts.overview import statistics_chart
from jtscan.notebook.charts.symbol import symbol_chart
from jtscan.notebook.charts.themes import Look, ThemeName

__all__ = ["Chart", "Look", "ThemeName", "calendar_chart", "heatmap_chart", "statistics_chart", "symbol_chart"]
