"""The words for indicators and windows: TA-Lib's values under the names and arguments of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jtscan.formula.graph import Graph
from jtscan.formula.rows import Arg, Build, Function, length, number, row, series
from jtscan.formula.table.talib_rows import builder, call, least_length
from jtscan.formula.talib import TalibCall

_PERIOD = {"n": "timeperiod"}


def _lengths(name: str, options: Mapping[str, str], initial: Mapping[str, int]) -> list[Arg]:
    return [length(ours, initial.get(ours), least_length(name, theirs)) for ours, theirs in options.items()]


def _of_series(name: str, doc: str, default: int | None = None, talib_name: str | None = None) -> Function:
    """A function of one series and a length, the close if there is only a length."""
    target = talib_name or name
    arguments = _lengths(target, _PERIOD, {} if default is None else {"n": default})
    build = builder(target, _PERIOD)(None)
    return row(name, doc, series("x", "close"), *arguments, build=build, source=f"TA-Lib {target.upper()}")


def _of_prices(name: str, doc: str, default: int, talib_name: str | None = None) -> Function:
    """A function of price fields and a length."""
    target = talib_name or name
    build = builder(target, _PERIOD)(None)
    return row(name, doc, *_lengths(target, _PERIOD, {"n": default}), build=build, source=f"TA-Lib {target.upper()}")


def averages() -> list[Function]:
    """Averages of prices."""
    return [
        _of_series("sma", "simple moving average of n bars"),
        _of_series("ema", "exponential moving average, factor 2/(n+1), seeded with the mean of the first n"),
        _of_series("rma", "Wilder's moving average, factor 1/n, seeded with the mean of the first n"),
        _of_series("wma", "linearly weighted moving average of n bars"),
        _of_series("hma", "Hull's moving average: quick, and smooth"),
        _of_series("vwma", "moving average of n bars, weighted with volume"),
    ]


def oscillators() -> list[Function]:
    """Oscillators and trend."""
    return [
        _of_series("rsi", "relative strength index, 0 to 100", 14),
        row("macd", "difference of two exponential averages, its signal line and their difference", series("x", "close"),
            *_lengths("macd", _MACD, {"fast": 12, "slow": 26, "signal": 9}), source="TA-Lib MACD",
            build={ours: builder("macd", _MACD)(theirs)
                   for ours, theirs in {"line": "macd", "signal": "macdsignal", "hist": "macdhist"}.items()}),
        row("stoch", "slow stochastic, 0 to 100: k is smoothed over slow bars, d is k's average",
            *_lengths("stoch", _STOCH, {"fast": 14, "slow": 3, "signal": 3}), source="TA-Lib STOCH",
            build={ours: builder("stoch", _STOCH, {"slowk_matype": 0, "slowd_matype": 0})(theirs)
                   for ours, theirs in {"k": "slowk", "d": "slowd"}.items()}),
        _of_prices("atr", "average true range, in units of price", 14),
        row("tr", "true range, in units of price", build=builder("trange", {})(None), source="TA-Lib TRANGE"),
        _of_prices("adx", "average directional index, 0 to 100", 14),
        row("supertrend", "line that follows the price m average ranges away, and direction: 1 up, -1 down",
            length(default=10, least=least_length("supertrend", "timeperiod")), number("m", 3.0, 0), source="TA-Lib SUPERTREND",
            build={ours: builder("supertrend", {"n": "timeperiod", "m": "multiplier"})(theirs)
                   for ours, theirs in {"line": "supertrend", "direction": "trend"}.items()}),
        row("change", "x less x n bars ago", series("x", "close"), length(default=1), build=builder("mom", _PERIOD)(None),
            source="TA-Lib MOM"),
        _of_series("roc", "change over n bars, per cent", 10),
        row("ichimoku", "Ichimoku's lines; the cloud as drawn under this bar: span_a, span_b (computed kijun bars ago), "
            "and as computed now: lead_a, lead_b", length("tenkan", 9, 2), length("kijun", 26, 2), length("senkou", 52, 2),
            build={"tenkan": _tenkan, "kijun": _kijun, "span_a": _behind(_lead_a), "span_b": _behind(_lead_b),
                   "lead_a": _lead_a, "lead_b": _lead_b}, source="Hosoda; midpoints by TA-Lib MIDPRICE"),
    ]  # fmt: skip


def channels() -> list[Function]:
    """Channels about the price."""
    return [
        row("bb", "Bollinger bands: average ± k standard deviations; width = (upper - lower) / mid, pctb = where x stands "
            "between them, 0 to 1", series("x", "close"), length(default=20, least=2), number("k", 2.0, 0),
            build={**_BANDS, "width": _band_width, "pctb": _band_position}, source="TA-Lib BBANDS"),
        row("kc", "Keltner channel: EMA(close, n) ± m average true ranges of n bars", length(default=20, least=2), number("m", 2.0, 0),
            build={"upper": _keltner("add"), "mid": _keltner(None), "lower": _keltner("sub")},
            source="TA-Lib EMA and ATR"),
        row("donchian", "highest high and lowest low of n bars, and their mean", length(default=20, least=2),
            build={ours: builder("donchian", _PERIOD)(theirs)
                   for ours, theirs in {"upper": "upperband", "mid": "middleband", "lower": "lowerband"}.items()},
            source="TA-Lib DONCHIAN"),
    ]  # fmt: skip


def windows() -> list[Function]:
    """What n bars say."""
    return [
        row("highest", "highest value of n bars, this one included", series("x", "high"), length(), build=extreme("max"),
            source="TA-Lib MAX"),
        row("lowest", "lowest value of n bars, this one included", series("x", "low"), length(), build=extreme("min"),
            source="TA-Lib MIN"),
        row("highestbars", "bars since the highest value of n bars, 0 = now; of equal ones the latest", series("x", "high"),
            length(), build=_bars_since("aroonup"), source="TA-Lib AROON"),
        row("lowestbars", "bars since the lowest value of n bars, 0 = now; of equal ones the latest", series("x", "low"),
            length(), build=_bars_since("aroondown"), source="TA-Lib AROON"),
        row("alltime_high", "highest value of all history until now", series("x", "high"), build=_of_all("highest_yet"),
            source="running maximum"),
        row("alltime_low", "lowest value of all history until now", series("x", "low"), build=_of_all("lowest_yet"),
            source="running minimum"),
        row("sum", "sum of n bars", series("x", "close"), length(), build=extreme("sum"), source="TA-Lib SUM"),
        row("stdev", "standard deviation of n bars (divided by n)", series("x", "close"),
            *_lengths("stddev", _PERIOD, {}), build=builder("stddev", _PERIOD, {"nbdev": 1.0})(None), source="TA-Lib STDDEV"),
        row("corr", "Pearson's correlation of two series over n bars, -1 to 1", series("x"), series("y"),
            *_lengths("correl", _PERIOD, {}), build=_correlation, source="TA-Lib CORREL"),
        _of_series("linreg", "end of the regression line over n bars", talib_name="linearreg"),
        _of_series("slope", "slope of the regression line over n bars, per bar", talib_name="linearreg_slope"),
        row("percentrank", "per cent of the previous n values that are at most this one", series("x", "close"),
            *_lengths("percentrank", _PERIOD, {}), build=_percentrank, source="Pine Script reference; counted by TA-Lib PERCENTRANK"),
    ]  # fmt: skip


_MACD = {"fast": "fastperiod", "slow": "slowperiod", "signal": "signalperiod"}
_STOCH = {"fast": "fastk_period", "slow": "slowk_period", "signal": "slowd_period"}


def extreme(name: str) -> Build:
    """Build TA-Lib's MAX, MIN or SUM: its windows start at two bars, and that of one bar is the bar."""

    def build(graph: Graph, *, x: int, n: int) -> int:
        return x if n == 1 else call(graph, name, None, {"x": x}, {"timeperiod": n})

    return build


