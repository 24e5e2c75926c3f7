"""Text and HTML of the values: what their ``__repr__`` and ``_repr_html_`` show.

Pure functions from a value to a string:

    cells   a frame becomes columns of text, cleaned; widths on a terminal
    pivots  matches counted by two keys, with heat
    words   what text and HTML both say of a scan, in lines, counts and columns
    text    for a terminal of 100 columns
    html    for a notebook, light or dark
    stores  what both show of an ingest and of a store's quality
    cards   what they show of small values: formulas, requests, checks, histories
"""

from __future__ import annotations

from jtscan.render.cards import (
    card_html,
    check_html,
    formula_html,
    formula_text,
    history_html,
    request_html,
    request_text,
    verify_html,
)
from jtscan.render.html import (
    account_html,
    frame_html,
    functions_html,
    headline_html,
    note_html,
    nothing_html,
    overview_html,
    pivot_html,
    plain_html,
    problem_html,
    scan_html,
    signals_html,
    statistics_html,
)
from jtscan.render.stores import ingest_html, ingest_text, quality_html, quality_text
from jtscan.render.text import frame_text, scan_text, signals_text, statistics_text

__all__ = [
    "account_html",
    "card_html",
    "check_html",
    "formula_html",
    "formula_text",
    "frame_html",
    "frame_text",
    "functions_html",
    "headline_html",
    "history_html",
    "ingest_html",
    "ingest_text",
    "note_html",
    "nothing_html",
    "overview_html",
    "pivot_html",
    "plain_html",
    "problem_html",
    "quality_html",
    "quality_text",
    "request_html",
    "request_text",
    "scan_html",
    "scan_text",
    "signals_html",
    "signals_text",
    "statistics_html",
    "statistics_text",
    "verify_html",
]
