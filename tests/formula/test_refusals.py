"""What the language refuses: where the caret stands, and what the message says.

One row per refusal: the text, line and column of the caret, and a part of the message.
"""

from __future__ import annotations

import unicodedata

import pytest

import jtscan as jt
from jtscan.errors import FormulaError, JtscanError, RequestError
from jtscan.formula import compile_formula

COLUMNS = {**dict.fromkeys(("open", "high", "low", "close", "volume", "per"), "number"), "flag": "text"}

TABLES = {
    "across symbols": [
        ("rank(close > 1) > 0.5", 1, 6, "rank: x must be a series, this is a condition"),
        ('rank(close, by="IT") > 0.5', 1, 16, "rank: by must be a text field, a series or a condition, this is a text"),
        ("rank(close, by=5) > 0.5", 1, 16, "rank: by must be a text field, a series or a condition, this is a number"),
        ("rank(close, where=close) > 0.5", 1, 19, "rank: where must be a condition, this is a series; compare it"),
        ("rank(5) > 0.5", 1, 6, "rank: x must be a series, this is a number"),
        ("rank() > 0.5", 1, 1, "rank needs x, a series; usage: rank(x, by=None, where=None)"),
        ("rank(close)", 1, 1, "a signal must be a condition, this is a series; compare it"),
        ("x = rank\nx > 1", 1, 5, "'rank' is a function; write rank(x, by=None, where=None)"),
        ("top(close)", 1, 1, "top needs n, a whole number; usage: top(x, n, by=None, where=None)"),
        ("top(close, 0)", 1, 12, "top: n = 0 is too small; the least is 1"),
        ("top(close, 2.5)", 1, 12, "top: n = 2.5 is not a whole number"),
        ("bottom(close, 10) > 1", 1, 1, "a comparison needs a series or a number, this is a condition"),
        ("universe_mean(market) > 1", 1, 15, "universe_mean: x must be a series or a condition, this is a text field"),
        ("zscore(close, among=sector) > 1", 1, 15, "zscore has no argument 'among'; usage: zscore(x, by=None"),
        ("demean(macd(close)) > 0", 1, 8, "macd has several outputs (.line, .signal, .hist)"),
    ],
    "other symbols": [
        ("ref(KOSPI200, close) > 1", 1, 5, 'ref: symbol is a text in quotes; write "KOSPI200"'),
        ('ref("KOSPI200") > 1', 1, 1, "ref needs x, a series or a condition; usage: ref(symbol, x)"),
        ('ref("", close) > 1', 1, 1, 'ref: the symbol is empty; such as ref("KOSPI200", close)'),
        ('ref("KOSPI200", rank(close)) > 1', 1, 1, "ref: x is read on the other symbol's own bars"),
        ('ref("KOSPI200", weekly(universe_sum(close))) > 1', 1, 1, "ref: x is read on the other symbol's own bars"),
        ('ref("KOSPI200", 5) > 1', 1, 17, "ref: x must be a series or a condition, this is a number"),
        ("ref(5, close) > 1", 1, 5, "ref: symbol must be a text in quotes, this is a number"),
        ("Ref(C, -1) > 1", 1, 1, "unknown function 'Ref'; bars back are written close[1]"),
        ('Foreign("KOSPI", "C") > 1', 1, 1, "unknown function 'Foreign'; write 'ref'"),
    ],
    "longer periods": [
        ("weekly(monthly(close)) > 1", 1, 1, "weekly: x is on bars of a longer period already"),
        ('tf("1w", weekly(close)) > 1', 1, 1, "tf: x is on bars of a longer period already"),
        ("weekly(sma(weekly(close), 5)) > 1", 1, 1, "weekly: x is on bars of a longer period already"),
        ("m = monthly(close)\nweekly(m > m[1])", 2, 1, "weekly: x is on bars of a longer period already"),
        ("weekly(close, True) > 1", 1, 15, "weekly takes no more arguments; usage: weekly(x, developing=False)"),
        ("weekly(close, developing=1) > 1", 1, 26, "weekly: developing must be True or False, this is a number"),
        ("weekly(5) > 1", 1, 8, "weekly: x must be a series or a condition, this is a number"),
        ("weekly() > 1", 1, 1, "weekly needs x, a series or a condition"),
        ('weekly("close") > 1', 1, 8, "weekly: x must be a series or a condition, this is a text; names are written"),
        ("weekly(macd(close)) > 1", 1, 8, "macd has several outputs (.line, .signal, .hist)"),
        ("weekly > 1", 1, 1, "'weekly' is a function; write weekly(x, developing=False)"),
        ("weekly(close[-1]) > 1", 1, 8, "[-1] looks into the future"),
        ("weekly(rsi(14), developing=True) > 1", 1, 1, "developing=True cannot say what rsi(close, 14) would be"),
        ("weekly(streak(close > open), developing=True) > 1", 1, 1, "cannot say what streak(close > open) would be"),
        ("weekly(rank(close), developing=True) > 1", 1, 1, "developing=True cannot say what rank(close) would be"),
        ("tf(60m, close) > 1", 1, 5, "a period is a text in quotes; such as tf(\"60m\", close)"),
        ("tf(60, close) > 1", 1, 4, "tf: period must be a text in quotes, this is a number"),
        ('tf("90m", close) > 1', 1, 1, "tf: '90m' is not known; there are: 1m, 5m, 15m, 30m, 60m, 1d, 1w, 1mo"),
        ('request.security("AAPL", "W", close) > 1', 1, 1, 'weekly(x), or ref("KOSPI200", x) for another symbol'),
    ],
    "events and windows": [
        ("sequence(5, close > 1)", 1, 1, "sequence needs c2, a condition; usage: sequence(n, c1, c2, …)"),
        ("sequence(2, close > 1, close > 2, close > 3)", 1, 1, "3 events on bars of their own do not fit into n = 2"),
        ("sequence(close > 1, close > 2, 5)", 1, 10, "sequence: n must be a whole number of bars, this is a condition"),
        ("sequence(5, close, open)", 1, 13, "sequence: c1 must be a condition, this is a series; compare it"),
        ("pivothigh(0, 5) > 1", 1, 11, "pivothigh: l = 0 is too short; the least is 1"),
        ("pivothigh(5) > 1", 1, 1, "pivothigh needs r, a whole number of bars; usage: pivothigh(x, l, r)"),
        ("corr(close, 20) > 1", 1, 1, "corr needs n, a whole number of bars; usage: corr(x, y, n)"),
        ("kc(1, 2).upper > 1", 1, 4, "kc: n = 1 is too short; the least is 2"),
        ("kc(20) > close", 1, 1, "kc has several outputs (.upper, .mid, .lower); read one of them: kc(20).upper"),
        ("ichimoku().cloud > 1", 1, 1, "ichimoku has no output 'cloud'; it has: tenkan, kijun, span_a, span_b"),
        ("supertrend(10, -1).line > 1", 1, 16, "supertrend: m = -1 is below 0"),
        ("change(close, 0) > 1", 1, 15, "change: n = 0 is too short; the least is 1"),
        ("percentrank(close, 1) > 1", 1, 20, "percentrank: n = 1 is too short; the least is 2"),
        ("highestbars(close) > 1", 1, 1, "highestbars needs n, a whole number of bars"),
        ("alltime_high(close, 20) > 1", 1, 21, "alltime_high takes no more arguments; usage: alltime_high(x)"),
        ("ffill(close > 1) > 1", 1, 7, "ffill: x must be a series, this is a condition"),
        ("LinRegSlope(close, 20) > 0", 1, 1, "unknown function 'LinRegSlope'; write 'slope'"),
        ("ta.correlation(close, open, 5) > 1", 1, 1, "'ta.' is not needed; write 'corr'"),
    ],
    "orders and habits": [
        ("sma(20, close) > 1", 1, 9, "sma: the series comes first; usage: sma(x, n)"),
        ("top(10, roc(20))", 1, 5, "top: x must be a series, this is a number; the series comes first, top(x, n"),
        ('tf(close, "1w") > 1', 1, 4, 'tf: period is a text in quotes; the text comes first, tf("1w", close)'),
        ("ref(close, -1) > 1", 1, 5, "ref reads another symbol; bars back are written close[1]"),
        ("Ref(C, 1) > C", 1, 1, "Ref(C, 1) looks into the future; yesterday's value is close[1]"),
        ("roc(1) > 5%", 1, 11, "'%' is the remainder; per cent is the plain number, 5 for 5 %"),
        ("rsi(14) > 5% and close > 1", 1, 12, "'%' is the remainder; per cent is the plain number, 5 for 5 %"),
        ("Buy = close > open", 1, 1, "the formula has no signal; names are lower case: write 'buy'"),
        ("@turtle", 1, 1, 'a formula of the library is jt.library["name"], or @name on the command line'),
        ('input.int(14, "len") > 1', 1, 1, "'input.' is not needed; write 'n = param(14, 2, 400)'"),
        ("Optimize(5, 1, 10) > 1", 1, 1, "unknown function 'Optimize'; write 'n = param(14, 2, 400)'"),
        ("BBandTop(C, 20, 2) < C", 1, 1, "unknown function 'BBandTop'; write 'bb(x, n, k).upper'"),
        ("close.rank() > 1", 1, 1, "there are no methods such as .rank(); write rank(x, by=None, where=None)"),
        ("close.pct_change(5) > 1", 1, 1, "there are no methods such as .pct_change(); write roc"),
        ("(close > open) == True", 1, 2, "conditions are joined with 'and', 'or', 'not'; leave out '== True'"),
        ("close > high.max()", 1, 9, "there are no methods such as .max(); write highest(high, n)"),
        ("close > high.rolling(20).min()", 1, 9, "there are no methods such as .min(); write lowest(x, n)"),
        ("volume > 1억", 1, 10, "'1억' is not a number here; write 100000000"),
        ("volume > 2,500만주 and close > 1", 1, 10, "'2,500만' is not a number here; write 25000000"),
        ("volume > 1.5조", 1, 10, "'1.5조' is not a number here; write 1500000000000"),
        ("volume > 1억 2000만", 1, 10, "'1억 2000만' is not a number here; write 120000000"),
        ("volume > 3천만", 1, 10, "'3천만' is not a number here; write 30000000"),
        ("date > '2024-01-01'", 1, 1, "a text field is compared with a text in quotes; write date > 20240101"),
        ('"20231231" < date', 1, 1, "a text field is compared with a text in quotes; write 20231231 < date"),
        ("date > 2024-01-01", 1, 13, "a date is one number; such as date > 20240101"),
        ('close > "1000"', 1, 1, "a text field is compared with a text in quotes; numbers are written without quotes"),
        ("weekly(monthly(close, developing=True)) > 1", 1, 1, "weekly: x is on bars of a longer period already"),
    ],
    "TA-Lib's own": [
        ("TRIX(close, 15) > 0", 1, 1, "unknown function 'TRIX'; did you mean 'trix'?"),
        ("trix(close, 0) > 1", 1, 13, "trix: n = 0 is too short; the least is 1"),
        ("ta_max(close, 1) > 1", 1, 15, "ta_max: n = 1 is too short; the least is 2"),
        ("linearreg(close, n=20, m=3) > 1", 1, 24, "linearreg has no argument 'm'; usage: linearreg(x, n=14)"),
        ("macdext(close, fastmatype=99).macd > 1", 1, 27, "macdext: fastmatype = 99 is too large; the most is 13"),
        ("ma(close, 20, matype=-1) > 1", 1, 22, "ma: matype = -1 is too small; the least is 0"),
        ("ma(close, 20, 2.5) > 1", 1, 15, "ma: matype = 2.5 is not a whole number"),
        ("sar(-1) > 1", 1, 5, "sar: acceleration = -1 is below 0"),
        ("mavp(close, 5) > 1", 1, 13, "mavp: periods must be a series, this is a number"),
        ("mama(close, 0.5, 5).mama > 1", 1, 1, "TA-Lib refuses these parameters: fastlimit = 0.5, slowlimit = 5"),
        ("t3(close, 5, 99) > 1", 1, 1, "TA-Lib refuses these parameters: timeperiod = 5, vfactor = 99"),
        ("aroon(14) > 50", 1, 1, "aroon has several outputs (.aroondown, .aroonup)"),
    ],
    "operators": [
        ("close > open & volume > 5", 1, 14, "use 'and' instead of '&'"),
        ("(close > 1)  & (open > 1)", 1, 14, "use 'and' instead of '&'"),
        ("(close > 1\n  & (open > 1))", 2, 3, "use 'and' instead of '&'"),
        ("(close > 1  # & here\n  & (open > 1))", 2, 3, "use 'and' instead of '&'"),
        ("종가 = close\n(종가 > 1) & (종가 > 2)", 2, 10, "use 'and' instead of '&'"),
        ("(close > 1) | (open > 1)", 1, 13, "use 'or' instead of '|'"),
        ("~(close > 1)", 1, 1, "use 'not' instead of '~'"),
        ("close ^ 2 > 1", 1, 7, "use '**' for powers instead of '^'"),
        ("close // 2 > 1", 1, 7, "use floor(a / b) instead of '//'"),
        ("close @ open > 1", 1, 7, "'@' has no meaning here"),
        ("close << 2 > 1", 1, 7, "'<<' has no meaning here"),
        ("close >> 2 > 1", 1, 7, "'>>' has no meaning here"),
        ("close > +5", 1, 9, "leave out the '+'"),
        ("close > 1 && open > 1", 1, 11, "use 'and' instead of '&&'"),
        ("close > 1 || open > 1", 1, 11, "use 'or' instead of '||'"),
        ("!(close > 1)", 1, 1, "use 'not' instead of '!'"),
        ("close <> 1", 1, 7, "use '!=' instead of '<>'"),
        ("close => 1", 1, 7, "use '>=' instead of '=>'"),
        ("close =< 1", 1, 7, "use '<=' instead of '=<'"),
        ("close > 1 ? 1 : 0", 1, 11, "write 'a if condition else b'"),
        ("close is None", 1, 1, "use isna(x) instead of 'is None'"),
        ("close is not open", 1, 1, "use '==' instead of 'is'"),
        ("close > 1 AND open > 1", 1, 11, "write 'and' in lower case"),
        ("close > 1 Or open > 1", 1, 11, "write 'or' in lower case"),
        ("NOT close > 1", 1, 1, "write 'not' in lower case"),
    ],
    "python that is not in the language": [
        ("lambda x: x > 1", 1, 1, "functions cannot be written inside a formula"),
        ("sma(close, lambda x: x) > 1", 1, 12, "functions cannot be written inside a formula"),
        ("[x for x in close]", 1, 1, "comprehensions are not allowed"),
        ("close > 1 and {x for x in close}", 1, 15, "comprehensions are not allowed"),
        ("{x: 1 for x in close}", 1, 1, "comprehensions are not allowed"),
        ("sma(x for x in close) > 1", 1, 4, "comprehensions are not allowed"),
        ('market == f"{close}"', 1, 11, "f-strings are not allowed; write plain text"),
        ("a = [1, 2]\nclose > 1", 1, 5, "lists are only allowed after 'in'"),
        ("a = {}\nclose > 1", 1, 5, "dicts are not allowed"),
        ("a = {1}\nclose > 1", 1, 5, "sets are not allowed"),
        ("close > 1,000", 1, 1, "a comma makes a tuple; write one expression, and 1000 for 1,000"),
        ("(x := close) > 1", 1, 2, "use '=' on a line of its own instead of ':='"),
        ("x := close > 1", 1, 3, "use '=' instead of ':='"),
        ("await close", 1, 1, "'await' is not allowed"),
        ("buy = yield close", 1, 7, "'yield' is not allowed"),
        ("close > None", 1, 9, "None is not a value here; isna(x) asks"),
        ("close > 1j", 1, 9, "complex constants are not allowed; constants are numbers"),
        ("close > ...", 1, 9, "ellipsis constants are not allowed"),
        ('market == b"a"', 1, 11, "bytes constants are not allowed"),
        ("close.mean > 1", 1, 1, "a series has no outputs to read with '.mean'"),
        ("close.__class__ > 1", 1, 1, "a series has no outputs to read with '.__class__'"),
        ("close.shift(1) > close", 1, 1, "there are no methods such as .shift(); x.shift(1) is x[1]"),
        ('__import__("os").system("x")', 1, 1, "there are no methods such as .system()"),
        ("sma(close, 5)(3) > 1", 1, 1, "only functions can be called, by their name"),
        ("close(1) > 1", 1, 1, "'close' is no function; bars back are written close[1]"),
        ('exec("1")', 1, 1, "unknown function 'exec'"),
        ("__builtins__ > 1", 1, 1, "unknown name '__builtins__'"),
    ],
    "statements": [
        ("if close > 1: buy = True", 1, 1, "statements are not allowed; write the condition itself"),
        ("if close > 1\n  buy = 1", 1, 1, "statements are not allowed"),
        ("for x in close: pass", 1, 1, "statements are not allowed; windows look back"),
        ("while True: pass", 1, 1, "statements are not allowed; windows look back"),
        ("import os\nclose > 1", 1, 1, "statements are not allowed; every function is there without it"),
        ("from os import path", 1, 1, "statements are not allowed; every function is there without it"),
        ("def f(x):\n  return x", 1, 1, "statements are not allowed; functions cannot be written"),
        ("return close > 1", 1, 1, "statements are not allowed; leave out 'return'"),
        ("class A: pass", 1, 1, "statements are not allowed; a formula is assignments and conditions"),
        ("with close: pass", 1, 1, "statements are not allowed"),
        ("try:\n  x = 1\nexcept: pass", 1, 1, "statements are not allowed"),
        ("match close:\n  case 1: pass", 1, 1, "statements are not allowed"),
        ("del close", 1, 1, "statements are not allowed"),
        ("pass", 1, 1, "statements are not allowed"),
        ("x = 1\nx += 1\nclose > x", 2, 1, "only plain assignments are allowed; write name = expression"),
        ("x: float = 5\nclose > x", 1, 1, "only plain assignments are allowed"),
        ("buy: close > 1", 1, 1, "only plain assignments are allowed"),
        ("a, b = 1, 2\nclose > a", 1, 1, "an assignment has one name on its left; write one line for each"),
        ("a = b = close\nclose > a", 1, 1, "an assignment has one name on its left"),
        ("close[1] = 5", 1, 1, "an assignment has one name on its left"),
        ("close.x = 5", 1, 1, "an assignment has one name on its left"),
        ("a = 1; close > a", 1, 8, "two statements on one line; start a new line instead of ';'"),
        ("close > 1\na = 2; b = 3; c = 4", 2, 8, "two statements on one line"),
        ("var x = close", 1, 1, "an assignment is just name = expression"),
        ("class = 5", 1, 1, "a reserved word cannot be assigned"),
    ],
    "assignments": [
        ("close = 5", 1, 1, "'close' is a field and cannot be assigned; take another name, such as my_close"),
        ("hl2 = 5", 1, 1, "'hl2' is a field and cannot be assigned"),
        ("bar_index = 5", 1, 1, "'bar_index' is a field and cannot be assigned"),
        ("symbol = 5", 1, 1, "'symbol' is a field and cannot be assigned"),
        ("timestamp = 5", 1, 1, "'timestamp' is a reserved word and cannot be assigned"),
        ("signal_type = 5", 1, 1, "'signal_type' is a reserved word"),
        ("param = 5", 1, 1, "'param' is a reserved word"),
        ("signal = 5", 1, 1, "'signal' is a reserved word"),
        ("a = 1\na = 2\nclose > a", 2, 1, "'a' is assigned twice; give the second one another name"),
        ("n = param(5)\nn = 6\nclose > n", 2, 1, "'n' is assigned twice"),
        ("buy = close > 1\nbuy = close > 2", 2, 1, "'buy' is assigned twice"),
        ("x = market\nclose > 1", 1, 5, "'x' would be a column of text; name it _x"),
        ('x = "a"\nclose > 1', 1, 5, "'x' would be a column of text"),
        ("b = bb(close)\nclose > 1", 1, 5, "bb has several outputs (.upper, .mid, .lower, .width, .pctb); read one of them: bb(close).upper; under a private name, _b, you keep them all"),
    ],
    "signals": [
        ("a = close > 1", 1, 1, "the formula has no signal; end with a condition, or assign to buy or sell"),
        ("_a = close > 1\nb = close", 2, 1, "the formula has no signal"),
        ("close > 1\nbuy = close > 2", 1, 1, "only the last line may be a bare expression; give it a name, such as buy = …"),
        ("match = close > 1\nclose > 2", 2, 1, "the signal 'match' is there twice; a bare last line is"),
        ('signal("match", close > 1)\nclose > 2', 2, 1, "the signal 'match' is there twice"),
        ('signal("a", close > 1)\nsignal("a", close > 2)', 2, 8, "the signal 'a' is there twice"),
        ('buy = close > 1\nsignal("buy", close > 2)', 2, 8, "the signal 'buy' is there twice"),
        ('signal("buy", close > 1)\nbuy = close > 2', 2, 1, "'buy' is assigned twice"),
        ("sma(close, 20)", 1, 1, "a signal must be a condition, this is a series; compare it"),
        ("buy = 5", 1, 7, "a signal must be a condition, this is a number"),
        ("market", 1, 1, 'a signal must be a condition, this is a text field; compare it, such as market == "KOSPI"'),
        ('"abc"', 1, 1, "a signal must be a condition, this is a text"),
        ("sell = macd(close)", 1, 8, "macd has several outputs"),
        ('signal("a")', 1, 1, 'signal takes a name and a condition; usage: signal("breakout", condition)'),
        ("signal(close > 1, close > 2)", 1, 1, "signal takes a name and a condition"),
        ('signal("  ", close > 1)', 1, 1, "signal takes a name and a condition"),
        ('signal("a", close > 1, 5)', 1, 1, "signal takes a name and a condition"),
        ('signal("a", condition=close > 1)', 1, 1, "signal takes a name and a condition"),
        ('signal("a", close)', 1, 13, "a signal must be a condition, this is a series"),
        ('x = signal("a", close > 1)', 1, 5, "signal stands on a line of its own"),
        ("buy == close > 1", 1, 1, "the signal 'buy' is not assigned before; write buy = condition"),
    ],
    "names": [
        ("close > clos", 1, 9, "unknown name 'clos'; did you mean 'close'? (a parameter needs a value)"),
        ("종가 = close\n종가 > clos", 2, 6, "unknown name 'clos'; did you mean 'close'?"),
        ('name == "가나" and\tclos > 1', 1, 18, "unknown name 'clos'"),
        ("_fast = sma(close, 5)\nclose > _fat", 2, 9, "did you mean '_fast'?"),
        ("close > perr", 1, 9, "did you mean 'per'?"),
        ("Close > 1", 1, 1, "unknown name 'Close'; names are lower case: write 'close'"),
        ("C > 1", 1, 1, "unknown name 'C'; names are lower case: write 'c'"),
        ("xyz > 1", 1, 1, "unknown name 'xyz'; the price files have: close, flag, high, low, open, per, volume; a parameter needs a value (parameters={\"xyz\": 5}, or a line xyz = param(5)), a text needs quotes"),
        ("market == KOSPI", 1, 11, "unknown name 'KOSPI'; the price files have: close, flag, high, low, open, per, volume; a parameter needs a value (parameters={\"KOSPI\": 5}, or a line KOSPI = param(5)), a text needs quotes"),
        ("rsi > 50", 1, 1, "'rsi' is a function; write rsi(x, n=14)"),
        ("bb.upper > 1", 1, 1, "'bb' is a function; write bb(x, n=20, k=2) .upper .mid"),
        ("flag > 1", 1, 1, "the column 'flag' of the price files is text, not numbers"),
        ("close > 1 and true", 1, 15, "unknown name 'true'; write 'True'"),
        ("종가 > 1", 1, 1, "unknown name '종가'; write 'close'"),
        ("timestamp > 1", 1, 1, "unknown name 'timestamp'; write 'date'"),
    ],
    "words of other dialects": [
        ("HHV(high, 20) > 1", 1, 1, "unknown function 'HHV'; write 'highest'"),
        ("na(close[1])", 1, 1, "unknown function 'na'; write 'isna'"),
        ("close < LLV(low, 20)", 1, 9, "unknown function 'LLV'; write 'lowest'"),
        ("MA(close, 20) > 1", 1, 1, "unknown function 'MA'; write 'sma'"),
        ("Ref(C, -1) > 1", 1, 1, "unknown function 'Ref'; bars back are written close[1]"),
        ("Ref(sma(close, 5), -3) > 1", 1, 1, "bars back are written sma(close, 5)[3]"),
        ("BarsSince(close > 1) > 1", 1, 1, "unknown function 'BarsSince'; did you mean 'barssince'?"),
        ("Cross(close, open)", 1, 1, "unknown function 'Cross'; write 'cross_above'"),
        ("IIF(close > 1, 1, 2) > 1", 1, 1, "unknown function 'IIF'; write 'a if condition else b'"),
        ("SMA(close, 20) > 1", 1, 1, "unknown function 'SMA'; did you mean 'sma'?"),
        ("ta.sma(close, 20) > 1", 1, 1, "'ta.' is not needed; write 'sma'"),
        ("talib.SMA(close, 20) > 1", 1, 1, "'talib.' is not needed; write 'sma'"),
        ("np.where(close > 1, 1, 2) > 1", 1, 1, "'np.' is not needed; write 'a if condition else b'"),
        ("close crosses above 5", 1, 7, "write cross_above(a, b)"),
        ("// golden cross\nclose > 1", 1, 1, "comments start with '#'"),
        ("/* golden */ close > 1", 1, 1, "comments start with '#'"),
        ("close > 5 // comment", 1, 11, "use floor(a / b) instead of '//'; comments start with '#'"),
        ("close > 5 // golden cross", 1, 11, "comments start with '#'"),
        ("close > 5 /* golden cross */", 1, 11, "comments start with '#'"),
        ("plot(close)", 1, 1, "'plot' is no part of a formula; a public name is a column beside each match and is drawn"),
        ("plot(close)\nclose > 1", 1, 1, "'plot' is no part of a formula; a public name is a column"),
        ('Plot(C, "close", 1)', 1, 1, "'Plot' is no part of a formula; a public name is a column"),
        ('strategy.entry("long", strategy.long)', 1, 1, "'strategy.entry' is no part of a formula; buy = condition is a signal"),
        ("buy = close > 1\nplotshape(buy)", 2, 1, "'plotshape' is no part of a formula; buy = condition is a signal"),
        ('alert("now")', 1, 1, "'alert' is no part of a formula; buy = condition is a signal"),
        ('indicator("My RSI")\nclose > 1', 1, 1, "'indicator' is no part of a formula; leave the line out"),
        ("line.new(1, 2, 3, 4)", 1, 1, "'line.new' is no part of a formula; leave the line out"),
        ("cross_abov(close, open)", 1, 1, "unknown function 'cross_abov'; did you mean 'cross_above'?"),
        ("max(close, 20) > 1", 1, 1, "over 20 bars write highest(close, 20); for the larger of the two, max("),
        ("min(low, 5) > 1", 1, 1, "over 5 bars write lowest(low, 5)"),
    ],
    "bars back": [
        ("close[-1] > 1", 1, 1, "[-1] looks into the future; bars back are counted 1, 2, 3, …"),
        ("open > close[-1]", 1, 8, "[-1] looks into the future"),
        ("close[1 - 2] > 1", 1, 1, "[-1] looks into the future"),
        ("close[1.5] > 1", 1, 7, "1.5 is not a whole number of bars"),
        ("close[1:5] > 1", 1, 1, "one number of bars goes into [ ]"),
        ("close[1, 2] > 1", 1, 1, "one number of bars goes into [ ]"),
        ("close[20000] > 1", 1, 7, "20000 bars are too many; at most 10,000"),
        ("close[open] > 1", 1, 7, "bars back must be a whole number or a parameter, this is a series"),
        ("close[close > 1] > 1", 1, 7, "bars back must be a whole number or a parameter, this is a condition"),
        ('close["a"] > 1', 1, 7, "bars back must be a whole number or a parameter, this is a text"),
        ("5[1] > 1", 1, 1, "only a series or a condition has earlier bars, this is a number"),
        ('market[1] == "a"', 1, 1, "only a series or a condition has earlier bars, this is a text field"),
        ("macd(close)[1] > 1", 1, 1, "macd has several outputs (.line, .signal, .hist); read one of them"),
    ],
    "kinds": [
        ("close and volume > 1", 1, 1, "'and' needs a condition, this is a series; compare it, such as x > 0"),
        ("close > 1 or 5", 1, 14, "'or' needs a condition, this is a number"),
        ("not close", 1, 5, "'not' needs a condition, this is a series"),
        ("(1 if close else 2) > 1", 1, 7, "'if' needs a condition, this is a series"),
        ("close > 1 if close > 2 else 5", 1, 29, "both sides of 'else' must be of one kind; these are a condition and"),
        ("(close > 1) + 1 > 1", 1, 2, "arithmetic needs a series or a number, this is a condition; count(condition"),
        ("-(close > 1) > 1", 1, 3, "arithmetic needs a series or a number, this is a condition"),
        ("market + 1 > 1", 1, 1, "arithmetic needs a series or a number, this is a text field"),
        ('1 + "b" == market', 1, 5, "arithmetic needs a series or a number, this is a text"),
        ("1 + macd(close) > 1", 1, 5, "macd has several outputs (.line, .signal, .hist); read one of them"),
        ("(close > 1) > 1", 1, 2, "a comparison needs a series or a number, this is a condition; conditions are"),
        ("1 < bb(close)", 1, 5, "bb has several outputs (.upper, .mid, .lower, .width, .pctb)"),
    ],
    "arguments": [
        ("sma(close > 1, 20) > 1", 1, 5, "sma: x must be a series, this is a condition; count(condition, n)"),
        ("sma(close, close) > 1", 1, 12, "sma: n must be a whole number of bars, this is a series; a length is a"),
        ("sma(close, volume > 1) > 1", 1, 12, "sma: n must be a whole number of bars, this is a condition"),
        ('sma("close", 20) > 1', 1, 5, "sma: x must be a series, this is a text; names are written without quotes"),
        ("sma(market, 20) > 1", 1, 5, "sma: x must be a series, this is a text field"),
        ("sma(macd(close), 20) > 1", 1, 5, "macd has several outputs"),
        ("count(close, 5) > 1", 1, 7, "count: c must be a condition, this is a series; compare it"),
        ("within(5, 5)", 1, 8, "within: c must be a condition, this is a number"),
        ("every(close, 5)", 1, 7, "every: c must be a condition, this is a series"),
        ("streak(close) > 1", 1, 8, "streak: c must be a condition, this is a series"),
        ("barssince(close) > 1", 1, 11, "barssince: c must be a condition, this is a series"),
        ("valuewhen(close, close) > 1", 1, 11, "valuewhen: c must be a condition, this is a series"),
        ("valuewhen(close > 1, close > 2) > 1", 1, 22, "valuewhen: x must be a series, this is a condition"),
        ("cross_above(close > 1, open)", 1, 13, "cross_above: a must be a series or a number, this is a condition"),
        ('cross_below(close, "a")', 1, 20, "cross_below: b must be a series or a number, this is a text"),
        ("crosses(close, open, strict=1)", 1, 29, "crosses: strict must be True or False, this is a number"),
        ("crosses(close, open, strict=close > 1)", 1, 29, "crosses: strict must be True or False"),
        ("max(close, open > 1) > 1", 1, 12, "max: b must be a series or a number, this is a condition"),
        ("abs(close > 1) > 1", 1, 5, "abs: x must be a series, this is a condition"),
        ("log(5) > 1", 1, 5, "log: x must be a series, this is a number"),
        ("nz(close > 1) > 1", 1, 4, "nz: x must be a series, this is a condition"),
        ('nz(per, "a") > 1', 1, 9, "nz: instead must be a series or a number, this is a text"),
        ("isna(5)", 1, 6, "isna: x must be a series or a condition, this is a number"),
        ("bb(close, 20, close).upper > 1", 1, 15, "bb: k must be a number, this is a series"),
        ("rsi(close > 1) > 1", 1, 5, "rsi: x must be a series, this is a condition"),
        ("sma(close) > 1", 1, 1, "sma needs n, a whole number of bars; usage: sma(x, n)"),
        ("count(close > 1) > 1", 1, 1, "count needs n, a whole number of bars; usage: count(c, n)"),
        ("cross_above(close)", 1, 1, "cross_above needs b, a series or a number; usage: cross_above(a, b, strict="),
        ("barssince() > 1", 1, 1, "barssince needs c, a condition"),
        ("max(close) > 1", 1, 1, "max needs b, a series or a number; usage: max(a, b, …)"),
        ("sma(close, 20, 5) > 1", 1, 16, "sma takes no more arguments; usage: sma(x, n)"),
        ("sma(5, 3) > 1", 1, 8, "sma takes no more arguments"),
        ("atr(close, 14) > 1", 1, 12, "atr takes no more arguments; usage: atr(n=14)"),
        ("cdldoji(close) == 100", 1, 9, "cdldoji takes no more arguments; usage: cdldoji()"),
        ("cross_above(close, open, True)", 1, 26, "cross_above takes no more arguments"),
        ("sma(close, n=20, n=30) > 1", 1, 18, "sma: n is given twice"),
        ("sma(close, 20, n=20) > 1", 1, 18, "sma: n is given twice"),
        ("sma(close, m=20) > 1", 1, 12, "sma has no argument 'm'; usage: sma(x, n)"),
        ("max(close, b=open) > 1", 1, 12, "max has no argument 'b'"),
        ("sma(*close) > 1", 1, 5, "'*' before an argument is not allowed"),
        ("sma(**close) > 1", 1, 5, "'**' is not allowed"),
        ("sma((close, 20)) > 1", 1, 5, "a comma makes a tuple"),
        ("sma(close 20) > 1", 1, 5, "this is not a formula: invalid syntax. Perhaps you forgot a comma?"),
    ],
    "lengths": [
        ("sma(close, 0) > 1", 1, 12, "sma: n = 0 is too short; the least is 1"),
        ("sma(close, -5) > 1", 1, 12, "sma: n = -5 is too short"),
        ("sma(close, 2.5) > 1", 1, 12, "sma: n = 2.5 is not a whole number of bars"),
        ("sma(close, 10001) > 1", 1, 12, "sma: n = 10,001 is too long; the most is 10,000"),
        ("highest(0) > 1", 1, 9, "highest: n = 0 is too short; the least is 1"),
        ("lowest(low, 0) > 1", 1, 13, "lowest: n = 0 is too short; the least is 1"),
        ("sum(close, 0) > 1", 1, 12, "sum: n = 0 is too short; the least is 1"),
        ("count(close > 1, 0) > 1", 1, 18, "count: n = 0 is too short; the least is 1"),
        ("within(close > 1, 1.5)", 1, 19, "within: n = 1.5 is not a whole number of bars"),
        ("rsi(close, 1) > 1", 1, 12, "rsi: n = 1 is too short; the least is 2"),
        ("adx(1) > 1", 1, 5, "adx: n = 1 is too short; the least is 2"),
        ("atr(0) > 1", 1, 5, "atr: n = 0 is too short; the least is 1"),
        ("macd(close, 1, 26, 9).line > 1", 1, 13, "macd: fast = 1 is too short; the least is 2"),
        ("bb(close, 20, -1).upper > 1", 1, 15, "bb: k = -1 is below 0"),
        ("cdlmorningstar(-1) == 100", 1, 16, "cdlmorningstar: penetration = -1 is below 0"),
        ("valuewhen(close > 1, close, -1) > 1", 1, 29, "valuewhen: n = -1 is too short; the least is 0"),
        ("valuewhen(close > 1, close, 101) > 1", 1, 29, "valuewhen: n = 101 is too long; the most is 100"),
        ("n = param(2.5)\nsma(close, n) > 1", 2, 12, "sma: n = 2.5 is not a whole number of bars"),
    ],
    "outputs": [
        ("macd(close) > 1", 1, 1, "macd has several outputs (.line, .signal, .hist); read one of them: macd("),
        ("_b = bb(close)\n_b > 1", 2, 1, "(.upper, .mid, .lower, .width, .pctb); read one of them: _b.upper"),
        ("stoch().x > 1", 1, 1, "stoch has no output 'x'; it has: k, d"),
        ("sma(close, 20).line > 1", 1, 1, "a series has no outputs to read with '.line'; functions with several outputs"),
        ("bb(close).upper.lower > 1", 1, 1, "a series has no outputs to read with '.lower'"),
        ("(close > 1).line > 1", 1, 1, "a condition has no outputs to read with '.line'"),
    ],
    "text fields": [
        ('market < "KOSPI"', 1, 1, "texts are compared with ==, != and in only"),
        ("market == 5", 1, 1, 'a text field is compared with a text in quotes; such as market == "KOSPI"'),
        ("market == sector", 1, 1, "a text field is compared with a text in quotes"),
        ('close == "a"', 1, 1, "a text field is compared with a text in quotes"),
        ('"a" == "b"', 1, 1, "a text field is compared with a text in quotes"),
        ('market in "KOSPI"', 1, 11, """'in' needs texts in round brackets; such as market in ("KOSPI", "KOSDAQ")"""),
        ("market in ()", 1, 11, "'in' needs texts in round brackets"),
        ("market in sector", 1, 11, "'in' needs texts in round brackets"),
        ('market in ("KOSPI", 5)', 1, 21, "'in' compares with texts in quotes"),
        ('market in (sector, "a")', 1, 12, "'in' compares with texts in quotes"),
        ("close in (1, 2)", 1, 1, "'in' is for text fields; they are symbol, name, market, sector; for numbers write x"),
        ('"a" in market', 1, 1, "'in' is for text fields"),
    ],
    "declarations of parameters": [
        ("close > param(5)", 1, 9, "param stands on a line of its own; such as fast = param(50, 2, 400)"),
        ("n = param(5) + 1\nclose > n", 1, 5, "param stands on a line of its own"),
        ("n = param()\nclose > n", 1, 5, "param needs a default; usage: name = param(default, lowest, highest, step="),
        ("n = param(lowest=1)\nclose > n", 1, 5, "param needs a default"),
        ('n = param("a")\nclose > n', 1, 11, "param takes plain numbers"),
        ("n = param(close)\nclose > n", 1, 11, "param takes plain numbers"),
        ("n = param(True)\nclose > n", 1, 11, "param takes plain numbers"),
        ("n = param(1 + 1)\nclose > n", 1, 11, "param takes plain numbers"),
        ("n = param(*x)\nclose > n", 1, 11, "param takes plain numbers"),
        ("n = param(**x)\nclose > n", 1, 11, "param has no argument '**'"),
        ("n = param(5, 1, 10, 1)\nclose > n", 1, 21, "param takes at most three numbers"),
        ("n = param(5, foo=1)\nclose > n", 1, 14, "param has no argument 'foo', or has it twice"),
        ("n = param(5, default=1)\nclose > n", 1, 14, "param has no argument 'default', or has it twice"),
        ("n = param(5, 10, 1)\nclose > n", 1, 5, "the lowest value 10 is above the highest, 1"),
        ("n = param(5, 6, 10)\nclose > n", 1, 5, "the default n = 5 is below its lowest value, 6"),
        ("n = param(50, 6, 10)\nclose > n", 1, 5, "the default n = 50 is above its highest value, 10"),
        ("n = param(5, choices=(1, 2))\nclose > n", 1, 5, "the default n = 5 is none of its choices: 1, 2"),
        ("n = param(5, choices=5)\nclose > n", 1, 22, "choices are numbers in round brackets; such as choices=(5,"),
        ("n = param(5, choices=())\nclose > n", 1, 22, "choices are numbers in round brackets"),
        ('n = param(5, choices=(5, "a"))\nclose > n', 1, 26, "param takes plain numbers"),
        ("n = param(5, step=0)\nclose > n", 1, 5, "step = 0 must be above 0"),
        ("n = param(5, label=5)\nclose > n", 1, 20, "label is a text in quotes"),
        ("n = param(1e400)\nclose > n", 1, 11, "the number is too large; it must be below 1e15"),
        ("buy = param(5)\nclose > 1", 1, 1, "'buy' is a signal, not a parameter"),
        ("close = param(5)\nclose > 1", 1, 1, "'close' is a field and cannot be assigned"),
    ],
    "numbers": [
        ("close > 1e15", 1, 9, "the number is too large; it must be below 1e15"),
        ("close > -1e15", 1, 10, "the number is too large"),
        ("close > 1e400", 1, 9, "the number is too large"),
        ("close > 1" + "0" * 400, 1, 9, "the number is too large"),
        ("close > 1" + "0" * 5000, 1, 1, "the number is too large"),
        ("10**400 > close", 1, 1, "the number is too large"),
        ("close > 9**9**9**9", 1, 12, "the number is too large"),
        ("close > 1e14 * 1e14", 1, 9, "the number is too large"),
        ("close > (-8) ** 0.5", 1, 9, "the result is not a real number"),
        ("close > 1 / 0", 1, 9, "division by zero"),
        ("close > 1 % 0", 1, 9, "division by zero"),
        ("close > 0 ** -1", 1, 9, "division by zero"),
        ("close > 007", 1, 9, "this is not a formula: leading zeros"),
    ],
    "letters": [
        ("ｃｌｏｓｅ > 1", 1, 1, "'ｃ' (FULLWIDTH LATIN SMALL LETTER C) is not allowed; write 'c'"),
        ("clos\u0435 > 1", 1, 5, "(CYRILLIC SMALL LETTER IE) is not allowed; names are ASCII letters or Hangul"),
        (unicodedata.normalize("NFD", "종가 = close"), 1, 1, "this Hangul is in pieces (NFD); type it anew"),
        ("ㅋ = close", 1, 1, "(HANGUL LETTER KHIEUKH) is not allowed; names are ASCII letters or Hangul syllables"),
        ("株 > 1", 1, 1, "(CJK UNIFIED IDEOGRAPH-682A) is not allowed"),
        ("a = é\na > 1", 1, 5, "(LATIN SMALL LETTER E WITH ACUTE) is not allowed"),
        ("close ≥ 1", 1, 7, "is not allowed; write '>='"),
        ("close × 2 > 1", 1, 7, "is not allowed; write '*'"),
        ("close − 1 > 1", 1, 7, "(MINUS SIGN) is not allowed; write '-'"),
        ("market == “KOSPI”", 1, 11, "(LEFT DOUBLE QUOTATION MARK) is not allowed; write '\"'"),
        ("close > １", 1, 9, "(FULLWIDTH DIGIT ONE) is not allowed; write '1'"),
        ("close\u00a0> 1", 1, 6, "(NO-BREAK SPACE) is not allowed; write ' '"),
        ("\ufeffclose > 1", 1, 1, "(ZERO WIDTH NO-BREAK SPACE) is not allowed; delete it"),
        ("close\u200b > 1", 1, 6, "(ZERO WIDTH SPACE) is not allowed; delete it"),
        ("close > 1\u2028open > 1", 1, 10, "(LINE SEPARATOR) is not allowed; delete it"),
        ("# ok\nclose\x07 > 1", 2, 6, r"the character '\x07' is not allowed; delete it"),
        ("close > 1\x0c", 1, 10, r"the character '\x0c' is not allowed"),
        ("close > 1\x00", 1, 10, r"the character '\x00' is not allowed"),
        ("close > 1 # \x00", 1, 13, r"the character '\x00' is not allowed"),
        ('market == "\x1b[2J"', 1, 12, r"the character '\x1b' is not allowed"),
        ('close > 1\nmarket == "\udc80"', 2, 12, r"the character '\udc80' is not allowed"),
        ("# \ud800\nclose > 1", 1, 3, r"the character '\ud800' is not allowed"),
    ],
    "syntax": [
        ("close > (1", 1, 9, "this is not a formula: '(' was never closed"),
        ("close > [1", 1, 9, "this is not a formula: '[' was never closed"),
        ("close > 1)", 1, 10, "this is not a formula: unmatched ')'"),
        ("(close > 1]", 1, 11, "closing parenthesis ']' does not match opening parenthesis '('"),
        ("buy = sma(close,\n20 > 1\nsell = close > 1", 1, 10, "'(' was never closed"),
        ('market == "KOSPI', 1, 11, "this is not a formula: unterminated string literal"),
        ('market == "KOSPI\n"', 1, 11, "unterminated string literal"),
        ('market == """KOSPI', 1, 11, "unterminated triple-quoted string literal"),
        (r'market == "\x"', 1, 15, "a backslash in this text begins a code; write two of them for a backslash"),
        (" close > 1", 1, 1, "unexpected spaces at the left; begin at the left edge"),
        ("buy = close > 1\n  and open > 1", 2, 2, "an expression over several lines needs brackets around it"),
        ("buy = close > 1\nand open > 1", 2, 1, "the line begins in the middle of an expression"),
        ("buy = close > 1 and\n  open > 1", 1, 20, "the line ends in the middle of an expression; finish it"),
        ("close >", 1, 8, "the line ends in the middle of an expression; finish it"),
        ("close > \\", 1, 10, "the line ends in the middle of an expression"),
        ("close == 1 = 2", 1, 1, "a comparison or an assignment in the wrong place; equality is '=='"),
        ("close > > 1", 1, 9, "this is not a formula; something is missing before this, or it is one thing too many"),
        ("close 5", 1, 7, "this is not a formula; something is missing before this"),
        ("close > $1", 1, 9, "this is not a formula; something is missing before this"),
        ("close if open > 1", 1, 1, "expected 'else' after 'if' expression"),
        ("close > 1\r\nopen > clos\r\n", 1, 1, "only the last line may be a bare expression"),
        ("a = close > 1\r\nopen > clos\r\n", 2, 8, "unknown name 'clos'"),
        ("a = close > 1\ropen > clos", 2, 8, "unknown name 'clos'"),
    ],
    "limits": [
        ("\n".join(f"a{i} = {i}" for i in range(200)) + "\nclose > 1", 201, 1, "at most 200 statements are allowed"),
        ("close > " + " + ".join(["1"] * 501), 1, 1997, "the formula is too large; at most 1,000 names"),
        ("close > 1" + " - 1" * 41, 1, 9, "the formula is nested too deep; at most 40 levels are allowed"),
        ("abs(" * 41 + "close" + ")" * 41 + " > 1", 1, 153, "the formula is nested too deep; at most 40 levels"),
    ],
}  # fmt: skip
ROWS = [pytest.param(*row, id=f"{table}: {row[0][:60]!r}") for table, rows in TABLES.items() for row in rows]

