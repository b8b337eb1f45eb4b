/** The paper's tables as text, CSV, LaTeX and HTML. */
import { htmlPage } from "../../train/runs/report_page.ts";
import { escapeHtml } from "../../train/runs/svg_chart.ts";
import { type Note, type Row, SOURCE, type Table } from "./rows.ts";

/** What a table can be written as, by the ending of its file. */
export const FORMATS = { txt: asText, csv: asCsv, tex: asLatex, html: asHtml } as const;

const cell = (value: number | undefined) => value === undefined ? "" : value.toFixed(1);
const cells = ({ f1, average }: Row) => [...f1, average].map(cell);
const origin = ({ status, origin }: Row) => origin ? `${status}, ${origin}` : "not measured yet";
const title = ({ name, table }: Table) => `Table ${table}: F1 (in per cent) on ${name}`;

/** Notes of a table in order, each with the mark that stands beside its cell: "a", "b", ... Equal ones share a mark. */
function notesOf({ rows }: Table) {
  const sentences = new Map<string, string>();
  const sentence = ({ text, source }: Note) => `${text} (${source})`;
  for (const note of rows.flatMap(({ notes }) => notes)) {
    const key = sentence(note);
    if (!sentences.has(key)) sentences.set(key, String.fromCharCode(97 + sentences.size));
  }
  const marks = ({ notes }: Row, cell: Note["cell"]) =>
    notes.filter((note) => note.cell === cell).map((note) => sentences.get(sentence(note))!).join(",");
  return { sentences: [...sentences].map(([text, mark]) => ({ mark, text })), marks };
}

/** For a terminal. */
function asText(tables: readonly Table[]): string {
  return tables.map((table) => {
    const { sentences, marks } = notesOf(table);
    const marked = (text: string, mark: string) => mark ? `${text} [${mark}]` : text;
    const names = table.rows.map((row) => marked(`${row.method}, ${row.protocol}`, marks(row, "method")));
    const averages = table.rows.map((row) => marks(row, "average"));
    const wide = Math.max(...averages.map((mark) => mark.length && mark.length + 3));
    const width = Math.max(...names.map((name) => name.length)) + 2;
    const head = "".padEnd(width) + table.aus.map((au) => String(au).padStart(6)).join("") +
      "Avg.".padStart(8) + " ".repeat(wide);
    const lines = table.rows.map((row, i) => {
      const values = cells(row).map((value, c) => value.padStart(c < row.f1.length ? 6 : 8)).join("");
      const mark = marked("", averages[i]).padEnd(wide);
      return `${names[i].padEnd(width)}${values}${mark}  ${origin(row)}`;
    });
    const notes = sentences.map(({ mark, text }) => `[${mark}] ${text}`);
    return [title(table), head.trimEnd(), ...lines, ...notes].join("\n");
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
    "notes",
  ];
  const lines = tables.flatMap(({ table, name, aus, rows }) =>
    rows.map((row) => {
      const of = (au: number) => cell(row.f1[aus.indexOf(au)]);
      const about = [table, name, row.method, row.protocol, row.status, row.origin].map(quote);
      const notes = row.notes.map(({ cell, text, source }) => `${cell}: ${text} (${source})`).join(" ");
      return [...about, ...units.map(of), cell(row.average), quote(notes)].join(",");
    })
  );
  return [head.join(","), ...lines].join("\n") + "\n";
}

/** `tabular`s with rules that LaTeX has by itself. */
function asLatex(tables: readonly Table[]): string {
  const escape = (text: string) => text.replace(/[&%$#_{}]/g, "\\$&");
  return tables.map((table) => {
    const { sentences, marks } = notesOf(table);
    const raised = (mark: string) => mark && `\\textsuperscript{${mark}}`;
    const rows = table.rows.map((row) => {
      const name = `${row.method}${row.protocol === "finetune" ? " (finetuned)" : ""}`;
      const values = cells(row).map((value) =>
        row.status === "measured" && value ? `\\textbf{${value}}` : value
      );
      const average = values.pop() + raised(marks(row, "average"));
      const first = escape(name) + raised(marks(row, "method"));
      return `${first} & ${escape(origin(row))} & ${[...values, average].join(" & ")} \\\\`;
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
      ...sentences.map(({ mark, text }) => `\\par\\noindent${raised(mark)} ${escape(text)}`),
    ].join("\n");
  }).join("\n\n") + `\n% Reported: ${SOURCE}.\n`;
}

/** A page that opens offline. */
function asHtml(tables: readonly Table[]): string {
  const parts = tables.map((table) => {
    const { sentences, marks } = notesOf(table);
    const raised = (mark: string) => mark && `<sup>${mark}</sup>`;
    const head = ["method", "protocol", ...table.aus.map((au) => `AU${au}`), "Avg.", "where from"];
    const rows = table.rows.map((row) => {
      const texts = [row.method, row.protocol, ...cells(row)].map(escapeHtml);
      texts[0] += raised(marks(row, "method"));
      texts[texts.length - 1] += raised(marks(row, "average"));
      const values = texts.map((text) => `<td>${text}</td>`);
      const status = row.status === "reported"
        ? `reported${row.origin.startsWith("quoted") ? " (quoted)" : ""}`
        : escapeHtml(origin(row));
      return `<tr class="${row.origin ? row.status : "open"}">${values.join("")}<td>${status}</td></tr>`;
    });
    return `<h2>${escapeHtml(title(table))}</h2><div class="scroll"><table class="numeric paper"><thead><tr>${
      head.map((name) => `<th>${escapeHtml(name)}</th>`).join("")
    }</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>${
      sentences.map(({ mark, text }) => `<p>${raised(mark)} ${escapeHtml(text)}</p>`).join("\n")
    }`;
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