def _of_all(op: str) -> Build:
    def build(graph: Graph, *, x: int) -> int:
        return graph.add(op, x)

    return build


def _bars_since(output: str) -> Build:
    """AROON tells how many bars ago the extreme of n + 1 bars was, as a share of n; its windows start at three."""

    def build(graph: Graph, *, x: int, n: int) -> int:
        if n < 3:  # noqa: PLR2004 - one bar, or two
            return _bars_since_of_two(graph, x, output, n)
        back = n - 1
        share = graph.add("indicator", x, x, params=(TalibCall("aroon", output, (("timeperiod", back),)),))
        bars = graph.add("div", graph.add("mul", share, graph.number(back)), graph.number(100))
        return graph.add("sub", graph.number(back), graph.add("round", bars))

    return build


def _bars_since_of_two(graph: Graph, x: int, output: str, n: int) -> int:
    now, before = graph.number(0), graph.add("shift", x, params=(1,))
    if n == 1:
        return graph.add("mul", graph.add("sub", x, x), now)
    is_now = graph.add("ge" if output == "aroonup" else "le", x, before)
    return graph.add("if", is_now, now, graph.number(1))


def _correlation(graph: Graph, *, x: int, y: int, n: int) -> int:
    return call(graph, "correl", None, {"price0": x, "price1": y}, {"timeperiod": n})


