/** The page around every report: one file without script or foreign parts, readable in light and dark. */
import { escapeHtml } from "./svg_chart.ts";

/** A whole HTML page. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</html>
`;
}

/** A table; cells are escaped. Numbers align right when `numeric` is set. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numeric = false,
): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("");
  return `<div class="scroll"><table class="${numeric ? "numeric" : ""}"><thead><tr>${
    cells(head, "th")
  }</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</tbody></table></div>`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dfe4ea; --paper: #fff; --card: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #333c48; --paper: #14181e; --card: #1d232b; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; }
h2 { font-size: 1.15rem; margin: 40px 0 4px; }
p { max-width: 68ch; margin: 4px 0 16px; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin: 20px 0; }
.figures div { background: var(--card); border-radius: 10px; padding: 14px 16px; color: var(--soft); font-size: .9rem; }
.figures b { display: block; color: var(--ink); font-size: 1.7rem; font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 20px; align-items: start; }
.small-charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 12px; }
h3 { font-size: .95rem; margin: 20px 0 0; }
svg { width: 100%; height: auto; font-size: 11px; }
svg text { fill: var(--soft); }
svg .title { fill: var(--ink); font-size: 13px; font-weight: 600; }
svg .grid { stroke: var(--line); }
svg .level { stroke: var(--soft); stroke-dasharray: 4 4; }
.faces { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0; }
.triple { display: flex; gap: 3px; margin-right: 12px; }
.triple > img { width: 96px; height: 96px; border-radius: 6px; }
.arrow { color: var(--soft); padding: 0 4px 28px; }
figure { margin: 0; width: 96px; }
figure img { width: 96px; height: 96px; border-radius: 6px; display: block; outline: 3px solid transparent; outline-offset: -3px; }
figure.same img { outline-color: #2e9e5b; }
figcaption { font-size: .68rem; line-height: 1.25; color: var(--soft); min-height: 2.5em; padding-top: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: 8px 0 16px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
table.numeric :is(th, td):not(:first-child) { text-align: right; }
`;
