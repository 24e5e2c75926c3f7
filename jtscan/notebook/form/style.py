"""The looks of the form, scoped under ``.jt-form``; colours are those of the notebook's theme."""

from __future__ import annotations

from jtscan.notebook.looks import ARROW

_LOOKS = """
.jt-form { --jt-accent: var(--jp-brand-color1, #2f80c9); --jt-warn: var(--jp-warn-color1, #e08a00);
  --jt-ink: var(--jp-ui-font-color1, #222);
  --jt-faint: color-mix(in srgb, var(--jt-ink) 14%, transparent);
  --jt-soft: color-mix(in srgb, var(--jt-ink) 64%, transparent);
  --jt-tint: color-mix(in srgb, var(--jt-accent) 16%, transparent);
  color: var(--jt-ink); font-size: 13px; padding: 2px 0; }
.jt-form > :not(.jt-output) { max-width: 1100px; }
.jt-form .widget-html-content { line-height: 1.45; overflow-wrap: anywhere; font-size: 13px; }
.jt-form .jt-styles { display: none; }
.jt-form .jt-row { align-items: flex-start; margin: 3px 0; overflow: visible; }
.jt-form .jt-row > .jt-label { flex: 0 0 80px; width: 80px; margin: 0; }
.jt-form .jt-label .widget-html-content { color: var(--jt-soft); line-height: 30px; font-size: 13px; }
.jt-form .jt-row > .jt-cells { flex: 1 1 0; min-width: 0; flex-flow: row wrap; align-items: center;
  gap: 4px 8px; overflow: visible; }
.jt-form .jt-cells > *, .jt-form .jt-chips > *, .jt-form .jt-choices > * { margin: 1px 0; }
.jt-form .jt-choices, .jt-form .jt-chips { flex-flow: row wrap; gap: 4px; overflow: visible; align-items: center; }
.jt-form .jt-pair { align-items: center; overflow: visible; margin-right: 8px; }
.jt-form .jt-pair > * { margin: 0; }
.jt-form .jt-pair > .jt-label { margin: 0 8px 0 0; width: auto; }
.jt-form :is(button, select, input) { font-family: inherit; }
.jt-form input[type=date]::-webkit-calendar-picker-indicator { filter: invert(.5); }
.jt-form .jt-timeframe { margin-right: 8px; }
.jt-form .jupyter-button { width: auto; border-radius: 4px; box-shadow: none; }
.jt-form .jt-chip, .jt-form .jt-toggle { height: 26px; line-height: 24px; padding: 0 10px; border-radius: 13px;
  border: 1px solid var(--jt-faint); background: transparent; color: var(--jt-ink); font-size: 12px; }
.jt-form .jt-chip { background: var(--jt-tint); border-color: transparent; }
.jt-form .jt-toggle.mod-active { background: color-mix(in srgb, var(--jt-accent) 24%, transparent);
  border-color: var(--jt-accent); }
.jt-form .jt-chip:hover, .jt-form .jt-toggle:hover { border-color: var(--jt-accent); box-shadow: none; }
.jt-form .jt-chip.jt-strange { background: color-mix(in srgb, var(--jt-warn) 20%, transparent); }
.jt-form .jt-link { height: 26px; line-height: 24px; padding: 0; border: 0; background: transparent;
  color: var(--jp-content-link-color, var(--jt-accent)); font-size: 12px; }
.jt-form .jt-link:hover { text-decoration: underline; box-shadow: none; }
.jt-form .jt-off { opacity: .45; }
.jt-form .jt-search, .jt-form .jt-functions .widget-text { width: 300px; height: 28px; margin: 0; }
.jt-form .jt-search textarea { resize: none; overflow: hidden; white-space: nowrap; height: 28px; min-height: 0;
  line-height: 18px; padding: 4px 8px; font-size: 13px;
  font-family: var(--jp-ui-font-family, sans-serif); }
.jt-form .jt-hits { width: 100%; max-width: 420px; margin: 2px 0 4px; }
.jt-form .jt-hits select { padding: 2px; font-size: 13px; overflow-y: auto; }
.jt-form .jt-hits option { padding: 2px 8px; border-radius: 3px; }
.jt-form .jt-hits option:hover { background: var(--jt-tint); }
.jt-form .jt-fold { width: 100%; overflow: visible; }
.jt-form .jt-fold > * { margin: 0; }
.jt-form .jt-fold > .jupyter-button { align-self: flex-start; }
.jt-form .jt-fold > .jupyter-widgets { overflow: visible; }
.jt-form .jt-options { gap: 4px 24px; margin: 2px 0; }
.jt-form .jt-folded { margin: 0; }
.jt-form .jt-picker > * { margin: 0; }
.jt-form .jt-span { margin: 0; }
.jt-form .jt-picker { width: 100%; overflow: visible; }
.jt-form .jt-formula-text { width: 100%; }
.jt-form .jt-formula-text textarea { font-family: var(--jp-code-font-family, ui-monospace, monospace);
  font-size: 13px; line-height: 1.5; padding: 8px 10px; border-radius: 4px; resize: vertical; }
.jt-form .jt-editor, .jt-form .jt-checked, .jt-form .jt-about, .jt-form .jt-count, .jt-form .jt-notice
  { width: 100%; overflow: visible; }
.jt-form .jt-editor > * { margin: 2px 0; }
.jt-form .jt-gap { margin: 8px 0 2px; }
.jt-form .jt-quiet { color: var(--jt-soft); }
.jt-form .jt-quiet b { color: var(--jt-ink); font-weight: 600; }
.jt-form .jt-caution { margin: 4px 0; padding: 4px 9px; border-left: 3px solid var(--jt-warn); border-radius: 4px;
  background: color-mix(in srgb, var(--jt-warn) 14%, transparent); }
.jt-form .jt-parameters { flex-flow: row wrap; gap: 2px 24px; overflow: visible; }
.jt-form .jt-functions-found { max-height: 260px; overflow: auto; width: 100%; }
.jt-form .jt-bar { flex: 0 0 auto; width: 150px; height: 28px; margin: 0 4px; }
.jt-form .jt-bar .progress { height: 10px; margin: auto 0; border-radius: 5px; border: 0; overflow: hidden;
  background: var(--jt-faint); }
.jt-form .jt-run, .jt-form .jt-cancel { min-width: 92px; height: 30px; margin: 0; }
.jt-form .jt-running { width: 100%; align-items: center; gap: 8px; flex-flow: row wrap; overflow: visible; }
.jt-form .jt-status { flex: 1 1 320px; min-width: 0; margin: 0; font-variant-numeric: tabular-nums; }
.jt-form .jt-busy .jt-status .widget-html-content { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
"""
STYLE = f"<style>\n.jt-form {{ {ARROW} }}{_LOOKS}</style>"