WITHOUT_A_PLACE = [
    ("", "the formula is empty; write a condition, such as close > sma(close, 20)"),
    (" \t\n ", "the formula is empty"),
    ("# only a comment", "the formula is empty"),
    ("\n\n# one\n\n", "the formula is empty"),
    ("x" * 10_001, "the formula has 10,001 characters; at most 10,000 are allowed"),
    ("close > " + "-" * 9000 + "1", "the formula is nested too deep; at most 40 levels are allowed"),
]

SECTION_7 = [
    (
        "buy = cross_abov(close, sma(close, 20))",
        [
            "line 1, column 7: unknown function 'cross_abov'; did you mean 'cross_above'?",
            "  buy = cross_abov(close, sma(close, 20))",
            "        ^^^^^^^^^^",
        ],
    ),
    (
        "match = close[-1] > close",
        [
            "line 1, column 9: [-1] looks into the future; bars back are counted 1, 2, 3, …",
            "  match = close[-1] > close",
            "          ^^^^^^^^^",
        ],
    ),
    (
        "buy = close > 1 & volume > 1",
        [
            "line 1, column 17: use 'and' instead of '&'",
            "  buy = close > 1 & volume > 1",
            "                  ^",
        ],
    ),
    (
        "종가 = close\n종가 > clos",
        [
            "line 2, column 6: unknown name 'clos'; did you mean 'close'? (a parameter needs a value)",
            "  종가 > clos",
            "         ^^^^",
        ],
    ),
]

