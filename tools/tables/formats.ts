/** The paper's tables as text, CSV, LaTeX and HTML. */
import { htmlPage } from "../../train/runs/report_page.ts";
import { escapeHtml } from "../../train/runs/svg_chart.ts";
import { type Row, SOURCE, type Table } from "./rows.ts";

/** What a table can be written as, by the ending of its file. */
export const FORMATS = { txt: asText, csv: asCsv, tex: asLatex, html: asHtml } as const;

const cell = (value: number | undefined) => value === undefined ? "" : value.toFixed(1);
const cells = ({ f1, average }: Row) => [...f1, average].map(cell);
const origin = ({ status, origin }: Row) => origin ? `${status}, ${origin}` : "not measured yet";
const title = ({ name, table }: Table) => `Table ${table}: F1 (in per cent) on ${name}`;

/** For a terminal. */
function asText(tables: readonly Table[]): string {
  return tables.map((table) => {
    const names = table.rows.map(({ method, protocol }) => `${method}, ${protocol}`);
    const width = Math.max(...names.map((name) => name.length)) + 2;
    const head = "".padEnd(width) + table.aus.map((au) => String(au).padStart(6)).join("") +
      "Avg.".padStart(8);
    const lines = table.rows.map((row, i) => {
      const values = cells(row).map((value, c) => value.padStart(c < row.f1.length ? 6 : 8)).join("");
      return `${names[i].padEnd(width)}${values}  ${origin(row)}`;
    });
    return [title(table), head, ...lines].join("\n");
  }).join("\n\n") + `\n\nReported: ${SOURCE}.\n`;
}

/** One line a row, with the table it is of. */
function asCsv(tables: readonly Table[]): string {
  const units = [...new Set(tables.flatMap(({ aus }) => aus))].sort((one, other) => one - other);
  const quote = (text: string) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const head = [
    "table",
    "set",
    "method",
    "protocol",
    "status",
    "origin",
    ...units.map((au) => `AU${au}`),
    "Avg.",
  ];
  const lines = tables.flatMap(({ table, name, aus, rows }) =>
    rows.map((row) => {
      const of = (au: number) => cell(row.f1[aus.indexOf(au)]);
      const about = [table, name, row.method, row.protocol, row.status, row.origin].map(quote);
      return [...about, ...units.map(of), cell(row.average)].join(",");
    })
  );
  return [head.join(","), ...lines].join("\n") + "\n";
}

/** `tabular`s with rules that LaTeX has by itself. */
function asLatex(tables: readonly Table[]): string {
  const escape = (text: string) => text.replace(/[&%$#_{}]/g, "\\$&");
  return tables.map((table) => {
    const rows = table.rows.map((row) => {
      const name = `${row.method}${row.protocol === "finetune" ? " (finetuned)" : ""}`;
      const values = cells(row).map((value) =>
        row.status === "measured" && value ? `\\textbf{${value}}` : value
      );
      return `${escape(name)} & ${escape(origin(row))} & ${values.join(" & ")} \\\\`;
    });
    return [
      `% ${title(table)}`,
      `\\begin{tabular}{ll${"r".repeat(table.aus.length + 1)}}`,
      "\\hline",
      `Method & Where from & ${[...table.aus, "Avg."].join(" & ")} \\\\`,
      "\\hline",
      ...rows,
      "\\hline",
      "\\end{tabular}",
    ].join("\n");
  }).join("\n\n") + `\n% Reported: ${SOURCE}.\n`;
}

/** A page that opens offline. */
function asHtml(tables: readonly Table[]): string {
  const parts = tables.map((table) => {
    const head = ["method", "protocol", ...table.aus.map((au) => `AU${au}`), "Avg.", "where from"];
    const rows = table.rows.map((row) => {
      const values = [row.method, row.protocol, ...cells(row)].map((text) => `<td>${escapeHtml(text)}</td>`);
      const status = row.status === "reported"
        ? `reported${row.origin.startsWith("quoted") ? " (quoted)" : ""}`
        : escapeHtml(origin(row));
      return `<tr class="${row.origin ? row.status : "open"}">${values.join("")}<td>${status}</td></tr>`;
    });
    return `<h2>${escapeHtml(title(table))}</h2><div class="scroll"><table class="numeric paper"><thead><tr>${
      head.map((name) => `<th>${escapeHtml(name)}</th>`).join("")
    }</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
  });
  const style = `<style>
main { max-width: 1200px; }
tr.open td { color: var(--soft); }
tr.measured td { background: var(--card); color: var(--ink); font-weight: 600; }
table.paper { font-size: .84rem; }
table.paper :is(th, td) { padding: 4px 10px 4px 0; white-space: nowrap; }
table.paper :is(th, td):nth-child(1) { padding-left: 8px; }
table.paper :is(th, td):is(:nth-child(2), :last-child) { text-align: left; }
</style>`;
  const intro =
    `<p>Rows marked <b>measured</b> are benchmarks that were run here; all others are <b>reported</b> by ${
      escapeHtml(SOURCE)
    }; those marked as quoted it took from the methods' own papers. Empty cells have been measured by nobody.</p>`;
  return htmlPage("EmoCo beside the paper", style + intro + parts.join("\n"));
}
