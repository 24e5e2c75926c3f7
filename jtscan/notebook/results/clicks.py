"""Which header or row of a table was clicked.

itables sorts and selects only among the rows that the browser has, and its
selection is lost when the table is updated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

_LISTEN = """
function render({ model }) {
  // Captured at the document: the table below is made anew at each update, and may be shown twice.
  function hear(event) {
    if (event.jtHeard || !event.target.closest(`.${model.get("within")}`)) return;
    const head = event.target.closest("thead th");
    const row = event.target.closest("tbody tr");
    if (head) model.send({ column: Number(head.dataset.dtColumn ?? head.cellIndex) });
    else if (row && row._DT_RowIndex !== undefined) model.send({ row: row._DT_RowIndex });
    event.jtHeard = true;
  }
  document.addEventListener("click", hear, true);
  return () => document.removeEventListener("click", hear, true);
}
export default { render };
"""
_COPY = """
function copyOld(text) {  // without a secure connection there is no navigator.clipboard
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
function render({ model, el }) {
  const button = document.createElement("button");
  button.className = "jupyter-widgets jupyter-button widget-button jt-copy";
  button.textContent = "Copy";
  button.onclick = async () => {
    const text = model.get("text");
    try { await navigator.clipboard.writeText(text); } catch { copyOld(text); }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  el.append(button);
}
export default { render };
"""


class Clicks(anywidget.AnyWidget):
    """Calls back with the number of the column or row that was clicked, inside elements of a class."""

    _esm = _LISTEN
    within = traitlets.Unicode().tag(sync=True)

    def __init__(self, within: str, *, on_column: Callable[[int], None], on_row: Callable[[int], None]) -> None:
        super().__init__(within=within, layout={"display": "none"})
        heard = {"column": on_column, "row": on_row}

        def hear(_widget: object, content: dict[str, Any], _buffers: object) -> None:
            for kind, number in content.items():
                heard[kind](number)

        self.on_msg(hear)


class CopyButton(anywidget.AnyWidget):
    """A button that copies its text; needs no network."""

    _esm = _COPY
    text = traitlets.Unicode().tag(sync=True)