GIVEN = [
    ("sma(close, fast) > 1", {"fast": 5, "m": 1}, "unknown parameter 'm'; the formula has: fast"),
    ("close > 1", {"m": 1}, "unknown parameter 'm'; the formula has no parameters"),
    ("n = param(5, 2, 9)\nclose > n", {"n": 10}, "line 1, column 5: n = 10 is above its highest value, 9"),
    ("n = param(5, 2, 9)\nclose > n", {"n": 1}, "line 1, column 5: n = 1 is below its lowest value, 2"),
    ("n = param(5, choices=(5, 6))\nclose > n", {"n": 7}, "line 1, column 5: n = 7 is none of its choices: 5, 6"),
    ("close > per", {"per": 5}, "the parameter 'per' is also a column; give the parameter another name"),
    ("close > 1", {"close": 5}, "the parameter 'close' is also a column"),
    ("close > 1", {"hl2": 5}, "the parameter 'hl2' is also a column"),
    ("close > c", {"c": 5}, "the parameter 'c' is also a column"),
    ("sma(close, n) > 1", {"n": 2.5}, "line 1, column 12: sma: n = 2.5 is not a whole number of bars"),
    ("sma(close, n) > 1", {"n": 0}, "line 1, column 12: sma: n = 0 is too short; the least is 1"),
    ("close[n] > 1", {"n": -1}, "line 1, column 1: [-1] looks into the future"),
]

