/** What an adaptation has changed, as lines, as `adaptation.json`, and as `report.html`. Opens offline. */
import type { AdaptedTo } from "./saved_config.ts";
import { actionUnit } from "@emoco/web/facs";
import { join } from "node:path";
import { htmlPage, htmlTable } from "../runs/report_page.ts";
import { type Metric, readMetrics } from "../runs/run_folder.ts";
import { escapeHtml, lineChart } from "../runs/svg_chart.ts";
import { writeAtomically } from "../runs/whole_file.ts";
import type { Measures } from "./adaptation_measures.ts";

/** What an adaptation did, as far as it can be known without labels. */
export interface AdaptationResult extends AdaptedTo {
  /** The run that was adapted. */
  model: string;
  /** Labelled faces that were rehearsed. */
  rehearsed: number;
  /** The answer from which a unit counts as present here. */
  threshold: number;
  before: Measures;
  after: Measures;
  /** Answers on the other side of the threshold now, unit by unit. */
  changed: readonly number[];
}

const percent = (share: number) => (100 * share).toFixed(1);

/** For the terminal. */
export function linesOf({ before, after, changed }: AdaptationResult): string[] {
  const total = changed.reduce((sum, count) => sum + count, 0);
  return [
    `agreement of two views ${percent(before.agreement)} before, ${
      percent(after.agreement)
    } now, in per cent`,
    `same decision on both ${percent(before.sameDecision)} before, ${percent(after.sameDecision)} now`,
    `entropy of the answers ${before.entropy.toFixed(3)} bits before, ${after.entropy.toFixed(3)} now`,
    `${total} of ${before.faces * changed.length} answers changed: ` +
    changed.map((count, a) => `AU${before.units[a].au} ${count}`).join(", "),
  ];
}

/** Writes `adaptation.json` and `report.html` into the run's folder. */
export function writeAdaptationReport(
  folder: string,
  { name, engine, result }: { name: string; engine: string; result: AdaptationResult },
): void {
  writeAtomically(join(folder, "adaptation.json"), JSON.stringify(result, null, 1) + "\n");
  const { before, after, changed, faces, people, how, model, rehearsed } = result;
  const what = how === "teacher" ? "self-training with a mean teacher" : "batch norm's statistics alone";
  const text =
    `${engine}. ${model} adapted by ${what} to ${faces} faces of ${people} people, without their labels` +
    (rehearsed ? `, ${rehearsed} labelled faces rehearsed beside` : "") +
    `. What stands here needs no label, and says nothing of whether the answers are right: a model that says the same of ` +
    `every face agrees with itself best. Measured on ${before.faces} of the faces.`;
  const figure = (value: string, caption: string) => `<div><b>${value}</b>${escapeHtml(caption)}</div>`;
  const to = (one: string, other: string) => `${one} → ${other}`;
  const total = changed.reduce((sum, count) => sum + count, 0);
  const rows = before.units.map((unit, a) => {
    const now = after.units[a];
    return [
      `AU${unit.au} ${actionUnit(unit.au).name}`,
      percent(unit.agreement),
      percent(now.agreement),
      unit.mean.toFixed(3),
      now.mean.toFixed(3),
      percent(unit.present),
      percent(now.present),
      String(changed[a]),
    ];
  });
  const head = [
    "action unit",
    "agreement before",
    "now",
    "mean answer before",
    "now",
    "present before",
    "now",
    "changed",
  ];
  const body = [
    `<p>${escapeHtml(text)}</p>`,
    `<div class="figures">${
      [
        figure(
          to(percent(before.agreement), percent(after.agreement)),
          "agreement of two random views of a face: 1 less the mean distance of answers, in per cent",
        ),
        figure(
          to(percent(before.sameDecision), percent(after.sameDecision)),
          "answers on the same side of the threshold on both views, in per cent",
        ),
        figure(
          to(before.entropy.toFixed(3), after.entropy.toFixed(3)),
          "mean entropy of the answers, in bits",
        ),
        figure(String(total), `of ${before.faces * changed.length} answers changed sides`),
      ].join("")
    }</div>`,
    `<div class="charts">${curves(readMetrics(folder))}</div>`,
    "<h2>By action unit</h2>",
    htmlTable(head, rows, true),
  ].join("\n");
  writeAtomically(join(folder, "report.html"), htmlPage(`EmoCo adaptation: ${name}`, body));
}

function curves(metrics: readonly Metric[]): string {
  const points = (type: string, key: string) =>
    metrics.filter((one) => one.type === type && typeof one[key] === "number")
      .map((one) => [one.step, one[key] as number] as const);
  const losses = [...new Set(metrics.flatMap((one) => one.type === "step" ? Object.keys(one) : []))]
    .filter((key) => key.toLowerCase().endsWith("loss"));
  const agreement = ["agreement", "sameDecision"].map((name) => ({ name, points: points("measures", name) }));
  return [
    ...(losses.length
      ? [
        lineChart(
          "Loss against the teacher",
          losses.map((name) => ({ name, points: points("step", name) })),
          {
            xLabel: "step",
          },
        ),
      ]
      : []),
    ...(agreement[0].points.length > 1
      ? [lineChart("Agreement of two views", agreement, { xLabel: "step" })]
      : []),
  ].join("");
}
