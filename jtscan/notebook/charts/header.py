"""The head of a chart of one symbol: who it is, what is shown, the last close."""

from __future__ import annotations

from jtscan.notebook.charts import fonts, ticks
from jtscan.notebook.charts.sheet import LARGE, Sheet, width_of
from jtscan.notebook.charts.view import View


def draw_header(sheet: Sheet, view: View, *, left: float, right: float, middle: float) -> None:
    """Write who it is and what is shown on the left, the last close on the right."""
    last, change, color = _last_close(view)
    edge = right
    sheet.text(edge, middle, change, color=color, ha="right")
    edge -= width_of(change) + 8 if change else 0
    sheet.text(edge, middle, last, color=view.theme.strong, size=LARGE, weight="bold", ha="right")
    room = edge - width_of(last, size=LARGE, weight="bold") - 24 - left
    sheet.heading(_title(view), _facts(view), left=left, top=middle, width=room)


def _title(view: View) -> str:
    """Symbol and name; the symbol alone where no font has the name's letters."""
    symbol, name = view.history.symbol, view.history.name
    return f"{symbol}  {name}" if name and fonts.can_draw(name) else symbol


def _facts(view: View) -> str:
    first, last = (ticks.full(moment) for moment in (view.moments[0], view.moments[-1]))
    shown = first if first == last else f"{first} – {last}"
    count = f"{view.bars.height:,} {'bar' if view.bars.height == 1 else 'bars'}"
    return " · ".join(part for part in (view.history.market, str(view.history.timeframe), shown, count) if part)


def _last_close(view: View) -> tuple[str, str, str]:
    closes = view.last_closes
    if not closes:
        return "", "", view.theme.text
    last = ticks.price(closes[-1], view.places)
    if len(closes) == 1 or not closes[0]:
        return last, "", view.theme.text
    change = closes[1] / closes[0] - 1
    sign, color = ("▲", view.colors.up) if change > 0 else ("▼", view.colors.down)
    return (last, f"{sign} {abs(change):.2%}", color) if change else (last, "0.00%", view.theme.text)