NOT_NUMBERS = [float("nan"), float("inf"), 1e15, 10**400, True, "5", None, [5]]


def refusal(text, parameters=None):
    """The error that a formula is refused with, by ``describe`` and by ``compile_formula`` alike."""
    with pytest.raises(JtscanError) as described:
        jt.describe(text, columns=COLUMNS, parameters=parameters)
    with pytest.raises(JtscanError) as compiled:
        compile_formula(jt.Formula(text=text), COLUMNS, parameters)
    assert str(described.value) == str(compiled.value)
    return described.value


@pytest.mark.parametrize(("text", "line", "column", "fragment"), ROWS)
def test_refusal_points_at_the_place_and_says_why(text, line, column, fragment):
    error = refusal(text)
    first, *shown = str(error).removesuffix("\n".join(["", *map(str, error.others)])).split("\n")
    assert isinstance(error, FormulaError)
    assert (error.line, error.column) == (line, column)
    assert first.startswith(f"line {line}, column {column}: ")
    assert fragment in first
    assert [bool(each.strip()) for each in shown] in ([], [True, True])
    assert error.hint is None or first.endswith(error.hint)
    str(error).encode()  # it can be printed, whatever the text held


@pytest.mark.parametrize(("text", "fragment"), WITHOUT_A_PLACE, ids=lambda value: repr(value[:30]))
def test_refusal_of_the_whole_has_no_place(text, fragment):
    error = refusal(text)
    assert fragment in str(error)
    assert (error.line, error.column) == (None, None)