def _percentrank(graph: Graph, *, x: int, n: int) -> int:
    """Pine counts the values at most this one, TA-Lib those below: of the negatives, those below are above."""
    above = call(graph, "percentrank", None, {"x": graph.add("neg", x)}, {"timeperiod": n})
    hundred, size = graph.number(100), graph.number(n)
    count = graph.add("round", graph.add("div", graph.add("mul", above, size), hundred))
    return graph.add("div", graph.add("mul", graph.add("sub", size, count), hundred), size)


def _band_width(graph: Graph, **arguments: Any) -> int:
    upper, mid, lower = (_BANDS[name](graph, **arguments) for name in ("upper", "mid", "lower"))
    return graph.add("div", graph.add("sub", upper, lower), mid)


def _band_position(graph: Graph, **arguments: Any) -> int:
    upper, lower = (_BANDS[name](graph, **arguments) for name in ("upper", "lower"))
    return graph.add("div", graph.add("sub", arguments["x"], lower), graph.add("sub", upper, lower))


def _band(output: str) -> Build:
    def build(graph: Graph, *, x: int, n: int, k: float) -> int:
        given = {"timeperiod": n, "nbdevup": k, "nbdevdn": k, "matype": 0}
        return call(graph, "bbands", output, {"x": x}, given)

    return build


_BANDS = {"upper": _band("upperband"), "mid": _band("middleband"), "lower": _band("lowerband")}


def _keltner(side: str | None) -> Build:
    def build(graph: Graph, *, n: int, m: float) -> int:
        mid = call(graph, "ema", None, {"x": graph.add("field", params=("close",))}, {"timeperiod": n})
        if side is None:
            return mid
        distance = graph.add("mul", graph.number(m), call(graph, "atr", None, {}, {"timeperiod": n}))
        return graph.add(side, mid, distance)

    return build


def _midprice(graph: Graph, n: int) -> int:
    return call(graph, "midprice", None, {}, {"timeperiod": n})


def _tenkan(graph: Graph, *, tenkan: int, **_: int) -> int:
    return _midprice(graph, tenkan)


def _kijun(graph: Graph, *, kijun: int, **_: int) -> int:
    return _midprice(graph, kijun)


def _lead_a(graph: Graph, *, tenkan: int, kijun: int, **_: int) -> int:
    both = graph.add("add", _midprice(graph, tenkan), _midprice(graph, kijun))
    return graph.add("div", both, graph.number(2))


def _lead_b(graph: Graph, *, senkou: int, **_: int) -> int:
    return _midprice(graph, senkou)


def _behind(lead: Callable[..., int]) -> Build:
    def build(graph: Graph, *, kijun: int, **lengths: int) -> int:
        return graph.add("shift", lead(graph, kijun=kijun, **lengths), params=(kijun,))

    return build
