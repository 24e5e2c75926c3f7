"""The style sheet of values, scoped under ``.jt-scan``, and the heat of a cell."""

from __future__ import annotations


def heat(share: float) -> str:
    """Colour a cell of the class ``jt-heat``: 0 is the faintest, 1 the strongest."""
    return f' style="--jt-heat:{4 + 40 * share:.0f}%"'


STYLE = """<style>
.jt-scan { --jt-accent: var(--jp-brand-color1, #2f80c9); --jt-warn: var(--jp-warn-color1, #e08a00);
  --jt-bad: var(--jp-error-color1, #d9433b); --jt-faint: color-mix(in srgb, currentColor 12%, transparent);
  --jt-soft: color-mix(in srgb, currentColor 62%, transparent);
  color: var(--jp-content-font-color1, var(--vscode-foreground, inherit));
  font-size: 13px; line-height: 1.45; max-width: 100%; }
.jt-scan .jt-summary { font-size: 15px; font-weight: 600; margin: 2px 0; }
.jt-scan .jt-note, .jt-scan .jt-ends { color: var(--jt-soft); font-size: 12px; }
.jt-scan pre { font-family: var(--jp-code-font-family, ui-monospace, monospace); font-size: 12px; line-height: 1.4;
  color: inherit; overflow-x: auto; }
.jt-scan pre.jt-formula, .jt-scan pre.jt-problem {
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 6px 0; padding: 5px 9px; border-radius: 4px;
  background: color-mix(in srgb, currentColor 6%, transparent); }
.jt-scan pre.jt-problem { white-space: pre; overflow-x: auto; border-left: 3px solid var(--jt-bad);
  background: color-mix(in srgb, var(--jt-bad) 10%, transparent); }
.jt-scan pre .jt-double { display: inline-block; width: 2ch; }
.jt-scan .jt-warning { margin: 6px 0; padding: 5px 9px; border-left: 3px solid var(--jt-warn); border-radius: 4px;
  background: color-mix(in srgb, var(--jt-warn) 14%, transparent); }
.jt-scan .jt-nothing { margin: 8px 0; font-weight: 600; }
.jt-scan .jt-row { display: flex; flex-wrap: wrap; gap: 4px 32px; align-items: flex-start; }
.jt-scan section { margin: 8px 0 4px; max-width: 100%; }
.jt-scan section.jt-half { flex: 1 1 430px; max-width: max-content; }
.jt-scan section.jt-grow { flex: 1 1 260px; max-width: 640px; }
.jt-scan .jt-title, .jt-scan details > summary { font-weight: 600; margin: 4px 0; }
.jt-scan details { margin: 8px 0 4px; }
.jt-scan details > summary { cursor: pointer; }
.jt-scan .jt-wide { overflow-x: auto; max-width: 100%; }
.jt-scan table.jt-table { border-collapse: collapse; border: 0; margin: 0; font-size: 12px; width: auto;
  table-layout: auto; font-variant-numeric: tabular-nums; color: inherit; }
.jt-scan table.jt-table tbody tr:nth-child(n) { background: none; border: 0;
  border-bottom: 1px solid var(--jt-faint); }
.jt-scan table.jt-table thead tr { background: none; border: 0; border-bottom: 1px solid var(--jt-soft); }
.jt-scan table.jt-table tbody tr:nth-child(n):hover { background: color-mix(in srgb, currentColor 5%, transparent); }
.jt-scan table.jt-table th, .jt-scan table.jt-table td { padding: 2px 10px; text-align: left; vertical-align: top;
  white-space: nowrap; border: 0; line-height: 1.45; max-width: none; }
.jt-scan table.jt-table th { font-weight: 600; color: var(--jt-soft); }
.jt-scan table.jt-table .jt-right { text-align: right; }
.jt-scan table.jt-table .jt-null { color: var(--jt-soft); opacity: .6; }
.jt-scan table.jt-table td.jt-heat { background: color-mix(in srgb, var(--jt-accent) var(--jt-heat), transparent); }
.jt-scan table.jt-counts td.jt-meaning { white-space: normal; overflow-wrap: anywhere;
  color: var(--jt-soft); }
.jt-scan table.jt-counts tbody tr.jt-total:nth-child(n) { font-weight: 600;
  border-top: 1px solid var(--jt-soft); border-bottom: 0; }
.jt-scan table.jt-card th { font-weight: 400; padding-left: 0; }
.jt-scan table.jt-card td { white-space: normal; overflow-wrap: anywhere; max-width: 72ch; }
.jt-scan pre .jt-remark { color: var(--jt-soft); }
.jt-scan pre .jt-text { color: color-mix(in srgb, var(--jt-warn) 70%, currentColor); }
.jt-scan pre .jt-call { color: color-mix(in srgb, var(--jt-accent) 80%, currentColor); }
.jt-scan pre .jt-given { font-weight: 600; }
.jt-scan .jt-scroll { max-height: 340px; overflow: auto; }
.jt-scan .jt-pivot { max-height: 460px; overflow: auto; max-width: 100%; margin: 6px 0; width: max-content; }
.jt-scan .jt-pivot table.jt-table { border-collapse: separate; border-spacing: 0; }
.jt-scan .jt-pivot th { background: var(--jp-layout-color1, var(--vscode-editor-background, Canvas)); }
.jt-scan .jt-pivot thead th { position: sticky; top: 0; z-index: 2; border-bottom: 1px solid var(--jt-soft); }
.jt-scan .jt-pivot tr > th:first-child { position: sticky; left: 0; z-index: 1; }
.jt-scan .jt-pivot thead tr > th:first-child { z-index: 3; }
.jt-scan .jt-pivot table.jt-table tbody th { font-weight: 400; color: inherit; }
.jt-scan .jt-pivot table.jt-table tbody tr > * { border-bottom: 1px solid var(--jt-faint); }
.jt-scan .jt-pivot td.jt-sum { font-weight: 600; }
.jt-scan .jt-pivot table.jt-table tr.jt-others > * { color: var(--jt-soft); }
.jt-scan .jt-pivot table.jt-table tr.jt-total > * { font-weight: 600; position: sticky; bottom: 0;
  background: var(--jp-layout-color1, var(--vscode-editor-background, Canvas));
  border-top: 1px solid var(--jt-soft); border-bottom: 0; }
.jt-scan .jt-bars { display: flex; align-items: flex-end; gap: 1px; height: 72px;
  border-bottom: 1px solid var(--jt-soft); }
.jt-scan .jt-bars i { flex: 1 1 8px; min-width: 1px; border-radius: 2px 2px 0 0;
  background: color-mix(in srgb, var(--jt-accent) 75%, transparent); }
.jt-scan .jt-bars i:hover { background: var(--jt-accent); }
.jt-scan .jt-ends { display: flex; justify-content: space-between; gap: 12px; }
</style>"""