@pytest.mark.parametrize(("text", "shown"), SECTION_7)
def test_examples_of_the_specification_come_out_literally(text, shown):
    assert str(refusal(text)).split("\n") == shown


# text; line, column and message of every mistake
SEVERAL = [
    ("clos > 1 and opn > 2", [(1, 1, "unknown name 'clos'"), (1, 14, "unknown name 'opn'")]),
    ("clos > opn", [(1, 1, "unknown name 'clos'"), (1, 8, "unknown name 'opn'")]),
    ("clos + opn * 2 > 1", [(1, 1, "unknown name 'clos'"), (1, 8, "unknown name 'opn'")]),
    ("sma(clos, nn) > 1", [(1, 5, "unknown name 'clos'"), (1, 11, "unknown name 'nn'")]),
    ("a = smaa(close, 5)\nb = sma(close, 0)\nbuy = a > b", [(1, 5, "unknown function 'smaa'"), (2, 16, "sma: n = 0 is too short; the least is 1")]),
    ("buy = sma(clos, 5) > emaa(close, 5)\nsell = close[-1] > 1", [(1, 11, "unknown name 'clos'"), (1, 22, "unknown function 'emaa'"), (2, 8, "[-1] looks into the future; bars back are counted 1, 2, 3, …")]),
    ("close > 1\nopen > clos", [(1, 1, "only the last line may be a bare expression"), (2, 8, "unknown name 'clos'")]),
    ("cross_abov(close, sma(clos, 20))", [(1, 1, "unknown function 'cross_abov'"), (1, 23, "unknown name 'clos'")]),
    # what follows from a mistake is none
    ("Ref(C, -1) > 1", [(1, 1, "bars back are written close[1]")]),
    ("a = clos\nb = a + 1\nbuy = a > b", [(1, 5, "unknown name 'clos'")]),
    ("a = b = clos\nbuy = a > b", [(1, 1, "an assignment has one name on its left")]),
    ("close = 5\nbuy = close > 1", [(1, 1, "'close' is a field and cannot be assigned")]),
    ("n = param(5, 9)\nbuy = sma(close, n) > 1", [(1, 5, "the default n = 5 is below its lowest value, 9")]),
    ("30 < rsii(14) < 70", [(1, 6, "unknown function 'rsii'")]),
    ("buy = clos > 1\nx = sma(close, 5)", [(1, 7, "unknown name 'clos'")]),  # not also "no signal"
    ("a > b and c > d and e > f and g > 1", [(1, 1, "unknown name 'a'"), (1, 5, "unknown name 'b'"), (1, 15, "unknown name 'd'"), (1, 21, "unknown name 'e'"), (1, 25, "unknown name 'f'")]),  # c is the close; five at the most
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SEVERAL)
def test_every_mistake_is_told_that_does_not_follow_from_another(text, expected):
    error = refusal(text)
    found = [error, *error.others]
    assert [(each.line, each.column) for each in found] == [place[:2] for place in expected]
    for each, (_, _, message) in zip(found, expected, strict=True):
        assert message in str(each)


def test_mistakes_stand_below_each_other_in_the_order_of_the_text():
    assert str(refusal("buy = clos > 1\nsell = sma(close) > smaa(5)")).split("\n") == [
        "line 1, column 7: unknown name 'clos'; did you mean 'close'? (a parameter needs a value)",
        "  buy = clos > 1",
        "        ^^^^",
        "line 2, column 8: sma needs n, a whole number of bars; usage: sma(x, n)",
        "  sell = sma(close) > smaa(5)",
        "         ^^^^^^^^^^",
        "line 2, column 21: unknown function 'smaa'; did you mean 'sma'?",
        "  sell = sma(close) > smaa(5)",
        "                      ^^^^",
    ]


def test_unknown_parameter_lists_what_there_is():
    text = "fast = param(5)\nslow = param(20)\nbuy = sma(close, fast) > sma(close, slow)"
    assert str(refusal(text, {"m": 1})) == "unknown parameter 'm'; the formula has: fast, slow"


@pytest.mark.parametrize(("text", "parameters", "message"), GIVEN)
def test_given_parameter_is_refused(text, parameters, message):
    assert str(refusal(text, parameters)).startswith(message)


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: repr(value)[:20])
def test_parameter_must_be_a_finite_number(value):
    with pytest.raises(RequestError, match=r"n = .* is not a finite number"):
        jt.describe("close > n", parameters={"n": value})


def test_missing_price_column_lists_what_there_is():
    with pytest.raises(FormulaError) as refused:
        jt.describe("close > hl2", columns={"close": "number", "low": "number"})
    assert refused.value.message == "the price files have no column 'high'"
    assert refused.value.hint == "they have: close, low"


def test_refusals_are_value_errors_too():
    with pytest.raises(ValueError, match="unknown name"):
        jt.describe("clos > 1", columns=COLUMNS)
